"""Link requests: record and count each one in a single step, for all replicas together."""

import random
import time
from collections.abc import Callable
from datetime import UTC, timedelta

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from bot.core.errors import AlreadyRecorded, StoreError
from bot.core.link import Reason
from bot.core.records import Entry
from bot.store.audit import AuditTable, is_new, to_item
from bot.store.errors import CONDITION_FAILED, CONFLICT, cancellation_codes, store_errors
from bot.store.models import Tables

# DynamoDB cancels a transaction that crosses another of the same member. It is tried again after a random pause, so
# that the two do not meet again; all pauses together take a second at most.
TRIES, MAX_PAUSE = 11, 0.1
TRANSIENT = (CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded")


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
        """Write one transaction; for a request over the limit a second write, because it is recorded as well."""
        for _ in range(TRIES):
            record, count = self._write(entry, at_most)
            if record == CONDITION_FAILED:
                raise AlreadyRecorded(f"request {entry.id} is in the audit already")
            if record is None and count is None:
                return True
            if record is None and count == CONDITION_FAILED:
                self._audit.open(entry)
                return False
            self._wait(random.uniform(0, MAX_PAUSE))  # noqa: S311 - no secret
        raise StoreError(
            "DynamoDB is too busy with requests of this member: try again in a minute", reason=Reason.STORE_THROTTLED
        )

    def _write(self, entry: Entry, at_most: int) -> tuple[str | None, ...]:
        """Return what stood in the way of the record and of the count; if anything did, nothing was written.

        botocore's own retries carry the same token, by which DynamoDB applies the transaction once.
        """
        minute = f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M}"
        counter = self._runtime_items(f"requests#{entry.tenant}#{entry.subject}#{minute}")
        requests = self._runtime_items.requests
        with store_errors():
            try:
                with TransactWrite(connection=self._connection) as transaction:
                    item = to_item(self._audit_items, entry, self._days)
                    transaction.save(item, condition=is_new(self._audit_items, entry))
                    transaction.update(
                        counter,
                        actions=[requests.add(1), self._runtime_items.expires.set(entry.at + timedelta(minutes=10))],
                        condition=requests.does_not_exist() | (requests < at_most),
                    )
            except TransactWriteError as error:
                codes = cancellation_codes(error)
                if not codes or not {*codes} <= {None, CONDITION_FAILED, *TRANSIENT}:
                    raise
                return codes
        return None, None
