"""What was asked of the AWS stand-in: kept for tests and for the demo, without anything secret."""

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

# The oldest are forgotten: a demo may run for days.
KEPT = 20_000


@dataclass(frozen=True)
class Call:
    """One call. Its answer is not kept: a presigned URL may be in it.

    at: when it arrived, in seconds since the epoch, by this machine's clock
    caller: the access key id that signed it, which tells whose call it is
    """

    operation: str
    arguments: Mapping[str, Any] = field(repr=False)
    caller: str
    at: float

    @property
    def as_text(self) -> str:
        """All arguments as one text, to look for a name in."""
        return json.dumps(self.arguments)


class Calls:
    """The latest calls, in order of arrival. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=KEPT)

    def note(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def all(self) -> list[Call]:
        """A copy."""
        with self._lock:
            return list(self._calls)


def arguments(body: bytes, *, query: bool) -> dict[str, Any]:
    """The arguments of a call of the JSON protocols or, as for STS, of the query protocol."""
    text = body.decode("utf-8", "replace")
    if query:
        return {name: value for name, value in parse_qsl(text) if name not in ("Action", "Version")}
    try:
        parsed = json.loads(text or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
