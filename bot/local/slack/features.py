"""The features that the manifest enables. https://docs.slack.dev/reference/app-manifest"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

MANIFEST = "manifest.yml"
HOME_OPENED, MESSAGE = "app_home_opened", "message.im"


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command, as the composer offers it."""

    name: str
    description: str = ""
    usage: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A global shortcut."""

    name: str
    callback_id: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Features:
    """The enabled features. Without a manifest that is the one command, and nothing else."""

    commands: tuple[Command, ...] = (Command("/studio"),)
    shortcuts: tuple[Shortcut, ...] = ()
    home_tab: bool = False
    messages_tab: bool = True
    read_only: bool = False
    events: frozenset[str] = frozenset()  # Slack sends only those
    suggestions: bool = True  # without an Options Load URL, Slack asks for none over HTTP
    socket_mode: bool = False  # Slack sends everything through connections that the app opens


def from_manifest() -> Features:
    """Return the features of this product's manifest, at the root of the repository or in an installed package."""
    package = Path(str(resources.files("bot")))
    found = [path for path in (package.parent / MANIFEST, package / MANIFEST) if path.exists()]
    return read(yaml.safe_load(found[0].read_text(encoding="utf-8"))) if found else Features()


def read(manifest: Mapping[str, Any]) -> Features:
    """Return the features of a parsed manifest."""
    features: Mapping[str, Any] = manifest.get("features", {})
    home: Mapping[str, Any] = features.get("app_home", {})
    subscriptions: Mapping[str, Any] = manifest.get("settings", {}).get("event_subscriptions", {})
    return Features(
        commands=tuple(
            Command(each["command"], each.get("description", ""), each.get("usage_hint", ""))
            for each in features.get("slash_commands", ())
        ),
        shortcuts=tuple(
            Shortcut(each["name"], each["callback_id"], each.get("description", ""))
            for each in features.get("shortcuts", ())
            if each.get("type", "global") == "global"
        ),
        home_tab=home.get("home_tab_enabled", False),
        messages_tab=home.get("messages_tab_enabled", True),
        read_only=home.get("messages_tab_read_only_enabled", False),
        events=frozenset(subscriptions.get("bot_events", ())),
        suggestions="message_menu_options_url" in manifest.get("settings", {}).get("interactivity", {}),
        socket_mode=manifest.get("settings", {}).get("socket_mode_enabled", False),
    )
