"""Commands that wait for confirmation by their administrator, in the runtime table."""

from datetime import datetime, timedelta
from uuid import uuid4

from bot.core.access import Member
from bot.core.records import PendingCommand
from bot.store.dynamodb import get_or_none, store_errors, write_if
from bot.store.models import RuntimeItem, Tables

# How long a command is kept after its time is over: longer than a recorded HTTP request can be replayed.
KEPT_AFTER = timedelta(hours=1)
OPEN, USED = "open", "taken"
# The fields that an item holds as one JSON text.
STORED = ("verb", "fields", "version", "after", "mark")


class ConfirmationTable:
    """One item per command, keyed by its administrator; see `ports.Confirmations`."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def keep(self, command: PendingCommand) -> bool:
        """Put the command. If a command is replayed, only the first attempt counts."""
        attempt = uuid4().hex
        item = self._items(
            _key(command.by, command.id, second=command.second),
            attempt=attempt,
            request={name: getattr(command, name) for name in STORED} | {"fields": dict(command.fields)},
            state=OPEN,
            open_until=command.expires_at,
            expires=command.expires_at + KEPT_AFTER,
        )
        return write_if(self._items.id.does_not_exist() | (self._items.attempt == attempt), item)

    def take(self, by: Member, pending_id: str, at: datetime, *, second: bool = False) -> PendingCommand | None:
        """Mark the command as used; of concurrent presses, the first one counts."""
        item, attempt = self._items(_key(by, pending_id, second=second)), uuid4().hex
        pending = (self._items.state == OPEN) & (self._items.open_until > at)
        actions = [self._items.state.set(USED), self._items.attempt.set(attempt)]
        if not write_if(pending | (self._items.attempt == attempt), item, actions):
            return None
        return _command(item, by, pending_id, second=second)

    def waiting(self, by: Member, pending_id: str, at: datetime) -> PendingCommand | None:
        """Strongly consistent."""
        item = get_or_none(self._items, _key(by, pending_id, second=True))
        if item is None or item.state != OPEN:
            return None
        found = _command(item, by, pending_id, second=True)
        return found if at < found.expires_at else None


def _key(by: Member, pending_id: str, *, second: bool) -> str:
    return f"{'second' if second else 'pending'}#{by.tenant}#{by.user_id}#{pending_id}"


@store_errors()
def _command(item: RuntimeItem, by: Member, pending_id: str, *, second: bool) -> PendingCommand:
    if not isinstance(item.request, dict) or item.open_until is None:
        raise ValueError("a command without its fields or its time")
    stored = {name: item.request[name] for name in STORED if name != "mark" or name in item.request}
    return PendingCommand(id=pending_id, by=by, expires_at=item.open_until, second=second, **stored)
