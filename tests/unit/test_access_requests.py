"""Access requests: members make them; administrators decide each once, and never their own."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from bot.admin.access_requests import OPEN_FOR, AccessRequests
from bot.admin.changes import Admin
from bot.admin.decisions import Decision, Submission
from bot.admin.explain import explain
from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Person, Workspace
from bot.core.approval_rules import DAYS
from bot.core.errors import BadInput, Changed, ProfileConflict, SlackError, StoreError, StudioError, StudioLinksError
from bot.core.link import Allowed, Denied, Reason, Source
from bot.core.policy import Rules
from bot.core.records import AccessRequest, Actor, DecisionResult, Entry, RequestState
from bot.core.values import MAX_REASON
from tests.fakes import (
    ANA,
    BEN,
    NOON,
    TEAM,
    Clock,
    FakeAccess,
    FakeAudit,
    FakeDirectory,
    FakeStudio,
    a_gatherer,
    a_grant,
    a_mapping,
    race,
)
from tests.fakes_access_requests import FakeAccessRequests, an_access_request

ADA, BEA = Member(TEAM, "U0ADA00001"), Member(TEAM, "U0BEA00001")
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)
SILENT = SlackError("Slack could not be reached: try again", reason=Reason.SLACK_UNREACHABLE, code="timeout")
NO_SUCH = "f" * 32
TESTER = Actor("cli:test", Source.CLI)
GUEST, DEACTIVATED = Person(ANA.user_id, TEAM, guest=True), Person(ANA.user_id, TEAM, ineligible_reason="deactivated")


@dataclass
class World:
    """Ada and Bea administer; Ana has a mapping and no rule yet, Ben has nothing."""

    clock: Clock = field(default_factory=Clock)
    audit: FakeAudit = field(default_factory=FakeAudit)
    requests: FakeAccessRequests = field(default_factory=FakeAccessRequests)

    def __post_init__(self) -> None:
        self.access = FakeAccess(self.audit)
        self.access.give(ANA, a_mapping())
        self.studio = FakeStudio()
        self.studio.add("d-research", "ana", "ben")
        admin = Admin(self.access, self.audit, self.studio, Rules(), now=self.clock.now)
        self.directory = FakeDirectory(*(Person(member.user_id, TEAM) for member in (ANA, BEN, ADA, BEA)))
        admins = frozenset({ADA.user_id, BEA.user_id})
        self.use_case = AccessRequests(
            self.requests,
            admin,
            self.audit,
            a_gatherer(self.access, self.directory),
            Rules(),
            admins,
            now=self.clock.now,
        )
        self._forms = count(1)

    def form(self) -> str:
        """Return the id of a new form."""
        return f"{next(self._forms):032x}"

    def send(
        self, member: Member, form: str, *, wish: str, reason: str, days: int | None
    ) -> tuple[AccessRequest, bool]:
        """Send the form of an eligible member."""
        asked = self.use_case.ask(member, form, wish=wish, reason=reason, days=days)
        assert isinstance(asked, Submission)
        return asked.request, asked.is_new

    def ask(
        self, member: Member = ANA, *, days: int | None = 7, reason: str = "Falcon", wish: str = "prod"
    ) -> AccessRequest:
        request, _ = self.send(member, self.form(), wish=wish, reason=reason, days=days)
        return request

    def approve(
        self, request: AccessRequest, mapping: Mapping | None = None, *, by: Member = ADA, asked_for: bool = True
    ) -> Decision:
        """Approve with a mapping, as the mapping form does."""
        source = Source.FORM if asked_for else Source.BUTTON
        return self.use_case.approve(by, request.member, request.id, mapping, source=source, asked_for=asked_for)

    def deny(self, request: AccessRequest, *, by: Member = ADA) -> Decision:
        return self.use_case.deny(by, request.member, request.id, source=Source.BUTTON)

    def steps(self) -> list[tuple[str, str, str]]:
        """Return action, outcome and actor of each audit entry, in order."""
        return [(entry.action, entry.outcome, entry.actor) for entry in self.audit.entries.values()]

    def rule(self, member: Member = ANA) -> Grant | None:
        grants = self.access.read(member).grants
        return grants[0] if grants else None


@pytest.fixture
def world() -> World:
    return World()


# Making a request


def test_request_is_stored_and_recorded(world: World) -> None:
    request, is_new = world.send(ANA, world.form(), wish=" prod ", reason="\n Falcon ", days=30)

    assert is_new
    assert (request.member, request.wish, request.reason, request.days) == (ANA, "prod", "Falcon", 30)
    assert (request.at, request.expires_at) == (NOON, NOON + OPEN_FOR)
    assert (request.state, request.decided_by, request.decided_at) == (RequestState.OPEN, None, None)
    assert world.requests.find(ANA) == request
    [entry] = world.audit.entries.values()
    assert (entry.action, entry.outcome, entry.source, entry.at) == ("request", "done", Source.FORM, NOON)
    assert (entry.tenant, entry.subject, entry.actor) == (TEAM, ANA.user_id, ANA.user_id)
    assert "Falcon" not in repr(entry)
    assert entry.after == {"request": request.id, "days": 30}


def test_open_request_allows_nothing(world: World) -> None:
    world.ask()
    assert world.access.read(ANA).grants == ()


def test_each_request_has_its_own_id(world: World) -> None:
    assert world.ask(ANA).id != world.ask(BEN).id


def test_second_request_joins_the_open_one(world: World) -> None:
    first = world.ask()
    world.clock.advance(60)
    again, is_new = world.send(ANA, world.form(), wish="other", reason="again", days=1)
    assert (again, is_new) == (first, False)
    assert world.steps() == [("request", "done", ANA.user_id), ("request", "joined", ANA.user_id)]
    assert last(world).after == {"request": first.id, "days": 7}


def test_expired_request_may_be_repeated(world: World) -> None:
    first = world.ask()
    world.clock.advance(OPEN_FOR.total_seconds() - 1)
    assert world.send(ANA, world.form(), wish="", reason="again", days=1) == (first, False)
    world.clock.advance(1)
    second, is_new = world.send(ANA, world.form(), wish="", reason="again", days=1)
    assert is_new
    assert second.id != first.id
    assert world.approve(first).result is DecisionResult.CLOSED
    assert world.approve(second).result is DecisionResult.DONE


@pytest.mark.parametrize("decide", [World.approve, World.deny], ids=["approved", "denied"])
def test_decided_request_may_be_repeated(world: World, decide: Callable[..., Decision]) -> None:
    decide(world, world.ask(wish=""))
    _, is_new = world.send(ANA, world.form(), wish="", reason="again", days=1)
    assert is_new


def test_concurrent_forms_open_one_request(world: World) -> None:
    asked = race(*[lambda: world.send(ANA, world.form(), wish="", reason="Falcon", days=1)] * 8)
    kept = [one for one in asked if not isinstance(one, Exception)]
    assert len({request.id for request, _ in kept}) == 1
    assert [is_new for _, is_new in kept].count(True) == 1
    assert sorted(outcome for _, outcome, _ in world.steps()) == ["done", *["joined"] * 7]


@pytest.mark.parametrize("text", ["&" * 3000, "\u202e\u05d0" * 1500, "\U0001f980" * 3000], ids=["&", "rtl", "wide"])
def test_long_texts_are_cut_to_the_length_of_a_rule(world: World, text: str) -> None:
    request, _ = world.send(ANA, world.form(), wish=text, reason=text, days=1)
    text = text.replace("\u202e", "")
    assert (request.wish, request.reason) == (text[:MAX_REASON], text[:MAX_REASON])
    assert world.approve(request).result is DecisionResult.DONE
    rule = world.rule()
    assert rule is not None
    assert rule.reason == text[:MAX_REASON]


@pytest.mark.parametrize("days", DAYS)
def test_offered_duration_is_kept(world: World, days: int | None) -> None:
    assert world.ask(days=days).days == days


@pytest.mark.parametrize("days", [0, -1, 2, 91, 10**9])
def test_unoffered_duration_becomes_the_shortest(world: World, days: int) -> None:
    assert world.ask(days=days).days == 1


def test_unstored_request_is_an_error_and_not_recorded(world: World) -> None:
    world.requests.error = BROKEN
    with pytest.raises(StoreError):
        world.ask()
    assert world.steps() == []


def test_failed_request_does_not_block_the_next(world: World) -> None:
    """No administrator sees a failed request: a member who joined it would wait in vain."""
    world.audit.open_error = BROKEN
    with pytest.raises(StoreError):
        world.ask()
    world.audit.open_error = None
    _, is_new = world.send(ANA, world.form(), wish="", reason="again", days=1)
    assert is_new


@pytest.mark.parametrize("later", [0.5, OPEN_FOR.total_seconds() + 1], ids=["at once", "after its time"])
def test_replayed_form_opens_nothing(world: World, later: float) -> None:
    first = world.ask()
    world.clock.advance(later)
    again = world.send(ANA, first.id, wish="prod", reason="Falcon", days=7)
    assert again == (first, False)
    assert world.requests.find(ANA) == first
    assert world.steps() == [("request", "done", ANA.user_id), ("request", "joined", ANA.user_id)]


def test_form_replayed_after_the_decision_opens_nothing(world: World) -> None:
    first = world.ask()
    decided = world.deny(first, by=ADA).request
    world.clock.advance(1)
    assert world.send(ANA, first.id, wish="prod", reason="Falcon", days=7) == (decided, False)
    assert world.requests.find(ANA) == decided


def lock_down(world: World) -> None:
    world.access.workspaces[TEAM] = Workspace(lockdown=Lockdown("a leak"))


INELIGIBLE: dict[str, tuple[Callable[[World], object], Reason]] = {
    "a guest": (lambda w: w.directory.people.update({ANA.user_id: GUEST}), Reason.GUEST),
    "deactivated": (lambda w: w.directory.people.update({ANA.user_id: DEACTIVATED}), Reason.NOT_A_MEMBER),
    "unknown": (lambda w: w.directory.people.clear(), Reason.NOT_A_MEMBER),
    "of another workspace": (
        lambda w: w.directory.people.update({ANA.user_id: Person(ANA.user_id, "T0OTHER001")}),
        Reason.NOT_A_MEMBER,
    ),
    "denied": (lambda w: w.access.give(ANA, a_grant(effect=Effect.DENY)), Reason.DENIED),
    "a lockdown": (lock_down, Reason.LOCKDOWN),
    "unreadable": (lambda w: w.access.unreadable.update({ANA: ("grant#deny",)}), Reason.STORE_UNREADABLE),
}


@pytest.mark.parametrize(("arrange", "reason"), INELIGIBLE.values(), ids=INELIGIBLE)
def test_ineligible_requester_is_refused_and_recorded(
    world: World, arrange: Callable[[World], object], reason: Reason
) -> None:
    arrange(world)
    asked = world.use_case.ask(ANA, world.form(), wish="prod", reason="Falcon", days=7)
    assert isinstance(asked, Denied)
    assert asked.reason is reason
    assert world.requests.find(ANA) is None
    assert world.steps() == [("request", reason.value, ANA.user_id)]
    assert "Falcon" not in repr(last(world))


def test_guest_may_request_where_guests_get_links(world: World) -> None:
    world.directory.people[ANA.user_id] = GUEST
    world.use_case = replace(world.use_case, rules=Rules(allow_guests=True))
    assert world.requests.find(ANA) is None
    assert world.ask() == world.requests.find(ANA)


def test_member_with_access_may_request_more(world: World) -> None:
    world.access.give(ANA, a_grant())
    assert world.ask() == world.requests.find(ANA)


def test_unconfirmed_membership_stores_no_request(world: World) -> None:
    world.directory.error = SILENT
    with pytest.raises(SlackError):
        world.ask()
    assert world.requests.find(ANA) is None


# Withdrawal


def test_undelivered_request_is_withdrawn_and_recorded(world: World) -> None:
    request = world.ask()
    world.use_case.withdraw(request)
    assert world.requests.find(ANA) == replace(
        request, state=RequestState.WITHDRAWN, decided_by=ANA.user_id, decided_at=NOON
    )
    assert world.steps() == [("request", "done", ANA.user_id), ("request", "withdrawn", ANA.user_id)]
    assert last(world).after == {"request": request.id, "days": 7}


def test_withdrawn_request_may_be_repeated_with_a_new_form(world: World) -> None:
    request = world.ask()
    world.use_case.withdraw(request)
    world.clock.advance(1)
    withdrawn = world.requests.find(ANA)
    assert world.send(ANA, request.id, wish="", reason="again", days=1) == (withdrawn, False)
    _, is_new = world.send(ANA, world.form(), wish="", reason="again", days=1)
    assert is_new


def test_unstored_withdrawal_is_an_error(world: World) -> None:
    request = world.ask()
    world.requests.error = BROKEN
    with pytest.raises(StoreError):
        world.use_case.withdraw(request)
    assert world.steps() == [("request", "done", ANA.user_id)]


# Approval


@pytest.mark.parametrize("days", DAYS)
def test_approval_grants_the_requested_duration(world: World, days: int | None) -> None:
    request = world.ask(days=days)
    world.clock.advance(3600)
    decision = world.approve(request)

    now = NOON + timedelta(hours=1)
    until = None if days is None else now + timedelta(days=days)
    decided = replace(request, state=RequestState.APPROVED, decided_by=ADA.user_id, decided_at=now, until=until)
    assert decision == Decision(DecisionResult.DONE, decided)
    assert world.requests.find(ANA) == decided
    assert world.rule() == Grant(ANA.user_id, Effect.ALLOW, until, "Falcon", ADA.user_id, now)


def test_audit_has_no_words_of_a_request(world: World) -> None:
    """The request, which has them, goes after 37 days; an entry stays for 400."""
    world.approve(world.ask(reason="my-diagnosis", wish="my-project"))
    world.deny(world.ask(reason="my-diagnosis", wish="my-project"))

    assert len(world.audit.entries) >= 5
    assert [entry for entry in world.audit.entries.values() if "my-" in repr(entry)] == []
    assert (world.rule() or a_grant()).reason == "my-diagnosis"


def test_approval_is_recorded_with_actor_and_subject(world: World) -> None:
    request = world.ask()
    world.approve(request)
    assert world.steps() == [
        ("request", "done", ANA.user_id),
        ("decide", "approved", ADA.user_id),
        ("allow", "done", ADA.user_id),
    ]
    entries = list(world.audit.entries.values())
    assert {(entry.tenant, entry.subject, entry.source) for entry in entries} == {(TEAM, ANA.user_id, Source.FORM)}
    assert entries[1].after == {"request": request.id, "days": 7}
    assert len({entry.id for entry in entries}) == 3


def test_approval_without_a_mapping_needs_one(world: World) -> None:
    request = world.ask(BEN)
    assert world.approve(request) == Decision(DecisionResult.NEEDS_MAPPING, request)
    assert world.requests.find(BEN) == request
    assert world.rule(BEN) is None
    assert world.steps() == [("request", "done", BEN.user_id), ("decide", "needs_mapping", ADA.user_id)]


def test_approval_with_a_mapping_writes_both(world: World) -> None:
    request = world.ask(BEN)
    decision = world.approve(request, Mapping("default", "d-research", "ben"))
    assert decision.result is DecisionResult.DONE
    [mapping] = world.access.read(BEN).mappings
    assert (mapping.domain_id, mapping.profile_name, mapping.set_by) == ("d-research", "ben", ADA.user_id)
    assert world.rule(BEN) is not None
    assert world.steps() == [
        ("request", "done", BEN.user_id),
        ("decide", "approved", ADA.user_id),
        ("map", "done", ADA.user_id),
        ("allow", "done", ADA.user_id),
    ]


def test_approval_keeps_a_mapping_made_meanwhile(
    world: World,
) -> None:
    request = world.ask(BEN)
    world.approve(request)
    meanwhile = a_mapping(profile="ben", domain="d-meanwhile")
    world.access.give(BEN, meanwhile)
    decision = world.approve(request, Mapping("default", "d-research", "ben"))
    assert decision == Decision(DecisionResult.ALIAS_IN_USE, request)
    assert world.access.read(BEN) == Access((meanwhile,))
    assert world.requests.find(BEN) == request


class MappedMeanwhile(FakeAccess):
    """A store in which someone maps the alias between the check and the write."""

    def read(self, member: Member) -> Access:
        access = super().read(member)
        if member == BEN and not access.mappings:
            self.give(BEN, a_mapping(profile="ben", domain="d-meanwhile"))
        return access


@pytest.mark.parametrize("access", [FakeAccess, MappedMeanwhile], ids=["before we look", "after we look"])
def test_approval_keeps_a_mapping_made_concurrently(world: World, access: type[FakeAccess]) -> None:
    records = access(world.audit)
    if access is FakeAccess:
        records.give(BEN, a_mapping(profile="ben", domain="d-meanwhile"))
    admin = replace(world.use_case.admin, access=records)
    with pytest.raises(Changed):
        admin.map(BEN, Mapping("default", "d-research", "ben"), TESTER, overwrite=False)
    assert [mapping.domain_id for mapping in records.read(BEN).mappings] == ["d-meanwhile"]


def test_approval_interrupted_after_the_mapping_can_be_repeated(world: World) -> None:
    mapping = Mapping("default", "d-research", "BEN")
    world.access.give(BEN, replace(mapping, profile_name="ben"))
    assert world.approve(world.ask(BEN), mapping).result is DecisionResult.DONE
    assert world.rule(BEN) is not None


@pytest.mark.parametrize(
    ("has", "asks", "gets"),
    [
        (None, 7, None),
        (None, None, None),
        (60, 7, 60),
        (7, 7, 7),
        (7, 30, 30),
        (0.8, 1, 1),
        (60, None, None),
        (-1, 7, 7),
        (-1, None, None),
    ],
)
def test_approval_never_ends_before_what_the_member_has(
    world: World, has: float | None, asks: int | None, gets: float | None
) -> None:
    """In days from now; None has no end, and a negative number has ended."""

    def at(days: float | None) -> datetime | None:
        return None if days is None else NOON + timedelta(days=days)

    world.access.give(ANA, a_grant(until=at(has)))
    assert world.approve(world.ask(days=asks)).result is DecisionResult.DONE
    assert [grant.until for grant in world.access.read(ANA).grants] == [at(gets)]


@pytest.mark.parametrize("meanwhile", [None, NOON + timedelta(days=60)], ids=["permanent", "for 60 days"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_approval_shortens_nothing_that_was_given_meanwhile(
    world: World, meanwhile: datetime | None, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another administrator allows the member just after the records were read for the n-th time."""
    request, read, reads = world.ask(days=7), world.access.read, count(1)

    def read_and_change(member: Member) -> Access:
        found = read(member)
        if member == ANA and next(reads) == at:
            world.access.give(ANA, a_grant(until=meanwhile))
        return found

    monkeypatch.setattr(world.access, "read", read_and_change)
    with suppress(Changed):
        world.approve(request)
    assert [grant.until for grant in read(ANA).grants] == [meanwhile]


@pytest.mark.public(15)
def test_approval_without_effect_is_not_reported_as_done(world: World) -> None:
    """A deny rule wins: a member who reads "you can open Studio now" would be refused."""
    request = world.ask()
    world.access.give(ANA, a_grant(effect=Effect.DENY))
    decision = world.approve(request)
    assert decision == Decision(DecisionResult.DENY_RULE_REMAINS, request)
    assert world.requests.find(ANA) == request
    assert world.steps()[1:] == [("decide", "deny_stands", ADA.user_id)]
    allowed = isinstance(explain(world.use_case.admin, ANA, None, world.use_case.facts).decision, Allowed)
    assert (decision.result is DecisionResult.DONE) is allowed


# Requested profiles


def test_requested_profile_asks_for_a_mapping_despite_another(world: World) -> None:
    request = world.ask(wish="prod")
    assert world.approve(request, asked_for=False) == Decision(DecisionResult.NEEDS_MAPPING, request)
    assert world.requests.find(ANA) == request
    assert world.rule() is None
    assert world.steps() == [("request", "done", ANA.user_id), ("decide", "needs_mapping", ADA.user_id)]


def test_request_without_a_profile_is_approved_at_once(world: World) -> None:
    assert world.approve(world.ask(wish=""), asked_for=False).result is DecisionResult.DONE
    assert world.access.read(ANA).mappings == (a_mapping(),)


def test_empty_mapping_form_approves_the_existing_mapping(world: World) -> None:
    assert world.approve(world.ask(wish="prod"), asked_for=True).result is DecisionResult.DONE
    assert world.rule() is not None
    assert world.access.read(ANA).mappings == (a_mapping(),)


@pytest.mark.parametrize("wish", ["", "prod"])
def test_empty_mapping_form_is_refused_without_a_mapping(world: World, wish: str) -> None:
    request = world.ask(BEN, wish=wish)
    assert world.approve(request, asked_for=True) == Decision(DecisionResult.NEEDS_MAPPING, request)
    assert world.rule(BEN) is None


@pytest.mark.parametrize("asked_for", [True, False])
def test_requested_profile_is_added_to_the_existing_mapping(world: World, *, asked_for: bool) -> None:
    world.studio.add("d-prod", "ana")
    request = world.ask(wish="prod")
    decision = world.approve(request, Mapping("prod", "d-prod", "ana"), asked_for=asked_for)
    assert decision.result is DecisionResult.DONE
    mappings = {mapping.alias: mapping.domain_id for mapping in world.access.read(ANA).mappings}
    assert mappings == {"default": "d-research", "prod": "d-prod"}
    assert world.rule() is not None


def test_alias_in_use_is_refused_and_writes_nothing(world: World) -> None:
    world.studio.add("d-prod", "ana")
    request = world.ask(wish="prod")
    assert world.approve(request, Mapping("default", "d-prod", "ana")) == Decision(
        DecisionResult.ALIAS_IN_USE, request
    )
    assert world.access.read(ANA) == Access((a_mapping(),))
    assert world.requests.find(ANA) == request
    assert world.steps()[1:] == [("decide", "alias_taken", ADA.user_id)]
    assert world.approve(request, Mapping("prod", "d-prod", "ana")).result is DecisionResult.DONE


# Ineligible requesters

UNAPPROVABLE = {
    "a guest": GUEST,
    "deactivated": DEACTIVATED,
    "a guest and deactivated": Person(ANA.user_id, TEAM, ineligible_reason="deactivated", guest=True),
}


@pytest.mark.parametrize("person", UNAPPROVABLE.values(), ids=UNAPPROVABLE)
@pytest.mark.parametrize("mapping", [None, Mapping("prod", "d-research", "ana")], ids=["", "with a profile"])
def test_ineligible_requester_can_only_be_denied(world: World, person: Person, mapping: Mapping | None) -> None:
    request = world.ask()
    world.directory.people[ANA.user_id] = person
    assert world.approve(request, mapping) == Decision(DecisionResult.INELIGIBLE, request)
    assert world.requests.find(ANA) == request
    assert world.rule() is None
    assert world.access.read(ANA).mappings == (a_mapping(),)
    assert world.steps()[1:] == [("decide", "of_no_use", ADA.user_id)]
    assert world.deny(request, by=ADA).result is DecisionResult.DONE


def test_unknown_requester_is_not_approved(world: World) -> None:
    request = world.ask()
    del world.directory.people[ANA.user_id]
    assert world.approve(request).result is DecisionResult.INELIGIBLE


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("a guest", DecisionResult.DONE),
        ("deactivated", DecisionResult.INELIGIBLE),
        ("a guest and deactivated", DecisionResult.INELIGIBLE),
    ],
)
def test_guest_is_refused_for_other_reasons_only_if_allowed(world: World, name: str, verdict: DecisionResult) -> None:
    request = world.ask()
    world.directory.people[ANA.user_id] = UNAPPROVABLE[name]
    world.use_case = replace(world.use_case, rules=Rules(allow_guests=True))
    assert world.approve(request).result is verdict
    assert (world.rule() is not None) is (verdict is DecisionResult.DONE)


def test_lockdown_prevents_approval(world: World) -> None:
    """The member would read that they can open Studio now."""
    request = world.ask()
    lock_down(world)
    assert world.approve(request) == Decision(DecisionResult.LOCKED_DOWN, request)
    assert world.rule() is None
    assert world.requests.find(ANA) == request
    assert world.steps()[1:] == [("decide", "locked_down", ADA.user_id)]
    assert world.deny(request).result is DecisionResult.DONE


# Denial


def test_denial_is_recorded_and_grants_nothing(world: World) -> None:
    request = world.ask()
    world.clock.advance(60)
    decision = world.deny(request, by=BEA)
    decided = replace(
        request, state=RequestState.DENIED, decided_by=BEA.user_id, decided_at=NOON + timedelta(seconds=60)
    )
    assert decision == Decision(DecisionResult.DONE, decided)
    assert world.requests.find(ANA) == decided
    assert world.rule() is None
    assert world.steps() == [("request", "done", ANA.user_id), ("decide", "denied", BEA.user_id)]


def test_denial_needs_no_mapping(world: World) -> None:
    assert world.deny(world.ask(BEN), by=ADA).result is DecisionResult.DONE


def test_denial_removes_no_existing_access(world: World) -> None:
    world.access.give(ANA, a_grant())
    world.deny(world.ask(), by=ADA)
    assert world.access.read(ANA).grants == (a_grant(),)


# Presses without effect

WAYS: dict[str, Callable[[World, Member, AccessRequest], Decision]] = {
    "approve": lambda world, by, request: world.approve(request, by=by),
    "approve with a profile": lambda world, by, request: world.approve(
        request, Mapping("default", "d-research", "ana"), by=by
    ),
    "deny": lambda world, by, request: world.deny(request, by=by),
}
in_each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
Way = Callable[[World, Member, AccessRequest], Decision]


def last(world: World) -> Entry:
    return list(world.audit.entries.values())[-1]


@in_each_way
@pytest.mark.parametrize(
    "by", [BEN, Member("T0OTHER001", BEN.user_id)], ids=["a member", "a member of another workspace"]
)
def test_non_administrator_decides_nothing_and_is_recorded(world: World, way: Way, by: Member) -> None:
    request = world.ask()
    assert way(world, by, request) == Decision(DecisionResult.NOT_AN_ADMIN, request)
    assert world.requests.find(ANA) == request
    assert world.rule() is None
    assert world.steps()[1:] == [("decide", "not_an_admin", BEN.user_id)]
    assert last(world).subject == ANA.user_id


@in_each_way
def test_administrator_cannot_decide_their_own_request(world: World, way: Way) -> None:
    world.access.give(ADA, a_mapping(profile="ada"))
    request = world.ask(ADA)
    assert way(world, ADA, request) == Decision(DecisionResult.OWN_REQUEST, request)
    assert world.requests.find(ADA) == request
    assert world.rule(ADA) is None
    assert world.steps()[1:] == [("decide", "own_request", ADA.user_id)]


def test_non_administrator_deciding_their_own_is_refused_as_such(world: World) -> None:
    assert world.approve(world.ask(), by=ANA).result is DecisionResult.NOT_AN_ADMIN


@in_each_way
def test_press_by_non_admin_on_closed_request_is_recorded(world: World, way: Way) -> None:
    gone = an_access_request(id=NO_SUCH)
    assert way(world, BEN, gone) == Decision(DecisionResult.NOT_AN_ADMIN)
    assert world.steps() == [("decide", "not_an_admin", BEN.user_id)]


@in_each_way
def test_no_administrators_means_no_decision(world: World, way: Way) -> None:
    request = world.ask()
    world.use_case = replace(world.use_case, admins=frozenset())
    assert way(world, ADA, request).result is DecisionResult.NOT_AN_ADMIN


# Closed requests


@in_each_way
def test_unknown_request_is_closed(world: World, way: Way) -> None:
    assert way(world, ADA, an_access_request(id=NO_SUCH)) == Decision(DecisionResult.CLOSED)
    assert world.steps() == [("decide", "gone", ADA.user_id)]
    assert (last(world).subject, last(world).after) == (ANA.user_id, {"request": NO_SUCH, "days": None})


def test_unknown_request_is_closed_without_asking_for_a_mapping(world: World) -> None:
    assert world.approve(an_access_request(BEN, id=NO_SUCH)) == Decision(DecisionResult.CLOSED)


@in_each_way
def test_replaced_request_is_closed_and_its_successor_stays(world: World, way: Way) -> None:
    older = world.ask()
    world.deny(older, by=ADA)
    newer = world.ask(reason="again")
    assert way(world, BEA, older) == Decision(DecisionResult.CLOSED)
    assert world.requests.find(ANA) == newer
    assert world.rule() is None


@in_each_way
def test_expired_request_is_closed(world: World, way: Way) -> None:
    request = world.ask()
    world.clock.advance(OPEN_FOR.total_seconds())
    assert way(world, ADA, request) == Decision(DecisionResult.CLOSED, request)
    assert world.rule() is None


def test_expired_request_asks_for_no_mapping(world: World) -> None:
    request = world.ask(BEN)
    world.clock.advance(OPEN_FOR.total_seconds())
    assert world.approve(request).result is DecisionResult.CLOSED


@in_each_way
def test_request_can_be_decided_until_it_expires(world: World, way: Way) -> None:
    request = world.ask()
    world.clock.advance(OPEN_FOR.total_seconds() - 1)
    assert way(world, ADA, request).result is DecisionResult.DONE


@in_each_way
@pytest.mark.parametrize("by", [BEA, ADA], ids=["by another", "by the same"])
def test_decided_request_names_its_decider(world: World, way: Way, by: Member) -> None:
    request = world.ask()
    first = world.deny(request, by=ADA)
    steps = world.steps()
    world.clock.advance(1)
    assert way(world, by, request) == Decision(DecisionResult.ALREADY_DECIDED, first.request)
    assert world.rule() is None
    assert world.steps() == [*steps, ("decide", "already_decided", by.user_id)]


def test_late_denial_does_not_revoke_an_approval(world: World) -> None:
    request = world.ask()
    first = world.approve(request)
    world.clock.advance(1)
    assert world.deny(request, by=BEA) == Decision(DecisionResult.ALREADY_DECIDED, first.request)
    assert world.rule() is not None


def test_decided_request_asks_for_no_mapping(world: World) -> None:
    request = world.ask(BEN)
    first = world.deny(request, by=ADA)
    world.clock.advance(1)
    assert world.approve(request, by=BEA) == Decision(DecisionResult.ALREADY_DECIDED, first.request)


def test_concurrent_decisions_have_one_winner(world: World) -> None:
    request = world.ask()
    decisions = race(*(lambda by=by: world.approve(request, by=by) for by in (ADA, BEA)))
    settled = [decision for decision in decisions if isinstance(decision, Decision)]
    assert {decision.result for decision in settled} == {DecisionResult.DONE, DecisionResult.ALREADY_DECIDED}
    assert [decision.request for decision in settled] == [world.requests.find(ANA)] * 2
    assert sorted(action for action, _, _ in world.steps()) == ["allow", "decide", "decide", "request"]


@in_each_way
def test_withdrawn_request_is_closed(world: World, way: Way) -> None:
    request = world.ask()
    world.use_case.withdraw(request)
    steps = world.steps()
    world.clock.advance(1)
    assert way(world, ADA, request) == Decision(DecisionResult.CLOSED, world.requests.find(ANA))
    assert world.rule() is None
    assert world.steps() == [*steps, ("decide", "gone", ADA.user_id)]


# Failures


class ChangedMeanwhile(FakeAccess):
    """A store whose rules change between read and write."""

    def put_grant(self, tenant: str, grant: Grant, *, seen: Access | Workspace, entry: Entry) -> None:  # noqa: ARG002
        raise Changed("somebody changed the same records meanwhile: look again, then retry")


def test_profile_of_another_member_leaves_the_request_open(world: World) -> None:
    request = world.ask(BEN)
    with pytest.raises(ProfileConflict):
        world.approve(request, Mapping("default", "d-research", "ANA"))
    assert world.requests.find(BEN) == request
    assert world.access.read(BEN).grants == ()
    assert world.approve(request, Mapping("default", "d-research", "ben"), by=BEA).result is DecisionResult.DONE


def test_failed_rule_write_leaves_the_request_open(world: World) -> None:
    request = world.ask()
    broken = ChangedMeanwhile(world.audit)
    broken.give(ANA, a_mapping())
    admin = replace(world.use_case.admin, access=broken)
    with pytest.raises(Changed):
        replace(world.use_case, admin=admin).approve(ADA, ANA, request.id, source=Source.FORM, asked_for=True)
    assert world.requests.find(ANA) == request
    assert world.approve(request, by=BEA).result is DecisionResult.DONE


def test_unknown_profile_decides_nothing_and_is_recorded(world: World) -> None:
    request = world.ask(BEN)
    world.studio.error = StudioError("no such profile: correct it", reason=Reason.PROFILE_MISSING)
    with pytest.raises(StudioError):
        world.approve(request, Mapping("default", "d-research", "nobody"))
    assert world.requests.find(BEN) == request
    assert world.access.read(BEN) == Access()
    assert world.steps()[1:] == [("decide", "profile_missing", ADA.user_id)]


class RolledBackMeanwhile(FakeAccessRequests):
    """Another decision is stored when ours is tried, and is rolled back before the next read."""

    def decide(self, member: Member, *_: object, **__: object) -> AccessRequest | None:
        return self.find(member)


@in_each_way
def test_decision_during_a_rollback_can_be_retried(world: World, way: Way) -> None:
    requests = RolledBackMeanwhile()
    world.use_case = replace(world.use_case, requests=requests)
    request = world.ask()
    with pytest.raises(Changed, match="try again"):
        way(world, ADA, request)
    assert world.rule() is None


@pytest.mark.parametrize("source", [Source.BUTTON, Source.FORM, Source.COMMAND])
@pytest.mark.parametrize("by", [ADA, ANA], ids=["an administrator", "a member"])
def test_decision_is_recorded_with_its_source(world: World, source: Source, by: Member) -> None:
    request = world.ask()
    world.use_case.deny(by, ANA, request.id, source=source)
    world.use_case.approve(by, ANA, request.id, source=source)
    assert {entry.source for entry in world.audit.entries.values() if entry.action != "request"} == {source}


def test_unconfirmed_membership_leaves_the_request_open(world: World) -> None:
    request = world.ask()
    world.directory.error = SILENT
    with pytest.raises(SlackError):
        world.approve(request)
    assert world.requests.find(ANA) == request
    assert world.rule() is None
    assert world.steps() == [("request", "done", ANA.user_id), ("decide", "slack_unreachable", ADA.user_id)]
    world.directory.error = None
    assert world.approve(request, by=BEA).result is DecisionResult.DONE


@in_each_way
def test_unconfirmed_administrator_decides_nothing(world: World, way: Way) -> None:
    request = world.ask()
    world.directory.error = SILENT
    with pytest.raises(SlackError):
        way(world, ADA, request)
    assert world.requests.find(ANA) == request
    assert world.steps()[1:] == [("decide", "slack_unreachable", ADA.user_id)]


@in_each_way
def test_admin_rule_equals_a_configured_administrator(world: World, way: Way) -> None:
    world.access.give(BEN, a_grant(BEN, Effect.ADMIN))
    assert way(world, BEN, world.ask()).result is DecisionResult.DONE


@in_each_way
@pytest.mark.parametrize("why", ["denied", "a guest", "deactivated"])
def test_former_administrator_decides_nothing(world: World, way: Way, why: str) -> None:
    request = world.ask()
    if why == "denied":
        world.access.give(ADA, a_grant(ADA, Effect.DENY))
    else:
        ineligible_reason = why if why == "deactivated" else None
        world.directory.people[ADA.user_id] = Person(
            ADA.user_id, TEAM, ineligible_reason=ineligible_reason, guest=why == "a guest"
        )
    assert way(world, ADA, request).result is DecisionResult.NOT_AN_ADMIN
    assert world.requests.find(ANA) == request


def test_unreadable_rules_leave_the_request_open(world: World) -> None:
    request = world.ask()
    world.access.error = BROKEN
    for mapping in (None, a_mapping()):
        with pytest.raises(StoreError):
            world.approve(request, mapping)
        assert world.requests.find(ANA) == request


@pytest.mark.parametrize("record", ["grant#allow", "grant#deny", "mapping#other"])
def test_unreadable_record_leaves_the_request_open(world: World, record: str) -> None:
    """Any unreadable record gets the member refused."""
    request = world.ask()
    world.access.unreadable[ANA] = (record,)
    assert world.approve(request) == Decision(DecisionResult.UNREADABLE, request)
    assert world.requests.find(ANA) == request
    assert world.rule() is None
    assert world.steps()[1:] == [("decide", "unreadable", ADA.user_id)]


@in_each_way
def test_unreachable_store_decides_nothing(world: World, way: Way) -> None:
    request = world.ask()
    world.requests.error = BROKEN
    with pytest.raises(StoreError):
        way(world, ADA, request)
    world.requests.error = None
    assert world.requests.find(ANA) == request
    assert world.rule() is None


@in_each_way
def test_unrecorded_decision_leaves_the_request_open(world: World, way: Way) -> None:
    """The administrator reads that the request is open again; nothing was granted."""
    request = world.ask()
    world.audit.open_error = BROKEN
    with pytest.raises(StoreError):
        way(world, ADA, request)
    world.audit.open_error = None
    assert world.rule() is None
    assert world.requests.find(ANA) == request


@in_each_way
def test_unrecorded_press_decides_nothing(world: World, way: Way) -> None:
    request = world.ask()
    world.audit.open_error = BROKEN
    with pytest.raises(StoreError):
        way(world, BEN, request)
    assert world.requests.find(ANA) == request


def test_failed_rollback_reports_why_the_approval_failed(world: World) -> None:
    request = world.ask(BEN)
    world.requests.reopen_error = BROKEN
    with pytest.raises(ProfileConflict):
        world.approve(request, Mapping("default", "d-research", "ana"))


def test_member_may_repeat_a_request_whose_rollback_failed(world: World) -> None:
    request = world.ask(BEN)
    world.requests.reopen_error = BROKEN
    with pytest.raises(StudioLinksError):
        world.approve(request, Mapping("default", "d-research", "ana"))
    assert world.access.read(BEN).grants == ()
    _, is_new = world.send(BEN, world.form(), wish="", reason="again", days=1)
    assert is_new


# Two approvals


def needs_two(world: World, **rules: Any) -> World:
    world.use_case = replace(world.use_case, rules=Rules(**(rules or {"approvals": 2})))
    return world


def test_two_administrators_approve_where_two_are_needed(world: World) -> None:
    request = needs_two(world).ask(BEN)
    mapping = a_mapping(profile="ben")

    first = world.approve(request, mapping)
    assert first.result is DecisionResult.ENDORSED
    assert first.request is not None
    assert (first.request.approvers, first.request.needed, first.request.mapping) == ((ADA.user_id,), 2, mapping)
    assert world.access.read(BEN) == Access()

    last = world.approve(request, None, by=BEA, asked_for=False)  # the profile is the one that Ada entered
    assert last.result is DecisionResult.DONE
    assert [m.profile_name for m in world.access.read(BEN).mappings] == ["ben"]
    assert world.steps()[-4:] == [
        ("decide", "endorsed", ADA.user_id),
        ("decide", "approved", BEA.user_id),
        ("map", "done", BEA.user_id),
        ("allow", "done", BEA.user_id),
    ]


def test_one_administrator_does_not_approve_twice(world: World) -> None:
    request = needs_two(world).ask()
    for _ in range(3):
        assert world.approve(request).result is DecisionResult.ENDORSED
    assert world.rule() is None


def test_requester_is_no_approver_of_two(world: World) -> None:
    request = needs_two(world).ask(ADA)
    assert world.approve(request, a_mapping(profile="ben")).result is DecisionResult.OWN_REQUEST
    assert world.approve(request, a_mapping(profile="ben"), by=BEA).result is DecisionResult.ENDORSED


def test_approval_of_a_removed_administrator_does_not_count(world: World) -> None:
    request = needs_two(world).ask()
    world.approve(request)
    world.access.give(ADA, a_grant(ADA, effect=Effect.DENY))

    assert world.approve(request, by=BEA).result is DecisionResult.ENDORSED
    assert world.rule() is None


def test_denial_by_one_ends_a_request_that_needs_two(world: World) -> None:
    request = needs_two(world).ask()
    world.approve(request)
    assert world.deny(request, by=BEA).result is DecisionResult.DONE
    assert world.approve(request, by=BEA).result is DecisionResult.ALREADY_DECIDED
    assert world.rule() is None


@pytest.mark.parametrize(("rules", "first"), [({"d-research": 2}, "endorsed"), ({"d-other": 2}, "done")])
def test_number_of_approvals_depends_on_the_domain(world: World, rules: dict[str, int], first: str) -> None:
    request = needs_two(world, domain_approvals=rules).ask()
    assert world.approve(request).result == first


def test_approvals_at_the_same_time_are_both_counted(world: World) -> None:
    request = needs_two(world).ask()
    outcomes = race(lambda: world.approve(request), lambda: world.approve(request, by=BEA))
    results = [each.result if isinstance(each, Decision) else type(each) for each in outcomes]
    assert DecisionResult.ENDORSED in results
    if Changed in results:
        assert world.rule() is None
    else:
        assert sorted(map(str, results)) == ["done", "endorsed"]


# A profile that went meanwhile


def test_approval_that_opens_nothing_says_so(world: World) -> None:
    request = world.ask(wish="")
    world.studio.add("d-research", "ben")
    assert world.approve(request, asked_for=False).result is DecisionResult.PROFILE_GONE
    assert world.requests.find(ANA) == request
    assert world.rule() is None

    other = Mapping("other", "d-research", "ben")
    assert world.approve(request, other).result is DecisionResult.DONE
    assert [mapping.alias for mapping in world.access.read(ANA).mappings] == ["default", "other"]


def test_one_profile_of_several_is_enough_to_approve(world: World) -> None:
    world.access.give(ANA, a_mapping("other", "gone"))
    assert world.approve(world.ask(wish=""), asked_for=False).result is DecisionResult.DONE


@pytest.mark.parametrize("reason", [Reason.AWS_UNREACHABLE, Reason.AWS_REFUSED, Reason.PROFILE_NOT_READY])
def test_profile_of_which_nothing_is_known_is_approved(world: World, reason: Reason) -> None:
    request = world.ask(wish="")
    world.studio.error = StudioError("silence: try again", reason=reason)
    assert world.approve(request, asked_for=False).result is DecisionResult.DONE


def test_approving_begins_again_once_the_approved_profile_is_gone(world: World) -> None:
    request = needs_two(world).ask(BEN, wish="")
    world.studio.add("d-research", "ana", "ben", "benny")
    world.approve(request, Mapping("default", "d-research", "ben"))
    world.studio.add("d-research", "ana", "benny")

    assert world.approve(request, by=BEA, asked_for=False).result is DecisionResult.NEEDS_MAPPING
    second = world.approve(request, Mapping("default", "d-research", "benny"), by=BEA)
    assert second.result is DecisionResult.ENDORSED
    assert second.request is not None
    assert second.request.approvers == (BEA.user_id,)
    assert world.access.read(BEN) == Access()

    assert world.approve(request, asked_for=False).result is DecisionResult.DONE
    assert [mapping.profile_name for mapping in world.access.read(BEN).mappings] == ["benny"]


def test_first_approver_can_name_another_profile_once_theirs_is_gone(world: World) -> None:
    request = needs_two(world).ask(BEN, wish="")
    world.approve(request, Mapping("default", "d-research", "ben"))
    world.studio.add("d-research", "benny")
    again = world.approve(request, Mapping("default", "d-research", "benny"))
    assert again.result is DecisionResult.ENDORSED
    kept = world.requests.find(BEN)
    assert kept is not None
    assert kept.mapping is not None
    assert (kept.mapping.profile_name, kept.approvers) == ("benny", (ADA.user_id,))


def test_silence_of_aws_costs_no_approval(world: World) -> None:
    request = needs_two(world).ask(BEN, wish="")
    world.approve(request, Mapping("default", "d-research", "ben"))
    world.studio.error = StudioError("silence: try again", reason=Reason.AWS_UNREACHABLE)
    with pytest.raises(StudioError):
        world.approve(request, by=BEA, asked_for=False)
    world.studio.error = None
    assert world.approve(request, by=BEA, asked_for=False).result is DecisionResult.DONE


# A denial that asks for its reason


def ask_for_reason(world: World, request: AccessRequest, by: Member = ADA) -> Decision:
    return world.use_case.deny(by, request.member, request.id, source=Source.BUTTON, reason=None)


def test_denial_asks_for_a_reason_first(world: World) -> None:
    request = world.ask()
    assert ask_for_reason(world, request).result is DecisionResult.NEEDS_REASON
    assert world.requests.find(ANA) == request
    assert world.steps()[-1] == ("decide", "needs_reason", ADA.user_id)


def test_reason_is_asked_only_where_it_can_count(world: World) -> None:
    request = world.ask()
    assert ask_for_reason(world, request, ANA).result is DecisionResult.NOT_AN_ADMIN
    world.deny(request)
    assert ask_for_reason(world, request, BEA).result is DecisionResult.ALREADY_DECIDED


def test_profile_unmapped_during_an_approval_is_not_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An administrator approves with Ana's profile and unmaps it at the same time, after its owner was read."""
    request, examine = world.ask(BEN, wish=""), world.studio.examine

    def unmap_and_examine(mapping: Mapping) -> Mapping:
        if world.access.read(ANA).mappings:
            world.use_case.admin.unmap(ANA, None, Actor(ADA.user_id, Source.COMMAND))
        return examine(mapping)

    monkeypatch.setattr(world.studio, "examine", unmap_and_examine)
    with pytest.raises(Changed):
        world.approve(request, a_mapping(profile="ana"))

    assert world.access.read(BEN) == Access()
    assert world.approve(request, a_mapping(profile="ana")).result is DecisionResult.HAD_OWNER


# Lists, and the shell


def test_open_requests_are_listed_oldest_first(world: World) -> None:
    first = world.ask(BEN)
    world.clock.advance(60)
    second = world.ask(ANA)
    assert world.use_case.asked(TEAM) == [first, second]
    world.deny(second)
    assert world.use_case.asked(TEAM) == [first]
    assert [each.state for each in world.use_case.asked(TEAM, only_open=False)] == [
        RequestState.OPEN,
        RequestState.DENIED,
    ]
    world.clock.advance(OPEN_FOR.total_seconds())
    assert world.use_case.asked(TEAM) == []


SHELL = "cli:arn:aws:iam::123456789012:user/ada"


def test_shell_decides_under_the_name_of_its_caller(world: World) -> None:
    request = world.ask()
    decision = world.use_case.approve(SHELL, ANA, request.id, source=Source.CLI, asked_for=True)
    assert decision.result is DecisionResult.DONE
    assert decision.request is not None
    assert decision.request.decided_by == SHELL
    assert world.rule() is not None
    assert {actor for _, _, actor in world.steps()} >= {SHELL}
    again = world.use_case.deny(SHELL, ANA, request.id, source=Source.CLI)
    assert again.result is DecisionResult.ALREADY_DECIDED


def test_reason_of_a_denial_is_kept_for_the_member(world: World) -> None:
    request = world.ask()
    decision = world.use_case.deny(ADA, ANA, request.id, source=Source.COMMAND, reason="ask\nyour manager")
    assert decision.request is not None
    assert decision.request.answer == "ask your manager"
    assert "manager" not in str(world.audit.entries)


def test_shell_is_not_one_of_several_approvers(world: World) -> None:
    world.use_case = replace(world.use_case, rules=Rules(approvals=2))
    request = world.ask()
    with pytest.raises(BadInput, match="2 administrators"):
        world.use_case.approve(SHELL, ANA, request.id, source=Source.CLI, asked_for=True)
    assert world.rule() is None
    assert world.use_case.asked(TEAM) == [request]
