"""The audit table: one entry per request and per administrative change."""

import heapq
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from bot.core.access import Member
from bot.core.audit import LINK, MAY_BE_OPENED, REQUESTED, change_of
from bot.core.errors import AlreadyRecorded, StoreError
from bot.core.link import Reason, Source
from bot.core.records import Entry
from bot.store.digests import BESIDE, FACTS, OF_DIGEST, Raw, commitment, digest, text
from bot.store.dynamodb import CONDITION_FAILED, CONFLICT, cancellation_codes, get_or_none, store_errors, write_if
from bot.store.models import AuditItem, RuntimeItem, Tables

# Between two times as the table holds them.
SMALLEST_STEP = timedelta(microseconds=1)
# Entries per page: readers mostly want a few, and reading a whole megabyte may exceed a call's timeout.
PAGE = 200
# Entries whose names one erasure replaces under one entry of its own, which lists them: 20 KB of 400.
ERASED_AT_ONCE = 200

log = structlog.get_logger()

# The fields that the table holds as they are; `to_item` names the other three.
COPIED = [field.name for field in fields(Entry) if field.name not in ("tenant", "subject", "source")]

# DynamoDB cancels a transaction that crosses another of the same member. It is tried again after a random pause, so
# that the two do not meet again; all pauses together take a second at most.
TRIES, MAX_PAUSE = 11, 0.1
TRANSIENT = (CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded")


class AuditTable:
    """The audit log and the intake of link requests; see `ports.AuditLog` and `ports.Intake`."""

    def __init__(
        self, tables: Tables, *, days: int, tenants: Sequence[str] = (), wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._tenants = tuple(tenants)
        self._items, self._runtime_items = tables.audit, tables.runtime
        self._connection = tables.connection()
        self._days, self._wait = days, wait

    def open(self, entry: Entry) -> None:
        """Write the entry unless another attempt has written one with the same id."""
        item = to_item(self._items, entry, self._days)
        if not write_if(is_new(self._items, entry), item):
            raise AlreadyRecorded(f"request {entry.id} is in the audit already")
        log_entry(entry, item.to_dynamodb_dict())

    def take(self, entry: Entry, at_most: int) -> bool:
        """Write one transaction; for a request over the limit a second write, because it is recorded as well."""
        for _ in range(TRIES):
            record, count = self._write(entry, at_most)
            if record == CONDITION_FAILED:
                raise AlreadyRecorded(f"request {entry.id} is in the audit already")
            if record is None and count is None:
                return True
            if record is None and count == CONDITION_FAILED:
                self.open(entry)
                return False
            self._wait(random.uniform(0, MAX_PAUSE))  # noqa: S311 - no secret
        raise StoreError(
            "DynamoDB is too busy with requests of this member: try again in a minute", reason=Reason.STORE_THROTTLED
        )

    def _write(self, entry: Entry, at_most: int) -> tuple[str | None, ...]:
        """Return why the record and the count were refused, None for each that was not; write both or neither.

        botocore's own retries carry the same token, by which DynamoDB applies the transaction once.
        """
        counter = self._counter(entry)
        requests = self._runtime_items.requests
        with store_errors():
            try:
                with TransactWrite(connection=self._connection) as transaction:
                    item = to_item(self._items, entry, self._days)
                    transaction.save(item, condition=is_new(self._items, entry))
                    transaction.update(
                        counter,
                        actions=[requests.add(1), self._runtime_items.expires.set(entry.at + timedelta(minutes=10))],
                        condition=requests.does_not_exist() | (requests < at_most),
                    )
            except TransactWriteError as error:
                codes = cancellation_codes(error)
                if not codes or not {*codes} <= {None, CONDITION_FAILED, *TRANSIENT}:
                    raise
                return codes
        return None, None

    def release(self, entry: Entry) -> None:
        """Decrement the count, never below zero."""
        requests = self._runtime_items.requests
        write_if(requests >= 1, self._counter(entry), [requests.add(-1)])

    def _counter(self, entry: Entry) -> RuntimeItem:
        minute = f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M}"
        return self._runtime_items(f"requests#{entry.tenant}#{entry.subject}#{minute}")

    def close(self, entry: Entry) -> None:
        """Complete what `open` wrote, or write the whole entry; leave `opened_at` and the salt alone."""
        raw = to_item(self._items, entry, self._days).to_dynamodb_dict()
        written = [name for name in raw if name not in ("id", "opened_at")]
        new = {name: f"#{name} = :{name}" for name in written} | {"salt": "#salt = if_not_exists (#salt, :salt)"}
        client: Any = self._connection.client
        with store_errors():
            try:
                # As it goes over the wire: PynamoDB's expressions for each attribute cost a tenth of a link.
                answer = client.update_item(
                    TableName=self._items.Meta.table_name,
                    Key={"id": raw["id"]},
                    UpdateExpression=f"SET {', '.join(new.values())}",
                    # Our own retried write meets the outcome that it wrote.
                    ConditionExpression="attribute_not_exists (id) OR (#attempt = :attempt"
                    " AND #outcome IN (:requested, :outcome))",
                    ExpressionAttributeNames={f"#{name}": name for name in written},
                    ExpressionAttributeValues={
                        ":requested": {"S": REQUESTED},
                        **{f":{name}": raw[name] for name in written},
                    },
                    ReturnValues="ALL_NEW",
                )
            except client.exceptions.ConditionalCheckFailedException:
                why = f"request {entry.id} belongs to another attempt, or is complete already"
                raise AlreadyRecorded(why) from None
            stored = answer["Attributes"]
        log_entry(entry, stored)

    def opened(self, member: Member, request_id: str, at: datetime) -> Entry | None:
        """Mark a link request of this very member; the first press counts."""
        item = self._items(request_id)
        theirs = (
            (self._items.member == f"{member.tenant}#{member.user_id}")
            & (self._items.action == LINK)
            & self._items.outcome.is_in(*MAY_BE_OPENED)
        )
        if not write_if(theirs, item, [self._items.opened_at.set(self._items.opened_at | at)]):
            return None
        with store_errors():
            entry = from_item(item)
        if entry.opened_at == at:
            log_entry(entry, item.to_dynamodb_dict())
        return entry

    def erase(self, erasure: Entry, replacements: Sequence[Entry]) -> None:
        """Replace what names somebody in stored entries; `audit verify` accepts exactly what `erasure` lists.

        First writes `erasure`, with the ids of the replaced entries in its `after`; for many, several times, each
        under an id of its own. An erasure that was interrupted can be repeated.

        Args:
            erasure: made with `audit.changed`, and naming nobody who is erased.
            replacements: the new entries; all but the FACTS of `bot.store.digests` may differ. One that
                has expired meanwhile is skipped.
        """
        for start in range(0, len(replacements), ERASED_AT_ONCE):
            record = replace(erasure, id=f"{erasure.id}-{start}")
            items = [
                item
                for each in replacements[start : start + ERASED_AT_ONCE]
                if (item := self._replaced(each, record.id)) is not None
            ]
            listed = {item.id: commitment(item.to_dynamodb_dict()) for item in items}
            self.open(replace(record, after={"entries": listed}))
            for item in items:
                write_if(self._items.id.exists(), item, list(self._erasing(item)))

    def _erasing(self, item: AuditItem) -> Iterator[Action]:
        """Yield what an erasure sets and removes: nothing else may be written by administrators; see `iam_policy`."""
        for name, attribute in item.get_attributes().items():
            if attribute.attr_name not in FACTS | BESIDE - OF_DIGEST:
                value = getattr(item, name)
                yield attribute.remove() if value is None else attribute.set(value)

    def _replaced(self, entry: Entry, erasure_id: str) -> AuditItem | None:
        """Return the item with which to replace an entry, with a salt of its own; None if the entry has expired."""
        found = get_or_none(self._items, entry.id)
        if found is None:
            return None
        item = to_item(self._items, entry, self._days)
        item.erased_by = erasure_id
        item.original = found.original or commitment(found.to_dynamodb_dict())
        return item

    def of_member(
        self, member: Member, since: datetime, before: datetime | None = None, *, most: int | None = None
    ) -> Iterator[Entry]:
        """Query the index by member, which lags by seconds at most."""
        keys = (f"{tenant}#{member.user_id}" for tenant in self._together(member.tenant))
        return islice(_newest_first(self._of_member(key, since, before, most) for key in keys), most)

    def _of_member(self, key: str, since: datetime, before: datetime | None, most: int | None) -> Iterator[Entry]:
        with store_errors():
            at = self._items.at
            span = at >= since if before is None else at.between(since, before - SMALLEST_STEP)
            found = self._items.by_member.query(
                key, span, scan_index_forward=False, limit=most, page_size=most or PAGE
            )
            yield from map(from_item, found)

    def of_day(self, tenant: str, day: date) -> Iterator[Entry]:
        return _newest_first(self._of_day(f"{each}#{day}") for each in self._together(tenant))

    def _of_day(self, key: str) -> Iterator[Entry]:
        with store_errors():
            found = self._items.by_day.query(key, scan_index_forward=False, page_size=PAGE)
            yield from map(from_item, found)

    def _together(self, tenant: str) -> tuple[str, ...]:
        """Return the tenants whose entries belong together: of a shared set, all for the one that keeps the rules."""
        return self._tenants if self._tenants[:1] == (tenant,) else (tenant,)


def _newest_first(entries: Iterable[Iterator[Entry]]) -> Iterator[Entry]:
    return heapq.merge(*entries, key=lambda entry: entry.at, reverse=True)


def is_new(items: type[AuditItem], entry: Entry) -> Condition:
    """Return the condition that no other attempt has written the entry.

    Our own retried write carries the same attempt, and passes as long as the entry is not complete.
    """
    ours = (items.attempt == entry.attempt) & (items.outcome == REQUESTED)
    new: Condition = items.id.does_not_exist() | ours
    return new


def log_entry(entry: Entry, raw: Raw) -> None:
    """Log what has just been written: a second witness, in another system. A request is logged with its outcome.

    Args:
        raw: the stored item, in DynamoDB's own notation.
    """
    if entry.outcome == REQUESTED:
        return
    named = ("id", "tenant", "action", "outcome", "subject", "actor", "source")
    written = {name: getattr(entry, name) for name in named} | {"at": entry.at.isoformat()}
    if opened_at := text(raw, "opened_at"):
        written["opened_at"] = datetime.fromisoformat(opened_at).isoformat()
    change = change_of(entry.action, entry.outcome, entry.after)
    changed = {"change": change} if change else {}
    log.info("audit_entry", digest=digest(raw), **written | changed)


def to_item(items: type[AuditItem], entry: Entry, days: int) -> AuditItem:
    """Return the item for an entry, which expires `days` after the entry's time."""
    values = {name: getattr(entry, name) for name in COPIED} | {"detail": entry.detail or None}
    return items(
        **{name: value for name, value in values.items() if value is not None},  # PynamoDB is slow to set nothing
        member=f"{entry.tenant}#{entry.subject}",
        day=_day(entry.tenant, entry.at),
        source=entry.source.value,
        salt=secrets.token_hex(16),
        expires=entry.at + timedelta(days=days),
    )


def from_item(item: AuditItem) -> Entry:
    """Return the entry in an item; ValueError if it makes no sense."""
    values: dict[str, Any] = {name: getattr(item, name) for name in COPIED}
    if values["at"] is None:
        raise ValueError("an audit entry without a time")
    tenant, _, subject = item.member.partition("#")
    if item.day != _day(tenant, values["at"]):
        raise ValueError("an audit entry outside of its day, where `audit verify` does not look")
    return Entry(**values, tenant=tenant, subject=subject, source=Source(item.source))


def _day(tenant: str, at: datetime) -> str:
    return f"{tenant}#{at.astimezone(UTC):%Y-%m-%d}"
