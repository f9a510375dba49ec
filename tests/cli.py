"""The `studio-links` command, run in the tests' own process: starting one costs more than most commands do."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from subprocess import CompletedProcess

import boto3
import pytest
import structlog

from bot.cli.root import run
from tests.command_tree import keep_commands

keep_commands()


class Terminal(StringIO):
    """A stream that somebody reads, or types into."""

    def isatty(self) -> bool:
        return True


def run_command(*arguments: str, environment: Mapping[str, str], typed: str | None = None) -> "CompletedProcess[str]":
    """Run `studio-links` with these variables beside the process's own; return what a subprocess would.

    Args:
        typed: what somebody types into the terminal; None without one.
    """
    out, err = StringIO(), StringIO() if typed is None else Terminal()
    with pytest.MonkeyPatch.context() as patch, _logging_kept(), redirect_stdout(out), redirect_stderr(err):
        if typed is not None:
            patch.setattr(sys, "stdin", Terminal(typed))
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it may hold other credentials
        code = run(arguments)
    return CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Put back how the tests log: a command sets up its own logging."""
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in logging.root.manager.loggerDict)]
    levels, handlers, chain = [each.level for each in loggers], logging.root.handlers[:], structlog.get_config()
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        logging.root.handlers[:] = handlers
        structlog.configure(**chain)
