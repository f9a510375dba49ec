"""boto3 sessions that share service models and count failures, and botocore's errors as ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.exceptions import ClientError, InvalidEndpointConfigurationError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.ports import Failed
from bot.core.values import LOOPBACK, may_hold_secret
from bot.observability.aws_failures import (
    AWS_ERRORS,
    answer_of,
    answered_cause,
    cause_of,
    error_code,
    label_of,
    meaning_of,
    refuse_foreign_answers,
)

# A failed condition, alone or in a transaction, is an answer that we asked for; so are the other items of such a
# transaction. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html
EXPECTED = {"", "None", "ConditionalCheckFailed", "ConditionalCheckFailedException"}
CANCELED = "TransactionCanceledException"


def new_session(core: botocore.session.Session | None = None, failed: Failed | None = None) -> boto3.Session:
    """Return a session of its own credentials and events, with the process's one cache of service models.

    Without the cache, each session parses the endpoints and SageMaker's model again, which takes a third of a second.

    Args:
        failed: counts each call that AWS refused or did not answer, after retries.

    Raises:
        ProfileNotFound: AWS_PROFILE names no profile.
    """
    core = core or botocore.session.Session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    session = boto3.Session(botocore_session=core)
    session.events.register("before-send", _refuse_plain_http)
    refuse_foreign_answers(session.events, failed)
    if failed is not None:
        count_failures(session.events, failed)
    return session


def _refuse_plain_http(request: Any, **_: object) -> None:
    """Raise InvalidEndpointConfigurationError for a call that would leave this machine without TLS.

    The settings check AWS_ENDPOINT_URL; this finds the endpoints in AWS's own configuration file.
    """
    url = urlsplit(request.url)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise InvalidEndpointConfigurationError(msg="http:// leads to another machine, which takes https://")


@cache
def _loader(data_path: str | None) -> Loader:
    return create_loader(data_path)


@lru_cache
def partition_of(region: str) -> str | None:
    """Return the partition of a region, such as aws-cn; None if botocore knows none."""
    partitions = _loader(None).load_data("partitions")["partitions"]
    return next((str(each["id"]) for each in partitions if re.fullmatch(each["regionRegex"], region)), None)


def count_failures(events: Any, failed: Failed) -> None:
    """Report the calls of a boto3 session or botocore client that fail after their retries, with one of LABELS.

    https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """

    def answered(event_name: str, parsed: Any, **_: object) -> None:
        # The event is named like after-call.sagemaker.DescribeDomain.
        code = (parsed.get("Error") or {}).get("Code") or ""
        reasons = parsed.get("CancellationReasons") if code == CANCELED else None
        codes = {reason.get("Code", CANCELED) for reason in reasons} if reasons else {code}
        for each in codes - EXPECTED:
            cause = answered_cause(each, parsed.get("ResponseMetadata", {}))
            failed(event_name.split(".")[1], label_of(each, cause))

    def unanswered(event_name: str, exception: BaseException, **_: object) -> None:
        failed(event_name.split(".")[1], label_of("", cause_of(exception)))

    events.register("after-call", answered, unique_id="count-answered")
    events.register("after-call-error", unanswered, unique_id="count-unanswered")


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turn what botocore raises into StudioError.

    The causes are dropped: their texts may contain a half-read answer with a link in it.
    """
    try:
        yield
    except AWS_ERRORS as error:
        raise translated(error) from None
    except ValueError as error:  # an endpoint or region that is none
        why = "" if may_hold_secret(str(error)) else f" ({error})"
        raise StudioError(
            f"AWS's settings cannot be used{why}: correct the profile, the region or the endpoint",
            reason=Reason.AWS_REFUSED,
            code=type(error).__name__,
        ) from None
    except (AttributeError, KeyError, TypeError, ResponseParserError) as error:  # an answer of another shape
        raise StudioError(
            "AWS answered something that makes no sense: check the endpoint and the proxy, then try again",
            reason=Reason.AWS_UNEXPECTED,
            code=type(error).__name__,
        ) from None


def translated(error: Exception) -> StudioError:
    """Return one of AWS_ERRORS as ours."""
    code, answered = error_code(error), isinstance(error, ClientError)
    meaning = meaning_of(error, "AWS" if answered else "SageMaker or STS", "check the mapping")
    words, request_id = meaning.words, None
    if isinstance(error, ClientError):
        words, request_id = f"{words} ({error.operation_name})", answer_of(error).get("RequestId")
    return StudioError(words, reason=Reason(f"aws_{meaning.outcome}"), code=code, request_id=request_id)
