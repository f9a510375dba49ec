"""`/studio admin …`: as text, as a form, and the buttons below what is asked back. Only for administrators.

Who asks is looked up anew for every command, press and form.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.admin.commands import SHAPES, Act, Misunderstood, Verb
from bot.admin.confirmation import Done, Forgotten, Nothing, Outcome, Verdict
from bot.core.access import Member
from bot.core.errors import Changed, SlackError, StudioLinksError, UpstreamError
from bot.core.link import Door, Reason
from bot.core.values import is_group
from bot.slack.admin import views as admin_views
from bot.slack.admin.parsing import GROUP, act_of_form, parse_admin
from bot.slack.gateway import Desk, Visit, Work, acknowledge, receive, refuse, take, tell
from bot.slack.members import views
from bot.slack.members.home import show_home
from bot.slack.payloads import REQUEST_ID, action_value, field_value, form_origin, private_metadata

log = structlog.get_logger()

ADMIN = "admin"
HELP = "help"


def register(app: App, desk: Desk) -> None:
    """Add the listeners to a Bolt app."""
    works: dict[str | re.Pattern[str], Work] = {
        re.compile(rf"^{admin_views.PICK}_[a-z]+$"): _pick,
        admin_views.CONFIRM: _confirm,
        admin_views.CANCEL: _cancel,
        admin_views.MORE: _more,
    }

    def on_action(action_id: str | re.Pattern[str], work: Work) -> None:
        @app.action(action_id)
        def press(ack: Ack, body: dict[str, Any]) -> None:
            acknowledge(ack, receive(desk, body, Door.BUTTON, work))

    for action_id, work in works.items():
        on_action(action_id, work)

    @app.view(admin_views.FORM)
    def sent(ack: Ack, body: dict[str, Any]) -> None:
        _take_form(desk, ack, body)


def administer(desk: Desk, visit: Visit, text: str) -> None:
    """`/studio admin`, with whatever was typed after it."""
    text = text.strip()
    if not text:
        _open_menu(desk, visit)
        return
    reader = _admitted(desk, visit)
    if reader is None:
        return
    if text.lower() == HELP:
        desk.metrics.outcome("admin_answered")
        tell(desk, visit.origin, admin_views.usage(reader), replace=False)
        return
    try:
        act = parse_admin(text, desk.now())
    except Misunderstood as problem:
        desk.metrics.outcome("admin_answered")
        tell(desk, visit.origin, admin_views.misunderstood(problem, reader), replace=False)
    else:
        _ask(desk, visit, reader, act)


def _admitted(desk: Desk, visit: Visit) -> views.Reader | None:
    """The administrator as a reader; None if they are none, which they then know, and the audit."""
    in_place = visit.door is not Door.COMMAND
    try:
        admitted, locale = desk.administering.admit(visit.member)
    except UpstreamError as error:
        log.warning("administrator_unknown", request=visit.origin.request_id, why=str(error))
        reader = desk.reader(visit.origin)
        if refuse(desk, visit, error.reason, action=ADMIN):
            tell(desk, visit.origin, _failed(error, reader), replace=in_place)
        return None
    reader = desk.reader(visit.origin, locale)
    if admitted:
        return reader
    if refuse(desk, visit, Reason.NOT_AN_ADMIN, action=ADMIN):
        tell(desk, visit.origin, views.refusal(Reason.NOT_AN_ADMIN, reader), replace=in_place)
    return None


def _open_menu(desk: Desk, visit: Visit) -> None:
    """A dialog first, for which Slack gives three seconds; then who asks, and what they can do."""
    working = admin_views.told(desk.reader().words.admin.working)
    try:
        visit = replace(visit, origin=desk.slack.open_view(visit.origin, working))
    except SlackError as error:
        log.warning("dialog_not_opened", request=visit.origin.request_id, code=error.code)
        desk.metrics.outcome("dialog_not_opened")
        tell(desk, visit.origin, admin_views.told(desk.reader().words.form_failed), replace=False)
        return
    reader = _admitted(desk, visit)
    if reader is not None:
        desk.metrics.outcome("admin_answered")
        tell(desk, visit.origin, admin_views.menu(reader), replace=True)


def _pick(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """A button of the menu: the form of that act, or what needs none at once."""
    reader = _admitted(desk, visit)
    if reader is None:
        return
    picked = action_value(body)
    if picked not in set(Verb):
        tell(desk, visit.origin, admin_views.menu(reader), replace=True)
    elif not SHAPES[Verb(picked)].fields:
        _ask(desk, visit, reader, Act(Verb(picked), {}))
    else:
        try:
            desk.slack.open_form(visit.origin, admin_views.form(Verb(picked), reader))
        except SlackError as error:
            log.warning("form_not_shown", request=visit.origin.request_id, code=error.code)
            tell(desk, visit.origin, admin_views.told(reader.words.form_failed), replace=True)


def _take_form(desk: Desk, ack: Ack, body: Mapping[str, Any]) -> None:
    """A form that was sent off. What is wrong with its fields, Slack shows beside them."""
    picked = private_metadata(body)
    if picked not in set(Verb):
        acknowledge(ack, receive(desk, body, Door.FORM, _gone))
        return
    verb = Verb(picked)
    names = (*SHAPES[verb].fields, GROUP)
    values = {name: field_value(body, name) for name in names}
    try:
        act = act_of_form(verb, values, desk.now())
    except Misunderstood as problem:
        # Whose form it is has not been looked at yet: this tells them nothing but what they sent.
        ack(response_action="errors", errors=admin_views.field_errors(problem, values, desk.reader()))
        return

    def work(desk: Desk, visit: Visit, _body: Mapping[str, Any]) -> None:
        visit = replace(
            visit, origin=replace(visit.origin, by_message=False, view_name=_name(visit.origin.request_id))
        )
        reader = _admitted(desk, visit)
        if reader is not None:
            _ask(desk, visit, reader, act)

    if take(desk, body, Door.FORM, work):
        ack()  # they were turned away, and have been told so in a message
    else:
        # The answer finds this dialog by its name, which Slack learns with this acknowledgement: so it cannot come
        # before it and be overwritten.
        name = _name(form_origin(body).request_id)
        ack(response_action="update", view=admin_views.working(name, desk.reader()))


def _name(request_id: str) -> str:
    return f"{admin_views.FORM}-{request_id}"


def _gone(desk: Desk, visit: Visit, _body: Mapping[str, Any]) -> None:
    reader = _admitted(desk, visit)
    if reader is not None:
        _show(desk, visit, reader, Nothing(Verdict.GONE))


def _confirm(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    _press(desk, visit, body, lambda act_id: desk.administering.confirm(visit.member, act_id, visit.door))


def _cancel(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    _press(desk, visit, body, lambda act_id: desk.administering.cancel(visit.member, act_id))


def _more(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    request_id = visit.origin.request_id
    _press(desk, visit, body, lambda act_id: desk.administering.more(visit.member, act_id, request_id))


def _press(desk: Desk, visit: Visit, body: Mapping[str, Any], work: Callable[[str], Outcome | None]) -> None:
    reader = _admitted(desk, visit)
    if reader is None:
        return
    act_id = action_value(body)
    if REQUEST_ID.fullmatch(act_id):
        _carry_out(desk, visit, reader, lambda: work(act_id))
    else:
        _show(desk, visit, reader, Nothing(Verdict.GONE))


def _ask(desk: Desk, visit: Visit, reader: views.Reader, act: Act) -> None:
    administering, request_id = desk.administering, visit.origin.request_id
    _carry_out(desk, visit, reader, lambda: administering.ask(visit.member, act, request_id, visit.door))


def _carry_out(desk: Desk, visit: Visit, reader: views.Reader, work: Callable[[], Outcome | None]) -> None:
    """Do it, and show what has come of it."""
    try:
        what = work()
    except Changed:
        desk.metrics.outcome("admin_answered")
        _tell_failure(desk, visit, reader, admin_views.told(reader.words.admin.changed))
    except StudioLinksError as error:
        desk.metrics.outcome("admin_failed")
        log.warning("administration_failed", request=visit.origin.request_id, why=str(error))
        _tell_failure(desk, visit, reader, _failed(error, reader))
    else:
        if what is None:
            desk.metrics.outcome("replayed")
        else:
            _show(desk, visit, reader, what)


def _failed(error: StudioLinksError, reader: views.Reader) -> views.Message:
    return admin_views.told(
        reader.words.admin.failed.format(why=views.escape(str(error), admin_views.LONGEST_WARNING))
    )


def _show(desk: Desk, visit: Visit, reader: views.Reader, what: Outcome) -> None:
    desk.metrics.outcome("admin_done" if isinstance(what, Done | Forgotten) else "admin_answered")
    _tell(desk, visit, admin_views.outcome(what, reader, desk.now(), in_dialog=_in_dialog(visit)))
    if isinstance(what, Done | Forgotten):
        _pass_on(desk, visit, what)


def _tell_failure(desk: Desk, visit: Visit, reader: views.Reader, message: views.Message) -> None:
    _tell(desk, visit, admin_views.with_way_back(message, reader) if _in_dialog(visit) else message)


def _in_dialog(visit: Visit) -> bool:
    return visit.origin.view_id is not None or visit.origin.view_name is not None


def _tell(desk: Desk, visit: Visit, message: views.Message) -> None:
    """In the place of what was pressed; a listing goes on below. Who has closed the dialog gets a message."""
    if tell(desk, visit.origin, message, replace=visit.door is Door.BUTTON):
        return
    try:
        desk.slack.post(visit.member.user_id, message)
    except SlackError as error:
        log.warning("administrator_not_told", request=visit.origin.request_id, code=error.code)


def _pass_on(desk: Desk, visit: Visit, what: Done | Forgotten) -> None:
    """To the audit channel, and to the home tab of the member whom it concerns."""
    if desk.audit_channel is not None:
        try:
            desk.slack.announce(desk.audit_channel, admin_views.announcement(what, visit.member.user_id))
        except SlackError as error:
            log.warning("announcement_failed", request=visit.origin.request_id, code=error.code)
    if what.act.principal and not is_group(what.act.principal):
        show_home(desk, Member(visit.member.tenant, what.act.principal))
