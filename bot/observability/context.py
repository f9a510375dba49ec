"""The thread through one request: its ids in every line of the log, and how long each stage of it took.

Context variables carry it from the entrance on; the executors' `submit` hands them to the threads that do the work.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from bot.core.link import Stage
from bot.observability.metrics import Metrics


@dataclass(slots=True)
class Delivery:
    """Something that Slack has sent, and how far we are with it. The threads that work on it share it.

    Attributes:
        began: in nanoseconds since the epoch.
        request: the id of its audit entry, once it is known which request it is.
        stages: those behind it: which, for how many seconds, and when it ended, in nanoseconds since the epoch.
        outcome: the first that was counted.
    """

    id: str
    began: int
    request: str | None = None
    stages: list[tuple[Stage, float, int]] = field(default_factory=list)
    outcome: str | None = None


_delivery: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


def current() -> Delivery | None:
    """What is being worked on here; None outside a request."""
    return _delivery.get()


def begin() -> str:
    """Something has come in: from now on each line of the log says by which delivery. Returns that id.

    One request that Slack, or whoever recorded it, sends twice is two deliveries.
    """
    delivery = Delivery(uuid4().hex, time.time_ns())
    structlog.contextvars.clear_contextvars()  # the thread may have served another one before
    structlog.contextvars.bind_contextvars(delivery=delivery.id)
    _delivery.set(delivery)
    return delivery.id


def is_request(request_id: str) -> None:
    """What came in is this request: from now on each line of the log has the id of its audit entry too."""
    structlog.contextvars.bind_contextvars(request=request_id)
    delivery = _delivery.get()
    if delivery is not None:
        delivery.request = request_id


def stages() -> Mapping[str, int]:
    """Milliseconds of each stage that the request at hand has behind it."""
    delivery = _delivery.get()
    return {f"{stage}_ms": round(seconds * 1000) for stage, seconds, _ in delivery.stages} if delivery else {}


class Recorder:
    """Takes the time of a stage to where it is wanted: the metrics, the line that ends the request, and its trace."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def __call__(self, stage: Stage, seconds: float) -> None:
        """A stage has ended just now."""
        self._metrics.record_duration(stage, seconds)
        delivery = _delivery.get()
        if delivery is not None:
            delivery.stages.append((stage, seconds, time.time_ns()))
