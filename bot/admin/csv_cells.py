"""Write cells of CSV that no spreadsheet runs. Pure.

Spreadsheets run a cell that begins with `=`, `+`, `-` or `@` as a formula. Where a text would begin such a cell, at
its beginning or after a character at which some spreadsheets split cells, `safe_cell` adds an apostrophe and
`restored_cell` removes it. https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import io
import re
from collections.abc import Iterable

from bot.core.values import escape_controls

# Includes the full-width forms, which East Asian spreadsheets treat alike.
FORMULA = r"(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
CELL_BEGINS = r"((?:^|[,;\t\r\n|])[ ]*)"
UNSAFE = re.compile(f"{CELL_BEGINS}('*){FORMULA}")
MADE_SAFE = re.compile(f"{CELL_BEGINS}'('*){FORMULA}")


def safe_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs as a formula, with control characters in escaped form."""
    return UNSAFE.sub(r"\1'\2", escape_controls(text))


def restored_cell(cell: str) -> str:
    """Return the text of which `safe_cell` made this cell, control characters aside."""
    return MADE_SAFE.sub(r"\1\2", cell)


def csv_line(cells: Iterable[object]) -> str:
    """Return cells as a line of CSV with its line end."""
    line = io.StringIO()
    # The writer quotes only characters of its line end, and a lone carriage return needs quotes.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
