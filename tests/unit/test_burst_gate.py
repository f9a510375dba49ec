"""During a burst, accepted work waits so that the burst is acknowledged first."""

import threading
from collections.abc import Iterator
from itertools import count, repeat

import pytest

from bot.core.errors import QueueFull
from bot.serving.executors import BURST, BURST_SECONDS, MAX_HOLD, QUIET_SECONDS, BoundedExecutor, BurstGate


class Watch:
    """A clock that advances by a step at each reading, and counts the readings."""

    def __init__(self) -> None:
        self.now, self.step, self.looks = 1000.0, 0.0, 0

    def __call__(self) -> float:
        self.now += self.step
        self.looks += 1
        return self.now


def crowd(burst_gate: BurstGate, watch: Watch, times: Iterator[float], number: int) -> None:
    for _ in range(number):
        watch.now = 1000.0 + next(times)
        burst_gate.enter()


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_work_starts_at_once_without_a_burst(watch: Watch) -> None:
    burst_gate = BurstGate(monotonic=watch)
    crowd(burst_gate, watch, repeat(0.0), BURST - 1)
    watch.looks = 0
    burst_gate.wait()
    assert watch.looks == 1


def test_work_starts_at_once_under_a_steady_load(watch: Watch) -> None:
    burst_gate = BurstGate(monotonic=watch)
    crowd(burst_gate, watch, count(0.0, 1.2 * BURST_SECONDS / (BURST - 1)), 4 * BURST)
    watch.looks = 0
    burst_gate.wait()
    assert watch.looks == 1


def test_work_waits_until_a_burst_goes_quiet(watch: Watch) -> None:
    burst_gate = BurstGate(monotonic=watch)
    crowd(burst_gate, watch, repeat(0.0), BURST)
    watch.step, last = QUIET_SECONDS / 4, watch.now
    burst_gate.wait()
    assert QUIET_SECONDS < watch.now - last <= 2 * QUIET_SECONDS


def test_endless_burst_holds_work_for_at_most_a_second(watch: Watch) -> None:
    burst_gate = BurstGate(monotonic=watch)
    crowd(burst_gate, watch, repeat(0.0), BURST)
    step, began = QUIET_SECONDS / 2, watch.now

    def look() -> float:
        watch.now += step
        burst_gate._arrivals.extend([watch.now] * BURST)
        return watch.now

    burst_gate._monotonic = look
    burst_gate.wait()
    assert MAX_HOLD <= watch.now - began < MAX_HOLD + 0.1
    waited = watch.now
    burst_gate.wait()  # the same burst does not hold back the next job either
    assert watch.now - waited == pytest.approx(step)


def test_two_executors_share_one_burst_gate() -> None:
    burst_gate, done = BurstGate(), threading.Semaphore(0)
    executors = [
        BoundedExecutor(name, workers=1, queue=2 * BURST, burst_gate=burst_gate) for name in ("one", "other")
    ]
    for number in range(2 * BURST):
        executors[number % 2].submit(done.release)
    for executor in executors:
        executor.shutdown()
    assert sum(done.acquire(blocking=False) for _ in range(2 * BURST)) == 2 * BURST
    assert len(burst_gate._arrivals) == BURST


def test_refused_job_counts_as_an_arrival() -> None:
    burst_gate = BurstGate()
    executor = BoundedExecutor("full", workers=1, queue=0, burst_gate=burst_gate)
    gate = threading.Event()
    executor.submit(gate.wait)
    with pytest.raises(QueueFull):
        executor.submit(gate.wait)
    gate.set()
    executor.shutdown()
    assert len(burst_gate._arrivals) == 2


def test_jobs_wait_during_a_burst() -> None:
    waiting, gate, began = threading.Event(), threading.Event(), threading.Event()

    class Burst(BurstGate):
        """A burst that lasts until the gate opens."""

        def wait(self) -> None:
            waiting.set()
            gate.wait(5)

    executor = BoundedExecutor("patient", workers=1, queue=0, burst_gate=Burst())
    executor.submit(began.set)
    assert waiting.wait(5)
    assert not began.is_set()
    gate.set()
    assert began.wait(5)
    executor.shutdown()
