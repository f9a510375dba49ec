"""How many requests that lead to no link each person may send, in this process."""

import threading
from collections.abc import Collection
from datetime import datetime

from cachetools import LRUCache

from bot.core.access import Member
from bot.core.policy import MINUTE

# The most senders to count. The one whose last HTTP request is oldest is forgotten first.
MAX_PEOPLE = 10_000
# An administrator's work takes several presses for each change.
ADMINISTRATORS_FACTOR = 10


# A tenant, and the user id there.
Sender = tuple[str, str]


class RequestLimit:
    """Count each person's requests by calendar minute. Thread-safe, and reads no clock of its own.

    Each process counts for itself, so that a request over the limit costs no call of Slack or DynamoDB.

    Args:
        per_minute: requests of one person; administrators may send ten times as many.
        admins: the user ids that the settings name. Others count as administrators once they were found to be.
    """

    def __init__(self, per_minute: int, admins: Collection[str] = ()) -> None:
        self._per_minute, self._admins = per_minute, admins
        self._counts: LRUCache[tuple[Sender, str, datetime], int] = LRUCache(MAX_PEOPLE)
        self._found: LRUCache[Sender, bool] = LRUCache(MAX_PEOPLE)
        self._lock = threading.Lock()

    def is_administrator(self, sender: Sender) -> bool:
        """Return whether the sender has an administrator's share of this process. It permits nothing."""
        return sender[1] in self._admins or sender in self._found

    def note_administrator(self, sender: Sender) -> None:
        with self._lock:
            self._found[sender] = True

    def excess(self, sender: Sender, at: datetime, kind: str = "") -> int:
        """Count a request, and return by how many the sender exceeds the limit in this minute; 0 for within it.

        Args:
            kind: which requests count by themselves, apart from all others.
        """
        most = self._per_minute * (ADMINISTRATORS_FACTOR if self.is_administrator(sender) else 1)
        key = sender, kind, minute_of(at)
        with self._lock:
            self._counts[key] = count = self._counts.get(key, 0) + 1
        return max(0, count - most)

    def forgive(self, sender: Sender, at: datetime) -> None:
        """Do not count a request after all, because it led to a link: links have a limit of their own."""
        key = sender, "", minute_of(at)
        with self._lock:
            self._counts[key] = max(0, self._counts.get(key, 0) - 1)


def sender_of(member: Member) -> Sender:
    return member.tenant, member.user_id


def minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def next_minute(at: datetime) -> datetime:
    """Return when the count of a request's minute ends."""
    return minute_of(at) + MINUTE
