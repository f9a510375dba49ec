"""Running the bot."""

from typing import Annotated

import typer

from bot import logs
from bot.config import HttpSettings, SocketSettings, load

commands = typer.Typer()


@commands.command()
def serve(
    *, socket: Annotated[bool, typer.Option("--socket", help="Socket Mode: Slack is reached, not reaching.")] = False
) -> None:
    """The bot: over HTTP, or over Socket Mode for networks that Slack cannot reach.

    Example: HOST=0.0.0.0 PORT=8080 studio-links serve
    """
    settings = load(SocketSettings) if socket else load(HttpSettings)
    logs.configure(level=settings.log_level, style=settings.log_format)
    from bot.server import Server  # noqa: PLC0415 - gunicorn is needed by this command alone

    Server(settings).run()
