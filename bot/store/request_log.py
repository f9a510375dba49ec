"""Where requests for links come in: recorded and counted in one step, for all replicas together."""

import random
import time
from collections.abc import Callable
from datetime import UTC, timedelta

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from bot.core.errors import AlreadyRecorded, StoreError
from bot.core.link import Reason
from bot.core.records import Entry
from bot.store.audit import AuditTable, by_no_other, to_item
from bot.store.models import Tables, store_errors

# A transaction that crosses another of the same member's is cancelled. It is tried again after a pause of chance, so
# that those that crossed do not meet again; all pauses together are a second at most.
TRIES, MAX_PAUSE = 11, 0.1
# How DynamoDB says, of each item, why the transaction was cancelled.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
FAILED = "ConditionalCheckFailed"
PASSING = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")

Obstacles = tuple[str | None, ...]


class RequestLogTables:
    """Writes the audit and the runtime table together; see `ports.Intake`."""

    def __init__(
        self, tables: Tables, audit: AuditTable, *, days: int, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._connection = tables.connection()
        self._audit_items, self._runtime_items = tables.audit, tables.runtime
        self._audit = audit
        self._days = days
        self._wait = wait

    def take(self, entry: Entry, at_most: int) -> bool:
        """One transaction; for a request too many a second write, because it is recorded as well."""
        for _ in range(TRIES):
            record, count = self._write(entry, at_most)
            if record == FAILED:
                raise AlreadyRecorded(f"request {entry.id} is in the audit already")
            if record is None and count is None:
                return True
            if record is None and count == FAILED:
                self._audit.open(entry)
                return False
            self._wait(random.uniform(0, MAX_PAUSE))  # noqa: S311 - no secret
        raise StoreError(
            "DynamoDB is too busy with requests of this member: try again in a minute", reason=Reason.STORE_THROTTLED
        )

    def _write(self, entry: Entry, at_most: int) -> Obstacles:
        """What stood in the way of the record and of the count; where anything did, nothing was written.

        What botocore tries again itself carries the same token, by which DynamoDB takes it once.
        """
        minute = f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M}"
        counter = self._runtime_items(f"requests#{entry.tenant}#{entry.subject}#{minute}")
        requests = self._runtime_items.requests
        with store_errors():
            try:
                with TransactWrite(connection=self._connection) as transaction:
                    item = to_item(self._audit_items, entry, self._days)
                    transaction.save(item, condition=by_no_other(self._audit_items, entry))
                    transaction.update(
                        counter,
                        actions=[requests.add(1), self._runtime_items.expires.set(entry.at + timedelta(minutes=10))],
                        condition=requests.does_not_exist() | (requests < at_most),
                    )
            except TransactWriteError as error:
                obstacles = tuple(reason.code if reason else None for reason in error.cancellation_reasons)
                if not obstacles or not {*obstacles} <= {None, FAILED, *PASSING}:
                    raise
                return obstacles
        return None, None
