"""Everything that the demo needs, running on this machine: both stand-ins, and the bot as it runs in production."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from socket import create_server
from typing import IO

from bot.config import Settings, load
from bot.core.errors import StudioLinksError
from bot.local.aws.stand_in import LocalAws
from bot.local.demo.seed import ADMINS, seed
from bot.local.page.glass import Glass
from bot.local.page.routes import page
from bot.local.slack import features
from bot.local.slack.workspace import Workspace

# Seconds the bot may take from its start until it is ready.
START_UP = 20.0
# Signs the bot's calls of AWS, which tells them from those of whoever watches.
BOT_KEY = "studio-links-bot"
# What the shell has set for a real bot must not get into the demo.
OURS = ("SLACK_", "STUDIO_", "AWS_")


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
def stage(
    port: int = 0,
    *,
    socket: bool = False,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
) -> Iterator[Stage]:
    """Start everything, seeded; stop it at the end, and leave the environment as it was.

    Args:
        port: where the workspace listens, its page included; 0 takes any free one, as the rest does.
        socket: the bot is reached over Socket Mode.
        environment: further settings for the bot.
        output: where the bot writes its log, instead of this process's own output.

    Raises:
        StudioLinksError: the bot did not start.
        OSError: the port is taken.
    """
    clock = MovableClock()
    slack = Workspace(port=port, features=replace(features.from_manifest(), socket_mode=socket))
    slack.app.register_blueprint(page(slack))
    with (
        LocalAws(clock=clock) as aws,
        slack as workspace,
        _environment(aws, workspace, environment or {}),
    ):
        settings = load(Settings)
        domain_id = seed(settings, workspace)
        with _bot(output, *(["--socket"] if socket else [])) as address:
            workspace.request_url = f"{address}/slack/events"
            workspace.under_the_hood = Glass(workspace, aws, settings, caller=BOT_KEY)
            yield Stage(aws, workspace, settings, domain_id, address, clock)


@contextmanager
def _environment(aws: LocalAws, workspace: Workspace, further: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.startswith(OURS):
            del os.environ[name]
    os.environ.update(aws.environment())
    os.environ.update(
        SLACK_BOT_TOKEN=workspace.bot_token,
        SLACK_SIGNING_SECRET=workspace.signing_secret,
        SLACK_APP_TOKEN=workspace.app_token,
        SLACK_API_URL=workspace.api_url,
        STUDIO_ADMINS=",".join(admin.user_id for admin in ADMINS),
        HOST="127.0.0.1",
        PORT=str(_free_port()),
        LOG_LEVEL=before.get("LOG_LEVEL", "ERROR"),
    )
    os.environ.update(further)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _bot(output: IO[bytes] | None, *arguments: str) -> Iterator[str]:
    """`studio-links serve`, exactly as a server runs it; yields its address once it is ready."""
    command = [sys.executable, "-m", "bot", "serve", *arguments]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": BOT_KEY}
    process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)  # noqa: S603 - our own program
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
