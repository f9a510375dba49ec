"""Half-sent bodies, 50 connections a second: Slack's commands are acknowledged within a second.

`HALF_SENT_SECONDS=60` measures the whole minute of docs/SECURITY.md.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bench.wire import percentile
from bot.serving.server import REQUEST_TIMEOUT
from tests.half_sent import HEAD, sends
from tests.scenario.conftest import Product
from tests.scenario.crowd import Crowd

SECONDS = float(os.environ.get("HALF_SENT_SECONDS", "5"))
LIMIT = 1.0


@pytest.mark.alone
@pytest.mark.parametrize("drip", [False, True], ids=["silent", "dripping"])
def test_half_sent_bodies_delay_no_acknowledgement(
    product: Product, log_folder: Path, record_property: Callable[[str, object], None], *, drip: bool
) -> None:
    ana = Crowd(product, log_folder, f"HALF{int(drip)}").member(mapped=False, allowed=False)
    command = [sys.executable, "-m", "tests.half_sent", str(product.bot.port), str(SECONDS), str(drip)]
    took = []
    with subprocess.Popen(command) as attack:
        while attack.poll() is None:
            exchange = ana.types("help")
            assert (exchange.ack, exchange.reply) == ("ok", "")
            took.append(exchange.seconds)
            time.sleep(0.1)

    took.sort()
    record_property("acks", [len(took), *(round(percentile(took, p), 3) for p in (50, 99, 100))])
    assert attack.returncode == 0
    assert took[-1] < LIMIT


def test_request_that_drips_is_cut_off(product: Product) -> None:
    with socket.create_connection(("127.0.0.1", product.bot.port)) as connection:
        sends(connection, HEAD)
        connection.settimeout(0.2)
        begun, answer = time.monotonic(), None
        while answer is None and time.monotonic() < begun + 2 * REQUEST_TIMEOUT:
            sends(connection, b"x")
            with suppress(TimeoutError):
                answer = connection.recv(1)
    assert answer == b""
    assert time.monotonic() > begun + REQUEST_TIMEOUT / 2
