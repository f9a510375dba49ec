"""Link requests while DynamoDB, SageMaker, STS, Slack or the clock fail.

The stand-ins inject every fault at the wire. Each test checks what the member sees, how long it took, and the
audit entry. `docs/RELIABILITY.md` lists them with measured times.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.local.faults import Fault
from bot.local.slack.exchanges import Exchange
from bot.serving.server import GRACE
from bot.slack.payloads import request_id
from tests.scenario.conftest import Product, bot_process
from tests.scenario.crowd import MINT, Crowd, Someone, links_in, mortal, sent_to
from tests.waiting import wait_until

# Seconds until the acknowledgement, until the member's answer, and until the bot has finished even a request that
# it could not answer (a stopping server waits no longer). They hold for every fault.
ACK_TIMEOUT = 1.0
REPLY_TIMEOUT = 10.0
DONE_TIMEOUT = float(GRACE)

ROLE = "arn:aws:iam::123456789012:role/studio-links-broker"
THROTTLED = "ProvisionedThroughputExceededException"


def always(code: str = "", **how: object) -> Fault:
    """Return a fault that stays until it is cleared."""
    return Fault(code, times=None, **how)  # type: ignore[arg-type] # Fault's own fields


@dataclass(frozen=True)
class Case:
    """A failure, and its expected results.

    Attributes:
        aws: faults by operation, in the order in which they hit.
        slack: faults by method, or of `response_url`.
        message: words of the member's message; None if they get a link.
        outcome: what the bot counts and logs.
        audit: the audited outcome if it differs; "nothing" without an entry.
        answered: whether anything reaches the member.
        messages: how many messages the member sees.
        role: whether the mapping has a role, which needs STS.
    """

    message: str | None
    outcome: str
    aws: tuple[tuple[str, Fault], ...] = ()
    slack: tuple[tuple[str, Fault], ...] = ()
    audit: str | None = None
    answered: bool = True
    messages: int = 1
    role: bool = False


def everything(fault: Fault, *operations: str) -> tuple[tuple[str, Fault], ...]:
    return tuple((operation, fault) for operation in operations)


DYNAMODB = ("BatchGetItem", "TransactWriteItems", "PutItem", "UpdateItem")
RECORD = "TransactWriteItems"
UNREACHED = "access list cannot be reached"
CROSSED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
    }
).encode()
HALF_A_LINK = b'{"AuthorizedUrl": "https://x.studio.us-east-1.sagemaker.aws/auth?token=half'

CASES = {
    # DynamoDB
    "DynamoDB: reading is throttled": Case(
        "under too much load", "store_throttled", aws=(("BatchGetItem", always(THROTTLED)),)
    ),
    "DynamoDB: recording crosses the member's other requests": Case(
        None, "issued", aws=((RECORD, Fault(body=CROSSED, times=3)),)
    ),
    "DynamoDB: recording is throttled": Case(
        "could not be recorded", "not_recorded", aws=((RECORD, always(THROTTLED)),)
    ),
    "DynamoDB: slow": Case(None, "issued", aws=everything(always(delay=0.8), *DYNAMODB)),
    "DynamoDB: reading hangs": Case("took too long", "too_late", aws=(("BatchGetItem", always(delay=8.0)),)),
    "DynamoDB: all of it hangs": Case(
        "could not be recorded", "not_recorded", aws=everything(always(delay=12.0), *DYNAMODB), audit="nothing"
    ),
    "DynamoDB: dead": Case(
        "could not be recorded", "not_recorded", aws=everything(always(drop=True), *DYNAMODB), audit="nothing"
    ),
    "DynamoDB: answers 500": Case(
        "could not be recorded",
        "not_recorded",
        aws=everything(always("InternalServerError", status=500), *DYNAMODB),
        audit="nothing",
    ),
    "DynamoDB: a gateway's error page": Case(
        "could not be recorded",
        "not_recorded",
        aws=everything(always(body=b"<html>", status=502), *DYNAMODB),
        audit="nothing",
    ),
    "DynamoDB: reading gives garbage": Case(
        UNREACHED, "store_unreachable", aws=(("BatchGetItem", always(body=b"<html>", status=200)),)
    ),
    "DynamoDB: only recording is dead": Case(
        "could not be recorded", "not_recorded", aws=((RECORD, always(drop=True)),)
    ),
    "DynamoDB: the record is made, its answer lost": Case(
        None, "issued", aws=((RECORD, Fault(drop=True, served=True)),)
    ),
    "DynamoDB: the record is made, both answers lost": Case(
        "could not be recorded", "not_recorded", aws=((RECORD, Fault(drop=True, served=True, times=2)),)
    ),
    "DynamoDB: dead between record and link": Case(
        UNREACHED,
        "store_unreachable",
        aws=everything(always(drop=True), "BatchGetItem", "UpdateItem"),
        audit="requested",
    ),
    "DynamoDB: dead after the link": Case(
        None, "issued", aws=(("UpdateItem", always(drop=True)),), audit="requested"
    ),
    # SageMaker
    "SageMaker: throttled": Case("is limiting", "aws_throttled", aws=((MINT, always("ThrottlingException")),)),
    "SageMaker: slow": Case(None, "issued", aws=((MINT, always(delay=1.8)),)),
    "SageMaker: answers 500": Case(
        "cannot be reached", "aws_unreachable", aws=((MINT, always("InternalFailure", status=500)),)
    ),
    "SageMaker: hangs": Case("cannot be reached", "aws_unreachable", aws=((MINT, always(delay=9.0)),)),
    "SageMaker: dead": Case("cannot be reached", "aws_unreachable", aws=((MINT, always(drop=True)),)),
    "SageMaker: garbage": Case("not understand", "aws_unexpected", aws=((MINT, always(body=b"<>", status=200)),)),
    "SageMaker: half a link": Case(
        "not understand", "aws_unexpected", aws=((MINT, always(body=HALF_A_LINK, status=200)),)
    ),
    "SageMaker: refuses": Case("not set up", "aws_refused", aws=((MINT, always("AccessDeniedException")),)),
    # STS
    "STS: dead": Case("cannot be reached", "aws_unreachable", aws=(("AssumeRole", always(drop=True)),), role=True),
    "STS: hangs": Case("cannot be reached", "aws_unreachable", aws=(("AssumeRole", always(delay=9.0)),), role=True),
    "STS: throttled": Case("is limiting", "aws_throttled", aws=(("AssumeRole", always("Throttling")),), role=True),
    "STS: refuses": Case("not set up", "aws_refused", aws=(("AssumeRole", always("AccessDenied")),), role=True),
    "STS: garbage": Case(
        "not understand", "aws_unexpected", aws=(("AssumeRole", always(body=b"{}", status=200)),), role=True
    ),
    "STS: hangs, then SageMaker does": Case(
        "took too long",
        "too_late",
        aws=(("AssumeRole", Fault(delay=2.5)), (MINT, always(delay=9.0))),
        role=True,
    ),
    # Slack's response_url
    "response_url: 404": Case(None, "issued", slack=(("response_url", Fault(status=404)),)),
    "response_url: 429 for five minutes": Case(
        None, "issued", slack=(("response_url", Fault(status=429, retry_after=300)),)
    ),
    "response_url: 500": Case(None, "issued", slack=(("response_url", Fault(status=500)),)),
    "response_url: hangs": Case(None, "issued", slack=(("response_url", Fault(delay=6.0)),)),
    "response_url: reset after it was taken": Case(
        None, "issued", slack=(("response_url", Fault(drop=True, served=True)),), messages=2
    ),
    "response_url and the fallback: 500": Case(
        None,
        "undelivered",
        slack=(("response_url", Fault(status=500)), ("chat.postEphemeral", Fault(status=500))),
        answered=False,
        messages=0,
    ),
    "response_url and the fallback: 429 for five minutes": Case(
        None,
        "undelivered",
        slack=(
            ("response_url", Fault(status=429, retry_after=300)),
            ("chat.postEphemeral", Fault(status=429, retry_after=300)),
        ),
        answered=False,
        messages=0,
    ),
    # Slack's users.info
    "users.info: 500": Case("could not confirm", "slack_unreachable", slack=(("users.info", Fault(status=500)),)),
    "users.info: rate-limited for five minutes": Case(
        "could not confirm", "slack_unreachable", slack=(("users.info", Fault(status=429, retry_after=300)),)
    ),
    "users.info: slow": Case(None, "issued", slack=(("users.info", Fault(delay=1.5)),)),
    "users.info: hangs": Case("could not confirm", "slack_unreachable", slack=(("users.info", Fault(delay=6)),)),
    "users.info: reset": Case(
        "could not confirm", "slack_unreachable", slack=(("users.info", Fault(drop=True, served=True)),)
    ),
    # Several at once
    "all of them slow": Case(
        None,
        "issued",
        aws=(*everything(always(delay=1.0), *DYNAMODB), (MINT, always(delay=1.5))),
        slack=(("users.info", Fault(delay=1.5)), ("response_url", Fault(delay=1.2))),
    ),
    "all of them dead": Case(
        None,
        "not_recorded",
        aws=everything(always(drop=True), *DYNAMODB, MINT),
        slack=tuple((what, Fault(status=500)) for what in ("users.info", "response_url", "chat.postEphemeral")),
        audit="nothing",
        answered=False,
        messages=0,
    ),
    "all of them hang": Case(
        None,
        "not_recorded",
        aws=everything(always(delay=12.0), *DYNAMODB, MINT),
        slack=tuple((what, Fault(delay=12.0)) for what in ("users.info", "response_url", "chat.postEphemeral")),
        audit="nothing",
        answered=False,
        messages=0,
    ),
}


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "FAULT")


@pytest.fixture(autouse=True)
def _calm(product: Product) -> Iterator[None]:
    yield
    product.aws.clear_faults()


def suffer(someone: Someone, case: Case) -> tuple[Exchange, float]:
    """Inject the faults, send the command and wait until the bot has finished. Return the exchange and the seconds.

    The faults stay until the bot has counted the outcome, so that its last write meets them too.
    """
    product = someone.product
    before = product.bot.outcomes(case.outcome)
    for operation, fault in case.aws:
        product.aws.inject(operation, fault)
    for method, slack_fault in case.slack:
        product.slack.inject(method, slack_fault)
    started = time.perf_counter()
    exchange = someone.types()
    if case.answered:
        someone.reads(exchange)
    seconds = time.perf_counter() - started
    wait_until(lambda: product.bot.outcomes(case.outcome) != before)
    assert product.bot.outcomes(case.outcome) == before + 1
    product.aws.clear_faults()
    return exchange, seconds if case.answered else time.perf_counter() - started


@pytest.mark.parametrize("name", CASES)
def test_fault_is_answered_in_time_and_recorded(
    crowd: Crowd, name: str, record_property: Callable[[str, object], None]
) -> None:
    case = CASES[name]
    someone = crowd.member(role_arn=ROLE if case.role else None)

    exchange, seconds = suffer(someone, case)

    record_property("seconds", round(seconds, 2))
    assert (exchange.ack, exchange.reply) == ("ok", "")
    assert exchange.seconds < ACK_TIMEOUT
    assert seconds < (REPLY_TIMEOUT if case.answered else DONE_TIMEOUT)
    screen = someone.screen()
    assert len(screen) == case.messages
    if case.message is not None:
        assert case.message in screen[-1].text
    links = set(links_in(screen))
    assert len(links) == (1 if case.outcome == "issued" else 0)
    entry = someone.entry(exchange)
    assert (entry.outcome if entry else "nothing") == (case.audit or case.outcome)
    if case.audit is not None:  # the log has what the audit could not store
        written = crowd.product.bot.log.read_text()
        lines = [line for line in written.splitlines() if request_id(exchange.id) in line]
        [line] = [line for line in lines if "outcome_not_recorded" in line]
        assert f'"outcome": "{case.outcome}"' in line
    # The audit knows the link by its hash, delivered or not.
    assert (entry is not None and entry.link_sha256 is not None) == (
        case.outcome in ("issued", "undelivered") and case.audit is None
    )


def test_request_after_a_fault_is_served(crowd: Crowd) -> None:
    someone = crowd.member()
    for fault in (always(drop=True), always(delay=3.0), always(THROTTLED)):
        crowd.product.aws.inject("BatchGetItem", fault)
        assert links_in([someone.reads(someone.types())]) == []
        crowd.product.aws.clear_faults()
        assert links_in([someone.reads(someone.types())])


def test_burst_is_answered_in_ten_seconds_if_dynamodb_hangs(product: Product, crowd: Crowd) -> None:
    """Most of them wait for a worker until the queue timeout refuses them."""
    workers, burst = 12, 80
    people = [crowd.member(mapped=False, allowed=False) for _ in range(burst)]
    environment = {**product.environment, "STUDIO_CONCURRENCY": str(workers)}
    with bot_process(environment, product.bot.log) as bot, sent_to(product, bot):
        bot.wait_until_ready()
        for operation in DYNAMODB:
            product.aws.inject(operation, always(delay=6.0))
        started = time.perf_counter()
        exchanges = [someone.types() for someone in people]

        with ThreadPoolExecutor(burst) as together:
            pairs = zip(people, exchanges, strict=True)
            answered = list(together.map(lambda pair: pair[0].reads(pair[1], timeout=REPLY_TIMEOUT), pairs))
        seconds = time.perf_counter() - started
        product.aws.clear_faults()  # or else the bot would wait for them before it ends

    assert seconds < REPLY_TIMEOUT
    assert max(exchange.seconds for exchange in exchanges) < ACK_TIMEOUT
    assert links_in(answered) == []


# The log and the clock


def test_bot_with_an_unwritable_log_serves_and_records(product: Product, crowd: Crowd) -> None:
    ana, ben = crowd.member(), crowd.member(mapped=False, allowed=False)
    environment, full = {**product.environment, "LOG_LEVEL": "DEBUG"}, Path("/dev/full")
    with mortal(environment, full, forked=False) as bot, sent_to(product, bot.bot):
        bot.bot.wait_until("/readyz", 200)
        product.aws.inject(MINT, Fault(drop=True, times=2))  # a reason to log
        failed = ana.types()
        assert "cannot be reached" in ana.reads(failed).text
        asked, refused = ana.types(), ben.types()
        assert links_in([ana.reads(asked)])
        assert "no SageMaker Studio profile" in ben.reads(refused).text
        ana.ended(asked, "issued")
        ben.ended(refused, "not_mapped")
        bot.bot.process.terminate()
        bot.bot.process.wait(GRACE)


@pytest.mark.parametrize("offset", [-301, 301, -86400, 86400])
def test_clock_off_by_five_minutes_refuses_requests(product: Product, crowd: Crowd, offset: int) -> None:
    """With a clock that jumped, no link is made and no expired rule applies again."""
    ana = crowd.member()
    exchange = ana.types()
    ana.reads(exchange)
    links, refused = crowd.links(), product.bot.outcomes("refused_at_entrance")

    late = product.slack.replay(exchange, product.slack.sign(exchange.body, at=time.time() + offset))

    assert late.status == 401
    assert crowd.links() == links
    assert product.bot.outcomes("refused_at_entrance") == refused + 1


@pytest.mark.parametrize("offset", [-290, 290])
def test_clock_off_by_seconds_serves_requests(product: Product, crowd: Crowd, offset: int) -> None:
    ana = crowd.member()
    exchange = ana.types(overrides={"text": "help"})
    ana.reads(exchange)

    assert product.slack.replay(exchange, product.slack.sign(exchange.body, at=time.time() + offset)).status == 200
