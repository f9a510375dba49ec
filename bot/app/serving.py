"""The running bot: what `serve` builds, starts, serves and stops."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog
from slack_bolt import App
from slack_sdk.signature import Clock

from bot.admin.access_requests import AccessRequests
from bot.admin.changes import Admin
from bot.admin.confirmation import CommandRunner
from bot.admin.ending import EndNotices
from bot.admin.listing import Listing
from bot.admin.new_profiles import NewProfiles
from bot.admin.picks import Picks
from bot.admin.waiting import WaitingRequests
from bot.app import clients, workspaces
from bot.app.bot import Bot
from bot.app.jobs import Jobs
from bot.app.rule_file import RuleFile
from bot.app.sealing import Sealing
from bot.aws.lists import StudioLists
from bot.aws.sagemaker import SageMakerStudio
from bot.aws.secret_refs import RefreshingSecret
from bot.config import DOUBTFUL, HttpSettings, ServeSettings, SocketSettings, load
from bot.core.errors import check_all
from bot.core.values import shared_tenants
from bot.links.facts import Gatherer
from bot.links.people import People
from bot.links.sign_in import SignIn
from bot.links.status import GetStatus
from bot.observability.logs import redactor
from bot.observability.metrics import Metrics
from bot.serving.executors import BoundedExecutor, BurstGate, CallExecutor
from bot.serving.health import Health
from bot.serving.server import Server, listen, serve_aside
from bot.serving.wsgi import ALIVE, EVENTS, MAX_BODY_BYTES, PAGES, Entrance, Verifier
from bot.slack import suggestions
from bot.slack.admin import handlers as admin_handlers
from bot.slack.admin import picking
from bot.slack.app_context import AppContext
from bot.slack.bolt import acknowledgement, create, dispatch, is_suggestion
from bot.slack.client import SlackApi
from bot.slack.directory_cache import CachedDirectory
from bot.slack.gateway import register
from bot.slack.link_expiry import LinkExpiry
from bot.slack.members import handlers as member_handlers
from bot.slack.members.ending import tell_end
from bot.slack.names import Names
from bot.slack.request_limit import RequestLimit
from bot.slack.requests import handlers as request_handlers
from bot.slack.requests import postings
from bot.slack.workspaces import handlers as workspace_handlers
from bot.slack.workspaces import messages
from bot.store.access import AccessTable
from bot.store.access_requests import AccessRequestTable
from bot.store.audit import AuditTable
from bot.store.confirmations import ConfirmationTable
from bot.store.jobs import JobTable
from bot.store.models import Tables, bind
from bot.store.people import PeopleTable
from bot.store.reminders import ReminderTable
from bot.store.runtime import RuntimeTable
from bot.store.seals import SealTable
from bot.store.tables import ready

if TYPE_CHECKING:
    from bot.slack.socket_mode import SocketMode

log = structlog.get_logger()

# Calls that one request makes side by side, and those that may wait: more than an installation has group rules.
CALLS, QUEUED_CALLS = 3, 16
# Threads and queue that only administrators' requests use.
ADMIN_THREADS, ADMIN_QUEUE = 4, 60
# Threads and queue for answering and recording refusals: room for all requests that a burst refuses at once. While
# Slack and DynamoDB respond, a full queue drains within GRACE.
OVERFLOW_THREADS, OVERFLOW_QUEUE = 4, 512
# Events about accounts that may wait: what is lost of them, the next renewal of the records finds.
NOTED_EVENTS = 1000
# Seconds for which connections wait in the listener's queue while the bot is not warm.
WARM_UP = 3.0


def serve(settings: HttpSettings | SocketSettings) -> None:
    """Run the bot until SIGTERM. Over Socket Mode, too, it serves health and metrics over HTTP.

    Raises:
        ConfigError: nothing can listen on one of the addresses.
    """
    aside = None if settings.metrics_port is None else listen(settings.host, settings.metrics_port, "METRICS_PORT")
    listener = listen(settings.host, settings.port)
    bot = build(settings)
    entrance = bot.wsgi
    if aside is not None:
        serve_aside(replace(entrance, verifier=None), aside)
        log.info("listening", port=aside.getsockname()[1], paths=" ".join(PAGES))
        entrance = replace(entrance, pages=(ALIVE,))
    server = Server(entrance, listener, keep_alive=settings.studio_keep_alive_seconds)
    bot.start()
    bot.wait_until_warm(WARM_UP)
    paths = (*([EVENTS] if entrance.verifier else []), *entrance.pages)
    log.info("listening", port=listener.getsockname()[1], paths=" ".join(paths))
    server.run()
    bot.stop()


def build(settings: HttpSettings | SocketSettings) -> Bot:
    """Wire a bot. Nothing is connected yet; call `start`."""
    token = settings.slack_bot_token.get_secret_value()
    redactor.register(token)
    tracing = None
    if settings.otel_exporter_otlp_endpoint is not None:
        from bot.observability.traces import Tracing  # noqa: PLC0415 - the settings check that the extra is installed

        tracing = Tracing()
    transport = "http" if isinstance(settings, HttpSettings) else "socket"
    metrics = Metrics(transport, tracing.ended if tracing is not None else None)
    connections = (settings.studio_concurrency + ADMIN_THREADS) * CALLS
    tables = bind(prefix=settings.studio_table_prefix, region=settings.aws_region, connections=connections)
    studio = clients.studio(settings, connections, metrics.upstream_failed)
    slack = SlackApi(
        token=token,
        api_url=settings.slack_api_url,
        connections=settings.studio_concurrency,
        failed=metrics.upstream_failed,
        shared=shared_tenants(settings.studio_teams),
    )
    calls = CallExecutor(connections, queue=settings.studio_concurrency * QUEUED_CALLS)
    bolt = create(token)
    app = _listeners(settings, bolt, metrics=metrics, tables=tables, studio=studio, slack=slack, calls=calls)
    verifier, secrets, socket = None, None, None
    if isinstance(settings, HttpSettings):
        if settings.doubtful_signing_secret:
            log.warning("signing_secret_doubtful", why=DOUBTFUL)
        verifier, secrets = _verifier(settings, metrics)
    else:
        socket = _socket(settings, bolt, app)
    health = Health(partial(check_all, partial(ready, tables), slack.ping, *((socket.check,) if socket else ())))
    metrics.watch_readiness(lambda: health.cached_status() is None)
    entrance = Entrance(
        verifier=verifier,
        bolt=partial(dispatch, bolt),
        ready=health.problem,
        metrics=metrics,
        is_slow=is_suggestion,
    )
    seals = SealTable(tables, days=settings.studio_audit_days, shell_changed=metrics.access_changed)

    def tenants() -> set[str]:  # foreign requests are recorded under the token's own team
        return {*app.teams, *((app.home.team_id,) if app.home else ())}

    requests, show = app.access_requests, partial(messages.show, app)
    runner = clients.jobs(settings, JobTable(tables), requests.admin, requests.requests, show=show)
    sealing, jobs = Sealing(seals, tenants), Jobs(runner, tenants)
    app.wake = jobs.wake
    path, rules = settings.studio_approvals_file, app.access_requests.rules
    rule_file = None if path is None else RuleFile(path, rules, metrics.approval_rules_stale)
    waiting = WaitingRequests(
        app.access_requests,
        ReminderTable(tables),
        slack.person,
        partial(postings.remind, app),
        partial(postings.show_end, app),
    )
    return Bot(
        entrance, app, tables, studio, calls, health, sealing, jobs, rule_file, waiting, socket, secrets, tracing
    )


def _listeners(
    settings: ServeSettings,
    bolt: App,
    *,
    metrics: Metrics,
    tables: Tables,
    studio: SageMakerStudio,
    slack: SlackApi,
    calls: CallExecutor,
) -> AppContext:
    """Register the listeners, and return what they work with."""
    rules, days = clients.rules(settings), settings.studio_audit_days
    burst_gate, admins = BurstGate(), frozenset(settings.studio_admins)
    workers = BoundedExecutor(
        "worker", workers=settings.studio_concurrency, queue=settings.studio_queue, burst_gate=burst_gate
    )
    overflow = BoundedExecutor("clerk", workers=OVERFLOW_THREADS, queue=OVERFLOW_QUEUE, burst_gate=burst_gate)
    admin_workers = BoundedExecutor("admin", workers=ADMIN_THREADS, queue=ADMIN_QUEUE, burst_gate=burst_gate)
    for pool in (workers, admin_workers, overflow):
        metrics.watch_pool(pool)
    tenants, runtime = shared_tenants(settings.studio_teams), RuntimeTable(tables)
    people, kept = PeopleTable(tables), None
    if settings.studio_person_seconds:
        patient = clients.patient_slack(settings, slack.network)
        kept = People(people, patient.accounts)
    access = AccessTable(tables, audit_days=days, tenants=tenants, people=people)
    audit = AuditTable(tables, days=days, tenants=tenants)
    directory = CachedDirectory(slack, seconds=settings.studio_person_seconds)
    facts = Gatherer(access, people=directory, groups=directory, side=calls, kept=kept)
    fresh = replace(facts, people=slack, kept=None)
    names = Names(slack, people.known)
    admin = Admin(access, audit, studio, rules, days)
    app = AppContext(
        signin=SignIn(
            facts=facts,
            audit=audit,
            intake=audit,
            studio=studio,
            choices=runtime,
            rules=rules,
            record_duration=metrics.record_duration,
        ),
        get_status=GetStatus(facts, audit, rules),
        command_runner=CommandRunner(
            admin,
            ConfirmationTable(tables),
            fresh,
            admins,
            names=names.of,
            leaving=clients.leaving(settings, JobTable(tables), admin),
        ),
        access_requests=AccessRequests(
            AccessRequestTable(tables),
            admin,
            audit,
            fresh,
            rules,
            admins,
            NewProfiles(settings.profile_templates, JobTable(tables)),
        ),
        slack=slack,
        workers=workers,
        admin_workers=admin_workers,
        limit=RequestLimit(settings.studio_requests_per_minute, admins),
        link_expiry=LinkExpiry(runtime, overflow.submit),
        overflow=overflow,
        noting=BoundedExecutor("noting", workers=1, queue=NOTED_EVENTS),
        metrics=metrics,
        teams=frozenset(settings.studio_teams),
        audit_channel=settings.studio_audit_channel,
        admins=admins,
        request_channel=settings.studio_request_channel,
        locale=settings.studio_locale,
        running=workspaces.running(settings, facts, audit, studio) if settings.studio_running else None,
        link_seconds=settings.studio_link_seconds,
    )
    if app.render().may_ask:
        listing, tell = Listing(admin, directory, people.known), partial(tell_end, app)
        app.end_notices = EndNotices(listing, ReminderTable(tables), slack.person, tell)
    offered = settings.studio_pick_lists or ("mapped" if isinstance(settings, SocketSettings) else "off")
    if offered != "off":
        lists = StudioLists(studio) if offered == "aws" else None
        app.picks = Picks(access, studio, names.of, runtime, settings.profile_templates, lists)
    app.groups = directory
    app.reminders = workspaces.reminders(settings, app, access, tables, slack)
    register(
        bolt,
        app,
        (*workspace_handlers.ROUTES, *request_handlers.ROUTES, *admin_handlers.ROUTES, *member_handlers.ROUTES),
    )
    suggestions.register(bolt, app, picking.SUGGESTION)
    return app


def _socket(settings: SocketSettings, bolt: App, app: AppContext) -> "SocketMode":
    from bot.slack.socket_connection import EnvelopeHandler  # noqa: PLC0415 - over HTTP, nothing needs websockets
    from bot.slack.socket_mode import SocketMode  # noqa: PLC0415 - over HTTP, nothing needs websockets

    app_token = settings.slack_app_token.get_secret_value()
    redactor.register(app_token)
    handler = EnvelopeHandler(
        lambda body: acknowledgement(dispatch(bolt, body)),
        MAX_BODY_BYTES,
        app.metrics,
        is_slow=is_suggestion,
    )
    return SocketMode(
        handler,
        app_token=app_token,
        api_url=settings.slack_api_url,
        replicas=settings.studio_replicas,
        network=app.slack.network,
    )


def _verifier(settings: HttpSettings, metrics: Metrics) -> tuple[Verifier, RefreshingSecret[tuple[str, ...]] | None]:
    """Return the verifier of signatures, and the refresher of their secret if a store keeps it."""

    def noted(secrets: tuple[str, ...]) -> tuple[str, ...]:
        redactor.register(*secrets)
        metrics.signing_secrets(len(secrets))
        return secrets

    secrets = RefreshingSecret(noted(settings.signing_secrets), lambda: noted(load(HttpSettings).signing_secrets))
    verifier = Verifier(secrets, Clock(), metrics.signed_with, on_mismatch=secrets.refresh_soon)
    return verifier, secrets if settings.is_reference("SLACK_SIGNING_SECRET") else None
