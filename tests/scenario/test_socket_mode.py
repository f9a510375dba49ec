"""The bot over Socket Mode: the same answers, over a connection that it opens itself.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import json
import queue
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from bot.local.payloads import command_fields
from bot.local.workspace import GENERAL
from tests.leaks import remember
from tests.scenario.conftest import BotProcess, Product, bot_process, create_profile

TOKEN = "xapp-1-A0STUDIO01-made-up"
pytestmark = pytest.mark.usefixtures("product")


class SlackSide:
    """Slack's end of the connections, and in front of it the Web API with `apps.connections.open` added."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.connections: queue.Queue[ServerConnection] = queue.Queue()
        self.received: queue.Queue[dict[str, Any]] = queue.Queue()
        self.tickets: set[str] = set()
        self.websockets: Server = serve(self._serve, "127.0.0.1", 0)
        self.api = ThreadingHTTPServer(("127.0.0.1", 0), self._api_handler())
        self.threads = [
            threading.Thread(target=self.websockets.serve_forever),
            threading.Thread(target=self.api.serve_forever, args=(0.05,)),
        ]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.websockets.shutdown()
        self.api.shutdown()
        for thread in self.threads:
            thread.join()
        self.api.server_close()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api.server_port}/api/"

    def send_command(self, connection: ServerConnection, user_id: str, trigger: str) -> str:
        """Send a command as an envelope; the id under which its acknowledgement is expected."""
        slack = self.product.slack
        person, channel = slack.directory.person(user_id), slack.directory.channel(GENERAL)
        assert person is not None
        assert channel is not None
        payload = {
            **command_fields(slack.installation, person, channel),
            "command": "/studio",
            "text": "",
            "trigger_id": trigger,
            "response_url": slack.url + slack._urls.issue(trigger, user_id, GENERAL),
        }
        envelope_id = secrets.token_hex(8)
        envelope = {
            "envelope_id": envelope_id,
            "type": "slash_commands",
            "accepts_response_payload": True,
            "payload": payload,
        }
        connection.send(json.dumps(envelope))
        return envelope_id

    def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.request.path.partition("=")[2] not in self.tickets:
            return
        hello = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0STUDIO01"}}
        connection.send(json.dumps(hello))
        self.connections.put(connection)
        try:
            for message in connection:
                self.received.put(json.loads(message))
        except ConnectionClosed:
            pass

    def _api_handler(self) -> type[BaseHTTPRequestHandler]:
        side = self

        class Api(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path.endswith("/apps.connections.open"):
                    ticket = secrets.token_hex(16)
                    side.tickets.add(ticket)
                    port = side.websockets.socket.getsockname()[1]
                    good = self.headers["Authorization"] == f"Bearer {TOKEN}"
                    url = f"ws://127.0.0.1:{port}/link/?ticket={ticket}"
                    self._send(
                        json.dumps({"ok": True, "url": url} if good else {"ok": False, "error": "invalid_auth"})
                    )
                else:
                    self._forward(body)

            def do_GET(self) -> None:
                self._forward(b"")

            def _forward(self, body: bytes) -> None:
                target = side.product.slack.url + self.path
                client = side.product.slack.app.test_client()
                path = target.removeprefix(side.product.slack.url)
                headers = {"Authorization": self.headers.get("Authorization", ""), "Host": "127.0.0.1"}
                kind = self.headers.get("Content-Type")
                answer = client.open(path, method=self.command, data=body, headers=headers, content_type=kind)
                self._send(answer.get_data(as_text=True))

            def _send(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Api


@pytest.fixture(scope="module")
def side(product: Product) -> Iterator[SlackSide]:
    create_profile(product.domain_id, "sock")
    product.cli("map", "U0SOCK", "--domain", product.domain_id, "--profile", "sock")
    product.cli("allow", "U0SOCK")
    product.slack.add_member("U0SOCK", "sock")
    with SlackSide(product) as side:
        yield side


@pytest.fixture(scope="module")
def bot(side: SlackSide) -> Iterator[BotProcess]:
    environment = {
        name: value for name, value in side.product.environment.items() if name != "SLACK_SIGNING_SECRET"
    } | {"SLACK_APP_TOKEN": TOKEN, "SLACK_API_URL": side.api_url}
    log = side.product.bot.log
    remember(log.parent, TOKEN)
    with bot_process(environment, log, "--socket") as bot:
        bot.wait_until_ready()
        yield bot
        remember(log.parent, *side.tickets)


def test_commands_are_served_and_survive_a_reconnection(side: SlackSide, bot: BotProcess) -> None:
    slack = side.product.slack
    connection = side.connections.get(timeout=10)
    trigger = secrets.token_hex(8)

    envelope = side.send_command(connection, "U0SOCK", trigger)

    assert side.received.get(timeout=5) == {"envelope_id": envelope}
    screen = slack.wait_for("U0SOCK", lambda shown: [m for m in shown if m.buttons()])
    assert screen[-1].button("open_studio").url

    replayed = side.send_command(connection, "U0SOCK", trigger)
    assert side.received.get(timeout=5) == {"envelope_id": replayed}

    connection.close()
    renewed = side.connections.get(timeout=30)
    side.send_command(renewed, "U0SOCK", secrets.token_hex(8))
    slack.wait_for("U0SOCK", lambda shown: len(shown) == len(screen) + 1)
    bot.wait_for_outcomes("replayed", 1)
    bot.wait_for_outcomes("issued", 2)


def test_nothing_is_taken_over_http_and_health_is_served_beside_it(bot: BotProcess) -> None:
    assert bot.get("/healthz")[0] == 200
    assert bot.get("/slack/events")[0] == 404
