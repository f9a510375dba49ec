"""Show the audit."""

import json
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.csv_file import csv_line, safe_cell
from bot.admin.history import batches, flat, says_all, sentence, short_name
from bot.admin.specs import Name, Verb
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, add_verb
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.slack.words.admin_en import AdminWords

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
    entries = _newest(console.reading(found, "entries"), limit)
    if as_json:
        console.print_json_array(map(_fields, entries))
    elif as_csv:
        sys.stdout.write(csv_line(CSV_COLUMNS))
        for entry in entries:
            values = _fields(entry)
            sys.stdout.write(csv_line(_cell(values[name]) for name in CSV_COLUMNS.values()))
    else:
        rows = (
            (batch[0].at, batch[0].subject, _sentence(batch), _details(batch))
            for batch in batches(entries, apart=by is not None)
        )
        console.print_table(["at", "member", "what", "details"], rows, empty="nothing has happened in that time")


add_verb(commands, Verb.HISTORY, history)


def _newest(found: Iterable[Entry], limit: int) -> Iterator[Entry]:
    """Yield up to `limit` entries; warn if more exist."""
    for number, entry in enumerate(found, start=1):
        if number > limit:
            console.warn(f"only the newest {limit} entries are shown: raise --limit to see more")
            return
        yield entry


def _sentence(batch: tuple[Entry, ...]) -> str:
    return sentence(batch, AdminWords.sentences, who=short_name, when=when, text=str, command="studio-links")


def _details(batch: tuple[Entry, ...]) -> str:
    """Describe what the sentence leaves out: each value that differs."""
    entry = batch[0]
    return "" if len(batch) > 1 or says_all(entry) else describe_changes(entry.before or {}, entry.after or {})


def when(time: datetime) -> str:
    """Return a time in UTC, or only the day at whose end it lies: "Dec 27", with the year if it is another one."""
    time = time.astimezone(UTC)
    whole = time.time() == datetime.min.time()
    day = time - timedelta(days=1) if whole else time
    text = f"{day:%b} {day.day}" + (f", {day.year}" if day.year != utc_now().year else "")
    return text if whole else f"{text}, {time:%H:%M} UTC"


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
