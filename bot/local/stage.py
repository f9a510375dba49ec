"""Everything that the demo needs, running on this machine: both stand-ins, and the bot as it runs in production."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from socket import create_server

from bot.config import Settings, load
from bot.errors import StudioLinksError
from bot.local.aws import LocalAws
from bot.local.seed import seed
from bot.local.workspace import Workspace

# Seconds the bot may take from its start until it is ready.
START_UP = 20.0


class MovableClock:
    """The time of day for the AWS stand-in, which a script can move on."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def move_on(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._ahead += seconds


@dataclass(frozen=True, slots=True)
class Stage:
    """The running demo."""

    aws: LocalAws
    workspace: Workspace
    settings: Settings
    domain_id: str
    bot_address: str
    clock: MovableClock


@contextmanager
def stage(port: int) -> Iterator[Stage]:
    """Start everything, seeded; stop it at the end. The bot listens on `port`, or on a free one if that is 0.

    Raises:
        StudioLinksError: the bot did not start.
    """
    clock = MovableClock()
    with LocalAws(clock=clock) as aws, Workspace() as workspace:
        os.environ.update(aws.environment())
        os.environ.update(
            SLACK_BOT_TOKEN=workspace.bot_token,
            SLACK_SIGNING_SECRET=workspace.signing_secret,
            SLACK_API_URL=workspace.api_url,
            HOST="127.0.0.1",
            PORT=str(port or _free_port()),
            LOG_LEVEL=os.environ.get("LOG_LEVEL", "ERROR"),
        )
        settings = load(Settings)
        domain_id = seed(settings, workspace)
        with _bot() as address:
            workspace.request_url = f"{address}/slack/events"
            yield Stage(aws, workspace, settings, domain_id, address, clock)


@contextmanager
def _bot() -> Iterator[str]:
    """`studio-links serve`, exactly as a server runs it; yields its address once it is ready."""
    command = [sys.executable, "-m", "bot", "serve"]
    process = subprocess.Popen(command)  # noqa: S603 - our own program
    port = int(os.environ["PORT"])
    try:
        _wait_until_ready(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_UP
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StudioLinksError(f"the bot ended at once with code {process.returncode}: its last lines say why")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except OSError:
            pass  # it does not listen yet
        finally:
            connection.close()
        time.sleep(0.05)
    raise StudioLinksError(f"the bot was not ready within {START_UP:.0f} seconds: look at it with LOG_LEVEL=INFO")


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
