"""Erase what is kept about somebody."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer

from bot import console
from bot.admin.erasure import blocks, erased
from bot.admin.specs import FIELD_SPECS, Name
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Team, Yes
from bot.core import audit
from bot.core.access import Access, Member
from bot.core.errors import BadInput
from bot.core.records import Entry
from bot.core.values import utc_now

commands = typer.Typer()

# Entries to replace between two steps of the progress bar.
AT_ONCE = 200

NOT_REACHED = (
    "Slack: the account, and messages of the bot in it",
    "logs of the bot, and copies of the audit in S3 with Object Lock",
    "CloudTrail and the logs of SageMaker Studio",
    "the SageMaker user profile, its home directory and running apps: `studio-links revoke` before you erase",
    "point-in-time recovery of the tables (35 days) and backups: erase again after a restore",
    "rules of user groups, and a process's cache of accounts (a minute)",
)


@commands.command()
def erase(
    user: Annotated[str, typer.Argument(metavar="SLACK_USER", help=FIELD_SPECS[Name.USER].help)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Erase even a rule that blocks the member.")] = False,
    yes: Yes = False,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Erase what is kept about somebody: mappings, rules, requests, commands and counters.

    Entries of the audit stay, with a random pseudonym instead of the user's id and without profile, session and free
    text; entries about others that they changed lose only their name and words. `audit verify` accepts that, and
    nobody can undo it.

    Somebody whom a rule blocks is not erased without --force: without the rule, a group's rule could let them in.
    Running the command again finishes an interrupted erasure. It prints what it does not reach.

    Example: studio-links erase U0123ABCD
    """
    run = CommandContext(team)
    user = run.user_id(user)
    member, now = Member(run.tenant, user), utc_now()
    if user in run.settings.studio_admins:
        raise BadInput(f"nothing was erased: {user} is in STUDIO_ADMINS, so take the id out of it and try again")
    access = run.admin.access.read(member)
    if blocks(access, now) and not force:
        raise BadInput(
            f"nothing was erased: a rule blocks {user}, or records cannot be read, and without them a group's rule "
            "could let them in. Deactivate the account in Slack first, then use --force"
        )
    if not console.agreed(f"Erase {user} permanently? Nobody can undo this.", yes=yes):
        raise BadInput("cancelled; nothing was erased")
    counts = _erase(run, member, access)
    if as_json:
        console.print_json({"erased": True, **counts, "not_reached": NOT_REACHED})
        return
    console.print_line(
        f"{user} is erased from {counts['access']} access records, {counts['runtime']} short-lived records and "
        f"{counts['audit']} audit entries"
    )
    for each in NOT_REACHED:
        console.print_line(f"not reached: {each}")


def _erase(run: CommandContext, member: Member, access: Access) -> dict[str, int]:
    """Erase the member, access first; return how many records and entries named them."""
    from bot.app import administration

    tables, now, log = administration.erasure(run.settings, member), utc_now(), run.admin.audit
    pseudonym = tables.pseudonym(now)
    log.open(audit.changed("erase", run.actor, member.tenant, pseudonym, now))
    entry = audit.changed("forget", run.actor, member.tenant, pseudonym, now)
    if access.grants or access.unreadable:
        run.admin.access.delete_grants(member.tenant, member.user_id, seen=access, entry=entry)
    for mapping in access.mappings:
        entry = audit.changed("unmap", run.actor, member.tenant, pseudonym, utc_now())
        seen = run.admin.access.read(member)
        run.admin.access.delete_mapping(member, mapping, seen=seen, entry=entry)
    counts = {
        "access": sum(console.progress(tables.erase_access(pseudonym), doing="erasing access")),
        "runtime": sum(console.progress(tables.erase_runtime(pseudonym), doing="erasing requests")),
    }
    found = [
        replacement
        for each in console.progress(_entries(run, member), doing="reading the audit")
        if (replacement := erased(each, member.user_id, pseudonym)) is not None
    ]
    for start in console.progress(range(0, len(found), AT_ONCE), doing="erasing the audit"):
        # Its own time each: an entry of a span that is sealed already would look forged.
        record = audit.changed("erase", run.actor, member.tenant, pseudonym, utc_now())
        tables.erase_entries(record, found[start : start + AT_ONCE])
    tables.finish()
    return {**counts, "audit": len(found)}


def _entries(run: CommandContext, member: Member) -> Iterator[Entry]:
    today = utc_now().date()
    for age in range(-1, run.settings.studio_audit_days + 2):
        yield from run.admin.audit.of_day(member.tenant, today - timedelta(days=age))
