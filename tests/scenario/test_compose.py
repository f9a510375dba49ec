"""compose.yaml runs the bot with settings that the stand-ins write, as containers do: two programs and a file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.core.errors import StudioLinksError
from bot.local.demo.running import running_demo
from tests.cli import run_command
from tests.leaks import remember
from tests.scenario.conftest import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def test_bot_of_compose_serves_with_settings_of_stand_ins(tmp_path: Path, log_folder: Path) -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["stand-ins"]["command"] == ["demo", "--settings", "/settings/bot.env"]
    file = tmp_path / "bot.env"
    entrypoint = [word.replace("/settings/bot.env", str(file)) for word in services["bot"]["entrypoint"]]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PORT": str(free_port()),
        "METRICS_PORT": "",
        "LOG_LEVEL": "DEBUG",
        **services["bot"]["environment"],
    }
    with (
        running_demo(socket=True, settings_file=file) as demo,
        (log_folder / "compose.log").open("wb") as log,
        subprocess.Popen(entrypoint, env=environment, stdout=log, stderr=log) as bot,
    ):
        slack = demo.workspace
        remember(log_folder, slack.bot_token, slack.signing_secret, slack.app_token)
        assert file.stat().st_mode & 0o777 == 0o600
        try:
            wait_until(lambda: slack.socket_mode.connections)
            message = slack.answer_to(slack.command("U0ANA"))
        finally:
            bot.terminate()
        assert message.button("open_studio").url
    assert bot.returncode == 0
    assert not file.exists()


@pytest.mark.parametrize(("name", "why"), [("no/bot.env", "No such file or directory"), (".env", "File exists")])
def test_settings_are_written_to_a_new_file_alone(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / ".env").write_text("of somebody else")
    before = dict(os.environ)
    with pytest.raises(StudioLinksError) as refused, running_demo(socket=True, settings_file=tmp_path / name):
        pass
    assert str(refused.value) == f"{tmp_path}/{name} cannot be written ({why}). Give --settings another file."
    assert (tmp_path / ".env").read_text() == "of somebody else"
    assert dict(os.environ) == before


def test_scripted_run_and_settings_exclude_each_other() -> None:
    ended = run_command("demo", "--once", "--settings", "bot.env", environment={})
    assert ended.returncode == 1
    assert ended.stderr.endswith("--once plays with a bot of its own: leave out --once or --settings\n")
