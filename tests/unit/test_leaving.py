"""`/studio admin offboard` asks first, never removes oneself or the last administrator, and needs two where set."""

from dataclasses import replace
from typing import Any

import pytest

from bot.admin.leaving import Leaving
from bot.core.access import Effect, Mapping, Member, Person
from bot.core.errors import StudioError
from bot.core.jobs import Item, ItemKind, ItemState, Job, JobKind
from bot.core.link import Reason
from bot.core.policy import Rules
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, TEAM, a_grant, a_mapping
from tests.fakes_app import ADA, AppWorld
from tests.fakes_jobs import FakeJobs, a_job, later

WORDS = CATALOGUES["en"]
BEA = Member(TEAM, "U0BEA00001")
SPACE = Item(ItemKind.SPACE, "ana-lab", "d-research", "ana")


class World(AppWorld):
    """Ada and Bea administer; AWS has a space of Ana's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.jobs, self.plan_error = FakeJobs(), None
        self.directory.people[BEA.user_id] = Person(BEA.user_id, TEAM)
        self.woken = 0
        self.with_rules(Rules())

    def with_rules(self, rules: Rules, *configured: str) -> None:
        def plan(mappings: tuple[Mapping, ...], *, keep_files: bool) -> tuple[Item, ...]:  # noqa: ARG001
            if self.plan_error is not None:
                raise self.plan_error
            return (replace(SPACE, state=ItemState.KEPT if keep_files else ItemState.THERE),)

        def wake() -> None:
            self.woken += 1

        runner, names = self.app.command_runner, configured or (ADA.user_id, BEA.user_id)
        admin = replace(runner.admin, rules=rules)
        self.app.wake, admins = wake, frozenset(names)
        leaving = Leaving(admin, self.jobs, plan, admins, self.clock.now)
        self.app.command_runner = replace(runner, admin=admin, admins=admins, leaving=leaving)

    def button(self, action: str, member: Member = ADA) -> None:
        """Press a button of the last message."""
        sent = [*(message for message, _ in self.slack.replies), *(message for _, message in self.slack.posts)]
        found = [each for message in sent for block in message.blocks for each in block.get("elements", ())]
        [value] = {each["value"] for each in found if each.get("action_id") == action}
        self.press(action, value, member)


@pytest.fixture
def world() -> World:
    return World()


def offboard(world: World, who: str = ANA.user_id, more: str = "", by: Member = ADA) -> None:
    world.command(f"admin offboard {who} {more}", by)


def job_of(world: World) -> Job | None:
    return world.jobs.find(ANA)


def test_offboard_asks_with_what_goes_and_changes_nothing(world: World) -> None:
    offboard(world)
    shown = str(world.slack.replies[-1][0].blocks)
    assert "Off-board <@U0ANA00001>?" in shown
    assert "*To do*\\n• space ana-lab" in shown
    assert job_of(world) is None
    assert world.access.read(ANA).grants == (a_grant(),)


def test_confirmed_offboard_blocks_at_once_and_begins_a_job(world: World) -> None:
    offboard(world)
    world.button("admin_confirm")
    job = job_of(world)
    assert job is not None
    assert (job.kind, job.keep_files, job.actor.name) == (JobKind.OFFBOARD, False, ADA.user_id)
    assert [each.mapping.profile_name for each in job.workspaces] == ["ana"]
    assert Effect.DENY in [grant.effect for grant in world.access.read(ANA).grants]
    assert ("offboard", "started") in world.outcomes()
    assert world.woken == 1
    assert world.jobs.claim(ANA, "b", world.clock.now(), later(9)) is not None  # a replica may begin


def test_keep_files_is_kept_with_the_job(world: World) -> None:
    offboard(world, more="--keep-files")
    assert "*Stays*\\n• space ana-lab" in str(world.slack.replies[-1][0].blocks)
    world.button("admin_confirm")
    job = job_of(world)
    assert job is not None
    assert job.keep_files


@pytest.mark.parametrize("configured", [(ADA.user_id,), (ADA.user_id, BEA.user_id)])
def test_nobody_offboards_themselves(world: World, configured: tuple[str, ...]) -> None:
    world.with_rules(Rules(sole_admin=True), *configured)
    offboard(world, ADA.user_id)
    assert world.answer() == WORDS.admin.not_done[_reason("own_access")].format(user="<@U0ADA00001>")
    assert world.outcomes()[-1] == ("offboard", "own_access")


def _reason(value: str) -> Any:
    return next(reason for reason in WORDS.admin.not_done if reason.value == value)


def test_administrator_of_the_settings_is_not_offboarded(world: World) -> None:
    offboard(world, BEA.user_id)
    assert "STUDIO_ADMINS" in world.answer()
    assert world.outcomes()[-1] == ("offboard", "administrator")
    assert world.jobs.kept == {}


def test_member_is_offboarded_once(world: World) -> None:
    world.jobs.start(a_job(kind=JobKind.OFFBOARD), "a", later(9))
    offboard(world)
    world.button("admin_confirm")
    assert "being off-boarded already" in world.answer()


def test_offboard_takes_two_where_approvals_do(world: World) -> None:
    world.with_rules(Rules(domain_approvals={"d-research": 2}))
    offboard(world)
    world.button("admin_confirm")
    assert job_of(world) is None
    assert "Block <@U0ANA00001>, and delete" in str(world.slack.posts[-1][1].blocks)
    world.button("admin_agree", BEA)
    job = job_of(world)
    assert job is not None
    assert (job.actor.name, job.actor.approved_by) == (ADA.user_id, BEA.user_id)


def test_offboard_begins_nothing_after_a_change(world: World) -> None:
    offboard(world)
    world.access.give(ANA, a_mapping("new", "ana-2"))
    world.button("admin_confirm")
    assert world.answer() == WORDS.admin.changed
    assert world.jobs.kept == {}


def test_offboard_begins_nothing_without_a_record(world: World) -> None:
    offboard(world)
    world.audit.open_error = StudioError("no record: try again", reason=Reason.STORE_UNREACHABLE)
    world.button("admin_confirm")
    assert world.jobs.kept == {}


def test_offboard_says_why_aws_shows_nothing(world: World) -> None:
    world.plan_error = StudioError("AWS refuses us: print the policy", reason=Reason.AWS_REFUSED)  # type: ignore[assignment]
    offboard(world)
    assert "AWS refuses us" in world.answer()
    assert world.jobs.kept == {}


def test_offboard_is_for_administrators_alone(world: World) -> None:
    offboard(world, by=BEN)
    assert world.answer() == WORDS.refusals[Reason.NOT_AN_ADMIN].format(command="/studio")


def test_bot_without_offboarding_says_where_to_do_it(world: World) -> None:
    world.app.command_runner = replace(world.app.command_runner, leaving=None)
    offboard(world)
    assert "studio-links offboard" in world.answer() or "admin offboard" in world.answer()
