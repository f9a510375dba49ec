"""Handle `/studio admin …`: text, forms, and the buttons below questions. Only for administrators.

Each command, button press and form checks again whether its sender may administer.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from bot.admin.commands import AdminCommand, ParseError
from bot.admin.confirmation import CommandRunner
from bot.admin.names import UnclearName
from bot.admin.results import Done, Forgotten, NotDone, NotDoneReason, Outcome, Waiting
from bot.admin.specs import COMMAND_SPECS, Name, Verb
from bot.core.access import Member
from bot.core.errors import Changed, SlackError, StudioLinksError
from bot.core.link import Source
from bot.core.values import USER_ID, is_group
from bot.slack.admin import forms, home, notices, picking, records, second
from bot.slack.admin import views as admin_views
from bot.slack.admin.admission import admit, admit_in_dialog, failed
from bot.slack.admin.parsing import GROUP, form_problems, parse_admin, parse_form, parse_verb
from bot.slack.app_context import Admitted, AppContext, announce, reply
from bot.slack.blocks import Message, RenderContext, text_message
from bot.slack.gateway import Body, Route, record_invalid_form
from bot.slack.members.home import show_home
from bot.slack.names import find_member
from bot.slack.payloads import REQUEST_ID, action_value, field_value, form_origin, private_metadata
from bot.slack.requests import commands as request_commands
from bot.slack.workspaces.administration import running_of, stop_for
from bot.slack.workspaces.views import STOP_FOR

log = structlog.get_logger()

HELP = "help"
# The action of a button, given its press and the id of its pending command.
PressWork = Callable[[CommandRunner, Admitted, str], Outcome | None]
PRESSES: Mapping[str, PressWork] = {
    admin_views.CONFIRM: lambda runner, press, pending: runner.confirm(press.member, pending, press.source),
    admin_views.CANCEL: lambda runner, press, pending: runner.cancel(press.member, pending),
    records.MORE: lambda runner, press, pending: runner.more(press.member, pending, press.id),
}


def administer(app: AppContext, admitted: Admitted, text: str) -> None:
    """Handle `/studio admin` and the text after it."""
    text = text.strip()
    if not text:
        _open_menu(app, admitted)
        return
    render = admit(app, admitted)
    if render is None:
        return
    try:
        if text.lower() == HELP:
            message = admin_views.usage(render)
        else:
            _ask(app, admitted, render, parse_admin(text, app.now(), partial(_id_of, app, admitted)))
            return
    except ParseError as problem:
        message = admin_views.parse_error(problem, render)
    except UnclearName as problem:
        message = admin_views.unclear_name(problem, render)
    except StudioLinksError as error:
        message = failed(error, render)
    app.metrics.outcome("admin_answered")
    reply(app, admitted.origin, message, replace=False)


def _id_of(app: AppContext, admitted: Admitted, name: str) -> str:
    return find_member(app.slack, admitted.member.tenant, name).user_id


def _open_menu(app: AppContext, admitted: Admitted) -> None:
    if (opened := admit_in_dialog(app, admitted)) is not None:
        admitted, render = opened
        app.metrics.outcome("admin_answered")
        reply(app, admitted.origin, forms.menu(render), replace=True)


def _pick(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Open the form of the chosen command, or carry it out if it needs none."""
    render = admit(app, admitted)
    if render is None:
        return
    picked, _, chosen = action_value(body).partition(" ")
    about, _, day = chosen.partition(" ")
    verb, user = parse_verb(picked), about if USER_ID.fullmatch(about) else ""
    if verb is None:
        reply(app, admitted.origin, forms.menu(render), replace=True)
    elif user and verb in forms.READS:
        _ask(app, admitted, render, AdminCommand(verb, {Name.USER: user}))
    elif not COMMAND_SPECS[verb].fields or (verb in forms.AT_ONCE and about != forms.SEARCH):
        _ask(app, admitted, render, AdminCommand(verb, {}))
    else:
        try:
            app.slack.open_form(
                admitted.origin, forms.form(verb, render, user, day if forms.DAY.fullmatch(day) else "")
            )
        except SlackError as error:
            log.warning("form_not_shown", request=admitted.id, code=error.code)
            reply(app, admitted.origin, text_message(render.words.form_failed), replace=True)


def _form(body: Body) -> tuple[Verb | None, dict[str, str], str]:
    """Return a submitted form's verb (None if it has none), its fields, and its language."""
    picked, _, language = private_metadata(body).partition(" ")
    verb = parse_verb(picked)
    names = () if verb is None else (*COMMAND_SPECS[verb].fields, GROUP)
    return verb, {name: field_value(body, name) for name in names}, language


def _check_form(app: AppContext, body: Body) -> Mapping[str, str]:
    """Return the errors of a form. The sender is checked on the worker: this repeats only what they sent."""
    verb, values, language = _form(body)
    errors: dict[str, str] = {}
    for problem in form_problems(verb, values, app.now()) if verb is not None else ():
        errors |= forms.field_errors(problem, values, app.render(locale=language))
    return errors


def _working(app: AppContext, body: Body) -> Mapping[str, Any]:
    # The answer finds this dialog by its name, which Slack learns from this acknowledgement: the answer cannot
    # come first and be overwritten.
    return forms.working(_name(form_origin(body).request_id), app.render(locale=_form(body)[2]))


def _submit(app: AppContext, admitted: Admitted, body: Body) -> None:
    verb, values, _ = _form(body)
    admitted = replace(admitted, origin=replace(admitted.origin, by_message=False, view_name=_name(admitted.id)))
    render = admit(app, admitted)
    if render is None:
        return
    if verb is None:
        _answer(app, admitted, render, _expired)
    else:
        _ask(app, admitted, render, parse_form(verb, values, app.now()))


def _name(request_id: str) -> str:
    return f"{forms.FORM}-{request_id}"


def _invalid(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Record and count a form with bad fields, or its refusal if the sender is no administrator."""
    if admit(app, admitted) is not None:
        record_invalid_form(app, admitted, body)


def _expired() -> Outcome:
    return NotDone(NotDoneReason.EXPIRED)


def _press(work: PressWork, app: AppContext, admitted: Admitted, body: Body) -> None:
    """Handle a button that holds the id of a pending command."""
    render = admit(app, admitted)
    if render is None:
        return
    pending_id = action_value(body)
    valid = REQUEST_ID.fullmatch(pending_id)
    _answer(app, admitted, render, partial(work, app.command_runner, admitted, pending_id) if valid else _expired)


def _decide(app: AppContext, admitted: Admitted, body: Body, *, approve: bool) -> None:
    """Handle the press of a second administrator. The message stays until it is decided: anybody may see it."""
    render = admit(app, admitted, keeps=True)
    if render is None:
        return
    named = second.VALUE.fullmatch(action_value(body))
    if named is None:
        _answer(app, admitted, render, _expired, keeps=True)
        return
    member, asked_by = admitted.member, Member(admitted.member.tenant, named[1])
    decide = partial(app.command_runner.decide, member, asked_by, named[2], admitted.source, approve=approve)
    result = _answer(app, admitted, render, decide, keeps=True)
    if isinstance(result, NotDone) and result.reason is NotDoneReason.DECLINED and result.command is not None:
        second.tell_declined(app, asked_by, member, result.command)


def _ask(app: AppContext, admitted: Admitted, render: RenderContext, command: AdminCommand) -> None:
    if command.verb in request_commands.VERBS:
        try:
            request_commands.carry_out(app, admitted, render, command)
        except StudioLinksError as error:
            app.metrics.outcome("admin_failed")
            log.warning("administration_failed", request=admitted.id, why=str(error))
            reply(app, admitted.origin, failed(error, render), replace=False)
        return
    if command.verb is Verb.RUNNING:
        message = running_of(app, admitted, render, command)
        app.metrics.outcome("admin_answered")
        _reply(app, admitted, admin_views.with_way_back(message, render) if _in_dialog(admitted) else message)
        return
    ask = partial(app.command_runner.ask, admitted.member, command, admitted.id, admitted.source)
    _answer(app, admitted, render, ask)


def _answer(
    app: AppContext,
    admitted: Admitted,
    render: RenderContext,
    work: Callable[[], Outcome | None],
    *,
    keeps: bool = False,
) -> Outcome | None:
    """Run a command, count its result and show it; a change is announced, and refreshes the member's home tab.

    Args:
        keeps: whether the message of the button stays unless it is decided.
    """
    in_dialog, result = _in_dialog(admitted), None
    try:
        result = work()
        if isinstance(result, Waiting) and not second.ask_others(app, result):
            result = app.command_runner.withdraw(result, admitted.source)
    except Changed:
        counted, message = "admin_answered", text_message(render.words.admin.changed)
    except StudioLinksError as error:
        counted, message = "admin_failed", failed(error, render)
        log.warning("administration_failed", request=admitted.id, why=str(error))
    else:
        if result is None:
            app.metrics.outcome("replayed")
            return None
        counted = _counted(result)
        message = admin_views.outcome(result, render, app.now(), in_dialog=in_dialog)
    app.metrics.outcome(counted)
    message = admin_views.with_way_back(message, render) if in_dialog and result is None else message
    _reply(app, admitted, message, keeps=keeps and not _is_decided(result))
    if isinstance(result, Done | Forgotten):
        _follow_up(app, admitted, result)
    return result


def _follow_up(app: AppContext, admitted: Admitted, result: Done | Forgotten) -> None:
    """Count and announce a change, and refresh the home tabs that show it."""
    if isinstance(result, Forgotten) or result.change.made:
        lifted = result.command.verb is Verb.LOCKDOWN and not result.command.locks
        app.metrics.access_changed("lockdown_lifted" if lifted else result.command.verb)
    if result.command.verb is Verb.OFFBOARD:
        app.wake()
    notices.send_aside(app, admitted, result)
    announce(app, admitted.id, admin_views.announcement(result, admitted.member.user_id))
    principal = result.command.principal
    if principal and not is_group(principal):
        show_home(app, Member(admitted.member.tenant, principal))
    if admitted.source is Source.FORM:  # which a button of their home tab may have opened
        show_home(app, admitted.member)


def _counted(result: Outcome) -> str:
    if isinstance(result, Done | Forgotten):
        return "admin_done"
    refused = isinstance(result, NotDone) and result.reason in (NotDoneReason.OWN_ACCESS, NotDoneReason.OWN_REQUEST)
    return "admin_refused" if refused else "admin_answered"


def _is_decided(result: Outcome | None) -> bool:
    over = isinstance(result, NotDone) and result.reason in (NotDoneReason.DECIDED, NotDoneReason.DECLINED)
    return over or isinstance(result, Done)


def _in_dialog(admitted: Admitted) -> bool:
    return admitted.origin.view_id is not None or admitted.origin.view_name is not None


def _reply(app: AppContext, admitted: Admitted, message: Message, *, keeps: bool = False) -> None:
    """Replace the message of the button unless it `keeps` it, or send a direct message if the dialog was closed."""
    if reply(app, admitted.origin, message, replace=admitted.source is Source.BUTTON and not keeps):
        return
    try:
        app.slack.post(admitted.member.user_id, message)
    except SlackError as error:
        log.warning("admin_reply_not_sent", request=admitted.id, code=error.code)


ROUTES = (
    *picking.ROUTES,
    Route(Source.BUTTON, re.compile(rf"^{forms.PICK}_[a-z]+$"), _pick),
    Route(Source.BUTTON, forms.FIND, home.show_member),
    *(Route(Source.BUTTON, name, partial(_press, work)) for name, work in PRESSES.items()),
    Route(Source.BUTTON, STOP_FOR, stop_for),
    Route(Source.BUTTON, second.AGREE, partial(_decide, approve=True)),
    Route(Source.BUTTON, second.DISAGREE, partial(_decide, approve=False)),
    Route(Source.FORM, forms.FORM, _submit, _check_form, _invalid, _working),
)
