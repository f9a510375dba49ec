"""gunicorn's worker where it loses patience; the rest is in tests/scenario/test_abuse.py."""

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from bot.serving.server import GRACE, Worker


@dataclass(eq=False)
class Connection:
    """As much of gunicorn's as is looked at."""

    sock: socket.socket


def test_a_client_that_does_not_read_its_answer_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    worker = Worker(0, os.getpid(), [], SimpleNamespace(), 30, Config(), SimpleNamespace())
    worker._handled_since[Connection(ours)] = time.monotonic() - GRACE - 1

    with ThreadPoolExecutor(1) as pool, ours, theirs:
        writing = pool.submit(ours.sendall, b"x" * 10_000_000)
        time.sleep(0.1)
        assert not writing.done()
        worker.notify()
        with pytest.raises(OSError, match="Broken pipe"):
            writing.result(5)
    worker.tmp.close()
