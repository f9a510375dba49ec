"""Wait for apps that start, which takes minutes, on one thread for all of them."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()

# Seconds between looks at an app, and how many looks: AWS gives up earlier.
PAUSE, MAX_LOOKS = 10.0, 120
# Apps watched at once by this process. Beyond it, members read that something starts, and look for themselves.
MAX_WATCHED = 200


class StartingApps:
    """Look at each watched app until it has started or failed. A restart forgets them."""

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._looks: list[tuple[Callable[[], bool], int]] = []
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, look: Callable[[], bool]) -> None:
        """Call `look` now and then, until it returns True."""
        with self._lock:
            if len(self._looks) >= MAX_WATCHED or self._stopping.is_set():
                log.warning("start_not_watched", why="too many at once, or the process stops")
                return
            self._looks.append((look, MAX_LOOKS))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="starting-apps", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def look(self) -> None:
        """Look at every app once."""
        with self._lock:
            due, self._looks = self._looks, []
        left = [(look, times - 1) for look, times in due if not self._done(look) and times > 1]
        with self._lock:
            self._looks += left

    def _run(self) -> None:
        while not self._stopping.wait(self._pause):
            self.look()

    def _done(self, look: Callable[[], bool]) -> bool:
        try:
            return look()
        except Exception:  # the error boundary of the thread
            log.exception("start_not_watched")
            return True
