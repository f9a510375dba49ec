"""What an administrator types after `/studio admin`, as an act. Pure.

It reads like a shell's command line, with what Slack's clients make of one: they put a dash in the place of two
hyphens, and curly quotation marks in the place of straight ones. A person is only who Slack says they are: with
`should_escape`, which the manifest sets, a mention arrives as an id.
https://docs.slack.dev/interactivity/implementing-slash-commands#escaping
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.admin.commands import SHAPES, AdminCommand, Name, ParseError, Problem, Verb, build
from bot.core.values import GROUP_ID

# What opens and what closes a quotation, in straight, English, German and French.
DOUBLE, SINGLE = '"“”„‟«»', "'‘’‚‛"  # noqa: RUF001 - these are meant
DASHES = "‒–—―−"  # noqa: RUF001 - these are meant
FLAG = rf"(?:--|[{DASHES}]{{1,2}})([A-Za-z-]+)"
OPTION = re.compile(rf"{FLAG}(?:=(.*))?", re.DOTALL)
# A mention, whose name may have blanks in it; an option right before a quotation; or else whatever has no blanks.
WORD = re.compile(rf"<[@!][^<>]*>(?=\s|$)|{FLAG}=(?=[{DOUBLE}{SINGLE}])|\S+")
MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>|<!subteam\^(S[A-Z0-9]{1,30})(?:\|[^<>]*)?>")
# A real id has a digit in it, a word in capitals has none: `deny WALTER` is a mistake.
BARE_ID = re.compile(r"[UWS](?=[A-Z]*[0-9])[A-Z0-9]{1,30}")
PEOPLE = (Name.USER, Name.BY)
# The field of a form for a user group.
GROUP = "group"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or what stood in quotation marks: that is never an option."""

    text: str
    quoted: bool = False

    @property
    def option(self) -> re.Match[str] | None:
        """The option that it is, if it is one."""
        return None if self.quoted else OPTION.fullmatch(self.text)


def parse_admin(text: str, now: datetime) -> AdminCommand:
    """What the text asks for.

    Args:
        text: as Slack sent it, escaped.

    Raises:
        ParseError: all of it was not understood.
    """
    first, *rest = list(_tokens(text)) or [Token("")]
    try:
        verb = Verb(first.text.lower())
    except ValueError:
        raise ParseError(Problem.UNKNOWN_VERB, value=_unescaped(first.text)) from None
    return build(verb, _fields(verb, rest), now)


def _tokens(text: str) -> Iterator[Token]:
    left = text.strip()
    while left:
        marks = next((marks for marks in (DOUBLE, SINGLE) if left[0] in marks), None)
        if marks is not None:
            # A mark inside a word closes nothing: it is an apostrophe.
            closed = re.match(rf"[{marks}](.*?)[{marks}](?=\s|$)", left, re.DOTALL)
            if closed is None:
                raise ParseError(Problem.OPEN_QUOTE, value=_unescaped(left))
            yield Token(_unescaped(closed[1]), quoted=True)
            left = left[closed.end() :].lstrip()
            continue
        word = WORD.match(left)
        if word is None:  # never: it does not begin with a blank
            raise ParseError(Problem.TOO_MUCH, value=_unescaped(left))
        yield Token(word[0])
        left = left[word.end() :].lstrip()


def _fields(verb: Verb, tokens: list[Token]) -> dict[Name, str]:
    """The fields by name, each once."""
    shape, fields, left = SHAPES[verb], dict[Name, str](), list(tokens)
    while left:
        token = left.pop(0)
        option = token.option
        if option is None:
            name, value = shape.object, token
            if name is None or name in fields:
                raise ParseError(Problem.TOO_MUCH, verb=verb, value=_unescaped(token.text))
        else:
            name = _option(verb, option[1])
            if name in fields:
                raise ParseError(Problem.TWICE, verb=verb, field=name)
            if option[2]:
                value = Token(option[2])
            elif not left or left[0].option is not None:
                raise ParseError(Problem.NO_VALUE, verb=verb, field=name)
            else:
                value = left.pop(0)
        fields[name] = _value(verb, name, value)
    return fields


def _option(verb: Verb, typed: str) -> Name:
    name = typed.lower()
    if name not in SHAPES[verb].options:
        raise ParseError(Problem.UNKNOWN_OPTION, verb=verb, field=typed)
    return Name(name)


def _value(verb: Verb, name: Name, token: Token) -> str:
    text = token.text if token.quoted else _unescaped(token.text)
    if name not in PEOPLE:
        if not text.strip():
            raise ParseError(Problem.NO_VALUE, verb=verb, field=name)
        return text
    mention = None if token.quoted else MENTION.fullmatch(token.text)
    if mention is not None:
        return mention[1] or mention[2]
    if text.startswith("@"):
        raise ParseError(Problem.PLAIN_NAME, verb=verb, field=name, value=text)
    if not BARE_ID.fullmatch(text):
        raise ParseError(Problem.BAD_VALUE, verb=verb, field=name, value=text)
    return text


def _unescaped(text: str) -> str:
    """With `should_escape`, Slack sends three characters escaped."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def act_of_form(verb: Verb, values: Mapping[str, str], now: datetime) -> AdminCommand:
    """What a form that was sent off asks for. A user group has a field of its own there.

    Raises:
        ParseError: a field is missing or wrong, or there is both a member and a user group.
    """
    fields = {name: values.get(name, "") for name in SHAPES[verb].fields}
    group = values.get(GROUP, "").strip()
    if group:
        if fields.get(Name.USER):
            raise ParseError(Problem.MISSING, verb=verb, field=Name.USER)
        if not GROUP_ID.fullmatch(group):
            raise ParseError(Problem.BAD_VALUE, verb=verb, field=Name.USER, value=group)
        fields[Name.USER] = group
    return build(verb, fields, now)
