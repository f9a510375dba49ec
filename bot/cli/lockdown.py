"""Stop all links in the workspace, and show whether they are stopped."""

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.specs import Verb
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, add_verb

commands = typer.Typer()


def lockdown(run: CommandContext, command: AdminCommand | None, *, as_json: AsJson = False) -> None:
    if command is None:
        _show(run, as_json=as_json)
    elif command.locks:
        change = run.admin.lock_down(run.tenant, command.reason, run.actor)
        console.print_line(
            "nobody gets a link now" if change.made else "nothing to change: nobody gets a link already"
        )
        for warning in change.warnings:
            console.warn(warning)
    else:
        change = run.admin.end_lockdown(run.tenant, run.actor)
        console.print_line("the lockdown is over" if change.made else "nothing to change: there is no lockdown")


def _show(run: CommandContext, *, as_json: bool) -> None:
    workspace = run.admin.workspace(run.tenant)
    if as_json:
        console.print_json({"lockdown": workspace.lockdown, "unreadable": workspace.unreadable})
        return
    console.print_line(workspace.lockdown.describe() if workspace.lockdown else "there is no lockdown")
    for name in workspace.unreadable:
        console.warn(f"{name.replace('#', ' ')} cannot be read: nobody gets a link until it is fixed")


add_verb(commands, Verb.LOCKDOWN, lockdown)
