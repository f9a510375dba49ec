"""Transactions in moto's DynamoDB, at the price of what they touch.

moto copies a whole table for each item of a transaction, to put it back if the transaction fails: with ten thousand
items in the table a single change takes seconds. Here only the items that the transaction names are kept aside.
"""

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

_moto_transact_write_items = DynamoDBBackend.transact_write_items


def install() -> None:
    """Replace the operation for the whole process. Repeated calls change nothing."""
    extended: Any = DynamoDBBackend  # mypy takes no assignment to a method
    extended.transact_write_items = transact_write_items
    # Moto then keeps aside and puts back the table itself, which costs nothing and changes nothing.
    replaced: Any = models
    replaced.copy = SimpleNamespace(deepcopy=lambda one: one if isinstance(one, Table) else copy.deepcopy(one))


def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
    """moto's operation with a cheaper rollback. The server must run one request at a time."""
    before = [(table, key, copy.deepcopy(table.get_item(*key))) for table, key in _named(self, transact_items)]
    try:
        _moto_transact_write_items(self, transact_items)
    except Exception:
        for table, (hash_key, range_key), item in before:
            if item is None:
                table.delete_item(hash_key, range_key)
            elif range_key is None:
                table.items[hash_key] = item
            else:
                table.items[hash_key][range_key] = item
        raise


def _named(backend: Any, transact_items: list[dict[str, Any]]) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Yield the table and key of each item of a transaction. moto refuses malformed ones."""
    for operation in (operation for each in transact_items for operation in each.values()):
        table = backend.tables.get(operation.get("TableName"))
        attributes = operation.get("Item") or operation.get("Key") or {}
        names = [table.hash_key_attr, table.range_key_attr] if table else []
        values = [DynamoType(attributes[name]) if name in attributes else None for name in names]
        if values and values[0] is not None and (table.range_key_attr is None or values[1] is not None):
            yield table, (values[0], values[1])
