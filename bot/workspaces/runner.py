"""Visit the open jobs, one visit of one replica at a time, until each has ended, and record how."""

from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from bot.core import audit
from bot.core.access import Member
from bot.core.errors import AlreadyRecorded, BadInput, ProfileConflict, StudioError, StudioLinksError
from bot.core.jobs import Item, ItemState, Job, JobKind, JobState, JobStore
from bot.core.ports import AuditLog
from bot.core.values import utc_now
from bot.workspaces.resources import may_pass

log = structlog.get_logger()

# How long a visit may take; then another replica makes it again.
LEASE = timedelta(minutes=2)
# Between two visits of one job.
PAUSE, MAX_PAUSE = timedelta(seconds=2), timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class JobRunner:
    """The jobs, and what each kind of work does on a visit.

    Attributes:
        show: shows people the progress of a job or its end, and returns the job with the message that does.
        entry_prefix: begins the ids of audit entries; in a shell `audit.FROM_SHELL`.
        pause: until another replica may make the next visit.
    """

    jobs: JobStore
    work: Dictionary[JobKind, Callable[[Job], Job]]
    audit: AuditLog
    show: Callable[[Job], Job] = lambda job: job
    entry_prefix: str = ""
    pause: timedelta = PAUSE
    now: Callable[[], datetime] = utc_now

    def visit_all(self, tenant: str) -> int:
        """Visit each open job of a workspace; return how many there are. StoreError if they cannot be listed."""
        members = self.jobs.open(tenant)
        for member in members:
            try:
                self.visit(member)
            except StudioLinksError as error:  # the next visit tries again
                log.warning("job_not_visited", user=member.user_id, why=str(error))
            except Exception:  # the error boundary of a job: the others are visited all the same
                log.exception("job_not_visited", user=member.user_id)
        return len(members)

    def visit(self, member: Member, lease: str = "") -> Job | None:
        """Make the next visit of a member's job; return it, or None if it is not ours to make now.

        Args:
            lease: that of the visit before, which goes on at once.

        Raises:
            StudioLinksError: it did not come to an end; the next visit tries again.
        """
        lease, now = lease or uuid4().hex, self.now()
        job = self.jobs.claim(member, lease, now, now + LEASE)
        return None if job is None else self.continue_(job, lease)

    def continue_(self, job: Job, lease: str) -> Job | None:
        """Make visits of a job whose lease is ours while each changes something; return None if it no longer is."""
        while True:
            before, job = job, self._visited(job)
            if not job.is_open:
                self._record(job)
            changed = (job.state, job.items) != (before.state, before.items)
            if changed:
                job = self.show(job)
            goes_on = job.is_open and changed
            if not self.jobs.save(job, lease, self.now() + (LEASE if goes_on else self._pause(job))):
                return None
            if not goes_on:
                return job

    def _pause(self, job: Job) -> timedelta:
        """Return how long to wait for AWS: the longer, the older the job is."""
        return max(self.pause, min((self.now() - job.at) / 20, MAX_PAUSE))

    def _visited(self, job: Job) -> Job:
        """Return the job after a visit. What can never succeed ends it; what may pass does not."""
        try:
            return self.work[job.kind](job)
        except (BadInput, ProfileConflict) as error:
            return job.ended(JobState.FAILED, str(error))
        except StudioError as error:
            if may_pass(error):
                raise
            return job.ended(JobState.FAILED, str(error))

    def _record(self, job: Job) -> None:
        """Record the end, once, whichever replica comes to it."""
        after: dict[str, object] = {"job": job.id}
        for state in (ItemState.GONE, ItemState.KEPT, ItemState.FAILED, ItemState.THERE):
            if found := job.of(state):
                after["made" if state is ItemState.THERE else state.value] = [named(each) for each in found]
        entry = audit.changed(
            job.kind,
            job.actor,
            job.member.tenant,
            job.member.user_id,
            self.now(),
            after=after,
            outcome=job.state.value,
            detail=job.why or None,
        )
        entry = replace(entry, id=f"{self.entry_prefix}job-{job.id}", attempt=job.id, detail=job.why or entry.detail)
        try:
            self.audit.open(entry)
        except AlreadyRecorded:
            log.info("job_recorded_before", job=job.id)


def named(item: Item) -> str:
    """Return a resource as one line, with the reason why it stays."""
    return f"{item}: {item.why}" if item.why else str(item)
