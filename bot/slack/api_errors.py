"""Errors of Slack's Web API as `SlackError`, which carries Slack's code only: the libraries' texts quote answers."""

import re
from http.client import HTTPException

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.core.errors import SlackError
from bot.core.link import Reason

# Everything that a call of slack_sdk's WebClient raises.
CALL_ERRORS = (SlackClientError, HTTPException, OSError, ValueError, AttributeError)

TEMPORARY = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "not_json"}


def slack_error(method: str, error: Exception, *, check: str) -> SlackError:
    """Translate what a call of the Web API raised.

    Args:
        check: the things to check if Slack refused the call.
    """
    if not isinstance(error, SlackApiError):
        return SlackError(
            f"Slack could not be reached ({method}): try again in a minute",
            reason=Reason.SLACK_UNREACHABLE,
            code=type(error).__name__,
        )
    code = _code(error)
    if code in TEMPORARY:
        return SlackError(
            f"Slack is temporarily unavailable ({method}: {code}): try again in a minute",
            reason=Reason.SLACK_UNREACHABLE,
            code=code,
        )
    return SlackError(f"Slack refused {method} ({code}): check {check}", reason=Reason.SLACK_REFUSED, code=code)


def _code(error: SlackApiError) -> str:
    response = error.response
    answer = response.data if isinstance(response, SlackResponse) else response
    code = str(answer.get("error", "unknown_error")) if isinstance(answer, dict) else ""
    # Anything else is slack_sdk's own text, which quotes what was not JSON.
    return code if re.fullmatch("[a-z_]{1,60}", code) else "not_json"
