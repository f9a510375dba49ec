"""Bolt and our listeners answer any signed body: properties, and inputs that fuzzing found."""

import hashlib
import hmac
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app import serving
from bot.app.bot import Bot
from bot.config import HttpSettings, load
from bot.core.errors import QueueFull
from bot.slack.bolt import is_well_formed
from bot.slack.payloads import Home, action_value, command_origin

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-made-up",
    "SLACK_SIGNING_SECRET": SECRET,
    "AWS_REGION": "eu-west-1",
    "STUDIO_ADMINS": "U0ADMIN001",
}


class Nobody:
    """Replaces the executors: discards jobs, and rejects every other one as full."""

    def __init__(self) -> None:
        self.asked = 0

    def submit(self, _job: object) -> None:
        self.asked += 1
        if self.asked % 2:
            raise QueueFull


@pytest.fixture(scope="module")
def bot() -> Iterator[Bot]:
    """Build a complete bot that discards its jobs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        bot = serving.build(load(HttpSettings))
    nobody: Any = Nobody()
    bot.app.workers, bot.app.overflow, bot.app.home = nobody, nobody, Home("A0STUDIO01", "T0STUDIO01")
    yield bot
    bot.calls.shutdown()


def status(bot: Bot, body: dict[str, Any]) -> int:
    """Return the HTTP status of the answer."""
    raw, at = json.dumps(body).encode(), str(int(time.time()))
    base = b"v0:" + at.encode() + b":" + raw
    answered: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/slack/events",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": io.BytesIO(raw),
        "HTTP_X_SLACK_REQUEST_TIMESTAMP": at,
        "HTTP_X_SLACK_SIGNATURE": "v0=" + hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest(),
    }
    assert b"Traceback" not in b"".join(bot.wsgi(environ, lambda line, _headers: answered.append(line)))
    return int(answered[0].partition(" ")[0])


WHO = {
    "user": {"id": "U0ANA00001", "team_id": "T0STUDIO01"},
    "team": {"id": "T0STUDIO01"},
    "api_app_id": "A0STUDIO01",
}
FOUND: dict[str, dict[str, Any]] = {
    "an old button without actions": {**WHO, "type": "interactive_message", "callback_id": "x"},
    "a workflow step without a step": {**WHO, "type": "workflow_step_edit", "callback_id": "x"},
    "a view without a type": {**WHO, "type": "view_submission", "view": {"callback_id": "x"}},
    "a view that is text": {**WHO, "view": json.dumps({"type": "modal", "callback_id": "x"}), "is_cleared": "true"},
    "an event that is a list": {"type": "event_callback", "event": ["type"]},
    "an event without a type": {"type": "event_callback", "event": {}},
}


@pytest.mark.parametrize("case", FOUND)
def test_body_that_bolt_cannot_handle_is_refused(bot: Bot, case: str) -> None:
    assert status(bot, FOUND[case]) in (400, 404)


names = st.sampled_from(
    [
        "type", "command", "text", "user_id", "team_id", "api_app_id", "trigger_id", "user", "team", "enterprise",
        "actions", "action_id", "block_id", "value", "view", "callback_id", "private_metadata", "state", "values",
        "container", "channel", "response_url", "event", "workflow_step", "submission", "is_enterprise_install",
    ]
)  # fmt: skip
words = st.sampled_from(
    [
        "block_actions", "view_submission", "view_closed", "shortcut", "message_action", "interactive_message",
        "dialog_submission", "block_suggestion", "workflow_step_edit", "event_callback", "url_verification",
        "app_home_opened", "message", "modal", "home", "button", "/studio", "help", "U0ANA00001", "T0STUDIO01",
        "A0STUDIO01", "new_link", "open_studio", "default", "1.2.3", "",
    ]
)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
bodies = st.dictionaries(names, anything, min_size=1, max_size=8)


@given(bodies, st.sampled_from([{}, WHO]), words)
def test_any_signed_body_is_answered_without_a_failure(
    bot: Bot, body: dict[str, Any], who: dict[str, Any], kind: str
) -> None:
    for made in (body, {**who, "type": kind, **body}):
        assert status(bot, made) in (200, 400, 404)


@given(bodies)
def test_any_body_is_dispatched_without_an_error(body: dict[str, Any]) -> None:
    assert is_well_formed(body) in (True, False)
    assert isinstance(action_value(body), str)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4), st.text(max_size=20))
def test_command_identifies_only_its_own_user(more: dict[str, str], text: str) -> None:
    own = {"trigger_id": "1", "api_app_id": "A0STUDIO01", "user_id": "U0ANA00001", "team_id": "T0STUDIO01"}
    origin = command_origin({**more, "text": text, "command": "/studio", **own})
    assert (origin.user_id, origin.team_id, origin.app_id) == ("U0ANA00001", "T0STUDIO01", "A0STUDIO01")
