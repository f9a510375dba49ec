"""The grammar of `/studio`: from typed text to a command. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.link import StudioApp, Target
from bot.core.values import ALIAS, MAX_NAME, NAME, RESERVED_WORDS


@dataclass(frozen=True, slots=True)
class Open:
    """`/studio [ALIAS] [lab|code|canvas|rstudio|classic|home] [space NAME]`."""

    target: Target = field(default_factory=Target)


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """`/studio whoami`."""


@dataclass(frozen=True, slots=True)
class Ask:
    """`/studio request`."""


@dataclass(frozen=True, slots=True)
class Administer:
    """`/studio admin …`.

    Attributes:
        text: the words after it as Slack sent them: escaped, which tells mentions from their imitations.
    """

    text: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """`/studio help`, or text that we do not understand."""

    not_understood: str | None = None


Command = Open | WhoAmI | Ask | Administer | Help

APPS = {app.value: app for app in StudioApp}
SPACE = "space"


def parse(text: str) -> Command:
    """Parse the text after the command. Only a space's name has a case.

    With `should_escape`, which the manifest sets, Slack sends three characters escaped.
    """
    first, *rest = text.split(maxsplit=1) or [""]
    if first.lower() == "admin":
        return Administer(rest[0] if rest else "")
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    words = text.split()
    match [word.lower() for word in words]:
        case ["help"]:
            return Help()
        case ["whoami"]:
            return WhoAmI()
        case ["request"]:
            return Ask()
        case _:
            target = parse_target(words)
            return Help(text.strip()) if target is None else Open(target)


def parse_target(words: Sequence[str]) -> Target | None:
    """Return the target that the words ask for; None if they mean nothing."""
    left, alias, app, space = list(words), None, None, None
    if left and ALIAS.fullmatch(left[0].lower()) and left[0].lower() not in RESERVED_WORDS:
        alias = left.pop(0).lower()
    if left and left[0].lower() in APPS:
        app = APPS[left.pop(0).lower()]
    if left and left[0].lower() == SPACE:
        left.pop(0)
        space = left.pop(0) if left else ""
    if left or (space and (len(space) > MAX_NAME or not NAME.fullmatch(space))):
        return None
    return Target(alias, app, space)
