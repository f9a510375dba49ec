"""Beyond moto's DynamoDB: cheap scans, cheap transactions that are applied once, and what moto leaves out.

moto copies a whole table for each item of a transaction, to put it back if the transaction fails: with ten thousand
items in the table a single change takes seconds. Here only the items that the transaction names are kept aside. A
scan of 500 items keeps moto busy for half a second, with copies, sizes and types of each: here for a tenth of that.
"""

import copy
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from cachetools import TTLCache
from moto.core.responses import ActionResult
from moto.dynamodb import models
from moto.dynamodb.exceptions import DynamodbException, KeyIsEmptyStringException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, Table
from moto.dynamodb.responses import DynamoHandler

# How long a token is known. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
TOKEN_SECONDS, MAX_TOKENS = 600, 100_000

_moto_scan, _moto_answer_scan = Table.scan, DynamoHandler.scan
_moto_transact_write_items = DynamoDBBackend.transact_write_items
_moto_transaction = DynamoHandler.transact_write_items
_moto_update_table = DynamoHandler.update_table
_moto_update, _moto_delete = DynamoHandler.update_item, DynamoHandler.delete_item


def install() -> None:
    """Replace the operation for the whole process. Repeated calls change nothing."""
    extended: Any = DynamoDBBackend  # mypy takes no assignment to a method
    extended.transact_write_items = transact_write_items
    # Moto then keeps aside and puts back the table itself, which costs nothing and changes nothing.
    replaced: Any = models
    replaced.copy = SimpleNamespace(deepcopy=lambda one: one if isinstance(one, Table) else copy.deepcopy(one))
    table: Any = Table
    table.scan = scan
    handler: Any = DynamoHandler
    handler.scan = answer_scan
    handler.transact_write_items = transact_once
    handler.update_table = update_table
    handler.update_item, handler.delete_item = _with_whole_key(_moto_update), _with_whole_key(_moto_delete)


def scan(
    self: Any, filters: Any, limit: int, start: Any, expression: Any = None, *more: Any, **others: Any
) -> tuple[list[Any], int, Any]:
    """moto's operation without copies, for a scan of a whole table: nothing changes what it returns."""
    special = [filters, *more, *others.get("segments", ())]  # an index, a projection, a part of the table
    if any(each not in (None, True, False, {}) for each in special):
        return _moto_scan(self, filters, limit, start, expression, *more, **others)
    keys = {
        "hash_key_attrs": [self.hash_key_attr],
        "range_key_attrs": [self.range_key_attr],
        "scan_index_forward": True,
    }
    found, size, last = list[Any](), 0, None
    for item in self.all_items():
        if start is not None and self._item_comes_before_dct(item, start, **keys):
            continue
        start = None
        size += sum(len(name) + _size(attribute) for name, attribute in item.attrs.items())
        if len(found) == limit or size > RESULT_SIZE_LIMIT:
            last = self._get_last_evaluated_key(found[-1], None)
            break
        found.append(item)
    kept = found if expression is None else [item for item in found if expression.expr(item)]
    return kept, len(found), last


def answer_scan(self: Any) -> str:
    """moto's answer, already in DynamoDB's notation."""
    return json.dumps(_moto_answer_scan(self).result)


def _size(value: Any) -> int:
    """Return roughly the size in bytes that DynamoDB counts."""
    match value:
        case DynamoType():
            return _size(value.value)
        case dict():
            return sum(len(name) + _size(inner) for name, inner in value.items())
        case list() | set():
            return sum(map(_size, value))
        case _:
            return len(str(value))


def transact_once(self: Any) -> Any:
    """moto's operation, but what comes again with the token of a transaction that succeeded is not applied again."""
    token, items = self.body.get("ClientRequestToken"), copy.deepcopy(self.body["TransactItems"])
    done = self.dynamodb_backend.__dict__.setdefault("transactions", TTLCache(MAX_TOKENS, TOKEN_SECONDS))
    if done.get(token, items) != items:
        text = "The request uses the same client token as a previous, but non-identical request."
        raise DynamodbException("com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException", text)
    if token in done:
        return ActionResult({})
    answer = _moto_transaction(self)
    if token is not None:
        done[token] = items
    return answer


def update_table(self: Any) -> Any:
    """moto's operation, and the key of the encryption, which moto takes only when it creates a table."""
    answer = _moto_update_table(self)
    if specification := self.body.get("SSESpecification"):
        self.dynamodb_backend.get_table(self.body["TableName"]).sse_specification = specification
    return answer


def _with_whole_key(moto_operation: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """moto's operation, but a key with an empty text is refused, as in GetItem."""

    def operation(self: Any) -> Any:
        for name, value in self.body["Key"].items():
            if "" in value.values():
                raise KeyIsEmptyStringException(name)
        return moto_operation(self)

    return operation


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
