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
from bot.core.link import Answer, Door, LinkRequest, Reason, Stage, Target
from bot.core.records import Entry
from bot.links.status import Standing
from bot.slack.admin.handlers import administer
from bot.slack.gateway import Desk, Visit, Work, acknowledge, conclude, receive, refuse, tell
from bot.slack.members import views
from bot.slack.members.home import show_home
from bot.slack.payloads import REQUEST_ID, Administer, Ask, Help, Open, WhoAmI, action_value, parse, parse_target
from bot.slack.requests.handlers import show_form

log = structlog.get_logger()

# The workspace has removed the app, or its token: https://docs.slack.dev/reference/events/app_uninstalled
DISMISSALS = ("app_uninstalled", "tokens_revoked")


def register(app: App, desk: Desk) -> None:
    """Add the listeners to a Bolt app. It must come last: it takes whatever else claims to be a button of ours."""

    # Any command of this app: workspaces rename commands, because their names are not namespaced in Slack.
    @app.command(re.compile("^/"))
    def studio(ack: Ack, body: dict[str, Any]) -> None:
        acknowledge(ack, receive(desk, body, Door.COMMAND, _command))

    @app.shortcut(views.SHORTCUT)
    def shortcut(ack: Ack, body: dict[str, Any]) -> None:
        acknowledge(ack, receive(desk, body, Door.SHORTCUT, _dialog))

    @app.event("app_home_opened")
    def home(ack: Ack, body: dict[str, Any]) -> None:
        acknowledge(ack, receive(desk, body, Door.HOME, _home))

    for event in DISMISSALS:
        app.event(event)(partial(_dismissed, desk))

    buttons: dict[str | re.Pattern[str], Work] = {
        views.OPEN_STUDIO: _opened,
        views.NEW_LINK: _new_link,
        views.HOME_OPEN: _dialog,
        re.compile(rf"^{views.CHOOSE}(_\d)?$"): _new_link,
        re.compile(""): _stale,  # whatever else claims to be one of our buttons; the order counts
    }
    for action_id, work in buttons.items():
        app.action(action_id)(partial(_press, desk, work))


def _press(desk: Desk, work: Work, ack: Ack, body: dict[str, Any]) -> None:
    acknowledge(ack, receive(desk, body, Door.BUTTON, work))


def _dismissed(desk: Desk, ack: Ack, body: dict[str, Any]) -> None:
    """Nothing can be answered any more; `/readyz` finds out by itself, and the log has the reason."""
    ack()
    home = desk.home
    if home is not None and (body.get("api_app_id"), body.get("team_id")) == (home.app_id, home.team_id):
        desk.metrics.outcome("dismissed")
        log.error("dismissed", why=body["event"]["type"])


def _command(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    match parse(str(body.get("text") or "")):
        case Open(target):
            _answer(desk, visit, target, in_place=False)
        case WhoAmI():
            _tell_standing(desk, visit, views.who_am_i, "whoami")
        case Ask():
            show_form(desk, visit, {})
        case Administer(text):
            administer(desk, visit, text)
        case Help(not_understood):
            _tell_standing(desk, visit, partial(_help, desk, not_understood), "help")


def _help(desk: Desk, not_understood: str | None, standing: Standing, reader: views.Reader) -> views.Message:
    administers = desk.administering.may(standing.member, standing.person, standing.access)
    return views.help_for(standing, reader, not_understood=not_understood, administers=administers)


def _tell_standing(
    desk: Desk, visit: Visit, view: Callable[[Standing, views.Reader], views.Message], outcome: str
) -> None:
    """Answer with something that needs nothing but the member's own standing."""
    try:
        standing = desk.standings.of(visit.member)
        message = view(standing, desk.reader(visit.origin, standing.person.locale))
    except UpstreamError as error:
        log.warning("standing_unknown", request=visit.origin.request_id, why=str(error))
        outcome, message = error.reason, views.refusal(error.reason, desk.reader(visit.origin))
    tell(desk, visit.origin, message, replace=False)
    desk.metrics.outcome(outcome)


def _new_link(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """The full decision again, for what the button or the selected option names."""
    target = parse_target(action_value(body).split())
    if target is None:
        _stale(desk, visit, body)
    else:
        _answer(desk, visit, target, in_place=True)


def _dialog(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """From the home tab or a shortcut: a dialog first, for which Slack gives three seconds; then the answer in it."""
    target = parse_target(action_value(body).split())
    if target is None:
        _stale(desk, visit, body)
        return
    try:
        origin = desk.slack.open_view(visit.origin, views.waiting(desk.reader(visit.origin)))
    except SlackError as error:
        log.warning("dialog_not_opened", request=visit.origin.request_id, code=error.code)
        desk.slack.reply(visit.origin, views.refusal(error.reason, desk.reader(visit.origin)), replace=False)
        refuse(desk, visit, error.reason)
        return
    _answer(desk, replace(visit, origin=origin), target, in_place=True)


def _home(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    if body["event"].get("tab") == "home":
        show_home(desk, visit.member)


def _refresh_home(desk: Desk, visit: Visit) -> None:
    """Behind a dialog there may be the home tab, with the last links; else it is made when it is opened."""
    if visit.origin.view_id is not None:
        show_home(desk, visit.member)


def _answer(desk: Desk, visit: Visit, target: Target, *, in_place: bool) -> None:
    request = LinkRequest(
        id=visit.origin.request_id,
        attempt=visit.attempt,
        member=visit.member,
        door=visit.door,
        at=visit.at,
        started=visit.started,
        target=target,
    )

    def deliver(answer: Answer) -> bool:
        message = views.answer(answer, desk.reader(visit.origin, answer.locale))
        begun = desk.monotonic()
        delivered = tell(desk, visit.origin, message, replace=in_place)
        told = desk.monotonic()
        desk.took(Stage.REPLY, told - begun)
        desk.took(Stage.WHOLE, told - visit.started)
        return delivered

    entry = desk.signin.answer(request, deliver)
    if entry is None:
        desk.metrics.outcome("replayed")
        return
    conclude(desk, entry)
    _let_age(desk, visit, entry)
    _refresh_home(desk, visit)


def _let_age(desk: Desk, visit: Visit, entry: Entry) -> None:
    """Have a message that we can still replace say so when its link is dead."""
    place = visit.origin.place
    if place is None:
        return
    if entry.outcome != ISSUED or entry.expires_at is None:
        desk.ageing.forget(place, entry.id)
        return
    expired = views.stale(entry, desk.reader(visit.origin, entry.locale))
    desk.ageing.watch(place, entry.id, entry.expires_at, lambda: tell(desk, visit.origin, expired, replace=True))


def _opened(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """A pressed "Open Studio" has opened the browser already; this notes it and takes the link off the screen."""
    request_id = action_value(body)
    if not REQUEST_ID.fullmatch(request_id):
        _stale(desk, visit, body)
        return
    try:
        entry = desk.signin.opened(visit.member, request_id)
    except StoreError as error:
        desk.metrics.outcome(error.reason)
        log.error("opening_not_recorded", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        return
    if entry is None:
        _stale(desk, visit, body)
    else:
        first = entry.opened_at is not None and entry.opened_at >= visit.at
        desk.metrics.outcome("opened" if first else "opened_again")
        if visit.origin.place is not None:
            desk.ageing.forget(visit.origin.place, entry.id)
        tell(desk, visit.origin, views.opened(entry, desk.reader(visit.origin, entry.locale)), replace=True)
        _refresh_home(desk, visit)


def _stale(desk: Desk, visit: Visit, _body: Mapping[str, Any]) -> None:
    """A button that names nothing of this member's: old, or made up."""
    if refuse(desk, visit, Reason.STALE_BUTTON):
        tell(desk, visit.origin, views.refusal(Reason.STALE_BUTTON, desk.reader(visit.origin)), replace=True)
