"""Show the audit."""

import json
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import fields
from typing import Annotated, Any

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.csv_file import csv_line, safe_cell
from bot.admin.history import flat
from bot.admin.specs import Name, Verb
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, add_verb
from bot.core.records import Entry
from bot.core.values import utc_now

commands = typer.Typer()

# The columns whose names differ from the entry's fields.
COLUMNS = {"subject": "member", "actor": "by", "source": "door"}
NOT_IN_CSV = {"attempt", "tenant", "link_sha256", "expires_at", "locale"}
CSV_COLUMNS = {COLUMNS.get(each.name, each.name): each.name for each in fields(Entry) if each.name not in NOT_IN_CSV}


def history(
    run: CommandContext,
    command: AdminCommand,
    *,
    limit: Annotated[int, typer.Option(min=1, help="The most entries to print.")] = 1000,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")] = False,
) -> None:
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    start, end = command.span(utc_now())
    by, outcome = command.fields.get(Name.BY), command.fields.get(Name.OUTCOME)
    user = command.principal or None
    found = run.admin.history(run.tenant, user, start, limit + 1, before=end, by=by, outcome=outcome)
    entries = _newest(found, limit)
    if as_json:
        console.print_json([_fields(entry) for entry in entries])
    elif as_csv:
        sys.stdout.write(csv_line(CSV_COLUMNS))
        for entry in entries:
            values = _fields(entry)
            sys.stdout.write(csv_line(_cell(values[name]) for name in CSV_COLUMNS.values()))
    else:
        rows = ((e.at, e.subject, f"{e.action} {e.outcome}", _details(e)) for e in entries)
        console.print_table(
            ["at (UTC)", "member", "what", "details"], rows, empty="nothing has happened in that time"
        )


add_verb(commands, Verb.HISTORY, history)


def _newest(found: Iterable[Entry], limit: int) -> Iterator[Entry]:
    """Yield up to `limit` entries; warn if more exist."""
    for number, entry in enumerate(found, start=1):
        if number > limit:
            console.warn(f"only the newest {limit} entries are shown: raise --limit to see more")
            return
        yield entry


def _details(entry: Entry) -> str:
    """Describe an entry beyond its columns: for a change, each value that differs."""
    parts = (
        entry.profile_name and f"{entry.profile_name} in {entry.domain_id}",
        entry.opened_at and f"opened {entry.opened_at:%Y-%m-%d %H:%M:%S}",
        entry.actor != entry.subject and f"by {entry.actor}",
        entry.detail,
        describe_changes(entry.before or {}, entry.after or {}),
    )
    return "; ".join(part for part in parts if part)


def describe_changes(before: Dictionary[str, object], after: Dictionary[str, object]) -> str:
    """Describe each value that differs, before and after, except who set it and when."""
    old, new = flat(before), flat(after)
    return "; ".join(
        f"{name}: {old.get(name, '-')} → {new.get(name, '-')}"
        for name in {**old, **new}
        if old.get(name) != new.get(name) and not name.endswith(("set_by", "set_at"))
    )


def _fields(entry: Entry) -> dict[str, Any]:
    """The entry as JSON values; `door` was the name of `source` before 0.2.0."""
    return {**console.plain(entry), "door": entry.source.value}


def _cell(value: object) -> str:
    if value is None:
        return ""
    return safe_cell(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value))
