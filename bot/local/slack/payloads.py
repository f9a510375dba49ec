"""What Slack writes into the requests it sends to an app, and how it signs them."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from bot.local.slack import elements
from bot.local.slack.elements import Block, Values
from bot.local.slack.people import Channel, Directory, Installation, Person
from bot.local.slack.screens import Message
from bot.local.slack.views import View


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


def interaction(app: Installation, person: Person, kind: str) -> dict[str, Any]:
    """What every interaction tells: who did something, and where the app lives.

    https://docs.slack.dev/reference/interaction-payloads
    """
    return {
        "type": kind,
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
        "api_app_id": app.app_id,
        "token": app.verification_token,
        "team": {"id": app.team_id, "domain": app.team_domain},
        "enterprise": {"id": app.enterprise_id, "name": app.team_domain} if app.enterprise_id else None,
        "is_enterprise_install": False,
    }


def in_message(app: Installation, place: Channel, message: Message, values: Values) -> dict[str, Any]:
    """What is told of an action in a message, besides `interaction`.

    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    payload: dict[str, Any] = {
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": place.id,
            "is_ephemeral": message.ephemeral,
        },
        "channel": {"id": place.id, "name": place.name_in_payload},
        "state": elements.state(message.blocks, values),
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


def in_view(app: Installation, view: View, values: Values) -> dict[str, Any]:
    """What is told of an action in a modal or in App Home, besides `interaction`: no channel, no `response_url`."""
    return {
        "container": {"type": "view", "view_id": view.id},
        "view": view.as_payload(app, elements.state(view.blocks, values)),
    }


def action(
    blocks: Sequence[Block], action_id: str, block_id: str | None, values: Values, at: float
) -> dict[str, Any]:
    """The entry of `actions`: a button with its `value` and `url`, or an element with what was chosen."""
    block, element = elements.find(blocks, action_id, block_id)
    told = {"action_id": action_id, "block_id": block["block_id"], "action_ts": f"{at:.6f}"}
    if element["type"] == "button":
        return {name: value for name, value in element.items() if name != "confirm"} | told
    chosen = values.get(block["block_id"], {}).get(action_id)
    kept = {name: element[name] for name in ("type", "placeholder") if name in element}
    return {**kept, **elements.content(element, chosen), **told}


def event(app: Installation, what: Mapping[str, Any], at: float) -> dict[str, Any]:
    """An event in its wrapping. https://docs.slack.dev/apis/events-api/#event-type-structure"""
    return {
        "token": app.verification_token,
        "team_id": app.team_id,
        "api_app_id": app.app_id,
        "event": {**what, "event_ts": f"{at:.6f}"},
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(at),
        "authorizations": [
            {
                "enterprise_id": app.enterprise_id,
                "team_id": app.team_id,
                "user_id": app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def escaped(text: str, directory: Directory) -> str:
    """What `should_escape` does to a command's text: control characters become entities, mentions become ids.

    https://docs.slack.dev/interactivity/implementing-slash-commands#escaping
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if not {"@", "#"} & set(text):
        return safe
    people = {f"@{person.name}": f"<@{person.id}|{person.name}>" for person in directory.people()}
    channels = {f"#{each.name}": f"<#{each.id}|{each.name}>" for each in directory.channels()}
    groups = {
        f"@{each.handle}": f"<!subteam^{each.id}|@{each.handle}>" for each in directory.groups() if not each.disabled
    }
    known = groups | people | channels
    return re.sub(r"(?<!\S)[@#][\w.-]*\w", lambda match: known.get(match[0], match[0]), safe)


def signature(body: bytes, secret: str, at: float) -> dict[str, str]:
    """Slack's signature headers. https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    timestamp = str(int(at))
    base = b"v0:" + timestamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}
