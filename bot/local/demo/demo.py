"""`studio-links demo` and `studio-links local-aws`: the product and its stand-ins on this machine."""

import signal
import time
from pathlib import Path

from bot import console
from bot.core.errors import StudioLinksError
from bot.local.aws.stand_in import LocalAws
from bot.local.demo.running import running_demo
from bot.local.demo.script import play

PORT = 8600
WELCOME = """
  Open {url}/ in a browser.

The page is a Slack-like workspace for this machine alone, with the real bot behind it.
Links live {seconds} seconds; --link-seconds changes that. Stop everything with Ctrl-C."""


def demo(
    *,
    port: int | None = None,
    once: bool = False,
    socket_mode: bool = False,
    link_seconds: int | None = None,
    settings_file: Path | None = None,
) -> None:
    """Run the whole product. With `once`, play the scripted run and return; otherwise run until interrupted.

    The page is served on `port`; 0 takes any free one, as the scripted run does. With `settings_file`, the bot runs
    elsewhere, with the settings of that file.

    Raises:
        StudioLinksError: the bot did not start, or a step of the run failed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops everything cleanly, like Ctrl-C
    if port is None:
        port = 0 if once else PORT
    settings = {} if link_seconds is None else {"STUDIO_LINK_SECONDS": str(link_seconds)}
    console.print_line("Starting a demo on this machine; it uses no account.")

    def show(part: str) -> None:
        console.print_line(f"  Starting {part} …")

    try:
        with running_demo(
            port, socket=socket_mode, environment=settings, progress=show, settings_file=settings_file
        ) as running:
            if once:
                play(running)
                console.print_line("Every step worked.")
                return
            console.print_line(
                WELCOME.format(url=running.workspace.url, seconds=running.settings.studio_link_seconds)
            )
            _wait_for_signal()
    except OSError as error:
        raise StudioLinksError(_with_option(error)) from error


def serve_aws(port: int) -> None:
    """Run the AWS stand-in until interrupted, and print how to use it.

    Raises:
        StudioLinksError: the port is taken.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        aws = LocalAws(port=port).start()
    except OSError as error:
        raise StudioLinksError(_with_option(error)) from error
    try:
        console.print_line(f"A stand-in for AWS (DynamoDB, STS, SageMaker) listens on {aws.url}, starting empty.")
        console.print_line("In the shell that is to use it:\n")
        for name, value in aws.environment().items():
            console.print_line(f"export {name}={value}")
        console.print_line("\nFor example: aws sagemaker list-domains\nStop it with Ctrl-C.")
        _wait_for_signal()
    finally:
        aws.stop()


def _with_option(error: OSError) -> str:
    return str(error.args[-1]).replace("another port", "another --port")


def _wait_for_signal() -> None:
    """Wait until a signal ends the program.

    signal.pause() doesn't: the system hands a signal to any thread, and pause() ends only for this one.
    """
    while True:
        time.sleep(0.2)
