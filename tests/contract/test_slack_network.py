"""The way to Slack: one proxy, one set of certificates and one set of exceptions for every call."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from slack_sdk import WebClient

from bot.core.errors import ConfigError, SlackError
from bot.local.slack.features import Features
from bot.local.slack.workspace import GENERAL, Workspace
from bot.observability.metrics import Metrics
from bot.slack.blocks import RenderContext
from bot.slack.client import SlackApi
from bot.slack.members import views
from bot.slack.network import Network
from bot.slack.payloads import Origin
from bot.slack.socket_connection import Connection, EnvelopeHandler, Times
from bot.slack.socket_mode import SocketMode
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, TEAM
from tests.password_proxy import PasswordProxy, copy, password_proxy
from tests.waiting import wait_until

MESSAGE = views.help_text(RenderContext(CATALOGUES["en"]))
ENVELOPE = {"envelope_id": "1", "type": "slash_commands", "payload": {"command": "/studio"}}
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[PasswordProxy]:
    with password_proxy() as running:
        yield running


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with Workspace(team_id=TEAM, features=Features(socket_mode=True)) as workspace:
        workspace.add_member(ANA.user_id, "ana")
        yield workspace


def origin(slack: Workspace) -> Origin:
    return Origin(
        request_id="request-1",
        app_id=slack.installation.app_id,
        team_id=TEAM,
        user_id=ANA.user_id,
        response_url=slack.url + slack._urls.issue("exchange-1", ANA.user_id, GENERAL),
    )


def call_everything(slack: Workspace) -> None:
    """Use the Web API, a response_url and Socket Mode once."""
    api = SlackApi(token=slack.bot_token, api_url=slack.api_url)
    api.ping()
    assert api.reply(origin(slack), MESSAGE, replace=False)
    handler = EnvelopeHandler(lambda _: {}, max_bytes=4096, metrics=Metrics("socket"))
    mode = SocketMode(handler, app_token=slack.app_token, api_url=slack.api_url, replicas=1)
    mode.connect()
    assert slack.command(ANA.user_id).ack == "ok"
    mode.close()


@pytest.mark.public(1)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY"])
def test_every_call_of_slack_gives_the_proxys_password(
    slack: Workspace, proxy: PasswordProxy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, proxy.address)
    call_everything(slack)

    methods = [target.rpartition("/")[2] for method, target in proxy.passed if method == "POST"]
    assert {"auth.test", "apps.connections.open"} <= set(methods)
    assert len(methods) == 3  # the third is the response_url
    assert "CONNECT" in [method for method, _ in proxy.passed]
    assert proxy.refused == []


@pytest.mark.public(1)
@pytest.mark.parametrize("exceptions", ["127.0.0.1", "*", "example.com,127.0.0.1"])
def test_every_call_of_slack_honours_no_proxy(
    slack: Workspace, proxy: PasswordProxy, monkeypatch: pytest.MonkeyPatch, exceptions: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.address)
    monkeypatch.setenv("NO_PROXY", exceptions)
    call_everything(slack)

    assert (proxy.passed, proxy.refused) == ([], [])


@pytest.mark.parametrize("form", ["{}", " {} ", "https://{}"])
def test_proxy_address_is_read_in_every_usual_form(
    slack: Workspace, proxy: PasswordProxy, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", form.format(proxy.address.removeprefix("http://")))
    call_everything(slack)

    assert len(proxy.passed) == 4
    assert proxy.refused == []


@pytest.mark.parametrize(
    "address", ["socks5://corp:secret@127.0.0.1:1080", "http://", "http://corp:secret@host:port"]
)
def test_unusable_proxy_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)

    with pytest.raises(ConfigError, match="HTTPS_PROXY") as refused:
        SlackApi(token="xoxb-1", api_url="https://slack.com/api/")

    assert "secret" not in str(refused.value)


# TLS. The stand-in speaks plain HTTP, so a relay in front of it has the certificate.


def certificate(folder: Path) -> Path:
    """Write a certificate that no public authority knows, with its key; return the file."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")]),
    )
    now, address = datetime.now(UTC), x509.IPAddress(ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "slack.pem"
    path.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, kind, serialization.NoEncryption()))
    return path


@contextmanager
def tls(url: str, pem: Path) -> Iterator[str]:
    """Run a TLS relay in front of a plain server; yield the URL with the relay's port and the scheme for TLS."""
    target, context = urlsplit(url), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def relay(plain: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection((str(target.hostname), target.port or 80)) as upstream,
        ):
            threading.Thread(target=copy, args=(upstream, client), daemon=True).start()
            copy(client, upstream)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=relay, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        port = server.getsockname()[1]
        yield target._replace(scheme=f"{target.scheme}s", netloc=f"127.0.0.1:{port}").geturl()
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.public(1)
@pytest.mark.parametrize("proxied", [False, True])
def test_own_certificate_counts_for_every_call_of_slack(
    slack: Workspace, proxy: PasswordProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, proxied: bool
) -> None:
    pem, plain = certificate(tmp_path), origin(slack)
    if proxied:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
    handler = EnvelopeHandler(lambda _: {}, max_bytes=4096, metrics=Metrics("socket"))
    with ExitStack() as stack:
        api_url = stack.enter_context(tls(slack.api_url, pem))
        reply = replace(plain, response_url=stack.enter_context(tls(str(plain.response_url), pem)))

        def calls() -> list[Callable[[], object]]:
            api, line = SlackApi(token=slack.bot_token, api_url=api_url), Connection(handler, Times(), Network())
            address = WebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)["url"]
            stack.callback(line.close)
            return [
                api.ping,
                lambda: api.reply(reply, MESSAGE, replace=False) or pytest.fail("not delivered"),
                lambda: line.open(stack.enter_context(tls(str(address), pem))),
            ]

        for call in calls():
            with pytest.raises((SlackError, pytest.fail.Exception)):
                call()
        proxy.passed.clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        for call in calls():
            call()

    tunnels = [method for method, _ in proxy.passed if method == "CONNECT"]
    assert (len(tunnels), proxy.refused) == (3 if proxied else 0, [])


@pytest.mark.public(1)
def test_acknowledgement_that_nobody_reads_ends_the_connection(slack: Workspace) -> None:
    """Slack, or a proxy before it, takes nothing any more: callers must not wait for the connection for ever."""
    metrics, quick = Metrics("socket"), Times(send=0.3, hello=5)
    handler = EnvelopeHandler(lambda _: {"text": "x" * 20_000_000}, max_bytes=4096, metrics=metrics)
    line = Connection(handler, quick, Network())
    line.open(str(WebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)["url"]))
    deaf = slack.socket_mode.connections[0]
    with deaf.frozen():
        text = json.dumps({**ENVELOPE, "accepts_response_payload": True}).encode()
        deaf._connection.socket.sendall(b"\x81\x7e" + len(text).to_bytes(2, "big") + text)

        wait_until(lambda: not line.is_connected(), timeout=5)
        line.close()
