"""Find the one member whom an e-mail address or @name stands for, and show members by name. Pure.

Members choose their own display names, so one never finds anybody: it only makes an equal @name unclear. Slack
confirms addresses, and gives each account of a workspace an @name of its own.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from enum import StrEnum

from bot.core.access import DEACTIVATED, Member, Person
from bot.core.errors import BadInput
from bot.core.policy import ineligible_reason
from bot.core.values import CONTROL

# The candidates that an error names, and the longest name that is shown.
MAX_CANDIDATES, MAX_NAME_LENGTH = 5, 60
NOT_IN_NAMES = str.maketrans("", "", "<>@()")
# The form only: Slack says whose an address is.
ADDRESS = re.compile(r"[^\s@:/|<>]+@[^\s@:/|<>]+")


class NameProblem(StrEnum):
    """Why a name stands for no member."""

    NOBODY = "nobody"
    SEVERAL = "several"
    NO_MEMBER = "no_member"


class UnclearName(BadInput):
    """An address or @name that does not stand for one member.

    Attributes:
        text: as it was typed.
        candidates: the accounts that it may mean.
    """

    def __init__(self, problem: NameProblem, text: str, candidates: tuple[Person, ...] = ()) -> None:
        shown = "; ".join(f"{each.user_id} {label(each)}" for each in candidates[:MAX_CANDIDATES])
        shown += " …" * (len(candidates) > MAX_CANDIDATES)
        why = {
            NameProblem.NOBODY: f"no active account of this workspace has {text!r}. Check it, or give the Slack id",
            NameProblem.SEVERAL: f"{text!r} may mean several accounts: {shown}. Give the Slack id or the address",
            NameProblem.NO_MEMBER: f"{text!r} is no full member's: {shown}. Give the id if you mean this account",
        }
        super().__init__(why[problem])
        self.problem, self.text, self.candidates = problem, text, candidates


def is_name(text: str) -> bool:
    """Return whether a text is an e-mail address or an @name; otherwise it is an id."""
    return "@" in text


def find(text: str, people: Iterable[Person], tenant: str) -> Person:
    """Return the full member of these whom the address or @name stands for.

    Args:
        people: all accounts that may have it.

    Raises:
        UnclearName: nobody has it, several accounts may, or its account is a guest's, a bot's or another team's.
    """
    by_handle, wanted = text.startswith("@"), folded(text.removeprefix("@"))
    alike = [
        each
        for each in people
        if wanted in map(folded, names_of(each)[:-1] if by_handle else (each.email,))
        and each.ineligible_reason != DEACTIVATED
        and wanted
    ]
    if not alike:
        raise UnclearName(NameProblem.NOBODY, text)
    [found, *others] = alike
    if others or (by_handle and folded(found.handle) != wanted):
        raise UnclearName(NameProblem.SEVERAL, text, tuple(alike))
    if found.guest or ineligible_reason(Member(tenant, found.user_id), found) is not None:
        raise UnclearName(NameProblem.NO_MEMBER, text, (found,))
    return found


def label(person: Person | None) -> str:
    """Return the name and address of an account; "" if nothing is known."""
    if person is None:
        return ""
    return " ".join(part for part in (shown_name(person), f"<{person.email}>" if person.email else "") if part)


def shown_name(person: Person) -> str:
    """Return the name of an account as it is shown: short, and without what looks like an address or an id in it."""
    name = " ".join(CONTROL.sub("", person.name).translate(NOT_IN_NAMES).split())
    return f"{name[:MAX_NAME_LENGTH]}…" if len(name) > MAX_NAME_LENGTH else name


def names_of(person: Person) -> tuple[str, ...]:
    """Return what an account is called, its address last."""
    return person.handle, person.display_name, person.name, person.email


def folded(text: str) -> str:
    """Return a text as people compare it: case and compatible forms of a letter do not matter."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def actor(text: str, find_id: Callable[[str], str]) -> str:
    """Return what `--by` looks for: the id of a member who is named, and their address, which AWS sessions have.

    Raises:
        UnclearName: as for `find`, but an address that no account has may still be part of a caller's ARN.
    """
    if text.startswith("@"):
        return find_id(text)
    if not ADDRESS.fullmatch(text):
        return text
    try:
        return f"{find_id(text)}|{text}"
    except UnclearName as error:
        if error.problem is not NameProblem.NOBODY:
            raise
        return text
