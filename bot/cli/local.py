"""Run the stand-ins for AWS and Slack on this machine."""

import json
import os
import shutil
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import console
from bot.core.errors import BadInput, ConfigError
from bot.core.values import USER_AGENT, install_hint

EXTRA = "demo"

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
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Run no bot; write the settings of one to FILE."),
    ] = None,
) -> None:
    """Run the whole product on this machine without any account: the bot and a Slack-like workspace in the browser.

    With --settings, start the bot yourself, as compose.yaml does: `set -a; . FILE; studio-links serve --socket`.

    Example: studio-links demo --link-seconds 10
    """
    if settings and once:
        raise BadInput("--once plays with a bot of its own: leave out --once or --settings")
    _local().demo(
        port=port, once=once, socket_mode=socket or bool(settings), link_seconds=link_seconds, settings_file=settings
    )


def _local() -> Any:
    """Import the stand-ins, an extra that production does not need."""
    try:
        return import_module("bot.local.demo.demo")
    except ModuleNotFoundError as error:
        if not find_spec("moto"):
            _run_with_extra()
        raise ConfigError(f"the stand-ins need {error.name}: install the extra ({install_hint(EXTRA)})") from error


def _run_with_extra() -> None:
    """Run this command again with the extra, if uvx or pipx runs it; return if it was installed in another way.

    Both install into an environment of their own, and they install what they have installed the bot from: the public
    index may have somebody else's package of this name.
    """
    source = _source()
    if not source:
        return
    if uv := os.environ.get("UV"):  # uv sets it for what it runs
        runner = [uv, "tool", "run", "--from"]
    elif Path(sys.prefix, "pipx_metadata.json").exists() and (pipx := shutil.which("pipx")):
        runner = [pipx, "run", "--spec"]
    else:
        return
    console.print_line("Installing the stand-ins for AWS and Slack, once ...")
    console.out().file.flush()
    os.execv(runner[0], [*runner, f"{USER_AGENT}[{EXTRA}] @ {source}", USER_AGENT, *sys.argv[1:]])  # noqa: S606


def _source() -> str | None:
    """Return where the installed bot comes from: a file, folder, archive or commit, as PEP 610 records it."""
    try:
        record: dict[str, Any] = json.loads(distribution(USER_AGENT).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:  # it runs from its sources
        return None
    if "vcs_info" in record:
        return f"{record['vcs_info']['vcs']}+{record['url']}@{record['vcs_info']['commit_id']}"
    return record.get("url")
