"""Members, mappings and access rules, validated on construction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.core.values import (
    ALIAS,
    ALIAS_RULE,
    DOMAIN_ID,
    LANDING_RULE,
    LANDING_URI,
    MAX_LANDING_URI,
    MAX_NAME,
    MAX_REASON,
    NAME,
    NAME_RULE,
    PRINCIPAL,
    REASON,
    REASON_RULE,
    REGION,
    RESERVED_WORDS,
    ROLE_ARN,
    SESSION_SECONDS,
    TENANT_ID,
    USER_ID,
    InvalidValue,
    check_pattern,
    check_range,
    is_group,
)

# A domain, and the name of a profile in lower case.
ProfileKey = tuple[str, str]


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
        """The name under which CloudTrail records calls made with a mapping's role; shortened there if needed."""
        return f"slack-{self.tenant}-{self.user_id}"


@dataclass(frozen=True, slots=True)
class Mapping:
    """The SageMaker user profile that a member may open, and how. A mapping alone allows nothing.

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
        check_pattern("alias", self.alias, ALIAS, 32, ALIAS_RULE)
        if self.alias in RESERVED_WORDS:
            raise InvalidValue("alias", self.alias, "none of the command's own words")
        check_pattern("domain", self.domain_id, DOMAIN_ID, MAX_NAME, "a SageMaker domain id such as d-abc123")
        check_pattern("profile", self.profile_name, NAME, MAX_NAME, NAME_RULE)
        if self.space_name is not None:
            check_pattern("space", self.space_name, NAME, MAX_NAME, NAME_RULE)
        if self.landing_uri is not None:
            check_pattern("landing", self.landing_uri, LANDING_URI, MAX_LANDING_URI, LANDING_RULE)
        if self.region is not None:
            check_pattern("region", self.region, REGION, 30, "an AWS region such as eu-west-1")
        if self.role_arn is not None:
            check_pattern("role", self.role_arn, ROLE_ARN, 600, "an IAM role's ARN")
        if self.session_seconds is not None:
            check_range("session seconds", self.session_seconds, SESSION_SECONDS)

    @property
    def profile_key(self) -> ProfileKey:
        """Identify the SageMaker user profile; case does not matter in its name."""
        return self.domain_id, self.profile_name.lower()

    def same_profile(self, other: "Mapping") -> bool:
        """Return whether both open the same SageMaker user profile."""
        return self.profile_key == other.profile_key


class Effect(StrEnum):
    """The effect of a rule: allow links, deny them, or allow administration from Slack."""

    ALLOW = "allow"
    DENY = "deny"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule about a Slack user, or about a user group and so its members; permanent or until a time."""

    principal: str
    effect: Effect
    until: datetime | None = None
    reason: str = ""
    set_by: str = ""
    set_at: datetime | None = None

    def __post_init__(self) -> None:
        allowed = "the id of a user (U0123ABCD) or user group (S0123ABCD)"
        check_pattern("principal", self.principal, PRINCIPAL, 31, allowed)
        if self.effect is Effect.ADMIN and is_group(self.principal):
            raise InvalidValue("principal", self.principal, "a user, since groups do not administer")
        check_pattern("reason", self.reason, REASON, MAX_REASON, REASON_RULE)
        if self.until is not None and self.until.tzinfo is None:
            raise InvalidValue("until", self.until, "a time with a time zone")

    def holds_at(self, now: datetime) -> bool:
        """Return whether the rule is still in force."""
        return self.until is None or now < self.until

    def describe(self, now: datetime) -> str:
        """One line for admins: what the rule does, until when, why, and who set it."""
        words = [f"{self.effect} {self.principal}"]
        if self.until is not None:
            words.append(f"{'until' if self.holds_at(now) else 'ended'} {self.until:%Y-%m-%d %H:%M} UTC")
        if self.reason:
            words.append(f"({self.reason})")
        if self.set_by:
            words.append(f"set by {self.set_by}")
        return " ".join(words)


def in_force(rules: Iterable[Grant], effect: Effect, now: datetime) -> Grant | None:
    """Return the first of the rules that has this effect now."""
    return next((rule for rule in rules if rule.effect is effect and rule.holds_at(now)), None)


@dataclass(frozen=True, slots=True)
class Lockdown:
    """Stop all links of a workspace, for a reason that members read."""

    reason: str
    set_by: str = ""
    set_at: datetime | None = None

    def __post_init__(self) -> None:
        check_pattern("reason", self.reason, REASON, MAX_REASON, REASON_RULE)
        if not self.reason.strip():
            raise InvalidValue("reason", self.reason, "a few words that tell members why")

    def describe(self) -> str:
        """One line for admins."""
        since = f" since {self.set_at:%Y-%m-%d %H:%M} UTC" if self.set_at else ""
        return f"lockdown{since} ({self.reason}){f' set by {self.set_by}' if self.set_by else ''}"


# Why Slack's record rules out an account that is closed.
DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class Person:
    """Slack's record of a member. Fields that Slack left out count against the member.

    Attributes:
        team_id: one of their workspaces: on Enterprise Grid any of them, or "".
        teams: on Enterprise Grid, all their workspaces in the organisation.
        ineligible_reason: why Slack's record rules this account out ("deactivated", "bot", …); None if nothing does.
        locale: the language the member has set in Slack, such as "de-DE".
        tz_offset: seconds by which their clock is ahead of UTC; None if Slack does not say.
        name, display_name, handle, email: what administrators call them: as Slack names the account, as it calls
            itself, its @name, and its address. No link rests on these.
        email_confirmed: whether Slack says that the address is confirmed, so that an approval may rest on it.
        updated: when the account last changed, in Slack's seconds; 0 if Slack does not say.
        as_of: when Slack said so.
    """

    user_id: str
    team_id: str
    enterprise_id: str | None = None
    ineligible_reason: str | None = None
    guest: bool = False
    locale: str | None = None
    tz_offset: int | None = field(default=None, compare=False)
    teams: frozenset[str] = frozenset()
    name: str = field(default="", compare=False, repr=False)
    display_name: str = field(default="", compare=False, repr=False)
    handle: str = field(default="", compare=False, repr=False)
    email: str = field(default="", compare=False, repr=False)
    email_confirmed: bool = field(default=False, compare=False)
    updated: int = field(default=0, compare=False)
    as_of: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Access:
    """The store's records of one member, and what holds for the workspace, from one consistent read.

    Attributes:
        unreadable: the names of records with invalid values. One of them is enough to deny.
        group_grants: whether or not the member is in the groups.
        version: of the member's own records, against which a change is checked; 0 without records.
        person: Slack's record of the member as it was kept, if it was read with the others.
    """

    mappings: tuple[Mapping, ...] = ()
    grants: tuple[Grant, ...] = ()
    unreadable: tuple[str, ...] = ()
    lockdown: Lockdown | None = None
    group_grants: tuple[Grant, ...] = ()
    version: int = field(default=0, compare=False)
    person: Person | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The store's records of a workspace as a whole, as in `Access`; the grants are those of user groups."""

    lockdown: Lockdown | None = None
    grants: tuple[Grant, ...] = ()
    unreadable: tuple[str, ...] = ()
    version: int = field(default=0, compare=False)

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """Always empty: only members have mappings."""
        return ()
