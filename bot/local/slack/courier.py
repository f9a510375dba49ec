"""Carrying requests to the bot: signed as Slack signs, posted once, and remembered."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from bot.local.recent import Recent
from bot.local.slack.exchanges import Exchange, Kind, send
from bot.local.slack.payloads import signature
from bot.local.slack.screens import Screens
from bot.local.slack.socket_mode import SocketMode
from bot.local.slack.triggers import Triggers


class Courier:
    """Everything that goes to the app: to `request_url`, or through its connections where it has Socket Mode on."""

    def __init__(
        self,
        secret: str,
        screens: Screens,
        triggers: Triggers,
        socket_mode: SocketMode,
        clock: Callable[[], float],
        *,
        patience: float,
        changed: Callable[[], None],
    ) -> None:
        self.request_url = "http://127.0.0.1:3000/slack/events"
        self._secret = secret
        self._screens = screens
        self._triggers = triggers
        self._socket_mode = socket_mode
        self._clock = clock
        self.patience = patience
        self._changed = changed
        self._exchanges: Recent[Exchange] = Recent()

    def exchanges(self) -> tuple[Exchange, ...]:
        return self._exchanges.all()

    def begin(self, kind: Kind, user_id: str, channel: str) -> Exchange:
        """Something that this member did, before it is sent; its id is a fresh `trigger_id`."""
        before, trigger = self._screens.revision, self._triggers.issue(user_id)
        return Exchange(trigger, kind, user_id, channel, before=before, at=self._clock())

    def post_form(self, exchange: Exchange, fields: Mapping[str, str]) -> Exchange:
        """As Slack sends a command."""
        body = urlencode(fields).encode()
        return self.deliver(replace(exchange, body=body, headers=self.sign(body)))

    def post_payload(self, exchange: Exchange, payload: Mapping[str, Any]) -> Exchange:
        """As Slack sends an interaction."""
        return self.post_form(exchange, {"payload": json.dumps(payload)})

    def post_event(self, exchange: Exchange, event: Mapping[str, Any]) -> Exchange:
        """As Slack sends an event."""
        body = json.dumps(event).encode()
        headers = {**self.sign(body), "Content-Type": "application/json"}
        return self.deliver(replace(exchange, body=body, headers=headers))

    def deliver(self, exchange: Exchange) -> Exchange:
        """Post what the exchange holds, and remember how that went."""
        if self._socket_mode.enabled:
            done = self._socket_mode.deliver(exchange, self.patience)
        else:
            done = send(exchange, self.request_url, self.patience)
        self._exchanges.add(done)
        self._changed()
        return done

    def amend(self, done: Exchange, problem: str) -> Exchange:
        """Note what was wrong with the reply to an exchange."""
        done.problem = problem
        self._changed()
        return done

    def sign(self, body: bytes, *, secret: str | None = None, at: float | None = None) -> dict[str, str]:
        """The signature headers for a body."""
        return signature(body, secret or self._secret, self._clock() if at is None else at)
