"""Parse `/studio admin …`, typed or filled in, into a command. Pure.

The text reads like a shell's command line, as Slack's clients change it: they replace two hyphens with a dash, and
straight quotation marks with curly ones. Only Slack identifies people: with `should_escape`, which the manifest sets,
a mention arrives as an id, and Slack resolves e-mail addresses and plain @names.
https://docs.slack.dev/interactivity/implementing-slash-commands#escaping
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import unescape

from bot.admin.commands import OFF, YES, AdminCommand, ParseError, Problem, build
from bot.admin.names import ADDRESS, actor, is_name
from bot.admin.specs import ACTORS, COMMAND_SPECS, FLAGS, Name, Verb
from bot.core.values import GROUP_ID

# The characters that open and close a quotation, in straight, English, German and French.
DOUBLE, SINGLE = '"“”„‟«»', "'‘’‚‛"  # noqa: RUF001 - these are meant
DASHES = "‒–—―−"  # noqa: RUF001 - these are meant
FLAG = rf"(?:--|[{DASHES}]{{1,2}})([A-Za-z-]+)"
OPTION = re.compile(rf"{FLAG}(?:=(.*))?", re.DOTALL)
# A mention, whose name may contain blanks; an option right before a quotation; or anything without blanks.
WORD = re.compile(rf"<[@!][^<>]*>(?=\s|$)|{FLAG}=(?=[{DOUBLE}{SINGLE}])|\S+")
MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>|<!subteam\^(S[A-Z0-9]{1,30})(?:\|[^<>]*)?>")
# An address, as Slack's clients may send it.
MAILTO = re.compile(r"<mailto:([^<>|]+)(?:\|[^<>]*)?>")
# A real id contains a digit; a word in capitals does not: `deny WALTER` is a mistake.
BARE_ID = re.compile(r"[UWS](?=[A-Z]*[0-9])[A-Z0-9]{1,30}")
PEOPLE = (Name.USER, Name.BY, Name.APPROVER, Name.GROUP, Name.SEARCH)
# Placeholders for wrong values of required fields, so that the rest of a form can be checked.
VALID: Mapping[str, str] = {Name.USER: "U0", Name.DOMAIN: "d-0", Name.PROFILE: "x", Name.STATE: OFF, Name.REASON: "x"}
# The field of a form for a user group.
GROUP = "group"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a quotation, which is never an option."""

    text: str
    quoted: bool = False

    @property
    def option(self) -> re.Match[str] | None:
        """The match of the option, if it is one."""
        return None if self.quoted else OPTION.fullmatch(self.text)


def parse_admin(text: str, now: datetime, find_id: Callable[[str], str]) -> AdminCommand:
    """Parse what an administrator typed.

    Args:
        text: as Slack sent it, escaped.
        find_id: returns the id of the member with an e-mail address or @name, or raises UnclearName.

    Raises:
        ParseError: some of it was not understood.
    """
    first, *rest = list(_tokens(text)) or [Token("")]
    verb = parse_verb(first.text.lower())
    if verb is None:
        raise ParseError(Problem.UNKNOWN_VERB, value=unescape(first.text))
    return build(verb, _fields(verb, rest, find_id), now)


def parse_verb(text: str) -> Verb | None:
    """Return the verb if administrators can use it in Slack."""
    return Verb(text) if text in set(Verb) and COMMAND_SPECS[Verb(text)].in_slack else None


def _tokens(text: str) -> Iterator[Token]:
    left = text.strip()
    while left:
        marks = next((marks for marks in (DOUBLE, SINGLE) if left[0] in marks), None)
        if marks is not None:
            # A mark inside a word is an apostrophe and does not close the quotation.
            closed = re.match(rf"[{marks}](.*?)[{marks}](?=\s|$)", left, re.DOTALL)
            if closed is None:
                raise ParseError(Problem.OPEN_QUOTE, value=unescape(left))
            yield Token(unescape(closed[1]), quoted=True)
            left = left[closed.end() :].lstrip()
            continue
        word = WORD.match(left)
        if word is None:  # never: it does not begin with a blank
            raise ParseError(Problem.TOO_MUCH, value=unescape(left))
        yield Token(word[0])
        left = left[word.end() :].lstrip()


def _fields(verb: Verb, tokens: list[Token], find_id: Callable[[str], str]) -> dict[Name, str]:
    """Return the fields by name, each once. Look people up last, when everything else is valid."""
    spec, fields, left = COMMAND_SPECS[verb], dict[Name, str](), list(tokens)
    while left:
        token = left.pop(0)
        option = token.option
        if option is None:
            name, value = spec.object, token
            if name is None or name in fields:
                raise ParseError(Problem.TOO_MUCH, verb=verb, value=unescape(token.text))
        else:
            name = _option(verb, option[1])
            if name in fields:
                raise ParseError(Problem.TWICE, verb=verb, field=name)
            if name in FLAGS and not option[2]:
                value = Token(YES)
            elif option[2]:
                value = Token(option[2])
            elif not left or left[0].option is not None:
                raise ParseError(Problem.NO_VALUE, verb=verb, field=name)
            else:
                value = left.pop(0)
        fields[name] = _value(verb, name, value)
    if is_name(fields.get(Name.USER, "")):
        fields[Name.USER] = find_id(fields[Name.USER])
    for name in ACTORS & fields.keys():
        fields[name] = actor(fields[name], find_id)
    return fields


def _option(verb: Verb, typed: str) -> Name:
    name = typed.lower()
    if name not in COMMAND_SPECS[verb].options:
        raise ParseError(Problem.UNKNOWN_OPTION, verb=verb, field=typed)
    return Name(name)


def _value(verb: Verb, name: Name, token: Token) -> str:
    text = token.text if token.quoted else unescape(token.text)
    if name not in PEOPLE:
        if not text.strip():
            raise ParseError(Problem.NO_VALUE, verb=verb, field=name)
        return text
    mention = None if token.quoted else MENTION.fullmatch(token.text)
    if mention is not None:
        return mention[1] or mention[2]
    if name in (Name.GROUP, Name.SEARCH):
        return text
    address = None if token.quoted else MAILTO.fullmatch(token.text)
    if address is not None or text.startswith("@") or ADDRESS.fullmatch(text):
        return address[1] if address else text
    if name is Name.USER and not BARE_ID.fullmatch(text):
        raise ParseError(Problem.BAD_VALUE, verb=verb, field=name, value=text)
    return text


def parse_form(verb: Verb, values: Mapping[str, str], now: datetime) -> AdminCommand:
    """Parse a submitted form, which has a field of its own for a user group.

    Raises:
        ParseError: a field is missing or wrong, or both a member and a user group are given.
    """
    fields = {name: values.get(name, "") for name in COMMAND_SPECS[verb].fields}
    group = values.get(GROUP, "").strip()
    if group and COMMAND_SPECS[verb].groups:
        if fields.get(Name.USER):
            raise ParseError(Problem.MISSING, verb=verb, field=Name.USER)
        if not GROUP_ID.fullmatch(group):
            raise ParseError(Problem.BAD_VALUE, verb=verb, field=Name.USER, value=group)
        fields[Name.USER] = group
    return build(verb, fields, now)


def form_problems(verb: Verb, values: Mapping[str, str], now: datetime) -> list[ParseError]:
    """Return everything that is wrong with a submitted form, at most one error for each field."""
    found: dict[str, ParseError] = {}
    left = dict(values)
    while True:
        try:
            parse_form(verb, left, now)
        except ParseError as problem:
            if problem.field in found:
                return list(found.values())
            found[problem.field] = problem
            if problem.field == Name.USER:
                left.pop(GROUP, None)
            left[problem.field] = VALID.get(problem.field, "")
        else:
            return list(found.values())
