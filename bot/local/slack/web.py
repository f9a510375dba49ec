"""The HTTP side of the stand-in: Slack's Web API and the doors behind `response_url`s, on loopback only."""

import json
import logging
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request

from bot.local.faults import Fault, Faults, hang_up
from bot.local.loopback import is_loopback
from bot.local.slack.response_urls import ResponseUrls
from bot.local.slack.web_api import WebApi

MAX_BODY_BYTES = 1024 * 1024
_log = logging.getLogger(__name__)


class SlackApp(Flask):
    """Flask, but its log line for an unexpected error leaves out the path, which may be a secret."""

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
        if not is_loopback(request.host):
            return "this server answers only to its loopback address\n", 403
        if origin is not None and urlsplit(origin).netloc != request.host:
            return "this server takes no requests from other sites\n", 403
        return None

    @app.route("/api/<method>", methods=["GET", "POST"])
    def web_api(method: str) -> Response:
        token, arguments = _token_and_arguments()
        call = api.record(method, arguments)
        limited = api.limits.fault(method, arguments) if api.limits else None
        fault = limited or faults.take(method)
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
    """Read a request: arguments as a form, a query or JSON; the token in a header or, except in JSON, beside them.

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


def _respond(body: str, status: int | None, content_type: str, fault: Fault) -> Response:
    if fault.drop:
        hang_up(request.environ)
    response = Response(body, status, content_type=content_type)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response
