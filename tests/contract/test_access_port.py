"""Who may open what: every AccessAdmin keeps these promises, the fake and the DynamoDB table alike."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.errors import Changed, ProfileTaken
from bot.local.aws import REGION
from bot.model import Access, Effect, Entry, Grant, Mapping, Member
from bot.store.access import AccessTable
from bot.store.models import Tables, bind
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping, an_entry, race

OTHER_TEAM = "T0OTHER001"
CAI = Member(OTHER_TEAM, "U0CAI00001")
LATER = NOON + timedelta(minutes=1)


def change(entry_id: str, member: Member = ANA) -> Entry:
    return an_entry(entry_id, member, action="map", outcome="done")


def put(
    store: Store, member: Member, mapping: Mapping, *, replaces: Mapping | None = None, entry: str = "put"
) -> Mapping:
    store.access.put_mapping(member, mapping, replaces=replaces, entry=change(entry, member))
    return mapping


def audited(store: Store, tenant: str = TEAM) -> list[str]:
    """The ids of the changes that the audit knows of."""
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


def test_nothing_is_known_of_a_member_nobody_spoke_of(store: Store) -> None:
    assert store.access.read(ANA) == Access()


@pytest.mark.parametrize("mapping", [EVERYTHING, Mapping("default", "d-research", "ana", set_at=NOON)])
def test_a_mapping_is_read_back_as_it_was_written(store: Store, mapping: Mapping) -> None:
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
def test_a_rule_is_read_back_as_it_was_written(store: Store, grant: Grant) -> None:
    store.access.put_grant(TEAM, grant, replaces=None, entry=change("grant"))
    assert store.access.read(ANA) == Access(grants=(grant,))


def test_one_read_shows_every_mapping_and_rule_of_the_member_and_of_nobody_else(store: Store) -> None:
    mappings = [put(store, ANA, a_mapping(alias, alias), entry=f"m-{alias}") for alias in ("default", "sandbox")]
    put(store, BEN, a_mapping(profile="ben"), entry="m-ben")
    put(store, Member(OTHER_TEAM, ANA.user_id), a_mapping(profile="ana-elsewhere"), entry="m-other")
    rules = [a_grant(), a_grant(effect=Effect.DENY)]
    for rule in rules:
        store.access.put_grant(TEAM, rule, replaces=None, entry=change(f"g-{rule.effect}"))

    found = store.access.read(ANA)

    assert sorted(found.mappings, key=lambda m: m.alias) == mappings
    assert sorted(found.grants, key=lambda g: g.effect) == rules


def test_a_change_can_be_read_at_once(store: Store) -> None:
    mapping: Mapping | None = None
    for minute in range(10):
        after = a_mapping(session_seconds=1800 + minute, set_at=NOON + timedelta(minutes=minute))
        mapping = put(store, ANA, after, replaces=mapping, entry=f"change-{minute}")
        assert store.access.read(ANA).mappings == (after,)


# One profile, one member


@pytest.mark.parametrize("name", ["ana", "ANA", "aNa"])
@pytest.mark.parametrize("other", [BEN, CAI], ids=["same team", "other team"])
def test_a_profile_of_one_member_cannot_be_mapped_to_another(store: Store, other: Member, name: str) -> None:
    held = put(store, ANA, a_mapping(profile="Ana"))

    with pytest.raises(ProfileTaken, match=f"{name} in d-research is already mapped to .*{ANA.user_id}"):
        put(store, other, a_mapping(profile=name), entry="second")

    assert store.access.read(other) == Access()
    assert store.access.read(ANA) == Access((held,))
    assert audited(store) == ["put"]
    assert audited(store, OTHER_TEAM) == []


def test_the_same_name_in_another_domain_is_another_profile(store: Store) -> None:
    put(store, ANA, a_mapping(), entry="one")
    put(store, BEN, a_mapping(domain="d-other"), entry="two")
    assert audited(store) == ["one", "two"]


def test_a_member_may_hold_a_profile_under_several_aliases(store: Store) -> None:
    first = put(store, ANA, a_mapping("default"), entry="one")
    put(store, ANA, a_mapping("lab-like", space_name="lab"), entry="two")
    store.access.delete_mapping(ANA, first, entry=change("three"))

    with pytest.raises(ProfileTaken):
        put(store, BEN, a_mapping(), entry="four")


def test_an_unmapped_profile_is_free(store: Store) -> None:
    held = put(store, ANA, a_mapping(profile="Ana"))
    store.access.delete_mapping(ANA, held, entry=change("gone"))
    mapping = put(store, BEN, a_mapping(profile="ana"), entry="second")

    assert store.access.read(ANA) == Access()
    assert store.access.read(BEN) == Access((mapping,))
    assert audited(store) == ["gone", "put", "second"]


def test_remapping_frees_the_old_profile_and_holds_the_new_one(store: Store) -> None:
    old = put(store, ANA, a_mapping(profile="old"))
    put(store, ANA, a_mapping(profile="new", set_at=LATER), replaces=old, entry="remap")

    put(store, BEN, a_mapping("first", "old"), entry="free")
    with pytest.raises(ProfileTaken):
        put(store, BEN, a_mapping("second", "new"), entry="held")


def test_remapping_to_the_same_profile_keeps_it(store: Store) -> None:
    old = put(store, ANA, a_mapping(profile="Ana"))
    new = put(store, ANA, a_mapping(profile="ana", space_name="lab", set_at=LATER), replaces=old, entry="remap")

    assert store.access.read(ANA) == Access((new,))
    with pytest.raises(ProfileTaken):
        put(store, BEN, a_mapping(), entry="taken")


def test_a_profile_can_be_held_let_go_and_held_again(store: Store) -> None:
    for turn, member in enumerate((ANA, BEN, ANA, CAI)):
        held = put(store, member, a_mapping(), entry=f"put-{turn}")
        store.access.delete_mapping(member, held, entry=change(f"delete-{turn}", member))
    put(store, BEN, a_mapping(), entry="last")


def test_remapping_to_a_profile_of_somebody_else_leaves_everything_as_it_was(store: Store) -> None:
    mine = put(store, ANA, a_mapping(profile="mine"), entry="one")
    put(store, BEN, a_mapping(profile="theirs"), entry="two")

    with pytest.raises(ProfileTaken):
        put(store, ANA, a_mapping(profile="theirs", set_at=LATER), replaces=mine, entry="three")

    assert store.access.read(ANA) == Access((mine,))
    with pytest.raises(ProfileTaken):
        put(store, CAI, a_mapping(profile="mine"), entry="four")


# Changes that cross


def test_a_mapping_that_was_made_meanwhile_is_not_overwritten(store: Store) -> None:
    theirs = put(store, ANA, a_mapping(profile="theirs"))
    with pytest.raises(Changed):
        put(store, ANA, a_mapping(profile="mine", set_at=LATER), entry="late")
    assert store.access.read(ANA) == Access((theirs,))
    put(store, BEN, a_mapping(profile="mine"), entry="free")


def test_a_mapping_that_was_changed_meanwhile_is_not_overwritten(store: Store) -> None:
    seen = put(store, ANA, a_mapping())
    theirs = put(store, ANA, a_mapping(session_seconds=1800, set_at=LATER), replaces=seen, entry="theirs")
    with pytest.raises(Changed):
        put(store, ANA, a_mapping(set_at=LATER + timedelta(minutes=1)), replaces=seen, entry="mine")
    assert store.access.read(ANA) == Access((theirs,))
    assert audited(store) == ["put", "theirs"]


def test_a_mapping_that_was_removed_meanwhile_is_not_brought_back(store: Store) -> None:
    seen = put(store, ANA, a_mapping())
    store.access.delete_mapping(ANA, seen, entry=change("gone"))
    with pytest.raises(Changed):
        put(store, ANA, a_mapping(set_at=LATER), replaces=seen, entry="late")
    assert store.access.read(ANA) == Access()


def test_a_mapping_that_was_changed_meanwhile_is_not_removed(store: Store) -> None:
    seen = put(store, ANA, a_mapping())
    theirs = put(store, ANA, a_mapping(session_seconds=1800, set_at=LATER), replaces=seen, entry="theirs")
    with pytest.raises(Changed):
        store.access.delete_mapping(ANA, seen, entry=change("mine"))
    assert store.access.read(ANA) == Access((theirs,))
    assert audited(store) == ["put", "theirs"]


def test_a_mapping_is_removed_only_once(store: Store) -> None:
    seen = put(store, ANA, a_mapping())
    store.access.delete_mapping(ANA, seen, entry=change("first"))
    with pytest.raises(Changed):
        store.access.delete_mapping(ANA, seen, entry=change("second"))
    assert audited(store) == ["first", "put"]


def test_a_rule_that_was_changed_meanwhile_is_not_overwritten(store: Store) -> None:
    store.access.put_grant(TEAM, a_grant(), replaces=None, entry=change("first"))
    theirs = a_grant(reason="theirs", set_at=LATER)
    store.access.put_grant(TEAM, theirs, replaces=a_grant(), entry=change("second"))
    for replaces in (None, a_grant()):
        with pytest.raises(Changed):
            store.access.put_grant(TEAM, a_grant(reason="mine"), replaces=replaces, entry=change("third"))
    assert store.access.read(ANA).grants == (theirs,)
    assert audited(store) == ["first", "second"]


def test_rules_are_removed_together_or_not_at_all(store: Store) -> None:
    rules = (a_grant(), a_grant(effect=Effect.DENY))
    for rule in rules:
        store.access.put_grant(TEAM, rule, replaces=None, entry=change(f"put-{rule.effect}"))
    seen = Access(grants=(rules[0], replace(rules[1], set_at=LATER)))
    with pytest.raises(Changed):
        store.access.delete_grants(TEAM, ANA.user_id, seen, entry=change("stale"))
    assert len(store.access.read(ANA).grants) == 2

    store.access.delete_grants(TEAM, ANA.user_id, Access(grants=rules), entry=change("gone"))

    assert store.access.read(ANA) == Access()
    assert audited(store) == ["gone", "put-allow", "put-deny"]


def test_allow_and_deny_of_a_member_stand_side_by_side(store: Store) -> None:
    store.access.put_grant(TEAM, a_grant(), replaces=None, entry=change("allow"))
    store.access.put_grant(TEAM, a_grant(effect=Effect.DENY), replaces=None, entry=change("deny"))
    assert {grant.effect for grant in store.access.read(ANA).grants} == set(Effect)


# At the same moment


def putter(store: Store, member: Member, mapping: Mapping, replaces: Mapping | None, entry: str) -> Callable[[], str]:
    def job() -> str:
        put(store, member, mapping, replaces=replaces, entry=entry)
        return entry

    return job


def test_of_two_members_mapped_to_a_profile_at_once_one_gets_it(store: Store) -> None:
    outcomes = race(
        putter(store, ANA, a_mapping(profile="shared"), None, "for-ana"),
        putter(store, BEN, a_mapping(profile="Shared"), None, "for-ben"),
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, ProfileTaken)]
    assert (len(winners), len(losers)) == (1, 1)
    assert audited(store) == winners
    assert len(store.access.read(ANA).mappings) + len(store.access.read(BEN).mappings) == 1


def test_of_two_admins_changing_a_mapping_at_once_one_wins_and_the_other_left_no_trace(store: Store) -> None:
    seen = put(store, ANA, a_mapping(profile="seen"))
    wanted = {
        name: a_mapping(profile=name, set_at=LATER + timedelta(seconds=at)) for at, name in enumerate(("one", "two"))
    }
    outcomes = race(*(putter(store, ANA, mapping, seen, name) for name, mapping in wanted.items()))

    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes if outcome != winner] == [Changed]
    assert store.access.read(ANA) == Access((wanted[winner],))
    assert audited(store) == sorted(["put", winner])
    loser = "two" if winner == "one" else "one"
    put(store, BEN, a_mapping("first", "seen"), entry="old-profile-is-free")
    put(store, BEN, a_mapping("second", loser), entry="losers-profile-is-free")
    with pytest.raises(ProfileTaken):
        put(store, BEN, a_mapping("third", winner), entry="winners-profile-is-held")


def test_of_a_change_and_a_removal_at_once_one_wins(store: Store) -> None:
    seen = put(store, ANA, a_mapping())

    def remove() -> str:
        store.access.delete_mapping(ANA, seen, entry=change("remove"))
        return "remove"

    outcomes = race(remove, putter(store, ANA, a_mapping(profile="new", set_at=LATER), seen, "change"))

    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes if outcome != winner] == [Changed]
    assert len(store.access.read(ANA).mappings) == (1 if winner == "change" else 0)
    assert audited(store) == sorted(["put", winner])
    put(store, BEN, a_mapping(), entry="old-profile-is-free")


def test_of_two_rules_set_at_once_one_wins(store: Store) -> None:
    def setter(reason: str) -> Callable[[], str]:
        def job() -> str:
            store.access.put_grant(TEAM, a_grant(reason=reason), replaces=None, entry=change(reason))
            return reason

        return job

    outcomes = race(setter("one"), setter("two"))
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes if outcome != winner] == [Changed]
    assert [grant.reason for grant in store.access.read(ANA).grants] == [winner]
    assert audited(store) == [winner]


# Everybody


def test_members_lists_each_member_of_the_tenant_with_all_they_have(store: Store) -> None:
    ana = put(store, ANA, a_mapping(), entry="one")
    put(store, CAI, a_mapping(profile="cai"), entry="two")
    store.access.put_grant(TEAM, a_grant(), replaces=None, entry=change("three"))
    store.access.put_grant(TEAM, a_grant(BEN), replaces=None, entry=change("four"))

    assert dict(store.access.members(TEAM)) == {
        ANA.user_id: Access((ana,), (a_grant(),)),
        BEN.user_id: Access(grants=(a_grant(BEN),)),
    }
    assert list(store.access.members("T0NOBODY01")) == []


def test_members_does_not_list_those_who_have_nothing_left(store: Store) -> None:
    held = put(store, ANA, a_mapping())
    store.access.delete_mapping(ANA, held, entry=change("gone"))
    assert list(store.access.members(TEAM)) == []


def test_members_does_not_mistake_a_longer_tenant_id_for_its_own(store: Store) -> None:
    put(store, Member(f"{TEAM}X", "U0DEE00001"), a_mapping())
    assert list(store.access.members(TEAM)) == []


# What only DynamoDB can show


def test_members_reads_as_many_pages_as_there_are(tables: Tables, local_aws: ListeningAws) -> None:
    items = tables.access
    long = "app:JupyterLab:" + "x" * 1000
    with items.batch_write() as batch:
        for number in range(900):
            owner, name = f"{TEAM}#U{number:09d}", f"p{number}"
            mapping = items(owner, "mapping#default", domain_id="d-research", profile_name=name, landing_uri=long)
            batch.save(mapping)
            batch.save(items(owner, "grant#allow"))

    # The stand-in takes its time for a megabyte; administration has more patience than serving.
    patient = AccessTable(bind(prefix="contract-", region=REGION, read_timeout_seconds=30), audit_days=400)
    found = dict(patient.members(TEAM))

    assert len(local_aws.requests("Scan")) > 1
    assert len(found) == 900
    assert all(len(access.mappings) == len(access.grants) == 1 for access in found.values())


def test_members_and_their_records_are_read_consistently(dynamodb: Store, local_aws: ListeningAws) -> None:
    put(dynamodb, ANA, a_mapping())
    with pytest.raises(ProfileTaken):
        put(dynamodb, BEN, a_mapping(), entry="taken")
    dynamodb.access.read(ANA)
    list(dynamodb.access.members(TEAM))

    reads = [request for name in ("Query", "Scan", "GetItem") for request in local_aws.requests(name)]
    assert len(reads) == 3
    assert all(request["ConsistentRead"] is True for request in reads)


def test_reading_a_member_is_one_call(dynamodb: Store, local_aws: ListeningAws) -> None:
    for alias in ("default", "sandbox", "prod"):
        put(dynamodb, ANA, a_mapping(alias, alias), entry=alias)
    before = len(local_aws.sent)
    dynamodb.access.read(ANA)
    assert [name for name, _ in local_aws.sent[before:]] == ["Query"]


def test_a_record_that_says_nothing_of_when_it_was_set_can_be_replaced_and_removed(dynamodb: Store) -> None:
    old = put(dynamodb, ANA, a_mapping(set_at=None))
    assert dynamodb.access.read(ANA) == Access((old,))
    new = put(dynamodb, ANA, a_mapping(session_seconds=1800), replaces=old, entry="replace")
    assert dynamodb.access.read(ANA) == Access((new,))
