"""The context of one request: its ids in every log line, and how long each stage took.

Context variables carry it; the executors' `submit` copies them to the threads that do the work.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from bot.core.link import Stage


@dataclass(slots=True)
class Delivery:
    """One HTTP request or envelope from Slack and its progress, shared by the threads that work on it.

    Attributes:
        began: in nanoseconds since the epoch.
        request: the id of its audit entry, once known.
        stages: the completed stages: name, seconds, and end in nanoseconds since the epoch.
        outcome: the first that was counted.
    """

    id: str
    began: int
    request: str | None = None
    stages: list[tuple[Stage, float, int]] = field(default_factory=list)
    outcome: str | None = None


_delivery: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


def current() -> Delivery | None:
    """Return the delivery that this thread works on; None outside a request."""
    return _delivery.get()


def begin() -> str:
    """Start a delivery, and return its id, which each later log line has.

    A request that arrives twice is two deliveries.
    """
    delivery = Delivery(uuid4().hex, time.time_ns())
    structlog.contextvars.clear_contextvars()  # the thread may have served another one before
    structlog.contextvars.bind_contextvars(delivery=delivery.id)
    _delivery.set(delivery)
    return delivery.id


def is_request(request_id: str) -> None:
    """Note which request was delivered: each later log line has the id of its audit entry."""
    structlog.contextvars.bind_contextvars(request=request_id)
    delivery = _delivery.get()
    if delivery is not None:
        delivery.request = request_id


def stages() -> Mapping[str, int]:
    """Return the milliseconds of each completed stage of the current request."""
    delivery = _delivery.get()
    return {f"{stage}_ms": round(seconds * 1000) for stage, seconds, _ in delivery.stages} if delivery else {}


def add_stage(stage: Stage, seconds: float) -> None:
    """Note that a stage of the current request has just ended."""
    delivery = _delivery.get()
    if delivery is not None:
        delivery.stages.append((stage, seconds, time.time_ns()))
