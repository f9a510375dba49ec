"""Contract of AccessRequestStore, run on the fake and on the DynamoDB table."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.admin.access_requests import AccessRequests
from bot.admin.changes import Admin
from bot.admin.decisions import Decision, Submission
from bot.core.access import Effect, Member, Person
from bot.core.approval_rules import DAYS
from bot.core.errors import StoreError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.ports import AccessRequestStore
from bot.core.records import AccessRequest, Actor, DecisionResult, Posting, RequestState
from bot.core.values import MAX_REASON
from bot.links.facts import Gatherer
from bot.local.faults import Fault
from bot.store.access_requests import KEPT_AFTER, AccessRequestTable
from bot.store.models import Tables, client_of
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, AtOnce, FakeDirectory, FakeStudio, a_mapping, an_entry, race
from tests.fakes_access_requests import FakeAccessRequests, an_access_request

ELSEWHERE = Member("T0OTHER001", ANA.user_id)
MOMENT = timedelta(microseconds=1)
FIRST, SECOND = an_access_request(), an_access_request(id="2" * 32, reason="again", at=NOON + timedelta(hours=1))
APPROVED, DENIED, WITHDRAWN = RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN
ADA, BEA = "U0ADA00001", "U0BEA00001"


@pytest.fixture
def table(tables: Tables) -> AccessRequestTable:
    return AccessRequestTable(tables)


@pytest.fixture(params=["fake", "dynamodb"])
def requests(request: pytest.FixtureRequest) -> AccessRequestStore:
    """Return the fake or the adapter."""
    if request.param == "fake":
        return FakeAccessRequests()
    real: AccessRequestStore = request.getfixturevalue("table")
    return real


def stored(tables: Tables) -> list[dict[str, Any]]:
    """Return the stored requests, without the lists of who asked on a day."""
    items = client_of(tables.runtime).scan(TableName=tables.runtime.Meta.table_name)["Items"]
    return [item for item in items if item["id"]["S"].startswith("access#")]


# Approvals


def approved(request: AccessRequest, *users: str) -> AccessRequest:
    return replace(request, approvers=users, needed=2, mapping=a_mapping(set_by="", set_at=None))


def test_approval_is_kept_while_the_request_is_open(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    assert requests.endorse(FIRST, approved(FIRST, ADA), NOON)
    assert requests.find(ANA) == approved(FIRST, ADA)
    assert requests.endorse(approved(FIRST, ADA), approved(FIRST, ADA, BEA), NOON)
    assert not requests.endorse(approved(FIRST, ADA, BEA), approved(FIRST), FIRST.expires_at)
    requests.decide(ANA, FIRST.id, DENIED, ADA, NOON)
    assert not requests.endorse(approved(FIRST, ADA, BEA), approved(FIRST), NOON)
    requests.ask(SECOND)
    assert requests.find(ANA) == SECOND
    assert not requests.endorse(FIRST, approved(FIRST, ADA), NOON)


def test_concurrent_approvals_are_not_lost(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    kept = race(*(lambda user=user: requests.endorse(FIRST, approved(FIRST, user), NOON) for user in (ADA, BEA)))
    assert sorted(map(str, kept)) == ["False", "True"]


# Requests


def test_requests_of_some_days_are_listed_oldest_first(requests: AccessRequestStore) -> None:
    early = an_access_request(BEN, id="3" * 32, at=NOON - timedelta(days=2))
    for request in (FIRST, early, an_access_request(ELSEWHERE), replace(SECOND, at=NOON + timedelta(minutes=1))):
        requests.ask(request)

    def found(first: int, last: int) -> list[AccessRequest]:
        return list(requests.since(TEAM, NOON.date() + timedelta(days=first), NOON.date() + timedelta(days=last)))

    assert found(-7, 0) == [early, FIRST]
    assert found(-1, 0) == [FIRST]
    assert found(-7, -1) == [early]
    requests.decide(ANA, FIRST.id, DENIED, ADA, NOON, answer="not now")
    assert [(each.state, each.answer) for each in found(0, 1)] == [(DENIED, "not now")]
    assert found(1, 3) == []


def test_find_returns_none_without_a_request(requests: AccessRequestStore) -> None:
    assert requests.find(ANA) is None


def test_find_returns_the_request(requests: AccessRequestStore) -> None:
    assert requests.ask(FIRST) == FIRST
    assert requests.find(ANA) == FIRST


TEXTS = {
    "longest": ("w" * MAX_REASON, "&" * MAX_REASON),
    "widest": ("\U0001f980" * MAX_REASON, "\uffff" * MAX_REASON),
    "right to left": ("\u202eprod", "\u05e9\u05dc\u05d5\u05dd \u200f" * 50),
    "lines and signs": ("", "one\ntwo\t\"three\" {four} \\ 'five' \x00 %s"),
}


@pytest.mark.parametrize(("wish", "reason"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("days", DAYS)
def test_every_field_round_trips(requests: AccessRequestStore, wish: str, reason: str, days: int | None) -> None:
    asked = replace(FIRST, wish=wish, reason=reason, days=days, at=NOON + 7 * MOMENT)
    requests.ask(asked)
    assert requests.find(ANA) == asked


def test_second_request_joins_the_open_one(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    assert requests.ask(SECOND) == FIRST
    assert requests.find(ANA) == FIRST


def test_expired_request_can_be_replaced(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    assert requests.ask(replace(SECOND, at=FIRST.expires_at - MOMENT)) == FIRST
    later = replace(SECOND, at=FIRST.expires_at, expires_at=FIRST.expires_at + timedelta(days=7))
    assert requests.ask(later) == later
    assert requests.find(ANA) == later


@pytest.mark.parametrize("state", [APPROVED, DENIED, WITHDRAWN])
def test_decided_request_can_be_replaced(requests: AccessRequestStore, state: RequestState) -> None:
    requests.ask(FIRST)
    requests.decide(ANA, FIRST.id, state, ADA, NOON)
    assert requests.ask(SECOND) == SECOND
    assert requests.find(ANA) == SECOND


@pytest.mark.parametrize("state", [APPROVED, DENIED, WITHDRAWN])
def test_resubmitted_form_opens_no_second_request(requests: AccessRequestStore, state: RequestState) -> None:
    requests.ask(FIRST)
    again = replace(FIRST, at=NOON + timedelta(seconds=3), expires_at=FIRST.expires_at + timedelta(seconds=3))
    assert requests.ask(again) == FIRST
    decided = requests.decide(ANA, FIRST.id, state, ADA, NOON + timedelta(minutes=1))
    assert requests.ask(again) == decided
    assert requests.find(ANA) == decided


def test_resubmitted_form_opens_nothing_after_expiry(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    late = replace(FIRST, at=FIRST.expires_at, expires_at=FIRST.expires_at + timedelta(days=7))
    assert requests.ask(late) == FIRST
    assert requests.find(ANA) == FIRST


@pytest.mark.parametrize("other", [BEN, ELSEWHERE], ids=["another member", "the same id in another team"])
def test_requests_are_separate_per_member(requests: AccessRequestStore, other: Member) -> None:
    theirs = replace(SECOND, member=other)
    requests.ask(FIRST)
    assert requests.ask(theirs) == theirs
    requests.decide(other, theirs.id, DENIED, ADA, NOON)
    assert requests.find(ANA) == FIRST


def test_concurrent_requests_of_a_member_have_one_winner(requests: AccessRequestStore) -> None:
    wanted = [replace(FIRST, id=f"{number:032x}") for number in range(8)]
    kept = race(*(lambda one=one: requests.ask(one) for one in wanted))
    assert kept == [requests.find(ANA)] * 8


def test_request_times_are_independent_of_the_time_zone(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    tokyo = timezone(timedelta(hours=9))
    assert requests.ask(replace(SECOND, at=(FIRST.expires_at - MOMENT).astimezone(tokyo))) == FIRST
    late = FIRST.expires_at.astimezone(timezone(timedelta(hours=-8)))
    assert requests.decide(ANA, FIRST.id, DENIED, ADA, late) == FIRST


# Decisions


@pytest.mark.parametrize("state", [APPROVED, DENIED, WITHDRAWN])
def test_decision_has_administrator_and_time(requests: AccessRequestStore, state: RequestState) -> None:
    requests.ask(FIRST)
    at = NOON + timedelta(minutes=5) + MOMENT
    decided = replace(FIRST, state=state, decided_by=ADA, decided_at=at)
    assert requests.decide(ANA, FIRST.id, state, ADA, at) == decided
    assert requests.find(ANA) == decided


@pytest.mark.parametrize("by", [BEA, ADA], ids=["another", "the same"])
def test_first_decision_wins(requests: AccessRequestStore, by: str) -> None:
    requests.ask(FIRST)
    first = requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    assert requests.decide(ANA, FIRST.id, DENIED, by, NOON + timedelta(seconds=1)) == first
    assert requests.find(ANA) == first


def test_expired_request_is_not_decided(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    assert requests.decide(ANA, FIRST.id, APPROVED, ADA, FIRST.expires_at) == FIRST
    assert requests.find(ANA) == FIRST
    last = requests.decide(ANA, FIRST.id, APPROVED, ADA, FIRST.expires_at - MOMENT)
    assert last is not None
    assert last.state is APPROVED


def test_decision_on_a_replaced_request_fails(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    requests.decide(ANA, FIRST.id, DENIED, ADA, NOON)
    requests.ask(SECOND)
    assert requests.decide(ANA, FIRST.id, APPROVED, BEA, NOON + timedelta(hours=2)) is None
    assert requests.find(ANA) == SECOND


def test_decision_without_a_request_creates_nothing(requests: AccessRequestStore) -> None:
    assert requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON) is None
    assert requests.find(ANA) is None


def test_concurrent_decisions_have_one_winner(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    admins = [f"U0ADMIN{number}" for number in range(8)]
    states = [APPROVED, DENIED] * 4
    jobs = [
        lambda who=who, state=state: requests.decide(ANA, FIRST.id, state, who, NOON)
        for who, state in zip(admins, states, strict=True)
    ]
    assert race(*jobs) == [requests.find(ANA)] * 8
    found = requests.find(ANA)
    assert found is not None
    assert (found.decided_by, found.state) in list(zip(admins, states, strict=True))


# Postings

POSTINGS = (Posting("D0ADA/1735689600.000100", "de"), Posting("D0BEA/1735689600.000200", "en"))


def test_postings_are_kept_until_a_newer_request(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    posted = replace(FIRST, postings=POSTINGS)
    assert requests.posted(ANA, FIRST.id, POSTINGS) == posted
    assert requests.find(ANA) == posted
    assert requests.decide(ANA, FIRST.id, DENIED, ADA, NOON) == replace(
        posted, state=DENIED, decided_by=ADA, decided_at=NOON
    )
    requests.reopen(ANA, FIRST.id)
    assert requests.find(ANA) == posted
    requests.decide(ANA, FIRST.id, DENIED, ADA, NOON)
    requests.ask(SECOND)
    assert requests.find(ANA) == SECOND


def test_late_posting_returns_the_decision(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    decided = requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    assert decided is not None
    assert requests.posted(ANA, FIRST.id, POSTINGS) == replace(decided, postings=POSTINGS)


def test_postings_of_other_requests_are_not_kept(requests: AccessRequestStore) -> None:
    assert requests.posted(ANA, FIRST.id, POSTINGS) is None
    assert requests.find(ANA) is None
    requests.ask(SECOND)
    assert requests.posted(ANA, FIRST.id, POSTINGS) is None
    assert requests.find(ANA) == SECOND


# Reminders

REMINDED = replace(FIRST, reminders=1, remind_at=NOON + timedelta(hours=20) + MOMENT)
ENDED = replace(REMINDED, end_told=True, remind_at=FIRST.expires_at)


def test_reminder_is_noted_once_as_it_was_seen(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    assert requests.note(FIRST, REMINDED)
    assert requests.find(ANA) == REMINDED
    assert not requests.note(FIRST, replace(REMINDED, remind_at=NOON))
    assert requests.note(REMINDED, ENDED)
    assert not requests.note(REMINDED, replace(ENDED, remind_at=NOON))
    assert requests.note(ENDED, REMINDED)
    assert list(requests.since(TEAM, NOON.date(), NOON.date())) == [REMINDED]


def test_concurrent_reminders_have_one_winner(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    told = [replace(REMINDED, remind_at=NOON + number * MOMENT) for number in range(1, 9)]
    noted = race(*(lambda each=each: requests.note(FIRST, each) for each in told))
    assert sorted(map(str, noted)) == [*["False"] * 7, "True"]


@pytest.mark.parametrize("state", [APPROVED, DENIED, WITHDRAWN])
def test_decided_request_gets_no_reminder(requests: AccessRequestStore, state: RequestState) -> None:
    requests.ask(FIRST)
    decided = requests.decide(ANA, FIRST.id, state, ADA, NOON)
    assert not requests.note(FIRST, REMINDED)
    assert requests.find(ANA) == decided
    requests.ask(SECOND)
    assert not requests.note(FIRST, REMINDED)
    assert requests.find(ANA) == SECOND


def test_reminders_stay_with_a_decision_that_is_taken_back(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    requests.note(FIRST, REMINDED)
    requests.posted(ANA, FIRST.id, POSTINGS)
    requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    requests.reopen(ANA, FIRST.id)
    assert requests.find(ANA) == replace(REMINDED, postings=POSTINGS)


def test_newer_request_begins_without_reminders(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    requests.note(FIRST, ENDED)
    later = replace(SECOND, at=FIRST.expires_at, expires_at=FIRST.expires_at + timedelta(days=7))
    assert requests.ask(later) == later
    assert requests.find(ANA) == later


# A later start

LATER = replace(FIRST, start=NOON + timedelta(days=3))
UNTIL = NOON + timedelta(days=10) + MOMENT


def upcoming(requests: AccessRequestStore) -> AccessRequest:
    requests.ask(LATER)
    decided = requests.decide(ANA, LATER.id, APPROVED, ADA, NOON, until=UNTIL)
    assert decided == replace(LATER, state=APPROVED, decided_by=ADA, decided_at=NOON, until=UNTIL)
    assert decided.is_upcoming
    return decided


def withdrawn(request: AccessRequest) -> AccessRequest:
    return replace(request, state=WITHDRAWN, decided_by=ANA.user_id, decided_at=NOON + MOMENT)


def test_approval_for_later_is_taken_back_or_begins(requests: AccessRequestStore) -> None:
    seen = upcoming(requests)
    claimed = replace(seen, remind_at=LATER.start)
    assert requests.note(seen, claimed)
    assert not requests.note(seen, withdrawn(seen))
    begun = replace(claimed, end_told=True)
    assert requests.note(claimed, begun)
    assert not requests.note(claimed, withdrawn(claimed))
    assert list(requests.since(TEAM, NOON.date(), NOON.date())) == [begun]


def test_approval_for_later_that_is_taken_back_does_not_begin(requests: AccessRequestStore) -> None:
    seen = upcoming(requests)
    assert requests.note(seen, withdrawn(seen))
    assert requests.find(ANA) == withdrawn(seen)
    assert not requests.note(seen, replace(seen, remind_at=LATER.start))
    assert requests.note(withdrawn(seen), seen)
    assert requests.find(ANA) == seen
    denied = replace(seen, state=DENIED, decided_by="time", decided_at=NOON + MOMENT, answer="late")
    assert requests.note(seen, denied)
    assert requests.ask(SECOND) == SECOND
    assert requests.find(ANA) == SECOND


def test_of_concurrent_beginning_and_taking_back_one_wins(requests: AccessRequestStore) -> None:
    seen = upcoming(requests)
    told = (replace(seen, remind_at=LATER.start), withdrawn(seen))
    assert sorted(map(str, race(*(lambda each=each: requests.note(seen, each) for each in told)))) == [
        "False",
        "True",
    ]


def test_reopened_request_has_no_end(requests: AccessRequestStore) -> None:
    upcoming(requests)
    requests.reopen(ANA, LATER.id)
    assert requests.find(ANA) == LATER


def test_taking_back_that_is_sent_again_counts_once(table: AccessRequestTable) -> None:
    """DynamoDB's answer to the first attempt was lost."""
    seen = upcoming(table)
    assert [table.note(seen, withdrawn(seen)) for _ in range(2)] == [True, True]
    assert table.find(ANA) == withdrawn(seen)


# Reopening


def test_reopen_restores_the_open_request(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    requests.reopen(ANA, FIRST.id)
    assert requests.find(ANA) == FIRST
    assert requests.ask(SECOND) == FIRST
    again = requests.decide(ANA, FIRST.id, DENIED, BEA, NOON)
    assert again == replace(FIRST, state=DENIED, decided_by=BEA, decided_at=NOON)


def test_reopened_request_still_expires(requests: AccessRequestStore) -> None:
    requests.ask(FIRST)
    requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    requests.reopen(ANA, FIRST.id)
    assert requests.decide(ANA, FIRST.id, APPROVED, ADA, FIRST.expires_at) == FIRST


def newer_one_decided(requests: AccessRequestStore) -> AccessRequest | None:
    requests.ask(FIRST)
    requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    requests.ask(SECOND)
    return requests.decide(ANA, SECOND.id, DENIED, BEA, SECOND.at)


def test_reopen_ignores_other_requests(requests: AccessRequestStore) -> None:
    newer = newer_one_decided(requests)
    with suppress(StoreError):  # an error is allowed here
        requests.reopen(ANA, FIRST.id)
    assert requests.find(ANA) == newer


def test_reopen_of_a_replaced_request_is_a_noop(requests: AccessRequestStore) -> None:
    newer_one_decided(requests)
    requests.reopen(ANA, FIRST.id)


def test_reopen_without_a_request_is_a_noop(requests: AccessRequestStore) -> None:
    with suppress(StoreError):  # an error is allowed here
        requests.reopen(ANA, FIRST.id)
    assert requests.find(ANA) is None
    assert requests.ask(SECOND) == SECOND


# DynamoDB only


def test_request_is_kept_for_a_month_after_expiry(table: AccessRequestTable, tables: Tables) -> None:
    table.ask(FIRST)
    changes: list[Callable[[], object]] = [
        lambda: table.decide(ANA, FIRST.id, APPROVED, ADA, NOON),
        lambda: table.reopen(ANA, FIRST.id),
    ]
    for change in changes:
        change()
        [item] = stored(tables)
        assert int(item["expires"]["N"]) == int((FIRST.expires_at + KEPT_AFTER).timestamp())


def test_requests_choices_and_counts_are_independent(table: AccessRequestTable, dynamodb: Store) -> None:
    table.ask(FIRST)
    dynamodb.choices.remember(ANA, "sandbox", NOON)
    assert dynamodb.intake.take(an_entry("request-1"), 1)
    assert table.find(ANA) == FIRST
    assert dynamodb.choices.recall(ANA) == "sandbox"


def test_find_is_one_consistent_read(table: AccessRequestTable, local_aws: ListeningAws) -> None:
    table.ask(FIRST)
    local_aws.sent.clear()
    table.find(ANA)
    [read] = local_aws.requests("GetItem")
    assert read["ConsistentRead"] is True
    assert len(local_aws.sent) == 1


def test_ask_recognizes_its_own_write_after_a_lost_answer(table: AccessRequestTable, local_aws: ListeningAws) -> None:
    local_aws.inject("PutItem", Fault("InternalServerError", status=500, served=True))
    assert table.ask(FIRST) == FIRST
    assert local_aws.calls.count("PutItem") == 2


def test_decide_recognizes_its_own_write_after_a_lost_answer(
    table: AccessRequestTable, local_aws: ListeningAws
) -> None:
    table.ask(FIRST)
    local_aws.inject("UpdateItem", Fault("InternalServerError", status=500, served=True))
    decided = table.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    assert decided == replace(FIRST, state=APPROVED, decided_by=ADA, decided_at=NOON)


def test_note_recognizes_its_own_write_after_a_lost_answer(
    table: AccessRequestTable, local_aws: ListeningAws
) -> None:
    table.ask(FIRST)
    local_aws.inject("UpdateItem", Fault("InternalServerError", status=500, served=True))
    assert table.note(FIRST, REMINDED)
    assert table.find(ANA) == REMINDED


USES: dict[str, tuple[str, Callable[[AccessRequestStore], object]]] = {
    "ask": ("PutItem", lambda requests: requests.ask(SECOND)),
    "find": ("GetItem", lambda requests: requests.find(ANA)),
    "decide": ("UpdateItem", lambda requests: requests.decide(ANA, FIRST.id, APPROVED, ADA, NOON)),
    "reopen": ("UpdateItem", lambda requests: requests.reopen(ANA, FIRST.id)),
    "posted": ("UpdateItem", lambda requests: requests.posted(ANA, FIRST.id, POSTINGS)),
    "note": ("UpdateItem", lambda requests: requests.note(FIRST, REMINDED)),
}


@pytest.fixture
def aws(local_aws: ListeningAws) -> Iterator[ListeningAws]:
    yield local_aws
    local_aws.clear_faults()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("AccessDeniedException"), Reason.STORE_REFUSED),
        (Fault(drop=True, times=None), Reason.STORE_UNREACHABLE),
    ],
    ids=["refused", "cut"],
)
def test_table_failure_is_an_error(
    table: AccessRequestTable, aws: ListeningAws, use: str, fault: Fault, reason: Reason
) -> None:
    table.ask(FIRST)
    operation, job = USES[use]
    aws.inject(operation, fault)
    with pytest.raises(StoreError) as failed:
        job(table)
    assert failed.value.reason is reason
    aws.clear_faults()
    assert table.find(ANA) == FIRST


SPOILT: dict[str, dict[str, Any] | None] = {
    "no request": None,
    "a request that is no JSON": {"request": {"S": "{"}},
    "a request without its reason": {"request": {"S": '{"wish": "", "days": 1, "at": "2030-01-01T12:00:00+00:00"}'}},
    "a request that is a list": {"request": {"S": "[]"}},
    "an unknown state": {"state": {"S": "forgotten"}},
    "no time until which it is open": {"open_until": {"S": "tomorrow"}},
}


def spoil(tables: Tables, name: str) -> None:
    """Make the only stored request unreadable."""
    [item] = stored(tables)
    spoilt = SPOILT[name]
    kept = {field: value for field, value in item.items() if spoilt is not None or field != "request"}
    item = {**kept, **(spoilt or {})}
    client_of(tables.runtime).put_item(TableName=tables.runtime.Meta.table_name, Item=item)


@pytest.mark.parametrize("name", SPOILT)
def test_invalid_request_record_is_an_error(table: AccessRequestTable, tables: Tables, name: str) -> None:
    table.ask(FIRST)
    spoil(tables, name)
    with pytest.raises(StoreError) as failed:
        table.find(ANA)
    assert failed.value.reason is Reason.STORE_UNREADABLE


@pytest.mark.parametrize("name", SPOILT)
def test_invalid_request_record_hides_no_other_request(table: AccessRequestTable, tables: Tables, name: str) -> None:
    table.ask(FIRST)
    spoil(tables, name)
    others = an_access_request(BEN, id="3" * 32)
    table.ask(others)
    with capture_logs() as logs:
        assert table.since(TEAM, NOON.date(), NOON.date()) == [others]
    line = {"event": "access_request_unreadable", "log_level": "warning", "tenant": TEAM, "user": ANA.user_id}
    assert logs == [line]


# Use case on the real tables


def use_case_over(dynamodb: Store, table: AccessRequestTable) -> AccessRequests:
    studio = FakeStudio()
    studio.add("d-research", "ana")
    admin = Admin(dynamodb.access, dynamodb.audit, studio, Rules(), now=lambda: NOON)
    directory = FakeDirectory(*(Person(user_id, TEAM) for user_id in (ANA.user_id, ADA, BEA)))
    admins = frozenset({ADA, BEA})
    facts = Gatherer(dynamodb.access, directory, directory, AtOnce())
    return AccessRequests(table, admin, dynamodb.audit, facts, Rules(), admins, now=lambda: NOON)


def asked(use_case: AccessRequests, *, days: int | None) -> AccessRequest:
    given = use_case.ask(ANA, FIRST.id, wish="", reason="Falcon", days=days)
    assert isinstance(given, Submission)
    return given.request


def test_concurrent_approvals_have_one_winner(dynamodb: Store, table: AccessRequestTable) -> None:
    use_case = use_case_over(dynamodb, table)
    request = asked(use_case, days=30)
    mapping = a_mapping()

    def approve(who: str) -> Decision:
        return use_case.approve(Member(TEAM, who), ANA, request.id, mapping, source=Source.FORM)

    decisions = race(*(lambda who=who: approve(who) for who in (ADA, BEA)))

    settled = [decision for decision in decisions if isinstance(decision, Decision)]
    assert sorted(decision.result for decision in settled) == [DecisionResult.ALREADY_DECIDED, DecisionResult.DONE]
    assert len({decision.request for decision in settled}) == 1
    winner = (ADA, BEA)[[decision.result for decision in settled].index(DecisionResult.DONE)]
    [grant] = dynamodb.access.read(ANA).grants
    assert (grant.effect, grant.until, grant.set_by) == (Effect.ALLOW, NOON + timedelta(days=30), winner)
    steps = [(entry.action, entry.actor) for entry in dynamodb.audit.of_member(ANA, NOON)]
    late = ADA if winner == BEA else BEA
    done = [("request", ANA.user_id), ("decide", winner), ("map", winner), ("allow", winner), ("decide", late)]
    assert sorted(steps) == sorted(done)


def test_concurrent_approval_and_denial_have_one_winner(dynamodb: Store, table: AccessRequestTable) -> None:
    use_case = use_case_over(dynamodb, table)
    use_case.admin.map(ANA, a_mapping(), Actor("cli:test", Source.CLI))
    request = asked(use_case, days=None)

    approved, denied = race(
        lambda: use_case.approve(Member(TEAM, ADA), ANA, request.id, source=Source.BUTTON),
        lambda: use_case.deny(Member(TEAM, BEA), ANA, request.id, source=Source.BUTTON),
    )

    assert isinstance(approved, Decision)
    assert isinstance(denied, Decision)
    assert {approved.result, denied.result} == {DecisionResult.DONE, DecisionResult.ALREADY_DECIDED}
    assert approved.request == denied.request == table.find(ANA)
    assert len(dynamodb.access.read(ANA).grants) == (approved.result is DecisionResult.DONE)
