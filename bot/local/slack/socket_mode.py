"""Slack's end of Socket Mode: the connections that an app opens, and the envelopes it is sent through them.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

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

from bot.local.slack.exchanges import Exchange, Kind, answered
from bot.local.slack.methods import Answer, Method

Reason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]

# So many connections may be open at once; an envelope goes to any one of them.
MAX_CONNECTIONS = 10
# Seconds between telling a connection that it will be closed, and closing it.
WARNING = 10.0
# Seconds between Slack's own pings.
PING = 5.0

ENVELOPES: Mapping[Kind, str] = {"command": "slash_commands", "event": "events_api"}


class Lost(Exception):
    """The connection has closed, and what was sent through it is not acknowledged."""


class Line:
    """One open connection, and the envelopes that wait for their acknowledgement on it."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[dict[str, Any]]] = {}
        self._closed = False

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send something that needs no acknowledgement."""
        with suppress(ConnectionClosed):
            self._connection.send(json.dumps(message))

    def hand_over(self, envelope: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """Send an envelope; its acknowledgement.

        Raises:
            TimeoutError: there was none in time.
            Lost: nor will there be one.
        """
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._closed:
                raise Lost
            self._waiting[envelope["envelope_id"]] = future
        self.tell(envelope)
        return future.result(patience)

    def listen(self) -> None:
        """Take acknowledgements until the connection closes."""
        try:
            for message in self._connection:
                self._take(json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                self._closed = True
                for future in self._waiting.values():
                    future.set_exception(Lost())
                self._waiting.clear()

    def close(self) -> None:
        """Close it as Slack does, when its time is over."""
        self._connection.close()

    def cut(self) -> None:
        """Break it off without a word, as a network does."""
        with suppress(OSError):  # it has gone since
            self._connection.socket.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Leave it open and say nothing more, not even to a ping: a network that has lost its way."""
        with self._connection.protocol_mutex:
            yield

    def _take(self, message: dict[str, Any]) -> None:
        with self._lock:
            future = self._waiting.pop(str(message.get("envelope_id")), None)
        if future is not None:
            future.set_result(message)


class SocketMode:
    """Takes the app's connections, and carries to it what members do.

    Slack repeats events that are not acknowledged, and does not say what becomes of a command or an interaction.
    Here whatever was on its way through a connection that closed goes through another one, with the same
    `envelope_id`: that is the harder case for an app. What was not acknowledged in time is not repeated.

    Attributes:
        enabled: the switch in the app's settings. While it is on, nothing is sent over HTTP.
        ghosts: connections that are long gone, which Slack counts all the same.
    """

    def __init__(self, app_id: str, changed: Callable[[], None], *, enabled: bool) -> None:
        self.enabled = enabled
        self.ghosts = 0
        self._app_id = app_id
        self._changed = changed
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._turn = itertools.count()
        self._tickets: dict[str, bool] = {}
        self._opened = 0
        self._server: Server | None = None
        self._timers: list[threading.Timer] = []

    def start(self) -> None:
        """Listen on the loopback. The workspace does it where the app has Socket Mode on from the start."""
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
    def lines(self) -> tuple[Line, ...]:
        """The open connections, oldest first."""
        with self._lock:
            return tuple(self._lines)

    @property
    def tickets(self) -> tuple[str, ...]:
        """All that were ever given out."""
        with self._lock:
            return tuple(self._tickets)

    @property
    def opened(self) -> int:
        """How many connections there have been."""
        return self._opened

    def methods(self) -> dict[str, Method]:
        """What the Web API has for it."""
        return {"apps.connections.open": Method(self._open, app_level=True)}

    def deliver(self, exchange: Exchange, patience: float) -> Exchange:
        """Carry it to the app, and say how that went."""
        envelope: dict[str, Any] = {
            "envelope_id": secrets.token_hex(16),
            "type": ENVELOPES.get(exchange.kind, "interactive"),
            "payload": exchange.fields,
            "accepts_response_payload": exchange.kind in ("command", "submission"),
        }
        started = time.perf_counter()
        for attempt in itertools.count():
            if exchange.kind == "event":
                envelope |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
            line = self._next()
            if line is None:
                return answered(exchange, time.perf_counter() - started, "dispatch_failed")
            try:
                message = line.hand_over(envelope, patience)
            except TimeoutError:
                return answered(exchange, time.perf_counter() - started, "operation_timeout")
            except Lost:
                continue
            payload = message.get("payload") if envelope["accepts_response_payload"] else None
            return answered(exchange, time.perf_counter() - started, "ok", payload)
        raise AssertionError("the attempts have no end")

    def refresh(self, reason: Reason = "refresh_requested", *, after: float = WARNING) -> None:
        """Tell every open connection that it will be closed, and close it so many seconds later."""
        for line in self.lines:
            line.tell({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-stand-in"}})
            timer = threading.Timer(after, line.close)
            timer.daemon = True
            timer.start()
            self._timers.append(timer)

    def cut(self) -> None:
        """Break every connection off."""
        for line in self.lines:
            line.cut()

    def _open(self, _arguments: Mapping[str, Any]) -> Answer:
        """A fresh address, for one connection. https://docs.slack.dev/reference/methods/apps.connections.open"""
        if not self.enabled or self._server is None:
            return {"ok": False, "error": "access_denied"}
        ticket = secrets.token_hex(16)
        with self._lock:
            self._tickets[ticket] = True
        port = self._server.socket.getsockname()[1]
        return {"ok": True, "url": f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={self._app_id}"}

    def _next(self) -> Line | None:
        with self._lock:
            return self._lines[next(self._turn) % len(self._lines)] if self._lines else None

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """A ticket opens one connection."""
        ticket = parse_qs(urlsplit(request.path).query).get("ticket", [""])[0]
        with self._lock:
            if self.enabled and self._tickets.get(ticket):
                self._tickets[ticket] = False
                return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no such ticket\n")

    def _serve(self, connection: ServerConnection) -> None:
        line = Line(connection)
        with self._lock:
            if len(self._lines) >= MAX_CONNECTIONS:
                line.tell({"type": "disconnect", "reason": "too_many_websockets"})
                return
            self._lines.append(line)
            self._opened += 1
            count = len(self._lines) + self.ghosts
        line.tell(
            {
                "type": "hello",
                "num_connections": count,
                "debug_info": {
                    "host": "applink-stand-in",
                    "build_number": 1,
                    "approximate_connection_time": 18060,
                },
                "connection_info": {"app_id": self._app_id},
            }
        )
        self._changed()
        try:
            line.listen()
        finally:
            with self._lock:
                self._lines.remove(line)
            self._changed()
