"""The doctor: check a whole installation."""

import re
from typing import Annotated

import typer

from bot import console
from bot.cli.options import AsJson, Team
from bot.core.values import ROLE_ARN, check_pattern
from bot.observability.logs import redactor

commands = typer.Typer()

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
    serving_role: Annotated[
        str | None, typer.Option(metavar="ARN", help="The bot's role, if you run this with other credentials.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of a running bot, to check that it is ready.")
    ] = None,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole installation: what is wrong, why it matters, and how to fix it. Changes nothing.

    The environment, Slack's token and its scopes, the tables, every mapped domain and profile, the roles of mappings,
    the permission to create links, the clock, and with --url a running bot. Exits with 1 if a check fails.

    Example: studio-links doctor --url https://bot.example.com --serving-role arn:aws:iam::123456789012:role/bot
    """
    if serving_role is not None:
        check_pattern("serving role", serving_role, ROLE_ARN, 600, "an IAM role's ARN")
    if url is not None:
        check_pattern(
            "url", url, ADDRESS, 2000, "the address of a bot without a user name, like https://bot.example.com"
        )
    from bot.app.findings import Finding, Level
    from bot.cli.doctor_findings import findings as all_findings

    found = all_findings(team, serving_role, url, presign=presign, all_mappings=all_mappings)
    findings = [
        Finding(each.level, *(redactor.clean(text) for text in (each.check, each.found, each.why, each.fix)))
        for each in found
    ]
    fails = sum(finding.level is Level.FAIL for finding in findings)
    if as_json:
        # `mend` was the name of `fix` before 0.2.0.
        console.print_json([{**console.plain(finding), "mend": finding.fix} for finding in findings])
    else:
        rows = [(f.level, f.check, f.found, f.why, f.fix) for f in findings]
        console.print_table(["", "check", "found", "why it matters", "how to fix it"], rows, empty="")
        warns = sum(finding.level is Level.WARN for finding in findings)
        console.print_line(f"{len(findings)} checks: {fails} failed, {warns} with a warning")
    if fails:
        console.fail(f"{fails} of {len(findings)} checks failed: each says how to fix it")
        raise typer.Exit(1)
