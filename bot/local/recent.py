"""A bounded list of what happened. A demo may run for days, so the oldest items are dropped."""

import threading
from collections import deque
from typing import Generic, TypeVar

KEPT = 20_000

T = TypeVar("T")


class Recent(Generic[T]):
    """The latest items, oldest first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: deque[T] = deque(maxlen=KEPT)

    def add(self, item: T) -> None:
        with self._lock:
            self._items.append(item)

    def all(self) -> tuple[T, ...]:
        with self._lock:
            return tuple(self._items)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
