"""Messages that members write to the bot in its Messages tab. https://docs.slack.dev/reference/events/message.im"""

import re
import threading
from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache

from bot.slack.payloads import SLACKBOT

# Seconds between two answers to the same person.
PAUSE = 10.0
# People whose last answer is remembered.
MAX_PEOPLE = 10_000
# One of these marks a message of an app, ours included.
NOT_A_PERSONS = ("bot_id", "app_id", "bot_profile")
# Subtypes of messages that people write; most have none. Other subtypes change a message, or report an event.
BY_PEOPLE = (None, "file_share", "me_message", "thread_broadcast")


class WrittenMessages:
    """Tell which messages need an answer: those of people, at most one in `PAUSE` seconds from each. Thread-safe.

    Only the message's own time counts, so one that Slack sends again is never answered twice.
    """

    def __init__(self) -> None:
        self._answered: LRUCache[str, float] = LRUCache(MAX_PEOPLE)
        self._lock = threading.Lock()

    def need_answer(self, body: Mapping[str, Any]) -> bool:
        """Check an event, and count it as answered if it needs an answer."""
        event: Mapping[str, Any] = body["event"]
        user, at = event.get("user"), event.get("ts")
        if event.get("channel_type") != "im" or any(event.get(mark) for mark in NOT_A_PERSONS):
            return False
        if event.get("subtype") not in BY_PEOPLE:
            return False
        if not isinstance(user, str) or user == SLACKBOT or not re.fullmatch(r"\d{1,12}\.\d{1,9}", str(at)):
            return False
        person, seconds = f"{body.get('team_id')}/{user}", float(str(at))
        with self._lock:
            if seconds < self._answered.get(person, -PAUSE) + PAUSE:
                return False
            self._answered[person] = seconds
        return True
