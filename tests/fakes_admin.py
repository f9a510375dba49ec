"""A fake of pending confirmations, in the style of `tests.fakes`."""

import threading
from datetime import datetime

from bot.core.access import Member
from bot.core.errors import StoreError
from bot.core.records import PendingCommand


class FakePending:
    """Pending confirmations in a dictionary; see `ports.Confirmations`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Member, str], PendingCommand] = {}
        self.taken: set[tuple[Member, str]] = set()
        self.error: StoreError | None = None
        self._lock = threading.Lock()

    def keep(self, command: PendingCommand) -> bool:
        if self.error is not None:
            raise self.error
        key = (command.by, command.id)
        with self._lock:
            if key in self.kept:
                return False
            self.kept[key] = command
            return True

    def take(self, by: Member, pending_id: str, at: datetime) -> PendingCommand | None:
        if self.error is not None:
            raise self.error
        key = (by, pending_id)
        with self._lock:
            command = self.kept.get(key)
            if command is None or key in self.taken or command.expires_at <= at:
                return None
            self.taken.add(key)
            return command
