"""Run the stand-ins for AWS and Slack on this machine."""

from importlib import import_module
from typing import Annotated, Any

import typer

from bot.core.errors import ConfigError
from bot.core.values import install_hint

commands = typer.Typer()


@commands.command("local-aws")
def local_aws(
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 picks a free one.")] = 5001,
) -> None:
    """Run a stand-in for AWS on this machine, for the AWS CLI or boto3: DynamoDB, STS and Studio sign-in.

    Example: studio-links local-aws --port 5001
    """
    _local().serve_aws(port)


@commands.command()
def demo(
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65535, help="Port of the page (8600); 0 picks a free one."),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Play one scripted run in the terminal and exit.")] = False,
    socket: Annotated[bool, typer.Option("--socket", help="Use Socket Mode instead of HTTP.")] = False,
    link_seconds: Annotated[
        int | None,
        typer.Option(metavar="N", min=5, max=300, help="Lifetime of links, to see one expire without waiting."),
    ] = None,
) -> None:
    """Run the whole product on this machine without any account: the bot and a Slack-like workspace in the browser.

    Example: studio-links demo --link-seconds 10
    """
    _local().demo(port=port, once=once, socket_mode=socket, link_seconds=link_seconds)


def _local() -> Any:
    """Import the stand-ins, an extra that production does not need."""
    try:
        return import_module("bot.local.demo.demo")
    except ModuleNotFoundError as error:
        raise ConfigError(f"the stand-ins need {error.name}: install the extra ({install_hint('local')})") from error
