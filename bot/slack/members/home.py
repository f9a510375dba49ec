"""Publish a member's home tab, when they open it and when its content has changed."""

import structlog

from bot.core.access import Member, Person
from bot.core.errors import UpstreamError
from bot.slack.app_context import AppContext
from bot.slack.members import status_views

log = structlog.get_logger()


def show_home(app: AppContext, member: Member, person: Person | None = None) -> None:
    """Publish the tab with current data. A failure is logged: the next opening publishes it again.

    Args:
        person: Slack's record of the member, if it has just been read.
    """
    try:
        status = app.get_status.of(member, person)
        app.slack.publish_home(member.user_id, status_views.home_tab(status, app.render_status(status)))
    except UpstreamError as error:
        log.warning("home_not_shown", user=member.user_id, why=str(error))
    else:
        app.metrics.outcome("home")
