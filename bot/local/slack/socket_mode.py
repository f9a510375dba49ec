"""Slack's end of Socket Mode. https://docs.slack.dev/apis/events-api/using-socket-mode"""

import itertools
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from bot.local.slack.exchanges import Exchange, Kind
from bot.local.slack.refusals import Refusal

Reason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]

# The number of connections that may be open at once; an envelope goes to any one of them.
MAX_CONNECTIONS = 10
# Seconds between announcing that a connection will be closed, and closing it.
WARNING = 10.0
# Seconds between Slack's own pings.
PING = 5.0

ENVELOPES: Mapping[Kind, str] = {"command": "slash_commands", "event": "events_api"}


class ConnectionLost(Exception):
    """The connection has closed, and what was sent through it is not acknowledged."""


class Connection:
    """One open connection, and the envelopes that wait for their acknowledgement on it."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[dict[str, Any]]] = {}
        self._closed = False

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message, and expect nothing back."""
        with suppress(ConnectionClosed):
            self._connection.send(json.dumps(message))

    def request(self, envelope: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Send an envelope, and return its acknowledgement; TimeoutError or ConnectionLost if none comes."""
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._closed:
                raise ConnectionLost
            self._waiting[envelope["envelope_id"]] = future
        self.send(envelope)
        return future.result(timeout)

    def listen(self) -> None:
        """Take acknowledgements until the connection closes."""
        try:
            for text in self._connection:
                message = json.loads(text)
                with self._lock:
                    future = self._waiting.pop(str(message.get("envelope_id")), None)
                if future is not None:
                    future.set_result(message)
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                self._closed = True
                for future in self._waiting.values():
                    future.set_exception(ConnectionLost())
                self._waiting.clear()

    def close(self) -> None:
        """Close it as Slack does at the end of its time."""
        self._connection.close()

    def cut(self) -> None:
        """Break it without a closing frame, as a network does."""
        with suppress(OSError):  # it has gone since
            self._connection.socket.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Leave it open and send nothing more, not even an answer to a ping: a network that loses packets."""
        with self._connection.protocol_mutex:
            yield


class SocketMode:
    """Takes the app's connections, and sends what members do through them.

    Slack repeats events that are not acknowledged, and does not document what becomes of a command or an interaction.
    Here an envelope that was on its way through a connection that closed goes through another one, with the same
    `envelope_id`: that is the harder case for an app. An envelope that is not acknowledged in time is not repeated.
    """

    def __init__(self, app_id: str, changed: Callable[[], None], *, enabled: bool) -> None:
        self.enabled = enabled  # the switch in the app's settings: while it is on, nothing is sent over HTTP
        self.ghosts = 0  # connections that are long gone, which Slack still counts
        self.opened = 0  # how many connections there have been
        self._app_id = app_id
        self._changed = changed
        self._lock = threading.Lock()
        self._connections: list[Connection] = []
        self._turn = itertools.count()
        self._tickets: dict[str, bool] = {}
        self._server: Server | None = None
        self._timers: list[threading.Timer] = []

    def start(self) -> None:
        """Listen on the loopback. The workspace does it if the app has Socket Mode on from the start."""
        self._server = serve(
            self._serve, "127.0.0.1", 0, process_request=self._admit, ping_interval=PING, close_timeout=1
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close every connection and the port."""
        for timer in self._timers:
            timer.cancel()
        if self._server is not None:
            self._server.shutdown()
        self._server = None

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The open connections, oldest first."""
        with self._lock:
            return tuple(self._connections)

    @property
    def tickets(self) -> tuple[str, ...]:
        """All tickets issued so far."""
        with self._lock:
            return tuple(self._tickets)

    def deliver(self, exchange: Exchange, timeout: float) -> Exchange:
        """Send an exchange's request to the app, and return the exchange with the acknowledgement."""
        envelope: dict[str, Any] = {
            "envelope_id": secrets.token_hex(16),
            "type": ENVELOPES.get(exchange.kind, "interactive"),
            "payload": exchange.fields,
            "accepts_response_payload": exchange.kind in ("command", "submission", "suggestion"),
        }
        exchange = exchange.unanswered()
        started = time.perf_counter()
        for attempt in itertools.count():
            if exchange.kind == "event":
                envelope |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
            connection = self._next()
            if connection is None:
                break
            try:
                message = connection.request(envelope, timeout)
            except TimeoutError:
                exchange.ack = "operation_timeout"
                break
            except ConnectionLost:
                continue
            exchange.ack = "ok"
            if envelope["accepts_response_payload"] and message.get("payload"):
                exchange.reply, exchange.reply_type = json.dumps(message["payload"]), "application/json"
            break
        exchange.seconds = time.perf_counter() - started
        return exchange

    def refresh(self, reason: Reason = "refresh_requested", *, after: float = WARNING) -> None:
        """Announce to every open connection that it will be closed, and close it that many seconds later."""
        for connection in self.connections:
            connection.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-stand-in"}})
            timer = threading.Timer(after, connection.close)
            timer.daemon = True
            timer.start()
            self._timers.append(timer)

    def cut(self) -> None:
        """Break every connection."""
        for connection in self.connections:
            connection.cut()

    def new_address(self) -> str:
        """Return a fresh address, for one connection. https://docs.slack.dev/reference/methods/apps.connections.open"""
        if not self.enabled or self._server is None:
            raise Refusal("access_denied")
        ticket = secrets.token_hex(16)
        with self._lock:
            self._tickets[ticket] = True
        port = self._server.socket.getsockname()[1]
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={self._app_id}"

    def _next(self) -> Connection | None:
        with self._lock:
            return self._connections[next(self._turn) % len(self._connections)] if self._connections else None

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a ticket open one connection."""
        ticket = parse_qs(urlsplit(request.path).query).get("ticket", [""])[0]
        with self._lock:
            if self.enabled and self._tickets.get(ticket):
                self._tickets[ticket] = False
                return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no such ticket\n")

    def _serve(self, server_connection: ServerConnection) -> None:
        connection = Connection(server_connection)
        with self._lock:
            if len(self._connections) >= MAX_CONNECTIONS:
                connection.send({"type": "disconnect", "reason": "too_many_websockets"})
                return
            self._connections.append(connection)
            self.opened += 1
            count = len(self._connections) + self.ghosts
        debug_info = {"host": "applink-stand-in", "build_number": 1, "approximate_connection_time": 18060}
        hello = {"type": "hello", "num_connections": count, "debug_info": debug_info}
        connection.send({**hello, "connection_info": {"app_id": self._app_id}})
        self._changed()
        try:
            connection.listen()
        finally:
            with self._lock:
                self._connections.remove(connection)
            self._changed()
