"""Access requests: a member asks, an administrator decides, once.

The state is in the store alone; messages and buttons carry ids that lead to it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from bot.admin.approvals import end_of, give_access, note_recorded
from bot.admin.approvers import Basis
from bot.admin.changes import Admin
from bot.admin.decisions import Decision, Press, Submission, needs_more, one_line, settled
from bot.admin.new_profiles import NewProfiles
from bot.core import audit, policy
from bot.core.access import Mapping, Member
from bot.core.approval_rules import DEFAULT, Terms
from bot.core.consent import Ownership
from bot.core.errors import BadInput, Changed, StudioLinksError, UpstreamError
from bot.core.link import Denied, Source
from bot.core.ports import AccessRequestStore, AuditLog
from bot.core.records import AccessRequest, Actor, DecisionResult, RequestState
from bot.core.values import utc_now
from bot.core.waiting import begins, start_of, taken_back
from bot.links.facts import Gatherer

# How long administrators have; after that the member may ask again. And how long requests are listed.
OPEN_FOR, KEPT_FOR = timedelta(days=7), timedelta(days=37)
# The audit's words for a request that joined an open one, or came a second time, and for a decision that could not
# be carried out.
JOINED, REVERTED = "joined", "taken_back"
ENDORSED = DecisionResult.ENDORSED.value


@dataclass(frozen=True, slots=True)
class AccessRequests:
    """The use case and its dependencies. Every method raises StoreError where the tables fail.

    Attributes:
        facts: with Slack's own records of people: a decision rests on nothing out of date.
        admins: the Slack user ids that may decide, beside those with an admin rule.
        new_profiles: makes profiles on approval.
    """

    requests: AccessRequestStore
    admin: Admin
    audit: AuditLog
    facts: Gatherer
    rules: policy.Rules
    admins: frozenset[str]
    new_profiles: NewProfiles = field(default_factory=NewProfiles)
    now: Callable[[], datetime] = utc_now

    @property
    def basis(self) -> Basis:
        """What decisions rest on."""
        return Basis(self.facts, self.rules, self.admins, self.now)

    def ask(
        self, member: Member, request_id: str, *, wish: str, reason: str, days: int | None, day: date | None = None
    ) -> Submission | Denied:
        """Open a request, or join the one that is open. Denied if an approval would not help the member.

        Args:
            request_id: the same for the same form sent again, which opens nothing twice.
            day: when access is to begin, where the member is; None for at once.
        """
        now, actor, wish, reason = self.now(), Actor(member.user_id, Source.FORM), one_line(wish), one_line(reason)
        facts = self.basis.of_member(member)
        terms = self.basis.terms(member, facts.access, None, wish)
        request = AccessRequest(
            id=request_id,
            member=member,
            wish=wish,
            reason=reason,
            days=days if days in terms.days else terms.days[0],
            at=now,
            expires_at=now + OPEN_FOR,
            start=start_of(day, now, facts.person.tz_offset),
        )
        denied = self.basis.hopeless(member, facts)
        if denied is not None:
            self._record("request", actor, request, denied.reason.value)
            return denied
        if (rule := terms.without_ticket(reason)) is not None:
            raise BadInput(f"the reason names no ticket such as {rule.ticket_example}: ask again with one")
        span = None if wish else self.basis.span(member, facts, terms, request.days)
        there = self.requests.find(member)
        kept = there if there is not None and there.is_upcoming else self.requests.ask(request)
        if kept != request:
            self._record("request", actor, kept, JOINED)
            return Submission(kept, is_new=False)
        try:
            self._record("request", actor, request, audit.DONE)
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self.withdraw(request)
            raise
        if span is None:
            return Submission(request, is_new=True)
        press = Press(terms.approver, member, request_id, Source.FORM, request, until=end_of(request, span, now))
        give = partial(give_access, self.admin, actor=press.actor, until=press.until)
        with suppress(StudioLinksError):  # the audit says so, and people decide
            request = self._decide(press, RequestState.APPROVED, give).request or request
        return Submission(request, is_new=True)

    def open_request(self, member: Member) -> AccessRequest | None:
        """Return the member's request that administrators can still decide, or whose access is yet to begin."""
        found = self.requests.find(member)
        return found if found is not None and (found.is_upcoming or settled(found, self.now()) is None) else None

    def asked(self, tenant: str, *, only_open: bool = True) -> list[AccessRequest]:
        """Return the requests that administrators can still decide, oldest first, or all that are kept."""
        today, back = self.now().astimezone(UTC).date(), OPEN_FOR if only_open else KEPT_FOR
        found = self.requests.since(tenant, today - back, today)
        return [each for each in found if not only_open or settled(each, self.now()) is None]

    def withdraw(self, request: AccessRequest, source: Source = Source.FORM) -> AccessRequest:
        """Close a request that reached nobody, or that its member takes back; return it as it stands then."""
        who = request.member
        if request.is_upcoming:
            taken = taken_back(request, RequestState.WITHDRAWN, who.user_id, self.now())
            done = self._take_back("request", Actor(who.user_id, source), request, taken)
            return taken if done else self.requests.find(who) or request
        kept = self.requests.decide(who, request.id, RequestState.WITHDRAWN, who.user_id, self.now())
        if kept is not None and kept.state is RequestState.WITHDRAWN:  # else somebody was reached, and has decided
            self._record("request", Actor(who.user_id, source), request, RequestState.WITHDRAWN.value)
        return kept or request

    def approve(
        self,
        by: Member | str,
        who: Member,
        request_id: str,
        mapping: Mapping | None = None,
        *,
        source: Source,
        asked_for: bool = False,
        creation: str | None = None,
    ) -> Decision:
        """Grant the request, with the mapping that the administrator names.

        Args:
            by: an administrator in Slack, or the caller of the shell, whom AWS lets change access.
            mapping: needed where the member has none.
            creation: what to make with it, as in `AccessRequest`.
            asked_for: whether the administrator has seen the form for a mapping, so that none means none.

        Raises:
            StoreError, SlackError, StudioError, ProfileConflict, Changed: nothing was granted; the request is open.
        """
        press = Press(by, who, request_id, source, self._find(who, request_id))
        request, (result, terms) = press.request, self._examine(press, mapping, approves=True)
        if result is not None or request is None:
            return self._refuse(press, result or DecisionResult.CLOSED)
        try:
            facts = self.basis.of_member(who)
            redo = request.approvers and self.new_profiles.has_failed(self.admin.studio, facts.access, request)
            approvers = () if redo else self.basis.standing(request, terms)
            if approvers:  # they have decided on the profile as well
                mapping, creation, asked_for = request.mapping, request.creation, True
            mapping = self.new_profiles.placed(mapping, creation)
            profile = None if mapping is None else self.admin.access.ownership(mapping)
            result = self.basis.obstacle(request, facts, terms, mapping, asked_for=asked_for, profile=profile)
            result = result or self.new_profiles.obstacle(self.admin.studio, facts.access, mapping, creation)
        except UpstreamError as error:
            self._record_failure(press, error)
            raise
        if result is not None:
            return self._refuse(press, result)
        domains = {m.domain_id for m in (*facts.access.mappings, *((mapping,) if mapping else ()))}
        approvers = tuple(dict.fromkeys((*approvers, press.actor.name)))
        needed = max(terms.needed, self.rules.approvals_for(domains))
        if len(approvers) < needed and isinstance(by, str):
            raise needs_more(needed)
        if len(approvers) < needed:
            approved = replace(request, approvers=approvers, needed=needed, mapping=mapping, creation=creation)
            return self._endorse(press, request, approved)
        if profile is not None and profile.holder not in (None, who):
            profile = Ownership()  # which it cannot become, so writing fails, even if it is unmapped meanwhile
        days = terms.capped(request.days)
        until = end_of(request, None if days is None else timedelta(days=days), self.now())
        give = partial(give_access, self.admin, actor=press.actor, until=until, mapping=mapping, profile=profile)
        decision = self._grant(replace(press, until=until), request, give, mapping=mapping, creation=creation)
        return replace(decision, person=facts.person)

    def _grant(
        self,
        press: Press,
        request: AccessRequest,
        give: Callable[[AccessRequest], None],
        *,
        mapping: Mapping | None,
        creation: str | None,
    ) -> Decision:
        """Approve the request, and begin to make the mapping's profile if it is to be made."""
        if mapping is None or creation is None:
            return self._decide(press, RequestState.APPROVED, give)
        making = self.new_profiles.begin(request, press.actor, mapping, creation, press.until)
        if making is None:
            closed = settled(self._find(press.who, press.request_id), self.now())
            return self._refuse(press, closed or DecisionResult.WORK_UNDER_WAY)
        with making:
            decision = self._decide(press, RequestState.APPROVED, making.after(give))
        return replace(decision, makes=decision.result is DecisionResult.DONE)

    def _endorse(self, press: Press, seen: AccessRequest, approved: AccessRequest) -> Decision:
        """Keep an approval that is not the last one needed.

        Raises:
            Changed: another approval came first.
        """
        self._record("decide", press.actor, approved, ENDORSED)
        if approved != seen and not self.requests.endorse(seen, approved, self.now()):
            self._record("decide", press.actor, approved, REVERTED)
            raise Changed("another decision on this request came first: look again, then decide")
        return Decision(DecisionResult.ENDORSED, approved)

    def deny(
        self, by: Member | str, who: Member, request_id: str, *, source: Source, reason: str | None = ""
    ) -> Decision:
        """Deny the request, with a reason that the member reads. None asks for one, and denies nothing yet.

        A command also takes an approval back whose access has not begun. Buttons may be old, and do not.
        """
        press = Press(by, who, request_id, source, self._find(who, request_id), one_line(reason or ""))
        result = self._examine(press, None)[0] or (DecisionResult.NEEDS_REASON if reason is None else None)
        seen = press.request if source in (Source.CLI, Source.COMMAND) else None
        if result is DecisionResult.ALREADY_DECIDED and seen is not None and seen.is_upcoming:
            taken = taken_back(seen, RequestState.DENIED, press.actor.name, self.now(), press.answer)
            if self._take_back("decide", press.actor, seen, taken):
                return Decision(DecisionResult.DONE, taken)
        return self._decide(press, RequestState.DENIED) if result is None else self._refuse(press, result)

    def _take_back(self, action: str, actor: Actor, seen: AccessRequest, taken: AccessRequest) -> bool:
        """End an approved request before its access begins; return False if it has begun, or somebody was faster."""
        entry = audit.asked(action, actor, taken, self.now(), taken.state.value)
        return not begins(seen, self.now()) and note_recorded(self.requests, self.audit, seen, taken, entry)

    def _examine(
        self, press: Press, mapping: Mapping | None, *, approves: bool = False
    ) -> tuple[DecisionResult | None, Terms]:
        """Return why this press decides nothing, and what the rules require now. Anybody can see the buttons."""
        try:
            terms = self.basis.terms_at(press, mapping)
            if isinstance(press.by, str):
                return settled(press.request, self.now()), terms
            may = self.basis.may_decide(press.by, [terms])
            looks = not may and approves and not terms.known and self.basis.may_look(press.by)
        except UpstreamError as error:
            self._record_failure(press, error)
            raise
        if not may and not looks:
            named = terms.rules != (DEFAULT,)
            return (DecisionResult.NOT_AN_APPROVER if named else DecisionResult.NOT_AN_ADMIN), terms
        result = DecisionResult.OWN_REQUEST if press.by == press.who else settled(press.request, self.now())
        return result or (DecisionResult.NEEDS_MAPPING if looks else None), terms

    def _find(self, member: Member, request_id: str) -> AccessRequest | None:
        found = self.requests.find(member)
        return found if found is not None and found.id == request_id else None

    def _refuse(self, press: Press, result: DecisionResult) -> Decision:
        self._record_press(press, result.value)
        return Decision(result, press.request)

    def _decide(
        self, press: Press, state: RequestState, carry_out: Callable[[AccessRequest], None] = lambda _: None
    ) -> Decision:
        """Decide once: of simultaneous decisions the first counts, and one that fails is taken back."""
        actor, now = press.actor, self.now()
        given: dict[str, Any] = {"answer": press.answer, "until": press.until}
        kept = self.requests.decide(press.who, press.request_id, state, actor.name, now, **given)
        if kept is None or (kept.decided_by, kept.state, kept.decided_at) != (actor.name, state, now):
            result = settled(kept, self.now())  # somebody was faster, or the request has expired since
            if result is None:
                raise Changed("another decision on this request has just been taken back: try again")
            return self._refuse(replace(press, request=kept), result)
        try:
            self._record("decide", actor, kept, state.value)
            carry_out(kept)
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self.requests.reopen(press.who, press.request_id)
                self._record("decide", actor, kept, REVERTED)
            raise
        return Decision(DecisionResult.DONE, kept)

    def _record_failure(self, press: Press, error: UpstreamError) -> None:
        with suppress(StudioLinksError):  # the first error says more
            self._record_press(press, error.reason.value)

    def _record_press(self, press: Press, outcome: str) -> None:
        self._record("decide", press.actor, press.request or press.unknown(self.now()), outcome)

    def _record(self, action: str, actor: Actor, request: AccessRequest, outcome: str) -> None:
        self.audit.open(audit.asked(action, actor, request, self.now(), outcome))
