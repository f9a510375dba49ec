"""One request from Slack to the bot, and what Slack makes of the acknowledgement."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from bot.local.slack.blocks import refusal
from bot.local.slack.screens import Message

Kind = Literal["command", "button", "choice", "submission", "closing", "shortcut", "event"]
Ack = Literal["ok", "operation_timeout", "dispatch_failed"]
MAX_REPLY_BYTES = 256 * 1024


@dataclass(slots=True)
class Exchange:
    """What was sent, and how the bot took it. `id` is the `trigger_id`; the request stays out of the `repr`.

    `before` is the count of changes on the screens when it was sent: what came after can be told apart.
    `problem` says what Slack would not have taken of the reply.
    """

    id: str
    kind: Kind
    user_id: str
    channel_id: str
    before: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ack: Ack = "dispatch_failed"
    status: int | None = None
    seconds: float = 0.0
    reply: str = field(default="", repr=False)
    reply_type: str = ""
    at: float = 0.0
    problem: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The command's form fields, or the decoded payload of an interaction or event."""
        if self.kind == "event":
            event: dict[str, Any] = json.loads(self.body)
            return event
        form: dict[str, Any] = dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        return json.loads(form["payload"]) if "payload" in form and "command" not in form else form

    @property
    def response_url(self) -> str:
        return str(self.fields["response_url"])


def send(exchange: Exchange, request_url: str, patience: float) -> Exchange:
    """Post it to the bot. Slack does not repeat commands and interactions, whatever comes of them.

    It does repeat events that are not acknowledged; that is not played here.
    https://docs.slack.dev/apis/events-api/#retries
    """
    target = urlsplit(request_url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=patience)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "application/json,*/*",
        **exchange.headers,
    }
    status, reply, kind = None, "", ""
    ack: Ack
    started = time.perf_counter()
    try:
        connection.request("POST", target.path or "/", exchange.body, headers)
        response = connection.getresponse()
        reply = response.read(MAX_REPLY_BYTES).decode(errors="replace")
        status, kind = response.status, response.getheader("Content-Type", "")
    except TimeoutError:
        ack = "operation_timeout"
    except (OSError, http.client.HTTPException):
        # Nobody listens there, or what answers is not HTTP.
        ack = "dispatch_failed"
    else:
        ack = "ok" if status == HTTPStatus.OK else "dispatch_failed"
    finally:
        seconds = time.perf_counter() - started
        connection.close()
    if seconds > patience:
        ack = "operation_timeout"
    return replace(exchange, ack=ack, status=status, seconds=seconds, reply=reply, reply_type=kind)


def answered(exchange: Exchange, seconds: float, ack: Ack, payload: Mapping[str, Any] | None = None) -> Exchange:
    """The exchange, once it is known how it went over Socket Mode, where there is no HTTP status."""
    reply, kind = (json.dumps(payload), "application/json") if payload else ("", "")
    return replace(exchange, ack=ack, seconds=seconds, reply=reply, reply_type=kind)


def reply_json(exchange: Exchange) -> Any:
    """What the acknowledgement holds: {} if it is empty, None if it is not JSON."""
    if not exchange.reply.strip():
        return {}
    try:
        return json.loads(exchange.reply) if exchange.reply_type.startswith("application/json") else None
    except ValueError:
        return None


def command_reply(exchange: Exchange, command: str) -> list[Message]:
    """What the acknowledgement of a command shows: nothing, the bot's reply, or Slack's words for a failure.

    https://docs.slack.dev/interactivity/implementing-slash-commands#responding_immediate_response
    """
    if exchange.ack != "ok":
        return [_failure(exchange, command, exchange.ack)]
    if not exchange.reply.strip():
        return []
    if not exchange.reply_type.startswith("application/json"):
        return [_shown(exchange, {"text": exchange.reply})]
    payload = reply_json(exchange)
    if payload == {}:
        return []
    if not isinstance(payload, dict) or refusal(payload):
        return [_failure(exchange, command, "invalid_command_response")]
    return [_shown(exchange, payload)]


def _shown(exchange: Exchange, payload: Mapping[str, Any]) -> Message:
    only_for = None if payload.get("response_type") == "in_channel" else exchange.user_id
    text, blocks = payload.get("text") or "", tuple(payload.get("blocks") or ())
    return Message("", exchange.channel_id, text, blocks, only_for, exchange=exchange.id)


def _failure(exchange: Exchange, command: str, code: str) -> Message:
    words = f'{command} failed with the error "{code}"'
    return Message("", exchange.channel_id, words, (), exchange.user_id, "slack", exchange.id)
