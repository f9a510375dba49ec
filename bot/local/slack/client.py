"""What a member does in their Slack client, and what the client makes of the app's acknowledgement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.local.slack import elements, payloads
from bot.local.slack.blocks import check_view
from bot.local.slack.courier import Courier
from bot.local.slack.elements import Values
from bot.local.slack.exchanges import Exchange, command_reply, reply_json
from bot.local.slack.features import HOME_OPENED, Features
from bot.local.slack.people import Channel, Directory, Installation, Person
from bot.local.slack.response_urls import ResponseUrls
from bot.local.slack.screens import Message, Screens
from bot.local.slack.views import View, ViewRefused, Views

NO_CONNECTION = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class Submission:
    """What came of submitting a modal. Without an exchange, the client saw by itself that it is incomplete.

    Attributes:
        errors: what the member reads below the fields, by block id.
        trouble: what the member reads where the app gave no usable answer.
    """

    exchange: Exchange | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """Everybody's client: each call says whose it is. Returns once the app has acknowledged, or has failed to.

    Attributes:
        origin: where the workspace is reached, for `response_url`s.
    """

    app: Installation
    features: Features
    directory: Directory
    screens: Screens
    views: Views
    urls: ResponseUrls
    courier: Courier
    clock: Callable[[], float]
    should_escape: bool
    origin: Callable[[], str]

    def say(self, user_id: str, text: str, channel: str) -> Message:
        """Type an ordinary message. The app hears nothing of it: it subscribes to no messages."""
        person, place = self._person(user_id), self._channel(channel)
        return self.screens.post(
            Message("", place.id, payloads.escaped(text, self.directory), source="member", author=person.id)
        )

    def command(
        self, user_id: str, text: str, command: str, channel: str, overrides: Mapping[str, str | None] | None = None
    ) -> Exchange:
        """Type a slash command. https://docs.slack.dev/interactivity/implementing-slash-commands"""
        person, place = self._person(user_id), self._channel(channel)
        exchange = self.courier.begin("command", user_id, channel)
        fields: dict[str, str | None] = {
            **payloads.command_fields(self.app, person, place),
            "command": command,
            "text": payloads.escaped(text, self.directory) if self.should_escape else text,
            "response_url": self.origin() + self.urls.issue(exchange.id, user_id, channel),
            "trigger_id": exchange.id,
            **(overrides or {}),
        }
        done = self.courier.post_form(exchange, {name: value for name, value in fields.items() if value is not None})
        for message in command_reply(done, command):
            if message.source == "slack" and done.ack == "ok":
                done = self.courier.amend(done, "invalid_command_response")
            self.screens.post(message)
        return done

    def not_a_command(self, user_id: str, command: str, channel: str) -> None:
        """What Slack says to a command that no app has."""
        words = f"`{command}` is not a valid command. Ordinary messages cannot begin with a slash."
        self.screens.post(Message("", channel, words, (), user_id, "slack"))

    def act(
        self,
        user_id: str,
        where: Message | View,
        action_id: str,
        *,
        block_id: str | None = None,
        values: Values | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Exchange:
        """Press a button or choose something, in a message or view that is on this member's screen.

        A button with a `url` sends the same payload as any other; following the link is up to the caller.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        person = self._person(user_id)
        where = self._on_screen(user_id, where)
        _, element = elements.find(where.blocks, action_id, block_id)
        channel = where.channel if isinstance(where, Message) else ""
        exchange = self.courier.begin("button" if element["type"] == "button" else "choice", user_id, channel)
        given: Values = values or {}
        payload = {
            **payloads.interaction(self.app, person, "block_actions"),
            **self._place(where, exchange, given),
            "trigger_id": exchange.id,
            "actions": [payloads.action(where.blocks, action_id, block_id, given, self.clock())],
            **(overrides or {}),
        }
        done = self.courier.post_payload(exchange, payload)
        if done.ack != "ok" and isinstance(where, Message):
            # Slack draws a warning triangle beside the element.
            label = element["text"]["text"] if "text" in element else action_id
            line = f"\u26a0 {label}: {done.ack}"
            self.screens.post(Message("", where.channel, line, (), user_id, "slack", exchange.id))
        return done

    def submit(self, user_id: str, view: View, values: Values) -> Submission:
        """Submit a modal, and do what the acknowledgement says.

        https://docs.slack.dev/surfaces/modals#handling_submissions
        """
        view = self.views.on_screen(user_id, view.id)
        if errors := elements.incomplete(view.blocks, values):
            return Submission(errors=errors)
        exchange = self.courier.begin("submission", user_id, "")
        payload = {
            **payloads.interaction(self.app, self._person(user_id), "view_submission"),
            "trigger_id": exchange.id,
            "view": view.told(self.app, elements.state(view.blocks, values)),
            "response_urls": [],
        }
        done = self.courier.post_payload(exchange, payload)
        if done.ack != "ok":
            return Submission(done, trouble=NO_CONNECTION)
        answer = reply_json(done)
        problem = "the answer to a submission must be empty or a JSON object"
        if isinstance(answer, dict):
            action = answer.get("response_action")
            if action == "errors" and not (problem := _bad_errors(view, answer.get("errors"))):
                return Submission(done, errors=answer["errors"])
            if action != "errors" and not (problem := self._apply(view, answer)):
                return Submission(done)
        return Submission(self.courier.amend(done, problem), trouble=NO_CONNECTION)

    def close(self, user_id: str, view: View, *, everything: bool = False) -> tuple[Exchange, ...]:
        """Close a modal with its close button, or the whole stack with the cross. The app hears if it wants to.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_closed
        """
        view = self.views.on_screen(user_id, view.id)
        everything = everything or bool(view.content.get("clear_on_close"))
        told = []
        for gone in self.views.close(user_id, everything=everything):
            if gone.content.get("notify_on_close"):
                exchange = self.courier.begin("closing", user_id, "")
                payload = {
                    **payloads.interaction(self.app, self._person(user_id), "view_closed"),
                    "view": gone.told(self.app),
                    "is_cleared": everything,
                }
                told.append(self.courier.post_payload(exchange, payload))
        return tuple(told)

    def shortcut(self, user_id: str, callback_id: str) -> Exchange:
        """Use one of the app's global shortcuts, from wherever: there is no channel and no `response_url`.

        https://docs.slack.dev/interactivity/implementing-shortcuts
        """
        exchange = self.courier.begin("shortcut", user_id, "")
        payload = {
            **payloads.interaction(self.app, self._person(user_id), "shortcut"),
            "callback_id": callback_id,
            "trigger_id": exchange.id,
            "action_ts": f"{self.clock():.6f}",
        }
        return self.courier.post_payload(exchange, payload)

    def open_home(self, user_id: str, channel: str, tab: str) -> Exchange | None:
        """Open a tab of the app's home. The app hears of it only if it subscribes to the event.

        https://docs.slack.dev/reference/events/app_home_opened
        """
        if HOME_OPENED not in self.features.events:
            return None
        what: dict[str, Any] = {"type": HOME_OPENED, "user": user_id, "channel": channel, "tab": tab}
        if tab == "home" and (home := self.views.home(user_id)):
            what["view"] = home.told(self.app)
        exchange = self.courier.begin("event", user_id, channel)
        return self.courier.post_event(exchange, payloads.event(self.app, what, self.clock()))

    def dismiss(self, event: str) -> Exchange | None:
        """The workspace does without the app: `app_uninstalled`, or `tokens_revoked`. It hears of it like of a tab.

        https://docs.slack.dev/reference/events/app_uninstalled
        """
        if event not in self.features.events:
            return None
        exchange = self.courier.begin("event", "", "")
        return self.courier.post_event(exchange, payloads.event(self.app, {"type": event}, self.clock()))

    def _place(self, where: Message | View, exchange: Exchange, values: Values) -> dict[str, Any]:
        if isinstance(where, View):
            return payloads.in_view(self.app, where, values)
        path = self.urls.issue(exchange.id, exchange.user_id, where.channel, where.ts)
        told = payloads.in_message(self.app, self._channel(where.channel), where, values)
        return {**told, "response_url": self.origin() + path}

    def _apply(self, view: View, answer: Mapping[str, Any]) -> str:
        """Do what a submission's acknowledgement asks for; what is wrong with it, or nothing."""
        user_id, action = view.user_id, answer.get("response_action")
        if not answer:
            self.views.close(user_id)
        elif action == "clear":
            self.views.close(user_id, everything=True)
        elif action in ("update", "push"):
            content = answer.get("view") or {}
            if problems := check_view(content, "modal"):
                return "; ".join(problems)
            try:
                if action == "push":
                    self.views.push(user_id, content)
                else:
                    self.views.update(content, view_id=view.id)
            except ViewRefused as refused:
                return refused.code
        else:
            return "response_action must be errors, update, push or clear"
        return ""

    def _on_screen(self, user_id: str, where: Message | View) -> Message | View:
        """It as it is now; LookupError if it is not on this member's screen."""
        if isinstance(where, View):
            return self.views.on_screen(user_id, where.id)
        for shown in self.screens.view(user_id):
            if shown.ts == where.ts:
                return shown
        raise LookupError(f"{where!r} is not on the screen of {user_id}")

    def _person(self, user_id: str) -> Person:
        if person := self.directory.person(user_id):
            return person
        raise LookupError(f"no member {user_id}: add_member() them first")

    def _channel(self, channel_id: str) -> Channel:
        if channel := self.directory.channel(channel_id):
            return channel
        raise LookupError(f"no channel {channel_id}: add_channel() it first")


def _bad_errors(view: View, errors: Any) -> str:
    """Errors name input blocks of the view that was submitted."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not all(isinstance(words, str) for words in errors.values()):
        return "errors must be an object of texts"
    strangers = sorted(set(errors) - inputs)
    return f"errors for what is no input block: {', '.join(strangers)}" if strangers else ""
