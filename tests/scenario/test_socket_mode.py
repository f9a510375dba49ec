"""Socket Mode specifics of a bot in its own process. Other modules test the answers.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.local.faults import Fault
from bot.serving.server import GRACE
from tests.promql import exported, expressions, missing
from tests.scenario.conftest import Product, arguments, bot_process
from tests.scenario.crowd import MINT, Crowd, links_in, mortal

TRANSPORTS = ("socket",)


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "SOCK")


@pytest.fixture(autouse=True)
def _calm(product: Product) -> Iterator[None]:
    yield
    product.aws.clear_faults()


def test_http_serves_health_but_no_slack_requests(product: Product) -> None:
    assert product.bot.get("/healthz") == (200, "alive\n")
    assert product.bot.get("/readyz") == (200, "ready\n")
    assert product.bot.get("/slack/events")[0] == 404
    page = product.bot.get("/metrics")[1]
    assert "studio_links_socket_connected 1.0" in page
    assert "studio_links_socket_connections 1.0" in page
    assert "studio_links_socket_surplus_connections 0.0" in page


def test_socket_metrics_of_alerts_and_dashboard_exist(product: Product) -> None:
    there = exported(product.bot.get("/metrics")[1])
    asked = {where: expression for where, expression in expressions().items() if "studio_links_socket" in expression}
    assert len(asked) > 3
    assert {where: missing(expression, there) for where, expression in asked.items()} == {
        where: [] for where in asked
    }


def test_repeated_envelope_is_answered_once(crowd: Crowd, product: Product) -> None:
    ana, made = crowd.member(), crowd.links()
    asked = ana.types()
    assert links_in([ana.reads(asked)])

    again = product.slack.replay(asked)

    assert (again.ack, again.reply) == ("ok", "")
    product.bot.wait_for_outcomes("replayed", 1)
    assert crowd.links() == made + 1
    assert len(ana.screen()) == 1


def test_foreign_app_or_workspace_gets_nothing(crowd: Crowd) -> None:
    ana, made = crowd.member(), crowd.links()
    for overrides in ({"team_id": "T0OTHER"}, {"api_app_id": "A0OTHER"}):
        exchange = ana.types(overrides=overrides)
        assert exchange.ack == "ok"
        assert "not set up for this workspace" in exchange.reply
    assert crowd.links() == made


def test_oversized_or_malformed_payload_is_refused(crowd: Crowd, product: Product) -> None:
    ana, refused = crowd.member(), product.bot.outcomes("refused_at_entrance")
    line = product.slack.socket_mode.connections[0]
    payloads: list[dict[str, Any]] = [{"command": "/studio", "text": "x" * 70_000}, {"command": {}}, {}]
    for payload in payloads:
        line.send({"envelope_id": "1", "type": "slash_commands", "payload": payload})

    product.bot.wait_for_outcomes("refused_at_entrance", refused + 3)
    assert links_in([ana.reads(ana.types())])


def test_bot_survives_refresh_and_broken_connection(crowd: Crowd, product: Product) -> None:
    slack, ana = product.slack, crowd.member()
    ends: list[Callable[[], None]] = [lambda: slack.socket_mode.refresh(after=1.0), slack.socket_mode.cut]
    for number, end in enumerate(ends, start=slack.socket_mode.opened + 1):
        end()
        slack.wait_until(partial(lambda number: slack.socket_mode.opened >= number, number), timeout=10)
        assert links_in([ana.reads(ana.types())])
    product.bot.wait_until_ready()


def test_requests_of_a_dead_replica_go_to_the_other(crowd: Crowd, product: Product, log_folder: Path) -> None:
    people, made = [crowd.member() for _ in range(2)], crowd.links()
    with mortal(product.environment, log_folder / "bot-replica.log", arguments=["--socket"]) as other:
        other.bot.wait_until_ready()
        os.kill(other.pid, signal.SIGSTOP)
        with ThreadPoolExecutor(2) as pool:
            typed = [pool.submit(someone.types) for someone in people]  # one to each of the two
            crowd.product.slack.wait_until(lambda: any(future.done() for future in typed))
            assert not all(future.done() for future in typed)
            os.kill(other.pid, signal.SIGKILL)
            exchanges = [future.result() for future in typed]

        for someone, exchange in zip(people, exchanges, strict=True):
            assert (exchange.ack, bool(links_in([someone.reads(exchange)]))) == ("ok", True)
            someone.ended(exchange, "issued")
    assert crowd.links() == made + 2


def test_sigterm_finishes_requests_in_flight_and_admits_no_more(
    crowd: Crowd, product: Product, log_folder: Path
) -> None:
    slack, people = product.slack, [crowd.member() for _ in range(4)]
    with bot_process(product.environment, log_folder / "bot-socket-term.log", *arguments("socket")) as bot:
        bot.wait_until_ready()
        ours = slack.socket_mode.connections[-1]
        product.aws.inject(MINT, Fault(delay=1.0, times=None))
        exchanges = [someone.types() for someone in people]
        began = time.monotonic()
        bot.process.send_signal(signal.SIGTERM)
        slack.wait_until(lambda: ours not in slack.socket_mode.connections, timeout=10)
        bot.process.wait(GRACE)

        assert time.monotonic() - began < GRACE
        for someone, exchange in zip(people, exchanges, strict=True):
            assert links_in([someone.reads(exchange)])
            someone.ended(exchange, "issued")


def test_start_waits_for_slack(product: Product, log_folder: Path) -> None:
    slack = product.slack
    slack.socket_mode.enabled = False
    try:
        with bot_process(product.environment, log_folder / "bot-socket-wait.log", *arguments("socket")) as bot:
            bot.wait_until("/readyz", 503)
            assert bot.get("/healthz")[0] == 200
            opened = slack.socket_mode.opened
            slack.socket_mode.enabled = True
            bot.wait_until_ready()
            assert slack.socket_mode.opened > opened
    finally:
        slack.socket_mode.enabled = True
