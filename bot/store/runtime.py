"""The runtime table: counters that all replicas share, and that nobody misses when they are gone."""

from datetime import UTC, datetime, timedelta

from pynamodb.expressions.update import Action

from bot.model import Member
from bot.store.models import Tables, store_errors


class RuntimeTable:
    """Counts requests per member and minute; see `ports.RequestCounter`."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def count(self, member: Member, at: datetime) -> int:
        """One atomic update; it returns the count with this request in it."""
        item = self._items(f"requests#{member.tenant}#{member.user_id}#{at.astimezone(UTC):%Y-%m-%dT%H:%M}")
        actions: list[Action] = [self._items.requests.add(1), self._items.expires.set(at + timedelta(minutes=10))]
        with store_errors():
            item.update(actions=actions)
            return int(item.requests or 0)
