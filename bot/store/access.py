"""The access table: mappings, rules, and the lock that keeps a SageMaker profile to one member."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from bot.core.access import Access, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.errors import Changed, ProfileTaken, StoreError
from bot.core.link import Reason
from bot.core.records import Entry
from bot.core.values import is_group
from bot.store.access_records import (
    LOCK,
    MAPPING,
    MEMBER,
    WORKSPACE,
    Fields,
    Raw,
    read_access,
    read_workspace,
    rule_name,
    stored_fields,
)
from bot.store.audit import to_item
from bot.store.errors import CONDITION_FAILED, CONFLICT, cancellation_codes, store_errors
from bot.store.models import AccessItem, Tables, client_of

T = TypeVar("T")

# The most keys that one BatchGetItem takes.
MAX_BATCH = 100
# Items per page of a scan: DynamoDB may need longer for a whole megabyte than a call's timeout.
PAGE = 1000
# Seconds to wait before asking again for keys that DynamoDB did not process.
PAUSES = (0.05, 0.2)

# Parts of an item by path: the fields to write, or None to remove the part.
Parts = dict[tuple[str, ...], Fields | None]


class AccessTable:
    """Reads and writes mappings and rules; see `ports.AccessAdmin`. Serving needs only `read`."""

    def __init__(self, tables: Tables, *, audit_days: int) -> None:
        self._items = tables.access
        self._connection = tables.connection()
        self._audit = tables.audit
        self._audit_days = audit_days

    def read(self, member: Member) -> Access:
        """Read the member's item and the workspace's with one strongly consistent BatchGetItem."""
        owner = _owner(member.tenant, member.user_id)
        found = self._get((owner, MEMBER), (member.tenant, WORKSPACE))
        workspace = read_workspace(found.get((member.tenant, WORKSPACE)))
        own = read_access(found.get((owner, MEMBER)), member.user_id)
        unreadable = own.unreadable + workspace.unreadable
        return replace(own, unreadable=unreadable, lockdown=workspace.lockdown, group_grants=workspace.grants)

    def read_each(self, members: Sequence[Member]) -> Iterator[tuple[Member, Access]]:
        """Read the members' items, a hundred per call."""
        for some in _batches(members):
            found = self._get(*((_owner(member.tenant, member.user_id), MEMBER) for member in some))
            for member in some:
                raw = found.get((_owner(member.tenant, member.user_id), MEMBER))
                yield member, read_access(raw, member.user_id)

    def holders(self, mappings: Sequence[Mapping]) -> Iterator[tuple[Mapping, Member]]:
        """Read the profiles' locks, a hundred per call; two aliases may share one."""
        for some in _batches(mappings):
            found = self._get(*{(_lock_owner(mapping), LOCK) for mapping in some})
            for mapping in some:
                raw = found.get((_lock_owner(mapping), LOCK), {})
                if "aliases" in raw:
                    yield mapping, Member(*raw["holder"]["S"].split("#", 1))

    def workspace(self, tenant: str) -> Workspace:
        """Read the workspace's item alone."""
        return read_workspace(self._get((tenant, WORKSPACE)).get((tenant, WORKSPACE)))

    def members(self, tenant: str, *, after: str | None = None) -> Iterator[tuple[str, Access]]:
        """Scan the table, which holds locks and other workspaces too, page by page."""
        start = {} if after is None else {"owner": {"S": _owner(tenant, after)}, "item": {"S": MEMBER}}
        begin: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        for raw in self._scan(MEMBER, "begins_with(#name, :value)", "owner", _owner(tenant, ""), **begin):
            user_id = raw["owner"]["S"].removeprefix(_owner(tenant, ""))
            access = read_access(raw, user_id)
            if access != Access():
                yield user_id, access

    def _scan(self, kind: str, condition: str, name: str, value: str, **begin: Any) -> Iterator[Raw]:
        """Scan the table for items of a kind whose attribute meets the condition."""
        with store_errors():
            pages = (
                client_of(self._items)
                .get_paginator("scan")
                .paginate(
                    TableName=self._items.Meta.table_name,
                    ConsistentRead=True,
                    PaginationConfig={"PageSize": PAGE},
                    FilterExpression=f"#item = :kind AND {condition}",
                    ExpressionAttributeNames={"#item": "item", "#name": name},
                    ExpressionAttributeValues={":kind": {"S": kind}, ":value": {"S": value}},
                    **begin,
                )
            )
            for page in pages:
                yield from page["Items"]

    def put_records(self, member: Member, records: Sequence[Mapping | Grant], *, seen: Access, entry: Entry) -> None:
        """Write the records, hold their profiles' locks and release those of replaced mappings: all or nothing."""
        owner = _owner(member.tenant, member.user_id)
        before = {mapping.alias: mapping for mapping in seen.mappings}
        wanted = {record.alias: record for record in records if isinstance(record, Mapping)}
        parts: Parts = {_path(record): stored_fields(record) for record in records}
        replaced = [before[alias] for alias in wanted if alias in before]
        locks = {_lock_owner(mapping): mapping for mapping in (*replaced, *wanted.values())}
        try:
            with self._change(entry) as transaction:
                self._write(transaction, owner, MEMBER, seen.version, parts)
                for mapping in locks.values():
                    aliases = {alias for alias, held in (before | wanted).items() if held.same_profile(mapping)}
                    self._hold(transaction, owner, mapping, aliases)
        except Changed as error:
            for mapping, holder in self.holders(list(wanted.values())):
                if holder != member:
                    raise _taken(mapping, holder, member.tenant) from error
            raise

    def delete_mapping(self, member: Member, mapping: Mapping, *, seen: Access, entry: Entry) -> None:
        """Remove the mapping and release its profile's lock."""
        owner = _owner(member.tenant, member.user_id)
        with self._change(entry) as transaction:
            self._write(transaction, owner, MEMBER, seen.version, {("mappings", mapping.alias): None})
            self._release(transaction, owner, _lock_owner(mapping), {mapping.alias})

    def put_grant(self, tenant: str, grant: Grant, *, seen: Access | Workspace, entry: Entry) -> None:
        """Write the rule to the member's item, or a group's to the workspace's."""
        owner, kind = _place(tenant, grant.principal)
        with self._change(entry) as transaction:
            self._write(transaction, owner, kind, seen.version, {_path(grant): stored_fields(grant)})

    def delete_grants(self, tenant: str, principal: str, *, seen: Access | Workspace, entry: Entry) -> None:
        """Remove the rules and the unreadable records together, and release the profiles that those held."""
        owner, kind = _place(tenant, principal)
        parts: Parts = {_path(grant): None for grant in seen.grants}
        for name in seen.unreadable:
            what, _, key = name.partition("#")
            parts["mappings" if what == MAPPING else "rules", key] = None
        lost = isinstance(seen, Access) and any(name.startswith((MAPPING, MEMBER)) for name in seen.unreadable)
        kept = {(_lock_owner(m), m.alias) for m in seen.mappings} if isinstance(seen, Access) else set()
        # An unreadable mapping does not say which profile it held, so look for the locks.
        locks = list(self._scan(LOCK, "#name = :value", "holder", owner)) if lost else []
        with self._change(entry) as transaction:
            for lock in locks:
                lock_owner = lock["owner"]["S"]
                stale = {alias for alias in lock.get("aliases", {}).get("SS", ()) if (lock_owner, alias) not in kept}
                if stale:
                    self._release(transaction, owner, lock_owner, stale)
            if MEMBER in seen.unreadable:
                self._replace(transaction, owner, kind, seen.version)
            else:
                self._write(transaction, owner, kind, seen.version, parts)

    def put_lockdown(self, tenant: str, lockdown: Lockdown | None, *, seen: Workspace, entry: Entry) -> None:
        """Write or remove the lockdown. A new lockdown replaces an item that cannot be read."""
        fields = None if lockdown is None else stored_fields(lockdown)
        with self._change(entry) as transaction:
            if fields is not None and WORKSPACE in seen.unreadable:
                self._replace(transaction, tenant, WORKSPACE, seen.version, fields)
            else:
                self._write(transaction, tenant, WORKSPACE, seen.version, {("lockdown",): fields})

    def _get(self, *keys: tuple[str, str]) -> dict[tuple[str, str], Raw]:
        """Return the items that exist, from one call; repeat it a few times for keys that DynamoDB did not process.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
        """
        table = self._items.Meta.table_name
        wanted = {table: {"Keys": [{"owner": {"S": o}, "item": {"S": i}} for o, i in keys], "ConsistentRead": True}}
        found: dict[tuple[str, str], Raw] = {}
        with store_errors():
            for pause in (*PAUSES, None):
                answer = client_of(self._items).batch_get_item(RequestItems=wanted)
                for raw in answer["Responses"].get(table, ()):
                    found[raw["owner"]["S"], raw["item"]["S"]] = raw
                wanted = answer["UnprocessedKeys"]
                if not wanted:
                    return found
                if pause is not None:
                    time.sleep(pause)
        raise StoreError("DynamoDB throttles us: try again in a minute", reason=Reason.STORE_THROTTLED)

    def _write(self, transaction: TransactWrite, owner: str, kind: str, seen: int, parts: Parts) -> None:
        """Write these parts of an item if it still has the version that was seen."""
        if seen:
            actions: list[Action] = [self._items.version.set(seen + 1)]
            for path, fields in parts.items():
                place = Path(list(path))
                serialized = {"M": AccessItem.rules.serialize(fields)}
                actions.append(place.remove() if fields is None else place.set(serialized))
            unchanged = self._items.version == seen
            transaction.update(self._items(owner, kind), actions=actions, condition=unchanged)
            return
        content: dict[str, Any] = {"mappings": {}, "rules": {}}
        for (name, *within), fields in parts.items():
            if within and fields is not None:
                content[name][within[0]] = fields
            elif not within:
                content[name] = fields
        item = self._items(owner, kind, version=1, **content)
        transaction.save(item, condition=self._items.owner.does_not_exist())

    def _replace(
        self, transaction: TransactWrite, owner: str, kind: str, seen: int, lockdown: Fields | None = None
    ) -> None:
        """Write a new item over one that cannot be read at all."""
        version = self._items.version
        no_number = ~version.is_type()  # type: ignore[no-untyped-call] # PynamoDB's own gap
        unchanged = version == seen if seen else no_number | (version < 1)
        item = self._items(owner, kind, version=seen + 1, mappings={}, rules={}, lockdown=lockdown)
        transaction.save(item, condition=unchanged)

    def _hold(self, transaction: TransactWrite, owner: str, mapping: Mapping, aliases: set[str]) -> None:
        """Hold the profile's lock under exactly these aliases; without any, the lock is free."""
        items = self._items
        actions: list[Action] = [items.aliases.remove()]
        if aliases:
            actions = [items.holder.set(owner), items.aliases.set(aliases)]
        free_or_own = items.aliases.does_not_exist() | (items.holder == owner)
        transaction.update(items(_lock_owner(mapping), LOCK), actions=actions, condition=free_or_own)

    def _release(self, transaction: TransactWrite, owner: str, lock_owner: str, aliases: set[str]) -> None:
        """Remove the aliases from the lock."""
        lock, items = self._items(lock_owner, LOCK), self._items
        transaction.update(lock, actions=[items.aliases.delete(aliases)], condition=items.holder == owner)

    @contextmanager
    def _change(self, entry: Entry) -> Iterator[TransactWrite]:
        """Make one all-or-nothing change together with its audit entry."""
        with store_errors():
            try:
                with TransactWrite(connection=self._connection) as transaction:
                    transaction.save(to_item(self._audit, entry, self._audit_days))
                    yield transaction
            except TransactWriteError as error:
                if {CONDITION_FAILED, CONFLICT}.intersection(cancellation_codes(error)):
                    raise Changed(
                        "somebody changed the same records meanwhile; nothing was written: look again, then retry"
                    ) from error
                raise


def _owner(tenant: str, principal: str) -> str:
    return f"{tenant}#{principal}"


def _lock_owner(mapping: Mapping) -> str:
    return f"profile#{mapping.domain_id}#{mapping.profile_name.lower()}"


def _taken(mapping: Mapping, holder: Member, tenant: str) -> ProfileTaken:
    who = holder.user_id if holder.tenant == tenant else f"{holder.tenant}#{holder.user_id}"
    return ProfileTaken(
        f"profile {mapping.profile_name} in {mapping.domain_id} is already mapped to {who}: "
        "unmap it there first, or choose another profile"
    )


def _batches(many: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(many), MAX_BATCH):
        yield many[start : start + MAX_BATCH]


def _path(record: Mapping | Grant) -> tuple[str, ...]:
    """Where a record is in its item."""
    return ("mappings", record.alias) if isinstance(record, Mapping) else ("rules", rule_name(record))


def _place(tenant: str, principal: str) -> tuple[str, str]:
    """The item that holds a principal's rules."""
    return (tenant, WORKSPACE) if is_group(principal) else (_owner(tenant, principal), MEMBER)
