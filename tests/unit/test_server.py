"""The HTTP server's own signals."""

import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bot.serving import server as module
from bot.serving.server import LINGER, Server, listen


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_after_the_drain_is_harmless(number: signal.Signals) -> None:
    entrance: Any = None  # no request arrives
    server = Server(entrance, listen("127.0.0.1", 0), keep_alive=5)
    signal.raise_signal(number)
    server.run()
    signal.raise_signal(number)


def test_grace_begins_at_the_signal_not_after_the_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(module, "GRACE", LINGER / 4)
    entrance: Any = None  # no request arrives
    listener = listen("127.0.0.1", 0)
    server = Server(entrance, listener, keep_alive=5)
    with socket.create_connection(listener.getsockname()):  # the drain waits for it
        signal.raise_signal(signal.SIGTERM)
        server.run()

    assert ended == [0]
