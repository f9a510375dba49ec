"""`chat.postEphemeral`, `chat.postMessage` and `chat.update`, with Slack's rules and error codes."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.local.slack.blocks import refusal
from bot.local.slack.methods import Answer, Method, failed
from bot.local.slack.people import Channel, Directory, Installation
from bot.local.slack.screens import Message, Screens


class ChatMethods:
    """The methods that put messages on screens.

    `direct` gives the direct conversation between the app and a member: a message "to a user" goes there.
    """

    def __init__(
        self, app: Installation, directory: Directory, screens: Screens, direct: Callable[[str], str]
    ) -> None:
        self._app = app
        self._directory = directory
        self._screens = screens
        self._direct = direct

    def all(self) -> dict[str, Method]:
        content = {"channel", "text", "blocks"}
        return {
            "chat.postEphemeral": Method(self._post_ephemeral, frozenset({*content, "user"}), "chat:write"),
            "chat.postMessage": Method(
                self._post_message, frozenset({*content, "unfurl_links", "unfurl_media"}), "chat:write"
            ),
            "chat.update": Method(self._update, frozenset({*content, "ts"}), "chat:write"),
        }

    def _post_ephemeral(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.postEphemeral"""
        channel = self._target(arguments, ("channel", "user"))
        if isinstance(channel, dict):
            return channel
        user = str(arguments["user"])
        person = self._directory.person(user)
        if person is None or person.deleted or user not in channel.members:
            return failed("user_not_in_channel")
        shown = self._post(arguments, channel, only_for=user)
        return shown if isinstance(shown, dict) else {"ok": True, "message_ts": shown.ts}

    def _post_message(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.postMessage"""
        channel = self._target(arguments, ("channel",))
        if isinstance(channel, dict):
            return channel
        shown = self._post(arguments, channel, only_for=None)
        return shown if isinstance(shown, dict) else {"ok": True, "channel": channel.id, "ts": shown.ts}

    def _update(self, arguments: Mapping[str, Any]) -> Answer:
        """Ephemeral messages and those of others are out of reach. https://docs.slack.dev/reference/methods/chat.update"""
        channel = self._target(arguments, ("channel", "ts"))
        if isinstance(channel, dict):
            return channel
        old = self._screens.find(str(arguments["ts"]))
        if old is None or old.channel != channel.id or old.ephemeral:
            return failed("message_not_found")
        if old.source != "app":
            return failed("cant_update_message")
        content = _content(arguments)
        if refused := refusal(content):
            return failed(refused.code, refused.problems)
        text = content.get("text", "")
        self._screens.update(old.ts, text, tuple(content.get("blocks", ())), None)
        return {"ok": True, "channel": channel.id, "ts": old.ts, "text": text}

    def _target(self, arguments: Mapping[str, Any], required: tuple[str, ...]) -> Channel | Answer:
        """The channel to post to, or the answer that refuses."""
        unsupported = sorted({"attachments", "markdown_text", "thread_ts"} & arguments.keys())
        if unsupported:
            return failed("invalid_arguments", tuple(f"the stand-in does not know `{name}`" for name in unsupported))
        missing = tuple(f"missing required field: {name}" for name in required if not arguments.get(name))
        if missing:
            return failed("invalid_arguments", missing)
        target = str(arguments["channel"])
        person = self._directory.person(target)
        if person is not None and not person.deleted and not person.bot and "user" not in arguments:
            target = self._direct(target)
        channel = self._postable(target)
        return failed(channel) if isinstance(channel, str) else channel

    def _post(self, arguments: Mapping[str, Any], channel: Channel, only_for: str | None) -> Message | Answer:
        """The message, on screen; or the answer that refuses its content."""
        content = _content(arguments)
        if refused := refusal(content):
            return failed(refused.code, refused.problems)
        text, blocks = content.get("text", ""), tuple(content.get("blocks", ()))
        return self._screens.post(Message("", channel.id, text, blocks, only_for=only_for))

    def _postable(self, channel_id: str) -> Channel | str:
        """The channel, or the error for a bot that cannot post there."""
        channel = self._directory.channel(channel_id)
        here = channel is not None and self._app.bot_user_id in channel.members
        if channel is None or (channel.kind != "public" and not here):
            # What the bot cannot see does not exist for it.
            return "channel_not_found"
        if not here:
            return "not_in_channel"
        return "is_archived" if channel.archived else channel


def _content(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in ("text", "blocks") if arguments.get(name)}
