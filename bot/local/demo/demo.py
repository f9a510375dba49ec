"""`studio-links demo` and `studio-links local-aws`: the product and its stand-ins on this machine."""

import os
import signal
import socket
from types import FrameType

from bot import console
from bot.core.errors import StudioLinksError
from bot.local.aws.stand_in import LocalAws
from bot.local.demo.script import play
from bot.local.demo.stage import Stage, stage

PORT = 8600


def demo(
    *, port: int | None = None, once: bool = False, socket_mode: bool = False, link_seconds: int | None = None
) -> None:
    """Run the whole product. With `once`, play the scripted run and return; else stay until interrupted.

    Args:
        port: where the page is served; 0 takes any free one. The scripted run has no page and takes a free one.
        socket_mode: Slack's requests go through a connection that the bot opens, instead of over HTTP.
        link_seconds: how long links live, where the default is too long to wait for.

    Raises:
        StudioLinksError: the bot did not start, or a step of the run did not happen.
    """
    _stop_like_ctrl_c()
    if port is None:
        port = 0 if once else PORT
    settings = {} if link_seconds is None else {"STUDIO_LINK_SECONDS": str(link_seconds)}
    console.print_line("Starting a stand-in AWS, a stand-in Slack workspace and the bot. No account is used.")
    try:
        with stage(port, socket=socket_mode, environment=settings) as running:
            if once:
                play(running)
                console.print_line("Every step happened as it should.")
            else:
                _introduce(running)
                _stay()
    except OSError as error:
        raise StudioLinksError(f"the demo cannot listen: {error}; choose another --port") from error


def _introduce(running: Stage) -> None:
    seconds = running.settings.studio_link_seconds
    console.print_line(f"\n  Open {running.workspace.url}/ in a browser.\n")
    console.print_line("It is a demo: a Slack-like workspace for this machine alone, with the real bot behind it.")
    console.print_line(f"Links live {seconds} seconds; --link-seconds changes that. Stop everything with Ctrl-C.")


def serve_aws(port: int) -> None:
    """Run the AWS stand-in until interrupted, and say how to use it.

    Raises:
        StudioLinksError: the port is taken.
    """
    _stop_like_ctrl_c()
    try:
        aws = LocalAws(port=port).start()
    except OSError as error:
        raise StudioLinksError(
            f"cannot listen on port {port}: {os.strerror(error.errno or 0)}; choose another --port"
        ) from error
    try:
        console.print_line(
            f"A stand-in for AWS (DynamoDB, STS, SageMaker) listens on {aws.endpoint}, starting empty."
        )
        console.print_line("In the shell that is to use it:\n")
        for name, value in aws.environment().items():
            console.print_line(f"export {name}={value}")
        console.print_line("\nFor example: aws sagemaker list-domains\nStop it with Ctrl-C.")
        _stay()
    finally:
        aws.stop()


def _stay() -> None:
    """Wait until a signal ends the program.

    Not with signal.pause(): the system hands a signal to any thread, and only if that is this one does pause() end.
    https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """
    render_context, writer = socket.socketpair()
    with render_context, writer:
        writer.settimeout(0)  # as it has to be: the signal must not wait for us
        before = signal.set_wakeup_fd(writer.fileno())
        try:
            while True:
                render_context.recv(1)  # and then Python runs the signal's handler, in this thread
        finally:
            signal.set_wakeup_fd(before)


def _stop_like_ctrl_c() -> None:
    """Let SIGTERM end the program the way Ctrl-C does: everything is taken down."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
