"""Create and check the DynamoDB tables."""

import typer

from bot import console
from bot.cli.context import read_settings
from bot.cli.options import AsJson, KmsKey

commands = typer.Typer(
    name="tables",
    help="Create or check the DynamoDB tables.\n\nExample: studio-links tables create",
    no_args_is_help=True,
)


@commands.command()
def create(*, kms_key: KmsKey = None, as_json: AsJson = False) -> None:
    """Create missing tables and turn on their protection.

    Example: studio-links tables create
    """
    from bot.app import clients
    from bot.store import tables as table_admin

    findings, tables = [], clients.table_administration(read_settings())
    for prefix in table_admin.other_prefixes(tables):
        console.warn(f"{tables.region} has tables with the prefix {prefix!r}: this is a second installation")
    for finding in table_admin.create(tables, kms_key):
        findings.append(finding)
        if not as_json:
            console.print_line(f"{finding.table}: {finding.name}: {finding.detail}")
    if as_json:
        console.print_json(findings)
    if not all(finding.ok for finding in findings):
        console.fail("some tables are not set up correctly: fix the findings above")
        raise typer.Exit(1)


@commands.command()
def check(*, kms_key: KmsKey = None, as_json: AsJson = False) -> None:
    """Check that the tables are set up as the bot needs them.

    Example: studio-links tables check
    """
    from bot.app import clients
    from bot.store import tables as table_admin

    findings = list(table_admin.check(clients.table_administration(read_settings()), kms_key))
    if as_json:
        console.print_json(findings)
    else:
        rows = [("ok" if f.ok else "FAIL", f.table, f.name, f.detail) for f in findings]
        console.print_table(["", "table", "what", "details"], rows, empty="")
    if wrong := sum(not finding.ok for finding in findings):
        console.fail(f"{wrong} of {len(findings)} checks failed: each says how to fix it")
        raise typer.Exit(1)
