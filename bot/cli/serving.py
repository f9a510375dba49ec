"""Running the bot, and setting up its app in Slack."""

from typing import Annotated

import structlog
import typer

from bot import console
from bot.observability import logs
from bot.slack import manifest as slack_app

log = structlog.get_logger()
commands = typer.Typer()


@commands.command()
def serve(
    *,
    socket: Annotated[
        bool, typer.Option("--socket", help="Connect to Slack over Socket Mode instead of listening for HTTP.")
    ] = False,
) -> None:
    """Run the bot: over HTTP, or over Socket Mode for networks that Slack cannot reach.

    Example: HOST=0.0.0.0 PORT=8080 studio-links serve
    """
    from bot.config import HttpSettings, SocketSettings, load
    from bot.variables import drop_ignored_variables

    ignored = drop_ignored_variables()
    settings = load(SocketSettings) if socket else load(HttpSettings)
    logs.configure(level=settings.log_level, style=settings.log_format)
    for name, why in ignored.items():
        log.warning("variable_ignored", variable=name, why=why)
    from bot.app.serving import serve as run

    run(settings)


@commands.command()
def manifest(
    *,
    socket: Annotated[bool, typer.Option("--socket", help="For Socket Mode, which needs no URL.")] = False,
    url: Annotated[
        str,
        typer.Option(
            metavar="URL", help="The address at which Slack reaches the bot, such as https://studio.example.com."
        ),
    ] = slack_app.PLACEHOLDER,
) -> None:
    """Print the manifest for creating the app in Slack, or for updating it after an upgrade.

    Example: studio-links manifest --url https://studio.example.com
    """
    if socket and url != slack_app.PLACEHOLDER:
        console.warn("--url is ignored: Socket Mode needs no address")
    console.out().file.write(slack_app.manifest(socket=socket, url=url))
