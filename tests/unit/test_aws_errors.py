"""Every documented error code of SageMaker, STS and DynamoDB: its words, and how a request for a link ends."""

import pytest
from botocore.exceptions import ClientError

from bot.aws.client import aws_errors
from bot.core.errors import StoreError, StudioError
from bot.core.link import Reason
from bot.observability.aws_errors import CODES
from bot.observability.aws_failures import MEANINGS
from bot.store.dynamodb import store_errors

REFUSED, UNEXPECTED = Reason.AWS_REFUSED, Reason.AWS_UNEXPECTED
DENIED, KEY, SIGNED = "the role's policy", "the access key", "the secret key"
CLOCK, LOGIN, BUSY, FAILED, THROTTLED = "clock", "aws sso login", "is busy", "failed: try again", "throttles us"
ENABLE, LIMIT, REGION, MAPPING = "enable it", "quota", "check the region and the endpoint", "check the mapping"

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html and the pages of the operations;
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
OF_SAGEMAKER: dict[str, tuple[int, str, Reason]] = {
    "AccessDenied": (403, DENIED, REFUSED),
    "AccessDeniedException": (400, DENIED, REFUSED),
    "ConflictException": (400, BUSY, Reason.AWS_UNREACHABLE),
    "ExpiredToken": (403, LOGIN, REFUSED),
    "ExpiredTokenException": (403, LOGIN, REFUSED),
    "IDPCommunicationError": (400, FAILED, Reason.AWS_UNREACHABLE),
    "IDPRejectedClaim": (403, LOGIN, REFUSED),
    "IncompleteSignature": (400, CLOCK, REFUSED),
    "InternalFailure": (500, FAILED, Reason.AWS_UNREACHABLE),
    "InvalidAction": (400, REGION, REFUSED),
    "InvalidClientTokenId": (403, KEY, REFUSED),
    "InvalidIdentityToken": (400, LOGIN, REFUSED),
    "InvalidParameterCombination": (400, MAPPING, UNEXPECTED),
    "InvalidParameterValue": (400, MAPPING, UNEXPECTED),
    "InvalidQueryParameter": (400, MAPPING, UNEXPECTED),
    "InvalidSignatureException": (403, SIGNED, REFUSED),
    "MalformedHttpRequestException": (400, MAPPING, UNEXPECTED),
    "MalformedPolicyDocument": (400, MAPPING, UNEXPECTED),
    "MalformedQueryString": (404, MAPPING, UNEXPECTED),
    "MissingAction": (400, REGION, REFUSED),
    "MissingAuthenticationToken": (403, KEY, REFUSED),
    "MissingParameter": (400, MAPPING, UNEXPECTED),
    "NotAuthorized": (400, DENIED, REFUSED),
    "OptInRequired": (403, ENABLE, REFUSED),
    "PackedPolicyTooLarge": (400, MAPPING, UNEXPECTED),
    "RegionDisabledException": (403, ENABLE, REFUSED),
    "RequestAbortedException": (400, FAILED, Reason.AWS_UNREACHABLE),
    "RequestEntityTooLargeException": (413, MAPPING, UNEXPECTED),
    "RequestExpired": (400, CLOCK, REFUSED),
    "RequestTimeTooSkewed": (403, CLOCK, REFUSED),
    "RequestTimeoutException": (408, FAILED, Reason.AWS_UNREACHABLE),
    "ResourceInUse": (400, BUSY, Reason.AWS_UNREACHABLE),
    "ResourceLimitExceeded": (400, LIMIT, REFUSED),
    "ResourceNotFound": (400, MAPPING, UNEXPECTED),
    "ServiceUnavailable": (503, FAILED, Reason.AWS_UNREACHABLE),
    "SignatureDoesNotMatch": (403, SIGNED, REFUSED),
    "Throttling": (400, THROTTLED, Reason.AWS_THROTTLED),
    "ThrottlingException": (400, THROTTLED, Reason.AWS_THROTTLED),
    "UnknownOperationException": (404, REGION, REFUSED),
    "UnrecognizedClientException": (403, KEY, REFUSED),
    "ValidationError": (400, MAPPING, UNEXPECTED),
    "ValidationException": (400, MAPPING, UNEXPECTED),
}
CHECK, STORE_REFUSED = "run `studio-links tables check`", Reason.STORE_REFUSED
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and the common errors
OF_DYNAMODB: dict[str, tuple[int, str, Reason]] = {
    "AccessDeniedException": (400, DENIED, STORE_REFUSED),
    "ContinuousBackupsUnavailableException": (400, BUSY, Reason.STORE_UNREACHABLE),
    "ExpiredTokenException": (400, LOGIN, STORE_REFUSED),
    "IdempotentParameterMismatchException": (400, CHECK, STORE_REFUSED),
    "IncompleteSignatureException": (400, CLOCK, STORE_REFUSED),
    "InternalServerError": (500, FAILED, Reason.STORE_UNREACHABLE),
    "InvalidSignatureException": (400, SIGNED, STORE_REFUSED),
    "ItemCollectionSizeLimitExceededException": (400, LIMIT, STORE_REFUSED),
    "LimitExceededException": (400, THROTTLED, Reason.STORE_THROTTLED),
    "MissingAuthenticationTokenException": (400, KEY, STORE_REFUSED),
    "OptInRequired": (403, ENABLE, STORE_REFUSED),
    "ProvisionedThroughputExceededException": (400, THROTTLED, Reason.STORE_THROTTLED),
    "ReplicatedWriteConflictException": (400, BUSY, Reason.STORE_UNREACHABLE),
    "RequestExpired": (400, CLOCK, STORE_REFUSED),
    "RequestLimitExceeded": (400, THROTTLED, Reason.STORE_THROTTLED),
    "ResourceInUseException": (400, BUSY, Reason.STORE_UNREACHABLE),
    "ResourceNotFoundException": (400, "a table is missing", STORE_REFUSED),
    "SerializationException": (400, CHECK, STORE_REFUSED),
    "ServiceUnavailable": (503, FAILED, Reason.STORE_UNREACHABLE),
    "TableInUseException": (400, BUSY, Reason.STORE_UNREACHABLE),
    "TableNotFoundException": (400, "a table is missing", STORE_REFUSED),
    "ThrottlingException": (400, THROTTLED, Reason.STORE_THROTTLED),
    "TransactionCanceledException": (400, FAILED, Reason.STORE_UNREACHABLE),
    "TransactionConflictException": (400, BUSY, Reason.STORE_UNREACHABLE),
    "TransactionInProgressException": (400, THROTTLED, Reason.STORE_THROTTLED),
    "UnknownOperationException": (400, REGION, STORE_REFUSED),
    "UnrecognizedClientException": (400, KEY, STORE_REFUSED),
    "ValidationException": (400, CHECK, STORE_REFUSED),
}


def answered(code: str, status: int) -> ClientError:
    metadata = {"HTTPStatusCode": status, "RequestId": "aws-1", "RetryAttempts": 0}
    error = {"Error": {"Code": code, "Message": "AccessDenied Rate exceeded"}, "ResponseMetadata": metadata}
    return ClientError(error, "DescribeDomain")  # type: ignore[arg-type] # not all of AWS's metadata


@pytest.mark.public(23)
@pytest.mark.parametrize(("code", "expected"), OF_SAGEMAKER.items(), ids=OF_SAGEMAKER)
def test_code_of_sagemaker_has_words_and_outcome(code: str, expected: tuple[int, str, Reason]) -> None:
    status, words, reason = expected
    with pytest.raises(StudioError) as failed, aws_errors():
        raise answered(code, status)
    assert words in str(failed.value)
    assert (failed.value.reason, failed.value.code, failed.value.request_id) == (reason, code, "aws-1")


@pytest.mark.public(23)
@pytest.mark.parametrize(("code", "expected"), OF_DYNAMODB.items(), ids=OF_DYNAMODB)
def test_code_of_dynamodb_has_words_and_outcome(code: str, expected: tuple[int, str, Reason]) -> None:
    status, words, reason = expected
    with pytest.raises(StoreError) as failed, store_errors():
        raise answered(code, status)
    assert words in str(failed.value)
    assert (failed.value.reason, failed.value.code, failed.value.request_id) == (reason, code, "aws-1")


def test_each_code_has_one_cause() -> None:
    codes = [code for group in CODES.values() for code in group]
    assert len(codes) == len(set(codes))


def test_each_meaning_says_what_happened_then_what_to_do() -> None:
    for cause, meaning in MEANINGS.items():
        assert meaning.words.count(": ") == 1, cause
        assert meaning.outcome in {"throttled", "unreachable", "refused", "unexpected"}
        # Advice to wait is for causes that may pass by themselves.
        assert ("in a minute" not in meaning.words) or meaning.outcome in {"throttled", "unreachable"}, cause
