"""The locks in the access table: which member holds a SageMaker profile, and where the audit names the last one."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from bot.core.access import Mapping, Member
from bot.core.consent import Ownership
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.core.records import Entry
from bot.core.values import InvalidValue
from bot.store.dynamodb import TimeAttribute, store_errors
from bot.store.models import AccessItem, AuditItem


def lock_of(mapping: Mapping) -> str:
    """Return the key of a profile's lock."""
    return f"profile#{mapping.domain_id}#{mapping.profile_name.lower()}"


def holder_of(raw: dict[str, Any]) -> Member:
    """Return the member who holds a lock, an item in DynamoDB's own notation.

    Raises:
        StoreError: somebody has changed the item by hand, so that it names nobody.
    """
    tenant, _, user_id = raw.get("holder", {}).get("S", "").partition("#")
    try:
        return Member(tenant, user_id)
    except InvalidValue:
        raise StoreError(
            f"the lock {raw['owner']['S']} does not say who holds the profile: find its member with `studio-links "
            "list`, and set the item's `holder` to TEAM#USER in the DynamoDB console",
            reason=Reason.STORE_UNREADABLE,
        ) from None


def mark_of(raw: dict[str, Any]) -> str:
    """Return what changes in a lock with each holder and release."""
    return " ".join(raw.get(name, {}).get("S", "") for name in ("holder", "released"))


def former_of(items: type[AuditItem], released: str) -> Member | None:
    """Return the member of the entry with which a profile became free; None if the audit no longer names them."""
    with store_errors():
        tenant, at, entry_id = released.split(" ")
        when = TimeAttribute().deserialize(at)
        found = items.by_day.query(f"{tenant}#{when.astimezone(UTC):%Y-%m-%d}", items.at == when)
        owner = next((item.member for item in found if item.id == entry_id), "")
    try:
        return Member(tenant, owner.partition("#")[2])
    except ValueError:
        return None


def hold(
    transaction: TransactWrite,
    lock: AccessItem,
    owners: Sequence[str],
    aliases: set[str],
    *,
    entry: Entry | None = None,
    seen: Ownership | None = None,
) -> None:
    """Hold a lock under exactly these aliases; without any, it is free.

    Args:
        owners: the keys of the member, of whom the first is the one to write.
        entry: the audit entry of the change, which frees the lock.
        seen: whose the profile must still be; None if it must only be free or the member's.
    """
    items = type(lock)
    actions: list[Action] = [items.holder.set(owners[0]), items.aliases.set(aliases), items.released.remove()]
    free_or_own: Condition = items.aliases.does_not_exist() | items.holder.is_in(*owners)
    actions = actions if aliases else _freeing(items, entry)
    transaction.update(lock, actions=actions, condition=free_or_own if seen is None else _unchanged(items, seen))


def _unchanged(items: type[AccessItem], seen: Ownership) -> Condition:
    """Return the condition that a profile is whose it was."""
    holder, _, released = seen.mark.partition(" ")
    as_read: Condition = _is(items.holder, holder) & _is(items.released, released)
    never: Condition = items.owner.does_not_exist()
    return as_read if seen.mark else never


def release(
    transaction: TransactWrite, lock: AccessItem, owner: str, aliases: set[str], *, held: set[str], entry: Entry
) -> None:
    """Remove the aliases from a lock, and free it if its owner holds it under no other."""
    items = type(lock)
    some: list[Action] = [items.aliases.delete(aliases)]
    actions = some if held - aliases else _freeing(items, entry)
    transaction.update(lock, actions=actions, condition=items.holder == owner)


def _freeing(items: type[AccessItem], entry: Entry | None) -> list[Action]:
    """Return what frees a lock. It leads to the entry that names its member then; without one, it keeps the name."""
    if entry is None:
        return [items.aliases.remove()]
    released = f"{entry.tenant} {TimeAttribute().serialize(entry.at)} {entry.id}"
    return [items.aliases.remove(), items.holder.remove(), items.released.set(released)]


def _is(attribute: Attribute[Any], value: str) -> Condition:
    """Return the condition that an attribute has the value; "" means that it does not exist."""
    condition: Condition = attribute == value if value else attribute.does_not_exist()
    return condition
