"""Requests for access: the dialog in which members ask, and the buttons with which administrators decide."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.admin.access_requests import DAYS, Asked, Asking, Decision, Verdict
from bot.core.access import Mapping as StudioMapping
from bot.core.access import Member
from bot.core.errors import SlackError, StoreError, StudioLinksError, UpstreamError
from bot.core.link import Denied, Door, Reason
from bot.core.records import AccessRequest, Posting, RequestState
from bot.core.values import DEFAULT_ALIAS, InvalidValue
from bot.slack.gateway import Desk, Visit, Work, acknowledge, receive, refuse, tell
from bot.slack.members import views
from bot.slack.members.home import show_home
from bot.slack.payloads import action_value, field_value, private_metadata
from bot.slack.requests import views as asking_views

log = structlog.get_logger()

# A button's value: whose request, and which. A dialog brings it back with the language that it is in.
REQUEST = re.compile(r"([UW][A-Z0-9]{1,30}) ([0-9a-f]{32})")
# The verdicts after which a request needs no buttons any more.
OVER = (Verdict.DONE, Verdict.ALREADY_DECIDED, Verdict.GONE)
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
            words = desk.words(private_metadata(body))
            ack(response_action="errors", errors={asking_views.REASON: words.ask_reason_missing})
            return
        acknowledge(ack, receive(desk, body, Door.FORM, lambda d, v, b: _ask(d, v, b, asking)))

    @app.view(asking_views.APPROVE)
    def mapped(ack: Ack, body: dict[str, Any]) -> None:
        value, _, language = private_metadata(body).rpartition(" ")
        try:
            mapping = _mapping(body)
        except InvalidValue as error:
            ack(response_action="errors", errors=asking_views.invalid(error, desk.words(language)))
            return

        def approve(desk: Desk, visit: Visit, _: Mapping[str, Any]) -> None:
            _decide(
                desk,
                visit,
                REQUEST.fullmatch(value),
                desk.reader(visit.origin, language),
                lambda who, request: asking.approve(
                    visit.member, who, request, mapping, door=visit.door, asked_for=True
                ),
            )

        acknowledge(ack, receive(desk, body, Door.FORM, approve))


def _mapping(body: Mapping[str, Any]) -> StudioMapping | None:
    """What the administrator filled in; None if nothing. InvalidValue if it makes no sense."""
    names = (asking_views.DOMAIN, asking_views.PROFILE, asking_views.ALIAS_FIELD)
    domain, profile, alias = (field_value(body, name).strip() for name in names)
    return StudioMapping(alias.lower() or DEFAULT_ALIAS, domain, profile) if domain or profile or alias else None


def show_form(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """`/studio request`, or a button that leads to it."""
    if not desk.may_ask:
        words = desk.reader_of(visit.member).words
        tell(desk, visit.origin, asking_views.told(words.ask_nobody), replace=False)
        return
    reader = desk.reader(visit.origin)
    try:
        # Something first, for which Slack gives three seconds; then who the member is, and whether it would help.
        opened = desk.slack.open_view(visit.origin, views.one_moment(reader))
    except SlackError as error:
        _not_opened(desk, visit, reader, error)
        return
    try:
        standing = desk.standings.of(visit.member)
        denied, reader = views.barred(standing), desk.reader(visit.origin, standing.person.locale)
        if denied is None or denied.reason in views.ASKABLE:
            desk.slack.open_form(opened, asking_views.form(reader, wish=action_value(body)))
    except UpstreamError as error:
        log.warning("form_not_shown", request=visit.origin.request_id, why=str(error))
        denied = Denied(error.reason)
    if denied is None or denied.reason in views.ASKABLE:
        desk.metrics.outcome("asking")
    else:
        desk.metrics.outcome(denied.reason)
        desk.slack.reply(opened, views.answer(denied, reader), replace=True)


def _not_opened(desk: Desk, visit: Visit, reader: views.Reader, error: SlackError) -> None:
    log.warning("dialog_not_opened", request=visit.origin.request_id, code=error.code)
    desk.metrics.outcome("dialog_not_opened")
    tell(desk, visit.origin, asking_views.told(reader.words.form_failed), replace=False)


def _ask(desk: Desk, visit: Visit, body: Mapping[str, Any], asking: Asking) -> None:
    reader, days = desk.reader(visit.origin, private_metadata(body)), field_value(body, asking_views.SPAN)
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
        return asked.reason, views.answer(asked, reader)
    if not asked.is_new:
        return "asked_again", asking_views.not_new(asked.request, desk.now(), reader)
    if _to_admins(desk, asking, asked.request):
        return "asked", asking_views.told(reader.words.ask_sent)
    asking.withdraw(asked.request)
    return "asked_nobody", asking_views.told(reader.words.ask_nobody)


def _to_admins(desk: Desk, asking: Asking, request: AccessRequest) -> bool:
    """To the channel for it, or to each administrator in their language; whether anybody was reached."""
    if desk.request_channel:
        readers = {desk.request_channel: desk.reader()}
    else:
        admins = sorted(desk.admins - {request.member.user_id})
        readers = {admin: desk.reader_of(Member(request.member.tenant, admin)) for admin in admins}
    postings = []
    for place, reader in readers.items():
        posted = _post(desk, place, asking_views.to_admins(request, reader))
        if posted is not None:
            postings.append(Posting(posted, reader.words.language))
    if not postings:
        return False
    try:
        stands = asking.posted(request, postings)
    except StoreError as error:  # their buttons stay until somebody presses them, and is told then
        log.warning("postings_not_kept", request=request.id, why=str(error))
    else:
        if stands is not None and stands.state is not RequestState.OPEN:  # somebody was faster than we are
            _settle(desk, stands)
    return True


def _post(desk: Desk, place: str, message: views.Message) -> str | None:
    """Where the message stands, as far as Slack says; None if it was not taken."""
    try:
        return desk.slack.post(place, message)
    except SlackError as error:
        log.warning("message_not_posted", place=place, code=error.code)
        return None


Decide = Callable[[Member, str], Decision]


def _press(desk: Desk, visit: Visit, body: Mapping[str, Any], decide: Decide) -> None:
    _decide(desk, visit, REQUEST.fullmatch(action_value(body)), desk.reader_of(visit.member), decide)


def _decide(desk: Desk, visit: Visit, named: re.Match[str] | None, reader: views.Reader, decide: Decide) -> None:
    """Carry a press or a sent form out, and show what has come of it.

    Args:
        named: whose request, and which; None if the button or form named none.
        reader: who has pressed, or sent the form.
    """
    if named is None:
        if refuse(desk, visit, Reason.STALE_BUTTON):
            tell(desk, visit.origin, asking_views.told(reader.words.request_gone), replace=False)
        return
    try:
        decision = decide(Member(visit.member.tenant, named[1]), named[2])
    except StudioLinksError as error:
        log.error("decision_failed", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        desk.metrics.outcome("decision_failed")
        tell(desk, visit.origin, asking_views.failed(error, reader), replace=False)
        return
    desk.metrics.outcome(f"decision_{decision.verdict}")
    _show_decision(desk, visit, decision, reader)


def _show_decision(desk: Desk, visit: Visit, decision: Decision, reader: views.Reader) -> None:
    request, pressed = decision.request, visit.origin.message
    if decision.verdict is Verdict.NEEDS_MAPPING and request is not None and visit.door is not Door.FORM:
        try:
            desk.slack.open_form(visit.origin, asking_views.mapping_form(request, reader))
        except SlackError as error:
            _not_opened(desk, visit, reader, error)
        return
    shown = False
    if request is not None and pressed is not None and decision.verdict in OVER:
        shown = _replace(desk, pressed, request)
    if request is not None and decision.verdict is Verdict.DONE:
        person = decision.person or desk.person(request.member)
        theirs = desk.reader(locale=person.locale if person else None)
        _post(desk, request.member.user_id, asking_views.to_member(request, theirs))
        shown |= _settle(desk, request, but=pressed) > 0
        show_home(desk, request.member, person)
        _announce(desk, request)
    if not shown or decision.verdict is Verdict.GONE:
        tell(desk, visit.origin, asking_views.outcome(decision, reader), replace=False)


def _settle(desk: Desk, request: AccessRequest, *, but: str | None = None) -> int:
    """Take the buttons out of each message that has them, but one; out of how many. What Slack refuses is logged."""
    return sum(_replace(desk, each.message, request) for each in request.postings if each.message != but)


def _replace(desk: Desk, message: str, request: AccessRequest) -> bool:
    """Show in the place of a message what has become of the request, in the message's own language."""
    language = next((each.language for each in request.postings if each.message == message), None)
    channel, _, ts = message.partition("/")
    return desk.slack.update(channel, ts, asking_views.settled(request, views.Reader(desk.words(language))))


def _announce(desk: Desk, request: AccessRequest) -> None:
    if desk.audit_channel is not None:
        try:
            desk.slack.announce(desk.audit_channel, asking_views.announcement(request))
        except SlackError as error:
            log.warning("announcement_failed", request=request.id, code=error.code)
