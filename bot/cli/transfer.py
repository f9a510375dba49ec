"""Many members at once, from and to a CSV file."""

import csv
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot import console
from bot.admin.bulk_import import Difference, Failure, Import
from bot.admin.csv_file import COLUMNS, KINDS, ParsedFile, read, write
from bot.cli.context import CommandContext
from bot.cli.history import describe_changes
from bot.cli.options import AsJson, Team
from bot.core.access import Access, Grant
from bot.core.audit import record_fields
from bot.core.errors import BadInput
from bot.core.values import utc_now

commands = typer.Typer()

# Members written at once, each a transaction with its audit entry.
WORKERS = 8
# Bytes: some million rows.
MAX_FILE_BYTES = 256 * 1024 * 1024
# Of the rules that have ended.
MAX_NAMED = 10


@commands.command("import", epilog=f"Columns: {', '.join(COLUMNS)}. Kinds: {', '.join(KINDS)}.")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, readable=True)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would be.")] = False,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Mappings and rules from a CSV file: one row for each, all checked before anything is written.

    The first row names the columns, in any order. A row is about one `principal` (a Slack id) and of one `kind`: a
    `mapping` has at least `domain` and `profile`, and what else it needs of `alias`, `region`, `role_arn`, `space`,
    `landing`, `session_seconds` and `profile_arn`; a rule has `until` (a date, whose end it is, or a full time) and
    `reason`, if any. `export` prints a file of this kind. An apostrophe before =, +, - or @ at the beginning of a
    reason is there for spreadsheets, and not part of it.

    Nothing is taken away: what is stored and not in the file stays. Importing twice changes nothing, and importing
    again finishes what was interrupted. Whether SageMaker has the profiles is `studio-links doctor`'s to say.

    Example: studio-links import members.csv --dry-run
    """
    roster = _read(file)
    if roster.problems:
        _refuse(file, [str(problem) for problem in roster.problems], roster.more, as_json=as_json)
    run = CommandContext(team, WORKERS)
    importing = Import(run.admin, run.tenant, run.actor)
    changing: list[Difference] = []
    failures: list[Failure] = []
    unchanged = 0
    principals, rows = len(roster.wanted), roster.rows
    for each in console.progress(importing.compare(roster.wanted), total=principals, doing="comparing"):
        if isinstance(each, Failure):
            failures.append(each)
        else:
            unchanged += each.unchanged
            changing += [each] if each.after else []
    if failures:
        _refuse(file, [f"{each.principal}: {each.why}" for each in failures], 0, as_json=as_json)
    if not dry_run:
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="import") as pool:
            outcomes = importing.write(changing, pool)
            for outcome in console.progress(outcomes, total=len(changing), doing="writing"):
                failures += [outcome] if isinstance(outcome, Failure) else []
    _report(rows, changing, unchanged, failures, as_json=as_json, dry_run=dry_run)
    _warn_of_ended(changing)
    if failures:
        raise typer.Exit(1)


@commands.command()
def export(*, team: Team = None, as_json: AsJson = False) -> None:
    """All mappings and rules as a CSV file that `import` reads back as it was.

    Who set what and when is not part of it: that is in the audit. With --json, the same rows as objects.

    Example: studio-links export > members.csv
    """
    run = CommandContext(team)
    members = dict(run.admin.members(run.tenant))
    workspace = run.admin.workspace(run.tenant)
    for grant in workspace.grants:
        before = members.get(grant.principal, Access())
        members[grant.principal] = replace(before, grants=(*before.grants, grant))
    lines = write(sorted(members.items()))
    if as_json:
        console.print_json(list(csv.DictReader(lines)))
    else:
        sys.stdout.writelines(lines)
    unreadable = [f"{user}: {name}" for user, access in members.items() for name in access.unreadable]
    unreadable += workspace.unreadable
    if unreadable:
        raise BadInput(
            f"left out, because they cannot be read: {', '.join(unreadable)}: `studio-links forget` removes them"
        )


def _read(file: Path) -> ParsedFile:
    size = file.stat().st_size
    if size > MAX_FILE_BYTES:
        raise BadInput(f"{file} has {size // 2**20} MB, more than {MAX_FILE_BYTES // 2**20}: import it in parts")
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return read(lines)
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{file} is not in UTF-8 (byte {error.start}): save it as “CSV UTF-8”, then import it"
        ) from None
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from error


def _refuse(file: Path, problems: list[str], more: int, *, as_json: bool) -> None:
    """Tell all that is wrong, and end: nothing was written."""
    if as_json:
        console.print_json({"written": False, "problems": problems, "more": more})
    else:
        for problem in problems:
            console.fail(f"{file}: {problem}")
    total = len(problems) + more
    shown = f", of which the first {len(problems)} are shown" if more else ""
    raise BadInput(f"{file}: {total} problem{'s' if total > 1 else ''}{shown}; nothing was written")


def _warn_of_ended(changing: list[Difference]) -> None:
    """A word on rules that have ended before they were written."""
    now = utc_now()
    rules = [record for each in changing for record in each.after.values() if isinstance(record, Grant)]
    ended = [rule.describe(now) for rule in rules if not rule.holds_at(now)]
    if ended:
        shown = "; ".join(ended[:MAX_NAMED]) + ("; …" if len(ended) > MAX_NAMED else "")
        has, they = ("s has", "they are") if len(ended) > 1 else (" has", "it is")
        console.warn(f"the time of {len(ended)} rule{has} passed, so {they} not in force: {shown}")


def _report(
    rows: int,
    changing: list[Difference],
    unchanged: int,
    failed: list[Failure],
    *,
    as_json: bool,
    dry_run: bool,
) -> None:
    """What was, or would be, written."""
    not_written = {failure.principal for failure in failed}
    done = [each for each in changing if each.principal not in not_written]
    counts = {
        "rows": rows,
        "added": sum(each.added for each in done),
        "changed": sum(len(each.before) for each in done),
        "unchanged": unchanged,
    }
    if as_json:
        changes = [
            {"principal": each.principal, "what": name, "before": each.before.get(name), "after": record}
            for each in done
            for name, record in each.after.items()
        ]
        console.print_json({"written": not dry_run, **counts, "failed": failed, "changes": changes})
        return
    if dry_run:
        table = (
            (
                "change" if name in each.before else "add",
                each.principal,
                name.replace("#", " "),
                describe_changes(
                    record_fields(each.before[name]) if name in each.before else {}, record_fields(record)
                ),
            )
            for each in done
            for name, record in each.after.items()
        )
        console.print_table(["", "principal", "what", "details"], table, empty="nothing to change")
    for failure in failed:
        console.fail(f"{failure.principal}: {failure.why}")
    added, changed = ("to add", "to change") if dry_run else ("added", "changed")
    console.print_line(
        f"{counts['rows']} rows: {counts['added']} {added}, {counts['changed']} {changed}, "
        f"{counts['unchanged']} unchanged"
    )
