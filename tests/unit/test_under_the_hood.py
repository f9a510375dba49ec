"""How the demo's page describes what a member did."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.local.page.under_the_hood import describe
from bot.local.slack.exchanges import Exchange, Kind

VIEW = {"title": {"text": "Request access"}}


def said(exchange: Exchange) -> str:
    what = describe(exchange)
    return str(what["words"]).replace("{name}", what["name"])


@pytest.mark.parametrize(
    ("kind", "payload", "text"),
    [
        ("button", {"actions": [{"text": {"text": "New link"}}]}, "pressed “New link”"),
        ("suggestion", {"block_id": "domain"}, "searched in “domain”"),
        ("choice", {"actions": [{"action_id": "alias"}]}, "chose in “alias”"),
        ("submission", {"view": VIEW}, "submitted “Request access”"),
        ("closing", {"view": VIEW}, "closed “Request access”"),
        ("shortcut", {"callback_id": "open_studio"}, "used the shortcut “open_studio”"),
    ],
)
def test_describe_names_the_element_of_an_interaction(kind: Kind, payload: dict[str, Any], text: str) -> None:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    assert said(Exchange("1", kind, "U0ANA", "", 0, body)) == text


def test_describe_names_an_opened_tab_and_a_command() -> None:
    opened = json.dumps({"event": {"tab": "home"}}).encode()
    assert said(Exchange("1", "event", "U0ANA", "", 0, opened)) == "opened the app's home tab"
    written = json.dumps({"event": {"type": "message", "text": "hello"}}).encode()
    assert said(Exchange("1", "event", "U0ANA", "", 0, written)) == "wrote “hello”"
    typed = urlencode({"command": "/studio", "text": "prod"}).encode()
    assert said(Exchange("1", "command", "U0ANA", "", 0, typed)) == "/studio prod"
