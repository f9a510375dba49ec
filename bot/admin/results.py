"""The results of administrators' commands."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.admin.changes import Change, Explanation
from bot.admin.commands import AdminCommand
from bot.core.access import Access, Grant, Lockdown, Mapping, Workspace
from bot.core.records import Entry


class NotDoneReason(StrEnum):
    """Why nothing was done."""

    GONE = "gone"
    CANCELLED = "cancelled"
    NO_MAPPING = "no_mapping"
    NO_RULE = "no_rule"


# A stored record, or the name of one that cannot be read.
Record = Mapping | Grant | Lockdown | str
# An item of a listing: a record, a member or group with their records, or an audit entry.
Item = Record | tuple[str, Access | Workspace] | Entry


@dataclass(frozen=True, slots=True)
class NotDone:
    """Nothing was done.

    Attributes:
        access: the stored records, if they are the reason.
    """

    reason: NotDoneReason
    command: AdminCommand | None = None
    access: Access = field(default_factory=Access)


@dataclass(frozen=True, slots=True)
class Question:
    """The command needs confirmation.

    Attributes:
        id: of the pending command.
        affected: the records that it removes or replaces.
        oneself: whether the administrator would lose their own access.
    """

    id: str
    command: AdminCommand
    affected: tuple[Record, ...]
    oneself: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out."""

    command: AdminCommand
    change: Change


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The rules were removed."""

    command: AdminCommand
    removed: Access | Workspace


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing.

    Attributes:
        more: the id of the next part; None if this is the last.
        searched_to: how far back the search went, if it stopped before the page was full.
    """

    command: AdminCommand
    items: tuple[Item, ...]
    more: str | None = None
    searched_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """The decision that the policy would make."""

    command: AdminCommand
    explanation: Explanation


Outcome = NotDone | Question | Done | Forgotten | Page | Explained
