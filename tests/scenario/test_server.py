"""The HTTP server: connections that stay open, headers that change nothing, a variable that is ignored."""

import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.local.faults import Fault
from bot.local.slack.features import from_manifest
from bot.local.slack.workspace import Workspace
from bot.serving.server import GRACE, MAX_CONNECTIONS
from tests.cli import run_command
from tests.leaks import remember
from tests.scenario.conftest import BotProcess, Product, bot_process, free_port, outside
from tests.scenario.crowd import Crowd, Mortal, links_in, mortal, sent_to
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "SERVER")


@pytest.fixture(scope="module")
def hasty(product: Product, log_folder: Path) -> Iterator[Mortal]:
    """A bot that closes idle connections after a second, with a variable that some platforms set."""
    environment = {**product.environment, "WEB_CONCURRENCY": "2", "STUDIO_KEEP_ALIVE_SECONDS": "1"}
    with mortal(environment, log_folder / "bot-hasty.log") as bot:
        bot.bot.wait_until_ready()
        yield bot


def test_web_concurrency_is_ignored_with_one_warning(hasty: Mortal) -> None:
    lines = [line for line in hasty.bot.log.read_text().splitlines() if "WEB_CONCURRENCY" in line]

    assert len(lines) == 1
    assert '"event": "variable_ignored"' in lines[0]
    assert '"level": "warning"' in lines[0]
    assert Path(f"/proc/{hasty.pid}/task/{hasty.pid}/children").read_text() == ""


STARVED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
os.chdir("/")
os.execv(sys.executable, [sys.executable, "-m", "bot", "serve"])
"""


def test_bot_starts_with_variables_of_platforms_and_no_folder(product: Product) -> None:
    """No file can be written, there is no home, and the variables are those that platforms set."""
    port = free_port()
    platform = {"WEB_CONCURRENCY": "4", "PROMETHEUS_MULTIPROC_DIR": "/no/such/folder", "OTEL_SERVICE_NAME": "links"}
    root = str(Path(__file__).parents[2])
    settings = {**outside(), **product.environment, **platform, "PORT": str(port), "PYTHONPATH": root}
    settings.pop("HOME", None)
    command = [sys.executable, "-c", STARVED]
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as bot:
        try:
            BotProcess(bot, port, Path(os.devnull)).wait_until_ready()  # type: ignore[arg-type] # its output is text
        finally:
            bot.terminate()
            said, _ = bot.communicate(timeout=20)

    warnings = [json.loads(line) for line in said.splitlines() if '"warning"' in line or '"error"' in line]
    assert bot.returncode == 0
    assert [warning["variable"] for warning in warnings] == ["WEB_CONCURRENCY", "PROMETHEUS_MULTIPROC_DIR"]


def test_responses_do_not_name_the_server(product: Product) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)) as connection:
        for path in ("/healthz", "/nowhere"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.getheader("Server") is None
            assert response.getheader("Via") is None


def test_oversized_header_is_refused(product: Product) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)) as connection:
        connection.request("GET", "/healthz", headers={"X-Large": "x" * 40_000})

        assert connection.getresponse().status == 431


def test_idle_connections_stay_open_for_keep_alive_seconds(product: Product, hasty: Mortal) -> None:
    def idle_for(port: int, seconds: float) -> bool:
        """Return whether the connection is still there after so long."""
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            time.sleep(seconds)
            connection.auto_open = 0  # or else the library would quietly open another
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False

    assert idle_for(product.bot.port, 4.0)
    assert idle_for(hasty.bot.port, 0.0)
    assert not idle_for(hasty.bot.port, 4.0)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "example.com"},
        {"Forwarded": "for=10.0.0.1;proto=https"},
        {"SCRIPT_NAME": "/healthz"},
        {"PATH_INFO": "/metrics"},
        {"Script-Name": "/healthz"},
    ],
)
def test_forwarding_headers_do_not_change_the_request(product: Product, headers: dict[str, str]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)) as connection:
        connection.request("GET", "/healthz", headers=headers)
        response = connection.getresponse()

        assert (response.status, response.read()) == (200, b"alive\n")


def test_request_during_warm_up_waits_for_it(crowd: Crowd, product: Product, log_folder: Path) -> None:
    ana, port = crowd.member(), free_port()
    product.slack.inject("auth.test", Fault(delay=1.0))
    with mortal(product.environment, log_folder / "bot-warm.log", port) as bot, sent_to(product, bot.bot):
        wait_until(lambda: ana.types().ack != "dispatch_failed")
        message = product.slack.wait_for(ana.user_id, lambda screen: [m for m in screen if m.buttons()], timeout=15)

        assert links_in(message)


def test_requests_on_open_connections_are_answered_after_sigterm(product: Product, log_folder: Path) -> None:
    with mortal(product.environment, log_folder / "bot-drain.log") as bot, ExitStack() as stack:
        bot.bot.wait_until_ready()
        kept = [http.client.HTTPConnection("127.0.0.1", bot.bot.port, timeout=10) for _ in range(3)]
        for connection in kept:
            stack.callback(connection.close)
        for connection in kept:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        bot.bot.process.terminate()
        wait_until(lambda: not listens(bot))

        for connection in kept:
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"alive\n")
            assert response.getheader("Connection") == "close"
        assert bot.bot.process.wait(GRACE) == 0


def listens(bot: Mortal) -> bool:
    try:
        bot.bot.get("/healthz")
    except OSError:
        return False
    return True


def test_client_reset_during_a_response_logs_no_traceback(product: Product) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", product.bot.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it ends by a reset
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: bot\r\n\r\n" * 3)

    assert product.bot.get("/healthz")[0] == 200
    assert "Traceback" not in product.bot.log.read_text()


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
def test_metrics_port_takes_health_and_metrics_off_the_public_port(
    product: Product, log_folder: Path, *, socket_mode: bool
) -> None:
    port, log = free_port(), log_folder / f"bot-metrics-{socket_mode}.log"
    with Workspace(features=replace(from_manifest(), socket_mode=socket_mode)) as slack:
        remember(log_folder, slack.bot_token, slack.signing_secret, slack.app_token)
        own = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_API_URL": slack.api_url}
        secrets = {"SLACK_SIGNING_SECRET": slack.signing_secret, "SLACK_APP_TOKEN": slack.app_token}
        environment = {**product.environment, **own, **secrets, "METRICS_PORT": str(port)}
        with bot_process(environment, log, *(["--socket"] if socket_mode else [])) as bot:
            bot.metrics_port = port
            bot.wait_until_ready()

            doctor = run_command("doctor", "--url", bot.address, environment=environment).stdout
            paths = ("/metrics", "/readyz", "/healthz", "/slack/events")
            public, aside = ([bot.get_from(each, path)[0] for path in paths] for each in (bot.port, port))

    assert "alive; its /readyz is at METRICS_PORT" in doctor
    assert public == [404, 404, 200, 404 if socket_mode else 405]
    assert aside == [200, 200, 200, 404]
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"listening"' in line]
    assert {line["port"]: line["paths"] for line in lines} == {
        port: "/healthz /readyz /metrics",
        bot.port: "/healthz" if socket_mode else "/slack/events /healthz",
    }


def test_taken_metrics_port_stops_the_start_with_one_line(product: Product) -> None:
    taken = str(product.bot.port)
    ended = run_command("serve", environment={**product.environment, "PORT": str(free_port()), "METRICS_PORT": taken})

    assert ended.returncode == 1
    assert f"METRICS_PORT {taken} (Address already in use): choose another address" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_metrics_answer_while_the_public_port_is_full(product: Product, log_folder: Path) -> None:
    port = free_port()
    with bot_process({**product.environment, "METRICS_PORT": str(port)}, log_folder / "bot-full.log") as bot:
        bot.metrics_port = port
        bot.wait_until_ready()
        with ExitStack() as stack:
            for _ in range(MAX_CONNECTIONS + 50):
                stack.enter_context(socket.create_connection(("127.0.0.1", bot.port)))

            assert bot.get("/readyz")[0] == 200
