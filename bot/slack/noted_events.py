"""Events that no member waits for: an account has changed, the workspace has removed the app."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from slack_bolt import Ack

from bot.core.access import Member
from bot.core.errors import QueueFull
from bot.core.values import InvalidValue
from bot.slack.app_context import AppContext
from bot.slack.tenants import home_tenant

log = structlog.get_logger()


def _changed(app: AppContext, ack: Ack, body: dict[str, Any]) -> None:
    """Take note of Slack's event about an account. If that fails, the next renewal of the records sees the change."""
    ack()
    home, kept = app.home, app.signin.facts.kept
    if home is None or kept is None or (body.get("api_app_id"), body.get("team_id")) != (home.app_id, home.team_id):
        return
    account = app.slack.account(body["event"].get("user"))
    try:
        member = Member(home_tenant(home, app.teams), account.user_id)
        app.noting.submit(partial(kept.changed, member, account))
    except (InvalidValue, QueueFull) as error:
        log.warning("change_not_noted", why=type(error).__name__)


def _dismissed(app: AppContext, ack: Ack, body: dict[str, Any]) -> None:
    """Log that the workspace removed the app. Nothing can be answered any more; `/readyz` finds out by itself."""
    ack()
    home = app.home
    if home is not None and (body.get("api_app_id"), body.get("team_id")) == (home.app_id, home.team_id):
        app.metrics.outcome("dismissed")
        log.error("dismissed", why=body["event"]["type"])


# By the event's name. https://docs.slack.dev/reference/events/user_change tells of each change of an account;
# https://docs.slack.dev/reference/events/app_uninstalled and its sibling, that the token no longer works.
NOTED: Mapping[str, Callable[[AppContext, Ack, dict[str, Any]], None]] = {
    "user_change": _changed,
    "app_uninstalled": _dismissed,
    "tokens_revoked": _dismissed,
}
