"""`studio-links demo` and `studio-links local-aws`: the product and its stand-ins on this machine."""

import os
import signal
import sys
import threading
import time
import webbrowser
from contextlib import suppress
from pathlib import Path

from bot import console
from bot.core.errors import StudioLinksError
from bot.local.aws.stand_in import LocalAws
from bot.local.demo.running import running_demo
from bot.local.demo.script import play

PORT = 8600
WELCOME = """
  {how} {url}/

The page is a Slack-like workspace for this machine alone, with the real bot behind it. It leads through five steps.
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
    if not once:  # a minute after the start, ana hears of what she has left running
        settings["STUDIO_RUNNING_HOURS"] = "12"
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
            url, seconds = running.workspace.url, running.settings.studio_link_seconds
            how = "Your browser opens" if open_in_browser(f"{url}/") else "Open this in a browser:"
            console.print_line(WELCOME.format(how=how, url=url, seconds=seconds))
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


def open_in_browser(url: str) -> bool:
    """Open the page, and return whether there is a browser with a window to do that; not for a machine under CI."""
    has_window = sys.platform == "darwin" or any(map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")))
    if os.environ.get("CI") or not has_window:
        return False
    with suppress(webbrowser.Error, ValueError):
        webbrowser.get()  # it fails if nothing can open a page, or if BROWSER makes no sense
        # Some browsers return once they are closed.
        threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
        return True
    return False


def _with_option(error: OSError) -> str:
    return str(error.args[-1]).replace("another port", "another --port")


def _wait_for_signal() -> None:
    """Wait until a signal ends the program.

    signal.pause() doesn't: the system hands a signal to any thread, and pause() ends only for this one.
    """
    while True:
        time.sleep(0.2)
