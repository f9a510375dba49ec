"""The paper trail: every AuditLog keeps these promises, the fake and the DynamoDB table alike."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, timedelta, timezone

import pytest

from bot.core.access import Member
from bot.core.errors import AlreadyRecorded
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


def test_an_opened_entry_is_read_back_as_it_was_written(store: Store) -> None:
    entry = an_entry("request-1", source=Source.BUTTON, alias="sandbox")
    store.audit.open(entry)
    assert day(store) == [entry]


def test_every_field_of_an_entry_survives(store: Store) -> None:
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
def test_every_door_survives(store: Store, source: Source) -> None:
    store.audit.open(an_entry("request-1", source=source))
    assert day(store) == [an_entry("request-1", source=source)]


def test_what_a_link_does_not_say_stays_unsaid(store: Store) -> None:
    plain = replace(ISSUED, space_name=None, landing_uri=None, locale=None)
    store.audit.open(an_entry("request-1"))
    store.audit.close(plain)
    assert day(store) == [plain]


def test_the_same_attempt_may_write_its_entry_twice(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    store.audit.open(an_entry("request-1"))
    assert day(store) == [an_entry("request-1")]


def test_another_attempt_at_the_same_request_is_a_replay(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    with pytest.raises(AlreadyRecorded):
        store.audit.open(an_entry("request-1", attempt="another"))
    assert day(store) == [an_entry("request-1")]


@pytest.mark.parametrize("attempt", [ISSUED.attempt, "another"])
def test_a_request_that_has_ended_cannot_be_opened_again(store: Store, attempt: str) -> None:
    store.audit.open(an_entry("request-1"))
    store.audit.close(ISSUED)
    with pytest.raises(AlreadyRecorded):
        store.audit.open(an_entry("request-1", attempt=attempt))
    assert day(store) == [ISSUED]


def test_of_twenty_attempts_at_once_exactly_one_is_recorded(store: Store) -> None:
    def opener(attempt: str) -> Callable[[], str]:
        def job() -> str:
            store.audit.open(an_entry("request-1", attempt=attempt))
            return attempt

        return job

    outcomes = race(*(opener(f"attempt-{number}") for number in range(20)))

    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes].count(AlreadyRecorded) == 19
    assert day(store) == [an_entry("request-1", attempt=winner)]


def test_closing_completes_the_entry(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    store.audit.close(ISSUED)
    assert day(store) == [ISSUED]


def test_closing_writes_the_whole_entry_if_opening_had_failed(store: Store) -> None:
    store.audit.close(ISSUED)
    assert day(store) == [ISSUED]


def test_an_entry_may_be_closed_twice_by_the_attempt_it_belongs_to(store: Store) -> None:
    store.audit.close(ISSUED)
    store.audit.close(ISSUED)
    assert day(store) == [ISSUED]


@pytest.mark.parametrize("ended", [False, True])
def test_another_attempt_cannot_close_an_entry(store: Store, *, ended: bool) -> None:
    store.audit.open(an_entry("request-1"))
    original = an_entry("request-1")
    if ended:
        store.audit.close(ISSUED)
        original = ISSUED
    with pytest.raises(AlreadyRecorded):
        store.audit.close(replace(ISSUED, attempt="another", outcome="undelivered", detail="theirs"))
    assert day(store) == [original]


# Opened links


def test_the_press_of_a_link_is_noted(store: Store) -> None:
    store.audit.close(ISSUED)
    at = NOON + timedelta(seconds=5)
    expected = replace(ISSUED, opened_at=at)
    assert store.audit.opened(ANA, "request-1", at) == expected
    assert day(store) == [expected]


def test_the_first_press_counts(store: Store) -> None:
    store.audit.close(ISSUED)
    first, second = (NOON + timedelta(seconds=seconds) for seconds in (5, 9))
    store.audit.opened(ANA, "request-1", first)
    again = store.audit.opened(ANA, "request-1", second)
    assert again is not None
    assert again.opened_at == first


def test_a_press_before_the_outcome_is_recorded_survives_it(store: Store) -> None:
    store.audit.open(an_entry("request-1"))
    at = NOON + timedelta(seconds=1)
    assert store.audit.opened(ANA, "request-1", at) == replace(an_entry("request-1"), opened_at=at)
    store.audit.close(ISSUED)
    assert day(store) == [replace(ISSUED, opened_at=at)]


def test_a_link_that_slack_may_have_delivered_after_all_can_be_opened(store: Store) -> None:
    store.audit.close(replace(ISSUED, outcome="undelivered"))
    assert store.audit.opened(ANA, "request-1", NOON) is not None


@pytest.mark.parametrize(
    "member", [BEN, Member("T0OTHER001", ANA.user_id)], ids=["another member", "the same id in another team"]
)
def test_nobody_else_can_mark_a_members_link(store: Store, member: Member) -> None:
    store.audit.close(ISSUED)
    assert store.audit.opened(member, "request-1", NOON) is None
    assert day(store) == [ISSUED]


@pytest.mark.parametrize("request_id", ["request-2", "x" * 2000], ids=["unknown", "as long as a button's value"])
def test_a_link_that_does_not_exist_cannot_be_opened(store: Store, request_id: str) -> None:
    assert store.audit.opened(ANA, request_id, NOON) is None
    assert day(store) == []


def test_a_button_without_a_value_names_no_link(store: Store) -> None:
    assert store.audit.opened(ANA, "", NOON) is None


def test_an_administrative_change_is_no_link(store: Store) -> None:
    change = an_entry("change-1", action="map", outcome="done")
    store.audit.close(change)
    assert store.audit.opened(ANA, "change-1", NOON) is None
    assert day(store) == [change]


def test_a_refused_request_has_no_link_to_open(store: Store) -> None:
    refused = an_entry("request-1", outcome="denied")
    store.audit.close(refused)
    assert store.audit.opened(ANA, "request-1", NOON) is None
    assert day(store) == [refused]


# Reading back


def test_a_members_entries_come_newest_first_and_without_other_peoples(store: Store) -> None:
    for minute in (3, 1, 2):
        store.audit.open(an_entry(f"ana-{minute}", at=NOON + timedelta(minutes=minute)))
    store.audit.open(an_entry("ben", BEN))
    store.audit.open(an_entry("elsewhere", Member("T0OTHER001", ANA.user_id)))
    assert [entry.id for entry in store.audit.of_member(ANA, NOON)] == ["ana-3", "ana-2", "ana-1"]
    assert [entry.id for entry in store.audit.of_member(ANA, NOON, most=2)] == ["ana-3", "ana-2"]


def test_since_is_the_first_moment_that_is_shown(store: Store) -> None:
    moments = {"before": -1, "at": 0, "after": 1}
    for name, microseconds in moments.items():
        store.audit.open(an_entry(name, at=NOON + timedelta(microseconds=microseconds)))
    assert [entry.id for entry in store.audit.of_member(ANA, NOON)] == ["after", "at"]


def test_before_is_the_first_moment_that_is_not_shown(store: Store) -> None:
    moments = {"first": 0, "last": 9, "outside": 10}
    for name, microseconds in moments.items():
        store.audit.open(an_entry(name, at=NOON + timedelta(microseconds=microseconds)))
    end = NOON + timedelta(microseconds=10)
    assert [entry.id for entry in store.audit.of_member(ANA, NOON, end)] == ["last", "first"]


def test_since_is_a_moment_whatever_its_time_zone(store: Store) -> None:
    store.audit.open(an_entry("now"))
    tokyo = timezone(timedelta(hours=9))
    assert [entry.id for entry in store.audit.of_member(ANA, NOON.astimezone(tokyo))] == ["now"]
    assert list(store.audit.of_member(ANA, (NOON + timedelta(seconds=1)).astimezone(tokyo))) == []


def test_a_day_is_a_day_in_utc_of_one_tenant_newest_first(store: Store) -> None:
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


def test_reading_the_newest_few_reads_one_page_of_a_long_day(local_aws: ListeningAws, store: Store) -> None:
    for number in range(PAGE + 10):
        at = NOON + timedelta(seconds=number)
        store.audit.open(an_entry(f"request-{number}", attempt=f"{number}", at=at))
    before = len(local_aws.sent)

    newest = next(store.audit.of_day(TEAM, TODAY))

    assert newest.id == f"request-{PAGE + 9}"
    queries = [json.loads(body) for operation, body in local_aws.sent[before:] if operation == "Query"]
    assert [query["Limit"] for query in queries] in ([], [PAGE])  # the fake asks nobody
    assert len(day(store)) == PAGE + 10


def test_a_day_without_entries_is_empty(store: Store) -> None:
    assert day(store) == []
    assert list(store.audit.of_member(ANA, NOON)) == []


# What only DynamoDB can show


def test_opening_whose_answer_was_lost_meets_its_own_first_attempt_and_passes(
    dynamodb: Store, local_aws: ListeningAws
) -> None:
    local_aws.inject("PutItem", Fault("InternalServerError", status=500, served=True))
    dynamodb.audit.open(an_entry("request-1"))
    assert local_aws.calls.count("PutItem") == 2
    assert day(dynamodb) == [an_entry("request-1")]


def test_closing_whose_answer_was_lost_is_tried_again(dynamodb: Store, local_aws: ListeningAws) -> None:
    dynamodb.audit.open(an_entry("request-1"))
    local_aws.inject("UpdateItem", Fault(drop=True, served=True))
    dynamodb.audit.close(ISSUED)
    assert day(dynamodb) == [ISSUED]


def test_a_day_is_read_page_by_page(dynamodb: Store, local_aws: ListeningAws) -> None:
    long = "x" * 60_000
    for number in range(20):
        dynamodb.audit.close(an_entry(f"request-{number}", detail=long, at=NOON + timedelta(seconds=number)))
    assert [entry.id for entry in day(dynamodb)] == [f"request-{number}" for number in reversed(range(20))]
    assert len(local_aws.requests("Query")) > 1
