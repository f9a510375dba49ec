"""`init` in a terminal against the stand-ins: from nothing to a link."""

import errno
import logging
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import boto3
import pytest

from bot.app import env_file
from bot.local.aws.stand_in import LocalAws
from bot.local.slack.features import from_manifest
from bot.local.slack.workspace import Workspace
from tests.cli import run_command
from tests.leaks import remember
from tests.scenario.conftest import create_domain, create_profile, free_port, outside
from tests.terminal import Terminal, terminal
from tests.waiting import wait_until

INIT = [sys.executable, "-m", "bot", "init"]
ROOT = str(Path(__file__).parent.parent.parent)
# What somebody reads: words, of which the app's link is one.
WORD = re.compile(r"\S*\w\S*")
# The states of a progress bar, each of which replaces the one before: a slow machine shows more of them.
REDRAWN = re.compile(r"\x1b\[2K[^\n]*\r(?=\x1b\[2K)")


@dataclass
class World:
    """The stand-ins, seeded, and the folder in which `init` runs."""

    aws: LocalAws
    slack: Workspace
    folder: Path
    environment: dict[str, str]

    def play(self, columns: int = 80) -> AbstractContextManager[Terminal]:
        """Run `init` in a terminal."""
        return terminal(INIT, env=self.environment, folder=self.folder, columns=columns)

    def machine(self, **lines: str) -> "subprocess.CompletedProcess[str]":
        """Run `init --yes --from` a file with these lines, beside those of a working one; "" leaves one out."""
        source = self.folder.parent / "studio.env"
        answers = {"SLACK_BOT_TOKEN": self.slack.bot_token, "SLACK_APP_TOKEN": self.slack.app_token}
        answers |= {
            "AWS_REGION": "us-east-1",
            "INIT_ADMIN": "ana@example.com",
            "INIT_MEMBERS": "ben@example.com",
        } | lines
        source.write_text("".join(f"{name}={text}\n" for name, text in answers.items() if text))
        return self.run("--yes", "--from", str(source), "--no-serve")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        with patch.dict(os.environ):
            for name in [name for name in os.environ if name.startswith(("SLACK_", "STUDIO_"))]:
                del os.environ[name]
            return run_command("init", *arguments, environment=self.environment)

    @property
    def env(self) -> dict[str, str]:
        return env_file.read(self.folder / ".env")

    @property
    def tables(self) -> list[str]:
        names: list[str] = boto3.client("dynamodb").list_tables()["TableNames"]
        return names


@pytest.fixture
def world(tmp_path: Path, log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with LocalAws() as aws, Workspace(features=replace(from_manifest(), socket_mode=True)) as slack:
        remember(log_folder, slack.bot_token, slack.app_token)
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / "here"
        folder.mkdir()
        monkeypatch.chdir(folder)
        domain_id = create_domain("research")
        for name in ("ana", "ben", "cleo"):
            slack.add_member(f"U0{name.upper()}", name, email=f"{name}@example.com")
            create_profile(domain_id, name)
        environment = {**outside(), **aws.environment(), "SLACK_API_URL": slack.api_url, "PYTHONPATH": ROOT}
        yield World(aws, slack, folder, {**environment, "PORT": str(free_port())})


def straight(screen: Terminal, world: World) -> None:
    """Answer every question up to the last one."""
    screen.expect("Go on? [Y/n]:")
    screen.type("")
    screen.expect("https://api.slack.com/apps?new_app=1&manifest_yaml=")
    screen.expect("Bot token")
    screen.type(world.slack.bot_token)
    screen.expect("App-level token")
    screen.type(world.slack.app_token)
    screen.expect("You in Slack")
    screen.type("ana@example.com")
    screen.expect("Who else gets links")
    screen.type("1")
    screen.expect("Start the bot now?")


def test_init_leads_from_nothing_to_a_link(world: World) -> None:
    started = time.monotonic()
    with world.play() as screen:
        straight(screen, world)
        words, seconds = len(WORD.findall(REDRAWN.sub("", screen.text))), time.monotonic() - started
        screen.type("")
        wait_until(lambda: world.slack.socket_mode.connections)
        for user in ("U0ANA", "U0BEN"):
            answer = world.slack.render(world.slack.answer_to(world.slack.command(user)))
            assert "Open Studio" in answer
        screen.interrupt()
        assert screen.wait() in (0, 130)

    logging.getLogger(__name__).info("%d questions, %d words, %.1f seconds", screen.typed, words, seconds)
    assert screen.typed <= 12
    assert words <= 250
    assert world.slack.bot_token not in screen.text
    assert world.slack.app_token not in screen.text
    assert "studio-links map U0BEN --domain d-research --profile ben" in screen.text
    kept = world.folder / ".env"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "STUDIO_ADMINS=U0ANA\n" in kept.read_text()
    assert [path.name for path in world.folder.iterdir()] == [".env"]


def test_init_goes_on_after_wrong_tokens_and_an_interruption(world: World) -> None:
    create_domain("sandbox")
    with world.play(columns=60) as screen:
        screen.expect("Domain [1]:")
        screen.type("d-research")
        screen.expect("Go on?")
        screen.type("")
        for wrong, why in (
            (world.slack.app_token, "this is the app-level token"),
            ("xoxb-unknown", "(invalid_auth)"),
        ):
            screen.expect("Bot token")
            screen.type(wrong)
            screen.expect(why)
        screen.expect("Bot token")
        screen.type(world.slack.bot_token)
        screen.expect("App-level token")
        screen.interrupt()
        screen.expect("goes on from here")
        assert screen.wait() == 130
    assert world.env["SLACK_BOT_TOKEN"] == world.slack.bot_token
    assert "SLACK_APP_TOKEN" not in world.env
    assert world.tables == []
    lines = re.sub(r"\x1b\[[\d;]*m", "", screen.text).splitlines()
    mine = [line for line in lines if "api.slack.com" not in line and not line.startswith("studio-links:")]
    assert not [line for line in mine if len(line) > 60]

    with world.play(columns=60) as screen:
        screen.expect("Go on?")
        screen.type("")
        screen.expect("App-level token")
        screen.type(world.slack.app_token)
        screen.expect("You in Slack")
        screen.type("U0ANA")
        screen.expect("Who else gets links")
        screen.type("all")
        screen.expect("Start the bot now?")
        screen.type("n")
        assert screen.wait() == 0
    assert "Bot token" not in screen.text
    assert "Domain [1]:" not in screen.text
    assert world.slack.bot_token not in screen.text


def test_machine_sets_up_without_a_question(world: World) -> None:
    ended = world.machine(STUDIO_LINK_SECONDS="30")

    assert ended.returncode == 0, ended.stderr
    assert world.env["STUDIO_LINK_SECONDS"] == "30"
    assert not any(name.startswith("INIT_") for name in world.env)
    shown = run_command("list", environment={**world.environment, **world.env}).stdout
    assert re.findall(r"^(\S+)\t.*\tallow", shown, re.MULTILINE) == ["U0ANA", "U0BEN"]
    before = (world.folder / ".env").read_bytes()
    again = world.machine(STUDIO_LINK_SECONDS="30")
    assert again.returncode == 0, again.stderr
    assert (world.folder / ".env").read_bytes() == before
    assert "0 allowed" in again.stdout
    assert "To create" not in again.stdout


def test_without_a_terminal_init_says_how_to_answer(world: World) -> None:
    ended = world.run()

    assert ended.returncode == 1
    assert ended.stderr == (
        "studio-links: there is no terminal to ask on: run `studio-links init --yes --from FILE` (see --help)\n"
    )


REFUSED = [
    ({"SLACK_BOT_TOKEN": "xoxb-unknown"}, "SLACK_BOT_TOKEN: Slack refused auth.test (invalid_auth)"),
    ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN is missing: set it in the file of --from"),
    ({"SLACK_BOT_TOKEN": "xapp-1-swapped"}, "SLACK_BOT_TOKEN: the given value is not valid"),
    ({"SLACK_APP_TOKEN": "xapp-1-unknown"}, "SLACK_APP_TOKEN: Slack refused apps.connections.open (invalid_auth)"),
    ({"SLACK_APP_TOKEN": "xoxb-swapped"}, "SLACK_APP_TOKEN: this is the bot token: give the app-level token"),
    ({"SLACK_API_URL": "http://127.0.0.1:1/api/"}, "Slack could not be reached (auth.test: connection refused)"),
    ({"INIT_DOMAIN": "d-other"}, "INIT_DOMAIN: choose one of 1, d-research; correct it in the file of --from"),
    ({"INIT_DOMAINS": "d-research"}, "which is no answer: use INIT_DOMAIN"),
    ({"AWS_REGION": "moon-north-1"}, "AWS_REGION is no region of AWS: set it to one such as eu-west-1"),
    ({"STUDIO_LINK_SECONDS": "4"}, "STUDIO_LINK_SECONDS: '4' is not valid"),
]


@pytest.mark.parametrize(("lines", "why"), REFUSED, ids=lambda each: "-".join(each) if isinstance(each, dict) else "")
def test_wrong_answer_is_named_and_nothing_is_created(world: World, lines: dict[str, str], why: str) -> None:
    ended = world.machine(**lines)

    assert ended.returncode == 1
    assert why in ended.stderr
    assert not lines.keys() & world.env.keys()
    assert "STUDIO_ADMINS" not in world.env
    assert world.tables == []


def test_wrong_member_is_named_and_the_others_are_kept(world: World) -> None:
    assert (
        "INIT_ADMIN: no active full member of the workspace has it"
        in world.machine(INIT_ADMIN="dan@example.com").stderr
    )
    assert "nobody in the list is dan@example.com" in world.machine(INIT_MEMBERS="dan@example.com").stderr

    assert world.machine().returncode == 0


def test_address_outside_the_company_is_not_matched(world: World) -> None:
    for name in ("ben", "cleo"):
        world.slack.add_member(f"U0{name.upper()}", name, email=f"{name}@evil.example")
    world.slack.add_member("U0DAN", "dan", email="dan@example.com")
    assert "STUDIO_EMAIL_DOMAINS is missing" in world.machine(INIT_MEMBERS="all").stderr

    ended = world.machine(INIT_MEMBERS="all", STUDIO_EMAIL_DOMAINS="example.com")

    assert "1 allowed" in ended.stdout, ended.stderr
    assert "U0BEN" not in run_command("list", environment={**world.environment, **world.env}).stdout


def test_init_without_credentials_ends_before_any_question(world: World) -> None:
    del world.environment["AWS_ACCESS_KEY_ID"]
    with patch.dict(os.environ):
        del os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        ended = world.machine()

    assert ended.returncode == 1
    assert "there are no AWS credentials" in ended.stderr
    assert world.env == {}


def test_domains_that_links_cannot_open_are_explained(world: World) -> None:
    boto3.client("sagemaker").delete_user_profile(DomainId="d-research", UserProfileName="ana")
    for name in ("ben", "cleo"):
        boto3.client("sagemaker").delete_user_profile(DomainId="d-research", UserProfileName=name)
    boto3.client("sagemaker").delete_domain(DomainId="d-research")
    assert "there is no SageMaker domain" in world.machine().stderr

    create_domain("people", "SSO")
    create_domain("unified", DomainSettings={"UnifiedStudioSettings": {"StudioWebPortalAccess": "DISABLED"}})
    world.aws.set_status(create_domain("broken"), status="Failed")
    ended = world.machine()

    assert ended.returncode == 1
    assert "d-people (people) in us-east-1 signs in through IAM Identity Center: its members use http" in ended.stdout
    assert (
        "d-unified (unified) in us-east-1 belongs to SageMaker Unified Studio, and opens only there" in ended.stdout
    )
    assert "d-broken (broken) in us-east-1 is Failed: repair it" in ended.stdout
    assert "there is no SageMaker domain for which the bot can make links" in ended.stderr
    assert world.env == {}


def test_machine_has_to_choose_among_several_domains(world: World) -> None:
    create_domain("sandbox")

    assert "INIT_DOMAIN is missing" in world.machine().stderr
    assert world.machine(INIT_DOMAIN="d-research").returncode == 0


def test_administrator_whose_address_fits_no_profile_names_one(world: World) -> None:
    world.slack.add_member("U0ZOE", "zoe", email="zoe@example.com")
    assert "no profile in d-research (research) in us-east-1 is yours" in world.machine(INIT_ADMIN="U0ZOE").stderr
    create_profile("d-research", "zoe-lab")
    assert "INIT_PROFILE: choose one of none, zoe-lab" in world.machine(INIT_ADMIN="U0ZOE", INIT_PROFILE="ana").stderr

    ended = world.machine(INIT_ADMIN="U0ZOE", INIT_PROFILE="zoe-lab")

    assert "studio-links map U0ZOE --domain d-research --profile zoe-lab" in ended.stdout, ended.stderr
    assert world.env["STUDIO_ADMINS"] == "U0ZOE"


def test_table_of_somebody_else_is_left_alone(world: World) -> None:
    key = {"AttributeName": "theirs", "AttributeType": "S"}
    boto3.client("dynamodb").create_table(
        TableName="studio-links-runtime",
        AttributeDefinitions=[key],  # type: ignore[list-item] # the two keys fit
        KeySchema=[{"AttributeName": "theirs", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    ended = world.machine()

    assert "studio-links-runtime: keys differ for the table: the table is not ours, choose another" in ended.stderr
    assert world.tables == ["studio-links-runtime"]
    assert world.env == {}
    assert world.machine(STUDIO_TABLE_PREFIX="links-").returncode == 0
    assert world.env["STUDIO_TABLE_PREFIX"] == "links-"


def test_value_of_env_is_never_replaced(world: World) -> None:
    (world.folder / ".env").write_text("SLACK_BOT_TOKEN=xoxb-old\n")

    ended = world.machine()

    assert ended.returncode == 1
    assert "SLACK_BOT_TOKEN has another value in .env: correct it there" in ended.stderr
    assert (world.folder / ".env").read_text() == "SLACK_BOT_TOKEN=xoxb-old\n"


def test_full_disk_leaves_no_half_written_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ended = world.machine()

    assert ended.returncode == 1
    assert ".env could not be written (No space left on device), and is as it was" in ended.stderr
    assert list(world.folder.iterdir()) == []
    assert world.tables == []
