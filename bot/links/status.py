"""A member's own view of themselves: their account, the mappings they may open and why, and their last links."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog

from bot.core import policy
from bot.core.access import Effect, Grant, Member, Person
from bot.core.audit import LINK
from bot.core.errors import StoreError, UpstreamError
from bot.core.link import Allowed, Denied
from bot.core.ports import AuditLog
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.links.facts import Gatherer, groups_for_link

log = structlog.get_logger()

LAST_LINKS = 5
# How far back the last links may lie, and among how many entries they are looked for: one page of the table.
LOOK_BACK = timedelta(days=30)
MAX_READ = 100
# Seconds that gathering may take. With the time that a request may wait in the queue before it, and that a reply may
# take after it, a member still gets an answer within ten.
GATHER_TIMEOUT = 3.5


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """A member's view of themselves.

    Attributes:
        decision: on their next request.
        allow: their allow rule, even if it has ended.
        links: their last link requests, newest first; None if they could not be read.
    """

    member: Member
    facts: policy.Facts
    decision: Allowed | Denied
    allow: Grant | None
    allowed_now: bool
    links: tuple[Entry, ...] | None

    @property
    def own_allow(self) -> Grant | None:
        """The allow rule for the member alone, in force or ended."""
        return next((grant for grant in self.facts.access.grants if grant.effect is Effect.ALLOW), None)


@dataclass(frozen=True, slots=True)
class GetStatus:
    """The use case and its dependencies."""

    facts: Gatherer
    audit: AuditLog
    rules: policy.Rules
    now: Callable[[], datetime] = utc_now

    def of(self, member: Member, person: Person | None = None) -> MemberStatus:
        """Gather everything about the member; StoreError or SlackError if that fails or takes too long.

        Args:
            person: Slack's record of the member, if it has just been read.
        """
        now, until = self.now(), self.facts.within(GATHER_TIMEOUT)
        gathering = self.facts.begin(member, person)
        found = self.facts.side.submit(self._links, member, now)
        facts = gathering.end(until, lambda known: groups_for_link(member, known, self.rules, now))
        allow = policy.allowance(member, facts, now)
        links: tuple[Entry, ...] | None = None
        try:
            links = self.facts.wait(until, found, StoreError, "DynamoDB")
        except UpstreamError as error:
            log.warning("status_incomplete", why=str(error))
        return MemberStatus(
            member=member,
            facts=facts,
            decision=policy.preview(member, facts, self.rules, now),
            allow=allow,
            allowed_now=allow is not None and allow.holds_at(now),
            links=links,
        )

    def _links(self, member: Member, now: datetime) -> tuple[Entry, ...]:
        entries = self.audit.of_member(member, now - LOOK_BACK, most=MAX_READ)
        return tuple(islice((entry for entry in entries if entry.action == LINK), LAST_LINKS))
