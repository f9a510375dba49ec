"""Methods for messages and views. https://docs.slack.dev/reference/methods"""

import json
from typing import Any

from bot.local.slack.blocks import check_view, refusal
from bot.local.slack.methods import Answer, Arguments, method
from bot.local.slack.people import Channel
from bot.local.slack.refusals import Refusal
from bot.local.slack.screens import Message
from bot.local.slack.state import WorkspaceState
from bot.local.slack.views import View

MAX_VIEW_BYTES = 250_000


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


@method("views.open", "trigger_id view")
def open_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    _check(arguments, "modal")
    return _shown(state, state.views.open(state.triggers.take(arguments.get("trigger_id")), arguments["view"]))


@method("views.push", "trigger_id view")
def push_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    _check(arguments, "modal")
    return _shown(state, state.views.push(state.triggers.take(arguments.get("trigger_id")), arguments["view"]))


@method("views.update", "view_id external_id hash view")
def update_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    view_id, external_id = arguments.get("view_id"), arguments.get("external_id")
    if not view_id and not external_id:
        raise Refusal("invalid_arguments", ("missing required field: view_id or external_id",))
    _check(arguments, None)
    known_hash = arguments.get("hash", "")
    view = state.views.update(arguments["view"], view_id=view_id, external_id=external_id, known_hash=known_hash)
    return _shown(state, view)


@method("views.publish", "user_id hash view")
def publish_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    _check(arguments, "home")
    if not state.features.home_tab:
        raise Refusal("not_enabled")
    user = str(arguments.get("user_id", ""))
    if state.directory.person(user) is None:
        raise Refusal("invalid_arguments", ("invalid `user_id`",))
    return _shown(state, state.views.publish(user, arguments["view"], arguments.get("hash", "")))


def _shown(state: WorkspaceState, view: View) -> Answer:
    return {"view": view.as_payload(state.installation)}


def _check(arguments: Arguments, kind: str | None) -> None:
    view = arguments.get("view")
    if problems := check_view(view, kind):
        raise Refusal("invalid_arguments", tuple(problems))
    if len(json.dumps(view)) > MAX_VIEW_BYTES:
        raise Refusal("view_too_large")
