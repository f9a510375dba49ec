"""List groups and members with what they may do now, and find those whom a question is about."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Dictionary
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

import structlog

from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand
from bot.admin.examination import cannot_work
from bot.admin.names import folded, label, names_of
from bot.admin.specs import Name
from bot.core import policy
from bot.core.access import Access, Effect, Grant, Mapping, Member, Person, Workspace, in_force
from bot.core.audit import ISSUED, LINK
from bot.core.errors import SlackError, StudioError
from bot.core.link import Allowed, Denied, Reason
from bot.core.ports import NO_SUCH_GROUP, Directory
from bot.core.values import is_group

log = structlog.get_logger()

# Returns what is known of the accounts of users; those of whom nothing is known are left out.
NamesOf = Callable[[str, Sequence[str]], Dictionary[str, Person]]
# Members to read at once, and where each of them takes calls of its own.
CHUNK, SMALL_CHUNK = 1000, 200
# What is decided by calls of their own for each member, and how many of them run at once.
COSTLY, AT_ONCE = (Name.UNUSED, Name.BROKEN), 4


@dataclass(frozen=True, slots=True)
class Listed:
    """A member with what they may do now, or a user group with its rules.

    Attributes:
        decision: on the member's next request, if there is no lockdown; None for a group.
        rule: the rule by which they are allowed for longest, own or a group's; None without one in force.
    """

    principal: str
    records: Access | Workspace
    person: Person | None = None
    decision: Allowed | Denied | None = None
    rule: Grant | None = None

    @property
    def allowed(self) -> bool:
        """Whether they can open something now."""
        return isinstance(self.decision, Allowed)

    @property
    def reason(self) -> Reason | None:
        """Why a member can open nothing; None if they can, and for a group."""
        return self.decision.reason if isinstance(self.decision, Denied) else None

    @property
    def order(self) -> tuple[bool, str, str]:
        """The place in a list: groups, then members by name, those without one last."""
        return not is_group(self.principal), folded(label(self.person)) or "\uffff", self.principal

    @property
    def ends(self) -> datetime:
        """When the access that `rule` gives ends; the latest possible time if it has no end."""
        return (self.rule and self.rule.until) or datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Around:
    """What holds for every member.

    Attributes:
        users_of: who is in the group of each group rule, as far as Slack says.
    """

    workspace: Workspace
    rules: policy.Rules
    users_of: Dictionary[Grant, frozenset[str]]


def listed(member: Member, own: Access, person: Person | None, around: Around, now: datetime) -> Listed:
    """Return what a member may do now. Pure.

    Args:
        person: Slack's record of the account; without one, it counts as a full member's.
    """
    workspace, users_of = around.workspace, around.users_of
    unreadable = (*own.unreadable, *workspace.unreadable)
    access = replace(own, group_grants=workspace.grants, unreadable=unreadable)
    memberships = {grant: member.user_id in users_of[grant] for grant in workspace.grants if grant in users_of}
    facts = policy.Facts(person or Person(member.user_id, member.tenant), access, memberships=memberships)
    decision = policy.preview(member, facts, around.rules, now)
    theirs = (*own.grants, *(grant for grant, is_in in memberships.items() if is_in))
    allowing = [grant for grant in theirs if grant.effect is Effect.ALLOW and grant.holds_at(now)]
    rule = max(allowing, key=lambda grant: (grant.until is None, grant.until or now), default=None)
    return Listed(member.user_id, own, person, decision, rule)


def ordered(rows: list[Listed], command: AdminCommand) -> list[Listed]:
    """Sort members by the end of their access if the command lists access that ends soon, else by name."""
    by_end = Name.EXPIRING in command.fields
    return sorted(rows, key=lambda row: (row.ends, *row.order) if by_end else row.order)


def describe_access(
    row: Listed, words: Dictionary[str, str], *, when: Callable[[datetime], str], who: Callable[[str], str]
) -> str:
    """Return what a member may do now in a few words. Pure.

    Args:
        words: of a language, by reason, with those for who is allowed.
        when, who: how the reader is shown times and user groups.
    """
    rule = row.rule
    if not row.allowed or rule is None:
        return words.get(row.reason or "", row.reason or "")
    through = words["group"].format(group=who(rule.principal)) if is_group(rule.principal) else words["own"]
    return words["until" if rule.until else "always"].format(
        until=when(rule.until) if rule.until else "", through=through
    )


def fits(row: Listed, command: AdminCommand, now: datetime) -> bool:
    """Return whether a member is among those whom the command lists, as far as that takes no further call. Pure."""
    given = command.fields
    ends, wanted = row.rule.until if row.rule else None, folded(given.get(Name.SEARCH, "").removeprefix("@"))
    until = command.time(Name.EXPIRING)
    names = names_of(row.person) if row.person else ()
    texts = (row.principal, *names, *(mapping.profile_name for mapping in row.records.mappings))
    checks: dict[Name, Callable[[], bool]] = {
        Name.DOMAIN: lambda: any(each.domain_id == given[Name.DOMAIN] for each in row.records.mappings),
        Name.EXPIRING: lambda: row.allowed and ends is not None and until is not None and now < ends <= until,
        Name.DENIED: lambda: row.reason is Reason.DENIED or bool(in_force(row.records.grants, Effect.DENY, now)),
        Name.NO_RULE: lambda: bool(row.records.mappings) and row.reason in (Reason.NOT_ALLOWED, Reason.GRANT_EXPIRED),
        Name.SEARCH: lambda: any(wanted in folded(text) for text in texts),
        Name.UNUSED: lambda: bool(row.records.mappings),
        Name.BROKEN: lambda: bool(row.records.mappings or row.records.unreadable),
    }
    return all(check() for name, check in checks.items() if name in given)


@dataclass(frozen=True, slots=True)
class Listing:
    """Read members for a list.

    Attributes:
        groups: says who is in a user group; None where Slack cannot be asked.
    """

    admin: Admin
    groups: Directory | None
    names: NamesOf

    def read(self, tenant: str, command: AdminCommand, after: str = "") -> tuple[list[Listed], int, str]:
        """Read a chunk of members.

        Returns the groups and members whom the command lists, how many were looked at, and behind whom the next chunk
        begins; "" if this is the last.

        Raises:
            StoreError: the tables could not be read.
            SlackError: Slack does not say who is in the group that the command names.
        """
        size = SMALL_CHUNK if any(name in command.fields for name in COSTLY) else CHUNK
        around = self.around(tenant)
        chunk = list(islice(self._stored(tenant, command, after), size + 1))
        now, people = self.admin.now(), dict[str, Person]()

        def row(principal: str, records: Access | Workspace) -> Listed:
            if isinstance(records, Workspace):
                return Listed(principal, records)
            return listed(Member(tenant, principal), records, people.get(principal), around, now)

        stored = chunk[:size]
        if Name.EXPIRING in command.fields:  # few of many; an account can only take access away
            soon = replace(command, fields={Name.EXPIRING: command.fields[Name.EXPIRING]})
            stored = [each for each in stored if fits(row(*each), soon, now)]
        people |= self.names(tenant, [principal for principal, _ in stored if not is_group(principal)])
        rows = [row(*each) for each in stored]
        found = self._costly(tenant, command, [each for each in rows if fits(each, command, now)])
        return found, min(len(chunk), size), chunk[size - 1][0] if len(chunk) > size else ""

    def one(self, member: Member) -> Listed:
        """Return what one member may do now; StoreError if the tables could not be read."""
        around = self.around(member.tenant)
        [(_, own)] = self.admin.access.read_each([member])
        person = self.names(member.tenant, [member.user_id]).get(member.user_id)
        return listed(member, own, person, around, self.admin.now())

    def around(self, tenant: str) -> Around:
        """Return the settings and rules that apply to every member; StoreError if the tables could not be read."""
        workspace = self.admin.access.workspace(tenant)
        return Around(workspace, self.admin.rules, self._users_of(tenant, workspace))

    def _stored(self, tenant: str, command: AdminCommand, after: str) -> Iterator[tuple[str, Access | Workspace]]:
        """Yield members with their records, behind one of them; the groups first if nothing filters them."""
        access, group = self.admin.access, command.fields.get(Name.GROUP)
        if group is not None:
            if self.groups is None:
                raise SlackError(
                    "Slack says who is in a group: set SLACK_BOT_TOKEN", reason=Reason.SLACK_REFUSED, code="no_token"
                )
            users = sorted(self.groups.group_members(tenant, group, even_disabled=True))
            members = [Member(tenant, user) for user in users if user > after]
            yield from ((member.user_id, own) for member, own in access.read_each(members))
            return
        in_groups = not after or is_group(after)
        if in_groups and not command.fields:
            yield from ((group, rules) for group, rules in self.admin.groups(tenant) if group > after)
        yield from access.members(tenant, after=None if in_groups else after)

    def _users_of(self, tenant: str, workspace: Workspace) -> dict[Grant, frozenset[str]]:
        """Return who is in the group of each rule; a group that Slack does not confirm is left out."""
        found: dict[Grant, frozenset[str]] = {}
        for grant in workspace.grants if self.groups else ():
            denies = grant.effect is Effect.DENY
            try:
                found[grant] = self.groups.group_members(tenant, grant.principal, even_disabled=denies)  # type: ignore[union-attr]
            except SlackError as error:
                if error.code == NO_SUCH_GROUP and not denies:
                    found[grant] = frozenset()
                else:
                    log.warning(
                        "group_not_confirmed", group=grant.principal, effect=grant.effect.value, why=str(error)
                    )
        return found

    def _costly(self, tenant: str, command: AdminCommand, rows: list[Listed]) -> list[Listed]:
        since = command.time(Name.UNUSED)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="listing") as pool:
            if since is not None:
                used = pool.map(lambda row: self._used(Member(tenant, row.principal), since), rows)
                rows = [row for row, is_used in zip(rows, used, strict=True) if not is_used]
            if Name.BROKEN in command.fields:
                broken = pool.map(self._broken, rows)
                rows = [row for row, is_broken in zip(rows, broken, strict=True) if is_broken]
        return rows

    def _used(self, member: Member, since: datetime) -> bool:
        entries = self.admin.audit.of_member(member, since)
        return any(entry.action == LINK and entry.outcome == ISSUED for entry in entries)

    def _broken(self, row: Listed) -> bool:
        """Return whether a record cannot be read, or SageMaker says that a mapping cannot work."""
        return bool(row.records.unreadable) or any(map(self._cannot_work, row.records.mappings))

    def _cannot_work(self, mapping: Mapping) -> bool:
        try:
            self.admin.studio.examine(mapping)
        except StudioError as error:
            return cannot_work(error)
        return False
