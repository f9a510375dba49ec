"""Replace messages whose link has expired.

Slack allows that where the message came from pressing a button: the press brings a response_url that can replace it.
The first answer to a command cannot be changed; its text says when its link expires.
https://docs.slack.dev/interactivity/handling-user-interaction#updating_message_response
"""

import sched
import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.core.errors import UpstreamError
from bot.core.ports import Messages
from bot.core.values import utc_now

log = structlog.get_logger()


class LinkExpiry:
    """Schedule replacements in this process. The content of each message is stored for all replicas.

    Args:
        run: executes a replacement outside the scheduling thread; may raise if there is no capacity.
    """

    def __init__(
        self,
        messages: Messages,
        run: Callable[[Callable[[], object]], object],
        *,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._messages, self._run, self._now, self._monotonic = messages, run, now, monotonic
        self._due = sched.scheduler(monotonic)
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def watch(self, message: str, request_id: str, expires_at: datetime, expire: Callable[[], object]) -> None:
        """Call `expire` at that time if the message still shows the link of this request."""
        # The member may have opened the link already.
        if not self._note(message, request_id, unless=_closed(request_id)):
            return

        def replace() -> None:
            try:
                if self._messages.shown(message) == request_id:
                    expire()
            except UpstreamError as error:
                log.warning("expiry_not_shown", request=request_id, why=str(error))

        due = self._monotonic() + max(0.0, (expires_at - self._now()).total_seconds())
        with self._changed:
            self._due.enterabs(due, 0, self._replace, (replace,))
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._wait, name="link-expiry", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, message: str, request_id: str) -> None:
        """Note that the message no longer shows the link of this request, or never did."""
        self._note(message, _closed(request_id))

    def stop(self) -> None:
        """Replace nothing anymore: messages on screen stay, and their text stays true."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _note(self, message: str, shows: str, *, unless: str | None = None) -> bool:
        try:
            return self._messages.note(message, shows, self._now(), unless=unless)
        except UpstreamError as error:  # the message keeps its expiry time, which stays true
            log.warning("message_not_noted", why=str(error))
            return False

    def _wait(self) -> None:
        with self._changed:
            while not self._stopped:
                self._changed.wait(self._due.run(blocking=False))

    def _replace(self, replace: Callable[[], None]) -> None:
        try:
            self._run(replace)
        except Exception as error:  # noqa: BLE001 - no capacity or a defect: other messages must still be replaced
            log.warning("expiry_not_shown", why=type(error).__name__)


def _closed(request_id: str) -> str:
    return f"gone {request_id}"
