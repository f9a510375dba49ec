"""Metrics: names, labels and values."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from bot.aws.client import count_failures
from bot.core.link import Stage
from bot.observability.metrics import CODES, OTHER, OUTCOMES, Metrics
from bot.serving.executors import BoundedExecutor

BOT = Path(__file__).parent.parent.parent / "bot"


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.page().decode().splitlines() if line.startswith(name)]


def series(metrics: Metrics) -> list[str]:
    """Return all our series without their values."""
    return [line.rpartition(" ")[0] for line in lines(metrics, "studio_links_")]


def test_outcomes_are_counted_by_name() -> None:
    metrics = Metrics()
    for outcome in ("issued", "issued", "denied"):
        metrics.outcome(outcome)
    page = metrics.page().decode()
    assert 'studio_links_requests_total{outcome="issued"} 2.0' in page
    assert 'studio_links_requests_total{outcome="denied"} 1.0' in page
    assert 'studio_links_requests_total{outcome="busy"} 0.0' in page


def test_every_outcome_in_the_code_is_known() -> None:
    named = {
        name
        for source in BOT.rglob("*.py")
        for call in re.findall(r"\.outcome\(([^()]*)\)|\boutcome, text = (\".*?\")", source.read_text())
        for name in re.findall(r'(?<!f)"(\w+)"', "".join(call))
    }
    assert {"opened", "home", "malformed"} <= named
    assert named <= OUTCOMES


def test_durations_fall_into_buckets_of_their_stage() -> None:
    metrics = Metrics()
    metrics.record_duration(Stage.WHOLE, 0.3)
    metrics.record_duration(Stage.WAIT, 4)
    page = metrics.page().decode()
    assert 'studio_links_stage_seconds_bucket{le="0.25",stage="whole"} 0.0' in page
    assert 'studio_links_stage_seconds_bucket{le="0.5",stage="whole"} 1.0' in page
    assert 'studio_links_stage_seconds_sum{stage="whole"} 0.3' in page
    assert 'studio_links_stage_seconds_bucket{le="5.0",stage="wait"} 1.0' in page


def test_pool_gauges_are_read_at_each_scrape() -> None:
    metrics, gate, running = Metrics(), threading.Event(), threading.Event()
    pool = BoundedExecutor("worker", workers=1, queue=4)
    metrics.watch_pool(pool)

    def job() -> None:
        running.set()
        gate.wait(10)

    pool.submit(job)
    pool.submit(job)
    assert running.wait(10)
    assert lines(metrics, "studio_links_in_flight") == ['studio_links_in_flight{pool="worker"} 2.0']
    assert lines(metrics, "studio_links_places") == ['studio_links_places{pool="worker"} 5.0']
    gate.set()
    pool.shutdown()
    assert lines(metrics, "studio_links_in_flight") == ['studio_links_in_flight{pool="worker"} 0.0']


def test_readiness_is_one_or_zero() -> None:
    metrics, ready = Metrics(), [True]
    metrics.watch_readiness(lambda: ready[0])
    assert lines(metrics, "studio_links_ready") == ["studio_links_ready 1.0"]
    ready[0] = False
    assert lines(metrics, "studio_links_ready") == ["studio_links_ready 0.0"]


def test_build_info_names_version_and_transport() -> None:
    [build] = lines(Metrics("socket"), "studio_links_build_info{")
    assert 'transport="socket"' in build
    assert re.search(r'version="\d+\.\d+', build)


@given(st.text(), st.text(), st.text())
def test_nothing_from_outside_makes_a_new_series(outcome: str, upstream: str, code: str) -> None:
    metrics = Metrics()
    before = series(metrics)
    metrics.outcome(outcome)
    metrics.upstream_failed(upstream, code)
    for known in CODES:
        metrics.upstream_failed(known, code)
    assert [line for line in series(metrics) if "_created" not in line] == [
        line for line in before if "_created" not in line
    ]
    assert len(before) < 500


def test_unknown_code_counts_as_other() -> None:
    metrics = Metrics()
    metrics.upstream_failed("slack", "xoxb-a-secret")
    metrics.upstream_failed("elsewhere", "invalid_auth")
    assert f'studio_links_upstream_errors_total{{code="{OTHER}",upstream="slack"}} 1.0' in metrics.page().decode()
    assert f'studio_links_upstream_errors_total{{code="{OTHER}",upstream="{OTHER}"}} 1.0' in metrics.page().decode()


class Answer:
    """A response as botocore's HTTP session returns it."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status_code, self.content, self.raw = status, body, None
        self.headers: dict[str, str] = {}


def refuse(code: str) -> Callable[..., Any]:
    return lambda **_: Answer(400, b'{"__type": "x#%s", "message": "no"}' % code.encode())


def cancel(*reasons: str) -> Callable[..., Any]:
    codes = json.dumps([{"Code": reason} for reason in reasons]).encode()
    kind = b"com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return lambda **_: Answer(400, b'{"__type": "%s", "Message": "no", "CancellationReasons": %s}' % (kind, codes))


def cannot_connect(**_: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://nowhere.invalid/a-secret")


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (refuse("ThrottlingException"), [("dynamodb", "ThrottlingException")]),
        (refuse("AccessDeniedException"), [("dynamodb", "AccessDeniedException")]),
        (refuse("ValidationException"), [("dynamodb", "other")]),
        (refuse("InternalServerError"), [("dynamodb", "broken")]),
        (refuse("ConditionalCheckFailedException"), []),
        (cancel("None", "ConditionalCheckFailed"), []),
        (cancel("ThrottlingError", "None"), [("dynamodb", "ThrottlingError")]),
        (cancel(), [("dynamodb", "other")]),
        (cannot_connect, [("dynamodb", "unreachable")]),
    ],
)
def test_failed_aws_call_counts_once_after_its_retries(
    answer: Callable[..., Any], counted: list[tuple[str, str]]
) -> None:
    session, failures = boto3.Session(), []
    count_failures(session.events, lambda *failure: failures.append(failure))
    client = session.client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    client.meta.events.register("before-send", answer)
    with pytest.raises((ClientError, EndpointConnectionError)):
        client.transact_write_items(TransactItems=[{}])
    assert failures == counted


def test_two_bots_in_one_process_count_separately() -> None:
    one, other = Metrics(), Metrics()
    one.outcome("issued")
    assert 'outcome="issued"} 0.0' in other.page().decode()
