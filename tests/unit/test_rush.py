"""While many arrive at once, work that was taken lets them be acknowledged first."""

import threading
from collections.abc import Iterator
from itertools import count, repeat

import pytest

from bot.serving.executors import LONGEST_HOLD, MOMENT, RUSH, RUSH_SECONDS, BoundedExecutor, Doorway, Full


class Watch:
    """A stopwatch that moves on by a step each time it is looked at, and counts how often it was."""

    def __init__(self) -> None:
        self.now, self.step, self.looks = 1000.0, 0.0, 0

    def __call__(self) -> float:
        self.now += self.step
        self.looks += 1
        return self.now


def crowd(doorway: Doorway, watch: Watch, times: Iterator[float], number: int) -> None:
    for _ in range(number):
        watch.now = 1000.0 + next(times)
        doorway.enter()


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_work_begins_at_once_when_few_arrive(watch: Watch) -> None:
    doorway = Doorway(monotonic=watch)
    crowd(doorway, watch, repeat(0.0), RUSH - 1)
    watch.looks = 0
    doorway.wait()
    assert watch.looks == 1


def test_work_begins_at_once_when_many_arrive_one_after_the_other(watch: Watch) -> None:
    doorway = Doorway(monotonic=watch)
    crowd(doorway, watch, count(0.0, 1.2 * RUSH_SECONDS / (RUSH - 1)), 4 * RUSH)
    watch.looks = 0
    doorway.wait()
    assert watch.looks == 1


def test_work_waits_for_a_rush_until_nobody_has_come_for_a_moment(watch: Watch) -> None:
    doorway = Doorway(monotonic=watch)
    crowd(doorway, watch, repeat(0.0), RUSH)
    watch.step, last = MOMENT / 4, watch.now
    doorway.wait()
    assert MOMENT < watch.now - last <= 2 * MOMENT


def test_a_rush_without_an_end_holds_work_back_for_a_second_and_no_more(watch: Watch) -> None:
    doorway = Doorway(monotonic=watch)
    crowd(doorway, watch, repeat(0.0), RUSH)
    step, began = MOMENT / 2, watch.now

    def look() -> float:
        watch.now += step
        doorway._arrivals.extend([watch.now] * RUSH)
        return watch.now

    doorway._monotonic = look
    doorway.wait()
    assert LONGEST_HOLD <= watch.now - began < LONGEST_HOLD + 0.1
    waited = watch.now
    doorway.wait()  # nor is the next piece of work held back by the same rush
    assert watch.now - waited == pytest.approx(step)


def test_jobs_of_two_executors_wait_at_one_doorway() -> None:
    doorway, done = Doorway(), threading.Semaphore(0)
    executors = [BoundedExecutor(name, workers=1, queue=2 * RUSH, doorway=doorway) for name in ("one", "other")]
    for number in range(2 * RUSH):
        executors[number % 2].submit(done.release)
    for executor in executors:
        executor.shutdown()
    assert sum(done.acquire(blocking=False) for _ in range(2 * RUSH)) == 2 * RUSH
    assert len(doorway._arrivals) == RUSH


def test_who_is_turned_away_has_arrived_too() -> None:
    doorway = Doorway()
    executor = BoundedExecutor("full", workers=1, queue=0, doorway=doorway)
    gate = threading.Event()
    executor.submit(gate.wait)
    with pytest.raises(Full):
        executor.submit(gate.wait)
    gate.set()
    executor.shutdown()
    assert len(doorway._arrivals) == 2


def test_jobs_wait_while_there_is_a_rush() -> None:
    waiting, gate, began = threading.Event(), threading.Event(), threading.Event()

    class Rush(Doorway):
        """A doorway that is thronged until the gate opens."""

        def wait(self) -> None:
            waiting.set()
            gate.wait(5)

    executor = BoundedExecutor("patient", workers=1, queue=0, doorway=Rush())
    executor.submit(began.set)
    assert waiting.wait(5)
    assert not began.is_set()
    gate.set()
    assert began.wait(5)
    executor.shutdown()
