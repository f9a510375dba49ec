"""Read and write the CSV file of `import` and `export`: one row per mapping or rule. Pure.

A principal is an id, or a member's e-mail address or @name. A mapping fills the columns of `MAPPING_FIELDS`; a rule
fills `until` (a date means its end, UTC) and `reason`. An empty `profile_arn` keeps the stored one.
The first row names the columns, in any order; unused ones may be left out.
As in spreadsheets, semicolons or tabs may separate cells, a line `sep=,` may come first, empty columns may have no
heading, and rows may be short.
`read` returns exactly what `write` wrote, and `write` then writes the same bytes.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from bot.admin.csv_cells import csv_line, restored_cell, safe_cell
from bot.admin.names import UnclearName, is_name
from bot.admin.times import parse_when
from bot.core.access import Access, Effect, Grant, Mapping
from bot.core.values import DEFAULT_ALIAS, USER_ID, InvalidValue, check_pattern

# The columns of a mapping, and the fields that they fill.
MAPPING_FIELDS = {
    "alias": "alias",
    "domain": "domain_id",
    "profile": "profile_name",
    "region": "region",
    "role_arn": "role_arn",
    "space": "space_name",
    "landing": "landing_uri",
    "session_seconds": "session_seconds",
    "profile_arn": "profile_arn",
}
OF_RULES = ("until", "reason")
COLUMNS = ("principal", "kind", *MAPPING_FIELDS, *OF_RULES)
# Whether to make a mapping's profile. It is no record, so `write` has no such column.
CREATE, YES_OR_NO = "create", re.compile("(yes|no)?")
ALL_COLUMNS = (*COLUMNS, CREATE)
# The columns whose values name them differently.
_COLUMN_OF = {"role": "role_arn", "session seconds": "session_seconds", "profile ARN": "profile_arn"}
MAPPING = "mapping"
KINDS = (MAPPING, *(effect.value for effect in Effect))

# The most mappings of a member in one change: each may touch two profile locks, and DynamoDB takes a hundred items in
# a transaction.
MAX_MAPPINGS = 40
# The most row errors to keep; the rest is counted.
MAX_PROBLEMS = 100

SEPARATORS = ",;\t"
# Excel's way to name the separator.
SEPARATOR_LINE = re.compile(rf'"?sep=([{SEPARATORS}])"?\s*', re.IGNORECASE)
# Python's stand-ins for bytes that are not UTF-8.
NO_UTF_8 = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class RowError:
    """The reason why a row cannot be imported, the line of the file on which it begins, and the column if one is."""

    line: int
    reason: str
    column: str = ""

    def __str__(self) -> str:
        return f"line {self.line}{f', column {self.column}' if self.column else ''}: {self.reason}"


@dataclass(slots=True)
class ParsedFile:
    """The content of a file.

    Attributes:
        target: each principal's mappings and rules.
        rows: the number of rows, without headings and empty ones.
        creations: the mappings whose profiles are to be made, with their members.
        problems: at most `MAX_PROBLEMS`; `more` counts the rest.
    """

    target: dict[str, Access] = field(default_factory=dict)
    rows: int = 0
    creations: list[tuple[str, Mapping]] = field(default_factory=list)
    problems: list[RowError] = field(default_factory=list)
    more: int = 0


def write(members: Iterable[tuple[str, Access]]) -> Iterator[str]:
    """Yield the lines of the file, headings first; each member's rows have a fixed order."""
    yield csv_line(COLUMNS)
    for principal, access in members:
        for mapping in sorted(access.mappings, key=lambda mapping: mapping.alias):
            cells = (getattr(mapping, field) for field in MAPPING_FIELDS.values())
            yield csv_line((principal, MAPPING, *cells, None, None))
        for grant in sorted(access.grants, key=lambda grant: grant.effect):
            until = grant.until and grant.until.astimezone(UTC).isoformat()
            no_mapping = [None] * len(MAPPING_FIELDS)
            yield csv_line((principal, grant.effect.value, *no_mapping, until, safe_cell(grant.reason)))


def read(lines: Iterable[str], find_id: Callable[[str], str]) -> ParsedFile:
    """Parse the lines of a file and collect everything wrong with them.

    Args:
        lines: with their line ends, as `open(..., newline="")` yields them.
        find_id: returns the id of the member with an e-mail address or @name, or raises UnclearName.
    """
    return _Reading(find_id).read(lines)


@dataclass(slots=True)
class _Reading:
    """Read one file; remember the line of everything that no row may repeat."""

    find_id: Callable[[str], str]
    parsed: ParsedFile = field(default_factory=ParsedFile)
    seen: dict[tuple[str, ...], int] = field(default_factory=dict)
    holders: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def read(self, lines: Iterable[str]) -> ParsedFile:
        columns: list[str] | None = None
        for line, cells in self._rows(lines):
            try:
                if columns is None:
                    columns = _columns(cells)
                    continue
                self.parsed.rows += 1
                self._take(line, _by_name(columns, cells))
            except UnclearName as error:
                self._problem(line, str(error), _letter((columns or []).index("principal")))
            except ValueError as error:
                self._problem(line, str(error), _column_of(error, columns or []))
                if columns is None:  # without headings nothing else makes sense
                    return self.parsed
        if columns is None and not self.parsed.problems:
            self._problem(1, f"the file is empty: its first row must name the columns, such as {','.join(COLUMNS)}")
        return self.parsed

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that is not empty, with the line on which it begins."""
        separator, skipped, lines = _without_preamble(iter(lines))
        reader = csv.reader(lines, delimiter=separator, strict=True)
        while True:
            begins = skipped + reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._problem(begins, f"its quotation marks are unbalanced, or a cell is too long ({error})")
                continue
            if any(cell.strip() for cell in cells):
                yield begins, cells

    def _problem(self, line: int, reason: str, column: str = "") -> None:
        if len(self.parsed.problems) < MAX_PROBLEMS:
            self.parsed.problems.append(RowError(line, reason, column))
        else:
            self.parsed.more += 1

    def _take(self, line: int, row: dict[str, str]) -> None:
        """Add a row to the records of the file; ValueError says what is wrong with it."""
        kind = row["kind"].lower()
        if kind not in KINDS:
            raise InvalidValue("kind", row["kind"], f"one of {', '.join(KINDS)}")
        principal = self.find_id(row["principal"]) if is_name(row["principal"]) else row["principal"]
        before = self.parsed.target.get(principal, Access())
        if kind == MAPPING:
            mapping = _mapping(principal, row)
            self._once(line, f"{principal} has the alias {mapping.alias}", principal, mapping.alias)
            self._one_holder(line, principal, mapping)
            if len(before.mappings) == MAX_MAPPINGS:
                raise ValueError(f"{principal} has more than {MAX_MAPPINGS} mappings: one file takes no more of them")
            after = Access((*before.mappings, mapping), before.grants)
            check_pattern(CREATE, row[CREATE].lower(), YES_OR_NO, 3, "yes, no or empty")
            if row[CREATE].lower() == "yes":
                self.parsed.creations.append((principal, mapping))
        else:
            grant = _grant(principal, Effect(kind), row)
            self._once(line, f"{principal} has a rule of the kind {kind}", principal, "", kind)
            after = Access(before.mappings, (*before.grants, grant))
        self.parsed.target[principal] = after

    def _once(self, line: int, what: str, *key: str) -> None:
        first = self.seen.setdefault(key, line)
        if first != line:
            raise ValueError(f"{what} on line {first} already: keep one of them")

    def _one_holder(self, line: int, principal: str, mapping: Mapping) -> None:
        holder, first = self.holders.setdefault(mapping.profile_key, (principal, line))
        if holder != principal:
            raise ValueError(
                f"profile {mapping.profile_name} in {mapping.domain_id} is mapped to {holder} on line {first}: "
                "map it to one member only"
            )


def _without_preamble(lines: Iterator[str]) -> tuple[str, int, Iterator[str]]:
    """Return the separator, the number of lines before the headings, and the lines from the headings on."""
    for number, line in enumerate(lines):
        first = line.removeprefix("\ufeff") if number == 0 else line
        if named := SEPARATOR_LINE.fullmatch(first):
            return named[1], number + 1, lines
        if first.strip():
            return max(SEPARATORS, key=first.count), number, chain([first], lines)
    return SEPARATORS[0], 0, lines


def _columns(cells: list[str]) -> list[str]:
    """Return the names in the first row, "" for a column without one; ValueError if they are wrong."""
    columns = [cell.strip().lower() for cell in cells]
    names = [name for name in columns if name]
    if unknown := ", ".join(repr(name) for name in names if name not in ALL_COLUMNS):
        raise ValueError(f"unknown column {unknown}: the columns are {', '.join(ALL_COLUMNS)}")
    if len(set(names)) < len(names):
        raise ValueError("a column is named twice: name each one once")
    if missing := [name for name in COLUMNS[:2] if name not in names]:
        raise ValueError(f"the column {' and '.join(missing)} is missing")
    return columns


def _by_name(columns: list[str], cells: list[str]) -> dict[str, str]:
    row = dict.fromkeys(ALL_COLUMNS, "")
    for number, cell in enumerate(cells):
        name = columns[number] if number < len(columns) else ""
        if name:
            row[name] = cell if name == "reason" else cell.strip()
        elif cell.strip():
            raise ValueError(f"column {_letter(number)} has no heading: name it in the first row, or empty this cell")
        if "\0" in cell:
            raise InvalidValue(name, cell, "text without NUL characters")
        if NO_UTF_8.search(cell):
            raise InvalidValue(name, cell, "in UTF-8: save the file as “CSV UTF-8”")
    return row


def _column_of(error: ValueError, columns: list[str]) -> str:
    """Return the letter of the column with the invalid value; "" if the file has none."""
    name = _COLUMN_OF.get(error.field_name, error.field_name) if isinstance(error, InvalidValue) else None
    return _letter(columns.index(name)) if name in columns else ""


def _letter(index: int) -> str:
    """Return a column's letters, as spreadsheets show them: A, …, Z, AA, …"""
    return (_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)  # noqa: PLR2004 - letters


def _mapping(principal: str, row: dict[str, str]) -> Mapping:
    check_pattern("principal", principal, USER_ID, 31, "a Slack user id such as U0123ABCD")
    _must_be_empty(row, OF_RULES, "a mapping")
    seconds = row["session_seconds"]
    if seconds and not re.fullmatch("[0-9]{1,9}", seconds):
        raise InvalidValue("session seconds", seconds, "a whole number from 1800 to 43200")
    fields: dict[str, Any] = {field: row[column] or None for column, field in MAPPING_FIELDS.items()}
    fields |= {"alias": row["alias"] or DEFAULT_ALIAS, "domain_id": row["domain"], "profile_name": row["profile"]}
    mapping = Mapping(**fields | {"session_seconds": int(seconds) if seconds else None})
    if mapping.profile_arn is not None:
        ends = re.escape(f":user-profile/{mapping.domain_id}/{mapping.profile_name}")
        pattern = re.compile(f"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{{12}}{ends}", re.IGNORECASE | re.ASCII)
        check_pattern("profile ARN", mapping.profile_arn, pattern, 256, "the ARN of the profile of this row")
    return mapping


def _grant(principal: str, effect: Effect, row: dict[str, str]) -> Grant:
    _must_be_empty(row, (*MAPPING_FIELDS, CREATE), "a rule")
    return Grant(
        principal=principal,
        effect=effect,
        # Not a span, which would end at another time each time it is imported.
        until=parse_when(row["until"], datetime.now(UTC), name="until", spans=False) if row["until"] else None,
        reason=restored_cell(row["reason"]),
    )


def _must_be_empty(row: dict[str, str], names: Iterable[str], what: str) -> None:
    for name in names:
        if row[name]:
            raise InvalidValue(name, row[name], f"empty, because {what} has none")
