"""Prometheus metrics: whether members get links, how fast, and if not, why.

Every label has a fixed set of values, which all exist from the start: no ids, no text from outside. Any other value
counts as "other".
"""

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from bot.core.audit import ISSUED, UNDELIVERED
from bot.core.link import Reason, Stage
from bot.core.ports import WorkPool
from bot.core.records import DecisionResult
from bot.observability.aws_failures import CODES as AWS_CODES

# Slack waits three seconds for an acknowledgement, and a member gets an answer within ten.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10)
OTHER = "other"

# How requests end: with a link, with the reason for none, or in a way that involves no link.
OUTCOMES = frozenset(
    {
        *Reason,
        ISSUED,
        UNDELIVERED,
        "opened",
        "opened_again",
        "help",
        "home",
        "whoami",
        "malformed",
        "invalid_form",
        "refused_at_entrance",
        "replayed",
        "unrecorded",
        "dismissed",
        "dialog_not_opened",
        "asking",
        "asked",
        "asked_again",
        "asked_nobody",
        "not_asked",
        "decision_failed",
        *(f"decision_{result}" for result in DecisionResult),
        "admin_done",
        "admin_answered",
        "admin_failed",
    }
)

POOLS = ("worker", "clerk")

# Why a Socket Mode connection was renewed: Slack asked for it, it broke, it went silent, or Slack counted too many.
RENEWALS = ("refresh", "lost", "silent", "recount")

# Slack's error codes that call for different actions.
SLACK_CODES = frozenset(
    [
        "account_inactive",
        "channel_not_found",
        "expired_trigger_id",
        "fatal_error",
        "internal_error",
        "invalid_auth",
        "invalid_blocks",
        "missing_scope",
        "not_authed",
        "not_in_channel",
        "not_json",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "unreachable",
        "user_not_found",
        "user_not_visible",
    ]
)
CODES = {
    "dynamodb": AWS_CODES,
    "sagemaker": AWS_CODES,
    "sts": AWS_CODES,
    "slack": SLACK_CODES,
    "response_url": frozenset({"404", "429", "500", "not_ok", "unreachable"}),
}


class Metrics:
    """The counters of one process.

    Args:
        ended: called with each outcome, too.
    """

    def __init__(self, transport: str = "http", ended: Callable[[str], None] | None = None) -> None:
        self._ended = ended
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Info("studio_links_build", "Version and transport of this process.", registry=self._registry).info(
            {"version": _version(), "python": platform.python_version(), "transport": transport}
        )
        outcomes = Counter(
            "studio_links_requests", "Requests from Slack by outcome.", ["outcome"], registry=self._registry
        )
        self._outcomes = {outcome: outcomes.labels(outcome) for outcome in {*OUTCOMES, OTHER}}
        stages = Histogram(
            "studio_links_stage_seconds",
            "How long each stage of a request took.",
            ["stage"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._stages = {stage: stages.labels(stage) for stage in Stage}
        errors = Counter(
            "studio_links_upstream_errors",
            "Calls of AWS and Slack that failed after their retries.",
            ["upstream", "code"],
            registry=self._registry,
        )
        self._errors = {
            (upstream, code): errors.labels(upstream, code)
            for upstream, codes in {**CODES, OTHER: frozenset[str]()}.items()
            for code in {*codes, OTHER}
        }
        full = Counter(
            "studio_links_queue_refusals",
            "Jobs that a full queue rejected.",
            ["pool"],
            registry=self._registry,
        )
        self._full = {pool: full.labels(pool) for pool in POOLS}
        self._in_flight = Gauge("studio_links_in_flight", "Jobs that run or wait.", ["pool"], registry=self._registry)
        self._places = Gauge("studio_links_places", "Jobs that may run or wait.", ["pool"], registry=self._registry)
        self._signing_secrets = Gauge(
            "studio_links_signing_secrets",
            "Accepted signing secrets: two during a rotation.",
            registry=self._registry,
        )
        signed = Gauge(
            "studio_links_signing_secret_used_timestamp_seconds",
            "When a request was last signed with the first or second signing secret; 0 for never.",
            ["secret"],
            registry=self._registry,
        )
        self._signed = [signed.labels(secret) for secret in ("first", "second")]
        self._ready = Gauge(
            "studio_links_ready",
            "1 if Slack and DynamoDB responded to the last check, else 0.",
            registry=self._registry,
        )

    def outcome(self, outcome: str) -> None:
        """Count one request."""
        self._outcomes[outcome if outcome in self._outcomes else OTHER].inc()
        if self._ended is not None:
            self._ended(outcome)

    def record_duration(self, stage: Stage, seconds: float) -> None:
        """Observe how long a stage took."""
        self._stages[stage].observe(seconds)

    def upstream_failed(self, upstream: str, code: str) -> None:
        """Count one call of an upstream that failed after its retries."""
        known = upstream if upstream in CODES else OTHER
        self._errors[known, code if code in CODES.get(known, ()) else OTHER].inc()

    def queue_full(self, pool: str) -> None:
        """Count one job that a full pool rejected."""
        self._full[pool].inc()

    def signing_secrets(self, number: int) -> None:
        """Show how many signing secrets are accepted."""
        self._signing_secrets.set(number)

    def signed_with(self, secret: int) -> None:
        """Note which signing secret signed a request, 0 being the first."""
        self._signed[secret].set_to_current_time()

    def watch_pool(self, pool: WorkPool) -> None:
        """Show how full the pool is at each scrape."""
        self._in_flight.labels(pool.name).set_function(lambda: pool.in_flight)
        self._places.labels(pool.name).set(pool.capacity)

    def watch_readiness(self, ready: Callable[[], bool]) -> None:
        """Show whether the bot can serve. `ready` must return at once."""
        self._ready.set_function(ready)

    def watch_socket(
        self,
        *,
        connected: Callable[[], bool],
        heard: Callable[[], float],
        connections: Callable[[], int],
        surplus: Callable[[], int],
    ) -> None:
        """Show the state of Socket Mode at each scrape."""
        shown: dict[str, tuple[str, Callable[[], float]]] = {
            "connected": ("1 if Slack reaches this process through its connection, else 0.", connected),
            "heard_timestamp_seconds": ("When Slack last sent something through it.", heard),
            "connections": ("The app's connections by Slack's count, when ours was opened.", connections),
            "surplus_connections": ("How many of those are more than STUDIO_REPLICAS explains.", surplus),
        }
        for name, (words, value) in shown.items():
            Gauge(f"studio_links_socket_{name}", words, registry=self._registry).set_function(value)
        renewals = Counter(
            "studio_links_socket_renewals", "New connections, by why.", ["why"], registry=self._registry
        )
        self._renewals = {why: renewals.labels(why) for why in RENEWALS}

    def socket_renewed(self, why: str) -> None:
        """Count one connection that replaced another."""
        self._renewals[why].inc()

    def page(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def _version() -> str:
    try:
        return version("studio-links")
    except PackageNotFoundError:  # run from its sources
        return "unknown"
