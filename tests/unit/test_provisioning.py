"""Making profiles: once, as the template says, never another's, and finished by another replica."""

from dataclasses import replace
from typing import Any

import pytest

from bot.admin.decisions import Decision
from bot.admin.new_profiles import HELD, space_name
from bot.core import audit
from bot.core.access import Effect, Mapping, Member
from bot.core.errors import ProfileConflict, StoreError, StudioError
from bot.core.jobs import Item, ItemKind, Job, JobState, Workspace
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.records import Actor, DecisionResult, RequestState
from bot.workspaces.provisioning import MAX_TAG_VALUE, tags_of
from tests.fakes import ANA, BEN, NOON, a_grant, a_mapping
from tests.fakes_access_requests import an_access_request
from tests.fakes_jobs import ADA, a_job, later
from tests.fakes_resources import FULL
from tests.workspaces import MAPPING, Killed, Life, World

REQUEST = an_access_request()
WITH_SPACE = (Workspace(MAPPING, "ana-lab", "ml.m5.large"),)
PROFILE, SPACE = (
    Item(ItemKind.PROFILE, "ana", "d-research", "ana"),
    Item(ItemKind.SPACE, "ana-lab", "d-research", "ana"),
)


def begun(world: World, **more: Any) -> Job:
    """Start a job for ana, to whom the profile is mapped already."""
    world.access.give(ANA, MAPPING)
    job = a_job(**more)
    assert world.jobs.start(job, "a", NOON)
    return job


def approved(world: World, **more: Any) -> None:
    """Start a job of an approval whose process was killed right after the decision."""
    world.requests.ask(REQUEST)
    world.jobs.start(a_job(request_id=REQUEST.id, until=later(60), **more), "a", NOON)
    world.requests.decide(ANA, REQUEST.id, RequestState.APPROVED, ADA.name, NOON)
    world.audit.open(audit.asked("decide", ADA, REQUEST, NOON, "approved"))


def test_approval_that_is_not_recorded_is_taken_back() -> None:
    """Its process was killed in between, or somebody has written both into the runtime table."""
    world = World()
    approved(world)
    world.audit.entries.clear()
    assert world.finish().state is JobState.CANCELLED
    assert (world.resources.calls, world.access.read(ANA).mappings, world.access.read(ANA).grants) == ([], (), ())
    assert world.requests.find(ANA) == REQUEST


def test_profile_is_made_with_tags_and_mapped() -> None:
    world = World()
    begun(world)
    assert world.finish().state is JobState.DONE
    assert world.resources.calls == [("create profile", "ana")]
    [made] = world.resources.profiles.values()
    tags = {"studio-links": "yes", "studio-links-team": ANA.tenant, "studio-links-member": ANA.user_id}
    assert made.tags == tags | {"studio-links-approver": ADA.name}
    [mapping] = world.access.read(ANA).mappings
    assert (mapping.profile_arn or "").endswith("user-profile/d-research/ana")


def test_space_is_made_after_the_profile_is_in_service() -> None:
    world = World()
    begun(world, workspaces=WITH_SPACE)
    assert world.finish().items == (PROFILE, SPACE)
    assert world.resources.calls == [("create profile", "ana"), ("create space", "ana-lab")]
    [entry] = [each for each in world.audit.entries.values() if each.action == "provision"]
    assert entry.outcome == "done"
    assert (entry.after or {})["made"] == [str(PROFILE), str(SPACE)]


def test_waiting_for_aws_takes_no_time_of_a_visit() -> None:
    world = World()
    begun(world)
    world.resources.slow = 5
    after = world.replica().visit(ANA)
    assert after is not None
    assert after.is_open
    assert world.replica().visit(ANA) is None  # not before the next visit is due


@pytest.mark.parametrize("workspaces", [(Workspace(MAPPING),), WITH_SPACE])
def test_killed_at_any_call_another_replica_makes_all_once(workspaces: tuple[Workspace, ...]) -> None:
    number, died = 0, True
    while died:
        world = World()
        approved(world, workspaces=workspaces)
        died = world.kill_at(number)
        number += 1
        job = world.jobs.find(ANA)
        assert job is not None
        assert (number, job.state) == (number, JobState.DONE)
        assert len(world.resources.calls) == len(set(world.resources.calls)) == len(job.items)
        records = world.access.read(ANA)
        assert [mapping.profile_name for mapping in records.mappings] == ["ana"]
        assert [(grant.effect, grant.until) for grant in records.grants] == [(Effect.ALLOW, later(60))]
        ends = [entry.outcome for entry in world.audit.entries.values() if entry.action == "provision"]
        assert ends == ["done"]
        assert 1 <= sum(not each.is_open for each in world.shown) <= 2
    assert number > 30


@pytest.mark.parametrize("state", [RequestState.OPEN, RequestState.DENIED, RequestState.WITHDRAWN])
def test_nothing_is_made_without_the_approval(state: RequestState) -> None:
    world = World()
    world.requests.ask(REQUEST)
    if state is not RequestState.OPEN:
        world.requests.decide(ANA, REQUEST.id, state, ADA.name, NOON)
    world.jobs.start(a_job(request_id=REQUEST.id), "a", NOON)
    assert world.finish().state is JobState.CANCELLED
    assert world.resources.calls == []
    assert world.access.read(ANA).mappings == ()


def test_nothing_is_made_for_an_approval_of_somebody_else() -> None:
    world = World()
    approved(world, actor=Actor("U0BEA00001", Source.FORM))
    assert world.finish().state is JobState.CANCELLED
    assert world.resources.calls == []


@pytest.mark.parametrize("tags", [{}, tags_of(BEN, ADA.name), {"studio-links": "yes"}])
def test_existing_profile_with_other_tags_is_never_taken_over(tags: dict[str, str]) -> None:
    world = World()
    begun(world, workspaces=WITH_SPACE)
    world.resources.add_profile(a_mapping(profile="ANA"), tags=tags)
    job = world.finish()
    assert (job.state, world.resources.calls) == (JobState.FAILED, [])
    assert "was not made for this member" in job.why
    assert world.access.read(ANA).mappings == ()  # nobody opens it, either


def test_space_of_another_is_never_taken_over() -> None:
    world = World()
    begun(world, workspaces=WITH_SPACE)
    world.resources.add_space(a_mapping(profile="ben"), "ana-lab", tags=tags_of(ANA, ADA.name))
    job = world.finish()
    assert (job.state, world.resources.calls) == (JobState.FAILED, [("create profile", "ana")])


def test_failure_reason_of_aws_ends_the_job() -> None:
    world = World()
    begun(world)
    world.resources.add_profile(MAPPING, status="Failed", failure="no such role", tags=tags_of(ANA, ADA.name))
    job = world.finish()
    assert job.state is JobState.FAILED
    assert "no such role" in job.why
    [entry] = [each for each in world.audit.entries.values() if each.action == "provision"]
    assert (entry.outcome, entry.detail) == ("failed", job.why)


def test_throttling_is_tried_again_and_a_refusal_is_not() -> None:
    world = World()
    begun(world)
    world.resources.error = StudioError("slow down", reason=Reason.AWS_THROTTLED)
    world.replica().visit_all(ANA.tenant)
    assert (job := world.jobs.find(ANA)) is not None
    assert job.is_open
    world.clock.advance(600)
    world.resources.error = StudioError("not allowed: print iam-policy", reason=Reason.AWS_REFUSED)
    assert world.finish().why == "not allowed: print iam-policy"


def test_two_creators_at_once_make_one_profile() -> None:
    world = World()
    job = begun(world)
    world.resources.error, world.resources.failing = FULL, "create_profile"
    world.replica().visit_all(ANA.tenant)
    world.resources.error = None
    world.resources.add_profile(MAPPING, tags=tags_of(ANA, ADA.name))  # by another replica, at the same time
    world.clock.advance(600)
    assert world.finish().state is JobState.DONE
    assert job.items == ()


def test_profile_deleted_meanwhile_is_not_made_again() -> None:
    world = World()
    begun(world)
    world.resources.slow = 9
    world.replica().visit(ANA)
    world.resources.profiles.clear()
    world.clock.advance(10)
    job = world.finish()
    assert (job.state, world.resources.calls) == (JobState.FAILED, [("create profile", "ana")])
    assert "was deleted while it was being made" in job.why


@pytest.mark.parametrize("what", ["blocked", "unmapped"])
def test_nothing_more_is_made_for_a_member_who_lost_access(what: str) -> None:
    world = World()
    begun(world, workspaces=WITH_SPACE)
    world.replica().visit(ANA)
    if what == "blocked":
        world.access.give(ANA, a_grant(effect=Effect.DENY))
    else:
        world.admin.unmap(ANA, None, ADA)
    world.clock.advance(10)
    assert world.finish().state is JobState.CANCELLED
    assert world.resources.calls == [("create profile", "ana")]


def test_job_that_takes_too_long_fails() -> None:
    world = World()
    begun(world)
    world.resources.slow = 10_000
    world.replica().visit(ANA)
    world.clock.advance(3601)
    assert "longer than an hour" in world.finish().why


def test_job_that_nobody_visited_for_hours_goes_on() -> None:
    world = World()
    begun(world)
    world.replica().visit(ANA)
    world.clock.advance(3601)
    assert world.finish().state is JobState.DONE


def test_domain_without_a_template_makes_nothing() -> None:
    world = World()
    world.templates = {}
    begun(world)
    assert "STUDIO_PROFILE_TEMPLATE_D_RESEARCH" in world.finish().why
    assert world.resources.calls == []


def test_tag_values_fit_aws() -> None:
    approver = tags_of(ANA, "cli:arn:aws:sts::1:assumed-role/x/a,b=c;" + "x" * 300)["studio-links-approver"]
    assert approver.startswith("cli:arn:aws:sts::1:assumed-role/x/a-b=c-")
    assert len(approver) == MAX_TAG_VALUE


def test_second_approver_is_in_the_tags() -> None:
    world = World()
    begun(world, actor=replace(ADA, approved_by="U0BEA00001"))
    world.finish()
    [made] = world.resources.profiles.values()
    assert made.tags["studio-links-approver"] == "U0BEA00001"


# Approvals


def approve(
    world: World, mapping: Mapping | None = MAPPING, *, creation: str | None = "", life: Life | None = None
) -> Decision:
    by = Member(ANA.tenant, ADA.name)
    return world.approvals(life).approve(
        by, ANA, REQUEST.id, mapping, source=Source.FORM, asked_for=True, creation=creation
    )


def test_approval_makes_the_profile_and_a_space() -> None:
    world = World()
    world.requests.ask(REQUEST)
    decision = approve(world, creation="ml.m5.large")
    assert (decision.result, decision.makes) == (DecisionResult.DONE, True)
    job = world.finish()
    assert job.state is JobState.DONE
    assert world.resources.calls == [("create profile", "ana"), ("create space", "ana-lab")]


def test_approval_of_an_existing_profile_makes_nothing() -> None:
    world = World()
    world.requests.ask(REQUEST)
    world.studio.add("d-research", "ana")
    assert not approve(world, creation=None).makes
    assert world.jobs.find(ANA) is None


@pytest.mark.parametrize(
    ("mapping", "creation", "result"),
    [
        (a_mapping(domain="d-other"), "", DecisionResult.NO_TEMPLATE),
        (MAPPING, "ml.p5.48xlarge", DecisionResult.NO_TEMPLATE),
        (a_mapping(profile="BEN"), "", DecisionResult.PROFILE_EXISTS),
    ],
)
def test_approval_that_can_make_nothing_leaves_the_request_open(
    mapping: Mapping, creation: str, result: DecisionResult
) -> None:
    world = World()
    world.requests.ask(REQUEST)
    world.studio.add("d-research", "ben")
    assert approve(world, mapping, creation=creation).result is result
    assert world.requests.find(ANA) == REQUEST
    assert world.jobs.find(ANA) is None


def test_approval_waits_for_other_work_on_the_member() -> None:
    world = World()
    world.jobs.start(a_job(id="3" * 32), "a", NOON)
    world.requests.ask(REQUEST)
    assert approve(world).result is DecisionResult.WORK_UNDER_WAY


def test_approval_that_cannot_be_carried_out_makes_nothing() -> None:
    world = World()
    world.access.give(BEN, MAPPING)
    world.requests.ask(REQUEST)
    with pytest.raises(ProfileConflict):
        approve(world)
    assert world.requests.find(ANA) == REQUEST
    assert (job := world.jobs.find(ANA)) is not None
    assert job.state is JobState.CANCELLED


def test_approval_holds_where_its_job_cannot_be_released(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.requests.ask(REQUEST)
    with monkeypatch.context() as throttled:
        error = StoreError("it throttles us: try again", reason=Reason.STORE_THROTTLED)
        throttled.setattr(world.jobs, "save", lambda *_: (_ for _ in ()).throw(error))
        assert approve(world).result is DecisionResult.DONE
    assert (request := world.requests.find(ANA)) is not None
    assert request.state is RequestState.APPROVED
    world.clock.advance(HELD.total_seconds())
    assert world.finish().state is JobState.DONE
    assert len(world.access.read(ANA).mappings) == len(world.access.read(ANA).grants) == 1


def test_approval_killed_at_any_call_makes_all_once_or_nothing() -> None:
    number, died = 0, True
    while died:
        world, died = World(), False
        world.requests.ask(REQUEST)
        try:
            approve(world, creation="ml.m5.large", life=Life(number))
        except Killed:
            died = True
            world.clock.advance(HELD.total_seconds())
        number += 1
        job = world.finish() if world.jobs.find(ANA) else None
        request = world.requests.find(ANA)
        assert request is not None
        if request.state is RequestState.OPEN:
            assert (number, world.resources.calls) == (number, [])
            assert approve(world).result is DecisionResult.DONE  # it can be decided still
        else:
            assert job is not None
            assert (number, job.state) == (number, JobState.DONE)
            assert world.resources.calls == [("create profile", "ana"), ("create space", "ana-lab")]
            assert len(world.access.read(ANA).mappings) == len(world.access.read(ANA).grants) == 1
    assert number > 20


def test_second_approver_makes_what_the_first_one_named() -> None:
    world = World(rules=Rules(approvals=2))
    world.requests.ask(REQUEST)
    assert approve(world, creation="ml.m5.large").result is DecisionResult.ENDORSED
    decision = world.approvals().approve(BEN, ANA, REQUEST.id, source=Source.BUTTON)
    assert decision.makes
    assert world.finish().workspaces[0].instance == "ml.m5.large"


@pytest.mark.parametrize("profile", ["a", "a" * 63, "a" * 58 + "-bcde"])
def test_space_name_fits_aws(profile: str) -> None:
    replace(MAPPING, space_name=space_name(profile))
