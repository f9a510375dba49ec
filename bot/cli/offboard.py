"""Off-board members: block them and remove their workspaces, by name or because an imported file lacks them."""

from collections.abc import Collection
from typing import Annotated

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.leaving import OFFBOARDED, Leaving, keeps_files
from bot.admin.results import NotDoneReason
from bot.admin.specs import Verb
from bot.cli.context import CommandContext
from bot.cli.jobs import carry_out
from bot.cli.options import AsJson, ServingRole, add_verb
from bot.cli.revoke import end_sessions
from bot.core.access import Access, Effect, Grant, Member
from bot.core.errors import BadInput
from bot.core.jobs import Item, ItemState, Job, JobState

commands = typer.Typer()

LABELS = {
    ItemState.THERE: "would go",
    ItemState.GOING: "going",
    ItemState.GONE: "gone",
    ItemState.KEPT: "stays",
    ItemState.FAILED: "not gone",
}
# What no off-boarding reaches.
REMAINS = (
    "the home directory in the domain's file system",
    "training jobs, endpoints and other resources that the member started",
    "credentials that the member copied out of Studio: they work until they expire, for up to 12 hours",
)


def offboard(
    run: CommandContext,
    command: AdminCommand,
    *,
    serving_role: ServingRole = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only show what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    member, leaving = Member(run.tenant, command.principal), leaving_of(run)
    require_may_leave(leaving, run.tenant, command.principal)
    access = run.admin.access.read(member)
    if not yes:
        _print(command.principal, leaving.plan(command, access), None, as_json=as_json)
        if not as_json:
            console.warn("nothing was changed: --yes blocks the member and removes what would go")
        return
    failed = serving_role is not None and not _end_sessions(run, member, access, serving_role)
    job = leaving.job(member, access, run.actor, keep_files=keeps_files(command))
    [ended] = offboard_all(run, leaving, [job])
    _print(command.principal, ended.items, ended, as_json=as_json)
    if failed or ended.state is not JobState.DONE:
        raise typer.Exit(1)


def _end_sessions(run: CommandContext, member: Member, access: Access, serving_role: str) -> bool:
    """Block the member and end the sessions of their links, before AWS takes its time; return whether it could."""
    run.admin.grant(member.tenant, Grant(member.user_id, Effect.DENY, reason=OFFBOARDED), run.actor)
    ended = end_sessions(run, member, access.mappings, serving_role)
    for each in (*ended.ended, *ended.failed):
        console.warn(each)
    return not ended.failed


def leaving_of(run: CommandContext) -> Leaving:
    """Return what off-boards members."""
    from bot.app import administration

    return administration.leaving(run.settings, run.admin)


def require_may_leave(leaving: Leaving, tenant: str, user: str) -> None:
    """Raise BadInput for an administrator of the settings, and for the last one."""
    if leaving.refusal(tenant, user) is NotDoneReason.ADMINISTRATOR:
        raise BadInput(
            f"nothing was changed: {user} is in STUDIO_ADMINS, or the only administrator. Take the id out of it, or "
            "make another one with `studio-links admin`, then try again"
        )


def offboard_all(run: CommandContext, leaving: Leaving, jobs: list[Job]) -> list[Job]:
    """Off-board members side by side, and return how each ended."""
    return carry_out(run, jobs, _show, start=leaving.start)


def _show(job: Job) -> None:
    if job.is_open:
        gone, total = len(job.of(ItemState.GONE)), len(job.items) - len(job.of(ItemState.KEPT))
        console.warn(f"{job.member.user_id}: {gone} of {total} gone")


def _print(user: str, items: tuple[Item, ...], job: Job | None, *, as_json: bool) -> None:
    if as_json:
        state = None if job is None else job.state
        console.print_json({"principal": user, "state": state, "items": items, "remains": REMAINS})
        return
    for item in items:
        console.print_line(f"{LABELS[item.state]}: {item}{f': {item.why}' if item.why else ''}")
    if job is not None:
        for each in REMAINS:
            console.print_line(f"not reached: {each}")
        if job.why:
            console.fail(f"{user}: {job.why}")


def require_members(target: dict[str, Access]) -> None:
    """Refuse a file that would off-board everybody, with BadInput."""
    if not any(access.mappings for access in target.values()):
        raise BadInput("the file has no mapping, so --prune would off-board everybody: nothing was written")


def prune(run: CommandContext, listed: Collection[str], *, yes: bool) -> None:
    """List the members with a mapping or an allow rule who are not in the file; with `yes`, off-board them.

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


add_verb(commands, Verb.OFFBOARD, offboard)
