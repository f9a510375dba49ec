"""Slack's Web API: checks tokens and scopes, runs a method, and records the calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from bot.local.faults import Fault
from bot.local.recent import Recent
from bot.local.slack import chat_methods, user_methods, view_methods  # noqa: F401 - they add their methods
from bot.local.slack.methods import METHODS, Answer
from bot.local.slack.rate_limits import RateLimits
from bot.local.slack.refusals import Refusal
from bot.local.slack.state import WorkspaceState


@dataclass(slots=True)
class ApiCall:
    """One call of the Web API, recorded when it arrives; `status` and `answer` follow once it is answered.

    `ignored` names the arguments that Slack would not have looked at.
    """

    method: str
    arguments: Mapping[str, Any] = field(repr=False)
    ignored: tuple[str, ...]
    at: float
    status: int | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def error(self) -> str | None:
        return self.answer.get("error")


class WebApi:
    """The methods that a bot like this one calls; any other is `unknown_method`, as in Slack."""

    def __init__(self, state: WorkspaceState) -> None:
        self._state = state
        self.calls: Recent[ApiCall] = Recent()
        self.limits = RateLimits(state.clock) if state.rate_limits else None

    def record(self, name: str, arguments: Mapping[str, Any]) -> ApiCall:
        """Record a call that has just arrived."""
        known = METHODS[name].arguments if name in METHODS else frozenset(arguments)
        call = ApiCall(name, arguments, tuple(sorted(set(arguments) - known)), self._state.clock())
        self.calls.add(call)
        self._state.changes.note()
        return call

    def answer(self, call: ApiCall, token: str | None, fault: Fault) -> None:
        """Carry out a recorded call, or fail it as the fault says."""
        if fault.takes_effect:
            try:
                call.answer = {"ok": True, **self._run(call, token)}
            except Refusal as refusal:
                call.answer = self._refused(refusal, call.method)
        if fault.status:
            code = "ratelimited" if fault.status == HTTPStatus.TOO_MANY_REQUESTS else "internal_error"
            call.answer = {"ok": False, "error": code}
        call.status = fault.status or HTTPStatus.OK
        self._state.changes.note()

    def headers(self, call: ApiCall) -> dict[str, str]:
        """Return the header with the token's scopes. https://docs.slack.dev/authentication/installing-with-oauth"""
        known = call.error not in ("invalid_auth", "not_authed")
        return {"x-oauth-scopes": ",".join(self._state.installation.scopes)} if known else {}

    def _run(self, call: ApiCall, token: str | None) -> Answer:
        app, method = self._state.installation, METHODS.get(call.method)
        if method is None:
            raise Refusal("unknown_method")
        expected, other = (app.app_token, app.bot_token) if method.app_level else (app.bot_token, app.app_token)
        if method.needs_token and not token:
            raise Refusal("not_authed")
        if method.needs_token and token != expected:
            raise Refusal("not_allowed_token_type" if token == other else "invalid_auth")
        if method.scope and method.scope not in app.scopes:
            raise Refusal("missing_scope")
        return method.run(self._state, call.arguments)

    def _refused(self, refusal: Refusal, name: str) -> Answer:
        answer: Answer = {"ok": False, "error": refusal.code}
        if refusal.code == "missing_scope":
            answer |= {"needed": METHODS[name].scope, "provided": ",".join(self._state.installation.scopes)}
        if refusal.code == "unknown_method":
            answer["req_method"] = name
        if refusal.problems:
            answer["errors"] = list(refusal.problems)
            answer["response_metadata"] = {"messages": [f"[ERROR] {problem}" for problem in refusal.problems]}
        return answer
