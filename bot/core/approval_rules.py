"""Rules on access requests: who approves, for how long, and when no approval is needed. Pure; see `approval_file`.

An approval lets a member open every profile that they are mapped to. So each of these profiles has its rule, the
first one that fits, and all those rules count together: an approver needs the right by each, and the strictest limit
holds.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from bot.core.access import Access, Mapping, Person

# The approvers of a rule that names none: the administrators.
ADMINS = "admins"
# The choices where no rule lists others, in days; None is without an end date.
DAYS = (1, 7, 30, 90, None)
DOMAIN = re.compile(r"(?<![\w-])d-[a-z0-9]{1,61}(?![\w-])")


@dataclass(frozen=True, slots=True)
class Target:
    """Something that an approval opens.

    Attributes:
        profile: None if only the domain is known.
    """

    domain: str
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Automatic:
    """When a rule approves by itself: for members who meet each of its conditions, of which it has one at least.

    Attributes:
        groups: user groups, of which the member is in one.
        email_domains: domains, of which one has the member's address, as Slack has confirmed it.
    """

    hours: int
    groups: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()

    def admits(self, person: Person, groups: Collection[str]) -> bool:
        """Return whether the member needs no approver. Guests always do."""
        if person.guest or person.ineligible_reason is not None or not (self.groups or self.email_domains):
            return False
        if self.groups and not set(self.groups) & set(groups):
            return False
        domain = person.email.rpartition("@")[2].lower()
        return not self.email_domains or (person.email_confirmed and domain in self.email_domains)


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """One rule.

    Attributes:
        domains, profiles, groups: what it is about: domains, patterns of profiles' names, user groups of the member.
            Each that is empty fits everything.
        approvers: the ids of users and user groups, and ADMINS.
        fallback: further approvers. The bot asks them if it reaches none of the others, or if those do not decide.
        days: the durations to choose from; without any, `DAYS`.
        max_days: the longest duration; None for no limit.
        ticket: the pattern of the ticket number that a reason has to name.
        needed: how many have to approve.
    """

    name: str
    domains: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    approvers: tuple[str, ...] = (ADMINS,)
    fallback: tuple[str, ...] = ()
    days: tuple[int, ...] = ()
    max_days: int | None = None
    ticket: re.Pattern[str] | None = None
    ticket_example: str = ""
    needed: int = 1
    automatic: Automatic | None = None

    def fits(self, target: Target | None, groups: Collection[str]) -> bool:
        """Return whether the rule is about this target; None is one of which nothing is known yet."""
        if self.groups and not set(self.groups) & set(groups):
            return False
        if target is None:
            return not self.domains and not self.profiles
        if self.domains and target.domain not in self.domains:
            return False
        name = None if target.profile is None else target.profile.lower()
        return not self.profiles or (name is not None and any(fnmatchcase(name, p.lower()) for p in self.profiles))

    def lacks_ticket(self, reason: str) -> bool:
        """Return whether the reason names no ticket number of the rule's pattern, although it has to."""
        return self.ticket is not None and not any(map(self.ticket.fullmatch, re.split(r"[\s,;:()\[\]]+", reason)))

    @property
    def named(self) -> frozenset[str]:
        """The users and user groups that the rule names anywhere."""
        automatic = self.automatic.groups if self.automatic else ()
        return frozenset((*self.groups, *self.approvers, *self.fallback, *automatic)) - {ADMINS}


# What holds for everything that no rule is about.
DEFAULT = ApprovalRule(name="")


@dataclass(frozen=True, slots=True)
class Terms:
    """The combined requirements of all rules about the profiles that an approval opens.

    Attributes:
        known: whether anything is known of what it opens.
    """

    rules: tuple[ApprovalRule, ...]
    known: bool = True

    @property
    def max_days(self) -> int | None:
        return min((rule.max_days for rule in self.rules if rule.max_days is not None), default=None)

    @property
    def days(self) -> tuple[int | None, ...]:
        """The durations that every rule offers."""
        lists: list[tuple[int | None, ...]] = [rule.days for rule in self.rules if rule.days] or [DAYS]
        limit = self.max_days
        common = [days for days in lists[0] if all(days in each for each in lists)]
        offered = tuple(days for days in common if limit is None or (days is not None and days <= limit))
        return offered or (limit or 1,)

    def capped(self, days: int | None) -> int | None:
        """Return a duration that no rule forbids."""
        limit = self.max_days
        return days if limit is None or (days is not None and days <= limit) else limit

    @property
    def needed(self) -> int:
        return max(rule.needed for rule in self.rules)

    @property
    def approver(self) -> str:
        """The name under which the audit has what the rules approve by themselves."""
        return f"rule:{'+'.join(rule.name for rule in self.rules)}"

    def without_ticket(self, reason: str) -> ApprovalRule | None:
        """Return the first rule whose ticket number the reason does not name."""
        return next((rule for rule in self.rules if rule.lacks_ticket(reason)), None)

    def allow(self, user: str, groups: Collection[str], *, is_admin: bool) -> bool:
        """Return whether a user may decide: by each of the rules."""
        who = {user, *groups, *((ADMINS,) if is_admin else ())}
        return all(who & {*rule.approvers, *rule.fallback} for rule in self.rules)

    def automatic_for(self, days: int | None, person: Person, groups: Collection[str]) -> timedelta | None:
        """Return how long access lasts that needs no approver; None if it needs one.

        Members ask for whole days, so a rule for eight hours applies to requests for one day.
        """
        found = [rule.automatic for rule in self.rules]
        if days is None or any(each is None or not each.admits(person, groups) for each in found):
            return None
        hours = min(each.hours for each in found if each is not None)
        return timedelta(hours=min(hours, days * 24)) if (days - 1) * 24 < hours else None


def terms(rules: Sequence[ApprovalRule], targets: Iterable[Target], groups: Collection[str]) -> Terms:
    """Return what counts for an approval that opens these targets."""
    known = list(targets)
    every: list[Target | None] = [*known] or [None]
    found = (next((rule for rule in rules if rule.fits(target, groups)), DEFAULT) for target in every)
    return Terms(tuple(dict.fromkeys(found)), bool(known))


def targets(access: Access, mapping: Mapping | None, wish: str) -> tuple[Target, ...]:
    """Return what an approval opens, as far as that is known: before it, the domains that the member's wish names."""
    known = [*access.mappings, *((mapping,) if mapping is not None else ())]
    wished = [] if mapping is not None else [Target(domain) for domain in DOMAIN.findall(wish)]
    return tuple(dict.fromkeys([*(Target(each.domain_id, each.profile_name) for each in known), *wished]))


def describe(rule: ApprovalRule, texts: Dictionary[str, str], who: Callable[[str], str]) -> str:
    """Return a rule in a few sentences.

    Args:
        texts: its parts, in the reader's language.
        who: how to name a user or a user group.
    """

    either = f" {texts['or']} "

    def names(ids: Sequence[str]) -> str:
        return either.join(texts["admins"] if each == ADMINS else who(each) for each in ids)

    about = [texts["domain"].format(names=either.join(rule.domains))] if rule.domains else []
    about += [texts["profile"].format(names=either.join(rule.profiles))] if rule.profiles else []
    about += [texts["group"].format(names=names(rule.groups))] if rule.groups else []
    start = texts["rule"].format(name=rule.name) if rule.name else texts["no_rule"]
    start += f" ({', '.join(about)})" if about else ""
    fallback = texts["fallback"].format(names=names(rule.fallback)) if rule.fallback else ""
    found = [f"{start}: {texts['approve'].format(names=names(rule.approvers))}{fallback}."]
    found += [texts["needed"].format(number=rule.needed)] if rule.needed > 1 else []
    longest = texts["no_limit"] if rule.max_days is None else texts["day" if rule.max_days == 1 else "days"]
    found.append(longest.format(number=rule.max_days))
    found += [texts["ticket"].format(example=rule.ticket_example)] if rule.ticket else []
    found += [_automatic(rule.automatic, texts, names)] if rule.automatic else []
    return " ".join(found)


def _automatic(automatic: Automatic, texts: Dictionary[str, str], names: Callable[[Sequence[str]], str]) -> str:
    who = texts["members_of"].format(names=names(automatic.groups)) if automatic.groups else texts["members"]
    domains = f" {texts['or']} ".join(automatic.email_domains)
    who = texts["with_email"].format(who=who, names=domains) if domains else who
    hours = texts["hour" if automatic.hours == 1 else "hours"].format(number=automatic.hours)
    longest = -(-automatic.hours // 24)  # as in `Terms.automatic_for`
    days = texts["one_day" if longest == 1 else "several_days"].format(number=longest)
    return texts["automatic"].format(hours=hours, who=who, days=days)
