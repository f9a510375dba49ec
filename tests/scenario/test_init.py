"""`init` in a terminal against the stand-ins: from nothing to a link."""

import re
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.local.aws.stand_in import LocalAws
from bot.local.slack.features import from_manifest
from bot.local.slack.workspace import Workspace
from tests.leaks import remember
from tests.scenario.conftest import create_domain, create_profile, free_port, outside
from tests.terminal import Terminal, terminal
from tests.waiting import wait_until

INIT = [sys.executable, "-m", "bot", "init"]
ROOT = str(Path(__file__).parent.parent.parent)
# What somebody reads: words, of which the app's link is one.
WORD = re.compile(r"\S*\w\S*")


@dataclass
class World:
    """The stand-ins, seeded, and the folder in which `init` runs."""

    aws: LocalAws
    slack: Workspace
    folder: Path
    environment: dict[str, str]

    def play(self, *arguments: str, columns: int = 80) -> AbstractContextManager[Terminal]:
        return terminal([*INIT, *arguments], env=self.environment, folder=self.folder, columns=columns)


@pytest.fixture
def world(tmp_path: Path, log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with LocalAws() as aws, Workspace(features=replace(from_manifest(), socket_mode=True)) as slack:
        remember(log_folder, slack.bot_token, slack.app_token)
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        for name in ("ana", "ben", "cleo"):
            slack.add_member(f"U0{name.upper()}", name, email=f"{name}@example.com")
        domain_id = create_domain("research")
        for name in ("ana", "ben", "cleo"):
            create_profile(domain_id, name)
        environment = {**outside(), **aws.environment(), "SLACK_API_URL": slack.api_url, "PYTHONPATH": ROOT}
        environment |= {"PORT": str(free_port())}
        yield World(aws, slack, tmp_path, environment)


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


def test_init_leads_from_nothing_to_a_link(world: World, record_property: Callable[[str, object], None]) -> None:
    started = time.monotonic()
    with world.play() as screen:
        straight(screen, world)
        words, seconds = len(WORD.findall(screen.text)), time.monotonic() - started
        screen.type("")
        wait_until(lambda: world.slack.socket_mode.connections)
        for user in ("U0ANA", "U0BEN"):
            answer = world.slack.render(world.slack.answer_to(world.slack.command(user)))
            assert "Open Studio" in answer
        screen.interrupt()
        assert screen.wait() in (0, 130)

    for name, value in {"questions": screen.typed, "words": words, "seconds": round(seconds, 1)}.items():
        record_property(name, value)
    assert screen.typed <= 12
    assert words <= 250
    assert world.slack.bot_token not in screen.text
    assert world.slack.app_token not in screen.text
    assert "studio-links map U0BEN --domain d-research --profile ben" in screen.text
    kept = world.folder / ".env"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "STUDIO_ADMINS=U0ANA\n" in kept.read_text()
    assert [path.name for path in world.folder.iterdir()] == [".env"]
