"""Seals in the audit table: written by every replica that serves, read by `audit verify`.

Keys that no entry has: `seal#TENANT#NUMBER` for a seal, `seal#TENANT#page#HASH` for a page. Seals are in the index by
day, as `TENANT#seals`. Items are read in DynamoDB's own notation, because one that was tampered with need not be
readable.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import structlog

from bot.core.audit import FROM_SHELL, REQUESTED, change_of
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.core.seals import (
    GRACE,
    INTERVAL,
    MAX_SPAN,
    AuditRecord,
    Seal,
    parse_seal,
    seal_key,
    sha256,
    stamp,
    write_pages,
)
from bot.store.digests import Raw, digest, record_of, text
from bot.store.dynamodb import store_errors
from bot.store.models import Tables, client_of

log = structlog.get_logger()

# Days that a seal outlives its entries, which DynamoDB deletes up to two days late.
OUTLIVES = timedelta(days=3)
DAY = timedelta(days=1)
# Items per call: a megabyte may exceed its timeout.
PAGE = 500


class SealTable:
    """Write and read seals; see `ports.SealLog` for the reading side.

    Args:
        shell_changed: told of each change that a shell has made, once it is sealed.
    """

    def __init__(
        self, tables: Tables, *, days: int, shell_changed: Callable[[str], None] = lambda _change: None
    ) -> None:
        self._shell_changed = shell_changed
        self._tables, self._days = tables, timedelta(days=days)
        self._name = tables.audit.Meta.table_name

    # Writing

    def seal(self, tenant: str, now: datetime) -> None:
        """Seal what is old enough and not sealed yet, a day at a time if no bot has run for longer.

        Replicas need no coordination: of two that write the same number, one succeeds, and the other stops.

        Raises:
            StoreError: DynamoDB refused or could not be reached, or the last seal is none of ours.
        """
        last, until = self._last(tenant), now - GRACE
        begin = until - INTERVAL if last is None else datetime.fromisoformat(last.end)
        while until - begin >= INTERVAL:
            end = min(until, begin + MAX_SPAN)
            seal = self._sealed(tenant, last, begin, end)
            if not self._put(seal):
                return
            self._log_shells(seal)
            log.info(
                "audit_sealed", tenant=tenant, number=seal.number, hash=seal.hash, count=seal.count, end=seal.end
            )
            last, begin = seal, end

    def _log_shells(self, seal: Seal) -> None:
        """Log what shells have written, whose own log is elsewhere: for the alarms, and as a second witness."""
        for raw in self._entries(seal.tenant, seal.begin, seal.end):
            entry = {name: text(raw, name) for name in ("id", "action", "outcome", "actor", "at")}
            if not entry["id"].startswith(FROM_SHELL) or entry["outcome"] == REQUESTED:
                continue
            change = change_of(entry["action"], entry["outcome"], text(raw, "after"))
            if change:
                entry["change"] = change
                self._shell_changed(change)
            subject = text(raw, "member").partition("#")[2]
            source = text(raw, "door")
            log.info("audit_entry", tenant=seal.tenant, subject=subject, source=source, digest=digest(raw), **entry)

    def _sealed(self, tenant: str, last: Seal | None, begin: datetime, end: datetime) -> Seal:
        """Write the pages and return the seal."""
        expires, count, hashes = int((end + self._days).timestamp()), 0, []
        for page, sealed in write_pages(self.records(tenant, stamp(begin), stamp(end))):
            expires = max(expires, *(each.expires or 0 for each in sealed))
            count += len(sealed)
            hashes.append(sha256(page))
            until = expires + int(OUTLIVES.total_seconds())
            with store_errors():
                self._write({"id": _page_key(tenant, hashes[-1]), "text": page}, until)
        return Seal(
            tenant=tenant,
            number=last.number + 1 if last else 1,
            begin=stamp(begin),
            end=stamp(end),
            count=count,
            pages=tuple(hashes),
            until=expires + int(OUTLIVES.total_seconds()),
            previous=last.hash if last else "",
            previous_until=last.until if last else 0,
        )

    def _put(self, seal: Seal) -> bool:
        """Write the seal unless its number exists; return whether the one that exists is this very one."""
        place = {"id": seal_key(seal.tenant, seal.number), "day": f"{seal.tenant}#seals", "at": seal.end}
        condition = {
            "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        with store_errors():
            try:
                self._write({**place, "text": seal.text}, seal.until, **condition)
            except self._client.exceptions.ConditionalCheckFailedException as error:
                return text(error.response.get("Item", {}), "text") == seal.text  # our write, if its answer was lost
        return True

    def _write(self, texts: dict[str, str], until: int, **condition: str) -> None:
        item = {name: {"S": value} for name, value in texts.items()} | {"expires": {"N": str(until)}}
        self._client.put_item(TableName=self._name, Item=item, **condition)

    @property
    def _client(self) -> Any:
        return client_of(self._tables.audit)

    def _last(self, tenant: str) -> Seal | None:
        """Return the last seal that the index knows; it may be outdated, and then writing the next one fails."""
        found = next(self._query(f"{tenant}#seals", ScanIndexForward=False, Limit=1), None)
        if found is None:
            return None
        seal = parse_seal(text(found, "text"))
        if seal is None or text(found, "id") != seal_key(tenant, seal.number):
            raise StoreError(
                f"the last seal of the audit, {text(found, 'id')}, cannot be read: run `studio-links audit verify`",
                reason=Reason.STORE_UNREADABLE,
            )
        return seal

    # Reading

    def seals(self, tenant: str, since: str) -> Iterator[tuple[str, str]]:
        """Yield the key and the text of each seal that ends after `since`, oldest first."""
        for raw in self._query(f"{tenant}#seals", since):
            if text(raw, "at") > since:
                yield text(raw, "id"), text(raw, "text")

    def seal_text(self, tenant: str, number: int) -> str:
        """Return the text of one seal; empty if it does not exist."""
        return text(self._get(seal_key(tenant, number)), "text")

    def page(self, tenant: str, page: str) -> str:
        """Return the page with this hash; empty if it does not exist."""
        return text(self._get(_page_key(tenant, page)), "text")

    def records(self, tenant: str, begin: str, end: str) -> Iterator[AuditRecord]:
        """Yield a tenant's entries from `begin` on and before `end`, oldest first."""
        yield from map(record_of, self._entries(tenant, begin, end))

    def _entries(self, tenant: str, begin: str, end: str) -> Iterator[Raw]:
        first, last = (datetime.fromisoformat(each).astimezone(UTC).date() for each in (begin, end))
        days = (first + number * DAY for number in range((last - first).days + 1))
        found = chain.from_iterable(self._query(f"{tenant}#{day}", begin, end) for day in days)
        yield from (raw for raw in found if text(raw, "at") < end)

    def erased(self, erasure_id: str) -> dict[str, str]:
        """Return what an erasure lists: the commitment to each entry that it replaced, by id."""
        found = self._get(erasure_id)
        try:
            return dict(json.loads(text(found, "after"))["entries"]) if text(found, "action") == "erase" else {}
        except (ValueError, TypeError, KeyError):
            return {}

    def _get(self, key: str) -> Raw:
        with store_errors():
            found: Raw = self._client.get_item(TableName=self._name, Key={"id": {"S": key}}, ConsistentRead=True).get(
                "Item", {}
            )
        return found

    def _query(self, key: str, begin: str = "0", end: str = "~", **more: Any) -> Iterator[Raw]:
        """Yield the items of one key of the index by day, by time."""
        with store_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._name,
                IndexName="by_day",
                KeyConditionExpression="#day = :day AND #at BETWEEN :begin AND :end",
                ExpressionAttributeNames={"#day": "day", "#at": "at"},
                ExpressionAttributeValues={":day": {"S": key}, ":begin": {"S": begin}, ":end": {"S": end}},
                **{"Limit": PAGE, **more},
            )
            for page in pages:
                yield from page["Items"]


def _page_key(tenant: str, page: str) -> str:
    return f"seal#{tenant}#page#{page}"
