"""The HTTP entrance, called as a server calls it: only requests from Slack pass."""

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
from slack_bolt import BoltResponse
from structlog.testing import capture_logs

from bot.observability import logs
from bot.observability.metrics import Metrics
from bot.serving.wsgi import MAX_BODY_BYTES, Entrance, Verifier

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1893499200
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MARK = "find-me-nowhere"


class StoppedClock:
    """Stand still."""

    def now(self) -> float:
        return float(NOW)


@dataclass
class Http:
    """An entrance, and what it passed to Bolt and to the callbacks."""

    ready: Callable[[], str | None] = lambda: None
    signing_secrets: tuple[str, ...] | None = (SECRET,)
    matched: list[int] = field(default_factory=list)
    mismatches: list[bool] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    dispatch: Callable[[dict[str, Any]], BoltResponse | None] = lambda _body: BoltResponse(status=200)

    def bolt(self, body: dict[str, Any]) -> BoltResponse | None:
        self.taken.append(body)
        return self.dispatch(body)

    def call(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        accepted = self.signing_secrets
        verifier = accepted and Verifier(
            secrets=lambda: accepted,
            clock=StoppedClock(),  # type: ignore[arg-type] # it has the one method there is
            on_match=self.matched.append,
            on_mismatch=lambda: self.mismatches.append(True),
        )
        entrance = Entrance(
            verifier=verifier or None,
            bolt=self.bolt,
            ready=self.ready,
            metrics=self.metrics,
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
    """Return a request as Slack makes it, without the variables that are None."""
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
def http() -> Http:
    return Http()


COMMAND = {"command": "/studio", "text": "", "user_id": "U0ANA00001", "trigger_id": "1.2.3"}


# Two signing secrets


OLD = "the-secret-before-this-one"


@pytest.mark.parametrize(("secret", "number"), [(SECRET, 0), (OLD, 1)])
def test_either_signing_secret_is_accepted_during_rotation(http: Http, secret: str, number: int) -> None:
    http.signing_secrets = (SECRET, OLD)
    body = urlencode(COMMAND).encode()
    status, _, _ = http.post(body, HTTP_X_SLACK_SIGNATURE=sign(body, secret=secret))
    assert (status, http.matched, http.mismatches) == (200, [number], [])


def test_removed_signing_secret_is_refused(http: Http) -> None:
    body = urlencode(COMMAND).encode()
    status, _, _ = http.post(body, HTTP_X_SLACK_SIGNATURE=sign(body, secret=OLD))
    assert (status, http.matched, http.mismatches) == (401, [], [True])


def test_every_signing_secret_is_tried_whichever_matches(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    http.signing_secrets = (SECRET, OLD)
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("slack_sdk.signature.hmac.compare_digest", compare)
    http.post(urlencode(COMMAND).encode())
    assert len(compared) == 2


@pytest.mark.public(11)
@pytest.mark.parametrize(
    ("changes", "words", "mismatches"),
    [
        ({"HTTP_X_SLACK_SIGNATURE": sign(b"x=y", secret=OLD)}, b"does not match SLACK_SIGNING_SECRET", [True]),
        ({"HTTP_X_SLACK_REQUEST_TIMESTAMP": str(NOW - 301)}, b"more than five minutes", []),
        ({"HTTP_X_SLACK_REQUEST_TIMESTAMP": str(NOW + 301)}, b"more than five minutes", []),
    ],
)
def test_wrong_time_and_wrong_secret_are_distinguished(
    http: Http, changes: dict[str, str], words: bytes, mismatches: list[bool]
) -> None:
    if (at := changes.get("HTTP_X_SLACK_REQUEST_TIMESTAMP")) is not None:
        changes = {**changes, "HTTP_X_SLACK_SIGNATURE": sign(b"x=y", timestamp=at)}
    status, _, body = http.post(b"x=y", **changes)
    assert (status, words in body, http.mismatches, http.matched) == (401, True, mismatches, [])


# Accepted requests


def test_every_response_has_its_own_request_id(http: Http) -> None:
    answers = [http.post(b"x", HTTP_X_SLACK_SIGNATURE=None), http.post(urlencode(COMMAND).encode()), http.get("/x")]
    assert [status for status, _, _ in answers] == [401, 200, 404]
    ids = [headers["X-Request-Id"] for _, headers, _ in answers]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


def test_refusal_is_logged_with_its_request_id(http: Http, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="INFO", style="json")
    _, headers, _ = http.post(b"x", HTTP_X_SLACK_SIGNATURE=None)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["delivery"]) == ("refused_at_entrance", headers["X-Request-Id"])


def test_only_acknowledgements_are_timed(http: Http) -> None:
    http.get("/healthz")
    assert 'studio_links_stage_seconds_count{stage="acknowledge"} 0.0' in http.metrics.page().decode()
    http.post(urlencode(COMMAND).encode())
    assert 'studio_links_stage_seconds_count{stage="acknowledge"} 1.0' in http.metrics.page().decode()


def test_signed_command_reaches_bolt_parsed(http: Http) -> None:
    status, headers, body = http.post(urlencode(COMMAND).encode())
    assert (status, body) == (200, b"")
    assert http.taken == [COMMAND]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == "0"


def test_bolt_response_is_returned_unchanged(http: Http) -> None:
    http.dispatch = lambda _body: BoltResponse(status=200, body={"text": "busy"}, headers={"Content-Type": JSON})
    status, headers, body = http.post(urlencode(COMMAND).encode())
    assert (status, headers["Content-Type"], body) == (200, JSON, b'{"text": "busy"}')


@pytest.mark.parametrize("text", ["payload", "my payload={} here", "payload=%7B%7D", "&payload=x", '{"payload": 1}'])
def test_command_text_may_contain_the_word_payload(http: Http, text: str) -> None:
    assert http.post(urlencode({**COMMAND, "text": text}).encode())[0] == 200
    assert http.taken[0]["text"] == text


def test_interaction_payload_is_parsed(http: Http) -> None:
    interaction = {"type": "block_actions", "actions": [{"value": "ä payload"}]}
    assert http.post(urlencode({"payload": json.dumps(interaction)}).encode())[0] == 200
    assert http.taken == [interaction]


def test_json_event_is_parsed(http: Http) -> None:
    assert http.post(b'{"type": "url_verification", "challenge": "x"}', f"{JSON}; charset=utf-8")[0] == 200
    assert http.taken == [{"type": "url_verification", "challenge": "x"}]


def test_content_type_is_case_insensitive(http: Http) -> None:
    assert http.post(urlencode(COMMAND).encode(), "Application/X-WWW-Form-Urlencoded ; charset=UTF-8")[0] == 200


def test_empty_form_fields_are_kept(http: Http) -> None:
    http.post(b"command=%2Fstudio&text=")
    assert http.taken == [{"command": "/studio", "text": ""}]


def test_body_without_length_is_read_to_its_end(http: Http) -> None:
    assert http.post(urlencode(COMMAND).encode(), CONTENT_LENGTH=None)[0] == 200
    assert http.post(urlencode(COMMAND).encode(), CONTENT_LENGTH="")[0] == 200
    assert http.taken == [COMMAND, COMMAND]


@pytest.mark.parametrize("length", [None, "given"])
def test_body_limit_is_exact(http: Http, length: str | None) -> None:
    changes: dict[str, Any] = {} if length else {"CONTENT_LENGTH": None}
    largest = b"text=" + b"x" * (MAX_BODY_BYTES - 5)
    assert http.post(largest, **changes)[0] == 200
    assert http.post(largest + b"x", **changes)[0] == 413
    assert len(http.taken) == 1


class Endless(io.BytesIO):
    """Fail a read beyond the limit."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size <= MAX_BODY_BYTES + 1
        self.asked += size
        return b"x" * size


@pytest.mark.parametrize("length", [None, "5000000", str(MAX_BODY_BYTES + 1), "999999999999"])
def test_body_is_not_read_beyond_the_limit(http: Http, length: str | None) -> None:
    stream = Endless()
    changes: dict[str, Any] = {"wsgi.input": stream, "CONTENT_LENGTH": length}
    environ = signed(b"x", **changes)
    assert http.call(environ)[0] == 413
    assert stream.asked <= MAX_BODY_BYTES + 1
    assert http.taken == []


@pytest.mark.parametrize("age", [0, 299, -299])
def test_recent_timestamp_is_accepted(http: Http, age: int) -> None:
    body, timestamp = urlencode(COMMAND).encode(), str(NOW - age)
    headers = {"HTTP_X_SLACK_REQUEST_TIMESTAMP": timestamp, "HTTP_X_SLACK_SIGNATURE": sign(body, timestamp)}
    assert http.post(body, **headers)[0] == 200


# Refused requests

BODY = urlencode({**COMMAND, "text": MARK}).encode()


def at(timestamp: str, body: bytes = BODY) -> dict[str, str]:
    """Return the headers of a request signed at that time."""
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
def test_bad_request_is_refused(http: Http, body: bytes, kind: str, changes: dict[str, Any], expected: int) -> None:
    with capture_logs() as logs:
        status, headers, answer = http.post(body, kind, **changes)
    assert status == expected
    if expected == 200:
        return
    assert http.taken == []
    assert MARK not in f"{headers} {answer!r} {logs}"
    assert len(answer.splitlines()) == 1
    [line] = logs
    assert (line["event"], line["status"]) == ("refused_at_entrance", expected)
    assert set(line) == {"event", "status", "why", "log_level"}
    assert b'outcome="refused_at_entrance"} 1.0' in http.metrics.page()


def test_unsigned_request_body_is_not_read(http: Http) -> None:
    class Unread(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    environ = signed(BODY, **{"wsgi.input": Unread(), **with_signature("nonsense")})
    assert http.call(environ)[0] == 401


@given(st.binary(max_size=500), st.sampled_from([FORM, JSON]))
def test_any_signed_body_is_accepted_or_refused(body: bytes, kind: str) -> None:
    http = Http()
    with capture_logs():
        status, _, _ = http.post(body, kind)
    assert status in (200, 400)
    assert len(http.taken) == (1 if status == 200 else 0)


@given(st.text(max_size=80), st.text(max_size=80))
def test_forged_signature_is_refused(timestamp: str, signature: str) -> None:
    http = Http()
    with capture_logs():
        status, _, _ = http.post(BODY, HTTP_X_SLACK_REQUEST_TIMESTAMP=timestamp, HTTP_X_SLACK_SIGNATURE=signature)
    assert status == 401


def test_bolt_failure_is_a_bad_request_that_quotes_nothing(http: Http) -> None:
    def trip(_body: dict[str, Any]) -> BoltResponse:
        raise KeyError(MARK)

    http.dispatch = trip
    with capture_logs() as logs:
        status, _, answer = http.post(BODY)
    assert status == 400
    assert MARK not in f"{answer!r} {logs}"
    assert logs[0]["why"] == "KeyError"


# The other pages


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "X" * 1000])
def test_events_path_accepts_only_post(http: Http, method: str) -> None:
    status, headers, body = http.get("/slack/events", method)
    assert (status, headers["Allow"]) == (405, "POST")
    assert (body == b"") is (method == "HEAD")


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_accept_only_get_and_head(http: Http, page: str, method: str) -> None:
    status, headers, _ = http.get(page, method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/slack", "/slack/events/", "//slack/events", "/Slack/Events", "/healthz/", "/\u00e9", f"/{MARK}"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path_is_not_found(http: Http, path: str, method: str) -> None:
    with capture_logs() as logs:
        status, _, body = http.get(path, method)
    assert status == 404
    assert MARK not in f"{body!r} {logs}"


def test_request_without_path_is_not_found(http: Http) -> None:
    assert http.call({"REQUEST_METHOD": "GET"})[0] == 404


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics"])
def test_head_has_the_headers_of_get(http: Http, page: str) -> None:
    status, headers, body = http.get(page)
    head_status, head_headers, head_body = http.get(page, "HEAD")
    assert (head_status, head_body) == (status, b"")
    assert headers["Content-Length"] == str(len(body))
    if page != "/metrics":  # which says something else each time
        assert head_headers["Content-Length"] == headers["Content-Length"]


def test_healthz_makes_no_check(http: Http) -> None:
    def ask() -> str | None:
        raise AssertionError("it was asked")

    http.ready = ask
    assert http.get("/healthz")[::2] == (200, b"alive\n")
    assert http.taken == []


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
def test_readyz_reports_the_problem(http: Http, waits_for: str | None, status: int, body: bytes) -> None:
    http.ready = lambda: waits_for
    assert http.get("/readyz")[::2] == (status, body)


def test_metrics_page_has_prometheus_format(http: Http) -> None:
    http.metrics.outcome("issued")
    status, headers, body = http.get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert b'studio_links_requests_total{outcome="issued"} 1.0' in body


def test_events_path_is_missing_over_socket_mode(http: Http) -> None:
    http.signing_secrets = None
    assert http.post(BODY)[0] == 404
    assert http.get("/healthz")[0] == 200
    assert http.taken == []
