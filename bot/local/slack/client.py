"""Members' actions in their Slack client, and the client's reaction to the app's acknowledgement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.local.slack import elements, payloads
from bot.local.slack.blocks import check_suggestions, check_view
from bot.local.slack.elements import Values
from bot.local.slack.exchanges import Exchange, command_reply, reply_json
from bot.local.slack.features import HOME_OPENED, MESSAGE
from bot.local.slack.people import Channel
from bot.local.slack.refusals import Refusal
from bot.local.slack.screens import Message
from bot.local.slack.sending import Sender
from bot.local.slack.suggestions import MIN_QUERY, Suggestions
from bot.local.slack.views import View

GENERAL = "C0GENERAL01"
NO_CONNECTION = "We had some trouble connecting. Try again?"
NO_OPTIONS = "Results could not be loaded"


@dataclass(frozen=True, slots=True)
class Submission:
    """The outcome of submitting a modal, as the member reads it.

    `errors` stand below the fields, by block id; without an exchange, the client found them by itself. `trouble` is
    shown if the app gave no usable answer.
    """

    exchange: Exchange | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


class Client(Sender):
    """The clients of all members: each call names the member. Returns once the app has acknowledged, or failed to."""

    url: str  # of the workspace, for `response_url`s

    def say(self, user_id: str, text: str, *, channel: str = GENERAL) -> Message:
        """Type an ordinary message. The app receives those in its own conversation, if it subscribes to them."""
        place, written = self._channel(channel), payloads.escaped(text, self.directory)
        exchange, person = self._begin("event", user_id, channel), self._person(user_id)
        said = self.screens.post(Message("", place.id, written, source="member", author=person.id))
        if channel == self.directory.direct_message(user_id, self.installation.bot_user_id):
            event = {"type": "message", "channel_type": "im", "channel": channel, "user": user_id, "text": written}
            self._post_event(exchange, {**event, "ts": said.ts}, subscription=MESSAGE)
        return said

    def command(
        self,
        user_id: str,
        text: str = "",
        *,
        command: str = "/studio",
        channel: str = GENERAL,
        overrides: Mapping[str, str | None] | None = None,
    ) -> Exchange:
        """Type a slash command. https://docs.slack.dev/interactivity/implementing-slash-commands

        `overrides` replaces fields of the payload, or removes them (None), as another app's request would differ.
        """
        person, place = self._person(user_id), self._channel(channel)
        exchange = self._begin("command", user_id, channel)
        fields: dict[str, str | None] = {
            **payloads.command_fields(self.installation, person, place),
            "command": command,
            "text": payloads.escaped(text, self.directory) if self._should_escape else text,
            "response_url": self.url + self._urls.issue(exchange.id, user_id, channel),
            "trigger_id": exchange.id,
            **(overrides or {}),
        }
        done = self._post_form(exchange, {name: value for name, value in fields.items() if value is not None})
        for message in command_reply(done, command):
            if message.source == "slack" and done.ack == "ok":
                self._report(done, "invalid_command_response")
            self.screens.post(message)
        return done

    def not_a_command(self, user_id: str, command: str, channel: str) -> None:
        """Show Slack's answer to a command that no app has."""
        text = f"`{command}` is not a valid command. Ordinary messages cannot begin with a slash."
        self.screens.post(Message("", channel, text, (), user_id, "slack"))

    def press(
        self,
        user_id: str,
        where: Message | View,
        action_id: str,
        *,
        block_id: str | None = None,
        values: Values | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Exchange:
        """Press a button or use another element, in a message or view that is on this member's screen.

        `block_id` distinguishes elements with the same `action_id`. Following a button's `url` is up to the caller.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        where = self._on_screen(user_id, where)
        _, element = elements.find(where.blocks, action_id, block_id)
        channel = where.channel if isinstance(where, Message) else ""
        exchange = self._begin("button" if element["type"] == "button" else "choice", user_id, channel)
        given = self._chosen(where, values)
        fields = {
            **self._place(where, exchange, given),
            "trigger_id": exchange.id,
            "actions": [payloads.action(where.blocks, action_id, block_id, given, self._clock())],
            **(overrides or {}),
        }
        done = self._interact(exchange, "block_actions", **fields)
        if done.ack != "ok" and isinstance(where, Message):
            # Slack draws a warning triangle beside the element.
            label = element["text"]["text"] if "text" in element else action_id
            line = f"\u26a0 {label}: {done.ack}"
            self.screens.post(Message("", where.channel, line, (), user_id, "slack", exchange.id))
        return done

    def suggest(
        self, user_id: str, view: View, action_id: str, typed: str = "", *, block_id: str | None = None
    ) -> Suggestions:
        """Type into a select with suggested options, in a view on this member's screen.

        The payload has no `trigger_id`, and the input in it is that of the last opening or update of the view:
        https://github.com/slackapi/bolt-js/issues/1146
        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        view = self.views.on_screen(user_id, view.id)
        block, element = elements.find(view.blocks, action_id, block_id)
        if element["type"] != "external_select":
            raise LookupError(f"{action_id!r} has options of its own")
        if len(typed) < element.get("min_query_length", MIN_QUERY):
            return Suggestions()
        if not (self.features.suggestions or self.socket_mode.enabled):
            return Suggestions(trouble=NO_OPTIONS)
        asked = {"block_id": block["block_id"], "action_id": action_id, "value": typed}
        shown = payloads.in_view(self.installation, view, {})
        done = self._interact(self._begin("suggestion", user_id), "block_suggestion", **asked, **shown)
        answer = reply_json(done)
        if done.ack != "ok":
            return Suggestions(done, trouble=NO_OPTIONS)
        if problems := check_suggestions(answer):
            self._report(done, "; ".join(problems))
            return Suggestions(done, trouble=NO_OPTIONS)
        self._offers.add(view.id, block["block_id"], action_id, answer["options"])
        return Suggestions(done, tuple(answer["options"]))

    def submit(self, user_id: str, values: Values | None = None, *, view: View | None = None) -> Submission:
        """Submit a modal, by default the top one. https://docs.slack.dev/surfaces/modals#handling_submissions"""
        view = self.views.on_screen(user_id, (view or self.modal(user_id)).id)
        values = self._chosen(view, values)
        if errors := elements.incomplete(view.blocks, values):
            return Submission(errors=errors)
        exchange = self._begin("submission", user_id)
        shown = view.as_payload(self.installation, elements.state(view.blocks, values))
        done = self._interact(exchange, "view_submission", trigger_id=exchange.id, view=shown, response_urls=[])
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
        self._report(done, problem)
        return Submission(done, trouble=NO_CONNECTION)

    def close(self, user_id: str, *, view: View | None = None, everything: bool = False) -> tuple[Exchange, ...]:
        """Close a modal, the top one by default, or the whole stack. The app is notified if the modal says so.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_closed
        """
        view = self.views.on_screen(user_id, (view or self.modal(user_id)).id)
        everything = everything or bool(view.content.get("clear_on_close"))
        return tuple(
            self._interact(
                self._begin("closing", user_id),
                "view_closed",
                view=closed.as_payload(self.installation),
                is_cleared=everything,
            )
            for closed in self.views.close(user_id, everything=everything)
            if closed.content.get("notify_on_close")
        )

    def shortcut(self, user_id: str, callback_id: str) -> Exchange:
        """Use a global shortcut. https://docs.slack.dev/interactivity/implementing-shortcuts"""
        exchange, at = self._begin("shortcut", user_id), f"{self._clock():.6f}"
        return self._interact(exchange, "shortcut", callback_id=callback_id, trigger_id=exchange.id, action_ts=at)

    def open_home(self, user_id: str, tab: str = "home") -> Exchange | None:
        """Open a tab of the app's home. https://docs.slack.dev/reference/events/app_home_opened"""
        channel = self.directory.direct_message(user_id, self.installation.bot_user_id)
        home = self.views.home(user_id) if tab == "home" else None
        shown = {"view": home.as_payload(self.installation)} if home else {}
        event = {"type": HOME_OPENED, "user": user_id, "channel": channel, "tab": tab, **shown}
        return self._post_event(self._begin("event", user_id, channel), event)

    def account_changed(self, user_id: str) -> Exchange | None:
        """Tell the app that an account has changed. https://docs.slack.dev/reference/events/user_change"""
        user = self._person(user_id).user_object(home_team=self.installation.team_id)
        return self._post_event(self._begin("event", ""), {"type": "user_change", "user": user})

    def dismiss(self, event: str) -> Exchange | None:
        """Uninstall the app or revoke its tokens. https://docs.slack.dev/reference/events/app_uninstalled"""
        return self._post_event(self._begin("event", ""), {"type": event})

    def modal(self, user_id: str) -> View:
        """Return the modal on top of this member's screen; LookupError if none is open."""
        if stack := self.views.stack(user_id):
            return stack[-1]
        raise LookupError(f"no modal is open for {user_id}")

    def _chosen(self, where: Message | View, values: Values | None) -> Values:
        place = where.id if isinstance(where, View) else where.ts
        return self._offers.chosen(place, where.blocks, values or {})

    def _report(self, done: Exchange, problem: str) -> None:
        done.problem = problem
        self.changes.note()

    def _place(self, where: Message | View, exchange: Exchange, values: Values) -> dict[str, Any]:
        if isinstance(where, View):
            return payloads.in_view(self.installation, where, values)
        path = self._urls.issue(exchange.id, exchange.user_id, where.channel, where.ts)
        shown = payloads.in_message(self.installation, self._channel(where.channel), where, values)
        return {**shown, "response_url": self.url + path}

    def _apply(self, view: View, answer: Mapping[str, Any]) -> str:
        """Do what a submission's acknowledgement asks for, and return the problem with it, if any."""
        user_id, action = view.user_id, answer.get("response_action")
        content = answer.get("view") or {}
        if answer and action not in ("clear", "update", "push"):
            return "response_action must be errors, update, push or clear"
        if action in ("update", "push") and (problems := check_view(content, "modal")):
            return "; ".join(problems)
        try:
            if action == "push":
                self.views.push(user_id, content)
            elif action == "update":
                self.views.update(content, view_id=view.id)
            else:
                self.views.close(user_id, everything=action == "clear")
        except Refusal as refusal:
            return refusal.code
        return ""

    def _on_screen(self, user_id: str, where: Message | View) -> Message | View:
        if isinstance(where, View):
            return self.views.on_screen(user_id, where.id)
        return self.screens.on_screen(user_id, where.ts)

    def _channel(self, channel_id: str) -> Channel:
        if channel := self.directory.channel(channel_id):
            return channel
        raise LookupError(f"no channel {channel_id}: add_channel() it first")


def _bad_errors(view: View, errors: Any) -> str:
    """Return the mistakes in the errors of an answer, which must name input blocks of the submitted view."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not all(isinstance(text, str) for text in errors.values()):
        return "errors must be an object of texts"
    foreign = sorted(set(errors) - inputs)
    return f"errors for what is no input block: {', '.join(foreign)}" if foreign else ""
