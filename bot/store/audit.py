"""The audit table: one entry per request and per administrative change."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pynamodb.expressions.condition import Condition

from bot.core.access import Member
from bot.core.audit import LINK, MAY_BE_OPENED, REQUESTED
from bot.core.errors import AlreadyRecorded
from bot.core.link import Source
from bot.core.records import Entry
from bot.store.errors import store_errors, write_if
from bot.store.models import AuditItem, Tables, from_iso, iso

# Between two times as the table holds them.
SMALLEST_STEP = timedelta(microseconds=1)
# Entries per page: readers mostly want a few, and reading a whole megabyte may exceed a call's timeout.
PAGE = 200

# The table's names for an entry's times. It holds the other fields under their own names and as they are, except
# for the three that `to_item` names.
TIMES = {"at": "at", "expires_at": "link_expires_at", "opened_at": "opened_at"}
COPIED = [field.name for field in fields(Entry) if field.name not in {*TIMES, "tenant", "subject", "source"}]


class AuditTable:
    """Writes and reads the paper trail; see `ports.AuditLog`."""

    def __init__(self, tables: Tables, *, days: int) -> None:
        self._items = tables.audit
        self._days = days

    def open(self, entry: Entry) -> None:
        """Write the entry unless another attempt has written one with the same id."""
        if not write_if(is_new(self._items, entry), to_item(self._items, entry, self._days)):
            raise AlreadyRecorded(f"request {entry.id} is in the audit already")

    def close(self, entry: Entry) -> None:
        """Complete what `open` wrote, or write the whole entry; leave `opened_at` alone."""
        item = to_item(self._items, entry, self._days)
        values = {name: getattr(item, name) for name in item.get_attributes() if name not in ("id", "opened_at")}
        actions = [getattr(self._items, name).set(value) for name, value in values.items() if value is not None]
        mine = self._items.id.does_not_exist() | (self._items.attempt == entry.attempt)
        if not write_if(mine, item, actions):
            raise AlreadyRecorded(f"request {entry.id} belongs to another attempt")

    def opened(self, member: Member, request_id: str, at: datetime) -> Entry | None:
        """Mark a link request of this very member; the first press counts."""
        item = self._items(request_id)
        theirs = (
            (self._items.member == _member(member.tenant, member.user_id))
            & (self._items.action == LINK)
            & self._items.outcome.is_in(*MAY_BE_OPENED)
        )
        if not write_if(theirs, item, [self._items.opened_at.set(self._items.opened_at | iso(at))]):
            return None
        with store_errors():
            return from_item(item)

    def of_member(
        self, member: Member, since: datetime, before: datetime | None = None, *, most: int | None = None
    ) -> Iterator[Entry]:
        """Query the index by member, which lags by seconds at most."""
        with store_errors():
            key = _member(member.tenant, member.user_id)
            at = self._items.at
            span = at >= iso(since) if before is None else at.between(iso(since), iso(before - SMALLEST_STEP))
            found = self._items.by_member.query(
                key, span, scan_index_forward=False, limit=most, page_size=most or PAGE
            )
            yield from map(from_item, found)

    def of_day(self, tenant: str, day: date) -> Iterator[Entry]:
        """Query the index by day."""
        with store_errors():
            found = self._items.by_day.query(_day(tenant, day), scan_index_forward=False, page_size=PAGE)
            yield from map(from_item, found)


def _member(tenant: str, subject: str) -> str:
    return f"{tenant}#{subject}"


def _day(tenant: str, day: date) -> str:
    return f"{tenant}#{day.isoformat()}"


def is_new(items: type[AuditItem], entry: Entry) -> Condition:
    """Return the condition that no other attempt has written the entry.

    Our own retried write carries the same attempt, and passes as long as the entry is not complete.
    """
    ours = (items.attempt == entry.attempt) & (items.outcome == REQUESTED)
    new: Condition = items.id.does_not_exist() | ours
    return new


def to_item(items: type[AuditItem], entry: Entry, days: int) -> AuditItem:
    """Return the item for an entry, which expires `days` after the entry's time."""
    values = {name: getattr(entry, name) for name in COPIED}
    times = {attribute: iso(getattr(entry, name)) for name, attribute in TIMES.items()}
    return items(
        **values | times | {"detail": entry.detail or None},
        member=_member(entry.tenant, entry.subject),
        day=_day(entry.tenant, entry.at.astimezone(UTC).date()),
        source=entry.source.value,
        expires=entry.at + timedelta(days=days),
    )


def from_item(item: AuditItem) -> Entry:
    """Return the entry in an item; ValueError if it makes no sense."""
    values = {name: getattr(item, name) for name in COPIED}
    times: dict[str, Any] = {name: from_iso(getattr(item, attribute)) for name, attribute in TIMES.items()}
    if times["at"] is None:
        raise ValueError("an audit entry without a time")
    tenant, _, subject = item.member.partition("#")
    return Entry(**values, **times, tenant=tenant, subject=subject, source=Source(item.source))
