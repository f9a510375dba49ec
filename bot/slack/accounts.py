"""Read accounts as Slack's Web API describes them. Pure."""

from collections.abc import Mapping
from typing import Any

from bot.core.access import Person
from bot.slack.payloads import SLACKBOT, Texts


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
    for flag, words in {"is_bot": "a bot", "deleted": "deactivated"}.items():
        if user.get(flag) is True:
            ineligible_reason = words
    # These two appear only where they are true.
    for flag, words in {"is_stranger": "of another organisation", "is_invited_user": "not joined yet"}.items():
        if user.get(flag, False) is not False:
            ineligible_reason = words
    on_grid = user.get("enterprise_user")
    enterprise: Mapping[str, Any] = on_grid if isinstance(on_grid, Mapping) else {}
    teams = enterprise.get("teams")
    return Person(
        user_id=texts.get("id", ""),
        team_id=texts.get("team_id", ""),
        enterprise_id=enterprise.get("enterprise_id"),
        teams=frozenset(team for team in teams if isinstance(team, str)) if isinstance(teams, list) else frozenset(),
        ineligible_reason=ineligible_reason,
        guest=user.get("is_restricted") is True or user.get("is_ultra_restricted") is True,
        locale=texts.get("locale"),
    )
