"""The stand-ins for AWS and Slack on this machine."""

from importlib import import_module
from typing import Annotated, Any

import typer

from bot.core.errors import ConfigError

commands = typer.Typer()


@commands.command("local-aws")
def local_aws(
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Where to listen; 0 picks one.")] = 5001,
) -> None:
    """A stand-in for AWS on this machine, for the AWS CLI or boto3: DynamoDB, STS and SageMaker Studio's sign-in.

    Example: studio-links local-aws --port 5001
    """
    _local().serve_aws(port)


@commands.command()
def demo(
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65535, help="Where the page is served (8600); 0 picks a free port."),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Play one scripted run in the terminal, then exit.")] = False,
    socket: Annotated[bool, typer.Option("--socket", help="Over Socket Mode instead of HTTP.")] = False,
    link_seconds: Annotated[
        int | None,
        typer.Option(metavar="N", min=5, max=300, help="How long links live, to see one expire without waiting."),
    ] = None,
) -> None:
    """The whole product on this machine, no account needed: a Slack-like workspace in the browser, and the bot.

    Example: studio-links demo --link-seconds 10
    """
    _local().demo(port=port, once=once, socket_mode=socket, link_seconds=link_seconds)


def _local() -> Any:
    """The stand-ins, which are an extra: a bot in production has no use for them."""
    try:
        return import_module("bot.local.demo.demo")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the stand-ins need {error.name}: install them with `pip install 'studio-links[local]'`"
        ) from error
