"""The runtime table: what all replicas share for a while, and what nobody misses when it is gone."""

from datetime import datetime, timedelta

from pynamodb.exceptions import PutError

from bot.core.access import Member
from bot.store.models import CONDITION_FAILED, Tables, code_of, store_errors

# How long a choice is remembered after it was last made.
CHOICE_KEPT = timedelta(days=180)
# A response_url works for half an hour; after that nothing can be done to a message.
MESSAGE_KEPT = timedelta(minutes=30)


class RuntimeTable:
    """Remembers for a while; see `Choices` and `Messages` in ports."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def remember(self, member: Member, alias: str, at: datetime) -> None:
        """Overwrite what was chosen before."""
        with store_errors():
            self._items(_choice(member), alias=alias, expires=at + CHOICE_KEPT).save()

    def recall(self, member: Member) -> str | None:
        """Eventually consistent: a choice of a second ago may not count yet."""
        with store_errors():
            try:
                return self._items.get(_choice(member)).alias
            except self._items.DoesNotExist:
                return None

    def note(self, message: str, shows: str, at: datetime, *, unless: str | None = None) -> bool:
        """Overwrite what the message showed before, unless that is `unless`; whether it was overwritten."""
        item = self._items(f"message#{message}", shows=shows, expires=at + MESSAGE_KEPT)
        free = self._items.shows.does_not_exist() | (self._items.shows != unless)
        with store_errors():
            try:
                item.save(None if unless is None else free)
            except PutError as error:
                if code_of(error) == CONDITION_FAILED:
                    return False
                raise
        return True

    def shown(self, message: str) -> str | None:
        """Strongly consistent: what was noted last, by whichever replica."""
        with store_errors():
            try:
                return self._items.get(f"message#{message}", consistent_read=True).shows
            except self._items.DoesNotExist:
                return None


def _choice(member: Member) -> str:
    return f"choice#{member.tenant}#{member.user_id}"
