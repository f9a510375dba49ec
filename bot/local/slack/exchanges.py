"""One request from Slack to the bot, and what Slack makes of the acknowledgement."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from bot.local.slack.blocks import refusal
from bot.local.slack.screens import Message

Kind = Literal["command", "button", "choice", "submission", "closing", "shortcut", "suggestion", "event"]
Ack = Literal["ok", "operation_timeout", "dispatch_failed"]
MAX_REPLY_BYTES = 256 * 1024


@dataclass(slots=True)
class Exchange:
    """A request and how the bot acknowledged it. `id` is the `trigger_id`; the request stays out of the `repr`."""

    id: str
    kind: Kind
    user_id: str
    channel_id: str
    before: int  # the revision of the screens when it was sent: later messages have a higher one
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ack: Ack = "dispatch_failed"
    status: int | None = None
    seconds: float = 0.0
    reply: str = field(default="", repr=False)
    reply_type: str = ""
    at: float = 0.0
    problem: str = ""  # the parts of the reply that Slack would refuse

    @property
    def fields(self) -> dict[str, Any]:
        """The command's form fields, or the decoded payload of an interaction or event."""
        if self.kind == "event":
            return dict(json.loads(self.body))
        form: dict[str, Any] = dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        return json.loads(form["payload"]) if "payload" in form and "command" not in form else form

    @property
    def response_url(self) -> str:
        return str(self.fields["response_url"])

    def unanswered(self) -> Self:
        """Return a copy that is still to be sent."""
        return replace(self, ack="dispatch_failed", status=None, reply="", reply_type="", problem="")


def send(exchange: Exchange, request_url: str, timeout: float) -> Exchange:
    """Post an exchange's request to the bot, once, and return the exchange with the acknowledgement.

    Slack repeats events that are not acknowledged; the stand-in does not.
    https://docs.slack.dev/apis/events-api/#retries
    """
    target = urlsplit(request_url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=timeout)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "application/json,*/*",
        **exchange.headers,
    }
    exchange = exchange.unanswered()
    started = time.perf_counter()
    try:
        connection.request("POST", target.path or "/", exchange.body, headers)
        response = connection.getresponse()
        exchange.reply = response.read(MAX_REPLY_BYTES).decode(errors="replace")
        exchange.status, exchange.reply_type = response.status, response.getheader("Content-Type", "")
        if response.status == HTTPStatus.OK:
            exchange.ack = "ok"
    except TimeoutError:
        exchange.ack = "operation_timeout"
    except (OSError, http.client.HTTPException):
        pass  # nothing listens there, or what answers is not HTTP
    finally:
        exchange.seconds = time.perf_counter() - started
        connection.close()
    if exchange.seconds > timeout:
        exchange.ack = "operation_timeout"
    return exchange


def reply_json(exchange: Exchange) -> Any:
    """Return the content of the acknowledgement: {} if it is empty, None if it is not JSON."""
    if not exchange.reply.strip():
        return {}
    try:
        return json.loads(exchange.reply) if exchange.reply_type.startswith("application/json") else None
    except ValueError:
        return None


def command_reply(exchange: Exchange, command: str) -> list[Message]:
    """Return the reply that a command's acknowledgement shows: nothing, the bot's, or Slack's message of a failure.

    https://docs.slack.dev/interactivity/implementing-slash-commands#responding_immediate_response
    """
    code: str = exchange.ack if exchange.ack != "ok" else ""
    payload = reply_json(exchange)
    if not code and exchange.reply.strip() and not exchange.reply_type.startswith("application/json"):
        payload = {"text": exchange.reply}
    elif not code and payload != {} and (not isinstance(payload, dict) or refusal(payload)):
        code = "invalid_command_response"
    if code:
        text = f'{command} failed with the error "{code}"'
        return [Message("", exchange.channel_id, text, (), exchange.user_id, "slack", exchange.id)]
    return [Message.from_payload(payload, exchange.channel_id, exchange.user_id, exchange.id)] if payload else []
