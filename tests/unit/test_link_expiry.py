"""Messages show that their link has expired if they still show it, on any replica."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.core.errors import QueueFull, StoreError
from bot.core.link import Reason
from bot.core.values import utc_now
from bot.slack.link_expiry import LinkExpiry
from tests.fakes import NOON, Clock, race
from tests.fakes_access_requests import FakeMessages

MESSAGE = "C0GENERAL01/1893499200.000001"
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)
LAST = "the last one"
Job = Callable[[], object]


@dataclass
class World:
    """One replica with a manual clock. `refusals` are raised instead of running a job."""

    clock: Clock = field(default_factory=Clock)
    messages: FakeMessages = field(default_factory=FakeMessages)
    expired: queue.Queue[str] = field(default_factory=queue.Queue)
    refusals: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link_expiry = LinkExpiry(self.messages, self.run, now=self.clock.now, monotonic=self.clock.monotonic)

    def run(self, job: Job) -> object:
        if self.refusals:
            raise self.refusals.pop(0)
        return job()

    def watch(self, request_id: str, message: str = MESSAGE, *, seconds: float = 60) -> None:
        expires_at = self.clock.now() + timedelta(seconds=seconds)
        self.link_expiry.watch(message, request_id, expires_at, lambda: self.expired.put(request_id))

    def after(self, seconds: float) -> list[str]:
        """Return the messages that have expired after that time, in order. One more watch wakes the thread."""
        self.clock.advance(seconds)
        self.watch(LAST, LAST, seconds=0)
        return list(iter(lambda: self.expired.get(timeout=10), LAST))


@pytest.fixture
def worlds() -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(messages: FakeMessages | None = None, clock: Clock | None = None) -> World:
        made.append(World(clock or Clock(), messages or FakeMessages()))
        return made[-1]

    yield make
    for world in made:
        end(world.link_expiry)


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:
    return worlds()


def end(link_expiry: LinkExpiry) -> None:
    link_expiry.stop()
    if link_expiry._thread is not None:
        link_expiry._thread.join(timeout=10)
        assert not link_expiry._thread.is_alive()


# Timing


def test_message_expires_with_its_link(world: World) -> None:
    world.watch("first")
    assert world.after(59.9) == []
    assert world.after(0.1) == ["first"]


def test_message_expires_once(world: World) -> None:
    world.watch("first")
    assert world.after(60) == ["first"]
    assert world.after(3600) == []


@pytest.mark.parametrize("seconds", [0, -1, -3600])
def test_expired_link_is_replaced_immediately(world: World, seconds: float) -> None:
    world.watch("first", seconds=seconds)
    assert world.after(0) == ["first"]


def test_messages_expire_in_order_of_expiry(world: World) -> None:
    for seconds in (30, 10, 20, 40, 5):
        world.watch(f"after {seconds}", f"message {seconds}", seconds=seconds)
    assert world.after(30) == ["after 5", "after 10", "after 20", "after 30"]
    assert world.after(10) == ["after 40"]


def test_messages_with_equal_expiry_keep_their_order(world: World) -> None:
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        world.watch(name, name)
    assert world.after(60) == names


def test_later_message_with_earlier_expiry_is_not_delayed() -> None:
    """On the real clock: the thread sleeps for the first, and is woken for the second."""
    expired: queue.Queue[str] = queue.Queue()
    link_expiry = LinkExpiry(FakeMessages(), lambda job: job())
    link_expiry.watch("message 1", "late", utc_now() + timedelta(hours=1), lambda: expired.put("late"))
    link_expiry.watch("message 2", "early", utc_now() + timedelta(milliseconds=5), lambda: expired.put("early"))
    assert expired.get(timeout=10) == "early"
    end(link_expiry)
    assert expired.empty()


def test_wall_clock_set_back_does_not_delay_expiry(worlds: Callable[..., World]) -> None:
    """A wall clock set back delays no message."""
    world = worlds()
    world.watch("first")
    world.clock._at -= timedelta(hours=1)
    assert world.after(60) == ["first"]


def test_no_thread_before_the_first_watch(world: World) -> None:
    assert world.link_expiry._thread is None
    world.link_expiry.forget(MESSAGE, "first")
    assert world.link_expiry._thread is None


# What the message shows at expiry


def test_opened_link_is_not_replaced(world: World) -> None:
    world.watch("first")
    world.link_expiry.forget(MESSAGE, "first")
    assert world.after(60) == []


def test_message_expires_with_its_newest_link(world: World) -> None:
    world.watch("first")
    world.clock.advance(30)
    world.watch("second")
    assert world.after(30) == []
    assert world.after(30) == ["second"]


def test_forget_affects_one_message_only(world: World) -> None:
    world.watch("first", "message 1")
    world.watch("second", "message 2")
    world.link_expiry.forget("message 1", "first")
    assert world.after(60) == ["second"]


def test_link_opened_before_watch_is_not_replaced(world: World) -> None:
    world.link_expiry.forget(MESSAGE, "first")
    world.watch("first")
    assert world.after(60) == []
    assert world.messages.shown(MESSAGE) == "gone first"


def test_next_link_in_a_forgotten_message_expires(world: World) -> None:
    world.link_expiry.forget(MESSAGE, "first")
    world.watch("second")
    assert world.after(60) == ["second"]


def test_forgotten_link_never_expires_whatever_the_order(world: World) -> None:
    for number in range(20):
        name = f"link {number}"
        outcome = race(
            lambda name=name: world.watch(name, name),  # type: ignore[misc]
            lambda name=name: world.link_expiry.forget(name, name),  # type: ignore[misc]
        )
        assert outcome == [None, None]
    assert world.after(60) == []


def test_message_changed_by_another_replica_is_not_replaced(worlds: Callable[..., World]) -> None:
    messages, clock = FakeMessages(), Clock()
    one, other = worlds(messages, clock), worlds(messages, clock)
    one.watch("first")
    other.watch("second", seconds=90)
    assert one.after(60) == []
    clock.advance(30)
    assert other.after(0) == ["second"]


def test_link_opened_through_another_replica_is_not_replaced(worlds: Callable[..., World]) -> None:
    messages = FakeMessages()
    one, other = worlds(messages), worlds(messages)
    one.watch("first")
    other.link_expiry.forget(MESSAGE, "first")
    assert one.after(60) == []


# Failures


def test_watch_without_a_stored_note_does_nothing(world: World) -> None:
    world.messages.error = BROKEN
    with capture_logs() as logs:
        world.watch("first")
    assert [line["event"] for line in logs] == ["message_not_noted"]
    world.messages.error = None
    assert world.after(60) == []


def test_failed_forget_is_logged(world: World) -> None:
    world.messages.error = BROKEN
    with capture_logs() as logs:
        world.link_expiry.forget(MESSAGE, "first")
    assert [line["event"] for line in logs] == ["message_not_noted"]


class FailingOnce(FakeMessages):
    """Fails on its first read."""

    def __init__(self) -> None:
        super().__init__()
        self.failed = False

    def shown(self, message: str) -> str | None:
        if not self.failed:
            self.failed = True
            raise BROKEN
        return super().shown(message)


def test_unreadable_message_does_not_stop_the_others(
    worlds: Callable[..., World],
) -> None:
    world = worlds(FailingOnce())
    world.watch("first", "message 1")
    world.watch("second", "message 2", seconds=61)
    with capture_logs() as logs:
        assert world.after(61) == ["second"]
    assert [line["event"] for line in logs] == ["expiry_not_shown"]


@pytest.mark.parametrize("refusal", [QueueFull(), RuntimeError("a defect")], ids=["full", "a defect"])
def test_rejected_job_does_not_stop_the_others(world: World, refusal: Exception) -> None:
    world.watch("first", "message 1")
    world.watch("second", "message 2", seconds=61)
    world.refusals.append(refusal)
    with capture_logs() as logs:
        assert world.after(61) == ["second"]
    assert [(line["event"], line["why"]) for line in logs] == [("expiry_not_shown", type(refusal).__name__)]


def test_failing_replacement_does_not_stop_the_others(world: World) -> None:
    def fail() -> None:
        raise RuntimeError("a defect")

    world.link_expiry.watch(MESSAGE, "first", NOON, fail)
    world.watch("second", "message 2")
    assert world.after(60) == ["second"]


def test_replacement_runs_outside_the_scheduling_thread() -> None:
    jobs: queue.Queue[Job] = queue.Queue()
    expired: list[str] = []
    link_expiry = LinkExpiry(FakeMessages(), jobs.put)
    link_expiry.watch(MESSAGE, "first", utc_now(), lambda: expired.append(threading.current_thread().name))
    job = jobs.get(timeout=10)
    assert expired == []
    job()
    assert expired == [threading.current_thread().name]
    end(link_expiry)


def test_link_opened_while_its_replacement_is_queued_is_kept() -> None:
    jobs: queue.Queue[Job] = queue.Queue()
    expired: list[str] = []
    link_expiry = LinkExpiry(FakeMessages(), jobs.put)
    link_expiry.watch(MESSAGE, "first", utc_now(), lambda: expired.append("first"))
    job = jobs.get(timeout=10)
    link_expiry.forget(MESSAGE, "first")
    job()
    assert expired == []
    end(link_expiry)


# Stop


def test_nothing_expires_after_stop(world: World) -> None:
    world.watch("first")
    end(world.link_expiry)
    world.clock.advance(60)
    world.watch("second", seconds=0)
    assert world.expired.empty()
    assert world.link_expiry._thread is not None
    assert not world.link_expiry._thread.is_alive()


def test_stop_ends_a_long_wait() -> None:
    link_expiry = LinkExpiry(FakeMessages(), lambda job: job())
    link_expiry.watch(MESSAGE, "first", utc_now() + timedelta(days=1), lambda: None)
    end(link_expiry)


def test_stop_before_the_first_watch(world: World) -> None:
    world.link_expiry.stop()
    world.link_expiry.stop()
    world.watch("first", seconds=0)
    assert world.link_expiry._thread is None
    assert world.expired.empty()
