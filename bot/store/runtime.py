"""The runtime table: short-lived state that all replicas share."""

from datetime import datetime, timedelta

from bot.core.access import Member
from bot.store.dynamodb import get_or_none, write_if
from bot.store.models import Tables

# How long a choice is remembered after it was last made.
CHOICE_KEPT = timedelta(days=180)
# A response_url works for half an hour; after that nothing can be done to a message.
MESSAGE_KEPT = timedelta(minutes=30)


class RuntimeTable:
    """Members' last choices and what replaceable messages show; see `Choices` and `Messages` in ports."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def remember(self, member: Member, alias: str, at: datetime) -> None:
        """Overwrite the last choice."""
        write_if(None, self._items(_choice(member), alias=alias, expires=at + CHOICE_KEPT))

    def recall(self, member: Member) -> str | None:
        """Eventually consistent: a choice made a second ago may be missed."""
        item = get_or_none(self._items, _choice(member), consistent=False)
        return None if item is None else item.alias

    def note(self, message: str, shows: str, at: datetime, *, unless: str | None = None) -> bool:
        """Overwrite what the message showed before, unless that is `unless`; return whether it was overwritten."""
        item = self._items(f"message#{message}", shows=shows, expires=at + MESSAGE_KEPT)
        free = self._items.shows.does_not_exist() | (self._items.shows != unless)
        return write_if(None if unless is None else free, item)

    def shown(self, message: str) -> str | None:
        """Strongly consistent: the last note of any replica."""
        item = get_or_none(self._items, f"message#{message}")
        return None if item is None else item.shows


def _choice(member: Member) -> str:
    return f"choice#{member.tenant}#{member.user_id}"
