"""The executors refuse work beyond their limits."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from bot.core.errors import QueueFull
from bot.serving.executors import BoundedExecutor, CallExecutor


class Gate:
    """Jobs that wait until the gate opens."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.open = threading.Event()

    def job(self) -> None:
        self.started.release()
        assert self.open.wait(timeout=10)

    def wait_for_start(self) -> None:
        assert self.started.acquire(timeout=10)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def test_submit_runs_the_job() -> None:
    executor, done = BoundedExecutor("test", workers=1, queue=0), threading.Event()
    executor.submit(done.set)
    assert done.wait(timeout=10)
    executor.shutdown()


def test_submit_beyond_capacity_is_refused(gate: Gate) -> None:
    executor = BoundedExecutor("test", workers=2, queue=3)
    for _ in range(5):
        executor.submit(gate.job)
    gate.wait_for_start()
    gate.wait_for_start()
    assert executor.in_flight == 5
    with pytest.raises(QueueFull):
        executor.submit(gate.job)
    gate.open.set()
    executor.shutdown()
    assert executor.in_flight == 0


def test_finished_job_frees_capacity(gate: Gate) -> None:
    executor, freed = BoundedExecutor("test", workers=1, queue=0), threading.Event()
    executor.submit(gate.job)
    with pytest.raises(QueueFull):
        executor.submit(freed.set)
    gate.open.set()
    executor._pool.submit(lambda: None).result(timeout=10)  # runs on the one thread, after the job
    executor.submit(freed.set)
    assert freed.wait(timeout=10)
    executor.shutdown()


def test_failing_job_is_logged_and_frees_capacity() -> None:
    executor = BoundedExecutor("test", workers=1, queue=0)

    def fail() -> None:
        raise RuntimeError("a defect")

    with capture_logs() as logs:
        executor.submit(fail)
        executor.shutdown()
    assert [line["event"] for line in logs] == ["job_failed"]
    assert executor.in_flight == 0


def test_shutdown_waits_for_accepted_jobs_and_accepts_no_more(gate: Gate) -> None:
    executor, done = BoundedExecutor("test", workers=1, queue=5), []
    executor.submit(gate.job)
    executor.submit(lambda: done.append("second"))
    gate.wait_for_start()
    with ThreadPoolExecutor(1) as other:
        shutdown = other.submit(executor.shutdown)
        gate.open.set()
        shutdown.result(timeout=10)
    assert done == ["second"]
    with pytest.raises(QueueFull):
        executor.submit(gate.job)
    assert executor.in_flight == 0


def test_concurrent_submits_fill_exactly_the_capacity(gate: Gate) -> None:
    executor, start = BoundedExecutor("test", workers=2, queue=6), threading.Barrier(20)

    def submit() -> bool:
        start.wait(timeout=10)
        try:
            executor.submit(gate.job)
        except QueueFull:
            return False
        return True

    with ThreadPoolExecutor(20) as callers:
        taken = list(callers.map(lambda _: submit(), range(20)))
    assert taken.count(True) == 8
    gate.open.set()
    executor.shutdown()


def test_call_beyond_the_limit_fails_at_once(gate: Gate) -> None:
    calls = CallExecutor(1, queue=1)
    running, waiting = calls.submit(gate.job), calls.submit(str, 7)
    with capture_logs() as logs, pytest.raises(TimeoutError):
        calls.submit(str, 8).result(timeout=0)
    assert [line["event"] for line in logs] == ["call_refused"]
    gate.open.set()
    assert (running.result(10), waiting.result(10)) == (None, "7")
    assert calls.submit(str, 9).result(10) == "9"
    calls.shutdown()


def test_cancelled_call_frees_capacity(gate: Gate) -> None:
    calls = CallExecutor(1, queue=1)
    calls.submit(gate.job)
    gate.wait_for_start()
    assert calls.submit(str, 7).cancel()
    next_one = calls.submit(str, 8)
    gate.open.set()
    assert next_one.result(10) == "8"
    calls.shutdown()


def test_call_after_shutdown_is_an_error() -> None:
    calls = CallExecutor(1, queue=0)
    calls.shutdown()
    with pytest.raises(RuntimeError):
        calls.submit(str, 7)
    with pytest.raises(RuntimeError):  # and not a full queue: the failed one has given its place back
        calls.submit(str, 7)
