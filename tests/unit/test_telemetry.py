"""One request's ids in every line about it, and how long its stages took."""

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bot.core.link import Stage
from bot.observability import context as telemetry
from bot.observability import logs
from bot.observability.metrics import Metrics
from bot.serving.executors import BoundedExecutor, CallExecutor

log = structlog.get_logger()


@pytest.fixture
def written() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level="DEBUG", style="json", stream=stream)
    return stream


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    yield
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_log_lines_have_delivery_and_request_ids(written: io.StringIO) -> None:
    delivery = telemetry.begin()
    log.info("before the request is known")
    telemetry.is_request("0123")
    log.info("after it")
    first, second = lines(written)
    assert (first["delivery"], "request" in first) == (delivery, False)
    assert (second["delivery"], second["request"]) == (delivery, "0123")


def test_deliveries_on_one_thread_share_no_context(written: io.StringIO) -> None:
    one = telemetry.begin()
    telemetry.is_request("0123")
    Metrics().record_duration(Stage.GATHER, 1.0)
    other = telemetry.begin()
    log.info("the other")
    [line] = lines(written)
    assert one != other
    assert (line["delivery"], "request" in line) == (other, False)
    assert telemetry.stages() == {}


def test_executor_threads_inherit_the_delivery(written: io.StringIO) -> None:
    calls, workers = CallExecutor(1, queue=1), BoundedExecutor("worker", workers=1, queue=1)
    delivery, done = telemetry.begin(), threading.Event()

    def work() -> None:
        log.info("on a worker")
        calls.submit(log.info, "becalls it").result(10)
        done.set()

    workers.submit(work)
    assert done.wait(10)
    telemetry.begin()
    workers.shutdown()
    calls.shutdown()
    assert [line["delivery"] for line in lines(written)] == [delivery, delivery]


def test_work_without_a_request_has_no_delivery_id(written: io.StringIO) -> None:
    calls = CallExecutor(1, queue=1)
    telemetry.begin()
    calls.submit(log.info, "of a request").result(10)
    structlog.contextvars.clear_contextvars()
    calls.submit(log.info, "of nobody").result(10)
    calls.shutdown()
    assert ["delivery" in line for line in lines(written)] == [True, False]


def test_stage_durations_are_kept_and_counted() -> None:
    metrics = Metrics()
    telemetry.begin()
    metrics.record_duration(Stage.GATHER, 0.0123)
    metrics.record_duration(Stage.MINT, 0.5)
    assert telemetry.stages() == {"gather_ms": 12, "mint_ms": 500}
    assert 'studio_links_stage_seconds_count{stage="mint"} 1.0' in metrics.page().decode()


def test_durations_without_a_request_are_only_counted() -> None:
    metrics = Metrics()

    def elsewhere() -> None:
        metrics.record_duration(Stage.MINT, 0.5)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(10)
    assert 'studio_links_stage_seconds_count{stage="mint"} 1.0' in metrics.page().decode()
