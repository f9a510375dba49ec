"""What members were told about their running apps, in the runtime table."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pynamodb.expressions.condition import Condition

from bot.core.access import Member
from bot.core.reminders import Reminded, Told
from bot.store.dynamodb import get_or_none, store_errors, write_if
from bot.store.models import Tables

# How long a record outlives its last change. An app that runs longer is named anew, as if for the first time.
KEPT = timedelta(days=60)


class ReminderTable:
    """The records; see `reminders.ReminderStore`."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def claim(self, tenant: str, at: datetime, until: datetime) -> bool:
        items, item = self._items, self._items(f"reminders#{tenant}")
        due: Condition = items.open_until.does_not_exist() | (items.open_until <= at)
        return write_if(due, item, [items.open_until.set(until), items.expires.set(at + KEPT)])

    def read(self, member: Member) -> Reminded:
        item = get_or_none(self._items, _key(member))
        if item is None or item.attempt is None:
            return Reminded()
        with store_errors():
            stored: dict[str, Any] = item.request or {}
            return Reminded({name: _told(each) for name, each in stored.items()}, item.as_of, item.attempt)

    def write(self, member: Member, told: Reminded, at: datetime) -> bool:
        items, stored = self._items, {name: _stored(each) for name, each in told.apps.items()}
        unchanged: Condition = items.attempt == told.version if told.version else items.id.does_not_exist()
        item = items(_key(member), attempt=uuid4().hex, request=stored, as_of=told.last_at, expires=at + KEPT)
        return write_if(unchanged, item)


def _key(member: Member) -> str:
    return f"reminded#{member.tenant}#{member.user_id}"


def _stored(told: Told) -> list[Any]:
    return [told.times, *(when and when.isoformat() for when in (told.next_at, told.warned_at))]


def _told(stored: list[Any]) -> Told:
    times, *moments = stored
    next_at, warned_at = (datetime.fromisoformat(text) if text else None for text in moments)
    return Told(int(times), next_at, warned_at)
