"""Carry out the approval of an access request."""

from datetime import datetime

from bot.admin.changes import Admin
from bot.core.access import Access, Effect, Grant, Mapping, in_force
from bot.core.consent import Ownership
from bot.core.records import AccessRequest, Actor


def give_access(
    admin: Admin,
    request: AccessRequest,
    *,
    access: Access,
    actor: Actor,
    until: datetime | None,
    mapping: Mapping | None = None,
    profile: Ownership | None = None,
) -> None:
    """Add the mapping, and the allow rule for as long as was asked; never shorten what the member has.

    Repeated, it changes nothing.

    Args:
        access: the member's records.
        profile: as for `Admin.map`.
    """
    who, now = request.member, admin.now()
    if mapping is not None:
        admin.map(who, mapping, actor, overwrite=False, profile=profile)
    has = in_force(access.grants, Effect.ALLOW, now)
    longer = has is not None and (has.until is None or (until is not None and has.until >= until))
    if not longer:
        admin.grant(who.tenant, Grant(who.user_id, Effect.ALLOW, until, request.reason), actor, private=True)
