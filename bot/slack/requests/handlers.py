"""Access requests: the dialog in which members ask, and the buttons with which administrators decide."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from bot.admin.decisions import Decision, Submission, one_line
from bot.admin.new_profiles import NewProfiles
from bot.admin.sync import as_profile_name
from bot.core.access import Member
from bot.core.errors import SlackError, StoreError, StudioError, StudioLinksError, UpstreamError
from bot.core.link import Denied, Reason, Source
from bot.core.records import AccessRequest, DecisionResult, RequestState
from bot.slack.app_context import Admitted, AppContext, announce, dialog_not_opened, refuse, reply
from bot.slack.blocks import Message, RenderContext, text_message
from bot.slack.gateway import Body, Route
from bot.slack.members import status_views, views
from bot.slack.members.home import show_home
from bot.slack.payloads import action_value, field_value, private_metadata
from bot.slack.requests import fields, outcomes, postings
from bot.slack.requests import views as request_views

log = structlog.get_logger()

# A button's value: the member and the request. A dialog brings it back with the language that it is in.
REQUEST = re.compile(r"([UW][A-Z0-9]{1,30}) ([0-9a-f]{32})")
# The results after which a request needs no buttons any more.
OVER = (DecisionResult.DONE, DecisionResult.ALREADY_DECIDED, DecisionResult.CLOSED)
# A number of days in the form; anything else means a day.
SPAN = re.compile("[1-9][0-9]{0,3}")
# Seconds for finding a profile to propose: Slack opens a form within three seconds of the press.
LOOK_TIMEOUT = 1.0

# `AccessRequests.approve` or `deny`.
Decide = Callable[..., Decision]


def _approve(app: AppContext, admitted: Admitted, body: Body) -> None:
    decide(app, admitted, action_value(body), app.render_for(admitted.member), app.access_requests.approve)


def _deny(app: AppContext, admitted: Admitted, body: Body) -> None:
    deny = partial(app.access_requests.deny, reason=None)
    decide(app, admitted, action_value(body), app.render_for(admitted.member), deny)


def _deny_with_reason(app: AppContext, admitted: Admitted, body: Body) -> None:
    value, _, language = private_metadata(body).rpartition(" ")
    reason = field_value(body, request_views.REASON)
    render, deny = app.render(admitted.origin, language), partial(app.access_requests.deny, reason=reason)
    request = decide(app, admitted, value, render, deny)
    arrived = request is not None and request.answer == one_line(reason)  # as well if the form comes twice
    if not arrived and reason.strip():
        reply(app, admitted.origin, outcomes.given_back(render.words.reason_not_sent, reason), replace=False)


def _approve_with_mapping(app: AppContext, admitted: Admitted, body: Body) -> None:
    value, _, language = private_metadata(body).rpartition(" ")
    creation = request_views.creation(field_value(body, request_views.CREATION))
    approve = partial(app.access_requests.approve, mapping=fields.mapping(body), asked_for=True, creation=creation)
    decide(app, admitted, value, app.render(admitted.origin, language), approve)


def show_form(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Show the form for an access request: `/studio request`, or a button that leads to it."""
    render = app.render(admitted.origin)
    if not render.may_ask:
        words = app.render_for(admitted.member).words
        reply(app, admitted.origin, text_message(words.ask_nobody), replace=False)
        return
    try:
        # A dialog first, for which Slack gives three seconds; then who the member is, and whether asking would help.
        opened = app.slack.open_view(admitted.origin, text_message(render.words.one_moment))
    except SlackError as error:
        dialog_not_opened(app, admitted, error, render.words.form_failed)
        return
    try:
        status = app.get_status.of(admitted.member)
        denied, render = status_views.rejection(status), app.render(admitted.origin, status.facts.person.locale)
        render = app.with_request(render, admitted.member)
        if render.requested is None and (denied is None or denied.reason in views.ASKABLE):
            wish = action_value(body)
            terms = app.access_requests.basis.terms(admitted.member, status.facts.access, None, wish)
            reason = "" if status.own_allow is None else status.own_allow.reason
            app.slack.open_form(
                opened, request_views.form(render, wish, terms, reason, status.facts.person.tz_offset)
            )
    except UpstreamError as error:
        log.warning("form_not_shown", request=admitted.id, why=str(error))
        denied = Denied(error.reason)
    if render.requested is not None:
        app.metrics.outcome("asked_again")
        app.slack.reply(opened, Message(render.request_status, views.way_to_ask(render)), replace=True)
    elif denied is None or denied.reason in views.ASKABLE:
        app.metrics.outcome("asking")
    else:
        app.metrics.outcome(denied.reason)
        app.slack.reply(opened, views.answer(denied, render), replace=True)


def _ask(app: AppContext, admitted: Admitted, body: Body) -> None:
    language = private_metadata(body).partition(" ")[0]
    render, days = app.render(admitted.origin, language), field_value(body, request_views.SPAN)
    wish, reason = field_value(body, request_views.WISH), field_value(body, request_views.REASON)
    try:
        submitted = app.access_requests.ask(
            admitted.member,
            admitted.id,
            wish=wish,
            reason=reason,
            days=None if days == request_views.FOR_GOOD else int(days) if SPAN.fullmatch(days) else 1,
            day=fields.start_day(body),
        )
        outcome, message = _announce_to_admins(app, submitted, render)
    except StudioLinksError as error:
        log.error("request_not_kept", request=admitted.id, why=str(error))  # noqa: TRY400
        outcome, message = "not_asked", outcomes.given_back(render.words.ask_failed, wish, reason)
    app.metrics.outcome(outcome)
    reply(app, admitted.origin, message, replace=False)
    if outcome in ("asked", f"decision_{DecisionResult.DONE}"):
        show_home(app, admitted.member)


def _announce_to_admins(
    app: AppContext, submitted: Submission | Denied, render: RenderContext
) -> tuple[str, Message]:
    """Post a new request to administrators. Returns the outcome, and the member's answer."""
    if isinstance(submitted, Denied):
        return submitted.reason, views.answer(submitted, render)
    if not submitted.is_new:
        return "asked_again", request_views.not_new(submitted.request, app.now(), render)
    request = submitted.request
    if request.state is RequestState.APPROVED:  # by a rule
        app.metrics.access_changed("approve")
        announce(app, request.id, request_views.announcement(request))
        return f"decision_{DecisionResult.DONE}", request_views.to_member(request, render)
    try:
        if postings.ask_approvers(app, request):
            return "asked", text_message(render.words.ask_sent)
    except UpstreamError:
        app.access_requests.withdraw(request)
        raise
    app.access_requests.withdraw(request)
    return "asked_nobody", text_message(render.words.ask_nobody)


def _withdraw(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Take the member's open request back."""
    reason, withdrawn = Reason.STALE_BUTTON, None
    try:
        request = app.access_requests.open_request(admitted.member)
        if request is not None and request.id == action_value(body):
            withdrawn = app.access_requests.withdraw(request, admitted.source)
    except StoreError as error:
        reason = error.reason
    if withdrawn is not None:
        _show_withdrawal(app, admitted, withdrawn)
    elif refuse(app, admitted, reason):
        reply(app, admitted.origin, views.refusal(reason, app.render(admitted.origin)), replace=True)


def _show_withdrawal(app: AppContext, admitted: Admitted, request: AccessRequest) -> None:
    """Show the member, and everybody who reads the request, that it is withdrawn, or that somebody was faster."""
    render = app.render_for(admitted.member)
    message = request_views.not_new(request, app.now(), render)
    if request.state is RequestState.WITHDRAWN:
        app.metrics.outcome("ask_withdrawn")
        message = text_message(render.words.ask_withdrawn.format(command=admitted.origin.command))
        postings.settle(app, request)
    reply(app, admitted.origin, message, replace=True)
    show_home(app, admitted.member)


def decide(
    app: AppContext, admitted: Admitted, value: str, render: RenderContext, work: Decide
) -> AccessRequest | None:
    """Carry out a button press or submitted form, and show the result. Return the access request if it was found.

    Args:
        value: the button's, or what the form has kept of it.
        render: for the administrator.
    """
    named = REQUEST.fullmatch(value)
    if named is None:
        if refuse(app, admitted, Reason.STALE_BUTTON):
            reply(app, admitted.origin, text_message(render.words.request_closed), replace=False)
        return None
    try:
        who = Member(admitted.member.tenant, named[1])
        decision = work(admitted.member, who, named[2], source=admitted.source)
    except StudioLinksError as error:
        log.error("decision_failed", request=admitted.id, why=str(error))  # noqa: TRY400
        app.metrics.outcome("decision_failed")
        reply(app, admitted.origin, outcomes.failed(error, render), replace=False)
        return None
    done = decision.result is DecisionResult.DONE
    app.metrics.outcome(f"decision_{decision.result}")
    if done and decision.request is not None and decision.request.state is RequestState.APPROVED:
        app.metrics.access_changed("approve")
    if decision.makes:
        app.wake()
    _show_decision(app, admitted, decision, render)
    return decision.request


def _offer(app: AppContext, request: AccessRequest) -> tuple[NewProfiles, str, bool]:
    """Return what the form proposes: new profiles, a name, and whether a profile of that name is free."""
    offer, facts = app.access_requests.new_profiles, app.access_requests.facts
    if not offer.templates:
        return offer, "", False
    person = app.person(request.member)
    name = as_profile_name(person.email if person else "")
    answer = facts.side.submit(offer.has_free, app.access_requests.admin, request.member, name)
    try:
        return offer, name, facts.wait(facts.within(LOOK_TIMEOUT), answer, StudioError, "SageMaker")
    except StudioError:  # the form has to open in time
        return offer, name, False


def _form_for(app: AppContext, decision: Decision, render: RenderContext) -> dict[str, Any] | None:
    """Return the form that must be filled in before a decision; None if no form is needed."""
    if decision.request is None:
        return None
    if decision.result is DecisionResult.NEEDS_REASON:
        return request_views.denial_form(decision.request, render)
    if decision.result in (DecisionResult.NEEDS_MAPPING, DecisionResult.PROFILE_GONE):
        offer, name, exists = _offer(app, decision.request)
        gone = decision.result is DecisionResult.PROFILE_GONE
        return request_views.mapping_form(decision.request, render, offer, name, exists=exists, gone=gone)
    return None


def _show_decision(app: AppContext, admitted: Admitted, decision: Decision, render: RenderContext) -> None:
    request, pressed = decision.request, admitted.origin.message
    form = _form_for(app, decision, render) if admitted.source is not Source.FORM else None
    if form is not None:
        try:
            app.slack.open_form(admitted.origin, form)
        except SlackError as error:
            dialog_not_opened(app, admitted, error, render.words.form_failed)
        return
    shown = False
    if request is not None and pressed is not None and decision.result in OVER:
        shown = postings.replace_message(app, pressed, request)
    if request is not None and decision.result is DecisionResult.ENDORSED:
        shown = postings.settle(app, request) > 0
    if request is not None and decision.result is DecisionResult.DONE:
        person = decision.person or app.person(request.member)
        theirs = app.render(locale=person.locale if person else None)
        postings.post(app, request.member.user_id, request_views.to_member(request, theirs, makes=decision.makes))
        shown |= postings.settle(app, request, but=pressed) > 0 and pressed is None
        show_home(app, request.member, person)
        announce(app, request.id, request_views.announcement(request))
    if not shown or decision.result is DecisionResult.CLOSED or admitted.source is Source.COMMAND:
        reply(app, admitted.origin, outcomes.outcome(decision, render), replace=False)
    if (
        pressed is None
        and admitted.source is not Source.COMMAND
        and decision.result in (*OVER, DecisionResult.ENDORSED)
    ):
        show_home(app, admitted.member)  # where the button may have been


ROUTES = (
    Route(Source.BUTTON, views.ASK, show_form),
    Route(Source.FORM, views.ASK, _ask, check=fields.check_request),
    Route(Source.BUTTON, views.WITHDRAW, _withdraw),
    Route(Source.BUTTON, request_views.APPROVE, _approve),
    Route(Source.FORM, request_views.APPROVE, _approve_with_mapping, check=fields.check_mapping),
    Route(Source.BUTTON, request_views.DENY, _deny),
    Route(Source.FORM, request_views.DENY, _deny_with_reason),
)
