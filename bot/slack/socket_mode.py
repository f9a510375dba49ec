"""Socket Mode: Slack's requests over a connection that the bot opens, for networks that nothing can reach.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from http.client import HTTPException

from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import SlackError
from bot.model import Reason

PING_SECONDS = 5


class SocketMode:
    """One connection, which slack_sdk renews by itself whenever Slack closes it."""

    def __init__(self, bolt: App, *, app_token: str, api_url: str) -> None:
        client = WebClient(base_url=api_url, timeout=10, retry_handlers=[])
        # A dropped connection is noticed, and renewed, at the next ping.
        self._handler = SocketModeHandler(bolt, app_token, web_client=client, ping_interval=PING_SECONDS)

    def connect(self) -> None:
        """Open the connection.

        Raises:
            SlackError: Slack refused the token or could not be reached.
        """
        try:
            self._handler.connect()  # type: ignore[no-untyped-call] # Bolt's own gap
        except SlackApiError as error:
            code = str(error.response.get("error"))
            raise SlackError(
                f"Slack refuses Socket Mode ({code}): check SLACK_APP_TOKEN and that the app has Socket Mode on",
                reason=Reason.SLACK_REFUSED,
                code=code,
            ) from None
        except (SlackClientError, HTTPException, OSError, ValueError) as error:
            raise SlackError(
                "Slack could not be reached for Socket Mode: try again in a minute",
                reason=Reason.SLACK_UNREACHABLE,
                code=type(error).__name__,
            ) from None

    def check(self) -> None:
        """Return if the connection is up; SlackError otherwise."""
        if not self._handler.client.is_connected():
            raise SlackError(
                "the Socket Mode connection is down: it is being renewed", reason=Reason.SLACK_UNREACHABLE
            )

    def close(self) -> None:
        """Take no more requests."""
        self._handler.close()  # type: ignore[no-untyped-call] # Bolt's own gap
