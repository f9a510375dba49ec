"""The thread that works on workspaces, in every replica."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.app import jobs
from bot.app.jobs import Jobs
from bot.core.errors import StoreError
from bot.core.jobs import JobState
from bot.core.link import Reason
from tests.fakes import ANA, NOON, TEAM
from tests.fakes_jobs import a_job
from tests.waiting import wait_until
from tests.workspaces import MAPPING, World

BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)


def a_thread(world: World) -> Jobs:
    return Jobs(world.replica(), lambda: {TEAM})


def test_woken_thread_finishes_a_job_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BUSY", 0.001)
    world = World()
    world.resources.slow = 0
    world.access.give(ANA, MAPPING)
    world.jobs.start(a_job(), "a", NOON)
    thread = a_thread(world)
    thread.start()
    thread.wake()
    wait_until(lambda: world.jobs.find(ANA).state is JobState.DONE)  # type: ignore[union-attr] # it was started
    thread.stop()


@pytest.mark.parametrize("error", [BROKEN, KeyError("x")])
def test_failure_is_logged_and_the_next_visit_tries_again(error: Any) -> None:
    world = World()
    world.jobs.error = error
    with capture_logs() as logs:
        assert a_thread(world).visit(TEAM) == 0
    assert [entry["event"] for entry in logs] == ["jobs_not_visited"]
    world.jobs.error = None
    assert a_thread(world).visit(TEAM) == 0


@pytest.mark.parametrize("error", [BROKEN, KeyError("x")])
def test_one_failing_job_does_not_keep_the_others_from_a_visit(error: Any) -> None:
    world = World()
    world.resources.error = error
    world.access.give(ANA, MAPPING)
    world.jobs.start(a_job(), "a", NOON)
    with capture_logs() as logs:
        assert a_thread(world).visit(TEAM) == 1
    assert [entry["event"] for entry in logs] == ["job_not_visited"]
