"""Handle members' commands, buttons and the home tab: parse, call, reply. Nothing is decided here."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog

from bot.core.audit import ISSUED
from bot.core.errors import SlackError, StoreError, UpstreamError
from bot.core.link import Answer, Reason, Source, Stage, Target
from bot.core.records import Entry
from bot.links.status import MemberStatus
from bot.slack.admin.handlers import administer
from bot.slack.app_context import REQUEST_DEADLINE, Admitted, AppContext, conclude, dialog_not_opened, refuse, reply
from bot.slack.blocks import Message, RenderContext, text_message
from bot.slack.gateway import Body, Route
from bot.slack.members import status_views, views
from bot.slack.members.giving_back import ROUTES as GIVING_BACK
from bot.slack.members.giving_back import ask_back
from bot.slack.members.home import show_home
from bot.slack.payloads import (
    REQUEST_ID,
    Administer,
    Ask,
    GiveBack,
    Help,
    Open,
    ShowRunning,
    WhoAmI,
    action_value,
    parse,
    parse_target,
)
from bot.slack.request_limit import sender_of
from bot.slack.requests.handlers import show_form
from bot.slack.workspaces.handlers import show_running

log = structlog.get_logger()


def _command(app: AppContext, admitted: Admitted, body: Body) -> None:
    match parse(str(body.get("text") or "")):
        case Open(target):
            _answer(app, admitted, target, in_place=False)
        case WhoAmI():
            _reply_status(app, admitted, status_views.who_am_i, "whoami")
        case ShowRunning() if app.running is not None:
            show_running(app, admitted, app.running)
        case ShowRunning():  # as an alias, where this part is off
            _answer(app, admitted, Target("running"), in_place=False)
        case Ask():
            show_form(app, admitted, {})
        case GiveBack():
            ask_back(app, admitted, {})
        case Administer(text):
            administer(app, admitted, text)
        case Help(not_understood):
            _reply_status(app, admitted, partial(_help, app, not_understood), "help")


def _help(app: AppContext, not_understood: str | None, status: MemberStatus, render: RenderContext) -> Message:
    administers = app.command_runner.may(status.member, status.facts)
    return status_views.help_for(status, render, not_understood=not_understood, administers=administers)


def _reply_status(
    app: AppContext,
    admitted: Admitted,
    view: Callable[[MemberStatus, RenderContext], Message],
    outcome: str,
) -> None:
    """Answer from the member's own status alone."""
    try:
        status = app.get_status.of(admitted.member)
        message = view(status, app.render_status(status, admitted.origin))
    except UpstreamError as error:
        log.warning("status_unknown", request=admitted.id, why=str(error))
        outcome, message = error.reason, views.refusal(error.reason, app.render(admitted.origin))
    reply(app, admitted.origin, message, replace=False)
    app.metrics.outcome(outcome)


def _new_link(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Decide again, for the target that the button or the selected option names."""
    target = parse_target(action_value(body).split())
    if target is None:
        _stale(app, admitted, body)
    else:
        _answer(app, admitted, target, in_place=True)


def _dialog(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Open a dialog first, for which Slack gives three seconds; then answer in it."""
    target = parse_target(action_value(body).split())
    if target is None:
        _stale(app, admitted, body)
        return
    try:
        origin = app.slack.open_view(admitted.origin, text_message(app.render(admitted.origin).words.waiting))
    except SlackError as error:
        dialog_not_opened(app, admitted, error)
        return
    _answer(app, replace(admitted, origin=origin), target, in_place=True)


def _home(app: AppContext, admitted: Admitted, body: Body) -> None:
    if body["event"].get("tab") == "home":
        show_home(app, admitted.member)


def _written(app: AppContext, admitted: Admitted, _body: Body) -> None:
    """Answer a message in the Messages tab with what to type. A link never goes into a conversation."""
    _reply_status(app, admitted, partial(_guide, app), "help")


def _guide(app: AppContext, status: MemberStatus, render: RenderContext) -> Message:
    return status_views.guide(status, render, administers=app.command_runner.may(status.member, status.facts))


def _answer(app: AppContext, admitted: Admitted, target: Target, *, in_place: bool) -> None:
    def deliver(answer: Answer) -> bool:
        render = app.render(admitted.origin, answer.locale)
        if views.leads_to_request(answer):
            render = app.with_request(render, admitted.member, admitted.started + REQUEST_DEADLINE)
        message = views.answer(answer, render)
        begun = app.monotonic()
        delivered = reply(app, admitted.origin, message, replace=in_place)
        replied = app.monotonic()
        app.metrics.record_duration(Stage.REPLY, replied - begun)
        app.metrics.record_duration(Stage.WHOLE, replied - admitted.started)
        return delivered

    app.slack.expect_reply(admitted.origin)
    entry = app.signin.answer(replace(admitted, target=target), deliver)
    if entry is None:
        app.metrics.outcome("replayed")
        return
    conclude(app, entry)
    if entry.outcome == ISSUED:
        app.limit.forgive(sender_of(admitted.member), admitted.at)
    if in_place:
        try:
            _follow_up(app, admitted, entry)
        except Exception:  # the member has the answer, and its outcome is recorded
            log.exception("job_failed", request=admitted.id)


def _follow_up(app: AppContext, admitted: Admitted, entry: Entry) -> None:
    """Replace the content of a dialog or message when its link has expired; refresh the home tab behind a dialog."""
    place = admitted.origin.place
    if place is None:
        return
    if admitted.origin.view_id is not None:
        show_home(app, admitted.member)
    if entry.outcome != ISSUED or entry.expires_at is None:
        app.link_expiry.forget(place, entry.id)
        return
    expired = views.stale(entry, app.render(admitted.origin, entry.locale))
    app.link_expiry.watch(
        place, entry.id, entry.expires_at, lambda: reply(app, admitted.origin, expired, replace=True)
    )


def _opened(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Note a pressed "Open Studio", which has opened the browser already, and take the link off the screen."""
    request_id = action_value(body)
    if not REQUEST_ID.fullmatch(request_id):
        _stale(app, admitted, body)
        return
    try:
        entry = app.signin.opened(admitted.member, request_id)
    except StoreError as error:
        app.metrics.outcome(error.reason)
        log.error("opening_not_recorded", request=admitted.id, why=str(error))  # noqa: TRY400
        return
    if entry is None:
        _stale(app, admitted, body)
    else:
        first = entry.opened_at is not None and entry.opened_at >= admitted.at
        app.metrics.outcome("opened" if first else "opened_again")
        if first:
            app.limit.forgive(sender_of(admitted.member), admitted.at)
        if admitted.origin.place is not None:
            app.link_expiry.forget(admitted.origin.place, entry.id)
        reply(app, admitted.origin, views.opened(entry, app.render(admitted.origin, entry.locale)), replace=True)
        if admitted.origin.view_id is not None:
            show_home(app, admitted.member)


def _stale(app: AppContext, admitted: Admitted, _body: Body) -> None:
    """Refuse a button that names nothing of this member's: it is old or invented."""
    if refuse(app, admitted, Reason.STALE_BUTTON):
        reply(app, admitted.origin, views.refusal(Reason.STALE_BUTTON, app.render(admitted.origin)), replace=True)


# The first route that matches takes a request, so the last one has what no other claims.
ROUTES = (
    # Any command of this app: workspaces rename commands, because their names are not namespaced in Slack.
    Route(Source.COMMAND, re.compile("^/"), _command),
    Route(Source.SHORTCUT, views.SHORTCUT, _dialog),
    Route(Source.HOME, "app_home_opened", _home),
    Route(Source.HOME, "message", _written, ignores=lambda app, body: not app.written.need_answer(body)),
    Route(Source.BUTTON, views.OPEN_STUDIO, _opened),
    Route(Source.BUTTON, views.NEW_LINK, _new_link),
    Route(Source.BUTTON, views.HOME_OPEN, _dialog),
    *GIVING_BACK,
    Route(Source.BUTTON, re.compile(rf"^{views.CHOOSE}(_\d)?$"), _new_link),
    Route(Source.BUTTON, re.compile(""), _stale),
)
