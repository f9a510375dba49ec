"""Administration: effects, warnings and refusals of each verb."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from bot.admin.changes import MAX_GROUP_RULES, Admin
from bot.admin.explain import Explanation, explain
from bot.admin.times import parse_when
from bot.core import policy
from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Person, Workspace
from bot.core.errors import BadInput, ProfileConflict, StoreError, StudioError
from bot.core.link import Allowed, Check, Denied, Reason, Source
from bot.core.records import Actor, Entry
from bot.core.values import InvalidValue
from bot.links.facts import Gatherer
from tests.fakes import (
    ANA,
    BEN,
    NOON,
    TEAM,
    Clock,
    FakeAccess,
    FakeAudit,
    FakeDirectory,
    FakeStudio,
    a_gatherer,
    a_grant,
    a_mapping,
    an_entry,
)

ME = Actor("cli:arn:aws:iam::123456789012:user/me", Source.CLI)
MAPPING = a_mapping(set_by="", set_at=None)
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:user-profile/d-research/ana"


@dataclass
class World:
    """Administration of an empty workspace."""

    clock: Clock = field(default_factory=Clock)
    audit: FakeAudit = field(default_factory=FakeAudit)
    studio: FakeStudio = field(default_factory=FakeStudio)
    directory: FakeDirectory | None = None

    def __post_init__(self) -> None:
        self.access = FakeAccess(self.audit)
        self.studio.add("d-research", "ana", "ben", "new")

    @property
    def admin(self) -> Admin:
        return Admin(
            self.access,
            self.audit,
            self.studio,
            policy.Rules(),
            audit_days=400,
            now=self.clock.now,
        )

    @property
    def gatherer(self) -> Gatherer | None:
        return a_gatherer(self.access, self.directory) if self.directory is not None else None

    @property
    def trail(self) -> list[Entry]:
        return list(self.audit.entries.values())


@pytest.fixture
def world() -> World:
    return World()


# map


def test_map_records_actor_and_profile_arn(world: World) -> None:
    change = world.admin.map(ANA, MAPPING, ME)
    expected = replace(MAPPING, set_by=ME.name, set_at=NOON, profile_arn=ARN)
    assert change.made
    assert (change.before, change.after, change.warnings) == (None, expected, ())
    assert world.admin.access.read(ANA) == Access((expected,))
    [entry] = world.trail
    assert (entry.action, entry.outcome, entry.subject, entry.actor) == ("map", "done", ANA.user_id, ME.name)
    assert (entry.source, entry.alias, entry.domain_id, entry.profile_name) == (
        Source.CLI,
        "default",
        "d-research",
        "ana",
    )
    assert entry.before is None
    assert entry.after is not None
    assert entry.after["profile_name"] == "ana"
    assert entry.after["set_at"] == NOON.isoformat()
    assert "space_name" not in entry.after


def test_repeated_map_changes_nothing_and_is_not_recorded(world: World) -> None:
    first = world.admin.map(ANA, MAPPING, ME)
    world.clock.advance(60)
    again = world.admin.map(ANA, MAPPING, Actor("cli:another", Source.CLI))
    assert not again.made
    assert again.before == again.after == first.after
    assert len(world.trail) == 1


def test_map_replaces_the_mapping_of_the_same_alias(world: World) -> None:
    first = world.admin.map(ANA, MAPPING, ME)
    world.clock.advance(60)
    change = world.admin.map(ANA, replace(MAPPING, profile_name="new"), ME)
    assert change.before == first.after
    assert world.admin.access.read(ANA).mappings == (change.after,)
    assert world.trail[-1].before is not None
    assert world.trail[-1].before["profile_name"] == "ana"
    world.admin.map(BEN, MAPPING, ME)


def test_map_keeps_mappings_of_other_aliases(world: World) -> None:
    world.admin.map(ANA, MAPPING, ME)
    world.admin.map(ANA, replace(MAPPING, alias="sandbox", profile_name="new"), ME)
    assert [mapping.alias for mapping in world.admin.access.read(ANA).mappings] == ["default", "sandbox"]


def test_map_refuses_a_profile_of_another_member(world: World) -> None:
    world.admin.map(ANA, MAPPING, ME)
    with pytest.raises(ProfileConflict, match=ANA.user_id):
        world.admin.map(BEN, replace(MAPPING, profile_name="ANA"), ME)
    assert world.admin.access.read(BEN) == Access()
    assert len(world.trail) == 1


@pytest.mark.parametrize(
    "wanted",
    [replace(MAPPING, profile_name="not-yet"), replace(MAPPING, domain_id="d-gone")],
    ids=["profile", "domain"],
)
def test_map_warns_of_a_profile_unknown_to_sagemaker(world: World, wanted: Any) -> None:
    change = world.admin.map(ANA, wanted, ME)
    assert change.made
    [warning] = change.warnings
    assert warning.startswith("members cannot use this mapping yet: there is no ")


def test_map_warns_if_sagemaker_does_not_answer(world: World) -> None:
    world.studio.error = StudioError("AWS refuses us: check the role", reason=Reason.AWS_REFUSED)
    change = world.admin.map(ANA, MAPPING, ME)
    assert change.made
    assert change.warnings == ("members cannot use this mapping yet: AWS refuses us: check the role",)


def test_repeated_map_without_sagemaker_keeps_the_arn(world: World) -> None:
    world.admin.map(ANA, MAPPING, ME)
    world.studio.error = StudioError("AWS throttles us: try again", reason=Reason.AWS_THROTTLED)
    change = world.admin.map(ANA, MAPPING, ME)
    assert not change.made
    assert world.admin.access.read(ANA).mappings[0].profile_arn == ARN


def test_store_failure_fails_the_change(world: World) -> None:
    world.access.error = StoreError("gone: try again", reason=Reason.STORE_UNREACHABLE)
    with pytest.raises(StoreError):
        world.admin.map(ANA, MAPPING, ME)
    assert world.trail == []


# unmap


def test_unmap_without_an_alias_removes_the_only_mapping(world: World) -> None:
    mapped = world.admin.map(ANA, replace(MAPPING, alias="sandbox"), ME).after
    change = world.admin.unmap(ANA, None, ME)
    assert (change.before, change.after, change.made) == (mapped, None, True)
    assert world.admin.access.read(ANA) == Access()
    entry = world.trail[-1]
    assert (entry.action, entry.alias, entry.profile_name, entry.after) == ("unmap", "sandbox", "ana", None)
    assert entry.before is not None


def test_unmap_removes_only_the_named_mapping(world: World) -> None:
    for alias, profile in (("one", "ana"), ("two", "new")):
        world.admin.map(ANA, replace(MAPPING, alias=alias, profile_name=profile), ME)
    world.admin.unmap(ANA, "one", ME)
    assert [mapping.alias for mapping in world.admin.access.read(ANA).mappings] == ["two"]


@pytest.mark.parametrize(
    ("aliases", "named", "have"),
    [
        ([], None, "none"),
        ([], "one", "none"),
        (["one"], "two", "one"),
        (["two", "one"], None, "one, two"),
        (["two", "one"], "three", "one, two"),
        (["one", "default"], None, "default, one"),
    ],
)
def test_unmap_of_an_ambiguous_mapping_asks_for_its_alias(
    world: World, aliases: list[str], named: str | None, have: str
) -> None:
    for alias in aliases:
        world.access.give(ANA, a_mapping(alias, alias))
    with pytest.raises(BadInput, match=f"has these mappings: {have}. Name one with --alias$"):
        world.admin.unmap(ANA, named, ME)
    assert world.trail == []


# allow, deny, forget


@pytest.mark.parametrize("effect", Effect)
def test_grant_records_the_actor(world: World, effect: Effect) -> None:
    wanted = a_grant(effect=effect, reason="because", set_by="", set_at=None)
    change = world.admin.grant(TEAM, wanted, ME)
    expected = replace(wanted, set_by=ME.name, set_at=NOON)
    assert (change.before, change.after, change.warnings) == (None, expected, ())
    assert world.admin.access.read(ANA).grants == (expected,)
    [entry] = world.trail
    assert (entry.action, entry.subject, entry.outcome) == (effect.value, ANA.user_id, "done")
    assert entry.after is not None
    assert entry.after["reason"] == "because"


def test_repeated_rule_changes_nothing(world: World) -> None:
    wanted = a_grant(set_by="", set_at=None)
    world.admin.grant(TEAM, wanted, ME)
    world.clock.advance(60)
    assert not world.admin.grant(TEAM, wanted, ME).made
    assert len(world.trail) == 1


def test_rule_replaces_the_one_of_its_effect(world: World) -> None:
    first = world.admin.grant(TEAM, a_grant(), ME)
    world.clock.advance(60)
    change = world.admin.grant(TEAM, a_grant(until=NOON + timedelta(days=30)), ME)
    assert change.before == first.after
    assert world.admin.access.read(ANA).grants == (change.after,)
    assert world.trail[-1].before is not None


def test_expired_rule_is_set_with_a_warning(world: World) -> None:
    change = world.admin.grant(TEAM, a_grant(until=NOON), ME)
    assert change.made
    assert change.warnings == ("that time has passed, so the rule has no effect",)


def test_allow_warns_of_a_deny_rule(world: World) -> None:
    world.admin.grant(TEAM, a_grant(effect=Effect.DENY, reason="laptop stolen"), ME)
    [warning] = world.admin.grant(TEAM, a_grant(), ME).warnings
    assert "laptop stolen" in warning
    assert "forget" in warning
    assert len(world.admin.access.read(ANA).grants) == 2


def test_allow_does_not_warn_of_an_expired_deny_rule(world: World) -> None:
    world.access.give(ANA, a_grant(effect=Effect.DENY, until=NOON))
    assert world.admin.grant(TEAM, a_grant(), ME).warnings == ()


OBSTACLES: dict[str, tuple[Any, Effect, Reason | None]] = {
    "a deny rule": (lambda w: w.access.give(ANA, a_grant(effect=Effect.DENY)), Effect.ALLOW, Reason.DENIED),
    "a deny rule, for admins": (
        lambda w: w.access.give(ANA, a_grant(effect=Effect.DENY)),
        Effect.ADMIN,
        Reason.DENIED,
    ),
    "an ended deny rule": (lambda w: w.access.give(ANA, a_grant(effect=Effect.DENY, until=NOON)), Effect.ALLOW, None),
    "a lockdown": (lambda w: w.admin.lock_down(TEAM, "incident", ME), Effect.ALLOW, Reason.LOCKDOWN),
    "a lockdown, for admins": (lambda w: w.admin.lock_down(TEAM, "incident", ME), Effect.ADMIN, None),
    "a deny rule of a group": (
        lambda w: w.admin.grant(TEAM, Grant("S0ML", Effect.DENY), ME),
        Effect.ALLOW,
        Reason.GROUP_UNCONFIRMED,
    ),
    "nothing": (lambda _: None, Effect.ALLOW, None),
    "nothing, for a deny rule": (lambda w: w.admin.lock_down(TEAM, "incident", ME), Effect.DENY, None),
}


@pytest.mark.public(15)
@pytest.mark.parametrize("case", OBSTACLES)
def test_rule_without_effect_names_its_obstacle(world: World, case: str) -> None:
    prepare, effect, expected = OBSTACLES[case]
    world.access.give(ANA, MAPPING)
    prepare(world)

    first, again = (world.admin.grant(TEAM, a_grant(effect=effect), ME) for _ in range(2))

    assert (first.obstacle, again.obstacle) == (expected, expected)


@pytest.mark.public(15)
def test_rule_of_a_denied_group_names_its_obstacle(world: World) -> None:
    assert world.admin.grant(TEAM, a_grant(), ME).obstacle is Reason.NOT_MAPPED
    assert world.admin.grant(TEAM, Grant("S0ML", Effect.ALLOW), ME).obstacle is None
    world.admin.grant(TEAM, Grant("S0ML", Effect.DENY), ME)
    assert world.admin.grant(TEAM, Grant("S0ML", Effect.ALLOW), ME).obstacle is Reason.DENIED


def test_deny_does_not_warn_of_an_allow_rule(world: World) -> None:
    world.admin.grant(TEAM, a_grant(), ME)
    assert world.admin.grant(TEAM, a_grant(effect=Effect.DENY), ME).warnings == ()


def test_forget_removes_every_rule_and_keeps_the_mappings(world: World) -> None:
    rules = (a_grant(), a_grant(effect=Effect.DENY))
    world.access.give(ANA, a_mapping(), *rules)
    assert world.admin.forget(TEAM, ANA.user_id, ME).grants == rules
    assert world.admin.access.read(ANA) == Access((a_mapping(),))
    [entry] = world.trail
    assert (entry.action, entry.subject) == ("forget", ANA.user_id)
    assert entry.before is not None
    assert set(entry.before) == {"allow", "deny"}


def test_forget_without_rules_is_refused(world: World) -> None:
    world.access.give(ANA, a_mapping())
    with pytest.raises(BadInput, match="no rule for U0ANA00001: `studio-links list`"):
        world.admin.forget(TEAM, ANA.user_id, ME)
    assert world.trail == []


def test_forget_removes_unreadable_records(world: World) -> None:
    world.access.unreadable[ANA] = ("grant#maybe", "mapping#x")
    assert world.admin.forget(TEAM, ANA.user_id, ME).unreadable == ("grant#maybe", "mapping#x")
    assert world.admin.access.read(ANA) == Access()
    assert world.trail[-1].before == {"grant#maybe": "unreadable", "mapping#x": "unreadable"}


def test_unreadable_record_is_not_overwritten(world: World) -> None:
    world.access.unreadable[ANA] = ("grant#allow", "mapping#default")
    with pytest.raises(BadInput, match=r"mapping default of U0ANA00001 cannot be read: .*studio-links forget"):
        world.admin.map(ANA, MAPPING, ME)
    with pytest.raises(BadInput, match=r"grant allow of U0ANA00001 cannot be read: .*studio-links forget"):
        world.admin.grant(TEAM, a_grant(), ME)
    assert world.trail == []
    assert world.admin.map(ANA, replace(MAPPING, alias="other"), ME).made
    assert world.admin.grant(TEAM, a_grant(effect=Effect.DENY), ME).made


def test_every_change_has_its_own_entry(world: World) -> None:
    world.admin.map(ANA, MAPPING, ME)
    world.admin.grant(TEAM, a_grant(), ME)
    world.admin.forget(TEAM, ANA.user_id, ME)
    world.admin.unmap(ANA, None, ME)
    assert [entry.action for entry in world.trail] == ["map", "allow", "forget", "unmap"]
    assert len({entry.attempt for entry in world.trail}) == 4


# lockdown


def test_lockdown_stops_everybody_and_records_the_previous_one(world: World) -> None:
    change = world.admin.lock_down(TEAM, "a leak", ME)
    expected = Lockdown("a leak", ME.name, NOON)
    assert (change.before, change.after, change.made) == (None, expected, True)
    assert world.admin.access.read(ANA).lockdown == expected
    world.clock.advance(60)
    assert world.admin.lock_down(TEAM, "another leak", ME).before == expected
    ended = world.admin.end_lockdown(TEAM, ME)
    assert (ended.after, ended.made) == (None, True)
    assert world.admin.access.read(ANA) == Access()
    assert [(e.action, e.subject, e.outcome, e.actor) for e in world.trail] == [
        ("lockdown", TEAM, "done", ME.name)
    ] * 3
    reasons = [(e.before and e.before["reason"], e.after and e.after["reason"]) for e in world.trail]
    assert reasons == [(None, "a leak"), ("a leak", "another leak"), ("another leak", None)]


def test_repeated_lockdown_and_unneeded_end_change_nothing(world: World) -> None:
    assert not world.admin.end_lockdown(TEAM, ME).made
    world.admin.lock_down(TEAM, "a leak", ME)
    world.clock.advance(60)
    assert not world.admin.lock_down(TEAM, "a leak", Actor("cli:another", Source.CLI)).made
    assert len(world.trail) == 1


@pytest.mark.parametrize("why", ["", " \n", "x" * 501])
def test_lockdown_needs_a_valid_reason(world: World, why: str) -> None:
    with pytest.raises(InvalidValue, match="reason"):
        world.admin.lock_down(TEAM, why, ME)
    assert world.trail == []


def test_only_a_lockdown_replaces_an_unreadable_workspace(world: World) -> None:
    world.access.workspaces[TEAM] = Workspace(unreadable=("workspace",), version=7)
    with pytest.raises(BadInput, match="studio-links lockdown on"):
        world.admin.end_lockdown(TEAM, ME)
    [warning] = world.admin.lock_down(TEAM, "a leak", ME).warnings
    assert "set the rules of user groups again" in warning
    assert world.admin.access.workspace(TEAM) == Workspace(Lockdown("a leak", ME.name, NOON))
    assert world.trail[-1].before == {"workspace": "unreadable"}


def test_unreadable_lockdown_can_be_ended(world: World) -> None:
    world.access.workspaces[TEAM] = Workspace(unreadable=("workspace#lockdown",), version=7)
    assert world.admin.end_lockdown(TEAM, ME).made
    assert world.admin.access.workspace(TEAM) == Workspace()


# Rules for groups

SCIENCE, LEAVERS = Grant("S0SCIENCE1", Effect.ALLOW, reason="all of them"), Grant("S0LEAVERS1", Effect.DENY)


def test_group_rules_work_like_rules_of_a_member(world: World) -> None:
    first = world.admin.grant(TEAM, SCIENCE, ME)
    world.admin.grant(TEAM, LEAVERS, ME)
    assert first.after == replace(SCIENCE, set_by=ME.name, set_at=NOON)
    assert not world.admin.grant(TEAM, SCIENCE, ME).made
    again = world.admin.grant(TEAM, replace(SCIENCE, until=NOON + timedelta(days=1)), ME)
    assert again.before == first.after
    denied = world.admin.grant(TEAM, replace(SCIENCE, effect=Effect.DENY), ME)
    assert world.admin.rules_of(TEAM, SCIENCE.principal).grants == (again.after, denied.after)
    assert [group for group, _ in world.admin.groups(TEAM)] == [LEAVERS.principal, SCIENCE.principal]
    assert len(world.admin.access.read(ANA).group_grants) == 3

    removed = world.admin.forget(TEAM, SCIENCE.principal, ME)

    assert removed.grants == (again.after, denied.after)
    assert [group for group, _ in world.admin.groups(TEAM)] == [LEAVERS.principal]
    assert [(entry.action, entry.subject) for entry in world.trail] == [
        ("allow", SCIENCE.principal),
        ("deny", LEAVERS.principal),
        ("allow", SCIENCE.principal),
        ("deny", SCIENCE.principal),
        ("forget", SCIENCE.principal),
    ]
    with pytest.raises(BadInput, match="no rule for S0SCIENCE1"):
        world.admin.forget(TEAM, SCIENCE.principal, ME)


def test_forget_of_a_member_keeps_the_workspace(world: World) -> None:
    world.access.give(ANA, a_grant())
    world.access.workspaces[TEAM] = Workspace(Lockdown("a leak"), (SCIENCE,), ("workspace#S0LEAVERS1#deny",), 3)
    removed = world.admin.forget(TEAM, ANA.user_id, ME)
    assert (removed.grants, removed.unreadable) == ((a_grant(),), ())
    assert world.access.workspaces[TEAM].version == 3
    with pytest.raises(BadInput):
        world.admin.forget(TEAM, ANA.user_id, ME)


def test_unreadable_group_rule_can_only_be_forgotten(world: World) -> None:
    world.access.workspaces[TEAM] = Workspace(None, (SCIENCE,), ("workspace#S0LEAVERS1#deny",), 3)
    with pytest.raises(BadInput, match=r"cannot be read: .*studio-links forget S0LEAVERS1"):
        world.admin.grant(TEAM, LEAVERS, ME)
    assert dict(world.admin.groups(TEAM))[LEAVERS.principal].unreadable == ("workspace#S0LEAVERS1#deny",)
    world.admin.forget(TEAM, LEAVERS.principal, ME)
    assert world.admin.access.workspace(TEAM) == Workspace(grants=(SCIENCE,))


def test_unreadable_workspace_takes_no_group_rule(world: World) -> None:
    world.access.workspaces[TEAM] = Workspace(unreadable=("workspace",), version=3)
    for change in (lambda: world.admin.grant(TEAM, SCIENCE, ME), lambda: world.admin.forget(TEAM, "S0SCIENCE1", ME)):
        with pytest.raises(BadInput, match="studio-links lockdown on"):
            change()
    assert world.trail == []


def test_group_rules_are_limited(world: World) -> None:
    rules = [Grant(f"S0GROUP{number}", Effect.ALLOW) for number in range(MAX_GROUP_RULES)]
    world.access.give_group(TEAM, *rules)
    with pytest.raises(BadInput, match=f"has {MAX_GROUP_RULES} rules for user groups, the most allowed"):
        world.admin.grant(TEAM, SCIENCE, ME)
    assert world.admin.grant(TEAM, replace(rules[0], reason="changed"), ME).made
    assert world.admin.grant(TEAM, a_grant(), ME).made


def test_explain_shows_every_rule_and_looks_up_groups(world: World) -> None:
    world.access.give(ANA, a_mapping(), a_grant(until=NOON))
    world.access.give_group(TEAM, SCIENCE, LEAVERS)
    world.directory = FakeDirectory(Person(ANA.user_id, TEAM))
    world.directory.groups = {SCIENCE.principal: frozenset({ANA.user_id}), LEAVERS.principal: frozenset()}
    found = explain(world.admin, ANA, None, world.gatherer)
    assert isinstance(found.decision, Allowed)
    assert [(rule.grant.principal, rule.decides) for rule in found.rules] == [
        (LEAVERS.principal, False),
        (ANA.user_id, False),
        (SCIENCE.principal, True),
    ]
    world.directory = None
    unasked = explain(world.admin, ANA, None, world.gatherer).decision
    assert isinstance(unasked, Denied)
    assert unasked.reason is Reason.GROUP_UNCONFIRMED


# explain, list


def test_explain_shows_the_decision_and_issues_nothing(world: World) -> None:
    world.access.give(ANA, a_mapping(), a_grant())
    found = explain(world.admin, ANA, None, world.gatherer)
    assert isinstance(found.decision, Allowed)
    assert not found.slack_asked
    assert world.studio.links == {}
    assert world.trail == []
    denied = explain(world.admin, ANA, "gone", world.gatherer).decision
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.UNKNOWN_ALIAS


def explained(world: World, *mappings: Mapping, alias: str | None = None) -> Explanation:
    world.access.give(ANA, *mappings, a_grant())
    return explain(world.admin, ANA, alias, world.gatherer)


@pytest.mark.public(14)
def test_explain_examines_the_profile(world: World) -> None:
    found = explained(world, MAPPING)
    assert isinstance(found.decision, Allowed)
    assert found.decision.checks[-1] == Check(
        "SageMaker", passed=True, detail="default: ana in d-research is in service"
    )

    found = explained(world, replace(MAPPING, profile_name="gone"))
    assert isinstance(found.decision, Denied)
    assert found.decision.reason is Reason.PROFILE_MISSING
    assert not found.decision.checks[-1].passed


@pytest.mark.public(14)
def test_explain_shows_the_address_of_an_sso_domain(world: World) -> None:
    world.studio.add("d-sso", "ana", auth_mode="SSO", url="https://sso.example.com/")
    found = explained(world, replace(MAPPING, domain_id="d-sso")).decision
    assert isinstance(found, Denied)
    assert (found.reason, found.sign_in_address) == (Reason.DOMAIN_SSO, "https://sso.example.com/")


@pytest.mark.public(14)
def test_explain_of_several_profiles_is_the_choice(world: World) -> None:
    broken = replace(MAPPING, alias="prod", profile_name="gone")
    found = explained(world, MAPPING, broken).decision
    assert isinstance(found, Denied)
    assert (found.reason, found.aliases) == (Reason.CHOOSE, ("default", "prod"))
    assert [check.passed for check in found.checks if check.name == "SageMaker"] == [True, False]
    named = explained(world, MAPPING, broken, alias="default")
    assert isinstance(named.decision, Allowed)


@pytest.mark.public(14)
def test_explain_says_where_sagemaker_did_not_answer(world: World) -> None:
    world.studio.error = StudioError("AWS refuses us: check the role", reason=Reason.AWS_REFUSED)
    found = explained(world, MAPPING)
    assert isinstance(found.decision, Allowed)
    assert found.unknown == "default: ana in d-research: AWS refuses us: check the role"


def test_explain_asks_sagemaker_nothing_about_the_refused(world: World) -> None:
    world.studio.error = StudioError("not to be asked: fix the test", reason=Reason.AWS_REFUSED)
    world.access.give(ANA, MAPPING)
    found = explain(world.admin, ANA, None, None)
    assert isinstance(found.decision, Denied)
    assert (found.decision.reason, found.unknown) == (Reason.NOT_ALLOWED, None)


@pytest.mark.public(14)
@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (StudioError("no such profile: map another", reason=Reason.PROFILE_MISSING), True),
        (StudioError("it signs in by SSO: go there", reason=Reason.DOMAIN_SSO), True),
        (StudioError("it has failed: repair it", reason=Reason.DOMAIN_NOT_READY, code="Failed"), True),
        (StudioError("it is Pending: wait", reason=Reason.DOMAIN_NOT_READY, code="Pending"), False),
        (StudioError("no such region: correct it", reason=Reason.AWS_REFUSED, code="UnknownRegion"), True),
        (StudioError("AWS refuses us: check the role", reason=Reason.AWS_REFUSED, code="AccessDenied"), False),
        (StudioError("AWS throttles us: try again", reason=Reason.AWS_THROTTLED), False),
    ],
)
def test_map_refuses_what_cannot_work(world: World, error: StudioError, *, refused: bool) -> None:
    world.studio.error = error
    if refused:
        with pytest.raises(BadInput, match=f"nothing was mapped: {error}; --force"):
            world.admin.map(ANA, MAPPING, ME, force=False)
        assert (world.access.read(ANA).mappings, world.trail) == ((), [])
    else:
        assert world.admin.map(ANA, MAPPING, ME, force=False).made
    assert world.admin.map(ANA, replace(MAPPING, alias="forced"), ME, force=True).made


def test_explain_looks_up_membership_where_it_can(world: World) -> None:
    world.access.give(ANA, a_mapping(), a_grant())
    world.directory = FakeDirectory(Person(ANA.user_id, TEAM, guest=True))
    found = explain(world.admin, ANA, None, world.gatherer)
    assert found.slack_asked
    assert isinstance(found.decision, Denied)
    assert found.decision.reason is Reason.GUEST


def test_members_have_a_mapping_or_a_rule(world: World) -> None:
    world.access.give(ANA, a_mapping())
    world.access.give(BEN, a_grant(BEN))
    world.access.give(Member("T0OTHER001", "U0CAI00001"), a_mapping(profile="cai"))
    assert [user for user, _ in world.admin.access.members(TEAM)] == [ANA.user_id, BEN.user_id]


# history


def record(world: World, *times: tuple[str, datetime]) -> None:
    for name, at in times:
        world.audit.open(an_entry(name, at=at))


def ids(world: World, user: str | None, since: datetime, limit: int = 100) -> list[str]:
    return [entry.id for entry in world.admin.history(TEAM, user, since, limit)]


def test_history_goes_back_over_days_newest_first(world: World) -> None:
    record(
        world,
        ("now", NOON),
        ("morning", NOON - timedelta(hours=11)),
        ("yesterday", NOON - timedelta(days=1)),
        ("last-year", NOON - timedelta(days=31)),
        ("too-old", NOON - timedelta(days=31, seconds=1)),
    )
    assert ids(world, None, NOON - timedelta(days=31)) == ["now", "morning", "yesterday", "last-year"]
    assert ids(world, ANA.user_id, NOON - timedelta(days=31)) == ["now", "morning", "yesterday", "last-year"]


@pytest.mark.parametrize("user", [None, ANA.user_id])
def test_history_shows_at_most_the_requested_count(world: World, user: str | None) -> None:
    record(world, *[(f"day-{day}", NOON - timedelta(days=day)) for day in range(10)])
    assert ids(world, user, NOON - timedelta(days=9), limit=3) == ["day-0", "day-1", "day-2"]


class CountingAudit(FakeAudit):
    """Record the days that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.days: list[date] = []

    def of_day(self, tenant: str, day: date) -> Any:
        self.days.append(day)
        return super().of_day(tenant, day)


def test_history_reads_no_more_days_than_it_shows(world: World) -> None:
    world.audit = audit = CountingAudit()
    record(world, *[(f"day-{day}", NOON - timedelta(days=day)) for day in range(100)])
    ids(world, None, NOON - timedelta(days=99), limit=3)
    assert len(audit.days) <= 4


def test_history_of_one_member_leaves_out_the_others(world: World) -> None:
    record(world, ("ana", NOON))
    world.audit.open(an_entry("ben", BEN))
    assert ids(world, BEN.user_id, NOON) == ["ben"]
    assert ids(world, None, NOON) == ["ana", "ben"]


def test_history_since_a_time_in_another_zone(world: World) -> None:
    record(world, ("now", NOON), ("night", NOON.replace(hour=0)))
    tokyo = timezone(timedelta(hours=9))
    assert ids(world, None, datetime(2030, 1, 1, 9, tzinfo=tokyo)) == ["now", "night"]
    assert ids(world, None, datetime(2030, 1, 1, 9, 0, 1, tzinfo=tokyo)) == ["now"]


def test_history_stops_at_the_retention_of_the_audit(world: World) -> None:
    world.audit = audit = CountingAudit()
    record(world, ("kept", NOON - timedelta(days=399)), ("gone", NOON - timedelta(days=401)))
    assert ids(world, None, NOON - timedelta(weeks=9999)) == ["kept"]
    assert len(audit.days) <= 401


@pytest.mark.parametrize("user", [None, ANA.user_id])
def test_history_ends_before_a_time(world: World, user: str | None) -> None:
    world.audit = audit = CountingAudit()
    record(world, *[(f"day-{day}", NOON - timedelta(days=day)) for day in range(10)])

    def shown(before: datetime) -> list[str]:
        return [entry.id for entry in world.admin.history(TEAM, user, NOON - timedelta(days=9), 100, before=before)]

    assert shown(NOON - timedelta(days=7)) == ["day-8", "day-9"]
    assert shown(NOON - timedelta(days=9)) == []
    assert NOON.date() not in audit.days
    assert len(shown(NOON + timedelta(days=9))) == 10


def test_history_filters_by_actor_and_outcome(world: World) -> None:
    arn = "cli:arn:aws:sts::123456789012:assumed-role/Admins/ada"
    world.audit.open(an_entry("refused", outcome="not_allowed"))
    world.audit.open(an_entry("mapped", BEN, actor=arn, outcome="done"))
    world.audit.open(an_entry("allowed", BEN, actor="U0ADA00001", outcome="done"))

    def shown(**wanted: str) -> list[str]:
        return sorted(entry.id for entry in world.admin.history(TEAM, None, NOON, 100, **wanted))  # type: ignore[arg-type] # each is text

    assert shown(by="Admins/ada") == ["mapped"]
    assert shown(by="U0ADA00001") == ["allowed"]
    assert shown(outcome="done") == ["allowed", "mapped"]
    assert shown(outcome="done", by=arn) == ["mapped"]


def test_history_since_the_future_is_empty(world: World) -> None:
    record(world, ("now", NOON))
    assert ids(world, None, NOON + timedelta(days=2)) == []


# Times that administrators type

MORNING = datetime(2030, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "forward", "back"),
    [
        ("0s", MORNING, MORNING),
        ("90s", MORNING + timedelta(seconds=90), MORNING - timedelta(seconds=90)),
        ("15m", MORNING + timedelta(minutes=15), MORNING - timedelta(minutes=15)),
        (" 8h ", MORNING + timedelta(hours=8), MORNING - timedelta(hours=8)),
        ("30d", MORNING + timedelta(days=30), MORNING - timedelta(days=30)),
        ("9999d", MORNING + timedelta(days=9999), MORNING - timedelta(days=9999)),
        ("2w", MORNING + timedelta(weeks=2), MORNING - timedelta(weeks=2)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)),
        ("2028-02-29", datetime(2028, 3, 1, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
        *(
            (text, datetime(2026, 12, 31, 18, tzinfo=UTC), datetime(2026, 12, 31, 18, tzinfo=UTC))
            for text in (
                "2026-12-31T18",
                "2026-12-31 18",
                "2026-12-31T18:00",
                "2026-12-31 18:00",
                "2026-12-31T18:00:00",
                "2026-12-31T18:00Z",
                "2026-12-31T19:00+01:00",
                "2026-12-31T13:00:00-05:00",
            )
        ),
    ],
)
def test_parse_when_reads_spans_dates_and_times(text: str, forward: datetime, back: datetime) -> None:
    assert parse_when(text, MORNING) == forward
    assert parse_when(text, MORNING, sign=-1) == back
    assert parse_when(text, MORNING).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "tomorrow",
        "8",
        "8 h",
        "8y",
        "h",
        "-8h",
        "1.5h",
        "8h30m",
        "99999d",
        "2026-13-01",
        "2026-02-30",
        "31.12.2026",
        "12/31/2026",
        "2026-12-31T25:00",
        "9999-12-31",
        "0001-01-01T00:00+14:00",
        "2026-12-31T18:00+99:00",
        "\ud800",
        "x" * 10_000,
    ],
)
def test_parse_when_refuses_other_texts_with_examples(text: str) -> None:
    with pytest.raises(InvalidValue, match="must be a time such as 8h, 30d, 2026-12-31") as refused:
        parse_when(text, MORNING)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("text", ["2026-12-31 00:00:00", "2026-12-31 00:00", " 2026-12-31  00:00:00.000 "])
def test_parse_when_reads_a_spreadsheet_date_as_a_date(text: str) -> None:
    assert parse_when(text, MORNING) == parse_when("2026-12-31", MORNING)
    assert parse_when(text, MORNING, sign=-1) == parse_when("2026-12-31", MORNING, sign=-1)


@pytest.mark.parametrize("text", ["2026-12-31T00:00", "2026-12-31 00:00+00:00", "2026-12-31T00:00:00Z"])
def test_parse_when_keeps_midnight_in_full_times(text: str) -> None:
    assert parse_when(text, MORNING) == datetime(2026, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize("text", ["20261231", "2026-W53-4"])
def test_parse_when_reads_other_date_formats_correctly_or_not(text: str) -> None:
    try:
        when = parse_when(text, MORNING)
    except InvalidValue:
        return
    assert when == datetime(2027, 1, 1, tzinfo=UTC)
