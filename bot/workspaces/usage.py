"""A weekly summary: hours and dollars of what ran, by domain, for the audit channel."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from bot.core.apps import ALIVE
from bot.core.errors import SlackError
from bot.core.reminders import ReminderStore, Usage, Used
from bot.workspaces.app_changes import HOUR, Running

log = structlog.get_logger()

# The hour (UTC) of the first day of a week from which the summary of the last one is sent.
MORNING = 8


@dataclass(frozen=True, slots=True)
class WeeklySummary:
    """The use case and its dependencies.

    Attributes:
        tell: posts the summary; SlackError if Slack does not take it.
    """

    store: ReminderStore
    tell: Callable[[Usage], object]

    def look(self, tenant: str, found: Iterable[Running], now: datetime) -> None:
        """Count what runs, and send the summary if a week has ended. StoreError if it cannot be counted."""
        seen = self.store.usage(tenant)
        counted = count(seen, found, now)
        ends = bool(counted.domains) and is_due(counted, now)
        if not self.store.write_usage(tenant, Usage(now, now, version=seen.version) if ends else counted, now):
            return  # another replica counts
        if not ends:
            return
        try:
            self.tell(counted)
        except SlackError as error:  # the next look sends it
            log.warning("summary_not_sent", tenant=tenant, code=error.code)
            self.store.write_usage(tenant, replace(counted, version=self.store.usage(tenant).version), now)


def count(seen: Usage, found: Iterable[Running], now: datetime) -> Usage:
    """Add what ran since the last count, as far as it still runs: the rest is less than a count apart."""
    domains = dict(seen.domains)
    for running in found:
        if running.app.status not in ALIVE or running.app.since is None:
            continue
        lasted = min(running.lasts(now), now - seen.at) if seen.at else running.lasts(now) * 0
        hours, domain = lasted / HOUR, running.mapping.domain_id
        used = domains.get(domain, Used())
        domains[domain] = Used(
            used.hours + hours,
            used.dollars + hours * (running.hourly or 0),
            used.unpriced + (hours if running.hourly is None else 0),
        )
    return Usage(seen.since or now, now, domains, seen.version)


def is_due(usage: Usage, now: datetime) -> bool:
    """Return whether another week has begun since the count did, and it is no longer night (UTC)."""
    if usage.since is None:
        return False
    week, began = (each.astimezone(UTC).isocalendar()[:2] for each in (now, usage.since))
    return week != began and now.astimezone(UTC).hour >= MORNING
