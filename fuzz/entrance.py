"""Coverage-guided fuzzing of the HTTP entrance and of all that is behind it up to the queue, by hand: `make fuzz`.

    python -m fuzz.entrance -max_total_time=300

Needs atheris (https://github.com/google/atheris), which is no part of the development environment. Each input is
signed as Slack signs, so that it gets past the signature and is taken apart by the parser, by Bolt and by our own
handlers. It stops at the first input that raises, is answered with 500, or with a trace.
"""

import copy
import hashlib
import hmac
import io
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import atheris

with atheris.instrument_imports(include=["bot", "slack_bolt", "urllib.parse", "json"]):
    from bot.app import wiring as app
    from bot.config import HttpSettings, load
    from bot.observability import logs
    from bot.serving.executors import Full
    from bot.slack.payloads import Home

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 - made up
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-made-up",
    "SLACK_SIGNING_SECRET": SECRET,
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "STUDIO_ADMINS": "U0ADMIN001",
}
# What Slack's payloads are made of. An input chooses one, and what is put in the place of its parts.
WHO = {
    "user": {"id": "U0ANA00001", "team_id": "T0STUDIO01"},
    "team": {"id": "T0STUDIO01"},
    "api_app_id": "A0STUDIO01",
}
COMMAND = {"command": "/studio", "text": "help", "user_id": "U0ANA00001", "team_id": "T0STUDIO01", "channel_id": "C0"}
ACTION = {"type": "button", "action_id": "new_link", "block_id": "x", "value": "default"}
VIEW = {"id": "V1", "type": "modal", "callback_id": "x", "private_metadata": "{}", "state": {"values": {}}}
PAYLOADS: list[dict[str, Any]] = [
    {**COMMAND, "api_app_id": "A0STUDIO01", "trigger_id": "1.2.3", "response_url": "https://hooks.slack.com/x"},
    {**WHO, "type": "block_actions", "trigger_id": "1", "actions": [ACTION], "container": {"type": "message"}},
    {
        **WHO,
        "type": "block_actions",
        "trigger_id": "1",
        "actions": [{**ACTION, "action_id": "open_studio"}],
        "view": VIEW,
    },
    {**WHO, "type": "view_submission", "trigger_id": "1", "view": VIEW},
    {**WHO, "type": "view_closed", "view": VIEW, "is_cleared": True},
    {**WHO, "type": "shortcut", "trigger_id": "1", "callback_id": "x"},
    {**WHO, "type": "message_action", "trigger_id": "1", "callback_id": "x", "message": {"text": "x"}},
    {**WHO, "type": "interactive_message", "callback_id": "x", "actions": [{"name": "x"}]},
    {**WHO, "type": "dialog_submission", "callback_id": "x", "submission": {}},
    {**WHO, "type": "block_suggestion", "action_id": "x", "block_id": "x", "value": "x"},
    {**WHO, "type": "workflow_step_edit", "callback_id": "x", "workflow_step": {}},
    {
        "type": "event_callback",
        "team_id": "T0STUDIO01",
        "api_app_id": "A0STUDIO01",
        "event": {"type": "app_home_opened"},
    },
    {"type": "event_callback", "team_id": "T0STUDIO01", "event": {"type": "message", "user": "U0ANA00001"}},
    {"type": "url_verification", "challenge": "x"},
]
WORDS = sorted({word for payload in PAYLOADS for word in re.findall(r"[\w./-]+", json.dumps(payload))})


class Nobody:
    """In place of the executors: takes work and does none of it, and every other time has no room."""

    in_flight = 0

    def __init__(self) -> None:
        self.asked = 0

    def submit(self, _job: object) -> None:
        """Take it, or not."""
        self.asked += 1
        if self.asked % 2:
            raise Full


class Silent(logging.Handler):
    """Makes every line, and prints none."""

    def emit(self, record: logging.LogRecord) -> None:
        """Through the whole chain, which is fuzzed too."""
        self.format(record)


def entrance() -> Any:
    """The entrance as it is in production, with nobody behind the queue."""
    os.environ.update(SETTINGS)
    logs.configure(level="DEBUG", style="json", stream=io.StringIO())
    root, silent = logging.getLogger(), Silent()
    silent.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [silent]
    bot = app.build(load(HttpSettings))
    nobody: Any = Nobody()
    bot.app.workers, bot.app.overflow, bot.app.home = nobody, nobody, Home("A0STUDIO01", "T0STUDIO01")
    return bot.wsgi


def value(data: Any, depth: int = 3) -> Any:
    """Any JSON value, made of Slack's words or of others."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        data.ConsumeBool,
        lambda: data.ConsumeInt(4),
        lambda: data.ConsumeUnicodeNoSurrogates(12),
        lambda: WORDS[data.ConsumeIntInRange(0, len(WORDS) - 1)],
        lambda: [value(data, depth - 1) for _ in range(data.ConsumeIntInRange(0, 3))],
        lambda: {str(value(data, 0)): value(data, depth - 1) for _ in range(data.ConsumeIntInRange(0, 4))},
    ]
    return makers[data.ConsumeIntInRange(0, len(makers) - 1 if depth else 4)]()


def payload(data: Any) -> dict[str, Any]:
    """One of Slack's payloads, with some of it replaced or left out, at any depth."""
    made: dict[str, Any] = copy.deepcopy(PAYLOADS[data.ConsumeIntInRange(0, len(PAYLOADS) - 1)])
    for _ in range(data.ConsumeIntInRange(0, 4)):
        part = made
        while True:
            name = sorted(part)[data.ConsumeIntInRange(0, len(part) - 1)] if part else "x"
            inner = part.get(name)
            inner = inner[0] if isinstance(inner, list) and inner else inner
            if not isinstance(inner, dict) or data.ConsumeBool():
                break
            part = inner
        if data.ConsumeBool():
            part[name] = value(data)
        else:
            part.pop(name, None)
    return made


def request(data: Any) -> tuple[str, bytes]:
    """A body and its kind."""
    match data.ConsumeIntInRange(0, 5):
        case 0:
            return FORM, data.ConsumeBytes(4096)
        case 1:
            return JSON, data.ConsumeBytes(4096)
        case 2:
            return JSON, json.dumps(payload(data)).encode()
        case 3:
            fields = {
                name: item if isinstance(item, str) else json.dumps(item) for name, item in payload(data).items()
            }
            return FORM, urlencode(fields, errors="replace").encode()
        case _:
            return FORM, urlencode({"payload": json.dumps(payload(data))}).encode()


def one_input(wsgi: Any, raw: bytes) -> None:
    """Make a request of it, sign it, and look at the answer."""
    kind, body = request(atheris.FuzzedDataProvider(raw))
    at = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    answered: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/slack/events",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "HTTP_X_SLACK_REQUEST_TIMESTAMP": at,
        "HTTP_X_SLACK_SIGNATURE": f"v0={signature}",
    }
    words = b"".join(wsgi(environ, lambda status, _headers: answered.append(status)))
    if not answered or answered[0].startswith("5"):
        raise AssertionError(f"answered {answered} to {body!r}")
    if b"Traceback" in words:
        raise AssertionError(f"a trace in the answer to {body!r}")


def main() -> None:
    """Run until the time is over, or something is found. What was learned stays in `build/fuzz-corpus`."""
    corpus = Path(__file__).parent.parent / "build" / "fuzz-corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    wsgi = entrance()
    atheris.Setup([*sys.argv, "-max_len=4096", "-rss_limit_mb=2048", str(corpus)], lambda raw: one_input(wsgi, raw))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
