"""What SageMaker's, STS's and IAM's errors mean for a member or an administrator."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.observability.aws_failures import Failure, answer_of, classify, error_code

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
    if not isinstance(error, ClientError):
        if failure is Failure.OTHER:
            return _senseless(code)
        reason, words = MEANINGS[failure]
        return StudioError(words, reason=reason, code=code)
    reason, words = MEANINGS.get(failure, (Reason.AWS_UNEXPECTED, f"AWS answered {code}: check the mapping"))
    request_id = answer_of(error).get("RequestId")
    return StudioError(f"{words} ({error.operation_name})", reason=reason, code=code, request_id=request_id)


def _senseless(code: str) -> StudioError:
    return StudioError(
        "AWS answered something that makes no sense: try again in a minute", reason=Reason.AWS_UNEXPECTED, code=code
    )
