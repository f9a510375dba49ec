"""Handle `/studio admin running` and its buttons. The caller has admitted the sender."""

from dataclasses import replace

import structlog

from bot.admin.commands import AdminCommand
from bot.admin.specs import Name
from bot.core.access import Member
from bot.core.errors import StudioLinksError, UpstreamError
from bot.core.link import Reason
from bot.slack.admin.admission import admit
from bot.slack.app_context import Admitted, AppContext, refuse, reply
from bot.slack.blocks import Message, RenderContext, text_message
from bot.slack.gateway import Body
from bot.slack.members.views import refusal
from bot.slack.payloads import action_value
from bot.slack.workspaces import views
from bot.slack.workspaces.handlers import conclude
from bot.workspaces import everything

log = structlog.get_logger()


def running_of(app: AppContext, admitted: Admitted, render: RenderContext, command: AdminCommand) -> Message:
    """Return the running apps of a member, or of everyone."""
    running = app.running
    if running is None:
        return text_message(render.words.running.off)
    user, access, now = command.principal, app.command_runner.admin.access, app.now()
    try:
        domain = command.fields.get(Name.DOMAIN)
        found = everything.running_of(running.changes, access, admitted.member.tenant, user, domain)
    except UpstreamError as error:
        log.warning("running_unknown", request=admitted.id, why=str(error))
        return views.failed(error.reason, render)
    if Name.OVER in command.fields:
        found = replace(found, apps=everything.over(found.apps, command.over, now))
    return views.held(found, user, running.changes.prices, render, now)


def stop_for(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Stop a member's app, for an administrator who has confirmed it in Slack."""
    render = admit(app, admitted)
    if render is None:
        return
    named = views.parse_held(action_value(body))
    if named is None or app.running is None:
        if refuse(app, admitted, Reason.STALE_BUTTON):
            reply(app, admitted.origin, refusal(Reason.STALE_BUTTON, render), replace=True)
        return
    user, alias, name = named
    member = Member(admitted.member.tenant, user)
    try:
        done = app.running.stop_for(admitted, member, alias, name)
    except StudioLinksError as error:
        log.warning("app_not_changed", request=admitted.id, why=str(error))
        app.metrics.outcome("admin_failed")
        reply(app, admitted.origin, text_message(render.words.running.failed), replace=True)
        return
    if done is None:
        app.metrics.outcome("replayed")
        return
    conclude(app, admitted, member, done)
    reply(app, admitted.origin, views.done(done, render), replace=True)
