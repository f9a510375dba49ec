"""Socket Mode: receive Slack's requests over a connection that the bot opens, where inbound traffic is not allowed.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import threading
import time
from urllib.parse import urlsplit

import structlog

from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.core.values import LOOPBACK
from bot.slack.api_errors import CALL_ERRORS, slack_error
from bot.slack.network import Network
from bot.slack.socket_connection import Connection, EnvelopeHandler, Times

log = structlog.get_logger()

# Seconds between attempts to connect; the last one repeats.
PAUSES = (0.5, 1, 2, 4, 8, 15, 30)


class SocketMode:
    """Keep one connection up: replace it before Slack closes it, and when it breaks or falls silent.

    Args:
        replicas: number of processes like this one, each with its own connection.
    """

    def __init__(
        self,
        handler: EnvelopeHandler,
        *,
        app_token: str,
        api_url: str,
        replicas: int,
        times: Times | None = None,
        network: Network | None = None,
    ) -> None:
        self._handler, self._replicas, self._times = handler, replicas, times or Times()
        self._app_token = app_token
        self._network = network or Network()
        self._client = self._network.web_client(api_url, timeout=5)
        self._current = Connection(handler, self._times, self._network)  # until `connect`, one that is not open
        self._open: list[Connection] = []
        self._stopping = threading.Event()
        self._failures, self._not_before = 0, 0.0
        self._surplus, self._recount_at = 0, float("inf")
        handler.metrics.watch_socket(
            connected=lambda: self._current.is_up(),  # noqa: PLW0108 - `_current` changes
            last_activity=lambda: (at := self._current.last_activity) and time.time() - time.monotonic() + at,
            connections=lambda: self._current.count,
            surplus=lambda: self._surplus,
        )

    def connect(self) -> None:
        """Open the first connection and supervise it; SlackError if Slack refuses or cannot be reached."""
        self._replace()
        threading.Thread(target=self._supervise, name="socket-mode", daemon=True).start()

    def check(self) -> None:
        """Return if the connection is up; SlackError otherwise."""
        if not self._current.is_up():
            raise SlackError("Socket Mode is disconnected and reconnecting", reason=Reason.SLACK_UNREACHABLE)

    def close(self) -> None:
        """Admit no more requests; acknowledge those that were admitted."""
        self._stopping.set()
        for connection in self._open:
            connection.close()

    def _supervise(self) -> None:
        while not self._stopping.wait(0.2):
            try:
                self._renew()
            except Exception:  # one failure must not end the supervision
                log.exception("socket_supervision_failed")

    def _renew(self) -> None:
        why = self._renewal_reason()
        if why is None or time.monotonic() < self._not_before:
            return
        try:
            self._replace()
        except SlackError as error:
            self._not_before = time.monotonic() + PAUSES[min(self._failures, len(PAUSES) - 1)]
            self._failures += 1
            log.warning("socket_not_connected", why=str(error), attempt=self._failures)
            return
        self._failures = 0
        self._handler.metrics.socket_renewed(why)
        log.info("socket_connected", why=why, connections=self._current.count)
        if self._stopping.is_set():
            self.close()

    def _replace(self) -> None:
        new, old = Connection(self._handler, self._times, self._network), self._current
        new.open(self._address())
        self._current = new
        self._open = [connection for connection in self._open if connection.is_connected()]
        # Our own old connections are no surplus: they are about to close.
        self._surplus = max(0, new.count - len(self._open) - self._replicas)
        self._recount_at = time.monotonic() + self._times.recount if self._surplus else float("inf")
        if self._surplus:
            log.warning("socket_connections_surplus", connections=new.count, replicas=self._replicas)
        self._open.append(new)
        old.drain()

    def _renewal_reason(self) -> str | None:
        if not self._current.is_connected():
            return "lost"
        if not self._current.is_up():
            return "silent"
        if self._current.refresh_requested:
            return "refresh"
        return "recount" if time.monotonic() >= self._recount_at else None

    def _address(self) -> str:
        """Get an address for one connection. https://docs.slack.dev/reference/methods/apps.connections.open"""
        try:
            address = str(self._client.apps_connections_open(app_token=self._app_token).get("url"))
        except CALL_ERRORS as error:
            check = "SLACK_APP_TOKEN and that the app has Socket Mode on"
            raise slack_error("apps.connections.open", error, check=check) from None
        url = urlsplit(address)
        if url.scheme != "wss" and (url.scheme, url.hostname in LOOPBACK) != ("ws", True):
            raise SlackError(
                "Slack does not say where to connect (apps.connections.open): try again in a minute",
                reason=Reason.SLACK_UNREACHABLE,
                code="no_address",
            )
        return address
