"""What waits for an administrator's next press, in the runtime table."""

from datetime import datetime, timedelta

from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.update import Action

from bot.core.access import Member
from bot.core.records import PendingCommand
from bot.store.models import CONDITION_FAILED, RuntimeItem, Tables, code_of, from_iso, iso, store_errors

# How long an act that was taken, or whose time is over, can still be told from one that never was: longer than a
# recorded request can be replayed.
KEPT_AFTER = timedelta(hours=1)
OPEN, TAKEN = "open", "taken"


class ConfirmationTable:
    """One item an act, keyed by whose it is; see `ports.Confirmations`."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def keep(self, act: PendingCommand) -> bool:
        """A conditional write: of a request and its replays, one is first."""
        item = self._items(
            _key(act.by, act.id),
            request={"verb": act.verb, "fields": dict(act.fields), "version": act.version, "after": act.after},
            state=OPEN,
            open_until=iso(act.expires_at),
            expires=act.expires_at + KEPT_AFTER,
        )
        with store_errors():
            try:
                item.save(self._items.id.does_not_exist())
            except PutError as error:
                if code_of(error) == CONDITION_FAILED:
                    return False
                raise
        return True

    def take(self, by: Member, act_id: str, at: datetime) -> PendingCommand | None:
        """A conditional write: of several presses at once, one is first."""
        item = self._items(_key(by, act_id))
        actions: list[Action] = [self._items.state.set(TAKEN)]
        with store_errors():
            try:
                item.update(
                    actions=actions,
                    condition=(self._items.state == OPEN) & (self._items.open_until > iso(at)),
                )
            except UpdateError as error:
                if code_of(error) == CONDITION_FAILED:
                    return None
                raise
            return _act(item, by, act_id)


def _key(by: Member, act_id: str) -> str:
    return f"pending#{by.tenant}#{by.user_id}#{act_id}"


def _act(item: RuntimeItem, by: Member, act_id: str) -> PendingCommand:
    asked, until = item.request, from_iso(item.open_until)
    if not isinstance(asked, dict) or until is None:
        raise ValueError("an act without what was asked, or without its time")
    return PendingCommand(
        id=act_id,
        by=by,
        verb=asked["verb"],
        fields=asked["fields"],
        expires_at=until,
        version=asked["version"],
        after=asked["after"],
    )
