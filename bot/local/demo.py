"""`studio-links demo` and `studio-links local-aws`: the product and its stand-ins on this machine."""

import signal
import sys
from types import FrameType

from bot import console
from bot.errors import StudioLinksError
from bot.local.aws import LocalAws
from bot.local.script import play
from bot.local.shell import converse
from bot.local.stage import stage


def demo(*, port: int, once: bool) -> None:
    """Run the whole product. With `once`, play the scripted run and return; else stay until interrupted.

    Raises:
        StudioLinksError: the bot did not start, or a step of the run did not happen.
    """
    _stop_like_ctrl_c()
    console.say("Starting a stand-in AWS, a stand-in Slack workspace and the bot. No account is used.")
    try:
        with stage(port) as running:
            if once:
                play(running)
                console.say("Every step happened as it should.")
            else:
                converse(running, sys.stdin)
    except OSError as error:
        raise StudioLinksError(f"the demo cannot listen: {error}; choose another --port") from error


def serve_aws(port: int) -> None:
    """Run the AWS stand-in until interrupted, and say how to use it.

    Raises:
        StudioLinksError: the port is taken.
    """
    _stop_like_ctrl_c()
    try:
        aws = LocalAws(port=port).start()
    except OSError as error:
        raise StudioLinksError(f"cannot listen on port {port}: {error.strerror}; choose another --port") from error
    try:
        console.say(f"A stand-in for AWS (DynamoDB, STS, SageMaker) listens on {aws.endpoint}, starting empty.")
        console.say("In the shell that is to use it:\n")
        for name, value in aws.environment().items():
            console.say(f"export {name}={value}")
        console.say("\nFor example: aws sagemaker list-domains\nStop it with Ctrl-C.")
        signal.pause()
    finally:
        aws.stop()


def _stop_like_ctrl_c() -> None:
    """Let SIGTERM end the program the way Ctrl-C does: everything is taken down."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
