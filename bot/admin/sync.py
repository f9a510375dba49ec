"""Propose mappings: match SageMaker user profiles with Slack members by e-mail, and find mappings that lead nowhere.

A profile's tag `email` names its member. Without the tag, the profile's name is compared with the part of each
member's address before the `@`, as SageMaker allows it in a name. Two members for one profile, or two profiles of a
domain for one member, are reported; none of them is chosen.

In many workspaces members change their own address, so one can make theirs fit another's profile. Only addresses of
the workspace's own domains are matched, those that merely resemble a name are not, and every match is shown with name
and address. Pure.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.core.access import Access, Mapping, ProfileKey
from bot.core.values import DEFAULT_ALIAS, MAX_NAME

TAG = "email"
# Everybody can have an address there.
PUBLIC_DOMAINS = frozenset(
    "aol.com gmail.com gmx.de gmx.net googlemail.com hotmail.com icloud.com live.com me.com outlook.com "  # noqa: SIM905
    "proton.me protonmail.com qq.com t-online.de web.de yahoo.com yandex.ru zoho.com".split()
)
# The parts before the `@` that a name may stand for. Others become the same name: `_ana`, `ana.` and `ána` too.
PLAIN_LOCAL_PART = re.compile(r"[a-z0-9]+([._+'-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Account:
    """A Slack account with an address.

    Attributes:
        ineligible_reason: why it is never matched; None for a full, active member.
    """

    user_id: str
    email: str
    name: str = ""
    ineligible_reason: str | None = None

    @property
    def email_domain(self) -> str:
        return _address(self.email).rpartition("@")[2]


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
    SKIPPED = "skipped"
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


def usual_domains(accounts: Iterable[Account]) -> frozenset[str]:
    """Return the e-mail domain that most members have; none if it is a public one, or if two are as frequent."""
    found = Counter(account.email_domain for account in accounts if account.ineligible_reason is None)
    (first, most), (_, next_most) = (*found.most_common(2), ("", 0), ("", 0))[:2]
    return frozenset() if most == next_most or first in PUBLIC_DOMAINS else frozenset({first})


def match(profiles: Iterable[Profile], accounts: Iterable[Account], domains: frozenset[str]) -> list[Row]:
    """Find the member of each profile: every profile is in one row: matched, unclear, skipped or without a member.

    Args:
        domains: the workspace's own e-mail domains, in lower case.
    """
    by_email: dict[str, set[Account]] = defaultdict(set)
    by_name: dict[str, set[Account]] = defaultdict(set)
    for account in accounts:
        by_email[_address(account.email)].add(account)
        by_name[as_profile_name(account.email)].add(account)
    rows: list[Row] = []
    claims: dict[tuple[str, str], list[str]] = defaultdict(list)
    for profile in sorted(profiles, key=lambda profile: profile.key):
        if profile.email is not None:
            by, fitting = f"tag {TAG}", by_email.get(_address(profile.email), set())
        else:
            by, fitting = "name", by_name.get(profile.name.lower(), set())
        row = _fit(profile, by, sorted(fitting, key=lambda account: account.user_id), domains)
        rows.append(row)
        if row.status is Status.MATCHED:
            claims[profile.domain_id, row.members[0]].append(profile.name)
    return [_claimed_once(row, claims) for row in rows]


def _fit(profile: Profile, by: str, fitting: list[Account], domains: frozenset[str]) -> Row:
    """Return the row of a profile that these accounts fit."""
    full = [account for account in fitting if account.ineligible_reason is None]
    members = tuple(dict.fromkeys(account.user_id for account in full or fitting))
    if not fitting:
        return Row(Status.NOBODY, profile, why="no member fits")
    if not full:
        return Row(Status.SKIPPED, profile, members, f"the account is no full member: {fitting[0].ineligible_reason}")
    if len(members) > 1:
        return Row(Status.NOT_CLEAR, profile, members, f"several members fit its {by}")
    if full[0].email_domain not in domains:
        why = f"the address is outside {', '.join(sorted(domains))}"
        return Row(Status.SKIPPED, profile, members, why)
    if profile.email is None and not PLAIN_LOCAL_PART.fullmatch(_address(full[0].email).partition("@")[0]):
        return Row(Status.NOT_CLEAR, profile, members, "the address only resembles the profile's name")
    return Row(Status.MATCHED, profile, members, by=by)


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
    *,
    domains: frozenset[str],
) -> list[Row]:
    """Compare profiles and members with the stored mappings. The proposed mappings replace nothing.

    Args:
        accounts: everybody with an address.
        active: all full, active members, with or without an address.
        stored: every member's mappings.
        searched: the SageMaker domains that were listed; profiles of others are unknown.
        domains: as for `match`.
    """
    known = {profile.key: profile for profile in profiles}
    held = [(user, mapping) for user, access in sorted(stored.items()) for mapping in access.mappings]
    holders = {mapping.profile_key: user for user, mapping in held}
    used: dict[str, set[str]] = defaultdict(set)
    for user, mapping in held:
        used[user].add(mapping.alias)
    rows = [
        _proposed(row, holders.get(row.profile.key), used[row.members[0]]) if row.status is Status.MATCHED else row
        for row in match(known.values(), accounts, domains)
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
        elif mapping.domain_id in searched and mapping.profile_key not in keys:
            yield Row(Status.ORPHAN, profile, (user,), "the profile is gone", mapping=mapping)


def as_profile_name(email: str) -> str:
    """Return the part before the `@` as a profile's name in lower case; "" if nothing is left.

    Names are letters, digits and inner hyphens: all other characters become hyphens.
    """
    local = _address(email).partition("@")[0]
    return re.sub(r"[^a-z0-9]+", "-", local).strip("-")[:MAX_NAME].rstrip("-")


def _address(email: str) -> str:
    return email.strip().lower()
