"""`studio-links demo` without the stand-ins: it installs them where it is run from, or says how."""

import os
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli import run_command

WHEEL = "file:///tmp/studio_links-1.0-py3-none-any.whl"
RECORDS = [
    (f'{{"url": "{WHEEL}", "archive_info": {{}}}}', WHEEL),
    ('{"url": "file:///clone", "dir_info": {}}', "file:///clone"),
    (
        '{"url": "https://example.com/studio.git", "vcs_info": {"vcs": "git", "commit_id": "0f0f"}}',
        "git+https://example.com/studio.git@0f0f",
    ),
]


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Without the stand-ins: the command that takes the place of this one."""
    for name in [name for name in sys.modules if name.startswith("bot.local")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("moto", "flask"):  # another test may have loaded modules of moto, so that it is not missed
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr(sys, "argv", ["studio-links", "demo", "--port", "0"])
    command: list[str] = []
    monkeypatch.setattr(os, "execv", lambda _, words: command.extend(words))
    return command


def record_origin(monkeypatch: pytest.MonkeyPatch, record: str | None) -> None:
    recorded = SimpleNamespace(read_text=lambda name: record if name == "direct_url.json" else None)
    monkeypatch.setattr("bot.cli.local.distribution", lambda _: recorded)


@pytest.mark.parametrize(("record", "source"), RECORDS)
def test_uvx_runs_demo_again_from_the_same_origin(
    monkeypatch: pytest.MonkeyPatch, replaced: list[str], record: str, source: str
) -> None:
    record_origin(monkeypatch, record)
    ended = run_command("demo", "--port", "0", environment={"UV": "/bin/uv"})

    wanted = ["--from", f"studio-links[demo] @ {source}", "studio-links", "demo", "--port", "0"]
    assert replaced == ["/bin/uv", "tool", "run", *wanted]
    assert ended.stdout == "Installing the stand-ins for AWS and Slack, once ...\n"


def test_pipx_runs_demo_again_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, replaced: list[str], tmp_path: Path
) -> None:
    record_origin(monkeypatch, RECORDS[0][0])
    (tmp_path / "pipx_metadata.json").touch()
    (tmp_path / "pipx").touch(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    run_command("demo", environment={"PATH": str(tmp_path)})

    wanted = ["run", "--spec", f"studio-links[demo] @ {WHEEL}", "studio-links", "demo", "--port", "0"]
    assert replaced == [str(tmp_path / "pipx"), *wanted]


@pytest.mark.parametrize("record", [None, RECORDS[0][0], "not installed"])
def test_missing_stand_ins_are_named_with_their_extra(
    monkeypatch: pytest.MonkeyPatch, replaced: list[str], record: str | None
) -> None:
    """An origin that is not recorded may be the public index, where the name may be somebody else's."""

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    record_origin(monkeypatch, record)
    if record == "not installed":
        monkeypatch.setattr("bot.cli.local.distribution", missing)
    variables = {} if record == RECORDS[0][0] else {"UV": "/bin/uv"}
    ended = run_command("demo", environment=variables)

    assert (replaced, ended.returncode, ended.stderr.count("\n")) == ([], 1, 1)
    assert "install the extra (in a clone, `pip install '.[demo]'`; with a wheel, `pip install 'FILE" in ended.stderr
