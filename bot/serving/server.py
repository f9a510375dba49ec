"""The HTTP server: waitress with threads in front of the bot, until SIGTERM.

Waitress reads a request in full before it takes a thread, so slow and silent clients hold a connection and no more.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from bot.core.errors import ConfigError
from bot.serving.wsgi import MAX_BODY_BYTES, Entrance, Environ, StartResponse

# A thread only acknowledges, which takes about a millisecond.
THREADS = 16
# Open connections. With the bot's own they fit into the 1024 open files that many systems allow a process.
MAX_CONNECTIONS = 900
# Connections that the system may hold for us until we accept them.
BACKLOG = 1024
MAX_HEADER_BYTES = 32 * 1024
# Larger bodies are refused unread; those between this and MAX_BODY_BYTES by the entrance, which counts its refusals.
MAX_READ_BYTES = 2 * MAX_BODY_BYTES
# Seconds in which a request has to arrive in full, however steadily its bytes drip: Slack sends it at once.
REQUEST_TIMEOUT = 5.0
# Seconds between two looks at unfinished requests, and how many of the oldest make room at the connection limit.
UNFINISHED_CHECK, ROOM = 0.1, 100
# Seconds from SIGTERM to the end of the process. A request takes at most ten, and may arrive while we linger.
GRACE = 12.0
# Seconds after SIGTERM in which requests on open connections are still answered.
LINGER = 2.0


def listen(host: str, port: int, variable: str = "PORT") -> socket.socket:
    """Listen on the address, so that connections wait there until the server runs.

    Raises:
        ConfigError: the address is in use, not ours, or not permitted.
    """
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"nothing can listen on HOST {host}, {variable} {port} ({error.strerror}): choose another address, or "
            "stop the process that uses it"
        ) from error
    return listener


def serve_aside(entrance: Entrance, listener: socket.socket) -> None:
    """Serve HTTP on its own thread until the process ends, independently of the other port."""
    server: Any = create_server(entrance, map={}, sockets=[listener], threads=2, ident=None, log_socket_errors=False)
    threading.Thread(target=server.run, name="metrics", daemon=True).start()


class Server:
    """Serve HTTP on the main thread; drain and return at SIGTERM or SIGINT. The process ends after GRACE in any case.

    Args:
        keep_alive: seconds for which an idle connection stays open.
    """

    def __init__(self, entrance: Entrance, listener: socket.socket, *, keep_alive: int) -> None:
        self._entrance, self._listener, self._keep_alive = entrance, listener, keep_alive
        self._stopping = False
        # The open connections whose request has begun to arrive, and since when.
        self._unfinished: dict[Any, float] = {}
        self._unfinished_checked_at = 0.0
        # Watched by waitress: its wake-up pipe, the listener until we drain, and every open connection.
        self._watched: dict[int, Any] = {}
        self._waitress: Any = create_server(
            self._answer,
            map=self._watched,
            sockets=[listener],
            threads=THREADS,
            connection_limit=MAX_CONNECTIONS,
            backlog=BACKLOG,
            channel_timeout=keep_alive,
            cleanup_interval=1,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_READ_BYTES,
            asyncore_use_poll=True,
            ident=None,
            log_socket_errors=False,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGALRM, lambda *_: os._exit(0))  # GRACE is over

    def run(self) -> None:
        """Serve until a signal arrives; return when the clients have closed their connections, or after LINGER."""
        while not self._stopping:
            self._serve_once(1.0)
            self._accept_waiting()
            is_full = len(self._watched) >= MAX_CONNECTIONS
            if is_full:
                self._close_idle_connections()
            self._close_unfinished(time.monotonic(), ROOM if is_full else 0)
        self._close_listener()
        deadline = time.monotonic() + LINGER
        while len(self._watched) > 1 and time.monotonic() < deadline:
            self._serve_once(0.1)
        wasyncore.close_all(self._watched)

    def _serve_once(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._watched, count=1)

    def _stop(self, *_: object) -> None:
        if not self._stopping:  # after the drain, waitress has closed its wake-up pipe
            self._stopping = True
            signal.setitimer(signal.ITIMER_REAL, GRACE)
            self._waitress.pull_trigger()

    def _close_idle_connections(self) -> None:
        """Close what was idle before this second, so that silent clients beyond our limit lock nobody out."""
        self._waitress.maintenance(int(time.time()) + self._keep_alive)

    def _close_unfinished(self, now: float, room: int) -> None:
        """Close connections whose request has not arrived in time, and so many of the others that wait longest."""
        if now < self._unfinished_checked_at + UNFINISHED_CHECK:
            return
        self._unfinished_checked_at, before = now, self._unfinished
        channels = [channel for channel in self._waitress.active_channels.values() if channel.request is not None]
        self._unfinished = {channel: before.get(channel, now) for channel in channels}
        for number, (channel, since) in enumerate(sorted(self._unfinished.items(), key=lambda each: each[1])):
            channel.will_close = channel.will_close or number < room or now - since > REQUEST_TIMEOUT

    def _accept_waiting(self) -> None:
        """Accept all connections that wait. Waitress alone accepts one each time it has looked at all the others."""
        accepted = -1
        while accepted < len(self._watched) < MAX_CONNECTIONS:
            accepted = len(self._watched)
            self._waitress.handle_accept()

    def _close_listener(self) -> None:
        """Accept the connections that wait, which closing would reset; then close."""
        self._accept_waiting()
        self._waitress.del_channel()
        self._listener.close()

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; close the connection if we are stopping or the client sends too much.

        WSGI keeps `Connection: close` from applications. Waitress sends it with an answer that has no length.
        """
        closing = self._stopping

        def start(status: str, headers: list[tuple[str, str]]) -> object:
            nonlocal closing
            closing = closing or status.startswith("413")
            return start_response(
                status, [header for header in headers if not closing or header[0] != "Content-Length"]
            )

        body = self._entrance(environ, start)
        return iter(body) if closing else body
