"""Send requests to the app: signed as Slack signs, sent once, and recorded."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from bot.local.loopback import KEPT
from bot.local.slack import payloads
from bot.local.slack.exchanges import Exchange, Kind, send
from bot.local.slack.people import Person
from bot.local.slack.state import WorkspaceState


class Sender:
    """Send everything that goes to the app: over Socket Mode if that is on, and to `request_url` otherwise."""

    def __init__(self, state: WorkspaceState, *, ack_seconds: float, should_escape: bool) -> None:
        self.request_url = "http://127.0.0.1:3000/slack/events"
        self.installation, self.features, self.directory = state.installation, state.features, state.directory
        self.screens, self.views, self.changes = state.screens, state.views, state.changes
        self.socket_mode = state.socket_mode
        self._urls, self._triggers, self._clock = state.urls, state.triggers, state.clock
        self._offers = state.offers
        self._ack_seconds = ack_seconds
        self._should_escape = should_escape
        self._exchanges: deque[Exchange] = deque(maxlen=KEPT)

    def replay(self, exchange: Exchange, headers: Mapping[str, str] | None = None) -> Exchange:
        """Send the bytes of an earlier exchange again, with other `headers` (see `sign`). The reply is not shown."""
        headers = {**exchange.headers, **(headers or {})}
        return self._deliver(replace(exchange, headers=headers, before=self.screens.revision))

    def sign(self, body: bytes, *, secret: str | None = None, at: float | None = None) -> dict[str, str]:
        """Return the signature headers for a body, with another secret or time where a test needs that."""
        secret = secret or self.installation.signing_secret
        return payloads.signature(body, secret, self._clock() if at is None else at)

    def _begin(self, kind: Kind, user_id: str, channel: str = "") -> Exchange:
        """Return the exchange of something that this member did; its id is a fresh `trigger_id`."""
        before, trigger = self.screens.revision, self._triggers.issue(user_id)
        return Exchange(trigger, kind, user_id, channel, before=before, at=self._clock())

    def _interact(self, exchange: Exchange, kind: str, /, **fields: Any) -> Exchange:
        payload = payloads.interaction(self.installation, self._person(exchange.user_id), kind) | fields
        return self._post_form(exchange, {"payload": json.dumps(payload)})

    def _post_form(self, exchange: Exchange, fields: Mapping[str, str]) -> Exchange:
        body = urlencode(fields).encode()
        return self._deliver(replace(exchange, body=body, headers=self.sign(body)))

    def _post_event(self, exchange: Exchange, event: Mapping[str, Any], subscription: str = "") -> Exchange | None:
        if (subscription or event["type"]) not in self.features.events:
            return None
        body = json.dumps(payloads.event(self.installation, event, self._clock())).encode()
        headers = {**self.sign(body), "Content-Type": "application/json"}
        return self._deliver(replace(exchange, body=body, headers=headers))

    def _deliver(self, exchange: Exchange) -> Exchange:
        if self.socket_mode.enabled:
            done = self.socket_mode.deliver(exchange, self._ack_seconds)
        else:
            done = send(exchange, self.request_url, self._ack_seconds)
        self._exchanges.append(done)
        self.changes.note()
        return done

    def _person(self, user_id: str) -> Person:
        if person := self.directory.person(user_id):
            return person
        raise LookupError(f"no member {user_id}: add_member() them first")
