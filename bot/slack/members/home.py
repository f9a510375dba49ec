"""The home tab of a member: made when they open it, and made anew when what it shows has changed."""

import structlog

from bot.core.access import Member, Person
from bot.core.errors import UpstreamError
from bot.slack.app_context import AppContext
from bot.slack.members import status_views

log = structlog.get_logger()


def show_home(app: AppContext, member: Member, person: Person | None = None) -> None:
    """Publish it as things stand now. A failure is logged: the next opening makes it again.

    Args:
        person: what Slack has just said of the member, if it has been asked.
    """
    try:
        standing = app.get_status.of(member, person)
        render = app.render(locale=standing.facts.person.locale)
        app.slack.publish_home(member.user_id, status_views.home_tab(standing, render))
    except UpstreamError as error:
        log.warning("home_not_shown", user=member.user_id, why=str(error))
    else:
        app.metrics.outcome("home")
