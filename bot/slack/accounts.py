"""Read accounts and user groups as Slack's Web API describes them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.access import DEACTIVATED, Person
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.slack.payloads import SLACKBOT, Texts

# Seconds; no time zone is a whole day away.
MAX_OFFSET = 86_400


def person(user: Mapping[str, Any]) -> Person:
    """Read an account as users.info returns it. A missing field makes it ineligible.

    https://docs.slack.dev/reference/objects/user-object
    """
    texts, ineligible_reason = Texts(user), None
    if user.get("id") == SLACKBOT:
        ineligible_reason = "Slackbot"
    for flag in ("deleted", "is_bot", "is_restricted", "is_ultra_restricted"):
        if not isinstance(user.get(flag), bool):
            ineligible_reason = f"Slack does not say whether {flag}"
    for flag, words in {"is_bot": "a bot", "deleted": DEACTIVATED}.items():
        if user.get(flag) is True:
            ineligible_reason = words
    # These two appear only where they are true.
    for flag, words in {"is_stranger": "of another organisation", "is_invited_user": "not joined yet"}.items():
        if user.get(flag, False) is not False:
            ineligible_reason = words
    on_grid = user.get("enterprise_user")
    enterprise: Mapping[str, Any] = on_grid if isinstance(on_grid, Mapping) else {}
    teams, profile = enterprise.get("teams"), Texts(user.get("profile"))
    return Person(
        user_id=texts.get("id", ""),
        team_id=texts.get("team_id", ""),
        enterprise_id=enterprise.get("enterprise_id"),
        teams=frozenset(team for team in teams if isinstance(team, str)) if isinstance(teams, list) else frozenset(),
        ineligible_reason=ineligible_reason,
        guest=user.get("is_restricted") is True or user.get("is_ultra_restricted") is True,
        locale=texts.get("locale"),
        tz_offset=offset if isinstance(offset := user.get("tz_offset"), int) and abs(offset) < MAX_OFFSET else None,
        name=profile.get("real_name") or texts.get("name", ""),
        display_name=profile.get("display_name", ""),
        handle=texts.get("name", ""),
        email=profile.get("email", ""),
        email_confirmed=user.get("is_email_confirmed") is True,
        updated=updated if isinstance(updated := user.get("updated"), int) else 0,
    )


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group: its names and the ids of its users."""

    users: frozenset[str]
    disabled: bool
    handle: str = ""
    name: str = ""


def group_users(answer: Mapping[str, Any]) -> frozenset[str]:
    """Read the users of a group. Raises SlackError if Slack does not say who they are."""
    users = answer.get("users")
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise SlackError(
            "Slack does not say who is in the user group: try again in a minute", reason=Reason.SLACK_UNREACHABLE
        )
    return frozenset(users)


def groups(answer: Mapping[str, Any]) -> dict[str, UserGroup]:
    """Read usergroups.list. Raises SlackError if anything is missing: it must not look like a group without users.

    https://docs.slack.dev/reference/objects/usergroup-object
    """
    listed = answer.get("usergroups")
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        raise SlackError(
            "Slack does not list the user groups: try again in a minute", reason=Reason.SLACK_UNREACHABLE
        )
    return {
        str(each.get("id")): UserGroup(
            group_users(each),
            each.get("date_delete", 1) != 0,
            *(Texts(each).get(name, "") for name in ("handle", "name")),
        )
        for each in listed
    }


def team_of(who: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the team and organisation in an answer of auth.test."""
    texts = Texts(who)
    team = texts.get("team_id") or texts.get("enterprise_id")  # no team if installed in a whole organisation
    if team is None:
        raise unknown_home()
    return team, texts.get("enterprise_id")


def team_argument(tenant: str) -> dict[str, str]:
    """Return the team of a call, which an organisation's token requires."""
    return {"team_id": tenant} if tenant.startswith("T") else {}


def unknown_home() -> SlackError:
    """Return that Slack does not say whose token it is."""
    return SlackError(
        "Slack does not say which app and team the token belongs to: use the app's bot token",
        reason=Reason.SLACK_REFUSED,
    )
