"""Telling whoever waits that something has changed: the pages that show the workspace live on this."""

import threading
import time


class Changes:
    """A count that only grows. Safe to share between threads."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        with self._condition:
            return self._count

    @property
    def closed(self) -> bool:
        with self._condition:
            return self._closed

    def note(self) -> None:
        """Something has changed."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """The count once it differs from what was seen, or what it is when time is up or all is over."""
        deadline = time.monotonic() + timeout
        with self._condition:
            while self._count == seen and not self._closed and (left := deadline - time.monotonic()) > 0:
                self._condition.wait(left)
            return self._count

    def close(self) -> None:
        """Nobody waits any longer: the workspace is going down."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
