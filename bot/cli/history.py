"""Show the audit."""

import json
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.csv_cells import csv_line, safe_cell
from bot.admin.history import batches, flat, says_all, sentence, short_name
from bot.admin.names import label, shown_name
from bot.admin.specs import Name, Verb
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Ids, add_verb
from bot.core.access import Person
from bot.core.records import Entry
from bot.core.values import USER_ID, utc_now
from bot.slack.words.admin_en import AdminWords

commands = typer.Typer()

# The columns whose names differ from the entry's fields.
COLUMNS = {"subject": "member", "actor": "by", "source": "door"}
NOT_IN_CSV = {"attempt", "tenant", "link_sha256", "expires_at", "locale"}
OF_NAMES = ("name", "by_name")
# Entries whose people's names are looked up at once.
AT_ONCE = 200
People = Dictionary[str, Person]
CSV_COLUMNS = {COLUMNS.get(each.name, each.name): each.name for each in fields(Entry) if each.name not in NOT_IN_CSV}


def history(
    run: CommandContext,
    command: AdminCommand,
    *,
    limit: Annotated[int, typer.Option(min=1, help="The most entries to print.")] = 1000,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")] = False,
    ids: Ids = False,
) -> None:
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    start, end = command.span(utc_now())
    user, filters = command.principal or None, command.filters
    found = run.admin.history(run.tenant, user, start, limit + 1, before=end, **filters)
    entries = _newest(console.reading(found, "entries"), limit)
    if as_json:
        console.print_json_array(map(_fields, entries))
    elif as_csv:
        sys.stdout.write(csv_line((*CSV_COLUMNS, *(() if ids else OF_NAMES))))
        for entry, people in _with_names(run, ((entry,) for entry in entries), ids=ids):
            values = _fields(entry[0])
            names = () if ids else (label(people.get(each)) for each in (entry[0].subject, entry[0].actor))
            sys.stdout.write(csv_line(map(_cell, (*(values[name] for name in CSV_COLUMNS.values()), *names))))
    else:
        found_batches = batches(entries, apart=filters[Name.BY] is not None)
        rows = (_cells(batch, people, ids=ids) for batch, people in _with_names(run, found_batches, ids=ids))
        columns = ["at", "member", *([] if ids else ["name"]), "what", "details"]
        console.print_table(columns, rows, empty="nothing has happened in that time")


add_verb(commands, Verb.HISTORY, history)


def _newest(found: Iterable[Entry], limit: int) -> Iterator[Entry]:
    """Yield up to `limit` entries; warn if more exist."""
    for number, entry in enumerate(found, start=1):
        if number > limit:
            console.warn(f"only the newest {limit} entries are shown: raise --limit to see more")
            return
        yield entry


def _with_names(
    run: CommandContext, found: Iterable[tuple[Entry, ...]], *, ids: bool
) -> Iterator[tuple[tuple[Entry, ...], People]]:
    """Yield entries with what is known of the people in them, many at a time; nothing with `ids`."""
    rest = iter(found)
    while some := list(islice(rest, AT_ONCE)):
        users = {name for batch in some for name in (batch[0].subject, batch[0].actor) if USER_ID.fullmatch(name)}
        people = {} if ids else run.names.of(run.tenant, sorted(users))
        yield from ((batch, people) for batch in some)


def _cells(batch: tuple[Entry, ...], people: People, *, ids: bool) -> list[object]:
    names = [] if ids else [label(people.get(batch[0].subject))]
    return [batch[0].at, batch[0].subject, *names, _sentence(batch, people), _details(batch)]


def _sentence(batch: tuple[Entry, ...], people: People | None = None) -> str:
    def who(name: str) -> str:
        known = (people or {}).get(name)
        return f"{name} ({shown_name(known)})" if known and known.name else short_name(name)

    return sentence(batch, AdminWords.sentences, who=who, when=when, text=str, command="studio-links")


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
