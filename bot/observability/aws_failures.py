"""What the failures of AWS's services mean, by error code and never by message."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, which is no OSError
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
# A failed condition, alone or in a transaction, is an answer that we asked for; so are the other items of such a
# transaction. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html
EXPECTED = {"", "None", "ConditionalCheckFailed", "ConditionalCheckFailedException"}
CANCELED = "TransactionCanceledException"
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ProfileNotFound)


class Failure(StrEnum):
    """Kinds of failed calls."""

    THROTTLED = "throttled"
    REFUSED = "refused"
    BROKEN = "broken"  # the service's own failure
    UNREACHABLE = "unreachable"
    NO_CREDENTIALS = "no_credentials"
    OTHER = "other"


# What metrics count failures by: AWS's code if AWS throttles or refuses us, otherwise the kind.
LABELS = frozenset(THROTTLED | REFUSED | {Failure.BROKEN, Failure.UNREACHABLE, Failure.NO_CREDENTIALS, Failure.OTHER})


def classify(error: BaseException | None) -> Failure:
    """Return the kind of failure of what botocore raised."""
    if isinstance(error, ClientError):
        return _kind(error_code(error), answer_of(error))
    if isinstance(error, NO_CREDENTIALS):
        return Failure.NO_CREDENTIALS
    return Failure.UNREACHABLE if isinstance(error, HTTPClientError | ConnectionError) else Failure.OTHER


def _kind(code: str, metadata: Mapping[str, Any]) -> Failure:
    if code in THROTTLED:
        return Failure.THROTTLED
    if code in REFUSED:
        return Failure.REFUSED
    status = metadata.get("HTTPStatusCode", 0)
    return Failure.BROKEN if status >= 500 or code.startswith("Internal") else Failure.OTHER  # noqa: PLR2004 - HTTP's


def error_code(error: ClientError | BotoCoreError) -> str:
    """Return AWS's error code ("" without one), or the exception's name if AWS did not answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def answer_of(error: ClientError) -> dict[str, Any]:
    """Return the metadata of AWS's answer: its HTTP status and request id."""
    # PynamoDB raises its own copy of botocore's error, which has only the code and the message of the answer.
    whole = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    return {**whole.response.get("ResponseMetadata", {})}


def count_aws_failures(events: Any, failed: Callable[[str, str], None]) -> None:
    """Report the calls of a boto3 session or botocore client that fail after their retries, with one of LABELS.

    https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """

    def answered(event_name: str, parsed: Any, **_: object) -> None:
        for code in _codes(parsed) - EXPECTED:
            kind = _kind(code, parsed.get("ResponseMetadata", {}))
            failed(_service(event_name), code if kind in (Failure.THROTTLED, Failure.REFUSED) else kind)

    def unanswered(event_name: str, exception: BaseException, **_: object) -> None:
        failed(_service(event_name), classify(exception))

    events.register("after-call", answered, unique_id="count-answered")
    events.register("after-call-error", unanswered, unique_id="count-unanswered")


def _codes(answer: Any) -> set[str]:
    """Return the error codes of an answer; of a canceled transaction, those that canceled it."""
    code = (answer.get("Error") or {}).get("Code") or ""
    if code == CANCELED and answer.get("CancellationReasons"):
        return {reason.get("Code", CANCELED) for reason in answer["CancellationReasons"]}
    return {code}


def _service(event_name: str) -> str:
    """Return the service in the name of an event, such as after-call.sagemaker.DescribeDomain."""
    return event_name.split(".")[1]
