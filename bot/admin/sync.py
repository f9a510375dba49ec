"""Propose mappings: match SageMaker user profiles with Slack members by e-mail, and find mappings that lead nowhere.

A profile's tag `email` names its member. Without the tag, the profile's name is compared with the part of each
member's address before the `@`, as SageMaker allows it in a name. Two members for one profile, or two profiles of a
domain for one member, are reported; none of them is chosen. Pure.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.core.access import Access, Mapping
from bot.core.values import DEFAULT_ALIAS, MAX_NAME

TAG = "email"
ProfileKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """A Slack account that can be matched: a full, active member with an address."""

    user_id: str
    email: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A SageMaker user profile.

    Attributes:
        email: the value of its tag `email`; None without one.
        region: None for the configured one.
    """

    domain_id: str
    name: str
    arn: str = ""
    email: str | None = None
    region: str | None = None
    role_arn: str | None = None

    @property
    def key(self) -> ProfileKey:
        """Identify the profile; case does not matter in its name."""
        return self.domain_id, self.name.lower()


class Status(StrEnum):
    """The plan for a profile or mapping."""

    MATCHED = "matched"
    MAP = "map"
    MAPPED = "mapped"
    CONFLICT = "taken"
    NOT_CLEAR = "not clear"
    NOBODY = "nobody"
    ORPHAN = "gone"


@dataclass(frozen=True, slots=True)
class Row:
    """One profile of the plan, or one mapping that leads nowhere.

    Attributes:
        members: the members it may belong to; of a conflict, its match and its holder.
        why: why it is not mapped.
        by: the criterion of the match.
        mapping: the mapping to write, or the one that leads nowhere.
    """

    status: Status
    profile: Profile
    members: tuple[str, ...] = ()
    why: str = ""
    by: str = ""
    mapping: Mapping | None = None


def match(profiles: Iterable[Profile], accounts: Iterable[Account]) -> list[Row]:
    """Find the member of each profile: every profile is in one row: matched, unclear or without a member."""
    by_email: dict[str, set[str]] = defaultdict(set)
    by_name: dict[str, set[str]] = defaultdict(set)
    for account in accounts:
        by_email[_address(account.email)].add(account.user_id)
        by_name[as_profile_name(account.email)].add(account.user_id)
    rows: list[Row] = []
    claims: dict[tuple[str, str], list[str]] = defaultdict(list)
    for profile in sorted(profiles, key=lambda profile: profile.key):
        if profile.email is not None:
            by, fitting = f"tag {TAG}", by_email.get(_address(profile.email), set())
        else:
            by, fitting = "name", by_name.get(profile.name.lower(), set())
        members = tuple(sorted(fitting))
        if len(members) == 1:
            rows.append(Row(Status.MATCHED, profile, members, by=by))
            claims[profile.domain_id, members[0]].append(profile.name)
        elif members:
            rows.append(Row(Status.NOT_CLEAR, profile, members, f"several members fit its {by}"))
        else:
            rows.append(Row(Status.NOBODY, profile, why="no member fits"))
    return [_claimed_once(row, claims) for row in rows]


def _claimed_once(row: Row, claims: dict[tuple[str, str], list[str]]) -> Row:
    """Leave a match undecided if several profiles of the domain fit the member."""
    names = claims[row.profile.domain_id, row.members[0]] if row.status is Status.MATCHED else []
    if len(names) < 2:  # noqa: PLR2004 - the only one
        return row
    why = f"several profiles of the domain fit this member: {', '.join(names)}"
    return Row(Status.NOT_CLEAR, row.profile, row.members, why)


def plan(
    profiles: Iterable[Profile],
    accounts: Iterable[Account],
    active: frozenset[str],
    stored: dict[str, Access],
    searched: frozenset[str],
) -> list[Row]:
    """Compare profiles and members with the stored mappings. The proposed mappings replace nothing.

    Args:
        accounts: the members who can be matched.
        active: all full, active members, with or without an address.
        stored: every member's mappings.
        searched: the domains that were listed; profiles of others are unknown.
    """
    known = {profile.key: profile for profile in profiles}
    held = [(user, mapping) for user, access in sorted(stored.items()) for mapping in access.mappings]
    holders = {profile_key(mapping): user for user, mapping in held}
    used: dict[str, set[str]] = defaultdict(set)
    for user, mapping in held:
        used[user].add(mapping.alias)
    rows = [
        _proposed(row, holders.get(row.profile.key), used[row.members[0]]) if row.status is Status.MATCHED else row
        for row in match(known.values(), accounts)
    ]
    return [*rows, *_orphans(held, known.keys(), active, searched)]


def _proposed(row: Row, holder: str | None, used: set[str]) -> Row:
    """Decide on a match; note the alias that it uses."""
    [user] = row.members
    if holder == user:
        return replace(row, status=Status.MAPPED)
    if holder is not None:
        return replace(row, status=Status.CONFLICT, members=(user, holder), why=f"{holder} is mapped to it")
    profile = row.profile
    aliases = (DEFAULT_ALIAS, profile.domain_id.removeprefix("d-").strip("-")[:32])
    alias = next((name for name in aliases if name and name not in used), None)
    if alias is None:
        return replace(row, status=Status.NOT_CLEAR, why="the member has a mapping for each name already")
    used.add(alias)
    mapping = Mapping(
        alias,
        profile.domain_id,
        profile.name,
        region=profile.region,
        role_arn=profile.role_arn,
        profile_arn=profile.arn or None,
    )
    return replace(row, status=Status.MAP, mapping=mapping)


def _orphans(
    held: Iterable[tuple[str, Mapping]], known: Iterable[ProfileKey], active: frozenset[str], searched: frozenset[str]
) -> Iterator[Row]:
    keys = frozenset(known)
    for user, mapping in held:
        profile = Profile(mapping.domain_id, mapping.profile_name)
        if user not in active:
            why = "the member is gone, a guest, or of another workspace"
            yield Row(Status.ORPHAN, profile, (user,), why, mapping=mapping)
        elif mapping.domain_id in searched and profile_key(mapping) not in keys:
            yield Row(Status.ORPHAN, profile, (user,), "the profile is gone", mapping=mapping)


def as_profile_name(email: str) -> str:
    """Return the part before the `@` as a profile's name in lower case; "" if nothing is left.

    Names are letters, digits and inner hyphens: all other characters become hyphens.
    """
    local = _address(email).partition("@")[0]
    return re.sub(r"[^a-z0-9]+", "-", local).strip("-")[:MAX_NAME].rstrip("-")


def _address(email: str) -> str:
    return email.strip().lower()


def profile_key(mapping: Mapping) -> ProfileKey:
    """Identify the profile of a mapping; case does not matter in its name."""
    return mapping.domain_id, mapping.profile_name.lower()
