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
            stranger = f"{origin.team_id or origin.enterprise_id}/{origin.user_id}"
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


def _turn_away(
    desk: Desk,
    origin: Origin,
    door: Door,
    reason: Reason,
    *,
    tenant: str,
    subject: str,
    acknowledged: bool = False,
) -> str:
    """Refuse without asking anybody: record it on the side, and return the words for the acknowledgement.

    Where the acknowledgement has gone, or is a button's, whose words Slack does not show, they go through the
    response_url.
    """
    log.warning("turned_away", request=origin.request_id, reason=reason, tenant=tenant, subject=subject)
    message = views.refusal(reason, origin.command)
    where = f"app {origin.app_id}, team {origin.team_id}, enterprise {origin.enterprise_id}"
    entry = audit.refused(
        request_id=origin.request_id,
        attempt=uuid4().hex,
        at=desk.now(),
        tenant=tenant,
        subject=subject,
        door=door,
        reason=reason,
        detail=where,
    )

    def record_and_tell() -> None:
        _refuse(desk, entry)
        if acknowledged or door is Door.BUTTON:
            desk.slack.reply(origin, message, replace=False)

    try:
        desk.clerk.submit(record_and_tell)
    except Full:
        desk.metrics.outcome("unrecorded")
        log.error("refusal_not_recorded", request=origin.request_id, reason=reason, why="too many at once")  # noqa: TRY400
    return message.text


def _refuse(desk: Desk, entry: Entry) -> None:
    desk.signin.refuse(entry)
    _conclude(desk, entry)


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
    desk.metrics.waited(desk.monotonic() - visit.started)
    if desk.monotonic() - visit.started > LONGEST_WAIT:
        who = visit.member
        _turn_away(
            desk,
            visit.origin,
            visit.door,
            Reason.BUSY,
            tenant=who.tenant,
            subject=who.user_id,
            acknowledged=True,
        )
        return
    work(desk, visit, body)


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
    try:
        entry = desk.signin.opened(visit.member, action_value(body))
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
    message = views.refusal(Reason.STALE_BUTTON, visit.origin.command)
    entry = audit.refused(
        request_id=visit.origin.request_id,
        attempt=visit.attempt,
        at=visit.at,
        tenant=visit.member.tenant,
        subject=visit.member.user_id,
        door=visit.door,
        reason=Reason.STALE_BUTTON,
        detail="the button names nothing of this member's",
    )
    _refuse(desk, entry)
    desk.slack.reply(visit.origin, message, replace=True)
