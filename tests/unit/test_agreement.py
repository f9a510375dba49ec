"""Who must agree to a change from Slack: nobody alone gives themselves anything."""

from dataclasses import replace

import pytest

from bot.admin.commands import build
from bot.admin.confirmation import SECOND_TIMEOUT, CommandRunner
from bot.admin.results import Done, NotDone, NotDoneReason, Outcome, Question, Waiting
from bot.admin.specs import Name, Verb
from bot.core.access import Access, Effect, Grant, Mapping, Member, Workspace
from bot.core.consent import Consent, Ownership, consent
from bot.core.errors import BadInput, Changed, SlackError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.records import Actor
from tests.fakes import ANA, BEN, TEAM, a_grant, a_mapping, race
from tests.unit.test_confirmation import ADA, BEA, GROUP, MAP, World

SHELL = Actor("cli:arn:aws:iam::123456789012:user/root", Source.CLI)


@pytest.fixture
def world() -> World:
    return World()


def alone(world: World, *, says_so: bool = True) -> World:
    """Leave Ada as the only administrator of the settings."""
    admin = replace(world.admin, rules=Rules(sole_admin=says_so))
    world.use_case = CommandRunner(
        admin, world.pending, world.use_case.facts, frozenset({ADA.user_id}), now=world.clock.now
    )
    return world


def refused(world: World, outcome: Outcome | None) -> bool:
    """Return whether a command was refused and recorded so."""
    last = list(world.audit.entries.values())[-1:]
    recorded = [(entry.outcome, entry.actor) for entry in last] == [("own_access", ADA.user_id)]
    return isinstance(outcome, NotDone) and outcome.reason is NotDoneReason.OWN_ACCESS and recorded


# The rule


@pytest.mark.parametrize("gains", [False, True])
def test_gain_is_refused_whatever_else_holds(*, gains: bool) -> None:
    expected = Consent.REFUSED if gains else Consent.ANOTHER
    assert consent(ADA, gains=gains, to=ADA, profile=Ownership(former=ANA, mark="1")) is expected


# Oneself


def test_administrator_cannot_map_or_allow_themselves(world: World) -> None:
    assert refused(world, world.ask(Verb.MAP, ADA, **MAP))
    assert refused(world, world.ask(Verb.ALLOW, ADA, until="7d"))
    assert world.access.read(ADA) == Access()
    assert isinstance(world.ask(Verb.ALLOW, ADA, BEA), Done)


def test_administrator_cannot_lift_their_own_deny_rule(world: World) -> None:
    deny = a_grant(ADA, effect=Effect.DENY, until=world.clock.now())
    world.access.give(ADA, deny)

    assert refused(world, world.ask(Verb.FORGET, ADA))
    assert isinstance(world.ask(Verb.FORGET, ADA, BEA), Question)
    assert world.access.read(ADA).grants == (deny,)


def test_administrator_can_take_from_themselves(world: World) -> None:
    world.access.give(ADA, a_grant(ADA))
    assert isinstance(world.confirm(world.question(Verb.FORGET, ADA)), object)
    assert world.access.read(ADA) == Access()
    assert isinstance(world.confirm(world.question(Verb.DENY, ADA)), Done)


def test_administrator_cannot_allow_a_group_they_are_in(world: World) -> None:
    world.directory.groups[GROUP] = frozenset({ADA.user_id, ANA.user_id})
    command = build(Verb.ALLOW, {Name.USER: GROUP}, world.clock.now())

    assert refused(world, world.use_case.ask(ADA, command, world.request_id(), Source.COMMAND))
    assert isinstance(world.use_case.ask(BEA, command, world.request_id(), Source.COMMAND), Done)


def test_group_that_slack_cannot_confirm_is_not_allowed(world: World) -> None:
    world.directory.group_error = SlackError("Slack is down: wait", reason=Reason.SLACK_UNREACHABLE)
    command = build(Verb.ALLOW, {Name.USER: GROUP}, world.clock.now())

    with pytest.raises(SlackError):
        world.use_case.ask(ADA, command, world.request_id(), Source.COMMAND)

    assert world.changes() == []


# The only administrator


def test_only_administrator_allows_themselves_if_settings_say_so(world: World) -> None:
    assert isinstance(alone(world).ask(Verb.ALLOW, ADA), Done)


@pytest.mark.parametrize("case", ["not said", "an admin rule", "a blocked one"])
def test_sole_admin_needs_both_the_setting_and_the_fact(world: World, case: str) -> None:
    if case != "not said":
        world.admin.grant(TEAM, Grant(BEN.user_id, Effect.ADMIN), SHELL)
    if case == "a blocked one":
        world.admin.grant(TEAM, Grant(BEN.user_id, Effect.DENY), SHELL)
    assert refused(world, alone(world, says_so=case != "not said").ask(Verb.ALLOW, ADA))


@pytest.mark.parametrize("readable", [True, False])
def test_sole_admin_does_not_remove_the_others(world: World, *, readable: bool) -> None:
    world.admin.grant(TEAM, Grant(BEN.user_id, Effect.ADMIN), SHELL)
    world.access.unreadable[BEN] = () if readable else ("grant#deny",)

    assert refused(alone(world), world.ask(Verb.FORGET, BEN))
    assert refused(world, world.ask(Verb.ALLOW, ADA))
    assert isinstance(alone(world, says_so=False).ask(Verb.FORGET, BEN), Question)


def test_sole_admin_does_nothing_with_two_administrators(world: World) -> None:
    admin = replace(world.admin, rules=Rules(sole_admin=True))
    world.use_case = replace(world.use_case, admin=admin)
    assert refused(world, world.ask(Verb.ALLOW, ADA))


def test_ended_admin_rule_is_no_second_administrator(world: World) -> None:
    world.admin.grant(TEAM, Grant(BEN.user_id, Effect.ADMIN, until=world.clock.now()), SHELL)
    assert isinstance(alone(world).ask(Verb.MAP, Member(TEAM, ADA.user_id), **MAP), Done)


# A second administrator


def waits(world: World, who: Member = BEN) -> Waiting:
    """Ask for Ana's profile for another member."""
    world.access.give(ANA, a_mapping(profile="ana"))
    asked = world.ask(Verb.MAP, who, domain="d-research", profile="ana", alias="of-ana")
    assert isinstance(asked, Waiting)
    return asked


def decide(world: World, asked: Waiting, by: Member, *, approve: bool = True) -> Outcome:
    pending = asked.pending
    return world.use_case.decide(by, pending.by, pending.id, Source.BUTTON, approve=approve)


def reason(outcome: Outcome) -> NotDoneReason:
    assert isinstance(outcome, NotDone)
    return outcome.reason


def test_held_profile_waits_and_then_moves(world: World) -> None:
    asked = waits(world)
    assert (asked.owner, asked.others) == (ANA, frozenset({BEA.user_id}))
    assert world.access.read(ANA).mappings
    assert not world.access.read(BEN).mappings

    done = decide(world, asked, BEA)

    assert isinstance(done, Done)
    assert done.change.former == ANA
    assert not world.access.read(ANA).mappings
    assert world.access.read(BEN).mappings[0].set_by == ADA.user_id


def test_profile_unmapped_elsewhere_meanwhile_is_not_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another workspace unmaps the profile after its owner was read, while SageMaker is asked about the profile."""
    there = Member("T0OTHER001", ANA.user_id)
    world.access.give(there, a_mapping(profile="ana"))
    examine = world.studio.examine

    def unmap_and_examine(mapping: Mapping) -> Mapping:
        world.admin.unmap(there, None, SHELL)
        return examine(mapping)

    monkeypatch.setattr(world.studio, "examine", unmap_and_examine)
    with pytest.raises(Changed):
        world.ask(Verb.MAP, BEN, **MAP)

    assert world.access.read(BEN).mappings == ()


def test_forged_press_cannot_name_what_waits(world: World) -> None:
    """A forger of the command knows its id, but not that of the question to the second administrator."""
    world.access.give(ANA, a_mapping(profile="ana"))
    forged = world.request_id()
    asked = world.use_case.ask(ADA, world.command(Verb.MAP, BEN, **MAP), forged, Source.COMMAND)

    assert isinstance(asked, Waiting)
    assert reason(world.use_case.decide(BEA, ADA, forged, Source.BUTTON, approve=True)) is NotDoneReason.DECIDED
    assert isinstance(decide(world, asked, BEA), Done)


def test_former_owner_gets_their_profile_back_without_approval(world: World) -> None:
    world.access.give(ANA, a_mapping(profile="ana"))
    world.confirm(world.question(Verb.UNMAP))

    assert isinstance(world.ask(Verb.MAP, BEN, **MAP), Waiting)
    assert isinstance(world.ask(Verb.MAP, ANA, **MAP), Done)


def test_gainer_does_not_agree_to_their_own_gain(world: World) -> None:
    world.admin.grant(TEAM, Grant(BEN.user_id, Effect.ADMIN), SHELL)
    asked = waits(world, BEA)
    assert asked.others == {BEN.user_id}  # Bea is not asked, but can forge the button
    assert reason(decide(world, asked, BEA)) is NotDoneReason.OWN_REQUEST
    assert isinstance(decide(world, asked, BEN), Done)


def test_move_without_a_second_administrator_is_refused(world: World) -> None:
    world.access.give(ANA, a_mapping(profile="ana"))
    asked = alone(world).ask(Verb.MAP, BEN, **MAP)
    assert isinstance(asked, NotDone)
    assert asked.reason is NotDoneReason.NO_SECOND
    assert [entry.outcome for entry in world.audit.entries.values()] == ["no_second"]


@pytest.mark.parametrize(("late", "moved"), [(-1, True), (0, False)])
def test_approval_has_a_day(world: World, late: float, *, moved: bool) -> None:
    asked = waits(world)
    world.clock.advance(SECOND_TIMEOUT.total_seconds() + late)

    outcome = decide(world, asked, BEA)

    assert isinstance(outcome, Done) == moved
    assert bool(world.access.read(BEN).mappings) == moved
    assert list(world.audit.entries.values())[-1].outcome == ("done" if moved else "decided")


def test_concurrent_approvals_carry_out_one(world: World) -> None:
    asked = waits(world)
    outcomes = race(*(lambda: decide(world, asked, BEA) for _ in range(8)))
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == 1


@pytest.mark.parametrize("what", ["the records", "the owner's records", "the profile"])
def test_approval_after_a_change_does_nothing(world: World, what: str) -> None:
    asked = waits(world)
    if what == "the profile":
        world.admin.unmap(ANA, None, SHELL)
    elif what == "the records":
        world.admin.grant(TEAM, a_grant(BEN), SHELL)
    else:
        world.access.unreadable[ANA] = ("member",)

    with pytest.raises((Changed, BadInput)):
        decide(world, asked, BEA)

    assert world.access.read(BEN).mappings == ()
    assert [entry.outcome for entry in world.audit.entries.values()][-2:] == ["approved", "taken_back"]
    assert reason(decide(world, asked, BEA)) is NotDoneReason.DECIDED


def test_request_of_a_removed_administrator_is_not_approved(world: World) -> None:
    asked = waits(world)
    world.admin.grant(TEAM, a_grant(ADA, effect=Effect.DENY), SHELL)
    assert reason(decide(world, asked, BEA)) is NotDoneReason.DECIDED
    assert world.access.read(BEN).mappings == ()


def test_requester_cannot_confirm_what_waits(world: World) -> None:
    asked = waits(world)
    assert reason(world.use_case.confirm(ADA, asked.pending.id, Source.BUTTON)) is NotDoneReason.EXPIRED
    assert world.access.read(BEN).mappings == ()


def test_replaced_mapping_to_a_foreign_profile_is_confirmed_and_waits(world: World) -> None:
    world.access.give(BEN, a_mapping("of-ana", "ben"))
    world.access.give(ANA, a_mapping(profile="ana"))
    question = world.question(Verb.MAP, BEN, domain="d-research", profile="ana", alias="of-ana")

    asked = world.confirm(question)

    assert isinstance(asked, Waiting)
    assert isinstance(decide(world, asked, BEA), Done)
    assert [m.profile_name for m in world.access.read(BEN).mappings] == ["ana"]


def test_lockdown_that_cannot_be_read_is_nobodys_own(world: World) -> None:
    world.access.workspaces[TEAM] = Workspace(unreadable=("workspace#lockdown",), version=3)
    assert isinstance(world.ask(Verb.LOCKDOWN, None, state="off"), Waiting)


def test_withdrawn_question_cannot_be_approved(world: World) -> None:
    asked = waits(world)
    assert world.use_case.withdraw(asked, Source.COMMAND).reason is NotDoneReason.NOBODY_REACHED
    assert reason(decide(world, asked, BEA)) is NotDoneReason.DECIDED
