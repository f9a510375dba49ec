"""Contract of PeopleStore, and of reading its records with a member's rules, run on the fake and on DynamoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.access import Member, Person
from bot.core.errors import StoreError
from bot.local.faults import Fault
from bot.store.models import Tables, client_of
from bot.store.people import KEPT
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, race

ANA_THEN = Person(ANA.user_id, TEAM, "E0ORG00001", locale="de-DE", teams=frozenset({TEAM}), updated=10, as_of=NOON)
LATER = NOON + timedelta(minutes=25)
GUEST = replace(ANA_THEN, guest=True, locale=None, updated=11, as_of=LATER)


def in_use(store: Store) -> Store:
    """Return the store of a bot that gets Slack's events."""
    store.people.claim("T0OTHER001", NOON, NOON)
    store.people.hear(TEAM, NOON)
    return store


@pytest.fixture
def store(store: Store) -> Store:
    return in_use(store)


@pytest.fixture
def dynamodb(dynamodb: Store) -> Store:
    return in_use(dynamodb)


def read(store: Store, member: Member = ANA) -> Person | None:
    return store.access.read(member).person


def test_learned_record_is_read_with_the_rules(store: Store) -> None:
    assert read(store) is None
    store.people.learn(TEAM, ANA_THEN, NOON)
    found = read(store)
    assert found == ANA_THEN
    assert found is not None
    assert found.as_of == NOON
    assert read(store, BEN) is None
    assert read(store, Member("T0OTHER001", ANA.user_id)) is None


def test_renewal_is_one_replicas_until_the_next(store: Store) -> None:
    outcomes = race(*(lambda: store.people.claim(TEAM, NOON, LATER) for _ in range(4)))
    assert sorted(map(str, outcomes)) == ["False", "False", "False", "True"]
    assert not store.people.claim(TEAM, LATER - timedelta(seconds=1), LATER)
    assert store.people.claim(TEAM, LATER, LATER + timedelta(minutes=25))


def test_clock_that_jumps_forth_and_back_blocks_no_renewal(store: Store) -> None:
    jumped = NOON + timedelta(days=7)
    assert store.people.claim(TEAM, jumped, jumped + timedelta(minutes=25))
    assert store.people.claim(TEAM, NOON, NOON + timedelta(minutes=25))


def test_renewal_replaces_only_records_that_exist(store: Store) -> None:
    store.people.learn(TEAM, ANA_THEN, NOON)
    many = [replace(ANA_THEN, user_id=f"U0MANY{number:04}") for number in range(150)]
    ana, ben = replace(ANA_THEN, as_of=LATER), replace(ANA_THEN, user_id=BEN.user_id)
    assert store.people.renew(TEAM, [*many, ana, ben]) == 1
    found = read(store)
    assert found is not None
    assert found.as_of == LATER
    assert read(store, BEN) is None


def test_restriction_replaces_the_record(store: Store) -> None:
    store.people.learn(TEAM, ANA_THEN, NOON)
    store.people.changed(TEAM, GUEST, LATER, restricted=True)
    assert read(store) == GUEST


def test_restriction_of_somebody_unknown_is_kept(store: Store) -> None:
    store.people.changed(TEAM, GUEST, LATER, restricted=True)
    store.people.learn(TEAM, ANA_THEN, LATER)  # asked before, answered after
    assert read(store) == GUEST


@pytest.mark.parametrize("what", ["learn", "renew"])
def test_older_answer_replaces_nothing(store: Store, what: str) -> None:
    store.people.learn(TEAM, ANA_THEN, NOON)
    store.people.changed(TEAM, GUEST, LATER, restricted=True)
    if what == "learn":
        store.people.learn(TEAM, ANA_THEN, LATER)
    else:
        assert store.people.renew(TEAM, [ANA_THEN]) == 0
    assert read(store) == GUEST


def test_event_that_gives_rights_has_slack_asked(store: Store) -> None:
    store.people.changed(TEAM, GUEST, NOON, restricted=True)
    store.people.changed(TEAM, replace(ANA_THEN, updated=12), LATER, restricted=False)
    assert read(store) is None
    store.people.learn(TEAM, replace(ANA_THEN, updated=12), LATER)
    assert read(store) == replace(ANA_THEN, updated=12)


def test_event_about_a_status_changes_nothing(store: Store) -> None:
    store.people.learn(TEAM, ANA_THEN, NOON)
    store.people.changed(TEAM, replace(ANA_THEN, updated=12, locale=None), LATER, restricted=False)
    assert read(store) == ANA_THEN
    store.people.changed(TEAM, replace(ANA_THEN, user_id=BEN.user_id), LATER, restricted=False)
    assert read(store, BEN) is None


# DynamoDB only


def test_records_are_read_in_the_same_call(dynamodb: Store, aws: ListeningAws) -> None:
    dynamodb.people.learn(TEAM, ANA_THEN, NOON)
    before = len(aws.requests("BatchGetItem"))
    assert dynamodb.access.read(ANA).person == ANA_THEN
    assert len(aws.requests("BatchGetItem")) == before + 1


def test_other_replicas_learn_that_events_arrive(dynamodb: Store, tables: Tables) -> None:
    other = type(dynamodb.people)(tables)  # type: ignore[call-arg]
    assert other.heard_at is None
    other.claim(TEAM, NOON, LATER)
    assert other.heard_at == NOON


def test_records_are_not_read_where_the_role_forbids_it(tables: Tables, dynamodb: Store, aws: ListeningAws) -> None:
    """An older installation's role may read the access table alone this way."""
    people = type(dynamodb.people)(tables)  # type: ignore[call-arg]
    aws.inject("BatchGetItem", *[Fault("AccessDeniedException")] * 5)
    with pytest.raises(StoreError):
        people.claim(TEAM, NOON, LATER)
    people.hear(TEAM, NOON)
    assert people.heard_at is None


@pytest.mark.parametrize("stored", ['"text"', '{"teams": 5}', '{"teams": [], "colour": "red"}', "{"])
def test_unreadable_record_counts_for_nothing(dynamodb: Store, tables: Tables, stored: str) -> None:
    dynamodb.people.learn(TEAM, ANA_THEN, NOON)
    client_of(tables.runtime).update_item(
        TableName=tables.runtime.Meta.table_name,
        Key={"id": {"S": f"person#{TEAM}#{ANA.user_id}"}},
        UpdateExpression="SET person = :stored",
        ExpressionAttributeValues={":stored": {"S": stored}},
    )
    assert read(dynamodb) is None


def test_record_goes_a_month_after_slack_was_asked(dynamodb: Store, tables: Tables) -> None:
    dynamodb.people.learn(TEAM, ANA_THEN, NOON)
    dynamodb.people.renew(TEAM, [replace(ANA_THEN, as_of=LATER)])
    name = tables.runtime.Meta.table_name
    [item] = [
        item
        for item in client_of(tables.runtime).scan(TableName=name)["Items"]
        if item["id"]["S"].startswith("person#")
    ]
    assert int(item["expires"]["N"]) == int((NOON + KEPT).timestamp())
