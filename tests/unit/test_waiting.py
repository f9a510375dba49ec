"""Waiting access requests: reminders at growing intervals, each sent once, and a message to both sides at the end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from bot.admin.waiting import LOOK_EVERY, WaitingRequests
from bot.app import administration, clients
from bot.core import waiting
from bot.core.access import Member, Person
from bot.core.approval_rules import ADMINS, ApprovalRule
from bot.core.errors import SlackError, StoreError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.records import AccessRequest, RequestState
from bot.slack.directory_cache import CachedDirectory
from bot.slack.requests import postings
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, NOON, TEAM, a_mapping
from tests.fakes_access_requests import an_access_request
from tests.fakes_app import ADA, AppWorld
from tests.fakes_reminders import FakeReminders

HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
WORDS = CATALOGUES["en"]
# A Monday, at noon.
MONDAY = NOON + (7 - NOON.weekday()) % 7 * DAY
REQUEST = an_access_request(BEN, at=MONDAY, expires_at=MONDAY + 7 * DAY)
CAT = Member(TEAM, "U0CAT00001")
RULE = ApprovalRule("research", approvers=(ANA.user_id,), fallback=(ADMINS,))
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)

# The pure rules


@pytest.mark.parametrize(
    ("request_", "after", "due"),
    [
        (REQUEST, 4 * HOUR - MOMENT, False),
        (REQUEST, 4 * HOUR, True),
        (REQUEST, 6 * DAY, True),
        (REQUEST, 7 * DAY, False),
        (REQUEST, -DAY, False),
        (replace(REQUEST, reminders=1, remind_at=MONDAY + DAY), DAY - MOMENT, False),
        (replace(REQUEST, reminders=1, remind_at=MONDAY + DAY), DAY, True),
        (replace(REQUEST, reminders=4, remind_at=MONDAY + DAY), 2 * DAY, False),
        *(
            (replace(REQUEST, state=state), 4 * HOUR, False)
            for state in RequestState
            if state is not RequestState.OPEN
        ),
    ],
)
def test_reminder_is_due_at_its_time(request_: AccessRequest, after: timedelta, *, due: bool) -> None:
    assert waiting.is_due(request_, MONDAY + after) is due


def test_reminders_come_at_growing_distances() -> None:
    request, now, at = REQUEST, MONDAY, []
    while now < REQUEST.expires_at:
        if waiting.is_due(request, now):
            request = waiting.reminded(request, now)
            at.append(now - MONDAY)
        now += HOUR
    assert at == [4 * HOUR, DAY, 3 * DAY, 6 * DAY]


@pytest.mark.parametrize("paused", [5 * HOUR, 2 * DAY, 5 * DAY])
def test_pause_costs_one_reminder_only(paused: timedelta) -> None:
    request = waiting.reminded(REQUEST, MONDAY + paused)
    assert request.reminders == 1
    assert request.remind_at == MONDAY + paused + 20 * HOUR


@pytest.mark.parametrize(
    ("day", "hour", "tz_offset", "polite"),
    [
        (0, 8, 0, True),
        (0, 7, 0, False),
        (4, 19, None, True),
        (4, 20, None, False),
        (5, 12, 0, False),
        (6, 12, 0, False),
        (0, 7, 3600, True),
        (6, 23, 9 * 3600, True),
        (4, 22, 9 * 3600, False),
        (0, 12, -5 * 3600, False),
    ],
)
def test_reminders_come_on_working_days_where_the_member_is(
    day: int, hour: int, tz_offset: int | None, *, polite: bool
) -> None:
    now = MONDAY.replace(hour=hour) + day * DAY
    assert waiting.is_polite(now, tz_offset) is polite


@pytest.mark.parametrize(
    ("request_", "after", "over"),
    [
        (REQUEST, 7 * DAY - MOMENT, False),
        (REQUEST, 7 * DAY, True),
        (REQUEST, 9 * DAY - MOMENT, True),
        (REQUEST, 9 * DAY, False),
        (replace(REQUEST, end_told=True), 7 * DAY, False),
        (replace(REQUEST, reminders=4, remind_at=MONDAY + 9 * DAY), 7 * DAY, True),
        *(
            (replace(REQUEST, state=state), 7 * DAY, False)
            for state in RequestState
            if state is not RequestState.OPEN
        ),
    ],
)
def test_request_runs_out_once(request_: AccessRequest, after: timedelta, *, over: bool) -> None:
    assert waiting.ran_out(request_, MONDAY + after) is over


# Over fakes


class World(AppWorld):
    """Ben's request waits since Monday noon; Ana decides by a rule, Ada administers and is the fallback."""

    def __init__(self, *, channel: str | None = None) -> None:
        super().__init__()
        self.claims = FakeReminders()
        self.app.access_requests = replace(self.app.access_requests, rules=Rules(approval_rules=(RULE,)))
        self.app.request_channel = channel
        self.at(MONDAY)
        self.requests.latest[BEN] = REQUEST
        postings.ask_approvers(self.app, REQUEST)
        self.slack.updates.clear()

    def at(self, now: datetime) -> None:
        self.clock.advance((now - self.clock.now()).total_seconds())

    def look(self, after: timedelta, claims: FakeReminders | None = None) -> list[str]:
        """Look at a time after the request; return the places of new messages."""
        self.at(MONDAY + after)
        before = len(self.slack.posts)
        self.waiting(claims).look(TEAM)
        return [place for place, _ in self.slack.posts[before:]]

    def waiting(self, claims: FakeReminders | None = None) -> WaitingRequests:
        return WaitingRequests(
            self.app.access_requests,
            claims or self.claims,
            self.slack.person,
            partial(postings.remind, self.app),
            partial(postings.show_end, self.app),
        )

    @property
    def request(self) -> AccessRequest:
        return self.requests.latest[BEN]


def buttons(message: Any) -> bool:
    return "approve_access" in str(message.blocks)


def test_approvers_are_reminded_and_then_the_fallback() -> None:
    world = World()
    assert world.look(3 * HOUR) == []
    assert world.look(4 * HOUR) == [ANA.user_id]
    _, message = world.slack.posts[-1]
    assert message.text == WORDS.reminder.format(user=BEN.user_id)
    assert buttons(message)
    assert world.look(DAY) == [ANA.user_id, ADA.user_id]
    assert world.look(3 * DAY) == [ANA.user_id, ADA.user_id]
    assert world.look(6 * DAY) == []  # a Sunday
    assert world.look(7 * DAY - 3 * HOUR) == [ANA.user_id, ADA.user_id]
    assert world.look(7 * DAY - HOUR) == []
    assert world.counted() == {"ask_reminded": 4}


def test_reminder_has_the_buttons_that_the_message_before_had() -> None:
    world = World()
    world.look(4 * HOUR)
    [(place, before)] = world.slack.updates
    assert (place, buttons(before), WORDS.asked_below in str(before.blocks)) == (f"{ANA.user_id}/1.0", False, True)
    [posting] = world.request.postings
    assert posting.message != place
    world.submit("deny_access", {"reason": ""}, f"{BEN.user_id} {REQUEST.id} en", ANA)
    assert {place for place, _ in world.slack.updates[1:]} >= {posting.message}


BUTTON = f"{BEN.user_id} {REQUEST.id}"
WAYS: dict[str, Callable[[World], object]] = {
    "a message": lambda world: world.press(
        "approve_access", BUTTON, ANA, {"channel": {"id": ANA.user_id}, "container": {"message_ts": "6.0"}}
    ),
    "the home tab": lambda world: world.press("approve_access", BUTTON, ANA, {"view": {"id": "V1", "type": "home"}}),
    "the form of a denial": lambda world: world.submit("deny_access", {"reason": "later"}, f"{BUTTON} en", ANA),
    "the fallback": lambda world: world.submit("deny_access", {"reason": "later"}, f"{BUTTON} en", CAT),
    "withdrawing": lambda world: world.press("withdraw_access", REQUEST.id, BEN),
    "a shell": lambda world: administration.tell(
        cast("Any", None),
        world.app.access_requests.deny("cli:ops", BEN, REQUEST.id, source=Source.CLI, reason="later"),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_everybody_who_was_asked_sees_the_decision_in_place(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(channel="C0REQUESTS")
    monkeypatch.setattr(clients, "slack", lambda _: world.slack)
    rule = replace(RULE, fallback=(CAT.user_id,))
    world.directory.people[CAT.user_id] = Person(CAT.user_id, TEAM)
    world.app.access_requests = replace(world.app.access_requests, rules=Rules(approval_rules=(rule,)))
    world.access.give(BEN, a_mapping("bens", "ben"))
    world.requests.latest[BEN] = replace(world.request, wish="")
    assert world.look(DAY) == ["C0REQUESTS", ANA.user_id]
    assert world.look(2 * DAY) == ["C0REQUESTS", ANA.user_id, CAT.user_id]
    world.slack.updates.clear()

    WAYS[way](world)

    shown = dict(world.slack.updates)
    assert sorted(place.partition("/")[0] for place in shown) == sorted([ANA.user_id, CAT.user_id, "C0REQUESTS"])
    assert not any(map(buttons, shown.values()))
    decided_by = world.request.decided_by
    assert decided_by
    assert all(decided_by in str(message.blocks) for message in shown.values())


def test_message_that_keeps_its_buttons_is_updated_in_the_end() -> None:
    world = World()
    world.slack.broken = {"update"}
    world.look(4 * HOUR)
    assert [posting.message.partition("/")[0] for posting in world.request.postings] == [ANA.user_id] * 2


def test_channel_is_reminded_instead_of_administrators() -> None:
    world = World(channel="C0REQUESTS")
    assert world.look(4 * HOUR) == ["C0REQUESTS", ANA.user_id]
    assert world.look(DAY) == ["C0REQUESTS", ANA.user_id]
    assert len(world.request.postings) == 2


def test_fallback_is_asked_at_once_if_no_approver_can_be_reached() -> None:
    world = World()
    world.slack.unreachable = {ANA.user_id}  # who has left
    assert world.look(4 * HOUR) == [ADA.user_id]


def test_reminder_spares_those_who_have_approved() -> None:
    world = World()
    world.requests.latest[BEN] = replace(world.request, approvers=(ANA.user_id,), needed=2)
    assert world.look(DAY) == [ADA.user_id]
    assert world.counted() == {"ask_reminded": 1}


@pytest.mark.parametrize("state", [each for each in RequestState if each is not RequestState.OPEN])
def test_decided_request_is_left_alone(state: RequestState) -> None:
    world = World()
    world.requests.latest[BEN] = replace(world.request, state=state, decided_by=ADA.user_id, decided_at=MONDAY)
    assert [world.look(after) for after in (4 * HOUR, 2 * DAY, 7 * DAY)] == [[], [], []]
    assert world.slack.updates == []


@pytest.mark.parametrize("after", [4 * HOUR, 7 * DAY], ids=["a reminder", "the end"])
def test_two_replicas_send_one_message(after: timedelta) -> None:
    """Even if both look, because the first look took longer than a look may."""
    world = World()
    seen = world.request
    assert len(world.look(after)) == 1
    world.clock.advance(0.1)
    told, world.requests.latest[BEN] = world.requests.latest[BEN], replace(seen, postings=world.request.postings)
    since = world.requests.since
    stale = since(TEAM, MONDAY.date(), MONDAY.date())
    world.requests.latest[BEN] = told
    world.requests.since = lambda *_: stale  # type: ignore[method-assign]
    assert world.look(after + timedelta(seconds=1), FakeReminders()) == []


def test_one_replica_looks_for_all() -> None:
    world = World()
    assert world.look(4 * HOUR - LOOK_EVERY / 2) == []
    assert world.look(4 * HOUR) == []
    assert world.look(4 * HOUR + LOOK_EVERY) == [ANA.user_id]


def test_clock_that_jumps_back_repeats_nothing() -> None:
    world = World()
    assert world.look(DAY) == [ANA.user_id]
    assert [world.look(after, FakeReminders()) for after in (4 * HOUR, -DAY, DAY)] == [[], [], []]


@pytest.mark.parametrize("after", [4 * HOUR, 7 * DAY], ids=["a reminder", "the end"])
def test_message_waits_while_slack_is_silent(after: timedelta) -> None:
    world = World()
    world.slack.broken = {"person"}
    with capture_logs() as logs:
        assert world.look(after) == []
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["request_not_followed_up"]
    world.slack.broken = set()
    assert len(world.look(after + LOOK_EVERY)) == 1


def test_unknown_approvers_of_one_request_stop_no_other() -> None:
    world = World()
    other = replace(RULE, approvers=("S0LEADS",))
    world.app.access_requests = replace(world.app.access_requests, rules=Rules(approval_rules=(other,)))
    world.directory.group_error = SlackError("busy", reason=Reason.SLACK_UNREACHABLE)
    with capture_logs() as logs:
        assert world.look(4 * HOUR) == []
    assert "request_not_followed_up" in [line["event"] for line in logs]
    world.directory.group_error = None
    world.directory.groups["S0LEADS"] = frozenset({ANA.user_id})
    assert world.look(5 * HOUR) == [ANA.user_id]  # the reminder is not lost


@pytest.mark.parametrize(
    ("now", "tz_offset", "morning"),
    [
        (MONDAY.replace(hour=3), 0, MONDAY.replace(hour=8)),
        (MONDAY.replace(hour=20), 0, MONDAY.replace(hour=8) + DAY),
        (MONDAY, None, MONDAY.replace(hour=8) + DAY),
        (MONDAY + 4 * DAY + 9 * HOUR, 0, MONDAY.replace(hour=8) + 7 * DAY),
        (MONDAY + 5 * DAY - 9 * HOUR, 0, MONDAY.replace(hour=8) + 7 * DAY),
        (MONDAY + 6 * DAY + 10 * HOUR, 9 * 3600, MONDAY.replace(hour=23) + 6 * DAY),
        (MONDAY.replace(hour=2), -5 * 3600, MONDAY.replace(hour=13)),
    ],
)
def test_deferred_reminder_waits_for_the_next_working_morning(
    now: datetime, tz_offset: int | None, morning: datetime
) -> None:
    deferred = waiting.deferred(REQUEST, now, tz_offset)
    assert deferred == replace(REQUEST, remind_at=morning)
    assert waiting.is_polite(morning, tz_offset)


def looked_up(world: World) -> list[Member]:
    """Return whom Slack is asked about from now on."""
    found: list[Member] = []
    person = world.slack.person

    def noting(member: Member) -> Person:
        found.append(member)
        return person(member)

    world.slack.person = noting  # type: ignore[method-assign]
    return found


def test_weekend_costs_one_look_up_of_the_member() -> None:
    world = World()
    world.requests.latest[BEN] = replace(REQUEST, at=MONDAY + 4 * DAY, expires_at=MONDAY + 11 * DAY)
    asked = looked_up(world)
    after = 4 * DAY + 9 * HOUR
    while after < 7 * DAY - 4 * HOUR:
        assert world.look(after) == []
        after += HOUR
    assert asked == [BEN]
    assert world.look(7 * DAY - 4 * HOUR) == [ANA.user_id]
    assert world.request.reminders == 1


def test_one_look_reaches_so_many_and_the_next_one_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a weekend, the reminders of a whole company are due at the same minute."""
    monkeypatch.setattr("bot.admin.waiting.MAX_A_LOOK", 3)
    world = World()
    others = [Member(TEAM, f"U0MANY{number}") for number in range(4)]
    for member in others:
        world.requests.latest[member] = replace(REQUEST, member=member)
        world.directory.people[member.user_id] = Person(member.user_id, TEAM)
    assert len(world.look(4 * HOUR)) == 3
    assert len(world.look(5 * HOUR)) == 2
    assert world.look(6 * HOUR) == []


def test_approver_of_many_requests_is_looked_up_once() -> None:
    """For their language: twenty approvers of fifty requests are a thousand look-ups, and Slack takes a hundred."""
    world = World()
    signin, cached = world.app.signin, CachedDirectory(world.directory, seconds=60)
    world.app.signin = replace(signin, facts=replace(signin.facts, people=cached))
    for number in range(5):
        member = Member(TEAM, f"U0MANY{number}")
        world.requests.latest[member] = replace(REQUEST, member=member)
        world.directory.people[member.user_id] = Person(member.user_id, TEAM)
    world.directory.people_asked.clear()
    assert world.look(4 * HOUR) == [ANA.user_id] * 6
    assert world.directory.people_asked.count(ANA.user_id) == 1


def test_silent_slack_ends_a_look() -> None:
    world = World()
    world.requests.latest[ANA] = replace(REQUEST, member=ANA)
    world.slack.broken, world.slack.error = {"person"}, SlackError("busy", reason=Reason.SLACK_UNREACHABLE)
    asked = looked_up(world)
    with capture_logs() as logs:
        assert world.look(4 * HOUR) == []
    assert len(asked) == 1
    assert [line["event"] for line in logs] == ["request_not_followed_up"]


def test_defect_about_one_request_silences_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.requests.latest[CAT] = replace(REQUEST, member=CAT, id="2" * 32, at=MONDAY - HOUR)
    world.directory.people[CAT.user_id] = Person(CAT.user_id, TEAM)
    note = world.requests.note

    def fails_for_one(seen: AccessRequest, told: AccessRequest) -> bool:
        if seen.member == CAT:
            raise ZeroDivisionError
        return note(seen, told)

    monkeypatch.setattr(world.requests, "note", fails_for_one)
    with capture_logs() as logs:
        assert world.look(4 * HOUR) == [ANA.user_id]
    assert [line["log_level"] for line in logs if line["event"] == "request_not_followed_up"] == ["error"]


def test_member_who_has_left_costs_no_reminder() -> None:
    world = World()
    world.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM, ineligible_reason="deactivated")
    assert world.look(DAY) == []
    assert world.request.reminders == 0


def test_decision_between_claim_and_message_shows_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    post = world.slack.post

    def decide_first(place: str, message: Any) -> str:
        if world.request.state is RequestState.OPEN:
            world.requests.decide(BEN, REQUEST.id, RequestState.DENIED, ANA.user_id, world.clock.now())
        return post(place, message)

    monkeypatch.setattr(world.slack, "post", decide_first)
    world.look(4 * HOUR)
    [posting] = world.request.postings
    place, message = world.slack.updates[-1]
    assert (place, buttons(message)) == (posting.message, False)
    assert f"Denied by <@{ANA.user_id}>" in str(message.blocks)


def test_both_sides_hear_once_that_a_request_ran_out() -> None:
    world = World()
    world.app.audit_channel = "C0AUDIT0001"
    world.look(DAY)
    world.slack.updates.clear()
    assert world.look(7 * DAY) == [BEN.user_id]
    _, message = world.slack.posts[-1]
    assert "has expired" in message.text
    assert "ask_access" in str(message.blocks)
    [(place, card)] = world.slack.updates
    assert (place, buttons(card)) == (world.request.postings[0].message, False)
    assert "Expired without a decision" in str(card.blocks)
    [entry] = world.audit.entries.values()
    assert (entry.action, entry.outcome, entry.source) == ("request", "ran_out", Source.SCHEDULE)
    assert (entry.subject, entry.after) == (BEN.user_id, {"request": REQUEST.id, "days": REQUEST.days})
    assert [user for user, _ in world.slack.homes] == [BEN.user_id]
    assert [line for _, line in world.slack.announced] == [f"{BEN.user_id} · request · ran_out"]
    assert world.look(7 * DAY + HOUR) == []
    assert len(world.audit.entries) == 1


def test_request_that_ran_out_long_ago_is_no_news() -> None:
    """As after an upgrade, or after a week without a bot."""
    world = World()
    assert world.look(10 * DAY) == []
    assert world.audit.entries == {}


def test_end_without_an_audit_entry_is_tried_again() -> None:
    world = World()
    world.audit.open_error = BROKEN
    assert world.look(7 * DAY) == []
    assert not world.request.end_told
    world.audit.open_error = None
    assert world.look(7 * DAY + HOUR) == [BEN.user_id]


TROUBLES: dict[str, Callable[[World], object]] = {
    "no message": lambda world: world.slack.broken.add("post"),
    "no update": lambda world: world.slack.broken.add("update"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_end_that_slack_refuses_to_show_stays_the_end(trouble: str) -> None:
    world = World()
    TROUBLES[trouble](world)
    world.look(7 * DAY)
    assert world.request.end_told
    assert [entry.outcome for entry in world.audit.entries.values()] == ["ran_out"]


def test_postings_that_are_not_kept_change_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def fails(*_: Any) -> None:
        raise BROKEN

    monkeypatch.setattr(world.requests, "posted", fails)
    with capture_logs() as logs:
        assert world.look(4 * HOUR) == [ANA.user_id]
    assert "postings_not_kept" in [line["event"] for line in logs]
