"""The gatherer of facts: which groups it looks up, and for which members it looks up none."""

from dataclasses import replace
from typing import Any

import pytest

from bot.admin.changes import Admin
from bot.admin.confirmation import CommandRunner
from bot.core.access import Effect, Grant, Lockdown, Mapping, Person, Workspace
from bot.core.errors import SlackError, StoreError
from bot.core.link import Reason
from bot.core.policy import Facts, Rules
from bot.links.facts import groups_for_administration, groups_for_approval, groups_for_link, unknown_groups
from bot.links.sign_in import SignIn
from bot.links.status import GetStatus
from tests.fakes import (
    ANA,
    BEN,
    NOON,
    TEAM,
    AtOnce,
    FakeAccess,
    FakeAudit,
    FakeChoices,
    FakeDirectory,
    FakeIntake,
    FakeStudio,
    NeverReady,
    a_gatherer,
    a_grant,
    a_mapping,
    a_request,
)
from tests.fakes_admin import FakePending

FULL_MEMBER = Person(ANA.user_id, TEAM)
ALLOW, DENY, LAPSED = a_grant(), a_grant(effect=Effect.DENY), a_grant(until=NOON)
SCIENCE, LEAVERS = Grant("S0SCIENCE1", Effect.ALLOW), Grant("S0LEAVERS1", Effect.DENY)
RULES = Rules()

# Members without a rule or mapping, or ineligible for another reason.
RULED_OUT: dict[str, tuple[tuple[Mapping | Grant, ...], dict[str, Any]]] = {
    "nothing is stored": ((), {}),
    "no mapping": ((ALLOW,), {}),
    "a guest": ((a_mapping(),), {"person": replace(FULL_MEMBER, guest=True)}),
    "deactivated": ((a_mapping(),), {"person": replace(FULL_MEMBER, ineligible_reason="deactivated")}),
    "another team": ((a_mapping(),), {"person": Person(ANA.user_id, "T0OTHER001")}),
    "an unknown account": ((a_mapping(),), {"person": None}),
    "denied": ((a_mapping(), ALLOW, DENY), {}),
    "a lockdown": ((a_mapping(),), {"lockdown": Lockdown("a leak")}),
    "unreadable": ((a_mapping(),), {"unreadable": ("grant#deny",)}),
}
ruled_out = pytest.mark.parametrize(("records", "more"), RULED_OUT.values(), ids=RULED_OUT)


class World:
    """Two group rules, and Ana with the given facts."""

    def __init__(
        self,
        *records: Mapping | Grant,
        person: Person | None = FULL_MEMBER,
        lockdown: Lockdown | None = None,
        unreadable: tuple[str, ...] = (),
    ) -> None:
        self.audit = FakeAudit()
        self.access = FakeAccess(self.audit)
        self.access.give(ANA, *records)
        self.access.unreadable[ANA] = unreadable
        self.access.workspaces[TEAM] = Workspace(lockdown, (SCIENCE, LEAVERS))
        self.directory = FakeDirectory(*([person] if person else []))
        self.directory.groups = {SCIENCE.principal: frozenset({ANA.user_id}), LEAVERS.principal: frozenset()}
        self.facts = a_gatherer(self.access, self.directory)

    @property
    def groups_asked(self) -> set[str]:
        return set(self.directory.groups_asked)


@ruled_out
def test_status_of_an_ineligible_member_looks_up_no_group(
    records: tuple[Mapping | Grant, ...], more: dict[str, Any]
) -> None:
    world = World(*records, **more)
    status = GetStatus(world.facts, world.audit, RULES, now=lambda: NOON).of(ANA)
    assert world.directory.groups_asked == []
    assert not status.allowed_now or ALLOW in records


@ruled_out
def test_link_request_of_an_ineligible_member_looks_up_no_group(
    records: tuple[Mapping | Grant, ...], more: dict[str, Any]
) -> None:
    world = World(*records, **more)
    intake, choices = FakeIntake(world.audit), FakeChoices()
    sign_in = SignIn(world.facts, world.audit, intake, FakeStudio(), choices, RULES, now=lambda: NOON)
    entry = sign_in.answer(a_request(), lambda _answer: True)
    assert entry is not None
    assert entry.outcome not in ("issued", Reason.GROUP_UNCONFIRMED)
    assert world.directory.groups_asked == []


def administering(world: World, *admins: str) -> CommandRunner:
    admin = Admin(world.access, world.audit, FakeStudio(), RULES)
    return CommandRunner(admin, FakePending(), world.facts, frozenset(admins), now=lambda: NOON)


@ruled_out
def test_ineligible_administrator_looks_up_no_group(
    records: tuple[Mapping | Grant, ...], more: dict[str, Any]
) -> None:
    world = World(*records, **more)
    assert not administering(world).admit(ANA)[0]
    assert world.directory.groups_asked == []


def test_administrator_is_checked_against_deny_groups_only() -> None:
    world = World()
    assert administering(world, ANA.user_id).admit(ANA)[0]
    assert world.groups_asked == {LEAVERS.principal}
    world.directory.groups[LEAVERS.principal] = frozenset({ANA.user_id})
    assert not administering(world, ANA.user_id).admit(ANA)[0]


def test_administrator_in_an_unconfirmed_deny_group_is_refused() -> None:
    world = World()
    world.directory.group_error = SlackError("it failed: try again", reason=Reason.SLACK_UNREACHABLE)
    assert not administering(world, ANA.user_id).admit(ANA)[0]


# Relevant groups

WHO_MATTERS: dict[str, tuple[tuple[Mapping | Grant, ...], set[Grant]]] = {
    "no own rule": ((a_mapping(),), {SCIENCE, LEAVERS}),
    "an own allow rule": ((a_mapping(), ALLOW), {LEAVERS}),
    "an expired one": ((a_mapping(), LAPSED), {SCIENCE, LEAVERS}),
    "an own deny rule": ((a_mapping(), ALLOW, DENY), set()),
    "no mapping": ((ALLOW,), set()),
}


def known(
    *records: Mapping | Grant, person: Person = FULL_MEMBER, groups: tuple[Grant, ...] = (SCIENCE, LEAVERS)
) -> Facts:
    access = World(*records).access.read(ANA)
    return Facts(person, replace(access, group_grants=groups))


@pytest.mark.parametrize(("records", "matter"), WHO_MATTERS.values(), ids=WHO_MATTERS)
def test_groups_for_link(records: tuple[Mapping | Grant, ...], matter: set[Grant]) -> None:
    assert set(groups_for_link(ANA, known(*records), RULES, NOON)) == matter


def test_deny_groups_do_not_matter_without_an_allow_rule() -> None:
    """Without an own rule, groups that only deny cannot change the refusal."""
    assert groups_for_link(ANA, known(a_mapping(), groups=(LEAVERS,)), RULES, NOON) == ()


def test_groups_of_a_guest_matter_where_guests_get_links() -> None:
    facts = known(a_mapping(), person=replace(FULL_MEMBER, guest=True))
    assert groups_for_link(ANA, facts, RULES, NOON) == ()
    assert set(groups_for_link(ANA, facts, Rules(allow_guests=True), NOON)) == {SCIENCE, LEAVERS}


@pytest.mark.parametrize("records", [(), (a_mapping(),), (a_mapping(), ALLOW)], ids=["nothing", "mapped", "allowed"])
def test_groups_for_approval_are_those_that_deny(records: tuple[Mapping | Grant, ...]) -> None:
    assert groups_for_approval(ANA, known(*records), RULES, NOON) == (LEAVERS,)
    assert groups_for_approval(ANA, known(*records, DENY), RULES, NOON) == ()


def test_groups_for_administration_need_something_in_favour() -> None:
    assert groups_for_administration(ANA, known(), frozenset(), NOON) == ()
    assert groups_for_administration(ANA, known(), frozenset({ANA.user_id}), NOON) == (LEAVERS,)
    assert groups_for_administration(ANA, known(a_grant(effect=Effect.ADMIN)), frozenset(), NOON) == (LEAVERS,)
    assert (
        groups_for_administration(BEN, known(), frozenset({BEN.user_id}), NOON) == ()
    )  # Slack answered about another


@pytest.mark.parametrize(
    ("records", "groups", "unknown"),
    [
        ((), (), set()),
        ((), (SCIENCE, LEAVERS), {SCIENCE, LEAVERS}),
        ((ALLOW,), (SCIENCE, LEAVERS), {LEAVERS}),
        ((LAPSED,), (SCIENCE,), {SCIENCE}),
        ((DENY,), (SCIENCE, LEAVERS), set()),
        ((), (replace(SCIENCE, until=NOON), replace(LEAVERS, until=NOON)), set()),
    ],
)
def test_unknown_groups(records: tuple[Grant, ...], groups: tuple[Grant, ...], unknown: set[Grant]) -> None:
    assert set(unknown_groups(ANA, known(*records, groups=groups), NOON)) == unknown


# Gathering


def test_gathering_reads_once_and_returns_everything() -> None:
    world = World(a_mapping())
    facts = world.facts.begin(ANA).end(world.facts.within(1), lambda found: unknown_groups(ANA, found, NOON))
    assert facts == Facts(FULL_MEMBER, world.access.read(ANA), memberships={SCIENCE: True, LEAVERS: False})


def test_gathering_does_not_ask_about_a_person_who_is_given() -> None:
    world = World(a_mapping())
    world.directory.error = SlackError("asked twice", reason=Reason.SLACK_UNREACHABLE)
    assert world.facts.begin(ANA, FULL_MEMBER).end(world.facts.within(1), lambda _: ()).person == FULL_MEMBER


@pytest.mark.parametrize(
    ("hangs", "error", "service"), [("read", StoreError, "DynamoDB"), ("person", SlackError, "Slack")]
)
def test_gathering_gives_up_at_the_deadline(hangs: str, error: type[Exception], service: str) -> None:
    world, side = World(a_mapping()), NeverReady(hangs)
    facts = replace(world.facts, side=side)
    with pytest.raises(error, match=f"{service} did not answer in time") as late:
        facts.begin(ANA).end(facts.within(1.5), lambda _: ())
    assert getattr(late.value, "reason", None) is Reason.TOO_LATE
    assert side.waits == [1.5]
    assert all(future.cancelled() for future in side.futures)


def test_groups_are_looked_up_side_by_side() -> None:
    world, jobs = World(a_mapping()), list[str]()
    facts = replace(world.facts, side=AtOnce(jobs.append))
    waiting = facts.begin(ANA)
    waiting.end(facts.within(1), lambda found: unknown_groups(ANA, found, NOON))
    assert jobs == ["read", "person", "is_in", "is_in"]
