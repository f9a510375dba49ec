"""The HTTP entrance: refuse what Slack did not send before parsing anything, then pass the request to Bolt.

Bolt parses a body before it verifies the signature, answers malformed input with 500 and a trace, drops commands
whose text contains the word "payload", and takes bodies of any size. All of that is decided here, with
slack_sdk's own verifier; Bolt gets a parsed body.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from slack_bolt import BoltResponse
from slack_sdk.signature import Clock, SignatureVerifier

from bot.core.link import Stage
from bot.observability import context as telemetry
from bot.observability.metrics import Metrics

log = structlog.get_logger()

MAX_BODY_BYTES = 64 * 1024
MAX_FIELDS = 100
MAX_AGE = 5 * 60  # seconds
NUMBER = re.compile(r"[0-9]{1,12}")
EVENTS, ALIVE = "/slack/events", "/healthz"
PAGES = (ALIVE, "/readyz", "/metrics")
NOTHING_HERE = "there is nothing here"
# The kind of answer that an HTTP request gets, stored beside WSGI's own variables.
STAGE = "studio_links.stage"
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):
    """A rejected request. `why` is a constant: nothing in the request is repeated or logged."""

    def __init__(self, status: HTTPStatus, why: str, *headers: tuple[str, str]) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


@dataclass(frozen=True, slots=True)
class Verifier:
    """Check Slack's signature, by one signing secret or by either of two during a rotation.

    Attributes:
        secrets: returns the accepted secrets, the newer one first.
        on_match: called with the secret that signed a request, 0 being the first.
        on_mismatch: called when a request was signed with none of them.
    """

    secrets: Callable[[], tuple[str, ...]]
    clock: Clock
    on_match: Callable[[int], None]
    on_mismatch: Callable[[], None]

    def check(self, body: str, timestamp: str, signature: str) -> None:
        """Return if Slack signed the body, at most five minutes ago; raise Refusal otherwise.

        The verifier checks the time too. Here it tells a wrong clock from a wrong secret, which have different fixes.
        """
        if abs(self.clock.now() - int(timestamp)) > MAX_AGE:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "the request's time is more than five minutes from this clock's")
        # Check all of them, each in constant time, so that the duration does not show which one fits.
        fits = [SignatureVerifier(key, self.clock).is_valid(body, timestamp, signature) for key in self.secrets()]
        if not any(fits):
            self.on_mismatch()
            raise Refusal(HTTPStatus.UNAUTHORIZED, "the signature does not match SLACK_SIGNING_SECRET")
        self.on_match(fits.index(True))


@dataclass(frozen=True, slots=True)
class Entrance:
    """The WSGI application.

    Attributes:
        verifier: None over Socket Mode, where no requests are accepted here.
        bolt: returns the response to a verified, parsed body; None if it is not what Slack sends.
        ready: returns None if the bot can serve, otherwise why not.
        pages: the pages that it has.
        is_slow: whether the time to answer a body depends on its content.
    """

    verifier: Verifier | None
    bolt: Callable[[dict[str, Any]], BoltResponse | None]
    ready: Callable[[], str | None]
    metrics: Metrics
    pages: tuple[str, ...] = PAGES
    is_slow: Callable[[dict[str, Any]], bool] = lambda _body: False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        begun, delivery = time.monotonic(), telemetry.begin()
        try:
            response = self._route(environ)
        except Refusal as refusal:
            self.metrics.outcome("refused_at_entrance")
            log.warning("refused_at_entrance", status=int(refusal.status), why=refusal.why)
            response = Response(refusal.status, f"{refusal.why}\n".encode(), headers=refusal.headers)
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
            ("X-Request-Id", delivery),
            *response.headers,
        ]
        if environ.get("PATH_INFO") == EVENTS:
            self.metrics.record_duration(environ.get(STAGE, Stage.ACKNOWLEDGE), time.monotonic() - begun)
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _route(self, environ: Environ) -> Response:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == EVENTS and self.verifier is not None:
            if method != "POST":
                raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only POST is allowed here", ("Allow", "POST"))
            body = _verified(environ, self.verifier)
            environ[STAGE] = Stage.SUGGEST if self.is_slow(body) else Stage.ACKNOWLEDGE
            return self._dispatch(body)
        if path not in self.pages:
            raise Refusal(HTTPStatus.NOT_FOUND, NOTHING_HERE)
        if method not in ("GET", "HEAD"):
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is allowed here", ("Allow", "GET, HEAD"))
        return self._page(path)

    def _dispatch(self, body: dict[str, Any]) -> Response:
        try:
            response = self.bolt(body)
        except Exception as error:  # noqa: BLE001 - Bolt fails on fields of types that Slack does not send
            log.error("request_not_dispatched", why=type(error).__name__)  # noqa: TRY400 - its text quotes the body
            response = None
        if response is None:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not what Slack sends")
        return Response(response.status, response.body.encode(), response.first_headers()["content-type"])

    def _page(self, path: str) -> Response:
        if path == ALIVE:
            return Response(HTTPStatus.OK, b"alive\n")
        if path == "/metrics":
            return Response(HTTPStatus.OK, self.metrics.page(), CONTENT_TYPE_LATEST)
        problem = self.ready()
        if problem is None:
            return Response(HTTPStatus.OK, b"ready\n")
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {problem}\n".encode())


def _verified(environ: Environ, verifier: Verifier) -> dict[str, Any]:
    """Return the parsed body of a request that Slack has signed; raise Refusal for any other."""
    timestamp = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
    signature = environ.get("HTTP_X_SLACK_SIGNATURE", "")
    if not NUMBER.fullmatch(timestamp) or not SIGNATURE.fullmatch(signature):
        raise Refusal(HTTPStatus.UNAUTHORIZED, "the request is not signed")
    try:
        body = _read(environ).decode()
    except UnicodeDecodeError:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not UTF-8") from None
    verifier.check(body, timestamp, signature)
    return _parse(body, environ.get("CONTENT_TYPE", ""))


def _read(environ: Environ) -> bytes:
    """Read the body, up to the limit."""
    length = environ.get("CONTENT_LENGTH") or str(MAX_BODY_BYTES + 1)  # chunks come without a length
    if not NUMBER.fullmatch(length):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the length is not a number")
    # The server ends the stream where the body ends.
    body: bytes = environ["wsgi.input"].read(min(int(length), MAX_BODY_BYTES + 1))
    if len(body) > MAX_BODY_BYTES:
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
    return body


def _parse(body: str, content_type: str) -> dict[str, Any]:
    """Parse a form (commands), a form with JSON in the field `payload` (interactions), or JSON (events)."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            parsed = json.loads(body)
        elif kind == "application/x-www-form-urlencoded":
            form = parse_qs(body, keep_blank_values=True, max_num_fields=MAX_FIELDS, strict_parsing=True)
            fields = {name: values[0] for name, values in form.items() if len(values) == 1}
            if len(fields) != len(form):
                raise Refusal(HTTPStatus.BAD_REQUEST, "a field is given twice")
            # An interaction is a form with one field, `payload`. In a command that word is only text.
            parsed = json.loads(fields["payload"]) if "payload" in fields else fields
        else:
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is neither a form nor JSON")
    except (ValueError, RecursionError):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body cannot be parsed") from None
    if not isinstance(parsed, dict):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not an object")
    return parsed
