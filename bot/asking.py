"""Asking for access: a member asks, an administrator decides, once.

The state is in the store alone; messages and buttons carry ids that lead to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from bot.admin import Actor, Admin
from bot.model import (
    MAX_REASON,
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
from bot.ports import AuditLog, RequestBook

# How long administrators have; after that the member may ask anew.
OPEN_FOR = timedelta(days=7)
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
    admins: frozenset[str]
    now: Callable[[], datetime] = utc_now

    def ask(self, member: Member, *, wish: str, reason: str, days: int | None) -> tuple[AccessRequest, bool]:
        """Open a request, or join the one that is open; whether it is new.

        Raises:
            StoreError: it could not be kept.
        """
        now = self.now()
        wanted = AccessRequest(
            id=uuid4().hex,
            member=member,
            wish=wish.strip()[:MAX_REASON],
            reason=reason.strip()[:MAX_REASON],
            days=days if days in DAYS else min(day for day in DAYS if day is not None),
            at=now,
            expires_at=now + OPEN_FOR,
        )
        kept = self.book.ask(wanted)
        if kept.id != wanted.id:
            return kept, False
        self._record("request", member.user_id, kept, "done")
        return kept, True

    def approve(self, by: Member, who: Member, request_id: str, mapping: Mapping | None = None) -> Decision:
        """Grant what was asked for, and write the mapping where the member has none.

        Raises:
            StoreError, ProfileTaken, Changed: nothing was granted, and the request is open again.
        """
        barred = self._barred(by, who, request_id)
        if barred is not None:
            return barred
        if mapping is None and not self.admin.show(who).mappings:
            found = self._find(who, request_id)
            return Decision(Verdict.NEEDS_MAPPING if found else Verdict.GONE, found)
        decision = self._decide(by, who, request_id, RequestState.APPROVED)
        if decision.verdict is not Verdict.DONE or decision.request is None:
            return decision
        asked, actor = decision.request, Actor(by.user_id, Door.BUTTON)
        until = None if asked.days is None else self.now() + timedelta(days=asked.days)
        try:
            if mapping is not None:
                self.admin.map(who, mapping, actor)
            self.admin.grant(who.tenant, Grant(who.user_id, Effect.ALLOW, until, asked.reason), actor)
        except Exception:
            self.book.reopen(who, request_id)
            raise
        return decision

    def deny(self, by: Member, who: Member, request_id: str) -> Decision:
        """Turn the request down. StoreError if that could not be kept."""
        return self._barred(by, who, request_id) or self._decide(by, who, request_id, RequestState.DENIED)

    def _barred(self, by: Member, who: Member, request_id: str) -> Decision | None:
        """Anybody can be in the channel in which the buttons are: who presses is checked each time."""
        if by.user_id not in self.admins:
            verdict = Verdict.NOT_AN_ADMIN
        elif by == who:
            verdict = Verdict.OWN_REQUEST
        else:
            return None
        request = self._find(who, request_id)
        if request is not None:
            self._record("decide", by.user_id, request, verdict.value)
        return Decision(verdict, request)

    def _find(self, member: Member, request_id: str) -> AccessRequest | None:
        found = self.book.find(member)
        return found if found is not None and found.id == request_id else None

    def _decide(self, by: Member, who: Member, request_id: str, state: RequestState) -> Decision:
        """Only the first decision counts, whoever presses at the same time."""
        now = self.now()
        kept = self.book.decide(who, request_id, state, by.user_id, now)
        if kept is None or kept.decided_at is None:  # another request, or one whose time has run out
            return Decision(Verdict.GONE, kept)
        if (kept.decided_by, kept.state, kept.decided_at) != (by.user_id, state, now):
            return Decision(Verdict.ALREADY_DECIDED, kept)
        self._record("decide", by.user_id, kept, state.value)
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
