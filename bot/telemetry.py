"""The thread through one request: its ids in every line of the log, and how long each stage of it took.

Context variables carry it from the entrance on; the executors' `submit` hands them to the threads that do the work.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from uuid import uuid4

import structlog

from bot.metrics import Metrics
from bot.model import Stage

_stages: ContextVar[dict[str, int] | None] = ContextVar("stages", default=None)


def begin() -> str:
    """Something has come in: from now on each line of the log says by which delivery. Returns that id.

    One request that Slack, or whoever recorded it, sends twice is two deliveries.
    """
    delivery = uuid4().hex
    structlog.contextvars.clear_contextvars()  # the thread may have served another one before
    structlog.contextvars.bind_contextvars(delivery=delivery)
    _stages.set({})
    return delivery


def is_request(request_id: str) -> None:
    """What came in is this request: from now on each line of the log has the id of its audit entry too."""
    structlog.contextvars.bind_contextvars(request=request_id)


def stages() -> Mapping[str, int]:
    """Milliseconds of each stage that the request at hand has behind it."""
    return dict(_stages.get() or {})


class Recorder:
    """Takes the time of a stage to where it is wanted: the metrics, and the line that ends the request."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def __call__(self, stage: Stage, seconds: float) -> None:
        """A stage has ended just now."""
        self._metrics.took(stage, seconds)
        taken = _stages.get()
        if taken is not None:
            taken[f"{stage}_ms"] = round(seconds * 1000)
