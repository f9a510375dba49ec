"""What an administrator can ask for, whether typed or filled in: checked before anything is read or written. Pure.

Both ways end in `build`, which takes the fields of an act as text and either understands all of them or none.
"""

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from bot.admin.changes import parse_when
from bot.core.access import Effect, Grant, Lockdown, Mapping
from bot.core.values import ALIAS, DEFAULT_ALIAS, GROUP_ID, USER_ID, InvalidValue, check_pattern

STATE = re.compile("on|off")
OUTCOME = re.compile(r"[a-z_]{1,40}")
MAX_ID_LENGTH = 31


class Verb(StrEnum):
    """The verbs, as on the command line."""

    MAP = "map"
    UNMAP = "unmap"
    ALLOW = "allow"
    DENY = "deny"
    FORGET = "forget"
    SHOW = "show"
    LIST = "list"
    HISTORY = "history"
    EXPLAIN = "explain"
    LOCKDOWN = "lockdown"


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
    OUTCOME = "outcome"
    DAY = "day"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """What a verb takes.

    Attributes:
        object: the field that is typed without its name; None if there is none.
        options: the others.
        required: those without which the verb means nothing.
        example: how it is typed after the command.
    """

    example: str
    object: Name | None = Name.USER
    options: tuple[Name, ...] = ()
    required: frozenset[Name] = frozenset({Name.USER})

    @property
    def fields(self) -> tuple[Name, ...]:
        """All of them."""
        return self.options if self.object is None else (self.object, *self.options)


SHAPES: Dictionary[Verb, CommandSpec] = MappingProxyType(
    {
        Verb.MAP: CommandSpec(
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
        ),
        Verb.UNMAP: CommandSpec("unmap @ana --alias sandbox", options=(Name.ALIAS,)),
        Verb.ALLOW: CommandSpec(
            'allow @ana --until 30d --reason "project Falcon"', options=(Name.UNTIL, Name.REASON)
        ),
        Verb.DENY: CommandSpec('deny @ana --reason "laptop stolen"', options=(Name.UNTIL, Name.REASON)),
        Verb.FORGET: CommandSpec("forget @ana"),
        Verb.SHOW: CommandSpec("show @ana"),
        Verb.LIST: CommandSpec("list", object=None, required=frozenset()),
        Verb.HISTORY: CommandSpec(
            "history @ana --since 30d",
            options=(Name.BY, Name.OUTCOME, Name.DAY, Name.SINCE),
            required=frozenset(),
        ),
        Verb.EXPLAIN: CommandSpec("explain @ana", options=(Name.ALIAS,)),
        Verb.LOCKDOWN: CommandSpec(
            'lockdown on --reason "incident 42"',
            object=Name.STATE,
            options=(Name.REASON,),
            required=frozenset({Name.STATE}),
        ),
    }
)

ON, OFF = "on", "off"
# What may be about a user group.
OF_GROUPS = frozenset({Verb.ALLOW, Verb.DENY, Verb.FORGET, Verb.SHOW})
# What changes nothing.
READING = frozenset({Verb.SHOW, Verb.LIST, Verb.HISTORY, Verb.EXPLAIN})


class Problem(StrEnum):
    """Why a request was not understood."""

    UNKNOWN_VERB = "unknown_verb"
    UNKNOWN_OPTION = "unknown_option"
    TWICE = "twice"
    NO_VALUE = "no_value"
    MISSING = "missing"
    TOO_MUCH = "too_much"
    PLAIN_NAME = "plain_name"
    BAD_VALUE = "bad_value"
    OPEN_QUOTE = "open_quote"


class ParseError(ValueError):
    """Part of a request means nothing to us, so nothing of it is done.

    Attributes:
        verb: as far as it was understood.
        field: which field it is about, or the option as it was typed.
        value: what was not understood.
    """

    def __init__(self, problem: Problem, *, verb: Verb | None = None, field: str = "", value: str = "") -> None:
        super().__init__(f"{problem}: {field or value}")
        self.problem, self.verb, self.field, self.value = problem, verb, field, value


@dataclass(frozen=True, slots=True)
class AdminCommand:
    """One thing that an administrator asks for. Made by `build`, which has checked it.

    Attributes:
        fields: what was given, times as ISO text.
    """

    verb: Verb
    fields: Dictionary[str, str]

    @property
    def principal(self) -> str:
        """The user or user group concerned; empty for none."""
        return self.fields.get(Name.USER, "")

    @property
    def alias(self) -> str | None:
        """The mapping meant; None if none was named."""
        return self.fields.get(Name.ALIAS)

    @property
    def locks(self) -> bool:
        """Whether it begins a lockdown."""
        return self.fields.get(Name.STATE) == ON

    @property
    def until(self) -> datetime | None:
        """Until when a rule is to hold."""
        return self._time(Name.UNTIL)

    @property
    def since(self) -> datetime | None:
        """How far back to look."""
        return self._time(Name.SINCE)

    @property
    def day(self) -> date | None:
        """The one day to look at."""
        text = self.fields.get(Name.DAY)
        return None if text is None else date.fromisoformat(text)

    @property
    def reason(self) -> str:
        """Why."""
        return self.fields.get(Name.REASON, "")

    def mapping(self) -> Mapping:
        """The mapping to make; InvalidValue if it makes no sense."""
        given = self.fields.get
        seconds = given(Name.SESSION_SECONDS)
        if seconds is not None and not re.fullmatch("[0-9]{1,6}", seconds):
            raise InvalidValue("session seconds", seconds, "a whole number")
        return Mapping(
            alias=given(Name.ALIAS, DEFAULT_ALIAS),
            domain_id=given(Name.DOMAIN, ""),
            profile_name=given(Name.PROFILE, ""),
            region=given(Name.REGION),
            role_arn=given(Name.ROLE_ARN),
            space_name=given(Name.SPACE),
            landing_uri=given(Name.LANDING),
            session_seconds=None if seconds is None else int(seconds),
        )

    def grant(self) -> Grant:
        """The rule to set; InvalidValue if it makes no sense."""
        return Grant(self.principal, Effect(self.verb.value), self.until, self.reason)

    def _time(self, name: Name) -> datetime | None:
        text = self.fields.get(name)
        return None if text is None else datetime.fromisoformat(text)


# How the model calls a field, where that differs from the option.
_FIELDS = {"role": Name.ROLE_ARN, "session seconds": Name.SESSION_SECONDS, "principal": Name.USER}


def build(verb: Verb, given: Dictionary[Name, str], now: datetime) -> AdminCommand:
    """The act that these fields ask for; empty ones count as not given.

    Raises:
        ParseError: a field is missing, does not belong there, or breaks its rule.
    """
    shape = SHAPES[verb]
    texts = {name: " ".join(text.split()) for name, text in given.items() if text.strip()}
    for name in texts:
        if name not in shape.fields:
            raise ParseError(Problem.UNKNOWN_OPTION, verb=verb, field=name)
    for name in shape.fields:
        if name in shape.required and name not in texts:
            raise ParseError(Problem.MISSING, verb=verb, field=name)
    if texts.get(Name.STATE, "").lower() == ON and Name.REASON not in texts:  # members read it
        raise ParseError(Problem.MISSING, verb=verb, field=Name.REASON)
    act = AdminCommand(
        verb, MappingProxyType({name: _checked(verb, name, text, now) for name, text in texts.items()})
    )
    try:
        if verb is Verb.MAP:
            act.mapping()
        elif verb in (Verb.ALLOW, Verb.DENY):
            act.grant()
        elif act.locks:
            Lockdown(act.reason)
    except InvalidValue as error:
        name = _FIELDS.get(error.field_name) or Name(error.field_name)
        raise ParseError(Problem.BAD_VALUE, verb=verb, field=name, value=texts.get(name, "")) from error
    return act


def _checked(verb: Verb, name: Name, text: str, now: datetime) -> str:
    """The field's text as it is kept. What is not looked at here is left to the model."""
    try:
        match name:
            case Name.USER | Name.BY:
                if not (name is Name.USER and verb in OF_GROUPS and GROUP_ID.fullmatch(text)):
                    check_pattern(name, text, USER_ID, MAX_ID_LENGTH, "a Slack user id")
            case Name.ALIAS:
                check_pattern(name, text, ALIAS, 32, "1 to 32 lower-case letters, digits and hyphens")
            case Name.OUTCOME:
                check_pattern(name, text, OUTCOME, 40, "an outcome such as issued")
            case Name.UNTIL:
                return parse_when(text, now).isoformat()
            case Name.SINCE:
                return parse_when(text, now, sign=-1).isoformat()
            case Name.STATE:
                check_pattern(name, text.lower(), STATE, 3, "on or off")
                return text.lower()
            case Name.DAY:
                return date.fromisoformat(text).isoformat()
            case _:
                pass
    except ValueError as error:  # InvalidValue is one, too
        raise ParseError(Problem.BAD_VALUE, verb=verb, field=name, value=text) from error
    return text
