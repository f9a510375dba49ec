"""Carry out administrators' commands, and the results."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.admin.changes import Admin, Change
from bot.admin.commands import AdminCommand
from bot.admin.explain import Explanation
from bot.admin.listing import Listed
from bot.admin.notices import Notice, notices
from bot.admin.specs import Verb
from bot.core.access import Access, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.consent import Ownership
from bot.core.jobs import Item as Resource
from bot.core.records import Actor, Entry, PendingCommand


class NotDoneReason(StrEnum):
    """Why nothing was done."""

    EXPIRED = "gone"
    CANCELLED = "cancelled"
    NO_MAPPING = "no_mapping"
    NO_RULE = "no_rule"
    OWN_ACCESS = "own_access"
    NO_SECOND = "no_second"
    OWN_REQUEST = "own_request"
    DECIDED = "decided"
    DECLINED = "denied"
    NOBODY_REACHED = "withdrawn"
    ADMINISTRATOR = "administrator"
    UNDER_WAY = "work_under_way"


# A stored record, or the name of one that cannot be read.
Record = Mapping | Grant | Lockdown | str
# An item of a listing: a record, a member or group, or an audit entry.
Item = Record | Listed | Entry


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
        items: what AWS has of the member, and whether it goes or stays.
    """

    id: str
    command: AdminCommand
    affected: tuple[Record, ...]
    oneself: bool
    items: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out.

    Attributes:
        notices: what its member and administrators hear of it.
    """

    command: AdminCommand
    change: Change
    notices: tuple[Notice, ...] = ()


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
        counts: of members, the numbers of the first and last one here, and how many there are.
    """

    command: AdminCommand
    items: tuple[Item, ...]
    more: str | None = None
    searched_to: datetime | None = None
    counts: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """The decision that the policy would make."""

    command: AdminCommand
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Waiting:
    """The command waits for a second administrator.

    Attributes:
        owner: the member who has the profile that it moves, or had it last; None if unknown.
        lockdown: the lockdown that it lifts or replaces.
        others: the user ids of those who may decide.
    """

    pending: PendingCommand
    command: AdminCommand
    owner: Member | None
    lockdown: Lockdown | None
    others: frozenset[str]


Result = NotDone | Question | Done | Forgotten | Page | Explained
Outcome = Result | Waiting


def carry_out(
    admin: Admin,
    tenant: str,
    command: AdminCommand,
    actor: Actor,
    *,
    force: bool = True,
    at_version: int | None = None,
    profile: Ownership | None = None,
) -> Done | Forgotten:
    """Make the change that a command asks for.

    Args:
        force: whether to set even a mapping that cannot work.
        at_version: the version of the records that the administrator saw; None for any.
        profile: as for `Admin.map`.

    Raises:
        Changed: the records changed meanwhile.
        StudioLinksError: nothing was changed.
    """
    principal = command.principal
    match command.verb:
        case Verb.MAP:
            who, new = Member(tenant, principal), command.mapping()
            change = admin.map(who, new, actor, force=force, at_version=at_version, profile=profile)
        case Verb.UNMAP:
            change = admin.unmap(Member(tenant, principal), command.alias, actor, at_version=at_version)
        case Verb.LOCKDOWN if command.locks:
            change = admin.lock_down(tenant, command.reason, actor, at_version=at_version)
        case Verb.LOCKDOWN:
            change = admin.end_lockdown(tenant, actor, at_version=at_version)
        case Verb.FORGET:
            return Forgotten(command, admin.forget(tenant, principal, actor, at_version=at_version))
        case _:
            change = admin.grant(tenant, command.grant(), actor, at_version=at_version)
    told = notices(tenant, principal, actor, change.before, change.after, now=admin.now(), former=change.former)
    return Done(command, change, tuple(told) if change.made else ())
