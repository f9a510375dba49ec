"""The app's manifest, over both transports."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.core.values import InvalidValue
from bot.slack.manifest import PLACEHOLDER, manifest, scopes

ROOT = Path(__file__).parent.parent.parent
BOTH = pytest.mark.parametrize("socket", [False, True], ids=["HTTP", "Socket Mode"])


def parsed(*, socket: bool = False, url: str = PLACEHOLDER) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(manifest(socket=socket, url=url))
    return loaded


def addresses(app: dict[str, Any]) -> list[str | None]:
    settings = app["settings"]
    return [
        app["features"]["slash_commands"][0].get("url"),
        settings["event_subscriptions"].get("request_url"),
        settings["interactivity"].get("request_url"),
        settings["interactivity"].get("message_menu_options_url"),
    ]


@BOTH
def test_manifest_matches_slacks_schema(*, socket: bool) -> None:
    from jsonschema import Draft7Validator

    schema = json.loads((ROOT / "tests/data/slack-manifest.schema.json").read_text())

    Draft7Validator(schema).validate(parsed(socket=socket))


@BOTH
def test_manifest_keeps_rules_missing_from_the_schema(*, socket: bool) -> None:
    app = parsed(socket=socket)
    info, command = app["display_information"], app["features"]["slash_commands"][0]
    assert len(info["name"]) <= 35
    assert len(info["description"]) <= 140
    assert 175 <= len(info["long_description"]) <= 4000
    assert len(app["features"]["bot_user"]["display_name"]) <= 80
    for shortcut in app["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["callback_id"]) <= 255
    assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])
    assert len(command["description"]) <= 2000
    assert len(command["usage_hint"]) <= 1000
    assert command["should_escape"] is True
    assert app["settings"]["token_rotation_enabled"] is False
    assert app["settings"]["socket_mode_enabled"] is socket


@BOTH
def test_manifest_requests_only_used_scopes(*, socket: bool) -> None:
    methods = (ROOT / "bot/slack/client.py").read_text()
    needed = {"commands"}
    needed |= {"chat:write"} if "chat_postEphemeral" in methods else set()
    needed |= {"users:read"} if "users_info" in methods else set()
    needed |= {"users:read.email"} if "users_list" in methods else set()
    needed |= {"usergroups:read"} if "usergroups_users_list" in methods else set()

    events = parsed(socket=socket)["settings"]["event_subscriptions"]["bot_events"]
    needed |= {"im:history"} if "message.im" in events else set()

    assert set(parsed(socket=socket)["oauth_config"]["scopes"]["bot"]) == needed


def test_variants_differ_only_in_transport() -> None:
    http, socket = parsed(), parsed(socket=True)
    assert set(addresses(http)) == {f"{PLACEHOLDER}/slack/events"}
    assert set(addresses(socket)) == {None}

    del http["features"]["slash_commands"][0]["url"]
    del http["settings"]["event_subscriptions"]["request_url"], http["settings"]["interactivity"]["request_url"]
    del http["settings"]["interactivity"]["message_menu_options_url"]
    http["settings"]["socket_mode_enabled"] = True
    assert http == socket


def test_scopes_are_those_of_the_manifest_each_with_a_purpose() -> None:
    assert list(scopes()) == parsed()["oauth_config"]["scopes"]["bot"]
    assert all(scopes().values())


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("https://studio.example.com", "https://studio.example.com/slack/events"),
        ("https://studio.example.com/", "https://studio.example.com/slack/events"),
        ("https://studio.example.com/slack/events", "https://studio.example.com/slack/events"),
        ("https://example.com:8443/bots/studio/", "https://example.com:8443/bots/studio/slack/events"),
    ],
)
def test_url_is_written_to_every_field(given: str, written: str) -> None:
    assert set(addresses(parsed(url=given))) == {written}


@pytest.mark.parametrize(
    "address",
    [
        "http://studio.example.com",
        "studio.example.com",
        "",
        "https://",
        "https://studio.example.com/?a=b",
        "https://me@studio.example.com",
        "https://studio.example.com # comment",
        "https://studio.example.com\nmalicious: true",
        f"https://{'a' * 3000}.example.com",
    ],
)
def test_url_that_slack_would_not_accept_is_refused(address: str) -> None:
    with pytest.raises(InvalidValue):
        manifest(url=address)
