"""Two replicas, killed in turn while members go on asking: over HTTP behind a load balancer, and over Socket Mode.

Every acknowledged request is answered, or the audit has it as requested.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.local.slack.exchanges import Exchange
from bot.local.slack.screens import Message
from tests.scenario.conftest import Product, arguments, free_port
from tests.scenario.crowd import Crowd, Mortal, Someone, links_in, mortal
from tests.scenario.proxies import proxy
from tests.waiting import wait_until

TRANSPORTS = ("http", "socket")
SETTINGS = {"STUDIO_REPLICAS": "3"}  # the product's own bot is the third
MEMBERS = 3
# Seconds before a kill in which a request may be acknowledged and not yet recorded.
MOMENT = 1.0


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "PAIR")


class Replicas:
    """Two bots, each of which is started again on its port after a kill."""

    def __init__(self, product: Product, transport: str, log: Path, stack: ExitStack) -> None:
        self.product, self.transport, self.log, self.stack = product, transport, log, stack
        self.bots = [self.start(free_port()) for _ in range(2)]

    def start(self, port: int) -> Mortal:
        bot = mortal(self.product.environment, self.log, port, arguments=arguments(self.transport))
        started = self.stack.enter_context(bot)
        started.bot.wait_until_ready()
        return started

    def kill(self, number: int) -> float:
        """Kill one during its work and wait until its successor serves; return when it was killed."""
        bot, answers = self.bots[number].bot, len(self.product.slack.deliveries)
        wait_until(lambda: len(self.product.slack.deliveries) >= answers + 3 * MEMBERS)
        at = time.time()
        bot.process.kill()
        bot.process.wait(5)
        self.bots[number] = self.start(bot.port)
        return at


@pytest.fixture
def replicas(product: Product, transport: str, log_folder: Path, tmp_path: Path) -> Iterator[Replicas]:
    with ExitStack() as stack:
        replicas = Replicas(product, transport, log_folder / "bot-replica.log", stack)
        if transport == "http":
            port = stack.enter_context(proxy("haproxy", [bot.bot.port for bot in replicas.bots], tmp_path))
            stack.callback(setattr, product.slack, "request_url", product.slack.request_url)
            product.slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        yield replicas


@dataclass
class Asked:
    """A member's command and its answer."""

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
                message = someone.reads(exchange, timeout=3)
        asked.append(Asked(someone, exchange, message))
        time.sleep(0.05)
    return asked


def test_nothing_is_lost_while_replicas_are_killed_in_turn(crowd: Crowd, replicas: Replicas, transport: str) -> None:
    people, over = [crowd.member() for _ in range(MEMBERS)], threading.Event()
    with ThreadPoolExecutor(MEMBERS) as pool:
        futures = [pool.submit(go_on_asking, someone, over) for someone in people]
        try:
            killed = [replicas.kill(number) for number in range(2)]
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
        assert links_in([someone.reads(someone.types())])
