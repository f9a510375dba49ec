"""Carry out the approval of an access request."""

from datetime import datetime

from bot.admin.changes import Admin
from bot.core.access import Effect, Grant, Mapping, in_force
from bot.core.consent import Ownership
from bot.core.records import AccessRequest, Actor


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

    Repeated, it changes nothing.

    Args:
        profile: as for `Admin.map`.

    Raises:
        Changed: the member's records changed meanwhile, so they may have access for longer than this would leave.
    """
    who, now = request.member, admin.now()
    if mapping is not None:
        admin.map(who, mapping, actor, overwrite=False, profile=profile)
    access = admin.access.read(who)
    has = in_force(access.grants, Effect.ALLOW, now)
    longer = has is not None and (has.until is None or (until is not None and has.until >= until))
    if not longer:
        rule = Grant(who.user_id, Effect.ALLOW, until, request.reason)
        admin.grant(who.tenant, rule, actor, at_version=access.version, private=True)
