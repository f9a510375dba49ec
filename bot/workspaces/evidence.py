"""Whether the audit has the decision that a job carries out: somebody may have written the job by hand."""

from datetime import datetime, timedelta

from bot.core.jobs import Job
from bot.core.ports import AuditLog

# How long an entry may take until the audit's index has it, and how much older than its job it may be.
LAG, BEFORE = timedelta(minutes=1), timedelta(hours=1)


def is_recorded(audit: AuditLog, job: Job, action: str, outcome: str, after: dict[str, str]) -> bool:
    """Return whether the job's administrator has such an entry about the member, with these values after it."""
    return any(
        (entry.action, entry.outcome, entry.actor) == (action, outcome, job.actor.name)
        and after.items() <= (entry.after or {}).items()
        for entry in audit.of_member(job.member, job.at - BEFORE)
    )


def may_come(job: Job, now: datetime) -> bool:
    """Return whether a missing entry may only not have reached the index yet."""
    return now - job.at < LAG
