"""Work on workspaces in the shell, as the bot does it in the background."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from bot import console
from bot.cli.context import CommandContext
from bot.core.errors import BadInput, StudioLinksError
from bot.core.jobs import Job
from bot.core.values import utc_now

if TYPE_CHECKING:
    from bot.workspaces.runner import JobRunner

# Seconds between two visits of a job.
PAUSE = 2.0


def carry_out(
    run: CommandContext,
    jobs: Sequence[Job],
    show: Callable[[Job], None],
    start: Callable[[Job, str, datetime], bool] | None = None,
) -> list[Job]:
    """Work on jobs until all have ended; return them. Interrupted, the bot or the same command goes on.

    Args:
        show: shows a job whenever something has become of it.
        start: keeps a job under a lease, as `JobStore.start` does.
    """
    from bot.app import administration
    from bot.workspaces.runner import LEASE

    runner, leases = administration.jobs(run.settings, run.admin), {job.member: uuid4().hex for job in jobs}
    for job in jobs:
        if not (start or runner.jobs.start)(job, leases[job.member], utc_now() + LEASE):
            raise BadInput(f"other work on the workspace of {job.member.user_id} is under way: wait for its end")
    there, ended = {job.member: job for job in jobs}, []
    try:
        while there:
            for member, before in list(there.items()):
                job = _visited(runner, before, leases[member])
                if (job.state, job.items) != (before.state, before.items):
                    show(job)
                there[member] = job
                if not job.is_open:
                    ended.append(there.pop(member))
            if there:
                time.sleep(PAUSE)
    except KeyboardInterrupt:
        console.fail(f"interrupted: {len(there)} still open. A bot that may do this goes on in two minutes")
        raise
    return ended


def _visited(runner: "JobRunner", job: Job, lease: str) -> Job:
    """Return the job after a visit: ours, or that of a bot which has taken it over. What may pass is tried again."""
    try:
        return runner.visit(job.member, lease) or runner.jobs.find(job.member) or job
    except StudioLinksError as error:
        console.warn(f"{job.member.user_id}: {error}; trying again")
        return job
