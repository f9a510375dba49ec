"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(happened: Callable[[], T], *, timeout: float = 20, interval: float = 0.01) -> T:
    """Call `happened` every `interval` seconds until it returns something true, and return that.

    Raises:
        AssertionError: it did not within `timeout` seconds. The message has the last result.
    """
    deadline = time.monotonic() + timeout
    while not (found := happened()):
        assert time.monotonic() < deadline, f"still {found!r} after {timeout} s"
        time.sleep(interval)
    return found
