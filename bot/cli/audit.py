"""Verify that nobody has changed the audit."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bot import console
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Team
from bot.core.errors import BadInput
from bot.core.seals import Seal, stamp
from bot.core.values import shared_tenants, utc_now

if TYPE_CHECKING:
    from bot.admin.verification import Break, Counts

commands = typer.Typer(name="audit", help="Check the audit.", no_args_is_help=True)


class Result(NamedTuple):
    """What one workspace's verification found."""

    tenant: str
    counts: "Counts"
    last: Seal | None
    breaks: "Sequence[Break]"


@commands.callback()
def _group() -> None:
    pass


@commands.command()
def verify(
    *,
    from_day: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], metavar="DAY", help="The first day (UTC); else all that is kept."
        ),
    ] = None,
    to_day: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="The last day (UTC); else today."),
    ] = None,
    witness: Annotated[
        typer.FileText | None,
        typer.Option(
            encoding="utf-8",
            errors="replace",
            metavar="FILE",
            help="Compare with the bot's log lines, or items of the table; - reads standard input.",
        ),
    ] = None,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Check that nobody has changed, removed or added audit entries. Nothing is written.

    Bots seal the audit every 15 minutes: a seal lists the entries with their digests, and has the hash of the seal
    before it. Entries that are older than the first seal, or not sealed yet, are counted but prove nothing.

    --witness also compares entries and seals with what another system kept: the lines `audit_entry` and
    `audit_sealed` of the bot's log, or the table's items as DynamoDB exports or streams them. Only a witness shows
    that somebody rewrote the entries together with all later seals.

    Exits with 1 if something does not fit, and names the first of it.

    Example: studio-links audit verify --from 2026-11-01 --witness bot.log
    """
    from bot.app import administration
    from bot.store.witness import read_witness

    run, now = CommandContext(team), utc_now()
    begin = from_day.replace(tzinfo=UTC) if from_day else now - timedelta(days=run.settings.studio_audit_days)
    last = (to_day or now).replace(tzinfo=UTC, hour=0, minute=0, second=0, microsecond=0)
    if last < begin:
        raise typer.BadParameter("--to is before --from, so nothing was checked: swap them")
    shared = shared_tenants(run.settings.studio_teams)
    tenants = shared if shared[:1] == (run.tenant,) else (run.tenant,)
    witnesses = read_witness(witness) if witness else {}
    if witness and not any(tenant in witnesses for tenant in tenants):
        raise BadInput(f"{witness.name} has no line about the audit of this workspace: name its log, or its items")
    results = []
    for tenant in tenants:
        verification = administration.verification(run.settings, tenant, now, witnesses.get(tenant))
        progress = partial(console.progress, doing="verifying")
        breaks = verification.run(stamp(begin), stamp(last + timedelta(days=1)), progress)
        results.append(Result(tenant, verification.counts, verification.last, breaks))
    broken = sorted((each for result in results for each in result.breaks), key=lambda each: each.at)
    if as_json:
        workspaces = [_as_json(each) for each in results]
        console.print_json({"ok": not broken, "first": broken[0] if broken else None, "workspaces": workspaces})
    else:
        for each in results:
            _print(each, witnessed=witness is not None)
    if broken:
        raise BadInput(_failure(broken[0], more=len(broken) - 1))


def _failure(first: "Break", more: int) -> str:
    others = f", and {more} more do not fit" if more else ""
    return (
        f"the audit was tampered with: {first.id} of {first.at} is {first.what} ({first.why}){others}. "
        "Keep the table as it is, and see docs/OPERATIONS.md#the-audit-was-tampered-with"
    )


def _as_json(result: Result) -> dict[str, Any]:
    last = result.last
    return {
        "tenant": result.tenant,
        **asdict(result.counts),
        "last_seal": {"number": last.number, "end": last.end, "hash": last.hash} if last else None,
        "breaks": result.breaks,
    }


def _print(result: Result, *, witnessed: bool) -> None:
    counts, last = result.counts, result.last
    console.print_line(
        f"{result.tenant}: {counts.entries} entries, {counts.sealed} of them under {counts.seals} seals"
    )
    for number, words in (
        (counts.older_than_seals, "are older than the first seal: nothing shows whether they are as they were"),
        (counts.not_sealed_yet, "are not sealed yet; a running bot seals them within 35 minutes"),
        (counts.expired, "have expired, and DynamoDB has deleted them"),
        (counts.erased, "have had names replaced by `erase`"),
        (counts.witnessed, "are in the witness"),
        (counts.not_in_witness, "are not in the witness, though it has earlier and later ones"),
    ):
        if number:
            console.print_line(f"{number} {words}")
    if last is not None:
        console.print_line(f"the last seal is number {last.number}, until {last.end}, with the hash {last.hash}")
    if result.breaks:
        rows = [(each.at, each.id, each.what, each.why) for each in result.breaks]
        console.print_table(["at", "entry", "what", "why"], rows, empty="")
    else:
        nothing = "nothing was sealed, so nothing could be checked: a running bot seals the audit"
        console.print_line("everything fits" if counts.seals or witnessed else nothing)
