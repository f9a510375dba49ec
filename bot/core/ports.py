"""Interfaces of the use cases to the outside. `tests/contract` holds each adapter, and its fake, to them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from datetime import date, datetime
from typing import Protocol

from bot.core.access import Access, Grant, Lockdown, Mapping, Member, Person, Workspace
from bot.core.consent import Ownership
from bot.core.link import Allowed, Link
from bot.core.records import AccessRequest, Entry, Handover, PendingCommand, Posting, RequestState
from bot.core.seals import AuditRecord

# Slack's own code. https://docs.slack.dev/reference/methods/usergroups.users.list
NO_SUCH_GROUP = "no_such_subteam"

# Counts a failed call, given the upstream and its error code.
Failed = Callable[[str, str], None]


class AccessReader(Protocol):
    """The serving side of the access table: it only reads."""

    def read(self, member: Member) -> Access:
        """Return the member's records from one strongly consistent read; StoreError if that fails."""


class AccessAdmin(AccessReader, Protocol):
    """The administrative side. Each change is one transaction together with its audit entry.

    A change is made only if the records are still those in `seen`; otherwise it raises Changed, and nothing is
    written. StoreError as for reading.
    """

    def members(self, tenant: str, *, after: str | None = None) -> Iterator[tuple[str, Access]]:
        """Yield each user id of the tenant, with its own records, in the table's order; only those behind `after`."""

    def read_each(self, members: Sequence[Member]) -> Iterator[tuple[Member, Access]]:
        """Yield the own records of each of these, strongly consistent; nothing of the workspace."""

    def administrators(self, tenant: str) -> frozenset[str]:
        """Return the user ids with an admin rule, whether or not it is in force."""

    def ending(self, tenant: str, since: datetime, until: datetime) -> frozenset[str]:
        """Return the user ids whose own allow rule ends within this span. The read is eventually consistent."""

    def holders(self, mappings: Sequence[Mapping]) -> Iterator[tuple[Mapping, Member]]:
        """Yield the holder of each mapping's profile, many in one call, without those that nobody holds."""

    def workspace(self, tenant: str) -> Workspace:
        """Return the workspace's records, strongly consistent."""

    def ownership(self, mapping: Mapping) -> Ownership:
        """Return whose the mapping's profile is or was, strongly consistent but for the name of a former owner."""

    def put_records(
        self,
        member: Member,
        records: Sequence[Mapping | Grant],
        *,
        seen: Access,
        entry: Entry,
        profile: Ownership | None = None,
        handover: Handover | None = None,
    ) -> None:
        """Write a member's records as one change, replacing those of the same name, and hold the mappings' profiles.

        Args:
            profile: whose the profile of the only mapping was when it was read; None if that does not matter.
            handover: who loses that profile in the same change.

        Raises:
            ProfileConflict: another member holds one of the profiles.
        """

    def delete_mapping(self, member: Member, mapping: Mapping, *, seen: Access, entry: Entry) -> None:
        """Remove a mapping and release its profile."""

    def put_grant(self, tenant: str, grant: Grant, *, seen: Access | Workspace, entry: Entry) -> None:
        """Write a rule, replacing one of the same kind; `seen` is the workspace for a group's rule."""

    def delete_grants(self, tenant: str, principal: str, *, seen: Access | Workspace, entry: Entry) -> None:
        """Remove the principal's rules and unreadable records; `seen` is the workspace for a group."""

    def put_lockdown(self, tenant: str, lockdown: Lockdown | None, *, seen: Workspace, entry: Entry) -> None:
        """Begin a lockdown, or end it with None."""


class AuditLog(Protocol):
    """The paper trail. Entries are only added and completed, never removed."""

    def open(self, entry: Entry) -> None:
        """Write a new entry.

        Raises:
            AlreadyRecorded: an entry with this id exists, written by another attempt or complete already.
        """

    def close(self, entry: Entry) -> None:
        """Complete an entry with its outcome, or write it whole if opening it had failed.

        Raises:
            AlreadyRecorded: the entry with this id belongs to another attempt, or has another outcome already.
        """

    def opened(self, member: Member, request_id: str, at: datetime) -> Entry | None:
        """Note that the member pressed the link; None if the member has no such link."""

    def of_member(
        self, member: Member, since: datetime, before: datetime | None = None, *, most: int | None = None
    ) -> Iterator[Entry]:
        """Yield a member's entries from `since` on and before `before`, newest first, no more than `most`."""

    def of_day(self, tenant: str, day: date) -> Iterator[Entry]:
        """Yield a tenant's entries of one UTC day, newest first."""


class SealLog(Protocol):
    """The seals of the audit, and what they seal, for verification."""

    def seals(self, tenant: str, since: str) -> Iterator[tuple[str, str]]:
        """Yield the key and the text of each seal that ends after `since`, oldest first."""

    def seal_text(self, tenant: str, number: int) -> str:
        """Return the text of one seal; empty if it does not exist."""

    def page(self, tenant: str, page: str) -> str:
        """Return the page with this hash; empty if it does not exist."""

    def records(self, tenant: str, begin: str, end: str) -> Iterator[AuditRecord]:
        """Yield a tenant's entries from `begin` on and before `end`, oldest first."""

    def erased(self, erasure_id: str) -> dict[str, str]:
        """Return what an erasure lists: the commitment to each entry that it replaced, by id."""


class Intake(Protocol):
    """The intake of link requests, for all replicas together."""

    def take(self, entry: Entry, at_most: int) -> bool:
        """Record a request and count it, atomically; return whether it is among the first `at_most` of its minute.

        Raises:
            AlreadyRecorded: as for `AuditLog.open`.
        """

    def release(self, entry: Entry) -> None:
        """Do not count a request in its minute any more, because it led to no link."""


class Choices(Protocol):
    """The alias that each member opened last. Only the order of offered options depends on it."""

    def remember(self, member: Member, alias: str, at: datetime) -> None:
        """Keep the alias that the member opened."""

    def recall(self, member: Member) -> str | None:
        """Return the alias that the member opened last; None if unknown."""


class Messages(Protocol):
    """The contents of messages that we may still replace, for all replicas together."""

    def note(self, message: str, shows: str, at: datetime, *, unless: str | None = None) -> bool:
        """Keep the new content of a message; keep nothing and return False if it shows `unless` now."""

    def shown(self, message: str) -> str | None:
        """Return the content of a message; None if unknown."""


class AccessRequestStore(Protocol):
    """The requests for access: the latest of each member."""

    def ask(self, request: AccessRequest) -> AccessRequest:
        """Keep the request and return it; if the member has an open one, return that instead."""

    def find(self, member: Member) -> AccessRequest | None:
        """Return the member's latest request."""

    def since(self, tenant: str, first: date, last: date) -> Sequence[AccessRequest]:
        """Return the latest request of each member who asked on one of these days (UTC), oldest first."""

    def decide(
        self,
        member: Member,
        request_id: str,
        state: RequestState,
        by: str,
        at: datetime,
        *,
        answer: str = "",
        until: datetime | None = None,
    ) -> AccessRequest | None:
        """Decide an open request, once; return it as it then stands, or None if it is not the latest."""

    def posted(self, member: Member, request_id: str, postings: Sequence[Posting]) -> AccessRequest | None:
        """Keep where administrators read the request; return as for `decide`."""

    def endorse(self, seen: AccessRequest, approved: AccessRequest, at: datetime) -> bool:
        """Keep the approvals of an open request; return False if they are no longer those that were seen."""

    def note(self, seen: AccessRequest, told: AccessRequest) -> bool:
        """Store which messages about a request were sent, and its state; return False if either is not as `seen`."""

    def reopen(self, member: Member, request_id: str) -> None:
        """Take a decision back that could not be carried out."""


class Confirmations(Protocol):
    """Commands that administrators have yet to confirm, or whose next page they have yet to read."""

    def keep(self, command: PendingCommand) -> bool:
        """Keep the command; return False if one with this id was kept before: the request is a replay."""

    def take(self, by: Member, pending_id: str, at: datetime, *, second: bool = False) -> PendingCommand | None:
        """Return this administrator's command, once; None if it is unknown, used or expired.

        Args:
            second: whether it is one that another administrator decides on.
        """

    def waiting(self, by: Member, pending_id: str, at: datetime) -> PendingCommand | None:
        """Return this administrator's command that another one decides on, and leave it; None as for `take`."""


class PeopleStore(Protocol):
    """Slack's records of members who asked for links, each as of a time. StoreError where that fails.

    No record is replaced by an older one: the time of the account's last change in Slack tells.
    """

    @property
    def heard_at(self) -> datetime | None:
        """Return when an event about an account last arrived; None if never, or if records cannot be read."""

    def hear(self, tenant: str, at: datetime) -> None:
        """Note that an event about an account has arrived."""

    def claim(self, tenant: str, at: datetime, until: datetime) -> bool:
        """Return whether it is the caller's to renew the records; nobody else's then until that time."""

    def learn(self, tenant: str, person: Person, at: datetime) -> None:
        """Keep a person's record."""

    def renew(self, tenant: str, people: Iterable[Person]) -> int:
        """Replace the records of those of these who have one; return how many."""

    def changed(self, tenant: str, person: Person, at: datetime, *, restricted: bool) -> None:
        """Keep the record of somebody restricted; drop that of anybody else who has other rights by it."""


class Directory(Protocol):
    """Slack's records of members and user groups."""

    def person(self, member: Member) -> Person:
        """Return Slack's record of a member, ineligible if Slack does not know them; SlackError without an answer."""

    def group_members(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str]:
        """Return the ids of the users in a user group, or in a disabled one if `even_disabled`.

        Raises:
            SlackError: Slack did not answer, or with the code NO_SUCH_GROUP knows no such group.
        """


class Studio(Protocol):
    """Mint sign-in links."""

    def connect(self, beside: Executor) -> None:
        """Open a connection for the next link on another thread, unless one is open. Its failure shows later."""

    def sign_in(self, allowed: Allowed) -> Link:
        """Return a fresh link for what the policy allowed; StudioError if AWS makes none."""

    def spaces(self, member: Member, mapping: Mapping) -> tuple[str, ...]:
        """Return the spaces that the mapping's profile may open, shared and its own; StudioError if AWS refuses."""


class StudioExaminer(Protocol):
    """Check a mapping's domain, profile and space."""

    def examine(self, mapping: Mapping) -> Mapping:
        """Return the mapping with its profile's ARN; StudioError if nobody could sign in with it now."""


class WorkPool(Protocol):
    """A bounded pool of threads."""

    name: str
    capacity: int

    @property
    def in_flight(self) -> int:
        """Return how many jobs run or wait."""

    def submit(self, job: Callable[[], object]) -> None:
        """Accept the job; QueueFull if the pool has no room for it."""

    def shutdown(self) -> None:
        """Accept no more jobs, and return when the accepted ones have ended."""
