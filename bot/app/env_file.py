"""The file `.env`: read it, and add to it without changing what it holds."""

import os
import re
import shlex
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from bot.core.errors import BadInput


def read(path: Path) -> dict[str, str]:
    """Return the variables that a file sets to something; none without the file.

    Raises:
        BadInput: it cannot be read.
    """
    found = dotenv_values(stream=StringIO(_text(path)), interpolate=False)
    return {name: value for name, value in found.items() if value}


def add(path: Path, values: Mapping[str, str]) -> list[str]:
    """Add the variables that the file does not set yet, and return their names. Only its owner can read it then.

    The file is replaced in one step, so that a full disk or an interruption leaves the old one.

    Raises:
        BadInput: it cannot be written, or a value not so that shells and other readers agree on it.
    """
    path = path.resolve()  # a link stays one
    missing = {name: value for name, value in values.items() if name not in read(path)}
    text = _text(path)
    for name, value in missing.items():
        line = _line(name, value)
        text, filled = re.subn(rf"^(export +)?{name}=[ \t]*$", lambda _: line, text, count=1, flags=re.MULTILINE)  # noqa: B023 - called at once
        if not filled:
            text += ("" if not text or text.endswith("\n") else "\n") + line + "\n"
    try:
        _replace(path, text)
    except OSError as error:
        raise BadInput(
            f"{path} could not be written ({error.strerror}), and is as it was: correct that, then run this again"
        ) from None
    return list(missing)


def _line(name: str, value: str) -> str:
    # Shells and readers of such files differ in what a quote or a backslash means inside quotes.
    quoted = f'"{value}"' if "'" in value and not re.search(r'[$`"\\]', value) else shlex.quote(value)
    line = f"{name}={quoted}"
    if dotenv_values(stream=StringIO(line), interpolate=False) != {name: value}:
        raise BadInput(f"{name} has quotes or backslashes that .env cannot hold: choose a value without them")
    return line


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadInput(f"{path} cannot be read ({why}): correct that, then run this again") from None


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".env-")  # mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
