"""Slack's rate limits for the methods of its Web API. https://docs.slack.dev/apis/web-api/rate-limits"""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bot.local.faults import Fault

# How many calls within how many seconds. Slack promises at least that many, and allows bursts.
TIER_2, TIER_3, TIER_4 = (20, 60), (50, 60), (100, 60)
# One message a second to a channel, and short bursts.
POSTING = (5, 5)
LIMITS = {
    "bots.info": TIER_3,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "usergroups.list": TIER_2,
}
LIMITS |= {"chat.postEphemeral": TIER_4, "chat.postMessage": POSTING, "chat.update": TIER_3}
LIMITS |= dict.fromkeys(("views.open", "views.publish", "views.push", "views.update"), TIER_4)


class RateLimits:
    """Counts the app's calls. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, dict[str, deque[float]]] = {
            method: defaultdict(partial(deque, maxlen=most)) for method, (most, _) in LIMITS.items()
        }

    def fault(self, method: str, arguments: Mapping[str, Any]) -> Fault | None:
        """Count a call; return Slack's answer if it is one too many, which then does not count."""
        if method not in LIMITS:
            return None
        (most, seconds), now = LIMITS[method], self._clock()
        with self._lock:
            calls = self._calls[method][str(arguments.get("channel")) if method == "chat.postMessage" else ""]
            if len(calls) == most and now < calls[0] + seconds:
                return Fault(status=429, retry_after=math.ceil(calls[0] + seconds - now))
            calls.append(now)
        return None
