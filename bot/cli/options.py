"""What the commands have in common: their options, the settings, and who runs them."""

from typing import Annotated

import typer

from bot import console
from bot.app import wiring as app
from bot.config import Settings, load
from bot.core.link import Source
from bot.core.records import Actor
from bot.observability import logs

User = Annotated[str, typer.Argument(metavar="SLACK_USER", help="Slack user id, such as U0123ABCD.")]
Principal = Annotated[
    str,
    typer.Argument(
        metavar="PRINCIPAL", help="Slack user id, such as U0123ABCD, or user group id, such as S0123ABCD."
    ),
]
Team = Annotated[
    str | None,
    typer.Option(help="Slack team id, where neither SLACK_BOT_TOKEN nor STUDIO_TEAMS settles it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Until = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Until when: 8h, 30d, 2026-12-31 (its end, UTC), or a full time.")
]
Why = Annotated[
    str,
    typer.Option(
        metavar="TEXT",
        help="Why; kept with the rule and in the audit. The member reads why they are allowed, in whoami.",
    ),
]


def read_settings() -> Settings:
    """The environment, for commands that do their work and end."""
    settings = load(Settings)
    # What a command has to say it says itself; its log is for those who ask for it.
    logs.configure(level=settings.log_level if "log_level" in settings.model_fields_set else "ERROR", style="console")
    return settings


def actor(settings: Settings) -> Actor:
    """Who runs this command line, for the audit."""
    name = app.caller(settings)
    if name.startswith(app.UNKNOWN_CALLER):
        console.warn(f"STS does not say whose credentials these are: the audit says {name}")
    return Actor(name, Source.CLI)
