"""Two of everything, killed in turn while members go on asking: over HTTP the workers of one server, over Socket Mode
two replicas. What was acknowledged is answered, or the audit says that it was asked for.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.local.slack.exchanges import Exchange
from bot.local.slack.screens import Message
from tests.scenario.conftest import Product, arguments
from tests.scenario.crowd import Crowd, Mortal, Someone, links_in, mortal

TRANSPORTS = ("http", "socket")
SETTINGS = {"WEB_CONCURRENCY": "2", "STUDIO_REPLICAS": "2"}
MEMBERS = 3
# Seconds before a kill in which a request may be acknowledged and not yet recorded.
MOMENT = 1.0


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "PAIR")


@pytest.fixture
def replicas(product: Product, transport: str, log_folder: Path) -> Iterator[list[Mortal]]:
    """Whoever has the serving processes: the product's own bot, and over Socket Mode a second one."""
    first = Mortal(product.bot)
    if transport == "http":
        first.workers(2)
        yield [first]
        return
    with mortal(product.environment, log_folder / "bot-replica.log", arguments=arguments(transport)) as second:
        second.bot.wait_until_ready()
        yield [first, second]


@dataclass
class Asked:
    """What one member typed, and what they were told in the end."""

    someone: Someone
    exchange: Exchange
    message: Message | None


def go_on_asking(someone: Someone, until: threading.Event) -> list[Asked]:
    asked = []
    while not until.is_set():
        exchange = someone.types()
        message = None
        if exchange.ack == "ok":
            with suppress(TimeoutError):  # the one that had it is dead
                message = someone.told(exchange, timeout=3)
        asked.append(Asked(someone, exchange, message))
        time.sleep(0.05)
    return asked


def kill(bot: Mortal, product: Product) -> float:
    """Kill a serving process in the midst of work, and wait until its successor serves; when it was killed."""
    answers, starts = len(product.slack.deliveries), started(bot)
    wait_until(lambda: len(product.slack.deliveries) >= answers + 3 * MEMBERS)
    at = time.time()
    os.kill(bot.worker(), signal.SIGKILL)
    wait_until(lambda: started(bot) > starts)
    return at


def started(bot: Mortal) -> int:
    """How many serving processes of it have become ready so far."""
    return bot.bot.log.read_text().count('"event": "ready"')


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_is_lost_while_serving_processes_are_killed_in_turn(
    crowd: Crowd, product: Product, replicas: list[Mortal], transport: str
) -> None:
    people, over = [crowd.member() for _ in range(MEMBERS)], threading.Event()
    with ThreadPoolExecutor(MEMBERS) as pool:
        futures = [pool.submit(go_on_asking, someone, over) for someone in people]
        try:
            killed = [kill(bot, product) for bot in (replicas[0], replicas[-1])]
        finally:
            over.set()
        asked = [each for future in futures for each in future.result()]

    taken = [each for each in asked if each.exchange.ack == "ok"]
    if transport == "socket":  # the other one takes what was on its way to the dead one
        assert taken == asked
    assert len(taken) > 10
    lost = [each for each in taken if each.message is None]
    assert len(lost) <= 2 * MEMBERS
    for each in taken:
        entry = each.someone.entry(each.exchange)
        if each.message is not None and links_in([each.message]):
            assert entry is not None
            assert entry.outcome in ("requested", "issued")
        elif each.message is None:
            moments = [at - each.exchange.at for at in killed]
            assert any(-0.1 < moment < 3 for moment in moments), "lost, and nobody was killed"
            if entry is None:
                assert any(-0.1 < moment < MOMENT for moment in moments)
            else:
                assert entry.outcome == "requested"
    for someone in people:
        assert links_in([someone.told(someone.types())])
