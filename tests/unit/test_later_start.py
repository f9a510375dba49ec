"""Access that is approved for a later day: it begins then, once, and only if it still helps the member."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.admin.decisions import Submission
from bot.admin.history import sentence
from bot.admin.waiting import LOOK_EVERY, WaitingRequests
from bot.core.access import Access, Effect, Grant, Lockdown, Member, Person, Workspace
from bot.core.approval_rules import Automatic
from bot.core.errors import BadInput, StoreError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.records import AccessRequest, Actor, DecisionResult, RequestState
from bot.core.waiting import MAX_DAYS_AHEAD, begins, may_start, start_of
from bot.slack.blocks import slack_date
from bot.slack.requests import postings
from bot.slack.requests import views as request_views
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, NOON, TEAM, a_mapping
from tests.fakes_access_requests import an_access_request
from tests.fakes_app import ADA, AppWorld
from tests.fakes_reminders import FakeReminders
from tests.unit.test_approval_handlers import RULE

WORDS = CATALOGUES["en"]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TODAY = NOON.date()
# Three days ahead, where clocks are an hour ahead of UTC.
START = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + 3 * DAY - HOUR
END = START + 7 * DAY
UPCOMING = replace(
    an_access_request(BEN, start=START),
    state=RequestState.APPROVED,
    decided_by=ADA.user_id,
    decided_at=NOON,
    until=END,
)
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)

# The pure rules


@pytest.mark.parametrize(
    ("days", "hour", "tz_offset", "start"),
    [
        (None, 12, 0, None),
        (0, 12, 0, None),
        (-1, 12, 0, None),
        (1, 12, 0, timedelta(hours=24)),
        (1, 12, None, timedelta(hours=24)),
        (1, 12, 3600, timedelta(hours=23)),
        (1, 12, -5 * 3600, timedelta(hours=29)),
        (1, 23, 3600, None),
        (0, 2, -5 * 3600, timedelta(hours=5)),
        (30, 12, 0, timedelta(days=30)),
    ],
)
def test_start_is_the_beginning_of_a_day_where_the_member_is(
    days: int | None, hour: int, tz_offset: int | None, start: timedelta | None
) -> None:
    day = None if days is None else TODAY + timedelta(days=days)
    midnight = NOON.replace(hour=0)
    found = start_of(day, NOON.replace(hour=hour), tz_offset)
    assert found == (None if start is None else midnight + start)


@pytest.mark.parametrize(
    ("days", "tz_offset", "valid"),
    [(-1, 0, False), (0, 0, True), (30, 0, True), (31, 0, False), (0, 13 * 3600, False), (31, 13 * 3600, True)],
)
def test_start_is_today_or_soon(days: int, tz_offset: int, *, valid: bool) -> None:
    assert may_start(TODAY + timedelta(days=days), NOON, tz_offset) is valid


def test_start_far_ahead_is_refused() -> None:
    with pytest.raises(BadInput, match="30 days"):
        start_of(TODAY + 31 * DAY, NOON, 0)


@pytest.mark.parametrize(
    ("request_", "after", "due"),
    [
        (UPCOMING, -timedelta(microseconds=1), False),
        (UPCOMING, timedelta(), True),
        (UPCOMING, 5 * DAY, True),
        (replace(UPCOMING, end_told=True), DAY, False),
        (replace(UPCOMING, start=None), DAY, False),
        (replace(UPCOMING, decided_at=START), DAY, False),
        (replace(UPCOMING, until=None), DAY, False),  # as an older version decides, which gives access at once
        (replace(UPCOMING, until=None, days=None), DAY, True),
        *((replace(UPCOMING, state=state), DAY, False) for state in RequestState if state is not UPCOMING.state),
    ],
)
def test_access_begins_once_its_start_has_come(request_: AccessRequest, after: timedelta, *, due: bool) -> None:
    assert begins(request_, START + after) is due


# Over fakes


class World(AppWorld):
    """Ben is mapped and may not open Studio yet; his clock is an hour ahead of UTC."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM, tz_offset=3600)
        self.access.give(BEN, a_mapping("bens", "ben"))

    def at(self, now: datetime) -> None:
        self.clock.advance((now - self.clock.now()).total_seconds())

    def ask(self, day: date | None = TODAY + 3 * DAY, wish: str = "") -> str:
        fields = {"wish": wish, "reason": "Falcon", "days": "7", "start": day.isoformat() if day else ""}
        return self.submit("ask_access", fields, metadata="en 3600", member=BEN)

    def approve(self) -> None:
        self.press("approve_access", f"{BEN.user_id} {self.request.id}", ADA)

    def approved(self) -> "World":
        self.ask()
        self.approve()
        assert self.request.is_upcoming
        return self

    def look(self, now: datetime, claims: FakeReminders | None = None) -> None:
        self.at(now)
        tell = (partial(postings.remind, self.app), partial(postings.show_end, self.app))
        use_case = self.app.access_requests
        WaitingRequests(use_case, claims or FakeReminders(), self.slack.person, *tell).look(TEAM)

    @property
    def request(self) -> AccessRequest:
        return self.requests.latest[BEN]

    @property
    def rules(self) -> list[Grant]:
        return list(self.access.read(BEN).grants)

    def texts(self, member: Member = BEN) -> list[str]:
        texts = [message.text for place, message in self.slack.posts if place == member.user_id]
        return [text for text in texts if text != WORDS.ask_sent]

    def allowed(self) -> list[tuple[str, Source]]:
        """Return actor and source of each entry about a new allow rule of Ben's."""
        entries = [e for e in self.audit.entries.values() if (e.action, e.subject) == ("allow", BEN.user_id)]
        return [(entry.actor, entry.source) for entry in entries]


def test_approved_access_begins_at_its_start_and_not_before() -> None:
    world = World().approved()
    assert (world.request.start, world.request.until, world.rules) == (START, END, [])
    for now in (NOON + DAY, START - timedelta(seconds=1)):
        world.look(now)
        assert world.rules == []
    world.look(START)
    assert world.rules == [Grant(BEN.user_id, Effect.ALLOW, END, "Falcon", ADA.user_id, START)]
    assert world.allowed() == [(ADA.user_id, Source.SCHEDULE)]
    assert (world.request.end_told, world.request.is_upcoming) == (True, False)
    world.look(START + LOOK_EVERY)
    assert len(world.allowed()) == 1
    assert world.texts()[1:] == []  # it is midnight


def test_messages_name_start_and_end() -> None:
    world = World().approved()
    later, lasts = WORDS.granted_later, WORDS.granted_until
    start, end = slack_date(START), slack_date(END)
    assert world.texts() == [f"{later.format(start=start)} {lasts.format(until=end)}"]
    asked = next(message for place, message in world.slack.posts if place == ADA.user_id)
    assert WORDS.asked_start.format(start=start) in str(asked.blocks)
    assert WORDS.begins.format(start=start) in str(world.slack.updates[-1][1].blocks)


def test_upcoming_access_shows_wherever_the_member_looks() -> None:
    world = World().approved()
    begins_then = WORDS.begins_later.format(start=slack_date(START))
    shown = [str(world.slack.homes[-1][1].blocks)]
    for command in ("", "whoami", "request"):
        world.command(command, BEN)
        shown.append(str(world.slack.replies[-1][0].blocks))
    assert [(begins_then in each, "withdraw_access" in each) for each in shown] == [(True, True)] * 4
    assert world.slack.forms == []
    assert "issued" not in [outcome for _, outcome in world.outcomes()]


def test_administrators_card_names_the_start_without_buttons() -> None:
    world = World().approved()
    where = {"view": {"id": "V1", "type": "home"}}
    world.press("admin_find", BEN.user_id, ADA, where)
    card = str(world.slack.replies[-1][0].blocks)
    assert WORDS.begins.format(start=slack_date(START)) in card
    assert "approve_access" not in card


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("day", ["2029-12-31", "2030-02-01", "2030-13-01", "soon"])
def test_bad_start_is_shown_beside_its_field(day: str, language: str) -> None:
    world = World()
    fields = {"wish": "", "reason": "Falcon", "days": "7", "start": day}
    answer = json.loads(world.submit("ask_access", fields, metadata=f"{language} 3600", member=BEN))
    assert answer["errors"] == {"start": CATALOGUES[language].ask_start_bad.format(days=MAX_DAYS_AHEAD)}
    assert world.requests.latest == {}


@pytest.mark.parametrize("offset", ["99999", "x", "", "-"])
def test_forged_offset_changes_nothing(offset: str) -> None:
    world = World()
    fields = {"wish": "", "reason": "Falcon", "days": "7", "start": (TODAY + DAY).isoformat()}
    world.submit("ask_access", fields, metadata=f"en {offset}", member=BEN)
    assert world.request.start == NOON.replace(hour=0) + DAY - HOUR


def test_form_asks_for_the_start_in_the_members_zone() -> None:
    world = World()
    world.command("request", BEN)
    [form] = world.slack.forms
    assert {"type": "datepicker", "action_id": "start"} in [block.get("element") for block in form["blocks"]]
    assert form["private_metadata"] == "en 3600"


def test_approval_after_the_start_counts_from_the_approval() -> None:
    world = World()
    world.ask()
    world.at(START + HOUR)
    world.approve()
    assert [rule.until for rule in world.rules] == [START + HOUR + 7 * DAY]
    world.look(START + 2 * HOUR)
    assert len(world.allowed()) == 1
    assert world.texts()[-1].startswith(WORDS.granted)


def test_mapping_is_written_with_the_approval() -> None:
    world = World()
    world.ask(wish="another")
    named = a_mapping("more", "ana2", set_by="", set_at=None)
    world.studio.add("d-research", "ana2")
    use_case = world.app.access_requests
    use_case.approve(ADA, BEN, world.request.id, named, source=Source.FORM, asked_for=True)
    assert sorted(mapping.alias for mapping in world.access.read(BEN).mappings) == ["bens", "more"]
    assert world.rules == []


def test_rule_that_approves_by_itself_gives_nothing_before_the_start() -> None:
    world = World()
    world.directory.groups = {"S0NIGHT": frozenset({BEN.user_id})}
    rules = Rules(approval_rules=(replace(RULE, ticket=None, automatic=Automatic(30, ("S0NIGHT",))),))
    world.app.access_requests = replace(world.app.access_requests, rules=rules)
    world.submit("ask_access", {"wish": "", "reason": "x", "days": "2", "start": str(TODAY + 3 * DAY)}, member=BEN)
    assert (world.request.is_upcoming, world.rules) == (True, [])
    world.look(START + HOUR)
    assert [rule.until for rule in world.rules] == [START + 30 * HOUR]
    assert world.allowed() == [("rule:research", Source.SCHEDULE)]


def test_several_approvers_are_needed_before_it_begins() -> None:
    world = World()
    admins = frozenset({ADA.user_id, ANA.user_id})
    world.app.access_requests = replace(world.app.access_requests, admins=admins, rules=Rules(approvals=2))
    world.ask()
    world.approve()
    world.look(START - HOUR)
    assert world.request.state is RequestState.OPEN
    world.press("approve_access", f"{BEN.user_id} {world.request.id}", ANA)
    world.look(START)
    assert world.allowed() == [(ANA.user_id, Source.SCHEDULE)]


# What stands in the way


def deactivate(world: World) -> None:
    world.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM, ineligible_reason="deactivated", tz_offset=3600)


def make_guest(world: World) -> None:
    world.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM, guest=True, tz_offset=3600)


def block(world: World) -> None:
    world.access.give(BEN, a_mapping("bens", "ben"), Grant(BEN.user_id, Effect.DENY))


def take_profile(world: World) -> None:
    world.access._members[BEN] = Access()


def delete_profile(world: World) -> None:
    world.studio.add("d-research", "ana")


OBSTACLES = {
    deactivate: DecisionResult.INELIGIBLE,
    make_guest: DecisionResult.INELIGIBLE,
    block: DecisionResult.DENY_RULE_REMAINS,
    take_profile: DecisionResult.PROFILE_GONE,
    delete_profile: DecisionResult.PROFILE_GONE,
}


@pytest.mark.parametrize("hinder", OBSTACLES)
def test_access_that_would_not_help_does_not_begin(hinder: Any) -> None:
    world = World().approved()
    hinder(world)
    world.look(START)
    assert world.request.is_upcoming  # the member sleeps, and administrators have until the morning
    morning = START + 8 * HOUR
    world.look(morning)
    assert world.allowed() == []
    assert (world.request.state, world.request.decided_by) == (RequestState.DENIED, "time")
    assert world.texts()[1:] == [WORDS.could_not_begin]
    card = str(world.slack.updates[-1][1].blocks)
    assert WORDS.not_begun.format(at=slack_date(morning), command="/studio") in card
    entry = list(world.audit.entries.values())[-1]
    assert (entry.outcome, entry.detail, entry.source) == ("not_begun", OBSTACLES[hinder].value, Source.SCHEDULE)
    world.look(morning + LOOK_EVERY)
    assert len(world.texts()) == 2


def test_obstacle_removed_by_the_morning_does_no_harm() -> None:
    world = World().approved()
    make_guest(world)
    world.look(START)
    world.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM, tz_offset=3600)
    world.look(START + LOOK_EVERY)
    assert [rule.until for rule in world.rules] == [END]


def test_lockdown_delays_the_start() -> None:
    world = World().approved()
    world.access.workspaces[TEAM] = Workspace(lockdown=Lockdown("incident"))
    world.look(START + 12 * HOUR)
    assert (world.request.is_upcoming, world.rules) == (True, [])
    world.access.workspaces[TEAM] = Workspace()
    world.look(START + 13 * HOUR)
    assert [rule.until for rule in world.rules] == [END]


def test_access_whose_end_has_passed_does_not_begin() -> None:
    world = World().approved()
    world.look(END + 12 * HOUR)
    assert (world.request.state, world.rules) == (RequestState.DENIED, [])


@pytest.mark.parametrize("until", [None, END + DAY])
def test_longer_access_is_kept(until: datetime | None) -> None:
    world = World().approved()
    longer = Grant(BEN.user_id, Effect.ALLOW, until)
    world.access.give(BEN, a_mapping("bens", "ben"), longer)
    world.look(START)
    assert (world.rules, world.allowed(), world.request.is_upcoming) == ([longer], [], False)


# Taking it back


def test_member_withdraws_before_the_start() -> None:
    world = World().approved()
    world.press("withdraw_access", world.request.id, BEN)
    assert (world.request.state, world.request.decided_by) == (RequestState.WITHDRAWN, BEN.user_id)
    assert WORDS.withdrawn.split("{")[0] in str(world.slack.updates[-1][1].blocks)
    world.look(START)
    assert (world.rules, world.outcomes()[-1]) == ([], ("request", "withdrawn"))


def test_administrator_takes_it_back_with_a_command() -> None:
    world = World().approved()
    world.command(f"admin decline <@{BEN.user_id}|ben> --reason later", ADA)
    assert (world.request.state, world.request.decided_by) == (RequestState.DENIED, ADA.user_id)
    assert world.texts()[-1] == WORDS.turned_down
    world.look(START)
    assert world.rules == []


def test_old_button_takes_nothing_back() -> None:
    world = World().approved()
    world.submit("deny_access", {"reason": "no"}, f"{BEN.user_id} {world.request.id} en", ADA)
    assert world.request.is_upcoming


def test_stranger_takes_nothing_back() -> None:
    world = World().approved()
    use_case = world.app.access_requests
    for by in (ANA, BEN):
        decision = use_case.deny(by, BEN, world.request.id, source=Source.COMMAND)
        assert decision.result in (DecisionResult.NOT_AN_ADMIN, DecisionResult.OWN_REQUEST)
    assert world.request.is_upcoming


def test_of_beginning_and_taking_back_one_fails() -> None:
    """A look lists the requests, then the member withdraws."""
    world = World().approved()
    seen, since = world.request, world.requests.since
    world.press("withdraw_access", seen.id, BEN)
    world.requests.since = lambda *_: [seen]  # type: ignore[method-assign]
    world.look(START)
    assert (world.rules, world.request.state) == ([], RequestState.WITHDRAWN)
    world.requests.since = since  # type: ignore[method-assign]

    other = World().approved()
    seen = other.request
    other.look(START)
    assert other.app.access_requests.withdraw(seen).end_told
    other.at(START - HOUR)  # a clock that is behind
    assert other.app.access_requests.withdraw(seen).end_told
    assert other.request.state is RequestState.APPROVED


def test_new_request_does_not_replace_upcoming_access() -> None:
    world = World().approved()
    use_case, seen = world.app.access_requests, world.request
    submitted = use_case.ask(BEN, "f" * 32, wish="", reason="again", days=1)
    assert isinstance(submitted, Submission)
    assert (submitted.is_new, world.request) == (False, seen)


# Faults


def test_failed_look_is_repeated() -> None:
    world = World().approved()
    world.access.error = BROKEN
    with capture_logs() as logs:
        world.look(START)
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["request_not_followed_up"]
    assert world.request.is_upcoming
    world.access.error = None
    world.look(START + LOOK_EVERY)
    assert world.allowed() == [(ADA.user_id, Source.SCHEDULE)]


def test_killed_look_is_repeated_and_gives_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if an administrator has removed the rule since."""
    world = World().approved()
    kept = world.requests.note

    def killed(seen: AccessRequest, told: AccessRequest) -> bool:
        if told.end_told:
            raise BROKEN
        return kept(seen, told)

    monkeypatch.setattr(world.requests, "note", killed)
    world.look(START)
    assert (len(world.rules), world.request.is_upcoming) == (1, True)
    monkeypatch.undo()
    world.app.access_requests.admin.forget(TEAM, BEN.user_id, Actor(ADA.user_id, Source.CLI))
    world.look(START + LOOK_EVERY)
    assert (world.rules, world.request.is_upcoming, len(world.allowed())) == ([], False, 1)


def test_unrecorded_end_is_taken_back() -> None:
    world = World().approved()
    make_guest(world)
    world.audit.open_error = BROKEN
    world.look(START + 9 * HOUR)
    assert world.request.is_upcoming
    world.audit.open_error = None
    world.look(START + 10 * HOUR)
    assert world.outcomes()[-1] == ("request", "not_begun")


# Sentences


@pytest.mark.parametrize("language", ["en", "de"])
def test_history_names_the_start_and_why_access_did_not_begin(language: str) -> None:
    world = World().approved()
    make_guest(world)
    world.look(START + 9 * HOUR)
    told = CATALOGUES[language].admin.sentences
    said = [
        sentence((entry,), told, who=str, when=lambda at: f"{at:%d.%m.}", text=str, command="x")
        for entry in world.audit.entries.values()
        if entry.action in ("request", "decide")
    ]
    start = told["from"].format(start=f"{START:%d.%m.}")
    assert [start in each for each in said] == [True, True, False]
    assert "of_no_use" in said[2]


def test_end_of_a_card_names_the_start() -> None:
    shown = request_views.end(UPCOMING, WORDS, "/studio")
    assert shown.endswith(WORDS.begins.format(start=slack_date(START)))
