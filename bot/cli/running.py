"""See what runs in Studio and what it costs, stop it, and renew the prices."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.specs import Name, Verb
from bot.cli.context import CommandContext, read_settings
from bot.cli.options import AsJson, Yes, add_verb
from bot.core.access import Member
from bot.core.audit import DONE, FROM_SHELL
from bot.core.errors import BadInput
from bot.core.values import REGION, check_pattern, utc_now

if TYPE_CHECKING:
    from bot.workspaces.app_changes import AppChanges
    from bot.workspaces.everything import Everything, Held

commands = typer.Typer()

COLUMNS = ["member", "profile", "where", "app", "instance", "state", "since", "hours"]
COST_COLUMNS = ["$ an hour", "$ so far"]


@dataclass(frozen=True, slots=True)
class Row:
    """An app as it is printed. The field names are keys of the JSON output."""

    user: str | None
    domain: str
    region: str
    profile: str
    space: str | None
    shared: bool
    app_type: str
    app: str
    instance_type: str | None
    status: str
    since: datetime | None
    hours: float
    usd_per_hour: float | None
    usd_so_far: float | None


def running(
    run: CommandContext,
    command: AdminCommand,
    *,
    cost: Annotated[bool, typer.Option("--cost", help="Show dollars an hour and so far, and their sum.")] = False,
    as_json: AsJson = False,
) -> None:
    from bot.workspaces.everything import over

    changes, now = _changes(run), utc_now()
    found = _found(run, command, changes)
    held = over(found.apps, command.over, now) if Name.OVER in command.fields else found.apps
    rows = [_row(each, changes.region, now) for each in held]
    if as_json:
        unread = {domain: str(error) for domain, error in found.unknown}
        console.print_json({"prices_as_of": changes.prices.as_of.isoformat(), "apps": rows, "unread": unread})
    else:
        columns = [*COLUMNS, *(COST_COLUMNS if cost else [])]
        console.print_table(
            columns, (_cells(row, cost=cost) for row in rows), empty="nothing runs in the mapped domains"
        )
        if cost and rows:
            dollars = sum(row.usd_per_hour or 0 for row in rows if row.status in ("InService", "Pending"))
            as_of = changes.prices.as_of
            console.print_line(f"together about ${dollars:,.2f} an hour, by AWS's prices of {as_of}, without storage")
    for domain, error in found.unknown:
        console.fail(f"{domain} could not be read: {error}")
    if found.unknown:
        raise typer.Exit(1)


def stop(
    run: CommandContext,
    command: AdminCommand,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would stop.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    changes = _changes(run)
    found = _found(run, command, changes)
    space = command.fields.get(Name.SPACE)
    held = [each for each in found.apps if space in (None, each.running.app.name.space)]
    names = [_named(each) for each in held]
    stopped: list[str] = []
    failed = [f"{domain}: {error}" for domain, error in found.unknown]
    if held and not dry_run:
        question = "\n".join([*(f"would stop: {name}" for name in names), f"Stop this of {command.principal}?"])
        if not console.agreed(question, yes=yes):
            raise BadInput("cancelled; nothing was stopped")
        member = Member(run.tenant, command.principal)
        for each, name in zip(held, names, strict=True):
            outcome = _stop(run, changes, member, each)
            (stopped if outcome == DONE else failed).append(name if outcome == DONE else f"{name}: {outcome}")
    if as_json:
        console.print_json({"would_stop": names if dry_run else None, "stopped": stopped, "failed": failed})
    else:
        lines = {"would stop": names if dry_run else [], "stopping": stopped, "not stopped": failed}
        for label, texts in lines.items():
            for text in texts:
                console.print_line(f"{label}: {text}")
        if not held:
            console.print_line("nothing of theirs runs")
    if failed:
        console.fail(f"{len(failed)} could not be stopped: look at them with `studio-links running`, then try again")
        raise typer.Exit(1)


@commands.command()
def prices(
    *,
    region: Annotated[
        list[str] | None, typer.Option(metavar="R", help="Region to renew instead of the configured one; repeatable.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Renew this price list from AWS's, or make one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the day of the price list in use, or renew one from AWS's price list.

    With --write, the prices of the region are read from AWS (`pricing:GetProducts`) and written into the file, whose
    other regions stay. Name the file in STUDIO_PRICE_FILE, and start the bot again.

    Example: studio-links prices --write prices.json --region eu-west-1
    """
    for each in region or []:
        check_pattern("region", each, REGION, 30, "an AWS region such as eu-west-1")
    settings = read_settings()
    from bot.app import clients
    from bot.workspaces import prices as price_lists

    found = clients.prices(settings)
    if write is not None:
        found = price_lists.parse(write.read_text("utf-8"), str(write)) if write.exists() else found
        for each in region or [settings.aws_region]:
            found = _renewed(found, each)
        _write(write, found.to_json())
    known = {region: len(prices) for region, prices in sorted(found.prices.items())}
    if as_json:
        console.print_json({"as_of": found.as_of.isoformat(), "instance_types": known})
        return
    console.print_line(f"prices of {found.as_of}" + (f", written to {write}" if write else ""))
    for name, number in known.items():
        console.print_line(f"  {name}: {number} instance types")


def _renewed(found: Any, region: str) -> Any:
    from bot.aws import price_list
    from bot.workspaces.prices import studio_prices

    renewed = studio_prices(price_list.products(price_list.client(region), region))
    if not renewed:
        raise BadInput(f"AWS's price list has no prices of Studio in {region}; nothing was written: check the region")
    return found.with_region(region, renewed, utc_now().date())


def _write(path: Path, text: str) -> None:
    """Replace a file at once, so that no bot reads half of it."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(text, "utf-8")
    half.replace(path)


def _changes(run: CommandContext) -> "AppChanges":
    from bot.app import administration

    return administration.app_changes(run.settings, run.admin)


def _found(run: CommandContext, command: AdminCommand, changes: "AppChanges") -> "Everything":
    from bot.workspaces.everything import running_of

    return running_of(changes, run.admin.access, run.tenant, command.principal, command.fields.get(Name.DOMAIN))


def _stop(run: CommandContext, changes: "AppChanges", member: Member, held: "Held") -> str:
    from bot.workspaces.app_changes import Action

    entry_id, app = f"{FROM_SHELL}{uuid4().hex}", held.running.app
    act = Action(entry_id, entry_id, run.actor, utc_now())
    done = changes.stop(act, member, held.running.mapping, app.name, app)
    return done.outcome if done else "recorded already"


def _named(held: "Held") -> str:
    app, mapping = held.running.app, held.running.mapping
    where = f"space {app.name.space}" if app.name.space else f"profile {mapping.profile_name}"
    shared = ", which others use as well" if app.shared else ""
    return f"{app.name.app_type} {app.name.name} of {where} in {mapping.domain_id}{shared}"


def _row(held: "Held", region: str, now: datetime) -> Row:
    running, app, mapping = held.running, held.running.app, held.running.mapping
    cost = running.cost(now)
    return Row(
        user=held.user,
        domain=mapping.domain_id,
        region=mapping.region or region,
        profile=mapping.profile_name,
        space=app.name.space,
        shared=app.shared,
        app_type=app.name.app_type,
        app=app.name.name,
        instance_type=app.instance_type,
        status=app.status.value,
        since=app.since,
        hours=round(running.lasts(now).total_seconds() / 3600, 1),
        usd_per_hour=running.hourly,
        usd_so_far=None if cost is None else round(cost, 2),
    )


def _cells(row: Row, *, cost: bool) -> list[object]:
    where = f"{row.domain} {row.space}{' (shared)' if row.shared else ''}" if row.space else row.domain
    cells = [row.user or "nobody", row.profile, where, row.app_type, row.instance_type or "unknown", row.status]
    dollars = ["unknown" if each is None else f"{each:,.2f}" for each in (row.usd_per_hour, row.usd_so_far)]
    return [*cells, row.since or "unknown", row.hours, *(dollars if cost else [])]


add_verb(commands, Verb.RUNNING, running)
add_verb(commands, Verb.STOP, stop)
