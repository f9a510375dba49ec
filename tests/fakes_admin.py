"""A fake of what waits for administrators' presses, in the manner of `tests.fakes`."""

import threading
from datetime import datetime

from bot.core.access import Member
from bot.core.errors import StoreError
from bot.core.records import PendingCommand


class FakePending:
    """What has been kept, and of that what has not been taken; see `ports.Confirmations`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Member, str], PendingCommand] = {}
        self.taken: set[tuple[Member, str]] = set()
        self.error: StoreError | None = None
        self._lock = threading.Lock()

    def keep(self, act: PendingCommand) -> bool:
        if self.error is not None:
            raise self.error
        key = (act.by, act.id)
        with self._lock:
            if key in self.kept:
                return False
            self.kept[key] = act
            return True

    def take(self, by: Member, act_id: str, at: datetime) -> PendingCommand | None:
        if self.error is not None:
            raise self.error
        key = (by, act_id)
        with self._lock:
            act = self.kept.get(key)
            if act is None or key in self.taken or act.expires_at <= at:
                return None
            self.taken.add(key)
            return act
