"""Contract of the request log: it records each link request once and counts it in its member's minute."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from bot.core.access import Member
from bot.core.errors import AlreadyRecorded, StoreError
from bot.core.link import Reason
from bot.core.records import Entry
from bot.local.faults import Fault
from bot.store.audit import TRIES, AuditTable
from bot.store.models import Tables
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, an_entry, race

TRANSACTION = "TransactWriteItems"
DAYS = 400


def request(number: int, member: Member = ANA, second: int = 0) -> Entry:
    return an_entry(f"request-{number}", member, at=NOON + timedelta(seconds=second))


def recorded(store: Store, member: Member = ANA) -> list[Entry]:
    return sorted(store.audit.of_member(member, NOON - timedelta(days=1)), key=lambda entry: entry.id)


def test_requests_beyond_the_rate_are_recorded_and_marked(store: Store) -> None:
    requests = [request(number, second=second) for number, second in enumerate((0, 1, 30, 59))]

    assert [store.intake.take(entry, 3) for entry in requests] == [True, True, True, False]

    assert recorded(store) == requests


def test_new_minute_resets_the_count(store: Store) -> None:
    assert store.intake.take(request(1), 1)
    assert not store.intake.take(request(2), 1)
    assert store.intake.take(request(3, second=60), 1)
    assert store.intake.take(request(4, second=86400), 1)


@pytest.mark.public(26)
def test_released_request_is_not_counted(store: Store) -> None:
    assert [store.intake.take(request(number), 2) for number in (1, 2, 3)] == [True, True, False]
    store.intake.release(request(2))
    assert [store.intake.take(request(number), 2) for number in (4, 5)] == [True, False]
    assert len(recorded(store)) == 5


@pytest.mark.public(26)
def test_release_gives_nobody_more_than_the_rate(store: Store) -> None:
    for entry in (request(1), request(1), request(2, BEN), request(3, second=60)):
        store.intake.release(entry)
    assert [store.intake.take(request(number), 1) for number in (4, 5)] == [True, False]


@pytest.mark.parametrize(
    "other", [BEN, Member("T0OTHER001", ANA.user_id)], ids=["another member", "the same id in another team"]
)
def test_members_are_counted_separately(store: Store, other: Member) -> None:
    assert store.intake.take(request(1), 1)
    assert store.intake.take(request(2, other), 1)


def test_minute_is_independent_of_the_time_zone(store: Store) -> None:
    assert store.intake.take(request(1), 1)
    elsewhere = replace(request(2), at=NOON.astimezone(timezone(timedelta(hours=2))))
    assert not store.intake.take(elsewhere, 1)


@pytest.mark.parametrize("at_most", [1, 5])
def test_second_attempt_is_a_replay_and_is_not_counted(store: Store, at_most: int) -> None:
    for number in range(at_most + 1):  # the last one is over the limit
        store.intake.take(request(number), at_most)
    before = recorded(store)

    for number in range(at_most + 1):
        with pytest.raises(AlreadyRecorded):
            store.intake.take(replace(request(number), attempt="another"), at_most)
        with pytest.raises(AlreadyRecorded):
            store.intake.take(replace(request(number), attempt="another"), at_most + 10)

    assert recorded(store) == before
    assert [store.intake.take(request(number), at_most + 2) for number in (90, 91)] == [True, True]
    assert not store.intake.take(request(92), at_most + 2)


def test_ended_request_is_a_replay(store: Store) -> None:
    store.intake.take(request(1), 5)
    store.audit.close(replace(request(1), outcome="denied"))
    with pytest.raises(AlreadyRecorded):
        store.intake.take(request(1), 5)


def test_concurrent_requests_stay_within_the_rate(store: Store) -> None:
    def taker(number: int) -> Callable[[], bool]:
        return lambda: store.intake.take(request(number), 5)

    assert sorted(map(str, race(*map(taker, range(20))))) == ["False"] * 15 + ["True"] * 5
    assert len(recorded(store)) == 20


def test_concurrent_attempts_have_one_winner(store: Store) -> None:
    def taker(number: int) -> Callable[[], bool]:
        return lambda: store.intake.take(replace(request(1), attempt=f"attempt-{number}"), 5)

    outcomes = race(*map(taker, range(20)))

    assert [type(outcome) for outcome in outcomes].count(AlreadyRecorded) == 19
    assert [outcome for outcome in outcomes if isinstance(outcome, bool)] == [True]


# Cancelled transactions


def cancelled(*codes: str, times: int | None = 1) -> Fault:
    """Return a cancellation with these reasons for the record and for the count."""
    reasons = [{"Code": code} for code in codes]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    body = json.dumps({"__type": kind, "Message": "Transaction cancelled", "CancellationReasons": reasons})
    return Fault(body=body.encode(), status=400, times=times)


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def intake(tables: Tables, waits: list[float]) -> AuditTable:
    """Return an adapter that records its delays instead of waiting."""
    return AuditTable(tables, days=DAYS, wait=waits.append)


CROSSED = [
    ("None", "TransactionConflict"),
    ("TransactionConflict", "None"),
    ("TransactionConflict", "ConditionalCheckFailed"),
    ("None", "ThrottlingError"),
    ("ProvisionedThroughputExceeded", "None"),
]


@pytest.mark.parametrize("codes", CROSSED)
def test_transaction_conflict_is_retried_and_not_a_replay(
    intake: AuditTable, dynamodb: Store, aws: ListeningAws, waits: list[float], codes: Iterable[str]
) -> None:
    aws.inject(TRANSACTION, cancelled(*codes, times=3))

    assert intake.take(request(1), 1)

    assert recorded(dynamodb) == [request(1)]
    assert len(waits) == 3
    assert len(set(waits)) == 3


def test_persistent_transaction_conflict_fails_within_a_second(
    intake: AuditTable, dynamodb: Store, aws: ListeningAws, waits: list[float]
) -> None:
    aws.inject(TRANSACTION, cancelled("None", "TransactionConflict", times=None))

    with pytest.raises(StoreError) as failed:
        intake.take(request(1), 1)

    assert failed.value.reason is Reason.STORE_THROTTLED
    assert recorded(dynamodb) == []
    assert len(waits) == TRIES
    assert all(0 <= wait <= 0.1 for wait in waits)


@pytest.mark.parametrize("count", ["None", "ConditionalCheckFailed", "TransactionConflict"])
def test_existing_record_is_a_replay_at_any_count(intake: AuditTable, aws: ListeningAws, count: str) -> None:
    aws.inject(TRANSACTION, cancelled("ConditionalCheckFailed", count))
    with pytest.raises(AlreadyRecorded):
        intake.take(request(1), 1)


@pytest.mark.parametrize(
    "codes",
    [("ValidationError", "None"), ("None", "AccessDenied"), ("SomethingNew", "ConditionalCheckFailed"), ()],
    ids=str,
)
def test_other_cancellations_are_failures_and_not_replays(
    intake: AuditTable, dynamodb: Store, aws: ListeningAws, codes: Iterable[str]
) -> None:
    aws.inject(TRANSACTION, cancelled(*codes))
    with pytest.raises(StoreError) as failed:
        intake.take(request(1), 1)
    assert failed.value.reason is Reason.STORE_UNREACHABLE
    assert recorded(dynamodb) == []


def test_retry_after_a_lost_answer_reuses_the_token(intake: AuditTable, dynamodb: Store, aws: ListeningAws) -> None:
    aws.inject(TRANSACTION, Fault(drop=True, served=True))

    assert intake.take(request(1), 5)

    assert recorded(dynamodb) == [request(1)]
    first, second = aws.requests(TRANSACTION)
    assert first == second
    assert first["ClientRequestToken"]


def test_take_is_one_call(intake: AuditTable, aws: ListeningAws) -> None:
    aws.sent.clear()
    intake.take(request(1), 1)
    assert [operation for operation, _ in aws.sent] == [TRANSACTION]
    aws.sent.clear()
    intake.take(request(2), 1)
    assert [operation for operation, _ in aws.sent] == [TRANSACTION, "PutItem"]
