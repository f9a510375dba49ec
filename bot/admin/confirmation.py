"""Run administrators' commands from Slack: ask for confirmation first where a command takes access away.

A confirmation counts once, in time, from the same administrator, and only if the records have not changed since the
question. Every change is stored under the id of its request first, so a replayed request changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, dropwhile, islice

from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand, ParseError, build
from bot.admin.history import matches, same_batch
from bot.admin.results import Explained, NotDone, NotDoneReason, Outcome, Page, Question, Record, carry_out
from bot.admin.specs import COMMAND_SPECS, Name, Verb
from bot.admin.stored import same
from bot.core.access import Access, Effect, Grant, Mapping, Member, Workspace
from bot.core.link import Source
from bot.core.policy import Facts, may_administer
from bot.core.ports import Confirmations
from bot.core.records import Actor, Entry, PendingCommand
from bot.core.values import is_group, utc_now
from bot.links.facts import Gatherer, GroupsThatMatter, groups_for_administration

# Seconds that finding out who administers may take.
GATHER_TIMEOUT = 3.5
CONFIRMATION_TIMEOUT = timedelta(minutes=10)
# The next page of a listing can be read as long as Slack takes an answer to its message.
NEXT_PAGE_TIMEOUT = timedelta(minutes=30)
MEMBERS_A_PAGE, ENTRIES_A_PAGE, RECORDS_A_PAGE = 10, 15, 15
# The most entries to read for one page, so that a search for something rare ends in time.
MAX_CHECKED = 2000
# The resolution of the audit's times.
SMALLEST_STEP = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """The use case and its dependencies.

    Attributes:
        facts: reads Slack's own records, because a cache must not decide about administrators.
        admins: the user ids that may administer, beside those with a rule for it.
    """

    admin: Admin
    pending: Confirmations
    facts: Gatherer
    admins: frozenset[str]
    now: Callable[[], datetime] = utc_now

    def admit(self, by: Member) -> tuple[bool, str | None]:
        """Return whether the member may administer now, and their language.

        Raises:
            StoreError, SlackError: the answer is unknown, so they may not.
        """
        facts = self.facts.begin(by).end(self.facts.within(GATHER_TIMEOUT), self._matter(by))
        return may_administer(by, facts, self.admins, self.now()).passed, facts.person.locale

    def may(self, by: Member, facts: Facts) -> bool:
        """Return whether the member, about whom this is known, may administer now."""
        facts = self.facts.with_groups(by, facts, self.facts.within(GATHER_TIMEOUT), self._matter(by))
        return may_administer(by, facts, self.admins, self.now()).passed

    def _matter(self, by: Member) -> GroupsThatMatter:
        return lambda known: groups_for_administration(by, known, self.admins, self.now())

    def ask(self, by: Member, command: AdminCommand, request_id: str, source: Source) -> Outcome | None:
        """Carry a command out, or return a question first; return None for a replay, which changes nothing.

        Raises:
            StudioLinksError: nothing was changed.
        """
        if COMMAND_SPECS[command.verb].reads:
            return self._read(by, command, request_id)
        access = stored(self.admin, by.tenant, command)
        not_done = nothing_to_take(command, access)
        if not_done is not None:
            return not_done
        now = self.now()
        pending = PendingCommand(
            request_id, by, command.verb, command.fields, now + CONFIRMATION_TIMEOUT, access.version
        )
        if not self.pending.keep(pending):
            return None
        lost = affected(command, access, now)
        if lost is not None:
            oneself = command.principal == by.user_id and command.verb in (Verb.DENY, Verb.FORGET)
            return Question(request_id, command, lost, oneself)
        self.pending.take(by, request_id, now)  # no button press can repeat it
        return self._carry_out(by, command, access.version, source)

    def confirm(self, by: Member, pending_id: str, source: Source) -> Outcome:
        """Carry out a confirmed command.

        Raises:
            Changed: the records changed after the question.
            StudioLinksError: nothing was changed. In both cases the command has to be typed again.
        """
        found = self._take(by, pending_id)
        if found is None or COMMAND_SPECS[found[1].verb].reads:
            return NotDone(NotDoneReason.EXPIRED)
        pending, command = found
        return self._carry_out(by, command, pending.version, source)

    def cancel(self, by: Member, pending_id: str) -> Outcome:
        """Drop a pending command. Raises StoreError."""
        return NotDone(NotDoneReason.EXPIRED if self._take(by, pending_id) is None else NotDoneReason.CANCELLED)

    def more(self, by: Member, pending_id: str, request_id: str) -> Outcome | None:
        """Return the next page of a listing; None for a replay. Raises StoreError."""
        found = self._take(by, pending_id)
        if found is None or not COMMAND_SPECS[found[1].verb].reads:
            return NotDone(NotDoneReason.EXPIRED)
        pending, command = found
        return self._read(by, command, request_id, pending.after)

    def _take(self, by: Member, pending_id: str) -> tuple[PendingCommand, AdminCommand] | None:
        pending = self.pending.take(by, pending_id, self.now())
        if pending is None:
            return None
        try:
            fields = {Name(name): text for name, text in pending.fields.items()}
            return pending, build(Verb(pending.verb), fields, self.now())
        except (ParseError, ValueError):  # stored by a version with other commands
            return None

    def _carry_out(self, by: Member, command: AdminCommand, version: int, source: Source) -> Outcome:
        return carry_out(self.admin, by.tenant, command, Actor(by.user_id, source), at_version=version)

    def _read(self, by: Member, command: AdminCommand, request_id: str, after: str = "") -> Outcome | None:
        match command.verb:
            case Verb.EXPLAIN:
                who = Member(by.tenant, command.principal)
                return Explained(command, self.admin.explain(who, command.alias, self.facts))
            case Verb.SHOW:
                page, goes_on = _page_of_records(self.admin, by.tenant, command, after)
            case Verb.LIST:
                page, goes_on = _page_of_members(self.admin, by.tenant, command, after)
            case _:
                page, goes_on = _page_of_entries(self.admin, by.tenant, command, after)
        if not goes_on:
            return page
        pending = PendingCommand(
            request_id, by, command.verb, command.fields, self.now() + NEXT_PAGE_TIMEOUT, after=goes_on
        )
        return replace(page, more=request_id) if self.pending.keep(pending) else None


def stored(admin: Admin, tenant: str, command: AdminCommand) -> Access | Workspace:
    """Read the records that the command would change."""
    return (
        admin.access.workspace(tenant) if command.verb is Verb.LOCKDOWN else admin.rules_of(tenant, command.principal)
    )


def nothing_to_take(command: AdminCommand, stored: Access | Workspace) -> NotDone | None:
    """Return that the mapping or rule to remove does not exist; None if it does."""
    if command.verb is Verb.UNMAP and isinstance(stored, Access) and len(_meant(command, stored)) != 1:
        return NotDone(NotDoneReason.NO_MAPPING, command, stored)
    if command.verb is Verb.FORGET and not stored.grants and not stored.unreadable:
        return NotDone(NotDoneReason.NO_RULE, command)
    return None


def _meant(command: AdminCommand, stored: Access | Workspace) -> tuple[Mapping, ...]:
    """Return the mappings that an `unmap` can mean: the named one, or all."""
    return tuple(mapping for mapping in stored.mappings if command.alias in (None, mapping.alias))


def affected(command: AdminCommand, stored: Access | Workspace, now: datetime) -> tuple[Record, ...] | None:
    """Return the records that a command removes or replaces; None if nobody loses anything."""
    in_force = [grant for grant in stored.grants if grant.holds_at(now)]
    match command.verb:
        case Verb.MAP:
            new = command.mapping()
            old = (m for m in stored.mappings if m.alias == new.alias)
            return tuple(m for m in old if not same(replace(m, profile_arn=None), new)) or None
        case Verb.UNMAP:
            return _meant(command, stored)
        case Verb.DENY:
            return tuple(grant for grant in in_force if grant.effect is not Effect.DENY)
        case Verb.FORGET:
            return (*stored.grants, *stored.unreadable)
        case Verb.LOCKDOWN:
            return () if command.locks else None
        case _:
            return tuple(g for g in in_force if g.effect.value == command.verb and _outlasts(g, command)) or None


def _outlasts(grant: Grant, command: AdminCommand) -> bool:
    """Return whether a rule lasts longer than the one that replaces it."""
    return command.until is not None and (grant.until is None or grant.until > command.until)


# Each of these returns a page and where the next one begins, "" for nowhere.


def _page_of_records(admin: Admin, tenant: str, command: AdminCommand, after: str) -> tuple[Page, str]:
    access, start = admin.rules_of(tenant, command.principal), int(after or 0)
    mappings = sorted(access.mappings, key=lambda mapping: mapping.alias)
    records: list[Record] = [*access.grants, *access.unreadable, *mappings]
    end = start + RECORDS_A_PAGE
    return Page(command, tuple(records[start:end])), str(end) if len(records) > end else ""


def _page_of_members(admin: Admin, tenant: str, command: AdminCommand, after: str) -> tuple[Page, str]:
    in_groups = not after or is_group(after)
    groups = ((group, rules) for group, rules in admin.groups(tenant) if group > after) if in_groups else ()
    members = admin.access.members(tenant, after=None if in_groups else after)
    found = list(islice(chain[tuple[str, Access | Workspace]](groups, members), MEMBERS_A_PAGE + 1))
    page = found[:MEMBERS_A_PAGE]
    return Page(command, tuple(page)), page[-1][0] if len(found) > MEMBERS_A_PAGE else ""


def _page_of_entries(admin: Admin, tenant: str, command: AdminCommand, after: str) -> tuple[Page, str]:
    """Read a page of the audit, on which an import counts once unless `--by` lists its entries.

    The next page begins after the last entry that was checked, shown or not.
    """
    at, _, last = after.partition(" ")
    start, end = command.span(admin.now())
    before = datetime.fromisoformat(at) + SMALLEST_STEP if at else end
    entries = admin.history(tenant, command.principal or None, start, MAX_CHECKED * 2, before=before)
    if last:  # skip the entries of the same moment that were checked before
        entries = islice(dropwhile(lambda entry: entry.id != last, entries), 1, None)
    page: list[Entry] = []
    looked_at: Entry | None = None
    lines = 0
    for number, entry in enumerate(entries):
        goes_on = bool(page) and Name.BY not in command.fields and same_batch(page[-1], entry)
        full = lines == ENTRIES_A_PAGE and not goes_on
        if looked_at is not None and (full or number == MAX_CHECKED):
            searched_to = None if full else looked_at.at
            return Page(command, tuple(page), searched_to=searched_to), f"{looked_at.at.isoformat()} {looked_at.id}"
        looked_at = entry
        if matches(entry, command.fields.get(Name.BY), command.fields.get(Name.OUTCOME)):
            page.append(entry)
            lines += not goes_on
    return Page(command, tuple(page)), ""
