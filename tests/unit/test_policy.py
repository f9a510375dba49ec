"""Decisions on link requests, as tables and properties."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Person
from bot.core.link import LANDING_URIS, Allowed, Denied, Reason, StudioApp, Target
from bot.core.policy import Facts, Rules, chosen_mapping, considered, decide, may_administer
from bot.core.values import is_group
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping

ORGANISATION = "E0ORG00001"
RULES = Rules()
ANYTHING = Target()
FULL_MEMBER = Person(ANA.user_id, TEAM)
SECOND = timedelta(seconds=1)
ALLOW = a_grant()
DENY = a_grant(effect=Effect.DENY)
LAPSED = a_grant(until=NOON)
LOCKDOWN = Lockdown("we are looking into a leak", set_by="cli:test", set_at=NOON)
SCIENCE, OTHERS = "S0SCIENCE1", "S0OTHERS01"
GROUP_ALLOW, GROUP_DENY = Grant(SCIENCE, Effect.ALLOW), Grant(SCIENCE, Effect.DENY)
OTHERS_ALLOW, OTHERS_DENY = Grant(OTHERS, Effect.ALLOW), Grant(OTHERS, Effect.DENY)
SEVERAL = (a_mapping("one"), a_mapping("two", "b"))


def decision(
    *records: Mapping | Grant,
    person: Person = FULL_MEMBER,
    rules: Rules = RULES,
    within_rate: bool = True,
    target: Target = ANYTHING,
    member: Member = ANA,
    unreadable: tuple[str, ...] = (),
    lockdown: Lockdown | None = None,
    unsure: bool = False,
) -> Allowed | Denied:
    """Decide for a member of `SCIENCE` and not of `OTHERS`, if group membership is known."""
    facts = facts_of(
        *records, person=person, within_rate=within_rate, unreadable=unreadable, lockdown=lockdown, unsure=unsure
    )
    return decide(member, target, facts, rules, NOON)


def facts_of(
    *records: Mapping | Grant,
    person: Person = FULL_MEMBER,
    within_rate: bool = True,
    unreadable: tuple[str, ...] = (),
    lockdown: Lockdown | None = None,
    unsure: bool = False,
) -> Facts:
    mappings = tuple(record for record in records if isinstance(record, Mapping))
    grants = [record for record in records if isinstance(record, Grant)]
    own, of_groups = (
        tuple(grant for grant in grants if is_group(grant.principal) is group) for group in (False, True)
    )
    access = Access(mappings, own, unreadable, lockdown, of_groups)
    memberships = {} if unsure else {grant: grant.principal == SCIENCE for grant in of_groups}
    return Facts(person, access, within_rate, memberships)


def opened(target: Target, mapping: Mapping) -> Mapping:
    """Return the mapping with the requested app and space, if any, instead of its own."""
    if target.app is not None:
        mapping = replace(mapping, landing_uri=LANDING_URIS[target.app])
    return replace(mapping, space_name=target.space) if target.space else mapping


def reason(*records: Mapping | Grant, **more: Any) -> Reason | None:
    found = decision(*records, **more)
    return None if isinstance(found, Allowed) else found.reason


def test_mapped_and_allowed_member_gets_a_link() -> None:
    found = decision(a_mapping(), ALLOW)
    assert isinstance(found, Allowed)
    assert (found.member, found.mapping, found.grant) == (ANA, a_mapping(), ALLOW)
    assert found.checks
    assert all(check.passed for check in found.checks)


OWN = a_mapping("other", space_name="own", landing_uri="studio::", session_seconds=1800, region="eu-west-1")


@pytest.mark.parametrize("target", [Target(), Target("other")])
def test_empty_target_leaves_the_mapping_unchanged(target: Target) -> None:
    found = decision(OWN, ALLOW, target=target)
    assert isinstance(found, Allowed)
    assert found.mapping == OWN


@pytest.mark.parametrize("app", StudioApp)
def test_target_changes_only_space_and_landing_page(app: StudioApp) -> None:
    found = decision(OWN, ALLOW, target=Target("other", app, "lab"))
    assert isinstance(found, Allowed)
    assert found.mapping == replace(OWN, space_name="lab", landing_uri=LANDING_URIS[app])


REFUSALS: list[tuple[str, Reason, tuple[Mapping | Grant, ...], dict[str, Any]]] = [
    ("nothing is known", Reason.NOT_MAPPED, (), {}),
    ("no mapping", Reason.NOT_MAPPED, (ALLOW,), {}),
    ("a broken record", Reason.STORE_UNREADABLE, (a_mapping(), ALLOW), {"unreadable": ("mapping#other",)}),
    ("a rule that may be a deny", Reason.STORE_UNREADABLE, (a_mapping(), ALLOW), {"unreadable": ("grant#deny",)}),
    ("a lockdown", Reason.LOCKDOWN, (a_mapping(), ALLOW), {"lockdown": LOCKDOWN}),
    ("a lockdown, and nothing else either", Reason.LOCKDOWN, (), {"lockdown": LOCKDOWN, "unreadable": ("member",)}),
    ("a lockdown for one who is denied", Reason.LOCKDOWN, (a_mapping(), DENY), {"lockdown": LOCKDOWN}),
    (
        "a lockdown for a guest",
        Reason.GUEST,
        (a_mapping(), ALLOW),
        {"lockdown": LOCKDOWN, "person": replace(FULL_MEMBER, guest=True)},
    ),
    (
        "a lockdown for one of another team",
        Reason.NOT_A_MEMBER,
        (a_mapping(), ALLOW),
        {"lockdown": LOCKDOWN, "person": Person(ANA.user_id, "T0OTHER001")},
    ),
    ("no rule", Reason.NOT_ALLOWED, (a_mapping(),), {}),
    ("somebody else's rule", Reason.NOT_ALLOWED, (a_mapping(), a_grant(BEN)), {}),
    ("denied", Reason.DENIED, (a_mapping(), ALLOW, DENY), {}),
    ("denied for a while", Reason.DENIED, (a_mapping(), ALLOW, replace(DENY, until=NOON + SECOND)), {}),
    ("denied without a mapping", Reason.DENIED, (DENY,), {}),
    ("a group that the member is not in", Reason.NOT_ALLOWED, (a_mapping(), OTHERS_ALLOW), {}),
    ("a group's rule that has ended", Reason.NOT_ALLOWED, (a_mapping(), replace(GROUP_ALLOW, until=NOON)), {}),
    ("denied by a group", Reason.DENIED, (a_mapping(), ALLOW, GROUP_ALLOW, GROUP_DENY), {}),
    ("denied, allowed by a group", Reason.DENIED, (a_mapping(), DENY, GROUP_ALLOW), {}),
    ("a group nobody can confirm", Reason.GROUP_UNCONFIRMED, (a_mapping(), GROUP_ALLOW), {"unsure": True}),
    (
        "the same after one's own has ended",
        Reason.GROUP_UNCONFIRMED,
        (a_mapping(), LAPSED, GROUP_ALLOW),
        {"unsure": True},
    ),
    (
        "a denied group nobody can confirm",
        Reason.GROUP_UNCONFIRMED,
        (a_mapping(), ALLOW, OTHERS_DENY),
        {"unsure": True},
    ),
    ("the same without a mapping", Reason.NOT_MAPPED, (OTHERS_DENY,), {"unsure": True}),
    ("denied, and a group nobody can confirm", Reason.DENIED, (a_mapping(), DENY, OTHERS_DENY), {"unsure": True}),
    ("ended, and not in the group", Reason.GRANT_EXPIRED, (a_mapping(), LAPSED, OTHERS_ALLOW), {}),
    ("expired", Reason.GRANT_EXPIRED, (a_mapping(), a_grant(until=NOON - SECOND)), {}),
    ("expired this moment", Reason.GRANT_EXPIRED, (a_mapping(), LAPSED), {}),
    ("another alias", Reason.UNKNOWN_ALIAS, (a_mapping(), ALLOW), {"target": Target("sandbox")}),
    ("another alias of several", Reason.UNKNOWN_ALIAS, (*SEVERAL, ALLOW), {"target": Target("three")}),
    ("some space of another alias", Reason.UNKNOWN_ALIAS, (*SEVERAL, ALLOW), {"target": Target("three", space="")}),
    ("several aliases", Reason.CHOOSE, (*SEVERAL, ALLOW), {}),
    ("the default among several", Reason.CHOOSE, (a_mapping("one"), a_mapping("default", "b"), ALLOW), {}),
    ("an app of several aliases", Reason.CHOOSE, (*SEVERAL, ALLOW), {"target": Target(app=StudioApp.LAB)}),
    ("a space of several aliases", Reason.CHOOSE, (*SEVERAL, ALLOW), {"target": Target(space="lab")}),
    ("some space of several aliases", Reason.CHOOSE, (*SEVERAL, ALLOW), {"target": Target(space="")}),
    ("some space of one mapping", Reason.CHOOSE, (a_mapping(), ALLOW), {"target": Target(space="")}),
    ("some space of a named mapping", Reason.CHOOSE, (*SEVERAL, ALLOW), {"target": Target("two", space="")}),
    ("not allowed, several aliases", Reason.NOT_ALLOWED, SEVERAL, {}),
    ("not allowed, another alias", Reason.NOT_ALLOWED, SEVERAL, {"target": Target("three")}),
    ("not allowed, some space", Reason.NOT_ALLOWED, SEVERAL, {"target": Target("two", space="")}),
    ("not mapped, another alias", Reason.NOT_MAPPED, (ALLOW,), {"target": Target("three")}),
    ("expired, several aliases", Reason.GRANT_EXPIRED, (*SEVERAL, LAPSED), {}),
    ("denied, several aliases", Reason.DENIED, (*SEVERAL, ALLOW, DENY), {}),
    ("too many", Reason.TOO_MANY, (a_mapping(), ALLOW), {"within_rate": False}),
    ("too many, several aliases", Reason.TOO_MANY, (*SEVERAL, ALLOW), {"within_rate": False}),
    (
        "too many, another alias",
        Reason.TOO_MANY,
        (*SEVERAL, ALLOW),
        {"within_rate": False, "target": Target("three")},
    ),
    ("guest", Reason.GUEST, (a_mapping(), ALLOW), {"person": replace(FULL_MEMBER, guest=True)}),
    (
        "deactivated",
        Reason.NOT_A_MEMBER,
        (a_mapping(), ALLOW),
        {"person": replace(FULL_MEMBER, ineligible_reason="deactivated")},
    ),
    ("another team", Reason.NOT_A_MEMBER, (a_mapping(), ALLOW), {"person": Person(ANA.user_id, "T0OTHER001")}),
    ("no team", Reason.NOT_A_MEMBER, (a_mapping(), ALLOW), {"person": Person(ANA.user_id, "")}),
    ("another account", Reason.NOT_A_MEMBER, (a_mapping(), ALLOW), {"person": Person(BEN.user_id, TEAM)}),
    ("no account", Reason.NOT_A_MEMBER, (a_mapping(), ALLOW), {"person": Person("", "")}),
    (
        "an ineligible guest",
        Reason.NOT_A_MEMBER,
        (a_mapping(), ALLOW),
        {"person": replace(FULL_MEMBER, guest=True, ineligible_reason="a bot"), "rules": Rules(allow_guests=True)},
    ),
]


@pytest.mark.parametrize(
    ("expected", "records", "more"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_refusal_reasons(expected: Reason, records: tuple[Mapping | Grant, ...], more: dict[str, Any]) -> None:
    found = decision(*records, **more)
    assert isinstance(found, Denied)
    assert found.reason is expected
    assert found.detail == found.checks[-1].detail
    assert [check.passed for check in found.checks] == [True] * (len(found.checks) - 1) + [False]


ALLOWED: list[tuple[str, tuple[Mapping | Grant, ...], dict[str, Any]]] = [
    ("until a second from now", (a_mapping(), a_grant(until=NOON + SECOND)), {}),
    ("a deny rule that has ended", (a_mapping(), ALLOW, replace(DENY, until=NOON)), {}),
    ("a deny rule of somebody else", (a_mapping(), ALLOW, a_grant(BEN, Effect.DENY)), {}),
    ("through a group", (a_mapping(), GROUP_ALLOW), {}),
    ("through a group after one's own has ended", (a_mapping(), LAPSED, GROUP_ALLOW), {}),
    ("through a group, with a denied one that the member is not in", (a_mapping(), GROUP_ALLOW, OTHERS_DENY), {}),
    ("a group's deny rule that has ended", (a_mapping(), ALLOW, replace(GROUP_DENY, until=NOON)), {}),
    ("expired group rule, unconfirmed", (a_mapping(), ALLOW, replace(GROUP_DENY, until=NOON)), {"unsure": True}),
    ("own rule, unconfirmed group", (a_mapping(), ALLOW, GROUP_ALLOW), {"unsure": True}),
    ("a named mapping", (*SEVERAL, ALLOW), {"target": Target("two")}),
    ("the default by name", (a_mapping("one"), a_mapping("default", "b"), ALLOW), {"target": Target("default")}),
    ("the only mapping, with another name", (a_mapping("one"), ALLOW), {}),
    ("an app", (a_mapping(), ALLOW), {"target": Target(app=StudioApp.CODE)}),
    ("a named space", (a_mapping(), ALLOW), {"target": Target(space="lab")}),
    ("all of it", (*SEVERAL, ALLOW), {"target": Target("two", StudioApp.LAB, "lab")}),
    (
        "a guest where guests may",
        (a_mapping(), ALLOW),
        {"person": replace(FULL_MEMBER, guest=True), "rules": Rules(allow_guests=True)},
    ),
]


@pytest.mark.parametrize(("records", "more"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_allowed_combinations_get_a_link(records: tuple[Mapping | Grant, ...], more: dict[str, Any]) -> None:
    assert reason(*records, **more) is None


def test_organisation_member_is_a_member() -> None:
    member = Member(ORGANISATION, "W0ANA00001")
    person = Person(member.user_id, "T0ANYTEAM1", enterprise_id=ORGANISATION)
    assert reason(a_mapping(), a_grant(member), person=person, member=member) is None
    elsewhere = replace(person, enterprise_id=None)
    assert reason(a_mapping(), a_grant(member), person=elsewhere, member=member) is Reason.NOT_A_MEMBER


def test_table_covers_every_policy_reason() -> None:
    assert {case[1] for case in REFUSALS} == {
        Reason.NOT_A_MEMBER,
        Reason.GUEST,
        Reason.LOCKDOWN,
        Reason.STORE_UNREADABLE,
        Reason.DENIED,
        Reason.NOT_MAPPED,
        Reason.UNKNOWN_ALIAS,
        Reason.CHOOSE,
        Reason.NOT_ALLOWED,
        Reason.GRANT_EXPIRED,
        Reason.GROUP_UNCONFIRMED,
        Reason.TOO_MANY,
    }


def test_only_lockdown_shows_an_administrators_text() -> None:
    locked = decision(a_mapping(), ALLOW, lockdown=LOCKDOWN)
    assert isinstance(locked, Denied)
    assert locked.notice == LOCKDOWN.reason
    guest = decision(
        a_mapping(), a_grant(reason="secret"), lockdown=LOCKDOWN, person=replace(FULL_MEMBER, guest=True)
    )
    assert isinstance(guest, Denied)
    assert guest.notice is None


def test_refusal_lists_the_members_aliases_in_order() -> None:
    found = decision(a_mapping("two"), a_mapping("one", "b"), ALLOW, target=Target("three"))
    assert isinstance(found, Denied)
    assert (found.aliases, found.target, found.mapping) == (("one", "two"), Target("three"), None)
    assert set(found.mappings) == {a_mapping("two"), a_mapping("one", "b")}


def test_grant_lists_the_members_aliases_in_order() -> None:
    found = decision(a_mapping("two"), a_mapping("one", "b"), ALLOW, target=Target("two"))
    assert isinstance(found, Allowed)
    assert (found.mapping.alias, found.aliases) == ("two", ("one", "two"))


@pytest.mark.parametrize(
    ("target", "opened"),
    [
        (Target(), a_mapping(space_name="own", landing_uri="studio::")),
        (Target("default"), a_mapping(space_name="own", landing_uri="studio::")),
        (Target(app=StudioApp.CODE), a_mapping(space_name="own", landing_uri="app:CodeEditor:")),
        (Target(space="lab"), a_mapping(space_name="lab", landing_uri="studio::")),
        (Target("default", StudioApp.LAB, "lab"), a_mapping(space_name="lab", landing_uri="app:JupyterLab:")),
    ],
    ids=str,
)
def test_requested_target_overrides_the_mapping(target: Target, opened: Mapping) -> None:
    found = decision(a_mapping(space_name="own", landing_uri="studio::"), ALLOW, target=target)
    assert isinstance(found, Allowed)
    assert found.mapping == opened


def test_choice_lists_the_aliases() -> None:
    found = decision(*SEVERAL, ALLOW, target=Target("two", StudioApp.LAB, ""))
    assert isinstance(found, Denied)
    assert (found.mapping, found.target) == (SEVERAL[1], Target("two", StudioApp.LAB, ""))
    undecided = decision(*SEVERAL, ALLOW)
    assert isinstance(undecided, Denied)
    assert (undecided.mapping, undecided.mappings) == (None, SEVERAL)


@pytest.mark.parametrize("records", [(), (a_mapping(),), (a_mapping(), ALLOW), (*SEVERAL, ALLOW)])
def test_every_decision_has_the_members_language(records: tuple[Mapping | Grant, ...]) -> None:
    assert decision(*records, person=replace(FULL_MEMBER, locale="de-DE")).locale == "de-DE"
    assert decision(*records).locale is None


def test_refusal_names_a_known_mapping() -> None:
    found = decision(a_mapping(), DENY)
    assert isinstance(found, Denied)
    assert found.mapping == a_mapping()


def test_checks_are_the_same_for_every_member() -> None:
    allowed, denied = decision(a_mapping(), ALLOW), decision(*SEVERAL, ALLOW)
    names = [check.name for check in allowed.checks]
    assert [check.name for check in denied.checks] == names
    for _, _, records, more in REFUSALS:
        found = decision(*records, **more)
        assert [check.name for check in found.checks] == names[: len(found.checks)]


@pytest.mark.parametrize(
    ("aliases", "asked", "chosen"),
    [
        ([], None, None),
        ([], "one", None),
        (["one"], None, "one"),
        (["one"], "one", "one"),
        (["one"], "two", None),
        (["one"], "default", None),
        (["one", "two"], None, None),
        (["one", "default"], None, None),
        (["one", "default"], "default", "default"),
        (["one", "default"], "one", "one"),
        (["default"], None, "default"),
    ],
)
def test_requested_mapping_is_selected(aliases: list[str], asked: str | None, chosen: str | None) -> None:
    found = chosen_mapping([a_mapping(alias) for alias in aliases], Target(asked))
    assert (found.alias if found else None) == chosen


# The deciding rule, and the rules considered

LATER = NOON + SECOND
CONSIDERED: dict[str, tuple[tuple[Grant, ...], list[Grant], Grant | None]] = {
    "nothing": ((), [], None),
    "own rule before a group's": ((GROUP_ALLOW, ALLOW), [ALLOW, GROUP_ALLOW], ALLOW),
    "group rule after the own one expired": ((LAPSED, GROUP_ALLOW), [LAPSED, GROUP_ALLOW], GROUP_ALLOW),
    "deny before allow": ((ALLOW, GROUP_DENY), [GROUP_DENY, ALLOW], GROUP_DENY),
    "own deny before a group's": ((GROUP_DENY, DENY, ALLOW), [DENY, GROUP_DENY, ALLOW], DENY),
    "the other group is considered": ((OTHERS_DENY, GROUP_ALLOW), [OTHERS_DENY, GROUP_ALLOW], GROUP_ALLOW),
    "another member's is not": ((a_grant(BEN, Effect.DENY), ALLOW), [ALLOW], ALLOW),
    "an admin rule is not": ((a_grant(effect=Effect.ADMIN), ALLOW), [ALLOW], ALLOW),
    "none that applies": ((OTHERS_ALLOW, LAPSED), [LAPSED, OTHERS_ALLOW], None),
}


@pytest.mark.parametrize("case", CONSIDERED)
def test_rules_are_listed_in_order_of_precedence(case: str) -> None:
    grants, order, decides = CONSIDERED[case]
    seen = considered(ANA, facts_of(*grants), NOON)
    assert [rule.grant for rule in seen] == order
    assert [rule.grant for rule in seen if rule.decides] == ([decides] if decides else [])
    assert all(rule.why for rule in seen)


def test_longer_group_rule_is_the_reason() -> None:
    short, long = (Grant(f"S0{n}", Effect.ALLOW, NOON + n * SECOND) for n in (1, 2))
    access = Access((a_mapping(),), group_grants=(short, long))
    found = decide(ANA, Target(), Facts(FULL_MEMBER, access, memberships={short: True, long: True}), RULES, NOON)
    assert isinstance(found, Allowed)
    assert found.grant == long


def test_group_rule_without_a_look_up_does_not_allow() -> None:
    forgotten = Facts(FULL_MEMBER, Access((a_mapping(),), (ALLOW,), group_grants=(OTHERS_DENY,)))
    found = decide(ANA, Target(), forgotten, RULES, NOON)
    assert isinstance(found, Denied)
    assert found.reason is Reason.GROUP_UNCONFIRMED
    assert OTHERS in found.detail


# Administration from Slack

ADMIN = a_grant(effect=Effect.ADMIN, reason="on call")
NAMED = frozenset({ANA.user_id})
NOBODY: frozenset[str] = frozenset()
MAY_ADMINISTER: dict[str, tuple[bool, frozenset[str], tuple[Grant, ...], dict[str, Any]]] = {
    "nobody has said so": (False, NOBODY, (), {}),
    "an allow rule is about links": (False, NOBODY, (ALLOW,), {}),
    "named in the settings": (True, NAMED, (), {}),
    "another member is named": (False, frozenset({BEN.user_id}), (), {}),
    "an admin rule": (True, NOBODY, (ADMIN,), {}),
    "both": (True, NAMED, (ADMIN,), {}),
    "an admin rule until later": (True, NOBODY, (replace(ADMIN, until=NOON + SECOND),), {}),
    "an expired admin rule": (False, NOBODY, (replace(ADMIN, until=NOON),), {}),
    "an expired admin rule, but named": (True, NAMED, (replace(ADMIN, until=NOON),), {}),
    "another member's admin rule": (False, NOBODY, (a_grant(BEN, Effect.ADMIN),), {}),
    "denied": (False, NAMED, (ADMIN, DENY), {}),
    "denied until now": (True, NAMED, (replace(DENY, until=NOON),), {}),
    "denied by a group": (False, NAMED, (ADMIN, GROUP_DENY), {}),
    "not in the denied group": (True, NAMED, (ADMIN, OTHERS_DENY), {}),
    "unconfirmed in a denied group": (False, NAMED, (ADMIN, OTHERS_DENY), {"unsure": True}),
    "allowed by a group": (False, NOBODY, (GROUP_ALLOW,), {}),
    "an unreadable record": (False, NAMED, (ADMIN,), {"unreadable": ("grant#deny",)}),
    "a guest": (False, NAMED, (ADMIN,), {"person": replace(FULL_MEMBER, guest=True)}),
    "deactivated": (False, NAMED, (ADMIN,), {"person": replace(FULL_MEMBER, ineligible_reason="deactivated")}),
    "of another team": (False, NAMED, (ADMIN,), {"person": Person(ANA.user_id, "T0OTHER001")}),
    "another account": (False, NAMED, (ADMIN,), {"person": Person(BEN.user_id, TEAM)}),
}


@pytest.mark.parametrize("case", MAY_ADMINISTER)
def test_administrators_are_named_or_have_an_admin_rule(case: str) -> None:
    expected, named, grants, more = MAY_ADMINISTER[case]
    found = may_administer(ANA, facts_of(*grants, **more), named, NOON)
    assert found.passed is expected
    assert found.detail


def test_admin_rule_does_not_allow_links() -> None:
    assert reason(a_mapping(), ADMIN) is Reason.NOT_ALLOWED


# Any records


moments = st.none() | st.integers(-3, 3).map(lambda seconds: NOON + timedelta(seconds=seconds))
principals = st.sampled_from([ANA, BEN])
any_grant = st.builds(
    lambda member, effect, until: a_grant(member, effect, until=until), principals, st.sampled_from(Effect), moments
)
any_group_grant = st.builds(
    Grant,
    st.sampled_from([SCIENCE, OTHERS]),
    st.sampled_from([Effect.ALLOW, Effect.DENY]),
    moments,
)
grants = st.lists(any_grant | any_group_grant, max_size=6)
mappings = st.lists(st.sampled_from(["default", "one", "two"]), unique=True, max_size=3).map(
    lambda aliases: [a_mapping(alias, alias) for alias in aliases]
)
people = st.builds(
    Person,
    st.sampled_from([ANA.user_id, BEN.user_id, ""]),
    st.sampled_from([TEAM, "T0OTHER001", ""]),
    ineligible_reason=st.none() | st.just("a bot"),
    guest=st.booleans(),
)
situations = st.fixed_dictionaries(
    {
        "person": st.just(FULL_MEMBER) | people,
        "lockdown": st.none() | st.just(LOCKDOWN),
        "unsure": st.booleans(),
        "rules": st.builds(Rules, st.booleans(), st.integers(1, 5)),
        "within_rate": st.booleans(),
        "target": st.builds(
            Target,
            st.none() | st.sampled_from(["default", "one", "gone"]),
            st.none() | st.sampled_from(StudioApp),
            st.none() | st.sampled_from(["", "lab"]),
        ),
    }
)


@given(mappings, grants, situations, moments.filter(lambda until: until is None or until > NOON))
def test_deny_rule_beats_allow_rule(
    mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any], until: Any
) -> None:
    for deny in (a_grant(effect=Effect.DENY, until=until), replace(GROUP_DENY, until=until)):
        assert reason(*mapped, *granted, deny, **situation) is not None
        assert reason(a_mapping(), ALLOW, *granted, deny) is Reason.DENIED  # if nothing else prevents it


@given(st.data(), mappings, grants, situations)
def test_order_of_records_does_not_matter(
    data: st.DataObject, mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any]
) -> None:
    shuffled: list[Mapping | Grant] = [*data.draw(st.permutations(mapped)), *data.draw(st.permutations(granted))]
    before, after = decision(*mapped, *granted, **situation), decision(*shuffled, **situation)
    assert type(before) is type(after)
    assert before.mapping == after.mapping
    assert reason(*mapped, *granted, **situation) is reason(*shuffled, **situation)


@given(mappings, grants, situations, principals, moments)
def test_adding_a_deny_rule_never_allows(
    mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any], member: Member, until: Any
) -> None:
    if reason(*mapped, *granted, **situation) is not None:
        for principal in (member.user_id, SCIENCE, OTHERS):
            more = Grant(principal, Effect.DENY, until)
            assert reason(*mapped, *granted, more, **situation) is not None


@given(st.data(), mappings, grants.filter(bool), situations)
def test_removing_an_allow_rule_never_allows(
    data: st.DataObject, mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any]
) -> None:
    gone = data.draw(st.sampled_from(granted))
    if gone.effect is Effect.ALLOW and reason(*mapped, *granted, **situation) is not None:
        rest = [grant for grant in granted if grant is not gone]
        assert reason(*mapped, *rest, **situation) is not None


@given(mappings, grants, situations)
def test_link_needs_an_unexpired_own_or_group_rule(
    mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any]
) -> None:
    found = decision(*mapped, *granted, **situation)
    if isinstance(found, Allowed):
        assert found.grant in granted
        assert found.grant.principal in (ANA.user_id, SCIENCE)
        own = [grant for grant in granted if grant.principal == ANA.user_id and grant.holds_at(NOON)]
        assert is_group(found.grant.principal) is (Effect.ALLOW not in {grant.effect for grant in own})
        assert not situation["unsure"] or not is_group(found.grant.principal)
        assert found.grant.effect is Effect.ALLOW
        assert found.grant.holds_at(NOON)
        assert found.mapping in [opened(situation["target"], mapping) for mapping in mapped]
        assert situation["target"].space != ""
        assert situation["target"].alias in (None, found.mapping.alias)
        assert situation["target"].alias is not None or len(mapped) == 1


@given(mappings, grants, situations)
def test_only_allowed_members_get_a_choice(
    mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any]
) -> None:
    named = {**situation, "target": Target(mapped[0].alias)} if mapped else situation
    if reason(*mapped, *granted, **situation) in (Reason.CHOOSE, Reason.UNKNOWN_ALIAS):
        assert reason(*mapped, *granted, **named) is None


@given(mappings, grants, situations)
def test_expired_rules_never_allow(mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any]) -> None:
    ended = [replace(grant, until=min(grant.until or NOON, NOON)) for grant in granted]
    assert reason(*mapped, *ended, **situation) is not None
    assert reason(a_mapping(), LAPSED, *ended) is not None  # if nothing else prevents it


@given(mappings, grants, situations, people)
def test_ineligible_account_gets_no_link(
    mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any], person: Person
) -> None:
    known = (person.user_id, person.team_id, person.ineligible_reason) == (ANA.user_id, TEAM, None)
    if not known:
        assert reason(*mapped, *granted, **{**situation, "person": person}) is Reason.NOT_A_MEMBER


@given(mappings, grants, situations)
def test_lockdown_refuses_everyone(mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any]) -> None:
    locked = {**situation, "lockdown": LOCKDOWN}
    assert reason(*mapped, *granted, **locked) in (Reason.LOCKDOWN, Reason.GUEST, Reason.NOT_A_MEMBER)


@given(mappings, grants, situations)
def test_no_link_beyond_the_rate_limit(
    mapped: list[Mapping], granted: list[Grant], situation: dict[str, Any]
) -> None:
    over = {**situation, "within_rate": False}
    assert reason(*mapped, *granted, **over) is not None


@given(grants, people, st.sampled_from([NAMED, NOBODY]), st.sampled_from([(), ("grant#deny",)]))
def test_denied_ineligible_or_unnamed_members_do_not_administer(
    granted: list[Grant], person: Person, named: frozenset[str], unreadable: tuple[str, ...]
) -> None:
    access = Access(grants=tuple(granted), unreadable=unreadable)
    own = [grant for grant in granted if grant.principal == ANA.user_id and grant.holds_at(NOON)]
    if may_administer(ANA, Facts(person, access), named, NOON).passed:
        assert not unreadable
        assert (person.user_id, person.team_id, person.ineligible_reason, person.guest) == (
            ANA.user_id,
            TEAM,
            None,
            False,
        )
        assert Effect.DENY not in {grant.effect for grant in own}
        assert named or Effect.ADMIN in {grant.effect for grant in own}
