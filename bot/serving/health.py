"""Whether this process can serve, asked of the upstreams but never more often than they can bear."""

import threading
import time
from collections.abc import Callable

import structlog

from bot.core.errors import StudioLinksError

log = structlog.get_logger()

# Seconds for which an answer is good. Load balancers, and anybody else, may ask as often as they like.
FRESH = 2.0
# Seconds for which it is good enough for the metrics, which several workers make every second.
GLANCED = 15.0

STARTING = "the bot is starting: Slack and DynamoDB have not both answered yet"


class Health:
    """Remembers the last check, and lets one caller at a time make a new one.

    Args:
        check: returns if every upstream answers; raises StudioLinksError otherwise.
    """

    def __init__(self, check: Callable[[], None], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._monotonic = monotonic
        self._checking = threading.Lock()
        self._checked_at = float("-inf")
        self._problem: str | None = STARTING

    def problem(self) -> str | None:
        """None if the bot can serve; otherwise what it waits for.

        While a check hangs, everybody else gets the last answer: waiting would use up the server's threads.
        """
        if not self._checking.acquire(blocking=False):
            return self._problem
        try:
            if self._monotonic() - self._checked_at >= FRESH:
                before, self._problem = self._problem, self._ask()
                self._checked_at = self._monotonic()
                self._tell(before)
        finally:
            self._checking.release()
        return self._problem

    def cached_status(self) -> str | None:
        """The last answer, at once. One that is old is renewed meanwhile, for the next glance."""
        if self._monotonic() - self._checked_at >= GLANCED:
            threading.Thread(target=self.problem, name="health", daemon=True).start()
        return self._problem

    def _tell(self, before: str | None) -> None:
        """In the log, what it waits for whenever that changes: on Fargate nobody can ask `/readyz`."""
        if self._problem is not None and self._problem != before:
            log.warning("not_ready", why=self._problem)
        elif self._problem is None and before not in (None, STARTING):
            log.info("ready_again")

    def _ask(self) -> str | None:
        try:
            self._check()
        except StudioLinksError as error:
            return str(error)
        return None
