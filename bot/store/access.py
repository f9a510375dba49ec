"""The access table: who may open what, and the lock that keeps a SageMaker profile to one member."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from pynamodb.exceptions import AttributeDeserializationError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.errors import Changed, ProfileTaken, StoreError
from bot.core.link import Reason
from bot.core.records import Entry
from bot.core.values import is_group
from bot.store.audit import to_item
from bot.store.models import AccessItem, Tables, client_of, from_iso, iso, store_errors

T = TypeVar("T")

# The kinds of items, and what parts of them are called where one cannot be read.
MEMBER, WORKSPACE, LOCK = "member", "workspace", "lock"
MAPPING, GRANT = "mapping", "grant"
# Items of one page of a scan: an answer of DynamoDB's whole megabyte may take longer than a call may.
PAGE = 1000
# Seconds to wait before asking again for what DynamoDB left out of an answer.
PAUSES = (0.05, 0.2)

# An item in DynamoDB's own notation; what is in a map of it; and the parts of it to write, None for one to remove.
Raw = dict[str, Any]
Fields = dict[str, Any]
Parts = dict[tuple[str, ...], Fields | None]


class AccessTable:
    """Reads and writes who may open what; see `ports.AccessAdmin`. Serving needs only `read`."""

    def __init__(self, tables: Tables, *, audit_days: int) -> None:
        self._items = tables.access
        self._connection = tables.connection()
        self._audit = tables.audit
        self._audit_days = audit_days

    def read(self, member: Member) -> Access:
        """One strongly consistent BatchGetItem of the member's item and the workspace's."""
        owner = _owner(member.tenant, member.user_id)
        found = self._get((owner, MEMBER), (member.tenant, WORKSPACE))
        workspace = self._workspace(found.get((member.tenant, WORKSPACE)))
        own = self._access(found.get((owner, MEMBER)), member.user_id)
        return Access(
            own.mappings,
            own.grants,
            own.unreadable + workspace.unreadable,
            workspace.lockdown,
            workspace.grants,
            own.version,
        )

    def read_each(self, members: Sequence[Member]) -> Iterator[tuple[Member, Access]]:
        """A BatchGetItem for every hundred."""
        for some in _in_hundreds(members):
            found = self._get(*((_owner(member.tenant, member.user_id), MEMBER) for member in some))
            for member in some:
                raw = found.get((_owner(member.tenant, member.user_id), MEMBER))
                yield member, self._access(raw, member.user_id)

    def holders(self, mappings: Sequence[Mapping]) -> Iterator[tuple[Mapping, Member]]:
        """A BatchGetItem of locks for every hundred; two aliases may share one."""
        for some in _in_hundreds(mappings):
            found = self._get(*{(_lock_owner(mapping), LOCK) for mapping in some})
            for mapping in some:
                raw = found.get((_lock_owner(mapping), LOCK), {})
                if "aliases" in raw:
                    yield mapping, Member(*raw["holder"]["S"].split("#", 1))

    def workspace(self, tenant: str) -> Workspace:
        """The same call for the workspace's item alone."""
        return self._workspace(self._get((tenant, WORKSPACE)).get((tenant, WORKSPACE)))

    def members(self, tenant: str, *, after: str | None = None) -> Iterator[tuple[str, Access]]:
        """Page by page over the table, which holds locks and other workspaces too."""
        start = {} if after is None else {"owner": {"S": _owner(tenant, after)}, "item": {"S": MEMBER}}
        begin: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        with store_errors():
            pages = (
                client_of(self._items)
                .get_paginator("scan")
                .paginate(
                    TableName=self._items.Meta.table_name,
                    ConsistentRead=True,
                    PaginationConfig={"PageSize": PAGE},
                    FilterExpression="#item = :member AND begins_with(#owner, :tenant)",
                    ExpressionAttributeNames={"#item": "item", "#owner": "owner"},
                    ExpressionAttributeValues={":member": {"S": MEMBER}, ":tenant": {"S": _owner(tenant, "")}},
                    **begin,
                )
            )
            for page in pages:
                for raw in page["Items"]:
                    user_id = raw["owner"]["S"].removeprefix(_owner(tenant, ""))
                    access = self._access(raw, user_id)
                    if access != Access():
                        yield user_id, access

    def put_mapping(self, member: Member, mapping: Mapping, *, seen: Access, entry: Entry) -> None:
        """As for several."""
        self.put_records(member, [mapping], seen=seen, entry=entry)

    def put_records(self, member: Member, records: Sequence[Mapping | Grant], *, seen: Access, entry: Entry) -> None:
        """Write them, take the profiles' locks, let go of those that are replaced: all or nothing."""
        owner = _owner(member.tenant, member.user_id)
        before = {mapping.alias: mapping for mapping in seen.mappings}
        wanted = {record.alias: record for record in records if isinstance(record, Mapping)}
        parts = {_part(record): _fields(record) for record in records}
        replaced = [before[alias] for alias in wanted if alias in before]
        locks = {_lock_owner(mapping): mapping for mapping in (*replaced, *wanted.values())}
        try:
            with self._change(entry) as transaction:
                self._write(transaction, owner, MEMBER, seen.version, {**parts})
                for mapping in locks.values():
                    aliases = {alias for alias, held in (before | wanted).items() if held.same_profile(mapping)}
                    self._hold(transaction, owner, mapping, aliases)
        except Changed as error:
            for mapping, holder in self.holders(list(wanted.values())):
                if holder != member:
                    raise _taken(mapping, holder, member.tenant) from error
            raise

    def delete_mapping(self, member: Member, mapping: Mapping, *, seen: Access, entry: Entry) -> None:
        """Remove the mapping and let go of its profile's lock."""
        owner = _owner(member.tenant, member.user_id)
        with self._change(entry) as transaction:
            self._write(transaction, owner, MEMBER, seen.version, {("mappings", mapping.alias): None})
            self._release(transaction, owner, mapping)

    def put_grant(self, tenant: str, grant: Grant, *, seen: Access | Workspace, entry: Entry) -> None:
        """Write the rule to the member's item, or a group's to the workspace's."""
        owner, kind = _place(tenant, grant.principal)
        with self._change(entry) as transaction:
            self._write(transaction, owner, kind, seen.version, {("rules", _rule_name(grant)): _fields(grant)})

    def delete_grants(self, tenant: str, principal: str, *, seen: Access | Workspace, entry: Entry) -> None:
        """Remove the rules together, and with them what cannot be read."""
        owner, kind = _place(tenant, principal)
        parts: Parts = {("rules", _rule_name(grant)): None for grant in seen.grants}
        for name in seen.unreadable:
            what, _, key = name.partition("#")
            parts["mappings" if what == MAPPING else "rules", key] = None
        with self._change(entry) as transaction:
            if MEMBER in seen.unreadable:
                self._start_over(transaction, owner, kind, seen.version)
            else:
                self._write(transaction, owner, kind, seen.version, parts)

    def put_lockdown(self, tenant: str, lockdown: Lockdown | None, *, seen: Workspace, entry: Entry) -> None:
        """Write or remove the one lockdown. One that begins takes the place of an item that cannot be read."""
        with self._change(entry) as transaction:
            if lockdown is not None and WORKSPACE in seen.unreadable:
                self._start_over(transaction, tenant, WORKSPACE, seen.version, _fields(lockdown))
            else:
                parts: Parts = {("lockdown",): None if lockdown is None else _fields(lockdown)}
                self._write(transaction, tenant, WORKSPACE, seen.version, parts)

    def _get(self, *keys: tuple[str, str]) -> dict[tuple[str, str], Raw]:
        """The items that there are, from one call; what DynamoDB leaves out of it is asked for again, a few times.

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

    def _access(self, raw: Raw | None, user_id: str) -> Access:
        """A member's item as values; what makes no sense in it is named."""
        if raw is None:
            return Access()
        version, item = _version(raw), self._item(raw)
        if item is None or not version or item.mappings is None or item.rules is None:
            return Access(unreadable=(MEMBER,), version=version)
        mappings, odd_mappings = _read(MAPPING, item.mappings, _mapping)
        grants, odd_rules = _read(GRANT, item.rules, lambda effect, of: _grant(user_id, effect, of))
        return Access(mappings, grants, odd_mappings + odd_rules, version=version)

    def _workspace(self, raw: Raw | None) -> Workspace:
        """The same for a workspace's item."""
        if raw is None:
            return Workspace()
        version, item = _version(raw), self._item(raw)
        if item is None or not version or item.rules is None:
            return Workspace(unreadable=(WORKSPACE,), version=version)
        grants, odd_rules = _read(WORKSPACE, item.rules, _group_grant)
        stored = {} if item.lockdown is None else {"lockdown": item.lockdown}
        lockdowns, odd_lockdown = _read(WORKSPACE, stored, _lockdown)
        return Workspace(next(iter(lockdowns), None), grants, odd_rules + odd_lockdown, version)

    def _item(self, raw: Raw) -> AccessItem | None:
        """The item, or None if its attributes are not of their types."""
        try:
            return self._items.from_raw_data(raw)
        except (AttributeDeserializationError, ValueError, TypeError, KeyError):
            return None

    def _write(self, transaction: TransactWrite, owner: str, kind: str, seen: int, parts: Parts) -> None:
        """Write these parts of an item, if it is still of the version that was seen."""
        if seen:
            actions: list[Action] = [self._items.version.set(seen + 1)]
            for path, fields in parts.items():
                place = Path(list(path))
                actions.append(place.remove() if fields is None else place.set(_serialized(fields)))
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

    def _start_over(
        self, transaction: TransactWrite, owner: str, kind: str, seen: int, lockdown: Fields | None = None
    ) -> None:
        """A new item in the place of one that cannot be read at all."""
        version = self._items.version
        no_number = ~version.is_type()  # type: ignore[no-untyped-call] # PynamoDB's own gap
        unchanged: Condition = version == seen if seen else no_number | (version < 1)
        item = self._items(owner, kind, version=seen + 1, mappings={}, rules={}, lockdown=lockdown)
        transaction.save(item, condition=unchanged)

    def _lock(self, mapping: Mapping) -> AccessItem:
        return self._items(_lock_owner(mapping), LOCK)

    def _hold(self, transaction: TransactWrite, owner: str, mapping: Mapping, aliases: set[str]) -> None:
        """Hold the profile's lock under exactly these aliases, or let go of it if there is none."""
        if aliases:
            transaction.update(
                self._lock(mapping),
                actions=[self._items.holder.set(owner), self._items.aliases.set(aliases)],
                condition=self._items.aliases.does_not_exist() | (self._items.holder == owner),
            )
        else:
            transaction.update(
                self._lock(mapping), actions=[self._items.aliases.remove()], condition=self._items.holder == owner
            )

    def _release(self, transaction: TransactWrite, owner: str, mapping: Mapping) -> None:
        """Take the alias off the lock. The lock item stays: a free lock is one without aliases."""
        transaction.update(
            self._lock(mapping),
            actions=[self._items.aliases.delete({mapping.alias})],
            condition=self._items.holder == owner,
        )

    @contextmanager
    def _change(self, entry: Entry) -> Iterator[TransactWrite]:
        """One all-or-nothing change together with its audit entry."""
        with store_errors():
            try:
                with TransactWrite(connection=self._connection) as transaction:
                    transaction.save(to_item(self._audit, entry, self._audit_days))
                    yield transaction
            except TransactWriteError as error:
                codes = {reason.code for reason in error.cancellation_reasons if reason}
                if codes & {"ConditionalCheckFailed", "TransactionConflict"}:
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


def _in_hundreds(many: Sequence[T]) -> Iterator[Sequence[T]]:
    """The most that one BatchGetItem takes."""
    for start in range(0, len(many), 100):
        yield many[start : start + 100]


def _part(record: Mapping | Grant) -> tuple[str, ...]:
    """Where a record is in its item."""
    return ("mappings", record.alias) if isinstance(record, Mapping) else ("rules", _rule_name(record))


def _place(tenant: str, principal: str) -> tuple[str, str]:
    """The item in which a principal's rules are."""
    return (tenant, WORKSPACE) if is_group(principal) else (_owner(tenant, principal), MEMBER)


def _rule_name(grant: Grant) -> str:
    return f"{grant.principal}#{grant.effect}" if grant.of_group else grant.effect.value


def _version(raw: Raw) -> int:
    """0 if the item has none that could be one."""
    number = raw.get("version", {}).get("N", "")
    return int(number) if number.isdecimal() else 0


def _serialized(fields: Fields) -> dict[str, Any]:
    return {"M": AccessItem.rules.serialize(fields)}


def _fields(record: Mapping | Grant | Lockdown) -> Fields:
    """A record as it is stored: without what the key says, and what it does not say."""
    values = {name: iso(value) if isinstance(value, datetime) else value for name, value in asdict(record).items()}
    return {
        name: value
        for name, value in values.items()
        if name not in ("alias", "principal", "effect") and value not in (None, "")
    }


def _read(kind: str, stored: Fields, make: Callable[[str, Fields], T]) -> tuple[tuple[T, ...], tuple[str, ...]]:
    """The records of a map in the order of their names, and the names of those that make no sense."""
    records, unreadable = [], []
    for name, fields in sorted(stored.items()):
        try:
            records.append(make(name, fields))
        except (ValueError, TypeError, AttributeError):
            unreadable.append(f"{kind}#{name}")
    return tuple(records), tuple(unreadable)


def _mapping(alias: str, fields: Fields) -> Mapping:
    return Mapping(
        alias=alias,
        domain_id=_text(fields, "domain_id") or "",
        profile_name=_text(fields, "profile_name") or "",
        region=_text(fields, "region"),
        role_arn=_text(fields, "role_arn"),
        space_name=_text(fields, "space_name"),
        landing_uri=_text(fields, "landing_uri"),
        session_seconds=_whole(fields, "session_seconds"),
        profile_arn=_text(fields, "profile_arn"),
        set_by=_text(fields, "set_by") or "",
        set_at=from_iso(_text(fields, "set_at")),
    )


def _grant(principal: str, effect: str, fields: Fields) -> Grant:
    return Grant(
        principal=principal,
        effect=Effect(effect),
        until=from_iso(_text(fields, "until")),
        reason=_text(fields, "reason") or "",
        set_by=_text(fields, "set_by") or "",
        set_at=from_iso(_text(fields, "set_at")),
    )


def _group_grant(name: str, fields: Fields) -> Grant:
    group, _, effect = name.partition("#")
    if not is_group(group):
        raise ValueError("a rule that is not a group's")
    return _grant(group, effect, fields)


def _lockdown(_: str, fields: Fields) -> Lockdown:
    return Lockdown(
        reason=_text(fields, "reason") or "",
        set_by=_text(fields, "set_by") or "",
        set_at=from_iso(_text(fields, "set_at")),
    )


def _text(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _whole(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, Decimal) or value != int(value):
        raise ValueError(f"{name} is no whole number")
    return int(value)
