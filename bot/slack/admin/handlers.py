"""`/studio admin …`: as text, as a form, and the buttons below what is asked back. Only for administrators.

Who asks is looked up anew for every command, press and form.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.admin.commands import AdminCommand, ParseError
from bot.admin.confirmation import Done, Forgotten, Nothing, Outcome, Verdict
from bot.admin.specs import COMMAND_SPECS
from bot.core.access import Member
from bot.core.errors import Changed, SlackError, StudioLinksError, UpstreamError
from bot.core.link import Reason, Source
from bot.core.values import is_group
from bot.slack.admin import views as admin_views
from bot.slack.admin.parsing import GROUP, parse_admin, parse_form, parse_verb
from bot.slack.blocks import Message, RenderContext, escape
from bot.slack.gateway import Admitted, AppContext, Work, acknowledge, receive, refuse, take, tell
from bot.slack.members import views
from bot.slack.members.home import show_home
from bot.slack.payloads import REQUEST_ID, action_value, field_value, form_origin, private_metadata

log = structlog.get_logger()

ADMIN = "admin"
HELP = "help"


def register(bolt: App, app: AppContext) -> None:
    """Add the listeners to a Bolt app."""
    works: dict[str | re.Pattern[str], Work] = {
        re.compile(rf"^{admin_views.PICK}_[a-z]+$"): _pick,
        admin_views.CONFIRM: _confirm,
        admin_views.CANCEL: _cancel,
        admin_views.MORE: _more,
    }

    def on_action(action_id: str | re.Pattern[str], work: Work) -> None:
        @bolt.action(action_id)
        def press(ack: Ack, body: dict[str, Any]) -> None:
            acknowledge(ack, receive(app, body, Source.BUTTON, work))

    for action_id, work in works.items():
        on_action(action_id, work)

    @bolt.view(admin_views.FORM)
    def sent(ack: Ack, body: dict[str, Any]) -> None:
        _take_form(app, ack, body)


def administer(app: AppContext, admitted: Admitted, text: str) -> None:
    """`/studio admin`, with whatever was typed after it."""
    text = text.strip()
    if not text:
        _open_menu(app, admitted)
        return
    render = _admitted(app, admitted)
    if render is None:
        return
    if text.lower() == HELP:
        app.metrics.outcome("admin_answered")
        tell(app, admitted.origin, admin_views.usage(render), replace=False)
        return
    try:
        act = parse_admin(text, app.now())
    except ParseError as problem:
        app.metrics.outcome("admin_answered")
        tell(app, admitted.origin, admin_views.misunderstood(problem, render), replace=False)
    else:
        _ask(app, admitted, render, act)


def _admitted(app: AppContext, admitted: Admitted) -> RenderContext | None:
    """The administrator as a reader; None if they are none, which they then know, and the audit."""
    in_place = admitted.source is not Source.COMMAND
    try:
        is_admin, locale = app.administering.admit(admitted.member)
    except UpstreamError as error:
        log.warning("administrator_unknown", request=admitted.origin.request_id, why=str(error))
        render = app.render(admitted.origin)
        if refuse(app, admitted, error.reason, action=ADMIN):
            tell(app, admitted.origin, _failed(error, render), replace=in_place)
        return None
    render = app.render(admitted.origin, locale)
    if is_admin:
        return render
    if refuse(app, admitted, Reason.NOT_AN_ADMIN, action=ADMIN):
        tell(app, admitted.origin, views.refusal(Reason.NOT_AN_ADMIN, render), replace=in_place)
    return None


def _open_menu(app: AppContext, admitted: Admitted) -> None:
    """A dialog first, for which Slack gives three seconds; then who asks, and what they can do."""
    working = admin_views.told(app.render().words.admin.working)
    try:
        admitted = replace(admitted, origin=app.slack.open_view(admitted.origin, working))
    except SlackError as error:
        log.warning("dialog_not_opened", request=admitted.origin.request_id, code=error.code)
        app.metrics.outcome("dialog_not_opened")
        tell(app, admitted.origin, admin_views.told(app.render().words.form_failed), replace=False)
        return
    render = _admitted(app, admitted)
    if render is not None:
        app.metrics.outcome("admin_answered")
        tell(app, admitted.origin, admin_views.menu(render), replace=True)


def _pick(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    """A button of the menu: the form of that act, or what needs none at once."""
    render = _admitted(app, admitted)
    if render is None:
        return
    verb = parse_verb(action_value(body))
    if verb is None:
        tell(app, admitted.origin, admin_views.menu(render), replace=True)
    elif not COMMAND_SPECS[verb].fields:
        _ask(app, admitted, render, AdminCommand(verb, {}))
    else:
        try:
            app.slack.open_form(admitted.origin, admin_views.form(verb, render))
        except SlackError as error:
            log.warning("form_not_shown", request=admitted.origin.request_id, code=error.code)
            tell(app, admitted.origin, admin_views.told(render.words.form_failed), replace=True)


def _take_form(app: AppContext, ack: Ack, body: Mapping[str, Any]) -> None:
    """Take a submitted form. Slack shows what is wrong with its fields beside them."""
    picked, _, language = private_metadata(body).partition(" ")
    verb, render = parse_verb(picked), app.render(locale=language)
    if verb is None:
        acknowledge(ack, receive(app, body, Source.FORM, _gone))
        return
    names = (*COMMAND_SPECS[verb].fields, GROUP)
    values = {name: field_value(body, name) for name in names}
    try:
        command = parse_form(verb, values, app.now())
    except ParseError as problem:
        if take(app, body, Source.FORM, _misunderstood):
            ack()  # it was rejected, and the reply says so
        else:
            # The sender is checked on the worker: until then this repeats only what they sent.
            ack(response_action="errors", errors=admin_views.field_errors(problem, values, render))
        return

    def work(app: AppContext, admitted: Admitted, _body: Mapping[str, Any]) -> None:
        admitted = replace(
            admitted, origin=replace(admitted.origin, by_message=False, view_name=_name(admitted.origin.request_id))
        )
        render = _admitted(app, admitted)
        if render is not None:
            _ask(app, admitted, render, command)

    if take(app, body, Source.FORM, work):
        ack()  # it was rejected, and the reply says so
    else:
        # The answer finds this dialog by its name, which Slack learns from this acknowledgement: the answer cannot
        # come first and be overwritten.
        name = _name(form_origin(body).request_id)
        ack(response_action="update", view=admin_views.working(name, render))


def _name(request_id: str) -> str:
    return f"{admin_views.FORM}-{request_id}"


def _misunderstood(app: AppContext, admitted: Admitted, _body: Mapping[str, Any]) -> None:
    """Count a form with bad fields, or refuse and record it if its sender is no administrator."""
    if _admitted(app, admitted) is not None:
        app.metrics.outcome("admin_answered")


def _gone(app: AppContext, admitted: Admitted, _body: Mapping[str, Any]) -> None:
    render = _admitted(app, admitted)
    if render is not None:
        _show(app, admitted, render, Nothing(Verdict.GONE))


def _confirm(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    _press(app, admitted, body, lambda act_id: app.administering.confirm(admitted.member, act_id, admitted.source))


def _cancel(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    _press(app, admitted, body, lambda act_id: app.administering.cancel(admitted.member, act_id))


def _more(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    request_id = admitted.origin.request_id
    _press(app, admitted, body, lambda act_id: app.administering.more(admitted.member, act_id, request_id))


def _press(
    app: AppContext, admitted: Admitted, body: Mapping[str, Any], work: Callable[[str], Outcome | None]
) -> None:
    render = _admitted(app, admitted)
    if render is None:
        return
    act_id = action_value(body)
    if REQUEST_ID.fullmatch(act_id):
        _carry_out(app, admitted, render, lambda: work(act_id))
    else:
        _show(app, admitted, render, Nothing(Verdict.GONE))


def _ask(app: AppContext, admitted: Admitted, render: RenderContext, act: AdminCommand) -> None:
    administering, request_id = app.administering, admitted.origin.request_id
    _carry_out(app, admitted, render, lambda: administering.ask(admitted.member, act, request_id, admitted.source))


def _carry_out(
    app: AppContext, admitted: Admitted, render: RenderContext, work: Callable[[], Outcome | None]
) -> None:
    """Do it, and show what has come of it."""
    try:
        what = work()
    except Changed:
        app.metrics.outcome("admin_answered")
        _tell_failure(app, admitted, render, admin_views.told(render.words.admin.changed))
    except StudioLinksError as error:
        app.metrics.outcome("admin_failed")
        log.warning("administration_failed", request=admitted.origin.request_id, why=str(error))
        _tell_failure(app, admitted, render, _failed(error, render))
    else:
        if what is None:
            app.metrics.outcome("replayed")
        else:
            _show(app, admitted, render, what)


def _failed(error: StudioLinksError, render: RenderContext) -> Message:
    return admin_views.told(render.words.admin.failed.format(why=escape(str(error), admin_views.MAX_WARNING_LENGTH)))


def _show(app: AppContext, admitted: Admitted, render: RenderContext, what: Outcome) -> None:
    app.metrics.outcome("admin_done" if isinstance(what, Done | Forgotten) else "admin_answered")
    _tell(app, admitted, admin_views.outcome(what, render, app.now(), in_dialog=_in_dialog(admitted)))
    if isinstance(what, Done | Forgotten):
        _pass_on(app, admitted, what)


def _tell_failure(app: AppContext, admitted: Admitted, render: RenderContext, message: Message) -> None:
    _tell(app, admitted, admin_views.with_way_back(message, render) if _in_dialog(admitted) else message)


def _in_dialog(admitted: Admitted) -> bool:
    return admitted.origin.view_id is not None or admitted.origin.view_name is not None


def _tell(app: AppContext, admitted: Admitted, message: Message) -> None:
    """In the place of what was pressed; a listing goes on below. Who has closed the dialog gets a message."""
    if tell(app, admitted.origin, message, replace=admitted.source is Source.BUTTON):
        return
    try:
        app.slack.post(admitted.member.user_id, message)
    except SlackError as error:
        log.warning("administrator_not_told", request=admitted.origin.request_id, code=error.code)


def _pass_on(app: AppContext, admitted: Admitted, what: Done | Forgotten) -> None:
    """To the audit channel, and to the home tab of the member whom it concerns."""
    if app.audit_channel is not None:
        try:
            app.slack.announce(app.audit_channel, admin_views.announcement(what, admitted.member.user_id))
        except SlackError as error:
            log.warning("announcement_failed", request=admitted.origin.request_id, code=error.code)
    if what.act.principal and not is_group(what.act.principal):
        show_home(app, Member(admitted.member.tenant, what.act.principal))
