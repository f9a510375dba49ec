"""What has happened: the audit, filtered."""

import json
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import typer

from bot import console
from bot.admin.changes import flat, parse_when
from bot.admin.csv_file import csv_line, safe_cell
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Team
from bot.core.audit import DONE, ISSUED, REQUESTED, UNDELIVERED
from bot.core.link import Reason
from bot.core.records import Entry
from bot.core.values import InvalidValue, utc_now

commands = typer.Typer()

OUTCOMES = (ISSUED, UNDELIVERED, REQUESTED, DONE, *(reason.value for reason in Reason))
CSV_COLUMNS = (
    "at",
    "member",
    "action",
    "outcome",
    "by",
    "door",
    "alias",
    "domain_id",
    "profile_name",
    "space_name",
    "landing_uri",
    "rule",
    "detail",
    "opened_at",
    "before",
    "after",
    "aws_request_id",
    "aws_session",
    "id",
)


@commands.command()
def history(
    user: Annotated[str | None, typer.Argument(metavar="[SLACK_USER]", help="Only this member.")] = None,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="How far back: 8h, 30d, 2026-01-31. 7d unless told.")
    ] = None,
    day: Annotated[str | None, typer.Option(metavar="DAY", help="Only this day (UTC), such as 2026-01-31.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="ADMIN", help="Only what they did: a Slack id, or part of a caller's ARN.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="OUTCOME", help="Only this outcome, such as issued, done or not_allowed.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 1000,
    team: Team = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")] = False,
) -> None:
    """The audit, newest first: requests and administrative changes, with what was there before and after.

    It is read by member or by day, never as a whole; --by and --outcome choose from what is read.

    Example: studio-links history --by U0ADMIN01 --day 2026-01-31
    """
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    if outcome is not None and outcome not in OUTCOMES:
        raise InvalidValue("outcome", outcome, f"one of {', '.join(OUTCOMES)}")
    start, end = _span(since, day)
    run = CommandContext(team)
    found = run.admin.history(run.tenant, user, start, limit + 1, before=end, by=by, outcome=outcome)
    entries = _newest(found, limit)
    if as_json:
        console.print_json([_fields(entry) for entry in entries])
    elif as_csv:
        _print_csv(entries)
    else:
        rows = ((e.at, e.subject, f"{e.action} {e.outcome}", _details(e)) for e in entries)
        console.print_table(
            ["at (UTC)", "member", "what", "details"], rows, empty="nothing has happened in that time"
        )


def _newest(found: Iterable[Entry], limit: int) -> Iterator[Entry]:
    """So many of them, and a word where there are more."""
    for number, entry in enumerate(found, start=1):
        if number > limit:
            console.warn(f"there are more: these are the newest {limit}, --limit takes another number")
            return
        yield entry


def _span(since: str | None, day: str | None) -> tuple[datetime, datetime | None]:
    """From when, and until before when, entries are wanted."""
    if day is None:
        return parse_when(since or "7d", utc_now(), sign=-1), None
    if since is not None:
        raise typer.BadParameter("choose one of --since and --day")
    try:
        start = datetime.combine(date.fromisoformat(day), time(), UTC)
        return start, start + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InvalidValue("day", day, "a day such as 2026-01-31") from None


def _details(entry: Entry) -> str:
    """What an entry says beside its columns: for a change, each value that is another now."""
    parts = (
        entry.profile_name and f"{entry.profile_name} in {entry.domain_id}",
        entry.opened_at and f"opened {entry.opened_at:%Y-%m-%d %H:%M:%S}",
        entry.actor != entry.subject and f"by {entry.actor}",
        entry.detail,
        changes_in_words(entry.before or {}, entry.after or {}),
    )
    return "; ".join(part for part in parts if part)


def changes_in_words(before: Dictionary[str, object], after: Dictionary[str, object]) -> str:
    """Each value that differs, as it was and as it is, save who set it and when."""
    old, new = flat(before), flat(after)
    return "; ".join(
        f"{name}: {old.get(name, '-')} → {new.get(name, '-')}"
        for name in {**old, **new}
        if old.get(name) != new.get(name) and not name.endswith(("set_by", "set_at"))
    )


def _fields(entry: Entry) -> dict[str, Any]:
    """The entry as JSON values; `door` is what `source` was called before 0.2.0."""
    return {**console.plain(entry), "door": entry.source.value}


def _print_csv(entries: Iterable[Entry]) -> None:
    sys.stdout.write(csv_line(CSV_COLUMNS))
    for entry in entries:
        values = {**_fields(entry), "member": entry.subject, "by": entry.actor}
        sys.stdout.write(csv_line(_cell(values[name]) for name in CSV_COLUMNS))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return safe_cell(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value))
