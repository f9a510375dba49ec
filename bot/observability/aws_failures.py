"""The meaning of AWS failures, by error code and never by message."""

from collections.abc import Mapping
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
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ProfileNotFound)


class Failure(StrEnum):
    """Kinds of failed calls."""

    THROTTLED = "throttled"
    REFUSED = "refused"
    BROKEN = "broken"  # the service's own failure
    UNREACHABLE = "unreachable"
    NO_CREDENTIALS = "no_credentials"
    OTHER = "other"


# The labels by which metrics count failures: AWS's code if AWS throttles or refuses us, otherwise the kind.
LABELS = frozenset(THROTTLED | REFUSED | {Failure.BROKEN, Failure.UNREACHABLE, Failure.NO_CREDENTIALS, Failure.OTHER})


def classify(error: BaseException | None) -> Failure:
    """Return the kind of failure of what botocore raised."""
    if isinstance(error, ClientError):
        return kind_of(error_code(error), answer_of(error))
    if isinstance(error, NO_CREDENTIALS):
        return Failure.NO_CREDENTIALS
    return Failure.UNREACHABLE if isinstance(error, HTTPClientError | ConnectionError) else Failure.OTHER


def kind_of(code: str, metadata: Mapping[str, Any]) -> Failure:
    """Return the kind of failure of an answer with this error code."""
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
