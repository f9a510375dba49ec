"""A running product for scenarios: both stand-ins, and the bot in a process of its own, as in production."""

import http.client
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from bot.local.aws.stand_in import LocalAws
from bot.local.slack.features import from_manifest
from bot.local.slack.workspace import Workspace
from tests.cli import run_command
from tests.leaks import remember
from tests.preloaded import BotFork
from tests.waiting import wait_until

if TYPE_CHECKING:  # importing the types of a client takes seconds
    from mypy_boto3_sagemaker import SageMakerClient

TEAM = "T0STUDIO01"


@dataclass
class BotProcess:
    """`studio-links serve` in a process of its own."""

    process: "subprocess.Popen[bytes] | BotFork"
    port: int
    log: Path
    metrics_port: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> tuple[int, str]:
        port = self.metrics_port if path in ("/metrics", "/readyz") and self.metrics_port else self.port
        return self.get_from(port, path)

    def get_from(self, port: int, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def outcomes(self, outcome: str) -> float:
        """Return how many requests ended like this, by the bot's own count."""
        shown = re.search(
            rf'^studio_links_requests_total{{outcome="{outcome}"}} (.*)$', self.get("/metrics")[1], re.MULTILINE
        )
        return float(shown[1]) if shown else 0.0

    def wait_for_outcomes(self, outcome: str, number: float) -> None:
        """Wait until so many requests have ended like this: they are counted after the reply."""
        wait_until(lambda: self.outcomes(outcome) >= number, interval=0.03)
        assert self.outcomes(outcome) == number

    def wait_until_ready(self) -> None:
        self.wait_until("/readyz", 200)

    def wait_until(self, path: str, status: int, seconds: float = 60) -> None:
        """Wait until the path answers with the status. A cold start beside other tests takes a while."""

        def answers() -> bool:
            assert self.process.poll() is None, f"the bot ended: {self.log.read_text()[-2000:]}"
            try:
                return self.get(path)[0] == status
            except OSError:
                return False  # it does not listen yet

        wait_until(answers, timeout=seconds, interval=0.05)


def free_port() -> int:
    """Return a port that nothing listens on, and that the system gives to no connection meanwhile.

    It gives ports from 32768 on to connections, and to whatever listens on port 0.
    """
    while True:
        port = secrets.choice(range(10_000, 32_768))
        with suppress(OSError), create_server(("127.0.0.1", port)):
            return port


def outside() -> dict[str, str]:
    """Return the variables of this process that are no settings of the bot."""
    ours = ("SLACK_", "STUDIO_", "AWS_", "WEB_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def start_bot(
    *arguments: str, env: Mapping[str, str], output: Path, forked: bool = True
) -> "subprocess.Popen[bytes] | BotFork":
    """Start `python -m bot` with its output appended to a file; from scratch where it measures its coverage."""
    if forked and "COVERAGE_PROCESS_CONFIG" not in env:  # set under `make coverage`
        return BotFork(arguments, env=env, output=output)
    with output.open("ab") as stream:
        return subprocess.Popen([sys.executable, "-m", "bot", *arguments], env=env, stdout=stream, stderr=stream)


@contextmanager
def bot_process(environment: Mapping[str, str], log: Path, *arguments: str) -> Iterator[BotProcess]:
    """Start the bot; on leaving, end it as an operator would and see that it goes quietly."""
    port = free_port()
    settings = {**outside(), "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", **environment, "PORT": str(port)}
    process = start_bot("serve", *arguments, env=settings, output=log)
    try:
        yield BotProcess(process, port, log)
    finally:
        process.terminate()
        assert process.wait(20) == 0


# Fields whose options the bot suggests.
PICKED = ("domain", "profile", "space", "landing", "session-seconds", "group")


def filled(fields: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the fields of a form as a member fills them in; picked ones without asking for suggestions."""
    return {name: {name: _option(value) if name in PICKED else value} for name, value in fields.items()}


def _option(value: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": value or "-"}, "value": value or "-"}


@dataclass
class Product:
    """Everything a scenario touches."""

    aws: LocalAws
    slack: Workspace
    bot: BotProcess
    environment: Mapping[str, str]
    domain_id: str
    clock: "ShiftedClock"

    def cli(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command of `studio-links`."""
        ended = run_command(*arguments, environment=self.environment)
        if check:
            ended.check_returncode()
        return ended


class ShiftedClock:
    """The AWS stand-in's clock: the time of day, moved on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.seconds


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module's tests over each of its `TRANSPORTS`, where it names any."""
    transports = getattr(metafunc.module, "TRANSPORTS", ())
    if transports and "transport" in metafunc.fixturenames:
        metafunc.parametrize("transport", transports, indirect=True, scope="module")


@pytest.fixture(scope="module")
def transport(request: pytest.FixtureRequest) -> str:
    """How Slack reaches the product."""
    return getattr(request, "param", "http")


@pytest.fixture(scope="module")
def product(
    log_folder: Path, request: pytest.FixtureRequest, transport: str, coverage_environment: dict[str, str]
) -> Iterator[Product]:
    """The product with an empty allow-list, for one module's tests."""
    clock = ShiftedClock()
    features = replace(from_manifest(), socket_mode=transport == "socket")
    with LocalAws(clock=clock) as aws, Workspace(features=features) as slack:
        remember(log_folder, slack.bot_token, slack.signing_secret, slack.app_token)
        environment = {
            **aws.environment(),
            "SLACK_BOT_TOKEN": slack.bot_token,
            **credentials(slack, transport),
            "SLACK_API_URL": slack.api_url,
            "STUDIO_LINKS_PER_MINUTE": "1000",
            "STUDIO_REQUESTS_PER_MINUTE": "1000",
            **getattr(request.module, "SETTINGS", {}),
        }
        patch = pytest.MonkeyPatch()
        for name, value in environment.items():
            patch.setenv(name, value)
        domain_id = create_domain("research")
        log = log_folder / f"bot-{request.module.__name__.rpartition('.')[2]}.log"
        product = Product(aws, slack, None, environment, domain_id, clock)  # type: ignore[arg-type] # set below
        create_tables(product)
        with bot_process({**environment, **coverage_environment}, log, *arguments(transport)) as bot:
            product.bot = bot
            slack.request_url = f"{bot.address}/slack/events"
            bot.wait_until_ready()
            yield product
        patch.undo()


# The tables as `tables create` leaves them.
_created: dict[str, Table] = {}


def create_tables(product: Product) -> None:
    """Create the tables with the command once for this process; copies of what it made take no time."""
    tables = dynamodb_backends[ACCOUNT_ID][product.environment["AWS_REGION"]].tables
    if not _created:
        product.cli("tables", "create")
        _created.update(deepcopy(dict(tables)))
    else:
        tables.update(deepcopy(_created))


@pytest.fixture(autouse=True)
def _clear_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no fault of a failed test to the module's next one."""
    yield
    if "product" in request.fixturenames:
        product = request.getfixturevalue("product")
        product.aws.clear_faults()
        product.slack.clear_faults()


def credentials(slack: Workspace, transport: str) -> dict[str, str]:
    """The secret that a transport needs beside the token: one of the two, never both."""
    if transport == "socket":
        return {"SLACK_APP_TOKEN": slack.app_token}
    return {"SLACK_SIGNING_SECRET": slack.signing_secret}


def arguments(transport: str) -> list[str]:
    """Of `serve`."""
    return ["--socket"] if transport == "socket" else []


def sagemaker() -> "SageMakerClient":
    """Return a client of the stand-in; making one takes a while."""
    return _sagemaker(os.environ["AWS_ENDPOINT_URL_SAGEMAKER"])


@cache
def _sagemaker(endpoint: str) -> "SageMakerClient":
    return boto3.client("sagemaker", endpoint_url=endpoint)


def create_domain(name: str, auth_mode: str = "IAM", **more: Any) -> str:
    arn = sagemaker().create_domain(
        DomainName=name,
        AuthMode=auth_mode,  # type: ignore[arg-type] # one of the two literals
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::123456789012:role/studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
        **more,
    )["DomainArn"]
    return arn.rpartition("/")[2]


def create_profile(domain_id: str, name: str) -> None:
    sagemaker().create_user_profile(DomainId=domain_id, UserProfileName=name)
