"""Two kinds of bounded thread pools: one for requests, one for the calls that they make side by side."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

import structlog

from bot.core.errors import QueueFull

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")


class CallExecutor(ThreadPoolExecutor):
    """Run calls for callers that wait for the results, with the caller's context variables.

    A call whose caller gave up runs on until its own timeouts. When too many calls wait, a new one fails at once with
    TimeoutError, which callers treat like a service that does not answer: no link.
    """

    def __init__(self, workers: int, *, queue: int) -> None:
        super().__init__(workers, thread_name_prefix="call")
        self._capacity, self._in_flight = workers + queue, set[Future[Any]]()
        self._lock = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start the call, or return a future that has failed."""
        with self._lock:
            if len(self._in_flight) < self._capacity:
                future = super().submit(partial(copy_context().run, fn, *args, **kwargs))
                self._in_flight.add(future)
                future.add_done_callback(self._in_flight.discard)
                return future
        log.error("call_refused", why="too many calls are waiting")
        refused: Future[T] = Future()
        refused.set_exception(TimeoutError())
        return refused


# BURST arrivals within BURST_SECONDS are a burst, which ends after QUIET_SECONDS without an arrival.
BURST, BURST_SECONDS = 32, 0.25
QUIET_SECONDS = 0.05
# Seconds for which a burst may hold work back.
MAX_HOLD = 1.0


class BurstGate:
    """Hold accepted work back during a burst, so that the burst is acknowledged first.

    Python runs one thread at a time. An acknowledgement takes a fraction of a millisecond and is late after three
    seconds; a link takes some ten milliseconds, and may be later.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._arrivals: deque[float] = deque(maxlen=BURST)
        self._monotonic = monotonic
        self._burst_since: float | None = None
        # Only one waiter polls; if all of them did, polling itself would use the CPU.
        self._polling = threading.Lock()

    def enter(self) -> None:
        self._arrivals.append(self._monotonic())

    def wait(self) -> None:
        """Return when the burst is over, or after MAX_HOLD."""
        with self._polling:
            while self._is_burst():
                time.sleep(0.01)

    def _is_burst(self) -> bool:
        now = self._monotonic()
        arrivals = list(self._arrivals)
        if len(arrivals) < BURST or now - arrivals[0] > BURST_SECONDS or now - arrivals[-1] > QUIET_SECONDS:
            self._burst_since = None
            return False
        self._burst_since = self._burst_since or now
        return now - self._burst_since < MAX_HOLD


class BoundedExecutor:
    """Run jobs whose result nobody waits for, and reject those for which the queue has no room.

    Attributes:
        capacity: how many jobs may run and wait together.
    """

    def __init__(self, name: str, *, workers: int, queue: int, burst_gate: BurstGate | None = None) -> None:
        self._burst_gate = burst_gate or BurstGate()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self.name, self.capacity = name, workers + queue
        self._in_flight = set[Future[Any]]()
        self._lock = threading.Lock()

    def submit(self, job: Callable[[], object]) -> None:
        """Accept the job; it starts once there is no burst.

        Raises:
            QueueFull: the queue is full, or the executor is shutting down.
        """
        self._burst_gate.enter()
        with self._lock:
            if len(self._in_flight) >= self.capacity:
                raise QueueFull
            try:
                future = self._pool.submit(copy_context().run, self._run, job)
            except RuntimeError as error:  # the pool has shut down
                raise QueueFull from error
            self._in_flight.add(future)
            future.add_done_callback(self._in_flight.discard)

    @property
    def in_flight(self) -> int:
        """Return how many jobs run or wait."""
        return len(self._in_flight)

    def shutdown(self) -> None:
        """Accept no more jobs, and return when the accepted ones have ended."""
        self._pool.shutdown(wait=True)

    def _run(self, job: Callable[[], object]) -> None:
        try:
            self._burst_gate.wait()
            job()
        except Exception:
            log.exception("job_failed")
