"""One set of rules for an organisation and its workspaces in STUDIO_TEAMS, also for what was stored before."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from bot.admin.changes import Admin
from bot.admin.giving_back import GiveBack
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Access, Effect, Grant, Lockdown, Member, Person
from bot.core.errors import Changed, ProfileConflict
from bot.core.link import Allowed, Source
from bot.core.policy import Facts, Rules, may_administer, preview
from bot.core.records import Actor
from bot.links.facts import Gatherer
from bot.store.access import AccessTable
from bot.store.audit import AuditTable
from bot.store.models import Tables, client_of
from tests.fakes import NOON, AtOnce, FakeDirectory, FakeStudio, a_mapping

ORG, HOME, OTHER = "E0CORP0001", "T0HOME0001", "T0OTHER001"
USER = "U0GRID0001"
HERE, THERE = Member(ORG, USER), Member(HOME, USER)
ACTOR = Actor("cli:test", Source.CLI)
LATER = NOON + timedelta(days=9)
pytestmark = pytest.mark.public(3)


def admin_of(tables: Tables, *tenants: str) -> Admin:
    access = AccessTable(tables, audit_days=400, tenants=tenants)
    return Admin(access, AuditTable(tables, days=400, tenants=tenants), FakeStudio(), Rules(), now=lambda: NOON)


@pytest.fixture
def apart(tables: Tables) -> Admin:
    """Administration as it was while STUDIO_TEAMS named the workspace alone."""
    return admin_of(tables)


@pytest.fixture
def shared(tables: Tables) -> Admin:
    return admin_of(tables, ORG, HOME, OTHER)


def allow(admin: Admin, member: Member = THERE, **more: Any) -> None:
    admin.grant(member.tenant, Grant(member.user_id, Effect.ALLOW, **more), ACTOR)


def gets_a_link(admin: Admin) -> bool:
    facts = Facts(Person(USER, HOME, enterprise_id=ORG), admin.access.read(HERE))
    return isinstance(preview(HERE, facts, Rules(), NOON), Allowed)


def test_rules_of_the_workspace_count_in_the_organisation(apart: Admin, shared: Admin) -> None:
    assert not gets_a_link(shared)
    apart.map(THERE, a_mapping(), ACTOR)
    allow(apart)
    assert gets_a_link(shared)


@pytest.mark.parametrize("tenant", [ORG, HOME, OTHER])
@pytest.mark.parametrize("what", ["deny", "lockdown"])
def test_deny_under_one_counts_under_the_other(apart: Admin, shared: Admin, tenant: str, what: str) -> None:
    apart.map(HERE, a_mapping(), ACTOR)
    allow(apart, HERE)
    assert gets_a_link(shared)
    if what == "deny":
        apart.grant(tenant, Grant(USER, Effect.DENY), ACTOR)
    else:
        apart.lock_down(tenant, "incident 42", ACTOR)
    assert not gets_a_link(shared)


def test_group_rules_and_administrators_are_shared(apart: Admin, shared: Admin) -> None:
    apart.grant(HOME, Grant("S0GROUP001", Effect.DENY), ACTOR)
    apart.grant(OTHER, Grant("S0GROUP001", Effect.ALLOW), ACTOR)
    apart.grant(HOME, Grant(USER, Effect.ADMIN), ACTOR)
    access = shared.access.read(HERE)
    assert [(g.principal, g.effect) for g in access.group_grants] == [
        ("S0GROUP001", Effect.ALLOW),
        ("S0GROUP001", Effect.DENY),
    ]
    facts = Facts(Person(USER, HOME, enterprise_id=ORG), replace(access, group_grants=()))
    assert may_administer(HERE, facts, (), NOON).passed


def test_longer_rule_of_two_counts(apart: Admin, shared: Admin) -> None:
    apart.grant(ORG, Grant(USER, Effect.DENY, until=NOON - timedelta(days=1)), ACTOR)
    apart.grant(HOME, Grant(USER, Effect.DENY, until=LATER), ACTOR)
    apart.grant(OTHER, Grant(USER, Effect.DENY, until=LATER - timedelta(days=1)), ACTOR)
    [grant] = shared.access.read(HERE).grants
    assert grant.until == LATER


@pytest.mark.parametrize("tenant", [ORG, HOME, OTHER])
def test_end_of_access_is_found_wherever_the_rule_is(apart: Admin, shared: Admin, tenant: str) -> None:
    apart.grant(tenant, Grant(USER, Effect.ALLOW, until=LATER), ACTOR)
    assert shared.access.ending(ORG, LATER - timedelta(days=1), LATER) == {USER}
    assert shared.access.ending(ORG, LATER - timedelta(days=2), LATER - timedelta(days=1)) == frozenset()


# Changes: what is kept elsewhere moves to the organisation first


def test_forget_removes_rules_wherever_they_are(apart: Admin, shared: Admin) -> None:
    for tenant in (ORG, HOME, OTHER):
        apart.grant(tenant, Grant(USER, Effect.DENY), ACTOR)
    shared.forget(ORG, USER, ACTOR)
    assert shared.access.read(HERE) == Access()
    assert [apart.access.read(Member(tenant, USER)) for tenant in (ORG, HOME, OTHER)] == [Access()] * 3


def test_access_that_is_given_back_goes_wherever_it_is(apart: Admin, shared: Admin) -> None:
    for tenant, days in ((ORG, 1), (HOME, 9), (OTHER, 5)):
        apart.grant(tenant, Grant(USER, Effect.ALLOW, until=NOON + timedelta(days=days)), ACTOR)
        apart.grant(tenant, Grant(USER, Effect.ADMIN), ACTOR)
    slack = FakeDirectory(Person(USER, HOME, enterprise_id=ORG))
    use_case = GiveBack(shared, Gatherer(shared.access, slack, slack, AtOnce()), Rules(), now=lambda: NOON)
    holding = use_case.holding(HERE)
    assert holding.own is not None
    assert holding.own.until == LATER
    assert use_case.give_back(HERE, Source.FORM, holding.version) == holding.own
    assert [grant.effect for grant in shared.access.read(HERE).grants] == [Effect.ADMIN]
    assert all(g.effect is not Effect.ALLOW for t in (HOME, OTHER) for g in apart.access.read(Member(t, USER)).grants)


def test_shorter_rule_replaces_a_longer_one_elsewhere(apart: Admin, shared: Admin) -> None:
    allow(apart)
    change = shared.grant(ORG, Grant(USER, Effect.ALLOW, until=LATER), ACTOR)
    assert change.made
    [grant] = shared.access.read(HERE).grants
    assert grant.until == LATER


def test_group_rule_of_the_workspace_is_forgotten_alone(apart: Admin, shared: Admin) -> None:
    for group in ("S0GROUP001", "S0GROUP002"):
        apart.grant(HOME, Grant(group, Effect.DENY), ACTOR)
    shared.forget(ORG, "S0GROUP001", ACTOR)
    assert [grant.principal for grant in shared.access.workspace(ORG).grants] == ["S0GROUP002"]
    assert apart.access.workspace(HOME).grants == ()


def test_lockdown_of_the_workspace_is_lifted(apart: Admin, shared: Admin) -> None:
    apart.lock_down(HOME, "incident 42", ACTOR)
    shared.end_lockdown(ORG, ACTOR)
    assert shared.access.workspace(ORG).lockdown is None
    assert apart.access.workspace(HOME).lockdown is None


def test_mapping_moves_with_its_profile(apart: Admin, shared: Admin) -> None:
    apart.map(THERE, a_mapping(), ACTOR)
    apart.map(HERE, a_mapping(alias="gpu", profile="gpu"), ACTOR)
    apart.map(THERE, a_mapping(alias="gpu", profile="old"), ACTOR)
    assert [m.profile_name for m in shared.access.read(HERE).mappings] == [a_mapping().profile_name, "gpu"]

    shared.map(HERE, replace(a_mapping(), session_seconds=1800), ACTOR)
    assert [m.session_seconds for m in shared.access.read(HERE).mappings] == [1800, None]
    assert apart.access.read(THERE) == Access()
    assert [holder for _, holder in shared.access.holders(list(shared.access.read(HERE).mappings))] == [HERE, HERE]
    assert list(shared.access.holders([a_mapping(profile="old")])) == []  # the organisation's `gpu` counts

    shared.unmap(HERE, a_mapping().alias, ACTOR)
    somebody = Member(ORG, "U0SOMEBODY")
    assert shared.map(somebody, a_mapping(), ACTOR).made
    with pytest.raises(ProfileConflict, match="U0SOMEBODY"):
        shared.map(HERE, a_mapping(), ACTOR)


def test_profile_of_the_workspace_is_the_members_own(apart: Admin, shared: Admin) -> None:
    apart.map(THERE, a_mapping(), ACTOR)
    assert [holder for _, holder in shared.access.holders([a_mapping()])] == [HERE]
    shared.map(HERE, a_mapping(alias="again"), ACTOR)
    assert {m.alias for m in shared.access.read(HERE).mappings} == {a_mapping().alias, "again"}


@pytest.mark.parametrize("tenant", [ORG, HOME])
def test_change_anywhere_after_reading_is_noticed(apart: Admin, shared: Admin, tenant: str) -> None:
    allow(apart)
    version = shared.access.read(HERE).version
    apart.grant(tenant, Grant(USER, Effect.DENY), ACTOR)
    with pytest.raises(Changed):
        shared.grant(ORG, Grant(USER, Effect.ALLOW, until=LATER), ACTOR, at_version=version)
    assert Effect.DENY in {grant.effect for grant in shared.access.read(HERE).grants}


def test_confirmed_version_survives_the_move(apart: Admin, shared: Admin) -> None:
    allow(apart)
    allow(apart, HERE, until=LATER)
    version = shared.access.read(HERE).version
    shared.grant(ORG, Grant(USER, Effect.DENY), ACTOR, at_version=version)
    assert {grant.effect for grant in shared.access.read(HERE).grants} == {Effect.ALLOW, Effect.DENY}
    assert shared.access.read(HERE).version == version + 1


@pytest.mark.parametrize("kind", ["member", "workspace"])
def test_unreadable_record_elsewhere_denies_until_removed(
    apart: Admin, shared: Admin, tables: Tables, kind: str
) -> None:
    apart.map(HERE, a_mapping(), ACTOR)
    allow(apart, HERE)
    owner = f"{HOME}#{USER}" if kind == "member" else HOME
    tables.access(owner, kind, version=1).save()
    assert shared.access.read(HERE).unreadable == (kind,)
    assert not gets_a_link(shared)
    if kind == "member":
        shared.forget(ORG, USER, ACTOR)
    else:
        shared.lock_down(ORG, "repair", ACTOR)
        shared.end_lockdown(ORG, ACTOR)
    assert shared.access.read(HERE).unreadable == ()


@pytest.mark.parametrize("what", ["deny", "lockdown"])
def test_deny_counts_while_it_moves(
    apart: Admin, shared: Admin, tables: Tables, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """DynamoDB reads the items of one call at different moments: one before the move, the other after it."""
    apart.map(HERE, a_mapping(), ACTOR)
    allow(apart, HERE)
    if what == "deny":
        apart.grant(HOME, Grant(USER, Effect.DENY), ACTOR)
        moves = partial(shared.grant, ORG, Grant(USER, Effect.ALLOW, until=LATER), ACTOR)
    else:
        apart.lock_down(HOME, "incident 42", ACTOR)
        moves = partial(shared.grant, ORG, Grant("S0GROUP001", Effect.DENY), ACTOR)
    here = [(ORG, "workspace"), (f"{ORG}#{USER}", "member")]
    fetch, table = AccessTable._fetch, AccessTable(tables, audit_days=400)
    before = table._fetch(*here)
    moves()
    after = table._fetch((HOME, "workspace"), (f"{HOME}#{USER}", "member"))
    first_call = iter([before | after])
    monkeypatch.setattr(AccessTable, "_fetch", lambda table, *keys: next(first_call, None) or fetch(table, *keys))
    assert not gets_a_link(shared)


@pytest.mark.parametrize("lockdown", [{}, {"reason": {"N": "5"}}])
def test_unreadable_lockdown_elsewhere_denies(
    apart: Admin, shared: Admin, tables: Tables, lockdown: dict[str, Any]
) -> None:
    apart.map(HERE, a_mapping(), ACTOR)
    allow(apart, HERE)
    item = {"owner": {"S": HOME}, "item": {"S": "workspace"}, "version": {"N": "1"}, "rules": {"M": {}}}
    client_of(tables.access).put_item(
        TableName=tables.access.Meta.table_name, Item=item | {"lockdown": {"M": lockdown}}
    )
    assert not gets_a_link(shared)


# Reading everything


def test_members_are_listed_once(apart: Admin, shared: Admin) -> None:
    for tenant, user in ((ORG, "U0A"), (ORG, "U0B"), (HOME, "U0B"), (HOME, "U0C"), (OTHER, "U0D"), (OTHER, "U0C")):
        apart.grant(tenant, Grant(user, Effect.ALLOW), ACTOR)
        apart.grant(tenant, Grant(user, Effect.ADMIN), ACTOR)
    listed = list(shared.access.members(ORG))
    assert sorted(user for user, _ in listed) == ["U0A", "U0B", "U0C", "U0D"]
    assert {len(access.grants) for _, access in listed} == {2}
    for number, (user, _) in enumerate(listed):
        assert list(shared.access.members(ORG, after=user)) == listed[number + 1 :]
    assert [access for _, access in shared.access.read_each([Member(ORG, user) for user, _ in listed])] == [
        access for _, access in listed
    ]


def test_history_of_the_workspace_is_the_organisations(apart: Admin, shared: Admin) -> None:
    allow(apart)
    allow(apart, HERE)
    for who in (USER, None):
        found = list(shared.history(ORG, who, NOON - timedelta(days=1), 9, before=NOON + timedelta(days=1)))
        assert {entry.tenant for entry in found} == {ORG, HOME}


@pytest.mark.parametrize(
    ("teams", "given", "expected"),
    [
        (f"{HOME},{ORG}", HOME, ORG),
        (f"{HOME},{ORG}", ORG, ORG),
        (f"{HOME},{ORG}", None, ORG),
        (f"{HOME},{ORG}", "T0ELSE0001", "T0ELSE0001"),
        (HOME, HOME, HOME),
        (f"{HOME},{ORG},E0ELSE0001", HOME, HOME),
    ],
)
def test_commands_are_about_the_organisation(
    monkeypatch: pytest.MonkeyPatch, teams: str, given: str | None, expected: str
) -> None:
    monkeypatch.setenv("STUDIO_TEAMS", teams)
    assert administration.tenant(load(Settings), given) == expected


def test_another_organisation_is_not_concerned(apart: Admin, shared: Admin) -> None:
    for tenant in ("E0ELSE0001", "T0ELSE0001"):
        apart.grant(tenant, Grant(USER, Effect.DENY), ACTOR)
        apart.lock_down(tenant, "theirs", ACTOR)
    assert shared.access.read(HERE) == Access()
    assert isinstance(shared.access.read(Member("T0ELSE0001", USER)).lockdown, Lockdown)


def test_profile_of_the_workspace_moves_within_the_organisation(apart: Admin, shared: Admin) -> None:
    mapping = a_mapping()
    apart.map(THERE, mapping, ACTOR)
    other = Member(ORG, "U0OTHER001")
    held = shared.access.ownership(mapping)
    assert held.holder == HERE

    shared.unmap(HERE, None, ACTOR)
    former = shared.access.ownership(mapping)

    assert (former.owner, former.is_foreign(HERE), former.is_foreign(other)) == (HERE, False, True)
    apart.map(Member(HOME, other.user_id), mapping, ACTOR)
    apart.unmap(Member(HOME, other.user_id), None, ACTOR)
    assert shared.access.ownership(mapping).former == other


def test_held_profile_of_the_workspace_is_handed_over(apart: Admin, shared: Admin) -> None:
    mapping, other = a_mapping(), Member(ORG, "U0OTHER001")
    apart.map(THERE, mapping, ACTOR)
    with pytest.raises(Changed):  # the records move to the organisation first, which changes the lock
        shared.map(other, mapping, ACTOR, profile=shared.access.ownership(mapping))
    assert shared.access.read(HERE).mappings == (mapping,)

    shared.map(other, mapping, ACTOR, profile=shared.access.ownership(mapping))

    assert shared.access.ownership(mapping).holder == other
    assert shared.access.read(HERE).mappings == ()
