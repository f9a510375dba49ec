"""Many mappings and rules at once: what differs from what is stored, and writing it, a member at a time.

Nothing is ever taken away: what is stored and not wanted stays. So the same can be imported any number of times,
and what a killed import has left undone, the next one does.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from bot.admin.changes import Admin
from bot.admin.stored import require_readable, rules_of_group, same
from bot.core.access import Access, Grant, Mapping, Member, Workspace
from bot.core.audit import changed
from bot.core.errors import BadInput, Changed, ProfileTaken, StudioLinksError
from bot.core.records import Actor, Entry
from bot.core.values import is_group

IMPORT = "import"
# Principals compared with what is stored in one go.
AT_ONCE = 100
# Mappings and rules by what they are: `mapping#ALIAS` and `grant#EFFECT`, as the store calls them.
Records = Dictionary[str, Mapping | Grant]
# A domain and the name of a profile in it, in lower case.
ProfileKey = tuple[str, str]
# Changes under way or waiting for a worker.
MAX_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wanted of one principal beside what is stored.

    Attributes:
        before: the stored records that give way, by name; `after` has what takes their place, and what is new.
        unchanged: how many wanted records are stored as they are.
    """

    principal: str
    seen: Access | Workspace
    before: Records
    after: Records
    unchanged: int

    @property
    def added(self) -> int:
        """How many records are new."""
        return len(self.after) - len(self.before)

    def released_profiles(self) -> set[ProfileKey]:
        """The profiles that the principal holds now, and will not hold any more."""
        now = _by_name(self.seen, self.principal)
        return _profiles(now) - _profiles({**now, **self.after})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing was, or will be, written of a principal."""

    principal: str
    why: str


@dataclass(frozen=True, slots=True)
class Import:
    """The use case, for one workspace. The audit knows its changes by `action`."""

    admin: Admin
    tenant: str
    actor: Actor
    action: str = IMPORT

    def compare(self, wanted: dict[str, Access]) -> Iterator[Difference | Failure]:
        """Compare what is wanted with what is stored. Empties `wanted`, so that nothing is held twice.

        Failures come of records that cannot be read, and of profiles that somebody else holds and does not let go of.
        Whether those in this import let go is known at the end, so such a failure comes after its difference.
        """
        names, all_wanted = iter(sorted(wanted)), frozenset(wanted)
        waits: dict[str, dict[Mapping, str]] = defaultdict(dict)
        released_profiles: set[tuple[str, ProfileKey]] = set()
        while some := list(islice(names, AT_ONCE)):
            seen = self._stored(some)
            found = [_compared(name, wanted.pop(name), seen[name]) for name in some]
            differences = [each for each in found if isinstance(each, Difference)]
            released_profiles |= {(each.principal, key) for each in differences for key in each.released_profiles()}
            taken: dict[str, Failure] = {}
            for principal, mapping, holder in self._held(differences):
                if holder.tenant == self.tenant and holder.user_id in all_wanted:
                    waits[principal][mapping] = holder.user_id
                else:
                    taken[principal] = _held_by(holder.user_id, principal, mapping)
            yield from (taken.get(each.principal, each) for each in found)
        yield from _stuck(waits, released_profiles)

    def write(self, differences: Iterable[Difference], pool: Executor) -> Iterator[Difference | Failure]:
        """Make the changes, several at a time, each with its audit entry; what became of each.

        A profile may move from one member to another: whoever takes it waits for whoever lets go of it.
        """
        under_way: deque[tuple[Difference, Future[StudioLinksError | None]]] = deque()
        again: list[tuple[Difference, ProfileTaken]] = []

        def outcome(each: Difference, error: StudioLinksError | None) -> Iterator[Difference | Failure]:
            if isinstance(error, ProfileTaken):
                again.append((each, error))
            else:
                yield Failure(each.principal, str(error)) if error else each

        for each in differences:
            if is_group(each.principal):  # they share one record, and would be in each other's way
                yield from outcome(each, self._try(each))
                continue
            under_way.append((each, pool.submit(self._try, each)))
            if len(under_way) == MAX_IN_FLIGHT:
                first, future = under_way.popleft()
                yield from outcome(first, future.result())
        for first, future in under_way:
            yield from outcome(first, future.result())
        while waiting := again[::-1]:  # from the end, since the first pass has gone from the beginning
            again.clear()
            for each, _ in waiting:
                yield from outcome(each, self._try(each))
            if len(again) == len(waiting):
                yield from (Failure(each.principal, str(error)) for each, error in again)
                break

    def _stored(self, principals: list[str]) -> dict[str, Access | Workspace]:
        """What is stored of each."""
        members = [Member(self.tenant, name) for name in principals if not is_group(name)]
        groups = [name for name in principals if is_group(name)]
        found: dict[str, Access | Workspace] = {
            member.user_id: access for member, access in self.admin.access.read_each(members)
        }
        return found | (dict.fromkeys(groups, self.admin.access.workspace(self.tenant)) if groups else {})

    def _held(self, differences: list[Difference]) -> Iterator[tuple[str, Mapping, Member]]:
        """Who wants a profile that somebody else holds."""
        wanting = {
            record: each.principal
            for each in differences
            for record in each.after.values()
            if isinstance(record, Mapping)
        }
        for mapping, holder in self.admin.access.holders(list(wanting)):
            if (holder.tenant, holder.user_id) != (self.tenant, wanting[mapping]):
                yield wanting[mapping], mapping, holder

    def _try(self, each: Difference) -> StudioLinksError | None:
        """One principal's changes, compared again if somebody has changed the same meanwhile; what went wrong."""
        try:
            try:
                self._write(each)
            except Changed:
                self._write(self._compared_again(each))
        except StudioLinksError as error:
            return error
        return None

    def _compared_again(self, each: Difference) -> Difference:
        wanted = Access(
            tuple(record for record in each.after.values() if isinstance(record, Mapping)),
            tuple(record for record in each.after.values() if isinstance(record, Grant)),
        )
        compared = _compared(each.principal, wanted, self._stored([each.principal])[each.principal])
        if isinstance(compared, Failure):
            raise BadInput(compared.why)
        return compared

    def _write(self, each: Difference) -> None:
        """A member's records in one change with one audit entry; a group's rules one by one."""
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
        return changed(self.action, self.actor, self.tenant, principal, now, before=before, after=after)


def _held_by(holder: str, principal: str, mapping: Mapping) -> Failure:
    why = f"profile {mapping.profile_name} in {mapping.domain_id} is already mapped to {holder}"
    return Failure(principal, f"{why}: unmap it there first")


def _stuck(waits: dict[str, dict[Mapping, str]], released_profiles: set[tuple[str, ProfileKey]]) -> Iterator[Failure]:
    """Who waits for a profile whose holder keeps it, or waits for them in turn."""

    def in_the_way(held: dict[Mapping, str]) -> Iterator[tuple[str, Mapping]]:
        for mapping, holder in held.items():
            if holder in waits or (holder, _key(mapping)) not in released_profiles:
                yield holder, mapping

    behind: dict[str, list[str]] = defaultdict(list)
    for name, held in waits.items():
        for holder in held.values():
            behind[holder].append(name)
    look_at = list(waits)
    while look_at:
        name = look_at.pop()
        if name in waits and not any(in_the_way(waits[name])):
            del waits[name]
            look_at += behind[name]
    for name, held in waits.items():
        holder, mapping = next(in_the_way(held))
        yield _held_by(holder, name, mapping)


def _profiles(records: Records) -> set[ProfileKey]:
    return {_key(record) for record in records.values() if isinstance(record, Mapping)}


def _key(mapping: Mapping) -> ProfileKey:
    return mapping.domain_id, mapping.profile_name.lower()


def _compared(principal: str, wanted: Access, seen: Access | Workspace) -> Difference | Failure:
    """One principal's wanted records beside the stored ones."""
    stored = _by_name(seen, principal)
    named = {name: _with_arn(record, stored.get(name)) for name, record in _by_name(wanted, principal).items()}
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
    """A mapping that names no ARN keeps the one that is known of the same profile."""
    if isinstance(record, Mapping) and isinstance(stored, Mapping) and stored.same_profile(record):
        return replace(record, profile_arn=record.profile_arn or stored.profile_arn)
    return record


def _by_name(records: Access | Workspace, principal: str) -> Records:
    """A principal's own mappings and rules, named as the store names them."""
    mappings = records.mappings if isinstance(records, Access) else ()
    named: dict[str, Mapping | Grant] = {f"mapping#{mapping.alias}": mapping for mapping in mappings}
    return named | {f"grant#{grant.effect}": grant for grant in records.grants if grant.principal == principal}
