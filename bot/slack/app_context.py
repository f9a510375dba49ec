"""The app context and the admitted request, with the ways to answer and to refuse it: every handler uses them."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from bot.admin.access_requests import AccessRequests
from bot.admin.confirmation import CommandRunner
from bot.admin.ending import EndNotices
from bot.admin.picks import Picks
from bot.core import audit
from bot.core.access import Member, Person
from bot.core.errors import SlackError, StoreError
from bot.core.link import Denied, LinkRequest, Reason, Source
from bot.core.ports import WorkPool
from bot.core.records import Actor, Entry
from bot.core.values import utc_now
from bot.links.sign_in import SignIn
from bot.links.status import GetStatus, MemberStatus
from bot.observability import context as telemetry
from bot.observability.metrics import Metrics
from bot.slack import response_url
from bot.slack.blocks import Message, RenderContext, escape, text_message
from bot.slack.client import API_TIMEOUT, SlackApi
from bot.slack.directory_cache import SlackDirectory
from bot.slack.link_expiry import LinkExpiry
from bot.slack.members import views
from bot.slack.payloads import Home, Origin
from bot.slack.request_limit import RequestLimit
from bot.slack.words import words_for
from bot.slack.workspaces.starting import StartingApps
from bot.slack.written import WrittenMessages
from bot.workspaces.reminders import Reminders
from bot.workspaces.running import RunningApps

log = structlog.get_logger()

# Seconds for looking up a member's open request: an answer without it is better than a late one.
REQUEST_TIMEOUT = 1.0
# Seconds after a link request came in at which that look-up ends: the reply and its fallback have to fit into ten.
REQUEST_DEADLINE = 10 - response_url.TIMEOUT - API_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted(LinkRequest):
    """An admitted request: all that a use case needs of it, and how to answer it."""

    origin: Origin


@dataclass(slots=True)
class AppContext:
    """The use cases, adapters and settings of the handlers.

    Attributes:
        workers: answers requests.
        admin_workers: answers those of administrators, so that no rush of others delays them.
        limit: how many requests without a link each person may send.
        overflow: records and answers what `workers` could not take; small, so that it never piles up.
        noting: takes note of Slack's events about accounts, which may come in thousands and must delay nobody.
        teams: the team and enterprise ids that may use the bot; empty means our token's own team.
        audit_channel: where outcomes are announced; None for nowhere.
        admins: the user ids that the settings name as administrators.
        request_channel: where access requests go; None for a direct message to each of `admins`.
        locale: the language of every message; None for each member's own.
        link_seconds: how long a link works, for the help.
        wake: has the open jobs visited now, because one was started.
        written: which of the messages that members write to the bot need an answer.
        running: what runs in Studio; None where that is switched off.
        reminders: tells members what has run for long; None where that is switched off.
        end_notices: tells members that their access ends; None if members cannot request access.
        picks: the suggestions in administrators' forms; None if the forms take only text.
        groups: lists user groups, from a cache; None for none.
        starting: watches the apps that members start.
        home: our own app and team; None until Slack has answered.
    """

    signin: SignIn
    get_status: GetStatus
    command_runner: CommandRunner
    access_requests: AccessRequests
    link_expiry: LinkExpiry
    slack: SlackApi
    workers: WorkPool
    admin_workers: WorkPool
    limit: RequestLimit
    overflow: WorkPool
    noting: WorkPool
    metrics: Metrics
    teams: frozenset[str] = frozenset()
    audit_channel: str | None = None
    admins: frozenset[str] = frozenset()
    request_channel: str | None = None
    locale: str | None = None
    link_seconds: int = 60
    running: RunningApps | None = None
    reminders: Reminders | None = None
    end_notices: EndNotices | None = None
    picks: Picks | None = None
    groups: SlackDirectory | None = None
    starting: StartingApps = field(default_factory=StartingApps)
    home: Home | None = None
    wake: Callable[[], None] = lambda: None
    written: WrittenMessages = field(default_factory=WrittenMessages)
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic

    def render(self, origin: Origin | None = None, locale: str | None = None) -> RenderContext:
        """Return how to render a message: in the installation's language, or else the member's, or else English.

        Without an origin, it answers no request of the member's. An access request can be made if it reaches anybody.
        """
        return RenderContext(
            words_for(self.locale or locale),
            origin.command if origin else "/studio",
            may_ask=bool(self.admins or self.request_channel or self.access_requests.rules.approval_rules),
            link_seconds=self.link_seconds,
            running=self.running is not None,
            picks=self.picks is not None,
        )

    def render_status(self, status: MemberStatus, origin: Origin | None = None) -> RenderContext:
        """Return how to render a member's view of themselves, with their open request if they can open nothing."""
        render, decision = self.render(origin, status.facts.person.locale), status.decision
        asks = isinstance(decision, Denied) and views.leads_to_request(decision)
        return self.with_request(render, status.member) if asks else render

    def with_request(self, render: RenderContext, member: Member, deadline: float = math.inf) -> RenderContext:
        """Return how to render where the member could ask for access: with their open request, if it can be read."""
        if not render.may_ask:
            return render
        facts = self.signin.facts
        found = facts.side.submit(self.access_requests.open_request, member)
        try:
            until = min(facts.within(REQUEST_TIMEOUT), deadline)
            request = facts.wait(until, found, StoreError, "DynamoDB")
        except StoreError as error:
            log.warning("open_request_unknown", user=member.user_id, why=str(error))
            return render
        return replace(render, requested=request)

    def render_for(self, member: Member) -> RenderContext:
        """Return how to render a message in the member's own language, as far as Slack knows it."""
        person = self.person(member)
        return self.render(locale=person.locale if person else None)

    def person(self, member: Member) -> Person | None:
        """Return Slack's record of a member, where only their language depends on it; None if Slack fails."""
        try:
            return self.signin.facts.people.person(member)
        except SlackError:
            return None


def reply(app: AppContext, origin: Origin, message: Message, *, replace: bool) -> bool:
    """Answer in the way that the request left us. Returns whether Slack took the message."""
    open_places = (origin.view_id, origin.view_name, origin.response_url, origin.channel_id)
    try:
        if origin.by_message:
            app.slack.post(origin.user_id, message)
        elif any(open_places) or origin.trigger_id is None:
            return app.slack.reply(origin, message, replace=replace)
        else:  # the home tab, or a shortcut
            app.slack.open_view(origin, message)
    except SlackError as error:
        log.warning("reply_not_sent", request=origin.request_id, code=error.code)
        return False
    return True


def reply_or_post(app: AppContext, origin: Origin, message: Message) -> None:
    """Answer, by a direct message if no other way is left. Never a link: it would stay in the conversation."""
    if not reply(app, origin, message, replace=False):
        reply(app, replace(origin, by_message=True), message, replace=False)


def dialog_not_opened(app: AppContext, admitted: Admitted, error: SlackError, otherwise: str | None = None) -> None:
    """Tell the member that Slack opened no dialog, by a direct message if no other way is left, and record it.

    Args:
        otherwise: what to say, without an audit entry, if the trigger had not expired; None for words of the reason.
    """
    log.warning("dialog_not_opened", request=admitted.id, code=error.code)
    if otherwise is not None and error.reason is not Reason.TRIGGER_EXPIRED:
        app.metrics.outcome("dialog_not_opened")
        message = text_message(otherwise)
    elif refuse(app, admitted, error.reason):
        message = views.refusal(error.reason, app.render(admitted.origin))
    else:
        return
    reply_or_post(app, replace(admitted.origin, trigger_id=None), message)  # the trigger opens nothing any more


def rejected(app: AppContext, origin: Origin, actor: Actor, tenant: str, *, outcome: str, attempt: str) -> Entry:
    """Log that a request is rejected, and return its audit entry."""
    log.warning("request_rejected", request=origin.request_id, reason=outcome, tenant=tenant, subject=actor.name)
    return audit.refused(
        actor.source.value if actor.source in (Source.HOME, Source.FORM) else audit.LINK,
        actor,
        tenant,
        app.now(),
        request_id=origin.request_id,
        attempt=attempt,
        outcome=str(outcome),
        detail=f"app {origin.app_id}, team {origin.team_id}, enterprise {origin.enterprise_id}",
    )


def refusal_of(app: AppContext, admitted: Admitted, outcome: str) -> Entry:
    """Log that an admitted request is refused, and return its audit entry."""
    actor = Actor(admitted.member.user_id, admitted.source)
    return rejected(app, admitted.origin, actor, admitted.member.tenant, outcome=outcome, attempt=admitted.attempt)


def refuse(app: AppContext, admitted: Admitted, reason: Reason, action: str | None = None) -> bool:
    """Record, count and announce the refusal of an admitted request; False if it is a replay.

    Args:
        action: the request's action, where the source does not say.
    """
    entry = refusal_of(app, admitted, reason)
    return record_refusal(app, replace(entry, action=action) if action else entry)


def record_refusal(app: AppContext, entry: Entry) -> bool:
    """Record, count and announce a refusal; do none of it and return False if the request is a replay."""
    if not app.signin.refuse(entry):
        app.metrics.outcome("replayed")
        return False
    conclude(app, entry)
    return True


def conclude(app: AppContext, entry: Entry) -> None:
    """Count an outcome, log it, and announce it in the audit channel if one is set."""
    app.metrics.outcome(entry.outcome)
    who = {"tenant": entry.tenant, "user": entry.subject, "door": entry.source}
    log.info("concluded", request=entry.id, outcome=entry.outcome, **who, **telemetry.stages())
    if app.audit_channel is not None:
        announce(app, entry.id, announcement(entry))


def announcement(entry: Entry) -> str:
    """Render an outcome as one line for the audit channel. Members are named by id, which notifies nobody."""
    what = f" · profile {entry.profile_name} in {entry.domain_id}" if entry.profile_name else ""
    return f"{escape(entry.subject)} · {entry.action} · {entry.outcome}{what}"


def announce(app: AppContext, request_id: str, line: str) -> None:
    """Post a line in the audit channel, if one is set. A failure is logged and changes nothing."""
    if app.audit_channel is None:
        return
    try:
        app.slack.announce(app.audit_channel, line)
    except SlackError as error:
        log.warning("announcement_failed", request=request_id, code=error.code)
