"""The cause of each error of AWS's services and of botocore, by error code and class."""

from botocore.exceptions import (
    BaseEndpointResolverError,
    BotoCoreError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    EndpointProviderError,
    InvalidConfigError,
    InvalidEndpointConfigurationError,
    InvalidProxiesConfigError,
    InvalidRegionError,
    InvalidRetryConfigurationError,
    LoginError,
    MetadataRetrievalError,
    MissingDependencyException,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
    UnknownCredentialError,
)

from bot.core.causes import Cause

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
NAMES = {
    Cause.THROTTLED: "LimitExceededException ProvisionedThroughputExceeded "
    "ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottledException "
    "Throttling ThrottlingError ThrottlingException TooManyRequestsException "
    "TransactionInProgressException",
    Cause.NOT_ALLOWED: "AccessDenied AccessDeniedException KMSAccessDeniedException NotAuthorized "
    "UnauthorizedOperation",
    Cause.EXPIRED: "ExpiredToken ExpiredTokenException IDPRejectedClaim InvalidIdentityToken",
    Cause.UNKNOWN_KEY: "InvalidAccessKeyId InvalidClientTokenId MissingAuthenticationToken "
    "MissingAuthenticationTokenException UnrecognizedClientException",
    Cause.SIGNATURE: "IncompleteSignature IncompleteSignatureException InvalidSignatureException "
    "SignatureDoesNotMatch",
    Cause.CLOCK: "RequestExpired RequestInTheFuture RequestTimeTooSkewed",
    Cause.NOT_ENABLED: "OptInRequired RegionDisabledException SubscriptionRequiredException",
    Cause.QUOTA: "ItemCollectionSizeLimitExceededException ResourceLimitExceeded",
    Cause.CONFLICT: "ConflictException ContinuousBackupsUnavailableException ReplicatedWriteConflictException "
    "ResourceInUse ResourceInUseException TableInUseException TransactionConflictException",
    Cause.UNSUPPORTED: "InvalidAction MissingAction UnknownOperationException",
    Cause.INVALID: "IdempotentParameterMismatchException InvalidParameterCombination InvalidParameterValue "
    "InvalidQueryParameter MalformedHttpRequestException MalformedPolicyDocument "
    "MalformedQueryString MissingParameter PackedPolicyTooLarge RequestEntityTooLarge "
    "RequestEntityTooLargeException ResourceAlreadyExists ResourceNotFound "
    "ResourceNotFoundException SerializationException ValidationError ValidationException",
    Cause.BROKEN: "IDPCommunicationError PriorRequestNotComplete RequestAbortedException RequestTimeout "
    "RequestTimeoutException ServiceUnavailable",
}
CODES = {cause: frozenset(names.split()) for cause, names in NAMES.items()}
CAUSES = {code: cause for cause, codes in CODES.items() for code in codes}


class ForeignAnswer(BotoCoreError):
    """Another server answered instead of AWS."""

    fmt = "Another server answered instead of AWS"


# Classes of errors without a connection; the first that fits.
CLASSES: tuple[tuple[tuple[type[Exception], ...], Cause], ...] = (
    ((ForeignAnswer,), Cause.FOREIGN),
    ((SSOError, LoginError, NoAuthTokenError, TokenRetrievalError, RuntimeError), Cause.EXPIRED),
    (
        (
            NoCredentialsError,
            PartialCredentialsError,
            CredentialRetrievalError,
            MetadataRetrievalError,
            ProfileNotFound,
        ),
        Cause.NO_CREDENTIALS,
    ),
    (
        (
            BaseEndpointResolverError,
            ConfigNotFound,
            ConfigParseError,
            EndpointProviderError,
            InvalidConfigError,
            InvalidEndpointConfigurationError,
            InvalidProxiesConfigError,
            InvalidRegionError,
            InvalidRetryConfigurationError,
            MissingDependencyException,
            RefreshWithMFAUnsupportedError,
            UnknownCredentialError,
        ),
        Cause.SETTINGS,
    ),
    ((OSError,), Cause.FILE_MISSING),
)
