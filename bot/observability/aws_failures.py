"""The meaning of AWS failures, by their causes."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from bot.core.causes import Cause, chain, connection_cause
from bot.core.ports import Failed
from bot.observability.aws_errors import CAUSES, CLASSES, CODES, ForeignAnswer

# The errors of botocore's calls. An OSError: a file that AWS's settings name cannot be read. A RuntimeError: a
# source of credentials returned expired ones.
AWS_ERRORS = (ClientError, BotoCoreError, OSError, RuntimeError)

# Codes after which another session of the same role may help.
REFUSED = frozenset().union(
    *(CODES[cause] for cause in (Cause.NOT_ALLOWED, Cause.EXPIRED, Cause.UNKNOWN_KEY, Cause.SIGNATURE))
)


# The form of AWS's error codes; empty for an answer that is no error.
CODE = re.compile(r"[\w.:-]{0,100}", re.ASCII)


class Failure(StrEnum):
    """The labels by which metrics count failures without a code of CODED."""

    BROKEN = "broken"  # the service's own failure
    UNREACHABLE = "unreachable"
    NO_CREDENTIALS = "no_credentials"
    OTHER = "other"


# The codes that metrics count one by one; each costs a series for each service.
CODED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "LimitExceededException",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SignatureDoesNotMatch",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "UnrecognizedClientException",
}
LABELS = frozenset(CODED | set(Failure))


class Meaning(NamedTuple):
    """The meaning of a cause.

    Attributes:
        kind: how metrics count it.
        outcome: how a request for a link ends. Only "throttled" and "unreachable" may pass by waiting.
        words: what happened, then what to do.
    """

    kind: Failure
    outcome: str
    words: str


MEANINGS = {
    Cause.CERTIFICATE: Meaning(
        Failure.UNREACHABLE,
        "refused",
        "the certificate of {service} is not trusted here: let AWS_CA_BUNDLE name a readable file with your "
        "network's CA certificate, or correct the endpoint",
    ),
    Cause.TLS: Meaning(
        Failure.UNREACHABLE,
        "refused",
        "{service} does not answer in TLS: check whether the endpoint and the proxy take http or https",
    ),
    Cause.NAME_UNKNOWN: Meaning(
        Failure.UNREACHABLE,
        "refused",
        "the host name of {service} is unknown: check the region, the endpoint and this machine's DNS",
    ),
    Cause.NAME_UNRESOLVED: Meaning(
        Failure.UNREACHABLE,
        "unreachable",
        "the host name of {service} could not be looked up: check this machine's DNS, then try again in a minute",
    ),
    Cause.PROXY: Meaning(
        Failure.UNREACHABLE,
        "refused",
        "the proxy does not connect us to {service}: check HTTPS_PROXY, its user name and password, and NO_PROXY",
    ),
    Cause.CONNECTION_REFUSED: Meaning(
        Failure.UNREACHABLE,
        "unreachable",
        "{service} could not be reached (connection refused): check the endpoint, and that something listens there",
    ),
    Cause.TIMED_OUT: Meaning(
        Failure.UNREACHABLE,
        "unreachable",
        "{service} did not answer in time: check the network's route to it, then try again in a minute",
    ),
    Cause.UNREACHABLE: Meaning(
        Failure.UNREACHABLE,
        "unreachable",
        "{service} could not be reached: check the region, the endpoint and the network",
    ),
    Cause.FOREIGN: Meaning(
        Failure.OTHER,
        "unexpected",
        "{service} did not answer, another server did: check the endpoint, the proxy, and whether the network asks "
        "you to sign in",
    ),
    Cause.NO_CREDENTIALS: Meaning(
        Failure.NO_CREDENTIALS,
        "refused",
        "there are no AWS credentials: give the process a role or a profile that exists",
    ),
    Cause.EXPIRED: Meaning(
        Failure.NO_CREDENTIALS,
        "refused",
        "the AWS login or session has expired: run `aws sso login`, or give the process new credentials",
    ),
    Cause.MALFORMED: Meaning(
        Failure.UNREACHABLE,
        "refused",
        "the AWS credentials contain a line break or a character that no key has: set them again without it",
    ),
    Cause.FILE_MISSING: Meaning(
        Failure.NO_CREDENTIALS,
        "refused",
        "AWS's settings name a file that cannot be read ({file}): correct the path, or the file's permissions",
    ),
    Cause.SETTINGS: Meaning(
        Failure.OTHER,
        "refused",
        "AWS's settings cannot be used ({error}): correct the region, the endpoint or the profile",
    ),
    Cause.THROTTLED: Meaning(Failure.OTHER, "throttled", "{service} throttles us: try again in a minute"),
    Cause.NOT_ALLOWED: Meaning(
        Failure.OTHER, "refused", "{service} refuses us: check the role's policy, trust and credentials"
    ),
    Cause.UNKNOWN_KEY: Meaning(
        Failure.OTHER,
        "refused",
        "{service} does not know these credentials: check the access key, the session token and the region",
    ),
    Cause.SIGNATURE: Meaning(
        Failure.OTHER,
        "refused",
        "{service} does not accept our signature: check the secret key for missing characters and line breaks, and "
        "this machine's clock",
    ),
    Cause.CLOCK: Meaning(
        Failure.OTHER, "refused", "this machine's clock differs from AWS's: set it by NTP, then try again"
    ),
    Cause.NOT_ENABLED: Meaning(
        Failure.OTHER,
        "refused",
        "the account has not enabled {service} or this region: enable it in the AWS console",
    ),
    Cause.QUOTA: Meaning(
        Failure.OTHER, "refused", "a limit of {service} is reached: ask AWS for a higher quota, or free something"
    ),
    Cause.CONFLICT: Meaning(
        Failure.OTHER, "unreachable", "{service} is busy changing the same resource: try again in a minute"
    ),
    Cause.UNSUPPORTED: Meaning(
        Failure.OTHER,
        "refused",
        "{service} does not know this call: check the region and the endpoint",
    ),
    Cause.INVALID: Meaning(Failure.OTHER, "unexpected", "{service} answered {code}: {check}"),
    Cause.BROKEN: Meaning(Failure.BROKEN, "unreachable", "{service} failed: try again in a minute"),
    Cause.OTHER: Meaning(Failure.OTHER, "unexpected", "{service} failed with {code}: {check}"),
}


def cause_of(error: BaseException | None) -> Cause:
    """Return the cause of an error of botocore."""
    if isinstance(error, ClientError):
        return answered_cause(error_code(error), answer_of(error))
    if not isinstance(error, HTTPClientError | BotoConnectionError):
        return next((cause for classes, cause in CLASSES if isinstance(error, classes)), Cause.OTHER)
    # http.client refuses a header that cannot be sent. Ours are fixed, but for the credentials.
    if any(type(each) in (ValueError, UnicodeEncodeError) for each in chain(error)):
        return Cause.MALFORMED
    return connection_cause(error)


def answered_cause(code: str, metadata: Mapping[str, Any]) -> Cause:
    """Return the cause of an answer with this error code."""
    status = metadata.get("HTTPStatusCode", 0)
    failed = status >= 500 or code.startswith(("Internal", "ServiceUnavailable"))  # noqa: PLR2004 - HTTP's
    return CAUSES.get(code, Cause.BROKEN if failed else Cause.OTHER)


def meaning_of(error: BaseException | None, service: str, check: str) -> Meaning:
    """Return the meaning of an error, with the words for this service.

    Args:
        check: the advice for an unknown code.
    """
    meaning = MEANINGS[cause_of(error)]
    words = meaning.words.format(
        service=service,
        check=check,
        code=error_code(error),
        error=error,
        file=getattr(error, "filename", None) or "unnamed",
    )
    return meaning._replace(words=words)


def label_of(code: str, cause: Cause) -> str:
    """Return one of LABELS."""
    return code if code in CODED else MEANINGS[cause].kind


def error_code(error: BaseException | None) -> str:
    """Return AWS's error code ("" without one), or the exception's name if AWS did not answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__ if error else ""


def answer_of(error: ClientError) -> dict[str, Any]:
    """Return the metadata of AWS's answer: its HTTP status and request id."""
    # PynamoDB raises its own copy of botocore's error, which has only the code and the message of the answer.
    whole = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    return {**whole.response.get("ResponseMetadata", {})}


def refuse_foreign_answers(events: Any, failed: Failed | None = None) -> None:
    """Raise ForeignAnswer for a page of a proxy, a captive portal or another server, whatever its status.

    AWS numbers each answer. The stand-ins for AWS do not, but answer in JSON or XML. A status of 500 and more means
    a failure in any case, and is retried. A code that AWS does not have could repeat our request, with its signature.

    Args:
        failed: counts each such answer, with one of LABELS.
    """

    def answered(event_name: str, http_response: Any, parsed: Mapping[str, Any], **_: object) -> None:
        own = "RequestId" in parsed.get("ResponseMetadata", {}) or _is_protocol(http_response)
        failed_itself = http_response.status_code >= 500  # noqa: PLR2004 - HTTP's
        if not (own or failed_itself) or not CODE.fullmatch((parsed.get("Error") or {}).get("Code") or ""):
            if failed is not None:
                failed(event_name.split(".")[1], label_of("", Cause.FOREIGN))
            raise ForeignAnswer

    events.register_first("after-call", answered, unique_id="refuse-foreign-answers")


def _is_protocol(http_response: Any) -> bool:
    """Return whether an answer without a number is JSON or XML, as AWS's are."""
    kind: str = http_response.headers.get("content-type", "")
    return http_response.content.lstrip().startswith(b"{") or ("xml" in kind and "html" not in kind)
