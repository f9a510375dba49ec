"""Traces: one for each request that has ended."""

from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bot.core.link import Stage
from bot.observability import context as telemetry
from bot.observability.metrics import Metrics
from bot.observability.traces import NANOSECONDS, Tracing


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    yield
    structlog.contextvars.clear_contextvars()
    telemetry._delivery.set(None)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def metrics(exporter: InMemorySpanExporter) -> Metrics:
    return Metrics(ended=Tracing(SimpleSpanProcessor(exporter)).ended)


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def seconds(span: ReadableSpan) -> float:
    assert span.end_time is not None
    assert span.start_time is not None
    return (span.end_time - span.start_time) / NANOSECONDS


def test_request_is_one_span_with_a_child_per_stage(exporter: InMemorySpanExporter, metrics: Metrics) -> None:
    delivery = telemetry.begin()
    telemetry.is_request("0123")
    metrics.record_duration(Stage.GATHER, 0.25)
    metrics.record_duration(Stage.MINT, 0.5)
    metrics.outcome("issued")
    spans = by_name(exporter)
    root = spans["request"]
    assert dict(root.attributes or {}) == {
        "studio_links.outcome": "issued",
        "studio_links.delivery": delivery,
        "studio_links.request": "0123",
    }
    assert root.parent is None
    for name, length in {"gather": 0.25, "mint": 0.5}.items():
        parent = spans[name].parent
        assert parent is not None
        assert parent == root.get_span_context()
        assert seconds(spans[name]) == pytest.approx(length)
    assert root.resource.attributes["service.name"] == "studio-links"


def test_request_refused_at_the_entrance_is_a_span(exporter: InMemorySpanExporter, metrics: Metrics) -> None:
    telemetry.begin()
    metrics.outcome("refused_at_entrance")
    [root] = exporter.get_finished_spans()
    assert "studio_links.request" not in (root.attributes or {})


@pytest.mark.public(34)
@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("refused_at_entrance", StatusCode.ERROR),
        ("malformed", StatusCode.ERROR),
        ("foreign", StatusCode.ERROR),
        ("denied", StatusCode.ERROR),
        ("aws_refused", StatusCode.ERROR),
        ("undelivered", StatusCode.ERROR),
        ("issued", StatusCode.OK),
        ("choose", StatusCode.OK),
        ("help", StatusCode.OK),
        ("admin_done", StatusCode.OK),
    ],
)
def test_trace_has_the_status_of_its_outcome(
    exporter: InMemorySpanExporter, metrics: Metrics, outcome: str, status: StatusCode
) -> None:
    telemetry.begin()
    metrics.outcome(outcome)
    [root] = exporter.get_finished_spans()
    assert root.status.status_code is status
    assert root.status.description == (outcome if status is StatusCode.ERROR else None)


@pytest.mark.public(34)
def test_resource_names_its_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    def instance() -> object:
        exporter = InMemorySpanExporter()
        tracing = Tracing(SimpleSpanProcessor(exporter))
        telemetry.begin()
        tracing.ended("issued")
        [root] = exporter.get_finished_spans()
        return root.resource.attributes["service.instance.id"]

    assert instance() != instance()
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-1")
    assert instance() == "pod-1"


def test_only_the_first_outcome_makes_a_trace(exporter: InMemorySpanExporter, metrics: Metrics) -> None:
    telemetry.begin()
    metrics.outcome("issued")
    metrics.outcome("home")
    telemetry.begin()
    metrics.outcome("denied")
    outcomes = [(span.attributes or {})["studio_links.outcome"] for span in exporter.get_finished_spans()]
    assert outcomes == ["issued", "denied"]


def test_outcome_without_a_request_makes_no_trace(exporter: InMemorySpanExporter, metrics: Metrics) -> None:
    metrics.outcome("home")
    assert exporter.get_finished_spans() == ()


def test_service_name_comes_from_the_environment(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "links-of-research")
    tracing = Tracing(SimpleSpanProcessor(exporter))
    telemetry.begin()
    tracing.ended("issued")
    tracing.stop()
    [root] = exporter.get_finished_spans()
    assert root.resource.attributes["service.name"] == "links-of-research"
