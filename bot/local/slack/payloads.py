"""The payloads of Slack's requests to an app, and their signature."""

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
    """Return the form fields of a slash command for its author and place.

    `user_name`, `team_domain`, `channel_name` and `token` are deprecated but still sent.
    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    return {
        "token": app.verification_token,
        "api_app_id": app.app_id,
        "is_enterprise_install": "false",
        "team_id": app.team_id,
        "team_domain": app.team_domain,
        "enterprise_id": app.enterprise_id,
        "channel_id": place.id,
        "channel_name": place.name_in_payload,
        "user_id": person.id,
        "user_name": person.name,
    }


def interaction(app: Installation, person: Person, kind: str) -> dict[str, Any]:
    """Return the fields of every interaction. https://docs.slack.dev/reference/interaction-payloads"""
    return {
        "type": kind,
        "api_app_id": app.app_id,
        "token": app.verification_token,
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
        "team": {"id": app.team_id, "domain": app.team_domain},
        "enterprise": {"id": app.enterprise_id, "name": app.team_domain} if app.enterprise_id else None,
        "is_enterprise_install": False,
    }


def in_message(app: Installation, place: Channel, message: Message, values: Values) -> dict[str, Any]:
    """Return the fields of an action in a message, besides `interaction`.

    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    container = {"type": "message", "message_ts": message.ts, "channel_id": place.id}
    payload: dict[str, Any] = {
        "container": {**container, "is_ephemeral": message.ephemeral},
        "channel": {"id": place.id, "name": place.name_in_payload},
        "state": elements.state(message.blocks, values),
    }
    if not message.ephemeral:
        # Slack does not keep ephemeral messages, so it sends only others along.
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
    """Return the fields of an action in a modal or in App Home, which has no channel and no `response_url`."""
    shown = view.as_payload(app, elements.state(view.blocks, values))
    return {"container": {"type": "view", "view_id": view.id}, "view": shown}


def action(
    blocks: Sequence[Block], action_id: str, block_id: str | None, values: Values, at: float
) -> dict[str, Any]:
    """Return the entry of `actions`: a button with its `value` and `url`, or an element with its choice."""
    block, element = elements.find(blocks, action_id, block_id)
    ids = {"action_id": action_id, "block_id": block["block_id"], "action_ts": f"{at:.6f}"}
    if element["type"] == "button":
        return {name: value for name, value in element.items() if name != "confirm"} | ids
    chosen = values.get(block["block_id"], {}).get(action_id)
    kept = {name: element[name] for name in ("type", "placeholder") if name in element}
    return {**kept, **elements.content(element, chosen), **ids}


def event(app: Installation, event: Mapping[str, Any], at: float) -> dict[str, Any]:
    """Return an event in its wrapping. https://docs.slack.dev/apis/events-api/#event-type-structure"""
    bot = {"enterprise_id": app.enterprise_id, "team_id": app.team_id, "user_id": app.bot_user_id, "is_bot": True}
    return {
        "token": app.verification_token,
        "team_id": app.team_id,
        "api_app_id": app.app_id,
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(at),
        "event": {**event, "event_ts": f"{at:.6f}"},
        "authorizations": [{**bot, "is_enterprise_install": False}],
        "is_ext_shared_channel": False,
    }


def escaped(text: str, directory: Directory) -> str:
    """Escape a command's text as `should_escape` does: control characters become entities, mentions become ids.

    https://docs.slack.dev/interactivity/implementing-slash-commands#escaping
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if not {"@", "#"} & set(text):
        return safe
    groups = [group for group in directory.groups() if not group.disabled]
    known = {f"@{group.handle}": f"<!subteam^{group.id}|@{group.handle}>" for group in groups}
    known |= {f"@{person.name}": f"<@{person.id}|{person.name}>" for person in directory.people()}
    known |= {f"#{channel.name}": f"<#{channel.id}|{channel.name}>" for channel in directory.channels()}
    return re.sub(r"(?<!\S)[@#][\w.-]*\w", lambda match: known.get(match[0], match[0]), safe)


def signature(body: bytes, secret: str, at: float) -> dict[str, str]:
    """Return Slack's signature headers. https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    base = f"v0:{int(at)}:".encode() + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(int(at)), "X-Slack-Signature": f"v0={digest}"}
