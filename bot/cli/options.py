"""Options that several commands share."""

from typing import Annotated

import typer

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
