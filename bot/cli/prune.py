"""Off-board the members whom an imported file no longer has."""

from collections.abc import Collection

import typer

from bot import console
from bot.cli.context import CommandContext
from bot.cli.offboard import leaving_of, offboard_all
from bot.core.access import Access, Effect, Member
from bot.core.errors import BadInput
from bot.core.jobs import ItemState, JobState


def require_members(target: dict[str, Access]) -> None:
    """Raise BadInput for a file that would off-board everybody."""
    if not any(access.mappings for access in target.values()):
        raise BadInput("the file has no mapping, so --prune would off-board everybody: nothing was written")


def prune(run: CommandContext, listed: Collection[str], *, yes: bool) -> None:
    """List the members with a mapping or an allow rule who are not listed; with `yes`, off-board them.

    Raises:
        typer.Exit: some could not be off-boarded.
    """
    leaving = leaving_of(run)
    gone = {user: access for user, access in run.admin.access.members(run.tenant) if user not in listed}
    found = {user: access for user, access in gone.items() if _has_access(access)}
    for user in sorted(leaving.staying(run.tenant, found.keys())):
        console.warn(f"{user} is not in the file, but is in STUDIO_ADMINS or the only administrator: left alone")
        del found[user]
    for user, access in sorted(found.items()):
        profiles = ", ".join(f"{each.profile_name} in {each.domain_id}" for each in access.mappings)
        console.warn(
            f"{user} is not in the file: {'off-boarding' if yes else 'would off-board'} ({profiles or 'no profile'})"
        )
    if not yes:
        if found:
            console.warn(f"{len(found)} not in the file: nobody was off-boarded; --yes does it")
        return
    jobs = [
        leaving.job(Member(run.tenant, user), access, run.actor, keep_files=False) for user, access in found.items()
    ]
    failed = [job for job in offboard_all(run, leaving, jobs) if job.state is not JobState.DONE]
    for job in failed:
        for item in job.of(ItemState.FAILED):
            console.fail(f"{job.member.user_id}: {item}: {item.why}")
    if failed:
        raise typer.Exit(1)


def _has_access(access: Access) -> bool:
    return bool(access.mappings) or any(grant.effect is Effect.ALLOW for grant in access.grants)
