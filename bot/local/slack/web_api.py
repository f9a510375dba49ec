"""The methods of Slack's Web API that a bot like this one calls, answering as Slack would."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from bot.local.faults import Fault
from bot.local.recent import Recent
from bot.local.slack.methods import Answer, Method, failed
from bot.local.slack.people import Directory, Installation, Person

# https://docs.slack.dev/apis/web-api/pagination
MAX_PAGE_SIZE = 999


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
    """The methods a bot like this one calls; any other is `unknown_method`, as in Slack.

    Those that say who and what is there are here; `methods` holds the rest.
    """

    def __init__(
        self,
        app: Installation,
        directory: Directory,
        methods: Mapping[str, Method],
        clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._app = app
        self._directory = directory
        self._clock = clock
        self._changed = changed
        self._calls: Recent[ApiCall] = Recent()
        self._methods = {
            "api.test": Method(lambda arguments: {"ok": True, "args": dict(arguments)}, open=True),
            "auth.test": Method(self._auth_test),
            "bots.info": Method(self._bots_info, frozenset({"bot", "team_id"}), "users:read"),
            "users.info": Method(self._users_info, frozenset({"user", "include_locale"}), "users:read"),
            "users.list": Method(self._users_list, frozenset({"cursor", "limit", "include_locale"}), "users:read"),
            "usergroups.users.list": Method(
                self._group_users, frozenset({"usergroup", "include_disabled", "team_id"}), "usergroups:read"
            ),
            **methods,
        }

    def headers(self, call: ApiCall) -> dict[str, str]:
        """What Slack tells in the headers of an answer: the scopes of the token, if it knows the token.

        https://docs.slack.dev/authentication/installing-with-oauth
        """
        known = call.error not in ("invalid_auth", "not_authed")
        return {"x-oauth-scopes": ",".join(self._app.scopes)} if known else {}

    def calls(self) -> tuple[ApiCall, ...]:
        return self._calls.all()

    def record(self, name: str, arguments: Mapping[str, Any]) -> ApiCall:
        """Record a call that has just arrived."""
        method = self._methods.get(name)
        known = method.arguments if method else frozenset(arguments)
        call = ApiCall(name, arguments, ignored=tuple(sorted(set(arguments) - known)), at=self._clock())
        self._calls.add(call)
        self._changed()
        return call

    def answer(self, call: ApiCall, token: str | None, fault: Fault) -> None:
        """Carry out a recorded call, or fail it as the fault says."""
        if fault.takes_effect:
            call.answer = self._answer(call.method, token, call.arguments)
        if fault.status:
            call.answer = failed("ratelimited" if fault.status == HTTPStatus.TOO_MANY_REQUESTS else "internal_error")
        call.status = fault.status or HTTPStatus.OK
        self._changed()

    def _answer(self, name: str, token: str | None, arguments: Mapping[str, Any]) -> Answer:
        method = self._methods.get(name)
        if method is None:
            return {"ok": False, "error": "unknown_method", "req_method": name}
        wanted, other = self._app.bot_token, self._app.app_token
        if method.app_level:
            wanted, other = other, wanted
        if not method.open and token != wanted:
            wrong_kind = "not_allowed_token_type" if token == other else "invalid_auth"
            return {"ok": False, "error": wrong_kind if token else "not_authed"}
        if method.scope and method.scope not in self._app.scopes:
            provided = ",".join(self._app.scopes)
            return {"ok": False, "error": "missing_scope", "needed": method.scope, "provided": provided}
        return method.run(arguments)

    def _auth_test(self, _arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/auth.test"""
        answer = {
            "ok": True,
            "url": f"https://{self._app.team_domain}.slack.com/",
            "team": self._app.team_domain,
            "user": self._app.bot_name,
            "team_id": self._app.team_id,
            "user_id": self._app.bot_user_id,
            "bot_id": self._app.bot_id,
            "is_enterprise_install": False,
        }
        return answer | ({"enterprise_id": self._app.enterprise_id} if self._app.enterprise_id else {})

    def _bots_info(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/bots.info"""
        if arguments.get("bot") != self._app.bot_id:
            return {"ok": False, "error": "bot_not_found"}
        bot = {
            "id": self._app.bot_id,
            "deleted": False,
            "name": self._app.bot_name,
            "updated": 1_735_689_600,
            "app_id": self._app.app_id,
            "user_id": self._app.bot_user_id,
            "icons": {},
        }
        return {"ok": True, "bot": bot}

    def _users_info(self, arguments: Mapping[str, Any]) -> Answer:
        """https://docs.slack.dev/reference/methods/users.info"""
        person = self._directory.person(str(arguments.get("user", "")))
        if person is None:
            return {"ok": False, "error": "user_not_found"}
        return {"ok": True, "user": self._user(person, arguments)}

    def _users_list(self, arguments: Mapping[str, Any]) -> Answer:
        """Everybody, deactivated accounts too, page by page; without a limit, all at once.

        The cursor names the first account of the next page. https://docs.slack.dev/reference/methods/users.list
        """
        people = sorted(self._directory.people(), key=lambda person: person.id)
        try:
            limit = min(int(arguments.get("limit") or 0), MAX_PAGE_SIZE) or len(people)
            after = base64.b64decode(str(arguments.get("cursor") or ""), validate=True).decode()
        except (ValueError, binascii.Error):
            return failed("invalid_cursor")
        if after and not after.startswith("user:"):
            return failed("invalid_cursor")
        rest = [person for person in people if person.id >= after.removeprefix("user:")]
        cursor = base64.b64encode(f"user:{rest[limit].id}".encode()).decode() if len(rest) > limit else ""
        return {
            "ok": True,
            "members": [self._user(person, arguments) for person in rest[:limit]],
            "cache_ts": int(self._clock()),
            "response_metadata": {"next_cursor": cursor},
        }

    def _group_users(self, arguments: Mapping[str, Any]) -> Answer:
        """Who is in a user group; one that is disabled only on request.

        https://docs.slack.dev/reference/methods/usergroups.users.list
        """
        group = self._directory.group(str(arguments.get("usergroup", "")))
        if group is None or (group.disabled and not _true(arguments.get("include_disabled"))):
            return failed("no_such_subteam")
        return {"ok": True, "users": sorted(group.members)}

    def _user(self, person: Person, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return person.user_object(
            home_team=self._app.team_id,
            with_email="users:read.email" in self._app.scopes,
            with_locale=_true(arguments.get("include_locale")),
        )


def _true(argument: object) -> bool:
    """A flag, in the forms in which clients send it."""
    return argument in (True, "true", "1", 1)
