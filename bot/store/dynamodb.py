"""PynamoDB as the tables use it: attributes, conditional writes, and errors, by code and never by message."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute
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

from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.observability.aws_failures import Failure, answer_of, classify, error_code

M = TypeVar("M", bound=Model)

SERIALIZER, DESERIALIZER = TypeSerializer(), TypeDeserializer()
TABLE_MISSING = "ResourceNotFoundException"
MEANINGS = {
    Failure.THROTTLED: (Reason.STORE_THROTTLED, "DynamoDB throttles us: try again in a minute"),
    Failure.REFUSED: (Reason.STORE_REFUSED, "DynamoDB refuses us: check the role's policy and credentials"),
    Failure.BROKEN: (Reason.STORE_UNREACHABLE, "DynamoDB failed: try again in a minute"),
    Failure.NO_CREDENTIALS: (
        Reason.STORE_REFUSED,
        "there are no AWS credentials: give the process a role or a profile",
    ),
}
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
    except (AttributeDeserializationError, AttributeNullError, KeyError, ValueError) as error:
        raise StoreError(
            f"a stored record cannot be read ({error}): delete it in the DynamoDB console, then set it again",
            reason=Reason.STORE_UNREADABLE,
        ) from error
    except (PynamoDBException, BotoCoreError, ClientError) as error:
        raise _translated(error) from error


def _translated(error: PynamoDBException | BotoCoreError | ClientError) -> StoreError:
    cause = error.cause if isinstance(error, PynamoDBException) else error
    failure = classify(cause)
    if not isinstance(cause, ClientError):
        unreachable = "DynamoDB could not be reached: check the region, the endpoint and the network"
        reason, words = MEANINGS.get(failure, (Reason.STORE_UNREACHABLE, unreachable))
        return StoreError(words, reason=reason, code=type(cause).__name__ if cause else None)
    code = error_code(cause)
    if code in ("", "TransactionCanceledException"):
        failure = Failure.BROKEN
    reason, words = MEANINGS.get(failure, MEANINGS[Failure.REFUSED])
    if code == TABLE_MISSING:
        words = "a table is missing: run `studio-links tables create`"
    return StoreError(words, reason=reason, code=code or None, request_id=answer_of(cause).get("RequestId"))
