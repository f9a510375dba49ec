"""A member's own status, and its view."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.core import policy
from bot.core.access import Effect, Grant, Lockdown, Mapping, Member, Person, Workspace
from bot.core.errors import SlackError, StoreError, UpstreamError
from bot.core.link import Allowed, Reason
from bot.core.records import Entry
from bot.core.values import is_group
from bot.links.status import GATHER_TIMEOUT, LAST_LINKS, LOOK_BACK, MAX_READ, GetStatus, MemberStatus
from bot.slack.blocks import RenderContext, slack_date, slack_time
from bot.slack.client import API_TIMEOUT
from bot.slack.gateway import MAX_WAIT
from bot.slack.members import status_views
from bot.slack.response_url import TIMEOUT as REPLY_TIMEOUT
from bot.slack.words import CATALOGUES, Words
from tests.fakes import (
    ANA,
    BEN,
    NOON,
    TEAM,
    AtOnce,
    FakeAccess,
    FakeAudit,
    FakeDirectory,
    NeverReady,
    a_gatherer,
    a_grant,
    a_mapping,
    an_entry,
)

FULL_MEMBER = Person(ANA.user_id, TEAM)
GUEST = replace(FULL_MEMBER, guest=True)
SECOND = timedelta(seconds=1)
ALLOW, DENY = a_grant(), a_grant(effect=Effect.DENY)
SEVERAL = (a_mapping("one"), a_mapping("two", "b"))
IN_ALLOWED, IN_DENIED = Grant("S0INSIDE01", Effect.ALLOW), Grant("S0INSIDE01", Effect.DENY)
UNKNOWN = Grant("S0UNKNOWN1", Effect.DENY)


@dataclass
class World:
    """The use case's collaborators; Ana is a full member with nothing stored."""

    audit: FakeAudit = field(default_factory=FakeAudit)
    access: FakeAccess = field(default_factory=FakeAccess)
    directory: FakeDirectory = field(default_factory=lambda: FakeDirectory(FULL_MEMBER))
    side: Executor = field(default_factory=AtOnce)
    rules: policy.Rules = field(default_factory=policy.Rules)

    def of(self, member: Member = ANA) -> MemberStatus:
        return self.use_case().of(member)

    def use_case(self) -> GetStatus:
        facts = a_gatherer(self.access, self.directory, self.side)
        return GetStatus(facts, self.audit, self.rules, now=lambda: NOON)

    def record(self, number: int, member: Member = ANA, **more: Any) -> Entry:
        entry = an_entry(f"{member.user_id}-{number}", member, **{"at": NOON - number * SECOND, **more})
        self.audit.open(entry)
        return entry


@pytest.fixture
def world() -> World:
    return World()


DECISIONS: dict[str, tuple[tuple[Mapping | Grant, ...], dict[str, Any], Reason | None]] = {
    "allowed": ((a_mapping(), ALLOW), {}, None),
    "allowed, with several": ((*SEVERAL, ALLOW), {}, None),
    "allowed for a while": ((a_mapping(), a_grant(until=NOON + SECOND)), {}, None),
    "an expired deny rule": ((a_mapping(), ALLOW, replace(DENY, until=NOON)), {}, None),
    "a guest where guests get links": (
        (a_mapping(), ALLOW),
        {"person": GUEST, "rules": policy.Rules(allow_guests=True)},
        None,
    ),
    "nothing": ((), {}, Reason.NOT_MAPPED),
    "no mapping": ((ALLOW,), {}, Reason.NOT_MAPPED),
    "no rule": ((a_mapping(),), {}, Reason.NOT_ALLOWED),
    "no rule, with several": (SEVERAL, {}, Reason.NOT_ALLOWED),
    "ended": ((a_mapping(), a_grant(until=NOON)), {}, Reason.GRANT_EXPIRED),
    "denied": ((a_mapping(), ALLOW, DENY), {}, Reason.DENIED),
    "denied without a mapping": ((DENY,), {}, Reason.DENIED),
    "unreadable": ((a_mapping(), ALLOW), {"unreadable": ("grant#deny",)}, Reason.STORE_UNREADABLE),
    "guest": ((a_mapping(), ALLOW), {"person": GUEST}, Reason.GUEST),
    "a lockdown": ((a_mapping(), ALLOW), {"lockdown": Lockdown("a leak")}, Reason.LOCKDOWN),
    "through a group": ((a_mapping(), IN_ALLOWED), {}, None),
    "denied by a group": ((a_mapping(), ALLOW, IN_DENIED), {}, Reason.DENIED),
    "an unknown group": ((a_mapping(), ALLOW, UNKNOWN), {}, Reason.GROUP_UNCONFIRMED),
    "deactivated": (
        (a_mapping(), ALLOW),
        {"person": replace(FULL_MEMBER, ineligible_reason="deactivated")},
        Reason.NOT_A_MEMBER,
    ),
    "unknown": ((a_mapping(), ALLOW), {"person": None}, Reason.NOT_A_MEMBER),
}


def arrange(
    world: World,
    records: tuple[Mapping | Grant, ...],
    *,
    person: Person | None = FULL_MEMBER,
    rules: policy.Rules | None = None,
    unreadable: tuple[str, ...] = (),
    lockdown: Lockdown | None = None,
) -> None:
    of_groups = tuple(record for record in records if isinstance(record, Grant) and is_group(record.principal))
    world.access.give(ANA, *(record for record in records if record not in of_groups))
    world.access.workspaces[TEAM] = Workspace(lockdown, of_groups)
    world.directory.groups["S0INSIDE01"] = frozenset({ANA.user_id})
    world.access.unreadable[ANA] = unreadable
    world.rules = rules or world.rules
    world.directory.people = {ANA.user_id: person} if person else {}


every_decision = pytest.mark.parametrize(("records", "more", "reason"), DECISIONS.values(), ids=DECISIONS)


@every_decision
def test_decision_equals_that_of_the_next_request(
    world: World, records: tuple[Mapping | Grant, ...], more: dict[str, Any], reason: Reason | None
) -> None:
    arrange(world, records, **more)
    status = world.of()
    found = status.decision
    assert (None if isinstance(found, Allowed) else found.reason) is reason
    assert status.facts.access == world.access.read(ANA)
    assert status.facts.person == world.directory.person(ANA)
    assert status.member == ANA


def test_table_covers_every_permanent_refusal() -> None:
    asked_for = {Reason.UNKNOWN_ALIAS, Reason.CHOOSE, Reason.TOO_MANY}  # they depend on the request
    assert {reason for _, _, reason in DECISIONS.values() if reason} | asked_for == {
        Reason.NOT_A_MEMBER,
        Reason.GUEST,
        Reason.LOCKDOWN,
        Reason.GROUP_UNCONFIRMED,
        Reason.STORE_UNREADABLE,
        Reason.DENIED,
        Reason.NOT_MAPPED,
        Reason.NOT_ALLOWED,
        Reason.GRANT_EXPIRED,
        *asked_for,
    }


@pytest.mark.parametrize(
    ("records", "allow", "now"),
    [
        ((a_mapping(), IN_ALLOWED), IN_ALLOWED, True),
        ((a_mapping(), ALLOW, IN_ALLOWED), ALLOW, True),
        ((a_mapping(), a_grant(until=NOON), IN_ALLOWED), IN_ALLOWED, True),
        ((a_mapping(),), None, False),
        ((a_mapping(), ALLOW), ALLOW, True),
        ((a_mapping(), ALLOW, DENY), ALLOW, True),
        ((ALLOW,), ALLOW, True),
        ((a_mapping(), a_grant(until=NOON + SECOND)), a_grant(until=NOON + SECOND), True),
        ((a_mapping(), a_grant(until=NOON)), a_grant(until=NOON), False),
        ((a_mapping(), DENY), None, False),
    ],
    ids=[
        "a group's",
        "own before a group's",
        "a group's after own",
        "none",
        "permanent",
        "with a deny rule",
        "without a mapping",
        "for a second",
        "ended",
        "only a deny rule",
    ],
)
def test_allow_rule_is_shown_with_its_state(
    world: World, records: tuple[Mapping | Grant, ...], allow: Grant | None, *, now: bool
) -> None:
    arrange(world, records)
    status = world.of()
    assert (status.allow, status.allowed_now) == (allow, now)


def test_rules_of_other_members_do_not_count(world: World) -> None:
    world.access.give(BEN, a_mapping("bens", "ben"), a_grant(BEN))
    status = world.of()
    assert (status.allow, status.facts.access.mappings) == (None, ())


# The last links


def test_last_five_links_are_listed_newest_first(world: World) -> None:
    entries = [world.record(number) for number in range(7)]
    assert LAST_LINKS == 5
    assert world.of().links == tuple(entries[:5])


@pytest.mark.parametrize("count", range(LAST_LINKS))
def test_fewer_links_are_all_listed(world: World, count: int) -> None:
    entries = [world.record(number) for number in range(count)]
    assert world.of().links == tuple(entries)


def test_links_of_others_and_other_actions_are_not_listed(world: World) -> None:
    world.record(1, BEN)
    world.record(2, Member("T0OTHER001", ANA.user_id))
    for number, action in enumerate(("map", "allow", "unmap"), 3):
        world.record(number, action=action, outcome="done")
    own = world.record(9)
    assert world.of().links == (own,)


def test_other_actions_do_not_displace_links(world: World) -> None:
    for number in range(20):
        world.record(number, action="allow", outcome="done")
    entries = [world.record(number) for number in range(100, 105)]
    assert world.of().links == tuple(entries)


@pytest.mark.parametrize(
    ("age", "shown"), [(LOOK_BACK - SECOND, True), (LOOK_BACK, True), (LOOK_BACK + SECOND, False)]
)
def test_link_search_is_bounded_in_time(world: World, age: timedelta, *, shown: bool) -> None:
    entry = world.record(1, at=NOON - age)
    assert world.of().links == ((entry,) if shown else ())
    assert timedelta(days=7) <= LOOK_BACK <= timedelta(days=90)


def test_only_listed_entries_are_read(world: World) -> None:
    read: list[Entry] = []
    entries = [an_entry(f"request-{number}", at=NOON - number * SECOND) for number in range(1000)]

    class Counting(FakeAudit):
        def of_member(
            self, member: Member, since: datetime, before: datetime | None = None, *, most: int | None = None
        ) -> Iterator[Entry]:
            for entry in super().of_member(member, since, before, most=most):
                read.append(entry)
                yield entry

    world.audit = Counting()
    for entry in entries:
        world.audit.open(entry)
    assert world.of().links == tuple(entries[:5])
    assert len(read) == 5


# Failures


@pytest.mark.parametrize("reason", [Reason.STORE_UNREACHABLE, Reason.STORE_THROTTLED, Reason.STORE_REFUSED])
def test_unreadable_store_is_an_error(world: World, reason: Reason) -> None:
    world.access.error = StoreError("it failed: try again", reason=reason)
    with pytest.raises(StoreError) as failed:
        world.of()
    assert failed.value.reason is reason


@pytest.mark.parametrize("reason", [Reason.SLACK_UNREACHABLE, Reason.SLACK_REFUSED])
def test_unconfirmed_membership_is_an_error(world: World, reason: Reason) -> None:
    world.directory.error = SlackError("it failed: try again", reason=reason)
    with pytest.raises(SlackError) as failed:
        world.of()
    assert failed.value.reason is reason


def test_link_search_is_bounded_in_entries(world: World) -> None:
    """The search costs one page of the table, even with many other actions."""
    for number in range(MAX_READ):
        world.record(number, action="decide", outcome="not_an_admin")
    world.record(MAX_READ)
    assert world.of().links == ()


@pytest.mark.parametrize("late", [False, True], ids=["at once", "while reading"])
def test_unreadable_audit_leaves_the_rest_of_the_status(world: World, *, late: bool) -> None:
    class Broken(FakeAudit):
        def of_member(
            self, member: Member, since: datetime, before: datetime | None = None, *, most: int | None = None
        ) -> Iterator[Entry]:
            if late:
                yield from super().of_member(member, since, before, most=most)
            raise StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)

    world.audit = Broken()
    world.access.give(ANA, a_mapping(), ALLOW)
    world.record(1)
    status = world.of()
    assert status.links is None
    assert isinstance(status.decision, Allowed)


# Deadlines


def test_hanging_audit_ends_at_the_shared_deadline(world: World) -> None:
    world.side = side = NeverReady("_links")
    world.access.give(ANA, a_mapping(), ALLOW)
    status = world.of()
    assert status.links is None
    assert isinstance(status.decision, Allowed)
    assert side.waits == [GATHER_TIMEOUT]
    assert [future.cancelled() for future in side.futures] == [True]


@pytest.mark.parametrize(("hangs", "error"), [("read", StoreError), ("person", SlackError)])
def test_slow_facts_end_at_the_deadline(world: World, hangs: str, error: type[UpstreamError]) -> None:
    world.side = side = NeverReady(hangs)
    with pytest.raises(error) as late:
        world.of()
    assert late.value.reason is Reason.TOO_LATE
    assert side.waits == [GATHER_TIMEOUT]


def test_deadline_leaves_time_for_queue_and_reply() -> None:
    replies = REPLY_TIMEOUT + API_TIMEOUT
    assert MAX_WAIT + GATHER_TIMEOUT + replies <= 10


def test_given_person_is_not_looked_up(world: World) -> None:
    world.directory.error = SlackError("asked twice", reason=Reason.SLACK_UNREACHABLE)
    assert world.use_case().of(ANA, GUEST).facts.person == GUEST


def test_status_changes_nothing(world: World) -> None:
    world.access.give(ANA, a_mapping(), ALLOW)
    entry = world.record(1)
    world.of()
    assert world.audit.entries == {entry.id: entry}


# Views


in_each_language = pytest.mark.parametrize("words", CATALOGUES.values(), ids=CATALOGUES)


def text_of(status: MemberStatus, words: Words) -> str:
    message = status_views.who_am_i(status, RenderContext(words))
    return "\n".join(block["text"]["text"] for block in message.blocks if block["type"] == "section")


@in_each_language
@every_decision
def test_only_members_who_get_a_link_read_that_they_have_access(
    world: World,
    records: tuple[Mapping | Grant, ...],
    more: dict[str, Any],
    reason: Reason | None,
    words: Words,
) -> None:
    arrange(world, records, **more)
    shown = text_of(world.of(), words)
    allowed = [words.who_allowed, words.who_allowed_until.partition("{until}")[0]]
    mentioned = any(line.startswith(tuple(allowed)) for line in shown.splitlines())
    if reason is Reason.NOT_MAPPED:
        assert words.who_nothing in shown  # the only obstacle if they have a rule
    else:
        assert mentioned is (reason is None)


@in_each_language
def test_refusal_reason_is_shown(words: Words) -> None:
    lines = {
        "no rule": words.who_not_allowed,
        "nothing": words.who_nothing,
        "denied": words.who_denied,
        "denied without a mapping": words.who_denied,
        "guest": words.who_guest,
        "deactivated": words.who_ineligible,
        "unknown": words.who_ineligible,
        "ended": words.who_ended.format(until=slack_date(NOON)),
        "allowed for a while": f"{words.who_allowed_until.format(until=slack_date(NOON + SECOND))} {words.who_own}",
        "allowed": f"{words.who_allowed} {words.who_own}",
    }
    for name, line in lines.items():
        fresh = World()
        records, more, _ = DECISIONS[name]
        arrange(fresh, records, **more)
        assert line in text_of(fresh.of(), words).splitlines(), name


BLOCKED = {
    "en": "Your access to SageMaker Studio is blocked",
    "de": "Dein Zugriff auf SageMaker Studio ist gesperrt",
}
SWITCHED_OFF = {
    "en": "Studio links are switched off for everyone here right now",
    "de": "Studio-Links sind hier gerade für alle abgeschaltet",
}


@pytest.mark.public(26)
@in_each_language
def test_each_link_is_shown_with_time_and_outcome(world: World, words: Words) -> None:
    opened = NOON + SECOND
    outcomes: list[tuple[dict[str, Any], str]] = [
        ({"outcome": "issued", "alias": "one"}, words.link_issued),
        ({"outcome": "issued", "alias": "one", "opened_at": opened}, words.link_opened),
        ({"outcome": "undelivered", "alias": "one"}, words.link_undelivered),
        ({"outcome": "denied"}, words.link_refused.replace("{why}", BLOCKED[words.language])),
        ({"outcome": "requested"}, words.link_requested),
    ]
    entries = [world.record(number, **more) for number, (more, _) in enumerate(outcomes)]
    lines = text_of(world.of(), words).splitlines()
    assert lines[-6:] == [
        words.who_links,
        *(
            form.format(at=slack_date(entry.at), alias="one", opened=slack_time(opened))
            for entry, (_, form) in zip(entries, outcomes, strict=True)
        ),
    ]


@pytest.mark.public(26)
@in_each_language
def test_refusals_and_choices_are_shown_with_their_reason(world: World, words: Words) -> None:
    forms = {
        "lockdown": words.link_refused.replace("{why}", SWITCHED_OFF[words.language]),
        "of_another_version": words.link_refused_only,
        "unknown_alias": words.link_refused.replace("{why}", words.no_such_alias.format(text="prd").rstrip(".")),
        "choose": words.link_asked,
    }
    entries = {outcome: world.record(number, outcome=outcome, alias="prd") for number, outcome in enumerate(forms)}
    lines = text_of(world.of(), words).splitlines()
    assert lines[-4:] == [form.format(at=slack_date(entries[outcome].at)) for outcome, form in forms.items()]


@in_each_language
@pytest.mark.parametrize("reason", Reason)
def test_reason_of_a_past_refusal_is_one_short_sentence(world: World, words: Words, reason: Reason) -> None:
    if reason in (Reason.CHOOSE, Reason.UNKNOWN_ALIAS):
        return
    world.record(1, outcome=reason.value)
    line = text_of(world.of(), words).splitlines()[-1]
    assert 20 < len(line.partition(" · ")[2]) < 140
    assert not any(mark in line.partition(" · ")[2] for mark in ("{", "“", "„", ". "))


@in_each_language
def test_unreadable_links_are_shown_as_unknown(world: World, words: Words) -> None:
    shown = text_of(replace(world.of(), links=None), words).splitlines()
    assert shown[-1] == words.who_links_unknown
    assert text_of(world.of(), words).splitlines()[-1] == words.who_no_links


@in_each_language
def test_choice_is_not_shown_as_a_refusal(world: World, words: Words) -> None:
    entry = world.record(1, outcome="choose")
    assert words.link_refused.format(at=slack_date(entry.at), why="") not in text_of(world.of(), words)
