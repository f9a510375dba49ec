"""Errors of Slack's Web API as `SlackError`, which carries Slack's code only: the libraries' texts quote answers."""

import re
from http import HTTPStatus
from http.client import HTTPException

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.core.causes import Cause, connection_cause
from bot.core.errors import SlackError
from bot.core.link import Reason

# Everything that a slack_sdk WebClient call can raise.
CALL_ERRORS = (SlackClientError, HTTPException, OSError, ValueError, AttributeError, LookupError)

TEMPORARY = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "not_json"}
# By the cause of a failed connection. Waiting does not help if it is SLACK_REFUSED.
UNANSWERED = {
    Cause.CERTIFICATE: (
        Reason.SLACK_REFUSED,
        "Slack's certificate is not trusted here ({method}): let SSL_CERT_FILE name a file with your network's CA",
    ),
    Cause.TLS: (
        Reason.SLACK_REFUSED,
        "Slack does not answer in TLS ({method}): check SLACK_API_URL, and whether the proxy takes http or https",
    ),
    Cause.NAME_UNKNOWN: (
        Reason.SLACK_REFUSED,
        "Slack's host name is unknown ({method}): check SLACK_API_URL and this machine's DNS",
    ),
    Cause.NAME_UNRESOLVED: (
        Reason.SLACK_UNREACHABLE,
        "Slack's host name could not be looked up ({method}): check this machine's DNS, then try again in a minute",
    ),
    Cause.PROXY: (
        Reason.SLACK_REFUSED,
        "the proxy does not connect us to Slack ({method}): check HTTPS_PROXY, its password, and NO_PROXY",
    ),
    Cause.CONNECTION_REFUSED: (
        Reason.SLACK_UNREACHABLE,
        "Slack could not be reached ({method}: connection refused): check SLACK_API_URL and the network",
    ),
    Cause.TIMED_OUT: (
        Reason.SLACK_UNREACHABLE,
        "Slack did not answer in time ({method}): check the network's route to it, then try again in a minute",
    ),
    Cause.UNREACHABLE: (
        Reason.SLACK_UNREACHABLE,
        "Slack could not be reached ({method}): check the network, then try again in a minute",
    ),
}

# A trigger_id opens one dialog, within three seconds. https://docs.slack.dev/reference/methods/views.open
TRIGGER_OVER = {"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"}


def slack_error(method: str, error: Exception, *, check: str) -> SlackError:
    """Translate what a call of the Web API raised.

    Args:
        check: the things to check if Slack refused the call.
    """
    if not isinstance(error, SlackApiError):
        reason, words = UNANSWERED.get(connection_cause(error), UNANSWERED[Cause.UNREACHABLE])
        return SlackError(words.format(method=method), reason=reason, code=type(error).__name__)
    code = _code(error)
    if code in TEMPORARY:
        return SlackError(
            f"Slack is temporarily unavailable ({method}: {code}): try again in a minute",
            reason=Reason.SLACK_UNREACHABLE,
            code=code,
        )
    if code in TRIGGER_OVER:
        return SlackError(
            f"Slack's three seconds for opening a dialog had passed ({code}): press the button again",
            reason=Reason.TRIGGER_EXPIRED,
            code=code,
        )
    return SlackError(f"Slack refused {method} ({code}): check {check}", reason=Reason.SLACK_REFUSED, code=code)


def _code(error: SlackApiError) -> str:
    response = error.response
    if isinstance(response, SlackResponse) and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return "ratelimited"  # a proxy may have replaced the body
    answer = response.data if isinstance(response, SlackResponse) else response
    code = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    # Anything else is slack_sdk's own text, which quotes a body that is not JSON or not Slack's.
    return code if re.fullmatch("[a-z_]{1,60}", code) else "not_json"
