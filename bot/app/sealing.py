"""Seal the audit at intervals, in the background of every replica."""

import threading
from collections.abc import Callable, Collection
from datetime import datetime

import structlog

from bot.core.errors import StudioLinksError
from bot.core.values import utc_now
from bot.store.seals import SealTable

log = structlog.get_logger()

# Seconds between looks at what is due.
PAUSE = 60.0


class Sealing:
    """The thread that seals.

    Args:
        tenants: the workspaces whose entries this bot writes.
    """

    def __init__(
        self, seals: SealTable, tenants: Callable[[], Collection[str]], now: Callable[[], datetime] = utc_now
    ) -> None:
        self._seals, self._tenants, self._now = seals, tenants, now
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="audit-seals", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE):
            for tenant in sorted(self._tenants()):
                self.seal(tenant)

    def seal(self, tenant: str) -> None:
        """Seal what is due. A failure is logged; what it leaves is sealed with the next look."""
        try:
            self._seals.seal(tenant, self._now())
        except StudioLinksError as error:
            log.error("audit_not_sealed", tenant=tenant, why=str(error))  # noqa: TRY400
        except Exception:  # the error boundary of the thread
            log.exception("audit_not_sealed", tenant=tenant)
