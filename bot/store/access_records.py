"""Items of the access table as values, and values as what the items hold. A record that makes no sense is named."""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Workspace
from bot.core.values import is_group
from bot.store.models import AccessItem, from_iso, iso

T = TypeVar("T")

# The kinds of items, and the names of records in them where one cannot be read.
MEMBER, WORKSPACE, LOCK = "member", "workspace", "lock"
MAPPING, GRANT = "mapping", "grant"

# An item in DynamoDB's own notation, and the fields of one record in it.
Raw = dict[str, Any]
Fields = dict[str, Any]

# What an item says by its key or by the record's name, and the fields that are not texts.
IN_NAMES = ("alias", "principal", "effect")
TIMES, NUMBERS = ("set_at", "until"), ("session_seconds",)


def read_access(raw: Raw | None, user_id: str) -> Access:
    """Return a member's own records."""
    if raw is None:
        return Access()
    version, mappings, rules = _version(raw), _map(raw, "mappings"), _map(raw, "rules")
    if not version or mappings is None or rules is None:
        return Access(unreadable=(MEMBER,), version=version)
    read_mappings, odd_mappings = _read(MAPPING, mappings, _mapping)
    grants, odd_rules = _read(GRANT, rules, lambda effect, of: _grant(user_id, effect, of))
    return Access(read_mappings, grants, odd_mappings + odd_rules, version=version)


def read_workspace(raw: Raw | None) -> Workspace:
    """Return what holds for a whole workspace."""
    if raw is None:
        return Workspace()
    version, rules, lockdown = _version(raw), _map(raw, "rules"), _map(raw, "lockdown")
    if not version or rules is None or (lockdown is None and "lockdown" in raw):
        return Workspace(unreadable=(WORKSPACE,), version=version)
    grants, odd_rules = _read(WORKSPACE, rules, _group_grant)
    stored = {} if lockdown is None else {"lockdown": lockdown}
    lockdowns, odd_lockdown = _read(WORKSPACE, stored, lambda _, of: Lockdown(**_values(Lockdown, of)))
    return Workspace(next(iter(lockdowns), None), grants, odd_rules + odd_lockdown, version)


def stored_fields(record: Mapping | Grant | Lockdown) -> Fields:
    """Return a record as it is stored: without what its name says, and without empty fields."""
    values = {name: iso(value) if isinstance(value, datetime) else value for name, value in asdict(record).items()}
    return {name: value for name, value in values.items() if name not in IN_NAMES and value not in (None, "")}


def rule_name(grant: Grant) -> str:
    """Return the name of a rule in its item."""
    return f"{grant.principal}#{grant.effect}" if is_group(grant.principal) else grant.effect.value


def _version(raw: Raw) -> int:
    """0 if the item has none that could be one."""
    number = raw.get("version", {}).get("N", "")
    return int(number) if number.isdecimal() else 0


def _map(raw: Raw, name: str) -> Fields | None:
    value = raw.get(name, {}).get("M")
    return None if value is None else AccessItem.rules.deserialize(value)


def _read(kind: str, stored: Fields, make: Callable[[str, Fields], T]) -> tuple[tuple[T, ...], tuple[str, ...]]:
    """Return the records of a map in the order of their names, and the names of those that make no sense."""
    records, unreadable = [], []
    for name, values in sorted(stored.items()):
        try:
            records.append(make(name, values))
        except (ValueError, TypeError, AttributeError):
            unreadable.append(f"{kind}#{name}")
    return tuple(records), tuple(unreadable)


def _mapping(alias: str, stored: Fields) -> Mapping:
    return Mapping(alias, **_values(Mapping, stored))


def _grant(principal: str, effect: str, stored: Fields) -> Grant:
    return Grant(principal, Effect(effect), **_values(Grant, stored))


def _group_grant(name: str, stored: Fields) -> Grant:
    group, _, effect = name.partition("#")
    if not is_group(group):
        raise ValueError("a rule that is not a group's")
    return _grant(group, effect, stored)


def _values(kind: type[Mapping | Grant | Lockdown], stored: Fields) -> dict[str, Any]:
    """Return the stored values of a record's fields; ValueError for one of another type."""
    names = {field.name for field in fields(kind)}.difference(IN_NAMES)
    return {name: _value(name, value) for name, value in stored.items() if name in names and value is not None}


def _value(name: str, value: object) -> str | int | datetime | None:
    if name in NUMBERS and isinstance(value, Decimal) and value == int(value):
        return int(value)
    if name in NUMBERS or not isinstance(value, str):
        raise ValueError(f"{name} is of another type")
    return from_iso(value) if name in TIMES else value
