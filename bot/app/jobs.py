"""Work on workspaces, in the background of every replica."""

import threading
from collections.abc import Callable, Collection

import structlog

from bot.core.errors import StudioLinksError
from bot.workspaces.runner import JobRunner

log = structlog.get_logger()

# Seconds between visits while jobs are open, and else between looks for jobs that another replica or a shell began.
BUSY, IDLE = 2.0, 30.0


class Jobs:
    """The thread that visits open jobs.

    Args:
        tenants: the workspaces that this bot serves.
    """

    def __init__(self, runner: JobRunner, tenants: Callable[[], Collection[str]]) -> None:
        self._runner, self._tenants = runner, tenants
        self._wake, self._stopping = threading.Event(), False

    def start(self) -> None:
        threading.Thread(target=self._run, name="jobs", daemon=True).start()

    def stop(self) -> None:
        """End after the visit under way, which another replica would make again."""
        self._stopping = True
        self._wake.set()

    def wake(self) -> None:
        """Visit the open jobs now."""
        self._wake.set()

    def _run(self) -> None:
        pause = IDLE
        while not self._stopping:
            self._wake.wait(pause)
            self._wake.clear()
            if not self._stopping:
                pause = BUSY if sum(map(self.visit, sorted(self._tenants()))) else IDLE

    def visit(self, tenant: str) -> int:
        """Visit the open jobs of a workspace; return how many there are. A failure is logged."""
        try:
            return self._runner.visit_all(tenant)
        except StudioLinksError as error:
            log.warning("jobs_not_visited", tenant=tenant, why=str(error))
        except Exception:  # the error boundary of the thread
            log.exception("jobs_not_visited", tenant=tenant)
        return 0
