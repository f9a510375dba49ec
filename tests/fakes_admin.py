"""A fake of pending confirmations, in the style of `tests.fakes`."""

import threading
from datetime import datetime

from bot.core.access import Member
from bot.core.errors import StoreError
from bot.core.records import PendingCommand


class FakePending:
    """Pending confirmations in a dictionary; see `ports.Confirmations`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Member, str, bool], PendingCommand] = {}
        self.taken: set[tuple[Member, str, bool]] = set()
        self.error: StoreError | None = None
        self._lock = threading.Lock()

    def keep(self, command: PendingCommand) -> bool:
        if self.error is not None:
            raise self.error
        key = (command.by, command.id, command.second)
        with self._lock:
            if key in self.kept:
                return False
            self.kept[key] = command
            return True

    def take(self, by: Member, pending_id: str, at: datetime, *, second: bool = False) -> PendingCommand | None:
        with self._lock:
            command = self._open(by, pending_id, at, second=second)
            if command is not None:
                self.taken.add((by, pending_id, second))
            return command

    def waiting(self, by: Member, pending_id: str, at: datetime) -> PendingCommand | None:
        with self._lock:
            return self._open(by, pending_id, at, second=True)

    def _open(self, by: Member, pending_id: str, at: datetime, *, second: bool) -> PendingCommand | None:
        if self.error is not None:
            raise self.error
        key = (by, pending_id, second)
        command = self.kept.get(key)
        return None if command is None or key in self.taken or command.expires_at <= at else command
