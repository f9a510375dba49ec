"""Messages sent to members about running apps and the end of access, in the runtime table."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pynamodb.expressions.condition import Condition

from bot.core.access import Member
from bot.core.reminders import EndNotice, Reminded, Told, Usage, Used
from bot.store.dynamodb import batch_get, batches, get_or_none, store_errors, write_if
from bot.store.models import Tables, claim, client_of

# How long a record is kept after its last change. An app that runs longer is named as if for the first time.
KEPT = timedelta(days=60)


class ReminderTable:
    """The records; see `reminders.ReminderStore`."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def claim(self, look: str, at: datetime, until: datetime) -> bool:
        return claim(self._items, f"reminders#{look}", at, until, expires=at + KEPT)

    def read(self, member: Member) -> Reminded:
        item = get_or_none(self._items, _key(member))
        if item is None or item.attempt is None:
            return Reminded()
        with store_errors():
            stored: dict[str, Any] = item.request or {}
            return Reminded({name: _told(each) for name, each in stored.items()}, item.as_of, item.attempt)

    def write(self, member: Member, told: Reminded, at: datetime) -> bool:
        stored = {name: _stored(each) for name, each in told.apps.items()}
        return self._put(_key(member), told.version, stored, told.last_at, at)

    def end_notices(self, members: Sequence[Member]) -> dict[Member, EndNotice]:
        """Read them, a hundred per call."""
        found, items, table = dict[str, EndNotice](), self._items, self._items.Meta.table_name
        for batch in batches(members):
            keys = [{"id": {"S": _end_notice(member)}} for member in batch]
            with store_errors():
                for raw in batch_get(client_of(items), {table: keys}).get(table, ()):
                    item = items.from_raw_data(raw)
                    found[item.id] = EndNotice(item.as_of, bool((item.request or {})["over"]), item.attempt or "")
        return {member: found.get(_end_notice(member), EndNotice()) for member in members}

    def write_end_notice(self, member: Member, notice: EndNotice, at: datetime) -> bool:
        return self._put(_end_notice(member), notice.version, {"over": notice.over}, notice.until, at)

    def usage(self, tenant: str) -> Usage:
        item = get_or_none(self._items, _usage(tenant))
        if item is None or item.attempt is None:
            return Usage()
        with store_errors():
            stored: dict[str, Any] = item.request or {}
            domains = {name: Used(*each) for name, each in stored["domains"].items()}
            return Usage(datetime.fromisoformat(stored["since"]), item.as_of, domains, item.attempt)

    def write_usage(self, tenant: str, usage: Usage, at: datetime) -> bool:
        domains = {name: [round(each, 4) for each in astuple(used)] for name, used in usage.domains.items()}
        stored = {"since": (usage.since or at).isoformat(), "domains": domains}
        return self._put(_usage(tenant), usage.version, stored, usage.at, at)

    def _put(self, key: str, version: str, stored: dict[str, Any], as_of: datetime | None, at: datetime) -> bool:
        items = self._items
        unchanged: Condition = items.attempt == version if version else items.id.does_not_exist()
        item = items(key, attempt=uuid4().hex, request=stored, as_of=as_of, expires=at + KEPT)
        return write_if(unchanged, item)


def _key(member: Member) -> str:
    return f"reminded#{member.tenant}#{member.user_id}"


def _end_notice(member: Member) -> str:
    return f"ending#{member.tenant}#{member.user_id}"


def _usage(tenant: str) -> str:
    return f"usage#{tenant}"


def _stored(told: Told) -> list[Any]:
    return [told.times, *(when and when.isoformat() for when in (told.next_at, told.warned_at))]


def _told(stored: list[Any]) -> Told:
    times, *moments = stored
    next_at, warned_at = (datetime.fromisoformat(text) if text else None for text in moments)
    return Told(int(times), next_at, warned_at)
