"""Carry out the approval of an access request."""

from contextlib import suppress
from datetime import datetime, timedelta

from bot.admin.changes import Admin
from bot.core.access import Effect, Grant, Mapping, in_force
from bot.core.consent import Ownership
from bot.core.errors import StudioLinksError
from bot.core.ports import AccessRequestStore, AuditLog
from bot.core.records import AccessRequest, Actor, Entry


def end_of(request: AccessRequest, span: timedelta | None, now: datetime) -> datetime | None:
    """Return when access for so long ends, counted from its start; None for no end date."""
    return None if span is None else max(now, request.start or now) + span


def give_access(
    admin: Admin,
    request: AccessRequest,
    *,
    actor: Actor,
    until: datetime | None,
    mapping: Mapping | None = None,
    profile: Ownership | None = None,
) -> None:
    """Add the mapping, and the allow rule for as long as was asked; never shorten what the member has.

    Before the request's start, there is no allow rule yet. Repeated, it changes nothing.

    Args:
        profile: as for `Admin.map`.

    Raises:
        Changed: the member's records changed meanwhile, so they may have access for longer than this would leave.
    """
    who, now = request.member, admin.now()
    if mapping is not None:
        admin.map(who, mapping, actor, overwrite=False, profile=profile)
    if request.start is not None and now < request.start:
        return  # `WaitingRequests` gives it then
    access = admin.access.read(who)
    has = in_force(access.grants, Effect.ALLOW, now)
    longer = has is not None and (has.until is None or (until is not None and has.until >= until))
    if not longer:
        rule = Grant(who.user_id, Effect.ALLOW, until, request.reason)
        admin.grant(who.tenant, rule, actor, at_version=access.version, private=True)


def note_recorded(
    requests: AccessRequestStore, log: AuditLog, seen: AccessRequest, told: AccessRequest, entry: Entry
) -> bool:
    """Keep what became of a request with its audit entry, both or neither; return False if it is not as seen."""
    if not requests.note(seen, told):
        return False
    try:
        log.open(entry)
    except Exception:
        with suppress(StudioLinksError):  # the first error says more
            requests.note(told, seen)
        raise
    return True
