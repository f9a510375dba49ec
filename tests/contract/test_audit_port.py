"""Contract of AuditLog, run on the fake and on the DynamoDB table."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, timedelta, timezone

import pytest

from bot.core.access import Member
from bot.core.errors import AlreadyRecorded, StoreError
from bot.core.link import Source
from bot.core.records import Entry
from bot.local.faults import Fault
from bot.store.audit import PAGE
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, an_entry, race

TODAY = NOON.date()
ISSUED = an_entry(
    "request-1",
    outcome="issued",
    alias="default",
    domain_id="d-research",
    profile_name="ana",
    region="eu-west-1",
    space_name="lab-space",
    landing_uri="app:JupyterLab:lab/tree/x",
    locale="de-DE",
    rule="allow U0ANA00001 set by cli:test",
    detail="“quoted” & <tagged>",
    link_sha256="0" * 64,
    expires_at=NOON + timedelta(seconds=60, microseconds=7),
    aws_request_id="aws-1",
    aws_session="slack-T0STUDIO01-U0ANA00001",
)


def day(store: Store, tenant: str = TEAM, of: date = TODAY) -> list[Entry]:
    return list(store.audit.of_day(tenant, of))


def test_opened_entry_round_trips(store: Store) -> None:
    entry = an_entry("request-1", source=Source.BUTTON, alias="sandbox")
    store.audit.open(entry)
    assert day(store) == [entry]


def test_every_entry_field_round_trips(store: Store) -> None:
    entry = replace(
        ISSUED,
        source=Source.CLI,
        action="map",
        outcome="done",
        before={"alias": "default", "session_seconds": 1800},
        after={"alias": "default", "landing_uri": "app:JupyterLab:"},
    )
    only_by_a_press = {"opened_at"}
    assert [each.name for each in fields(entry) if getattr(entry, each.name) is None] == list(only_by_a_press)
    store.audit.close(entry)
    assert day(store) == [entry]


@pytest.mark.parametrize("source", Source)
def test_every_source_round_trips(store: Store, source: Source) -> None:
    store.audit.open(an_entry("request-1", source=source))
    assert day(store) == [an_entry("request-1", source=source)]


def test_missing_link_fields_stay_missing(store: Store) -> None:
    plain = replace(ISSUED, space_name=None, landing_uri=None, locale=None)
    store.audit.open(an_entry("request-1"))
    store.audit.close(plain)
    assert day(store) == [plain]


def test_same_attempt_can_open_its_entry_twice(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    store.audit.open(an_entry("request-1"))
    assert day(store) == [an_entry("request-1")]


def test_opening_by_another_attempt_is_a_replay(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    with pytest.raises(AlreadyRecorded):
        store.audit.open(an_entry("request-1", attempt="another"))
    assert day(store) == [an_entry("request-1")]


@pytest.mark.parametrize("attempt", [ISSUED.attempt, "another"])
def test_closed_entry_cannot_be_opened_again(store: Store, attempt: str) -> None:
    store.audit.open(an_entry("request-1"))
    store.audit.close(ISSUED)
    with pytest.raises(AlreadyRecorded):
        store.audit.open(an_entry("request-1", attempt=attempt))
    assert day(store) == [ISSUED]


def test_concurrent_attempts_open_one_entry(store: Store) -> None:
    def opener(attempt: str) -> Callable[[], str]:
        def job() -> str:
            store.audit.open(an_entry("request-1", attempt=attempt))
            return attempt

        return job

    outcomes = race(*(opener(f"attempt-{number}") for number in range(20)))

    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes].count(AlreadyRecorded) == 19
    assert day(store) == [an_entry("request-1", attempt=winner)]


def test_close_completes_the_entry(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    store.audit.close(ISSUED)
    assert day(store) == [ISSUED]


def test_close_writes_the_whole_entry_after_a_failed_open(store: Store) -> None:
    store.audit.close(ISSUED)
    assert day(store) == [ISSUED]


def test_same_attempt_can_close_its_entry_twice(store: Store) -> None:
    store.audit.close(ISSUED)
    store.audit.close(ISSUED)
    assert day(store) == [ISSUED]


@pytest.mark.parametrize("ended", [False, True])
def test_other_attempt_cannot_close_an_entry(store: Store, *, ended: bool) -> None:
    store.audit.open(an_entry("request-1"))
    original = an_entry("request-1")
    if ended:
        store.audit.close(ISSUED)
        original = ISSUED
    with pytest.raises(AlreadyRecorded):
        store.audit.close(replace(ISSUED, attempt="another", outcome="undelivered", detail="theirs"))
    assert day(store) == [original]


def test_complete_entry_gets_no_other_outcome(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    store.audit.close(ISSUED)
    with pytest.raises(AlreadyRecorded):
        store.audit.close(replace(ISSUED, outcome="denied"))
    assert day(store) == [ISSUED]


# Opened links


def test_press_of_a_link_is_recorded(store: Store) -> None:
    store.audit.close(ISSUED)
    at = NOON + timedelta(seconds=5)
    expected = replace(ISSUED, opened_at=at)
    assert store.audit.opened(ANA, "request-1", at) == expected
    assert day(store) == [expected]


def test_only_the_first_press_is_recorded(store: Store) -> None:
    store.audit.close(ISSUED)
    first, second = (NOON + timedelta(seconds=seconds) for seconds in (5, 9))
    store.audit.opened(ANA, "request-1", first)
    again = store.audit.opened(ANA, "request-1", second)
    assert again is not None
    assert again.opened_at == first


def test_press_before_the_outcome_is_kept(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    at = NOON + timedelta(seconds=1)
    assert store.audit.opened(ANA, "request-1", at) == replace(an_entry("request-1"), opened_at=at)
    store.audit.close(ISSUED)
    assert day(store) == [replace(ISSUED, opened_at=at)]


def test_undelivered_link_can_be_marked_as_opened(store: Store) -> None:
    store.audit.close(replace(ISSUED, outcome="undelivered"))
    assert store.audit.opened(ANA, "request-1", NOON) is not None


@pytest.mark.parametrize(
    "member", [BEN, Member("T0OTHER001", ANA.user_id)], ids=["another member", "the same id in another team"]
)
def test_other_members_cannot_mark_a_link(store: Store, member: Member) -> None:
    store.audit.close(ISSUED)
    assert store.audit.opened(member, "request-1", NOON) is None
    assert day(store) == [ISSUED]


@pytest.mark.parametrize("request_id", ["request-2", "x" * 2000], ids=["unknown", "as long as a button's value"])
def test_unknown_link_cannot_be_marked(store: Store, request_id: str) -> None:
    assert store.audit.opened(ANA, request_id, NOON) is None
    assert day(store) == []


def test_administrative_change_cannot_be_marked(store: Store) -> None:
    change = an_entry("change-1", action="map", outcome="done")
    store.audit.close(change)
    assert store.audit.opened(ANA, "change-1", NOON) is None
    assert day(store) == [change]


def test_refused_request_cannot_be_marked(store: Store) -> None:
    refused = an_entry("request-1", outcome="denied")
    store.audit.close(refused)
    assert store.audit.opened(ANA, "request-1", NOON) is None
    assert day(store) == [refused]


# Reading


def test_entries_of_a_member_are_newest_first(store: Store) -> None:
    for minute in (3, 1, 2):
        store.audit.open(an_entry(f"ana-{minute}", at=NOON + timedelta(minutes=minute)))
    store.audit.open(an_entry("ben", BEN))
    store.audit.open(an_entry("elsewhere", Member("T0OTHER001", ANA.user_id)))
    assert [entry.id for entry in store.audit.of_member(ANA, NOON)] == ["ana-3", "ana-2", "ana-1"]
    assert [entry.id for entry in store.audit.of_member(ANA, NOON, most=2)] == ["ana-3", "ana-2"]


def test_since_is_inclusive(store: Store) -> None:
    moments = {"before": -1, "at": 0, "after": 1}
    for name, microseconds in moments.items():
        store.audit.open(an_entry(name, at=NOON + timedelta(microseconds=microseconds)))
    assert [entry.id for entry in store.audit.of_member(ANA, NOON)] == ["after", "at"]


def test_before_is_exclusive(store: Store) -> None:
    moments = {"first": 0, "last": 9, "outside": 10}
    for name, microseconds in moments.items():
        store.audit.open(an_entry(name, at=NOON + timedelta(microseconds=microseconds)))
    end = NOON + timedelta(microseconds=10)
    assert [entry.id for entry in store.audit.of_member(ANA, NOON, end)] == ["last", "first"]


def test_since_is_independent_of_the_time_zone(store: Store) -> None:
    store.audit.open(an_entry("now"))
    tokyo = timezone(timedelta(hours=9))
    assert [entry.id for entry in store.audit.of_member(ANA, NOON.astimezone(tokyo))] == ["now"]
    assert list(store.audit.of_member(ANA, (NOON + timedelta(seconds=1)).astimezone(tokyo))) == []


def test_day_is_utc_of_one_tenant_newest_first(store: Store) -> None:
    midnight = NOON.replace(hour=0)
    times = {
        "yesterday": midnight - timedelta(microseconds=1),
        "first": midnight,
        "noon": NOON,
        "last": midnight + timedelta(days=1) - timedelta(microseconds=1),
        "tomorrow": midnight + timedelta(days=1),
    }
    for name, at in times.items():
        store.audit.open(
            an_entry(name, BEN if name == "noon" else ANA, at=at.astimezone(timezone(timedelta(hours=-8))))
        )
    store.audit.open(an_entry("elsewhere", Member("T0OTHER001", ANA.user_id)))

    assert [entry.id for entry in day(store)] == ["last", "noon", "first"]
    assert [entry.id for entry in day(store, of=TODAY - timedelta(days=1))] == ["yesterday"]
    assert [entry.id for entry in day(store, "T0OTHER001")] == ["elsewhere"]


def test_limited_read_of_a_day_reads_one_page(local_aws: ListeningAws, store: Store) -> None:
    for number in range(PAGE + 10):
        at = NOON + timedelta(seconds=number)
        store.audit.open(an_entry(f"request-{number}", attempt=f"{number}", at=at))
    before = len(local_aws.sent)

    newest = next(store.audit.of_day(TEAM, TODAY))

    assert newest.id == f"request-{PAGE + 9}"
    sent = {body for operation, body in local_aws.sent[before:] if operation == "Query"}  # a slow one is sent again
    assert [json.loads(body)["Limit"] for body in sent] in ([], [PAGE])  # the fake makes no queries
    assert len(day(store)) == PAGE + 10


def test_day_without_entries_is_empty(store: Store) -> None:
    assert day(store) == []
    assert list(store.audit.of_member(ANA, NOON)) == []


# DynamoDB only


@pytest.mark.public(33)
def test_empty_id_is_refused_by_dynamodb(dynamodb: Store) -> None:
    with pytest.raises(StoreError):
        dynamodb.audit.opened(ANA, "", NOON)


def test_open_entry_recognizes_its_own_write_after_a_lost_answer(dynamodb: Store, local_aws: ListeningAws) -> None:
    local_aws.inject("PutItem", Fault("InternalServerError", status=500, served=True))
    dynamodb.audit.open(an_entry("request-1"))
    assert local_aws.calls.count("PutItem") == 2
    assert day(dynamodb) == [an_entry("request-1")]


def test_close_is_retried_after_a_lost_answer(dynamodb: Store, local_aws: ListeningAws) -> None:
    dynamodb.audit.open(an_entry("request-1"))
    local_aws.inject("UpdateItem", Fault(drop=True, served=True))
    dynamodb.audit.close(ISSUED)
    assert day(dynamodb) == [ISSUED]


def test_day_is_read_page_by_page(dynamodb: Store, local_aws: ListeningAws) -> None:
    long = "x" * 60_000
    for number in range(20):
        dynamodb.audit.close(an_entry(f"request-{number}", detail=long, at=NOON + timedelta(seconds=number)))
    assert [entry.id for entry in day(dynamodb)] == [f"request-{number}" for number in reversed(range(20))]
    assert len(local_aws.requests("Query")) > 1
