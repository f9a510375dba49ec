"""Requests for access: the dialog in which members ask, and the buttons with which administrators decide."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.asking import DAYS, Asked, Asking, Decision, Verdict
from bot.errors import SlackError, StudioLinksError
from bot.model import DEFAULT_ALIAS, AccessRequest, Denied, Door, InvalidValue, Member
from bot.model import Mapping as StudioMapping
from bot.slack import asking_views, views
from bot.slack.commands import action_value, field_value, private_metadata
from bot.slack.home import show_home
from bot.slack.reception import Desk, Visit, Work, acknowledge, receive, tell

log = structlog.get_logger()

# A button's value: whose request, and which; behind it, in a dialog, the message the button was in.
REQUEST = re.compile(r"([UW][A-Z0-9]{1,30}) ([0-9a-f]{32})")
MESSAGE = re.compile(r"([CDG][A-Z0-9]{1,30})/([0-9]{1,12}\.[0-9]{1,6})")
# What the form's choice of a time means; anything else means a day.
SPANS = {str(days or asking_views.FOR_GOOD): days for days in DAYS}


def register(app: App, desk: Desk, asking: Asking) -> None:
    """Add the listeners to a Bolt app."""

    def on_action(action_id: str, work: Work) -> None:
        @app.action(action_id)
        def press(ack: Ack, body: dict[str, Any]) -> None:
            acknowledge(ack, receive(desk, body, Door.BUTTON, work))

    def approve(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
        _press(desk, visit, body, lambda who, request: asking.approve(visit.member, who, request, door=visit.door))

    def deny(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
        _press(desk, visit, body, lambda who, request: asking.deny(visit.member, who, request, door=visit.door))

    on_action(views.ASK, show_form)
    on_action(asking_views.APPROVE, approve)
    on_action(asking_views.DENY, deny)

    @app.view(views.ASK)
    def asked(ack: Ack, body: dict[str, Any]) -> None:
        if not field_value(body, asking_views.REASON).strip():
            ack(response_action="errors", errors={asking_views.REASON: desk.words(None).ask_reason_missing})
            return
        acknowledge(ack, receive(desk, body, Door.FORM, lambda d, v, b: _ask(d, v, b, asking)))

    @app.view(asking_views.APPROVE)
    def mapped(ack: Ack, body: dict[str, Any]) -> None:
        try:
            mapping = _mapping(body)
        except InvalidValue as error:
            named = str(error).partition(" ")[0]
            fields = {"domain": asking_views.DOMAIN, "alias": asking_views.ALIAS_FIELD}
            ack(response_action="errors", errors={fields.get(named, asking_views.PROFILE): str(error)})
            return
        acknowledge(ack, receive(desk, body, Door.FORM, lambda d, v, b: _approve_with(d, v, b, asking, mapping)))


def _mapping(body: Mapping[str, Any]) -> StudioMapping | None:
    """What the administrator filled in; None if nothing. InvalidValue if it makes no sense."""
    names = (asking_views.DOMAIN, asking_views.PROFILE, asking_views.ALIAS_FIELD)
    domain, profile, alias = (field_value(body, name).strip() for name in names)
    return StudioMapping(alias or DEFAULT_ALIAS, domain, profile) if domain or profile or alias else None


def show_form(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """`/studio request`, or a button that leads to it."""
    if not desk.admins:
        words = desk.reader_of(visit.member).words
        tell(desk, visit.origin, asking_views.told(words.ask_nobody), replace=False)
        return
    try:
        # Something first, for which Slack gives three seconds; then who the member is, and their words.
        opened = desk.slack.open_view(visit.origin, views.waiting(desk.reader(visit.origin)))
        desk.slack.open_form(opened, asking_views.form(desk.reader_of(visit.member), wish=action_value(body)))
    except SlackError as error:
        _not_opened(desk, visit, error)
    else:
        desk.metrics.outcome("asking")


def _not_opened(desk: Desk, visit: Visit, error: SlackError) -> None:
    log.warning("dialog_not_opened", request=visit.origin.request_id, code=error.code)
    desk.metrics.outcome("dialog_not_opened")
    tell(desk, visit.origin, asking_views.told(desk.reader(visit.origin).words.form_failed), replace=False)


def _ask(desk: Desk, visit: Visit, body: Mapping[str, Any], asking: Asking) -> None:
    reader, days = desk.reader_of(visit.member), field_value(body, asking_views.SPAN)
    try:
        asked = asking.ask(
            visit.member,
            visit.origin.request_id,
            wish=field_value(body, asking_views.WISH),
            reason=field_value(body, asking_views.REASON),
            days=SPANS.get(days, 1),
        )
        outcome, message = _heard(desk, asking, asked, reader)
    except StudioLinksError as error:
        log.error("request_not_kept", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        outcome, message = "not_asked", asking_views.told(reader.words.ask_failed)
    desk.metrics.outcome(outcome)
    tell(desk, visit.origin, message, replace=False)


def _heard(desk: Desk, asking: Asking, asked: Asked | Denied, reader: views.Reader) -> tuple[str, views.Message]:
    """Have administrators hear of a new request; the outcome, and what the member hears."""
    if isinstance(asked, Denied):
        return asked.reason, views.refusal(asked.reason, reader)
    if not asked.is_new:
        return "asked_again", asking_views.not_new(asked.request, desk.now(), reader)
    if _to_admins(desk, asked.request):
        return "asked", asking_views.told(reader.words.ask_sent)
    asking.withdraw(asked.request)
    return "asked_nobody", asking_views.told(reader.words.ask_nobody)


def _to_admins(desk: Desk, request: AccessRequest) -> bool:
    """To the channel for it, or to each administrator; whether anybody was reached."""
    message = asking_views.to_admins(request, desk.reader())
    places = [desk.request_channel] if desk.request_channel else sorted(desk.admins - {request.member.user_id})
    reached = [_post(desk, place, message) for place in places]
    return any(reached)


def _post(desk: Desk, place: str, message: views.Message) -> bool:
    try:
        desk.slack.post(place, message)
    except SlackError as error:
        log.warning("message_not_posted", place=place, code=error.code)
        return False
    return True


Decide = Callable[[Member, str], Decision]


def _decide(desk: Desk, visit: Visit, named: re.Match[str] | None, place: str | None, decide: Decide) -> None:
    """Carry a press or a sent form out, and show what has come of it.

    Args:
        named: whose request, and which; None if the button or form named none.
        place: the message with the buttons, which the decision replaces.
    """
    words = desk.reader_of(visit.member).words
    if named is None:
        tell(desk, visit.origin, asking_views.told(words.request_gone), replace=False)
        return
    try:
        decision = decide(Member(visit.member.tenant, named[1]), named[2])
    except StudioLinksError as error:
        log.error("decision_failed", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        failed = words.decision_failed.format(why=views.escape(str(error)))
        tell(desk, visit.origin, asking_views.told(failed), replace=False)
        return
    desk.metrics.outcome(f"decision_{decision.verdict}")
    _show_decision(desk, visit, decision, place)


def _press(desk: Desk, visit: Visit, body: Mapping[str, Any], decide: Decide) -> None:
    _decide(desk, visit, REQUEST.fullmatch(action_value(body)), visit.origin.message, decide)


def _approve_with(
    desk: Desk, visit: Visit, body: Mapping[str, Any], asking: Asking, mapping: StudioMapping | None
) -> None:
    """The dialog came back with the profile. What it says of the request is checked like a button's value."""
    value, _, place = private_metadata(body).rpartition(" ")
    _decide(
        desk,
        visit,
        REQUEST.fullmatch(value),
        place,
        lambda who, request: asking.approve(visit.member, who, request, mapping, door=visit.door, asked_for=True),
    )


def _show_decision(desk: Desk, visit: Visit, decision: Decision, place: str | None) -> None:
    request, where = decision.request, MESSAGE.fullmatch(place or "")
    reader = desk.reader()  # the message is for all administrators
    if decision.verdict is Verdict.NEEDS_MAPPING and request is not None and visit.door is not Door.FORM:
        try:
            desk.slack.open_form(visit.origin, asking_views.mapping_form(request, place or "", reader))
        except SlackError as error:
            _not_opened(desk, visit, error)
        return
    if decision.verdict in (Verdict.DONE, Verdict.ALREADY_DECIDED) and request is not None:
        if where is not None:
            desk.slack.update(where[1], where[2], asking_views.decided(request, reader))
    else:
        refusal = asking_views.refused(decision, desk.reader_of(visit.member))
        tell(desk, visit.origin, refusal, replace=False)
    if decision.verdict is Verdict.DONE and request is not None:
        _post(desk, request.member.user_id, asking_views.to_member(request, desk.reader_of(request.member)))
        show_home(desk, request.member)
        _announce(desk, request)


def _announce(desk: Desk, request: AccessRequest) -> None:
    if desk.audit_channel is not None:
        try:
            desk.slack.announce(desk.audit_channel, asking_views.announcement(request))
        except SlackError as error:
            log.warning("announcement_failed", request=request.id, code=error.code)
