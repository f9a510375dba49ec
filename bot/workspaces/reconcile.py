"""What AWS has and nobody holds: profiles without a mapping, and what members left who are gone or blocked. Pure."""

from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import datetime

from bot.admin.sync import Profile
from bot.core.access import Access, Effect, in_force
from bot.core.apps import Inventory

PROFILE = "profile"
NOBODY, GONE, BLOCKED = "nobody is mapped to it", "its member is gone", "its member is blocked"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that costs or holds files, and that no member uses. The field names are keys of the JSON output.

    Attributes:
        user: the member whose it is; None if nobody is mapped to its profile.
    """

    kind: str
    name: str
    domain_id: str
    profile: str
    user: str | None
    why: str


def leftovers(
    profiles: Iterable[Profile],
    inventories: Dictionary[str, Inventory],
    stored: Dictionary[str, Access],
    active: Collection[str],
    now: datetime,
) -> list[Leftover]:
    """Return what is left, domain by domain.

    Args:
        inventories: the spaces and apps of each domain that could be read.
        active: all full, active members in Slack.
    """
    holders = {mapping.profile_key: user for user, access in stored.items() for mapping in access.mappings}
    blocked = {user for user, access in stored.items() if in_force(access.grants, Effect.DENY, now)}

    def left(kind: str, name: str, domain: str, profile: str) -> Iterator[Leftover]:
        """Yield it, unless an active member holds its profile; a space without an owner is everybody's."""
        user = holders.get((domain, profile.lower()))
        why = NOBODY if user is None else BLOCKED if user in blocked else "" if user in active else GONE
        if why and profile and (kind != PROFILE or user is None):
            yield Leftover(kind, name, domain, profile, user, why)

    found: list[Leftover] = []
    for each in sorted(profiles, key=lambda profile: profile.key):
        found += left(PROFILE, each.name, each.domain_id, each.name)
    for domain, inventory in sorted(inventories.items()):
        for space in inventory.spaces:
            found += left("space", space.name, domain, space.owner)
        for app in inventory.apps:
            place = f" in {app.name.space}" if app.name.space else ""
            found += left("app", f"{app.name.app_type} {app.name.name}{place}", domain, app.owner)
    return found
