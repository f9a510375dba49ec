"""A cache that makes one call at a time for each key."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from cachetools import TTLCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class Answer(Generic[V]):
    """An answer, or the call that will return it. A future takes two kilobytes, too much for thousands of answers."""

    call: Future[V] | None
    value: V | None = None

    def result(self) -> V:
        """Wait for the answer and return it, or raise the call's exception."""
        call = self.call
        return cast(V, self.value) if call is None else call.result()


class SingleFlightCache(Generic[K, V]):
    """Share one call among concurrent callers, and its answer with later ones. Ages count from the call's start.

    cachetools' own `cached(condition=...)` shares no failures: waiting callers would repeat a failed call one by one.

    Args:
        seconds: how long answers are kept, unless `keep` says no.
        failure_seconds: how long errors are kept.
    """

    def __init__(
        self,
        seconds: float,
        *,
        failure_seconds: float = 0,
        keep: Callable[[K, V], bool] = lambda _key, _answer: True,
        monotonic: Callable[[], float] = time.monotonic,
        max_entries: int,
    ) -> None:
        self._answers: TTLCache[K, Answer[V]] = TTLCache(max_entries, seconds, monotonic)
        self._failures: TTLCache[K, Answer[V]] = TTLCache(max_entries, failure_seconds, monotonic)
        self._keep = keep
        self._lock = threading.Lock()

    def get(self, key: K, call: Callable[[], V]) -> V:
        """Return the cached answer or that of `call`, or raise its exception."""
        with self._lock:
            known = self._answers.get(key) or self._failures.get(key)
            if known is None:
                future: Future[V] = Future()
                answer = self._answers[key] = Answer(future)
        if known is not None:
            return known.result()
        self._call(key, answer, future, call)
        return future.result()

    def forget(self, key: K) -> None:
        """Call again for the next caller."""
        with self._lock:
            self._answers.pop(key, None)

    def _call(self, key: K, answer: Answer[V], future: Future[V], call: Callable[[], V]) -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - `result` raises it, for every caller
            with self._lock:
                self._answers.pop(key, None)
                self._failures[key] = answer
            future.set_exception(error)
            return
        if not self._keep(key, value):
            with self._lock:
                self._answers.pop(key, None)
        future.set_result(value)
        answer.value, answer.call = value, None
