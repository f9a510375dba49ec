"""What operators see of the bot, for Prometheus. Labels come from fixed sets: no ids, no text from outside."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)


class Metrics:
    """The counters of one process."""

    def __init__(self, in_flight: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._outcomes = Counter(
            "studio_links_requests", "Requests from Slack by outcome.", ["outcome"], registry=self._registry
        )
        self._answered = Histogram(
            "studio_links_answer_seconds",
            "From the request's arrival until Slack took the answer, or refused it.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._waited = Histogram(
            "studio_links_wait_seconds",
            "How long requests waited for a worker.",
            buckets=SECONDS,
            registry=self._registry,
        )
        Gauge("studio_links_in_flight", "Requests being worked on or waiting.", registry=self._registry).set_function(
            in_flight
        )

    def outcome(self, outcome: str) -> None:
        """Count one request."""
        self._outcomes.labels(outcome).inc()

    def answered(self, seconds: float) -> None:
        """Observe how long an answer took."""
        self._answered.observe(seconds)

    def waited(self, seconds: float) -> None:
        """Observe how long a request waited for a worker."""
        self._waited.observe(seconds)

    def page(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
