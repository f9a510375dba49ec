"""Admit administrators: each command, button press and form checks again whether its sender may administer."""

from dataclasses import replace

import structlog

from bot.core.errors import SlackError, StudioLinksError, UpstreamError
from bot.core.link import Reason, Source
from bot.slack.admin import views as admin_views
from bot.slack.app_context import Admitted, AppContext, dialog_not_opened, refuse, reply
from bot.slack.blocks import Message, RenderContext, text_message
from bot.slack.members import views
from bot.slack.request_limit import sender_of

log = structlog.get_logger()

ADMIN = "admin"


def admit(app: AppContext, admitted: Admitted, *, keeps: bool = False) -> RenderContext | None:
    """Return how to render for this administrator; refuse and record anybody else, and return None.

    Args:
        keeps: whether the refusal leaves the message of the button for others, who may press it.
    """
    replaces = admitted.source is not Source.COMMAND and not keeps
    try:
        is_admin, locale = app.command_runner.admit(admitted.member)
    except UpstreamError as error:
        log.warning("administrator_unknown", request=admitted.id, why=str(error))
        render = app.render(admitted.origin)
        if refuse(app, admitted, error.reason, action=ADMIN):
            reply(app, admitted.origin, failed(error, render), replace=replaces)
        return None
    render = app.render(admitted.origin, locale)
    if is_admin:
        app.limit.note_administrator(sender_of(admitted.member))
        return render
    if refuse(app, admitted, Reason.NOT_AN_ADMIN, action=ADMIN):
        reply(app, admitted.origin, views.refusal(Reason.NOT_AN_ADMIN, render), replace=replaces)
    return None


def failed(error: StudioLinksError, render: RenderContext) -> Message:
    """Render why nothing was changed."""
    return text_message(render.words.admin.failed.format(why=admin_views.for_slack(str(error), render)))


def admit_in_dialog(app: AppContext, admitted: Admitted) -> tuple[Admitted, RenderContext] | None:
    """Open a dialog first, since Slack allows three seconds; then admit its sender, who is answered in it."""
    try:
        working = text_message(app.render().words.admin.working)
        admitted = replace(admitted, origin=app.slack.open_view(admitted.origin, working))
    except SlackError as error:
        dialog_not_opened(app, admitted, error, app.render().words.form_failed)
        return None
    render = admit(app, admitted)
    return None if render is None else (admitted, render)
