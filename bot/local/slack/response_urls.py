"""`response_url`s with Slack's rules.

Five uses within 30 minutes; the URL of a command posts new messages, the URL of an interaction may also
replace or delete the message that holds the pressed element. Errors are those of incoming webhooks.
https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.local.faults import Fault
from bot.local.loopback import KEPT
from bot.local.slack.blocks import refusal
from bot.local.slack.changes import Changes
from bot.local.slack.screens import Message, Screens

MAX_USES = 5
LIFETIME_SECONDS = 30 * 60


@dataclass(slots=True)
class Delivery:
    """One post to a `response_url`, recorded when it arrives; `status` and `body` follow once it is answered."""

    exchange: str
    payload: Any = field(repr=False)
    at: float
    status: int | None = None
    body: str = ""


@dataclass(slots=True)
class _ResponseUrl:
    exchange: str
    user: str
    channel: str
    message: str | None
    issued: float
    uses: int = 0


class ResponseUrls:
    """Issues the URLs, and carries out and records the posts to them. Thread-safe."""

    def __init__(self, screens: Screens, team_id: str, clock: Callable[[], float], changes: Changes) -> None:
        self._screens, self._changes = screens, changes
        self._team_id = team_id
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, _ResponseUrl] = {}
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)

    def issue(self, exchange: str, user: str, channel: str, message: str | None = None) -> str:
        """Return the path of a new URL; `message` is the `ts` of the message of an interaction."""
        kind = "actions" if message else "commands"
        path = f"/{kind}/{self._team_id}/{secrets.randbelow(10**12):012d}/{secrets.token_urlsafe(18)}"
        with self._lock:
            self._issued[path] = _ResponseUrl(exchange, user, channel, message, self._clock())
        return path

    def record(self, path: str, payload: object) -> Delivery:
        """Record a post that has just arrived."""
        with self._lock:
            url = self._issued.get(path)
            delivery = Delivery(url.exchange if url else "", payload, self._clock())
        self.deliveries.append(delivery)
        self._changes.note()
        return delivery

    def answer(self, delivery: Delivery, path: str, fault: Fault) -> None:
        """Do what was posted, or refuse it."""
        with self._lock:
            url = self._issued.get(path)
            if not fault.takes_effect:
                status, body = 500, ""
            elif url is None:
                status, body = 404, "no_service"
            elif not isinstance(delivery.payload, Mapping):
                status, body = 400, "invalid_payload"
            else:
                status, body = self._use(url, delivery.payload)
            delivery.status, delivery.body = (fault.status, "fault") if fault.status else (status, body)
        self._changes.note()

    def _use(self, url: _ResponseUrl, payload: Mapping[str, Any]) -> tuple[int, str]:
        # Slack has changed the text of these two over the years; rely on the status.
        if self._clock() - url.issued > LIFETIME_SECONDS:
            return 404, '{"ok":false,"error":"expired_url"}'
        if url.uses >= MAX_USES:
            return 404, '{"ok":false,"error":"used_url"}'
        delete = url.message is not None and _set(payload, "delete_original")
        if refused := refusal({"text": "-", **payload} if delete else payload):  # a deletion needs no text
            return 400, refused.code
        # Slack does not document whether it also counts refused posts; here they do not count.
        url.uses += 1
        if delete:
            self._screens.remove(lambda message: message.ts == url.message)
        else:
            self._show(url, payload)
        return 200, "ok"

    def _show(self, url: _ResponseUrl, payload: Mapping[str, Any]) -> None:
        message = Message.from_payload(payload, url.channel, url.user, url.exchange)
        if url.message is not None and _set(payload, "replace_original"):
            # A message that is no longer there stays gone: Slack answers "ok" for accepted, not for seen.
            self._screens.update(url.message, message.text, message.blocks, url.exchange)
        else:
            self._screens.post(message)


def _set(payload: Mapping[str, Any], flag: str) -> bool:
    return payload.get(flag) in (True, "true")
