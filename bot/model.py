"""The values that the product talks about: frozen, checked when they are made, free of I/O.

Times are aware `datetime`s in UTC; durations are whole seconds.
"""

import hashlib
import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

# What we call ourselves to AWS. boto3 would describe itself and the machine anew for every call: a tenth of its time.
USER_AGENT = "studio-links"

# Lengths and patterns of CreatePresignedDomainUrl's parameters. The SDK enforces hardly any of them.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
DOMAIN_ID = re.compile(r"d-(-*[a-z0-9]){1,61}")
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
LANDING_URI = re.compile(
    r"(studio::|app:(JupyterServer|JupyterLab|RStudioServerPro|CodeEditor|Canvas):)[!-~]{0,1023}"
)
MAX_NAME = 63
MAX_LANDING_URI = 1023
LINK_SECONDS = range(5, 301)
SESSION_SECONDS = range(1800, 43201)

REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}")
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)

# Slack's ids are opaque, upper case, and start with a letter that tells their kind.
USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
GROUP_ID = re.compile(r"S[A-Z0-9]{1,30}")
PRINCIPAL = re.compile(rf"{USER_ID.pattern}|{GROUP_ID.pattern}")
TENANT_ID = re.compile(r"[TE][A-Z0-9]{1,30}")

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
LONGEST_SESSION_NAME = 64

ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
DEFAULT_ALIAS = "default"
# Words of the `/studio` grammar, present and planned, which no alias may hide.
RESERVED_WORDS = frozenset(
    "help whoami request admin lab code canvas rstudio classic home space".split()  # noqa: SIM905 - reads better
)
MAX_REASON = 500


class InvalidValue(ValueError):
    """A value breaks its rule. `str()` names the field, the value and what it may be.

    Attributes:
        field_name: which field it is, for those who have words of their own for it.
    """

    def __init__(self, field_name: str, value: object, allowed: str) -> None:
        self.field_name = field_name
        super().__init__(f"{field_name} {str(value)[:80]!r} is not valid: it must be {allowed}")
        self.field_name = field_name


def check_pattern(name: str, value: str, pattern: re.Pattern[str], longest: int, allowed: str) -> None:
    """Raise InvalidValue unless all of `value` matches `pattern` within `longest` characters."""
    # Length first: some of AWS's own patterns backtrack without end on long input.
    if len(value) > longest or not pattern.fullmatch(value):
        raise InvalidValue(name, value, allowed)


def check_range(name: str, value: int, allowed: range) -> None:
    """Raise InvalidValue unless `value` lies in `allowed`."""
    if value not in allowed:
        raise InvalidValue(name, value, f"a whole number from {allowed.start} to {allowed.stop - 1}")


def check_reason(text: str) -> None:
    """Raise InvalidValue if what an admin gave as a reason is too long."""
    if len(text) > MAX_REASON:
        raise InvalidValue("reason", text, f"at most {MAX_REASON} characters")


def is_group(principal: str) -> bool:
    """Whether a principal is a user group; otherwise it is a user."""
    return principal.startswith("S")


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
    NOT_AN_ADMIN = "not_an_admin"
    INTERNAL = "internal"


class StudioApp(StrEnum):
    """What a member may ask Studio to open, in the command's own words."""

    LAB = "lab"
    CODE = "code"
    CANVAS = "canvas"
    RSTUDIO = "rstudio"
    CLASSIC = "classic"
    HOME = "home"


# The landing page of each. What members type never reaches a landing URI in any other way.
LANDING_URIS = {
    StudioApp.LAB: "app:JupyterLab:",
    StudioApp.CODE: "app:CodeEditor:",
    StudioApp.CANVAS: "app:Canvas:",
    StudioApp.RSTUDIO: "app:RStudioServerPro:",
    StudioApp.CLASSIC: "app:JupyterServer:",
    StudioApp.HOME: "studio::",
}


APPS_BY_LANDING_URI = {uri: app for app, uri in LANDING_URIS.items()}


class Door(StrEnum):
    """How a request came in."""

    COMMAND = "command"
    BUTTON = "button"
    SHORTCUT = "shortcut"
    FORM = "form"
    HOME = "home"
    CLI = "cli"


class Stage(StrEnum):
    """The parts of a request whose times are taken.

    From a request's first byte to its acknowledgement; for a worker; for all that is read before the decision; for
    its record, beside that; for the link at AWS; for the reply; and from its arrival until Slack took the reply.
    """

    ACKNOWLEDGE = "acknowledge"
    WAIT = "wait"
    GATHER = "gather"
    RECORD = "record"
    MINT = "mint"
    REPLY = "reply"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One person of one tenant, exactly as Slack's signed payload names them.

    Attributes:
        tenant: the team id (`T…`) or enterprise id (`E…`) that admits the member to this bot.
        user_id: Slack's opaque user id (`U…` or `W…`).
    """

    tenant: str
    user_id: str

    def __post_init__(self) -> None:
        check_pattern("team", self.tenant, TENANT_ID, 31, "a Slack team or enterprise id such as T0123ABCD")
        check_pattern("Slack user", self.user_id, USER_ID, 31, "a Slack user id such as U0123ABCD")

    @property
    def session_name(self) -> str:
        """Who CloudTrail says made a call in a role of a mapping; shortened there if need be."""
        return f"slack-{self.tenant}-{self.user_id}"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which SageMaker user profile a member may open, and how. A mapping alone allows nothing.

    Attributes:
        session_seconds: how long the Studio session lasts; None means the configured default.
        profile_arn: as DescribeUserProfile gave it when the mapping was made; None if it could not be read.
        role_arn: the role to assume for the call; None means the bot's own credentials.
    """

    alias: str
    domain_id: str
    profile_name: str
    region: str | None = None
    role_arn: str | None = None
    space_name: str | None = None
    landing_uri: str | None = None
    session_seconds: int | None = None
    profile_arn: str | None = None
    set_by: str = ""
    set_at: datetime | None = None

    def __post_init__(self) -> None:
        check_pattern("alias", self.alias, ALIAS, 32, "1 to 32 lower-case letters, digits and hyphens")
        if self.alias in RESERVED_WORDS:
            raise InvalidValue("alias", self.alias, "none of the command's own words")
        check_pattern("domain", self.domain_id, DOMAIN_ID, MAX_NAME, "a SageMaker domain id such as d-abc123")
        name_rule = "1 to 63 letters, digits and inner hyphens"
        check_pattern("profile", self.profile_name, NAME, MAX_NAME, name_rule)
        if self.space_name is not None:
            check_pattern("space", self.space_name, NAME, MAX_NAME, name_rule)
        if self.landing_uri is not None:
            check_pattern(
                "landing",
                self.landing_uri,
                LANDING_URI,
                MAX_LANDING_URI,
                "studio::PATH or app:NAME:PATH, NAME being JupyterServer, JupyterLab, RStudioServerPro, "
                "CodeEditor or Canvas",
            )
        if self.region is not None:
            check_pattern("region", self.region, REGION, 30, "an AWS region such as eu-west-1")
        if self.role_arn is not None:
            check_pattern("role", self.role_arn, ROLE_ARN, 600, "an IAM role's ARN")
        if self.session_seconds is not None:
            check_range("session seconds", self.session_seconds, SESSION_SECONDS)

    def same_profile(self, other: "Mapping") -> bool:
        """Whether both open the same SageMaker user profile, whose name has no case."""
        return (self.domain_id, self.profile_name.lower()) == (other.domain_id, other.profile_name.lower())


class Effect(StrEnum):
    """What a rule does: allow links, deny them, or allow to administer from Slack."""

    ALLOW = "allow"
    DENY = "deny"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule about one principal, for good or until a time.

    Attributes:
        principal: a Slack user, or a Slack user group, which stands for whoever is in it.
    """

    principal: str
    effect: Effect
    until: datetime | None = None
    reason: str = ""
    set_by: str = ""
    set_at: datetime | None = None

    def __post_init__(self) -> None:
        allowed = "the id of a user (U0123ABCD) or user group (S0123ABCD)"
        check_pattern("principal", self.principal, PRINCIPAL, 31, allowed)
        if self.effect is Effect.ADMIN and self.of_group:
            raise InvalidValue("principal", self.principal, "a user, since groups do not administer")
        check_reason(self.reason)
        if self.until is not None and self.until.tzinfo is None:
            raise InvalidValue("until", self.until, "a time with a time zone")

    @property
    def of_group(self) -> bool:
        """Whether the rule is about a user group."""
        return is_group(self.principal)

    def holds_at(self, now: datetime) -> bool:
        """Whether the rule is still in force."""
        return self.until is None or now < self.until

    def in_words(self, now: datetime) -> str:
        """One line for admins: what the rule does, until when, why, and who set it."""
        words = [f"{self.effect} {self.principal}"]
        if self.until is not None:
            words.append(f"{'until' if self.holds_at(now) else 'ended'} {self.until:%Y-%m-%d %H:%M} UTC")
        if self.reason:
            words.append(f"({self.reason})")
        if self.set_by:
            words.append(f"set by {self.set_by}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Lockdown:
    """No links for anybody of a workspace.

    Attributes:
        reason: what members read.
    """

    reason: str
    set_by: str = ""
    set_at: datetime | None = None

    def __post_init__(self) -> None:
        check_reason(self.reason)
        if not self.reason.strip():
            raise InvalidValue("reason", self.reason, "a few words that tell members why")

    def in_words(self) -> str:
        """One line for admins."""
        since = f" since {self.set_at:%Y-%m-%d %H:%M} UTC" if self.set_at else ""
        return f"lockdown{since} ({self.reason}){f' set by {self.set_by}' if self.set_by else ''}"


@dataclass(frozen=True, slots=True)
class Access:
    """All that the store knows of one member, from one consistent read.

    Attributes:
        unreadable: the names of records whose values make no sense. One of them is enough to deny.
        lockdown: why nobody of the workspace gets a link; None while they do.
        group_grants: the rules for user groups of the workspace, whether or not the member is in them.
        version: of the member's own records, for whoever changes them; 0 if there are none.
    """

    mappings: tuple[Mapping, ...] = ()
    grants: tuple[Grant, ...] = ()
    unreadable: tuple[str, ...] = ()
    lockdown: Lockdown | None = None
    group_grants: tuple[Grant, ...] = ()
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the store knows of a workspace as a whole.

    Attributes:
        grants: the rules for user groups.
        unreadable: as in `Access`. One of them is enough to deny everybody.
        version: for whoever changes it; 0 if there is nothing yet.
    """

    lockdown: Lockdown | None = None
    grants: tuple[Grant, ...] = ()
    unreadable: tuple[str, ...] = ()
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Who Slack says a member is. Fields that Slack left out count against the member.

    Attributes:
        unfit: why Slack's record rules this account out ("deactivated", "bot", …); None if nothing does.
        locale: the language the member has set in Slack, such as "de-DE".
    """

    user_id: str
    team_id: str
    enterprise_id: str | None = None
    unfit: str | None = None
    guest: bool = False
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a member asks to open, all of it optional.

    Attributes:
        alias: which mapping; None means the only one.
        space: a space by name; "" means to choose among those the member may open.
    """

    alias: str | None = None
    app: StudioApp | None = None
    space: str | None = None

    def __post_init__(self) -> None:
        if self.alias is not None:
            check_pattern("alias", self.alias, ALIAS, 32, "1 to 32 lower-case letters, digits and hyphens")
        if self.space:
            check_pattern("space", self.space, NAME, MAX_NAME, "1 to 63 letters, digits and inner hyphens")

    def __str__(self) -> str:
        """The words that ask for it, as a member would type them after the command."""
        words = [self.alias or "", self.app or "", "" if self.space is None else f"space {self.space}"]
        return " ".join(word.strip() for word in words if word)

    def within(self, mapping: Mapping) -> Mapping:
        """The mapping with the app and space asked for in the place of its own."""
        if self.app is not None:
            mapping = replace(mapping, landing_uri=LANDING_URIS[self.app])
        return replace(mapping, space_name=self.space) if self.space else mapping


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """A member asks for a link.

    Attributes:
        id: derived from Slack's `trigger_id`; the same for a replayed request.
        attempt: fresh each time a request comes in; tells a replay from our own retried write.
        started: the monotonic second at which the request came in, against which deadlines are measured.
    """

    id: str
    attempt: str
    member: Member
    door: Door
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
        notice: what an administrator wants the member to read, in their own words.
        mapping: the mapping concerned, once the policy had settled on one.
        mappings: the member's own mappings, where the next step is to name one.
        sign_in_address: the plain address to use instead of a link, where there is one.
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
        """What the audit keeps of the link."""
        return hashlib.sha256(self.url.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Issued:
    """A link was minted for this request and may be delivered to its member."""

    request: LinkRequest
    allowed: Allowed
    link: Link

    @property
    def locale(self) -> str | None:
        """The member's language, as for the other answers."""
        return self.allowed.locale


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a member may choose to open."""

    target: Target
    profile_name: str
    domain_id: str


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit: a request for a link, or an administrative change. It never holds a link.

    Attributes:
        id: the request's id, or a fresh one for a change.
        attempt: who may complete the entry: the attempt that wrote it.
        subject: the id of the user or user group concerned, or of the tenant for what concerns everybody. For a
            foreign request, `TEAM/USER`.
        actor: who acted: a user id, or `cli:` and the AWS caller's ARN.
        action: "link", or the administrative verb ("map", "allow", …).
        outcome: "requested" until the request has ended; then "issued", "undelivered" or a `Reason`;
            "done" for a change.
        detail: for admins; free of secrets.
        aws_request_id: of the call that made the link, or failed to; CloudTrail has it as `requestID`.
        aws_session: the name of the role's session that called; CloudTrail has it behind the role in
            `userIdentity.arn`, and as `sourceIdentity`. None where the bot called with its own credentials.
        before, after: what an administrative change replaced and what it wrote.
    """

    id: str
    attempt: str
    at: datetime
    tenant: str
    subject: str
    actor: str
    door: Door
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


class RequestState(StrEnum):
    """What has become of a request for access."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Posting:
    """Where administrators read a request.

    Attributes:
        message: the message, by channel and time: `C0123ABCD/1735689600.000100`.
        language: the one its words are in, such as "de".
    """

    message: str
    language: str


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A member asks to be let in, or for longer.

    Attributes:
        wish: which profile or domain they would like, in their own words.
        days: for how long; None for good.
        expires_at: until when it can be decided.
        postings: the messages with the buttons, as far as they are known.
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
    postings: tuple[Posting, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingAct:
    """Something an administrator has asked for in Slack, which waits for their next press.

    Attributes:
        id: the id of the request in which they asked; nothing else of it is in the button.
        verb, fields: what they asked for.
        version: of the records that they were shown.
        after: where the next page of a listing begins; empty for what is no listing.
    """

    id: str
    by: Member
    verb: str
    fields: Dictionary[str, str]
    expires_at: datetime
    version: int = 0
    after: str = ""


def utc_now() -> datetime:
    """The clock of production; everything that needs the time is given a callable like this one."""
    return datetime.now(UTC)
