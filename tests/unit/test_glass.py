"""What a member did, as the glass words it."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.local.page.glass import _in_words
from bot.local.slack.exchanges import Exchange, Kind

VIEW = {"title": {"text": "Request access"}}


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("button", {"actions": [{"text": {"text": "New link"}}]}, "pressed “New link”"),
        ("choice", {"actions": [{"action_id": "alias"}]}, "chose in “alias”"),
        ("submission", {"view": VIEW}, "submitted “Request access”"),
        ("closing", {"view": VIEW}, "closed “Request access”"),
        ("shortcut", {"callback_id": "open_studio"}, "used the shortcut “open_studio”"),
    ],
)
def test_an_interaction_is_told_in_words(kind: Kind, payload: dict[str, Any], words: str) -> None:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    assert _in_words(Exchange("1", kind, "U0ANA", "", 0, body)) == words


def test_an_opened_home_and_a_command_are_told_in_words() -> None:
    opened = json.dumps({"event": {"tab": "home"}}).encode()
    assert _in_words(Exchange("1", "event", "U0ANA", "", 0, opened)) == "opened the app's home tab"
    typed = urlencode({"command": "/studio", "text": "prod"}).encode()
    assert _in_words(Exchange("1", "command", "U0ANA", "", 0, typed)) == "/studio prod"
