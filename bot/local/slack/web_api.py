"""Slack's Web API: checks tokens and scopes, runs a method, and records the calls."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from bot.local.faults import Fault
from bot.local.loopback import KEPT
from bot.local.slack import screen_methods, user_methods  # noqa: F401 - they add their methods
from bot.local.slack.methods import METHODS, Answer
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


# How many calls within how many seconds. Slack promises at least that many, and allows bursts.
# https://docs.slack.dev/apis/web-api/rate-limits
TIER_2, TIER_3, TIER_4 = (20, 60), (50, 60), (100, 60)
# One message a second to a channel, and short bursts.
POSTING = (5, 5)
LIMITS = {
    "bots.info": TIER_3,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "usergroups.list": TIER_2,
}
LIMITS |= {"chat.postEphemeral": TIER_4, "chat.postMessage": POSTING, "chat.update": TIER_3}
LIMITS |= dict.fromkeys(("views.open", "views.publish", "views.push", "views.update"), TIER_4)


class RateLimits:
    """Counts the app's calls. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, dict[str, deque[float]]] = {
            method: defaultdict(partial(deque, maxlen=most)) for method, (most, _) in LIMITS.items()
        }

    def fault(self, method: str, arguments: Mapping[str, Any]) -> Fault | None:
        """Count a call; return Slack's answer if it is one too many, which then does not count."""
        if method not in LIMITS:
            return None
        (most, seconds), now = LIMITS[method], self._clock()
        with self._lock:
            calls = self._calls[method][str(arguments.get("channel")) if method == "chat.postMessage" else ""]
            if len(calls) == most and now < calls[0] + seconds:
                return Fault(status=429, retry_after=math.ceil(calls[0] + seconds - now))
            calls.append(now)
        return None


class WebApi:
    """The methods that a bot like this one calls; any other is `unknown_method`, as in Slack."""

    def __init__(self, state: WorkspaceState) -> None:
        self._state = state
        self.calls: deque[ApiCall] = deque(maxlen=KEPT)
        self.limits = RateLimits(state.clock) if state.rate_limits else None

    def record(self, name: str, arguments: Mapping[str, Any]) -> ApiCall:
        """Record a call that has just arrived."""
        known = METHODS[name].arguments if name in METHODS else frozenset(arguments)
        call = ApiCall(name, arguments, tuple(sorted(set(arguments) - known)), self._state.clock())
        self.calls.append(call)
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
