"""The composition root: from settings to a running bot. The only place that wires."""

import json
import os
import threading
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import Clock

from bot.admin.access_requests import AccessRequests
from bot.admin.changes import Admin
from bot.admin.confirmation import CommandRunner
from bot.app.doctor import AT_ONCE, Doctor
from bot.aws.account import AwsAdmin, access_key_id, caller_arn
from bot.aws.sagemaker import SageMakerStudio
from bot.aws.secret_refs import RefreshingSecret
from bot.aws.sessions import new_session
from bot.config import HttpSettings, ServeSettings, Settings, SocketSettings, ignored_variables, load
from bot.core import policy
from bot.core.access import Member
from bot.core.errors import ConfigError, SlackError, StudioLinksError
from bot.links.facts import Gatherer
from bot.links.sign_in import SignIn
from bot.links.status import GetStatus
from bot.observability.context import Recorder
from bot.observability.logs import redactor
from bot.observability.metrics import Failed, Metrics, count_aws_failures
from bot.serving.executors import BoundedExecutor, BurstGate, SideExecutor
from bot.serving.health import STARTING, Health
from bot.serving.server import GRACE, LINGER, Server, listen
from bot.serving.wsgi import MAX_BODY_BYTES, Entrance, Response, Verifier
from bot.slack.admin import handlers as admin_handlers
from bot.slack.client import SlackApi
from bot.slack.directory_cache import CachedDirectory
from bot.slack.gateway import AppContext
from bot.slack.link_expiry import LinkExpiry
from bot.slack.members import handlers
from bot.slack.payloads import is_well_formed
from bot.slack.requests import handlers as asking_handlers
from bot.slack.socket_connection import EnvelopeHandler
from bot.slack.socket_mode import SocketMode
from bot.store import tables as table_admin
from bot.store.access import AccessTable
from bot.store.access_requests import AccessRequestTable
from bot.store.audit import AuditTable
from bot.store.confirmations import ConfirmationTable
from bot.store.models import Tables, bind, client_of
from bot.store.request_log import RequestLogTables
from bot.store.runtime import RuntimeTable

if TYPE_CHECKING:
    from bot.observability.traces import Tracing

log = structlog.get_logger()

# What one request does side by side.
CALLS_AT_ONCE = 3
# Begins the name of whoever runs the command line where AWS does not tell who it is.
UNKNOWN_CALLER = "cli:key/"
# Refusals told and recorded on the side: room for everybody whom a rush turns away at once. While Slack and DynamoDB
# answer, a full queue drains within the grace that a stopping server has.
CLERKS, CLERKS_QUEUE = 4, 512
# Seconds between attempts to reach Slack and DynamoDB at start-up; the last one repeats.
START_UP_PAUSES = (0.5, 1, 2, 4, 8, 15)
# Seconds for which connections wait in the listener's queue while the bot is not warm.
WARM_UP = 3.0


@dataclass(slots=True)
class Bot:
    """A whole bot. `start` returns at once; the bot is ready once Slack and DynamoDB have answered."""

    wsgi: Entrance
    bolt: App
    app: AppContext
    tables: Tables
    studio: SageMakerStudio
    side: SideExecutor
    socket: SocketMode | None
    metrics: Metrics
    signing_secrets: RefreshingSecret[tuple[str, ...]] | None
    tracing: "Tracing | None"
    _stopping: threading.Event = field(default_factory=threading.Event)
    _warm: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Warm up in the background, for as long as that takes."""
        if self.signing_secrets is not None:
            self.signing_secrets.start()
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def wait_until_warm(self, seconds: float) -> None:
        """Return when Slack and DynamoDB have answered, or the time is up."""
        self._warm.wait(seconds)

    def stop(self) -> None:
        """Take no more requests, and return when those taken are answered: each has its deadline."""
        self._stopping.set()
        if self.signing_secrets is not None:
            self.signing_secrets.stop()
        if self.socket is not None:
            self.socket.close()
        self.app.link_expiry.stop()
        self.app.workers.shutdown()
        self.app.overflow.shutdown()
        self.side.shutdown(wait=False, cancel_futures=True)
        if self.tracing is not None:
            self.tracing.stop()

    def _warm_up(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            try:
                home = self.side.submit(self.app.slack.home)  # beside AWS: it takes two calls, one after the other
                self.tables.connect(new_session)
                for model in self.tables.all():
                    count_aws_failures(client_of(model).meta.events, self.metrics.upstream_failed)
                self.studio.warm_up()
                table_admin.ready(self.tables)
                self.app.home = home.result()
                if self.socket is not None:
                    self.socket.connect()
            except StudioLinksError as error:
                log.warning("not_ready", why=str(error))
            except Exception:  # whatever it is, trying again is all that can be done about it
                log.exception("not_ready")
            else:
                self._warm.set()
                log.info("ready", team=self.app.home.team_id, app=self.app.home.app_id)
                return
            self._stopping.wait(START_UP_PAUSES[min(attempt, len(START_UP_PAUSES) - 1)])
            attempt += 1


def serve(settings: HttpSettings | SocketSettings) -> None:
    """Run the bot until SIGTERM; over Socket Mode, too, it serves health and metrics over HTTP.

    Raises:
        ConfigError: nothing can listen on the address.
    """
    for name in ignored_variables():
        log.warning("variable_ignored", variable=name, why="one process serves; run more replicas instead")
    listener = listen(settings.host, settings.port)
    bot = build(settings)
    server = Server(bot.wsgi, listener, keep_alive=settings.studio_keep_alive_seconds)
    bot.start()
    bot.wait_until_warm(WARM_UP)
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port)
    server.run()
    end = threading.Timer(GRACE - LINGER, os._exit, args=[0])
    end.daemon = True
    end.start()
    bot.stop()


def build(settings: HttpSettings | SocketSettings) -> Bot:
    """Wire a bot. Nothing is connected yet; call `start`."""
    token = settings.slack_bot_token.get_secret_value()
    redactor.register(token)

    connections = settings.studio_concurrency * CALLS_AT_ONCE
    bound = bind(prefix=settings.studio_table_prefix, region=settings.aws_region, connections=connections)
    tracing = _tracing(settings)
    transport = "http" if isinstance(settings, HttpSettings) else "socket"
    metrics = Metrics(transport, tracing.ended if tracing is not None else None)
    record_duration = Recorder(metrics)
    studio = _studio(settings, connections, metrics.upstream_failed)
    slack = SlackApi(
        token=token,
        api_url=settings.slack_api_url,
        connections=settings.studio_concurrency,
        failed=metrics.upstream_failed,
    )
    directory = CachedDirectory(slack, seconds=settings.studio_person_seconds)
    side = SideExecutor(connections, thread_name_prefix="side")
    burst_gate = BurstGate()
    workers = BoundedExecutor(
        "worker", workers=settings.studio_concurrency, queue=settings.studio_queue, burst_gate=burst_gate
    )
    access = AccessTable(bound, audit_days=settings.studio_audit_days)
    audit, runtime = AuditTable(bound, days=settings.studio_audit_days), RuntimeTable(bound)
    facts = Gatherer(access, people=directory, groups=directory, side=side)
    fresh = replace(facts, people=slack)
    signin = SignIn(
        facts=facts,
        audit=audit,
        intake=RequestLogTables(bound, audit, days=settings.studio_audit_days),
        studio=studio,
        choices=runtime,
        rules=_rules(settings),
        record_duration=record_duration,
    )
    overflow = BoundedExecutor("clerk", workers=CLERKS, queue=CLERKS_QUEUE, burst_gate=burst_gate)
    for pool in (workers, overflow):
        metrics.watch_pool(pool)
    admins = frozenset(settings.studio_admins)
    admin = Admin(access, audit, studio, _rules(settings), settings.studio_audit_days, facts=fresh)
    app = AppContext(
        signin=signin,
        get_status=GetStatus(facts, audit, _rules(settings)),
        command_runner=CommandRunner(admin, ConfirmationTable(bound), fresh, admins),
        slack=slack,
        workers=workers,
        link_expiry=LinkExpiry(runtime, overflow.submit),
        overflow=overflow,
        metrics=metrics,
        teams=frozenset(settings.studio_teams),
        audit_channel=settings.studio_audit_channel,
        admins=admins,
        request_channel=settings.studio_request_channel,
        locale=settings.studio_locale,
        link_seconds=settings.studio_link_seconds,
        record_duration=record_duration,
    )
    bolt = _bolt(token)
    asking = AccessRequests(AccessRequestTable(bound), admin, audit, fresh, _rules(settings), admins)
    asking_handlers.register(bolt, app, asking)
    admin_handlers.register(bolt, app)
    handlers.register(bolt, app)

    verifier, rereading, socket = None, None, None
    if isinstance(settings, HttpSettings):
        verifier, rereading = _verifier(settings, metrics)
    else:
        app_token = settings.slack_app_token.get_secret_value()
        redactor.register(app_token)
        handler = EnvelopeHandler(
            admit=lambda body: _acknowledgement(_dispatch(bolt, body)),
            max_bytes=MAX_BODY_BYTES,
            metrics=metrics,
            record_duration=record_duration,
        )
        socket = SocketMode(
            handler, app_token=app_token, api_url=settings.slack_api_url, replicas=settings.studio_replicas
        )

    def check() -> None:
        table_admin.ready(bound)
        slack.ping()
        if socket is not None:
            socket.check()

    health = Health(check)
    metrics.watch_readiness(lambda: app.home is not None and health.cached_status() is None)
    entrance = Entrance(
        verifier=verifier,
        bolt=lambda body: _dispatch(bolt, body),
        ready=lambda: STARTING if app.home is None else health.problem(),
        page=metrics.page,
        metrics=metrics,
        record_duration=record_duration,
    )
    return Bot(entrance, bolt, app, bound, studio, side, socket, metrics, rereading, tracing)


def _tracing(settings: ServeSettings) -> "Tracing | None":
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    from bot.observability.traces import Tracing  # noqa: PLC0415 - an extra: the settings have seen that it is there

    return Tracing()


def _verifier(settings: HttpSettings, metrics: Metrics) -> tuple[Verifier, RefreshingSecret[tuple[str, ...]] | None]:
    """What checks signatures, and what reads the secret for it again where that is kept elsewhere."""

    def given() -> tuple[str, ...]:
        return settings.signing_secrets

    def shown(secrets: tuple[str, ...]) -> tuple[str, ...]:
        redactor.register(*secrets)
        metrics.signing_secrets(len(secrets))
        return secrets

    shown(given())
    if not settings.is_reference("SLACK_SIGNING_SECRET"):
        return Verifier(given, Clock(), metrics.signed_with, missed=lambda: None), None
    rereading = RefreshingSecret(given(), lambda: shown(load(HttpSettings).signing_secrets))
    return Verifier(rereading, Clock(), metrics.signed_with, missed=rereading.refresh_soon), rereading


def administration(settings: Settings, workers: int = 1, bound: Tables | None = None) -> Admin:
    """What the command line works with. Without a bot token it cannot ask Slack who a member is.

    Args:
        workers: how many changes are made at once. With several it waits out DynamoDB's throttling.
        bound: the connected models, if there are some already.
    """
    if bound is None:
        bound = tables(settings, workers)
        bound.connect(new_session)
    access, slack = AccessTable(bound, audit_days=settings.studio_audit_days), _slack(settings)
    side = SideExecutor(CALLS_AT_ONCE, thread_name_prefix="side")
    return Admin(
        access=access,
        audit=AuditTable(bound, days=settings.studio_audit_days),
        studio=_studio(settings, connections=workers),
        facts=Gatherer(access, people=slack, groups=slack, side=side) if slack is not None else None,
        rules=_rules(settings),
        audit_days=settings.studio_audit_days,
    )


def tables(settings: Settings, workers: int = 1) -> Tables:
    """The models for the configured tables, for administration, which is in less of a hurry than serving."""
    return bind(
        prefix=settings.studio_table_prefix,
        region=settings.aws_region,
        connections=max(10, workers),
        read_timeout_seconds=10,
        retries=1 if workers == 1 else 8,
    )


def doctor(
    settings: Settings, team: str | None, *, serving_role: str | None, presign: bool, all_mappings: bool
) -> Doctor:
    """Whoever examines the installation."""
    try:
        examined = tenant(settings, team)
    except (ConfigError, SlackError):  # which the examination tells of itself
        examined = None
    bound = table_administration(settings)
    return Doctor(
        admin=administration(settings, AT_ONCE, bound),
        aws=AwsAdmin(region=settings.aws_region, external_id=settings.studio_external_id),
        tables=bound,
        slack=_slack(settings),
        teams=settings.studio_teams,
        tenant=examined,
        region=settings.aws_region,
        serving_role=serving_role,
        presign=presign,
        all_mappings=all_mappings,
    )


def table_administration(settings: Settings) -> Tables:
    """The same for creating and checking them, which AWS takes longer to answer than it does to serve."""
    bound = bind(prefix=settings.studio_table_prefix, region=settings.aws_region, read_timeout_seconds=30)
    bound.connect(new_session)
    return bound


def tenant(settings: Settings, given: str | None) -> str:
    """The team an administrative command is about: the one given, or the one the settings leave no doubt about.

    Raises:
        ConfigError: there is doubt.
        SlackError: only Slack could tell, and it did not.
    """
    if given is not None:
        return Member(given, "U0").tenant  # checks the form
    if len(settings.studio_teams) == 1:
        return settings.studio_teams[0]
    slack = _slack(settings)
    if slack is None or settings.studio_teams:
        raise ConfigError("it is not clear which workspace this is about: name it with --team T0123ABCD")
    return slack.home().team_id


def caller(settings: Settings) -> str:
    """Who runs this command line, for the audit: the AWS caller's ARN, or where STS does not tell it, their key.

    An emergency must not wait for STS, and nobody becomes anonymous by keeping it from answering.
    """
    arn = caller_arn(settings.aws_region)
    return f"{UNKNOWN_CALLER}{access_key_id() or 'unknown'}" if arn is None else f"cli:{arn}"


def patient_slack(settings: Settings) -> SlackApi:
    """Slack for long lists; ConfigError without a token."""
    if settings.slack_bot_token is None:
        raise ConfigError("SLACK_BOT_TOKEN is missing: set it to the app's bot token, which starts with xoxb-")
    token = settings.slack_bot_token.get_secret_value()
    return SlackApi(token=token, api_url=settings.slack_api_url, patient=True)


def _slack(settings: Settings) -> SlackApi | None:
    if settings.slack_bot_token is None:
        return None
    return SlackApi(token=settings.slack_bot_token.get_secret_value(), api_url=settings.slack_api_url)


def _rules(settings: Settings) -> policy.Rules:
    return policy.Rules(settings.studio_allow_guests, settings.studio_links_per_minute)


def _studio(settings: Settings, connections: int, failed: Failed | None = None) -> SageMakerStudio:
    return SageMakerStudio(
        region=settings.aws_region,
        link_seconds=settings.studio_link_seconds,
        session_seconds=settings.studio_session_seconds,
        connections=connections,
        external_id=settings.studio_external_id,
        failed=failed,
    )


def _bolt(token: str) -> App:
    """Bolt for dispatching only: the entrance has verified the signature, and the guard knows whose request it is.

    With `authorize`, Bolt neither calls auth.test while a member waits nor switches to OAuth because somebody has
    set SLACK_CLIENT_ID.
    """
    return App(
        authorize=lambda enterprise_id, team_id: AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=token
        ),
        request_verification_enabled=False,
        process_before_response=True,
    )


def _dispatch(bolt: App, body: dict[str, Any]) -> Response:
    not_slacks = Response(HTTPStatus.BAD_REQUEST, b"the body is not what Slack sends\n")
    if not is_well_formed(body):
        return not_slacks
    # The mode in which Bolt takes a parsed body; over HTTP it would parse the raw one again, its own way.
    answer = bolt.dispatch(BoltRequest(body=body, mode="socket_mode"))
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # it tripped all the same, and has logged over what
        return not_slacks
    content_type = answer.first_headers().get("content-type", "text/plain; charset=utf-8")
    return Response(answer.status, answer.body.encode(), content_type)


def _acknowledgement(response: Response) -> dict[str, Any] | None:
    """What an HTTP response becomes over Socket Mode: the payload of the acknowledgement, or none at all."""
    if response.status != HTTPStatus.OK:
        return None
    if not response.body:
        return {}
    if response.content_type.startswith("application/json"):
        payload: dict[str, Any] = json.loads(response.body)
        return payload
    return {"text": response.body.decode()}
