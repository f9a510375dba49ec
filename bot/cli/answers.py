"""The answers of `init`: from `.env`, a file, this shell, or somebody at the terminal."""

import os
from collections.abc import Callable, Mapping
from getpass import getpass
from pathlib import Path
from typing import TypeVar

import typer

from bot import console
from bot.app import env_file
from bot.core.errors import BadInput, ConfigError
from bot.core.values import InvalidValue
from bot.observability.logs import redactor
from bot.variables import bare

T = TypeVar("T")
ENV = Path(".env")
BOT, APP, ADMINS = CHECKED = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "STUDIO_ADMINS")
# What is no variable of the bot.
DOMAIN, ADMIN, PROFILE, MEMBERS = INIT = ("INIT_DOMAIN", "INIT_ADMIN", "INIT_PROFILE", "INIT_MEMBERS")
# What counts of this shell's variables; the bot needs them in other shells, too.
KEPT = ("SLACK_", "STUDIO_", "AWS_PROFILE", "AWS_ENDPOINT_URL", "INIT_")


class Answers:
    """The given answers, and those still to ask for. `.env` goes before the file, and the file before this shell.

    Args:
        source: a file like `.env`, which may also have answers of INIT.
        yes: ask nothing.
    """

    def __init__(self, source: Path | None, *, yes: bool) -> None:
        self.yes, self.in_env, in_file = yes, env_file.read(ENV), env_file.read(source) if source else {}
        for name, value in in_file.items():
            if self.in_env.get(name, value) != value:
                raise BadInput(f"{name} has another value in .env: correct it there, or remove it from {source}")
            if name.startswith("INIT_") and name not in INIT:
                raise BadInput(f"{source} has {name}, which is no answer: use {', '.join(INIT)}")
        shell = {name: value for name, value in os.environ.items() if name.startswith(KEPT) and value}
        self.given = {**shell, **in_file, **self.in_env}
        self.chosen: dict[str, str] = {}  # answers of INIT that somebody typed, for the next run
        redactor.register(*(bare(self.given[name]) for name in (BOT, APP) if name in self.given))
        os.environ.update({name: value for name, value in self.given.items() if name not in INIT})

    def settings(self, region: str) -> dict[str, str]:
        """Return the given variables that need no check of their own."""
        return {"AWS_REGION": region} | {n: text for n, text in self.given.items() if n not in (*INIT, *CHECKED)}

    def get(
        self, name: str, question: str, check: Callable[[str], T], *, default: str | None = None, hidden: bool = False
    ) -> T:
        """Return what the check makes of an answer. Somebody at the terminal can correct theirs.

        Raises:
            BadInput: the given answer is wrong, or there is none and nobody to ask.
            SlackError: Slack could not be reached.
        """
        if text := bare(self.given.get(name, "")):
            try:
                return check(text)
            except (BadInput, ConfigError, InvalidValue) as error:
                where = ".env" if name in self.in_env else "the file of --from, or in this shell"
                raise BadInput(f"{name}: {error}; correct it in {where}, then run this again") from None
        if self.yes:
            raise BadInput(f"{name} is missing: set it in the file of --from, as `studio-links init --help` shows")
        while True:
            try:
                # Unlike click, getpass hides what is typed before it asks.
                text = getpass(f"{question}: ") if hidden else typer.prompt(question, default=default)
                return check(bare(text))
            except (BadInput, ConfigError, InvalidValue) as error:
                console.fail(str(error))

    def pick(self, name: str, question: str, options: Mapping[str, T], *, default: str) -> T:
        """Return the option that is named; errors as for `get`."""

        def check(text: str) -> T:
            if text not in options:
                raise BadInput(f"choose one of {', '.join(options)}")
            return options[text]

        return self.get(name, question, check, default=default)

    def agreed(self, question: str) -> bool:
        """Return whether the answer is yes, without asking if so told."""
        return self.yes or typer.confirm(question, default=True)

    def keep(self, values: Mapping[str, str]) -> None:
        """Add variables to `.env`, which changes none, and to this process."""
        if added := env_file.add(ENV, values):
            console.print_wrapped(f"  .env: added {', '.join(added)}", indent=4)
        os.environ.update(values)


def show_command(line: str) -> None:
    """Print the command that does the same as the step."""
    console.print_line(f"  $ {line}")
