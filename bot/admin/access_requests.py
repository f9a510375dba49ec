"""Asking for access: a member asks, an administrator decides, once.

The state is in the store alone; messages and buttons carry ids that lead to it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.admin.changes import Admin
from bot.core import audit, policy
from bot.core.access import Access, Effect, Grant, Mapping, Member, Person
from bot.core.errors import Changed, StudioLinksError, UpstreamError
from bot.core.link import Denied, Reason, Source
from bot.core.ports import AccessRequestStore, AuditLog, Directory
from bot.core.records import AccessRequest, Actor, Posting, RequestState
from bot.core.values import MAX_REASON, utc_now
from bot.links import groups as membership

# How long administrators have; after that the member may ask anew.
OPEN_FOR = timedelta(days=7)
# The audit's words for a request that joined an open one, or came a second time, and for a decision that could not
# be carried out.
JOINED, TAKEN_BACK = "joined", "taken_back"
# What a member may choose from; None is for good.
DAYS = (1, 7, 30, 90, None)


class Verdict(StrEnum):
    """What came of an administrator's press."""

    DONE = "done"
    NOT_AN_ADMIN = "not_an_admin"
    OWN_REQUEST = "own_request"
    ALREADY_DECIDED = "already_decided"
    GONE = "gone"
    NEEDS_MAPPING = "needs_mapping"
    ALIAS_TAKEN = "alias_taken"
    DENY_STANDS = "deny_stands"
    UNREADABLE = "unreadable"
    OF_NO_USE = "of_no_use"
    LOCKED_DOWN = "locked_down"


# Of each reason that an approval changes nothing about, what the administrator hears.
BEYOND_APPROVAL = {
    Reason.NOT_A_MEMBER: Verdict.OF_NO_USE,
    Reason.GUEST: Verdict.OF_NO_USE,
    Reason.LOCKDOWN: Verdict.LOCKED_DOWN,
    Reason.DENIED: Verdict.DENY_STANDS,
    Reason.STORE_UNREADABLE: Verdict.UNREADABLE,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The member's latest request, and whether this form has opened it; else it may be decided, or have run out."""

    request: AccessRequest
    is_new: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, and the request as it stands now; None if there is none.

    Attributes:
        person: what Slack said of the member, if it was asked.
    """

    verdict: Verdict
    request: AccessRequest | None = None
    person: Person | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AccessRequests:
    """The use case and what it needs.

    Attributes:
        admins: the Slack user ids that may decide, beside those with an admin rule.
    """

    book: AccessRequestStore
    admin: Admin
    audit: AuditLog
    directory: Directory
    rules: policy.Rules
    admins: frozenset[str]
    now: Callable[[], datetime] = utc_now

    def ask(self, member: Member, request_id: str, *, wish: str, reason: str, days: int | None) -> Asked | Denied:
        """Open a request, or join the one that is open. Denied if an approval would not help the member.

        Args:
            request_id: the same for the same form sent again, which opens nothing twice.

        Raises:
            StoreError, SlackError: it could not be kept.
        """
        now = self.now()
        wanted = AccessRequest(
            id=request_id,
            member=member,
            wish=_line(wish),
            reason=_line(reason),
            days=days if days in DAYS else min(day for day in DAYS if day is not None),
            at=now,
            expires_at=now + OPEN_FOR,
        )
        facts = self._facts(member)
        preview = policy.preview(member, facts, self.rules, now)
        if isinstance(preview, Denied) and preview.reason in BEYOND_APPROVAL:
            self._record("request", Actor(member.user_id, Source.FORM), wanted, preview.reason.value)
            return preview
        kept = self.book.ask(wanted)
        if kept != wanted:
            self._record("request", Actor(member.user_id, Source.FORM), kept, JOINED)
            return Asked(kept, is_new=False)
        try:
            self._record("request", Actor(member.user_id, Source.FORM), wanted, "done")
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self.withdraw(wanted)
            raise
        return Asked(wanted, is_new=True)

    def posted(self, request: AccessRequest, postings: Sequence[Posting]) -> AccessRequest | None:
        """Keep where administrators read of the request; as it stands then, None if there is a newer one.

        Raises:
            StoreError: it could not be kept.
        """
        return self.book.posted(request.member, request.id, postings)

    def withdraw(self, request: AccessRequest) -> None:
        """Nobody could be told of the request: close it, so that the member can ask again. StoreError as ever."""
        who = request.member
        kept = self.book.decide(who, request.id, RequestState.WITHDRAWN, who.user_id, self.now())
        if kept is not None and kept.state is RequestState.WITHDRAWN:  # else somebody was reached, and has decided
            self._record("request", Actor(who.user_id, Source.FORM), request, RequestState.WITHDRAWN.value)

    def approve(
        self,
        by: Member,
        who: Member,
        request_id: str,
        mapping: Mapping | None = None,
        *,
        source: Source,
        asked_for: bool = False,
    ) -> Decision:
        """Grant what was asked for, with the mapping that the administrator names.

        Args:
            mapping: needed where the member has none.
            asked_for: whether the administrator has been asked for a mapping, so that none means none.

        Raises:
            StoreError, SlackError, StudioError, ProfileTaken, Changed: nothing was granted; the request is open.
        """
        actor, request = Actor(by.user_id, source), self._find(who, request_id)
        verdict = self._barred(actor, by, who, request_id, request) or self._settled(request)
        if verdict is not None or request is None:
            return self._refuse(actor, who, request_id, request, verdict or Verdict.GONE)
        try:
            facts = self._facts(who)
            verdict = self._hindrance(request, facts, mapping, asked_for=asked_for)
            if verdict is None and mapping is not None:
                self.admin.studio.examine(mapping)
        except UpstreamError as error:
            with suppress(StudioLinksError):  # the first error says more
                self._record("decide", actor, request, error.reason.value)
            raise
        if verdict is not None:
            return self._refuse(actor, who, request_id, request, verdict)
        decision = self._decide(
            actor,
            who,
            request_id,
            RequestState.APPROVED,
            lambda asked: self._carry_out(actor, asked, facts.access, mapping),
        )
        return replace(decision, person=facts.person)

    def deny(self, by: Member, who: Member, request_id: str, *, source: Source) -> Decision:
        """Turn the request down. StoreError if that could not be kept."""
        actor, request = Actor(by.user_id, source), self._find(who, request_id)
        verdict = self._barred(actor, by, who, request_id, request) or self._settled(request)
        if verdict is not None:
            return self._refuse(actor, who, request_id, request, verdict)
        return self._decide(actor, who, request_id, RequestState.DENIED)

    def _carry_out(self, actor: Actor, asked: AccessRequest, access: Access, mapping: Mapping | None) -> None:
        """The mapping, and the allow rule for as long as was asked; what the member has already is not shortened."""
        who, now = asked.member, self.now()
        if mapping is not None:
            self.admin.map(who, mapping, actor, in_place=False)
        until = None if asked.days is None else now + timedelta(days=asked.days)
        has = next((grant for grant in access.grants if grant.effect is Effect.ALLOW and grant.holds_at(now)), None)
        longer = has is not None and (has.until is None or (until is not None and has.until >= until))
        if not longer:
            self.admin.grant(who.tenant, Grant(who.user_id, Effect.ALLOW, until, asked.reason), actor)

    def _barred(
        self, actor: Actor, by: Member, who: Member, request_id: str, request: AccessRequest | None
    ) -> Verdict | None:
        """Anybody can be in the channel in which the buttons are: who presses is checked each time."""
        try:
            facts = self._facts(by)
        except UpstreamError as error:
            with suppress(StudioLinksError):  # the first error says more
                self._record("decide", actor, request or self._unknown(who, request_id), error.reason.value)
            raise
        if not policy.may_administer(by, facts, self.admins, self.now()).passed:
            return Verdict.NOT_AN_ADMIN
        return Verdict.OWN_REQUEST if by == who else None

    def _facts(self, member: Member) -> policy.Facts:
        """All that is known of a member now. StoreError or SlackError if that cannot be learned."""
        person, access = self.directory.person(member), self.admin.show(member)
        memberships = membership.of_member(self.directory, member, access, self.now())
        return policy.Facts(person, access, memberships=memberships)

    def _settled(self, request: AccessRequest | None) -> Verdict | None:
        """That there is nothing to decide any more, before an administrator is asked for more."""
        if request is None or request.state is RequestState.WITHDRAWN:
            return Verdict.GONE
        if request.state is not RequestState.OPEN:
            return Verdict.ALREADY_DECIDED
        return Verdict.GONE if request.expires_at <= self.now() else None

    def _hindrance(
        self, request: AccessRequest, facts: policy.Facts, mapping: Mapping | None, *, asked_for: bool
    ) -> Verdict | None:
        """What stands in the way of an approval."""
        has = facts.access.mappings
        preview = policy.preview(request.member, facts, self.rules, self.now())
        if isinstance(preview, Denied) and preview.reason in BEYOND_APPROVAL:
            return BEYOND_APPROVAL[preview.reason]
        if mapping is None and (not has or (request.wish and not asked_for)):
            return Verdict.NEEDS_MAPPING
        if mapping is not None and any(
            each.alias == mapping.alias and not each.same_profile(mapping) for each in has
        ):
            return Verdict.ALIAS_TAKEN
        return None

    def _find(self, member: Member, request_id: str) -> AccessRequest | None:
        found = self.book.find(member)
        return found if found is not None and found.id == request_id else None

    def _refuse(
        self, actor: Actor, who: Member, request_id: str, request: AccessRequest | None, verdict: Verdict
    ) -> Decision:
        """A press that decides nothing is recorded as well."""
        self._record("decide", actor, request or self._unknown(who, request_id), verdict.value)
        return Decision(verdict, request)

    def _unknown(self, who: Member, request_id: str) -> AccessRequest:
        now = self.now()
        return AccessRequest(request_id, who, wish="", reason="", days=None, at=now, expires_at=now)

    def _decide(
        self,
        actor: Actor,
        who: Member,
        request_id: str,
        state: RequestState,
        carry_out: Callable[[AccessRequest], None] = lambda _: None,
    ) -> Decision:
        """Only the first decision counts, whoever presses at the same time; one that fails is taken back."""
        now = self.now()
        kept = self.book.decide(who, request_id, state, actor.name, now)
        if kept is None or (kept.decided_by, kept.state, kept.decided_at) != (actor.name, state, now):
            verdict = self._settled(kept)  # somebody was faster, or its time has run out since we looked
            if verdict is None:
                raise Changed("another decision on this request has just been taken back: try again")
            return self._refuse(actor, who, request_id, kept, verdict)
        try:
            self._record("decide", actor, kept, state.value)
            carry_out(kept)
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self.book.reopen(who, request_id)
                self._record("decide", actor, kept, TAKEN_BACK)
            raise
        return Decision(Verdict.DONE, kept)

    def _record(self, action: str, actor: Actor, request: AccessRequest, outcome: str) -> None:
        self.audit.open(audit.asked(action, actor, request, self.now(), outcome))


def _line(text: str) -> str:
    """Text on one line: administrators read it between other lines, which it must not imitate."""
    return " ".join(text.split())[:MAX_REASON]
