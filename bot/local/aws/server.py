"""A WSGI server on loopback for the AWS stand-in: threaded, silent, and gone without a trace when stopped."""

import logging
import socket
import sys
import threading
from contextlib import suppress
from typing import Any
from wsgiref.types import WSGIApplication

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

HOST = "127.0.0.1"


class Server(ThreadedWSGIServer):
    """Knows its threads, so that stopping leaves neither a thread nor a socket behind."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._open: dict[Any, threading.Thread] = {}
        super().__init__(*args, **options)

    def start(self) -> None:
        """Serve from a thread of its own."""
        # The interval is what `stop` may have to wait.
        self._loop = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True, name="local-aws")
        self._loop.start()

    def stop(self) -> None:
        """Free the port, read no more from any connection, and wait for the requests under way."""
        self.shutdown()
        self._loop.join()
        for connection, thread in list(self._open.items()):
            with suppress(OSError):  # it has closed since
                connection.shutdown(socket.SHUT_RD)
            thread.join(timeout=5)

    def process_request(self, request: Any, client_address: Any) -> None:
        work = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._open[request] = work
        work.start()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._open.pop(request, None)

    def handle_error(self, *_: Any, **__: Any) -> None:
        note_failure()  # socketserver would print a traceback


class _Handler(MotoRequestHandler):
    """Silent: werkzeug's access log and its complaints hold request lines, and so the tokens of links."""

    timeout = 30  # seconds without a byte before a connection is given up

    def log(self, *_: Any, **__: Any) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        """What the answer's Date says: the stand-in's time, which is not always this machine's."""
        app: Any = self.server.app
        try:
            return super().date_time_string(app.clock() if timestamp is None else timestamp)
        except ValueError:  # past every date that datetime knows
            return super().date_time_string()


def listen(port: int, app: WSGIApplication) -> Server:
    """A server for ``app`` bound to loopback; port 0 takes any free one, see its ``port``.

    Raises OSError if the port is taken, where werkzeug itself would print something and exit.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as problem:
            what = f"Cannot listen on {HOST}:{port}: {problem.strerror}."
            advice = "Stop what uses it, or choose another port (0 takes any free one)."
            raise OSError(problem.errno, f"{what} {advice}") from problem
        listener.listen(128)
        return Server(HOST, port, app, _Handler, fd=listener.fileno())


def note_failure() -> None:
    """Log that something broke, by the kind of error alone: its text may hold what was asked for."""
    kind = sys.exc_info()[0]
    logging.getLogger(__name__).error("local_aws_failed error=%s", kind.__name__ if kind else None)
