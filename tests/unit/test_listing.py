"""Lists that answer questions: what each member may do now, and whom an option leaves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand, ParseError, build
from bot.admin.listing import Listed, Listing, describe_access
from bot.admin.specs import Name, Verb
from bot.core.access import Effect, Grant, Lockdown, Member, Person
from bot.core.audit import ISSUED
from bot.core.errors import SlackError, StudioError
from bot.core.link import Reason
from bot.core.policy import Rules
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, NOON, TEAM, FakeAccess, FakeDirectory, a_grant, a_mapping, an_entry

TEAM_GROUP, OTHER = "S0TEAM", "S0OTHER"


def day(number: int) -> Any:
    return NOON + timedelta(days=number)


class Examiner:
    """SageMaker, which knows no profile that is called "gone"."""

    def examine(self, mapping: Any) -> Any:
        if mapping.profile_name == "gone":
            raise StudioError("no such profile", reason=Reason.PROFILE_MISSING)
        return mapping


class World:
    """Members who differ in what they may do."""

    def __init__(self) -> None:
        self.access, self.directory = FakeAccess(), FakeDirectory()
        self.directory.groups = {TEAM_GROUP: frozenset({"U0GROUPED", "U0LONG"})}
        self.people: dict[str, Person] = {}
        admin = Admin(self.access, self.access.audit, Examiner(), Rules(), now=lambda: NOON)
        self.listing = Listing(admin, self.directory, self.names)
        self.give("U0ENDS", a_mapping(), until=day(10))
        self.give("U0LONG", a_mapping(), until=day(10))
        self.give("U0GROUPED", a_mapping())
        self.give("U0NORULE", a_mapping(domain="d-other"))
        self.give("U0ENDED", a_mapping(), until=day(-1))
        self.give("U0RULE", until=day(90))
        self.give("U0BLOCKED", a_mapping(profile="gone"), until=day(90))
        self.access.give(Member(TEAM, "U0BLOCKED"), Grant("U0BLOCKED", Effect.DENY))
        self.access.give_group(TEAM, Grant(TEAM_GROUP, Effect.ALLOW, day(30)))

    def give(self, user: str, *records: Any, until: Any = None) -> None:
        rules = [Grant(user, Effect.ALLOW, until)] if until else []
        self.access.give(Member(TEAM, user), *records, *rules)

    def names(self, _tenant: str, users: Sequence[str]) -> dict[str, Person]:
        return {user: self.people[user] for user in users if user in self.people}

    def list(self, **given: str) -> dict[str, Listed]:
        found, _, goes_on = self.listing.read(TEAM, command(**given))
        assert goes_on == ""
        return {row.principal: row for row in found}


def command(**given: str) -> AdminCommand:
    return build(Verb.LIST, {Name(name.replace("_", "-")): text for name, text in given.items()}, NOON)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("U0ENDS", "can open Studio until 2030-01-11 (own rule)"),
        ("U0LONG", "can open Studio until 2030-01-31 (through S0TEAM)"),
        ("U0GROUPED", "can open Studio until 2030-01-31 (through S0TEAM)"),
        ("U0NORULE", "has no rule that allows it"),
        ("U0ENDED", "had access; it has ended"),
        ("U0RULE", "has nothing to open"),
        ("U0BLOCKED", "is blocked"),
        ("U0GUEST", "is a guest"),
        ("U0LEFT", "is no full, active member"),
    ],
)
def test_access_is_what_counts_in_the_end(world: World, user: str, shown: str) -> None:
    for odd in ("U0GUEST", "U0LEFT"):
        world.give(odd, a_mapping(), until=day(10))
    world.people = {
        "U0GUEST": Person("U0GUEST", TEAM, guest=True),
        "U0LEFT": Person("U0LEFT", TEAM, ineligible_reason="deactivated"),
    }
    row = world.list()[user]
    words = CATALOGUES["en"].admin.access
    assert describe_access(row, words, when=lambda at: f"{at:%Y-%m-%d}", who=str) == shown
    assert row.allowed is ("can open" in shown)


@pytest.mark.parametrize(
    ("given", "users"),
    [
        ({}, {"S0TEAM", "U0ENDS", "U0LONG", "U0GROUPED", "U0NORULE", "U0ENDED", "U0RULE", "U0BLOCKED"}),
        ({"domain": "d-other"}, {"U0NORULE"}),
        ({"group": TEAM_GROUP}, {"U0LONG", "U0GROUPED"}),
        ({"expiring": "14d"}, {"U0ENDS"}),
        ({"expiring": "30d"}, {"U0ENDS", "U0LONG", "U0GROUPED"}),
        ({"denied": "yes"}, {"U0BLOCKED"}),
        ({"no_rule": "yes"}, {"U0NORULE", "U0ENDED"}),
        ({"broken": "yes"}, {"U0BLOCKED"}),
        ({"unused": "60d"}, {"U0LONG", "U0GROUPED", "U0NORULE", "U0ENDED", "U0BLOCKED"}),
        ({"search": "end"}, {"U0ENDS", "U0ENDED"}),
        ({"search": "LIMA"}, {"U0RULE"}),
        ({"search": "rule", "no_rule": "yes"}, {"U0NORULE"}),
        ({"search": "nobody"}, set()),
    ],
)
def test_options_leave_those_whom_they_fit(world: World, given: dict[str, str], users: set[str]) -> None:
    world.people = {"U0RULE": Person("U0RULE", TEAM, name="Ana Lima", email="ana@example.com")}
    for user, age in (("U0ENDS", 59), ("U0LONG", 61)):
        entry = an_entry(user, Member(TEAM, user), at=day(-age), outcome=ISSUED)
        world.access.audit.entries[user] = entry
    assert world.list(**given).keys() == users


def test_unconfirmed_group_allows_nobody_in_a_list(world: World) -> None:
    world.directory.error = SlackError("it fails", reason=Reason.SLACK_UNREACHABLE)
    assert world.list()["U0GROUPED"].reason is Reason.GROUP_UNCONFIRMED
    with pytest.raises(SlackError):
        world.list(group=TEAM_GROUP)


def test_group_cannot_be_listed_without_slack(world: World) -> None:
    world.listing = replace(world.listing, groups=None)
    assert world.list()["U0GROUPED"].reason is Reason.GROUP_UNCONFIRMED
    with pytest.raises(SlackError, match="SLACK_BOT_TOKEN"):
        world.list(group=TEAM_GROUP)


def test_lockdown_hides_no_access(world: World) -> None:
    world.access.workspaces[TEAM] = replace(world.access.workspaces[TEAM], lockdown=Lockdown("incident"))
    assert world.list()["U0ENDS"].allowed


def test_members_come_by_name_and_those_without_last(world: World) -> None:
    world.people = {
        user: Person(user, TEAM, name=name)
        for user, name in {"U0RULE": "Ana", "U0ENDS": "ben", "U0LONG": "Cy"}.items()
    }
    found = sorted(world.list().values(), key=lambda row: row.order)
    assert [row.principal for row in found][:5] == ["S0TEAM", "U0RULE", "U0ENDS", "U0LONG", "U0BLOCKED"]


def test_chunks_have_everybody_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = world.list()
    monkeypatch.setattr("bot.admin.listing.CHUNK", 3)
    found, after, looked_at = [], "", 0
    while True:
        rows, number, after = world.listing.read(TEAM, command(), after)
        found += [row.principal for row in rows]
        looked_at += number
        if not after:
            break
    assert sorted(found) == sorted(everybody)
    assert looked_at == len(found)


@pytest.mark.parametrize("given", [{"expiring": "soon"}, {"domain": "D"}, {"group": "U0ANA"}, {"search": "x" * 81}])
def test_option_that_makes_no_sense_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ParseError):
        command(**given)


def test_own_rule_without_an_end_lasts_longest(world: World) -> None:
    world.access.give(ANA, a_mapping(), a_grant())
    world.directory.groups[TEAM_GROUP] |= {ANA.user_id}
    row = world.list()[ANA.user_id]
    assert row.rule is not None
    assert (row.rule.principal, row.rule.until) == (ANA.user_id, None)
