"""The HTTP side of the stand-in: Slack's Web API and the doors behind `response_url`s, on loopback only."""

import json
import logging
import socket
import threading
from collections import defaultdict, deque
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request

from bot.local.slack.response_urls import Fault, ResponseUrls
from bot.local.slack.web_api import WebApi

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_BODY_BYTES = 1024 * 1024
_log = logging.getLogger(__name__)


class Faults:
    """Faults waiting for their turn: each target takes one per request, in the order they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Fault]] = defaultdict(deque)
        self._stopped = threading.Event()

    def add(self, target: str, faults: tuple[Fault, ...]) -> None:
        with self._lock:
            self._waiting[target].extend(faults)

    def take(self, target: str) -> Fault | None:
        """The next fault for this target, once its delay is over."""
        with self._lock:
            fault = self._waiting[target].popleft() if self._waiting[target] else None
        if fault and fault.delay:
            self._stopped.wait(fault.delay)
        return fault

    def stop(self) -> None:
        """Nobody waits any longer: the server is going down."""
        self._stopped.set()


class SlackApp(Flask):
    """Flask, save that its log line for an unexpected error leaves out the path, which may be a secret."""

    def log_exception(self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]) -> None:
        _log.error("slack_stand_in_failed", exc_info=exc_info)


def build_app(api: WebApi, urls: ResponseUrls, faults: Faults) -> SlackApp:
    """The routes. Further pages are blueprints registered on the result before it is served."""
    app = SlackApp(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    @app.before_request
    def only_from_this_machine() -> tuple[str, int] | None:
        """A page on the open web must not reach this server through the member's own browser."""
        origin = request.headers.get("Origin")
        if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
            return "this server answers only to its loopback address\n", 403
        if origin is not None and urlsplit(origin).netloc != request.host:
            return "this server takes no requests from other sites\n", 403
        return None

    @app.route("/api/<method>", methods=["GET", "POST"])
    def web_api(method: str) -> Response:
        token, arguments = _token_and_arguments()
        call = api.record(method, arguments)
        fault = faults.take(method)
        api.answer(call, token, fault)
        response = _respond(json.dumps(call.answer), call.status, "application/json; charset=utf-8", fault)
        response.headers.update(api.headers(call))
        return response

    @app.post("/<any(commands, actions):_kind>/<_team>/<_number>/<_secret>")
    def response_url(_kind: str, _team: str, _number: str, _secret: str) -> Response:
        delivery = urls.record(request.path, request.get_json(force=True, silent=True))
        fault = faults.take("response_url")
        urls.answer(delivery, request.path, fault)
        kind = "application/json" if delivery.body.startswith("{") else "text/html"
        return _respond(delivery.body, delivery.status, f"{kind}; charset=utf-8", fault)

    return app


def _token_and_arguments() -> tuple[str | None, dict[str, Any]]:
    """Slack takes arguments as a form, a query or JSON; the token in a header or, save in JSON, beside them.

    https://docs.slack.dev/apis/web-api/#methods
    """
    sent = request.get_json(silent=True) if request.is_json else None
    arguments: dict[str, Any] = {**request.args, **request.form, **(sent if isinstance(sent, dict) else {})}
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    in_arguments = arguments.pop("token", None)
    token = credential.strip() if scheme.lower() == "bearer" else None if request.is_json else in_arguments
    for name in ("blocks", "view"):
        if isinstance(arguments.get(name), str):
            try:
                arguments[name] = json.loads(arguments[name])
            except ValueError:
                arguments[name] = ["not JSON"]
    return token, arguments


def _respond(body: str, status: int | None, content_type: str, fault: Fault | None) -> Response:
    if fault and fault.reset:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
    response = Response(body, status, content_type=content_type)
    if fault and fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response
