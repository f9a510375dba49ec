"""Administration from Slack: questions, confirmations and paged listings."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand, build
from bot.admin.confirmation import (
    CONFIRMATION_TIMEOUT,
    NEXT_PAGE_TIMEOUT,
    CommandRunner,
)
from bot.admin.listing import Listed
from bot.admin.pages import ENTRIES_A_PAGE, MAX_CHECKED, MEMBERS_A_PAGE, RECORDS_A_PAGE
from bot.admin.results import Done, Explained, Forgotten, NotDone, NotDoneReason, Outcome, Page, Question
from bot.admin.specs import Name, Verb
from bot.core.access import Access, Effect, Grant, Mapping, Member, Person
from bot.core.errors import BadInput, Changed, ProfileConflict, SlackError, StoreError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.records import Actor, Entry, PendingCommand
from tests.fakes import (
    ANA,
    BEN,
    TEAM,
    Clock,
    FakeAccess,
    FakeAudit,
    FakeDirectory,
    FakeStudio,
    a_gatherer,
    a_grant,
    a_mapping,
    an_entry,
    race,
)
from tests.fakes_admin import FakePending

GROUP = "S0TEAM0001"
ADA, BEA = Member(TEAM, "U0ADA00001"), Member(TEAM, "U0BEA00001")
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)


@dataclass
class World:
    """Ada and Bea administer. Nothing is stored about Ana and Ben."""

    clock: Clock = field(default_factory=Clock)
    audit: FakeAudit = field(default_factory=FakeAudit)
    pending: FakePending = field(default_factory=FakePending)

    def __post_init__(self) -> None:
        self.access = FakeAccess(self.audit)
        self.studio = FakeStudio()
        self.studio.add("d-research", "ana", "ana-new", "ben")
        self.directory = FakeDirectory(
            *(Person(member.user_id, TEAM, locale="de-DE") for member in (ANA, BEN, ADA, BEA))
        )
        facts = a_gatherer(self.access, self.directory)
        self.admin = Admin(self.access, self.audit, self.studio, Rules(), now=self.clock.now)
        admins = frozenset({ADA.user_id, BEA.user_id})
        self.use_case = CommandRunner(self.admin, self.pending, facts, admins, now=self.clock.now)
        self._ids = count(1)

    def request_id(self) -> str:
        return f"{next(self._ids):032x}"

    def command(self, verb: Verb, who: Member | None = ANA, /, **fields: str) -> AdminCommand:
        given = {Name(name.replace("_", "-")): value for name, value in fields.items()}
        return build(verb, {**({Name.USER: who.user_id} if who else {}), **given}, self.clock.now())

    def ask(self, verb: Verb, who: Member | None = ANA, by: Member = ADA, /, **fields: str) -> Outcome | None:
        return self.use_case.ask(by, self.command(verb, who, **fields), self.request_id(), Source.COMMAND)

    def question(self, verb: Verb, who: Member = ANA, by: Member = ADA, /, **fields: str) -> Question:
        asked = self.ask(verb, who, by, **fields)
        assert isinstance(asked, Question)
        return asked

    def confirm(self, question: Question, by: Member = ADA) -> Outcome:
        return self.use_case.confirm(by, question.id, Source.BUTTON)

    def changes(self) -> list[tuple[str, str, str, Source]]:
        """Return the audit entries of changes."""
        return [(e.action, e.subject, e.actor, e.source) for e in self.audit.entries.values() if e.outcome == "done"]


@pytest.fixture
def world() -> World:
    return World()


MAP = {"domain": "d-research", "profile": "ana"}


# Commands with and without confirmation


def test_giving_access_needs_no_confirmation(world: World) -> None:
    mapped, allowed = world.ask(Verb.MAP, **MAP), world.ask(Verb.ALLOW, until="7d", reason="Falcon")

    assert isinstance(mapped, Done)
    assert isinstance(allowed, Done)
    assert mapped.change.made
    access = world.access.read(ANA)
    assert [m.set_by for m in access.mappings] == [ADA.user_id]
    assert [(g.effect, g.until) for g in access.grants] == [(Effect.ALLOW, world.clock.now() + timedelta(days=7))]
    assert world.changes() == [(verb, ANA.user_id, ADA.user_id, Source.COMMAND) for verb in ("map", "allow")]


def test_removing_access_needs_confirmation(world: World) -> None:
    mapping, allow = a_mapping(), a_grant()
    world.access.give(ANA, mapping, allow)

    questions = [
        world.question(Verb.UNMAP),
        world.question(Verb.MAP, domain="d-research", profile="ana-new"),
        world.question(Verb.DENY),
        world.question(Verb.FORGET),
        world.question(Verb.ALLOW, until="7d"),
    ]

    assert [question.affected for question in questions] == [(mapping,), (mapping,), (allow,), (allow,), (allow,)]
    assert not any(question.oneself for question in questions)
    assert world.changes() == []
    assert world.access.read(ANA) == Access((mapping,), (allow,))


def test_deny_needs_confirmation_without_any_records(world: World) -> None:
    assert world.question(Verb.DENY).affected == ()


ALLOWED_NOW = [(None, "30d", True), ("7d", "8d", False), ("7d", "6d", True), ("7d", "", False), ("-1d", "6d", False)]


@pytest.mark.parametrize(("has", "gets", "asked"), ALLOWED_NOW)
def test_shortening_a_rule_needs_confirmation(world: World, has: str | None, gets: str, *, asked: bool) -> None:
    days = None if has is None else timedelta(days=int(has[:-1]))
    world.access.give(ANA, a_grant(until=None if days is None else world.clock.now() + days))

    assert isinstance(world.ask(Verb.ALLOW, until=gets), Question) == asked


def test_repeated_command_needs_no_confirmation(world: World) -> None:
    world.ask(Verb.MAP, **MAP)
    again = world.ask(Verb.MAP, **MAP)

    assert isinstance(again, Done)
    assert not again.change.made
    assert len(world.changes()) == 1


@pytest.mark.parametrize("verb", [Verb.DENY, Verb.FORGET])
def test_question_warns_administrators_about_themselves(world: World, verb: Verb) -> None:
    world.access.give(ADA, a_grant(ADA))
    assert world.question(verb, ADA).oneself
    assert not world.question(verb, ADA, BEA).oneself


def test_removing_a_missing_record_does_nothing(world: World) -> None:
    world.access.give(BEN, a_mapping("one", "ben"), a_mapping("two", "ben"))

    for answer, verdict in (
        (world.ask(Verb.UNMAP), NotDoneReason.NO_MAPPING),
        (world.ask(Verb.UNMAP, BEN), NotDoneReason.NO_MAPPING),
        (world.ask(Verb.UNMAP, BEN, alias="three"), NotDoneReason.NO_MAPPING),
        (world.ask(Verb.FORGET), NotDoneReason.NO_RULE),
    ):
        assert isinstance(answer, NotDone)
        assert answer.reason is verdict
    assert world.question(Verb.UNMAP, BEN, alias="two").affected == (a_mapping("two", "ben"),)
    assert world.changes() == []


def test_user_group_is_allowed_denied_and_forgotten(world: World) -> None:
    command = build(Verb.ALLOW, {Name.USER: GROUP}, world.clock.now())
    assert isinstance(world.use_case.ask(ADA, command, world.request_id(), Source.COMMAND), Done)
    for verb in (Verb.DENY, Verb.FORGET):
        command = build(verb, {Name.USER: GROUP}, world.clock.now())
        asked = world.use_case.ask(ADA, command, world.request_id(), Source.COMMAND)
        assert isinstance(asked, Question)
        assert len(asked.affected) == (1 if verb is Verb.DENY else 2)
        world.confirm(asked)

    assert world.access.workspace(TEAM).grants == ()
    assert [(verb, subject) for verb, subject, _, _ in world.changes()] == [
        (verb, GROUP) for verb in ("allow", "deny", "forget")
    ]


def test_lockdown_needs_confirmation_and_its_end_does_not(world: World) -> None:
    asked = world.ask(Verb.LOCKDOWN, None, state="on", reason="incident 42")
    assert isinstance(asked, Question)
    assert world.access.workspace(TEAM).lockdown is None

    assert isinstance(world.confirm(asked), Done)
    lockdown = world.access.workspace(TEAM).lockdown
    assert lockdown is not None
    assert (lockdown.reason, lockdown.set_by) == ("incident 42", ADA.user_id)
    assert world.use_case.admit(ADA)[0], "somebody has to end it"

    ended = world.ask(Verb.LOCKDOWN, None, state="off")
    assert isinstance(ended, Done)
    assert ended.change.made
    assert world.access.workspace(TEAM).lockdown is None
    again = world.ask(Verb.LOCKDOWN, None, state="off")
    assert isinstance(again, Done)
    assert not again.change.made


def test_lockdown_is_refused_after_an_unseen_change(world: World) -> None:
    asked = world.ask(Verb.LOCKDOWN, None, state="on", reason="incident 42")
    assert isinstance(asked, Question)
    world.admin.grant(TEAM, Grant(GROUP, Effect.ALLOW), Actor("cli", Source.CLI))
    with pytest.raises(Changed):
        world.confirm(asked)
    assert world.access.workspace(TEAM).lockdown is None


# Confirmation


def test_confirmed_command_is_carried_out(world: World) -> None:
    world.access.give(ANA, a_mapping(), a_grant())

    done = [world.confirm(world.question(verb)) for verb in (Verb.UNMAP, Verb.DENY, Verb.FORGET)]

    assert [type(each) for each in done] == [Done, Done, Forgotten]
    assert world.access.read(ANA) == Access()
    assert world.changes() == [
        (verb, ANA.user_id, ADA.user_id, Source.BUTTON) for verb in ("unmap", "deny", "forget")
    ]


def test_command_is_confirmed_once(world: World) -> None:
    question = world.question(Verb.DENY)
    world.confirm(question)
    world.confirm(world.question(Verb.FORGET))

    assert world.confirm(question) == NotDone(NotDoneReason.EXPIRED)
    assert world.access.read(ANA) == Access()


def test_concurrent_confirmations_carry_out_one(world: World) -> None:
    question = world.question(Verb.DENY)
    outcomes = race(*(lambda: world.confirm(question) for _ in range(8)))
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == 1
    assert len(world.changes()) == 1


def test_only_its_administrator_confirms_or_cancels(world: World) -> None:
    question = world.question(Verb.DENY)
    assert world.confirm(question, by=BEA) == NotDone(NotDoneReason.EXPIRED)
    assert world.use_case.cancel(BEA, question.id) == NotDone(NotDoneReason.EXPIRED)
    assert isinstance(world.confirm(question), Done)


@pytest.mark.parametrize(("late", "done"), [(timedelta(seconds=-1), True), (timedelta(0), False)])
def test_confirmation_expires(world: World, late: timedelta, *, done: bool) -> None:
    question = world.question(Verb.DENY)
    world.clock.advance((CONFIRMATION_TIMEOUT + late).total_seconds())
    assert isinstance(world.confirm(question), Done) == done
    assert bool(world.changes()) == done


def test_relative_end_counts_from_the_question(world: World) -> None:
    until = world.clock.now() + timedelta(days=7)
    question = world.question(Verb.DENY, until="7d")
    world.clock.advance(60)
    world.confirm(question)
    assert world.access.read(ANA).grants[0].until == until


def test_cancelled_command_cannot_be_confirmed(world: World) -> None:
    question = world.question(Verb.DENY)
    assert world.use_case.cancel(ADA, question.id) == NotDone(NotDoneReason.CANCELLED)
    assert world.confirm(question) == NotDone(NotDoneReason.EXPIRED)
    assert world.use_case.cancel(ADA, question.id) == NotDone(NotDoneReason.EXPIRED)
    assert world.changes() == []


@pytest.mark.parametrize("verb", [Verb.UNMAP, Verb.MAP, Verb.DENY, Verb.FORGET, Verb.ALLOW])
def test_confirmation_after_a_change_is_refused(world: World, verb: Verb) -> None:
    world.admin.map(ANA, Mapping("default", "d-research", "ana"), Actor("cli", Source.CLI))
    world.admin.grant(TEAM, a_grant(), Actor("cli", Source.CLI))
    fields = {Verb.MAP: {"domain": "d-research", "profile": "ana-new"}, Verb.ALLOW: {"until": "7d"}}.get(verb, {})
    question = world.question(verb, **fields)
    world.admin.grant(TEAM, a_grant(reason="changed"), Actor("cli", Source.CLI))
    before = world.access.read(ANA)

    with pytest.raises(Changed):
        world.confirm(question)

    assert world.access.read(ANA) == before
    assert world.confirm(question) == NotDone(NotDoneReason.EXPIRED)


def test_failed_command_cannot_be_confirmed_again(world: World) -> None:
    question = world.question(Verb.DENY)
    world.access.error = BROKEN
    with pytest.raises(StoreError):
        world.confirm(question)
    world.access.error = None
    assert world.confirm(question) == NotDone(NotDoneReason.EXPIRED)


def test_pending_command_of_an_older_version_has_expired(world: World) -> None:
    for verb, fields in (("dance", {}), ("deny", {"whom": "U0ANA"}), ("deny", {}), ("list", {})):
        pending_id = world.request_id()
        world.pending.keep(PendingCommand(pending_id, ADA, verb, fields, world.clock.now() + CONFIRMATION_TIMEOUT))
        assert world.use_case.confirm(ADA, pending_id, Source.BUTTON) == NotDone(NotDoneReason.EXPIRED)
    question = world.question(Verb.DENY)
    assert world.use_case.more(ADA, question.id, world.request_id()) == NotDone(NotDoneReason.EXPIRED)
    assert world.changes() == []


def test_stored_command_of_the_shell_is_not_carried_out(world: World) -> None:
    """Somebody who can write the runtime table stores what only the shell can do, and has it confirmed in Slack."""
    stored, until = world.command(Verb.ADMIN, BEN), world.clock.now() + CONFIRMATION_TIMEOUT
    for second in (False, True):
        world.pending.keep(PendingCommand("f" * 32, ADA, stored.verb, stored.fields, until, second=second))

    assert world.use_case.confirm(ADA, "f" * 32, Source.BUTTON) == NotDone(NotDoneReason.EXPIRED)
    approved = world.use_case.decide(BEA, ADA, "f" * 32, Source.BUTTON, approve=True)

    assert isinstance(approved, NotDone)
    assert world.access.read(BEN) == Access()


# Replays and failures


def test_replay_of_a_command_does_nothing(world: World) -> None:
    command, request_id = world.command(Verb.ALLOW), world.request_id()
    assert isinstance(world.use_case.ask(ADA, command, request_id, Source.COMMAND), Done)
    world.confirm(world.question(Verb.FORGET))

    assert world.use_case.ask(ADA, command, request_id, Source.COMMAND) is None
    assert world.use_case.confirm(ADA, request_id, Source.BUTTON) == NotDone(NotDoneReason.EXPIRED)
    assert world.access.read(ANA) == Access()


def test_replayed_question_is_confirmed_once(world: World) -> None:
    command, request_id = world.command(Verb.DENY), world.request_id()
    world.use_case.ask(ADA, command, request_id, Source.COMMAND)
    assert world.use_case.ask(ADA, command, request_id, Source.COMMAND) is None
    world.use_case.confirm(ADA, request_id, Source.BUTTON)
    assert world.use_case.ask(ADA, command, request_id, Source.COMMAND) is None


def test_command_that_cannot_be_stored_is_not_done(world: World) -> None:
    world.pending.error = BROKEN
    for verb in (Verb.ALLOW, Verb.DENY):
        with pytest.raises(StoreError):
            world.ask(verb)
    assert world.changes() == []


def test_errors_of_administration_are_raised(world: World) -> None:
    world.access.give(Member("T0OTHER001", BEN.user_id), a_mapping(profile="ana"))
    with pytest.raises(ProfileConflict):  # no approval takes it from another workspace
        world.ask(Verb.MAP, **MAP)
    world.access.unreadable[ANA] = ("mapping#default",)
    with pytest.raises(BadInput):
        world.ask(Verb.MAP, **MAP)
    assert world.changes() == []


# Permission


def test_admit_reads_the_facts_each_time(world: World) -> None:
    assert world.use_case.admit(ADA) == (True, "de-DE")
    assert world.use_case.admit(ANA) == (False, "de-DE")


@pytest.mark.parametrize(
    "person",
    [
        Person(ADA.user_id, TEAM, ineligible_reason="deactivated"),
        Person(ADA.user_id, TEAM, guest=True),
        Person(ADA.user_id, "T0OTHER001"),
    ],
    ids=["deactivated", "guest", "foreign"],
)
def test_admit_refuses_administrators_without_full_membership(world: World, person: Person) -> None:
    world.directory.people[ADA.user_id] = person
    assert not world.use_case.admit(ADA)[0]


def test_admit_refuses_denied_and_unreadable_administrators(world: World) -> None:
    world.access.give(ADA, a_grant(ADA, Effect.DENY))
    world.access.unreadable[BEA] = ("grant#allow",)
    assert not world.use_case.admit(ADA)[0]
    assert not world.use_case.admit(BEA)[0]


def test_expired_deny_rule_does_not_affect_an_administrator(world: World) -> None:
    world.access.give(ADA, a_grant(ADA, Effect.DENY, until=world.clock.now()))
    assert world.use_case.admit(ADA)[0]


def test_admit_fails_if_the_facts_are_unknown(world: World) -> None:
    world.directory.error = SlackError("no: try again", reason=Reason.SLACK_UNREACHABLE)
    with pytest.raises(SlackError):
        world.use_case.admit(ADA)
    world.directory.error, world.access.error = None, BROKEN
    with pytest.raises(StoreError):
        world.use_case.admit(ADA)


# Listings


def pages(world: World, verb: Verb, who: Member | None = None, /, **fields: str) -> Iterator[Page]:
    page = world.ask(verb, who, **fields)
    while True:
        assert isinstance(page, Page)
        yield page
        if page.more is None:
            return
        page = world.use_case.more(ADA, page.more, world.request_id())


@given(st.sampled_from([0, 1, 9, 10, 11, 20, 21]))
def test_list_has_every_member_once(number: int) -> None:
    world = World()
    people = [Member(TEAM, f"U0P{each:03}") for each in range(number)]
    for person in people:
        world.access.give(person, a_grant(person))

    found = list(pages(world, Verb.LIST))

    listed = [item.principal for page in found for item in page.items if isinstance(item, Listed)]
    assert listed == [person.user_id for person in people]
    assert {page.counts[2] for page in found if page.counts} == {number}
    assert all(len(page.items) <= MEMBERS_A_PAGE for page in found)
    assert len(found) == max(1, -(-number // MEMBERS_A_PAGE))


def test_list_pages_have_groups_before_members(world: World) -> None:
    groups = [f"S0G{each:03}" for each in range(MEMBERS_A_PAGE + 1)]
    for group in groups:
        world.access.give_group(TEAM, Grant(group, Effect.ALLOW))
    world.access.give(ANA, a_grant())

    found = list(pages(world, Verb.LIST))

    named = [item.principal for page in found for item in page.items if isinstance(item, Listed)]
    assert named == [*groups, ANA.user_id]


def test_show_lists_the_rules_of_a_group(world: World) -> None:
    world.access.give_group(TEAM, Grant("S0TEAM", Effect.DENY), Grant("S0OTHER", Effect.ALLOW))

    page = world.ask(Verb.SHOW, None, user="S0TEAM")

    assert isinstance(page, Page)
    assert page.items == (Grant("S0TEAM", Effect.DENY),)


def test_show_continues_on_the_next_page(world: World) -> None:
    mappings = [a_mapping(f"alias-{number:02}") for number in range(RECORDS_A_PAGE + 3)]
    world.access.give(ANA, a_grant(), *mappings)

    first, second = pages(world, Verb.SHOW, ANA)

    assert (*first.items, *second.items) == (a_grant(), *mappings)


def written(world: World, *entries: Entry) -> None:
    for entry in entries:
        world.audit.entries[entry.id] = entry


@given(st.lists(st.integers(0, 3), max_size=40))
def test_history_pages_show_each_entry_once_newest_first(steps: list[int]) -> None:
    """Includes entries of the moment at which a page ends."""
    world, at = World(), World().clock.now() - timedelta(days=3)
    for number, step in enumerate(steps):
        at += timedelta(hours=step)
        written(world, an_entry(f"entry-{number:03}", at=at))

    for who in (ANA, None):
        found = [
            entry for page in pages(world, Verb.HISTORY, who) for entry in page.items if isinstance(entry, Entry)
        ]
        expected = [
            entry for entry in world.audit.entries.values() if entry.at >= world.clock.now() - timedelta(days=7)
        ]
        assert sorted(entry.id for entry in found) == sorted(entry.id for entry in expected)
        assert [entry.at for entry in found] == sorted((entry.at for entry in found), reverse=True)


@pytest.mark.public(30)
def test_import_fills_one_line_of_a_history_page(world: World) -> None:
    now = world.clock.now()
    imported = [replace(an_entry(f"import-{n:03}", at=now, action="import"), attempt="one") for n in range(40)]
    others = [an_entry(f"other-{n:03}", at=now - timedelta(hours=1)) for n in range(ENTRIES_A_PAGE)]
    written(world, *imported, *others)

    first, second = pages(world, Verb.HISTORY, None)
    listed = list(pages(world, Verb.HISTORY, None, by=imported[0].actor))

    assert len(first.items) == len(imported) + ENTRIES_A_PAGE - 1
    assert len(second.items) == 1
    assert all(len(page.items) <= ENTRIES_A_PAGE for page in listed)
    assert sum(len(page.items) for page in listed) == len(imported) + len(others)


def test_history_is_filtered(world: World) -> None:
    now = world.clock.now()
    written(
        world,
        an_entry("new", at=now, actor=ADA.user_id, outcome="done"),
        an_entry("old", at=now - timedelta(days=2), actor=ADA.user_id, outcome="issued"),
        an_entry("bens", BEN, at=now - timedelta(days=2), outcome="done"),
        an_entry("older", at=now - timedelta(days=20)),
    )

    def found(who: Member | None = None, /, **fields: str) -> list[str]:
        return [
            entry.id
            for page in pages(world, Verb.HISTORY, who, **fields)
            for entry in page.items
            if isinstance(entry, Entry)
        ]

    assert found() == ["new", "old", "bens"]
    assert found(ANA) == ["new", "old"]
    assert found(ANA, since="30d") == ["new", "old", "older"]
    assert found(by=ADA.user_id) == ["new", "old"]
    assert found(outcome="done") == ["new", "bens"]
    assert found(day=f"{now - timedelta(days=2):%Y-%m-%d}") == ["old", "bens"]
    assert found(day=f"{now - timedelta(days=20):%Y-%m-%d}", outcome="requested") == ["older"]
    assert found(BEN, by=ADA.user_id) == []


def test_sparse_search_continues_in_parts(world: World) -> None:
    start = world.clock.now() - timedelta(days=1)
    written(
        world,
        *(an_entry(f"e{number:05}", at=start + timedelta(seconds=number)) for number in range(MAX_CHECKED + 9)),
    )
    written(world, an_entry("rare", at=start, outcome="denied"))

    first, second = pages(world, Verb.HISTORY, outcome="denied")

    assert first.items == ()
    assert first.searched_to == start + timedelta(seconds=9)
    assert [entry.id for entry in second.items if isinstance(entry, Entry)] == ["rare"]
    assert second.searched_to is None


def test_search_continues_after_entries_of_the_same_moment(world: World) -> None:
    start = world.clock.now() - timedelta(days=1)
    at_once = {MAX_CHECKED + 7, MAX_CHECKED + 8, MAX_CHECKED + 9}
    written(
        world,
        *(
            an_entry(f"e{number:05}", at=start + timedelta(seconds=min(at_once) if number in at_once else number))
            for number in range(MAX_CHECKED * 2 + 8)
        ),
    )
    written(world, an_entry("rare", at=start, outcome="denied"))

    *_, last = pages(world, Verb.HISTORY, outcome="denied")

    assert [entry.id for entry in last.items if isinstance(entry, Entry)] == ["rare"]


def test_next_page_works_once_for_its_reader_in_time(world: World) -> None:
    for number in range(ENTRIES_A_PAGE * 3):
        written(world, an_entry(f"e{number}", at=world.clock.now()))
    page = world.ask(Verb.HISTORY, None)
    assert isinstance(page, Page)
    assert page.more is not None

    assert world.use_case.more(BEA, page.more, world.request_id()) == NotDone(NotDoneReason.EXPIRED)
    assert world.use_case.confirm(ADA, "f" * 32, Source.BUTTON) == NotDone(NotDoneReason.EXPIRED)
    turned = world.use_case.more(ADA, page.more, request_id := world.request_id())
    assert isinstance(turned, Page)
    assert world.use_case.more(ADA, page.more, request_id) == NotDone(NotDoneReason.EXPIRED)
    world.clock.advance(NEXT_PAGE_TIMEOUT.total_seconds())
    assert world.use_case.more(ADA, request_id, world.request_id()) == NotDone(NotDoneReason.EXPIRED)


def test_explain_shows_a_decision(world: World) -> None:
    explained = world.ask(Verb.EXPLAIN)
    assert isinstance(explained, Explained)
    assert explained.explanation.slack_asked
    assert world.changes() == []
