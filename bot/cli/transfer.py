"""Import and export many members as a CSV file."""

import csv
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from io import SEEK_END, BufferedReader, TextIOWrapper
from itertools import groupby, takewhile
from operator import attrgetter
from signal import SIGINT, signal
from threading import Event
from typing import Annotated

import typer

from bot import console
from bot.admin.bulk_import import Difference, Failure, Import
from bot.admin.csv_file import COLUMNS, KINDS, ParsedFile, read
from bot.admin.csv_file import write as csv_lines
from bot.admin.notices import Notice, notices
from bot.cli import new_profiles, offboard
from bot.cli.context import CommandContext
from bot.cli.history import describe_changes
from bot.cli.options import AsJson, Team
from bot.core.access import Access, Grant, Workspace
from bot.core.audit import record_fields
from bot.core.errors import BadInput
from bot.core.values import utc_now

commands = typer.Typer()

# Members to write at once, each in a transaction with its audit entry.
WORKERS = 8
# Bytes: about a million rows.
MAX_FILE_BYTES = 256 * 1024 * 1024
# The most ended rules to name.
MAX_NAMED = 10


@commands.command("import", epilog=f"Columns: {', '.join(COLUMNS)}. Kinds: {', '.join(KINDS)}.")
def import_(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(metavar="FILE.csv", help="The file; - reads standard input.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show the changes.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="List members who are not in the file; with --yes, off-board them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --prune, off-board them.")] = False,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Import mappings and rules from a CSV file, one per row. Every row is checked before anything is written.

    The first row names the columns, in any order. Each row has a `principal` (an id, or a member's
    e-mail address or @name) and a `kind`. A `mapping`
    needs `domain` and `profile`, and may have `alias`, `region`, `role_arn`, `space`, `landing`, `session_seconds`
    and `profile_arn`. A rule may have `until` (a date, meaning its end, or a full time) and `reason`. `export` prints
    such a file. With `yes` in a column `create`, a mapping's profile is made as by `map --create`. An apostrophe
    before =, +, - or @ at the beginning of a reason protects spreadsheets; it is not part of the reason.

    An import removes nothing, unless --prune and --yes off-board those with a mapping or an allow rule whom the file
    no longer has, as `offboard` does. Importing twice changes nothing, and importing again finishes an interrupted
    import. Use `studio-links doctor` to check that SageMaker has the profiles.

    Example: studio-links import members.csv --dry-run
    """
    context = cache(partial(CommandContext, team, WORKERS))
    parsed = _read(file, lambda name: context().find_listed(name))
    if parsed.problems:
        _refuse(file.name, [str(problem) for problem in parsed.problems], parsed.more, as_json=as_json)
    if prune:
        offboard.require_members(parsed.target)
    run, listed = context(), frozenset(parsed.target)  # comparing empties it
    made = new_profiles.prepare_rows(run, parsed)
    importing = Import(run.admin, run.tenant, run.actor)
    changing, failures, unchanged = compare(importing, parsed.target)
    if failures:
        _refuse(file.name, [f"{each.principal}: {each.why}" for each in failures], 0, as_json=as_json)
    if not dry_run:
        failures = write(run, importing, changing)
    _report(parsed.rows, changing, unchanged, failures, as_json=as_json, dry_run=dry_run)
    _warn_of_ended(changing)
    not_written = {failure.principal for failure in failures}
    made = {user: mappings for user, mappings in made.items() if user not in not_written}
    if dry_run:
        for user, mappings in made.items():
            console.warn(f"{user}: would make {', '.join(f'{m.profile_name} in {m.domain_id}' for m in mappings)}")
    elif made:
        new_profiles.make(run, made)
    if prune and not failures:
        offboard.prune(run, listed, yes=yes and not dry_run)
    if failures:
        raise typer.Exit(1)


def compare(importing: Import, target: dict[str, Access]) -> tuple[list[Difference], list[Failure], int]:
    """Return the changes to write, the failures, and the number of unchanged records."""
    changing: list[Difference] = []
    failures: list[Failure] = []
    unchanged, principals = 0, len(target)
    try:
        for each in console.progress(importing.compare(target), total=principals, doing="comparing"):
            if isinstance(each, Failure):
                failures.append(each)
            else:
                unchanged += each.unchanged
                changing += [each] if each.after else []
    except KeyboardInterrupt:
        console.fail("interrupted: nothing was written")
        raise
    return changing, failures, unchanged


def write(run: CommandContext, importing: Import, changing: list[Difference]) -> list[Failure]:
    """Write the changes, send what they call for, and return what failed.

    Raises:
        KeyboardInterrupt: somebody has pressed Ctrl-C; what had begun by then is finished, and counted.
    """
    failures: list[Failure] = []
    told: list[Notice] = []
    done = 0
    with _interruptible() as interrupted, ThreadPoolExecutor(WORKERS, thread_name_prefix=importing.action) as pool:
        begun = takewhile(lambda _: not interrupted.is_set(), changing)
        for each in console.progress(importing.write(begun, pool), total=len(changing), doing="writing"):
            if isinstance(each, Failure):
                failures.append(each)
                continue
            done += 1
            for name, record in each.after.items():
                before, now = each.before.get(name), utc_now()
                told += notices(run.tenant, each.principal, run.actor, before, record, now=now)
    run.notify(told)
    if done + len(failures) < len(changing):
        console.fail(
            f"interrupted: {done} of {len(changing)} members and groups were written, each with all its changes. "
            "Run the same command again to write the rest"
        )
        raise KeyboardInterrupt
    return failures


@contextmanager
def _interruptible() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C sets, instead of an error; the second one ends the command at once."""
    interrupted = Event()

    def interrupt(*_: object) -> None:
        interrupted.set()
        signal(SIGINT, before)

    before = signal(SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal(SIGINT, before)


@commands.command()
def export(*, team: Team = None, as_json: AsJson = False) -> None:
    """Print all mappings and rules as a CSV file for `import`. With --json, print the rows as objects.

    Groups come first, then members in the order in which DynamoDB has them. The file does not say who set a record
    and when: the audit does.

    Example: studio-links export > members.csv
    """
    run = CommandContext(team)
    workspace = run.admin.access.workspace(run.tenant)
    unreadable = list(workspace.unreadable)
    lines = csv_lines(console.reading(_everybody(run, workspace, unreadable), "members"))
    if as_json:
        console.print_json_array(csv.DictReader(lines))
    else:
        sys.stdout.writelines(lines)
    if unreadable:
        raise BadInput(
            f"left out, because they cannot be read: {', '.join(unreadable)}; remove them with `studio-links forget`"
        )


def _everybody(run: CommandContext, workspace: Workspace, unreadable: list[str]) -> Iterator[tuple[str, Access]]:
    """Yield the records of each group and member; add the names of those that cannot be read."""
    principal = attrgetter("principal")
    for group, grants in groupby(sorted(workspace.grants, key=principal), principal):
        yield group, Access(grants=tuple(grants))
    for user, access in run.admin.access.members(run.tenant):
        unreadable += [f"{user}: {name}" for name in access.unreadable]
        yield user, access


def _read(file: BufferedReader, find_id: Callable[[str], str]) -> ParsedFile:
    """Parse UTF-8, or the UTF-16 of some spreadsheets. Bytes that are neither are problems of their cells."""
    size = file.seek(0, SEEK_END) if file.seekable() else 0
    if size > MAX_FILE_BYTES:
        raise BadInput(f"{file.name} has {size // 2**20} MB, more than {MAX_FILE_BYTES // 2**20}: import it in parts")
    if size:
        file.seek(0)
    buffered = BufferedReader(file)
    start = buffered.peek(2)[:2]
    if start in (BOM_UTF16_LE, BOM_UTF16_BE):
        encoding = "utf-16"
    elif b"\0" in start:  # the file begins with a letter, as column names do
        encoding = "utf-16-be" if start[:1] == b"\0" else "utf-16-le"
    else:
        encoding = "utf-8"
    try:
        with TextIOWrapper(buffered, encoding, "surrogateescape", newline="") as lines:
            return read(lines, find_id)
    except UnicodeDecodeError:
        raise BadInput(f"{file.name} is damaged UTF-16: save it as “CSV UTF-8”, then import it") from None
    except OSError as error:
        raise BadInput(f"{file.name} cannot be read: {error.strerror}") from error


def _refuse(file: str, problems: list[str], more: int, *, as_json: bool) -> None:
    """Print every problem and raise: nothing was written."""
    if as_json:
        console.print_json({"written": False, "problems": problems, "more": more})
    else:
        for problem in problems:
            console.fail(f"{file}: {problem}")
    total = len(problems) + more
    shown = f", of which the first {len(problems)} are shown" if more else ""
    raise BadInput(f"{file}: {total} problem{'s' if total > 1 else ''}{shown}; nothing was written")


def _warn_of_ended(changing: list[Difference]) -> None:
    now = utc_now()
    rules = [record for each in changing for record in each.after.values() if isinstance(record, Grant)]
    ended = [rule.describe(now) for rule in rules if not rule.holds_at(now)]
    if ended:
        shown = "; ".join(ended[:MAX_NAMED]) + ("; …" if len(ended) > MAX_NAMED else "")
        noun, are = ("rules", "are") if len(ended) > 1 else ("rule", "is")
        console.warn(f"{len(ended)} {noun} ended before now and {are} not in force: {shown}")


def _report(
    rows: int, changing: list[Difference], unchanged: int, failed: list[Failure], *, as_json: bool, dry_run: bool
) -> None:
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
