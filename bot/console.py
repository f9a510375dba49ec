"""Print for the command line: tables for people, JSON for programs, one line for an error."""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, track
from rich.table import Table
from rich.text import Text

from bot.core.values import escape_controls
from bot.observability.logs import redactor

T = TypeVar("T")

# A pipe has no width, and rows must not be folded there.
PIPE_WIDTH = 10_000
# Columns up to this width, such as ids and times, are not folded.
SHORT = 23
# Rows of a table to read before they are printed: the next ones get headings of their own.
ROWS_AT_ONCE = 100


def out() -> Console:
    """Return the current standard output: wide and plain on a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def print_line(line: str) -> None:
    """Print one line literally on standard output."""
    out().print(Text(_visible(line)), soft_wrap=True)


def print_link(url: str) -> None:
    """Print an address that can be clicked even where it fills several rows."""
    out().print(Text(url, f"link {url}"), soft_wrap=True)


def print_wrapped(line: str, *, indent: int) -> None:
    """Print a line on standard output; on a terminal, wrap it between words and indent what follows the first row."""
    wrapped = textwrap.fill(
        _visible(line),
        out().width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    print_line(wrapped)


def warn(line: str) -> None:
    """Print a note on standard error."""
    Console(stderr=True, highlight=False).print(
        Text(_visible(f"note: {redactor.clean(line)}"), "yellow"), soft_wrap=True
    )


def fail(line: str) -> None:
    """Print on standard error why a command failed: in one line, or one for each of several wrong variables."""
    line = f"studio-links: {redactor.clean(line)}"  # it may repeat a secret from the wrong variable
    Console(stderr=True, highlight=False).print(Text(_visible(line), "red"), soft_wrap=True)


def is_terminal() -> bool:
    """Return whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Ask on standard error and read the answer from standard input."""
    return typer.confirm(_visible(question), err=True)


def agreed(question: str, *, yes: bool) -> bool:
    """Return whether a command may go on: --yes was given, or the user agrees. Without a terminal, ask nothing."""
    return yes or not is_terminal() or confirm(question)


def progress(items: Iterable[T], *, total: int | None = None, doing: str) -> Iterator[T]:
    """Yield the items and show a progress bar on standard error, if that is a terminal."""
    console, total = Console(stderr=True), len(items) if isinstance(items, Sized) else total
    yield from track(items, doing, total, console=console, transient=True, disable=not console.is_terminal)


def reading(items: Iterable[T], what: str) -> Iterator[T]:
    """Yield the items and count them on standard error, if that is a terminal.

    Where the items are printed on a terminal as well, their rows take the place of the count.
    """
    console = Console(stderr=True)
    columns = ("reading {task.description}: {task.completed}", TimeElapsedColumn())
    # Redirected, standard output would end up on standard error.
    bar = Progress(
        *columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_interactive
    )
    with bar:
        for number, item in enumerate(bar.track(items, description=what)):
            if number == 0 and sys.stdout.isatty():
                bar.stop()
            yield item


def print_json(value: object) -> None:
    """Print a value as JSON: dataclasses as objects, times in ISO 8601."""
    # rich would fold and colour it, and this is for programs.
    out().file.write(_json(value) + "\n")


def print_json_array(values: Iterable[object]) -> None:
    """Print values like a list of them, each as soon as it is read. Without the end, the array is not JSON."""
    file, before = out().file, "[\n  "
    for value in values:
        file.write(before + _json(value).replace("\n", "\n  "))
        before = ",\n  "
    file.write("\n]\n" if before.startswith(",") else "[]\n")


def _json(value: object) -> str:
    return escape_controls(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: object) -> Any:
    """Return a value as JSON can hold it."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under headings; on a pipe, tab-separated lines without headings. Print `empty` if there are none.

    Nothing is cut off on a narrow terminal, and ids are folded last. Rows are printed before all are read.
    """
    console, texts = out(), ([_cell(value) for value in row] for row in rows)
    if not console.is_terminal:
        for row in texts:
            console.file.write("\t".join(row) + "\n")
        return
    some = list(islice(texts, ROWS_AT_ONCE))
    if not some:
        print_line(empty)
    while some:
        _print_rows(console, columns, some)
        some = list(islice(texts, ROWS_AT_ONCE))


def _print_rows(console: Console, columns: Sequence[str], texts: Sequence[Sequence[str]]) -> None:
    longest = [max(map(len, cells)) for cells in zip(columns, *texts, strict=True)]
    roomy = sum(min(length, SHORT) + 1 for length in longest) <= console.width
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, length in zip(columns, longest, strict=True):
        table.add_column(name, overflow="fold", no_wrap=roomy and length <= SHORT)
    for row in texts:
        table.add_row(*map(Text, row))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else str(value)
    return _visible(" ".join(text.split())) or "-"


def _visible(text: str) -> str:
    """Escape control characters, which a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
        for letter in text
    )
