"""Connections that are opened ahead, and authorities that are read once, against a TLS server on this machine."""

import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError, SSLError
from urllib3 import ProxyManager
from urllib3.connectionpool import HTTPConnectionPool

from bench.distance import certificate, server_context
from bot.connections import open_ahead, pool_of, read_authorities_once
from tests.password_proxy import password_proxy


@dataclass
class Far:
    """A server and the files of its certificate.

    Attributes:
        connections: how many clients have opened.
    """

    url: str
    certified: Path
    trusted: Path
    connections: int = 0
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            server.connections += 1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append(self.headers.get("X-Amz-Target", ""))
            body = json.dumps({"AuthorizedUrl": "https://d-1.studio.eu-west-1.sagemaker.aws/auth?token=x"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Stay quiet."""

    certified, trusted = certificate(tmp_path)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.socket = server_context(str(certified)).wrap_socket(http.socket, server_side=True)
    http.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up on purpose
    server = Far(f"https://127.0.0.1:{http.server_address[1]}", certified, trusted)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    http.shutdown()
    http.server_close()


def opened_ahead(pool: HTTPConnectionPool) -> None:
    with ThreadPoolExecutor(1) as beside:
        open_ahead(pool, beside)


def a_client(far: Far) -> Any:
    client = boto3.client(
        "sagemaker",
        region_name="eu-west-1",
        endpoint_url=far.url,
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1),
    )
    read_authorities_once(client)
    return client


def call(client: Any) -> None:
    client.create_presigned_domain_url(DomainId="d-1", UserProfileName="ana")


def drop_connection(client: Any) -> None:
    """Close the connection that the next request would take, as a service does with an idle one."""
    pool = pool_of(client)
    connection = pool._get_conn()
    connection.close()
    pool._put_conn(connection)


def test_authorities_are_not_read_for_each_connection(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(far.trusted))
    client = a_client(far)
    read: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *given: read.append(given))

    for _ in range(3):
        call(client)
        drop_connection(client)

    assert far.connections == 3
    assert read == []


def test_server_that_no_authority_vouches_for_is_refused(far: Far) -> None:
    client = a_client(far)
    opened_ahead(pool_of(client))
    with pytest.raises(SSLError):
        call(client)
    assert far.requests == []


def test_certificate_of_another_host_is_refused(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(far.trusted))
    far.url = far.url.replace("127.0.0.1", "localhost")
    client = a_client(far)
    opened_ahead(pool_of(client))
    with pytest.raises(SSLError):
        call(client)
    assert far.requests == []


def test_calls_through_a_proxy_check_certificates_too(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    with password_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(SSLError):
            call(a_client(far))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(far.trusted))
        call(a_client(far))
    assert len(proxy.passed) == 2
    assert far.requests == ["SageMaker.CreatePresignedDomainUrl"]


def test_clients_share_the_authorities_they_have_read(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(far.trusted))
    call(a_client(far))
    far.trusted.unlink()
    call(a_client(far))


def test_unreadable_authorities_are_named_by_the_call(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nonexistent/ca.pem")
    with pytest.raises(SSLError, match="No such file"):
        call(a_client(far))


def test_connection_opened_ahead_is_the_one_that_is_used(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(far.trusted))
    client = a_client(far)
    call(client)
    drop_connection(client)
    assert far.connections == 1

    opened_ahead(pool_of(client))
    opened_ahead(pool_of(client))  # open already
    call(client)

    assert far.connections == 2


def test_open_connection_takes_no_thread(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(far.trusted))
    client = a_client(far)
    opened_ahead(pool_of(client))
    beside = ThreadPoolExecutor(1)
    beside.shutdown()  # it takes nothing any more

    open_ahead(pool_of(client), beside)
    call(client)

    assert far.connections == 1


def test_failure_to_open_ahead_is_left_to_the_request(far: Far) -> None:
    far.url = "https://127.0.0.1:1"
    client = a_client(far)
    opened_ahead(pool_of(client))
    with pytest.raises(EndpointConnectionError):
        call(client)


def test_connection_through_a_proxy_is_not_opened_ahead(far: Far) -> None:
    with password_proxy() as proxy:
        opened_ahead(ProxyManager(proxy.address).connection_from_url(far.url))
    assert proxy.refused == proxy.passed == []
