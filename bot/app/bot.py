"""A running bot: how it warms up and stops."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.admin.waiting import WaitingRequests
from bot.app.jobs import Jobs
from bot.app.rule_file import RuleFile
from bot.app.sealing import Sealing
from bot.aws.client import new_session
from bot.aws.sagemaker import SageMakerStudio
from bot.aws.secret_refs import RefreshingSecret
from bot.core.errors import ConfigError, SlackError, StudioLinksError, check_all
from bot.serving.executors import CallExecutor
from bot.serving.health import Health
from bot.serving.wsgi import Entrance
from bot.slack.app_context import AppContext
from bot.slack.payloads import Home
from bot.slack.tenants import admits_anybody, foreign_token, home_tenant
from bot.store.models import Tables
from bot.store.tables import ready

if TYPE_CHECKING:
    from bot.observability.traces import Tracing
    from bot.slack.socket_mode import SocketMode

log = structlog.get_logger()

# Seconds between looks at the approval rules, the kept account records and the messages that are due.
PAUSE = 60
# Seconds between attempts to reach Slack and DynamoDB at startup; the last one repeats.
START_UP_PAUSES = (0.5, 1, 2, 4, 8, 15)


@dataclass(slots=True)
class Bot:
    """A whole bot. `start` returns at once; the bot is ready once Slack and DynamoDB have responded."""

    wsgi: Entrance
    app: AppContext
    tables: Tables
    studio: SageMakerStudio
    calls: CallExecutor
    health: Health
    sealing: Sealing
    jobs: Jobs
    rule_file: RuleFile | None
    waiting: WaitingRequests
    socket: "SocketMode | None"
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
        """Return when Slack and DynamoDB have responded, or the time is up."""
        self._warm.wait(seconds)

    def stop(self) -> None:
        """Accept no more requests, and return when the accepted ones are answered; each has a deadline."""
        self._stopping.set()
        if self.signing_secrets is not None:
            self.signing_secrets.stop()
        self.sealing.stop()
        self.jobs.stop()
        if self.socket is not None:
            self.socket.close()
        self.app.link_expiry.stop()
        self.app.starting.stop()
        self.app.workers.shutdown()
        self.app.admin_workers.shutdown()
        self.app.overflow.shutdown()
        self.app.noting.shutdown()
        self.calls.shutdown(wait=False, cancel_futures=True)
        if self.tracing is not None:
            self.tracing.stop()

    def _warm_up(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            try:
                self._try_to_start()
            except StudioLinksError as error:
                self.health.starting = f"the bot is starting: {error}"
                log.warning("not_ready", why=str(error))
            except Exception:  # another attempt is all that can be done
                log.exception("not_ready")
            else:
                return
            self._stopping.wait(START_UP_PAUSES[min(attempt, len(START_UP_PAUSES) - 1)])
            attempt += 1

    def _try_to_start(self) -> None:
        """Start if a member could be served now; raise StudioLinksError with everything that is in the way."""
        slack = self.calls.submit(self._reach_slack)  # it takes as long as AWS does
        check_all(self._reach_aws, slack.result)
        self.app.home = home = slack.result()
        if self.socket is not None:
            self.socket.connect()
        self.health.starting = None
        self._warm.set()
        self.sealing.start()
        self.jobs.start()
        kept, tenant = self.app.signin.facts.kept, home_tenant(home, self.app.teams)
        if kept is not None:
            self._each_minute("people", partial(kept.renew, tenant), "people_not_renewed", at_once=True)
        if self.rule_file is not None:
            self._each_minute("approval-rules", self.rule_file.look, "approval_rules_not_read")
        self._each_minute("requests", partial(self.waiting.look, tenant), "requests_not_followed_up", at_once=True)
        if self.app.reminders is not None:
            self._each_minute("reminders", partial(self.app.reminders.look, tenant), "not_reminded")
        if self.app.end_notices is not None:
            self._each_minute("endings", partial(self.app.end_notices.look, tenant), "end_not_told")
        log.info("ready", team=home.team_id, app=home.app_id)

    def _each_minute(self, name: str, work: Callable[[], object], failed: str, *, at_once: bool = False) -> None:
        """Work once a minute on a thread of its own while the bot runs; log a failure as the event `failed`."""

        def run() -> None:
            pause = 0 if at_once else PAUSE
            while not self._stopping.wait(pause):
                try:
                    work()
                except StudioLinksError as error:
                    log.warning(failed, why=str(error))
                except Exception:  # the next attempt is all that can be done
                    log.exception(failed)
                pause = PAUSE

        threading.Thread(target=run, name=name, daemon=True).start()

    def _reach_aws(self) -> None:
        self.tables.connect(lambda: new_session(failed=self.app.metrics.upstream_failed))
        self.studio.warm_up()
        ready(self.tables)

    def _reach_slack(self) -> Home:
        slack, teams = self.app.slack, self.app.teams
        try:
            home = slack.home()
        except SlackError:
            check_all(slack.ping, lambda: _require_admitted(*slack.team(), teams))  # which of them it is
            raise
        _require_admitted(home.team_id, home.enterprise_id, teams)
        return home


def _require_admitted(team_id: str, enterprise_id: str | None, teams: frozenset[str]) -> None:
    if not admits_anybody(team_id, enterprise_id, teams):
        raise ConfigError(": ".join(foreign_token(team_id, teams)))
