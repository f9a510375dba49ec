"""Administration from Slack: who may, what is asked back first, and what comes of it.

What takes access away is carried out only after the same administrator has confirmed it, once, in time, and only if
nothing has changed since they were asked. Every change is kept under the id of its request first, so that a recorded
request which is sent again changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, dropwhile, islice

from bot.admin.changes import Admin, Change, Explanation, is_wanted, same
from bot.admin.commands import AdminCommand, ParseError, build
from bot.admin.specs import COMMAND_SPECS, Name, Verb
from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.link import Source
from bot.core.policy import Facts, may_administer
from bot.core.ports import Confirmations
from bot.core.records import Actor, Entry, PendingCommand
from bot.core.values import is_group, utc_now
from bot.links.facts import Gatherer, GroupsThatMatter, groups_for_administration

# Seconds that finding out who administers may take.
GATHER_TIMEOUT = 3.5
CONFIRMATION_TIMEOUT = timedelta(minutes=10)
# A page of a listing is read for as long as its message can be answered.
NEXT_PAGE_TIMEOUT = timedelta(minutes=30)
MEMBERS_A_PAGE, ENTRIES_A_PAGE, RECORDS_A_PAGE = 10, 15, 15
# How many entries are looked at for one page, so that a search for something rare ends in time.
MAX_CHECKED = 2000
# What the audit tells two times apart by.
SMALLEST_STEP = timedelta(microseconds=1)


class Verdict(StrEnum):
    """Why nothing was done."""

    GONE = "gone"
    CANCELLED = "cancelled"
    NO_MAPPING = "no_mapping"
    NO_RULE = "no_rule"


# What is stored, or the name of what cannot be read.
Record = Mapping | Grant | Lockdown | str
# A line of a listing: one of these, a member or group with what is stored about them, or what has happened.
Item = Record | tuple[str, Access | Workspace] | Entry


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing was done.

    Attributes:
        access: what there is instead, where that is why.
    """

    verdict: Verdict
    act: AdminCommand | None = None
    access: Access = field(default_factory=Access)


@dataclass(frozen=True, slots=True)
class Question:
    """Is this really meant?

    Attributes:
        id: of the pending act.
        affected: what it takes away or replaces.
        oneself: whether the administrator is the one who loses.
    """

    id: str
    act: AdminCommand
    affected: tuple[Record, ...]
    oneself: bool


@dataclass(frozen=True, slots=True)
class Done:
    """It was carried out."""

    act: AdminCommand
    change: Change


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The rules are gone."""

    act: AdminCommand
    removed: Access | Workspace


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing.

    Attributes:
        more: the id under which the next part can be had; None if this is the last.
        searched_to: how far back was looked, where that was given up before the page was full.
    """

    act: AdminCommand
    items: tuple[Item, ...]
    more: str | None = None
    searched_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """What the policy would decide."""

    act: AdminCommand
    explanation: Explanation


Outcome = Nothing | Question | Done | Forgotten | Page | Explained


@dataclass(frozen=True, slots=True)
class Administering:
    """The use case and what it needs.

    Attributes:
        facts: with Slack's own records of people: who administers is not taken from a cache.
        admins: the user ids that may administer, beside those with a rule for it.
    """

    admin: Admin
    pending: Confirmations
    facts: Gatherer
    admins: frozenset[str]
    now: Callable[[], datetime] = utc_now

    def admit(self, by: Member) -> tuple[bool, str | None]:
        """Whether the member may administer now, and their language.

        Raises:
            StoreError, SlackError: it could not be found out, so they may not.
        """
        facts = self.facts.begin(by).end(self.facts.within(GATHER_TIMEOUT), self._matter(by))
        return may_administer(by, facts, self.admins, self.now()).passed, facts.person.locale

    def may(self, by: Member, facts: Facts) -> bool:
        """Return whether the member, about whom this is known, may administer now."""
        facts = self.facts.with_groups(by, facts, self.facts.within(GATHER_TIMEOUT), self._matter(by))
        return may_administer(by, facts, self.admins, self.now()).passed

    def _matter(self, by: Member) -> GroupsThatMatter:
        return lambda known: groups_for_administration(by, known, self.admins, self.now())

    def ask(self, by: Member, act: AdminCommand, request_id: str, source: Source) -> Outcome | None:
        """Carry an act out, or ask back first; None for a replay, of which nothing comes.

        Raises:
            StudioLinksError: nothing was changed.
        """
        if COMMAND_SPECS[act.verb].reads:
            return self._read(by, act, request_id)
        access = self._stored(by.tenant, act)
        nothing = _nothing_to_take(act, access)
        if nothing is not None:
            return nothing
        now = self.now()
        pending = PendingCommand(request_id, by, act.verb, act.fields, now + CONFIRMATION_TIMEOUT, access.version)
        if not self.pending.keep(pending):
            return None
        affected = _affected(act, access, now)
        if affected is not None:
            oneself = act.principal == by.user_id and act.verb in (Verb.DENY, Verb.FORGET)
            return Question(request_id, act, affected, oneself)
        self.pending.take(by, request_id, now)  # no press can carry it out again
        return self._carry_out(by, act, access.version, source)

    def confirm(self, by: Member, act_id: str, source: Source) -> Outcome:
        """Carry out what was asked back.

        Raises:
            Changed: what they were shown is no longer so.
            StudioLinksError: nothing was changed. Either way it has to be asked for anew.
        """
        taken = self._take(by, act_id)
        if taken is None:
            return Nothing(Verdict.GONE)
        pending, act = taken
        if COMMAND_SPECS[act.verb].reads:
            return Nothing(Verdict.GONE)
        return self._carry_out(by, act, pending.version, source)

    def cancel(self, by: Member, act_id: str) -> Outcome:
        """Forget what was asked back. StoreError as ever."""
        return Nothing(Verdict.GONE if self._take(by, act_id) is None else Verdict.CANCELLED)

    def more(self, by: Member, act_id: str, request_id: str) -> Outcome | None:
        """The next page of a listing; None for a replay. StoreError as ever."""
        taken = self._take(by, act_id)
        if taken is None or not COMMAND_SPECS[taken[1].verb].reads:
            return Nothing(Verdict.GONE)
        pending, act = taken
        return self._read(by, act, request_id, pending.after)

    def _take(self, by: Member, act_id: str) -> tuple[PendingCommand, AdminCommand] | None:
        pending = self.pending.take(by, act_id, self.now())
        if pending is None:
            return None
        try:
            fields = {Name(name): text for name, text in pending.fields.items()}
            return pending, build(Verb(pending.verb), fields, self.now())
        except (ParseError, ValueError):  # kept by a version of the bot that knew other words
            return None

    def _stored(self, tenant: str, act: AdminCommand) -> Access | Workspace:
        """What the act would change."""
        if act.verb is Verb.LOCKDOWN:
            return self.admin.workspace(tenant)
        return self.admin.rules_of(tenant, act.principal)

    def _carry_out(self, by: Member, act: AdminCommand, version: int, source: Source) -> Outcome:
        actor, tenant = Actor(by.user_id, source), by.tenant
        match act.verb:
            case Verb.MAP:
                who = Member(tenant, act.principal)
                return Done(act, self.admin.map(who, act.mapping(), actor, at_version=version))
            case Verb.UNMAP:
                who = Member(tenant, act.principal)
                return Done(act, self.admin.unmap(who, act.alias, actor, at_version=version))
            case Verb.LOCKDOWN if act.locks:
                return Done(act, self.admin.lock_down(tenant, act.reason, actor, at_version=version))
            case Verb.LOCKDOWN:
                return Done(act, self.admin.end_lockdown(tenant, actor, at_version=version))
            case Verb.FORGET:
                return Forgotten(act, self.admin.forget(tenant, act.principal, actor, at_version=version))
            case _:
                return Done(act, self.admin.grant(tenant, act.grant(), actor, at_version=version))

    def _read(self, by: Member, act: AdminCommand, request_id: str, after: str = "") -> Outcome | None:
        match act.verb:
            case Verb.EXPLAIN:
                return Explained(act, self.admin.explain(Member(by.tenant, act.principal), act.alias))
            case Verb.SHOW:
                page, goes_on = self._records(by.tenant, act, after)
            case Verb.LIST:
                page, goes_on = self._members(by.tenant, act, after)
            case _:
                page, goes_on = self._history(by.tenant, act, after)
        if not goes_on:
            return page
        pending = PendingCommand(request_id, by, act.verb, act.fields, self.now() + NEXT_PAGE_TIMEOUT, after=goes_on)
        return replace(page, more=request_id) if self.pending.keep(pending) else None

    def _records(self, tenant: str, act: AdminCommand, after: str) -> tuple[Page, str]:
        access, start = self.admin.rules_of(tenant, act.principal), int(after or 0)
        own = access.mappings if isinstance(access, Access) else ()
        mappings = sorted(own, key=lambda mapping: mapping.alias)
        records: list[Record] = [*access.grants, *access.unreadable, *mappings]
        end = start + RECORDS_A_PAGE
        return Page(act, tuple(records[start:end])), str(end) if len(records) > end else ""

    def _members(self, tenant: str, act: AdminCommand, after: str) -> tuple[Page, str]:
        in_groups = not after or is_group(after)
        groups = ((group, rules) for group, rules in self.admin.groups(tenant) if group > after) if in_groups else ()
        members = self.admin.members(tenant, after=None if in_groups else after)
        found = list(islice(chain[tuple[str, Access | Workspace]](groups, members), MEMBERS_A_PAGE + 1))
        page = found[:MEMBERS_A_PAGE]
        return Page(act, tuple(page)), page[-1][0] if len(found) > MEMBERS_A_PAGE else ""

    def _history(self, tenant: str, act: AdminCommand, after: str) -> tuple[Page, str]:
        """A page of the audit. It goes on behind the last entry that was looked at, wanted or not."""
        at, _, last = after.partition(" ")
        start, end = act.span(self.now())
        before = datetime.fromisoformat(at) + SMALLEST_STEP if at else end
        entries = self.admin.history(tenant, act.principal or None, start, MAX_CHECKED * 2, before=before)
        if last:  # of several at the very same moment, some have been looked at: they do not count anew
            entries = islice(dropwhile(lambda entry: entry.id != last, entries), 1, None)
        page: list[Entry] = []
        looked_at: Entry | None = None
        for number, entry in enumerate(entries):
            if looked_at is not None and (len(page) == ENTRIES_A_PAGE or number == MAX_CHECKED):
                searched_to = looked_at.at if len(page) < ENTRIES_A_PAGE else None
                return Page(act, tuple(page), searched_to=searched_to), f"{looked_at.at.isoformat()} {looked_at.id}"
            looked_at = entry
            if is_wanted(entry, act.fields.get(Name.BY), act.fields.get(Name.OUTCOME)):
                page.append(entry)
        return Page(act, tuple(page)), ""


def _nothing_to_take(act: AdminCommand, stored: Access | Workspace) -> Nothing | None:
    """That there is no such mapping or rule, where one is to go."""
    if act.verb is Verb.UNMAP and isinstance(stored, Access) and len(_meant(act, stored)) != 1:
        return Nothing(Verdict.NO_MAPPING, act, stored)
    if act.verb is Verb.FORGET and not stored.grants and not stored.unreadable:
        return Nothing(Verdict.NO_RULE, act)
    return None


def _meant(act: AdminCommand, stored: Access | Workspace) -> tuple[Mapping, ...]:
    """The mappings that an `unmap` can mean: the named one, or all."""
    return tuple(mapping for mapping in _mappings(stored) if act.alias in (None, mapping.alias))


def _mappings(stored: Access | Workspace) -> tuple[Mapping, ...]:
    return stored.mappings if isinstance(stored, Access) else ()


def _affected(act: AdminCommand, stored: Access | Workspace, now: datetime) -> tuple[Record, ...] | None:
    """What an act takes away or replaces; None if it takes nothing from anybody."""
    in_force = [grant for grant in stored.grants if grant.holds_at(now)]
    match act.verb:
        case Verb.MAP:
            new = act.mapping()
            old = (m for m in _mappings(stored) if m.alias == new.alias)
            return tuple(m for m in old if not same(replace(m, profile_arn=None), new)) or None
        case Verb.UNMAP:
            return _meant(act, stored)
        case Verb.DENY:
            return tuple(grant for grant in in_force if grant.effect is not Effect.DENY)
        case Verb.FORGET:
            return (*stored.grants, *stored.unreadable)
        case Verb.LOCKDOWN:
            return () if act.locks else None
        case _:
            return tuple(g for g in in_force if g.effect is Effect.ALLOW and _outlasts(g, act)) or None


def _outlasts(grant: Grant, act: AdminCommand) -> bool:
    """Whether an allow rule holds for longer than the one that is to take its place."""
    return act.until is not None and (grant.until is None or grant.until > act.until)
