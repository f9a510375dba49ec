"""What Slack writes into the requests it sends to an app, and how it signs them."""

import hashlib
import hmac
import re
from typing import Any

from bot.local.people import Channel, Directory, Installation, Person
from bot.local.screens import Message


def command_fields(app: Installation, person: Person, place: Channel) -> dict[str, str | None]:
    """The form fields of a slash command that say who typed it and where.

    `user_name`, `team_domain`, `channel_name` and `token` are deprecated but still sent.
    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    return {
        "token": app.verification_token,
        "team_id": app.team_id,
        "team_domain": app.team_domain,
        "enterprise_id": app.enterprise_id,
        "channel_id": place.id,
        "channel_name": place.name_in_payload,
        "user_id": person.id,
        "user_name": person.name,
        "api_app_id": app.app_id,
        "is_enterprise_install": "false",
    }


def block_actions(app: Installation, person: Person, place: Channel, message: Message) -> dict[str, Any]:
    """The payload of a press, save what is particular to this one press.

    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
        "api_app_id": app.app_id,
        "token": app.verification_token,
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": place.id,
            "is_ephemeral": message.ephemeral,
        },
        "team": {"id": app.team_id, "domain": app.team_domain},
        "enterprise": {"id": app.enterprise_id, "name": app.team_domain} if app.enterprise_id else None,
        "is_enterprise_install": False,
        "channel": {"id": place.id, "name": place.name_in_payload},
        "state": {"values": {}},
    }
    if not message.ephemeral:
        # Slack does not keep ephemeral messages, so only others come along.
        payload["message"] = {
            "type": "message",
            "bot_id": app.bot_id,
            "user": app.bot_user_id,
            "team": app.team_id,
            "ts": message.ts,
            "text": message.text,
            "blocks": list(message.blocks),
        }
    return payload


def pressed(message: Message, action_id: str, at: float) -> dict[str, Any]:
    """The entry of `actions` for a button, its `url` included."""
    message.button(action_id)
    block, element = next(pair for pair in message.elements() if pair[1]["action_id"] == action_id)
    action = {name: value for name, value in element.items() if name != "confirm"}
    return action | {"block_id": block["block_id"], "action_ts": f"{at:.6f}"}


def escaped(text: str, directory: Directory) -> str:
    """What `should_escape` does to a command's text: control characters become entities, mentions become ids.

    https://docs.slack.dev/interactivity/implementing-slash-commands#escaping
    """
    people = {f"@{person.name}": f"<@{person.id}|{person.name}>" for person in directory.people()}
    channels = {f"#{each.name}": f"<#{each.id}|{each.name}>" for each in directory.channels()}
    known = people | channels
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<!\S)[@#][\w.-]*\w", lambda match: known.get(match[0], match[0]), safe)


def signature(body: bytes, secret: str, at: float) -> dict[str, str]:
    """Slack's signature headers. https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    timestamp = str(int(at))
    base = b"v0:" + timestamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}
