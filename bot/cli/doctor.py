"""The doctor: check a whole installation."""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import console
from bot.cli.options import AsJson, ServingRole, Team, Yes
from bot.core.values import check_pattern, utc_now
from bot.observability.logs import redactor

if TYPE_CHECKING:
    from bot.app.findings import Finding

commands = typer.Typer()

# Beside the release that it is about.
RECORD = Path("live-acceptance.json")
MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}
ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")


@commands.command()
def doctor(
    *,
    all_mappings: Annotated[
        bool, typer.Option("--all", help="Check every mapping's profile instead of 200 of them.")
    ] = False,
    presign: Annotated[
        bool,
        typer.Option(
            "--presign",
            help="Create a link into each domain and discard it unseen, instead of asking IAM. "
            "Roles of deploy/broker-role.yaml allow this only to the bot.",
        ),
    ] = False,
    serving_role: ServingRole = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of a running bot, to check that it is ready.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Accept a release on the real Slack and AWS: --presign, and that a member has just opened a link. "
            "Writes a record.",
        ),
    ] = False,
    record: Annotated[Path, typer.Option(metavar="FILE", help="Where --live writes its record.")] = RECORD,
    sign_with: Annotated[
        Path | None, typer.Option(metavar="KEY", help="The SSH key that signs the record of --live.")
    ] = None,
    yes: Yes = False,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole installation: what is wrong, why it matters, and how to fix it. Changes nothing.

    The environment, Slack's token and its scopes, the tables, every mapped domain and profile, the roles of mappings,
    the permission to create links, the clock, and with --url a running bot. Exits with 1 if a check fails.

    Example: studio-links doctor --url https://bot.example.com --serving-role arn:aws:iam::123456789012:role/bot
    """
    if url is not None:
        check_pattern(
            "url", url, ADDRESS, 2000, "the address of a bot without a user name, like https://bot.example.com"
        )
    from bot.app.findings import Finding, Level
    from bot.cli.doctor_findings import findings as all_findings
    from bot.cli.live import prepare, write

    started = utc_now()
    if live:
        prepare(record, sign_with, yes=yes)
    findings = []
    for each in all_findings(team, serving_role, url, presign=presign, all_mappings=all_mappings, live=live):
        finding = Finding(each.level, *map(redactor.clean, (each.check, each.found, each.why, each.fix)))
        findings.append(finding)
        if not as_json:
            print_finding(finding)
    counts = Counter(finding.level for finding in findings)
    fails = counts[Level.FAIL]
    if as_json:
        # Version 0.1.0 had `fix` under its older key, which scripts may read.
        console.print_json([{**console.plain(finding), "mend": finding.fix} for finding in findings])
    else:
        console.print_line(f"{len(findings)} checks: {fails} failed, {counts[Level.WARN]} with a warning")
    if live:
        write(record, sign_with, findings, started)
    if fails:
        console.fail(f"{fails} of {len(findings)} checks failed: each says how to fix it")
        raise typer.Exit(1)


def print_finding(finding: "Finding") -> None:
    """Print a check that passed as one line, and a problem as a block."""
    console.print_wrapped(f"{MARKS[finding.level]} {finding.check}: {finding.found}", indent=2)
    for label, text in (("Why", finding.why), ("Fix", finding.fix)):
        if text:
            console.print_wrapped(f"    {label}: {text}", indent=9)
