"""Two bots behind a load balancer, restarted in turn under load, answer every request."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.burst import Plan, Report
from tests.scenario.conftest import TEAM, Product, free_port
from tests.scenario.crowd import Crowd, Mortal, mortal
from tests.scenario.proxies import proxy

PER_SECOND, SECONDS = 10, 4


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "ROLL")


def send(plan: Plan) -> Report:
    """Send the load from a separate process, so that it does not slow the stand-ins down."""
    command = [sys.executable, "-m", "bench.burst"]
    ended = subprocess.run(command, input=json.dumps(asdict(plan)), capture_output=True, text=True, check=True)
    return Report(**json.loads(ended.stdout))


class Pair:
    """Two bots, each of which can be restarted on its port."""

    def __init__(self, product: Product, log: Path, stack: ExitStack) -> None:
        self.product, self.log, self.stack = product, log, stack
        self.ports = [free_port(), free_port()]
        self.bots = [self.start(port) for port in self.ports]

    def start(self, port: int) -> Mortal:
        bot = self.stack.enter_context(mortal(self.product.environment, self.log, port))
        bot.bot.wait_until_ready()
        return bot

    def restart(self, number: int) -> None:
        process = self.bots[number].bot.process
        process.terminate()
        assert process.wait(15) == 0
        self.bots[number] = self.start(self.ports[number])


@pytest.fixture(scope="module")
def bots(product: Product, log_folder: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(product, log_folder / "bot-rolling.log", stack)


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_no_request_is_lost_while_bots_restart_behind_a_proxy(
    crowd: Crowd, product: Product, bots: Pair, tmp_path: Path, name: str
) -> None:
    members = [crowd.member(mapped=number < 3, allowed=number < 3).user_id for number in range(6)]
    with proxy(name, bots.ports, tmp_path) as port, ThreadPoolExecutor(1) as pool:
        plan = Plan(
            port=port,
            secret=product.slack.signing_secret,
            team=TEAM,
            app=product.slack.installation.app_id,
            members=members,
            count=PER_SECOND * SECONDS,
            per_second=PER_SECOND,
        )
        for number in range(2):
            load = pool.submit(send, plan)
            time.sleep(1.0)
            bots.restart(number)
            report = load.result()

            assert report.lost == 0
            assert len(report.acks) == plan.count
