"""Traces for OpenTelemetry: one span a request, and in it one for each of its stages.

They are written by hand. What instruments libraries by itself records addresses, and a link or a `response_url` is
one. https://opentelemetry.io/docs/languages/python/
"""

from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, set_span_in_context

from bot.observability import context as telemetry

NANOSECONDS = 1_000_000_000
# Seconds. A collector that hangs must not outlast the grace that a stopping server has.
TIMEOUT = 2


class Tracing:
    """Makes the spans of a request when it has ended, and has them sent in the background.

    Args:
        processor: where spans go; to what OTEL_EXPORTER_OTLP_ENDPOINT names, unless a test says otherwise.
    """

    def __init__(self, processor: SpanProcessor | None = None) -> None:
        # The SDK reads its own variables: the endpoint and its headers, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
        resource = Resource({"service.name": "studio-links"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(timeout=TIMEOUT)))
        self._tracer = self._provider.get_tracer("studio-links")

    def ended(self, outcome: str) -> None:
        """The request at hand has ended like this. Only its first outcome counts: what follows is about the same."""
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
        within = set_span_in_context(root)
        for stage, seconds, ended in list(delivery.stages):
            began = ended - int(seconds * NANOSECONDS)
            self._tracer.start_span(stage.value, context=within, start_time=began).end(ended)
        root.end()

    def stop(self) -> None:
        """Send what is left, and no more."""
        self._provider.shutdown()
