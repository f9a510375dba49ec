"""Removing workspaces: in AWS's order, never anybody else's, and finished by another replica."""

from dataclasses import replace
from typing import Any

import pytest

from bot.core.access import Effect, Mapping
from bot.core.errors import StudioError
from bot.core.jobs import Item, ItemKind, ItemState, Job, JobKind, JobState, Workspace
from bot.core.link import Reason
from bot.workspaces.offboarding import UNMAPPED, Offboarding
from tests.fakes import ANA, BEN, NOON, a_grant, a_mapping
from tests.fakes_jobs import a_job
from tests.workspaces import MAPPING, World

REFUSED = StudioError("not allowed: print iam-policy", reason=Reason.AWS_REFUSED, code="AccessDeniedException")
OTHERS = a_mapping(profile="ben", set_by="", set_at=None)
GONE, KEPT, FAILED = ItemState.GONE, ItemState.KEPT, ItemState.FAILED


def a_world() -> World:
    """Return ana's profile with an app and a private space with one, and ben's with a space of the same kind."""
    world = World()
    world.access.give(ANA, MAPPING)
    world.access.give(ANA, a_grant())
    world.access.give(BEN, OTHERS)
    for mapping, space in ((MAPPING, "ana-lab"), (OTHERS, "ben-lab")):
        world.resources.add_profile(mapping)
        world.resources.add_space(mapping, space)
        world.resources.add_app(mapping, space, name=f"in-{space}")
        world.resources.add_app(mapping, name=f"of-{mapping.profile_name}")
    return world


def begun(world: World, *mappings: Mapping, **more: Any) -> Job:
    job = a_job(kind=JobKind.OFFBOARD, workspaces=tuple(map(Workspace, mappings or (MAPPING,))), **more)
    world.begin(job)
    return job


def states(job: Job) -> dict[str, ItemState]:
    return {f"{item.kind} {item.name}": item.state for item in job.items}


def test_all_goes_in_the_order_that_aws_needs() -> None:
    world = a_world()
    begun(world)
    job = world.finish()
    assert job.state is JobState.DONE
    assert set(world.resources.calls[:2]) == {("delete app", "of-ana"), ("delete app", "in-ana-lab")}
    assert world.resources.calls[2:] == [("delete space", "ana-lab"), ("delete profile", "ana")]
    assert set(states(job).values()) == {GONE}
    assert world.access.read(ANA).mappings == ()
    assert world.admin.access.ownership(MAPPING).holder is None


def test_member_is_blocked_before_anything_is_deleted() -> None:
    world = a_world()
    begun(world)
    world.resources.error = StudioError("slow down", reason=Reason.AWS_THROTTLED)
    world.replica().visit_all(ANA.tenant)
    assert [grant.effect for grant in world.access.read(ANA).grants if grant.effect is Effect.DENY]
    assert world.resources.calls == []


def test_rule_that_blocks_for_good_is_left_as_it_is() -> None:
    world = a_world()
    world.access.give(ANA, denied := a_grant(effect=Effect.DENY, reason="laptop stolen"))
    begun(world)
    world.finish()
    assert denied in world.access.read(ANA).grants


def test_nothing_of_another_profile_is_touched() -> None:
    world = a_world()
    begun(world)
    world.finish()
    assert list(world.resources.profiles) == [("d-research", "ben")]
    assert list(world.resources.all_spaces) == [("d-research", "ben-lab")]
    assert len(world.resources.running["d-research", "ben-lab"]) == 1
    assert world.access.read(BEN).mappings == (OTHERS,)


def test_shared_space_stays_with_the_profile_that_owns_it() -> None:
    world = a_world()
    world.resources.add_space(MAPPING, "team", shared=True)
    world.resources.add_app(MAPPING, "team", name="of-all")
    begun(world)
    job = world.finish()
    assert job.state is JobState.DONE
    assert states(job)["shared_space team"] is states(job)["profile ana"] is KEPT
    assert "team" in next(item.why for item in job.items if item.kind is ItemKind.PROFILE)
    assert ("delete app", "of-all") not in world.resources.calls
    assert ("delete space", "ana-lab") in world.resources.calls
    assert world.access.read(ANA).mappings == ()


def test_keep_files_stops_apps_and_leaves_spaces_and_profile() -> None:
    world = a_world()
    begun(world, keep_files=True)
    job = world.finish()
    assert {what for what, _ in world.resources.calls} == {"delete app"}
    assert states(job)["space ana-lab"] is states(job)["profile ana"] is KEPT
    assert world.access.read(ANA).mappings == ()


@pytest.mark.parametrize("keep_files", [False, True])
def test_killed_at_any_call_another_replica_removes_all_once(*, keep_files: bool) -> None:
    number, died = 0, True
    while died:
        world = a_world()
        begun(world, keep_files=keep_files)
        died = world.kill_at(number)
        number += 1
        job = world.jobs.find(ANA)
        assert job is not None
        assert (number, job.state) == (number, JobState.DONE)
        assert len(world.resources.calls) == len(set(world.resources.calls)) == (2 if keep_files else 4)
        ends = [entry.outcome for entry in world.audit.entries.values() if entry.action == "offboard"]
        assert ends == ["started", "done"]
        done = [entry.action for entry in world.audit.entries.values() if entry.action in ("deny", "unmap")]
        assert sorted(done) == ["deny", "unmap"]
    assert number > 40


@pytest.mark.parametrize(
    ("failing", "what"), [("delete_app", "app"), ("delete_space", "space"), ("delete_profile", "profile")]
)
def test_what_aws_refuses_is_reported_and_stays_mapped(failing: str, what: str) -> None:
    world = a_world()
    begun(world)
    world.resources.error, world.resources.failing = REFUSED, failing
    job = world.finish()
    assert job.state is JobState.INCOMPLETE
    assert [item.why for item in job.of(FAILED) if item.kind.value == what] == [str(REFUSED)] * (
        2 if what == "app" else 1
    )
    assert states(job)["profile ana"] is FAILED
    assert world.access.read(ANA).mappings == (MAPPING,)
    world.resources.error = None  # somebody has fixed it, and asks again
    begun(world, id="2" * 32)
    assert world.finish().state is JobState.DONE


def test_deletion_that_failed_at_aws_is_reported() -> None:
    world = a_world()
    begun(world)
    world.replica().visit_all(ANA.tenant)
    world.clock.advance(10)
    world.resources.running.clear()
    world.replica().visit_all(ANA.tenant)
    world.resources.add_space(MAPPING, "ana-lab", status="Delete_Failed", failure="volume in use")
    world.clock.advance(10)
    job = world.finish()
    assert job.state is JobState.INCOMPLETE
    assert "volume in use" in next(item.why for item in job.items if item.kind is ItemKind.SPACE)


def test_what_takes_too_long_is_reported() -> None:
    world = a_world()
    begun(world)
    world.resources.slow = 10_000
    world.replica().visit_all(ANA.tenant)
    world.clock.advance(3 * 3600 + 1)
    job = world.finish()
    assert job.state is JobState.INCOMPLETE
    assert "longer than three hours" in job.of(FAILED)[0].why


def test_gone_by_another_hand_counts_as_gone() -> None:
    world = a_world()
    begun(world)
    world.replica().visit_all(ANA.tenant)
    for kept in (world.resources.running, world.resources.all_spaces, world.resources.profiles):
        kept.clear()
    world.clock.advance(10)
    assert set(states(world.finish()).values()) == {GONE}


def test_two_profiles_of_a_domain_are_told_apart() -> None:
    world = a_world()
    second = a_mapping("two", "ana-2", set_by="", set_at=None)
    world.access.give(ANA, second)
    world.resources.add_profile(second)
    world.resources.add_space(second, "team", shared=True)
    begun(world, MAPPING, second)
    job = world.finish()
    assert (states(job)["profile ana"], states(job)["profile ana-2"]) == (GONE, KEPT)


def test_member_without_a_mapping_is_only_blocked() -> None:
    world = World()
    job = a_job(kind=JobKind.OFFBOARD, workspaces=())
    world.begin(job)
    assert world.finish().state is JobState.DONE
    assert [grant.effect for grant in world.access.read(ANA).grants] == [Effect.DENY]


def test_plan_shows_what_goes_and_what_stays_and_changes_nothing() -> None:
    world = a_world()
    world.resources.add_space(MAPPING, "team", shared=True)
    plan = Offboarding(world.admin, world.resources).plan([MAPPING, a_mapping("again", "ANA")])
    assert [(item.kind, item.state) for item in plan] == [
        (ItemKind.APP, ItemState.THERE),
        (ItemKind.APP, ItemState.THERE),
        (ItemKind.SPACE, ItemState.THERE),
        (ItemKind.SHARED_SPACE, KEPT),
        (ItemKind.PROFILE, KEPT),
    ]
    assert world.resources.calls == []
    assert len(world.access.read(ANA).grants) == 1


def test_items_are_the_same_whatever_case_a_profile_is_written_in() -> None:
    item = Item(ItemKind.PROFILE, "Ana", "d-research", "Ana")
    assert item.key == replace(item, name="ana", profile="ANA").key
    assert item.key != replace(item, domain_id="d-other").key


@pytest.mark.parametrize("how", ["no entry", "another administrator", "another job"])
def test_job_that_nobody_asked_for_removes_nothing(how: str) -> None:
    world = a_world()
    job = a_job(kind=JobKind.OFFBOARD, workspaces=(Workspace(MAPPING),))
    if how == "another administrator":
        world.begin(replace(job, actor=replace(job.actor, name="U0EVE00001")))
    elif how == "another job":
        world.begin(replace(job, id="9" * 32, state=JobState.DONE))
    world.jobs.kept.clear()
    world.jobs.start(job, "a", NOON)
    world.replica().visit_all(ANA.tenant)
    assert world.jobs.find(ANA) == job  # the entry may yet come
    world.clock.advance(61)
    assert world.finish().state is JobState.CANCELLED
    assert world.resources.calls == []
    assert world.access.read(ANA).grants == (a_grant(),)


def test_profile_that_is_not_the_members_is_left_alone() -> None:
    world = a_world()
    begun(world, OTHERS)
    world.finish()
    assert world.resources.calls == []


def test_profile_unmapped_meanwhile_is_reported() -> None:
    world = a_world()
    begun(world)
    world.replica().visit_all(ANA.tenant)
    world.admin.unmap(ANA, None, a_job().actor)
    world.clock.advance(10)
    job = world.finish()
    assert job.state is JobState.INCOMPLETE
    assert {item.why for item in job.of(FAILED)} == {UNMAPPED}
