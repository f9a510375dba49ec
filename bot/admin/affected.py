"""The records that a command would remove, for its confirmation."""

from dataclasses import replace
from datetime import datetime

from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand
from bot.admin.results import NotDone, NotDoneReason, Record
from bot.admin.specs import Verb
from bot.admin.stored import same
from bot.core.access import Access, Effect, Grant, Mapping, Workspace


def stored(admin: Admin, tenant: str, command: AdminCommand) -> Access | Workspace:
    """Read the records that the command would change."""
    return (
        admin.access.workspace(tenant) if command.verb is Verb.LOCKDOWN else admin.rules_of(tenant, command.principal)
    )


def nothing_to_take(command: AdminCommand, stored: Access | Workspace) -> NotDone | None:
    """Return that the mapping or rule to remove does not exist; None if it does."""
    if command.verb is Verb.UNMAP and isinstance(stored, Access) and len(_meant(command, stored)) != 1:
        return NotDone(NotDoneReason.NO_MAPPING, command, stored)
    if command.verb is Verb.FORGET and not stored.grants and not stored.unreadable:
        return NotDone(NotDoneReason.NO_RULE, command)
    return None


def _meant(command: AdminCommand, stored: Access | Workspace) -> tuple[Mapping, ...]:
    """Return the mappings that an `unmap` can mean: the named one, or all."""
    return tuple(mapping for mapping in stored.mappings if command.alias in (None, mapping.alias))


def affected(command: AdminCommand, stored: Access | Workspace, now: datetime) -> tuple[Record, ...] | None:
    """Return the records that a command removes or replaces; None if nobody loses anything."""
    in_force = [grant for grant in stored.grants if grant.holds_at(now)]
    match command.verb:
        case Verb.MAP:
            new = command.mapping()
            old = (m for m in stored.mappings if m.alias == new.alias)
            return tuple(m for m in old if not same(replace(m, profile_arn=None), new)) or None
        case Verb.UNMAP | Verb.OFFBOARD:
            return _meant(command, stored)
        case Verb.DENY:
            return tuple(grant for grant in in_force if grant.effect is not Effect.DENY)
        case Verb.FORGET:
            return (*stored.grants, *stored.unreadable)
        case Verb.LOCKDOWN:
            return () if command.locks else None
        case _:
            return tuple(g for g in in_force if g.effect.value == command.verb and _outlasts(g, command)) or None


def _outlasts(grant: Grant, command: AdminCommand) -> bool:
    """Return whether a rule lasts longer than the one that replaces it."""
    return command.until is not None and (grant.until is None or grant.until > command.until)
