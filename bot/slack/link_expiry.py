"""Links that age well: a message whose link has died says so, where Slack lets us change it.

Slack lets us where the message came from the press of a button: such a press brings a response_url that can replace
the message. The first answer to a command cannot be changed by us; its text says until when the link works.
https://docs.slack.dev/interactivity/handling-user-interaction#updating_message_response
"""

import heapq
import itertools
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
    """Remembers in this process what is to be replaced when; what a message shows is known to all replicas.

    Args:
        run: takes the work of replacing off the waiting thread; it may refuse.
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
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def watch(self, message: str, request_id: str, expires_at: datetime, expire: Callable[[], object]) -> None:
        """Call `expire` at that time, if the message then still shows the link of this request."""
        # The press that opened the link may have been faster than we are.
        if not self._note(message, request_id, unless=_gone(request_id)):
            return

        def when_due() -> None:
            try:
                still_there = self._messages.shown(message) == request_id
            except UpstreamError as error:
                log.warning("expiry_not_shown", request=request_id, why=str(error))
                return
            if still_there:
                expire()

        due = self._monotonic() + max(0.0, (expires_at - self._now()).total_seconds())
        with self._changed:
            heapq.heappush(self._due, (due, next(self._numbers), when_due))
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._wait, name="ageing", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, message: str, request_id: str) -> None:
        """The message does not show the link of this request any more, or never did."""
        self._note(message, _gone(request_id))

    def stop(self) -> None:
        """Replace nothing any more: what is on screen stays, and its text stays true."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _note(self, message: str, shows: str, *, unless: str | None = None) -> bool:
        try:
            return self._messages.note(message, shows, self._now(), unless=unless)
        except UpstreamError as error:  # then the message keeps its date, which stays true
            log.warning("message_not_noted", why=str(error))
            return False

    def _wait(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and not (self._due and self._due[0][0] <= self._monotonic()):
                    self._changed.wait(self._due[0][0] - self._monotonic() if self._due else None)
                if self._stopped:
                    return
                _, _, when_due = heapq.heappop(self._due)
            try:
                self._run(when_due)
            except Exception as error:  # noqa: BLE001 - full or failing: this message keeps its date, the rest go on
                log.warning("expiry_not_shown", why=type(error).__name__)


def _gone(request_id: str) -> str:
    return f"gone {request_id}"
