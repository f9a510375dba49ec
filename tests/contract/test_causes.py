"""Why AWS or Slack did not answer, in words, for real connections, files and credentials."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.aws.account import caller_arn
from bot.aws.client import new_session
from bot.aws.sagemaker import SageMakerStudio
from bot.core.errors import SlackError, StoreError, StudioError
from bot.core.link import Reason
from bot.core.ports import Failed
from bot.observability.metrics import Metrics
from bot.slack.client import SlackApi
from bot.slack.network import Network
from bot.slack.socket_connection import Connection, EnvelopeHandler, Times
from bot.store.access import AccessTable
from bot.store.models import bind
from tests.cli import run_command
from tests.fakes import ANA, TEAM, a_mapping

SETTINGS = Path(__file__).parent.parent / "data" / "aws-config-sso-expired.ini"
HEALED = {Reason.STORE_UNREACHABLE, Reason.AWS_UNREACHABLE, Reason.SLACK_UNREACHABLE}


class Page(BaseHTTPRequestHandler):
    """Answers with a page of the network, and connects nobody."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page: bytes = self.server.page  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_CONNECT(self) -> None:
        self.send_error(407)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Stay quiet."""


@contextmanager
def listening(
    status: int = 200, tls: ssl.SSLContext | None = None, page: bytes = b"<html>sign in to the network</html>"
) -> Iterator[int]:
    """Yield the port of a server that is not AWS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.status, server.page = status, page  # type: ignore[attr-defined]
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up on purpose
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Return the settings of a server whose certificate nobody trusts."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")]),
    )
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    both = tmp_path_factory.mktemp("tls") / "both.pem"
    both.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "https_proxy", "no_proxy", "http_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)


def of_store(failed: Failed | None = None) -> StoreError:
    tables = bind(prefix="x-", region="us-east-1", retries=0, read_timeout_seconds=0.2)
    tables.connect(lambda: new_session(failed=failed))
    with pytest.raises(StoreError) as raised:
        AccessTable(tables, audit_days=1).read(ANA)
    return raised.value


def of_aws() -> StudioError:
    studio = SageMakerStudio(region="us-east-1", link_seconds=60, session_seconds=43200)
    studio._config = studio._config.merge(type(studio._config)(read_timeout=0.2, retries={"total_max_attempts": 1}))
    with pytest.raises(StudioError) as failed:
        studio.examine(a_mapping())
    return failed.value


def of_slack(url: str) -> SlackError:
    with pytest.raises(SlackError) as failed:
        SlackApi(token="xoxb-1", api_url=f"{url}/api/").ping()
    return failed.value


def all_of(url: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Return the error messages of DynamoDB, SageMaker and Slack, and whether waiting can help."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    return [(str(error), error.reason in HEALED) for error in (of_store(), of_aws(), of_slack(url))]


def require(found: list[tuple[str, bool]], *words: str, healed: bool) -> None:
    for text, heals in found:
        assert heals is healed, text
        assert all(word in text for word in words), text
        assert "delete" not in text


@pytest.mark.public(9)
def test_untrusted_certificate_is_named(self_signed: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(tls=self_signed) as port:
        require(all_of(f"https://127.0.0.1:{port}", monkeypatch), "certificate", "CA", healed=False)


def test_missing_certificate_file_is_named(self_signed: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nonexistent/ca.pem")
    with listening(tls=self_signed) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{port}")
        assert "AWS_CA_BUNDLE" in str(of_store())


def test_plain_http_behind_https_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        require(all_of(f"https://127.0.0.1:{port}", monkeypatch), "TLS", healed=False)


@pytest.mark.public(9)
@pytest.mark.parametrize(("number", "healed"), [(socket.EAI_NONAME, False), (socket.EAI_AGAIN, True)])
def test_unknown_host_name_is_named(monkeypatch: pytest.MonkeyPatch, number: int, *, healed: bool) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    require(all_of("https://nowhere.example.com", monkeypatch), "host name", "DNS", healed=healed)


def test_refused_connection_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require(all_of("http://127.0.0.1:9", monkeypatch), "connection refused", healed=True)


def test_silent_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.client.API_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        require(all_of(f"http://127.0.0.1:{silent.getsockname()[1]}", monkeypatch), "in time", healed=True)


@pytest.mark.public(9)
def test_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:wrong@127.0.0.1:{port}")
        found = all_of("https://elsewhere.example.com", monkeypatch)
    require(found, "the proxy", "HTTPS_PROXY", "NO_PROXY", healed=False)
    assert not any("wrong" in text for text, _ in found)


@pytest.mark.public(9)
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_PROFILE": "sso"}, "expired: run `aws sso login`"),
        ({"AWS_PROFILE": "webid"}, "/nonexistent/token"),
        ({"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE\n", "AWS_SECRET_ACCESS_KEY": "made-up"}, "line break"),
        (
            {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "tok\nen"},
            "line break",
        ),
        ({}, "there are no AWS credentials"),
    ],
    ids=["login expired", "token file missing", "line break in key", "line break in token", "none"],
)
def test_command_names_what_is_wrong_with_credentials(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(SETTINGS))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    done = run_command("list", "--team", TEAM, environment=variables)
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert "tok\nen" not in done.stderr
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for error in (of_store(), of_aws()):
        assert words in str(error)
        assert error.reason in (Reason.STORE_REFUSED, Reason.AWS_REFUSED)


def test_malformed_token_is_not_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "FwoTOKEN\nMORE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for error in (of_store(), of_aws()):
        assert error.__cause__ is None
        assert error.__suppress_context__


@pytest.mark.public(8)
@pytest.mark.parametrize("status", [200, 302, 403, 404, 502])
def test_page_instead_of_aws_gives_no_advice_to_delete(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with listening(status) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        store, aws = of_store(), of_aws()
    assert store.reason is Reason.STORE_UNREACHABLE
    for error, service in ((store, "DynamoDB"), (aws, "SageMaker or STS")):
        assert "delete" not in str(error)
        assert "record" not in str(error)
        if status < 500:
            assert f"{service} did not answer" in str(error)


@pytest.mark.public(9)
def test_socket_mode_names_an_untrusted_certificate(self_signed: ssl.SSLContext) -> None:
    handler = EnvelopeHandler(lambda _payload: {}, 1000, Metrics("socket"))
    with listening(tls=self_signed) as port, pytest.raises(SlackError, match="certificate is not trusted") as failed:
        Connection(handler, Times(), Network()).open(f"wss://127.0.0.1:{port}/link/?ticket=secret")
    assert failed.value.reason is Reason.SLACK_REFUSED
    assert "secret" not in str(failed.value)


@pytest.mark.public(8)
def test_change_is_no_traceback_where_a_page_answers_for_sts(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        assert caller_arn("us-east-1") is None
        done = run_command("allow", ANA.user_id, "--team", TEAM, environment={})
    assert (done.returncode, done.stdout) == (1, "")
    assert "studio-links: DynamoDB did not answer, another server did: " in done.stderr


@pytest.mark.parametrize(("status", "label"), [(200, "other"), (502, "broken")])
def test_page_instead_of_aws_is_counted_once(monkeypatch: pytest.MonkeyPatch, status: int, label: str) -> None:
    counted: list[tuple[str, str]] = []
    with listening(status) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        of_store(lambda *failure: counted.append(failure))
    assert counted == [("dynamodb", label)]


@pytest.mark.public(9)
def test_doctor_reports_unusable_aws_settings_as_a_check() -> None:
    done = run_command("doctor", "--team", TEAM, "--json", environment={"AWS_PROFILE": "nobody"})
    [found] = [each for each in json.loads(done.stdout) if each["check"] == "AWS settings"]
    assert (done.returncode, found["level"]) == (1, "fail")
    assert "profile (nobody) could not be found" in found["found"]
    assert found["fix"].startswith("Correct the profile")


@pytest.mark.public(8)
@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize("code", ["Signature=secret", "secret code", "Secret" * 20])
def test_code_that_is_not_of_aws_is_not_repeated(monkeypatch: pytest.MonkeyPatch, status: int, code: str) -> None:
    """Some servers repeat what they get, with our access key and signature."""
    with listening(status, page=json.dumps({"__type": code}).encode()) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        errors = of_store(), of_aws()
    for error in errors:
        assert "another server did" in str(error)
        assert "secret" not in f"{error} {error.code}".lower()
