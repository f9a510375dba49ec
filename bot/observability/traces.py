"""OpenTelemetry traces: one span per request, with one for each of its stages.

Spans are created by hand: automatic instrumentation records URLs, and links and `response_url`s are secrets. https://opentelemetry.io/docs/languages/python/
"""

from typing import Any
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from bot.observability import context as telemetry
from bot.observability.metrics import UNSUCCESSFUL

NANOSECONDS = 1_000_000_000
# Seconds. A collector that hangs must not outlast the grace that a stopping server has.
TIMEOUT = 2


class Tracing:
    """Create the spans of a request when it ends, and send them in the background.

    Args:
        processor: receives the spans; by default it sends them to OTEL_EXPORTER_OTLP_ENDPOINT.
    """

    def __init__(self, processor: SpanProcessor | None = None) -> None:
        # The SDK reads its own variables: the endpoint and its headers, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
        ours = Resource({"service.name": "studio-links", "service.instance.id": str(uuid4())})
        resource = ours.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(timeout=TIMEOUT)))
        self._tracer = self._provider.get_tracer("studio-links")

    def ended(self, outcome: str) -> None:
        """End the current request with this outcome. Only the first outcome of a request counts."""
        delivery = telemetry.current()
        if delivery is None or delivery.outcome is not None:
            return
        delivery.outcome = outcome
        attributes: dict[str, Any] = {"studio_links.outcome": outcome, "studio_links.delivery": delivery.id}
        if delivery.request is not None:
            attributes["studio_links.request"] = delivery.request
        root = self._tracer.start_span(
            "request", kind=SpanKind.SERVER, start_time=delivery.began, attributes=attributes
        )
        root.set_status(Status(StatusCode.ERROR, outcome) if outcome in UNSUCCESSFUL else Status(StatusCode.OK))
        within = set_span_in_context(root)
        for stage, seconds, ended in list(delivery.stages):
            began = ended - int(seconds * NANOSECONDS)
            self._tracer.start_span(stage.value, context=within, start_time=began).end(ended)
        root.end()

    def stop(self) -> None:
        """Send the remaining spans and stop."""
        self._provider.shutdown()
