"""`trigger_id`s: valid once, and for three seconds, to open a modal for the member who caused them.

https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses
"""

import secrets
import threading
from collections.abc import Callable

from bot.local.slack.refusals import Refusal

LIFETIME_SECONDS = 3.0


class Triggers:
    """Issues trigger ids and takes them back. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def issue(self, user_id: str) -> str:
        """Return a new one, for something that this member did."""
        trigger = f"{secrets.randbelow(10**12):012d}.{secrets.randbelow(10**12):012d}.{secrets.token_hex(16)}"
        with self._lock:
            self._issued[trigger] = (user_id, self._clock())
        return trigger

    def take(self, trigger: object) -> str:
        """Use a trigger up, even if the view is then refused, and return its member's id; Refusal if it's invalid."""
        with self._lock:
            if not isinstance(trigger, str) or trigger not in self._issued:
                raise Refusal("invalid_trigger_id")
            if trigger in self._used:
                raise Refusal("exchanged_trigger_id")
            user_id, issued = self._issued[trigger]
            if self._clock() - issued > LIFETIME_SECONDS:
                raise Refusal("expired_trigger_id")
            self._used.add(trigger)
            return user_id
