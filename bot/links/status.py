"""What a member may know of themselves: who they are here, what they may open and why, and their last links."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

import structlog

from bot.core import policy
from bot.core.access import Access, Grant, Member, Person
from bot.core.audit import LINK
from bot.core.errors import SlackError, StoreError, UpstreamError
from bot.core.link import Allowed, Denied, Reason
from bot.core.ports import AccessReader, AuditLog, Directory
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.links import groups as membership

T = TypeVar("T")
log = structlog.get_logger()

LAST_LINKS = 5
# How far back the last links may lie, and among how many entries they are looked for: one page of the table.
LOOK_BACK = timedelta(days=30)
MAX_READ = 100
# Seconds that gathering may take. With the time that a request may wait for a place before, and what a reply may take
# after, a member still hears from us within ten.
GATHER_TIMEOUT = 3.5


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """A member's own view of themselves.

    Attributes:
        decision: what the policy would say to their next request.
        allow: their allow rule, whether or not it is still in force.
        links: their last link requests, newest first; None if they could not be read.
    """

    member: Member
    person: Person
    access: Access
    decision: Allowed | Denied
    allow: Grant | None
    allowed_now: bool
    links: tuple[Entry, ...] | None


@dataclass(frozen=True, slots=True)
class GetStatus:
    """The use case and what it needs."""

    access: AccessReader
    audit: AuditLog
    directory: Directory
    rules: policy.Rules
    side: Executor
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic

    def of(self, member: Member, person: Person | None = None) -> MemberStatus:
        """Gather everything about the member, side by side, within a deadline.

        Args:
            person: what Slack has just said of the member; None to have it asked.

        Raises:
            StoreError, SlackError: it could not be gathered, or not in time. The last links may be missing.
        """
        now, until = self.now(), self.monotonic() + GATHER_TIMEOUT
        asked = self.side.submit(self._person, member, person)
        found = self.side.submit(self._links, member, now)
        read = self.side.submit(self.access.read, member)
        access = self._by(until, read, StoreError, "DynamoDB")
        person = self._by(until, asked, SlackError, "Slack")
        asked_of_groups = self.side.submit(membership.of_member, self.directory, member, access, now)
        memberships = self._optional(until, asked_of_groups, SlackError, "Slack") or {}
        facts = policy.Facts(person, access, memberships=memberships)
        allow = policy.allowance(member, facts, now)
        return MemberStatus(
            member=member,
            person=person,
            access=access,
            decision=policy.preview(member, facts, self.rules, now),
            allow=allow,
            allowed_now=allow is not None and allow.holds_at(now),
            links=self._optional(until, found, StoreError, "DynamoDB"),
        )

    def _person(self, member: Member, known: Person | None) -> Person:
        return known or self.directory.person(member)

    def _links(self, member: Member, now: datetime) -> tuple[Entry, ...]:
        entries = self.audit.of_member(member, now - LOOK_BACK, most=MAX_READ)
        return tuple(islice((entry for entry in entries if entry.action == LINK), LAST_LINKS))

    def _optional(self, until: float, found: Future[T], error: type[StoreError | SlackError], who: str) -> T | None:
        try:
            return self._by(until, found, error, who)
        except UpstreamError as failed:
            log.warning("standing_incomplete", why=str(failed))
            return None

    def _by(self, until: float, future: Future[T], error: type[StoreError | SlackError], who: str) -> T:
        """The future's result, waited for no longer than that."""
        try:
            return future.result(timeout=max(0.0, until - self.monotonic()))
        except TimeoutError:
            future.cancel()
            raise error(f"{who} did not answer in time: try again in a minute", reason=Reason.TOO_LATE) from None
