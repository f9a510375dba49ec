"""Which Slack member a SageMaker user profile belongs to, by e-mail address. Pure; whoever calls it decides.

A profile's tag `email` names its member. Without that tag the profile's name is compared with the part of each
member's address before the `@`, as SageMaker allows it in a name. Two members for one profile, or two profiles in a
domain for one member, are told and never chosen between.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.values import MAX_NAME

TAG = "email"


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
    def key(self) -> tuple[str, str]:
        """What tells it apart: its name has no case."""
        return self.domain_id, self.name.lower()


@dataclass(frozen=True, slots=True)
class Match:
    """A profile and the one member whose it is, and by what they were matched."""

    profile: Profile
    user_id: str
    by: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A profile for which nobody is chosen, and why."""

    profile: Profile
    candidates: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Matching:
    """What became of each profile: every one is in exactly one of these."""

    matches: tuple[Match, ...]
    refused: tuple[Refused, ...]
    unmatched: tuple[Profile, ...]


def match(profiles: Iterable[Profile], accounts: Iterable[Account]) -> Matching:
    """Find the member of each profile."""
    by_email: dict[str, set[str]] = defaultdict(set)
    by_name: dict[str, set[str]] = defaultdict(set)
    for account in accounts:
        by_email[_address(account.email)].add(account.user_id)
        by_name[as_profile_name(account.email)].add(account.user_id)
    found: list[Match] = []
    refused: list[Refused] = []
    unmatched: list[Profile] = []
    for profile in sorted(profiles, key=lambda profile: profile.key):
        if profile.email is not None:
            how, members = f"tag {TAG}", by_email.get(_address(profile.email), set())
        else:
            how, members = "name", by_name.get(profile.name.lower(), set())
        if len(members) == 1:
            found.append(Match(profile, min(members), how))
        elif members:
            refused.append(Refused(profile, tuple(sorted(members)), f"several members fit its {how}"))
        else:
            unmatched.append(profile)
    return _one_each(found, refused, unmatched)


def _one_each(found: list[Match], refused: list[Refused], unmatched: list[Profile]) -> Matching:
    """Take out the members for whom there are several profiles in one domain."""
    claims: dict[tuple[str, str], list[Match]] = defaultdict(list)
    for each in found:
        claims[each.profile.domain_id, each.user_id].append(each)
    matches = []
    for several in claims.values():
        if len(several) == 1:
            matches += several
        else:
            names = ", ".join(each.profile.name for each in several)
            why = f"several profiles of the domain fit this member: {names}"
            refused += [Refused(each.profile, (each.user_id,), why) for each in several]
    return Matching(
        tuple(sorted(matches, key=lambda each: each.profile.key)),
        tuple(sorted(refused, key=lambda each: each.profile.key)),
        tuple(unmatched),
    )


def as_profile_name(email: str) -> str:
    """The part before the `@` as SageMaker allows it in a profile's name, in lower case; "" if nothing is left.

    Names are letters, digits and inner hyphens: whatever else there is becomes a hyphen.
    """
    local = _address(email).partition("@")[0]
    return re.sub(r"[^a-z0-9]+", "-", local).strip("-")[:MAX_NAME].rstrip("-")


def _address(email: str) -> str:
    return email.strip().lower()
