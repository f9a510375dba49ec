"""Everything that the demo needs, running on this machine: both stand-ins, and the bot as it runs in production."""

import http.client
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from socket import create_server
from typing import IO
from urllib.parse import urlsplit

import bot
from bot.admin.changes import Admin
from bot.app import administration, clients
from bot.config import Settings, load
from bot.core.errors import StudioLinksError
from bot.core.templates import variable_of
from bot.local.aws.stand_in import LocalAws
from bot.local.demo.seed import ADMINS, DOMAIN_NAME, LEFT_HOURS, MEMBERS, TEMPLATE, seed
from bot.local.page.routes import page
from bot.local.page.tour import Tour
from bot.local.page.under_the_hood import UnderTheHood
from bot.local.slack import features
from bot.local.slack.workspace import Workspace
from bot.store import tables as table_admin

# Seconds the bot may take from its start until it is ready.
START_TIMEOUT = 60.0
# Signs the bot's calls of AWS, which sets them apart from the demo's own.
BOT_KEY = "studiolinksbot"
# Settings of the shell for a real bot must not get into the demo.
OURS = ("SLACK_", "STUDIO_", "AWS_")


@dataclass
class MovableClock:
    """The AWS stand-in's clock, in seconds since the epoch; a script can set it ahead."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """The running demo."""

    aws: LocalAws
    workspace: Workspace
    settings: Settings
    admin: Admin
    domain_id: str
    bot_address: str
    clock: MovableClock


@contextmanager
def running_demo(
    port: int = 0,
    *,
    socket: bool = False,
    rate_limits: bool = True,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
    progress: Callable[[str], None] = lambda _: None,
    settings_file: Path | None = None,
) -> Iterator[RunningDemo]:
    """Start everything, seeded; stop it at the end, and leave the environment as it was.

    With `settings_file`, start no bot: the file has the settings for one that runs elsewhere, with `--socket`.

    The workspace and its page listen on `port`; 0 takes any free one, as the other servers do. `environment` has
    further settings for the bot; `output` takes its log. `rate_limits` has the workspace keep Slack's. `progress` is
    called with each part that is about to start.

    Raises:
        StudioLinksError: the bot did not start, or the settings cannot be written.
        OSError: the port is taken.
    """
    clock = MovableClock()
    enabled = replace(features.from_manifest(), socket_mode=socket)
    slack = Workspace(port=port, features=enabled, rate_limits=rate_limits)
    slack.app.register_blueprint(page(slack))
    slack.tour = tour = Tour(slack)
    progress("AWS and Slack stand-ins")
    # The workspace stops first: its page reads the audit from AWS.
    with (
        LocalAws(clock=clock, on_link=tour.note) as aws,
        slack as workspace,
        _environment(aws, workspace, environment or {}),
    ):
        settings = load(Settings)
        admin, address = administration.admin(settings), f"http://127.0.0.1:{os.environ['PORT']}"
        for _ in table_admin.create(clients.tables(settings)):
            pass
        progress("the bot, members, profiles and rules")
        options = ["--socket"] if socket else []
        with _settings(settings_file) if settings_file else _bot(output, *options) as process:
            domain_id = seed(settings, workspace, admin)
            for member in MEMBERS:
                if member.lab:
                    aws.backdate(domain_id, f"{member.lab}/jupyterlab/default", hours=LEFT_HOURS)
            if process:
                _wait_until_ready(process, address)
            workspace.request_url = f"{address}/slack/events"
            workspace.under_the_hood = UnderTheHood(workspace, aws, admin, caller=BOT_KEY)
            yield RunningDemo(aws, workspace, settings, admin, domain_id, address, clock)


@contextmanager
def _environment(aws: LocalAws, workspace: Workspace, further: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    for name in before:
        if name.startswith(OURS):
            del os.environ[name]
    os.environ.update(
        aws.environment(),
        SLACK_BOT_TOKEN=workspace.bot_token,
        SLACK_SIGNING_SECRET=workspace.signing_secret,
        SLACK_APP_TOKEN=workspace.app_token,
        SLACK_API_URL=workspace.api_url,
        STUDIO_LINKS_PER_MINUTE="1000",  # visitors press everything
        STUDIO_REQUESTS_PER_MINUTE="1000",
        STUDIO_PICK_LISTS="aws",
        STUDIO_RUNNING="true",
        STUDIO_PERSON_SECONDS="0",  # a member's new language applies at once
        STUDIO_ADMINS=",".join(admin.user_id for admin in ADMINS),
        HOST="127.0.0.1",
        PORT=str(port),
        LOG_LEVEL=before.get("LOG_LEVEL", "ERROR"),
    )
    os.environ[variable_of(f"d-{DOMAIN_NAME}")] = TEMPLATE
    os.environ.update(further)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _bot(output: IO[bytes] | None, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `studio-links serve` exactly as a server does."""
    command = [sys.executable, "-m", "bot", "serve", *arguments]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": BOT_KEY}
    home = Path(bot.__file__).parent.parent  # `-m` looks in the current folder first, which may have another "bot"
    process = subprocess.Popen(command, cwd=home, env=environment, stdout=output, stderr=output)  # noqa: S603 - ours
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _settings(file: Path) -> Iterator[None]:
    """Write the bot's settings for a shell, readable by this user alone; remove them at the end."""
    chosen = {name: value for name, value in os.environ.items() if name.startswith(OURS)}
    lines = [f"{name}={shlex.quote(value)}" for name, value in {**chosen, "AWS_ACCESS_KEY_ID": BOT_KEY}.items()]
    try:
        file.touch(0o600, exist_ok=False)
        file.write_text("\n".join(lines) + "\n")
    except OSError as error:
        advice = "Give --settings another file."
        raise StudioLinksError(f"{file} cannot be written ({error.strerror}). {advice}") from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str) -> None:
    deadline, host = time.monotonic() + START_TIMEOUT, urlsplit(address).netloc
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StudioLinksError(f"The bot ended with code {process.returncode}. Its last lines say why.")
        with suppress(OSError), closing(http.client.HTTPConnection(host, timeout=5)) as connection:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        time.sleep(0.05)  # it does not listen yet, or is not ready
    raise StudioLinksError(
        f"The bot was not ready within {START_TIMEOUT:.0f} seconds. Try again with LOG_LEVEL=INFO."
    )
