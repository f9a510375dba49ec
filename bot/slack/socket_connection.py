"""One Socket Mode connection, and what happens to the messages that Slack sends over it.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State
from websockets.sync.client import ClientConnection, reconnect

from bot.core.causes import Cause, connection_cause
from bot.core.errors import SlackError
from bot.core.link import Reason, Stage
from bot.observability import context as telemetry
from bot.observability.metrics import Metrics
from bot.slack.api_errors import slack_error
from bot.slack.network import Network

log = structlog.get_logger()

ENVELOPES = ("slash_commands", "interactive", "events_api")
DISCONNECT_REASONS = ("warning", "refresh_requested", "link_disabled", "too_many_websockets")
# A connection that sends a larger message is closed before the message is read.
MAX_BUFFERED_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds."""

    ping: float = 3.0  # between our pings on an idle connection
    silence: float = 10.0  # without a message or a pong, until a connection counts as dead
    hello: float = 5.0  # for connecting, until Slack says hello
    send: float = 3.0  # for sending a message, within which Slack expects an acknowledgement
    drain: float = 10.0  # for which an old connection still receives requests beside its replacement
    recount: float = 600.0  # until Slack counts the connections again after it counted too many


@dataclass(frozen=True, slots=True)
class EnvelopeHandler:
    """Admit envelopes and acknowledge them.

    Attributes:
        admit: takes a payload; returns what the acknowledgement holds, mostly nothing, or None to refuse it.
        max_bytes: size of a message; larger ones are refused.
        is_slow: whether admitting a payload may take seconds, so that it must not hold up the others.
    """

    admit: Callable[[dict[str, Any]], Mapping[str, Any] | None]
    max_bytes: int
    metrics: Metrics
    is_slow: Callable[[Mapping[str, Any]], bool] = lambda _payload: False

    def parse(self, message: str | bytes) -> Any:
        """Return the message's JSON; None, which is refused, if it is too large or not JSON."""
        content = message.encode() if isinstance(message, str) else message
        try:
            return json.loads(content) if len(content) <= self.max_bytes else None
        except (ValueError, RecursionError):
            return None

    def handle(self, message: Any, send: Callable[[str], None], *, beside: bool = False) -> None:
        """Admit the envelope, then acknowledge it. Refuse everything else, without an acknowledgement.

        Args:
            beside: whether this is a thread of its own, as for a slow payload.
        """
        started = time.monotonic()
        match message:
            case {"type": kind, "envelope_id": str(envelope_id), "payload": dict(payload)} if kind in ENVELOPES:
                if not beside and self.is_slow(payload):
                    threading.Thread(
                        target=self.handle, args=(message, send), kwargs={"beside": True}, daemon=True
                    ).start()
                    return
                answer = self._admit(payload)
            case _:
                answer = None
        if answer is None:  # log nothing of the content: as for an unsigned HTTP request
            self.metrics.outcome("refused_at_entrance")
            log.warning("refused_at_entrance", why="the message is not what Slack sends")
            return
        accepted = answer and message.get("accepts_response_payload") is True
        try:
            send(json.dumps({"envelope_id": envelope_id, **({"payload": answer} if accepted else {})}))
        except ConnectionClosed:  # Slack may send the envelope again elsewhere: the replay guard catches that
            log.warning("not_acknowledged", why="the connection has closed")
        self.metrics.record_duration(Stage.SUGGEST if beside else Stage.ACKNOWLEDGE, time.monotonic() - started)

    def _admit(self, payload: dict[str, Any]) -> Mapping[str, Any] | None:
        telemetry.begin()
        try:
            return self.admit(payload)
        except Exception as error:  # noqa: BLE001 - one bad payload must not end the connection
            log.error("request_not_dispatched", why=type(error).__name__)  # noqa: TRY400 - its text quotes the payload
            return None


class _NoRedirects(reconnect):
    """Connect once, and to no other address than the one that Slack named."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Connection:
    """One connection, from hello to the end. The thread that reads it also admits envelopes: admission is quick.

    Attributes:
        count: the app's connections, as counted by Slack when it said hello.
        refresh_requested: Slack wants this connection replaced.
        last_activity: monotonic time of Slack's last message or pong; 0 before the first.
    """

    def __init__(self, handler: EnvelopeHandler, times: Times, network: Network) -> None:
        self.count, self.refresh_requested, self.last_activity = 0, False, 0.0
        self._handler, self._times, self._network = handler, times, network
        self._websocket: ClientConnection | None = None
        self._failure: Exception | None = None
        self._hello_or_end = threading.Event()
        self._admitting = threading.Lock()
        self._close_at = float("inf")

    def open(self, address: str) -> None:
        """Connect and wait for Slack's hello; SlackError if there is none."""
        threading.Thread(target=self._run, args=(address,), name="socket-mode-reader", daemon=True).start()
        if not self._hello_or_end.wait(self._times.hello) or self.refresh_requested or not self.is_connected():
            self.close()
            if self._failure is not None and connection_cause(self._failure) is not Cause.UNREACHABLE:
                raise slack_error("Socket Mode", self._failure, check="SLACK_APP_TOKEN") from None
            raise SlackError(
                "Slack does not serve a new Socket Mode connection: try again in a minute",
                reason=Reason.SLACK_UNREACHABLE,
                code="no_hello",
            )

    def is_connected(self) -> bool:
        """Return whether the connection is open as far as this machine knows."""
        return self._websocket is not None and self._websocket.state is State.OPEN

    def is_up(self) -> bool:
        """Return whether Slack still reaches us over this connection."""
        return self.is_connected() and time.monotonic() - self.last_activity < self._times.silence

    def drain(self) -> None:
        """Close after a while, or at once if Slack is silent."""
        self._close_at = time.monotonic() + (self._times.drain if self.is_up() else 0)

    def close(self) -> None:
        """Admit no more envelopes; close once the current one is acknowledged."""
        self._close_at = 0.0
        with self._admitting:
            websocket = self._websocket
        if websocket is not None:
            websocket.close()

    def _run(self, address: str) -> None:
        try:
            with _NoRedirects(
                address,
                compression=None,
                ssl=self._network.certificates if address.startswith("wss:") else None,
                proxy=self._network.proxy_for(address),
                open_timeout=self._times.hello,
                ping_interval=None,  # `_receive` pings: it has to know when the pong came
                close_timeout=1,
                max_size=MAX_BUFFERED_BYTES,
            ) as self._websocket:
                self._websocket.socket.settimeout(self._times.send)
                self._receive(self._websocket)
        except (OSError, ValueError, WebSocketException) as error:  # its text may quote the secret address
            self._failure = error
            log.info("socket_disconnected", why=connection_cause(error))
        finally:
            self._hello_or_end.set()

    def _receive(self, websocket: ClientConnection) -> None:
        pinged_at, pong = time.monotonic(), websocket.ping()
        while (remaining := self._close_at - time.monotonic()) > 0:
            try:
                message = websocket.recv(timeout=min(self._times.ping, remaining))
            except TimeoutError:
                if pong.is_set():
                    self.last_activity = max(self.last_activity, pinged_at + websocket.latency)
                    pinged_at, pong = time.monotonic(), websocket.ping()
                continue
            self.last_activity = time.monotonic()
            with self._admitting:
                if self._close_at:
                    self._take(self._handler.parse(message), websocket)

    def _take(self, message: Any, websocket: ClientConnection) -> None:
        match message:
            case {"type": "hello"}:
                self.count = count if isinstance(count := message.get("num_connections"), int) else 0
                self._hello_or_end.set()
            case {"type": "disconnect"}:
                reason = message.get("reason")
                log.info("socket_refresh_requested", why=reason if reason in DISCONNECT_REASONS else "other")
                self.refresh_requested = True
                self._hello_or_end.set()
            case _:
                self._handler.handle(message, websocket.send)
