"""The HTTP server: gunicorn with threads in front of the bot."""

import logging
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from bot.app import Bot, build
from bot.config import HttpSettings, SocketSettings

# Threads only take requests in and acknowledge them, which takes about a millisecond each.
THREADS = 16
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
        options = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            "worker_class": "gthread",
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
