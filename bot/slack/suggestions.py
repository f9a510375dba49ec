"""Suggest options while somebody types into a field of our forms. They are the acknowledgement, within three seconds.

Unlike every other answer, they go to the sender of the request: so the checks are the gateway's, and the form has to
carry our mark.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.core.errors import BadInput, QueueFull
from bot.core.link import Reason, Source
from bot.core.records import Entry
from bot.core.values import InvalidValue
from bot.observability import context as telemetry
from bot.slack.app_context import Admitted, AppContext, record_refusal, refusal_of, refuse
from bot.slack.blocks import Block
from bot.slack.gateway import Body, admit_request, aside, unproven
from bot.slack.payloads import suggestion_origin
from bot.slack.request_limit import sender_of

log = structlog.get_logger()

# Seconds for everything: Slack gives three, and a thread waits meanwhile that would acknowledge others.
TIMEOUT = 2.0
# Counted apart, so that typing uses up no other requests.
KIND = "suggestions"
# Requests of a pool that run or wait; beyond them, nobody waits for suggestions.
MAX_WAITING = 8

Options = Sequence[Block]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The fields that get suggestions.

    Attributes:
        name: matches their action ids.
        work: returns the options, and checks the sender first.
        late: returns the options to show if the work takes too long.
    """

    name: re.Pattern[str]
    work: Callable[[AppContext, Admitted, Body], Options]
    late: Callable[[AppContext, Body], Options]


def register(bolt: App, app: AppContext, suggestion: Suggestion) -> None:
    """Let a Bolt app ask for the suggestions."""
    bolt.options(suggestion.name)(partial(receive, app, suggestion))


def receive(app: AppContext, suggestion: Suggestion, ack: Ack, body: dict[str, Any]) -> None:
    """Admit a request, let a worker answer it, and acknowledge with the options; without any if it is rejected."""
    try:
        origin = suggestion_origin(body)
        telemetry.is_request(origin.request_id)
        admitted = admit_request(app, origin, Source.FORM)
    except (BadInput, InvalidValue) as error:
        app.metrics.outcome("malformed")
        log.warning("request_malformed", why=str(error))
        ack(options=[])
        return
    if isinstance(admitted, Entry):
        ack(options=[])
        if app.limit.excess((admitted.tenant, admitted.subject), app.now(), KIND) <= 1:
            aside(app, admitted, partial(record_refusal, app, admitted))
        return
    sender = sender_of(admitted.member)
    excess = app.limit.excess(sender, app.now(), KIND)
    if excess:
        app.metrics.outcome(Reason.TOO_MANY_REQUESTS)
        ack(options=suggestion.late(app, body))
        if excess == 1:
            entry = refusal_of(app, admitted, Reason.TOO_MANY_REQUESTS)
            aside(app, entry, partial(app.signin.refuse, entry))
        return
    ack(options=_answer(app, suggestion, admitted, body))


def _answer(app: AppContext, suggestion: Suggestion, admitted: Admitted, body: Body) -> Options:
    pool = app.admin_workers if app.limit.is_administrator(sender_of(admitted.member)) else app.workers
    answer: Future[Options] = Future()
    try:
        if pool.in_flight < MAX_WAITING:
            pool.submit(partial(_work, app, suggestion, admitted, body, answer))
            return answer.result(TIMEOUT)
        log.warning("suggestions_refused", request=admitted.id, why="too many at once")
    except QueueFull:
        app.metrics.queue_full(pool.name)
    except TimeoutError:
        log.warning("suggestions_late", request=admitted.id)
    app.metrics.outcome("suggestions_late")
    return suggestion.late(app, body)


def _work(app: AppContext, suggestion: Suggestion, admitted: Admitted, body: Body, answer: Future[Options]) -> None:
    found: Options = ()
    try:
        refusal = unproven(app, admitted)
        if refusal is None:
            found = suggestion.work(app, admitted, body)
        else:
            record_refusal(app, refusal)
    except Exception:  # the error boundary, as in the gateway: the field takes typed text even without a list
        log.exception("request_failed", request=admitted.id)
        refuse(app, admitted, Reason.INTERNAL)
        found = suggestion.late(app, body)
    finally:
        answer.set_result(found)
