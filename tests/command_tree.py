"""The tree of commands, made once for a process: making it takes a third of a short command's time."""

from functools import cache

import typer.main


def keep_commands() -> None:
    """Have Typer make the commands of an app for its first run only. May be called again."""
    if not hasattr(typer.main.get_command, "cache_info"):
        setattr(typer.main, "get_command", cache(typer.main.get_command))  # noqa: B010 - mypy rejects the assignment
