"""What comes of a member's form and of an administrator's press on an access request. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.core.access import Member, Person
from bot.core.errors import BadInput
from bot.core.link import Reason, Source
from bot.core.records import AccessRequest, Actor, DecisionResult, RequestState
from bot.core.values import CONTROL, MAX_REASON

# The reasons that an approval changes nothing about, and what the administrator reads of each.
BEYOND_APPROVAL = {
    Reason.NOT_A_MEMBER: DecisionResult.INELIGIBLE,
    Reason.GUEST: DecisionResult.INELIGIBLE,
    Reason.LOCKDOWN: DecisionResult.LOCKED_DOWN,
    Reason.DENIED: DecisionResult.DENY_RULE_REMAINS,
    Reason.STORE_UNREADABLE: DecisionResult.UNREADABLE,
}


@dataclass(frozen=True, slots=True)
class Submission:
    """The member's latest request, and whether this form has opened it; else it may be decided, or have expired."""

    request: AccessRequest
    is_new: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The result, and the request as it stands now, if it exists.

    Attributes:
        person: Slack's record of the member, if it was read.
        makes: whether the member's profile is being made now.
    """

    result: DecisionResult
    request: AccessRequest | None = None
    person: Person | None = field(default=None, compare=False)
    makes: bool = False


@dataclass(frozen=True, slots=True)
class Press:
    """An administrator's press on one request; None if the request no longer exists.

    Attributes:
        by: in Slack; from the shell, the caller's name.
        answer: the reason for a denial.
        until: the end of the access that an approval gives; None for no end date.
    """

    by: Member | str
    who: Member
    request_id: str
    source: Source
    request: AccessRequest | None
    answer: str = ""
    until: datetime | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.by if isinstance(self.by, str) else self.by.user_id, self.source)

    def unknown(self, now: datetime) -> AccessRequest:
        """Return what the audit names where the request does not exist."""
        return AccessRequest(self.request_id, self.who, wish="", reason="", days=None, at=now, expires_at=now)


def settled(request: AccessRequest | None, now: datetime) -> DecisionResult | None:
    """Return why nothing is left to decide."""
    if request is None or request.state is RequestState.WITHDRAWN:
        return DecisionResult.CLOSED
    if request.state is not RequestState.OPEN:
        return DecisionResult.ALREADY_DECIDED
    return DecisionResult.CLOSED if request.expires_at <= now else None


def one_line(text: str) -> str:
    """Return text on one line: administrators read it between other lines, which it must not imitate."""
    return CONTROL.sub("", " ".join(text.split()))[:MAX_REASON]


def needs_more(needed: int) -> BadInput:
    """Return that a shell cannot be one of several approvers, who are members."""
    return BadInput(
        f"{needed} administrators have to approve this: press Approve in Slack, or use `studio-links allow`"
    )
