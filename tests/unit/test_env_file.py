"""The file `.env`: nothing in it is changed, and nothing is half-written."""

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest

from bot.app import env_file
from bot.core.errors import BadInput

EXAMPLE = Path(__file__).parent.parent.parent / ".env.example"


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_new_file_is_for_its_owner_only(env: Path) -> None:
    assert env_file.add(env, {"AWS_REGION": "eu-west-1", "PORT": "3000"}) == ["AWS_REGION", "PORT"]

    assert env.read_text() == "AWS_REGION=eu-west-1\nPORT=3000\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_existing_lines_are_kept_and_missing_ones_added(env: Path) -> None:
    env.write_text("# mine\nAWS_REGION='eu-west-1'\nexport PORT=8080")
    env.chmod(0o644)

    assert env_file.add(env, {"AWS_REGION": "us-east-1", "PORT": "1", "STUDIO_ADMINS": "U0ANA"}) == ["STUDIO_ADMINS"]

    assert env.read_text() == "# mine\nAWS_REGION='eu-west-1'\nexport PORT=8080\nSTUDIO_ADMINS=U0ANA\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_empty_lines_of_the_example_are_filled_in_place(env: Path) -> None:
    env.write_text(EXAMPLE.read_text())

    env_file.add(env, {"AWS_REGION": "eu-west-1"})

    assert env.read_text() == EXAMPLE.read_text().replace("\nAWS_REGION=\n", "\nAWS_REGION=eu-west-1\n")


@pytest.mark.parametrize("value", ["a b$c`d\\1#e", "it's", "it's one #1", 'a "b"'])
def test_value_with_special_characters_survives_a_shell(env: Path, value: str) -> None:
    env_file.add(env, {"STUDIO_EXTERNAL_ID": value})

    assert env_file.read(env) == {"STUDIO_EXTERNAL_ID": value}
    script = f'set -a; . {env}; printf %s "$STUDIO_EXTERNAL_ID"'
    assert subprocess.check_output(["/bin/sh", "-c", script], text=True) == value


@pytest.mark.parametrize("value", ["it's $5", 'it\'s "it"', "ends with \\", "a\\\\b"])
def test_value_that_readers_disagree_on_is_refused(env: Path, value: str) -> None:
    with pytest.raises(BadInput, match="A_NAME has quotes or backslashes"):
        env_file.add(env, {"B_NAME": "1", "A_NAME": value})
    assert not env.exists()


def test_link_to_a_file_elsewhere_stays_a_link(env: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("PORT=1\n")
    env.symlink_to(there)

    env_file.add(env, {"HOST": "::1"})

    assert env.is_symlink()
    assert there.read_text() == "PORT=1\nHOST=::1\n"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_full_disk_leaves_the_old_file_alone(env: Path, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    env.write_text("PORT=1\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[failing], full)
    with pytest.raises(BadInput, match=r"could not be written \(No space left on device\), and is as it was"):
        env_file.add(env, {"SLACK_BOT_TOKEN": "xoxb-secret"})

    assert [path.name for path in env.parent.iterdir()] == [".env"]
    assert env.read_text() == "PORT=1\n"


def test_interruption_leaves_the_old_file_alone(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env.write_text("PORT=1\n")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        env_file.add(env, {"HOST": "::1"})

    assert [path.name for path in env.parent.iterdir()] == [".env"]
    assert env.read_text() == "PORT=1\n"


@pytest.mark.parametrize("content", [b"PORT=\xff\n", None])
def test_unreadable_file_is_named(env: Path, content: bytes | None) -> None:
    if content is None:
        env.mkdir()
    else:
        env.write_bytes(content)

    with pytest.raises(BadInput, match=r"\.env cannot be read"):
        env_file.read(env)
