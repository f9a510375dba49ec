"""A thread pool that refuses instead of letting work wait unseen."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")


class SideExecutor(ThreadPoolExecutor):
    """Threads that know whose work they do: a job sees the context variables of whoever submitted it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Take the job."""
        return super().submit(partial(copy_context().run, fn, *args, **kwargs))


class Full(Exception):
    """As many jobs are running and waiting as may be; this one was not taken."""


# So many arrivals within so many seconds are a rush, until nobody has come for a moment.
RUSH, RUSH_SECONDS = 32, 0.25
MOMENT = 0.05
# Seconds that a rush may hold work back.
MAX_HOLD = 1.0


class BurstGate:
    """Knows when many arrive at once, so that work which was taken lets them be acknowledged first.

    Python runs one thread at a time. An acknowledgement takes a fraction of a millisecond and is late after three
    seconds; a link takes some ten, and may be later.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._arrivals: deque[float] = deque(maxlen=RUSH)
        self._monotonic = monotonic
        self._rush_since: float | None = None
        # Were all that wait to look again and again, they would be what keeps the processor busy: one does for all.
        self._looking = threading.Lock()

    def enter(self) -> None:
        """Somebody has arrived."""
        self._arrivals.append(self._monotonic())

    def wait(self) -> None:
        """Return when the rush is over, or has lasted too long."""
        with self._looking:
            while self._is_thronged():
                time.sleep(0.01)

    def _is_thronged(self) -> bool:
        now = self._monotonic()
        arrivals = list(self._arrivals)
        if len(arrivals) < RUSH or now - arrivals[0] > RUSH_SECONDS or now - arrivals[-1] > MOMENT:
            self._rush_since = None
            return False
        self._rush_since = self._rush_since or now
        return now - self._rush_since < MAX_HOLD


class BoundedExecutor:
    """Runs jobs on `workers` threads with at most `queue` more waiting.

    A job's exception is logged here: nobody waits for its result. Every job is an arrival at the `burst_gate`, and
    begins when there is no rush there.

    Attributes:
        places: how many jobs may run and wait together.
    """

    def __init__(self, name: str, *, workers: int, queue: int, burst_gate: BurstGate | None = None) -> None:
        self._doorway = burst_gate or BurstGate()
        self._pool = SideExecutor(workers, thread_name_prefix=name)
        self.name, self.places = name, workers + queue
        self._free = threading.BoundedSemaphore(self.places)
        self._in_flight = 0
        self._lock = threading.Lock()

    def submit(self, job: Callable[[], object]) -> None:
        """Take the job.

        Raises:
            Full: every place is taken, or the executor is shutting down.
        """
        self._doorway.enter()
        if not self._free.acquire(blocking=False):
            raise Full
        with self._lock:
            self._in_flight += 1
        try:
            self._pool.submit(self._run, job)
        except RuntimeError as error:  # the pool no longer takes work
            self._done()
            raise Full from error

    @property
    def in_flight(self) -> int:
        """Jobs running or waiting now."""
        return self._in_flight

    def shutdown(self) -> None:
        """Take no more jobs, and return when those taken have ended."""
        self._pool.shutdown(wait=True)

    def _run(self, job: Callable[[], object]) -> None:
        try:
            self._doorway.wait()
            job()
        except Exception:
            log.exception("job_failed")
        finally:
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._in_flight -= 1
        self._free.release()
