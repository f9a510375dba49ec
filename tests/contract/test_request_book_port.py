"""Requests for access: every AccessRequestStore keeps these promises, the fake and the DynamoDB table alike."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from bot.admin.access_requests import DAYS, AccessRequests, Decision, DecisionResult, Submission
from bot.admin.changes import Admin
from bot.core.access import Effect, Member, Person
from bot.core.errors import StoreError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.ports import AccessRequestStore
from bot.core.records import AccessRequest, Actor, Posting, RequestState
from bot.core.values import MAX_REASON
from bot.links.facts import Gatherer
from bot.local.faults import Fault
from bot.store.access_requests import KEPT_AFTER, AccessRequestTable
from bot.store.models import Tables, client_of
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, AtOnce, FakeDirectory, FakeStudio, a_mapping, an_entry, race
from tests.fakes_asking import FakeBook, an_access_request

ELSEWHERE = Member("T0OTHER001", ANA.user_id)
MOMENT = timedelta(microseconds=1)
FIRST, SECOND = an_access_request(), an_access_request(id="2" * 32, reason="again", at=NOON + timedelta(hours=1))
APPROVED, DENIED, WITHDRAWN = RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN
ADA, BEA = "U0ADA00001", "U0BEA00001"


@pytest.fixture
def table(tables: Tables) -> AccessRequestTable:
    return AccessRequestTable(tables)


@pytest.fixture(params=["fake", "dynamodb"])
def book(request: pytest.FixtureRequest) -> AccessRequestStore:
    """Fake and adapter in turn."""
    if request.param == "fake":
        return FakeBook()
    real: AccessRequestStore = request.getfixturevalue("table")
    return real


# Asking


def test_nothing_is_found_of_a_member_who_never_asked(book: AccessRequestStore) -> None:
    assert book.find(ANA) is None


def test_what_was_asked_is_found(book: AccessRequestStore) -> None:
    assert book.ask(FIRST) == FIRST
    assert book.find(ANA) == FIRST


TEXTS = {
    "longest": ("w" * MAX_REASON, "&" * MAX_REASON),
    "widest": ("\U0001f980" * MAX_REASON, "\uffff" * MAX_REASON),
    "right to left": ("\u202eprod", "\u05e9\u05dc\u05d5\u05dd \u200f" * 50),
    "lines and signs": ("", "one\ntwo\t\"three\" {four} \\ 'five' \x00 %s"),
}


@pytest.mark.parametrize(("wish", "reason"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("days", DAYS)
def test_every_field_of_a_request_survives(
    book: AccessRequestStore, wish: str, reason: str, days: int | None
) -> None:
    asked = replace(FIRST, wish=wish, reason=reason, days=days, at=NOON + 7 * MOMENT)
    book.ask(asked)
    assert book.find(ANA) == asked


def test_who_asks_again_joins_the_open_request(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    assert book.ask(SECOND) == FIRST
    assert book.find(ANA) == FIRST


def test_until_the_last_moment_a_request_is_open_and_then_may_be_asked_anew(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    assert book.ask(replace(SECOND, at=FIRST.expires_at - MOMENT)) == FIRST
    anew = replace(SECOND, at=FIRST.expires_at, expires_at=FIRST.expires_at + timedelta(days=7))
    assert book.ask(anew) == anew
    assert book.find(ANA) == anew


@pytest.mark.parametrize("state", [APPROVED, DENIED, WITHDRAWN])
def test_once_decided_a_request_may_be_asked_anew(book: AccessRequestStore, state: RequestState) -> None:
    book.ask(FIRST)
    book.decide(ANA, FIRST.id, state, ADA, NOON)
    assert book.ask(SECOND) == SECOND
    assert book.find(ANA) == SECOND


@pytest.mark.parametrize("state", [APPROVED, DENIED, WITHDRAWN])
def test_the_same_form_sent_again_opens_nothing_whatever_has_become_of_it(
    book: AccessRequestStore, state: RequestState
) -> None:
    book.ask(FIRST)
    again = replace(FIRST, at=NOON + timedelta(seconds=3), expires_at=FIRST.expires_at + timedelta(seconds=3))
    assert book.ask(again) == FIRST
    decided = book.decide(ANA, FIRST.id, state, ADA, NOON + timedelta(minutes=1))
    assert book.ask(again) == decided
    assert book.find(ANA) == decided


def test_the_same_form_sent_again_opens_nothing_after_its_time(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    late = replace(FIRST, at=FIRST.expires_at, expires_at=FIRST.expires_at + timedelta(days=7))
    assert book.ask(late) == FIRST
    assert book.find(ANA) == FIRST


@pytest.mark.parametrize("other", [BEN, ELSEWHERE], ids=["another member", "the same id in another team"])
def test_members_ask_apart(book: AccessRequestStore, other: Member) -> None:
    theirs = replace(SECOND, member=other)
    book.ask(FIRST)
    assert book.ask(theirs) == theirs
    book.decide(other, theirs.id, DENIED, ADA, NOON)
    assert book.find(ANA) == FIRST


def test_of_many_who_ask_at_once_for_one_member_one_is_kept(book: AccessRequestStore) -> None:
    wanted = [replace(FIRST, id=f"{number:032x}") for number in range(8)]
    kept = race(*(lambda one=one: book.ask(one) for one in wanted))
    assert kept == [book.find(ANA)] * 8


def test_a_time_is_the_same_in_every_time_zone(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    tokyo = timezone(timedelta(hours=9))
    assert book.ask(replace(SECOND, at=(FIRST.expires_at - MOMENT).astimezone(tokyo))) == FIRST
    late = FIRST.expires_at.astimezone(timezone(timedelta(hours=-8)))
    assert book.decide(ANA, FIRST.id, DENIED, ADA, late) == FIRST


# Deciding


@pytest.mark.parametrize("state", [APPROVED, DENIED, WITHDRAWN])
def test_a_decision_is_kept_with_who_and_when(book: AccessRequestStore, state: RequestState) -> None:
    book.ask(FIRST)
    at = NOON + timedelta(minutes=5) + MOMENT
    decided = replace(FIRST, state=state, decided_by=ADA, decided_at=at)
    assert book.decide(ANA, FIRST.id, state, ADA, at) == decided
    assert book.find(ANA) == decided


@pytest.mark.parametrize("by", [BEA, ADA], ids=["another", "the same"])
def test_the_first_decision_stands(book: AccessRequestStore, by: str) -> None:
    book.ask(FIRST)
    first = book.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    assert book.decide(ANA, FIRST.id, DENIED, by, NOON + timedelta(seconds=1)) == first
    assert book.find(ANA) == first


def test_what_has_run_out_is_not_decided(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    assert book.decide(ANA, FIRST.id, APPROVED, ADA, FIRST.expires_at) == FIRST
    assert book.find(ANA) == FIRST
    last = book.decide(ANA, FIRST.id, APPROVED, ADA, FIRST.expires_at - MOMENT)
    assert last is not None
    assert last.state is APPROVED


def test_an_older_request_is_not_decided_in_the_place_of_the_newer(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    book.decide(ANA, FIRST.id, DENIED, ADA, NOON)
    book.ask(SECOND)
    assert book.decide(ANA, FIRST.id, APPROVED, BEA, NOON + timedelta(hours=2)) is None
    assert book.find(ANA) == SECOND


def test_where_nobody_asked_nothing_is_decided_and_nothing_appears(book: AccessRequestStore) -> None:
    assert book.decide(ANA, FIRST.id, APPROVED, ADA, NOON) is None
    assert book.find(ANA) is None


def test_of_many_who_decide_at_once_one_is_first(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    admins = [f"U0ADMIN{number}" for number in range(8)]
    states = [APPROVED, DENIED] * 4
    jobs = [
        lambda who=who, state=state: book.decide(ANA, FIRST.id, state, who, NOON)
        for who, state in zip(admins, states, strict=True)
    ]
    assert race(*jobs) == [book.find(ANA)] * 8
    found = book.find(ANA)
    assert found is not None
    assert (found.decided_by, found.state) in list(zip(admins, states, strict=True))


# Where administrators read it

POSTINGS = (Posting("D0ADA/1735689600.000100", "de"), Posting("D0BEA/1735689600.000200", "en"))


def test_where_a_request_was_posted_is_kept_until_there_is_a_newer_one(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    posted = replace(FIRST, postings=POSTINGS)
    assert book.posted(ANA, FIRST.id, POSTINGS) == posted
    assert book.find(ANA) == posted
    assert book.decide(ANA, FIRST.id, DENIED, ADA, NOON) == replace(
        posted, state=DENIED, decided_by=ADA, decided_at=NOON
    )
    book.reopen(ANA, FIRST.id)
    assert book.find(ANA) == posted
    book.decide(ANA, FIRST.id, DENIED, ADA, NOON)
    book.ask(SECOND)
    assert book.find(ANA) == SECOND


def test_who_posts_too_late_learns_that_it_was_decided(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    decided = book.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    assert decided is not None
    assert book.posted(ANA, FIRST.id, POSTINGS) == replace(decided, postings=POSTINGS)


def test_only_this_requests_postings_are_kept(book: AccessRequestStore) -> None:
    assert book.posted(ANA, FIRST.id, POSTINGS) is None
    assert book.find(ANA) is None
    book.ask(SECOND)
    assert book.posted(ANA, FIRST.id, POSTINGS) is None
    assert book.find(ANA) == SECOND


# Taking a decision back


def test_a_decision_that_is_taken_back_leaves_the_request_as_it_was(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    book.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    book.reopen(ANA, FIRST.id)
    assert book.find(ANA) == FIRST
    assert book.ask(SECOND) == FIRST
    again = book.decide(ANA, FIRST.id, DENIED, BEA, NOON)
    assert again == replace(FIRST, state=DENIED, decided_by=BEA, decided_at=NOON)


def test_a_request_that_is_open_again_still_runs_out(book: AccessRequestStore) -> None:
    book.ask(FIRST)
    book.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    book.reopen(ANA, FIRST.id)
    assert book.decide(ANA, FIRST.id, APPROVED, ADA, FIRST.expires_at) == FIRST


def newer_one_decided(book: AccessRequestStore) -> AccessRequest | None:
    book.ask(FIRST)
    book.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    book.ask(SECOND)
    return book.decide(ANA, SECOND.id, DENIED, BEA, SECOND.at)


def test_only_the_same_request_is_taken_back(book: AccessRequestStore) -> None:
    newer = newer_one_decided(book)
    with suppress(StoreError):  # whether it may fail is for the next test
        book.reopen(ANA, FIRST.id)
    assert book.find(ANA) == newer


def test_taking_back_what_a_newer_request_has_replaced_is_no_failure(book: AccessRequestStore) -> None:
    newer_one_decided(book)
    book.reopen(ANA, FIRST.id)


def test_where_nobody_asked_nothing_is_taken_back(book: AccessRequestStore) -> None:
    with suppress(StoreError):  # as above
        book.reopen(ANA, FIRST.id)
    assert book.find(ANA) is None
    assert book.ask(SECOND) == SECOND


# What only DynamoDB can show


def test_a_request_can_be_looked_up_for_a_month_after_it_has_run_out(
    table: AccessRequestTable, tables: Tables
) -> None:
    table.ask(FIRST)
    changes: list[Callable[[], object]] = [
        lambda: table.decide(ANA, FIRST.id, APPROVED, ADA, NOON),
        lambda: table.reopen(ANA, FIRST.id),
    ]
    for change in changes:
        change()
        [item] = client_of(tables.runtime).scan(TableName=tables.runtime.Meta.table_name)["Items"]
        assert int(item["expires"]["N"]) == int((FIRST.expires_at + KEPT_AFTER).timestamp())


def test_requests_choices_and_counts_do_not_touch_each_other(table: AccessRequestTable, dynamodb: Store) -> None:
    table.ask(FIRST)
    dynamodb.choices.remember(ANA, "sandbox", NOON)
    assert dynamodb.intake.take(an_entry("request-1"), 1)
    assert table.find(ANA) == FIRST
    assert dynamodb.choices.recall(ANA) == "sandbox"


def test_a_request_is_read_with_one_strongly_consistent_read(
    table: AccessRequestTable, local_aws: ListeningAws
) -> None:
    table.ask(FIRST)
    local_aws.sent.clear()
    table.find(ANA)
    [read] = local_aws.requests("GetItem")
    assert read["ConsistentRead"] is True
    assert len(local_aws.sent) == 1


def test_asking_whose_answer_was_lost_meets_its_own_first_attempt(
    table: AccessRequestTable, local_aws: ListeningAws
) -> None:
    local_aws.inject("PutItem", Fault("InternalServerError", status=500, served=True))
    assert table.ask(FIRST) == FIRST
    assert local_aws.calls.count("PutItem") == 2


def test_deciding_whose_answer_was_lost_meets_its_own_first_attempt(
    table: AccessRequestTable, local_aws: ListeningAws
) -> None:
    table.ask(FIRST)
    local_aws.inject("UpdateItem", Fault("InternalServerError", status=500, served=True))
    decided = table.decide(ANA, FIRST.id, APPROVED, ADA, NOON)
    assert decided == replace(FIRST, state=APPROVED, decided_by=ADA, decided_at=NOON)


USES: dict[str, tuple[str, Callable[[AccessRequestStore], object]]] = {
    "ask": ("PutItem", lambda book: book.ask(SECOND)),
    "find": ("GetItem", lambda book: book.find(ANA)),
    "decide": ("UpdateItem", lambda book: book.decide(ANA, FIRST.id, APPROVED, ADA, NOON)),
    "reopen": ("UpdateItem", lambda book: book.reopen(ANA, FIRST.id)),
    "posted": ("UpdateItem", lambda book: book.posted(ANA, FIRST.id, POSTINGS)),
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
def test_a_table_that_fails_is_an_error(
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


@pytest.mark.parametrize("name", SPOILT)
def test_a_record_that_makes_no_sense_is_an_error(table: AccessRequestTable, tables: Tables, name: str) -> None:
    table.ask(FIRST)
    client, where = client_of(tables.runtime), tables.runtime.Meta.table_name
    [item] = client.scan(TableName=where)["Items"]
    spoilt = SPOILT[name]
    kept = {field: value for field, value in item.items() if spoilt is not None or field != "request"}
    client.put_item(TableName=where, Item={**kept, **(spoilt or {})})
    with pytest.raises(StoreError) as failed:
        table.find(ANA)
    assert failed.value.reason is Reason.STORE_UNREADABLE


# The use case over the real tables


def asking_over(dynamodb: Store, table: AccessRequestTable) -> AccessRequests:
    studio = FakeStudio()
    studio.add("d-research", "ana")
    admin = Admin(dynamodb.access, dynamodb.audit, studio, Rules(), now=lambda: NOON)
    directory = FakeDirectory(*(Person(user_id, TEAM) for user_id in (ANA.user_id, ADA, BEA)))
    admins = frozenset({ADA, BEA})
    facts = Gatherer(dynamodb.access, directory, directory, AtOnce())
    return AccessRequests(table, admin, dynamodb.audit, facts, Rules(), admins, now=lambda: NOON)


def asked(asking: AccessRequests, *, days: int | None) -> AccessRequest:
    given = asking.ask(ANA, FIRST.id, wish="", reason="Falcon", days=days)
    assert isinstance(given, Submission)
    return given.request


def test_of_two_administrators_at_once_one_grants_and_the_other_sees_who(
    dynamodb: Store, table: AccessRequestTable
) -> None:
    asking = asking_over(dynamodb, table)
    request = asked(asking, days=30)
    mapping = a_mapping()

    def approve(who: str) -> Decision:
        return asking.approve(Member(TEAM, who), ANA, request.id, mapping, source=Source.FORM)

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


def test_of_one_who_approves_and_one_who_denies_at_once_one_wins(dynamodb: Store, table: AccessRequestTable) -> None:
    asking = asking_over(dynamodb, table)
    asking.admin.map(ANA, a_mapping(), Actor("cli:test", Source.CLI))
    request = asked(asking, days=None)

    approved, denied = race(
        lambda: asking.approve(Member(TEAM, ADA), ANA, request.id, source=Source.BUTTON),
        lambda: asking.deny(Member(TEAM, BEA), ANA, request.id, source=Source.BUTTON),
    )

    assert isinstance(approved, Decision)
    assert isinstance(denied, Decision)
    assert {approved.result, denied.result} == {DecisionResult.DONE, DecisionResult.ALREADY_DECIDED}
    assert approved.request == denied.request == table.find(ANA)
    assert len(dynamodb.access.read(ANA).grants) == (approved.result is DecisionResult.DONE)
