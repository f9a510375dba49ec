"""Cost of a link and of administration with ten, ten thousand and a million members: `python -m bench.growth`.

It counts round trips and capacity units, not time. `Virtual` stands in for DynamoDB: it has any number of members
without storing them, and counts units as DynamoDB does. The calling code is the product's own.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import json
import math
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from rich.console import Console
from rich.table import Table

from bench.aws import TEMPLATE, Item
from bench.processes import quiet
from bench.seed import items_of_the_template
from bench.slack import TEAM
from bot.admin.bulk_import import Difference, Import
from bot.admin.changes import Admin
from bot.admin.ending import DAY
from bot.core import audit
from bot.core.access import Access, Effect, Grant, Mapping, Member
from bot.core.link import LinkRequest, Source
from bot.core.policy import Rules
from bot.core.records import Actor
from bot.core.values import utc_now
from bot.store.access import AccessTable
from bot.store.audit import AuditTable
from bot.store.models import bind, client_of
from bot.store.people import PeopleTable

PREFIX, DAYS = "studio-links-", 400
MEMBERS = (10, 10_000, 1_000_000)
# Up to this many members, scans return items; beyond it, they return empty pages.
SENT = 10_000
PAGE, READ_UNIT, WRITE_UNIT = 1024 * 1024, 4096, 1024
# Indexes of the audit table. Each holds a copy of every entry.
INDEXES = 2
# Audit entries per member and per day.
PER_MEMBER, PER_DAY = 50, 2000
MEMBER, NEW, WEEK = Member(TEAM, TEMPLATE), "U0NEW", timedelta(days=7)
LOCK_SIZE = 120
# An audit entry of the size that an issued link leaves.
ENTRY: Item = {
    "id": {"S": "0" * 32},
    "attempt": {"S": "0" * 32},
    "at": {"S": "2030-01-01T12:00:00.000000+00:00"},
    "member": {"S": f"{TEAM}#{TEMPLATE}"},
    "day": {"S": f"{TEAM}#2030-01-01"},
    "actor": {"S": TEMPLATE},
    "door": {"S": "command"},
    "action": {"S": "link"},
    "outcome": {"S": "issued"},
    "alias": {"S": "default"},
    "domain_id": {"S": "d-" + "0" * 12},
    "profile_name": {"S": "somebody-or-other"},
    "rule": {"S": f"allow {TEMPLATE} set by {TEMPLATE}"},
    "link_sha256": {"S": "0" * 64},
    "link_expires_at": {"S": "2030-01-01T12:01:00.000000+00:00"},
    "locale": {"S": "en-GB"},
    "aws_request_id": {"S": "0" * 36},
    "salt": {"S": "0" * 32},
    "expires": {"N": "1900000000"},
}

# Slack's record of a member's account.
RECORD: Item = {
    "updated": {"N": "1735689600"},
    "person": {"S": json.dumps({"user_id": TEMPLATE, "team_id": TEAM, "teams": [TEAM], "locale": "en-GB"})},
}


@dataclass
class Cost:
    """Calls by operation, and capacity units read and written."""

    calls: Counter[str] = field(default_factory=Counter)
    read: float = 0.0
    written: float = 0.0


class Virtual:
    """DynamoDB with the given number of members, who have the same item under their own ids."""

    def __init__(self, members: int, template: Item, entry: Item) -> None:
        self._members = members
        self._template, self._entry = json.dumps(template), entry
        self._item_size, self._entry_size = size(template), size(entry)
        self.cost = Cost()

    def answer(self, request: AWSRequest, **_: object) -> AWSResponse:
        """Answer a call instead of the network, as a handler of botocore's event `before-send`."""
        target: Any = request.headers["X-Amz-Target"]  # bytes, whatever its type says
        operation = target.decode().rpartition(".")[2]
        asked = json.loads(request.body)
        self.cost.calls[operation] += 1
        answer = {
            "BatchGetItem": self._batch_get,
            "TransactWriteItems": self._transact,
            "UpdateItem": self._update,
            "Scan": self._scan,
            "Query": self._query,
        }[operation](asked)
        return AWSResponse(request.url or "", 200, HTTPHeaders(), Raw(answer))

    def _batch_get(self, asked: Item) -> Item:
        answers: dict[str, list[Item]] = {}
        for table, wanted in asked["RequestItems"].items():
            found = [self._item(key) for key in wanted["Keys"]]
            self.cost.read += sum(read_units(size(item) if item else 0, consistent=True) for item in found)
            answers[table] = [item for item in found if item]
        return {"Responses": answers, "UnprocessedKeys": {}}

    def _item(self, key: Item) -> Item | None:
        """Return the item of an existing member. New members, their profiles and the workspace have none."""
        if "id" in key:
            return {**key, "as_of": {"S": utc_now().isoformat()}, "expires": {"N": "2000000000"}, **RECORD}
        owner = key["owner"]["S"]
        item: Item = json.loads(self._template.replace(TEMPLATE, owner.partition("#")[2]))
        return item if key.items() <= item.items() and NEW not in owner else None

    def _transact(self, asked: Item) -> Item:
        for action in asked["TransactItems"]:
            [(kind, what)] = action.items()
            written = size(what["Item"]) if kind == "Put" else self._item_size
            indexed = INDEXES * write_units(written) if what["TableName"].endswith("audit") else 0
            self.cost.written += 2 * write_units(written) + indexed
        return {}

    def _update(self, asked: Item) -> Item:
        """Complete an audit entry, or note in the runtime table that a renewal is due."""
        if asked["TableName"].endswith("runtime"):
            return {"Attributes": asked["Key"]}
        self.cost.written += (1 + INDEXES) * write_units(self._entry_size)
        return {"Attributes": self._entry | asked["Key"]}

    def _scan(self, asked: Item) -> Item:
        """Return a page of items, two per member with the profile lock: up to a megabyte or the requested limit."""
        first = int(asked.get("ExclusiveStartKey", {"owner": {"S": "0"}})["owner"]["S"])
        room = min(PAGE // (self._item_size + LOCK_SIZE), asked.get("Limit", PAGE) // 2)
        count = min(self._members - first, room)
        self.cost.read += read_units(
            count * (self._item_size + LOCK_SIZE), consistent=bool(asked.get("ConsistentRead"))
        )
        shown = range(first, first + count) if self._members <= SENT else ()
        items = [json.loads(self._template.replace(TEMPLATE, f"U{number}")) for number in shown]
        last = {"owner": {"S": str(first + count)}, "item": {"S": "member"}}
        return {
            "Items": items,
            "Count": len(items),
            **({"LastEvaluatedKey": last} if first + count < self._members else {}),
        }

    def _query(self, asked: Item) -> Item:
        """Return the entries of a member or a day, up to one page."""
        there = PER_DAY if asked["IndexName"] == "by_day" else PER_MEMBER
        count = min(asked.get("Limit", there), there, PAGE // self._entry_size)
        self.cost.read += read_units(count * self._entry_size, consistent=False)
        return {"Items": [self._entry] * count, "Count": count, "ScannedCount": count}


class Raw:
    """Response body in the form that botocore reads."""

    def __init__(self, answer: Item) -> None:
        self._body = json.dumps(answer).encode()

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._body


def size(item: Item) -> int:
    """Return the size of an item in bytes: names and values, with their overheads.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name) + of_value(value) for name, value in item.items())


def of_value(value: Item) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "M":
            return 3 + sum(1 + len(name) + of_value(inner) for name, inner in content.items())
        case "L":
            return 3 + sum(1 + of_value(inner) for inner in content)
        case "N":
            return len(content) // 2 + 2
        case "BOOL" | "NULL":
            return 1
    return len(content)


def read_units(size_read: int, *, consistent: bool) -> float:
    return max(1, math.ceil(size_read / READ_UNIT)) * (1.0 if consistent else 0.5)


def write_units(size_written: int) -> int:
    return max(1, math.ceil(size_written / WRITE_UNIT))


class Studio:
    """SageMaker, which knows every profile; see `ports.StudioExaminer`."""

    def examine(self, mapping: Mapping) -> Mapping:
        """Return the mapping as it is."""
        return mapping


class Product:
    """The product's repositories and administration on a virtual DynamoDB."""

    def __init__(self, members: int, template: Item) -> None:
        tables = bind(prefix=PREFIX, region="eu-west-1")
        self.people = PeopleTable(tables)
        self.access = AccessTable(tables, audit_days=DAYS, people=self.people)
        self.audit = AuditTable(tables, days=DAYS)
        self.admin = Admin(self.access, self.audit, Studio(), Rules(), DAYS)
        request = LinkRequest("0" * 32, "0" * 32, MEMBER, Source.COMMAND, utc_now(), 0.0)
        self.entry = audit.requested(request)
        self.virtual = Virtual(members, template, ENTRY)
        tables.connect()
        client_of(tables.access).meta.events.register("before-send.dynamodb.*", self.virtual.answer)
        self.people.claim(TEAM, utc_now(), utc_now())  # as a bot does that gets Slack's events
        self.virtual.cost = Cost()

    def link(self) -> None:
        """Make the DynamoDB calls of one link."""
        self.audit.take(self.entry, 5)
        self.access.read(MEMBER)
        self.audit.close(self.entry)

    def members(self) -> None:
        """Run `studio-links list`."""
        deque(self.admin.access.members(TEAM), maxlen=0)

    def ending(self) -> None:
        """Find access that ends soon, as one replica does every 15 minutes."""
        self.access.ending(TEAM, utc_now() - DAY, utc_now() + DAY)

    def history_of_a_member(self) -> None:
        """Run `studio-links history U…`."""
        deque(self.admin.history(TEAM, MEMBER.user_id, utc_now() - WEEK, 1000), maxlen=0)

    def history_of_all(self) -> None:
        """Run `studio-links history` for a week, limited to the newest 1,000 entries."""
        deque(self.admin.history(TEAM, None, utc_now() - WEEK, 1000), maxlen=0)

    def import_a_hundred(self) -> None:
        """Run `studio-links import` with 100 new members, each with a mapping and an allow rule."""
        wanted = {}
        for number in range(100):
            user = f"{NEW}{number:03d}"
            wanted[user] = Access((Mapping("default", f"d-{number}", "bench"),), (Grant(user, Effect.ALLOW),))
        imported = Import(self.admin, TEAM, Actor("cli:bench", Source.CLI))
        with ThreadPoolExecutor(1) as pool:
            ends = list(
                imported.write((each for each in imported.compare(wanted) if isinstance(each, Difference)), pool)
            )
        assert all(isinstance(end, Difference) for end in ends), ends[0]


WHAT: dict[str, Callable[[Product], None]] = {
    "a link": Product.link,
    "list": Product.members,
    "whose access ends": Product.ending,
    "history of a member": Product.history_of_a_member,
    "history of a week, the 1,000 newest": Product.history_of_all,
    "import of 100 members": Product.import_a_hundred,
}


def cost_of(what: Callable[[Product], None], members: int, template: Item) -> Cost:
    """Return the DynamoDB cost of an action with the given number of members in the table."""
    settings = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "bench")
    with patch.dict(os.environ, settings):
        product = Product(members, template)
        what(product)
    return product.virtual.cost


def the_template() -> Item:
    """Return a member's item as the product writes it."""
    [item] = [i for i in items_of_the_template()[f"{PREFIX}access"] if i["item"]["S"] == "member"]
    return item


def main() -> None:
    quiet()
    template = the_template()
    table = Table("", "members", "round trips", "read units", "write units")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, what in WHAT.items():
        for members in MEMBERS:
            cost = cost_of(what, members, template)
            calls = ", ".join(f"{number:,} {operation}" for operation, number in sorted(cost.calls.items()))
            table.add_row(name, f"{members:,}", calls, f"{cost.read:,.1f}", f"{cost.written:,.0f}")
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
