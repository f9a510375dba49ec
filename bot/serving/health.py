"""Readiness of this process, checked no more often than the upstreams can bear."""

import threading
import time
from collections.abc import Callable

import structlog

from bot.core.errors import StudioLinksError

log = structlog.get_logger()

# Seconds for which a result is current. Load balancers and others may ask as often as they like.
FRESH = 2.0
# Seconds for which it is recent enough for the metrics.
RECENT = 15.0

STARTING = "the bot is starting: Slack and DynamoDB have not both responded yet"


class Health:
    """Cache the last check, and let one caller at a time make a new one.

    Args:
        check: returns if the bot would serve a member now; raises StudioLinksError otherwise.

    Attributes:
        starting: why the bot has not started yet; None once it has, and only then is anything checked.
    """

    def __init__(self, check: Callable[[], None], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._monotonic = monotonic
        self._checking = threading.Lock()
        self._checked_at = float("-inf")
        self._problem: str | None = STARTING
        self.starting: str | None = STARTING

    def problem(self) -> str | None:
        """Return None if the bot can serve, otherwise why not.

        While a check hangs, other callers get the last result: waiting would use up the server's threads.
        """
        if self.starting is not None:
            return self.starting
        if not self._checking.acquire(blocking=False):
            return self._problem
        try:
            if self._monotonic() - self._checked_at >= FRESH:
                before, self._problem = self._problem, self._run_check()
                self._checked_at = self._monotonic()
                self._log_change(before)
        finally:
            self._checking.release()
        return self._problem

    def cached_status(self) -> str | None:
        """Return the last result at once; refresh it in the background if it is old."""
        if self.starting is not None:
            return self.starting
        if self._monotonic() - self._checked_at >= RECENT:
            threading.Thread(target=self.problem, name="health", daemon=True).start()
        return self._problem

    def _log_change(self, before: str | None) -> None:
        """Log why the bot is not ready whenever that changes: nobody can call `/readyz` on Fargate."""
        if self._problem is not None and self._problem != before:
            log.warning("not_ready", why=self._problem)
        elif self._problem is None and before not in (None, STARTING):
            log.info("ready_again")

    def _run_check(self) -> str | None:
        try:
            self._check()
        except StudioLinksError as error:
            return str(error)
        return None
