"""A secret that is refreshed in the background."""

import time
from collections.abc import Callable, Iterator
from queue import Queue

import pytest

from bot.aws.secret_refs import RefreshingSecret, is_reference
from bot.core.errors import ConfigError
from tests.waiting import wait_until

NEVER = 1000.0


class Kept:
    """A stored value that counts its reads."""

    def __init__(self) -> None:
        self.value = "old"
        self.error: Exception | None = None
        self.reads: Queue[float] = Queue()

    def __call__(self) -> str:
        self.reads.put(time.monotonic())
        if self.error is not None:
            raise self.error
        return self.value


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def refreshing(kept: Kept) -> Iterator[Callable[..., RefreshingSecret[str]]]:
    started: list[RefreshingSecret[str]] = []

    def start(every: float = NEVER, soonest: float = 0.01) -> RefreshingSecret[str]:
        started.append(RefreshingSecret("old", kept, every=every, soonest=soonest))
        started[0].start()
        return started[0]

    yield start
    for each in started:
        each.stop()


def test_secret_is_refreshed_periodically(kept: Kept, refreshing: Callable[..., RefreshingSecret[str]]) -> None:
    value = refreshing(every=0.02)
    kept.value = "new"
    wait_until(lambda: value() == "new")


def test_mismatch_refreshes_the_secret_soon(kept: Kept, refreshing: Callable[..., RefreshingSecret[str]]) -> None:
    value = refreshing()
    kept.value = "new"
    value.refresh_soon()
    wait_until(lambda: value() == "new")


def test_repeated_mismatches_do_not_flood_the_store(
    kept: Kept, refreshing: Callable[..., RefreshingSecret[str]]
) -> None:
    value = refreshing(soonest=0.2)
    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        value.refresh_soon()
        time.sleep(0.001)
    assert 1 <= kept.reads.qsize() <= 4


def test_failed_refresh_keeps_the_secret_and_is_retried(
    kept: Kept, refreshing: Callable[..., RefreshingSecret[str]]
) -> None:
    kept.error = ConfigError("it is not there: put it there")
    value = refreshing(every=0.02)
    kept.reads.get(timeout=10)
    kept.reads.get(timeout=10)
    assert value() == "old"
    kept.value, kept.error = "new", None
    wait_until(lambda: value() == "new")


def test_stop_ends_refreshing(kept: Kept, refreshing: Callable[..., RefreshingSecret[str]]) -> None:
    value = refreshing()
    value.stop()
    value.refresh_soon()
    time.sleep(0.1)
    assert kept.reads.empty()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aws-secretsmanager://links/slack#KEY", True),
        ("ssm:///links/token", True),
        ("xoxb-1-2-3", False),
        ("https://example.com", False),
        ("", False),
    ],
)
def test_references_are_recognized(text: str, *, expected: bool) -> None:
    assert is_reference(text) is expected
