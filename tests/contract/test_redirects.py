"""No call follows a redirect or leaves this machine without TLS: our tokens reach nobody else, nor do links."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.aws.sagemaker import SageMakerStudio
from bot.core.access import Effect, Grant
from bot.core.errors import SlackError, StudioError
from bot.core.link import Allowed
from bot.observability.metrics import Metrics
from bot.slack.blocks import text_message
from bot.slack.client import SlackApi
from bot.slack.network import Network
from bot.slack.payloads import Origin
from bot.slack.socket_connection import Connection, EnvelopeHandler, Times
from bot.slack.socket_mode import SocketMode
from tests.fakes import ANA, TEAM, a_mapping

TOKEN = "xoxb-must-stay-here"
# The answers that the first server's clients wait for.
BELIEVED = (
    b'{"ok": true, "team_id": "T0STUDIO01", "bot_id": "B0EVIL", "bot": {"app_id": "A0EVIL"}, '
    b'"url": "ws://127.0.0.1:9/", "AuthorizedUrl": "https://d-1.studio.us-east-1.sagemaker.aws/auth?token=evil"}'
)


@dataclass
class Elsewhere:
    """A server that redirects, and the one behind it."""

    address: str
    requests: list[str] = field(default_factory=list)


@contextmanager
def server(status: int, seen: list[str], behind: str = "") -> Iterator[str]:
    """Answer every request in the same way, or redirect it; yield host and port."""
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": "1"}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            seen.append(f"{self.command} {self.path} {self.headers.get('Authorization')}")
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if behind:
                scheme = "ws" if self.headers["Upgrade"] else "http"
                self.send_header("Location", f"{scheme}://{behind}{self.path}")
            self.send_header("Content-Length", str(len(BELIEVED)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(BELIEVED)

        do_GET = do_POST = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@pytest.fixture(params=[301, 302, 303, 307, 308])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Elsewhere]:
    seen: list[str] = []
    with server(200, seen) as behind, server(request.param, [], behind) as front:
        yield Elsewhere(f"http://{front}", seen)


def home(address: str) -> None:
    SlackApi(token=TOKEN, api_url=f"{address}/api/").home()


def socket_address(address: str) -> None:
    handler = EnvelopeHandler(lambda _: {}, max_bytes=4096, metrics=Metrics("socket"))
    SocketMode(handler, app_token="xapp-1-A0", api_url=f"{address}/api/", replicas=1).connect()


def socket(address: str) -> None:
    handler = EnvelopeHandler(lambda _: {}, max_bytes=4096, metrics=Metrics("socket"))
    Connection(handler, Times(), Network()).open(address.replace("http:", "ws:"))


@pytest.mark.parametrize("call", [home, socket_address, socket])
def test_redirected_call_of_slack_is_an_error(elsewhere: Elsewhere, call: Callable[[str], None]) -> None:
    with pytest.raises(SlackError):
        call(elsewhere.address)
    assert elsewhere.requests == []


def test_redirect_of_a_proxy_is_not_followed(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", elsewhere.address)
    with pytest.raises(SlackError):
        home("http://127.0.0.1:9")
    assert elsewhere.requests == []


def test_redirected_reply_is_not_believed(elsewhere: Elsewhere) -> None:
    api = SlackApi(token=TOKEN, api_url=f"{elsewhere.address}/api/")
    asked = Origin(
        "request-1",
        "A0",
        ANA.user_id,
        team_id=TEAM,
        channel_id="C0",
        response_url=f"{elsewhere.address}/commands/{TEAM}/1/x",
    )
    assert not api.reply(asked, text_message("hello"), replace=False)
    assert elsewhere.requests == []


# botocore leaves the connection of an answer 307 to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_redirected_link_is_an_error(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", elsewhere.address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    studio = SageMakerStudio(region="us-east-1", link_seconds=60, session_seconds=43200)
    with pytest.raises(StudioError):
        studio.sign_in(Allowed(ANA, a_mapping(), Grant(ANA.user_id, Effect.ALLOW)))
    for client in studio._clients.values():
        client.close()
    assert elsewhere.requests == []


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_CONFIG_FILE"])
def test_aws_is_not_called_over_plain_http(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    file, address = tmp_path / "config", "http://sagemaker.example.invalid"
    file.write_text(f"[default]\nendpoint_url = {address}\n")
    monkeypatch.setenv(name, address if name == "AWS_ENDPOINT_URL" else str(file))
    studio = SageMakerStudio(region="us-east-1", link_seconds=60, session_seconds=43200)
    with pytest.raises(StudioError, match="takes https://"):
        studio.sign_in(Allowed(ANA, a_mapping(), Grant(ANA.user_id, Effect.ALLOW)))


@pytest.mark.parametrize("address", ["ws://slack.example.com/x", "ws://127.0.0.1@slack.example.com/x", "http://x/"])
def test_socket_mode_without_tls_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    handler = EnvelopeHandler(lambda _: {}, max_bytes=4096, metrics=Metrics("socket"))
    mode = SocketMode(handler, app_token="xapp-1-A0", api_url="http://127.0.0.1:9/api/", replicas=1)
    monkeypatch.setattr(mode._client, "apps_connections_open", lambda **_: {"url": address})
    with pytest.raises(SlackError) as refused:
        mode.connect()
    assert refused.value.code == "no_address"
