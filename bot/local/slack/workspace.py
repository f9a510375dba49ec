"""A stand-in for a Slack workspace that speaks Slack's own wire protocol on this machine's loopback.

It signs and posts to the bot what members do (commands, presses, choices, submitted modals, an opened home),
serves the Web API and the `response_url`s that the bot answers through, and keeps what each member has on screen.
Everything goes over HTTP or Socket Mode, as it would with Slack.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from bot.local.faults import Faults
from bot.local.loopback import LoopbackServer
from bot.local.slack.client import GENERAL as GENERAL  # noqa: PLC0414 - offered here too, as are SCOPES
from bot.local.slack.client import Client
from bot.local.slack.exchanges import Exchange
from bot.local.slack.features import Features
from bot.local.slack.people import SCOPES as SCOPES  # noqa: PLC0414
from bot.local.slack.people import SLACKBOT, Channel, Installation, Person, UserGroup
from bot.local.slack.rendering import render
from bot.local.slack.response_urls import Delivery
from bot.local.slack.screens import Message
from bot.local.slack.state import WorkspaceState
from bot.local.slack.web import build_app
from bot.local.slack.web_api import ApiCall, WebApi

# https://docs.slack.dev/interactivity/implementing-slash-commands#responding_basic_receipt
ACK_SECONDS = 3.0


class Workspace(Client, LoopbackServer):
    """One workspace with the app installed. Further arguments of its constructor are fields of `Installation`."""

    def __init__(
        self,
        *,
        port: int = 0,
        should_escape: bool = True,
        features: Features | None = None,
        ack_seconds: float = ACK_SECONDS,
        clock: Callable[[], float] = time.time,
        rate_limits: bool = False,
        **installation: Any,
    ) -> None:
        state = WorkspaceState(Installation(**installation), features or Features(), clock, rate_limits)
        Client.__init__(self, state, ack_seconds=ack_seconds, should_escape=should_escape)
        self._api = WebApi(state)
        faults = Faults()
        self.app = build_app(self._api, self._urls, faults)
        LoopbackServer.__init__(self, self.app, port, faults)
        self.bot_token, self.app_token = self.installation.bot_token, self.installation.app_token
        self.signing_secret = self.installation.signing_secret
        self.view, self.home, self.wait_until = self.screens.view, self.views.home, self.changes.wait_until
        # The page's content under the hood for a member, if the demo provides it.
        self.under_the_hood: Callable[[str], list[dict[str, Any]]] | None = None
        # The steps of the page's tour that are done, if the demo has one.
        self.tour: Callable[[], list[str]] | None = None
        self.directory.put(Channel(GENERAL, "general", topic="Everyone is here, and the bot"))
        self.add_member(SLACKBOT, "slackbot", real_name="Slackbot")
        self.add_member(self.installation.bot_user_id, self.installation.bot_name, bot=True)

    def start(self) -> Self:
        """Listen for the app's calls, and for its connections if it is to open any."""
        if self.socket_mode.enabled:
            self.socket_mode.start()
        return super().start()

    def release_waiting(self) -> None:
        self.socket_mode.stop()
        self.changes.close()
        super().release_waiting()

    @property
    def api_url(self) -> str:
        """The bot's `SLACK_API_URL`."""
        return f"{self.url}/api/"

    def add_member(self, user_id: str, name: str, **traits: Any) -> Person:
        """Add or change an account by its fields of `Person`. All but deactivated accounts are in #general."""
        person = replace(Person(user_id, name, self.installation.team_id), **traits)
        self.directory.put(person)
        if not person.deleted:
            self.directory.join(GENERAL, user_id)
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

    def direct_message(self, one: str, other: str | None = None) -> str:
        """Return the id of the direct conversation between two members, or of one with the bot."""
        return self.directory.direct_message(one, other or self.installation.bot_user_id)

    def reload(self, user_id: str) -> None:
        """Reload this member's client: their ephemeral messages are gone, as Slack does not keep them."""
        self.screens.remove(lambda message: message.only_for == user_id)

    def wait_for(
        self, user_id: str, until: Callable[[list[Message]], object] | None = None, *, timeout: float = 5.0
    ) -> list[Message]:
        """Return this member's screen once `until` is true of it, or once it differs from now."""
        before = self.view(user_id)
        return self.screens.wait(user_id, until or (lambda screen: screen != before), timeout)

    def answer_to(self, exchange: Exchange, *, timeout: float = 5.0) -> Message:
        """Return the message this exchange led to: new or replaced, by its `response_url` or through the Web API."""

        def answers(screen: list[Message]) -> list[Message]:
            fresh = [message for message in screen if message.revision > exchange.before]
            return [message for message in fresh if message.exchange in (None, exchange.id)]

        return answers(self.screens.wait(exchange.user_id, answers, timeout))[-1]

    def render(self, message: Message) -> str:
        """Return the message as text for a terminal."""
        names = {person.id: person.name for person in self.directory.people()}
        names |= {channel.id: channel.name for channel in self.directory.channels()}
        return render(message, names)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(self._exchanges.copy())

    @property
    def api_calls(self) -> tuple[ApiCall, ...]:
        return tuple(self._api.calls.copy())

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Every post to a `response_url`, refused ones included."""
        return tuple(self._urls.deliveries.copy())
