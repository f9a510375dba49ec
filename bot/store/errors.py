"""Conditional writes, and what DynamoDB's errors mean, by error code and never by message."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
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

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "ThrottlingError",
    "TransactionInProgressException",
    "LimitExceededException",
}
TABLE_MISSING = "ResourceNotFoundException"
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
    if isinstance(cause, ClientError):
        return _answered(cause)
    if isinstance(cause, NoCredentialsError | PartialCredentialsError):
        return StoreError(
            "there are no AWS credentials: give the process a role or a profile", reason=Reason.STORE_REFUSED
        )
    return StoreError(
        "DynamoDB could not be reached: check the region, the endpoint and the network",
        reason=Reason.STORE_UNREACHABLE,
        code=type(cause).__name__ if cause else None,
    )


def _answered(error: ClientError) -> StoreError:
    """What DynamoDB's own error means."""
    code = error.response.get("Error", {}).get("Code", "")
    # PynamoDB raises its own copy of botocore's error, which has only the code and the message of the answer.
    whole = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    metadata = whole.response.get("ResponseMetadata", {})
    failed = metadata.get("HTTPStatusCode", 0) >= 500 or code.startswith("Internal")  # noqa: PLR2004 - HTTP's number
    if code in THROTTLED:
        reason, words = Reason.STORE_THROTTLED, "DynamoDB throttles us: try again in a minute"
    elif code == TABLE_MISSING:
        reason, words = Reason.STORE_REFUSED, "a table is missing: run `studio-links tables create`"
    elif failed or code in ("", "TransactionCanceledException"):
        reason, words = Reason.STORE_UNREACHABLE, "DynamoDB failed: try again in a minute"
    else:
        reason, words = Reason.STORE_REFUSED, "DynamoDB refuses us: check the role's policy and credentials"
    return StoreError(words, reason=reason, code=code or None, request_id=metadata.get("RequestId"))
