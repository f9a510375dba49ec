"""Read the access table: mappings, rules and locks. A record with invalid values is named instead."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, TypeVar

from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.values import is_group
from bot.store.dynamodb import DESERIALIZER, Raw, TimeAttribute, batch_get, batches, scan
from bot.store.locks import holder_of, lock_of
from bot.store.models import Tables
from bot.store.people import PeopleTable, person_in, person_key

R = TypeVar("R", Mapping, Grant, Lockdown)

# The kinds of items, and the names of records in them where one cannot be read.
MEMBER, WORKSPACE, LOCK = "member", "workspace", "lock"
MAPPING, GRANT = "mapping", "grant"
# The kind of what the runtime table has of a person, by the item's id.
PERSON = "person"
OWNER = {"#name": "owner"}

# An item's key, the item in DynamoDB's own notation, and the fields of one record in it.
Key = tuple[str, str]
Fields = dict[str, Any]

# Fields in an item's key or a record's name, the other fields of records, and those that are not texts.
IN_NAMES = ("alias", "principal", "effect")
STORED: dict[type, set[str]] = {
    kind: {field.name for field in fields(kind)}.difference(IN_NAMES) for kind in (Mapping, Grant, Lockdown)
}
TIMES, NUMBERS = ("set_at", "until"), ("session_seconds",)


class AccessReads:
    """The reading side of the access table; see `ports.AccessReader`.

    Args:
        tenants: these have one set of rules, kept under the first; see `values.shared_tenants`. What the others hold
            from before counts as well, until a change moves it.
        people: Slack's records of members, to be read in the same call; None for none.
    """

    def __init__(self, tables: Tables, tenants: Sequence[str] = (), people: PeopleTable | None = None) -> None:
        self._people, self._runtime_items = people, tables.runtime
        self._tenants = tuple(tenants)
        self._items, self._connection = tables.access, tables.connection()

    def read(self, member: Member) -> Access:
        """Read the member's item, the workspace's and Slack's record with one strongly consistent BatchGetItem."""
        owner = owner_of(member.tenant, member.user_id)
        known = (person_key(member.tenant, member.user_id), PERSON)
        reads_people = self._people is not None and self._people.heard_at is not None
        found = self._get((owner, MEMBER), (member.tenant, WORKSPACE), *([known] if reads_people else ()))
        workspace = _workspace(found.get((member.tenant, WORKSPACE)))
        own = read_access(found.get((owner, MEMBER)), member.user_id)
        return replace(
            own,
            unreadable=own.unreadable + workspace.unreadable,
            lockdown=workspace.lockdown,
            group_grants=workspace.grants,
            person=person_in(self._runtime_items, found.get(known)),
        )

    def read_each(self, members: Sequence[Member]) -> Iterator[tuple[Member, Access]]:
        """Read the members' items, a hundred per call."""
        for batch in batches(members):
            keys = {member: (owner_of(member.tenant, member.user_id), MEMBER) for member in batch}
            found = self._get(*keys.values())
            for member in batch:
                yield member, read_access(found.get(keys[member]), member.user_id)

    def holders(self, mappings: Sequence[Mapping]) -> Iterator[tuple[Mapping, Member]]:
        """Read the profiles' locks, a hundred per call; two aliases may share one."""
        for batch in batches(mappings):
            found = self._get(*{(lock_of(mapping), LOCK) for mapping in batch})
            for mapping in batch:
                raw = found.get((lock_of(mapping), LOCK), {})
                if "aliases" in raw:
                    yield mapping, self._main(holder_of(raw))

    def _main(self, member: Member) -> Member:
        """Return a member as one of the tenant that keeps the rules of a shared set."""
        return replace(member, tenant=self._tenants[0]) if member.tenant in self._tenants else member

    def workspace(self, tenant: str) -> Workspace:
        return _workspace(self._get((tenant, WORKSPACE)).get((tenant, WORKSPACE)))

    def members(self, tenant: str, *, after: str | None = None) -> Iterator[tuple[str, Access]]:
        """Scan the table, which holds locks and other workspaces too, page by page.

        Those of whom only other tenants of a shared set know come last.
        """
        elsewhere: dict[str, list[Raw]] = defaultdict(list)
        for owner in self._elsewhere(owner_of(tenant, "")):
            for user_id, raw in self._members(owner):
                if not is_empty(raw):
                    elsewhere[user_id].append(raw)
        here = self._fetch(*((owner_of(tenant, user_id), MEMBER) for user_id in elsewhere))
        alone = {user_id for user_id in elsewhere if (owner_of(tenant, user_id), MEMBER) not in here}
        found: Iterator[tuple[str, list[Raw]]] = iter(())
        if after not in alone:
            scanned, after = self._members(owner_of(tenant, ""), after), ""
            found = ((user_id, [raw, *elsewhere.get(user_id, ())]) for user_id, raw in scanned)
        last = ((user_id, elsewhere[user_id]) for user_id in sorted(alone) if user_id > (after or ""))
        for user_id, items in chain(found, last):
            access = read_access(joined_items(items), user_id)
            if access != Access():
                yield user_id, access

    def ending(self, tenant: str, since: datetime, until: datetime) -> frozenset[str]:
        """Scan the table, not strongly consistent, which costs half; DynamoDB returns only the items that fit."""
        condition = "begins_with(#name, :value) AND #rules.#allow.#until BETWEEN :since AND :until"
        names = OWNER | {"#rules": "rules", "#allow": Effect.ALLOW.value, "#until": "until"}
        span = {f":{name}": {"S": TimeAttribute().serialize(at)} for name, at in (("since", since), ("until", until))}
        prefixes = (owner_of(tenant, ""), *self._elsewhere(owner_of(tenant, "")))
        found = (self._scan(MEMBER, condition, names, each, span, ConsistentRead=False) for each in prefixes)
        return frozenset(raw["owner"]["S"].rpartition("#")[2] for raw in chain.from_iterable(found))

    def _members(self, prefix: str, after: str | None = None) -> Iterator[tuple[str, Raw]]:
        """Scan for the items of members whose keys begin with the prefix; only those behind one, if named."""
        start = {"owner": {"S": f"{prefix}{after}"}, "item": {"S": MEMBER}}
        begin = {} if after is None else {"ExclusiveStartKey": start}
        for raw in self._scan(MEMBER, "begins_with(#name, :value)", OWNER, prefix, **begin):
            yield raw["owner"]["S"].removeprefix(prefix), raw

    def _scan(
        self, kind: str, condition: str, names: dict[str, str], value: str, values: Raw | None = None, **more: Any
    ) -> Iterator[Raw]:
        """Scan the table for items of a kind whose attributes meet the condition.

        Args:
            value, values: the condition's `:value`, and its others.
            more: further parameters of the call.
        """
        return scan(
            self._connection.client,
            self._items.Meta.table_name,
            FilterExpression=f"#item = :kind AND {condition}",
            ExpressionAttributeNames={"#item": "item", **names},
            ExpressionAttributeValues={":kind": {"S": kind}, ":value": {"S": value}, **(values or {})},
            **more,
        )

    def _elsewhere(self, owner: str) -> list[str]:
        """Return the keys under which other tenants of a shared set hold records of the same member or workspace."""
        tenant, separator, user_id = owner.partition("#")
        return [other + separator + user_id for other in self._tenants[1:] if tenant == self._tenants[0]]

    def _get(self, *keys: Key) -> dict[Key, Raw]:
        """Return the items that exist, each joined with those of other tenants of a shared set."""
        if not self._tenants:
            return self._fetch(*keys)
        places = {(owner, kind): [(each, kind) for each in (owner, *self._elsewhere(owner))] for owner, kind in keys}
        found = self._fetch(*chain.from_iterable(places.values()))
        # One call reads its items at different moments: a move may have emptied one after the other had been read.
        behind = [key for key in keys if any(_moved(found.get(each), found.get(key)) for each in places[key][1:])]
        found |= self._fetch(*behind)
        items = {
            key: [found[each] for each in places[key] if each in found and (each == key or not is_empty(found[each]))]
            for key in keys
        }
        return {key: joined_items(each) for key, each in items.items() if each}

    def _fetch(self, *keys: Key) -> dict[Key, Raw]:
        access, runtime = self._items.Meta.table_name, self._runtime_items.Meta.table_name
        items: dict[Key, Raw] = {}
        for batch in batches(keys):
            asked: dict[str, list[Raw]] = defaultdict(list)
            for owner, kind in batch:
                if kind == PERSON:
                    asked[runtime].append({"id": {"S": owner}})
                else:
                    asked[access].append({"owner": {"S": owner}, "item": {"S": kind}})
            found = batch_get(self._connection.client, asked)
            items |= {(raw["owner"]["S"], raw["item"]["S"]): raw for raw in found.get(access, ())}
            items |= {(raw["id"]["S"], PERSON): raw for raw in found.get(runtime, ())}
        return items


def owner_of(tenant: str, principal: str) -> str:
    """Return the key of a member's item."""
    return f"{tenant}#{principal}"


def read_access(raw: Raw | None, user_id: str) -> Access:
    """Return a member's own records."""
    if raw is None:
        return Access()
    version, maps = version_of(raw), maps_of(raw)
    if not is_whole(raw):
        return Access(unreadable=(MEMBER,), version=version)
    mappings, odd_mappings = _records(MAPPING, Mapping, maps["mappings"], lambda alias: (alias,))
    grants, odd_rules = _records(GRANT, Grant, maps["rules"], lambda effect: (user_id, Effect(effect)))
    return Access(mappings, grants, odd_mappings + odd_rules, version=version)


def _workspace(raw: Raw | None) -> Workspace:
    if raw is None:
        return Workspace()
    version, maps = version_of(raw), maps_of(raw)
    if not is_whole(raw):
        return Workspace(unreadable=(WORKSPACE,), version=version)
    grants, odd_rules = _records(WORKSPACE, Grant, maps["rules"], _group_rule)
    stored = {name: value for name, value in maps.items() if name == "lockdown"}
    lockdowns, odd_lockdown = _records(WORKSPACE, Lockdown, stored, lambda _: ())
    return Workspace(next(iter(lockdowns), None), grants, odd_rules + odd_lockdown, version)


def joined_items(items: Sequence[Raw]) -> Raw:
    """Return the items as one: of rules of one kind the longest, of mappings of one alias and lockdowns the first.

    It cannot be read if one of them cannot. Its version changes with each of theirs.
    """
    if len(items) == 1:
        return items[0]
    joined: Raw = {"item": items[0]["item"], "version": {"N": str(sum(map(version_of, items)))}}
    if not all(map(is_whole, items)):
        return joined
    for name in ("mappings", "rules"):
        records: Raw = {}
        for item in items:
            for key, record in item.get(name, {"M": {}})["M"].items():
                if key not in records or (name == "rules" and _lasts(record) > _lasts(records[key])):
                    records[key] = record
        joined[name] = {"M": records}
    return joined | next(({"lockdown": item["lockdown"]} for item in items if "lockdown" in item), {})


def _lasts(rule: Raw) -> tuple[bool, str]:
    """Return how long a stored rule lasts, comparable; one that cannot be read counts as permanent."""
    until = rule.get("M", {}).get("until", {}).get("S")
    return until is None, until or ""


def is_whole(raw: Raw) -> bool:
    """Return whether the item has what each item of its kind has; single records in it may still be invalid."""
    maps = {name for name, value in raw.items() if "M" in value}
    needed = {"mappings", "rules"} if raw["item"]["S"] == MEMBER else {"rules"}
    return bool(version_of(raw)) and needed <= maps and ("lockdown" in raw) == ("lockdown" in maps)


def is_empty(raw: Raw) -> bool:
    """Return whether the item is readable and holds no record."""
    return is_whole(raw) and "lockdown" not in raw and not any(maps_of(raw).values())


def _moved(raw: Raw | None, here: Raw | None) -> bool:
    """Return whether the item's records were moved after the item for them was read: moves raise its version."""
    return raw is not None and is_empty(raw) and version_of(raw) > (version_of(here) if here else 0)


def version_of(raw: Raw) -> int:
    """Return the item's version, which is 0 without a valid one."""
    number: str = raw.get("version", {}).get("N", "")
    return int(number) if number.isdecimal() else 0


def maps_of(raw: Raw) -> dict[str, Fields]:
    """Return the item's maps."""
    return {name: DESERIALIZER.deserialize(value) for name, value in raw.items() if "M" in value}


def _records(
    label: str, kind: type[R], stored: Fields, read_name: Callable[[str], tuple[Any, ...]]
) -> tuple[tuple[R, ...], tuple[str, ...]]:
    """Return the records of a map in the order of their names, and the names of the invalid ones."""
    records, unreadable = [], []
    for name, values in sorted(stored.items()):
        try:
            records.append(kind(*read_name(name), **_values(kind, values)))
        except (ValueError, TypeError, AttributeError):
            unreadable.append(f"{label}#{name}")
    return tuple(records), tuple(unreadable)


def _group_rule(name: str) -> tuple[str, Effect]:
    group, _, effect = name.partition("#")
    if not is_group(group):
        raise ValueError("a rule that is not a group's")
    return group, Effect(effect)


def _values(kind: type, stored: Fields) -> Fields:
    """Return the stored values of a record's fields; ValueError for one of another type."""
    values: Fields = {}
    for name, value in stored.items():
        if name not in STORED[kind] or value is None:
            continue
        if name in NUMBERS and isinstance(value, Decimal) and value == int(value):
            values[name] = int(value)
        elif name in NUMBERS or not isinstance(value, str):
            raise ValueError(f"{name} is of another type")
        else:
            values[name] = datetime.fromisoformat(value) if name in TIMES else value
    return values
