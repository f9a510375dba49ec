"""A stand-in for a Slack workspace that speaks Slack's own wire protocol on this machine's loopback.

It signs and posts slash commands and button presses to the bot, serves the Web API and the `response_url`s
that the bot answers through, and keeps what each member has on screen. Tests and the demo share it.
Everything goes over HTTP, as it would with Slack; nothing of the bot is imported.
"""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack
from urllib.parse import urlencode

from bot.local.exchanges import Exchange, command_reply, send
from bot.local.payloads import block_actions, command_fields, escaped, pressed, signature
from bot.local.people import SLACKBOT, Channel, Directory, Installation, Person
from bot.local.rendering import Reader, render
from bot.local.response_urls import Delivery, Fault, ResponseUrls
from bot.local.screens import Message, Screens
from bot.local.slack_web import Faults, LoopbackServer, build_app
from bot.local.web_api import ApiCall, WebApi

GENERAL = "C0GENERAL01"
# https://docs.slack.dev/interactivity/implementing-slash-commands#responding_basic_receipt
ACK_SECONDS = 3.0
SCOPES = ("commands", "chat:write", "users:read", "users:read.email", "usergroups:read")


class Traits(TypedDict, total=False):
    """What sets an account apart from a full, active member."""

    real_name: str
    email: str
    deleted: bool
    bot: bool
    guest: bool
    single_channel_guest: bool
    stranger: bool
    invited: bool
    admin: bool
    team_id: str
    enterprise_user: dict[str, Any]


class Workspace:
    """One workspace with the app installed. Use it as a context manager, or `start()` and `stop()` it."""

    def __init__(
        self,
        *,
        port: int = 0,
        team_id: str = "T0STUDIO01",
        app_id: str = "A0STUDIO01",
        bot_token: str | None = None,
        signing_secret: str | None = None,
        scopes: tuple[str, ...] = SCOPES,
        enterprise_id: str | None = None,
        should_escape: bool = True,
        ack_seconds: float = ACK_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.installation = Installation(
            team_id=team_id,
            app_id=app_id,
            scopes=scopes,
            bot_token=bot_token or f"xoxb-{secrets.token_hex(12)}",
            signing_secret=signing_secret or secrets.token_hex(16),
            enterprise_id=enterprise_id,
        )
        self.request_url = "http://127.0.0.1:3000/slack/events"
        self.directory = Directory()
        self.screens = Screens(self.directory, clock)
        self._urls = ResponseUrls(self.screens, team_id, clock)
        self._api = WebApi(self.installation, self.directory, self.screens, clock)
        self._faults = Faults()
        self.app = build_app(self._api, self._urls, self._faults)
        self._port = port
        self._clock = clock
        self._ack_seconds = ack_seconds
        self._should_escape = should_escape
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []
        self._server: LoopbackServer | None = None
        self._thread: threading.Thread | None = None
        self.directory.put(Channel(GENERAL, "general", frozenset({self.installation.bot_user_id})))
        self.add_member(SLACKBOT, "slackbot", real_name="Slackbot")
        self.add_member(self.installation.bot_user_id, self.installation.bot_name, bot=True)

    # Running it

    def start(self) -> Self:
        self._server = LoopbackServer(self._port, self.app)
        # How long it takes to notice stop(), in seconds.
        poll = 0.02
        self._thread = threading.Thread(target=self._server.serve_forever, args=(poll,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port once the requests under way are answered."""
        self._faults.stop()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the workspace has no address before start()")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        """The bot's `SLACK_API_URL`."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.installation.bot_token

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
        another app or workspace would look. https://docs.slack.dev/interactivity/implementing-slash-commands
        """
        exchange = self._new_exchange("command", user_id, channel)
        fields: dict[str, str | None] = {
            **command_fields(self.installation, self._person(user_id), self._channel(channel)),
            "command": command,
            "text": escaped(text, self.directory) if self._should_escape else text,
            "response_url": self.url + self._urls.issue(exchange.id, user_id, channel),
            "trigger_id": exchange.id,
            **(overrides or {}),
        }
        done = self._send(exchange, {name: value for name, value in fields.items() if value is not None})
        for message in command_reply(done, command):
            self.screens.post(message)
        return done

    def press(
        self, user_id: str, message: Message, action_id: str, *, overrides: Mapping[str, Any] | None = None
    ) -> Exchange:
        """Press a button on a message that is on this member's screen, and wait for the acknowledgement.

        A button with a `url` sends the same payload as any other; following the link is up to the caller.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        now = next((shown for shown in self.view(user_id) if shown.ts == message.ts), None)
        if now is None:
            raise LookupError(f"{message!r} is not on the screen of {user_id}")
        button = now.button(action_id)
        exchange = self._new_exchange("button", user_id, now.channel)
        payload = {
            **block_actions(self.installation, self._person(user_id), self._channel(now.channel), now),
            "trigger_id": exchange.id,
            "response_url": self.url + self._urls.issue(exchange.id, user_id, now.channel, now.ts),
            "actions": [pressed(now, action_id, self._clock())],
            **(overrides or {}),
        }
        done = self._send(exchange, {"payload": json.dumps(payload)})
        if done.ack != "ok":
            # Slack draws a warning triangle beside the button.
            line = f"\u26a0 {button.text}: {done.ack}"
            self.screens.post(Message("", now.channel, line, (), user_id, "slack", exchange.id))
        return done

    def replay(self, exchange: Exchange, headers: Mapping[str, str] | None = None) -> Exchange:
        """Send the very bytes of an earlier exchange again, as whoever recorded them could.

        `headers` replaces some of its headers (see `sign`). The reply is not shown to the member.
        """
        again = replace(exchange, headers={**exchange.headers, **(headers or {})}, before=self.screens.revision)
        return self._deliver(again)

    def reload(self, user_id: str) -> None:
        """Reload this member's client: their ephemeral messages are gone, as Slack does not keep them."""
        self.screens.remove(lambda message: message.only_for == user_id)

    # What members see

    def view(self, user_id: str) -> list[Message]:
        """What is on this member's screen now, oldest first."""
        return self.screens.view(user_id)

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
        return render(message, Reader(names=names))

    # What happened, and what shall go wrong

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        with self._lock:
            return tuple(self._exchanges)

    @property
    def api_calls(self) -> tuple[ApiCall, ...]:
        return self._api.calls()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Everything posted to `response_url`s, refused posts included."""
        return self._urls.deliveries()

    def inject(self, target: str, *faults: Fault) -> None:
        """Make the next requests to `response_url`, or to this Web API method, fail: one fault each."""
        self._faults.add(target, faults)

    def sign(self, body: bytes, *, secret: str | None = None, at: float | None = None) -> dict[str, str]:
        """The signature headers for a body, with another secret or time where a test wants that."""
        return signature(body, secret or self.signing_secret, self._clock() if at is None else at)

    # How

    def _new_exchange(self, kind: Literal["command", "button"], user_id: str, channel: str) -> Exchange:
        trigger = f"{secrets.randbelow(10**12):012d}.{secrets.randbelow(10**12):012d}.{secrets.token_hex(16)}"
        return Exchange(trigger, kind, user_id, channel, before=self.screens.revision)

    def _send(self, exchange: Exchange, fields: Mapping[str, str]) -> Exchange:
        body = urlencode(fields).encode()
        return self._deliver(replace(exchange, body=body, headers=self.sign(body)))

    def _deliver(self, exchange: Exchange) -> Exchange:
        done = send(exchange, self.request_url, self._ack_seconds)
        with self._lock:
            self._exchanges.append(done)
        return done

    def _person(self, user_id: str) -> Person:
        if person := self.directory.person(user_id):
            return person
        raise LookupError(f"no member {user_id}: add_member() them first")

    def _channel(self, channel_id: str) -> Channel:
        if channel := self.directory.channel(channel_id):
            return channel
        raise LookupError(f"no channel {channel_id}: add_channel() it first")
