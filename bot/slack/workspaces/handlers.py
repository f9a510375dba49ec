"""Handle `/studio running` and the buttons to stop and start apps. Nothing is decided here."""

from collections.abc import Callable
from functools import partial

import structlog

from bot.core import audit
from bot.core.access import Member, Person
from bot.core.apps import AppStatus
from bot.core.errors import SlackError, StudioError, UpstreamError
from bot.core.link import Denied, Reason, Source
from bot.core.reminders import Usage
from bot.core.values import ALIAS, MAX_NAME, NAME
from bot.slack.app_context import Admitted, AppContext, announce, refuse, reply
from bot.slack.blocks import Message
from bot.slack.gateway import Body, Route
from bot.slack.members.home import show_home
from bot.slack.members.views import refusal
from bot.slack.payloads import action_value
from bot.slack.workspaces import views
from bot.workspaces.app_changes import Done
from bot.workspaces.reminders import TONIGHT, WEEK, Plan
from bot.workspaces.running import RunningApps

log = structlog.get_logger()

# How metrics count what was done.
COUNTED = {audit.STOP: "stopping", audit.START: "starting", audit.KEEP: "kept"}


def show_running(app: AppContext, admitted: Admitted, running: RunningApps) -> None:
    """Answer with what runs for the member."""
    try:
        counted, message = _overview(app, admitted, running)
    except UpstreamError as error:
        log.warning("running_unknown", request=admitted.id, why=str(error))
        counted, message = str(error.reason), views.failed(error.reason, app.render(admitted.origin))
    app.metrics.outcome(counted)
    reply(app, admitted.origin, message, replace=False)


def _overview(app: AppContext, admitted: Admitted, running: RunningApps) -> tuple[str, Message]:
    found = running.of(admitted.member)
    render = app.render(admitted.origin, found.locale)
    if isinstance(found, Denied):
        return found.reason, views.refused(found, render)
    return "running", views.overview(found, running.changes.prices, render, app.now())


def _stop(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Stop an app of the member's own. Slack has asked them back."""
    named = views.parse_ref(action_value(body))
    if named is None or app.running is None:
        _stale(app, admitted)
        return
    _act(app, admitted, app.running, partial(app.running.stop, admitted, *named))


def _start(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Start the app of a space of the member's own, and tell them once it is ready."""
    alias, _, space = action_value(body).partition(" ")
    valid = ALIAS.fullmatch(alias) and len(space) <= MAX_NAME and NAME.fullmatch(space)
    if not valid or app.running is None:
        _stale(app, admitted)
        return
    done = _act(app, admitted, app.running, partial(app.running.start, admitted, alias, space))
    if done is not None and done.outcome == audit.DONE:
        app.starting.watch(partial(_is_ready, app, app.running, admitted.member, done))


def _keep(until: str, app: AppContext, admitted: Admitted, body: Body) -> None:
    """Keep an app of the member's own: say nothing more of it for a while."""
    named = views.parse_ref(action_value(body))
    if named is None or app.reminders is None:
        _stale(app, admitted)
        return
    try:
        done, kept_until = app.reminders.keep(admitted, *named, until)
    except UpstreamError as error:
        log.warning("app_not_kept", request=admitted.id, why=str(error))
        app.metrics.outcome(error.reason)
        reply(app, admitted.origin, views.failed(error.reason, app.render(admitted.origin)), replace=False)
        return
    if done is None:
        app.metrics.outcome("replayed")
        return
    conclude(app, admitted, admitted.member, done)
    reply(app, admitted.origin, views.kept(done, kept_until, app.render(admitted.origin, done.locale)), replace=False)


def remind(app: AppContext, member: Member, person: Person, planned: Plan) -> None:
    """Send a member the word before the bill; SlackError if Slack does not take it."""
    if app.running is None:
        return
    message = views.reminder(planned, app.running.changes.prices, app.render(locale=person.locale), app.now())
    app.slack.post(member.user_id, message)
    app.metrics.outcome("reminded")


def summarise(app: AppContext, usage: Usage) -> None:
    """Post the weekly summary in the audit channel; SlackError if Slack does not take it."""
    if app.running is not None and app.audit_channel is not None:
        app.slack.post(app.audit_channel, views.summary(usage, app.running.changes.prices, app.render()))


def _act(app: AppContext, admitted: Admitted, running: RunningApps, work: Callable[[], Done | None]) -> Done | None:
    """Stop or start something, and show what is left."""
    try:
        done = work()
    except UpstreamError as error:
        log.warning("app_not_changed", request=admitted.id, why=str(error))
        app.metrics.outcome(error.reason)
        reply(app, admitted.origin, views.failed(error.reason, app.render(admitted.origin)), replace=True)
        return None
    if done is None:
        app.metrics.outcome("replayed")
        return None
    conclude(app, admitted, admitted.member, done)
    message = views.done(done, app.render(admitted.origin, done.locale))
    if admitted.origin.message is not None and done.outcome == audit.DONE:
        message = views.above(message, _rest(app, admitted, running))
    reply(app, admitted.origin, message, replace=True)
    if admitted.origin.place is None:  # it was pressed in the home tab
        show_home(app, admitted.member)
    return done


def _rest(app: AppContext, admitted: Admitted, running: RunningApps) -> Message | None:
    """Return what runs for the member now; None if that cannot be read."""
    try:
        return _overview(app, admitted, running)[1]
    except UpstreamError as error:
        log.warning("running_unknown", request=admitted.id, why=str(error))
        return None


def conclude(app: AppContext, admitted: Admitted, member: Member, done: Done) -> None:
    """Count and announce what was stopped or started, or that it was not."""
    succeeded = done.outcome == audit.DONE
    app.metrics.outcome(COUNTED[done.action] if succeeded else done.outcome)
    log.info("app_changed", request=admitted.id, action=done.action, outcome=done.outcome, user=member.user_id)
    what = f" · {done.name.app_type} in {done.mapping.domain_id}" if done.name and done.mapping else ""
    by = "" if member == admitted.member else f" · by {admitted.member.user_id}"
    announce(app, admitted.id, f"{member.user_id} · {done.action} · {done.outcome}{what}{by}")


def _is_ready(app: AppContext, running: RunningApps, member: Member, done: Done) -> bool:
    """Tell the member once an app that they have started is ready or has failed; return whether it has."""
    if done.mapping is None or done.name is None:
        return True
    try:
        state = running.state(done.mapping, done.name, member)
        if state is not None and state.status is AppStatus.PENDING:
            return False
        app.slack.post(member.user_id, views.ready(done, state, app.render(locale=done.locale)))
    except StudioError as error:  # the next look may do better
        log.warning("start_unknown", user=member.user_id, why=str(error))
        return False
    except SlackError as error:
        log.warning("start_not_told", user=member.user_id, code=error.code)
    return True


def _stale(app: AppContext, admitted: Admitted) -> None:
    if refuse(app, admitted, Reason.STALE_BUTTON):
        reply(app, admitted.origin, refusal(Reason.STALE_BUTTON, app.render(admitted.origin)), replace=True)


ROUTES = (
    Route(Source.BUTTON, views.STOP_APP, _stop),
    Route(Source.BUTTON, views.START_SPACE, _start),
    Route(Source.BUTTON, views.KEEP_TONIGHT, partial(_keep, TONIGHT)),
    Route(Source.BUTTON, views.KEEP_WEEK, partial(_keep, WEEK)),
)
