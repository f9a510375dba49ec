"""Publish a member's home tab, when they open it and when its content has changed."""

import structlog

from bot.core.access import Member, Person
from bot.core.errors import UpstreamError
from bot.slack.admin.home import with_administration
from bot.slack.app_context import AppContext
from bot.slack.members import status_views
from bot.slack.workspaces import views as workspace_views

log = structlog.get_logger()


def show_home(app: AppContext, member: Member, person: Person | None = None) -> None:
    """Publish the tab with current data. A failure is logged: the next opening publishes it again.

    Args:
        person: Slack's record of the member, if it has just been read.
    """
    try:
        status = app.get_status.of(member, person)
        render = app.render_status(status)
        shown = status_views.home_tab(status, render)
        found = app.running.of_status(status) if app.running else None
        if app.running and found and (found.running or found.idle):
            shown = workspace_views.below(shown, found, app.running.changes.prices, render, app.now())
        if app.command_runner.may(member, status.facts):
            shown = with_administration(app, member, shown, render)
        app.slack.publish_home(member.user_id, shown)
    except UpstreamError as error:
        log.warning("home_not_shown", user=member.user_id, why=str(error))
    else:
        app.metrics.outcome("home")
