"""PynamoDB as the tables use it: attributes, conditional writes, and errors, by code and never by message."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from pynamodb.attributes import Attribute
from pynamodb.connection import Connection
from pynamodb.constants import MAP, STRING
from pynamodb.exceptions import (
    AttributeDeserializationError,
    AttributeNullError,
    PutError,
    PynamoDBException,
    TransactWriteError,
    UpdateError,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from bot.core.causes import Cause
from bot.core.errors import Changed, StoreError
from bot.core.link import Reason
from bot.observability.aws_failures import AWS_ERRORS, MEANINGS, answer_of, cause_of, error_code, meaning_of
from bot.store.missing import TABLE_MISSING

M = TypeVar("M", bound=Model)
T = TypeVar("T")
# A key or an item in DynamoDB's own notation.
Raw = dict[str, Any]

SERIALIZER, DESERIALIZER = TypeSerializer(), TypeDeserializer()
# Seconds to wait before asking again for keys that DynamoDB did not process.
PAUSES = (0.05, 0.2)
# The most keys that one BatchGetItem takes.
MAX_BATCH = 100
# Items per page of a scan: DynamoDB may need longer for a whole megabyte than a call's timeout.
PAGE = 1000
# Why DynamoDB cancelled a transaction, for each of its items.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
CONDITION_FAILED, CONFLICT = "ConditionalCheckFailed", "TransactionConflict"


class PlainMapAttribute(Attribute[dict[str, Any] | None]):
    """A map with any names and values: PynamoDB's own map takes some names for its arguments."""

    attr_type = MAP

    def serialize(self, value: dict[str, Any] | None) -> dict[str, Any]:
        """Return DynamoDB's own notation."""
        return {name: SERIALIZER.serialize(each) for name, each in (value or {}).items()}

    def deserialize(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the inverse; numbers are `Decimal`s."""
        return {name: DESERIALIZER.deserialize(each) for name, each in value.items()}


class TimeAttribute(Attribute[datetime]):
    """A time as text of one width, so that text sorts like time."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Return the time in UTC, to the microsecond."""
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def deserialize(self, value: str) -> datetime:
        """Return the inverse; ValueError for anything else."""
        return datetime.fromisoformat(value)


def get_or_none(items: type[M], key: str, *, consistent: bool = True) -> M | None:
    """Return the item with this key; None if it does not exist."""
    with store_errors():
        try:
            return items.get(key, consistent_read=consistent)
        except items.DoesNotExist:
            return None


def batch_get(client: Any, asked: Mapping[str, Sequence[Raw]]) -> dict[str, list[Raw]]:
    """Return the items that exist of these keys by table, from one strongly consistent call.

    It is repeated a few times for keys that DynamoDB did not process.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    """
    pending: Raw = {table: {"Keys": list(keys), "ConsistentRead": True} for table, keys in asked.items()}
    found: dict[str, list[Raw]] = defaultdict(list)
    with store_errors():
        for pause in (*PAUSES, None):
            answer = client.batch_get_item(RequestItems=pending)
            for table, items in answer["Responses"].items():
                found[table].extend(items)
            pending = answer["UnprocessedKeys"]
            if not pending:
                return found
            if pause is not None:
                time.sleep(pause)
    raise StoreError("DynamoDB throttles us: try again in a minute", reason=Reason.STORE_THROTTLED)


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield as many values at once as one BatchGetItem takes."""
    return (values[start : start + MAX_BATCH] for start in range(0, len(values), MAX_BATCH))


def scan(client: Any, table: str, **more: Any) -> Iterator[Raw]:
    """Yield the items of a table, strongly consistent unless `more`, parameters of the call, says otherwise."""
    parameters = {"TableName": table, "ConsistentRead": True, "PaginationConfig": {"PageSize": PAGE}, **more}
    with store_errors():
        for page in client.get_paginator("scan").paginate(**parameters):
            yield from page["Items"]


@contextmanager
def all_or_nothing(connection: Connection) -> Iterator[TransactWrite]:
    """Write the transaction's items; raise Changed if a condition does not hold or another transaction conflicts."""
    with store_errors():
        try:
            with TransactWrite(connection=connection) as transaction:
                yield transaction
        except TransactWriteError as error:
            if {CONDITION_FAILED, CONFLICT}.intersection(cancellation_codes(error)):
                raise Changed from error
            raise


def write_if(condition: Condition | None, item: Model, actions: Sequence[Action] = ()) -> bool:
    """Update the item with `actions`, or put it if there are none; return False if the condition does not hold.

    If DynamoDB's answer is lost, botocore sends the write again, which meets what the first attempt wrote. Either the
    condition must still hold then, or the caller must read the item and recognize its own write.

    Raises:
        StoreError: DynamoDB refused or could not be reached.
    """
    with store_errors():
        try:
            if actions:
                item.update(actions=list(actions), condition=condition)
            else:
                item.save(condition)
        except (PutError, UpdateError) as error:
            # PynamoDB's own `cause_response_code` breaks on errors that carry no response, such as timeouts.
            if (
                not isinstance(error.cause, ClientError)
                or error_code(error.cause) != "ConditionalCheckFailedException"
            ):
                raise
            return False
    return True


def cancellation_codes(error: TransactWriteError) -> tuple[str | None, ...]:
    """Return for each item of the transaction why it was refused; None if it was not."""
    return tuple(reason.code if reason else None for reason in error.cancellation_reasons)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what PynamoDB and botocore raise into StoreError."""
    try:
        yield
    except (PynamoDBException, *AWS_ERRORS) as error:
        cause = error.cause if isinstance(error, PynamoDBException) else error
        # Botocore's error for a header that cannot be sent quotes the credentials.
        raise _translated(cause) from (None if cause_of(cause) is Cause.MALFORMED else error)
    except (AttributeDeserializationError, AttributeNullError, ValueError) as error:
        raise StoreError(
            f"a stored record cannot be read ({error}): correct it in the DynamoDB console",
            reason=Reason.STORE_UNREADABLE,
        ) from error
    except (AttributeError, KeyError, TypeError) as error:  # a record, or an answer, of another shape
        raise StoreError(
            f"DynamoDB answered something that cannot be read ({type(error).__name__}: {error}): check the endpoint",
            reason=Reason.STORE_UNREADABLE,
        ) from error


def _translated(cause: Exception | None) -> StoreError:
    code, request_id = error_code(cause) or None, None
    meaning = meaning_of(cause, "DynamoDB", "run `studio-links tables check`")
    words, outcome = meaning.words, meaning.outcome
    if outcome == "unexpected":
        outcome = "refused" if isinstance(cause, ClientError) else "unreachable"
    if isinstance(cause, ClientError):
        request_id = answer_of(cause).get("RequestId")
        if code in (None, "TransactionCanceledException"):
            words, outcome = MEANINGS[Cause.BROKEN].words.format(service="DynamoDB"), "unreachable"
        elif code in TABLE_MISSING:
            words = f"a table is missing {cause.response['Error']['Message']}"
    return StoreError(words, reason=Reason(f"store_{outcome}"), code=code, request_id=request_id)
