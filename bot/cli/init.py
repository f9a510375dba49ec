"""Set up the bot in the terminal: from nothing to `/studio` in Slack."""

from pathlib import Path
from typing import Annotated

import typer

from bot import console
from bot.core.errors import BadInput

commands = typer.Typer()


@commands.command()
def init(
    *,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", exists=True, dir_okay=False, help="Variables and answers, like .env."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; fail where an answer is missing.")] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Don't start the bot at the end.")] = False,
) -> None:
    """Set up the bot step by step: `.env`, the Slack app, the tables, you as administrator, and the first members.

    You need AWS credentials and a SageMaker domain that signs in through IAM. Run it again after an interruption: it
    goes on where it was. It changes no value that `.env` has.

    FILE sets variables of the bot, such as SLACK_BOT_TOKEN, SLACK_APP_TOKEN and AWS_REGION, and answers: INIT_DOMAIN
    (a domain's id), INIT_ADMIN (your address or id in Slack), INIT_PROFILE (yours, if its name differs from your
    address) and INIT_MEMBERS (all, none, or addresses).

    Example: studio-links init --yes --from studio.env --no-serve
    """
    if not yes and not console.is_terminal():
        raise BadInput("there is no terminal to ask on: run `studio-links init --yes --from FILE` (see --help)")
    try:
        from bot.cli.init_steps import set_up

        start = set_up(from_, yes=yes, no_serve=no_serve)
    except (typer.Abort, EOFError, KeyboardInterrupt):
        typer.echo(err=True)  # ends the prompt's own line
        console.fail("stopped: `studio-links init` goes on from here")
        raise typer.Exit(130) from None
    if start:
        from bot.cli.serving import serve

        serve(socket=True)
