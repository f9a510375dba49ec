"""Members give their access back: `/studio return`, the button of `whoami` and the home tab, and the question."""

import re
from typing import Any

import structlog

from bot.admin.giving_back import GiveBack, Holding
from bot.core import audit
from bot.core.errors import Changed, SlackError, StudioLinksError, UpstreamError
from bot.core.link import Denied, Source
from bot.slack.app_context import Admitted, AppContext, announce, dialog_not_opened, reply
from bot.slack.blocks import Block, RenderContext, escape, form, section, slack_date, text_message
from bot.slack.gateway import Body, Route
from bot.slack.members.home import show_home
from bot.slack.members.status_views import RETURN
from bot.slack.members.views import refusal
from bot.slack.payloads import private_metadata
from bot.workspaces.app_changes import Running

log = structlog.get_logger()

# The form's private_metadata: its language, and the version of the records that it shows.
METADATA = re.compile("([a-z]{2}) ([0-9]{1,15})")
MAX_APPS = 8


def ask_back(app: AppContext, admitted: Admitted, _body: Body) -> None:
    """Ask a member whether to give their access back, or say why there is nothing to give."""
    words = app.render(admitted.origin).words
    try:
        opened = app.slack.open_view(admitted.origin, text_message(words.one_moment))
    except SlackError as error:
        dialog_not_opened(app, admitted, error, words.form_failed)
        return
    try:
        holding = _use_case(app).holding(admitted.member)
        render = app.render(admitted.origin, holding.person.locale)
        if holding.own is None:
            outcome = "nothing_to_return"
            app.slack.reply(opened, text_message(nothing(holding, render)), replace=True)
        else:
            outcome = "returning"
            app.slack.open_form(opened, question(holding, _running(app, admitted), render))
    except UpstreamError as error:
        log.warning("question_not_shown", request=admitted.id, why=str(error))
        outcome = error.reason
        app.slack.reply(opened, refusal(error.reason, app.render(admitted.origin)), replace=True)
    app.metrics.outcome(outcome)


def _give_back(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Remove the member's own rule. Only Slack's signed payload names the member; the form names nobody."""
    named = METADATA.fullmatch(private_metadata(body))
    language, version = named.groups() if named else ("", "-1")
    render, use_case, member = app.render(admitted.origin, language), _use_case(app), admitted.member
    words = render.words
    try:
        given = use_case.give_back(member, Source.FORM, int(version))
    except StudioLinksError as error:
        log.warning("not_returned", request=admitted.id, why=str(error))
        outcome, text = "not_returned", words.changed_meanwhile if isinstance(error, Changed) else words.return_failed
    else:
        outcome = "returned" if given else "nothing_to_return"
        text = words.returned.format(command=escape(render.command)) if given else words.return_nothing
    if outcome == "returned":
        app.metrics.access_changed(audit.RETURN)
        announce(app, admitted.id, f"{member.user_id} · {audit.RETURN} · {audit.DONE}")
        text = f"{text} {_left_to(app, admitted, render)}".strip()
    app.metrics.outcome(outcome)
    reply(app, admitted.origin, text_message(text), replace=False)
    show_home(app, member)


def _left_to(app: AppContext, admitted: Admitted, render: RenderContext) -> str:
    """Return the access that the member still has, as far as known."""
    try:
        return left(_use_case(app).holding(admitted.member), render)
    except UpstreamError:
        return ""


def _use_case(app: AppContext) -> GiveBack:
    requests = app.access_requests
    return GiveBack(requests.admin, app.signin.facts, requests.rules, app.now)


def _running(app: AppContext, admitted: Admitted) -> tuple[Running, ...]:
    """Return the member's running apps, as far as known."""
    if app.running is None:
        return ()
    try:
        found = app.running.of(admitted.member)
    except UpstreamError as error:
        log.warning("running_unknown", request=admitted.id, why=str(error))
        return ()
    return () if isinstance(found, Denied) else found.running


def question(holding: Holding, running: tuple[Running, ...], render: RenderContext) -> dict[str, Any]:
    """Render the question, which lists the access that the member would lose and keep. Pure."""
    words, until = render.words, holding.own.until if holding.own else None
    lines = [words.return_sure.format(until=slack_date(until)) if until else words.return_sure_open]
    lines += filter(None, [left(holding, render)])
    lines.append(words.return_note.format(command=escape(render.command)))
    if running:
        apps = ", ".join(_app(each, render) for each in running[:MAX_APPS])
        more = len(running) - MAX_APPS
        apps += f", {words.running.more.format(number=more)}" if more > 0 else ""
        lines.append(words.return_running.format(apps=apps, command=escape(render.command)))
    blocks: list[Block] = [section(line) for line in lines]
    metadata = f"{words.language} {holding.version}"
    return form(RETURN, words.return_access, words.return_submit, blocks, words=words, metadata=metadata)


def _app(running: Running, render: RenderContext) -> str:
    words, name = render.words.running, running.app.name
    where = (words.in_shared_space if running.app.shared else words.in_space).format(space=name.space)
    if not name.space:
        where = words.in_profile.format(profile=running.mapping.profile_name)
    return f"{words.app.format(app=escape(name.app_type))} {where}"


def left(holding: Holding, render: RenderContext) -> str:
    """Render how the member can open Studio without their own rule; empty if they cannot. Pure."""
    words = render.words
    if holding.left is not None:
        return words.return_group.format(group=f"<!subteam^{holding.left.principal}>")
    return words.return_unsure if holding.unsure else ""


def nothing(holding: Holding, render: RenderContext) -> str:
    """Render the answer for a member who has nothing to give back. Pure."""
    return f"{render.words.return_nothing} {left(holding, render)}".strip()


ROUTES = (Route(Source.BUTTON, RETURN, ask_back), Route(Source.FORM, RETURN, _give_back))
