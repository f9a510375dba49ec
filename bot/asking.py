"""Asking for access: a member asks, an administrator decides, once.

The state is in the store alone; messages and buttons carry ids that lead to it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from bot.admin import Actor, Admin
from bot.errors import StudioLinksError
from bot.model import (
    MAX_REASON,
    Access,
    AccessRequest,
    Door,
    Effect,
    Entry,
    Grant,
    Mapping,
    Member,
    RequestState,
    utc_now,
)
from bot.policy import Rules
from bot.ports import AuditLog, Directory, RequestBook

# How long administrators have; after that the member may ask anew.
OPEN_FOR = timedelta(days=7)
# The audit's word for a decision that could not be carried out.
TAKEN_BACK = "taken_back"
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
    DENY_STANDS = "deny_stands"
    OF_NO_USE = "of_no_use"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, and the request as it stands now; None if there is none."""

    verdict: Verdict
    request: AccessRequest | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """The use case and what it needs.

    Attributes:
        admins: the Slack user ids that may decide.
    """

    book: RequestBook
    admin: Admin
    audit: AuditLog
    directory: Directory
    rules: Rules
    admins: frozenset[str]
    now: Callable[[], datetime] = utc_now

    def ask(
        self, member: Member, request_id: str, *, wish: str, reason: str, days: int | None
    ) -> tuple[AccessRequest, bool]:
        """Open a request, or join the one that is open; whether it is new.

        Args:
            request_id: the same for the same form sent again, which opens nothing twice.

        Raises:
            StoreError: it could not be kept.
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
        kept = self.book.ask(wanted)
        if kept != wanted:
            return kept, False
        try:
            self._record("request", member.user_id, wanted, "done")
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self.withdraw(wanted)
            raise
        return wanted, True

    def withdraw(self, request: AccessRequest) -> None:
        """Nobody could be told of the request: close it, so that the member can ask again. StoreError as ever."""
        who = request.member
        kept = self.book.decide(who, request.id, RequestState.WITHDRAWN, who.user_id, self.now())
        if kept is not None and kept.state is RequestState.WITHDRAWN:  # else somebody was reached, and has decided
            self._record("request", who.user_id, request, RequestState.WITHDRAWN.value)

    def approve(
        self, by: Member, who: Member, request_id: str, mapping: Mapping | None = None, *, asked_for: bool = False
    ) -> Decision:
        """Grant what was asked for, with the mapping that the administrator names.

        Args:
            mapping: needed where the member has none; left alone where its alias is taken.
            asked_for: whether the administrator has been asked for a mapping, so that none means none.

        Raises:
            StoreError, SlackError, StudioError, ProfileTaken, Changed: nothing was granted; the request is open.
        """
        barred = self._barred(by, who, request_id) or self._settled(who, request_id)
        if barred is not None:
            return barred
        person = self.directory.person(who)
        if person.unfit is not None or (person.guest and not self.rules.allow_guests):
            return Decision(Verdict.OF_NO_USE, self._find(who, request_id))
        access, now, request = self.admin.show(who), self.now(), self._find(who, request_id)
        if any(grant.effect is Effect.DENY and grant.holds_at(now) for grant in access.grants):
            return Decision(Verdict.DENY_STANDS, request)
        wishes = request is not None and bool(request.wish)
        if mapping is None and (not access.mappings or (wishes and not asked_for)):
            return Decision(Verdict.NEEDS_MAPPING, request)
        if mapping is not None and any(each.alias == mapping.alias for each in access.mappings):
            mapping = None
        if mapping is not None:
            self.admin.studio.examine(mapping)
        return self._decide(
            by, who, request_id, RequestState.APPROVED, lambda asked: self._carry_out(by, asked, access, mapping)
        )

    def deny(self, by: Member, who: Member, request_id: str) -> Decision:
        """Turn the request down. StoreError if that could not be kept."""
        return self._barred(by, who, request_id) or self._decide(by, who, request_id, RequestState.DENIED)

    def _carry_out(self, by: Member, asked: AccessRequest, access: Access, mapping: Mapping | None) -> None:
        """The mapping, and the allow rule for as long as was asked; what the member has already is not shortened."""
        actor, who, now = Actor(by.user_id, Door.BUTTON), asked.member, self.now()
        if mapping is not None:
            self.admin.map(who, mapping, actor)
        until = None if asked.days is None else now + timedelta(days=asked.days)
        has = next((grant for grant in access.grants if grant.effect is Effect.ALLOW and grant.holds_at(now)), None)
        longer = has is not None and (has.until is None or (until is not None and has.until >= until))
        if not longer:
            self.admin.grant(who.tenant, Grant(who.user_id, Effect.ALLOW, until, asked.reason), actor)

    def _barred(self, by: Member, who: Member, request_id: str) -> Decision | None:
        """Anybody can be in the channel in which the buttons are: who presses is checked each time."""
        if by.user_id not in self.admins:
            verdict = Verdict.NOT_AN_ADMIN
        elif by == who:
            verdict = Verdict.OWN_REQUEST
        else:
            return None
        request = self._find(who, request_id)
        self._record("decide", by.user_id, request or self._unknown(who, request_id), verdict.value)
        return Decision(verdict, request)

    def _settled(self, who: Member, request_id: str) -> Decision | None:
        """That there is nothing to decide any more, before an administrator is asked for more."""
        request = self._find(who, request_id)
        if request is None or (request.state is RequestState.OPEN and request.expires_at <= self.now()):
            return Decision(Verdict.GONE, request)
        if request.state is RequestState.WITHDRAWN:
            return Decision(Verdict.GONE, request)
        return None if request.state is RequestState.OPEN else Decision(Verdict.ALREADY_DECIDED, request)

    def _find(self, member: Member, request_id: str) -> AccessRequest | None:
        found = self.book.find(member)
        return found if found is not None and found.id == request_id else None

    def _unknown(self, member: Member, request_id: str) -> AccessRequest:
        now = self.now()
        return AccessRequest(request_id, member, wish="", reason="", days=None, at=now, expires_at=now)

    def _decide(
        self,
        by: Member,
        who: Member,
        request_id: str,
        state: RequestState,
        carry_out: Callable[[AccessRequest], None] = lambda _: None,
    ) -> Decision:
        """Only the first decision counts, whoever presses at the same time; one that fails is taken back."""
        now = self.now()
        kept = self.book.decide(who, request_id, state, by.user_id, now)
        if (
            kept is None or kept.decided_at is None or kept.state is RequestState.WITHDRAWN
        ):  # another request, or one whose time has run out
            return Decision(Verdict.GONE, kept)
        if (kept.decided_by, kept.state, kept.decided_at) != (by.user_id, state, now):
            return Decision(Verdict.ALREADY_DECIDED, kept)
        try:
            self._record("decide", by.user_id, kept, state.value)
            carry_out(kept)
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self.book.reopen(who, request_id)
                self._record("decide", by.user_id, kept, TAKEN_BACK)
            raise
        return Decision(Verdict.DONE, kept)

    def _record(self, action: str, actor: str, request: AccessRequest, outcome: str) -> None:
        entry_id = uuid4().hex
        self.audit.open(
            Entry(
                id=entry_id,
                attempt=entry_id,
                at=self.now(),
                tenant=request.member.tenant,
                subject=request.member.user_id,
                actor=actor,
                door=Door.BUTTON,
                action=action,
                outcome=outcome,
                detail=request.reason,
                after={"request": request.id, "wish": request.wish, "days": request.days},
            )
        )


def _line(text: str) -> str:
    """Text on one line: administrators read it between other lines, which it must not imitate."""
    return " ".join(text.split())[:MAX_REASON]
