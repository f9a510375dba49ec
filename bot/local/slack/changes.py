"""Tell waiting threads that the workspace has changed: its pages and its tests wait this way."""

import threading
import time
from collections.abc import Callable


class Changes:
    """A count that only grows. Thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0
        self.closed = False

    def note(self) -> None:
        """Count a change."""
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> None:
        """Return once the count differs from `seen`, the time is up, or the workspace goes down."""
        with self._condition:
            self._condition.wait_for(lambda: self.count != seen or self.closed, timeout)

    def wait_until(self, happened: Callable[[], object], timeout: float = 5.0) -> None:
        """Return once `happened` is true, which is looked at after each change; TimeoutError if that takes longer."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self.count
            if happened():
                return
            if self.closed or time.monotonic() >= deadline:
                raise TimeoutError(f"it has not happened within {timeout} s")
            self.wait(seen, deadline - time.monotonic())

    def close(self) -> None:
        """Release everything that waits: the workspace goes down."""
        with self._condition:
            self.closed = True
            self._condition.notify_all()
