"""The HTTP entrance, called as a server would call it: nothing that is not Slack's gets past it."""

import hashlib
import hmac
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.core.link import Stage
from bot.observability import logs
from bot.observability.metrics import Metrics
from bot.serving.wsgi import MAX_BODY_BYTES, Entrance, Response, Verifier

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1893499200
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MARK = "find-me-nowhere"


class StoppedClock:
    """slack_sdk's clock, standing still."""

    def now(self) -> float:
        return float(NOW)


@dataclass
class Source:
    """An entrance, what Bolt was given, and what came of it."""

    ready: Callable[[], str | None] = lambda: None
    signing_secrets: tuple[str, ...] | None = (SECRET,)
    used: list[int] = field(default_factory=list)
    missed: list[bool] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    dispatch: Callable[[dict[str, Any]], Response] = lambda _body: Response(200)
    record_duration: list[Stage] = field(default_factory=list)

    def bolt(self, body: dict[str, Any]) -> Response:
        self.taken.append(body)
        return self.dispatch(body)

    def call(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        accepted = self.signing_secrets
        verifier = accepted and Verifier(
            secrets=lambda: accepted,
            clock=StoppedClock(),  # type: ignore[arg-type] # it has the one method there is
            on_match=self.used.append,
            on_mismatch=lambda: self.missed.append(True),
        )
        entrance = Entrance(
            verifier=verifier or None,
            bolt=self.bolt,
            ready=self.ready,
            page=self.metrics.page,
            metrics=self.metrics,
            record_duration=lambda stage, _seconds: self.record_duration.append(stage),
        )
        answered: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = entrance(environ, lambda status, headers: answered.append((status, headers)))
        [(status, headers)] = answered
        return int(status.split(maxsplit=1)[0]), dict(headers), b"".join(chunks)

    def post(self, body: bytes, content_type: str = FORM, **changes: Any) -> tuple[int, dict[str, str], bytes]:
        return self.call(signed(body, content_type, **changes))

    def get(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        return self.call({"REQUEST_METHOD": method, "PATH_INFO": path})


def sign(body: bytes, timestamp: str = str(NOW), secret: str = SECRET) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def signed(body: bytes, content_type: str = FORM, **changes: Any) -> dict[str, Any]:
    """A request as Slack makes it; None takes a variable out."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/slack/events",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "HTTP_X_SLACK_REQUEST_TIMESTAMP": str(NOW),
        "HTTP_X_SLACK_SIGNATURE": sign(body),
        **changes,
    }
    return {name: value for name, value in environ.items() if value is not None}


@pytest.fixture
def door() -> Source:
    return Source()


COMMAND = {"command": "/studio", "text": "", "user_id": "U0ANA00001", "trigger_id": "1.2.3"}


# Two signing secrets


OLD = "the-secret-before-this-one"


@pytest.mark.parametrize(("secret", "number"), [(SECRET, 0), (OLD, 1)])
def test_while_the_secret_is_rotated_either_is_accepted_and_which_is_told(
    door: Source, secret: str, number: int
) -> None:
    door.signing_secrets = (SECRET, OLD)
    body = urlencode(COMMAND).encode()
    status, _, _ = door.post(body, HTTP_X_SLACK_SIGNATURE=sign(body, secret=secret))
    assert (status, door.used, door.missed) == (200, [number], [])


def test_a_secret_that_was_taken_away_opens_nothing(door: Source) -> None:
    body = urlencode(COMMAND).encode()
    status, _, _ = door.post(body, HTTP_X_SLACK_SIGNATURE=sign(body, secret=OLD))
    assert (status, door.used, door.missed) == (401, [], [True])


def test_each_secret_is_tried_whichever_fits(door: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    door.signing_secrets = (SECRET, OLD)
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("slack_sdk.signature.hmac.compare_digest", compare)
    door.post(urlencode(COMMAND).encode())
    assert len(compared) == 2


# What gets in


def test_every_answer_has_an_id_of_its_own_and_so_have_refusals(door: Source) -> None:
    answers = [door.post(b"x", HTTP_X_SLACK_SIGNATURE=None), door.post(urlencode(COMMAND).encode()), door.get("/x")]
    assert [status for status, _, _ in answers] == [401, 200, 404]
    ids = [headers["X-Request-Id"] for _, headers, _ in answers]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


def test_a_refusal_at_the_door_is_logged_with_its_id(door: Source, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="INFO", style="json")
    _, headers, _ = door.post(b"x", HTTP_X_SLACK_SIGNATURE=None)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["delivery"]) == ("refused_at_entrance", headers["X-Request-Id"])


def test_the_time_of_an_acknowledgement_is_taken_and_that_of_other_pages_is_not(door: Source) -> None:
    door.get("/healthz")
    assert door.record_duration == []
    door.post(urlencode(COMMAND).encode())
    assert door.record_duration == [Stage.ACKNOWLEDGE]


def test_a_signed_command_is_handed_on_parsed(door: Source) -> None:
    status, headers, body = door.post(urlencode(COMMAND).encode())
    assert (status, body) == (200, b"")
    assert door.taken == [COMMAND]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == "0"


def test_what_bolt_answers_is_what_slack_gets(door: Source) -> None:
    door.dispatch = lambda _body: Response(200, b'{"text": "busy"}', JSON)
    status, headers, body = door.post(urlencode(COMMAND).encode())
    assert (status, headers["Content-Type"], body) == (200, JSON, b'{"text": "busy"}')


@pytest.mark.parametrize("text", ["payload", "my payload={} here", "payload=%7B%7D", "&payload=x", '{"payload": 1}'])
def test_payload_is_a_word_like_any_other(door: Source, text: str) -> None:
    assert door.post(urlencode({**COMMAND, "text": text}).encode())[0] == 200
    assert door.taken[0]["text"] == text


def test_an_interaction_is_unpacked(door: Source) -> None:
    interaction = {"type": "block_actions", "actions": [{"value": "ä payload"}]}
    assert door.post(urlencode({"payload": json.dumps(interaction)}).encode())[0] == 200
    assert door.taken == [interaction]


def test_an_event_in_json_is_unpacked(door: Source) -> None:
    assert door.post(b'{"type": "url_verification", "challenge": "x"}', f"{JSON}; charset=utf-8")[0] == 200
    assert door.taken == [{"type": "url_verification", "challenge": "x"}]


def test_the_kind_of_a_body_has_no_case(door: Source) -> None:
    assert door.post(urlencode(COMMAND).encode(), "Application/X-WWW-Form-Urlencoded ; charset=UTF-8")[0] == 200


def test_empty_fields_are_kept(door: Source) -> None:
    door.post(b"command=%2Fstudio&text=")
    assert door.taken == [{"command": "/studio", "text": ""}]


def test_a_body_without_a_length_is_read_to_its_end(door: Source) -> None:
    assert door.post(urlencode(COMMAND).encode(), CONTENT_LENGTH=None)[0] == 200
    assert door.post(urlencode(COMMAND).encode(), CONTENT_LENGTH="")[0] == 200
    assert door.taken == [COMMAND, COMMAND]


@pytest.mark.parametrize("length", [None, "given"])
def test_the_largest_body_is_taken_and_a_byte_more_is_not(door: Source, length: str | None) -> None:
    changes: dict[str, Any] = {} if length else {"CONTENT_LENGTH": None}
    largest = b"text=" + b"x" * (MAX_BODY_BYTES - 5)
    assert door.post(largest, **changes)[0] == 200
    assert door.post(largest + b"x", **changes)[0] == 413
    assert len(door.taken) == 1


class Endless(io.BytesIO):
    """A body of which too much is never read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size <= MAX_BODY_BYTES + 1
        self.asked += size
        return b"x" * size


@pytest.mark.parametrize("length", [None, "5000000", str(MAX_BODY_BYTES + 1), "999999999999"])
def test_of_a_body_too_large_no_more_than_the_limit_is_read(door: Source, length: str | None) -> None:
    stream = Endless()
    changes: dict[str, Any] = {"wsgi.input": stream, "CONTENT_LENGTH": length}
    environ = signed(b"x", **changes)
    assert door.call(environ)[0] == 413
    assert stream.asked <= MAX_BODY_BYTES + 1
    assert door.taken == []


@pytest.mark.parametrize("age", [0, 299, -299])
def test_a_timestamp_of_the_last_minutes_is_taken(door: Source, age: int) -> None:
    body, timestamp = urlencode(COMMAND).encode(), str(NOW - age)
    headers = {"HTTP_X_SLACK_REQUEST_TIMESTAMP": timestamp, "HTTP_X_SLACK_SIGNATURE": sign(body, timestamp)}
    assert door.post(body, **headers)[0] == 200


# What does not

BODY = urlencode({**COMMAND, "text": MARK}).encode()


def at(timestamp: str, body: bytes = BODY) -> dict[str, str]:
    """The headers of a request that was signed at some time."""
    try:
        signature = sign(body, timestamp)
    except UnicodeEncodeError:
        signature = sign(body)
    return {"HTTP_X_SLACK_REQUEST_TIMESTAMP": timestamp, "HTTP_X_SLACK_SIGNATURE": signature}


def with_signature(signature: str | None) -> dict[str, Any]:
    return {"HTTP_X_SLACK_SIGNATURE": signature}


BAD: dict[str, tuple[bytes, str, dict[str, Any], int]] = {
    "no signature": (BODY, FORM, with_signature(None), 401),
    "an empty signature": (BODY, FORM, with_signature(""), 401),
    "another's signature": (BODY, FORM, with_signature(sign(BODY, secret="another")), 401),
    "the signature of another body": (BODY, FORM, with_signature(sign(BODY + b"x")), 401),
    "a signature of another version": (BODY, FORM, with_signature(sign(BODY).replace("v0", "v1")), 401),
    "a signature in capitals": (BODY, FORM, with_signature(sign(BODY).upper()), 401),
    "a signature cut short": (BODY, FORM, with_signature(sign(BODY)[:-1]), 401),
    "a signature with more": (BODY, FORM, with_signature(sign(BODY) + "0"), 401),
    "a signature with a line break": (BODY, FORM, with_signature(sign(BODY) + "\n"), 401),
    "a signature that is not ASCII": (BODY, FORM, with_signature("v0=" + "\u00e9" * 64), 401),
    "an endless signature": (BODY, FORM, with_signature("v0=" + "0" * 100_000), 401),
    "no timestamp": (BODY, FORM, {"HTTP_X_SLACK_REQUEST_TIMESTAMP": None}, 401),
    "an empty timestamp": (BODY, FORM, at(""), 401),
    "a timestamp that is text": (BODY, FORM, at("now"), 401),
    "a negative timestamp": (BODY, FORM, at(f"-{NOW}"), 401),
    "a timestamp with a fraction": (BODY, FORM, at(f"{NOW}.5"), 401),
    "a timestamp in other digits": (BODY, FORM, at("\u0661\u0662\u0663"), 401),
    "a timestamp with a space": (BODY, FORM, at(f" {NOW}"), 401),
    "an endless timestamp": (BODY, FORM, at("1" * 5000), 401),
    "a timestamp not in hours": (BODY, FORM, at(str(NOW - 3600)), 401),
    "a timestamp just too old": (BODY, FORM, at(str(NOW - 301)), 401),
    "a timestamp of the future": (BODY, FORM, at(str(NOW + 301)), 401),
    "a length that is text": (BODY, FORM, {"CONTENT_LENGTH": "many"}, 400),
    "a negative length": (BODY, FORM, {"CONTENT_LENGTH": "-1"}, 400),
    "a length with a sign": (BODY, FORM, {"CONTENT_LENGTH": "+10"}, 400),
    "a length in other digits": (BODY, FORM, {"CONTENT_LENGTH": "\u0661"}, 400),
    "an endless length": (BODY, FORM, {"CONTENT_LENGTH": "1" * 5000}, 400),
    "a length too short": (BODY, FORM, {"CONTENT_LENGTH": "5"}, 401),
    "a length too long": (BODY, FORM, {"CONTENT_LENGTH": str(len(BODY) + 5)}, 200),
    "a body that is not UTF-8": (b"text=\xff" + MARK.encode(), FORM, {}, 400),
    "no kind of body": (BODY, "", {}, 415),
    "text": (BODY, "text/plain", {}, 415),
    "a multipart form": (BODY, "multipart/form-data; boundary=x", {}, 415),
    "a form without a value": (MARK.encode(), FORM, {}, 400),
    "a field given twice": (f"text={MARK}&text=x".encode(), FORM, {}, 400),
    "two payloads": (b"payload=%7B%7D&payload=%7B%7D", FORM, {}, 400),
    "too many fields": ("&".join(f"f{n}=x" for n in range(101)).encode(), FORM, {}, 400),
    "a payload that is not JSON": (f"payload={MARK}".encode(), FORM, {}, 400),
    "a payload that is a list": (b"payload=%5B%5D", FORM, {}, 400),
    "an empty payload": (b"payload=", FORM, {}, 400),
    "JSON that is malformed": (f'{{"{MARK}": '.encode(), JSON, {}, 400),
    "JSON that is a list": (f'["{MARK}"]'.encode(), JSON, {}, 400),
    "JSON that is text": (f'"{MARK}"'.encode(), JSON, {}, 400),
    "no JSON at all": (b"", JSON, {}, 400),
    "JSON that is deep": (b"[" * 60_000, JSON, {}, 400),
    "objects that are deep": (b'{"a":' * 10_500 + b"1" + b"}" * 10_500, JSON, {}, 400),
    "a number of thousands of digits": (b'{"a": ' + b"1" * 10_000 + b"}", JSON, {}, 400),
    "a form called JSON": (BODY, JSON, {}, 400),
}


@pytest.mark.parametrize(("body", "kind", "changes", "expected"), BAD.values(), ids=BAD)
def test_bad_requests(door: Source, body: bytes, kind: str, changes: dict[str, Any], expected: int) -> None:
    with capture_logs() as logs:
        status, headers, answer = door.post(body, kind, **changes)
    assert status == expected
    if expected == 200:
        return
    assert door.taken == []
    assert MARK not in f"{headers} {answer!r} {logs}"
    assert len(answer.splitlines()) == 1
    [line] = logs
    assert (line["event"], line["status"]) == ("refused_at_entrance", expected)
    assert set(line) == {"event", "status", "why", "log_level"}
    assert b'outcome="refused_at_entrance"} 1.0' in door.metrics.page()


def test_an_unsigned_request_is_not_even_read(door: Source) -> None:
    class Unread(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    environ = signed(BODY, **{"wsgi.input": Unread(), **with_signature("nonsense")})
    assert door.call(environ)[0] == 401


@given(st.binary(max_size=500), st.sampled_from([FORM, JSON]))
def test_whatever_slack_signs_is_taken_or_refused(body: bytes, kind: str) -> None:
    door = Source()
    with capture_logs():
        status, _, _ = door.post(body, kind)
    assert status in (200, 400)
    assert len(door.taken) == (1 if status == 200 else 0)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_made_up_signature_gets_in(timestamp: str, signature: str) -> None:
    door = Source()
    with capture_logs():
        status, _, _ = door.post(BODY, HTTP_X_SLACK_REQUEST_TIMESTAMP=timestamp, HTTP_X_SLACK_SIGNATURE=signature)
    assert status == 401


def test_bolt_that_trips_over_a_body_is_a_bad_request_that_quotes_nothing(door: Source) -> None:
    def trip(_body: dict[str, Any]) -> Response:
        raise KeyError(MARK)

    door.dispatch = trip
    with capture_logs() as logs:
        status, _, answer = door.post(BODY)
    assert status == 400
    assert MARK not in f"{answer!r} {logs}"
    assert logs[0]["why"] == "KeyError"


# The other pages


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "X" * 1000])
def test_events_are_posted_and_nothing_else(door: Source, method: str) -> None:
    status, headers, body = door.get("/slack/events", method)
    assert (status, headers["Allow"]) == (405, "POST")
    assert (body == b"") is (method == "HEAD")


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_only_read(door: Source, page: str, method: str) -> None:
    status, headers, _ = door.get(page, method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/slack", "/slack/events/", "//slack/events", "/Slack/Events", "/healthz/", "/\u00e9", f"/{MARK}"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_nothing_elsewhere(door: Source, path: str, method: str) -> None:
    with capture_logs() as logs:
        status, _, body = door.get(path, method)
    assert status == 404
    assert MARK not in f"{body!r} {logs}"


def test_a_request_without_a_path_finds_nothing(door: Source) -> None:
    assert door.call({"REQUEST_METHOD": "GET"})[0] == 404


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics"])
def test_the_head_of_a_page_says_what_the_page_would(door: Source, page: str) -> None:
    status, headers, body = door.get(page)
    head_status, head_headers, head_body = door.get(page, "HEAD")
    assert (head_status, head_body) == (status, b"")
    assert headers["Content-Length"] == str(len(body))
    if page != "/metrics":  # which says something else each time
        assert head_headers["Content-Length"] == headers["Content-Length"]


def test_being_alive_asks_nobody(door: Source) -> None:
    def ask() -> str | None:
        raise AssertionError("it was asked")

    door.ready = ask
    assert door.get("/healthz")[::2] == (200, b"alive\n")
    assert door.taken == []


@pytest.mark.parametrize(
    ("waits_for", "status", "body"),
    [
        (None, 200, b"ready\n"),
        (
            "a table is missing: run `studio-links tables create`",
            503,
            b"not ready: a table is missing: run `studio-links tables create`\n",
        ),
    ],
)
def test_being_ready(door: Source, waits_for: str | None, status: int, body: bytes) -> None:
    door.ready = lambda: waits_for
    assert door.get("/readyz")[::2] == (status, body)


def test_the_metrics_page_is_prometheus_own(door: Source) -> None:
    door.metrics.outcome("issued")
    status, headers, body = door.get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert b'studio_links_requests_total{outcome="issued"} 1.0' in body


def test_over_socket_mode_nothing_is_taken_here(door: Source) -> None:
    door.signing_secrets = None
    assert door.post(BODY)[0] == 404
    assert door.get("/healthz")[0] == 200
    assert door.taken == []
