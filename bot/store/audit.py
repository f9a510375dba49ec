"""The audit table: one entry per request and per administrative change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.condition import Condition

from bot.core.access import Member
from bot.core.audit import LINK, MAY_BE_OPENED, REQUESTED
from bot.core.errors import AlreadyRecorded
from bot.core.link import Source
from bot.core.records import Entry
from bot.store.models import CONDITION_FAILED, AuditItem, Tables, code_of, from_iso, iso, store_errors

# Between two times as the table holds them.
SMALLEST_STEP = timedelta(microseconds=1)
# Entries of one page: mostly a few are wanted, and a whole megabyte of them may take longer than a call may.
PAGE = 200


class AuditTable:
    """Writes and reads the paper trail; see `ports.AuditLog`."""

    def __init__(self, tables: Tables, *, days: int) -> None:
        self._items = tables.audit
        self._days = days

    def open(self, entry: Entry) -> None:
        """A conditional write: the second request with the same id fails."""
        with store_errors():
            try:
                to_item(self._items, entry, self._days).save(by_no_other(self._items, entry))
            except PutError as error:
                if code_of(error) == CONDITION_FAILED:
                    raise AlreadyRecorded(f"request {entry.id} is in the audit already") from error
                raise

    def close(self, entry: Entry) -> None:
        """Completes what `open` wrote, or writes it whole; leaves the time of opening alone."""
        item = to_item(self._items, entry, self._days)
        values = {name: getattr(item, name) for name in item.get_attributes() if name not in ("id", "opened_at")}
        actions = [getattr(self._items, name).set(value) for name, value in values.items() if value is not None]
        mine = self._items.id.does_not_exist() | (self._items.attempt == entry.attempt)
        with store_errors():
            try:
                item.update(actions=actions, condition=mine)
            except UpdateError as error:
                if code_of(error) == CONDITION_FAILED:
                    raise AlreadyRecorded(f"request {entry.id} belongs to another attempt") from error
                raise

    def opened(self, member: Member, request_id: str, at: datetime) -> Entry | None:
        """Only a link request of this very member can be marked; the first press counts."""
        item = self._items(request_id)
        theirs = (
            (self._items.member == _member(member.tenant, member.user_id))
            & (self._items.action == LINK)
            & self._items.outcome.is_in(*MAY_BE_OPENED)
        )
        with store_errors():
            try:
                item.update(actions=[self._items.opened_at.set(self._items.opened_at | iso(at))], condition=theirs)
            except UpdateError as error:
                if code_of(error) == CONDITION_FAILED:
                    return None
                raise
            return from_item(item)

    def of_member(
        self, member: Member, since: datetime, before: datetime | None = None, *, most: int | None = None
    ) -> Iterator[Entry]:
        """From the index by member: seconds behind at most, as indexes are."""
        with store_errors():
            key = _member(member.tenant, member.user_id)
            at = self._items.at
            span = at >= iso(since) if before is None else at.between(iso(since), iso(before - SMALLEST_STEP))
            found = self._items.by_member.query(
                key, span, scan_index_forward=False, limit=most, page_size=most or PAGE
            )
            yield from map(from_item, found)

    def of_day(self, tenant: str, day: date) -> Iterator[Entry]:
        """From the index by day."""
        with store_errors():
            key = f"{tenant}#{day.isoformat()}"
            found = self._items.by_day.query(key, scan_index_forward=False, page_size=PAGE)
            yield from map(from_item, found)


def _member(tenant: str, subject: str) -> str:
    return f"{tenant}#{subject}"


def by_no_other(items: type[AuditItem], entry: Entry) -> Condition:
    """That the entry is new.

    Our own retried write carries the same attempt, and passes as long as the entry is not complete.
    """
    ours = (items.attempt == entry.attempt) & (items.outcome == REQUESTED)
    new: Condition = items.id.does_not_exist() | ours
    return new


def to_item(items: type[AuditItem], entry: Entry, days: int) -> AuditItem:
    """The item for an entry, to be collected `days` after it happened."""
    return items(
        entry.id,
        attempt=entry.attempt,
        at=iso(entry.at),
        member=_member(entry.tenant, entry.subject),
        day=f"{entry.tenant}#{entry.at.astimezone(UTC).date().isoformat()}",
        actor=entry.actor,
        source=entry.source.value,
        action=entry.action,
        outcome=entry.outcome,
        alias=entry.alias,
        domain_id=entry.domain_id,
        profile_name=entry.profile_name,
        space_name=entry.space_name,
        landing_uri=entry.landing_uri,
        rule=entry.rule,
        detail=entry.detail or None,
        link_sha256=entry.link_sha256,
        link_expires_at=iso(entry.expires_at),
        opened_at=iso(entry.opened_at),
        locale=entry.locale,
        aws_request_id=entry.aws_request_id,
        aws_session=entry.aws_session,
        before=entry.before,
        after=entry.after,
        expires=entry.at + timedelta(days=days),
    )


def from_item(item: AuditItem) -> Entry:
    """The entry in an item; ValueError if it makes no sense."""
    tenant, _, subject = item.member.partition("#")
    at = from_iso(item.at)
    if at is None:
        raise ValueError("an audit entry without a time")
    return Entry(
        id=item.id,
        attempt=item.attempt,
        at=at,
        tenant=tenant,
        subject=subject,
        actor=item.actor,
        source=Source(item.source),
        action=item.action,
        outcome=item.outcome,
        alias=item.alias,
        domain_id=item.domain_id,
        profile_name=item.profile_name,
        space_name=item.space_name,
        landing_uri=item.landing_uri,
        rule=item.rule,
        detail=item.detail,
        link_sha256=item.link_sha256,
        expires_at=from_iso(item.link_expires_at),
        opened_at=from_iso(item.opened_at),
        locale=item.locale,
        aws_request_id=item.aws_request_id,
        aws_session=item.aws_session,
        before=item.before,
        after=item.after,
    )
