"""The HTTP server: gunicorn with threads in front of the bot."""

import itertools
import logging
import selectors
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import ThreadWorker

from bot.app.wiring import Bot, build
from bot.config import HttpSettings, SocketSettings
from bot.core.errors import ConfigError
from bot.observability.worker_metrics import SharedPages

# Threads only take requests in and acknowledge them, which takes about a millisecond each: half as many as links are
# worked on at once. But a few slow clients must not keep them all.
MIN_THREADS = 32
# Seconds for which a new worker takes no requests while it is not warm: they wait, or go to the others. After that it
# says what is wrong.
WARM_UP = 3.0
# Seconds that a client may take to send its request: Slack takes milliseconds, and gives up after three.
PATIENCE = 3
# Seconds to wait for a client to take leave, so that it can read its answer to the end, and bytes to throw away
# meanwhile: some send all that they have before they listen.
FAREWELL, THROWN_AWAY = 1, 64 * 1024 * 1024
# Connections at once. They and the bot's own have to fit into the 1024 open files that many systems allow a process.
MAX_CONNECTIONS = 512
# Seconds for what is in flight at SIGTERM. No request takes longer than ten.
GRACE = 12


def check_address(host: str, port: int) -> None:
    """See that the address can be listened on: gunicorn would try for five seconds, and tell of it in many lines.

    Raises:
        ConfigError: somebody else listens there, or nobody may.
    """
    host = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"nothing can listen on HOST {host}, PORT {port} ({error.strerror}): choose another, or end what does"
            ) from error


class QuietLogger(Logger):
    """gunicorn's own messages through the process's logging; no access log, which would hold nothing useful."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn's interface
        """Leave handlers and levels to `bot.observability.logs`."""
        self.error_log.handlers[:] = []
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self.access_log.disabled = True


class Worker(ThreadWorker):
    """gunicorn's threads, with an end to patience.

    gunicorn has a thread wait five seconds for a new connection to say something, and for ever for the rest of a
    request or for a client that does not read its answer. It closes no silent connection to make room for another.
    And when it closes one, its main loop waits two seconds for the client to do the same. So whoever opened a few
    connections would stop the process, health checks included.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._handled_since: dict[Any, float] = {}

    def enqueue_req(self, conn: Any) -> None:
        """In the main loop: a connection takes a thread once it has said something, for which it has not long."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + PATIENCE
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Any) -> Any:
        """On a thread: one request of a connection, and the farewell if it was the last."""
        self._handled_since[conn] = time.monotonic()
        try:
            stays = super().handle(conn)
            if not stays:
                with suppress(OSError):  # it may have closed already
                    close_graceful(conn.sock.dup(), FAREWELL, THROWN_AWAY)
                    conn.sock.shutdown(socket.SHUT_RD)  # then there is nothing left for the main loop to wait for
            return stays
        finally:
            del self._handled_since[conn]

    def notify(self) -> None:
        """In the main loop, every second at least: stop waiting for those who take too long."""
        super().notify()
        now = time.monotonic()
        for conn, since in list(self._handled_since.items()):
            if now - since > PATIENCE:
                with suppress(OSError):  # it may have closed meanwhile
                    conn.sock.shutdown(socket.SHUT_RDWR if now - since > GRACE else socket.SHUT_RD)
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _make_room(self) -> None:
        """Close half of the silent connections, those that have been silent for longest."""
        for silent in (self.pending_conns, self.keepalived_conns):
            for conn in itertools.islice(silent, len(silent) // 2):
                conn.timeout = 0
        self.murder_pending()
        self.murder_keepalived()


class Server(BaseApplication):
    """gunicorn's parent process and its workers, each of which is a whole bot: it keeps no state that matters.

    Over Socket Mode the server runs all the same: it carries the process and serves health and metrics.
    """

    def __init__(self, settings: HttpSettings | SocketSettings) -> None:
        self._settings = settings
        self._workers = settings.web_concurrency if isinstance(settings, HttpSettings) else 1
        self._bot: Bot | None = None
        # Several workers show their metrics together, by way of this folder.
        self._folder = Path(mkdtemp(prefix="studio-links-")) if self._workers > 1 else None
        self._pages: SharedPages | None = None
        self._place = 0
        super().__init__()

    def load_config(self) -> None:
        """Everything is set here; gunicorn's own files, variables and arguments are not read."""
        host, port = self._settings.host.strip("[]"), self._settings.port
        options = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "worker_class": Worker,
            "worker_connections": MAX_CONNECTIONS,
            "workers": self._workers,
            "threads": max(MIN_THREADS, self._settings.studio_concurrency // 2),
            "keepalive": self._settings.studio_keep_alive_seconds,
            "graceful_timeout": GRACE,
            "logger_class": QuietLogger,
            "pre_fork": self._pre_fork,
            "post_fork": self._post_fork,
            "worker_exit": self._worker_exit,
            "on_exit": self._on_exit,
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
        self._bot.wait_until_warm(WARM_UP)
        if self._folder is None:
            return self._bot.wsgi
        self._pages = SharedPages(self._folder, self._place, self._bot.metrics.page)
        self._pages.start()
        return replace(self._bot.wsgi, page=self._pages.page)

    def _pre_fork(self, server: Any, worker: Any) -> None:
        """In the parent: the lowest place that no worker has."""
        taken = {other.place for other in server.WORKERS.values()}
        worker.place = next(place for place in itertools.count() if place not in taken)

    def _post_fork(self, _server: object, worker: Any) -> None:
        self._place = worker.place

    def _worker_exit(self, _server: object, _worker: object) -> None:
        if self._bot is not None:
            self._bot.stop()
        if self._pages is not None:
            self._pages.stop()

    def _on_exit(self, _server: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
