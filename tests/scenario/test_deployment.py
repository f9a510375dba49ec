"""Run the Procfile after a buildpack's steps, the image's health check, and the restore of OPERATIONS.md.

Heroku's buildpack for Python runs `pip install -r requirements.txt` in the clone and nothing else: the project is not
installed. https://devcenter.heroku.com/articles/python-support
"""

import ast
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from shutil import which
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from bot.core.values import utc_now
from bot.local.slack.features import from_manifest
from bot.local.slack.workspace import Workspace
from tests.cli import run_command
from tests.leaks import remember
from tests.scenario.conftest import TEAM, BotProcess, Product, create_profile, free_port
from tests.slack_cli import OWN

ROOT = Path(__file__).parents[2]


def procfile(name: str) -> str:
    """Return a line of the Procfile, changed to listen on the loopback interface."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    return lines[name].replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - replaced here


def clean_environment() -> dict[str, str]:
    """Return this process's variables without those of a bot."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "STUDIO_", "AWS_"))}


def platform(product: Product, **settings: str) -> dict[str, str]:
    """Return the environment of a platform: the settings, and `studio-links` on the path."""
    clean = clean_environment()
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    return {**clean, **product.environment, "PATH": path, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", **settings}


def clone_with_packages(folder: Path, requirements: str) -> Path:
    """Fill a folder with the clone, and with a `python` that has the packages of one requirements file alone."""
    for name in ("bot", "manifest.yml", "Procfile", requirements):
        (folder / name).symlink_to(ROOT / name)
    packages = folder / "packages"
    packages.mkdir()
    for line in re.findall(r"^([a-z].*?) \\$", (ROOT / requirements).read_text(), re.MULTILINE):
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        installed = distribution(requirement.name)
        for top in {file.parts[0] for file in installed.files or () if file.parts[0] != ".."}:
            (packages / top).symlink_to(str(installed.locate_file(top)))
    python = folder / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nPYTHONPATH={packages} exec {sys.executable} -S "$@"\n')  # -S: no other packages
    python.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def slug(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as the buildpack leaves it."""
    return clone_with_packages(tmp_path_factory.mktemp("slug"), "requirements.txt")


def in_shell(line: str, environment: dict[str, str], slug: Path) -> dict[str, Any]:
    """Return how to run a line of the Procfile where `studio-links` is not on the path."""
    path = f"{slug / 'bin'}:/usr/bin:/bin"
    assert which("studio-links", path=path) is None
    return {"args": ["sh", "-c", f"exec env {line}"], "env": {**environment, "PATH": path}, "cwd": slug}


@contextmanager
def running(line: str, environment: dict[str, str], log: Path, slug: Path) -> Iterator[BotProcess]:
    """Run a line of the Procfile in a shell; terminate it on exit as a platform does."""
    port, metrics_port = free_port(), free_port() if "METRICS_PORT" in line else None
    line = line.replace("METRICS_PORT=9090", f"METRICS_PORT={metrics_port}")
    with log.open("ab") as stream:
        process = subprocess.Popen(
            **in_shell(line, {**environment, "PORT": str(port)}, slug), stdout=stream, stderr=stream
        )
    try:
        yield BotProcess(process, port, log, metrics_port)
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def released(product: Product, slug: Path) -> dict[str, str]:
    """Run the release phase; return an environment with its own tables."""
    environment = platform(product, STUDIO_TABLE_PREFIX="procfile-")
    subprocess.run(**in_shell(procfile("release"), environment, slug), check=True, capture_output=True)
    return environment


def studio_links(line: str, environment: dict[str, str]) -> str:
    ended = run_command(*shlex.split(line), environment=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_release_phase_creates_tables_and_can_be_repeated(released: dict[str, str], slug: Path) -> None:
    assert "FAIL" not in studio_links("tables check", released)
    subprocess.run(**in_shell(procfile("release"), released, slug), check=True, capture_output=True)


@pytest.mark.public(6)
def test_web_process_serves(product: Product, released: dict[str, str], slug: Path) -> None:
    slack = product.slack
    slack.add_member("U0WEB", "web")
    create_profile(product.domain_id, "web")
    studio_links(f"map U0WEB --domain {product.domain_id} --profile web", released)
    studio_links("allow U0WEB", released)
    with running(procfile("web"), released, product.bot.log, slug) as bot:
        bot.wait_until_ready()
        address, slack.request_url = slack.request_url, f"{bot.address}/slack/events"
        assert is_healthy(bot.port, bot.metrics_port)
        assert bot.get_from(bot.port, "/metrics")[0] == 404
        try:
            message = slack.answer_to(slack.command("U0WEB"))
        finally:
            slack.request_url = address

    assert message.button("open_studio").url


@pytest.mark.parametrize("line", [procfile("worker"), OWN["hooks"]["start"]], ids=["worker", "slack run"])
def test_worker_process_serves_over_socket_mode(
    product: Product, released: dict[str, str], slug: Path, line: str
) -> None:
    with Workspace(features=replace(from_manifest(), socket_mode=True)) as slack:
        remember(product.bot.log.parent, slack.bot_token, slack.signing_secret, slack.app_token)
        slack.add_member("U0WORK", "work")
        settings = {name: value for name, value in released.items() if name != "SLACK_SIGNING_SECRET"} | {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
        }
        with running(line, settings, product.bot.log, slug) as bot:
            bot.wait_until_ready()

            assert "no SageMaker Studio profile" in slack.answer_to(slack.command("U0WORK")).text
            assert is_healthy(bot.port)


def test_restore_of_operations_page_recovers_lost_rules(released: dict[str, str], tmp_path: Path) -> None:
    live = {**released, "STUDIO_TEAMS": TEAM}
    studio_links("allow U0LOST", live)
    page = (ROOT / "docs/OPERATIONS.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page[page.index("## Back up and restore") :], re.DOTALL)
    restore, bring_back = (next(block for block in blocks if word in block) for word in ("restore-table", "import"))
    for named, here in (("2026-11-24T08:00:00Z", utc_now().isoformat()), ("studio-links-", "procfile-")):
        restore = restore.replace(named, here)
    subprocess.run(["sh", "-ec", restore], env=live, check=True, capture_output=True, cwd=tmp_path)
    studio_links("forget U0LOST", live)

    subprocess.run(["sh", "-ec", bring_back], env=live, check=True, capture_output=True, cwd=tmp_path)

    assert "allow U0LOST" in studio_links("show U0LOST", live)


def health_check() -> list[str]:
    """Return the command of the Dockerfile's HEALTHCHECK, for this Python."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    command = ast.literal_eval(
        next(line for line in text.splitlines() if line.startswith("HEALTHCHECK")).split("CMD ")[1]
    )
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


def is_healthy(port: int, metrics_port: int | None = None) -> bool:
    environment = {"PORT": str(port), "METRICS_PORT": str(metrics_port or "")}
    ended = subprocess.run(health_check(), env=environment, capture_output=True, timeout=15, check=False)
    return ended.returncode == 0


def test_image_health_check_fails_for_a_bot_that_is_not_ready(product: Product, slug: Path) -> None:
    assert is_healthy(product.bot.port)
    assert not is_healthy(free_port())
    starting = platform(product, STUDIO_TABLE_PREFIX="nowhere-")
    with running(procfile("web"), starting, product.bot.log, slug) as bot:
        bot.wait_until("/healthz", 200)
        assert not is_healthy(bot.port, bot.metrics_port)


def test_demo_plays_from_wheel_in_a_foreign_folder(tmp_path: Path, wheel: Path) -> None:
    """With what `make demo` installs. Over Socket Mode: the tests in the browser do the same and more over HTTP."""
    folder = clone_with_packages(tmp_path, "requirements-demo.txt")
    (folder / "bot").unlink()
    (folder / "bot.py").write_text("raise SystemExit('this is not the bot that was installed')")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "packages")
    line = in_shell("python -P -m bot manifest", clean_environment(), folder)
    assert "/studio" in subprocess.run(**line, capture_output=True, text=True, check=True).stdout

    line, started = in_shell("python -P -m bot demo --once --socket", clean_environment(), folder), time.monotonic()
    ended = subprocess.run(**line, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert time.monotonic() - started < 10 * 6  # other tests keep the machine busy
    for name in ("ana", "ben", "cleo", "dan", "gus"):
        assert f"{name} sees" in ended.stdout
    for words in ("leads to the AWS sign-in page", "not_allowed", "is off-boarded", "Every step worked."):
        assert words in ended.stdout
    assert "token=" not in ended.stdout + ended.stderr
