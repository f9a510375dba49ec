"""The demo as a command: it prints one address, serves it, and leaves nothing behind. Without a browser."""

import os
import re
import signal
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from queue import Queue
from socket import create_server

import pytest

from bot.local.demo.demo import open_in_browser
from bot.local.demo.running import RunningDemo
from bot.local.faults import Fault
from tests.browser.demo import running
from tests.conftest import LOG_FOLDER
from tests.preloaded import run_bot
from tests.waiting import wait_until


@contextmanager
def demo(*arguments: str, browser: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The command, and the address that it has printed."""
    command = [sys.executable, "-m", "bot", "demo", *arguments]
    environment = {**os.environ, "CI": "", "BROWSER": f"{browser} %s"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            addresses = []
            for line in process.stdout:
                addresses += re.findall(r"http://[\d.:]+", line)
                if "Ctrl-C" in line:
                    break
            assert len(addresses) == 1
            yield process, addresses[0]
        finally:
            with suppress(ProcessLookupError):  # as it should be: the demo has taken everything down
                os.killpg(process.pid, signal.SIGKILL)


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_demo_serves_one_address_and_stops_everything(tmp_path: Path) -> None:
    """SIGTERM ends it as Ctrl-C does: the demo gives both signals to Python's handler of SIGINT."""
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" >{opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    arguments = ("--port", "0", "--link-seconds", "7")
    with demo(*arguments, browser=browser) as (process, address), ExitStack() as stack:
        wait_until(opened.exists)
        assert opened.read_text() == f"{address}/\n"
        port = int(address.rpartition(":")[2])
        reading, listening, idle = (HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(3))
        for connection in (reading, listening, idle):
            stack.callback(connection.close)
        reading.request("GET", "/")
        assert b"Demo on this machine" in reading.getresponse().read()
        reading.close()
        # A page that listens, and a connection that a browser has opened in advance: neither may hold it up.
        listening.request("GET", "/events?hood=1")
        assert listening.getresponse().status == 200
        idle.connect()
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) in (0, 130)  # the bot drains for at most twelve seconds
        assert not alive(process.pid)


def test_demo_reports_a_port_in_use_in_one_line() -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run_bot("demo", "--port", port, env=os.environ)
    assert ended.returncode == 1
    assert "Choose another --port" in ended.stderr
    assert ended.stderr.count("\n") == 1


SCREENS = [
    ({}, False),
    ({"DISPLAY": ":0"}, True),
    ({"WAYLAND_DISPLAY": "wayland-0"}, True),
    ({"DISPLAY": ":0", "CI": "true"}, False),
]


@pytest.mark.parametrize(("variables", "opens"), SCREENS)
def test_browser_is_opened_where_a_person_has_one(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, opens: bool
) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "CI"):
        monkeypatch.setenv(name, variables.get(name, ""))
    monkeypatch.setattr(sys, "platform", "linux")
    pages: Queue[str] = Queue()
    monkeypatch.setattr(webbrowser, "get", lambda: None)
    monkeypatch.setattr(webbrowser, "open", pages.put)

    assert open_in_browser("http://127.0.0.1:8600/") is opens
    if opens:
        assert pages.get(timeout=5) == "http://127.0.0.1:8600/"


@pytest.mark.parametrize("error", [webbrowser.Error("could not locate runnable browser"), ValueError("No closing")])
def test_demo_runs_without_a_usable_browser(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> None:
        raise error

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("BROWSER", "no-such-browser")
    monkeypatch.setattr(webbrowser, "get", fail)

    assert not open_in_browser("http://127.0.0.1:8600/")


@pytest.fixture(scope="module")
def stage() -> Iterator[RunningDemo]:
    # Variables of a real bot in the shell do not reach the demo.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_TEAMS", "T0ELSEWHERE")
        patch.setenv("AWS_PROFILE", "no-such-profile")
        with running(LOG_FOLDER, "demo-stage") as stage:
            yield stage
        assert os.environ["AWS_PROFILE"] == "no-such-profile"


def test_hood_shows_recorded_requests(stage: RunningDemo) -> None:
    workspace, hood = stage.workspace, stage.workspace.under_the_hood
    assert hood is not None
    assert hood("U0DAN") == []
    message = workspace.answer_to(workspace.command("U0MAYA", "falcon"))
    workspace.answer_to(workspace.press("U0MAYA", message, "open_studio"))

    pressed, asked = hood("U0MAYA")

    assert (asked["what"]["name"], pressed["what"]["name"]) == ("/studio falcon", "Open Studio")
    assert asked["ack"]["result"] == "ok"
    assert [entry["alias"] for entry in asked["entries"]] == ["falcon"]
    # The press is about the entry of the link that it opened.
    assert [entry["id"] for entry in pressed["entries"]] == [asked["entries"][0]["id"]]
    operations = [call["operation"] for call in asked["aws"]]
    assert {"TransactWriteItems", "BatchGetItem", "CreatePresignedDomainUrl"} <= set(operations)
    assert "response_url" in [each["what"] for each in asked["slack"]]
    assert "token=" not in str(asked)
    assert (message.button("open_studio").url or "none") not in str(asked)


def test_hood_shows_changes_of_administrators(stage: RunningDemo) -> None:
    workspace, hood = stage.workspace, stage.workspace.under_the_hood
    assert hood is not None
    for text in ("admin allow @eve", "admin show @eve"):
        workspace.answer_to(workspace.command("U0ADA", text))

    shown, allowed = hood("U0ADA")

    entries = [(entry["action"], entry["subject"], entry["outcome"]) for entry in allowed["entries"]]
    assert entries == [("allow", "U0EVE", "done")]
    assert shown["entries"] == []


def test_hood_works_while_audit_is_unreadable(stage: RunningDemo) -> None:
    stage.workspace.answer_to(stage.workspace.command("U0BEN"))
    hood = stage.workspace.under_the_hood
    assert hood is not None
    stage.aws.inject("Query", Fault("AccessDeniedException", times=None))
    try:
        assert hood("U0BEN")[0]["entries"] == []
    finally:
        stage.aws.clear_faults()


def test_seeded_members_have_their_profiles_and_roles(stage: RunningDemo) -> None:
    for alias in ("prod", "sandbox", "falcon"):
        exchange = stage.workspace.command("U0MAYA", alias)
        assert stage.workspace.answer_to(exchange).button("open_studio").url
    assert stage.settings.studio_admins == ("U0ADA", "U0BEA")
    assert stage.settings.studio_links_per_minute > 100  # no visitor presses that often
