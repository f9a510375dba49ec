"""Messages about the end of access: to whom, when, and only once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.admin.ending import LOOK_EVERY, MAX_A_LOOK, EndNotices, ending
from bot.admin.listing import Around, Listing
from bot.core.access import Access, Effect, Grant, Lockdown, Member, Person, Workspace
from bot.core.errors import SlackError, StoreError
from bot.core.link import Reason
from bot.core.policy import Rules
from bot.core.reminders import EndNotice
from bot.local.slack.blocks import check_message
from bot.slack.blocks import RenderContext
from bot.slack.members.ending import end_notice, tell_end
from bot.slack.members.views import ASK, WITHDRAW
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping
from tests.fakes_access_requests import an_access_request
from tests.fakes_app import AppWorld
from tests.fakes_reminders import FakeReminders, look_twice_at_once

HOUR = timedelta(hours=1)
LONG_AGO = NOON - timedelta(days=90)
WORDS = CATALOGUES["en"]
GROUP = "S0SCIENCE1"
SILENT = SlackError("Slack could not be reached: try again", reason=Reason.SLACK_UNREACHABLE, code="URLError")


def rule(hours: float | None, *, given: datetime | None = LONG_AGO, effect: Effect = Effect.ALLOW) -> Grant:
    """Return Ana's rule that ends so many hours from noon."""
    return a_grant(effect=effect, until=None if hours is None else NOON + hours * HOUR, set_at=given)


def around(*groups: Grant, ana_is_in: bool | None = True, lockdown: Lockdown | None = None) -> Around:
    users = frozenset({ANA.user_id} if ana_is_in else ())
    known = {} if ana_is_in is None else dict.fromkeys(groups, users)
    return Around(Workspace(lockdown, groups), Rules(), known)


def group(hours: float | None = None, effect: Effect = Effect.ALLOW) -> Grant:
    return Grant(GROUP, effect, None if hours is None else NOON + hours * HOUR)


# Rules

ALONE = around()
MAPPED = (a_mapping(),)
ENDINGS: dict[str, tuple[tuple[Grant, ...], Around, str]] = {
    "no rule": ((), ALONE, ""),
    "no end": ((rule(None),), ALONE, ""),
    "in two days": ((rule(48),), ALONE, ""),
    "in a day": ((rule(24),), ALONE, "soon"),
    "in an hour": ((rule(1),), ALONE, "soon"),
    "right now": ((rule(0),), ALONE, "over"),
    "a day ago": ((rule(-24),), ALONE, "over"),
    "longer ago, as after a downtime": ((rule(-25),), ALONE, ""),
    "given for a day": ((rule(20, given=NOON - 4 * HOUR),), ALONE, ""),
    "given for a day, and over": ((rule(-1, given=NOON - 9 * HOUR),), ALONE, "over"),
    "given at an unknown time": ((rule(20, given=None),), ALONE, "soon"),
    "denied": ((rule(20), rule(None, effect=Effect.DENY)), ALONE, ""),
    "denied until later": ((rule(20), rule(30, effect=Effect.DENY)), ALONE, ""),
    "denied until sooner": ((rule(20), rule(10, effect=Effect.DENY)), ALONE, ""),
    "denied before": ((rule(20), rule(-10, effect=Effect.DENY)), ALONE, "soon"),
    "denied, and over": ((rule(-1), rule(None, effect=Effect.DENY)), ALONE, ""),
    "administrator": ((rule(20), rule(None, effect=Effect.ADMIN)), ALONE, "soon"),
    "only the right to administer ends": ((rule(None), rule(20, effect=Effect.ADMIN)), ALONE, ""),
    "a group allows": ((rule(20),), around(group()), ""),
    "a group allowed, and over": ((rule(-1),), around(group()), ""),
    "a group allows until later": ((rule(20),), around(group(30)), ""),
    "a group allows until sooner": ((rule(20),), around(group(10)), "soon"),
    "another group allows": ((rule(20),), around(group(), ana_is_in=False), "soon"),
    "a group denies": ((rule(20),), around(group(effect=Effect.DENY)), ""),
    "it is not known who is in the group": ((rule(20),), around(group(), ana_is_in=None), ""),
    "lockdown": ((rule(20),), around(lockdown=Lockdown("incident")), ""),
}


@pytest.mark.parametrize(("grants", "among", "expected"), ENDINGS.values(), ids=ENDINGS)
def test_who_hears_of_the_end_of_access(grants: tuple[Grant, ...], among: Around, expected: str) -> None:
    found = ending(ANA, Access(MAPPED, grants), None, among, NOON)
    assert ("" if found is None else "over" if found.over else "soon") == expected
    assert found is None or found.until == grants[0].until


@pytest.mark.parametrize(
    ("own", "person"),
    [
        (Access((), (rule(20),)), None),
        (Access(MAPPED, (rule(20),), unreadable=("mapping#x",)), None),
        (Access(MAPPED, (rule(20),)), Person(ANA.user_id, TEAM, guest=True)),
        (Access(MAPPED, (rule(20),)), Person(ANA.user_id, TEAM, ineligible_reason="deactivated")),
    ],
    ids=["nothing to open", "unreadable", "guest", "deactivated"],
)
def test_member_who_could_open_nothing_hears_nothing(own: Access, person: Person | None) -> None:
    assert ending(ANA, own, person, ALONE, NOON) is None


@given(
    hours=st.floats(-100, 100),
    denied=st.none() | st.floats(-100, 100),
    grouped=st.none() | st.floats(-100, 100),
    looks=st.lists(st.floats(-200, 200), max_size=30),
)
def test_clock_may_jump_and_each_end_is_told_twice_at_most(
    hours: float, denied: float | None, grouped: float | None, looks: list[float]
) -> None:
    grants = (rule(hours), *(() if denied is None else (rule(denied, effect=Effect.DENY),)))
    among = around() if grouped is None else around(group(grouped))
    world, told = Ending(), list[EndNotice]()
    world.access.give(ANA, *grants)
    world.access.give_group(TEAM, *among.workspace.grants)
    world.directory.groups = {GROUP: frozenset({ANA.user_id})}
    world.notices = replace(world.notices, tell=lambda _member, _person, notice: told.append(notice))
    world.person(tz_offset=None)
    for look in looks:
        world.clock._at = NOON + look * HOUR
        world.store._due.clear()
        world.notices.look(TEAM)
    assert len(told) <= 2
    assert sorted(told, key=lambda notice: notice.over) == told
    assert len({notice.over for notice in told}) == len(told)


# The whole of it


class Ending(AppWorld):
    """The app context with notices. Ana's access ends in 20 hours."""

    def __init__(self) -> None:
        super().__init__()
        self.access.give(ANA, rule(20))
        self.store, self.kept = FakeReminders(), dict[str, Person]()
        listing = Listing(self.app.access_requests.admin, self.directory, lambda _tenant, _users: self.kept)
        person: Callable[[Member], Person] = self.slack.person
        self.notices = EndNotices(listing, self.store, person, partial(tell_end, self.app))

    def look(self, hours: float = 0) -> list[str]:
        """Look again after so many hours; return the texts of new messages."""
        self.clock.advance(hours * 3600)
        before = len(self.slack.posts)
        self.notices.look(TEAM)
        return [message.text for _, message in self.slack.posts[before:]]

    def person(self, member: Member = ANA, **more: Any) -> None:
        self.directory.people[member.user_id] = replace(self.directory.people[member.user_id], **more)

    def many(self, number: int) -> None:
        for each in range(number):
            user = f"U0MANY{each:03}"
            self.directory.people[user] = Person(user, TEAM)
            until = NOON + timedelta(hours=21, seconds=each)
            grant = Grant(user, Effect.ALLOW, until, set_at=LONG_AGO)
            self.access.give(Member(TEAM, user), a_mapping(profile=user.lower()), grant)


def test_member_hears_a_day_before_and_at_the_end() -> None:
    world = Ending()
    [soon] = world.look()
    assert soon.startswith(WORDS.end_soon.partition("{")[0])
    assert world.slack.posts[0][0] == ANA.user_id
    assert [message for _ in range(7) for message in world.look(1)] == []  # until 19:00
    [over] = world.look(13)
    assert over.startswith(WORDS.end_over.partition("{")[0])
    assert [message for _ in range(30) for message in world.look(1)] == []
    assert world.counted() == {"end_notice": 2}


def test_message_has_a_button_that_opens_the_form() -> None:
    world = Ending()
    world.look()
    [(_, message)] = world.slack.posts
    [button] = message.blocks[-1]["elements"]
    assert (button["action_id"], button["text"]["text"]) == (ASK, WORDS.extend)
    world.press(button["action_id"], button.get("value", ""))
    assert [form["callback_id"] for form in world.slack.forms] == [ASK]


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("over", [True, False])
def test_message_is_valid(language: str, over: bool) -> None:  # noqa: FBT001 - a parameter of the test
    render = RenderContext(CATALOGUES[language], may_ask=True)
    for each in (render, replace(render, may_ask=False), replace(render, requested=an_access_request())):
        assert check_message(end_notice(EndNotice(NOON, over), each).payload()) == []


def test_open_request_takes_the_buttons_place() -> None:
    world = Ending()
    world.requests.latest[ANA] = an_access_request(at=NOON)
    world.look()
    [(_, message)] = world.slack.posts
    assert ASK not in str(message.blocks)
    assert WITHDRAW in str(message.blocks)


@pytest.mark.parametrize(("zone", "messages"), [(0, 1), (7, 1), (8, 0), (-4, 1), (-5, 0), (11, 0)])
@pytest.mark.parametrize("kept", [True, False])
def test_no_message_at_night_in_the_members_zone(zone: int, messages: int, kept: bool) -> None:  # noqa: FBT001 - as above
    world = Ending()
    world.person(tz_offset=zone * 3600)
    world.kept = dict(world.directory.people) if kept else {}
    assert len(world.look()) == messages


def test_message_that_waited_for_the_day_comes_then() -> None:
    world = Ending()
    world.person(tz_offset=11 * 3600)  # 23:00
    assert world.look() == []
    assert world.look(8) == []
    assert len(world.look(1)) == 1


def test_only_one_replica_looks() -> None:
    world = Ending()
    assert len(world.look()) == 1
    other = replace(world.notices)
    other.look(TEAM)
    world.clock.advance(LOOK_EVERY.total_seconds())
    other.look(TEAM)
    assert len(world.slack.posts) == 1


def test_two_that_look_at_once_send_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Ending()
    look_twice_at_once(world.store, "end_notices", partial(world.notices.look, TEAM), monkeypatch)
    assert len(world.slack.posts) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.access.give(ANA, rule(None)),
        lambda world: world.access.give(ANA, rule(100)),
        lambda world: world.access.give(ANA, rule(20, effect=Effect.DENY)),
        lambda world: world.access.give_group(TEAM, group(effect=Effect.DENY)),
        lambda world: world.access.give_group(TEAM, group()),
        lambda world: world.access._members.pop(ANA),
    ],
    ids=["permanent", "longer", "denied", "group denied", "group allowed", "off-boarded"],
)
def test_change_between_look_and_message_counts(
    change: Callable[["Ending"], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Ending()
    world.directory.groups = {GROUP: frozenset({ANA.user_id})}
    read = world.store.end_notices

    def read_and_change(members: Any) -> Any:
        found = read(members)
        change(world)
        return found

    monkeypatch.setattr(world.store, "end_notices", read_and_change)
    assert world.look() == []
    assert world.store.notices == {}


def test_new_end_is_news() -> None:
    world = Ending()
    assert len(world.look()) == 1
    world.access.give(ANA, rule(23))
    assert len(world.look(1)) == 1


def test_silence_of_slack_loses_no_message() -> None:
    world = Ending()
    world.many(3)
    world.slack.broken, world.slack.error = {"person"}, SILENT
    with capture_logs() as logs:
        assert world.look() == []
    assert [line["user"] for line in logs if line["event"] == "end_not_told"] == [ANA.user_id]
    world.slack.broken = set()
    assert len(world.look(1)) == 4


def test_message_that_slack_refuses_is_not_sent_again() -> None:
    world = Ending()
    world.many(1)
    world.slack.unreachable = {ANA.user_id}
    assert len(world.look()) == 1
    world.slack.unreachable = set()
    assert world.look(1) == []


def test_end_that_many_share_is_told_over_several_looks() -> None:
    world = Ending()
    world.many(MAX_A_LOOK + 10)
    assert [len(world.look(0.25)) for _ in range(3)] == [MAX_A_LOOK, 11, 0]


def test_those_at_night_hold_nobody_back() -> None:
    world = Ending()
    world.many(MAX_A_LOOK)
    world.access.give(ANA, rule(22))
    world.kept = {user: replace(person, tz_offset=11 * 3600) for user, person in world.directory.people.items()}
    del world.kept[ANA.user_id]
    world.look()
    assert [place for place, _ in world.slack.posts] == [ANA.user_id]


def test_unknown_accounts_at_night_hold_nobody_back() -> None:
    world = Ending()
    world.many(MAX_A_LOOK)
    for each in range(MAX_A_LOOK):
        world.person(Member(TEAM, f"U0MANY{each:03}"), tz_offset=11 * 3600)
    world.access.give(ANA, rule(22))
    world.kept = {ANA.user_id: world.directory.people[ANA.user_id]}
    world.look()
    assert [place for place, _ in world.slack.posts] == [ANA.user_id]


@pytest.mark.parametrize("state", [{"guest": True}, {"ineligible_reason": "deactivated"}])
def test_accounts_that_can_open_nothing_hold_nobody_back(state: dict[str, Any]) -> None:
    """As after a course whose members have all left Slack: each is looked up once for an end."""
    world = Ending()
    world.many(MAX_A_LOOK)
    for each in range(MAX_A_LOOK):
        world.person(Member(TEAM, f"U0MANY{each:03}"), **state)
    world.access.give(ANA, rule(22))
    assert world.look() == []
    assert len(world.look(0.25)) == 1
    asked = len(world.directory.people_asked)
    assert world.look(0.25) == []
    assert len(world.directory.people_asked) == asked


def test_defect_about_one_member_silences_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Ending()
    world.many(1)
    post = world.slack.post

    def fail_for_ana(place: str, message: Any) -> str:
        if place == ANA.user_id:
            raise ValueError("a defect")
        return post(place, message)

    monkeypatch.setattr(world.slack, "post", fail_for_ana)
    with capture_logs() as logs:
        assert len(world.look()) == 1
    assert [line["user"] for line in logs if line["event"] == "end_not_told"] == [ANA.user_id]


@pytest.mark.parametrize("hours", [-25, -24 * 30])
def test_no_storm_after_a_downtime(hours: float) -> None:
    world = Ending()
    world.access.give(ANA, rule(hours))
    assert world.look() == []


def test_failing_store_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Ending()

    def fail(*_: Any) -> bool:
        raise StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)

    monkeypatch.setattr(world.store, "write_end_notice", fail)
    with pytest.raises(StoreError):
        world.look()
    assert world.slack.posts == []


def test_members_whose_access_does_not_end_cost_no_lookup() -> None:
    world = Ending()
    world.access.give(ANA, rule(100))
    world.access.give(BEN, a_mapping(profile="ben"), a_grant(BEN))
    world.slack.broken = {"person"}
    assert world.look() == []
    assert world.directory.groups_asked == []
    assert world.look(100 - 24) == []
