"""A link request and the answer to it."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.core.access import Grant, Mapping, Member
from bot.core.values import ALIAS, ALIAS_RULE, MAX_NAME, NAME, NAME_RULE, check_pattern


class Reason(StrEnum):
    """Why no link was issued. The value is what the audit records as the outcome."""

    NOT_A_MEMBER = "not_a_member"
    GUEST = "guest"
    LOCKDOWN = "lockdown"
    DENIED = "denied"
    NOT_MAPPED = "not_mapped"
    UNKNOWN_ALIAS = "unknown_alias"
    CHOOSE = "choose"
    NOT_ALLOWED = "not_allowed"
    GRANT_EXPIRED = "grant_expired"
    GROUP_UNCONFIRMED = "group_unconfirmed"
    TOO_MANY = "too_many"
    TOO_MANY_REQUESTS = "too_many_requests"

    DOMAIN_MISSING = "domain_missing"
    DOMAIN_NOT_READY = "domain_not_ready"
    DOMAIN_SSO = "domain_sso"
    PROFILE_MISSING = "profile_missing"
    PROFILE_NOT_READY = "profile_not_ready"
    SPACE_MISSING = "space_missing"
    SPACE_NOT_YOURS = "space_not_yours"
    AWS_REFUSED = "aws_refused"
    AWS_THROTTLED = "aws_throttled"
    AWS_UNREACHABLE = "aws_unreachable"
    AWS_UNEXPECTED = "aws_unexpected"
    LINK_HOST_UNKNOWN = "link_host_unknown"

    APP_GONE = "app_gone"
    APP_NOT_YOURS = "app_not_yours"
    APP_NOT_READY = "app_not_ready"
    APP_RUNNING = "app_running"
    APP_UNKNOWN = "app_unknown"
    APP_QUOTA = "app_quota"

    STORE_UNREACHABLE = "store_unreachable"
    STORE_THROTTLED = "store_throttled"
    STORE_REFUSED = "store_refused"
    STORE_UNREADABLE = "store_unreadable"
    NOT_RECORDED = "not_recorded"

    SLACK_UNREACHABLE = "slack_unreachable"
    SLACK_REFUSED = "slack_refused"

    BUSY = "busy"
    TOO_LATE = "too_late"
    NOT_READY = "not_ready"
    FOREIGN = "foreign"
    STALE_BUTTON = "stale_button"
    TRIGGER_EXPIRED = "trigger_expired"
    NOT_AN_ADMIN = "not_an_admin"
    INTERNAL = "internal"


class StudioApp(StrEnum):
    """The apps that a member may open, in the command's own words."""

    LAB = "lab"
    CODE = "code"
    CANVAS = "canvas"
    RSTUDIO = "rstudio"
    CLASSIC = "classic"
    HOME = "home"


# The landing page of each app. Text that members type never reaches a landing URI in any other way.
LANDING_URIS = {
    StudioApp.LAB: "app:JupyterLab:",
    StudioApp.CODE: "app:CodeEditor:",
    StudioApp.CANVAS: "app:Canvas:",
    StudioApp.RSTUDIO: "app:RStudioServerPro:",
    StudioApp.CLASSIC: "app:JupyterServer:",
    StudioApp.HOME: "studio::",
}
APPS_BY_LANDING_URI = {uri: app for app, uri in LANDING_URIS.items()}


class Source(StrEnum):
    """How a request came in."""

    COMMAND = "command"
    BUTTON = "button"
    SHORTCUT = "shortcut"
    FORM = "form"
    HOME = "home"
    CLI = "cli"
    SCHEDULE = "schedule"


class Stage(StrEnum):
    """The parts of a request whose times are taken."""

    ACKNOWLEDGE = "acknowledge"  # from the first byte to the acknowledgement
    SUGGEST = "suggest"  # the same, where it holds the options of a field
    WAIT = "wait"  # for a worker
    GATHER = "gather"  # all that is read before the decision
    RECORD = "record"  # beside gathering
    MINT = "mint"  # the link, at AWS
    REPLY = "reply"
    WHOLE = "whole"  # from arrival until Slack took the reply


@dataclass(frozen=True, slots=True)
class Target:
    """The profile, app and space that a member asks to open, all of it optional.

    Attributes:
        alias: which mapping; None means the only one.
        space: a space by name; "" means to choose among those the member may open.
    """

    alias: str | None = None
    app: StudioApp | None = None
    space: str | None = None

    def __post_init__(self) -> None:
        if self.alias is not None:
            check_pattern("alias", self.alias, ALIAS, 32, ALIAS_RULE)
        if self.space:
            check_pattern("space", self.space, NAME, MAX_NAME, NAME_RULE)

    def __str__(self) -> str:
        """Return the words for this target, as a member would type them after the command."""
        words = [self.alias or "", self.app or "", "" if self.space is None else f"space {self.space}"]
        return " ".join(word.strip() for word in words if word)


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """A member's request for a link.

    Attributes:
        id: derived from Slack's `trigger_id`; the same for a replayed request.
        attempt: fresh each time a request comes in; tells a replay from our own retried write.
        started: the monotonic second at which the request came in, against which deadlines are measured.
    """

    id: str
    attempt: str
    member: Member
    source: Source
    at: datetime
    started: float
    target: Target = Target()


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a decision, in words an admin can follow."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """The policy's yes: this mapping, because of this grant."""

    member: Member
    mapping: Mapping
    grant: Grant
    aliases: tuple[str, ...] = ()
    locale: str | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """No link, and why.

    Attributes:
        detail: for admins, in the audit; never shown to the member.
        notice: an administrator's message to the member, in their own words.
        mapping: the mapping concerned, once the policy had settled on one.
        mappings: the member's own mappings, where the next step is to name one.
        sign_in_address: the plain address to use instead of a link, where the domain has one.
        retry_at: when a limit of links ends; None for other reasons.
    """

    reason: Reason
    detail: str = ""
    mapping: Mapping | None = None
    mappings: tuple[Mapping, ...] = ()
    target: Target = Target()
    sign_in_address: str | None = None
    aws_request_id: str | None = None
    locale: str | None = None
    checks: tuple[Check, ...] = ()
    notice: str | None = None
    retry_at: datetime | None = None

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names the member may choose from, in order."""
        return tuple(sorted(mapping.alias for mapping in self.mappings))


@dataclass(frozen=True, slots=True)
class Link:
    """A presigned Studio URL: a bearer secret. It hides in `repr`, and only the reply may read `url`."""

    url: str = field(repr=False)
    expires_at: datetime
    lifetime_seconds: int
    session_seconds: int
    aws_request_id: str | None = None

    @property
    def sha256(self) -> str:
        """The hash under which the audit keeps the link."""
        return hashlib.sha256(self.url.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Issued:
    """A link was minted for this request and may be delivered to its member."""

    request: LinkRequest
    allowed: Allowed
    link: Link
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a chooser, with what its mapping opens."""

    target: Target
    profile_name: str
    domain_id: str
    space_name: str | None = None
    landing_uri: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A question back to the member: which of these?

    Attributes:
        options: never empty; the one chosen last time comes first.
        remembered: whether the first option is the one chosen last time.
    """

    request: LinkRequest
    options: tuple[Option, ...]
    remembered: bool = False
    locale: str | None = None


Answer = Issued | Denied | Choice
