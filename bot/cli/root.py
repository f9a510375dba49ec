"""The whole `studio-links` command: the families of commands side by side, and its exit codes."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, NoReturn

import typer

from bot import console
from bot.admin.commands import ParseError
from bot.cli import (
    audit,
    doctor,
    erase,
    history,
    iam,
    init,
    listing,
    local,
    members,
    offboard,
    requests,
    revoke,
    running,
    serving,
    sync,
    tables,
    transfer,
)
from bot.core.errors import StudioLinksError
from bot.core.values import InvalidValue, our_version
from bot.observability import logs

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

cli = typer.Typer(
    help="A Slack bot that gives members 60-second sign-in links to SageMaker Studio.\n\n"
    "Example: studio-links demo --once",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # paragraphs are filled, however wide their lines are here
    # typer's own tracebacks show local variables, secrets among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        console.print_line(f"studio-links {our_version()}")
        raise typer.Exit


@cli.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


OF_ACCESS = (init, members, offboard, listing, requests, erase, transfer, sync, history)
OF_INSTALLATION = (audit, doctor, iam, serving, revoke, running, tables, local)
for each in (*OF_ACCESS, *OF_INSTALLATION):
    cli.add_typer(each.commands)


def main() -> NoReturn:
    """Run this process's command line and exit. Its output is UTF-8 in every locale, with the same line ends."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    logs.catch_crashes()
    sys.exit(_flushed(run()))


def _flushed(code: int) -> int:
    """Write what standard output still holds; return the exit code. A reader that has seen enough is no error."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes it once more at its end
        if code == DONE and not isinstance(error, BrokenPipeError):
            console.fail(_describe(error))
        return code or FAILED
    return code


def _describe(error: OSError) -> str:
    what = error.strerror or type(error).__name__
    return f"{what}: {error.filename}" if error.filename else what


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; print one line on standard error if it fails.

    Args:
        arguments: those after `studio-links`; None for the process's own.
    """
    logs.configure(level="ERROR", style="console")
    try:
        cli(arguments, prog_name="studio-links", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE
    except (InvalidValue, ParseError) as error:
        console.fail(str(error))
        return USAGE
    except StudioLinksError as error:
        console.fail(str(error))
    except OSError as error:  # such as a full disk behind standard output
        console.fail(_describe(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    return FAILED
