"""Requests for access: the dialog in which members ask, and the buttons with which administrators decide."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.admin.access_requests import DAYS, AccessRequests, Decision, DecisionResult, Submission
from bot.core.access import Mapping as StudioMapping
from bot.core.access import Member
from bot.core.errors import SlackError, StoreError, StudioLinksError, UpstreamError
from bot.core.link import Denied, Reason, Source
from bot.core.records import AccessRequest, Posting, RequestState
from bot.core.values import DEFAULT_ALIAS, InvalidValue
from bot.slack.blocks import Message, RenderContext
from bot.slack.gateway import Admitted, AppContext, Work, acknowledge, receive, refuse, tell
from bot.slack.members import status_views, views
from bot.slack.members.home import show_home
from bot.slack.payloads import action_value, field_value, private_metadata
from bot.slack.requests import views as asking_views

log = structlog.get_logger()

# A button's value: whose request, and which. A dialog brings it back with the language that it is in.
REQUEST = re.compile(r"([UW][A-Z0-9]{1,30}) ([0-9a-f]{32})")
# The verdicts after which a request needs no buttons any more.
OVER = (DecisionResult.DONE, DecisionResult.ALREADY_DECIDED, DecisionResult.GONE)
# What the form's choice of a time means; anything else means a day.
SPANS = {str(days or asking_views.FOR_GOOD): days for days in DAYS}


def register(bolt: App, app: AppContext, asking: AccessRequests) -> None:
    """Add the listeners to a Bolt app."""

    def on_action(action_id: str, work: Work) -> None:
        @bolt.action(action_id)
        def press(ack: Ack, body: dict[str, Any]) -> None:
            acknowledge(ack, receive(app, body, Source.BUTTON, work))

    def approve(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
        _press(
            app,
            admitted,
            body,
            lambda who, request: asking.approve(admitted.member, who, request, source=admitted.source),
        )

    def deny(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
        _press(
            app,
            admitted,
            body,
            lambda who, request: asking.deny(admitted.member, who, request, source=admitted.source),
        )

    on_action(views.ASK, show_form)
    on_action(asking_views.APPROVE, approve)
    on_action(asking_views.DENY, deny)

    @bolt.view(views.ASK)
    def asked(ack: Ack, body: dict[str, Any]) -> None:
        if not field_value(body, asking_views.REASON).strip():
            words = app.words(private_metadata(body))
            ack(response_action="errors", errors={asking_views.REASON: words.ask_reason_missing})
            return
        acknowledge(ack, receive(app, body, Source.FORM, lambda d, v, b: _ask(d, v, b, asking)))

    @bolt.view(asking_views.APPROVE)
    def mapped(ack: Ack, body: dict[str, Any]) -> None:
        value, _, language = private_metadata(body).rpartition(" ")
        try:
            mapping = _mapping(body)
        except InvalidValue as error:
            ack(response_action="errors", errors=asking_views.invalid(error, app.words(language)))
            return

        def approve(app: AppContext, admitted: Admitted, _: Mapping[str, Any]) -> None:
            _decide(
                app,
                admitted,
                REQUEST.fullmatch(value),
                app.render(admitted.origin, language),
                lambda who, request: asking.approve(
                    admitted.member, who, request, mapping, source=admitted.source, asked_for=True
                ),
            )

        acknowledge(ack, receive(app, body, Source.FORM, approve))


def _mapping(body: Mapping[str, Any]) -> StudioMapping | None:
    """What the administrator filled in; None if nothing. InvalidValue if it makes no sense."""
    names = (asking_views.DOMAIN, asking_views.PROFILE, asking_views.ALIAS_FIELD)
    domain, profile, alias = (field_value(body, name).strip() for name in names)
    return StudioMapping(alias.lower() or DEFAULT_ALIAS, domain, profile) if domain or profile or alias else None


def show_form(app: AppContext, admitted: Admitted, body: Mapping[str, Any]) -> None:
    """`/studio request`, or a button that leads to it."""
    if not app.may_ask:
        words = app.reader_of(admitted.member).words
        tell(app, admitted.origin, asking_views.told(words.ask_nobody), replace=False)
        return
    render = app.render(admitted.origin)
    try:
        # Something first, for which Slack gives three seconds; then who the member is, and whether it would help.
        opened = app.slack.open_view(admitted.origin, views.one_moment(render))
    except SlackError as error:
        _not_opened(app, admitted, render, error)
        return
    try:
        standing = app.get_status.of(admitted.member)
        denied, render = status_views.rejection(standing), app.render(admitted.origin, standing.facts.person.locale)
        if denied is None or denied.reason in views.ASKABLE:
            app.slack.open_form(opened, asking_views.form(render, wish=action_value(body)))
    except UpstreamError as error:
        log.warning("form_not_shown", request=admitted.origin.request_id, why=str(error))
        denied = Denied(error.reason)
    if denied is None or denied.reason in views.ASKABLE:
        app.metrics.outcome("asking")
    else:
        app.metrics.outcome(denied.reason)
        app.slack.reply(opened, views.answer(denied, render), replace=True)


def _not_opened(app: AppContext, admitted: Admitted, render: RenderContext, error: SlackError) -> None:
    log.warning("dialog_not_opened", request=admitted.origin.request_id, code=error.code)
    app.metrics.outcome("dialog_not_opened")
    tell(app, admitted.origin, asking_views.told(render.words.form_failed), replace=False)


def _ask(app: AppContext, admitted: Admitted, body: Mapping[str, Any], asking: AccessRequests) -> None:
    render, days = app.render(admitted.origin, private_metadata(body)), field_value(body, asking_views.SPAN)
    try:
        asked = asking.ask(
            admitted.member,
            admitted.origin.request_id,
            wish=field_value(body, asking_views.WISH),
            reason=field_value(body, asking_views.REASON),
            days=SPANS.get(days, 1),
        )
        outcome, message = _heard(app, asking, asked, render)
    except StudioLinksError as error:
        log.error("request_not_kept", request=admitted.origin.request_id, why=str(error))  # noqa: TRY400
        outcome, message = "not_asked", asking_views.told(render.words.ask_failed)
    app.metrics.outcome(outcome)
    tell(app, admitted.origin, message, replace=False)


def _heard(
    app: AppContext, asking: AccessRequests, asked: Submission | Denied, render: RenderContext
) -> tuple[str, Message]:
    """Have administrators hear of a new request; the outcome, and what the member hears."""
    if isinstance(asked, Denied):
        return asked.reason, views.answer(asked, render)
    if not asked.is_new:
        return "asked_again", asking_views.not_new(asked.request, app.now(), render)
    if _to_admins(app, asking, asked.request):
        return "asked", asking_views.told(render.words.ask_sent)
    asking.withdraw(asked.request)
    return "asked_nobody", asking_views.told(render.words.ask_nobody)


def _to_admins(app: AppContext, asking: AccessRequests, request: AccessRequest) -> bool:
    """To the channel for it, or to each administrator in their language; whether anybody was reached."""
    if app.request_channel:
        readers = {app.request_channel: app.render()}
    else:
        admins = sorted(app.admins - {request.member.user_id})
        readers = {admin: app.reader_of(Member(request.member.tenant, admin)) for admin in admins}
    postings = []
    for place, render in readers.items():
        posted = _post(app, place, asking_views.to_admins(request, render))
        if posted is not None:
            postings.append(Posting(posted, render.words.language))
    if not postings:
        return False
    try:
        stands = asking.posted(request, postings)
    except StoreError as error:  # their buttons stay until somebody presses them, and is told then
        log.warning("postings_not_kept", request=request.id, why=str(error))
    else:
        if stands is not None and stands.state is not RequestState.OPEN:  # somebody was faster than we are
            _settle(app, stands)
    return True


def _post(app: AppContext, place: str, message: Message) -> str | None:
    """Where the message stands, as far as Slack says; None if it was not taken."""
    try:
        return app.slack.post(place, message)
    except SlackError as error:
        log.warning("message_not_posted", place=place, code=error.code)
        return None


Decide = Callable[[Member, str], Decision]


def _press(app: AppContext, admitted: Admitted, body: Mapping[str, Any], decide: Decide) -> None:
    _decide(app, admitted, REQUEST.fullmatch(action_value(body)), app.reader_of(admitted.member), decide)


def _decide(
    app: AppContext,
    admitted: Admitted,
    named: re.Match[str] | None,
    render: RenderContext,
    decide: Decide,
) -> None:
    """Carry a press or a sent form out, and show what has come of it.

    Args:
        named: whose request, and which; None if the button or form named none.
        render: who has pressed, or sent the form.
    """
    if named is None:
        if refuse(app, admitted, Reason.STALE_BUTTON):
            tell(app, admitted.origin, asking_views.told(render.words.request_gone), replace=False)
        return
    try:
        decision = decide(Member(admitted.member.tenant, named[1]), named[2])
    except StudioLinksError as error:
        log.error("decision_failed", request=admitted.origin.request_id, why=str(error))  # noqa: TRY400
        app.metrics.outcome("decision_failed")
        tell(app, admitted.origin, asking_views.failed(error, render), replace=False)
        return
    app.metrics.outcome(f"decision_{decision.result}")
    _show_decision(app, admitted, decision, render)


def _show_decision(app: AppContext, admitted: Admitted, decision: Decision, render: RenderContext) -> None:
    request, pressed = decision.request, admitted.origin.message
    if decision.result is DecisionResult.NEEDS_MAPPING and request is not None and admitted.source is not Source.FORM:
        try:
            app.slack.open_form(admitted.origin, asking_views.mapping_form(request, render))
        except SlackError as error:
            _not_opened(app, admitted, render, error)
        return
    shown = False
    if request is not None and pressed is not None and decision.result in OVER:
        shown = _replace(app, pressed, request)
    if request is not None and decision.result is DecisionResult.DONE:
        person = decision.person or app.person(request.member)
        theirs = app.render(locale=person.locale if person else None)
        _post(app, request.member.user_id, asking_views.to_member(request, theirs))
        shown |= _settle(app, request, but=pressed) > 0
        show_home(app, request.member, person)
        _announce(app, request)
    if not shown or decision.result is DecisionResult.GONE:
        tell(app, admitted.origin, asking_views.outcome(decision, render), replace=False)


def _settle(app: AppContext, request: AccessRequest, *, but: str | None = None) -> int:
    """Take the buttons out of each message that has them, but one; out of how many. What Slack refuses is logged."""
    return sum(_replace(app, each.message, request) for each in request.postings if each.message != but)


def _replace(app: AppContext, message: str, request: AccessRequest) -> bool:
    """Show in the place of a message what has become of the request, in the message's own language."""
    language = next((each.language for each in request.postings if each.message == message), None)
    channel, _, ts = message.partition("/")
    return app.slack.update(channel, ts, asking_views.settled(request, RenderContext(app.words(language))))


def _announce(app: AppContext, request: AccessRequest) -> None:
    if app.audit_channel is not None:
        try:
            app.slack.announce(app.audit_channel, asking_views.announcement(request))
        except SlackError as error:
            log.warning("announcement_failed", request=request.id, code=error.code)
