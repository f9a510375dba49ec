"""What happens when Slack calls: acknowledge, parse, call, reply. Nothing is decided here.

Every listener acknowledges with an empty body and hands its work to an executor. Only a request that is turned away
at the door, because the bot is busy or the request is not for it, is answered in the acknowledgement.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from slack_bolt import Ack, App

from bot import audit
from bot.errors import BadInput, SlackError, StoreError, UpstreamError
from bot.executor import BoundedExecutor, Full
from bot.metrics import Metrics
from bot.model import Answer, Door, Entry, InvalidValue, LinkRequest, Member, Reason, Target, utc_now
from bot.signin import SignIn
from bot.slack import views
from bot.slack.api import SlackApi
from bot.slack.commands import (
    REQUEST_ID,
    Help,
    Home,
    Open,
    Origin,
    WhoAmI,
    action_origin,
    action_value,
    admit,
    command_origin,
    parse,
    parse_target,
)
from bot.slack.words import words_for
from bot.standing import Standing, Standings

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
        locale: the language of every message; None for each member's own.
        link_seconds: how long a link works, for the help.
        home: our own app and team; None until Slack has told us.
    """

    signin: SignIn
    standings: Standings
    slack: SlackApi
    workers: BoundedExecutor
    clerk: BoundedExecutor
    metrics: Metrics
    teams: frozenset[str] = frozenset()
    audit_channel: str | None = None
    locale: str | None = None
    link_seconds: int = 60
    home: Home | None = None
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic

    def reader(self, origin: Origin, locale: str | None = None) -> views.Reader:
        """Whom a message is for, as far as that is known yet."""
        return views.Reader(words_for(self.locale or locale), origin.command)


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

    @app.action(re.compile(rf"^{views.CHOOSE}(_\d)?$"))
    def choose(ack: Ack, body: dict[str, Any]) -> None:
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
        return views.refusal(Reason.INTERNAL, views.Reader(words_for(desk.locale))).text

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
    message = views.refusal(reason, desk.reader(origin))

    def tell_and_record() -> None:
        if door is Door.BUTTON:
            desk.slack.reply(origin, message, replace=False)
        _record_refusal(desk, entry)

    try:
        desk.clerk.submit(tell_and_record)
    except Full:
        desk.metrics.outcome("unrecorded")
        log.error("refusal_not_recorded", request=origin.request_id, outcome=reason, why="too many at once")  # noqa: TRY400
    return message.text


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
    desk.slack.reply(visit.origin, views.refusal(Reason.BUSY, desk.reader(visit.origin)), replace=False)
    who = visit.member
    _record_refusal(
        desk,
        _refused(desk, visit.origin, visit.door, Reason.BUSY, tenant=who.tenant, subject=who.user_id),
    )


def _command(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    match parse(str(body.get("text") or "")):
        case Open(target):
            _answer(desk, visit, target, replace=False)
        case WhoAmI():
            _tell_standing(desk, visit, views.who_am_i, "whoami")
        case Help(not_understood):
            help_text = partial(views.help_for, not_understood=not_understood, lifetime_seconds=desk.link_seconds)
            _tell_standing(desk, visit, help_text, "help")


def _tell_standing(
    desk: Desk, visit: Visit, view: Callable[[Standing, views.Reader], views.Message], outcome: str
) -> None:
    """Answer with something that needs nothing but the member's own standing."""
    try:
        standing = desk.standings.of(visit.member)
        message = view(standing, desk.reader(visit.origin, standing.person.locale))
    except UpstreamError as error:
        log.warning("standing_unknown", request=visit.origin.request_id, why=str(error))
        outcome, message = error.reason, views.refusal(error.reason, desk.reader(visit.origin))
    desk.slack.reply(visit.origin, message, replace=False)
    desk.metrics.outcome(outcome)


def _new_link(desk: Desk, visit: Visit, body: Mapping[str, Any]) -> None:
    """The full decision again, for what the button or the selected option names."""
    target = parse_target(action_value(body).split())
    if target is None:
        _stale(desk, visit, body)
    else:
        _answer(desk, visit, target, replace=True)


def _answer(desk: Desk, visit: Visit, target: Target, *, replace: bool) -> None:
    request = LinkRequest(
        id=visit.origin.request_id,
        attempt=visit.attempt,
        member=visit.member,
        door=visit.door,
        at=visit.at,
        started=visit.started,
        target=target,
    )

    def deliver(answer: Answer) -> bool:
        message = views.answer(answer, desk.reader(visit.origin, answer.locale))
        delivered = desk.slack.reply(visit.origin, message, replace=replace)
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
        desk.slack.reply(visit.origin, views.opened(entry, desk.reader(visit.origin, entry.locale)), replace=True)


def _stale(desk: Desk, visit: Visit, _body: Mapping[str, Any]) -> None:
    """A button that names nothing of this member's: old, or made up."""
    who = visit.member
    entry = _refused(desk, visit.origin, visit.door, Reason.STALE_BUTTON, tenant=who.tenant, subject=who.user_id)
    if _record_refusal(desk, entry):
        desk.slack.reply(visit.origin, views.refusal(Reason.STALE_BUTTON, desk.reader(visit.origin)), replace=True)
