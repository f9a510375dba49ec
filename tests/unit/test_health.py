"""Readiness checks run often enough, and no more often than the upstreams can bear."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.core.errors import StudioLinksError
from bot.serving.health import FRESH, RECENT, STARTING, Health
from tests.fakes import Clock
from tests.waiting import wait_until


def started(check: Callable[[], None], **clock: Any) -> Health:
    """Return the health of a bot that has started."""
    health = Health(check, **clock)
    health.starting = None
    return health


class Upstream:
    """An upstream that responds or fails."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble: str | None = None

    def __call__(self) -> None:
        self.asked += 1
        if self.trouble:
            raise StudioLinksError(self.trouble)


def test_nothing_is_checked_before_the_bot_has_started() -> None:
    upstream = Upstream()
    health = Health(upstream)
    health.starting = "DynamoDB is away"
    assert (health.problem(), health.cached_status(), upstream.asked) == ("DynamoDB is away", "DynamoDB is away", 0)


def test_no_problem_if_upstreams_respond() -> None:
    assert started(Upstream()).problem() is None


def test_failing_upstream_is_the_problem() -> None:
    upstream = Upstream()
    upstream.trouble = "a table is missing: run `studio-links tables create`"
    assert started(upstream).problem() == upstream.trouble


def test_result_is_cached_while_it_is_fresh() -> None:
    clock, upstream = Clock(), Upstream()
    health = started(upstream, monotonic=clock.monotonic)
    for _ in range(100):
        health.problem()
    clock.advance(FRESH - 0.01)
    assert health.problem() is None
    assert upstream.asked == 1


def test_failure_and_recovery_are_noticed() -> None:
    clock, upstream = Clock(), Upstream()
    health = started(upstream, monotonic=clock.monotonic)
    assert health.problem() is None
    upstream.trouble = "gone: try again"
    clock.advance(FRESH)
    assert health.problem() == "gone: try again"
    upstream.trouble = None
    clock.advance(FRESH)
    assert health.problem() is None


def test_failure_and_recovery_are_logged_once() -> None:
    clock, upstream = Clock(), Upstream()
    health = started(upstream, monotonic=clock.monotonic)
    with capture_logs() as lines:
        for trouble in (None, None, "gone", "gone", "elsewhere", None, None):
            upstream.trouble = trouble
            clock.advance(FRESH)
            health.problem()

    assert [(line["event"], line["log_level"], line.get("why")) for line in lines] == [
        ("not_ready", "warning", "gone"),
        ("not_ready", "warning", "elsewhere"),
        ("ready_again", "info", None),
    ]


def test_other_callers_get_the_last_result_during_a_check() -> None:
    hanging, go_on = threading.Event(), threading.Event()

    def check() -> None:
        hanging.set()
        assert go_on.wait(timeout=10)

    health = started(check)
    first = threading.Thread(target=health.problem)
    first.start()
    assert hanging.wait(timeout=10)
    assert health.problem() == STARTING
    go_on.set()
    first.join(timeout=10)
    assert health.problem() is None


def test_check_that_raises_does_not_block_the_next() -> None:
    outcomes = iter([RuntimeError("a defect")])

    def check() -> None:
        for outcome in outcomes:
            raise outcome

    health = started(check)
    with pytest.raises(RuntimeError):
        health.problem()
    assert health.problem() is None


def test_cached_status_returns_at_once_and_refreshes() -> None:
    clock, asked, go_on = Clock(), threading.Semaphore(0), threading.Event()

    def check() -> None:
        asked.release()
        assert go_on.wait(timeout=10)

    health = started(check, monotonic=clock.monotonic)
    assert health.cached_status() == STARTING
    assert asked.acquire(timeout=10)
    assert health.cached_status() == STARTING
    go_on.set()
    wait_until(lambda: health.cached_status() is None)
    clock.advance(RECENT - 0.1)
    assert health.cached_status() is None
    assert not asked.acquire(blocking=False)
    clock.advance(0.1)
    health.cached_status()
    assert asked.acquire(timeout=10)
