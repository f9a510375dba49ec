"""The HTTP server's own signals."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from bot.serving.server import Server, listen


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_after_the_drain_is_harmless(number: signal.Signals) -> None:
    entrance: Any = None  # no request arrives
    server = Server(entrance, listen("127.0.0.1", 0), keep_alive=5)
    signal.raise_signal(number)
    server.run()
    signal.raise_signal(number)
