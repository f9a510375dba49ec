"""boto3 sessions that share service models and count failures, and botocore's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.ports import Failed
from bot.observability.aws_failures import Failure, answer_of, classify, error_code, kind_of

MEANINGS = {
    Failure.THROTTLED: (Reason.AWS_THROTTLED, "AWS throttles us: try again in a minute"),
    Failure.REFUSED: (Reason.AWS_REFUSED, "AWS refuses us: check the role's policy, trust and credentials"),
    Failure.BROKEN: (Reason.AWS_UNREACHABLE, "AWS failed: try again in a minute"),
    Failure.UNREACHABLE: (
        Reason.AWS_UNREACHABLE,
        "SageMaker or STS could not be reached: check the region, the endpoint and the network",
    ),
    Failure.NO_CREDENTIALS: (
        Reason.AWS_REFUSED,
        "there are no AWS credentials: give the process a role or a profile that exists",
    ),
}
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
    if failed is not None:
        count_failures(session.events, failed)
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    return create_loader(data_path)


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
            kind = kind_of(each, parsed.get("ResponseMetadata", {}))
            failed(event_name.split(".")[1], each if kind in (Failure.THROTTLED, Failure.REFUSED) else kind)

    def unanswered(event_name: str, exception: BaseException, **_: object) -> None:
        failed(event_name.split(".")[1], classify(exception))

    events.register("after-call", answered, unique_id="count-answered")
    events.register("after-call-error", unanswered, unique_id="count-unanswered")


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turn what botocore raises into StudioError.

    The causes are dropped: their texts may contain a half-read answer with a link in it.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translated(error) from None
    except ValueError as error:  # an endpoint or region that is none
        raise StudioError(
            f"AWS's settings cannot be used: {error}", reason=Reason.AWS_REFUSED, code=type(error).__name__
        ) from None
    except (AttributeError, KeyError, TypeError, ResponseParserError) as error:  # an answer of another shape
        raise _senseless(type(error).__name__) from None


def translated(error: ClientError | BotoCoreError) -> StudioError:
    """Return botocore's error as ours."""
    code, failure = error_code(error), classify(error)
    if isinstance(error, ClientError):
        reason, words = MEANINGS.get(failure, (Reason.AWS_UNEXPECTED, f"AWS answered {code}: check the mapping"))
        request_id = answer_of(error).get("RequestId")
        return StudioError(f"{words} ({error.operation_name})", reason=reason, code=code, request_id=request_id)
    if failure is Failure.OTHER:
        return _senseless(code)
    reason, words = MEANINGS[failure]
    return StudioError(words, reason=reason, code=code)


def _senseless(code: str) -> StudioError:
    return StudioError(
        "AWS answered something that makes no sense: try again in a minute", reason=Reason.AWS_UNEXPECTED, code=code
    )
