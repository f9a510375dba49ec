"""Read the file of approval rules. Each error names its line and its field. Pure.

https://toml.io/en/v1.0.0
"""

import re
import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

from bot.core.approval_rules import ADMINS, ApprovalRule, Automatic
from bot.core.errors import ConfigError
from bot.core.values import DOMAIN_ID, EMAIL_DOMAIN, GROUP_ID, PRINCIPAL

T = TypeVar("T")
RULE_NAME = re.compile("[a-z0-9][a-z0-9-]{0,39}")
PROFILE_PATTERN = re.compile(r"[A-Za-z0-9*?-]{1,63}")
APPROVER = re.compile(rf"{PRINCIPAL.pattern}|{ADMINS}")
HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]")
MAX_DAYS, MAX_HOURS, MAX_APPROVALS, MAX_PATTERN = 3650, 24 * 365, 9, 200
# What an automatic approval is for.
AUTOMATIC = {"hours", "group", "email_domain"}
FIELDS = {
    *("name", "domain", "profile", "group", "approvers", "fallback", "days", "max_days"),
    *("ticket", "ticket_example", "approvals", "automatic"),
}


class WrongField(ValueError):
    """A field's value cannot be used."""

    def __init__(self, field: str, must_be: str) -> None:
        super().__init__(field, must_be)
        self.field, self.must_be = field, must_be


def parse(text: str, path: str) -> tuple[ApprovalRule, ...]:
    """Return the rules of a file, in its order.

    Raises:
        ConfigError: with line and field, if there is anything in it that is not a rule.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML: {error}: correct it") from None
    rules = found.pop("rule", [])
    if found or not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        field = next(iter(found), "rule")
        raise ConfigError(f"{path}{_line(text, None, field)}, {field}: it must be rules only, each under [[rule]]")
    parsed: list[ApprovalRule] = []
    for number, given in enumerate(rules):
        try:
            parsed.append(_rule(given, {rule.name for rule in parsed}))
        except WrongField as error:
            line = _line(text, number, error.field)
            raise ConfigError(f"{path}{line}, {error.field}: it must be {error.must_be}") from None
    return tuple(parsed)


def _rule(given: dict[str, Any], names: set[str]) -> ApprovalRule:
    _only(given, FIELDS)
    name = _required(given, "name", _form(RULE_NAME), "lower-case letters, digits and hyphens, at most 40")
    if name in names:
        raise WrongField("name", "a name that no other rule has")
    days = tuple(_list(given, "days", _whole(MAX_DAYS), f"whole numbers from 1 to {MAX_DAYS}"))
    limit = _one(given, "max_days", _whole(MAX_DAYS), f"a whole number from 1 to {MAX_DAYS}")
    if limit is not None and days and limit < max(days):
        raise WrongField("max_days", "the longest of days, or more")
    ticket, example = _ticket(given)
    return ApprovalRule(
        name=name,
        domains=_texts(given, "domain", DOMAIN_ID, "SageMaker domain ids such as d-abc123"),
        profiles=_texts(
            given, "profile", PROFILE_PATTERN, "profile names, in which * and ? stand for other characters"
        ),
        groups=_texts(given, "group", GROUP_ID, "user group ids such as S0123ABCD"),
        approvers=_texts(given, "approvers", APPROVER, _WHO) or (ADMINS,),
        fallback=_texts(given, "fallback", APPROVER, _WHO),
        days=days,
        max_days=limit if limit is not None or not days else max(days),
        ticket=ticket,
        ticket_example=example,
        needed=_one(given, "approvals", _whole(MAX_APPROVALS), f"a whole number from 1 to {MAX_APPROVALS}") or 1,
        automatic=_automatic(given),
    )


_WHO = f'ids of users (U0123ABCD) and user groups (S0123ABCD), or "{ADMINS}"'


def _automatic(rule: dict[str, Any]) -> Automatic | None:
    if "automatic" not in rule:
        return None
    given = rule["automatic"]
    if not isinstance(given, dict):
        raise WrongField("automatic", "a table with hours, and group or email_domain or both")
    _only(given, AUTOMATIC)
    groups = _texts(given, "group", GROUP_ID, "user group ids such as S0123ABCD")
    domains = _texts(given, "email_domain", EMAIL_DOMAIN, "e-mail domains such as example.com, in lower case")
    if not groups and not domains:
        raise WrongField("automatic", "for a group or an email_domain or both")
    if rule.get("approvals", 1) != 1:
        raise WrongField("automatic", "in a rule without approvals: nobody would approve")
    hours = _required(given, "hours", _whole(MAX_HOURS), f"a whole number from 1 to {MAX_HOURS}")
    return Automatic(hours, groups, domains)


def _ticket(given: dict[str, Any]) -> tuple[re.Pattern[str] | None, str]:
    """Return the pattern of ticket numbers, and one of them: a member reads no patterns."""
    text = _one(given, "ticket", _form(re.compile(rf".{{1,{MAX_PATTERN}}}")), "a regular expression")
    example = _one(given, "ticket_example", _form(re.compile(r"\S{1,60}")), "a ticket number") or ""
    if text is None:
        if example:
            raise WrongField("ticket_example", "beside ticket, whose example it is")
        return None, ""
    try:
        pattern = re.compile(text, re.ASCII)
    except re.error:
        raise WrongField("ticket", "a regular expression such as OPS-[0-9]+") from None
    rule = ApprovalRule("", ticket=pattern)
    if not example or rule.lacks_ticket(example):
        raise WrongField("ticket_example", "a ticket number that fits the pattern of ticket")
    return pattern, example


def _only(given: dict[str, Any], fields: set[str]) -> None:
    for field in given:
        if field not in fields:
            raise WrongField(field, f"one of {', '.join(sorted(fields))}")


def _form(form: re.Pattern[str]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and form.fullmatch(value) else None


def _whole(most: int) -> Callable[[Any], int | None]:
    return lambda value: value if type(value) is int and 1 <= value <= most else None


def _one(given: dict[str, Any], field: str, check: Callable[[Any], T | None], must_be: str) -> T | None:
    if field not in given:
        return None
    value = check(given[field])
    if value is None:
        raise WrongField(field, must_be)
    return value


def _required(given: dict[str, Any], field: str, check: Callable[[Any], T | None], must_be: str) -> T:
    value = _one(given, field, check, must_be)
    if value is None:
        raise WrongField(field, must_be)
    return value


def _list(given: dict[str, Any], field: str, check: Callable[[Any], T | None], must_be: str) -> list[T]:
    """Return the values of a list, or of one value that needs no list. An empty list would fit everything."""
    if field not in given:
        return []
    values = given[field] if isinstance(given[field], list) else [given[field]]
    found = [value for value in map(check, values) if value is not None]
    if not values or len(found) < len(values):
        raise WrongField(field, must_be)
    return found


def _texts(given: dict[str, Any], field: str, form: re.Pattern[str], must_be: str) -> tuple[str, ...]:
    return tuple(_list(given, field, _form(form), must_be))


def _line(text: str, number: int | None, field: str) -> str:
    """Return the line that sets a field of the rule with this number, or else the line where the rule begins."""
    lines = text.splitlines()
    headers = [index for index, line in enumerate(lines) if HEADER.match(line)]
    begin, end = 0, len(lines)
    if number is not None and number < len(headers):
        begin, end = headers[number], (*headers, len(lines))[number + 1]
    setting = re.compile(rf"(.*[\s{{,.\[\"'])?{re.escape(field)}[\"'\]]*\s*(=|$|\.)")
    at = next((index for index in range(begin, end) if setting.match(lines[index])), begin)
    return f", line {at + 1}"
