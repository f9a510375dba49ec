"""Output of the command line, on a terminal and on a pipe."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from io import StringIO

import pytest

from bot import console
from tests.cli import Terminal

ROWS = [
    ("2026-01-31 12:00:00", "U0123ABCD", "import done", "mapping#default alias: - → default; " * 3),
    ("2026-01-31 12:00:01", "U0456EFGHIJ", "map done", f"by cli:arn:aws:sts::123456789012:{'assumed-role/' * 5}x"),
]
COLUMNS = ["at (UTC)", "member", "what", "details"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Emulate a terminal of eighty columns, without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    return monkeypatch


@pytest.mark.usefixtures("terminal")
def test_narrow_terminal_keeps_ids_and_times_whole(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(COLUMNS, ROWS, empty="")

    printed = capsys.readouterr().out
    assert all(len(line) <= 80 for line in printed.splitlines())
    for at, member, what, _ in ROWS:
        assert f"{at}  {member} " in printed
        assert f" {what} " in printed


@pytest.mark.parametrize("width", ["80", "30", "12"])
def test_narrow_terminal_cuts_nothing_off(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: str
) -> None:
    terminal.setenv("COLUMNS", width)

    console.print_table(["who", "role"], [("U0123ABCD", "a" * 100), ("U0456EFGH", "b" * 100)], empty="")

    printed = capsys.readouterr().out
    assert printed.count("a") == 100
    assert "…" not in printed


def test_pipe_gets_one_tab_separated_line_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(["who", "why"], [("U0123ABCD", "x" * 200), (None, "two\tparts\nand more")], empty="nobody")

    assert capsys.readouterr().out == f"U0123ABCD\t{'x' * 200}\n-\ttwo parts and more\n"


@pytest.mark.public(30)
def test_times_carry_their_zone(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(["at"], [(datetime(2030, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),)], empty="")

    assert capsys.readouterr().out == "2030-01-01 00:00:00 UTC\n"


HOSTILE = "a\x1b[2Jb \x9b31m \x07 \u202ec \r\b"
SHOWN = r"a\x1b[2Jb \x9b31m \x07 \u202ec"


@pytest.mark.parametrize("forced", ["", "1"], ids=["pipe", "terminal"])
def test_control_characters_are_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], forced: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", forced)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")

    console.print_table(["why"], [(HOSTILE,)], empty="")
    console.print_line(HOSTILE)
    console.warn(HOSTILE)
    console.fail(HOSTILE)

    out, err = capsys.readouterr()
    assert out.count(SHOWN) == 2
    assert err.count(SHOWN) == 2
    assert not {"\x1b", "\x9b", "\x07", "\u202e", "\b"} & set(out + err)


@pytest.mark.public(13)
@pytest.mark.usefixtures("terminal")
def test_wrapped_line_keeps_words_whole(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["✗", "domain", "d-abc:", *(f"word-{number}" for number in range(30)), "https://example.com/" + "x" * 90]
    console.print_wrapped(" ".join(words), indent=4)

    lines = capsys.readouterr().out.splitlines()
    assert [word for line in lines for word in line.split()] == words
    assert all(len(line) <= 80 or "https" in line for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])


@pytest.mark.parametrize("form", ["table", "json"])
def test_rows_on_a_pipe_are_printed_while_others_are_read(capsys: pytest.CaptureFixture[str], form: str) -> None:
    def rows() -> Iterator[tuple[str]]:
        yield ("first",)
        assert "first" in capsys.readouterr().out
        yield ("last",)

    if form == "table":
        console.print_table(["who"], rows(), empty="")
    else:
        console.print_json_array(rows())

    assert "last" in capsys.readouterr().out


@pytest.mark.usefixtures("terminal")
def test_rows_on_a_terminal_are_printed_a_hundred_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    read, printed = 250, []

    def rows() -> Iterator[tuple[str]]:
        for number in range(read):
            printed.append(len(capsys.readouterr().out.splitlines()))
            yield (f"U{number:04}",)

    console.print_table(["who"], rows(), empty="")

    headings = 1
    assert {number: lines for number, lines in enumerate(printed) if lines} == {
        100: 100 + headings,
        200: 100 + headings,
    }
    assert len(capsys.readouterr().out.splitlines()) == 50 + headings


@pytest.mark.parametrize("count", [0, 1, 3])
def test_array_reads_like_a_list(capsys: pytest.CaptureFixture[str], count: int) -> None:
    values = [{"name": f"two\nlines\u2028{number}", "within": [{}, {"at": None}]} for number in range(count)]

    console.print_json_array(iter(values))
    streamed = capsys.readouterr().out
    console.print_json(values)

    assert streamed == capsys.readouterr().out
    assert json.loads(streamed) == values


def test_array_that_ends_early_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    def values() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        console.print_json_array(values())

    with pytest.raises(ValueError, match="Expecting"):
        json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("rows_on_terminal", [False, True])
def test_count_on_standard_error_leaves_standard_output_alone(
    monkeypatch: pytest.MonkeyPatch, *, rows_on_terminal: bool
) -> None:
    out, err = Terminal() if rows_on_terminal else StringIO(), Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    shown = []

    for number in console.reading(iter(range(3)), "members"):
        out.write(f"{number}\n")
        shown.append(len(err.getvalue()))

    assert out.getvalue() == "0\n1\n2\n"
    assert "reading members: 0" in err.getvalue()
    assert not rows_on_terminal or shown[0] == shown[-1]  # nothing is drawn between the rows


def test_nothing_is_counted_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(console.reading(iter(range(3)), "members")) == [0, 1, 2]

    assert capsys.readouterr().err == ""
