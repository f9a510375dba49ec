"""A stand-in for a Slack workspace that speaks Slack's own wire protocol on this machine's loopback.

It signs and posts to the bot what members do (commands, presses, choices, submitted modals, an opened home),
serves the Web API and the `response_url`s that the bot answers through, and keeps what each member has on screen.
Tests and the demo share it. Everything goes over HTTP or Socket Mode, as it would with Slack; nothing of the bot is
imported.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self, Unpack

from bot.local.faults import Fault, Faults
from bot.local.loopback import LoopbackServer
from bot.local.slack import elements
from bot.local.slack.changes import Changes
from bot.local.slack.chat_methods import ChatMethods
from bot.local.slack.client import Client, Submission
from bot.local.slack.courier import Courier
from bot.local.slack.elements import Values
from bot.local.slack.exchanges import Exchange
from bot.local.slack.features import Features
from bot.local.slack.people import SLACKBOT, Channel, Directory, Installation, Person, UserGroup
from bot.local.slack.people import Traits as Traits  # noqa: PLC0414 - it is part of what this module offers
from bot.local.slack.rendering import RenderContext, render
from bot.local.slack.response_urls import Delivery, ResponseUrls
from bot.local.slack.screens import Message, Screens
from bot.local.slack.socket_mode import SocketMode
from bot.local.slack.triggers import Triggers
from bot.local.slack.view_methods import ViewMethods
from bot.local.slack.views import View, Views
from bot.local.slack.web import build_app
from bot.local.slack.web_api import ApiCall, WebApi

GENERAL = "C0GENERAL01"
# https://docs.slack.dev/interactivity/implementing-slash-commands#responding_basic_receipt
ACK_SECONDS = 3.0
SCOPES = ("commands", "chat:write", "users:read", "users:read.email", "usergroups:read")


class Workspace(LoopbackServer):
    """One workspace with the app installed."""

    def __init__(
        self,
        *,
        port: int = 0,
        team_id: str = "T0STUDIO01",
        app_id: str = "A0STUDIO01",
        bot_token: str | None = None,
        app_token: str | None = None,
        signing_secret: str | None = None,
        scopes: tuple[str, ...] = SCOPES,
        enterprise_id: str | None = None,
        should_escape: bool = True,
        features: Features | None = None,
        ack_seconds: float = ACK_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.installation = Installation(
            team_id=team_id,
            app_id=app_id,
            scopes=scopes,
            bot_token=bot_token or f"xoxb-{secrets.token_hex(12)}",
            app_token=app_token or f"xapp-1-{app_id}-{secrets.token_hex(12)}",
            signing_secret=signing_secret or secrets.token_hex(16),
            enterprise_id=enterprise_id,
        )
        self.features = features or Features()
        self.directory = Directory()
        self.changes = Changes()
        # What the page shows behind the glass for a member, where somebody can tell.
        self.glass: Callable[[str], list[dict[str, Any]]] | None = None
        self._clock = clock
        self._wire(ack_seconds, should_escape=should_escape)
        super().__init__(self.app, port)
        self.directory.put(Channel(GENERAL, "general", frozenset({self.installation.bot_user_id})))
        self.add_member(SLACKBOT, "slackbot", real_name="Slackbot")
        self.add_member(self.installation.bot_user_id, self.installation.bot_name, bot=True)

    def _wire(self, ack_seconds: float, *, should_escape: bool) -> None:
        app, clock, changed = self.installation, self._clock, self.changes.note
        triggers = Triggers(clock)
        self.screens = Screens(self.directory, clock, changed)
        self.views = Views(clock, changed)
        self._urls = ResponseUrls(self.screens, app.team_id, clock, changed)
        self.socket_mode = SocketMode(app.app_id, changed, enabled=self.features.socket_mode)
        self._courier = Courier(
            app.signing_secret,
            self.screens,
            triggers,
            self.socket_mode,
            clock,
            patience=ack_seconds,
            changed=changed,
        )
        self.client = Client(
            app=app,
            features=self.features,
            directory=self.directory,
            screens=self.screens,
            views=self.views,
            urls=self._urls,
            courier=self._courier,
            clock=clock,
            should_escape=should_escape,
            origin=lambda: self.url,
        )
        chat = ChatMethods(app, self.directory, self.screens, self.direct_message)
        views = ViewMethods(app, self.features, self.directory, self.views, triggers)
        methods = chat.all() | views.all() | self.socket_mode.methods()
        self._api = WebApi(app, self.directory, methods, clock, changed)
        self._faults = Faults()
        self.app = build_app(self._api, self._urls, self._faults)

    def start(self) -> Self:
        """Listen for the app's calls, and for its connections if it is to open any."""
        if self.socket_mode.enabled:
            self.socket_mode.start()
        return super().start()

    def release_waiting(self) -> None:
        self.socket_mode.stop()
        self._faults.stopped.set()
        self.changes.close()

    # Where it is

    @property
    def request_url(self) -> str:
        """Where the app takes what Slack sends."""
        return self._courier.request_url

    @request_url.setter
    def request_url(self, url: str) -> None:
        self._courier.request_url = url

    @property
    def api_url(self) -> str:
        """The bot's `SLACK_API_URL`."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.installation.bot_token

    @property
    def app_token(self) -> str:
        """The app-level token, with which the bot opens Socket Mode's connections."""
        return self.installation.app_token

    @property
    def signing_secret(self) -> str:
        return self.installation.signing_secret

    # Who and what is there

    def add_member(self, user_id: str, name: str, **traits: Unpack[Traits]) -> Person:
        """Add an account, or change one. Everyone but the deactivated is in #general."""
        person = replace(Person(user_id, name, self.installation.team_id), **traits)
        self.directory.put(person)
        if not person.deleted:
            self.directory.join(GENERAL, [user_id])
        return person

    def add_channel(self, channel: Channel) -> Channel:
        """Add a conversation, or change one. The bot is in it if its user id is among the members."""
        self.directory.put(channel)
        return channel

    def add_group(self, group_id: str, handle: str, *members: str, disabled: bool = False) -> UserGroup:
        """Add a user group, or change one."""
        group = UserGroup(group_id, handle, frozenset(members), disabled)
        self.directory.put(group)
        return group

    def set_topic(self, channel_id: str, topic: str) -> None:
        """Say what a conversation is about."""
        channel = self.directory.channel(channel_id)
        if channel is not None:
            self.directory.put(replace(channel, topic=topic))

    def say(self, user_id: str, text: str, *, channel: str = GENERAL) -> Message:
        """Have a member type an ordinary message."""
        return self.client.say(user_id, text, channel)

    def direct_message(self, one: str, other: str | None = None) -> str:
        """The id of the direct conversation between two members, or of one with the bot."""
        pair = frozenset({one, other or self.installation.bot_user_id})
        for channel in self.directory.channels():
            if channel.kind == "direct" and channel.members == pair:
                return channel.id
        digest = hashlib.sha256("".join(sorted(pair)).encode()).hexdigest()
        return self.add_channel(Channel(f"D{digest[:9].upper()}", "directmessage", pair, "direct")).id

    # What members do

    def command(
        self,
        user_id: str,
        text: str = "",
        *,
        command: str = "/studio",
        channel: str = GENERAL,
        overrides: Mapping[str, str | None] | None = None,
    ) -> Exchange:
        """Type a slash command and wait for its acknowledgement.

        `overrides` changes fields of the payload last of all, or takes them out (None): how the request of
        another app or workspace would look.
        """
        return self.client.command(user_id, text, command, channel, overrides)

    def press(
        self,
        user_id: str,
        where: Message | View,
        action_id: str,
        *,
        block_id: str | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Exchange:
        """Press a button on a message or view that is on this member's screen, and wait for the acknowledgement.

        `block_id` tells several buttons with the same `action_id` apart.
        """
        return self.client.act(user_id, where, action_id, block_id=block_id, overrides=overrides)

    def choose(
        self, user_id: str, where: Message | View, action_id: str, value: object, *, block_id: str | None = None
    ) -> Exchange:
        """Choose in a select, date picker, checkboxes or radio buttons: an option's value, an id, a date, a list."""
        block, _ = elements.find(where.blocks, action_id, block_id)
        values: Values = {block["block_id"]: {action_id: value}}
        return self.client.act(user_id, where, action_id, block_id=block["block_id"], values=values)

    def submit(self, user_id: str, values: Values | None = None) -> Submission:
        """Submit the modal on top of this member's screen, with this in its fields (see `elements.Values`)."""
        return self.client.submit(user_id, self.modal(user_id), values or {})

    def close(self, user_id: str, *, everything: bool = False) -> tuple[Exchange, ...]:
        """Close the modal on top of this member's screen, or all of them."""
        return self.client.close(user_id, self.modal(user_id), everything=everything)

    def shortcut(self, user_id: str, callback_id: str) -> Exchange:
        """Use one of the app's global shortcuts."""
        return self.client.shortcut(user_id, callback_id)

    def dismiss(self, event: str) -> Exchange | None:
        """Remove the app, or its token; see `client`."""
        return self.client.dismiss(event)

    def open_home(self, user_id: str, tab: str = "home") -> Exchange | None:
        """Open a tab of the app's home. None if the app does not subscribe to that event."""
        return self.client.open_home(user_id, self.direct_message(user_id), tab)

    def replay(self, exchange: Exchange, headers: Mapping[str, str] | None = None) -> Exchange:
        """Send the very bytes of an earlier exchange again, as whoever recorded them could.

        `headers` replaces some of its headers (see `sign`). The reply is not shown to the member.
        """
        again = replace(exchange, headers={**exchange.headers, **(headers or {})}, before=self.screens.revision)
        return self._courier.deliver(again)

    def reload(self, user_id: str) -> None:
        """Reload this member's client: their ephemeral messages are gone, as Slack does not keep them."""
        self.screens.remove(lambda message: message.only_for == user_id)

    # What members see

    def view(self, user_id: str) -> list[Message]:
        """What is on this member's screen now, oldest first."""
        return self.screens.view(user_id)

    def modal(self, user_id: str) -> View:
        """The modal on top of this member's screen; LookupError if there is none."""
        for view in reversed(self.views.stack(user_id)):
            return view
        raise LookupError(f"no modal is open for {user_id}")

    def home(self, user_id: str) -> View | None:
        """This member's App Home, once it was published."""
        return self.views.home(user_id)

    def wait_until(self, happened: Callable[[], object], *, timeout: float = 5.0) -> None:
        """Wait until something of the workspace is so; TimeoutError if that takes too long."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self.changes.count
            if happened():
                return
            if time.monotonic() >= deadline:
                raise TimeoutError(f"it is still not so after {timeout} s")
            self.changes.wait(seen, deadline - time.monotonic())

    def wait_for(
        self,
        user_id: str,
        until: Callable[[list[Message]], object] | None = None,
        *,
        timeout: float = 5.0,
    ) -> list[Message]:
        """This member's screen once `until` is true of it, or once it differs from now."""
        before = self.view(user_id)
        return self.screens.wait(user_id, until or (lambda screen: screen != before), timeout)

    def answer_to(self, exchange: Exchange, *, timeout: float = 5.0) -> Message:
        """The message this exchange led to: new or replaced, by its `response_url` or through the Web API."""

        def answers(screen: list[Message]) -> list[Message]:
            fresh = [message for message in screen if message.revision > exchange.before]
            return [message for message in fresh if message.exchange in (None, exchange.id)]

        return answers(self.screens.wait(exchange.user_id, answers, timeout))[-1]

    def render(self, message: Message) -> str:
        """The message as text for a terminal, in this machine's time zone."""
        names = {person.id: person.name for person in self.directory.people()}
        names |= {channel.id: channel.name for channel in self.directory.channels()}
        return render(message, RenderContext(names=names))

    # What happened, and what shall go wrong

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return self._courier.exchanges()

    @property
    def api_calls(self) -> tuple[ApiCall, ...]:
        return self._api.calls()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Everything posted to `response_url`s, refused posts included."""
        return self._urls.deliveries()

    def inject(self, target: str, *faults: Fault) -> None:
        """Make the next requests to `response_url`, or to this Web API method, fail: one fault each."""
        self._faults.inject(target, *faults)

    def sign(self, body: bytes, *, secret: str | None = None, at: float | None = None) -> dict[str, str]:
        """The signature headers for a body, with another secret or time where a test wants that."""
        return self._courier.sign(body, secret=secret, at=at)
