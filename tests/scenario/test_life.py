"""How the process starts and waits for its upstreams, and what it says if it cannot start."""

import os
from subprocess import CompletedProcess

import pytest

from bot.local.faults import Fault
from bot.local.slack.people import Channel
from bot.local.slack.workspace import Workspace
from tests.cli import run_command
from tests.preloaded import run_bot
from tests.scenario.conftest import Product, bot_process, create_profile, free_port, outside
from tests.waiting import wait_until

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-made-up-for-this-test",
    "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
    "AWS_REGION": "eu-west-1",
    "PORT": "0",
}
WRONG = {
    "SLACK_BOT_TOKEN": ("", "is missing"),
    "SLACK_SIGNING_SECRET": ("", "is missing"),
    "AWS_REGION": ("mars", "'mars'"),
    "PORT": ("http", "'http'"),
    "STUDIO_LINK_SECONDS": ("301", "5 to 300"),
    "STUDIO_SESSION_SECONDS": ("60", "1800 to 43200"),
    "STUDIO_TEAMS": ("acme", "T0123ABCD"),
    "SLACK_API_URL": ("slack", "https://slack.com/api/"),
    "LOG_LEVEL": ("loud", "DEBUG"),
}


def start(environment: dict[str, str], *arguments: str) -> "CompletedProcess[str]":
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return run_bot(*arguments, env={**outside(), **nowhere, **environment})


def refuse(environment: dict[str, str], *arguments: str) -> "CompletedProcess[str]":
    """Run a command that ends before it starts anything: it needs no process of its own."""
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return run_command(*arguments, environment={**nowhere, **environment})


@pytest.mark.parametrize("name", WRONG)
def test_wrong_variable_stops_the_start_with_one_line(name: str) -> None:
    value, words = WRONG[name]

    ended = refuse({**GOOD, name: value}, "serve")

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert name in ended.stderr
    assert words in ended.stderr
    assert ended.stdout == ""


def test_wrong_secret_is_not_printed() -> None:
    ended = refuse({**GOOD, "SLACK_BOT_TOKEN": "hunter2-is-no-token"}, "serve")

    assert "SLACK_BOT_TOKEN" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_bot_serves_once_slack_and_dynamodb_respond(product: Product) -> None:
    slack_port = free_port()
    token, secret = "xoxb-made-up-for-this-test", GOOD["SLACK_SIGNING_SECRET"]
    environment = {
        **product.environment,
        "SLACK_BOT_TOKEN": token,
        "SLACK_SIGNING_SECRET": secret,
        "SLACK_API_URL": f"http://127.0.0.1:{slack_port}/api/",
        "STUDIO_TABLE_PREFIX": "later-",
    }
    with bot_process(environment, product.bot.log) as bot:
        bot.wait_until("/healthz", 200)
        status, words = bot.get("/readyz")
        assert (status, "starting" in words) == (503, True)

        with Workspace(port=slack_port, bot_token=token, signing_secret=secret) as slack:
            slack.request_url = f"{bot.address}/slack/events"
            slack.add_member("U0ANA", "ana")
            assert "still starting" in slack.command("U0ANA").reply
            assert start(environment, "tables", "create").returncode == 0
            bot.wait_until_ready()
            assert "no SageMaker Studio profile" in slack.answer_to(slack.command("U0ANA")).text

            slack.inject("auth.test", *[Fault(status=500)] * 5)
            bot.wait_until("/readyz", 503)
            assert "Slack" in bot.get("/readyz")[1]
            bot.wait_until_ready()


def test_audit_channel_gets_outcomes_without_the_link(product: Product) -> None:
    slack = product.slack
    create_profile(product.domain_id, "loud")
    product.cli("map", "U0LOUD", "--domain", product.domain_id, "--profile", "loud", "--force")
    product.cli("allow", "U0LOUD")
    slack.add_member("U0LOUD", "loud")
    slack.add_member("U0ADMIN", "admin")
    audit = Channel("C0AUDIT", "audit", frozenset({"U0ADMIN", slack.installation.bot_user_id}), kind="private")
    slack.add_channel(audit)
    with bot_process({**product.environment, "STUDIO_AUDIT_CHANNEL": "C0AUDIT"}, product.bot.log) as bot:
        bot.wait_until_ready()
        address, slack.request_url = slack.request_url, f"{bot.address}/slack/events"
        link = slack.answer_to(slack.command("U0LOUD")).button("open_studio").url or ""
        announced = slack.wait_for("U0ADMIN", lambda screen: [m for m in screen if m.channel == "C0AUDIT"])
        slack.inject("chat.postMessage", Fault(status=500))
        assert slack.answer_to(slack.command("U0LOUD")).button("open_studio").url
        slack.request_url = address

    line = next(message for message in announced if message.channel == "C0AUDIT")
    assert line.text == f"U0LOUD · link · issued · profile loud in {product.domain_id}"
    assert link not in line.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "nope"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "nonsense"),
        ("AWS_ENDPOINT_URL_STS", "nonsense"),
        ("AWS_ENDPOINT_URL_SAGEMAKER", "nonsense"),
    ],
)
@pytest.mark.parametrize("command", [["show", "U0ANA", "--team", "T0"], ["allow", "U0ANA", "--team", "T0"]])
def test_invalid_aws_settings_fail_a_command_with_one_line(
    product: Product, name: str, value: str, command: list[str]
) -> None:
    ended = refuse({**product.environment, name: value}, *command)

    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert value in ended.stderr


def test_bot_with_invalid_aws_settings_is_not_ready(product: Product) -> None:
    complaint = "AWS's settings cannot be used: The config profile (nobody) could not be found"
    with bot_process({**product.environment, "AWS_PROFILE": "nobody"}, product.bot.log) as bot:
        bot.wait_until("/readyz", 503)
        wait_until(lambda: complaint in product.bot.log.read_text())


@pytest.mark.parametrize(("host", "why"), [("127.0.0.1", "Address already in use"), ("nowhere.invalid", "")])
def test_unusable_address_stops_the_start_with_one_line(product: Product, host: str, why: str) -> None:
    port = str(product.bot.port)
    ended = start({**product.environment, "HOST": host, "PORT": port}, "serve")

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"studio-links: nothing can listen on HOST {host}, PORT {port} ({why}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("service", ["DYNAMODB", "SAGEMAKER", "STS"])
def test_invalid_endpoint_stops_the_start_with_one_line(product: Product, service: str) -> None:
    name = f"AWS_ENDPOINT_URL_{service}"
    ended = refuse({**product.environment, name: "nonsense"}, "serve")

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"studio-links: {name}: 'nonsense' is not valid")
    assert ended.stderr.count("\n") == 1
