"""Change the access table: mappings, rules, and the lock that keeps a SageMaker profile to one member."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from itertools import chain
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.consent import Ownership
from bot.core.errors import Changed, ProfileConflict
from bot.core.records import Entry, Handover
from bot.core.values import is_group
from bot.store.access_reads import (
    IN_NAMES,
    LOCK,
    MAPPING,
    MEMBER,
    OWNER,
    TIMES,
    WORKSPACE,
    AccessReads,
    Fields,
    is_empty,
    is_whole,
    joined_items,
    maps_of,
    owner_of,
    read_access,
    version_of,
)
from bot.store.audit import log_entry, to_item
from bot.store.dynamodb import Raw, TimeAttribute, all_or_nothing
from bot.store.locks import former_of, hold, holder_of, lock_of, mark_of, release
from bot.store.models import AccessItem, Tables
from bot.store.people import PeopleTable

# Parts of an item by path: the fields to write, or None to remove the part.
Parts = dict[tuple[str, ...], Fields | None]

NOTHING: dict[str, Any] = {"mappings": {}, "rules": {}}


class AccessTable(AccessReads):
    """Read and write mappings and rules; see `ports.AccessAdmin`."""

    def __init__(
        self,
        tables: Tables,
        *,
        audit_days: int,
        tenants: Sequence[str] = (),
        people: PeopleTable | None = None,
    ) -> None:
        super().__init__(tables, tenants, people)
        self._audit = tables.audit
        self._audit_days = audit_days

    def administrators(self, tenant: str) -> frozenset[str]:
        """Scan the table; DynamoDB returns only the items with an admin rule."""
        condition = "begins_with(#name, :value) AND attribute_exists(#rules.#admin)"
        names, here = OWNER | {"#rules": "rules", "#admin": Effect.ADMIN.value}, owner_of(tenant, "")
        found = (self._scan(MEMBER, condition, names, prefix) for prefix in (here, *self._elsewhere(here)))
        return frozenset(raw["owner"]["S"].rpartition("#")[2] for raw in chain.from_iterable(found))

    def ownership(self, mapping: Mapping) -> Ownership:
        """Read the lock, and if it is free the audit entry to which it leads, through an index."""
        raw = self._get((lock_of(mapping), LOCK)).get((lock_of(mapping), LOCK))
        if raw is None:
            return Ownership()
        named = holder_of(raw) if "holder" in raw or "aliases" in raw else None
        if named is None and "released" in raw:
            named = former_of(self._audit, raw["released"]["S"])
        named = None if named is None else self._main(named)
        if "aliases" in raw:
            return Ownership(holder=named, mark=mark_of(raw))
        return Ownership(former=named, mark=mark_of(raw))

    def put_records(
        self,
        member: Member,
        records: Sequence[Mapping | Grant],
        *,
        seen: Access,
        entry: Entry,
        profile: Ownership | None = None,
        handover: Handover | None = None,
    ) -> None:
        """Write the records, hold their profiles' locks and release those of replaced mappings: all or nothing."""
        owner = owner_of(member.tenant, member.user_id)
        self._move_here(owner, MEMBER, seen.version)
        entries = [entry]
        if handover is not None:
            entries.append(handover.entry)
            self._move_here(owner_of(*astuple(handover.member)), MEMBER, handover.seen.version)
        before = {mapping.alias: mapping for mapping in seen.mappings}
        new = {record.alias: record for record in records if isinstance(record, Mapping)}
        parts: Parts = {_path(record): _stored(record) for record in records}
        replaced = [before[alias] for alias in new if alias in before]
        locks = {lock_of(mapping): mapping for mapping in (*replaced, *new.values())}
        try:
            with self._change(*entries) as transaction:
                self._write(transaction, owner, MEMBER, seen.version, parts)
                for mapping in locks.values():
                    aliases = {alias for alias, held in (before | new).items() if held.same_profile(mapping)}
                    lock, as_seen = self._items(lock_of(mapping), LOCK), profile if mapping in new.values() else None
                    hold(transaction, lock, self._owners(owner), aliases, entry=entry, seen=as_seen)
                if handover is not None:
                    self._take(transaction, handover, next(iter(new.values())))
        except Changed as error:
            for mapping, holder in self.holders(list(new.values())):
                if holder != member and handover is None:
                    raise _conflict(mapping, holder, member.tenant) from error
            raise

    def delete_mapping(self, member: Member, mapping: Mapping, *, seen: Access, entry: Entry) -> None:
        owner = owner_of(member.tenant, member.user_id)
        self._move_here(owner, MEMBER, seen.version)
        with self._change(entry) as transaction:
            self._write(transaction, owner, MEMBER, seen.version, {("mappings", mapping.alias): None})
            held = {mapping.alias, *(m.alias for m in seen.mappings if m.same_profile(mapping))}
            held |= set(seen.unreadable)  # which may hold the profile as well
            release(transaction, self._items(lock_of(mapping), LOCK), owner, {mapping.alias}, held=held, entry=entry)

    def put_grant(self, tenant: str, grant: Grant, *, seen: Access | Workspace, entry: Entry) -> None:
        """Write the rule to the member's item, or a group's to the workspace's."""
        owner, kind = _place(tenant, grant.principal)
        self._move_here(owner, kind, seen.version)
        with self._change(entry) as transaction:
            self._write(transaction, owner, kind, seen.version, {_path(grant): _stored(grant)})

    def delete_grants(self, tenant: str, principal: str, *, seen: Access | Workspace, entry: Entry) -> None:
        """Remove the rules and the unreadable records together, and release the profiles that those held."""
        owner, kind = _place(tenant, principal)
        whole = MEMBER in seen.unreadable
        self._move_here(owner, kind, seen.version, whole=whole)
        parts: Parts = {_path(grant): None for grant in seen.grants}
        for name in seen.unreadable:
            what, _, key = name.partition("#")
            parts["mappings" if what == MAPPING else "rules", key] = None
        lost = isinstance(seen, Access) and any(name.startswith((MAPPING, MEMBER)) for name in seen.unreadable)
        kept = {(lock_of(m), m.alias) for m in seen.mappings} if isinstance(seen, Access) else set()
        # An unreadable mapping does not say which profile it held, so look for the locks.
        locks = list(self._scan(LOCK, "#name = :value", {"#name": "holder"}, owner)) if lost else []
        with self._change(entry) as transaction:
            for lock in locks:
                lock_owner = lock["owner"]["S"]
                held = set(lock.get("aliases", {}).get("SS", ()))
                stale = {alias for alias in held if (lock_owner, alias) not in kept}
                if stale:
                    release(transaction, self._items(lock_owner, LOCK), owner, stale, held=held, entry=entry)
            self._write(transaction, owner, kind, seen.version, {} if whole else parts, whole=whole)

    def put_lockdown(self, tenant: str, lockdown: Lockdown | None, *, seen: Workspace, entry: Entry) -> None:
        """Write or remove the lockdown. A new lockdown replaces an item that cannot be read."""
        fields = None if lockdown is None else _stored(lockdown)
        whole = fields is not None and WORKSPACE in seen.unreadable
        self._move_here(tenant, WORKSPACE, seen.version, whole=whole)
        with self._change(entry) as transaction:
            self._write(transaction, tenant, WORKSPACE, seen.version, {("lockdown",): fields}, whole=whole)

    def _move_here(self, owner: str, kind: str, version: int, *, whole: bool = False) -> None:
        """Move what other tenants of a shared set hold into this item, before a change of it. The version stays.

        Args:
            whole: drop what cannot be read: the change replaces the item.

        Raises:
            Changed: the records are not those of the version.
        """
        others = self._elsewhere(owner)
        found = self._fetch(*((each, kind) for each in (owner, *others))) if others else {}
        moved = [raw for other in others if (raw := found.get((other, kind))) and not is_empty(raw)]
        if not moved:
            return
        here = found.get((owner, kind))
        joined = joined_items([*([here] if here else ()), *moved])
        if version_of(joined) != version:
            raise Changed
        if not is_whole(joined) and not whole:
            return  # as it is, it denies; the change says what to do
        with self._change() as transaction:
            content: dict[str, Any] = {**NOTHING, **maps_of(joined)}
            transaction.save(self._items(owner, kind, version=version, **content), condition=self._unchanged(here))
            for raw in moved:  # emptied: our role may not delete. The version tells readers to look here again.
                emptied = self._items(raw["owner"]["S"], kind, version=version + 1, **NOTHING)
                transaction.save(emptied, condition=self._unchanged(raw))
            if kind == MEMBER:
                self._move_locks(transaction, owner, joined, moved)

    def _move_locks(self, transaction: TransactWrite, owner: str, joined: Raw, moved: Sequence[Raw]) -> None:
        """Hold the moved mappings' profiles here; free those of mappings whose alias means another profile here."""
        user_id = owner.partition("#")[2]
        kept = read_access(joined, user_id).mappings
        mappings = [mapping for raw in moved for mapping in read_access(raw, user_id).mappings]
        for mapping in {lock_of(mapping): mapping for mapping in mappings}.values():
            aliases = {each.alias for each in kept if each.same_profile(mapping)}
            hold(transaction, self._items(lock_of(mapping), LOCK), self._owners(owner), aliases)

    def _owners(self, owner: str) -> list[str]:
        """Return the keys under which a member can hold locks, the one to write first."""
        return [owner, *self._elsewhere(owner)]

    def _unchanged(self, raw: Raw | None) -> Condition:
        """Return the condition that an item is as it was read; None means that it does not exist."""
        version = version_of(raw) if raw else 0
        condition: Condition = self._items.version == version
        if raw is None:
            condition = self._items.owner.does_not_exist()
        elif not version:
            condition = self._items.owner.exists()
        return condition

    def _write(
        self, transaction: TransactWrite, owner: str, kind: str, seen: int, parts: Parts, *, whole: bool = False
    ) -> None:
        """Write these parts of an item if it still has the version that was seen.

        Args:
            whole: replace an item that cannot be read, which may have no version.
        """
        version = self._items.version
        unchanged: Condition = version == seen
        if seen and not whole:
            actions: list[Action] = [version.set(seen + 1)]
            for path, fields in parts.items():
                place = Path(list(path))
                serialized = {"M": AccessItem.rules.serialize(fields)}
                actions.append(place.remove() if fields is None else place.set(serialized))
            transaction.update(self._items(owner, kind), actions=actions, condition=unchanged)
            return
        content: dict[str, Any] = {name: {} for name in NOTHING}
        for (name, *within), fields in parts.items():
            if within and fields is not None:
                content[name][within[0]] = fields
            elif not within:
                content[name] = fields
        if not whole:
            unchanged = self._items.owner.does_not_exist()
        elif not seen:
            no_number = ~version.is_type()  # type: ignore[no-untyped-call] # PynamoDB's own gap
            unchanged = no_number | (version < 1)
        transaction.save(self._items(owner, kind, version=seen + 1, **content), condition=unchanged)

    def _take(self, transaction: TransactWrite, handover: Handover, profile: Mapping) -> None:
        """Remove every mapping of the profile from the member who loses it."""
        owner, seen = owner_of(*astuple(handover.member)), handover.seen
        lost: Parts = {_path(mapping): None for mapping in seen.mappings if mapping.same_profile(profile)}
        self._write(transaction, owner, MEMBER, seen.version, lost)

    @contextmanager
    def _change(self, *entries: Entry) -> Iterator[TransactWrite]:
        """Make one all-or-nothing change together with its audit entries; none if no rule changes."""
        audited = [to_item(self._audit, entry, self._audit_days) for entry in entries]
        with all_or_nothing(self._connection) as transaction:
            for item in audited:
                transaction.save(item, condition=self._audit.id.does_not_exist())
            yield transaction
        for entry, item in zip(entries, audited, strict=True):
            log_entry(entry, item.to_dynamodb_dict())


def _conflict(mapping: Mapping, holder: Member, tenant: str) -> ProfileConflict:
    who = holder.user_id if holder.tenant == tenant else f"{holder.tenant}#{holder.user_id}"
    return ProfileConflict(
        f"profile {mapping.profile_name} in {mapping.domain_id} is already mapped to {who}: "
        "unmap it there first, or choose another profile"
    )


def _path(record: Mapping | Grant) -> tuple[str, ...]:
    if isinstance(record, Mapping):
        return "mappings", record.alias
    return "rules", f"{record.principal}#{record.effect}" if is_group(record.principal) else record.effect.value


def _place(tenant: str, principal: str) -> tuple[str, str]:
    """Return the key of the item that holds a principal's rules."""
    return (tenant, WORKSPACE) if is_group(principal) else (owner_of(tenant, principal), MEMBER)


def _stored(record: Mapping | Grant | Lockdown) -> Fields:
    """Return a record as it is stored: without what its name says, and without empty fields."""
    found = {field.name: getattr(record, field.name) for field in fields(record)}  # `asdict` copies each of them
    stored = {name: value for name, value in found.items() if name not in IN_NAMES and value not in (None, "")}
    return stored | {name: TimeAttribute().serialize(stored[name]) for name in TIMES if name in stored}
