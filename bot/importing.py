"""Many mappings and rules at once: what differs from what is stored, and writing it, a member at a time.

Nothing is ever taken away: what is stored and not wanted stays. So the same can be imported any number of times,
and what a killed import has left undone, the next one does.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from uuid import uuid4

from bot.admin import DONE, Actor, Admin, plain, require_readable, same
from bot.errors import BadInput, Changed, ProfileTaken, StudioLinksError
from bot.model import Access, Entry, Grant, Mapping, Member, Workspace, is_group

IMPORT = "import"
# Principals compared with what is stored in one go.
AT_ONCE = 100
# Mappings and rules by what they are: `mapping#ALIAS` and `grant#EFFECT`, as the store calls them.
Records = Dictionary[str, Mapping | Grant]
# Changes under way or waiting for a worker.
AHEAD = 64


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

        Failures come of records that cannot be read, and of profiles that somebody outside this import holds.
        """
        names, all_wanted = iter(sorted(wanted)), frozenset(wanted)
        while some := list(islice(names, AT_ONCE)):
            seen = self._stored(some)
            found = [_compared(name, wanted.pop(name), seen[name]) for name in some]
            taken = self._taken([each for each in found if isinstance(each, Difference)], all_wanted)
            yield from (taken.get(each.principal, each) for each in found)

    def write(self, differences: Iterable[Difference], pool: Executor) -> Iterator[Difference | Failure]:
        """Make the changes, several at a time, each with its audit entry; what became of each.

        A profile may move from one member to another: whoever takes it waits for whoever lets go of it.
        """
        under_way: deque[tuple[Difference, Future[StudioLinksError | None]]] = deque()
        again: list[Difference] = []

        def outcome(each: Difference, error: StudioLinksError | None) -> Iterator[Difference | Failure]:
            if isinstance(error, ProfileTaken):
                again.append(each)
            else:
                yield Failure(each.principal, str(error)) if error else each

        for each in differences:
            if is_group(each.principal):  # they share one record, and would be in each other's way
                yield from outcome(each, self._try(each))
                continue
            under_way.append((each, pool.submit(self._try, each)))
            if len(under_way) == AHEAD:
                first, future = under_way.popleft()
                yield from outcome(first, future.result())
        for first, future in under_way:
            yield from outcome(first, future.result())
        for each in again:
            error = self._try(each)
            yield Failure(each.principal, str(error)) if error else each

    def _stored(self, principals: list[str]) -> dict[str, Access | Workspace]:
        """What is stored of each."""
        members = [Member(self.tenant, name) for name in principals if not is_group(name)]
        groups = [name for name in principals if is_group(name)]
        found: dict[str, Access | Workspace] = {
            member.user_id: access for member, access in self.admin.access.read_each(members)
        }
        return found | (dict.fromkeys(groups, self.admin.access.workspace(self.tenant)) if groups else {})

    def _taken(self, differences: list[Difference], all_wanted: frozenset[str]) -> dict[str, Failure]:
        """Whose profiles are held by somebody who lets go of nothing in this import."""
        wanting = {
            record: each.principal
            for each in differences
            for record in each.after.values()
            if isinstance(record, Mapping)
        }
        taken = {}
        for mapping, holder in self.admin.access.holders(list(wanting)):
            if holder.tenant != self.tenant or holder.user_id not in all_wanted:
                why = f"profile {mapping.profile_name} in {mapping.domain_id} is already mapped to {holder.user_id}"
                taken[wanting[mapping]] = Failure(wanting[mapping], f"{why}: unmap it there first")
        return taken

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
        entry_id = uuid4().hex
        return Entry(
            id=entry_id,
            attempt=entry_id,
            at=now,
            tenant=self.tenant,
            subject=principal,
            actor=self.actor.name,
            door=self.actor.door,
            action=self.action,
            outcome=DONE,
            before={name: plain(record) for name, record in before.items()} or None,
            after={name: plain(record) for name, record in after.items()},
        )


def _compared(principal: str, wanted: Access, seen: Access | Workspace) -> Difference | Failure:
    """One principal's wanted records beside the stored ones."""
    stored = _by_name(seen, principal)
    named = {name: _with_arn(record, stored.get(name)) for name, record in _by_name(wanted, principal).items()}
    after = {name: record for name, record in named.items() if name not in stored or not same(stored[name], record)}
    before = {name: stored[name] for name in after if name in stored}
    try:
        if isinstance(seen, Access):
            require_readable(seen, principal, *after)
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
