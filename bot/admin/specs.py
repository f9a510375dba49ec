"""The verbs of administration: one definition of each, for the shell, for Slack text and for Slack forms."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from bot.core.values import DEFAULT_ALIAS, MAX_REASON


class Verb(StrEnum):
    """The verbs, as on the command line."""

    MAP = "map"
    UNMAP = "unmap"
    ALLOW = "allow"
    DENY = "deny"
    ADMIN = "admin"
    FORGET = "forget"
    SHOW = "show"
    LIST = "list"
    HISTORY = "history"
    EXPLAIN = "explain"
    LOCKDOWN = "lockdown"
    OFFBOARD = "offboard"
    REQUESTS = "requests"
    APPROVE = "approve"
    DECLINE = "decline"
    RUNNING = "running"
    STOP = "stop"


class Name(StrEnum):
    """The fields, named like the command line's options."""

    USER = "user"
    DOMAIN = "domain"
    PROFILE = "profile"
    ALIAS = "alias"
    REGION = "region"
    ROLE_ARN = "role-arn"
    SPACE = "space"
    LANDING = "landing"
    SESSION_SECONDS = "session-seconds"
    UNTIL = "until"
    REASON = "reason"
    SINCE = "since"
    BY = "by"
    APPROVER = "approver"
    OUTCOME = "outcome"
    DAY = "day"
    STATE = "state"
    OVER = "over"
    SEARCH = "search"
    GROUP = "group"
    EXPIRING = "expiring"
    UNUSED = "unused"
    BROKEN = "broken"
    DENIED = "denied"
    OPEN = "open"
    NO_RULE = "no-rule"
    KEEP_FILES = "keep-files"


# Those who have changed something.
ACTORS = frozenset({Name.BY, Name.APPROVER})
# Those that have no value: they are given or not.
FLAGS = (Name.BROKEN, Name.DENIED, Name.NO_RULE, Name.OPEN, Name.KEEP_FILES)


class Kind(StrEnum):
    """The kind of a field, which decides how a form asks for it."""

    TEXT = "text"
    PERSON = "person"
    DAY = "day"
    STATE = "state"
    FLAG = "flag"
    PICK = "pick"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field, as the help describes it."""

    metavar: str
    help: str
    kind: Kind = Kind.TEXT
    max_length: int = 63


FIELD_SPECS: Dictionary[Name, FieldSpec] = MappingProxyType(
    {
        Name.USER: FieldSpec("SLACK_USER", "E-mail address, @name or Slack user id, such as U0123ABCD.", Kind.PERSON),
        Name.DOMAIN: FieldSpec("D", "SageMaker domain id, such as d-abc123.", Kind.PICK),
        Name.PROFILE: FieldSpec("P", "SageMaker user profile name.", Kind.PICK),
        Name.ALIAS: FieldSpec("A", "Which mapping, if the member has several.", max_length=32),
        Name.REGION: FieldSpec("R", "Region of the domain, if it differs from AWS_REGION."),
        Name.ROLE_ARN: FieldSpec("ARN", "Role to assume for the call.", max_length=600),
        Name.SPACE: FieldSpec("S", "Space to open.", Kind.PICK),
        Name.LANDING: FieldSpec("APP", "Where Studio opens: lab, code or such, or app:JupyterLab:", Kind.PICK, 1023),
        Name.SESSION_SECONDS: FieldSpec("N", "Session length: 8h, or 1800-43200 seconds.", Kind.PICK),
        Name.UNTIL: FieldSpec("WHEN", "End: 8h, 30d, 2026-12-31 (its end, UTC), or a full time.", Kind.DAY),
        Name.REASON: FieldSpec(
            "TEXT", "Reason, kept in the audit; `whoami` shows an allow rule's to the member.", max_length=MAX_REASON
        ),
        Name.SINCE: FieldSpec("WHEN", "How far back: 8h, 30d, 2026-01-31. The default is 7d."),
        Name.BY: FieldSpec("ADMIN", "Only their changes: a member, or part of a caller's ARN.", Kind.PERSON),
        Name.APPROVER: FieldSpec("ADMIN", "Only changes this member approved, or this part of an ARN.", Kind.PERSON),
        Name.OUTCOME: FieldSpec("OUTCOME", "Only this outcome, such as issued, done or not_allowed."),
        Name.DAY: FieldSpec("DAY", "Only this day (UTC), such as 2026-01-31.", Kind.DAY),
        Name.OVER: FieldSpec("SPAN", "Only what has run for at least this long, such as 12h or 3d."),
        Name.STATE: FieldSpec("on|off", "Start or end it; without on/off, show the state.", Kind.STATE),
        Name.SEARCH: FieldSpec("TEXT", "Only those with this in a name, address, id or profile.", max_length=80),
        Name.GROUP: FieldSpec("S", "Only members of this user group, such as S0123ABCD.", Kind.PICK),
        Name.EXPIRING: FieldSpec(
            "SPAN", "Only those whose access ends within that time, such as 14d.", max_length=30
        ),
        Name.UNUSED: FieldSpec(
            "SPAN", "Only those with a mapping and no link in that time, such as 60d.", max_length=30
        ),
        Name.BROKEN: FieldSpec("", "Only those with a mapping or record that cannot work.", Kind.FLAG),
        Name.DENIED: FieldSpec("", "Only those whom a rule blocks.", Kind.FLAG),
        Name.OPEN: FieldSpec("", "Only those that can still be decided.", Kind.FLAG),
        Name.NO_RULE: FieldSpec("", "Only those with a mapping and no rule that allows them.", Kind.FLAG),
        Name.KEEP_FILES: FieldSpec("", "Leave the spaces and the profile, with the member's files.", Kind.FLAG),
    }
)


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A verb, its purpose and its fields.

    Attributes:
        help: its purpose; the first line is the summary.
        example: the text to type after `/studio admin`.
        object: the field that is typed without its name; None if there is none.
        options: the other fields.
        required: the fields that must be given.
        field_help: help for fields that mean something special here.
        reads: whether it changes nothing.
        groups: whether its object may be a user group.
        in_slack: whether administrators can use it in Slack.
    """

    help: str
    example: str
    object: Name | None = Name.USER
    options: tuple[Name, ...] = ()
    required: frozenset[Name] = frozenset({Name.USER})
    field_help: Dictionary[Name, str] = field(default_factory=dict)
    reads: bool = False
    groups: bool = False
    in_slack: bool = True

    @property
    def fields(self) -> tuple[Name, ...]:
        """All fields, the object first."""
        return self.options if self.object is None else (self.object, *self.options)

    def help_of(self, name: Name) -> str:
        """Help for one of the fields."""
        if name is Name.USER and self.groups:
            return f"{FIELD_SPECS[name].help[:-1]}, or user group id, such as S0123ABCD."
        return self.field_help.get(name, FIELD_SPECS[name].help)


RULE = (Name.UNTIL, Name.REASON)
COMMAND_SPECS: Dictionary[Verb, CommandSpec] = MappingProxyType(
    {
        Verb.MAP: CommandSpec(
            "Map a member to a SageMaker user profile.",
            "map @ana --domain d-abc123 --profile ana --alias sandbox",
            options=(
                Name.DOMAIN,
                Name.PROFILE,
                Name.ALIAS,
                Name.SPACE,
                Name.LANDING,
                Name.REGION,
                Name.ROLE_ARN,
                Name.SESSION_SECONDS,
            ),
            required=frozenset({Name.USER, Name.DOMAIN, Name.PROFILE}),
            field_help={Name.ALIAS: f"Name the member uses for it. The default is `{DEFAULT_ALIAS}`."},
        ),
        Verb.UNMAP: CommandSpec("Remove a mapping.", "unmap @ana --alias sandbox", options=(Name.ALIAS,)),
        Verb.ALLOW: CommandSpec(
            "Allow a member, or everyone in a Slack user group.\n\n"
            "Group membership is cached for up to a minute. If Slack cannot confirm it, nobody is allowed.",
            'allow @ana --until 30d --reason "project Falcon"',
            options=RULE,
            groups=True,
        ),
        Verb.DENY: CommandSpec(
            "Block a member, or everyone in a Slack user group. This overrides every allow rule.\n\n"
            "If Slack cannot confirm who is in the group, everyone is refused: forget a group's rules before you "
            "delete the group.",
            'deny @ana --reason "laptop stolen"',
            options=RULE,
            groups=True,
        ),
        Verb.ADMIN: CommandSpec(
            "Let a member administer from Slack, in addition to STUDIO_ADMINS. `forget` takes it back.",
            'admin @ana --until 90d --reason "on call"',
            options=RULE,
            in_slack=False,
        ),
        Verb.FORGET: CommandSpec(
            "Remove every rule of a member or user group, and records that cannot be read.",
            "forget @ana",
            groups=True,
        ),
        Verb.SHOW: CommandSpec(
            "Show a member's mappings and rules, or a user group's rules.", "show @ana", reads=True, groups=True
        ),
        Verb.LIST: CommandSpec(
            "List every user group with a rule, and every member with a mapping or rule and what they may do now.\n\n"
            "The options are combined: only those are listed whom all of them fit, and then no user groups.",
            "list --expiring 14d",
            object=Name.SEARCH,
            options=(Name.DOMAIN, Name.GROUP, Name.EXPIRING, Name.UNUSED, Name.BROKEN, Name.DENIED, Name.NO_RULE),
            required=frozenset(),
            field_help={Name.DOMAIN: "Only those with a mapping in this domain."},
            reads=True,
        ),
        Verb.HISTORY: CommandSpec(
            "Show the audit, newest first: requests and changes, with the values before and after.\n\n"
            "The audit is read by member or by day; the other options filter what was read.",
            "history @ana --since 30d",
            options=(Name.BY, Name.APPROVER, Name.DOMAIN, Name.OUTCOME, Name.DAY, Name.SINCE),
            required=frozenset(),
            field_help={Name.USER: "Only this member.", Name.DOMAIN: "Only what was about this domain."},
            reads=True,
        ),
        Verb.EXPLAIN: CommandSpec(
            "Explain what `/studio` would decide for a member now. Issues nothing.",
            "explain @ana",
            options=(Name.ALIAS,),
            reads=True,
        ),
        Verb.RUNNING: CommandSpec(
            "Show what runs in Studio, and what it costs: of a member, or of everyone, the longest running first.\n\n"
            "It lists the mapped domains regardless of rules, and includes apps and spaces without a holder.",
            "running @ana",
            options=(Name.DOMAIN, Name.OVER),
            required=frozenset(),
            field_help={Name.USER: "Only this member.", Name.DOMAIN: "Only this SageMaker domain."},
            reads=True,
        ),
        Verb.STOP: CommandSpec(
            "Stop a member's apps in Studio. Their spaces and files stay.\n\n"
            "Apps in spaces that they own end as well, even if others use those. In Slack, press *Stop* below "
            "`/studio admin running`.",
            "stop @ana --space ana-lab",
            options=(Name.DOMAIN, Name.SPACE),
            field_help={Name.DOMAIN: "Only in this SageMaker domain.", Name.SPACE: "Only in this space."},
            in_slack=False,
        ),
        Verb.OFFBOARD: CommandSpec(
            "Block a member who leaves, and remove their workspace: apps, private spaces, profile and mapping.\n\n"
            "Files in a deleted space are gone. A shared space may hold files of others: it stays, and so does the "
            "profile that owns it. AWS takes up to 20 minutes for each app, so this goes on in the background.",
            "offboard @ana",
            options=(Name.KEEP_FILES,),
        ),
        Verb.REQUESTS: CommandSpec(
            "List access requests: those that can still be decided, and in the shell those of the last 37 days.",
            "requests --open",
            object=None,
            options=(Name.OPEN,),
            required=frozenset(),
            reads=True,
        ),
        Verb.APPROVE: CommandSpec(
            "Approve a member's open access request, for as long as they asked.\n\n"
            "Name a profile if they have none, or asked for another one.",
            "approve @ana --domain d-abc123 --profile ana",
            options=(Name.DOMAIN, Name.PROFILE, Name.ALIAS),
            field_help={Name.ALIAS: f"Name the member uses for it. The default is `{DEFAULT_ALIAS}`."},
        ),
        Verb.DECLINE: CommandSpec(
            "Deny a member's open access request, or take an approval back whose access has not begun.",
            'decline @ana --reason "ask your manager first"',
            options=(Name.REASON,),
            field_help={Name.REASON: "Reason; the member reads it."},
        ),
        Verb.LOCKDOWN: CommandSpec(
            "Stop all links in the workspace immediately. Without on/off, show the current state.\n\n"
            "Links already sent work until they expire, and open Studio sessions stay open.",
            'lockdown on --reason "incident 42"',
            object=Name.STATE,
            options=(Name.REASON,),
            required=frozenset({Name.STATE}),
            field_help={Name.REASON: "Reason; members read it."},
        ),
    }
)
