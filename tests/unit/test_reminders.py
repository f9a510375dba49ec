"""The word before the bill: when a member hears of what runs, when it is stopped, and when neither."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.access import Effect
from bot.core.apps import App, AppName, AppStatus, Space
from bot.core.errors import SlackError, StoreError, StudioError
from bot.core.link import Reason
from bot.core.reminders import Reminded, Told, Usage, Used
from bot.local.slack.blocks import check_message
from bot.slack.blocks import RenderContext
from bot.slack.words import CATALOGUES
from bot.slack.workspaces import views
from bot.slack.workspaces.handlers import remind, summarise
from bot.workspaces.app_changes import Running
from bot.workspaces.limits import Limits, parse
from bot.workspaces.reminders import (
    DAY,
    HOUR,
    LOOK_EVERY,
    TONIGHT,
    WEEK,
    Plan,
    Reminders,
    after_telling,
    keep_until,
    key,
    plan,
)
from bot.workspaces.usage import WeeklySummary, count
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping
from tests.fakes_reminders import FakeReminders, look_twice_at_once
from tests.unit.test_running import DOMAIN, LAB, OWN, PRICES, World, an_app

WORDS = CATALOGUES["en"].running
REMIND = parse("12,d-research=6,ml.g5=4,d-research/ml.g5=2")
NEVER = Limits()
STOP = parse("d-research=24")


def running(hours: float, instance: str | None = "ml.t3.medium", **more: Any) -> Running:
    return Running(a_mapping(), an_app(LAB, instance=instance, since=NOON - timedelta(hours=hours), **more), 0.05)


# Rules


@pytest.mark.parametrize(
    ("domain", "instance", "hours"),
    [
        ("d-other", "ml.t3.medium", 12),
        ("d-other", None, 12),
        ("d-other", "ml.g5.xlarge", 4),
        ("d-research", "ml.t3.medium", 6),
        ("d-research", "ml.g5.48xlarge", 2),
    ],
)
def test_nearest_limit_counts(domain: str, instance: str | None, hours: int) -> None:
    assert REMIND.of(domain, instance) == timedelta(hours=hours)
    assert NEVER.of(domain, instance) is None


PLANS: dict[str, tuple[Running, Told, Limits, str]] = {
    "younger than the limit": (running(5.9), Told(), NEVER, ""),
    "as old as the limit": (running(6), Told(), NEVER, "named"),
    "no beginning": (Running(a_mapping(), App(LAB, "ana", AppStatus.IN_SERVICE), None), Told(), NEVER, ""),
    "failed": (running(99, status=AppStatus.FAILED), Told(), STOP, ""),
    "stopping": (running(99, status=AppStatus.DELETING), Told(), STOP, ""),
    "told lately": (running(30), Told(1, NOON + HOUR), NEVER, ""),
    "told a while ago": (running(30), Told(1, NOON), NEVER, "named"),
    "no rule to stop": (running(9999), Told(9, NOON), NEVER, "named"),
    "an hour before the stop": (running(23), Told(), STOP, "warned"),
    "long after the stop, never warned": (running(99), Told(), STOP, "warned"),
    "warned half an hour ago": (running(25), Told(1, None, NOON - HOUR / 2), STOP, ""),
    "warned an hour ago": (running(24), Told(1, None, NOON - HOUR), STOP, "stopped"),
    "warned, and not due yet": (running(23.9), Told(1, None, NOON - HOUR), STOP, ""),
    "warned, and the rule is gone": (running(99), Told(1, None, NOON - DAY), NEVER, "named"),
    "kept": (running(99), Told(1, NOON + HOUR), STOP, ""),
    "kept no longer": (running(99), Told(1, NOON), STOP, "warned"),
    "a reminder would take the warning's day": (running(7), Told(), STOP, ""),
}


@pytest.mark.parametrize(("found", "told", "stop", "expected"), PLANS.values(), ids=PLANS)
def test_plan_for_one_app(found: Running, told: Told, stop: Limits, expected: str) -> None:
    planned = plan([found], Reminded({key(found): told}), REMIND, stop, NOON)
    what = ["warned" if stop_at else "named" for _, stop_at in planned.name] + ["stopped"] * len(planned.stop)
    assert "".join(what) == expected


def test_warning_names_a_time_at_least_an_hour_away() -> None:
    for hours in (23, 24, 99):
        [(_, stop_at)] = plan([running(hours)], Reminded(), NEVER, STOP, NOON).name
        assert stop_at == NOON + HOUR


@given(
    ages=st.lists(st.floats(0, 400), max_size=4),
    last=st.none() | st.floats(0, 3),
    warned=st.none() | st.floats(0, 5),
)
def test_nothing_stops_unwarned_and_one_message_a_day_suffices(
    ages: list[float], last: float | None, warned: float | None
) -> None:
    found = [
        replace(running(age), app=replace(running(age).app, name=AppName("JupyterLab", f"a{n}")))
        for n, age in enumerate(ages)
    ]
    told = Told(1, None, None if warned is None else NOON - timedelta(hours=warned))
    seen = Reminded({key(each): told for each in found}, None if last is None else NOON - last * DAY)
    planned = plan(found, seen, REMIND, STOP, NOON)
    assert not planned.stop or (warned is not None and warned >= 1)
    assert not planned.name or last is None or last >= 1
    if planned.name:
        assert plan(found, after_telling(planned, seen, found, NOON), REMIND, STOP, NOON + HOUR / 2).name == ()


def test_distances_grow_and_gone_apps_are_forgotten() -> None:
    found, seen, days = running(1000), Reminded({"gone": Told(3, NOON)}), []
    now = NOON
    for _ in range(5):
        planned = plan([found], seen, REMIND, NEVER, now)
        seen = after_telling(planned, seen, [found], now)
        next_at = seen.apps[key(found)].next_at
        assert next_at is not None
        days.append((next_at - now) // DAY)
        now = next_at
    assert days == [1, 2, 4, 7, 7]
    assert list(seen.apps) == [key(found)]


def test_app_that_was_started_again_is_another_one() -> None:
    assert key(running(1)) != key(running(2))


@pytest.mark.parametrize(
    ("hour", "offset", "expected"),
    [
        (12, 0, datetime(2030, 1, 1, 20, tzinfo=UTC)),
        (21, 0, datetime(2030, 1, 2, 20, tzinfo=UTC)),
        (12, 9 * 3600, datetime(2030, 1, 2, 11, tzinfo=UTC)),
        (12, -8 * 3600, datetime(2030, 1, 2, 4, tzinfo=UTC)),
        (12, None, datetime(2030, 1, 1, 20, tzinfo=UTC)),
    ],
)
def test_tonight_is_the_evening_of_the_members_day(hour: int, offset: int | None, expected: datetime) -> None:
    assert keep_until(TONIGHT, NOON.replace(hour=hour), offset) == expected
    assert keep_until(WEEK, NOON, offset) == NOON + 7 * DAY


# The whole of it


class Reminding(World):
    """The app context with reminders: Ana's own app has run for hours, her g5 for longer."""

    def __init__(self, after: Limits = REMIND, stop_after: Limits = NEVER) -> None:
        super().__init__()
        self.store = FakeReminders()
        tell = partial(remind, self.app)
        person: Callable[..., Any] = self.slack.person
        self.reminders = self.app.reminders = Reminders(
            self.running, self.access, self.store, after, stop_after, person, tell
        )

    def look(self, hours: float = 0) -> list[str]:
        """Look again after so many hours; return the new messages."""
        self.clock.advance(hours * 3600)
        before = len(self.slack.posts)
        self.reminders.look(TEAM)
        return [str(message.blocks) for _, message in self.slack.posts[before:]]

    def zone(self, hours: int) -> None:
        person = self.directory.people[ANA.user_id]
        self.directory.people[ANA.user_id] = replace(person, tz_offset=hours * 3600)


def test_owner_hears_once_a_day_of_what_runs() -> None:
    world = Reminding()
    [text] = world.look()
    assert "ml.g5.xlarge" in text
    assert "$14.08" in text
    assert OWN.app_type not in text
    assert world.slack.posts[0][0] == ANA.user_id
    assert [message for hours in (1, 8, 14) for message in world.look(hours)] == []
    [text] = world.look(2)
    assert OWN.app_type in text
    assert world.counted() == {"reminded": 2}


def test_message_has_buttons_to_stop_and_to_keep() -> None:
    world = Reminding()
    world.look()
    [(_, message)] = world.slack.posts
    found = {
        each["action_id"]: each["value"]
        for block in message.blocks
        for each in block.get("elements", ())
        if "value" in each
    }
    value = "default JupyterLab default ana-lab"
    assert found == {views.STOP_APP: value, views.KEEP_TONIGHT: value, views.KEEP_WEEK: value}
    assert check_message(message.payload()) == []


def test_only_one_replica_looks() -> None:
    world = Reminding()
    other = replace(world.reminders)
    assert len(world.look()) == 1
    other.look(TEAM)
    assert len(world.slack.posts) == 1
    world.clock.advance(LOOK_EVERY.total_seconds())
    other.look(TEAM)
    assert len(world.slack.posts) == 1


def test_two_that_look_at_once_send_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Reminding()
    look_twice_at_once(world.store, "read", partial(world.reminders.look, TEAM), monkeypatch)
    assert len(world.slack.posts) == 1


@pytest.mark.parametrize(("zone", "messages"), [(0, 1), (7, 1), (8, 0), (-4, 1), (-5, 0), (11, 0)])
def test_no_message_at_night_in_the_members_zone(zone: int, messages: int) -> None:
    world = Reminding()
    world.zone(zone)
    assert len(world.look()) == messages


def test_night_costs_no_look_up_of_a_known_account() -> None:
    """Slack takes about a hundred look-ups a minute, and what runs overnight is looked at 48 times."""
    world = Reminding()
    world.zone(11)
    kept = {ANA.user_id: world.directory.people[ANA.user_id]}
    world.reminders = replace(world.reminders, known=lambda _tenant, _users: kept)
    world.directory.people_asked.clear()
    assert world.look() == []
    assert world.directory.people_asked == []
    kept.clear()
    assert world.look(1) == []
    assert world.directory.people_asked == [ANA.user_id]


def test_message_that_waited_for_the_day_comes_then() -> None:
    world = Reminding()
    world.zone(11)  # 23:00
    assert world.look() == []
    assert world.look(8) == []
    assert len(world.look(1)) == 1


def test_blocked_member_is_not_told() -> None:
    world = Reminding()
    world.access.give(ANA, a_grant(effect=Effect.DENY))
    assert world.look() == []


def test_apps_that_nobody_holds_are_never_stopped() -> None:
    world = Reminding(stop_after=parse(f"{DOMAIN}=1"))
    world.access._members.clear()
    world.clock.advance(100 * 3600)
    world.look()
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.slack.posts == []


def test_rule_stops_an_app_an_hour_after_its_warning() -> None:
    world = Reminding(after=NEVER, stop_after=parse(f"{DOMAIN}/ml.g5=11"))
    [text] = world.look()
    assert WORDS.word_stops.split("{", maxsplit=1)[0] in text
    world.look(0.75)
    assert AppStatus.DELETING not in world.statuses().values()
    world.look(0.25)
    assert [name for name, status in world.statuses().items() if status is AppStatus.DELETING] == [LAB]
    [entry] = world.audit.entries.values()
    assert (entry.action, entry.outcome, entry.actor, entry.source) == (
        "stop",
        "done",
        "STUDIO_STOP_HOURS",
        "schedule",
    )
    assert len(world.slack.posts) == 1


def test_warning_that_did_not_arrive_stops_nothing() -> None:
    world = Reminding(after=NEVER, stop_after=parse(f"{DOMAIN}=1"))
    world.slack.broken = {"post"}
    world.look()
    for hours in (1, 2, 20):
        world.look(hours)
    assert AppStatus.DELETING not in world.statuses().values()
    world.slack.broken = set()
    world.look(1)
    assert len(world.slack.posts) == 1


def test_warning_of_a_replica_that_dies_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Reminding(after=NEVER, stop_after=parse(f"{DOMAIN}=1"))
    with monkeypatch.context() as dying:
        dying.setattr(world.slack, "post", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            world.look()
    for hours in (1, 2, 20):
        world.look(hours)
    assert AppStatus.DELETING not in world.statuses().values()
    assert len(world.look(1)) == 1


def test_hour_begins_when_a_warning_has_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Reminding(after=NEVER, stop_after=parse(f"{DOMAIN}=1"))
    post = world.slack.post

    def slowly(*given: Any) -> Any:
        world.clock.advance(1200)  # a long queue
        return post(*given)

    monkeypatch.setattr(world.slack, "post", slowly)
    world.look()
    world.look(0.75)
    assert AppStatus.DELETING not in world.statuses().values()
    world.look(0.25)
    assert AppStatus.DELETING in world.statuses().values()


def test_rule_does_not_stop_what_was_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Reminding(after=NEVER, stop_after=parse(f"{DOMAIN}=1"))
    world.look()
    read = world.store.read

    def read_while_apps_start_again(member: Any) -> Reminded:
        world.apps.apps[DOMAIN] = [replace(app, since=world.clock.now()) for app in world.apps.apps[DOMAIN]]
        return read(member)

    monkeypatch.setattr(world.store, "read", read_while_apps_start_again)
    world.look(1)
    assert AppStatus.DELETING not in world.statuses().values()
    assert {entry.outcome for entry in world.audit.entries.values()} == {"app_gone"}


def test_nothing_is_stopped_by_rule_without_a_record() -> None:
    world = Reminding(after=NEVER, stop_after=parse(f"{DOMAIN}=1"))
    world.look()
    world.audit.open_error = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)
    world.look(1)
    assert AppStatus.DELETING not in world.statuses().values()


FAILURES = [SlackError("it failed: try again", reason=Reason.SLACK_UNREACHABLE), ValueError("a defect")]


@pytest.mark.parametrize("error", FAILURES, ids=["of Slack", "of ours"])
def test_failure_for_one_member_leaves_the_others(error: Exception) -> None:
    world = Reminding(after=parse("1"))
    world.clock.advance(7200)
    world.access.give(BEN, a_mapping(profile="ben"))
    del world.directory.people[ANA.user_id]
    person = world.slack.person

    def failing(member: Any) -> Any:
        if member == ANA:
            raise error
        return person(member)

    reminders = replace(world.reminders, person=failing)
    reminders.look(TEAM)
    assert [place for place, _ in world.slack.posts] == [BEN.user_id]


def test_domain_that_cannot_be_read_reminds_nobody_of_it() -> None:
    world = Reminding()
    world.apps.error = StudioError("it throttles us: try again", reason=Reason.AWS_THROTTLED)
    assert world.look() == []


# Keeping


@pytest.mark.parametrize(("action", "days"), [(views.KEEP_TONIGHT, 1), (views.KEEP_WEEK, 7)])
def test_kept_app_is_not_named_until_then(action: str, days: int) -> None:
    world = Reminding(after=parse("d-research/ml.g5=2"))
    assert len(world.look()) == 1
    world.press(action, "default JupyterLab default ana-lab")
    assert WORDS.kept.split("{", maxsplit=1)[0] in world.answer()
    assert [message for _ in range(days - 1) for message in world.look(24)] == []
    assert len(world.look(24)) == 1
    assert world.outcomes() == [("keep", "done")]
    assert world.counted() == {"reminded": 2, "kept": 1}


def test_kept_app_is_not_stopped_and_warned_of_again() -> None:
    world = Reminding(after=NEVER, stop_after=parse(f"{DOMAIN}/ml.g5=11"))
    world.look()
    world.press(views.KEEP_WEEK, "default JupyterLab default ana-lab")
    assert [message for _ in range(6) for message in world.look(24)] == []
    assert AppStatus.DELETING not in world.statuses().values()
    assert len(world.look(24)) == 1
    world.look(1)
    assert world.statuses()[LAB] is AppStatus.DELETING


@pytest.mark.parametrize("value", ["default JupyterLab default ben-lab", "default JupyterLab default team"])
def test_app_of_somebody_else_is_not_kept(value: str) -> None:
    world = Reminding()
    world.press(views.KEEP_WEEK, value)
    assert world.outcomes() == [("keep", "app_not_yours")]
    assert world.store.told == {}


def test_press_that_meets_another_change_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Reminding()
    monkeypatch.setattr(world.store, "write", lambda *_: False)
    world.press(views.KEEP_WEEK, "default JupyterLab default ana-lab")
    assert world.outcomes() == [("keep", "store_throttled")]


def test_keep_button_is_stale_where_this_part_is_off() -> None:
    world = Reminding()
    world.app.reminders = None
    world.press(views.KEEP_WEEK, "default JupyterLab default ana-lab")
    assert world.counted() == {"stale_button": 1}


@pytest.mark.parametrize("language", CATALOGUES)
def test_longest_reminder_is_valid(language: str) -> None:
    name = AppName("RStudioServerPro", "n" * 63, "s" * 63)
    each = Running(a_mapping("a" * 32, "p" * 63), an_app(name, "p" * 63, "ml." + "x" * 30), 12345.678)
    planned = Plan(tuple((each, NOON) for _ in range(40)))
    assert check_message(views.reminder(planned, PRICES, RenderContext(CATALOGUES[language]), NOON).payload()) == []


def test_space_alone_is_no_app_to_name() -> None:
    world = Reminding()
    world.apps.apps.clear()
    world.apps.add(DOMAIN, Space("ana-new", "ana", shared=False, app_type="JupyterLab"))
    assert world.look() == []


# The weekly summary


def weekly(world: Reminding) -> list[Usage]:
    """Let the summaries be collected."""
    sent: list[Usage] = []
    summary = WeeklySummary(world.store, sent.append)
    world.reminders = replace(world.reminders, summary=summary)
    return sent


def test_summary_has_the_hours_and_dollars_of_a_week() -> None:
    world = Reminding(after=NEVER)  # 2030-01-01 is a Tuesday
    sent = weekly(world)
    for _ in range(5 * 24):
        world.look(1)
    assert sent == []
    for _ in range(24):
        world.look(1)
    [usage] = sent
    used, hours = usage.domains[DOMAIN], 139  # from 13:00 on Tuesday to 08:00 on Monday
    assert used.hours == pytest.approx(4 * hours)
    assert used.dollars == pytest.approx(hours * (3 * 0.05 + 1.408))
    for _ in range(24):
        world.look(1)
    assert len(sent) == 1


def test_first_count_counts_nothing_that_ran_before() -> None:
    world = Reminding(after=NEVER)
    weekly(world)
    world.look()
    assert {used.hours for used in world.store.usage(TEAM).domains.values()} == {0}


def test_hours_without_a_price_are_told_apart() -> None:
    seen = Usage(NOON, NOON - 2 * HOUR)
    unpriced = replace(running(10), hourly=None)
    assert count(seen, [unpriced, running(1)], NOON).domains == {DOMAIN: Used(3.0, 0.05, 2.0)}


def test_summary_that_slack_refuses_is_sent_with_the_next_look() -> None:
    world = Reminding(after=NEVER)
    sent = weekly(world)

    def refuse(_usage: Usage) -> None:
        raise SlackError("no: invite the bot", reason=Reason.SLACK_REFUSED, code="not_in_channel")

    accepting = world.reminders
    world.reminders = replace(world.reminders, summary=WeeklySummary(world.store, refuse))
    world.look()
    for _ in range(7):
        world.look(24)
    world.reminders = accepting
    world.look(1)
    [usage] = sent
    assert usage.domains[DOMAIN].hours > 100


def test_one_of_two_replicas_sends_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Reminding(after=NEVER)
    sent = weekly(world)
    world.look()
    world.clock.advance(7 * 24 * 3600)
    stale = world.store.usage(TEAM)
    world.look()
    monkeypatch.setattr(world.store, "usage", lambda _tenant: stale)
    world.look(1)
    assert len(sent) == 1


@pytest.mark.parametrize("language", CATALOGUES)
def test_longest_summary_is_valid(language: str) -> None:
    usage = Usage(NOON, NOON, {f"d-{n:061}": Used(1e6, 1e6, 1e6) for n in range(200)})
    message = views.summary(usage, PRICES, RenderContext(CATALOGUES[language]))
    assert check_message(message.payload()) == []


def test_summary_goes_to_the_audit_channel() -> None:
    world = Reminding()
    world.app.audit_channel = "C0AUDIT0001"
    summarise(world.app, Usage(NOON, NOON, {DOMAIN: Used(12, 17, 3)}))
    [(place, message)] = world.slack.posts
    assert place == "C0AUDIT0001"
    assert "12 hours, about $17.00 (3 hours of it without a known price)" in str(message.blocks)
