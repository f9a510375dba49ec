"""Import many mappings and rules: compare them with the stored ones, then write member by member.

An import removes nothing. It can be repeated any number of times, and finishes what a killed import left undone.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from uuid import uuid4

from bot.admin.changes import Admin
from bot.admin.stored import require_readable, rules_of_group, same
from bot.core.access import Access, Grant, Mapping, Member, ProfileKey, Workspace
from bot.core.audit import changed
from bot.core.errors import BadInput, Changed, ProfileConflict, StudioLinksError
from bot.core.records import Actor, Entry
from bot.core.values import is_group

IMPORT = "import"
# Principals to compare at once.
AT_ONCE = 100
# Mappings and rules by name: `mapping#ALIAS` and `grant#EFFECT`, as in the store.
Records = Dictionary[str, Mapping | Grant]
# Changes that run or wait for a worker.
MAX_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class Difference:
    """One principal's records of the file, compared with the stored ones.

    Attributes:
        before: the stored records to replace, by name; `after` has their replacements and the new records.
        unchanged: how many records of the file are stored already.
    """

    principal: str
    seen: Access | Workspace
    before: Records
    after: Records
    unchanged: int

    @property
    def added(self) -> int:
        """The number of new records."""
        return len(self.after) - len(self.before)

    def released_profiles(self) -> set[ProfileKey]:
        """Return the profiles that the principal holds now and gives up."""
        now = _by_name(self.seen, self.principal)
        return _profiles(now) - _profiles({**now, **self.after})


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why nothing of a principal is written."""

    principal: str
    why: str


@dataclass(frozen=True, slots=True)
class Import:
    """Import into one workspace.

    Attributes:
        action: the name of the changes in the audit.
        id: the same for all entries of one import.
    """

    admin: Admin
    tenant: str
    actor: Actor
    action: str = IMPORT
    id: str = field(default_factory=lambda: uuid4().hex)

    def compare(self, target: dict[str, Access]) -> Iterator[Difference | Failure]:
        """Compare the records of the file with the stored ones. Empties `target`, so that nothing is in memory twice.

        Records that cannot be read fail, and so do profiles that another member keeps. Whether members of this
        import give them up is known at the end, so that failure follows the difference.
        """
        names, all_principals = iter(sorted(target)), frozenset(target)
        waits: dict[str, dict[Mapping, str]] = defaultdict(dict)
        released_profiles: set[tuple[str, ProfileKey]] = set()
        while some := list(islice(names, AT_ONCE)):
            seen = self._stored(some)
            found = [_compared(name, _by_name(target.pop(name), name), seen[name]) for name in some]
            differences = [each for each in found if isinstance(each, Difference)]
            released_profiles |= {(each.principal, key) for each in differences for key in each.released_profiles()}
            conflicts: dict[str, Failure] = {}
            for principal, mapping, holder in self._held(differences):
                if holder.tenant == self.tenant and holder.user_id in all_principals:
                    waits[principal][mapping] = holder.user_id
                else:
                    conflicts[principal] = _held_by(holder.user_id, principal, mapping)
            yield from (conflicts.get(each.principal, each) for each in found)
        yield from _unresolved(waits, released_profiles)

    def write(self, differences: Iterable[Difference], pool: Executor) -> Iterator[Difference | Failure]:
        """Make the changes, several at a time, each with its audit entry; yield each difference or its failure.

        A profile may move from one member to another: the new holder waits until the old one releases it.
        """
        waiting: list[tuple[Difference, StudioLinksError]] = []
        results = self._attempts(differences, pool)
        while True:
            again: list[tuple[Difference, StudioLinksError]] = []
            for each, error in results:
                if isinstance(error, ProfileConflict):
                    again.append((each, error))
                else:
                    yield Failure(each.principal, str(error)) if error else each
            if len(again) in (0, len(waiting)):  # all written, or none released a profile in this round
                yield from (Failure(each.principal, str(error)) for each, error in again)
                return
            waiting = again[::-1]  # in reverse: the first round ran forward
            results = ((each, self._try(each)) for each, _ in waiting)

    def _attempts(
        self, differences: Iterable[Difference], pool: Executor
    ) -> Iterator[tuple[Difference, StudioLinksError | None]]:
        in_flight: deque[tuple[Difference, Future[StudioLinksError | None]]] = deque()
        for each in differences:
            if is_group(each.principal):  # they share one item, so parallel writes would conflict
                yield each, self._try(each)
                continue
            in_flight.append((each, pool.submit(self._try, each)))
            if len(in_flight) == MAX_IN_FLIGHT:
                first, future = in_flight.popleft()
                yield first, future.result()
        yield from ((each, future.result()) for each, future in in_flight)

    def _stored(self, principals: list[str]) -> dict[str, Access | Workspace]:
        members = [Member(self.tenant, name) for name in principals if not is_group(name)]
        groups = [name for name in principals if is_group(name)]
        found: dict[str, Access | Workspace] = {
            member.user_id: access for member, access in self.admin.access.read_each(members)
        }
        return found | (dict.fromkeys(groups, self.admin.access.workspace(self.tenant)) if groups else {})

    def _held(self, differences: list[Difference]) -> Iterator[tuple[str, Mapping, Member]]:
        """Yield each mapping to write whose profile another member holds."""
        held_for = {
            record: each.principal
            for each in differences
            for record in each.after.values()
            if isinstance(record, Mapping)
        }
        for mapping, holder in self.admin.access.holders(list(held_for)):
            if (holder.tenant, holder.user_id) != (self.tenant, held_for[mapping]):
                yield held_for[mapping], mapping, holder

    def _try(self, each: Difference) -> StudioLinksError | None:
        """Write one principal's changes, comparing again if the records changed; return the error, if any."""
        try:
            try:
                self._write(each)
            except Changed:
                self._write(self._compared_again(each))
        except StudioLinksError as error:
            return error
        return None

    def _compared_again(self, each: Difference) -> Difference:
        compared = _compared(each.principal, each.after, self._stored([each.principal])[each.principal])
        if isinstance(compared, Failure):
            raise BadInput(compared.why)
        return compared

    def _write(self, each: Difference) -> None:
        """Write a member's records as one change with one audit entry; a group's rules one by one."""
        now, access = self.admin.now(), self.admin.access
        after = {name: replace(record, set_by=self.actor.name, set_at=now) for name, record in each.after.items()}
        if not isinstance(each.seen, Access):
            for name, record in after.items():
                if isinstance(record, Grant):
                    before = {name: each.before[name]} if name in each.before else {}
                    entry = self._entry(each.principal, now, before, {name: record})
                    access.put_grant(self.tenant, record, seen=access.workspace(self.tenant), entry=entry)
        elif after:
            entry = self._entry(each.principal, now, each.before, after)
            member, records = Member(self.tenant, each.principal), tuple(after.values())
            access.put_records(member, records, seen=each.seen, entry=entry)

    def _entry(self, principal: str, now: datetime, before: Records, after: Records) -> Entry:
        entry = changed(self.action, self.actor, self.tenant, principal, now, before=before, after=after)
        return replace(entry, attempt=self.id)


def _held_by(holder: str, principal: str, mapping: Mapping) -> Failure:
    why = f"profile {mapping.profile_name} in {mapping.domain_id} is already mapped to {holder}"
    return Failure(principal, f"{why}: unmap it there first")


def _unresolved(waits: dict[str, dict[Mapping, str]], released: set[tuple[str, ProfileKey]]) -> Iterator[Failure]:
    """Yield members who wait for a profile that its holder keeps, or for each other."""

    def blockers(held: dict[Mapping, str]) -> Iterator[tuple[str, Mapping]]:
        for mapping, holder in held.items():
            if holder in waits or (holder, mapping.profile_key) not in released:
                yield holder, mapping

    behind: dict[str, list[str]] = defaultdict(list)
    for name, held in waits.items():
        for holder in held.values():
            behind[holder].append(name)
    look_at = list(waits)
    while look_at:
        name = look_at.pop()
        if name in waits and not any(blockers(waits[name])):
            del waits[name]
            look_at += behind[name]
    for name, held in waits.items():
        holder, mapping = next(blockers(held))
        yield _held_by(holder, name, mapping)


def _profiles(records: Records) -> set[ProfileKey]:
    return {record.profile_key for record in records.values() if isinstance(record, Mapping)}


def _compared(principal: str, target: Records, seen: Access | Workspace) -> Difference | Failure:
    """Compare one principal's records of the file with the stored ones."""
    stored = _by_name(seen, principal)
    named = {name: _with_arn(record, stored.get(name)) for name, record in target.items()}
    after = {name: record for name, record in named.items() if name not in stored or not same(stored[name], record)}
    before = {name: stored[name] for name in after if name in stored}
    try:
        if isinstance(seen, Access):
            require_readable(seen, principal, *after)
        else:
            group = rules_of_group(seen, principal)
            require_readable(group, principal, *(name.replace("grant", f"workspace#{principal}") for name in after))
    except BadInput as error:
        return Failure(principal, str(error))
    return Difference(principal, seen, before, after, unchanged=len(named) - len(after))


def _with_arn(record: Mapping | Grant, stored: Mapping | Grant | None) -> Mapping | Grant:
    """Keep the stored ARN of the same profile if the mapping names none."""
    if isinstance(record, Mapping) and isinstance(stored, Mapping) and stored.same_profile(record):
        return replace(record, profile_arn=record.profile_arn or stored.profile_arn)
    return record


def _by_name(records: Access | Workspace, principal: str) -> Records:
    """Return a principal's own mappings and rules by their names in the store."""
    named: dict[str, Mapping | Grant] = {f"mapping#{mapping.alias}": mapping for mapping in records.mappings}
    return named | {f"grant#{grant.effect}": grant for grant in records.grants if grant.principal == principal}
