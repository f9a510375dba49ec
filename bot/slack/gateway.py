"""Where requests come in: whose they are, whether there is room for them, and what becomes of those turned away."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from slack_bolt import Ack

from bot.admin.confirmation import CommandRunner
from bot.core import audit
from bot.core.access import Member, Person
from bot.core.errors import BadInput, QueueFull, SlackError
from bot.core.link import Reason, Source, Stage
from bot.core.ports import WorkPool
from bot.core.records import Entry
from bot.core.values import InvalidValue, utc_now
from bot.links.sign_in import SignIn, noop
from bot.links.status import GetStatus
from bot.observability import context as telemetry
from bot.observability.metrics import Metrics
from bot.slack.blocks import Message, RenderContext
from bot.slack.client import SlackApi
from bot.slack.link_expiry import LinkExpiry
from bot.slack.members import views
from bot.slack.payloads import Home, Origin, action_origin, admit, command_origin, event_origin, form_origin
from bot.slack.words import Words, words_for

log = structlog.get_logger()

# No id of Slack's is nearly as long; DynamoDB takes no key of any length.
MAX_FOREIGN_ID_LENGTH = 100

# Seconds a request may wait for a place. One that waited longer is told "busy" instead of being worked on, because
# its answer would miss the ten seconds within which a member hears from us.
MAX_WAIT = 3.0


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that was let in: from which member, through which door, and when."""

    origin: Origin
    member: Member
    source: Source
    attempt: str
    at: datetime
    started: float


@dataclass(slots=True)
class AppContext:
    """What the listeners work with.

    Attributes:
        workers: answers requests.
        overflow: records and answers what `workers` could not take; small, so that it never piles up.
        teams: the team and enterprise ids that may use the bot; empty means our token's own team.
        audit_channel: where outcomes are announced; None for nowhere.
        admins: the user ids that the settings name as administrators.
        request_channel: where such requests go; None for a direct message to each of `admins`.
        locale: the language of every message; None for each member's own.
        link_seconds: how long a link works, for the help.
        home: our own app and team; None until Slack has told us.
        record_duration: is told how long each stage took.
    """

    signin: SignIn
    get_status: GetStatus
    command_runner: CommandRunner
    link_expiry: LinkExpiry
    slack: SlackApi
    workers: WorkPool
    overflow: WorkPool
    metrics: Metrics
    teams: frozenset[str] = frozenset()
    audit_channel: str | None = None
    admins: frozenset[str] = frozenset()
    request_channel: str | None = None
    locale: str | None = None
    link_seconds: int = 60
    home: Home | None = None
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    record_duration: Callable[[Stage, float], None] = noop

    @property
    def may_ask(self) -> bool:
        """Whether there is somebody who would hear of a request for access."""
        return bool(self.admins) or self.request_channel is not None

    def render(self, origin: Origin | None = None, locale: str | None = None) -> RenderContext:
        """Whom a message is for, as far as that is known yet; without an origin, it answers no request of theirs."""
        return RenderContext(
            self.words(locale),
            origin.command if origin else "/studio",
            may_ask=self.may_ask,
            link_seconds=self.link_seconds,
        )

    def reader_of(self, member: Member) -> RenderContext:
        """For messages to a member in their own language, where Slack tells which that is."""
        person = self.person(member)
        return self.render(locale=person.locale if person else None)

    def person(self, member: Member) -> Person | None:
        """Slack's record of a member, where only their words depend on it; None if Slack does not tell."""
        try:
            return self.slack.person(member)
        except SlackError:
            return None

    def words(self, locale: str | None) -> Words:
        """The installation's language, or else the member's, or else English."""
        return words_for(self.locale or locale)


Work = Callable[[AppContext, Admitted, Mapping[str, Any]], None]

ORIGINS: Mapping[Source, Callable[[Mapping[str, Any]], Origin]] = {
    Source.COMMAND: command_origin,
    Source.BUTTON: action_origin,
    Source.SHORTCUT: action_origin,
    Source.FORM: form_origin,
    Source.HOME: event_origin,
}


def acknowledge(ack: Ack, words: str) -> None:
    if words:
        ack(words)
    else:
        ack()


def receive(app: AppContext, body: Mapping[str, Any], source: Source, work: Work) -> str:
    """Let a request in and hand it on. Returns what the acknowledgement has to say, mostly nothing.

    A form's acknowledgement must not hold any words.
    """
    words = take(app, body, source, work)
    return "" if source is Source.FORM else words


def take(app: AppContext, body: Mapping[str, Any], source: Source, work: Work) -> str:
    """The same; for a form, too, the words that say why it was turned away."""
    try:
        origin = ORIGINS[source](body)
        telemetry.is_request(origin.request_id)
        home = app.home
        if home is None:
            where = origin.team_id or origin.enterprise_id or "unknown"
            return _turn_away(app, origin, source, Reason.NOT_READY, tenant=where, subject=origin.user_id)
        tenant = admit(origin, home, app.teams or frozenset({home.team_id}))
        if tenant is None:
            foreign_id = f"{origin.team_id or origin.enterprise_id}/{origin.user_id}"[:MAX_FOREIGN_ID_LENGTH]
            return _turn_away(app, origin, source, Reason.FOREIGN, tenant=home.team_id, subject=foreign_id)
        member = Member(tenant, origin.user_id)
    except (BadInput, InvalidValue) as error:
        app.metrics.outcome("malformed")
        log.warning("request_malformed", why=str(error))
        return views.refusal(Reason.INTERNAL, app.render()).text

    admitted = Admitted(origin, member, source, uuid4().hex, app.now(), app.monotonic())
    try:
        app.workers.submit(lambda: _work(app, admitted, body, work))
    except QueueFull:
        app.metrics.queue_full("worker")
        return _turn_away(app, origin, source, Reason.BUSY, tenant=tenant, subject=origin.user_id)
    return ""


def _turn_away(app: AppContext, origin: Origin, source: Source, reason: Reason, *, tenant: str, subject: str) -> str:
    """Refuse without asking anybody: record it on the side, and return the words for the acknowledgement.

    Slack shows them after a command only, so otherwise they go the way an answer would.
    """
    entry = _refused(app, origin, source, reason, tenant=tenant, subject=subject)
    message = views.refusal(reason, app.render(origin))

    def tell_and_record() -> None:
        if source is not Source.COMMAND:
            tell(app, origin, message, replace=False)
        _record_refusal(app, entry)

    _aside(app, entry, tell_and_record)
    return message.text


def _aside(app: AppContext, entry: Entry, job: Callable[[], object]) -> None:
    """Have a clerk see to a refusal; where even the clerks are too busy, the log is all that keeps it."""
    try:
        app.overflow.submit(job)
    except QueueFull:
        app.metrics.queue_full("clerk")
        app.metrics.outcome("unrecorded")
        log.error("refusal_not_recorded", request=entry.id, outcome=entry.outcome, why="too many at once")  # noqa: TRY400


def tell(app: AppContext, origin: Origin, message: Message, *, replace: bool) -> bool:
    """Answer in whatever way the request left us; whether Slack took it."""
    try:
        if origin.by_message:
            app.slack.post(origin.user_id, message)
        elif (
            origin.view_id
            or origin.view_name
            or origin.response_url
            or origin.channel_id
            or origin.trigger_id is None
        ):
            return app.slack.reply(origin, message, replace=replace)
        else:  # the home tab, or a shortcut
            app.slack.open_view(origin, message)
    except SlackError as error:
        log.warning("not_told", request=origin.request_id, code=error.code)
        return False
    return True


def _refused(app: AppContext, origin: Origin, source: Source, reason: Reason, *, tenant: str, subject: str) -> Entry:
    log.warning("turned_away", request=origin.request_id, reason=reason, tenant=tenant, subject=subject)
    return audit.refused(
        request_id=origin.request_id,
        attempt=uuid4().hex,
        at=app.now(),
        tenant=tenant,
        subject=subject,
        source=source,
        reason=reason,
        detail=f"app {origin.app_id}, team {origin.team_id}, enterprise {origin.enterprise_id}",
        action=source.value if source in (Source.HOME, Source.FORM) else audit.LINK,
    )


def refuse(app: AppContext, admitted: Admitted, reason: Reason, action: str | None = None) -> bool:
    """Record, count and announce that a request which was let in is refused; False if it is a replay.

    Args:
        action: what was asked for, where the door does not tell.
    """
    entry = _refusal_of(app, admitted, reason)
    return _record_refusal(app, replace(entry, action=action) if action else entry)


def _refusal_of(app: AppContext, admitted: Admitted, reason: Reason) -> Entry:
    who = admitted.member
    return _refused(app, admitted.origin, admitted.source, reason, tenant=who.tenant, subject=who.user_id)


def _record_refusal(app: AppContext, entry: Entry) -> bool:
    """Record it, count it, announce it; False, and none of this, if the request is a replay."""
    if not app.signin.refuse(entry):
        app.metrics.outcome("replayed")
        return False
    conclude(app, entry)
    return True


def conclude(app: AppContext, entry: Entry) -> None:
    """Count an outcome, log it, and announce it where the installation wants to hear of it."""
    app.metrics.outcome(entry.outcome)
    who = {"tenant": entry.tenant, "user": entry.subject, "door": entry.source}
    log.info("concluded", request=entry.id, outcome=entry.outcome, **who, **telemetry.stages())
    if app.audit_channel is None:
        return
    try:
        app.slack.announce(app.audit_channel, views.announcement(entry))
    except SlackError as error:
        log.warning("announcement_failed", request=entry.id, code=error.code)


def _work(app: AppContext, admitted: Admitted, body: Mapping[str, Any], work: Work) -> None:
    """On a worker: do it, unless it has waited too long to be done in time."""
    waited = app.monotonic() - admitted.started
    app.record_duration(Stage.WAIT, waited)
    if waited <= MAX_WAIT:
        work(app, admitted, body)
        return
    tell(app, admitted.origin, views.refusal(Reason.BUSY, app.render(admitted.origin)), replace=False)
    entry = _refusal_of(app, admitted, Reason.BUSY)
    # Not here: while DynamoDB hangs, everybody behind would wait for this to be given up.
    _aside(app, entry, lambda: _record_refusal(app, entry))
