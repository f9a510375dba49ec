"""How a process ends: by SIGTERM with work in flight and queued, or by SIGKILL at any point."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from bot.local.faults import Fault
from bot.local.slack.exchanges import Exchange
from bot.serving.server import GRACE
from bot.slack.payloads import request_id
from tests.preloaded import BotFork
from tests.scenario.conftest import Product
from tests.scenario.crowd import MINT, TESTER, Crowd, Mortal, Someone, links_in, mortal, sent_to
from tests.waiting import wait_until

SECONDS = float(GRACE)
CHANGE = "TransactWriteItems"


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "KILL")


@pytest.fixture(autouse=True)
def _calm(product: Product) -> Iterator[None]:
    yield
    product.aws.clear_faults()


def end(bot: Mortal) -> tuple[int, float]:
    """Send SIGTERM; return the exit code, and the seconds until the process ended."""
    started = time.perf_counter()
    bot.bot.process.terminate()
    code = bot.bot.process.wait(SECONDS + 8)
    return code, time.perf_counter() - started


# SIGTERM

WORK: dict[str, tuple[tuple[str, Fault], ...]] = {
    "SageMaker slow": ((MINT, Fault(delay=1.0, times=None)),),
    "SageMaker hanging": ((MINT, Fault(delay=9.0, times=None)),),
    "DynamoDB hanging": tuple(
        (name, Fault(delay=9.0, times=None)) for name in ("BatchGetItem", "TransactWriteItems", "UpdateItem")
    ),
}


@pytest.mark.parametrize("case", WORK)
def test_sigterm_answers_requests_in_flight_and_queued(
    crowd: Crowd, product: Product, log_folder: Path, case: str
) -> None:
    environment = {**product.environment, "STUDIO_CONCURRENCY": "4"}
    people = [crowd.member(mapped=n < 4, allowed=n < 4) for n in range(24)]
    with mortal(environment, log_folder / "bot-term.log") as bot, sent_to(product, bot.bot):
        bot.bot.wait_until_ready()
        for operation, fault in WORK[case]:
            product.aws.inject(operation, fault)
        exchanges = [someone.types() for someone in people]

        code, seconds = end(bot)

    assert code == 0
    # All members have their answers by then. Refusals not yet recorded are dropped; the log has them.
    assert seconds < SECONDS + 1
    replies = [someone.reads(exchange, timeout=0.5) for someone, exchange in zip(people, exchanges, strict=True)]
    assert all(message.text for message in replies)
    assert bool(links_in(replies)) == (case == "SageMaker slow")


def test_sigterm_accepts_no_new_requests(crowd: Crowd, product: Product, log_folder: Path) -> None:
    ana, ben = crowd.member(), crowd.member()
    with mortal(product.environment, log_folder / "bot-term.log") as bot, sent_to(product, bot.bot):
        bot.bot.wait_until_ready()
        product.aws.inject(MINT, Fault(delay=1.5))
        exchange = ana.types()
        bot.bot.process.terminate()
        wait_until(lambda: not listens(bot))

        refused = ben.types()

        assert refused.ack == "dispatch_failed"  # which Slack shows: the member knows that nothing came of it
        assert links_in([ana.reads(exchange)])
        assert bot.bot.process.wait(SECONDS) == 0
    ana.ended(exchange, "issued")
    assert ben.entries() == []


def listens(bot: Mortal) -> bool:
    try:
        bot.bot.get("/healthz")
    except OSError:
        return False
    return True


# SIGKILL


@dataclass(frozen=True)
class Point:
    """The point at which the process is held when it is killed.

    Attributes:
        reached: whether the request has come that far.
        audit: what the audit says then, and for ever: "nothing", or that a request was made.
        link: whether the member has the link all the same.
    """

    aws: tuple[str, Fault] | None
    slack: tuple[str, Fault] | None
    reached: Callable[[Product, int], bool]
    audit: str
    link: bool = False


def calls(operation: str, number: int = 1) -> Callable[[Product, int], bool]:
    return lambda product, before: product.aws.calls.count(operation) >= before + number


def recorded(exchange: Exchange) -> str:
    """Return the audit's entry of a request, read by a call that the tests inject no fault into."""
    table = boto3.resource("dynamodb").Table("studio-links-audit")
    item = table.get_item(Key={"id": request_id(exchange.id)}, ConsistentRead=True).get("Item")
    return str(item["outcome"]) if item else "nothing"


def is_held(product: Product, _before: int) -> bool:
    """Return whether the stand-in holds the bot's call."""
    return not product.slack.faults._orders["response_url"]


POINTS = {
    # The record is in flight: DynamoDB may have it or not, and both are correct.
    "before the record": Point((CHANGE, Fault(delay=30.0, times=None)), None, calls(CHANGE), "nothing"),
    "between record and decision": Point(
        ("BatchGetItem", Fault(delay=30.0, times=None)), None, calls("BatchGetItem"), "requested"
    ),
    "while the link is made": Point((MINT, Fault(delay=30.0, times=None)), None, calls(MINT), "requested"),
    "while the reply is sent": Point(None, ("response_url", Fault(delay=30.0)), is_held, "requested"),
    "before the outcome is written": Point(None, None, calls("UpdateItem"), "requested", link=True),
}


@pytest.mark.parametrize("name", POINTS)
def test_kill_at_any_point_leaves_a_true_audit(crowd: Crowd, product: Product, log_folder: Path, name: str) -> None:
    point, ana = POINTS[name], crowd.member()
    with mortal(product.environment, log_folder / "bot-kill.log") as bot, sent_to(product, bot.bot):
        bot.bot.wait_until_ready()
        hold(product, point)
        operation = "UpdateItem" if point.link else point.aws[0] if point.aws else MINT
        before = product.aws.calls.count(operation)
        exchange = ana.types()
        if point.link:
            assert links_in([ana.reads(exchange)])
        wait_until(lambda: point.reached(product, before))
        # The member's rules are read beside the record: a kill between the two has to wait for the record.
        wait_until(lambda: point.audit == "nothing" or recorded(exchange) == point.audit)

        os.kill(bot.pid, signal.SIGKILL)
        bot.bot.process.wait(5)

        assert exchange.ack == "ok"
        assert bool(links_in(ana.screen())) == point.link
        assert recorded(exchange) == point.audit
        product.aws.clear_faults()
        with mortal(product.environment, log_folder / "bot-kill.log", bot.bot.port) as again:
            serves(ana, again, exchange.id)


def hold(product: Product, point: Point) -> None:
    if point.aws is not None:
        product.aws.inject(*point.aws)
    if point.slack is not None:
        product.slack.inject(*point.slack)
    if point.link:
        product.aws.inject("UpdateItem", Fault(delay=30.0, times=None))


def serves(ana: Someone, bot: Mortal, earlier: str) -> None:
    """Check that the next bot serves the same member and that the old entry is unchanged."""
    left = [entry for entry in ana.entries() if entry.id == request_id(earlier)]
    bot.bot.wait_until_ready()

    asked = ana.types()

    assert links_in([ana.reads(asked)])
    ana.ended(asked, "issued")
    assert [entry for entry in ana.entries() if entry.id == request_id(earlier)] == left


def test_request_of_a_killed_bot_cannot_be_replayed(crowd: Crowd, product: Product, log_folder: Path) -> None:
    ana = crowd.member()
    with mortal(product.environment, log_folder / "bot-kill.log") as bot, sent_to(product, bot.bot):
        bot.bot.wait_until_ready()
        made = crowd.links()
        product.aws.inject(MINT, Fault(delay=30.0, times=None))
        exchange = ana.types()
        wait_until(lambda: crowd.links() > made)
        os.kill(bot.pid, signal.SIGKILL)
        bot.bot.process.wait(5)
        product.aws.clear_faults()
        with mortal(product.environment, log_folder / "bot-kill.log", bot.bot.port) as again:
            again.bot.wait_until_ready()

            product.slack.replay(exchange)

            again.bot.wait_for_outcomes("replayed", 1)
    assert crowd.links() == made + 1
    assert ana.screen() == []
    entry = ana.entry(exchange)
    assert entry is not None
    assert entry.outcome == "requested"


def test_command_killed_during_a_change_leaves_no_lock(crowd: Crowd, product: Product) -> None:
    ana, ben = crowd.member(), crowd.member(mapped=False)
    before = product.aws.calls.count(CHANGE)
    product.aws.inject(CHANGE, Fault(delay=1.0))
    words = ["map", ana.user_id, "--domain", product.domain_id, "--profile", ana.profile, "--alias", "again"]
    process = BotFork(words, env=os.environ, output=Path(os.devnull))
    wait_until(lambda: product.aws.calls.count(CHANGE) > before)

    process.kill()
    assert process.wait(5) == -signal.SIGKILL

    # The change was made in full or not at all; the profile is only Ana's, and can be mapped to another member.
    for mapping in crowd.admin.access.read(ana.member).mappings:
        crowd.admin.unmap(ana.member, mapping.alias, TESTER)
    ben.map(ana.profile)
    assert links_in([ben.reads(ben.types())])
