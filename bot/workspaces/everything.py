"""All apps of the mapped domains, for administrators: in the shell and in Slack."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.access import Access, Mapping, Member
from bot.core.apps import ALIVE
from bot.core.errors import StudioError
from bot.core.ports import AccessAdmin
from bot.workspaces.app_changes import AppChanges, Running


@dataclass(frozen=True, slots=True)
class Held:
    """An app, and the user id of the member who holds its profile; None if nobody does.

    A denied member's apps cost as much as others', so no rule hides them here.
    """

    running: Running
    user: str | None


@dataclass(frozen=True, slots=True)
class Everything:
    """All apps that have not ended, the longest running first, and the domains that could not be read."""

    apps: tuple[Held, ...]
    unknown: tuple[tuple[str, StudioError], ...] = ()


def running_of(
    changes: AppChanges, access: AccessAdmin, tenant: str, user: str = "", domain: str | None = None
) -> Everything:
    """List the mapped domains; with a user, only theirs, and what they hold. StoreError as for reading."""
    if not user:
        return everything(changes, access.members(tenant), domain)
    found = everything(changes, [(user, access.read(Member(tenant, user)))], domain)
    return replace(found, apps=tuple(held for held in found.apps if held.user == user))


def everything(changes: AppChanges, members: Iterable[tuple[str, Access]], domain: str | None = None) -> Everything:
    """List each mapped domain once; only one, if it is named."""
    holders: dict[tuple[str, str], tuple[str, Mapping]] = {}
    places: dict[tuple[str, str], Mapping] = {}
    for user, access in members:
        for mapping in access.mappings:
            if domain in (None, mapping.domain_id):
                holders[mapping.profile_key] = user, mapping
                places[mapping.domain_id, mapping.region or changes.region] = mapping
    found: list[Held] = []
    unknown: list[tuple[str, StudioError]] = []
    for mapping in places.values():
        try:
            found += _held(changes, mapping, holders)
        except StudioError as error:
            unknown.append((mapping.domain_id, error))
    return Everything(tuple(sorted(found, key=_age)), tuple(unknown))


def _held(changes: AppChanges, place: Mapping, holders: dict[tuple[str, str], tuple[str, Mapping]]) -> Iterator[Held]:
    for app in changes.apps.inventory(place).apps:
        user, mapping = holders.get((place.domain_id, app.owner.lower()), (None, None))
        if mapping is None:
            mapping = replace(place, profile_name=app.owner or place.profile_name, profile_arn=None)
        yield Held(changes.priced(mapping, app), user)


def _age(held: Held) -> float:
    since = held.running.app.since
    return since.timestamp() if since else float("inf")


def over(found: Iterable[Held], least: timedelta, now: datetime) -> tuple[Held, ...]:
    """Return those that cost money and have run for at least so long."""
    return tuple(held for held in found if held.running.app.status in ALIVE and held.running.lasts(now) >= least)
