"""Understand an administrator's command, or refuse it whole.

The shell, Slack text and Slack forms all end in `build`, which checks every field before anything is read or written.
Pure.
"""

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType

from bot.admin.access_requests import JOINED, REVERTED
from bot.admin.specs import COMMAND_SPECS, FLAGS, CommandSpec, Name, Verb
from bot.admin.times import SPAN, parse_when, span_of
from bot.core.access import Effect, Grant, Lockdown, Mapping
from bot.core.audit import (
    ADMINISTRATOR,
    DECIDED,
    DONE,
    INCOMPLETE,
    INVALID_FORM,
    ISSUED,
    NO_SECOND,
    NOT_BEGUN,
    OWN_ACCESS,
    RAN_OUT,
    REQUESTED,
    STARTED,
    UNDELIVERED,
    WAITING,
)
from bot.core.jobs import JobState
from bot.core.link import LANDING_URIS, Reason
from bot.core.records import DecisionResult, RequestState
from bot.core.values import (
    ALIAS,
    DEFAULT_ALIAS,
    DOMAIN_ID,
    GROUP_ID,
    MAX_NAME,
    PRINCIPAL,
    USER_ID,
    InvalidValue,
    check_pattern,
)

ON, OFF = "on", "off"
STATE = re.compile(f"{ON}|{OFF}")
# A Slack user id, part of an AWS caller's ARN, or either of the two.
ACTOR = re.compile(r"[\w+=,.@:/-]+(\|[\w+=,.@:/-]+)?", re.ASCII)

# What a flag is when it is given; and any text.
YES = "yes"
TEXT = re.compile(r"[^\ud800-\udfff]+")

# How far back a history goes by default.
HISTORY = timedelta(days=7)
# Every outcome that an audit entry can have.
LINK_OUTCOMES = (ISSUED, UNDELIVERED, REQUESTED, INVALID_FORM, *Reason)
ENDS = (RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN, RAN_OUT, NOT_BEGUN)
DECISIONS = (*ENDS, *DecisionResult, JOINED, REVERTED)
LEAVING = (JobState.FAILED, JobState.CANCELLED, ADMINISTRATOR)
CHANGES = (DONE, INCOMPLETE, OWN_ACCESS, WAITING, NO_SECOND, DECIDED, STARTED, *LEAVING)
OUTCOMES = tuple(dict.fromkeys(map(str, (*LINK_OUTCOMES, *CHANGES, *DECISIONS))))
# The rules of fields that no record checks.
PATTERNS: Dictionary[str, tuple[re.Pattern[str], int, str]] = {
    Name.USER: (USER_ID, 31, "a Slack user id such as U0123ABCD"),
    Name.BY: (ACTOR, 200, "a Slack user id, or part of a caller's ARN"),
    Name.APPROVER: (ACTOR, 200, "a Slack user id, or part of a caller's ARN"),
    Name.DOMAIN: (DOMAIN_ID, MAX_NAME, "a SageMaker domain id such as d-abc123"),
    Name.ALIAS: (ALIAS, 32, "1 to 32 lower-case letters, digits and hyphens"),
    Name.OUTCOME: (re.compile("|".join(OUTCOMES)), 40, f"one of {', '.join(OUTCOMES)}"),
    Name.STATE: (STATE, 3, "on or off"),
    Name.GROUP: (GROUP_ID, 31, "the id of a user group, such as S0123ABCD"),
    Name.SEARCH: (TEXT, 80, "at most 80 characters"),
    **dict.fromkeys(FLAGS, (re.compile(YES), 3, YES)),
    Name.OVER: (SPAN, 5, "a span such as 12h or 3d"),
}


class Problem(StrEnum):
    """Why a command was not understood."""

    UNKNOWN_VERB = "unknown_verb"
    UNKNOWN_OPTION = "unknown_option"
    TWICE = "twice"
    NO_VALUE = "no_value"
    MISSING = "missing"
    TOO_MUCH = "too_much"
    BAD_VALUE = "bad_value"
    OPEN_QUOTE = "open_quote"
    EXCLUSIVE = "exclusive"


class ParseError(ValueError):
    """A command that was not understood completely, so none of it is carried out.

    Attributes:
        verb: the verb, if it was understood.
        field: the field concerned, or the option as typed.
        value: the text that was not understood.
    """

    def __init__(
        self, problem: Problem, *, verb: Verb | None = None, field: str = "", value: str = "", why: str = ""
    ) -> None:
        super().__init__(why or f"{problem.value.replace('_', ' ')}: {field or value}")
        self.problem, self.verb, self.field, self.value = problem, verb, field, value


@dataclass(frozen=True, slots=True)
class AdminCommand:
    """A command that `build` has checked.

    Attributes:
        fields: the given fields, times as ISO text.
    """

    verb: Verb
    fields: Dictionary[str, str]

    @property
    def principal(self) -> str:
        """The user or user group concerned; empty if there is none."""
        return self.fields.get(Name.USER, "")

    @property
    def alias(self) -> str | None:
        return self.fields.get(Name.ALIAS)

    @property
    def locks(self) -> bool:
        return self.fields.get(Name.STATE) == ON

    @property
    def until(self) -> datetime | None:
        """The end of the rule; None for no end date."""
        return self.time(Name.UNTIL)

    @property
    def over(self) -> timedelta:
        """How long something must have run."""
        return span_of(self.fields.get(Name.OVER, "")) or timedelta()

    @property
    def reason(self) -> str:
        return self.fields.get(Name.REASON, "")

    def mapping(self) -> Mapping:
        """Build the mapping to write; InvalidValue if a field breaks its rule."""
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

    @property
    def names_profile(self) -> bool:
        """Whether an approval names a profile."""
        return self.verb is Verb.APPROVE and not {Name.DOMAIN, Name.PROFILE, Name.ALIAS}.isdisjoint(self.fields)

    def grant(self) -> Grant:
        """Build the rule to write; InvalidValue if a field breaks its rule."""
        return Grant(self.principal, Effect(self.verb.value), self.until, self.reason)

    def check(self) -> None:
        """Raise InvalidValue if the fields make no valid record."""
        if self.verb is Verb.MAP or self.names_profile:
            self.mapping()
        elif self.verb in (Verb.ALLOW, Verb.DENY, Verb.ADMIN):
            self.grant()
        elif self.locks:
            Lockdown(self.reason)

    @property
    def filters(self) -> dict[str, str | None]:
        """What entries of a history have to be; see `history.matches`."""
        return {name.value: self.fields.get(name) for name in (Name.BY, Name.OUTCOME, Name.APPROVER, Name.DOMAIN)}

    def span(self, now: datetime) -> tuple[datetime, datetime | None]:
        """Return the beginning of a history, and its end unless it is now."""
        day = self.fields.get(Name.DAY)
        if day is None:
            return self.time(Name.SINCE) or now - HISTORY, None
        start = datetime.combine(date.fromisoformat(day), time(), UTC)
        return start, start + timedelta(days=1)

    def time(self, name: Name) -> datetime | None:
        """Return a field that is a time."""
        text = self.fields.get(name)
        return None if text is None else datetime.fromisoformat(text)


# The fields whose values name them differently.
_FIELDS = {"role": Name.ROLE_ARN, "session seconds": Name.SESSION_SECONDS, "principal": Name.USER}


def build(verb: Verb, given: Dictionary[Name, str], now: datetime) -> AdminCommand:
    """Build the command from its fields as text; empty ones count as not given.

    Raises:
        ParseError: a field is missing, does not belong there, or breaks its rule.
    """
    spec = COMMAND_SPECS[verb]
    texts = {name: " ".join(text.split()) for name, text in given.items() if text.strip()}
    for name in texts:
        if name not in spec.fields:
            raise ParseError(Problem.UNKNOWN_OPTION, verb=verb, field=name, why=f"`{verb}` has no --{name}")
    needs_reason = {Name.REASON} if texts.get(Name.STATE, "").lower() == ON else set()  # members read it
    missing = [name for name in spec.fields if name in spec.required | needs_reason and name not in texts]
    if missing:
        why = f"--{missing[0]} is missing. {spec.help_of(missing[0])}"
        raise ParseError(Problem.MISSING, verb=verb, field=missing[0], why=why)
    if {Name.SINCE, Name.DAY} <= texts.keys():
        why = "give --since or --day, not both"
        raise ParseError(Problem.EXCLUSIVE, verb=verb, field=Name.DAY, value=texts[Name.DAY], why=why)
    try:
        command = AdminCommand(
            verb, MappingProxyType({name: _checked(spec, name, text, now) for name, text in texts.items()})
        )
        command.check()
    except InvalidValue as error:
        name = _FIELDS.get(error.field_name) or Name(error.field_name)
        value = texts.get(name, "")
        raise ParseError(Problem.BAD_VALUE, verb=verb, field=name, value=value, why=str(error)) from error
    return command


def _checked(spec: CommandSpec, name: Name, text: str, now: datetime) -> str:
    """Return the field's text as it is stored. Fields without a check here are checked by the record they make."""
    match name:
        case Name.UNTIL | Name.EXPIRING:
            return parse_when(text, now, name=name).isoformat()
        case Name.SINCE | Name.UNUSED:
            return parse_when(text, now, sign=-1, name=name).isoformat()
        case Name.DAY:
            return _day(text).isoformat()
        case Name.LANDING:
            text = next((uri for app, uri in LANDING_URIS.items() if app == text.lower()), text)
        case Name.SESSION_SECONDS if span := span_of(text):
            text = str(int(span.total_seconds()))
        case Name.STATE:
            text = text.lower()
        case Name.USER if spec.groups:
            check_pattern(name, text, PRINCIPAL, 31, "the id of a user (U0123ABCD) or user group (S0123ABCD)")
            return text
    if name in PATTERNS:
        check_pattern(name, text, *PATTERNS[name])
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValue(Name.DAY, text, "a day such as 2026-01-31") from None
