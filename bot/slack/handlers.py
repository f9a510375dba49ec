"""What happens when Slack calls: acknowledge, parse, call, reply. Nothing is decided here.

Every listener acknowledges with an empty body and hands its work to an executor. Only a request that is turned away
at the door, because the bot is busy or the request is not for it, is answered in the acknowledgement.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from slack_bolt import Ack, App

from bot import audit
from bot.errors import BadInput, SlackError, StoreError
from bot.executor import BoundedExecutor, Full
from bot.metrics import Metrics
from bot.model import ALIAS, Answer, Door, Entry, InvalidValue, LinkRequest, Member, Reason, utc_now
from bot.signin import SignIn
from bot.slack import views
from bot.slack.api import SlackApi
from bot.slack.commands import (
    REQUEST_ID,
    Help,
    Home,
    Open,
    Origin,
    action_origin,
    action_value,
    admit,
    command_origin,
    parse,
)

log = structlog.get_logger()

# No id of Slack's is nearly as long; DynamoDB takes no key of any length.
LONGEST_STRANGER = 100

# Seconds a request may wait for a place. One that waited longer is told "busy" instead of being worked on, because
# its answer would miss the ten seconds within which a member hears from us.
LONGEST_WAIT = 3.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was let in: from which member, through which door, and when."""

    origin: Origin
    member: Member
    door: Door
    attempt: str
    at: datetime
    started: float


@dataclass(slots=True)
class Desk:
    """What the listeners work with.

    Attributes:
        workers: answers requests.
        clerk: records and answers what `workers` could not take; small, so that it never piles up.
        teams: the team and enterprise ids that may use the bot; empty means our token's own team.
        audit_channel: where outcomes are announced; None for nowhere.
        home: our own app and team; None until Slack has told us.
    """

    signin: SignIn
    slack: SlackApi
    workers: BoundedExecutor
    clerk: BoundedExecutor
    metrics: Metrics
    teams: frozenset[str] = frozenset()
    audit_channel: str | None = None
    home: Home | None = None
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic


def register(app: App, desk: Desk) -> None:
    """Add the listeners to a Bolt app."""

    # Any command of this app: workspaces rename commands, because their names are not namespaced in Slack.
    @app.command(re.compile("^/"))
    def studio(ack: Ack, body: dict[str, Any]) -> None:
        _acknowledge(ack, _receive(desk, body, Door.COMMAND, _command))

    @app.action(views.OPEN_STUDIO)
    def open_studio(ack: Ack, body: dict[str, Any]) -> None:
        _acknowledge(ack, _receive(desk, body, Door.BUTTON, _opened))

    @app.action(views.NEW_LINK)
    def new_link(ack: Ack, body: dict[str, Any]) -> None:
        _acknowledge(ack, _receive(desk, body, Door.BUTTON, _new_link))

    @app.action(re.compile(""))  # whatever else claims to be one of our buttons
    def unknown(ack: Ack, body: dict[str, Any]) -> None:
        _acknowledge(ack, _receive(desk, body, Door.BUTTON, _stale))


Work = Callable[[Desk, Visit, Mapping[str, Any]], None]


def _acknowledge(ack: Ack, words: str) -> None:
    if words:
        ack(words)
    else:
        ack()


def _receive(desk: Desk, body: Mapping[str, Any], door: Door, work: Work) -> str:
    """Let a request in and hand it on. Returns what the acknowledgement has to say, mostly nothing."""
    try:
        origin = command_origin(body) if door is Door.COMMAND else action_origin(body)
        home = desk.home
        if home is None:
            where = origin.team_id or origin.enterprise_id or "unknown"
            return _turn_away(desk, origin, door, Reason.NOT_READY, tenant=where, subject=origin.user_id)
        tenant = admit(origin, home, desk.teams or frozenset({home.team_id}))
        if tenant is None:
            stranger = f"{origin.team_id or origin.enterprise_id}/{origin.user_id}"[:LONGEST_STRANGER]
            return _turn_away(desk, origin, door, Reason.FOREIGN, tenant=home.team_id, subject=stranger)
        member = Member(tenant, origin.user_id)
    except (BadInput, InvalidValue) as error:
        desk.metrics.outcome("malformed")
        log.warning("request_malformed", why=str(error))
        return views.refusal(Reason.INTERNAL, "/studio").text

    visit = Visit(origin, member, door, uuid4().hex, desk.now(), desk.monotonic())
    try:
        desk.workers.submit(lambda: _work(desk, visit, body, work))
    except Full:
        return _turn_away(desk, origin, door, Reason.BUSY, tenant=tenant, subject=origin.user_id)
    return ""


def _turn_away(desk: Desk, origin: Origin, door: Door, reason: Reason, *, tenant: str, subject: str) -> str:
    """Refuse without asking anybody: record it on the side, and return the words for the acknowledgement.

    Slack does not show the words of a button's acknowledgement, so there they go through the response_url.
    """
    entry = _refused(desk, origin, door, reason, tenant=tenant, subject=subject)
    message = views.refusal(reason, origin.command)

    def tell_and_record() -> None:
        if door is Door.BUTTON:
            desk.slack.reply(origin, message, replace=False)
        _record_refusal(desk, entry)

    _aside(desk, entry, tell_and_record)
    return message.text


def _aside(desk: Desk, entry: Entry, job: Callable[[], object]) -> None:
    """Have a clerk see to a refusal; where even the clerks are too busy, the log is all that keeps it."""
    try:
        desk.clerk.submit(job)
    except Full:
        desk.metrics.outcome("unrecorded")
        log.error("refusal_not_recorded", request=entry.id, outcome=entry.outcome, why="too many at once")  # noqa: TRY400


def _refused(desk: Desk, origin: Origin, door: Door, reason: Reason, *, tenant: str, subject: str) -> Entry:
    log.warning("turned_away", request=origin.request_id, reason=reason, tenant=tenant, subject=subject)
    return audit.refused(
        request_id=origin.request_id,
        attempt=uuid4().hex,
        at=desk.now(),
        tenant=tenant,
        subject=subject,
        door=door,
        reason=reason,
        detail=f"app {origin.app_id}, team {origin.team_id}, enterprise {origin.enterprise_id}",
    )


def _record_refusal(desk: Desk, entry: Entry) -> bool:
    """Record it, count it, announce it; False, and none of this, if the request is a replay."""
    if not desk.signin.refuse(entry):
        desk.metrics.outcome("replayed")
        return False
    _conclude(desk, entry)
    return True


def _conclude(desk: Desk, entry: Entry) -> None:
    """Count an outcome, and announce it where the installation wants to hear of it."""
    desk.metrics.outcome(entry.outcome)
    if desk.audit_channel is None:
        return
    try:
        desk.slack.announce(desk.audit_channel, views.announcement(entry))
    except SlackError as error:
        log.warning("announcement_failed", request=entry.id, code=error.code)


def _work(desk: Desk, visit: Visit, body: Mapping[str, Any], work: Work) -> None:
    """On a worker: do it, unless it has waited too long to be done in time."""
    waited = desk.monotonic() - visit.started
    desk.metrics.waited(waited)
    if waited <= LONGEST_WAIT:
        work(desk, visit, body)
        return
    desk.slack.reply(visit.origin, views.refusal(Reason.BUSY, visit.origin.command), replace=False)
    who = visit.member
    entry = _refused(desk, visit.origin, visit.door, Reason.BUSY, tenant=who.tenant, subject=who.user_id)
    # Not here: while DynamoDB hangs, everybody behind would wait for this to be given up.
    _aside(desk, entry, lambda: _record_refusal(desk, entry))


def _command(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    command = parse(str(body.get("text") or ""))
    match command:
        case Help():
            message = views.help_text(visit.origin.command, command.not_understood)
            desk.slack.reply(visit.origin, message, replace=False)
            desk.metrics.outcome("help")
        case Open():
            _answer(desk, visit, command.alias, replace=False)


def _new_link(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """The full decision again, for the mapping that the message was about."""
    alias = action_value(body)
    if alias and not ALIAS.fullmatch(alias):
        _stale(desk, visit, body)
    else:
        _answer(desk, visit, alias or None, replace=True)


def _answer(desk: Desk, visit: Visit, alias: str | None, *, replace: bool) -> None:
    request = LinkRequest(
        id=visit.origin.request_id,
        attempt=visit.attempt,
        member=visit.member,
        door=visit.door,
        at=visit.at,
        started=visit.started,
        alias=alias,
    )

    def deliver(answer: Answer) -> bool:
        delivered = desk.slack.reply(visit.origin, views.answer(answer, visit.origin.command), replace=replace)
        desk.metrics.answered(desk.monotonic() - visit.started)
        return delivered

    entry = desk.signin.answer(request, deliver)
    if entry is None:
        desk.metrics.outcome("replayed")
    else:
        _conclude(desk, entry)


def _opened(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """A pressed "Open Studio" has opened the browser already; this notes it and takes the link off the screen."""
    request_id = action_value(body)
    if not REQUEST_ID.fullmatch(request_id):
        _stale(desk, visit, body)
        return
    try:
        entry = desk.signin.opened(visit.member, request_id)
    except StoreError as error:
        desk.metrics.outcome(error.reason)
        log.error("opening_not_recorded", request=visit.origin.request_id, why=str(error))  # noqa: TRY400
        return
    if entry is None:
        _stale(desk, visit, body)
    else:
        desk.metrics.outcome("opened")
        desk.slack.reply(visit.origin, views.opened(entry), replace=True)


def _stale(desk: Desk, visit: Visit, _body: Mapping[str, Any]) -> None:
    """A button that names nothing of this member's: old, or made up."""
    who = visit.member
    entry = _refused(desk, visit.origin, visit.door, Reason.STALE_BUTTON, tenant=who.tenant, subject=who.user_id)
    if _record_refusal(desk, entry):
        desk.slack.reply(visit.origin, views.refusal(Reason.STALE_BUTTON, visit.origin.command), replace=True)
