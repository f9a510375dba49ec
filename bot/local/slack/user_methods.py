"""Methods for the app, people and groups. https://docs.slack.dev/reference/methods"""

import base64
import binascii
from typing import Any

from bot.local.slack.methods import Answer, Arguments, method
from bot.local.slack.people import Person
from bot.local.slack.refusals import Refusal
from bot.local.slack.state import WorkspaceState

# https://docs.slack.dev/apis/web-api/pagination
MAX_PAGE_SIZE = 999


@method("api.test", needs_token=False)
def api_test(_state: WorkspaceState, arguments: Arguments) -> Answer:
    return {"args": dict(arguments)}


@method("auth.test")
def auth_test(state: WorkspaceState, _arguments: Arguments) -> Answer:
    app = state.installation
    return {
        "url": f"https://{app.team_domain}.slack.com/",
        "team": app.team_domain,
        "user": app.bot_name,
        "team_id": app.team_id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
        **({"enterprise_id": app.enterprise_id} if app.enterprise_id else {}),
    }


@method("apps.connections.open", app_level=True)
def connections_open(state: WorkspaceState, _arguments: Arguments) -> Answer:
    return {"url": state.socket_mode.new_address()}


@method("bots.info", "bot team_id", scope="users:read")
def bots_info(state: WorkspaceState, arguments: Arguments) -> Answer:
    app = state.installation
    if arguments.get("bot") != app.bot_id:
        raise Refusal("bot_not_found")
    bot = {"id": app.bot_id, "deleted": False, "name": app.bot_name, "updated": 1_735_689_600}
    return {"bot": {**bot, "app_id": app.app_id, "user_id": app.bot_user_id, "icons": {}}}


@method("users.info", "user include_locale", scope="users:read")
def users_info(state: WorkspaceState, arguments: Arguments) -> Answer:
    person = state.directory.person(str(arguments.get("user", "")))
    if person is None:
        raise Refusal("user_not_found")
    return {"user": _user(state, person, arguments)}


@method("users.lookupByEmail", "email", scope="users:read.email")
def users_lookup_by_email(state: WorkspaceState, arguments: Arguments) -> Answer:
    """Find an active account by its address, in any letter case."""
    email = str(arguments.get("email", "")).lower()
    for person in state.directory.people():
        if email and email == person.email.lower() and not (person.deleted or person.bot):
            return {"user": _user(state, person, arguments)}
    raise Refusal("users_not_found")


@method("users.list", "cursor limit include_locale", scope="users:read")
def users_list(state: WorkspaceState, arguments: Arguments) -> Answer:
    """List all accounts, deactivated ones too. The cursor names the first account of the next page."""
    people = sorted(state.directory.people(), key=lambda person: person.id)
    try:
        limit = min(int(arguments.get("limit") or 0), MAX_PAGE_SIZE) or len(people)
        after = base64.b64decode(str(arguments.get("cursor") or ""), validate=True).decode()
    except (ValueError, binascii.Error):
        raise Refusal("invalid_cursor") from None
    if after and not after.startswith("user:"):
        raise Refusal("invalid_cursor")
    rest = [person for person in people if person.id >= after.removeprefix("user:")]
    cursor = base64.b64encode(f"user:{rest[limit].id}".encode()).decode() if len(rest) > limit else ""
    return {
        "members": [_user(state, person, arguments) for person in rest[:limit]],
        "cache_ts": int(state.clock()),
        "response_metadata": {"next_cursor": cursor},
    }


@method("usergroups.users.list", "usergroup include_disabled team_id", scope="usergroups:read")
def group_users(state: WorkspaceState, arguments: Arguments) -> Answer:
    """List the members of a user group; of a disabled one only on request."""
    group = state.directory.group(str(arguments.get("usergroup", "")))
    if group is None or (group.disabled and not _true(arguments.get("include_disabled"))):
        raise Refusal("no_such_subteam")
    return {"users": sorted(group.members)}


@method("usergroups.list", "include_users include_disabled include_count team_id", scope="usergroups:read")
def groups(state: WorkspaceState, arguments: Arguments) -> Answer:
    """List the user groups; the disabled ones and the users only on request."""
    shown = [
        each for each in state.directory.groups() if not each.disabled or _true(arguments.get("include_disabled"))
    ]
    users = _true(arguments.get("include_users"))
    return {
        "usergroups": [
            {"id": each.id, "handle": each.handle, "name": each.name, "date_delete": int(each.disabled)}
            | ({"users": sorted(each.members)} if users else {})
            for each in shown
        ]
    }


def _user(state: WorkspaceState, person: Person, arguments: Arguments) -> dict[str, Any]:
    return person.user_object(
        home_team=state.installation.team_id,
        with_email="users:read.email" in state.installation.scopes,
        with_locale=_true(arguments.get("include_locale")),
    )


def _true(argument: object) -> bool:
    """Read a flag, in the forms in which clients send it."""
    return argument in (True, "true", "1", 1)
