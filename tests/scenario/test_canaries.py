"""A secret of every kind is planted, over HTTP and over Socket Mode; then everything the process wrote is searched.

Searched are its log at DEBUG in both styles, its standard output, its pages, its command line as the system shows it,
what it stored, and the output of the command line about it, including when settings are wrong.
"""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import boto3
import pytest

from bot.core.access import Effect
from bot.local.faults import Fault
from tests.cli import run_command
from tests.leaks import find_leaks, remember
from tests.scenario.conftest import Product, bot_process
from tests.scenario.crowd import MINT, Crowd, Someone, links_in, mortal, sent_to
from tests.waiting import wait_until

AWS = {
    "AWS_ACCESS_KEY_ID": "AKIACANARYCANARYCANA",
    "AWS_SECRET_ACCESS_KEY": "canary/secret+key/canary/secret+key/cana",
    "AWS_SESSION_TOKEN": "canary-session-token-canary-session-token",
}
ROLE = "arn:aws:iam::123456789012:role/studio-links-broker"
HALF_A_LINK = b'{"AuthorizedUrl": "https://x.studio.us-east-1.sagemaker.aws/auth?token=half-a-secr'


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "LEAK")


def live_through_it(product: Product, people: list[Someone]) -> list[str]:
    """Links, refusals and faults of every kind, and the secrets that came up in them."""
    ana, role = people
    secrets = ["half-a-secr"]
    faults: list[tuple[str, Fault] | Fault] = [
        (MINT, Fault(body=HALF_A_LINK, status=200)),
        (MINT, Fault(body=HALF_A_LINK, status=500, times=2)),
        (MINT, Fault("ValidationException", "token=half-a-secr")),
        (MINT, Fault(drop=True, times=2)),
        ("AssumeRole", Fault("AccessDenied", "half-a-secr")),
        ("TransactWriteItems", Fault(drop=True, times=2)),
        ("UpdateItem", Fault(drop=True, times=4)),
        ("BatchGetItem", Fault(body=HALF_A_LINK, status=200)),
        Fault(status=404),
        Fault(status=500),
        Fault(delay=2.0),
        Fault(status=429, retry_after=60),
        Fault(drop=True, served=True),
    ]
    for fault in faults:
        for someone in people:
            if isinstance(fault, tuple):
                product.aws.inject(*fault)
            else:
                product.slack.inject("response_url", fault)
            exchange = someone.types()
            message = someone.reads(exchange)
            product.aws.clear_faults()
            secrets += [exchange.id, exchange.response_url, *links_in([message])]
    message = ana.reads(ana.types())
    pressed = ana.presses(message, "open_studio")
    secrets += [*links_in([message]), pressed.id, pressed.response_url]
    ana.reads(pressed)
    product.slack.replay(pressed, product.slack.sign(pressed.body, secret="wrong"))
    product.slack.replay(pressed)
    role.rule(Effect.DENY)
    secrets.append(role.types().response_url)
    assert len([secret for secret in secrets if "/auth?token=" in secret]) > 5
    return secrets


def stored(product: Product) -> str:
    """All that is in the tables."""
    dynamodb = boto3.resource("dynamodb")
    tables = [dynamodb.Table(f"studio-links-{name}") for name in ("access", "audit", "runtime")]
    assert product.domain_id
    return "\n".join(str(item) for table in tables for item in table.scan()["Items"])


def printed(environment: dict[str, str], user: str) -> str:
    """The output of the command line about all of it, with and without AWS."""
    commands = [
        ["history", "--json"],
        ["history", user],
        ["show", user, "--json"],
        ["list", "--json"],
        ["explain", user],
        ["tables", "check"],
    ]
    wrong = {
        "LOG_LEVEL": "DEBUG",
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
    }
    runs = [(command, {**environment, **more}) for command in commands for more in ({}, wrong)]
    runs += [(["explain", user], {**environment, "SLACK_API_URL": wrong["SLACK_API_URL"], "LOG_LEVEL": "DEBUG"})]
    texts = []
    for command, settings in runs:
        ended = run_command(*command, environment=settings)
        texts += [ended.stdout, ended.stderr]
    return "\n".join(texts)


@pytest.mark.parametrize("style", ["json", "console"])
def test_nothing_the_bot_writes_over_http_holds_a_secret(
    crowd: Crowd, product: Product, tmp_path: Path, style: str
) -> None:
    environment = {
        **product.environment,
        **AWS,
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": style,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "canary-client-secret",
        "SLACK_APP_TOKEN": product.slack.app_token,
    }
    people = [crowd.member(), crowd.member(role_arn=ROLE)]
    output = tmp_path / "bot.log"
    with mortal(environment, output, forked=style != "json") as bot, sent_to(product, bot.bot):
        bot.bot.wait_until_ready()
        secrets = live_through_it(product, people)
        pages = "".join(bot.bot.get(path)[1] for path in ("/metrics", "/healthz", "/readyz", "/nowhere"))
        shown = Path(f"/proc/{bot.pid}/cmdline").read_text()
    assert "request_not_recorded" in output.read_text()
    assert "reply_refused" in output.read_text()
    (tmp_path / "pages.log").write_text(pages + shown)
    (tmp_path / "tables.log").write_text(stored(product))
    shown_by_cli = printed(environment, people[0].user_id) if style == "json" else ""
    (tmp_path / "printed.log").write_text(shown_by_cli)

    remember(tmp_path, product.slack.bot_token, product.slack.signing_secret, product.slack.app_token)
    remember(tmp_path, "canary-client-secret")
    remember(tmp_path, *AWS.values(), *secrets, product.slack.installation.verification_token)
    assert style != "json" or people[0].user_id in shown_by_cli
    assert find_leaks(tmp_path) == []


def test_nothing_the_bot_writes_over_socket_mode_holds_a_secret(
    crowd: Crowd, product: Product, tmp_path: Path
) -> None:
    people = [crowd.member(), crowd.member(role_arn=ROLE)]
    environment = {name: value for name, value in product.environment.items() if name != "SLACK_SIGNING_SECRET"}
    settings = {**environment, **AWS, "SLACK_APP_TOKEN": product.slack.app_token, "LOG_LEVEL": "DEBUG"}
    output, slack = tmp_path / "bot.log", product.slack.socket_mode
    slack.start()
    slack.enabled = True
    try:
        with bot_process(settings, output, "--socket") as bot:
            bot.wait_until_ready()
            secrets = live_through_it(product, people)
            nonsense = {"xapp-canary-canary": "canary-envelope", "payload": people[0].types().fields}
            slack.connections[0].send(nonsense)
            ends: list[Callable[[], None]] = [lambda: slack.refresh(after=0.1), slack.cut]
            for number, end in enumerate(ends, start=slack.opened + 1):
                end()
                product.slack.wait_until(partial(lambda number: slack.opened >= number, number), timeout=10)
            bot.wait_until_ready()
            secrets += links_in([people[0].reads(people[0].types())])
    finally:
        slack.enabled = False

    assert len(slack.tickets) >= 3  # a slow machine connects once more
    assert "refused_at_entrance" in output.read_text()
    remember(tmp_path, product.slack.bot_token, product.slack.app_token, *AWS.values(), *secrets, *slack.tickets)
    remember(tmp_path, "canary-envelope", product.slack.installation.verification_token)
    assert find_leaks(tmp_path) == []


def test_a_crash_dump_holds_no_secret(crowd: Crowd, product: Product, tmp_path: Path) -> None:
    ana = crowd.member()
    environment = {**product.environment, **AWS, "LOG_LEVEL": "DEBUG", "PYTHONFAULTHANDLER": "1"}
    with mortal(environment, tmp_path / "bot.log", forked=False) as bot, sent_to(product, bot.bot):
        bot.bot.wait_until_ready()
        made = crowd.links()
        product.aws.inject(MINT, Fault(delay=5.0))
        exchange = ana.types()
        wait_until(lambda: crowd.links() > made)
        os.kill(bot.pid, signal.SIGSEGV)
        bot.bot.process.wait(5)
    product.aws.clear_faults()

    assert "Segmentation fault" in (tmp_path / "bot.log").read_text()
    remember(tmp_path, product.slack.bot_token, product.slack.signing_secret, *AWS.values())
    remember(tmp_path, exchange.id, exchange.response_url)
    assert find_leaks(tmp_path) == []
