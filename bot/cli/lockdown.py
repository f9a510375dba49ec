"""No links for anybody, and when that is over."""

from typing import Annotated

import typer

from bot import console
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Team

commands = typer.Typer(
    help="No links for anybody of a workspace, at once. Without ON or OFF: whether it is so.\n\n"
    "Example: studio-links lockdown --json",
    invoke_without_command=True,
)


@commands.callback()
def status(context: typer.Context, team: Team = None, *, as_json: AsJson = False) -> None:
    """No links for anybody of a workspace, at once. Without `on` or `off`: whether it is so.

    Example: studio-links lockdown --json
    """
    if context.invoked_subcommand is not None:
        return
    run = CommandContext(team)
    workspace = run.admin.workspace(run.tenant)
    if as_json:
        console.print_json({"lockdown": workspace.lockdown, "unreadable": workspace.unreadable})
        return
    console.say(workspace.lockdown.describe() if workspace.lockdown else "there is no lockdown")
    for name in workspace.unreadable:
        console.warn(f"{name.replace('#', ' ')} cannot be read: nobody gets a link until it is mended")


@commands.command()
def on(
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; members read it.")],
    team: Team = None,
) -> None:
    """Give no links to anybody, from the next request on.

    Links that are out work on for their last seconds, and open Studio sessions go on.

    Example: studio-links lockdown on --reason "we are looking into a leak"
    """
    run = CommandContext(team)
    change = run.admin.lock_down(run.tenant, reason, run.actor)
    console.say("nobody gets a link now" if change.made else "nothing to change: nobody gets a link already")
    for warning in change.warnings:
        console.warn(warning)


@commands.command()
def off(team: Team = None) -> None:
    """Give links again to those who may have one.

    Example: studio-links lockdown off
    """
    run = CommandContext(team)
    change = run.admin.end_lockdown(run.tenant, run.actor)
    console.say("the lockdown is over" if change.made else "nothing to change: there is no lockdown")
