"""What one member can use up in a minute: answers, calls of Slack and DynamoDB, audit entries, and room of others."""

from collections.abc import Callable, Sized
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.access import Effect, Grant, Member, Person, Workspace
from bot.core.policy import Rules
from bot.slack.members import views
from bot.slack.request_limit import MAX_PEOPLE, RequestLimit, sender_of
from bot.slack.requests.views import REASON
from tests.fakes import ANA, BEN, NOON, TEAM, FakeDirectory, a_grant, a_mapping
from tests.fakes_app import ADA, AppWorld, HeldJobs

LIMIT = 10
MINUTE = timedelta(minutes=1)
GUEST = Member(TEAM, "U0GUEST001")
ANAS, ADAS = sender_of(ANA), sender_of(ADA)


class Counting(FakeDirectory):
    """Count the calls of Slack."""

    calls = 0

    def person(self, member: Member) -> Person:
        self.calls += 1
        return super().person(member)

    def group_members(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str]:
        self.calls += 1
        return super().group_members(tenant, group, even_disabled=even_disabled)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> AppWorld:
    monkeypatch.setattr("tests.fakes_app.FakeDirectory", Counting)
    world = AppWorld()
    world.app.limit = RequestLimit(LIMIT, {ADA.user_id})
    world.directory.people[GUEST.user_id] = Person(GUEST.user_id, TEAM, guest=True)
    return world


def calls(world: AppWorld) -> int:
    """Return the calls of Slack and what the audit holds."""
    sent: tuple[Sized, ...] = (
        world.slack.replies,
        world.slack.dialogs,
        world.slack.forms,
        world.slack.posts,
        world.slack.homes,
    )
    assert isinstance(world.directory, Counting)
    return world.directory.calls + sum(map(len, sent)) + len(world.audit.entries)


@pytest.mark.parametrize("text", ["help", "whoami", "request", "admin", "admin list", "nonsense &", "", "admin help"])
def test_command_over_the_limit_is_answered_without_a_call(world: AppWorld, text: str) -> None:
    for _ in range(LIMIT):
        assert world.command(text, GUEST) == ""
    first = world.command(text, GUEST)
    before = calls(world)

    answers = [world.command(text, GUEST) for _ in range(20)]

    assert set(answers) == {first}
    assert "too many requests" in first
    assert "12:01" in first
    assert calls(world) == before
    assert world.counted()["too_many_requests"] == 21


def test_flood_leaves_one_audit_entry_a_minute(world: AppWorld) -> None:
    for _ in range(3):
        for _ in range(LIMIT + 10):
            world.command("help", GUEST)
        world.clock.advance(60)

    assert world.outcomes() == [("link", "too_many_requests")] * 3
    assert {entry.subject for entry in world.audit.entries.values()} == {GUEST.user_id}


def test_failing_requests_have_a_limit_a_minute(world: AppWorld) -> None:
    for _ in range(LIMIT):
        assert world.command("", BEN) == ""  # not mapped
    assert "too many requests" in world.command("", BEN)


def test_links_do_not_count_as_requests_without_one(world: AppWorld) -> None:
    world.app.signin = replace(world.app.signin, rules=Rules(links_per_minute=1000))
    for _ in range(2 * LIMIT):
        assert world.command() == ""


PRESSES: dict[str, Callable[[AppWorld], str]] = {
    "button": lambda world: world.press("anything", "x", GUEST),
    "shortcut": lambda world: world.shortcut(GUEST),
    "home": lambda world: world.open_home(GUEST),
    "form": lambda world: world.submit(views.ASK, {REASON: "please"}, member=GUEST),
}


@pytest.mark.parametrize("press", PRESSES.values(), ids=PRESSES)
def test_press_over_the_limit_costs_one_answer_a_minute(world: AppWorld, press: Callable[[AppWorld], str]) -> None:
    for _ in range(LIMIT):
        press(world)
    before = calls(world)

    for _ in range(20):
        press(world)

    assert calls(world) - before <= 2  # one answer and one entry


def test_form_over_the_limit_shows_when_to_try_again(world: AppWorld) -> None:
    for _ in range(LIMIT):
        world.submit(views.ASK, {REASON: "please"}, member=GUEST)
    shown = world.submit(views.ASK, {REASON: "please"}, member=GUEST)
    assert "update" in shown
    assert "too many requests" in shown


def test_limit_ends_with_the_minute(world: AppWorld) -> None:
    for _ in range(LIMIT + 1):
        world.command("help", GUEST)
    world.clock.advance(60)
    assert world.command("help", GUEST) == ""


def test_guest_at_20_commands_a_minute_changes_nothing(world: AppWorld) -> None:
    """Three minutes of every kind of command, while Ana gets a link each minute."""
    groups = (Grant("S0GROUP001", Effect.ALLOW), Grant("S0GROUP002", Effect.DENY))
    world.access.workspaces[TEAM] = Workspace(grants=groups)
    world.directory.groups = {group.principal: frozenset({GUEST.user_id}) for group in groups}
    world.access.give(GUEST, a_mapping(), a_grant(GUEST))
    texts = ["help", "whoami", "request", "admin", "nonsense &", "", "admin list", "help", "whoami", "request"] * 2
    for _ in range(3):
        before = calls(world)
        for text in texts:
            world.command(text, GUEST)
        assert calls(world) - before <= 6 * LIMIT
        assert world.command() == ""
        assert "https://" in str(world.slack.replies[-1][0].blocks)
        world.clock.advance(60)
    assert set(world.directory.groups_asked) <= {"S0GROUP002"}  # for Ana, who has her own allow rule
    assert len(world.directory.groups_asked) == 3


def test_outsiders_flood_leaves_one_entry_a_minute(world: AppWorld) -> None:
    for _ in range(LIMIT + 20):
        world.command("help", team_id="T0OTHER001", user_id="U0OUTSIDE1")
    outcomes = [outcome for _, outcome in world.outcomes()]
    assert outcomes.count("foreign") == LIMIT
    assert outcomes.count("too_many_requests") == 1


def test_outsider_with_an_administrators_id_uses_up_nothing(world: AppWorld) -> None:
    for _ in range(20 * LIMIT):
        world.command("help", ADA, team_id="T0OTHER001")
    assert world.command("help", ADA) == ""


# Administrators


def test_administrator_is_answered_while_the_queue_is_full(world: AppWorld) -> None:
    administrators = HeldJobs()
    world.app.admin_workers = administrators
    world.workers.capacity = 0

    refused = world.command("help")
    accepted = [world.command("admin list", ADA), world.press("confirm", "x", ADA), world.command("help", ADA)]
    before = len(world.slack.replies)
    administrators.run()

    assert "Many people" in refused
    assert accepted == ["", "", ""]
    assert len(world.slack.replies) >= before + 2


def test_found_administrator_has_a_place_of_their_own(world: AppWorld) -> None:
    world.access.give(BEN, a_grant(BEN, effect=Effect.ADMIN))
    assert not world.app.limit.is_administrator(sender_of(BEN))
    world.command("admin list", BEN)
    assert world.app.limit.is_administrator(sender_of(BEN))
    world.command("admin list", ANA)
    assert not world.app.limit.is_administrator(ANAS)


def test_administrators_limit_is_ten_times_as_high() -> None:
    limit = RequestLimit(LIMIT, {ADA.user_id})
    assert [limit.excess(ADAS, NOON) for _ in range(10 * LIMIT + 1)][-2:] == [0, 1]


# The counter


def test_limit_counts_each_person_and_minute_alone() -> None:
    limit = RequestLimit(1)
    assert [limit.excess(ANAS, NOON), limit.excess(ANAS, NOON), limit.excess(ADAS, NOON)] == [0, 1, 0]
    assert limit.excess((("T0OTHER001"), ANA.user_id), NOON) == 0
    assert limit.excess(ANAS, NOON + MINUTE) == 0


def test_forgiven_request_is_not_counted_below_zero() -> None:
    limit = RequestLimit(1)
    limit.excess(ANAS, NOON)
    for _ in range(3):
        limit.forgive(ANAS, NOON)
    limit.forgive(ANAS, NOON - MINUTE)
    assert [limit.excess(ANAS, NOON), limit.excess(ANAS, NOON)] == [0, 1]


def test_limit_remembers_a_bounded_number_of_people() -> None:
    limit = RequestLimit(1)
    for number in range(MAX_PEOPLE + 100):
        limit.excess((TEAM, f"U{number}"), NOON)
        limit.note_administrator((TEAM, f"U{number}"))
    assert len(limit._counts) == len(limit._found) == MAX_PEOPLE
