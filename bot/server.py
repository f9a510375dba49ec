"""The HTTP server: gunicorn with threads in front of the bot."""

import logging
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from bot.app import Bot, build
from bot.config import HttpSettings, SocketSettings

# Threads only take requests in and acknowledge them, which takes about a millisecond each.
THREADS = 32
# Seconds that a client may take to send its request, of which Slack takes milliseconds.
PATIENCE = 10
# Seconds. Longer than the idle timeout of load balancers (60 on an ALB), so that they close connections, not we.
KEEP_ALIVE = 75
# Seconds for what is in flight at SIGTERM. No request takes longer than ten.
GRACE = 12


class QuietLogger(Logger):
    """gunicorn's own messages through the process's logging; no access log, which would hold nothing useful."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn's interface
        """Leave handlers and levels to `bot.logs`."""
        self.error_log.handlers[:] = []
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self.access_log.disabled = True


class Worker(ThreadWorker):
    """gunicorn's threads, with an end to patience: it waits for the rest of a begun request for ever.

    Without this, as many half-sent requests as there are threads stop the process, health checks included.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._handled_since: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        """On a thread: one request of a connection."""
        self._handled_since[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._handled_since[conn]

    def notify(self) -> None:
        """In the main loop, every second or so: stop reading from those who take too long."""
        super().notify()
        now = time.monotonic()
        for conn, since in list(self._handled_since.items()):
            if now - since > PATIENCE:
                with suppress(OSError):  # it may have closed meanwhile
                    conn.sock.shutdown(socket.SHUT_RD)


class Server(BaseApplication):
    """One worker process, many threads. More processes are more replicas: the bot keeps no state that matters.

    Over Socket Mode the server runs all the same: it carries the process and serves health and metrics.
    """

    def __init__(self, settings: HttpSettings | SocketSettings) -> None:
        self._settings = settings
        self._bot: Bot | None = None
        super().__init__()

    def load_config(self) -> None:
        """Everything is set here; gunicorn's own files, variables and arguments are not read."""
        host, port = self._settings.host.strip("[]"), self._settings.port
        options = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "worker_class": Worker,
            "workers": 1,
            "threads": THREADS,
            "keepalive": KEEP_ALIVE,
            "graceful_timeout": GRACE,
            "logger_class": QuietLogger,
            "worker_exit": self._worker_exit,
            # No header of the request changes what we take it for, and nothing but the port takes orders.
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "proc_name": "studio-links",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In the worker: clients and threads do not survive a fork."""
        self._bot = build(self._settings)
        self._bot.start()
        return self._bot.wsgi

    def _worker_exit(self, _server: object, _worker: object) -> None:
        if self._bot is not None:
            self._bot.stop()
