"""Serve a WSGI application on this machine's loopback, from a thread, until it is stopped."""

import logging
import os
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from bot.local.faults import Faults

HOST = "127.0.0.1"
# The number of latest calls and exchanges that a stand-in keeps: a demo may run for days.
KEPT = 20_000


def is_loopback(host: str) -> bool:
    """Return whether a Host header names this machine. Other names that resolve to it may be DNS rebinding."""
    return urlsplit(f"//{host}").hostname in (HOST, "localhost", "::1")


def note_failure() -> None:
    """Log the kind of the current error alone: its text may hold a secret of the request."""
    kind = sys.exc_info()[0]
    logging.getLogger(__name__).error("stand_in_failed error=%s", kind.__name__ if kind else None)


class LoopbackServer:
    """Serve `app`, as a context manager or between `start` and `stop`. Port 0 takes any free one.

    The app takes the faults of its requests from `faults`.
    """

    def __init__(self, app: WSGIApplication, port: int, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.inject, self.clear_faults = self.faults.inject, self.faults.clear
        self._served = app
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen; OSError if the port is taken."""
        self._server = _Server(self._port, self._served)
        # The interval is how long stop() may have to wait, in seconds.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port once the requests under way are answered. May be called again."""
        self.release_waiting()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def release_waiting(self) -> None:
        """End the waits of requests under way, so that `stop` doesn't have to wait for them."""
        self.faults.stopped.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("no address before start()")
        return f"http://{HOST}:{self._server.server_port}"


class _QuietHandler(WSGIRequestHandler):
    """No access log and no complaints: request lines hold `response_url`s and the tokens of links."""

    timeout = 30  # seconds without a byte before a connection is given up

    def log(self, *_: Any, **__: Any) -> None:
        """Write nothing."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Leave the Date and Server headers to the application, which may have a clock of its own."""
        self.send_response_only(code, message)


class _Server(ThreadedWSGIServer):
    """A threaded server that leaves neither a thread nor a socket behind, and raises OSError if its port is taken."""

    daemon_threads = False

    def __init__(self, port: int, app: WSGIApplication) -> None:
        self._open: set[Any] = set()
        try:
            listener = socket.create_server((HOST, port), backlog=128)
        except OSError as error:
            advice = "Choose another port, or stop the process that uses it."
            text = f"Nothing can listen on {HOST}:{port} ({os.strerror(error.errno or 0)}). {advice}"
            raise OSError(error.errno, text) from error
        with listener:
            super().__init__(HOST, port, app, handler=_QuietHandler, fd=listener.fileno())
        self.server_port = self.port

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._open.discard(request)

    def server_close(self) -> None:
        # Browsers keep idle connections open, and closing waits for them.
        for connection in list(self._open):
            with suppress(OSError):  # it has closed since
                connection.shutdown(socket.SHUT_RD)
        super().server_close()

    def handle_error(self, *_: Any, **__: Any) -> None:
        note_failure()  # socketserver would print a traceback
