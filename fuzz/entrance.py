"""Coverage-guided fuzzing of the HTTP entrance and the code behind it, up to the queue: `make fuzz`.

    python -m fuzz.entrance -max_total_time=300

Needs atheris (https://github.com/google/atheris), which is not part of the development environment. Each input is
signed as Slack signs, so that it passes the signature check and reaches the parser, Bolt and our handlers. Stops at
the first input that raises, or whose response is a 500 or has a traceback.
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
    from bot.app import serving as app
    from bot.config import HttpSettings, load
    from bot.core.errors import QueueFull
    from bot.observability import logs
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
# Templates of Slack's payloads. An input chooses one, and replacements for its parts.
IDENTITY = {
    "user": {"id": "U0ANA00001", "team_id": "T0STUDIO01"},
    "team": {"id": "T0STUDIO01"},
    "api_app_id": "A0STUDIO01",
}
COMMAND = {"command": "/studio", "text": "help", "user_id": "U0ANA00001", "team_id": "T0STUDIO01", "channel_id": "C0"}
ACTION = {"type": "button", "action_id": "new_link", "block_id": "x", "value": "default"}
VIEW = {"id": "V1", "type": "modal", "callback_id": "x", "private_metadata": "{}", "state": {"values": {}}}
PAYLOADS: list[dict[str, Any]] = [
    {**COMMAND, "api_app_id": "A0STUDIO01", "trigger_id": "1.2.3", "response_url": "https://hooks.slack.com/x"},
    {**IDENTITY, "type": "block_actions", "trigger_id": "1", "actions": [ACTION], "container": {"type": "message"}},
    {
        **IDENTITY,
        "type": "block_actions",
        "trigger_id": "1",
        "actions": [{**ACTION, "action_id": "open_studio"}],
        "view": VIEW,
    },
    {**IDENTITY, "type": "view_submission", "trigger_id": "1", "view": VIEW},
    {**IDENTITY, "type": "view_closed", "view": VIEW, "is_cleared": True},
    {**IDENTITY, "type": "shortcut", "trigger_id": "1", "callback_id": "x"},
    {**IDENTITY, "type": "message_action", "trigger_id": "1", "callback_id": "x", "message": {"text": "x"}},
    {**IDENTITY, "type": "interactive_message", "callback_id": "x", "actions": [{"name": "x"}]},
    {**IDENTITY, "type": "dialog_submission", "callback_id": "x", "submission": {}},
    {**IDENTITY, "type": "block_suggestion", "action_id": "x", "block_id": "x", "value": "x"},
    {**IDENTITY, "type": "workflow_step_edit", "callback_id": "x", "workflow_step": {}},
    {
        "type": "event_callback",
        "team_id": "T0STUDIO01",
        "api_app_id": "A0STUDIO01",
        "event": {"type": "app_home_opened"},
    },
    {
        "type": "event_callback",
        "team_id": "T0STUDIO01",
        "api_app_id": "A0STUDIO01",
        "event_id": "Ev1",
        "event": {"type": "message", "channel_type": "im", "user": "U0ANA00001", "ts": "1767225600.000100"},
    },
    {"type": "url_verification", "challenge": "x"},
]
WORDS = sorted({word for payload in PAYLOADS for word in re.findall(r"[\w./-]+", json.dumps(payload))})


class DiscardingExecutor:
    """Replaces the executors: discards jobs, and rejects every other one as full."""

    in_flight = 0

    def __init__(self) -> None:
        self.asked = 0

    def submit(self, _job: object) -> None:
        """Discard the job, or raise `QueueFull`."""
        self.asked += 1
        if self.asked % 2:
            raise QueueFull


class SilentHandler(logging.Handler):
    """Formats every line and prints none."""

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record with the whole processor chain, which is fuzzed too."""
        self.format(record)


def entrance() -> Any:
    """Return the entrance as in production, with executors that discard jobs."""
    os.environ.update(SETTINGS)
    logs.configure(level="DEBUG", style="json", stream=io.StringIO())
    root, silent = logging.getLogger(), SilentHandler()
    silent.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [silent]
    bot = app.build(load(HttpSettings))
    executor: Any = DiscardingExecutor()
    bot.app.workers, bot.app.overflow, bot.app.home = executor, executor, Home("A0STUDIO01", "T0STUDIO01")
    return bot.wsgi


def value(data: Any, depth: int = 3) -> Any:
    """Return any JSON value, built from Slack's words or others."""
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
    """Return one of Slack's payloads with parts replaced or removed, at any depth."""
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
    """Return a content type and a body."""
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
    """Build a request from the input, sign it and check the response."""
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
    response = b"".join(wsgi(environ, lambda status, _headers: answered.append(status)))
    if not answered or answered[0].startswith("5"):
        raise AssertionError(f"answered {answered} to {body!r}")
    if b"Traceback" in response:
        raise AssertionError(f"a traceback in the response to {body!r}")


def main() -> None:
    """Run until the time limit or the first failure. The corpus stays in `build/fuzz-corpus`."""
    corpus = Path(__file__).parent.parent / "build" / "fuzz-corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    wsgi = entrance()
    atheris.Setup([*sys.argv, "-max_len=4096", "-rss_limit_mb=2048", str(corpus)], lambda raw: one_input(wsgi, raw))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
