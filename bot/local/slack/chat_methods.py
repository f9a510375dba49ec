"""`chat.postEphemeral`, `chat.postMessage` and `chat.update`. https://docs.slack.dev/reference/methods"""

from typing import Any

from bot.local.slack.blocks import refusal
from bot.local.slack.methods import Answer, Arguments, method
from bot.local.slack.people import Channel
from bot.local.slack.refusals import Refusal
from bot.local.slack.screens import Message
from bot.local.slack.state import WorkspaceState


@method("chat.postEphemeral", "channel text blocks user", scope="chat:write")
def post_ephemeral(state: WorkspaceState, arguments: Arguments) -> Answer:
    channel = _target(state, arguments, "channel", "user")
    user = str(arguments["user"])
    person = state.directory.person(user)
    if person is None or person.deleted or user not in channel.members:
        raise Refusal("user_not_in_channel")
    return {"message_ts": _post(state, arguments, channel, only_for=user).ts}


@method("chat.postMessage", "channel text blocks unfurl_links unfurl_media", scope="chat:write")
def post_message(state: WorkspaceState, arguments: Arguments) -> Answer:
    channel = _target(state, arguments, "channel")
    return {"channel": channel.id, "ts": _post(state, arguments, channel, only_for=None).ts}


@method("chat.update", "channel text blocks ts", scope="chat:write")
def update(state: WorkspaceState, arguments: Arguments) -> Answer:
    """Ephemeral messages and those of others are out of reach."""
    channel = _target(state, arguments, "channel", "ts")
    old = state.screens.find(str(arguments["ts"]))
    if old is None or old.channel != channel.id or old.ephemeral:
        raise Refusal("message_not_found")
    if old.source != "app":
        raise Refusal("cant_update_message")
    text, blocks = _content(arguments)
    state.screens.update(old.ts, text, blocks, None)
    return {"channel": channel.id, "ts": old.ts, "text": text}


def _target(state: WorkspaceState, arguments: Arguments, *required: str) -> Channel:
    """Return the channel to post to. A message "to a user" goes to their direct conversation with the app."""
    unsupported = sorted({"attachments", "markdown_text", "thread_ts"} & arguments.keys())
    if unsupported:
        raise Refusal("invalid_arguments", tuple(f"the stand-in does not know `{name}`" for name in unsupported))
    missing = tuple(f"missing required field: {name}" for name in required if not arguments.get(name))
    if missing:
        raise Refusal("invalid_arguments", missing)
    target, app = str(arguments["channel"]), state.installation.bot_user_id
    person = state.directory.person(target)
    if person is not None and not person.deleted and not person.bot and "user" not in arguments:
        target = state.directory.direct_message(target, app)
    channel = state.directory.channel(target)
    here = channel is not None and app in channel.members
    if channel is None or (channel.kind != "public" and not here):
        raise Refusal("channel_not_found")  # a channel that the bot cannot see does not exist for it
    if not here:
        raise Refusal("not_in_channel")
    if channel.archived:
        raise Refusal("is_archived")
    return channel


def _post(state: WorkspaceState, arguments: Arguments, channel: Channel, only_for: str | None) -> Message:
    text, blocks = _content(arguments)
    return state.screens.post(Message("", channel.id, text, blocks, only_for=only_for))


def _content(arguments: Arguments) -> tuple[str, tuple[Any, ...]]:
    content = {name: arguments[name] for name in ("text", "blocks") if arguments.get(name)}
    if refused := refusal(content):
        raise refused
    return content.get("text", ""), tuple(content.get("blocks", ()))
