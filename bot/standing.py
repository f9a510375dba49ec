"""What a member may know of themselves: who they are here, what they may open and why, and their last links."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from bot import policy
from bot.audit import LINK
from bot.model import (
    Access,
    Allowed,
    Denied,
    Effect,
    Entry,
    Grant,
    Member,
    Person,
    utc_now,
)
from bot.ports import AccessReader, AuditLog, Directory

LAST_LINKS = 5
# How far back the last links may lie, so that looking for them costs a bounded number of reads.
LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's own view of themselves.

    Attributes:
        decision: what the policy would say to their next request.
        allow: their allow rule, whether or not it is still in force.
        links: their last link requests, newest first.
    """

    member: Member
    person: Person
    access: Access
    decision: Allowed | Denied
    allow: Grant | None
    allowed_now: bool
    links: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Standings:
    """The use case and what it needs."""

    access: AccessReader
    audit: AuditLog
    directory: Directory
    rules: policy.Rules
    side: Executor
    now: Callable[[], datetime] = utc_now

    def of(self, member: Member) -> Standing:
        """Gather everything about the member, side by side.

        Raises:
            StoreError, SlackError: it could not be gathered.
        """
        now = self.now()
        person = self.side.submit(self.directory.person, member)
        links = self.side.submit(self._links, member, now)
        access = self.access.read(member)
        facts = policy.Facts(person.result(), access)
        allow = policy.rule_of(access.grants, member, Effect.ALLOW)
        return Standing(
            member=member,
            person=person.result(),
            access=access,
            decision=policy.outlook(member, facts, self.rules, now),
            allow=allow,
            allowed_now=allow is not None and allow.holds_at(now),
            links=links.result(),
        )

    def _links(self, member: Member, now: datetime) -> tuple[Entry, ...]:
        entries = self.audit.of_member(member, now - LOOK_BACK)
        return tuple(islice((entry for entry in entries if entry.action == LINK), LAST_LINKS))
