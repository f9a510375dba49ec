"""Check the tokens of a new installation: their kind, then what Slack says of them. No error quotes a token."""

import re
from collections.abc import Callable
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.core.errors import BadInput
from bot.core.link import Reason
from bot.slack.api_errors import CALL_ERRORS, slack_error
from bot.slack.client import SlackApi
from bot.slack.manifest import scopes
from bot.slack.network import Network
from bot.slack.payloads import Texts

TIMEOUT = 10
BOT, APP = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"
# What people copy from the pages of the app's settings, by how it begins.
KINDS = {
    r"(xoxe\.)?xoxb-": "the bot token",
    r"xapp-": "the app-level token",
    r"(xoxe\.)?xoxp-|xox[cds]-": "a person's token",
    r"xoxe-": "a configuration token",
    r"[0-9a-f]{32}$": "a signing secret or client secret",
}
WANTED = {
    BOT: "the bot token, which starts with xoxb- (OAuth & Permissions in the app's settings)",
    APP: "the app-level token, which starts with xapp- (Basic Information in the app's settings)",
}


def check_bot_token(token: str, api_url: str) -> str:
    """Return the workspace of a bot token in words: its name and id.

    Raises:
        BadInput: it is something else, Slack refused it, or it lacks a scope.
        SlackError: Slack could not be reached.
    """
    require_kind(BOT, token)
    client = Network().web_client(api_url, token=token, timeout=TIMEOUT)
    answer = _call(client.auth_test, "that you copied all of the token, and that the app is installed")
    named = next((str(text) for name, text in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
    missing = sorted(set(scopes()) - {scope.strip() for scope in named.split(",")})
    if named and missing:
        raise BadInput(
            f"the bot token lacks {', '.join(missing)}: add them under OAuth & Permissions, reinstall the app, and "
            "copy the token again"
        )
    texts = Texts(answer.data)
    return f"{texts.get('team', 'workspace')} ({texts.get('team_id') or texts.get('enterprise_id', 'unknown')})"


def check_app_token(token: str, api_url: str, bot_token: str) -> None:
    """Return if Slack lets the app of the bot token connect with this app-level token.

    Raises:
        BadInput: it is something else, Slack refused it, or it belongs to another app.
        SlackError: Slack could not be reached.
    """
    require_kind(APP, token)
    client = Network().web_client(api_url, timeout=TIMEOUT)
    _call(
        client.apps_connections_open,
        "that it has the scope connections:write, and that Socket Mode is on in the app's settings",
        app_token=token,
    )
    named = re.match(r"xapp-\d+-(A[A-Z0-9]+)-", token)
    if named and named[1] != (ours := SlackApi(token=bot_token, api_url=api_url).home().app_id):
        raise BadInput(
            f"the app-level token belongs to the app {named[1]}, and the bot token to {ours}: use one app's"
        )


def require_kind(name: str, token: str) -> None:
    """Raise BadInput unless the token begins as this variable's tokens do."""
    kind = next((kind for form, kind in KINDS.items() if re.match(form, token)), "not a token that this bot uses")
    if not WANTED[name].startswith(kind):
        raise BadInput(f"this is {kind}: give {WANTED[name]}")


def _call(method: Callable[..., SlackResponse], check: str, **arguments: Any) -> SlackResponse:
    try:
        return method(**arguments)
    except CALL_ERRORS as error:
        failure = slack_error(method.__name__.replace("_", "."), error, check=check)
        if isinstance(error, SlackApiError) and failure.reason is Reason.SLACK_REFUSED:
            raise BadInput(str(failure)) from None
        raise failure from None
