"""What the command line prints: tables for people, JSON for programs, one line for what went wrong."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from bot.observability.logs import redactor

T = TypeVar("T")

# On a pipe rich knows no width; rows must not be folded there.
PIPE_WIDTH = 10_000
# Columns of no more than so many characters, such as those of ids and times, are not folded. Others may want so many.
SHORT = 20


def out() -> Console:
    """Standard output, as it is now: wide and plain on a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def print_line(line: str) -> None:
    """One line on standard output, taken literally."""
    out().print(Text(_visible(line)), soft_wrap=True)


def warn(line: str) -> None:
    """One line on standard error that stops nothing."""
    Console(stderr=True, highlight=False).print(
        Text(_visible(f"note: {redactor.clean(line)}"), "yellow"), soft_wrap=True
    )


def fail(line: str) -> None:
    """The one line on standard error that says why a command failed."""
    line = f"studio-links: {redactor.clean(line)}"  # it may repeat what was put into the wrong variable
    Console(stderr=True, highlight=False).print(Text(_visible(line), "red"), soft_wrap=True)


def progress(items: Iterable[T], *, total: int | None, doing: str) -> Iterator[T]:
    """The items as they come, with a bar on standard error that says how far they have come; only on a terminal."""
    console = Console(stderr=True)
    yield from track(items, doing, total, console=console, transient=True, disable=not console.is_terminal)


def print_json(value: object) -> None:
    """A value as JSON, dataclasses as objects, times in ISO 8601."""
    # Not rich's printer: it folds and colours, and this is for programs.
    out().file.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def plain(value: object) -> Any:
    """A value as JSON can hold it."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Rows under headings; on a pipe, tab-separated lines without headings. `empty` stands for no rows.

    Nothing is cut off, however narrow the terminal is, and ids are not folded if there is any room.
    """
    console, texts = out(), [[_cell(value) for value in row] for row in rows]
    if not console.is_terminal:
        for row in texts:
            console.file.write("\t".join(row) + "\n")
        return
    if not texts:
        print_line(empty)
        return
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
    text = f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
    return _visible(" ".join(text.split())) or "-"


def _visible(text: str) -> str:
    """A text without what a terminal would obey instead of showing it: whoever wrote it may be no friend."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
        for letter in text
    )
