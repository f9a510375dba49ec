"""Admit incoming requests: identify the tenant, apply back-pressure, reject the rest."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from slack_bolt import Ack, App

from bot.core import audit
from bot.core.access import Member
from bot.core.errors import BadInput, QueueFull, SlackError
from bot.core.link import Reason, Source, Stage
from bot.core.policy import ineligible_reason
from bot.core.records import Actor, Entry
from bot.core.values import InvalidValue
from bot.observability import context as telemetry
from bot.slack.app_context import (
    Admitted,
    AppContext,
    record_refusal,
    refusal_of,
    refuse,
    rejected,
    reply,
    reply_or_post,
)
from bot.slack.blocks import Message
from bot.slack.members import views
from bot.slack.noted_events import NOTED
from bot.slack.payloads import (
    Home,
    Origin,
    action_origin,
    command_origin,
    event_origin,
    form_origin,
)
from bot.slack.request_limit import next_minute, sender_of
from bot.slack.tenants import admit, is_unproven

log = structlog.get_logger()

# No id of Slack's is nearly as long; DynamoDB takes no key of any length.
MAX_FOREIGN_ID_LENGTH = 100

# Seconds a request may wait in the queue. After a longer wait the member reads "busy" instead, because an answer
# would come later than the ten seconds within which they hear from us.
MAX_WAIT = 3.0

Body = Mapping[str, Any]
Work = Callable[[AppContext, Admitted, Body], None]


def record_invalid_form(app: AppContext, admitted: Admitted, _body: Body) -> None:
    """Record and count a form with bad fields; Slack has shown them already."""
    record_refusal(app, refusal_of(app, admitted, audit.INVALID_FORM))


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request, and the work it leads to.

    Attributes:
        name: the command, action id, callback id or event.
        check: returns what is wrong with a form by field, which Slack shows beside the fields; mostly nothing.
        invalid: the work that follows if something is wrong.
        meanwhile: returns the dialog that replaces a form until the answer is ready; None to close it.
        ignores: whether a request needs no answer, not even a refusal.
    """

    source: Source
    name: str | re.Pattern[str]
    work: Work
    check: Callable[[AppContext, Body], Mapping[str, str]] | None = None
    invalid: Work = record_invalid_form
    meanwhile: Callable[[AppContext, Body], Mapping[str, Any]] | None = None
    ignores: Callable[[AppContext, Body], bool] | None = None


ORIGINS: Mapping[Source, Callable[[Body], Origin]] = {
    Source.COMMAND: command_origin,
    Source.BUTTON: action_origin,
    Source.SHORTCUT: action_origin,
    Source.FORM: form_origin,
    Source.HOME: event_origin,
}


def register(bolt: App, app: AppContext, routes: Iterable[Route]) -> None:
    """Add the routes to a Bolt app. Of those that match a request, the first one takes it."""
    listeners = {
        Source.COMMAND: bolt.command,
        Source.BUTTON: bolt.action,
        Source.SHORTCUT: bolt.shortcut,
        Source.FORM: bolt.view,
        Source.HOME: bolt.event,
    }
    # Bolt tries the routes in order: commands first, since most requests for links are commands.
    for route in sorted(routes, key=lambda each: each.source is not Source.COMMAND):
        listeners[route.source](route.name)(partial(receive, app, route))
    for event, note in NOTED.items():
        bolt.event(event)(partial(note, app))


def receive(app: AppContext, route: Route, ack: Ack, body: dict[str, Any]) -> None:
    """Admit a request and hand it to a worker. Acknowledge at once, with words only if it is rejected."""
    if route.ignores is not None and route.ignores(app, body):
        ack()
        return
    try:
        origin = ORIGINS[route.source](body)
        telemetry.is_request(origin.request_id)
        admitted = admit_request(app, origin, route.source)
    except (BadInput, InvalidValue) as error:
        app.metrics.outcome("malformed")
        log.warning("request_malformed", why=str(error))
        _acknowledge(ack, route, views.refusal(Reason.INTERNAL, app.render()))
        return
    sender = (admitted.tenant, admitted.subject) if isinstance(admitted, Entry) else sender_of(admitted.member)
    excess = app.limit.excess(sender, app.now())
    if excess:
        _turn_away(app, origin, route, ack, is_first=excess == 1)
        return
    if isinstance(admitted, Entry):
        _acknowledge(ack, route, _reject(app, origin, admitted))
        return
    errors = route.check(app, body) if route.check is not None else {}
    pool = app.admin_workers if app.limit.is_administrator(sender) else app.workers
    try:
        pool.submit(partial(_work, app, admitted, body, route.invalid if errors else route.work))
    except QueueFull:
        app.metrics.queue_full(pool.name)
        _acknowledge(ack, route, _reject(app, origin, refusal_of(app, admitted, Reason.BUSY)))
        return
    if errors:
        ack(response_action="errors", errors=dict(errors))
    elif route.meanwhile is not None:
        ack(response_action="update", view=dict(route.meanwhile(app, body)))
    else:
        ack()


def _turn_away(app: AppContext, origin: Origin, route: Route, ack: Ack, *, is_first: bool) -> None:
    """Answer a request over its sender's limit in the acknowledgement, without a look-up.

    The first one of a minute stands in the audit and the log for all that follow in it, and answers a button, for
    which Slack shows no acknowledgement. The metrics count each.
    """
    app.metrics.outcome(Reason.TOO_MANY_REQUESTS)
    message = views.refusal(Reason.TOO_MANY_REQUESTS, app.render(origin), next_minute(app.now()))
    if route.source is Source.FORM:
        ack(response_action="update", view=message.modal())
    else:
        _acknowledge(ack, route, message)
    if not is_first:
        return
    tenant = app.home.team_id if app.home else "unknown"
    actor = Actor(origin.user_id, route.source)
    entry = rejected(app, origin, actor, tenant, outcome=Reason.TOO_MANY_REQUESTS, attempt=uuid4().hex)

    def answer_and_record() -> None:
        if route.source in (Source.BUTTON, Source.SHORTCUT):
            reply(app, origin, message, replace=False)
        app.signin.refuse(entry)

    aside(app, entry, answer_and_record)


def _acknowledge(ack: Ack, route: Route, rejection: Message) -> None:
    """Acknowledge a rejected request. To a form, Slack takes no words."""
    if route.source is Source.FORM:
        ack()
    else:
        ack(rejection.text)


def admit_request(app: AppContext, origin: Origin, source: Source) -> Admitted | Entry:
    """Return the request as its member's, or the audit entry of its rejection."""
    home, attempt = app.home, uuid4().hex
    if home is None:
        where = origin.team_id or origin.enterprise_id or "unknown"
        actor = Actor(origin.user_id, source)
        return rejected(app, origin, actor, where, outcome=Reason.NOT_READY, attempt=attempt)
    tenant = admit(origin, home, app.teams or frozenset({home.team_id}))
    if tenant is None:
        return _foreign(app, origin, source, home, attempt)
    return Admitted(
        id=origin.request_id,
        attempt=attempt,
        member=Member(tenant, origin.user_id),
        source=source,
        at=app.now(),
        started=app.monotonic(),
        origin=origin,
    )


def _foreign(app: AppContext, origin: Origin, source: Source, home: Home, attempt: str) -> Entry:
    foreign_id = f"{origin.team_id or origin.enterprise_id}/{origin.user_id}"[:MAX_FOREIGN_ID_LENGTH]
    return rejected(app, origin, Actor(foreign_id, source), home.team_id, outcome=Reason.FOREIGN, attempt=attempt)


def _work(app: AppContext, admitted: Admitted, body: Body, work: Work) -> None:
    """Work on a request, on a worker, unless it has waited too long to be answered in time."""
    waited = app.monotonic() - admitted.started
    app.metrics.record_duration(Stage.WAIT, waited)
    if waited <= MAX_WAIT:
        try:
            refusal = unproven(app, admitted)
            if refusal is None:
                work(app, admitted, body)
            elif record_refusal(app, refusal):
                message = views.refusal(Reason(refusal.outcome), app.render(admitted.origin))
                reply(app, admitted.origin, message, replace=False)
        except Exception:  # the error boundary: a defect of ours must not leave a member without an answer
            log.exception("request_failed", request=admitted.id)
            _answer_defect(app, admitted)
        return
    # A shortcut's dialog cannot open any more: its trigger has expired.
    reply_or_post(app, admitted.origin, views.refusal(Reason.BUSY, app.render(admitted.origin)))
    entry = refusal_of(app, admitted, Reason.BUSY)
    # Not here: while DynamoDB hangs, every request behind this one would wait until it gives up.
    aside(app, entry, lambda: record_refusal(app, entry))


def unproven(app: AppContext, admitted: Admitted) -> Entry | None:
    """Return the refusal of a sender from another organisation; None if Slack confirms that they are ours."""
    home = app.home
    if home is None or not is_unproven(admitted.origin, app.teams):
        return None
    try:
        problem = ineligible_reason(admitted.member, app.signin.facts.people.person(admitted.member))
    except SlackError as error:
        return refusal_of(app, admitted, error.reason)
    return _foreign(app, admitted.origin, admitted.source, home, admitted.attempt) if problem else None


def _answer_defect(app: AppContext, admitted: Admitted) -> None:
    """Record, count and report a defect, unless the audit has the request's end already."""
    if refuse(app, admitted, Reason.INTERNAL):
        reply_or_post(app, admitted.origin, views.refusal(Reason.INTERNAL, app.render(admitted.origin)))


def _reject(app: AppContext, origin: Origin, entry: Entry) -> Message:
    """Refuse a request without any look-up: record it on the side, and return the words for the acknowledgement.

    Slack shows those after a command only, so otherwise they go the way an answer would.
    """
    message = views.refusal(Reason(entry.outcome), app.render(origin))

    def reply_and_record() -> None:
        if entry.outcome == Reason.BUSY and entry.source is not Source.COMMAND:
            reply_or_post(app, origin, message)
        elif entry.source is not Source.COMMAND:
            reply(app, origin, message, replace=False)
        record_refusal(app, entry)

    aside(app, entry, reply_and_record)
    return message


def aside(app: AppContext, entry: Entry, job: Callable[[], object]) -> None:
    """Hand a refusal to the overflow executor. If even that is full, only the log keeps it."""
    try:
        app.overflow.submit(job)
    except QueueFull:
        app.metrics.queue_full("clerk")
        app.metrics.outcome("unrecorded")
        log.error("refusal_not_recorded", request=entry.id, outcome=entry.outcome, why="too many at once")  # noqa: TRY400
