"""The workspace as the page shows it to one member: JSON with no more than this member may see."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from bot.local.slack.blocks import refusal
from bot.local.slack.exchanges import Exchange
from bot.local.slack.people import Channel, Person
from bot.local.slack.response_urls import Delivery
from bot.local.slack.screens import Message
from bot.local.slack.views import View
from bot.local.slack.web_api import ApiCall
from bot.local.slack.workspace import Workspace

Json = dict[str, Any]
# Errors that mean the app wrote something wrong. Others, like a channel without the bot, happen to any app.
MISTAKES = {"invalid_arguments", "invalid_blocks", "invalid_blocks_format", "invalid_payload"}
MISTAKES |= {"msg_too_long", "no_text", "unknown_method", "view_too_large"}


def snapshot(workspace: Workspace, user_id: str, since: float) -> Json:
    """Return everything on this member's screen.

    Their client was loaded at `since`, in monotonic seconds. As in Slack, older ephemerals and modals are gone.
    """
    commands = {exchange.id for exchange in workspace.exchanges if exchange.kind == "command"}
    messages = [
        _message(message, workspace, commands)
        for message in workspace.view(user_id)
        if not message.ephemeral or message.born > since
    ]
    home = workspace.home(user_id)
    return {
        "since": since,
        "revision": workspace.screens.revision,
        "me": user_id,
        "locale": next(person.locale for person in workspace.directory.members() if person.id == user_id),
        "team": "Studio links demo",
        "app": {"id": workspace.installation.bot_user_id, "name": workspace.installation.bot_name},
        "appChannel": workspace.direct_message(user_id),
        "members": [_person(person) for person in workspace.directory.members()],
        "channels": [
            _channel(channel, workspace, user_id)
            for channel in workspace.directory.channels()
            if user_id in channel.members
        ],
        "groups": [{"id": group.id, "name": group.handle} for group in workspace.directory.groups()],
        "messages": messages,
        "home": _view(home) if home else None,
        "modals": [_view(view) for view in workspace.views.stack(user_id) if view.born > since],
        "features": {**asdict(workspace.features), "events": sorted(workspace.features.events)},
        "tour": workspace.tour() if workspace.tour else None,
        "problems": mistakes(workspace.api_calls, workspace.deliveries, workspace.exchanges),
    }


def _person(person: Person) -> Json:
    guest = person.guest or person.single_channel_guest
    return {
        "id": person.id,
        "name": person.name,
        "title": person.title,
        "badge": "guest" if guest else "admin" if person.admin else "",
    }


def _channel(channel: Channel, workspace: Workspace, user_id: str) -> Json:
    bot = workspace.installation.bot_user_id
    peers = sorted(channel.members - {user_id}) if channel.kind == "direct" else []
    return {
        "id": channel.id,
        "kind": channel.kind,
        "name": channel.name,
        "topic": channel.topic,
        "peer": peers[0] if peers else None,
        "hasApp": bot in channel.members,
        "members": len(channel.members),
    }


def _message(message: Message, workspace: Workspace, commands: set[str]) -> Json:
    names = {"app": workspace.installation.bot_name, "slack": "Slackbot"}
    return {
        "ts": message.ts,
        "revision": message.revision,
        "channel": message.channel,
        "source": message.source,
        "author": message.author or names.get(message.source, ""),
        "onlyYou": message.ephemeral,
        # The answer to a command can't be replaced, not even when its link has expired.
        "stays": message.exchange in commands and any(button.url for button in message.buttons()),
        "text": message.text,
        "blocks": list(message.blocks),
    }


def _view(view: View) -> Json:
    return {**view.content, "id": view.id, "hash": view.hash, "blocks": list(view.blocks)}


def mistakes(calls: Iterable[ApiCall], deliveries: Iterable[Delivery], exchanges: Iterable[Exchange]) -> list[str]:
    """Return one line for each mistake, oldest first. They quote names and places of fields, never their content."""
    found = [
        (call.at, f"{call.method}: {call.error}: {_list(call.answer.get('errors', ()))}")
        for call in calls
        if call.error in MISTAKES
    ]
    for post in deliveries:
        if post.body in MISTAKES:
            refused = refusal(post.payload) if isinstance(post.payload, Mapping) else None
            found.append((post.at, f"response_url: {post.body}: {_list(refused.problems if refused else ())}"))
    found += [(each.at, f"{each.kind}: {each.problem}") for each in exchanges if each.problem]
    return [line for _, line in sorted(found)]


def _list(lines: Iterable[str]) -> str:
    return "; ".join(lines) or "no explanation"
