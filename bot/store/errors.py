"""Conditional writes, and what DynamoDB's errors mean, by error code and never by message."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
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

TABLE_MISSING = "ResourceNotFoundException"
MEANINGS = {
    Failure.THROTTLED: (Reason.STORE_THROTTLED, "DynamoDB throttles us: try again in a minute"),
    Failure.REFUSED: (
        Reason.STORE_REFUSED,
        "DynamoDB refuses us: check the role's policy and credentials",
    ),
    Failure.BROKEN: (Reason.STORE_UNREACHABLE, "DynamoDB failed: try again in a minute"),
    Failure.NO_CREDENTIALS: (
        Reason.STORE_REFUSED,
        "there are no AWS credentials: give the process a role or a profile",
    ),
}
# Why DynamoDB cancelled a transaction, for each of its items.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
CONDITION_FAILED, CONFLICT = "ConditionalCheckFailed", "TransactionConflict"


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
            answer = error.cause.response if isinstance(error.cause, ClientError) else {}
            if answer.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            return False
    return True


def cancellation_codes(error: TransactWriteError) -> tuple[str | None, ...]:
    """For each item of the transaction, why it stood in the way; None if it did not."""
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
