"""Contract of AccessAdmin, run on the fake and on the DynamoDB table."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.consent import Ownership
from bot.core.errors import Changed, ProfileConflict, StoreError
from bot.core.link import Reason
from bot.core.records import Entry, Handover
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from bot.store.access import AccessTable
from bot.store.models import Tables, bind, client_of
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping, an_entry, race

OTHER_TEAM = "T0OTHER001"
CAI = Member(OTHER_TEAM, "U0CAI00001")
LATER = NOON + timedelta(minutes=1)


def change(entry_id: str, member: Member = ANA) -> Entry:
    return an_entry(entry_id, member, action="map", outcome="done")


def put(store: Store, member: Member, mapping: Mapping, *, seen: Access | None = None, entry: str = "put") -> Mapping:
    """Map the member, based on the current records or on `seen`."""
    seen = store.access.read(member) if seen is None else seen
    store.access.put_records(member, [mapping], seen=seen, entry=change(entry, member))
    return mapping


def unmap(store: Store, member: Member, mapping: Mapping, *, seen: Access | None = None, entry: str = "gone") -> None:
    seen = store.access.read(member) if seen is None else seen
    store.access.delete_mapping(member, mapping, seen=seen, entry=change(entry, member))


def rule(store: Store, grant: Grant, *, seen: Access | None = None, entry: str = "rule") -> None:
    seen = store.access.read(Member(TEAM, grant.principal)) if seen is None else seen
    store.access.put_grant(TEAM, grant, seen=seen, entry=change(entry))


def group_rule(store: Store, grant: Grant, *, seen: Workspace | None = None, entry: str = "rule") -> None:
    seen = store.access.workspace(TEAM) if seen is None else seen
    store.access.put_grant(TEAM, grant, seen=seen, entry=change(entry))


def lock_down(
    store: Store, lockdown: Lockdown | None, *, seen: Workspace | None = None, entry: str = "lockdown"
) -> None:
    seen = store.access.workspace(TEAM) if seen is None else seen
    store.access.put_lockdown(TEAM, lockdown, seen=seen, entry=change(entry))


def audited(store: Store, tenant: str = TEAM) -> list[str]:
    """Return the ids of the audited changes."""
    return sorted(entry.id for entry in store.audit.of_day(tenant, NOON.date()))


EVERYTHING = a_mapping(
    region="eu-central-1",
    role_arn="arn:aws:iam::123456789012:role/studio/broker",
    space_name="lab",
    landing_uri="app:JupyterLab:lab/tree/work",
    session_seconds=3600,
    profile_arn="arn:aws:sagemaker:eu-central-1:123456789012:user-profile/d-research/ana",
    set_at=NOON.replace(microsecond=123456),
)


def test_unknown_member_has_no_records(store: Store) -> None:
    assert store.access.read(ANA) == Access()


@pytest.mark.parametrize("mapping", [EVERYTHING, Mapping("default", "d-research", "ana", set_at=NOON)])
def test_mapping_round_trips(store: Store, mapping: Mapping) -> None:
    put(store, ANA, mapping)
    assert store.access.read(ANA) == Access((mapping,))


@pytest.mark.parametrize(
    "grant",
    [
        a_grant(),
        a_grant(effect=Effect.DENY, reason="laptop stolen"),
        a_grant(until=NOON + timedelta(days=30, microseconds=1), reason="project “Falcon” & co <x>"),
    ],
)
def test_rule_round_trips(store: Store, grant: Grant) -> None:
    rule(store, grant, entry="grant")
    assert store.access.read(ANA) == Access(grants=(grant,))


def test_read_returns_all_records_of_one_member_only(store: Store) -> None:
    mappings = [put(store, ANA, a_mapping(alias, alias), entry=f"m-{alias}") for alias in ("default", "sandbox")]
    put(store, BEN, a_mapping(profile="ben"), entry="m-ben")
    put(store, Member(OTHER_TEAM, ANA.user_id), a_mapping(profile="ana-elsewhere"), entry="m-other")
    rules = [a_grant(), a_grant(effect=Effect.DENY)]
    for grant in rules:
        rule(store, grant, entry=f"g-{grant.effect}")

    found = store.access.read(ANA)

    assert sorted(found.mappings, key=lambda m: m.alias) == mappings
    assert sorted(found.grants, key=lambda g: g.effect) == rules


def test_change_is_readable_immediately(store: Store) -> None:
    for minute in range(10):
        after = a_mapping(session_seconds=1800 + minute, set_at=NOON + timedelta(minutes=minute))
        put(store, ANA, after, entry=f"change-{minute}")
        assert store.access.read(ANA).mappings == (after,)


# Batch writes


def test_several_records_are_written_as_one_change(store: Store) -> None:
    put(store, ANA, a_mapping("kept", "ana-kept"), entry="before")
    records = (EVERYTHING, a_mapping("second", "ana-2"), a_grant(reason="Falcon"), a_grant(effect=Effect.DENY))

    store.access.put_records(ANA, records, seen=store.access.read(ANA), entry=change("several"))

    found = store.access.read(ANA)
    assert sorted(m.alias for m in found.mappings) == ["default", "kept", "second"]
    assert EVERYTHING in found.mappings
    assert {grant.effect for grant in found.grants} == {Effect.ALLOW, Effect.DENY}
    assert audited(store) == ["before", "several"]
    for taken in ("ana-kept", "ANA-2", EVERYTHING.profile_name):
        with pytest.raises(ProfileConflict):
            put(store, BEN, a_mapping(profile=taken), entry="taken")


def test_batch_write_fails_if_the_member_has_changed(store: Store) -> None:
    seen = store.access.read(ANA)
    put(store, ANA, a_mapping("meanwhile", "ana-3"), entry="meanwhile")

    with pytest.raises(Changed):
        store.access.put_records(ANA, [EVERYTHING, a_grant()], seen=seen, entry=change("late"))

    assert [mapping.alias for mapping in store.access.read(ANA).mappings] == ["meanwhile"]
    assert audited(store) == ["meanwhile"]


def test_batch_write_fails_if_one_profile_is_in_use(store: Store) -> None:
    put(store, BEN, a_mapping(profile="bens"), entry="ben")

    records = (a_mapping("one", "ana-1"), a_mapping("two", "BENS"), a_grant())
    with pytest.raises(ProfileConflict, match=f"BENS in d-research is already mapped to {BEN.user_id}"):
        store.access.put_records(ANA, records, seen=store.access.read(ANA), entry=change("several"))

    assert store.access.read(ANA) == Access()
    assert audited(store) == ["ben"]
    put(store, CAI, a_mapping(profile="ana-1"), entry="free")


def test_member_can_swap_profiles_and_release_others(store: Store) -> None:
    for alias, profile in (("a", "one"), ("b", "two"), ("c", "three"), ("d", "three")):
        put(store, ANA, a_mapping(alias, profile), entry=f"m-{alias}")
    records = [a_mapping("a", "two"), a_mapping("b", "one"), a_mapping("c", "four")]

    store.access.put_records(ANA, records, seen=store.access.read(ANA), entry=change("swap"))

    for held in ("one", "two", "three", "four"):
        with pytest.raises(ProfileConflict):
            put(store, BEN, a_mapping(profile=held), entry="taken")
    store.access.put_records(ANA, [a_mapping("d", "four")], seen=store.access.read(ANA), entry=change("let-go"))
    put(store, BEN, a_mapping(profile="three"), entry="free")


def test_read_many_returns_each_member(store: Store) -> None:
    members = [Member(TEAM, f"U0{number:04}") for number in range(120)]
    there = [put(store, member, a_mapping(profile=member.user_id), entry=member.user_id) for member in members[::40]]

    found = dict(store.access.read_each(members))

    assert list(found) == members
    assert [found[member].mappings for member in members[::40]] == [(mapping,) for mapping in there]
    assert found[members[1]] == Access()
    assert list(store.access.read_each([])) == []


def test_profile_holders_are_found_in_every_team(store: Store) -> None:
    put(store, ANA, a_mapping(profile="Ana"), entry="ana")
    put(store, CAI, a_mapping(profile="cai"), entry="cai")
    free = put(store, BEN, a_mapping(profile="free"), entry="ben")
    store.access.delete_mapping(BEN, free, seen=store.access.read(BEN), entry=change("gone", BEN))
    many = [a_mapping(f"a-{number}", f"nobody-{number}") for number in range(120)]
    asked = [a_mapping("x", "ANA"), a_mapping("y", "ana"), a_mapping(profile="cai"), a_mapping(profile="free"), *many]

    assert list(store.access.holders(asked)) == [(asked[0], ANA), (asked[1], ANA), (asked[2], CAI)]


# One profile, one member


@pytest.mark.parametrize("name", ["ana", "ANA", "aNa"])
@pytest.mark.parametrize("other", [BEN, CAI], ids=["same team", "other team"])
def test_profile_cannot_be_mapped_to_a_second_member(store: Store, other: Member, name: str) -> None:
    held = put(store, ANA, a_mapping(profile="Ana"))

    with pytest.raises(ProfileConflict, match=f"{name} in d-research is already mapped to .*{ANA.user_id}"):
        put(store, other, a_mapping(profile=name), entry="second")

    assert store.access.read(other) == Access()
    assert store.access.read(ANA) == Access((held,))
    assert audited(store) == ["put"]
    assert audited(store, OTHER_TEAM) == []


def test_same_profile_name_in_another_domain_is_free(store: Store) -> None:
    put(store, ANA, a_mapping(), entry="one")
    put(store, BEN, a_mapping(domain="d-other"), entry="two")
    assert audited(store) == ["one", "two"]


def test_member_can_hold_a_profile_under_several_aliases(store: Store) -> None:
    first = put(store, ANA, a_mapping("default"), entry="one")
    put(store, ANA, a_mapping("lab-like", space_name="lab"), entry="two")
    unmap(store, ANA, first, entry="three")

    with pytest.raises(ProfileConflict):
        put(store, BEN, a_mapping(), entry="four")


def test_unmapped_profile_is_free(store: Store) -> None:
    held = put(store, ANA, a_mapping(profile="Ana"))
    unmap(store, ANA, held, entry="gone")
    mapping = put(store, BEN, a_mapping(profile="ana"), entry="second")

    assert store.access.read(ANA) == Access()
    assert store.access.read(BEN) == Access((mapping,))
    assert audited(store) == ["gone", "put", "second"]


def test_remapping_releases_the_old_profile(store: Store) -> None:
    put(store, ANA, a_mapping(profile="old"))
    put(store, ANA, a_mapping(profile="new", set_at=LATER), entry="remap")

    put(store, BEN, a_mapping("first", "old"), entry="free")
    with pytest.raises(ProfileConflict):
        put(store, BEN, a_mapping("second", "new"), entry="held")


def test_remapping_to_the_same_profile_keeps_it(store: Store) -> None:
    put(store, ANA, a_mapping(profile="Ana"))
    new = put(store, ANA, a_mapping(profile="ana", space_name="lab", set_at=LATER), entry="remap")

    assert store.access.read(ANA) == Access((new,))
    with pytest.raises(ProfileConflict):
        put(store, BEN, a_mapping(), entry="taken")


def test_released_profile_can_be_mapped_again(store: Store) -> None:
    for turn, member in enumerate((ANA, BEN, ANA, CAI)):
        held = put(store, member, a_mapping(), entry=f"put-{turn}")
        unmap(store, member, held, entry=f"delete-{turn}")
    put(store, BEN, a_mapping(), entry="last")


def test_remapping_to_a_profile_in_use_changes_nothing(store: Store) -> None:
    mine = put(store, ANA, a_mapping(profile="mine"), entry="one")
    put(store, BEN, a_mapping(profile="theirs"), entry="two")

    with pytest.raises(ProfileConflict):
        put(store, ANA, a_mapping(profile="theirs", set_at=LATER), entry="three")

    assert store.access.read(ANA) == Access((mine,))
    with pytest.raises(ProfileConflict):
        put(store, CAI, a_mapping(profile="mine"), entry="four")


# Workspace records

LOCKDOWN = Lockdown("we are looking into a leak", set_by="cli:test", set_at=NOON)
SCIENCE = Grant("S0SCIENCE1", Effect.ALLOW, reason="all of them", set_by="cli:test", set_at=NOON)
LEAVERS = Grant("S0LEAVERS1", Effect.DENY, until=LATER, set_by="cli:test", set_at=NOON)


def test_unknown_workspace_has_no_rules(store: Store) -> None:
    assert store.access.workspace(TEAM) == Workspace()


def test_workspace_rules_are_read_with_every_member(store: Store) -> None:
    mapping = put(store, ANA, a_mapping())
    group_rule(store, SCIENCE, entry="one")
    lock_down(store, LOCKDOWN, entry="two")
    group_rule(store, LEAVERS, entry="three")

    assert store.access.workspace(TEAM) == Workspace(LOCKDOWN, (LEAVERS, SCIENCE))
    assert store.access.read(ANA) == Access((mapping,), lockdown=LOCKDOWN, group_grants=(LEAVERS, SCIENCE))
    assert store.access.read(BEN) == Access(lockdown=LOCKDOWN, group_grants=(LEAVERS, SCIENCE))
    assert store.access.read(CAI) == Access()
    assert audited(store) == ["one", "put", "three", "two"]


def test_ending_a_lockdown_keeps_the_rules(store: Store) -> None:
    group_rule(store, SCIENCE)
    lock_down(store, LOCKDOWN)
    lock_down(store, None, entry="off")
    assert store.access.workspace(TEAM) == Workspace(grants=(SCIENCE,))


def test_removing_group_rules_keeps_other_groups_rules(store: Store) -> None:
    denied = replace(SCIENCE, effect=Effect.DENY)
    for number, grant in enumerate((SCIENCE, LEAVERS, denied)):
        group_rule(store, grant, entry=f"rule-{number}")
    of_science = replace(store.access.workspace(TEAM), grants=(SCIENCE, denied))
    store.access.delete_grants(TEAM, SCIENCE.principal, seen=of_science, entry=change("gone"))
    assert store.access.workspace(TEAM) == Workspace(grants=(LEAVERS,))


def test_workspace_change_does_not_conflict_with_a_members(store: Store) -> None:
    seen = store.access.read(ANA)
    lock_down(store, LOCKDOWN)
    put(store, ANA, a_mapping(), seen=seen)
    group_rule(store, SCIENCE)


@pytest.mark.parametrize(
    "late",
    [
        lambda store, seen: group_rule(store, replace(SCIENCE, reason="mine"), seen=seen, entry="late"),
        lambda store, seen: lock_down(store, None, seen=seen, entry="late"),
        lambda store, seen: store.access.delete_grants(TEAM, SCIENCE.principal, seen=seen, entry=change("late")),
    ],
    ids=["a rule", "a lockdown", "forgetting"],
)
@pytest.mark.parametrize("first", [True, False], ids=["the first change of all", "a later one"])
def test_outdated_workspace_change_fails(
    store: Store, late: Callable[[Store, Workspace], None], *, first: bool
) -> None:
    if not first:
        group_rule(store, SCIENCE, entry="before")
    seen = store.access.workspace(TEAM)
    lock_down(store, LOCKDOWN)
    with pytest.raises(Changed, match="nothing was written"):
        late(store, seen)
    assert store.access.workspace(TEAM).lockdown == LOCKDOWN
    assert "late" not in audited(store)


# Conflicting changes: each is based on `seen` and comes after another change

NOTHING = Access()
Late = Callable[[Store, Access], object]
LATE: dict[str, Late] = {
    "map": lambda store, seen: put(store, ANA, a_mapping(profile="mine", set_at=LATER), seen=seen, entry="late"),
    "map another alias": lambda store, seen: put(store, ANA, a_mapping("mine", "mine"), seen=seen, entry="late"),
    "unmap": lambda store, seen: unmap(store, ANA, a_mapping(), seen=seen, entry="late"),
    "allow": lambda store, seen: rule(store, a_grant(reason="mine"), seen=seen, entry="late"),
    "forget": lambda store, seen: store.access.delete_grants(TEAM, ANA.user_id, seen=seen, entry=change("late")),
}
MEANWHILE: dict[str, Callable[[Store], object]] = {
    "mapped": lambda store: put(store, ANA, a_mapping("other", "theirs"), entry="theirs"),
    "mapped again": lambda store: put(store, ANA, a_mapping(session_seconds=1800, set_at=LATER), entry="theirs"),
    "unmapped": lambda store: unmap(store, ANA, a_mapping(), entry="theirs"),
    "denied": lambda store: rule(store, a_grant(effect=Effect.DENY), entry="theirs"),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("late", LATE)
def test_outdated_member_change_fails(store: Store, late: str, meanwhile: str) -> None:
    put(store, ANA, a_mapping())
    rule(store, a_grant())
    seen = store.access.read(ANA)
    MEANWHILE[meanwhile](store)
    theirs = store.access.read(ANA)

    with pytest.raises(Changed, match="nothing was written: look again"):
        LATE[late](store, seen)

    assert store.access.read(ANA) == theirs
    assert audited(store) == ["put", "rule", "theirs"]
    put(store, BEN, a_mapping(profile="mine"), entry="free")


@pytest.mark.parametrize("late", ["map", "allow"])
def test_second_first_change_of_a_member_fails(store: Store, late: str) -> None:
    rule(store, a_grant(effect=Effect.DENY))
    with pytest.raises(Changed):
        LATE[late](store, NOTHING)
    assert store.access.read(ANA) == Access(grants=(a_grant(effect=Effect.DENY),))


def test_emptied_member_keeps_its_version(store: Store) -> None:
    mapping = put(store, ANA, a_mapping())
    seen = store.access.read(ANA)
    unmap(store, ANA, mapping)
    assert store.access.read(ANA) == NOTHING
    for late in ("map", "allow", "unmap"):
        for stale in (NOTHING, seen):
            with pytest.raises(Changed):
                LATE[late](store, stale)


def test_rules_are_removed_in_one_change(store: Store) -> None:
    mapping = put(store, ANA, a_mapping())
    for effect in (Effect.ALLOW, Effect.DENY):
        rule(store, a_grant(effect=effect), entry=f"put-{effect}")

    store.access.delete_grants(TEAM, ANA.user_id, seen=store.access.read(ANA), entry=change("gone"))

    assert store.access.read(ANA) == Access((mapping,))
    assert audited(store) == ["gone", "put", "put-allow", "put-deny"]


def test_allow_and_deny_rules_coexist(store: Store) -> None:
    rule(store, a_grant(), entry="allow")
    rule(store, a_grant(effect=Effect.DENY), entry="deny")
    assert {grant.effect for grant in store.access.read(ANA).grants} == {Effect.ALLOW, Effect.DENY}


# Owners of a profile


def test_profile_has_an_owner_until_it_had_one(store: Store) -> None:
    mapping = a_mapping()
    assert store.access.ownership(mapping) == Ownership()

    put(store, ANA, mapping)
    held = store.access.ownership(replace(mapping, profile_name=mapping.profile_name.upper()))
    unmap(store, ANA, mapping)
    former = store.access.ownership(mapping)

    assert (held.holder, held.former, former.holder, former.former) == (ANA, None, None, ANA)
    assert len({held.mark, former.mark, ""}) == 3


def test_profile_under_another_alias_keeps_its_owner(store: Store) -> None:
    for alias in ("one", "two"):
        put(store, ANA, a_mapping(alias, "ana"), entry=alias)
    unmap(store, ANA, a_mapping("one", "ana"))
    assert store.access.ownership(a_mapping()).holder == ANA
    put(store, ANA, a_mapping("two", "other"), entry="replaced")
    assert store.access.ownership(a_mapping(profile="ana")).former == ANA


def test_mapping_of_a_profile_that_changed_owners_fails(store: Store) -> None:
    mapping = put(store, ANA, a_mapping())
    unmap(store, ANA, mapping, entry="first")
    seen = store.access.ownership(mapping)
    put(store, ANA, mapping, entry="again")
    unmap(store, ANA, mapping, entry="second")

    for profile in (seen, Ownership()):
        with pytest.raises(Changed):
            store.access.put_records(
                BEN, [mapping], seen=store.access.read(BEN), entry=change("late", BEN), profile=profile
            )

    now = store.access.ownership(mapping)
    store.access.put_records(BEN, [mapping], seen=store.access.read(BEN), entry=change("fits", BEN), profile=now)
    assert store.access.ownership(mapping).holder == BEN


def hand_over(store: Store, seen: Access, profile: Ownership, entry: str = "taken") -> None:
    """Move ANA's profile to BEN."""
    handover = Handover(ANA, seen, change(f"{entry}-lost"))
    store.access.put_records(
        BEN,
        [a_mapping("of-ana")],
        seen=store.access.read(BEN),
        entry=change(entry, BEN),
        profile=profile,
        handover=handover,
    )


def test_handover_moves_a_profile_as_one_change(store: Store) -> None:
    for alias in ("one", "two"):
        put(store, ANA, a_mapping(alias, "ANA"), entry=alias)
    kept = put(store, ANA, a_mapping("three", "kept"), entry="three")
    rule(store, a_grant())

    hand_over(store, store.access.read(ANA), store.access.ownership(a_mapping()))

    assert store.access.read(ANA) == Access((kept,), (a_grant(),))
    assert store.access.read(BEN).mappings == (a_mapping("of-ana"),)
    assert store.access.ownership(a_mapping()).holder == BEN
    assert {"taken", "taken-lost"} <= {*audited(store)}


@pytest.mark.parametrize("what", ["the loser's records", "the profile"])
def test_handover_after_a_change_leaves_the_owner(store: Store, what: str) -> None:
    mapping = put(store, ANA, a_mapping())
    seen, profile = store.access.read(ANA), store.access.ownership(mapping)
    if what == "the profile":
        profile = replace(profile, mark="T0TEAM#U0OTHER ")
    else:
        rule(store, a_grant())

    with pytest.raises(Changed):
        hand_over(store, seen, profile)

    assert store.access.read(ANA).mappings == (mapping,)
    assert store.access.read(BEN) == Access()
    assert "taken-lost" not in audited(store)


# Concurrent changes


def putter(store: Store, member: Member, mapping: Mapping, entry: str) -> Callable[[], str]:
    """Return a job that maps a member, based on the current records."""
    seen = store.access.read(member)

    def job() -> str:
        put(store, member, mapping, seen=seen, entry=entry)
        return entry

    return job


def test_concurrent_mappings_of_a_profile_have_one_winner(store: Store) -> None:
    outcomes = race(
        putter(store, ANA, a_mapping(profile="shared"), "for-ana"),
        putter(store, BEN, a_mapping(profile="Shared"), "for-ben"),
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, ProfileConflict)]
    assert (len(winners), len(losers)) == (1, 1)
    assert audited(store) == winners
    assert len(store.access.read(ANA).mappings) + len(store.access.read(BEN).mappings) == 1


def test_concurrent_mapping_changes_have_one_winner(store: Store) -> None:
    put(store, ANA, a_mapping(profile="seen"))
    wanted = {
        name: a_mapping(profile=name, set_at=LATER + timedelta(seconds=at)) for at, name in enumerate(("one", "two"))
    }
    outcomes = race(*(putter(store, ANA, mapping, name) for name, mapping in wanted.items()))

    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes if outcome != winner] == [Changed]
    assert store.access.read(ANA) == Access((wanted[winner],))
    assert audited(store) == sorted(["put", winner])
    loser = "two" if winner == "one" else "one"
    put(store, BEN, a_mapping("first", "seen"), entry="old-profile-is-free")
    put(store, BEN, a_mapping("second", loser), entry="losers-profile-is-free")
    with pytest.raises(ProfileConflict):
        put(store, BEN, a_mapping("third", winner), entry="winners-profile-is-held")


def test_concurrent_change_and_removal_have_one_winner(store: Store) -> None:
    mapping = put(store, ANA, a_mapping())
    seen = store.access.read(ANA)

    def remove() -> str:
        unmap(store, ANA, mapping, seen=seen, entry="remove")
        return "remove"

    outcomes = race(remove, putter(store, ANA, a_mapping(profile="new", set_at=LATER), "change"))

    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes if outcome != winner] == [Changed]
    assert len(store.access.read(ANA).mappings) == (1 if winner == "change" else 0)
    assert audited(store) == sorted(["put", winner])
    put(store, BEN, a_mapping(), entry="old-profile-is-free")


@pytest.mark.parametrize("known", [False, True], ids=["of a member new to the store", "of a known one"])
def test_concurrent_retried_changes_are_all_kept(store: Store, *, known: bool) -> None:
    """Each administrator retries after a conflict, as the message says."""
    if known:
        put(store, ANA, a_mapping("known", "known"))

    def until_made(number: int) -> Callable[[], str]:
        def job() -> str:
            for attempt in range(20):
                try:
                    put(store, ANA, a_mapping(f"alias-{number}", f"p{number}"), entry=f"change-{number}-{attempt}")
                except Changed:
                    continue
                return "made"
            return "given up"

        return job

    assert race(*map(until_made, range(5))) == ["made"] * 5
    kept = [mapping.alias for mapping in store.access.read(ANA).mappings if mapping.alias != "known"]
    assert kept == [f"alias-{number}" for number in range(5)]
    assert len(audited(store)) == 5 + known


# All members


def test_members_lists_each_member_with_all_records(store: Store) -> None:
    ana = put(store, ANA, a_mapping(), entry="one")
    put(store, CAI, a_mapping(profile="cai"), entry="two")
    rule(store, a_grant(), entry="three")
    rule(store, a_grant(BEN), entry="four")

    assert dict(store.access.members(TEAM)) == {
        ANA.user_id: Access((ana,), (a_grant(),)),
        BEN.user_id: Access(grants=(a_grant(BEN),)),
    }
    assert list(store.access.members("T0NOBODY01")) == []


def test_members_omits_emptied_members(store: Store) -> None:
    held = put(store, ANA, a_mapping())
    unmap(store, ANA, held, entry="gone")
    assert list(store.access.members(TEAM)) == []


def test_members_ignores_longer_tenant_ids(store: Store) -> None:
    put(store, Member(f"{TEAM}X", "U0DEE00001"), a_mapping())
    assert list(store.access.members(TEAM)) == []


def test_members_omits_locks_and_workspaces(store: Store) -> None:
    lock_down(store, LOCKDOWN)
    group_rule(store, SCIENCE)
    put(store, ANA, a_mapping(), entry="one")
    assert list(store.access.members(TEAM)) == [(ANA.user_id, Access((a_mapping(),)))]


# DynamoDB only


def test_members_reads_every_page(tables: Tables, local_aws: ListeningAws) -> None:
    items = tables.access
    long = "app:JupyterLab:" + "x" * 1000
    with items.batch_write() as batch:
        for number in range(900):
            mapping = {"domain_id": "d-research", "profile_name": f"p{number}", "landing_uri": long}
            rules = {"allow": {"reason": "of the first hour"}}
            owner = f"{TEAM}#U{number:09d}"
            batch.save(items(owner, "member", version=1, mappings={"default": mapping}, rules=rules))

    # The stand-in is slow for a megabyte; administration has longer timeouts than serving.
    patient = AccessTable(bind(prefix="contract-", region=REGION, read_timeout_seconds=30), audit_days=400)
    found = dict(patient.members(TEAM))

    assert len(local_aws.requests("Scan")) > 1
    assert len(found) == 900
    assert all(len(access.mappings) == len(access.grants) == 1 for access in found.values())


def test_members_and_locks_are_read_consistently(dynamodb: Store, local_aws: ListeningAws) -> None:
    put(dynamodb, ANA, a_mapping())
    with pytest.raises(ProfileConflict):
        put(dynamodb, BEN, a_mapping(), entry="taken")
    list(dynamodb.access.members(TEAM))

    batches = [request["RequestItems"]["contract-access"] for request in local_aws.requests("BatchGetItem")]
    reads = [*local_aws.requests("Scan"), *batches]
    assert len(reads) == 4
    assert all(request["ConsistentRead"] is True for request in reads)


def test_read_is_one_consistent_call_for_two_items(dynamodb: Store, local_aws: ListeningAws) -> None:
    for alias in ("default", "sandbox", "prod"):
        put(dynamodb, ANA, a_mapping(alias, alias), entry=alias)
    lock_down(dynamodb, LOCKDOWN)
    before = len(local_aws.sent)

    dynamodb.access.read(ANA)

    assert [name for name, _ in local_aws.sent[before:]] == ["BatchGetItem"]
    [asked] = local_aws.requests("BatchGetItem")[-1]["RequestItems"].values()
    assert asked["ConsistentRead"] is True
    assert [(key["owner"]["S"], key["item"]["S"]) for key in asked["Keys"]] == [
        (f"{TEAM}#{ANA.user_id}", "member"),
        (TEAM, "workspace"),
    ]


ODD_NAMES = ("self", "null", "default", "range-key", "attr-name", "0", "s", "m")


def test_reserved_words_work_as_aliases(dynamodb: Store) -> None:
    for alias in ODD_NAMES:
        put(dynamodb, ANA, a_mapping(alias, alias), entry=alias)
    assert sorted(m.alias for m in dynamodb.access.read(ANA).mappings) == sorted(ODD_NAMES)
    for alias in ODD_NAMES:
        unmap(dynamodb, ANA, a_mapping(alias, alias), entry=f"{alias}-gone")
    assert dynamodb.access.read(ANA) == NOTHING


def lock_item(tables: Tables) -> dict[str, Any]:
    key = {"owner": {"S": "profile#d-research#ana"}, "item": {"S": "lock"}}
    found: dict[str, Any] = client_of(tables.access).get_item(TableName=tables.access.Meta.table_name, Key=key)
    return dict(found["Item"])


def test_free_lock_names_nobody(dynamodb: Store, tables: Tables) -> None:
    for owner, entry in ((ANA, "one"), (BEN, "two")):
        mapping = put(dynamodb, owner, a_mapping(), entry=entry)
        unmap(dynamodb, owner, mapping, entry=f"{entry}-gone")
    assert not {ANA.user_id, BEN.user_id} & set(re.findall(r"\w+", str(lock_item(tables))))
    assert dynamodb.access.ownership(a_mapping()).former == BEN


def test_former_owner_is_forgotten_with_the_audit(dynamodb: Store, tables: Tables) -> None:
    unmap(dynamodb, ANA, put(dynamodb, ANA, a_mapping()), entry="gone")
    client_of(tables.audit).delete_item(TableName=tables.audit.Meta.table_name, Key={"id": {"S": "gone"}})

    found = dynamodb.access.ownership(a_mapping())

    assert found.owner is None
    assert found.is_foreign(ANA)


@pytest.mark.parametrize("released", ["", "T0TEAM yesterday x", "a b c d"])
def test_free_lock_that_leads_nowhere_is_an_error(dynamodb: Store, tables: Tables, released: str) -> None:
    lock = {"owner": {"S": "profile#d-research#ana"}, "item": {"S": "lock"}, "released": {"S": released}}
    client_of(tables.access).put_item(TableName=tables.access.Meta.table_name, Item=lock)
    with pytest.raises(StoreError) as failed:
        dynamodb.access.ownership(a_mapping())
    assert failed.value.reason is Reason.STORE_UNREADABLE


def test_free_lock_of_an_older_version_names_the_former_owner(dynamodb: Store, tables: Tables) -> None:
    lock = {"owner": {"S": "profile#d-research#ana"}, "item": {"S": "lock"}, "holder": {"S": f"{TEAM}#{ANA.user_id}"}}
    client_of(tables.access).put_item(TableName=tables.access.Meta.table_name, Item=lock)
    seen = dynamodb.access.ownership(a_mapping())
    assert (seen.former, seen.is_foreign(ANA), seen.is_foreign(BEN)) == (ANA, False, True)

    dynamodb.access.put_records(
        BEN, [a_mapping()], seen=dynamodb.access.read(BEN), entry=change("put", BEN), profile=seen
    )

    assert dynamodb.access.ownership(a_mapping()).holder == BEN


# Another member's lock on a profile that this member's item maps, as after an edit in the AWS console


@pytest.fixture
def held_by_ben(dynamodb: Store, tables: Tables) -> Access:
    """Return ANA's records with a mapping to BEN's profile, written without the lock."""
    put(dynamodb, BEN, a_mapping(profile="shared"), entry="ben")
    put(dynamodb, ANA, a_mapping(profile="own"), entry="ana")
    member = tables.access(f"{TEAM}#{ANA.user_id}", "member")
    stolen = {"domain_id": "d-research", "profile_name": "shared"}
    member.update(actions=[tables.access.mappings.set({"default": stolen})])
    return dynamodb.access.read(ANA)


def test_delete_mapping_leaves_the_lock_of_another_member(dynamodb: Store, held_by_ben: Access) -> None:
    with pytest.raises(Changed):
        unmap(dynamodb, ANA, held_by_ben.mappings[0], seen=held_by_ben)
    assert list(dynamodb.access.holders([a_mapping(profile="shared")])) == [(a_mapping(profile="shared"), BEN)]


def test_remapping_leaves_the_lock_of_another_member(dynamodb: Store, held_by_ben: Access) -> None:
    with pytest.raises(Changed):
        put(dynamodb, ANA, a_mapping(profile="new"), seen=held_by_ben)
    assert list(dynamodb.access.holders([a_mapping(profile="shared")])) == [(a_mapping(profile="shared"), BEN)]


# Keys that DynamoDB does not process are not treated as missing records


def test_unprocessed_keys_are_requested_again(dynamodb: Store, tables: Tables, aws: ListeningAws) -> None:
    mapping = put(dynamodb, ANA, a_mapping())
    lock_down(dynamodb, LOCKDOWN)
    name, calls = tables.access.Meta.table_name, len(aws.requests("BatchGetItem"))
    keys = [{"owner": {"S": TEAM}, "item": {"S": "workspace"}}]
    member = client_of(tables.access).get_item(
        TableName=name, Key={"owner": {"S": f"{TEAM}#{ANA.user_id}"}, "item": {"S": "member"}}
    )["Item"]
    partly = {
        "Responses": {name: [member]},
        "UnprocessedKeys": {name: {"Keys": keys, "ConsistentRead": True}},
    }
    aws.inject("BatchGetItem", Fault(body=json.dumps(partly).encode(), status=200))

    assert dynamodb.access.read(ANA) == Access((mapping,), lockdown=LOCKDOWN)

    _, again = aws.requests("BatchGetItem")[calls:]
    assert again["RequestItems"] == {name: {"Keys": keys, "ConsistentRead": True}}


def test_unprocessed_keys_that_persist_are_an_error(dynamodb: Store, tables: Tables, aws: ListeningAws) -> None:
    name = tables.access.Meta.table_name
    keys = [{"owner": {"S": TEAM}, "item": {"S": "workspace"}}]
    nothing = {"Responses": {name: []}, "UnprocessedKeys": {name: {"Keys": keys, "ConsistentRead": True}}}
    aws.inject("BatchGetItem", Fault(body=json.dumps(nothing).encode(), status=200, times=None))

    with pytest.raises(StoreError, match="throttles us") as failed:
        dynamodb.access.read(ANA)

    assert failed.value.reason is Reason.STORE_THROTTLED
    assert len(aws.requests("BatchGetItem")) == 3


@pytest.mark.parametrize("answer", [{}, {"Responses": {}}, {"UnprocessedKeys": {}}])
def test_malformed_response_is_an_error(dynamodb: Store, aws: ListeningAws, answer: dict[str, Any]) -> None:
    aws.inject("BatchGetItem", Fault(body=json.dumps(answer).encode(), status=200))
    with pytest.raises(StoreError) as failed:
        dynamodb.access.read(ANA)
    assert failed.value.reason is Reason.STORE_UNREADABLE


@pytest.mark.parametrize(
    "odd", [{}, {"S": ""}, {"S": "T0TEAM0001"}, {"N": "1"}, {"S": "#"}, {"M": {}}, {"S": "T0TEAM0001#ana"}]
)
def test_lock_without_a_holder_is_named(dynamodb: Store, tables: Tables, odd: dict[str, Any]) -> None:
    lock = {"owner": {"S": "profile#d-research#ana"}, "item": {"S": "lock"}, "aliases": {"SS": ["default"]}}
    held = {**lock, "holder": odd} if odd else lock
    client_of(tables.access).put_item(TableName=tables.access.Meta.table_name, Item=held)

    with pytest.raises(StoreError, match="the lock profile#d-research#ana does not say who") as failed:
        put(dynamodb, ANA, a_mapping(profile="Ana"))

    assert failed.value.reason is Reason.STORE_UNREADABLE
    assert dynamodb.access.read(ANA) == Access()


def test_those_whose_own_access_ends_are_found(store: Store) -> None:
    since, until = NOON, NOON + timedelta(days=1)
    ends = {"U0FIRST": since, "U0LAST": until, "U0BEFORE": since - timedelta(microseconds=1), "U0NEVER": None}
    ends |= {"U0AFTER": until + timedelta(microseconds=1)}
    for number, (user, end) in enumerate(ends.items()):
        rule(store, Grant(user, Effect.ALLOW, end), entry=f"allow-{number}")
    for number, effect in enumerate((Effect.DENY, Effect.ADMIN)):
        rule(store, Grant("U0OTHER", effect, until), entry=f"other-{number}")
    group_rule(store, Grant("S0GROUP", Effect.ALLOW, until), entry="group")
    put(store, ANA, a_mapping())
    assert store.access.ending(TEAM, since, until) == {"U0FIRST", "U0LAST"}
    assert store.access.ending(OTHER_TEAM, since, until) == frozenset()


def test_only_the_rules_that_were_seen_are_removed(store: Store) -> None:
    for number, effect in enumerate(Effect):
        rule(store, a_grant(effect=effect), entry=f"rule-{number}")
    seen = store.access.read(ANA)
    one = tuple(grant for grant in seen.grants if grant.effect is Effect.ALLOW)
    store.access.delete_grants(TEAM, ANA.user_id, seen=replace(seen, grants=one), entry=change("gone"))
    assert [grant.effect for grant in store.access.read(ANA).grants] == [Effect.ADMIN, Effect.DENY]
