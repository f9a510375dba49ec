"""`studio-links demo` and `studio-links local-aws`: the product and its stand-ins on this machine."""

import signal
import socket
from types import FrameType

from bot import console
from bot.core.errors import StudioLinksError
from bot.local.aws.stand_in import LocalAws
from bot.local.demo.running import running_demo
from bot.local.demo.script import play

PORT = 8600


def demo(
    *, port: int | None = None, once: bool = False, socket_mode: bool = False, link_seconds: int | None = None
) -> None:
    """Run the whole product. With `once`, play the scripted run and return; otherwise run until interrupted.

    Args:
        port: where the page is served; 0 takes any free one. The scripted run has no page and takes a free one.
        socket_mode: Slack sends its requests through a connection that the bot opens, instead of over HTTP.
        link_seconds: how long links live.

    Raises:
        StudioLinksError: the bot did not start, or a step of the run failed.
    """
    _stop_like_ctrl_c()
    if port is None:
        port = 0 if once else PORT
    settings = {} if link_seconds is None else {"STUDIO_LINK_SECONDS": str(link_seconds)}
    console.print_line("Starting a demo on this machine; it uses no account.")
    try:
        with running_demo(port, socket=socket_mode, environment=settings, progress=_show_progress) as running:
            if once:
                play(running)
                console.print_line("Every step worked.")
                return
            console.print_line(f"\n  Open {running.workspace.url}/ in a browser.\n")
            console.print_line(
                "The page is a Slack-like workspace for this machine alone, with the real bot behind it."
            )
            seconds = running.settings.studio_link_seconds
            console.print_line(
                f"Links live {seconds} seconds; --link-seconds changes that. Stop everything with Ctrl-C."
            )
            _wait_for_signal()
    except OSError as error:
        raise StudioLinksError(_with_option(error)) from error


def serve_aws(port: int) -> None:
    """Run the AWS stand-in until interrupted, and print how to use it.

    Raises:
        StudioLinksError: the port is taken.
    """
    _stop_like_ctrl_c()
    try:
        aws = LocalAws(port=port).start()
    except OSError as error:
        raise StudioLinksError(_with_option(error)) from error
    try:
        console.print_line(
            f"A stand-in for AWS (DynamoDB, STS, SageMaker) listens on {aws.endpoint}, starting empty."
        )
        console.print_line("In the shell that is to use it:\n")
        for name, value in aws.environment().items():
            console.print_line(f"export {name}={value}")
        console.print_line("\nFor example: aws sagemaker list-domains\nStop it with Ctrl-C.")
        _wait_for_signal()
    finally:
        aws.stop()


def _show_progress(part: str) -> None:
    console.print_line(f"  Starting {part} …")


def _with_option(error: OSError) -> str:
    return str(error.args[-1]).replace("another port", "another --port")


def _wait_for_signal() -> None:
    """Wait until a signal ends the program.

    signal.pause() does not do it: the system hands a signal to any thread, and pause() ends only for this one.
    https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.settimeout(0)  # required: the signal must not wait for us
        before = signal.set_wakeup_fd(writer.fileno())
        try:
            while True:
                reader.recv(1)  # and then Python runs the signal's handler, in this thread
        finally:
            signal.set_wakeup_fd(before)


def _stop_like_ctrl_c() -> None:
    """Let SIGTERM end the program the way Ctrl-C does: everything stops cleanly."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
