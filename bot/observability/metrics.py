"""Prometheus metrics: whether members get links, how fast, and if not, why.

Every label has a fixed set of values, which all exist from the start: no ids, no text from outside. Any other value
counts as "other".
"""

import platform
from collections.abc import Callable, Iterable
from itertools import chain

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from bot.core.audit import ISSUED, UNDELIVERED
from bot.core.link import Reason, Stage
from bot.core.ports import WorkPool
from bot.core.records import DecisionResult
from bot.core.values import our_version
from bot.observability import context as telemetry
from bot.observability.aws_failures import LABELS as AWS_LABELS

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
        "running",
        "stopping",
        "starting",
        "kept",
        "reminded",
        "end_notice",
        "returning",
        "returned",
        "not_returned",
        "nothing_to_return",
        "malformed",
        "invalid_form",
        "refused_at_entrance",
        "replayed",
        "unrecorded",
        "dismissed",
        "dialog_not_opened",
        "suggested",
        "suggestions_late",
        "asking",
        "asked",
        "asked_again",
        "asked_nobody",
        "ask_withdrawn",
        "ask_reminded",
        "ask_not_begun",
        "ask_ran_out",
        "not_asked",
        "decision_failed",
        *(f"decision_{result}" for result in DecisionResult),
        "admin_done",
        "admin_answered",
        "admin_refused",
        "admin_failed",
    }
)

# The outcomes of requests that did not lead to what they asked for.
UNSUCCESSFUL = frozenset(
    {*Reason, UNDELIVERED, "malformed", "refused_at_entrance", "unrecorded", "dialog_not_opened"}
    | {"asked_nobody", "decision_failed", "admin_failed", "not_returned"}
) - {Reason.CHOOSE}

# Actions that change something: administrators' verbs, lifting a lockdown, approvals, and the shell's own.
CHANGES = (
    *("map", "unmap", "allow", "deny", "forget", "admin", "lockdown", "lockdown_lifted", "approve"),
    *("erase", "revoke", "offboard", "provision", "return"),
)

POOLS = ("worker", "admin", "clerk")

SIGNING_SECRETS = ("first", "second")

# Why a Socket Mode connection was renewed: Slack asked for it, it broke, it went silent, or Slack counted too many.
RENEWALS = ("refresh", "lost", "silent", "recount")

# Slack's error codes that call for different actions.
SLACK_CODES = frozenset(
    [
        "account_inactive",
        "channel_not_found",
        "exchanged_trigger_id",
        "expired_trigger_id",
        "fatal_error",
        "internal_error",
        "invalid_auth",
        "invalid_blocks",
        "invalid_trigger_id",
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
    "dynamodb": AWS_LABELS,
    "sagemaker": AWS_LABELS,
    "sts": AWS_LABELS,
    "slack": SLACK_CODES,
    "response_url": frozenset({"404", "429", "500", "not_ok", "unreachable"}),
}


class Metrics:
    """The counters of one process.

    Args:
        ended: called with each outcome, too.
    """

    def __init__(self, transport: str = "http", ended: Callable[[str], None] | None = None) -> None:
        # Nothing reads when each counter began, which doubles the page.
        disable_created_metrics()  # type: ignore[no-untyped-call] # their own gap
        registry = self._registry = CollectorRegistry()
        self._ended = ended
        ProcessCollector(registry=registry)
        Info("studio_links_build", "Version and transport of this process.", registry=registry).info(
            {"version": our_version(), "python": platform.python_version(), "transport": transport}
        )
        self._outcomes = self._counter("requests", "Requests from Slack by outcome.", outcome={*OUTCOMES, OTHER})
        stages = Histogram(
            "studio_links_stage_seconds",
            "How long each stage of a request took.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._stages = {stage: stages.labels(stage) for stage in Stage}
        self._errors = Counter(
            "studio_links_upstream_errors",
            "Calls of AWS and Slack that failed after their retries.",
            ["upstream", "code"],
            registry=registry,
        )
        for upstream, codes in {**CODES, OTHER: frozenset[str]()}.items():
            for code in {*codes, OTHER}:
                self._errors.labels(upstream, code)
        self._changes = self._counter("admin_changes", "Changes that administrators made.", change=(*CHANGES, OTHER))
        self._full = self._counter("queue_refusals", "Jobs that a full queue rejected.", pool=POOLS)
        self._in_flight = self._gauge("in_flight", "Jobs that run or wait.", "pool")
        self._capacity = self._gauge("places", "Jobs that may run or wait.", "pool")
        self._signing_secrets = self._gauge("signing_secrets", "Accepted signing secrets: two during a rotation.")
        self._signed = self._gauge(
            "signing_secret_used_timestamp_seconds",
            "When a request was last signed with the first or second signing secret; 0 for never.",
            "secret",
        )
        for secret in SIGNING_SECRETS:
            self._signed.labels(secret)
        self._stale_rules = self._gauge(
            "approval_rules_stale", "1 if STUDIO_APPROVALS_FILE has an error and older rules count, else 0."
        )
        self._ready = self._gauge("ready", "1 if Slack and DynamoDB responded to the last check, else 0.")

    def outcome(self, outcome: str) -> None:
        """Count one request."""
        self._outcomes.labels(outcome if outcome in OUTCOMES else OTHER).inc()
        if self._ended is not None:
            self._ended(outcome)

    def record_duration(self, stage: Stage, seconds: float) -> None:
        """Observe how long a stage took, also for the final log line and the trace of the current request."""
        self._stages[stage].observe(seconds)
        telemetry.add_stage(stage, seconds)

    def upstream_failed(self, upstream: str, code: str) -> None:
        """Count one call of an upstream that failed after its retries."""
        known = upstream if upstream in CODES else OTHER
        self._errors.labels(known, code if code in CODES.get(known, ()) else OTHER).inc()

    def access_changed(self, change: str) -> None:
        """Count one change by an administrator: in Slack at once, and from a shell when it is sealed."""
        self._changes.labels(change if change in CHANGES else OTHER).inc()

    def queue_full(self, pool: str) -> None:
        self._full.labels(pool).inc()

    def signing_secrets(self, number: int) -> None:
        """Show how many signing secrets are accepted."""
        self._signing_secrets.set(number)

    def signed_with(self, secret: int) -> None:
        """Note which signing secret signed a request, 0 being the first."""
        self._signed.labels(SIGNING_SECRETS[secret]).set_to_current_time()

    def approval_rules_stale(self, stale: bool) -> None:  # noqa: FBT001 - a gauge's value
        """Show whether approval rules count that the file no longer has."""
        self._stale_rules.set(stale)

    def watch_pool(self, pool: WorkPool) -> None:
        """Show how full the pool is at each scrape."""
        self._in_flight.labels(pool.name).set_function(lambda: pool.in_flight)
        self._capacity.labels(pool.name).set(pool.capacity)

    def watch_readiness(self, ready: Callable[[], bool]) -> None:
        """Show whether the bot can serve. `ready` must return at once."""
        self._ready.set_function(ready)

    def watch_socket(
        self,
        *,
        connected: Callable[[], bool],
        last_activity: Callable[[], float],
        connections: Callable[[], int],
        surplus: Callable[[], int],
    ) -> None:
        for name, description, value in (
            ("connected", "1 if Slack reaches this process through its connection, else 0.", connected),
            ("heard_timestamp_seconds", "When Slack last sent something through it.", last_activity),
            ("connections", "The app's connections by Slack's count, when ours was opened.", connections),
            ("surplus_connections", "How many of those are more than STUDIO_REPLICAS explains.", surplus),
        ):
            self._gauge(f"socket_{name}", description).set_function(value)
        self._renewals = self._counter("socket_renewals", "New connections, by why.", why=RENEWALS)

    def socket_renewed(self, why: str) -> None:
        """Count one connection that replaced another."""
        self._renewals.labels(why).inc()

    def page(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, description: str, **label: Iterable[str]) -> Counter:
        """Return a counter by one label, with all its series."""
        counter = Counter(f"studio_links_{name}", description, list(label), registry=self._registry)
        for value in chain.from_iterable(label.values()):
            counter.labels(value)
        return counter

    def _gauge(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(f"studio_links_{name}", description, labels, registry=self._registry)
