"""What happens when Slack calls: acknowledge, parse, call, reply. Nothing is decided here.

Every listener acknowledges with an empty body and hands its work to an executor. Only a request that is turned away
at the door, because the bot is busy or the request is not for it, is answered in the acknowledgement.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.core.audit import ISSUED
from bot.core.errors import SlackError, StoreError, UpstreamError
from bot.core.link import Answer, LinkRequest, Reason, Source, Stage, Target
from bot.core.records import Entry
from bot.links.status import MemberStatus
from bot.slack.admin.handlers import administer
from bot.slack.blocks import Message, RenderContext
from bot.slack.gateway import Admitted, AppContext, Work, acknowledge, conclude, receive, refuse, tell
from bot.slack.members import status_views, views
from bot.slack.members.home import show_home
from bot.slack.members.parsing import Administer, Ask, Help, Open, WhoAmI, parse, parse_target
from bot.slack.payloads import REQUEST_ID, action_value
from bot.slack.requests.handlers import show_form

log = structlog.get_logger()

# The workspace has removed the app, or its token: https://docs.slack.dev/reference/events/app_uninstalled
DISMISSALS = ("app_uninstalled", "tokens_revoked")


def register(bolt: App, app: AppContext) -> None:
    """Add the listeners to a Bolt app. It must come last: it takes whatever else claims to be a button of ours."""

    # Any command of this app: workspaces rename commands, because their names are not namespaced in Slack.
    @bolt.command(re.compile("^/"))
    def studio(ack: Ack, body: dict[str, Any]) -> None:
        acknowledge(ack, receive(app, body, Source.COMMAND, _command))

    @bolt.shortcut(views.SHORTCUT)
    def shortcut(ack: Ack, body: dict[str, Any]) -> None:
        acknowledge(ack, receive(app, body, Source.SHORTCUT, _dialog))

    @bolt.event("app_home_opened")
    def home(ack: Ack, body: dict[str, Any]) -> None:
        acknowledge(ack, receive(app, body, Source.HOME, _home))

    for event in DISMISSALS:
        bolt.event(event)(partial(_dismissed, app))

    buttons: dict[str | re.Pattern[str], Work] = {
        views.OPEN_STUDIO: _opened,
        views.NEW_LINK: _new_link,
        views.HOME_OPEN: _dialog,
        re.compile(rf"^{views.CHOOSE}(_\d)?$"): _new_link,
        re.compile(""): _stale,  # whatever else claims to be one of our buttons; the order counts
    }
    for action_id, work in buttons.items():
        bolt.action(action_id)(partial(_press, app, work))


def _press(app: AppContext, work: Work, ack: Ack, body: dict[str, Any]) -> None:
    acknowledge(ack, receive(app, body, Source.BUTTON, work))


def _dismissed(app: AppContext, ack: Ack, body: dict[str, Any]) -> None:
    """Nothing can be answered any more; `/readyz` finds out by itself, and the log has the reason."""
    ack()
    home = app.home
    if home is not None and (body.get("api_app_id"), body.get("team_id")) == (home.app_id, home.team_id):
        app.metrics.outcome("dismissed")
        log.error("dismissed", why=body["event"]["type"])


def _command(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    match parse(str(body.get("text") or "")):
        case Open(target):
            _answer(app, admitted, target, in_place=False)
        case WhoAmI():
            _tell_standing(app, admitted, status_views.who_am_i, "whoami")
        case Ask():
            show_form(app, admitted, {})
        case Administer(text):
            administer(app, admitted, text)
        case Help(not_understood):
            _tell_standing(app, admitted, partial(_help, app, not_understood), "help")


def _help(app: AppContext, not_understood: str | None, standing: MemberStatus, render: RenderContext) -> Message:
    administers = app.command_runner.may(standing.member, standing.facts)
    return status_views.help_for(standing, render, not_understood=not_understood, administers=administers)


def _tell_standing(
    app: AppContext,
    admitted: Admitted,
    view: Callable[[MemberStatus, RenderContext], Message],
    outcome: str,
) -> None:
    """Answer with something that needs nothing but the member's own standing."""
    try:
        standing = app.get_status.of(admitted.member)
        message = view(standing, app.render(admitted.origin, standing.facts.person.locale))
    except UpstreamError as error:
        log.warning("standing_unknown", request=admitted.origin.request_id, why=str(error))
        outcome, message = error.reason, views.refusal(error.reason, app.render(admitted.origin))
    tell(app, admitted.origin, message, replace=False)
    app.metrics.outcome(outcome)


def _new_link(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    """The full decision again, for what the button or the selected option names."""
    target = parse_target(action_value(body).split())
    if target is None:
        _stale(app, admitted, body)
    else:
        _answer(app, admitted, target, in_place=True)


def _dialog(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    """From the home tab or a shortcut: a dialog first, for which Slack gives three seconds; then the answer in it."""
    target = parse_target(action_value(body).split())
    if target is None:
        _stale(app, admitted, body)
        return
    try:
        origin = app.slack.open_view(admitted.origin, views.waiting(app.render(admitted.origin)))
    except SlackError as error:
        log.warning("dialog_not_opened", request=admitted.origin.request_id, code=error.code)
        app.slack.reply(admitted.origin, views.refusal(error.reason, app.render(admitted.origin)), replace=False)
        refuse(app, admitted, error.reason)
        return
    _answer(app, replace(admitted, origin=origin), target, in_place=True)


def _home(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    if body["event"].get("tab") == "home":
        show_home(app, admitted.member)


def _refresh_home(app: AppContext, admitted: Admitted) -> None:
    """Behind a dialog there may be the home tab, with the last links; else it is made when it is opened."""
    if admitted.origin.view_id is not None:
        show_home(app, admitted.member)


def _answer(app: AppContext, admitted: Admitted, target: Target, *, in_place: bool) -> None:
    request = LinkRequest(
        id=admitted.origin.request_id,
        attempt=admitted.attempt,
        member=admitted.member,
        source=admitted.source,
        at=admitted.at,
        started=admitted.started,
        target=target,
    )

    def deliver(answer: Answer) -> bool:
        message = views.answer(answer, app.render(admitted.origin, answer.locale))
        begun = app.monotonic()
        delivered = tell(app, admitted.origin, message, replace=in_place)
        told = app.monotonic()
        app.record_duration(Stage.REPLY, told - begun)
        app.record_duration(Stage.WHOLE, told - admitted.started)
        return delivered

    entry = app.signin.answer(request, deliver)
    if entry is None:
        app.metrics.outcome("replayed")
        return
    conclude(app, entry)
    _let_age(app, admitted, entry)
    _refresh_home(app, admitted)


def _let_age(app: AppContext, admitted: Admitted, entry: Entry) -> None:
    """Have a message that we can still replace say so when its link is dead."""
    place = admitted.origin.place
    if place is None:
        return
    if entry.outcome != ISSUED or entry.expires_at is None:
        app.link_expiry.forget(place, entry.id)
        return
    expired = views.stale(entry, app.render(admitted.origin, entry.locale))
    app.link_expiry.watch(
        place, entry.id, entry.expires_at, lambda: tell(app, admitted.origin, expired, replace=True)
    )


def _opened(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    """A pressed "Open Studio" has opened the browser already; this notes it and takes the link off the screen."""
    request_id = action_value(body)
    if not REQUEST_ID.fullmatch(request_id):
        _stale(app, admitted, body)
        return
    try:
        entry = app.signin.opened(admitted.member, request_id)
    except StoreError as error:
        app.metrics.outcome(error.reason)
        log.error("opening_not_recorded", request=admitted.origin.request_id, why=str(error))  # noqa: TRY400
        return
    if entry is None:
        _stale(app, admitted, body)
    else:
        first = entry.opened_at is not None and entry.opened_at >= admitted.at
        app.metrics.outcome("opened" if first else "opened_again")
        if admitted.origin.place is not None:
            app.link_expiry.forget(admitted.origin.place, entry.id)
        tell(app, admitted.origin, views.opened(entry, app.render(admitted.origin, entry.locale)), replace=True)
        _refresh_home(app, admitted)


def _stale(app: AppContext, admitted: Admitted, _body: Mapping[str, Any]) -> None:
    """A button that names nothing of this member's: old, or made up."""
    if refuse(app, admitted, Reason.STALE_BUTTON):
        tell(app, admitted.origin, views.refusal(Reason.STALE_BUTTON, app.render(admitted.origin)), replace=True)
