"""A thread pool that refuses instead of letting work wait unseen."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

log = structlog.get_logger()


class Full(Exception):
    """As many jobs are running and waiting as may be; this one was not taken."""


class BoundedExecutor:
    """Runs jobs on `workers` threads with at most `queue` more waiting.

    A job's exception is logged here: nobody waits for its result.
    """

    def __init__(self, name: str, *, workers: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._places = threading.BoundedSemaphore(workers + queue)
        self._in_flight = 0
        self._lock = threading.Lock()

    def submit(self, job: Callable[[], object]) -> None:
        """Take the job.

        Raises:
            Full: every place is taken, or the executor is shutting down.
        """
        if not self._places.acquire(blocking=False):
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
            job()
        except Exception:
            log.exception("job_failed")
        finally:
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._in_flight -= 1
        self._places.release()
