"""Serving a WSGI application on this machine's loopback, from a thread, until it is stopped."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from wsgiref.types import WSGIApplication

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler


class Hosted:
    """Something with an application to serve. Use it as a context manager, or `start()` and `stop()` it."""

    def __init__(self, app: WSGIApplication, port: int) -> None:
        self._served = app
        self._port = port
        self._server: LoopbackServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen; OSError if the port is taken. Port 0 takes any free one."""
        self._server = LoopbackServer(self._port, self._served)
        # How long it takes to notice stop(), in seconds.
        poll = 0.02
        self._thread = threading.Thread(target=self._server.serve_forever, args=(poll,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port once the requests under way are answered."""
        self.going_down()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def going_down(self) -> None:
        """Called first of all by `stop()`: let requests that wait for something end."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("there is no address before start()")
        return f"http://127.0.0.1:{self._server.server_port}"


class _QuietHandler(WSGIRequestHandler):
    """Without access log: the path of a `response_url` is a secret. A silent client is dropped in the end."""

    timeout = 10

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing is written."""


class LoopbackServer(ThreadedWSGIServer):
    """A threaded server on 127.0.0.1 that waits for the requests under way when it is closed.

    Raises OSError if the port is taken, where werkzeug itself would print something and exit.
    """

    daemon_threads = False

    def __init__(self, port: int, app: WSGIApplication) -> None:
        self._open: set[Any] = set()
        with socket.create_server(("127.0.0.1", port)) as listener:
            super().__init__("127.0.0.1", port, app, handler=_QuietHandler, fd=listener.fileno())
        self.server_port = self.port

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._open.discard(request)

    def server_close(self) -> None:
        # Browsers keep connections open in case they need them: those would be waited for.
        for connection in list(self._open):
            with suppress(OSError):  # it has closed since
                connection.shutdown(socket.SHUT_RD)
        super().server_close()
