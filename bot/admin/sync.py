"""Mappings proposed from what SageMaker and Slack know: who has which profile, and which mappings lead nowhere."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.admin.matching import Account, Match, Profile, Refused, match
from bot.core.access import Access, Mapping
from bot.core.values import DEFAULT_ALIAS


@dataclass(frozen=True, slots=True)
class Conflict:
    """A match whose profile somebody else is mapped to."""

    match: Match
    holder: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """A mapping whose profile or member is no longer there."""

    user_id: str
    mapping: Mapping
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What became of each profile, and what is no longer true.

    Attributes:
        propose: what to map, by user; nothing of it replaces anything.
        mapped: how many profiles their members are mapped to already.
        refused: matches that are not clear.
        unmatched: profiles that no member fits.
    """

    propose: dict[str, Access]
    mapped: int
    taken: tuple[Conflict, ...]
    refused: tuple[Refused, ...]
    unmatched: tuple[Profile, ...]
    gone: tuple[Orphan, ...]


def plan(
    profiles: Iterable[Profile],
    accounts: Iterable[Account],
    active: frozenset[str],
    stored: dict[str, Access],
    searched: frozenset[str],
) -> Plan:
    """Compare.

    Args:
        accounts: who may be matched.
        active: everybody who is a full, active member, with an address or without.
        stored: every member's mappings.
        searched: the domains that were listed; of others nothing is known.
    """
    known = {profile.key: profile for profile in profiles}
    found = match(known.values(), accounts)
    holders = {
        (mapping.domain_id, mapping.profile_name.lower()): user
        for user, access in stored.items()
        for mapping in access.mappings
    }
    propose: dict[str, Access] = {}
    taken: list[Conflict] = []
    refused = list(found.refused)
    mapped = 0
    for each in found.matches:
        holder = holders.get(each.profile.key)
        if holder == each.user_id:
            mapped += 1
        elif holder is not None:
            taken.append(Conflict(each, holder))
        else:
            before = propose.get(each.user_id, Access())
            used = {mapping.alias for mapping in (*stored.get(each.user_id, Access()).mappings, *before.mappings)}
            alias = _alias(each.profile, used)
            if alias is None:
                refused.append(
                    Refused(each.profile, (each.user_id,), "the member has a mapping for each name already")
                )
                continue
            propose[each.user_id] = Access((*before.mappings, _mapping(alias, each.profile)))
    return Plan(
        propose,
        mapped,
        tuple(taken),
        tuple(refused),
        found.unmatched,
        _gone(stored, frozenset(known), active, searched),
    )


def _alias(profile: Profile, used: set[str]) -> str | None:
    """What the member calls it: `default` if that is free, else the domain's id without what all ids begin with."""
    candidates = (DEFAULT_ALIAS, profile.domain_id.removeprefix("d-").strip("-")[:32])
    return next((name for name in candidates if name and name not in used), None)


def _mapping(alias: str, profile: Profile) -> Mapping:
    return Mapping(
        alias,
        profile.domain_id,
        profile.name,
        region=profile.region,
        role_arn=profile.role_arn,
        profile_arn=profile.arn or None,
    )


def _gone(
    stored: dict[str, Access], known: frozenset[tuple[str, str]], active: frozenset[str], searched: frozenset[str]
) -> tuple[Orphan, ...]:
    gone = []
    for user, access in sorted(stored.items()):
        for mapping in access.mappings:
            if user not in active:
                gone.append(Orphan(user, mapping, "the member is gone, a guest, or of another workspace"))
            elif mapping.domain_id in searched and (mapping.domain_id, mapping.profile_name.lower()) not in known:
                gone.append(Orphan(user, mapping, "the profile is gone"))
    return tuple(gone)
