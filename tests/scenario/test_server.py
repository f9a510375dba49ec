"""The HTTP server: several workers, connections that stay open, headers that change nothing."""

import http.client
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.local.faults import Fault
from tests.scenario.conftest import Product, free_port
from tests.scenario.crowd import Crowd, Mortal, links_in, mortal, sent_to


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "SERVER")


@pytest.fixture(scope="module")
def pair(product: Product, log_folder: Path) -> Iterator[Mortal]:
    """A bot of two workers that closes idle connections after a second."""
    environment = {**product.environment, "WEB_CONCURRENCY": "2", "STUDIO_KEEP_ALIVE_SECONDS": "1"}
    with mortal(environment, log_folder / "bot-pair.log") as bot, sent_to(product, bot.bot):
        bot.bot.wait_until_ready()
        yield bot


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def places(bot: Mortal) -> set[str]:
    """The workers that a page of metrics tells of as ready."""
    lines = bot.bot.get("/metrics")[1].splitlines()
    return {line for line in lines if line.startswith("studio_links_ready{") and line.endswith(" 1.0")}


BOTH = {'studio_links_ready{worker="0"} 1.0', 'studio_links_ready{worker="1"} 1.0'}


def test_several_workers_show_their_metrics_together(crowd: Crowd, pair: Mortal) -> None:
    wait_until(lambda: places(pair) == BOTH)
    members = [crowd.member() for _ in range(12)]
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda someone: someone.told(someone.types()), members))
    assert len(links_in(told)) == 12

    for _ in range(4):  # whichever worker is asked
        wait_until(lambda: pair.bot.outcomes("issued") == 12)


def test_a_worker_that_dies_is_replaced_in_its_place(crowd: Crowd, pair: Mortal) -> None:
    ana, before = crowd.member(), pair.workers(2)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: pair.workers(2) != before and len(pair.workers(2)) == 2)

    for _ in range(4):
        assert links_in([ana.told(ana.types())])
    wait_until(lambda: places(pair) == BOTH)


def test_connections_stay_open_for_as_long_as_is_set(product: Product, pair: Mortal) -> None:
    def idle_for(port: int, seconds: float) -> bool:
        """Whether the connection is still there after so long."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            time.sleep(seconds)
            connection.auto_open = 0  # or else the library would quietly open another
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False
        finally:
            connection.close()

    assert idle_for(product.bot.port, 4.0)
    assert idle_for(pair.bot.port, 0.0)
    assert not idle_for(pair.bot.port, 4.0)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "example.com"},
        {"Forwarded": "for=10.0.0.1;proto=https"},
        {"SCRIPT_NAME": "/healthz"},
        {"PATH_INFO": "/metrics"},
        {"Script-Name": "/healthz"},
    ],
)
def test_no_header_changes_what_a_request_is_taken_for(product: Product, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)
    connection.request("GET", "/healthz", headers=headers)
    response = connection.getresponse()

    assert (response.status, response.read()) == (200, b"alive\n")
    connection.close()


def test_a_request_that_comes_while_the_bot_is_warming_up_waits_for_it(
    crowd: Crowd, product: Product, log_folder: Path
) -> None:
    ana, port = crowd.member(), free_port()
    product.slack.inject("auth.test", Fault(delay=1.0))
    with mortal(product.environment, log_folder / "bot-warm.log", port) as bot, sent_to(product, bot.bot):
        wait_until(lambda: ana.types().ack != "dispatch_failed")
        message = product.slack.wait_for(ana.user_id, lambda screen: [m for m in screen if m.buttons()], timeout=15)

        assert links_in(message)
