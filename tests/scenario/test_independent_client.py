"""Serve a client that shares no code with the product: its own Slack, SageMaker and signatures."""

import hashlib
import hmac
import json
import queue
import secrets
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from moto.server import ThreadedMotoServer

from tests.leaks import remember
from tests.scenario.conftest import bot_process
from tests.scenario.test_life import start

SECRET, TOKEN = secrets.token_hex(16), "xoxb-1111-2222-independent"
LINK = f"https://d-abc.studio.eu-west-1.sagemaker.aws/auth?token={secrets.token_urlsafe(24)}"
TEAM, APP, MEMBER = "T99CLIENT", "A99CLIENT", "U99CLIENT"


class Upstreams(BaseHTTPRequestHandler):
    """Minimal Slack Web API, response_urls and SageMaker operation."""

    delivered: "queue.Queue[dict[str, Any]]" = queue.Queue()
    presigned: "queue.Queue[dict[str, Any]]" = queue.Queue()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/commands/"):
            self.delivered.put(json.loads(body))
            self._send(b"ok", "text/plain")
        elif self.headers.get("X-Amz-Target") == "SageMaker.CreatePresignedDomainUrl":
            self.presigned.put(json.loads(body))
            self._send(json.dumps({"AuthorizedUrl": LINK}).encode(), "application/x-amz-json-1.1")
        else:
            self._api()

    def do_GET(self) -> None:
        self._api()

    def _api(self) -> None:
        method = urlsplit(self.path).path.rpartition("/")[2]
        flags = dict.fromkeys(("deleted", "is_bot", "is_restricted", "is_ultra_restricted"), False)
        answers: dict[str, dict[str, Any]] = {
            "auth.test": {"team_id": TEAM, "user_id": "U0BOT", "bot_id": "B0BOT", "url": "https://x.slack.com/"},
            "bots.info": {"bot": {"id": "B0BOT", "app_id": APP}},
            "users.info": {"user": {"id": MEMBER, "team_id": TEAM, **flags}},
        }
        answer = {"ok": method in answers, "error": "unknown_method", **answers.get(method, {})}
        self._send(json.dumps(answer).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def upstreams() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstreams)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def plain_moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def post_command(address: str, response_url: str) -> tuple[int, bytes]:
    fields = {
        "command": "/studio",
        "text": "",
        "user_id": MEMBER,
        "team_id": TEAM,
        "channel_id": "D0ANY",
        "api_app_id": APP,
        "trigger_id": f"1.2.{secrets.token_hex(8)}",
        "response_url": response_url,
    }
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()).encode()
    assert parse_qs(body.decode())["user_id"] == [MEMBER]
    now = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(f"{address}/slack/events", body)  # noqa: S310 - loopback
    request.add_header("X-Slack-Request-Timestamp", now)
    request.add_header("X-Slack-Signature", f"v0={signature}")
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - loopback
        return response.status, response.read()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # moto's server does not close its socket
def test_independent_client_gets_a_link(log_folder: Path) -> None:
    remember(log_folder, SECRET, TOKEN, LINK)
    with upstreams() as world, plain_moto() as dynamodb:
        environment = {
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": f"{world}/api/",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            "AWS_ENDPOINT_URL_SAGEMAKER": world,
            "AWS_ENDPOINT_URL_STS": dynamodb,
        }
        for command in (
            ["tables", "create"],
            ["map", MEMBER, "--domain", "d-abc", "--profile", "Client-1"],
            ["allow", MEMBER],
        ):
            done = start(environment, *command)
            assert done.returncode == 0, done.stderr
        with bot_process(environment, log_folder / "bot-independent-client.log") as bot:
            bot.wait_until_ready()

            assert post_command(bot.address, f"{world}/commands/{TEAM}/1/x") == (200, b"")

            message = Upstreams.delivered.get(timeout=5)
    assert Upstreams.presigned.get_nowait() == {
        "DomainId": "d-abc",
        "UserProfileName": "Client-1",
        "ExpiresInSeconds": 60,
        "SessionExpirationDurationInSeconds": 43200,
    }
    buttons = [element for block in message["blocks"] for element in block.get("elements", []) if "url" in element]
    assert [button["url"] for button in buttons] == [LINK]
    assert LINK not in message["text"]
    assert message["unfurl_links"] is message["unfurl_media"] is False
