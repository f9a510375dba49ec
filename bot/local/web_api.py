"""The methods of Slack's Web API that a bot like this one calls, answering as Slack would."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.local.blocks import refusal
from bot.local.people import Channel, Directory, Installation
from bot.local.response_urls import Fault
from bot.local.screens import Message, Screens

Answer = dict[str, Any]
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the Web API. `ignored` names the arguments that Slack would not have looked at."""

    method: str
    arguments: Mapping[str, Any] = field(repr=False)
    status: int
    answer: Mapping[str, Any] = field(repr=False)
    ignored: tuple[str, ...]
    at: float

    @property
    def error(self) -> str | None:
        return self.answer.get("error")


@dataclass(frozen=True, slots=True)
class _Method:
    run: Callable[[Mapping[str, Any]], Answer]
    arguments: frozenset[str] = frozenset()
    scope: str | None = None
    open: bool = False


class WebApi:
    """The methods a bot like this one calls; any other is `unknown_method`, as in Slack."""

    def __init__(self, app: Installation, directory: Directory, screens: Screens, clock: Callable[[], float]) -> None:
        self._app = app
        self._directory = directory
        self._screens = screens
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: list[ApiCall] = []
        self._methods = {
            "api.test": _Method(lambda arguments: {"ok": True, "args": dict(arguments)}, open=True),
            "auth.test": _Method(self._auth_test),
            "bots.info": _Method(self._bots_info, frozenset({"bot", "team_id"}), "users:read"),
            "users.info": _Method(self._users_info, frozenset({"user", "include_locale"}), "users:read"),
            "chat.postEphemeral": _Method(
                self._post_ephemeral, frozenset({"channel", "user", "text", "blocks"}), "chat:write"
            ),
            "chat.postMessage": _Method(
                self._post_message,
                frozenset({"channel", "text", "blocks", "unfurl_links", "unfurl_media"}),
                "chat:write",
            ),
        }

    def calls(self) -> tuple[ApiCall, ...]:
        with self._lock:
            return tuple(self._calls)

    def call(self, name: str, token: str | None, arguments: Mapping[str, Any], fault: Fault | None) -> ApiCall:
        if fault and fault.status:
            answer = {
                "ok": False,
                "error": "ratelimited" if fault.status == TOO_MANY_REQUESTS else "internal_error",
            }
        else:
            answer = self._answer(name, token, arguments)
        method = self._methods.get(name)
        known = method.arguments if method else frozenset(arguments)
        call = ApiCall(
            method=name,
            arguments=arguments,
            status=(fault and fault.status) or 200,
            answer=answer,
            ignored=tuple(sorted(set(arguments) - known)),
            at=self._clock(),
        )
        with self._lock:
            self._calls.append(call)
        return call

    def _answer(self, name: str, token: str | None, arguments: Mapping[str, Any]) -> Answer:
        method = self._methods.get(name)
        if method is None:
            return {"ok": False, "error": "unknown_method", "req_method": name}
        if not method.open and token != self._app.bot_token:
            return {"ok": False, "error": "invalid_auth" if token else "not_authed"}
        if method.scope and method.scope not in self._app.scopes:
            provided = ",".join(self._app.scopes)
            return {"ok": False, "error": "missing_scope", "needed": method.scope, "provided": provided}
        return method.run(arguments)

    def _auth_test(self, _arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/auth.test"""
        answer = {
            "ok": True,
            "url": f"https://{self._app.team_domain}.slack.com/",
            "team": self._app.team_domain,
            "user": self._app.bot_name,
            "team_id": self._app.team_id,
            "user_id": self._app.bot_user_id,
            "bot_id": self._app.bot_id,
            "is_enterprise_install": False,
        }
        return answer | ({"enterprise_id": self._app.enterprise_id} if self._app.enterprise_id else {})

    def _bots_info(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/bots.info"""
        if arguments.get("bot") != self._app.bot_id:
            return {"ok": False, "error": "bot_not_found"}
        bot = {
            "id": self._app.bot_id,
            "deleted": False,
            "name": self._app.bot_name,
            "updated": 1_735_689_600,
            "app_id": self._app.app_id,
            "user_id": self._app.bot_user_id,
            "icons": {},
        }
        return {"ok": True, "bot": bot}

    def _users_info(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/users.info"""
        person = self._directory.person(str(arguments.get("user", "")))
        if person is None:
            return {"ok": False, "error": "user_not_found"}
        with_email = "users:read.email" in self._app.scopes
        return {"ok": True, "user": person.user_object(home_team=self._app.team_id, with_email=with_email)}

    def _post_ephemeral(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.postEphemeral"""
        channel = self._target(arguments, ("channel", "user"))
        if isinstance(channel, dict):
            return channel
        user = str(arguments["user"])
        person = self._directory.person(user)
        if person is None or person.deleted or user not in channel.members:
            return _failed("user_not_in_channel")
        shown = self._post(arguments, channel, only_for=user)
        return shown if isinstance(shown, dict) else {"ok": True, "message_ts": shown.ts}

    def _post_message(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.postMessage"""
        channel = self._target(arguments, ("channel",))
        if isinstance(channel, dict):
            return channel
        shown = self._post(arguments, channel, only_for=None)
        return shown if isinstance(shown, dict) else {"ok": True, "channel": channel.id, "ts": shown.ts}

    def _target(self, arguments: Mapping[str, Any], required: tuple[str, ...]) -> Channel | Answer:
        """The channel to post to, or the answer that refuses."""
        unsupported = sorted({"attachments", "markdown_text", "thread_ts"} & arguments.keys())
        if unsupported:
            return _failed("invalid_arguments", tuple(f"the stand-in does not know `{name}`" for name in unsupported))
        missing = tuple(f"missing required field: {name}" for name in required if not arguments.get(name))
        if missing:
            return _failed("invalid_arguments", missing)
        channel = self._postable(str(arguments["channel"]))
        return _failed(channel) if isinstance(channel, str) else channel

    def _post(self, arguments: Mapping[str, Any], channel: Channel, only_for: str | None) -> Message | Answer:
        """The message, on screen; or the answer that refuses its content."""
        content = {name: arguments[name] for name in ("text", "blocks") if arguments.get(name)}
        if refused := refusal(content):
            return _failed(refused.code, refused.problems)
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


def _failed(code: str, problems: tuple[str, ...] = ()) -> Answer:
    answer: Answer = {"ok": False, "error": code}
    if problems:
        answer["errors"] = list(problems)
        answer["response_metadata"] = {"messages": [f"[ERROR] {problem}" for problem in problems]}
    return answer
