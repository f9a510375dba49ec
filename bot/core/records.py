"""Stored records: audit entries, access requests and unconfirmed commands."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.access import Access, Grant, Lockdown, Mapping, Member
from bot.core.link import Source

# The records that administrators set.
Record = Mapping | Grant | Lockdown


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change, and the way it came in.

    Attributes:
        approved_by: the second administrator, where the change needed one.
    """

    name: str
    source: Source
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit: a request for a link, or an administrative change. It never holds a link.

    Attributes:
        id: the request's id, or a fresh one for a change.
        attempt: the attempt that wrote the entry; only that one may complete it.
        subject: the id of the user or user group concerned, or of the tenant for what concerns everybody. For a
            foreign request, `TEAM/USER`.
        actor: the caller: a user id, or `cli:` and the AWS caller's ARN.
        action: "link", or the administrative verb ("map", "allow", …).
        outcome: "requested" until the request has ended; then "issued", "undelivered" or a `Reason`;
            "done" for a change.
        detail: for admins; free of secrets.
        aws_request_id: of the call that made the link, or failed to; CloudTrail has it as `requestID`.
        aws_session: the name of the role's session that called; CloudTrail has it behind the role in
            `userIdentity.arn`, and as `sourceIdentity`. None where the bot called with its own credentials.
        before, after: the records that an administrative change replaced and wrote.
        region: the mapping's region; None where it has none of its own.
    """

    id: str
    attempt: str
    at: datetime
    tenant: str
    subject: str
    actor: str
    source: Source
    action: str
    outcome: str
    alias: str | None = None
    domain_id: str | None = None
    profile_name: str | None = None
    space_name: str | None = None
    landing_uri: str | None = None
    rule: str | None = None
    detail: str | None = None
    link_sha256: str | None = None
    expires_at: datetime | None = None
    opened_at: datetime | None = None
    locale: str | None = None
    aws_request_id: str | None = None
    aws_session: str | None = None
    before: Dictionary[str, object] | None = None
    after: Dictionary[str, object] | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """The other half of the change that gives a member's profile to another member.

    Attributes:
        member, seen: who loses it, and their records as they were read.
        entry: their audit entry.
    """

    member: Member
    seen: Access
    entry: Entry


class RequestState(StrEnum):
    """The state of an access request."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


class DecisionResult(StrEnum):
    """The result of an administrator's decision on an access request."""

    DONE = "done"
    NOT_AN_ADMIN = "not_an_admin"
    NOT_AN_APPROVER = "not_an_approver"
    NEEDS_TICKET = "needs_ticket"
    OWN_REQUEST = "own_request"
    ALREADY_DECIDED = "already_decided"
    CLOSED = "gone"
    NEEDS_MAPPING = "needs_mapping"
    NEEDS_REASON = "needs_reason"
    PROFILE_GONE = "profile_gone"
    ALIAS_IN_USE = "alias_taken"
    HAD_OWNER = "had_owner"
    NO_TEMPLATE = "no_template"
    PROFILE_EXISTS = "profile_exists"
    WORK_UNDER_WAY = "work_under_way"
    ENDORSED = "endorsed"
    DENY_RULE_REMAINS = "deny_stands"
    UNREADABLE = "unreadable"
    INELIGIBLE = "of_no_use"
    LOCKED_DOWN = "locked_down"


@dataclass(frozen=True, slots=True)
class Posting:
    """A message in which administrators read a request.

    Attributes:
        message: the message, by channel and time: `C0123ABCD/1735689600.000100`.
        language: the one its words are in, such as "de".
    """

    message: str
    language: str


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A member's request for access, or for more time.

    Attributes:
        wish: which profile or domain they would like, in their own words.
        days: the duration of access; None for no end date.
        expires_at: the time until which it can be decided.
        answer: the administrator's reason for a denial, which the member reads.
        postings: the messages with the buttons, as far as they are known.
        approvers: the user ids of administrators who have approved while more are needed.
        needed: how many have to, as far as the first of them knew.
        mapping: the mapping that the first of them named.
        creation: the instance type of a private space to make with the mapping's profile, "" for the profile alone;
            None if the profile exists.
        reminders: the number of reminders sent to its approvers.
        remind_at: when the next one is due, unless that was the last; None before the first.
        end_told: whether both sides were told that nobody decided in time; of a request with a later start, whether
            its access has begun.
        start: when access is to begin; None for at once.
        until: the end of the access that was approved; None for no end date, or before the approval.
    """

    id: str
    member: Member
    wish: str
    reason: str
    days: int | None
    at: datetime
    expires_at: datetime
    state: RequestState = RequestState.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    answer: str = ""
    postings: tuple[Posting, ...] = ()
    approvers: tuple[str, ...] = ()
    needed: int = 1
    mapping: Mapping | None = None
    creation: str | None = None
    reminders: int = 0
    remind_at: datetime | None = None
    end_told: bool = False
    start: datetime | None = None
    until: datetime | None = None

    @property
    def is_upcoming(self) -> bool:
        """Whether it is approved for a later time, and its access has not begun."""
        if self.state is not RequestState.APPROVED or self.start is None or self.decided_at is None:
            return False
        if self.days is not None and self.until is None:  # a version that ignores the start has given access
            return False
        return self.decided_at < self.start and not self.end_told


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command from Slack that waits for the administrator's next press.

    Attributes:
        id: the id of that request; nothing else of it is in the button.
        verb, fields: the command.
        version: of the records that they were shown.
        after: where the next page of a listing begins; empty for what is no listing.
        second: whether another administrator decides on it.
        mark: of the profile's ownership then; see `consent.Ownership`.
    """

    id: str
    by: Member
    verb: str
    fields: Dictionary[str, str]
    expires_at: datetime
    version: int = 0
    after: str = ""
    second: bool = False
    mark: str = ""
