"""The audit table in memory, for tests that the stand-in is too slow for: thousands of entries, and properties."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from bot.store.seals import SealTable

Item = dict[str, dict[str, Any]]


class ConditionFailed(Exception):
    """The key exists. Has the shape of botocore's error."""

    def __init__(self, there: Item) -> None:
        super().__init__("ConditionalCheckFailedException")
        self.response = {"Item": there}


class AuditItems:
    """The calls of DynamoDB's client that seals need, on a dictionary."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionFailed)

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def put_item(self, *, Item: Item, ConditionExpression: str = "", **_: Any) -> None:  # noqa: N803 - as DynamoDB's
        key = Item["id"]["S"]
        if ConditionExpression and key in self.items:
            raise ConditionFailed(self.items[key])
        self.items[key] = Item

    def get_item(self, *, Key: Item, **_: Any) -> dict[str, Item]:  # noqa: N803
        found = self.items.get(Key["id"]["S"])
        return {"Item": found} if found else {}

    def get_paginator(self, _name: str) -> "AuditItems":
        return self

    def paginate(self, *, ScanIndexForward: bool = True, **asked: Any) -> Iterator[dict[str, list[Item]]]:  # noqa: N803
        day, begin, end = (each["S"] for each in asked["ExpressionAttributeValues"].values())
        found = [
            item
            for item in self.items.values()
            if "at" in item and item.get("day", {}).get("S") == day and begin <= item["at"]["S"] <= end
        ]
        yield {"Items": sorted(found, key=lambda item: item["at"]["S"], reverse=not ScanIndexForward)}


class SealsInMemory(SealTable):
    """The adapter on a dictionary of items."""

    def __init__(self, items: AuditItems, *, days: int = 400) -> None:
        audit: Any = SimpleNamespace(Meta=SimpleNamespace(table_name="audit"))
        tables: Any = SimpleNamespace(audit=audit)
        super().__init__(tables, days=days)
        self._in_memory = items

    @property
    def _client(self) -> Any:
        return self._in_memory
