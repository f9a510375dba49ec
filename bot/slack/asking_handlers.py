"""Requests for access: the dialog in which members ask, and the buttons with which administrators decide."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.asking import Asking, Decision, Verdict
from bot.errors import SlackError, StudioLinksError
from bot.model import DEFAULT_ALIAS, AccessRequest, Door, InvalidValue, Member
from bot.model import Mapping as StudioMapping
from bot.slack import asking_views, views
from bot.slack.commands import action_value, field_value, private_metadata
from bot.slack.home import show_home
from bot.slack.reception import Desk, Visit, Work, acknowledge, receive, tell

log = structlog.get_logger()

# A button's value: whose request, and which; behind it, in a dialog, the message the button was in.
REQUEST = re.compile(r"([UW][A-Z0-9]{1,30}) ([0-9a-f]{32})")
MESSAGE = re.compile(r"([CDG][A-Z0-9]{1,30})/([0-9]{1,12}\.[0-9]{1,6})")


def register(app: App, desk: Desk, asking: Asking) -> None:
    """Add the listeners to a Bolt app."""

    def on_action(action_id: str, work: Work) -> None:
        @app.action(action_id)
        def press(ack: Ack, body: dict[str, Any]) -> None:
            acknowledge(ack, receive(desk, body, Door.BUTTON, work))

    def approve(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
        _decide(desk, visit, body, lambda who, request: asking.approve(visit.member, who, request))

    def deny(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
        _decide(desk, visit, body, lambda who, request: asking.deny(visit.member, who, request))

    on_action(views.ASK, _show_form)
    on_action(asking_views.APPROVE, approve)
    on_action(asking_views.DENY, deny)

    @app.view(views.ASK)
    def asked(ack: Ack, body: dict[str, Any]) -> None:
        if not field_value(body, asking_views.REASON).strip():
            ack(response_action="errors", errors={asking_views.REASON: desk.words(None).ask_reason_missing})
            return
        acknowledge(ack, receive(desk, body, Door.BUTTON, lambda d, v, b: _ask(d, v, b, asking)))

    @app.view(asking_views.APPROVE)
    def mapped(ack: Ack, body: dict[str, Any]) -> None:
        try:
            mapping = StudioMapping(
                DEFAULT_ALIAS,
                field_value(body, asking_views.DOMAIN).strip(),
                field_value(body, asking_views.PROFILE).strip(),
            )
        except InvalidValue as error:
            block = asking_views.DOMAIN if str(error).startswith("domain") else asking_views.PROFILE
            ack(response_action="errors", errors={block: str(error)})
            return
        acknowledge(ack, receive(desk, body, Door.BUTTON, lambda d, v, b: _approve_with(d, v, b, asking, mapping)))


def show_form(desk: Desk, visit: Visit) -> None:
    """`/studio request`, or a button that leads to it."""
    _show_form(desk, visit, {})


def _show_form(desk: Desk, visit: Visit, _body: Mapping[str, Any]) -> None:
    reader = desk.reader(visit.origin)
    if not reader.may_ask:
        tell(desk, visit.origin, asking_views.told(reader.words.ask_nobody), replace=False)
        return
    try:
        desk.slack.open_form(visit.origin, asking_views.form(reader))
    except SlackError as error:
        log.warning("dialog_not_opened", request=visit.origin.request_id, code=error.code)
    else:
        desk.metrics.outcome("asking")


def _ask(desk: Desk, visit: Visit, body: Mapping[str, Any], asking: Asking) -> None:
    reader, days = desk.reader(visit.origin), field_value(body, asking_views.SPAN)
    try:
        request, is_new = asking.ask(
            visit.member,
            wish=field_value(body, asking_views.WISH),
            reason=field_value(body, asking_views.REASON),
            days=int(days) if days.isascii() and days.isdigit() and days != asking_views.FOR_GOOD else None,
        )
    except StudioLinksError as error:
        log.error("request_not_kept", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        _to_member(desk, visit.member, asking_views.told(reader.words.ask_failed))
        return
    if is_new:
        words, told_admins = reader.words.ask_sent, _to_admins(desk, request)
        desk.metrics.outcome("asked" if told_admins else "asked_nobody")
        text = words if told_admins else reader.words.ask_nobody
    else:
        desk.metrics.outcome("asked_again")
        text = reader.words.ask_joined.format(at=views.slack_date(request.at))
    _to_member(desk, visit.member, asking_views.told(text))


def _to_admins(desk: Desk, request: AccessRequest) -> bool:
    """To the channel for it, or to each administrator; whether anybody was reached."""
    message = asking_views.to_admins(request, desk.default_reader())
    places = [desk.request_channel] if desk.request_channel else sorted(desk.admins)
    reached = [_post(desk, place, message) for place in places if place != request.member.user_id]
    return any(reached)


def _to_member(desk: Desk, member: Member, message: views.Message) -> None:
    _post(desk, member.user_id, message)


def _post(desk: Desk, place: str, message: views.Message) -> bool:
    try:
        desk.slack.post(place, message)
    except SlackError as error:
        log.warning("message_not_posted", place=place, code=error.code)
        return False
    return True


def _decide(desk: Desk, visit: Visit, body: Mapping[str, Any], decide: Callable[[Member, str], Decision]) -> None:
    reader, named = desk.reader(visit.origin), REQUEST.fullmatch(action_value(body))
    if named is None:
        tell(desk, visit.origin, asking_views.told(reader.words.request_gone), replace=False)
        return
    try:
        decision = decide(Member(visit.member.tenant, named[1]), named[2])
    except StudioLinksError as error:
        log.error("decision_failed", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        failed = reader.words.decision_failed.format(why=views.escape(str(error)))
        tell(desk, visit.origin, asking_views.told(failed), replace=False)
        return
    desk.metrics.outcome(f"decision_{decision.verdict}")
    if decision.verdict is Verdict.NEEDS_MAPPING and decision.request is not None:
        form = asking_views.mapping_form(decision.request, visit.origin.message or "", reader)
        try:
            desk.slack.open_form(visit.origin, form)
        except SlackError as error:
            log.warning("dialog_not_opened", request=visit.origin.request_id, code=error.code)
        return
    _show_decision(desk, visit, decision, lambda message: tell(desk, visit.origin, message, replace=True))


def _approve_with(desk: Desk, visit: Visit, body: Mapping[str, Any], asking: Asking, mapping: StudioMapping) -> None:
    """The dialog came back with the profile. What it says of the request is checked like a button's value."""
    value, _, where = private_metadata(body).rpartition(" ")
    named, place = REQUEST.fullmatch(value), MESSAGE.fullmatch(where)
    reader = desk.reader(visit.origin)
    if named is None:
        _to_member(desk, visit.member, asking_views.told(reader.words.request_gone))
        return
    try:
        decision = asking.approve(visit.member, Member(visit.member.tenant, named[1]), named[2], mapping)
    except StudioLinksError as error:
        log.error("decision_failed", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        failed = reader.words.decision_failed.format(why=views.escape(str(error)))
        _to_member(desk, visit.member, asking_views.told(failed))
        return
    desk.metrics.outcome(f"decision_{decision.verdict}")

    def show(message: views.Message) -> object:
        return desk.slack.update(place[1], place[2], message) if place else None

    _show_decision(desk, visit, decision, show)


def _show_decision(desk: Desk, visit: Visit, decision: Decision, show: Callable[[views.Message], object]) -> None:
    reader, request = desk.default_reader(), decision.request
    settled = decision.verdict in (Verdict.DONE, Verdict.ALREADY_DECIDED)
    if settled and request is not None:
        show(asking_views.decided(request, reader))
    else:
        message = asking_views.refused(decision, desk.reader(visit.origin))
        if visit.origin.response_url:
            tell(desk, visit.origin, message, replace=False)
        else:
            _to_member(desk, visit.member, message)
    if decision.verdict is Verdict.DONE and request is not None:
        _to_member(desk, request.member, asking_views.to_member(request, reader))
        show_home(desk, request.member)
