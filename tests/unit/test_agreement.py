"""Who must agree to a change from Slack: nobody alone gives themselves anything."""

from dataclasses import replace

import pytest

from bot.admin.commands import build
from bot.admin.confirmation import CommandRunner
from bot.admin.results import Done, NotDone, NotDoneReason, Outcome, Question
from bot.admin.specs import Name, Verb
from bot.core.access import Access, Effect, Grant, Member
from bot.core.consent import Consent, Ownership, consent
from bot.core.errors import SlackError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.records import Actor
from tests.fakes import ANA, BEN, TEAM, a_grant
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


def test_sole_admin_does_nothing_with_two_administrators(world: World) -> None:
    admin = replace(world.admin, rules=Rules(sole_admin=True))
    world.use_case = replace(world.use_case, admin=admin)
    assert refused(world, world.ask(Verb.ALLOW, ADA))


def test_ended_admin_rule_is_no_second_administrator(world: World) -> None:
    world.admin.grant(TEAM, Grant(BEN.user_id, Effect.ADMIN, until=world.clock.now()), SHELL)
    assert isinstance(alone(world).ask(Verb.MAP, Member(TEAM, ADA.user_id), **MAP), Done)
