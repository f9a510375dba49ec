"""The AWS stand-in that contract tests run the adapters against, and the pairs of fake and adapter."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.local.aws.stand_in import REGION
from bot.observability import logs
from bot.slack import client, response_url
from bot.store.access import AccessTable
from bot.store.audit import AuditTable
from bot.store.models import Tables, bind, client_of
from bot.store.people import PeopleTable
from bot.store.runtime import RuntimeTable
from tests.contract.stands import ListeningAws, ServerClock, Store
from tests.fakes import FakeAccess, FakeAudit, FakeChoices, FakeIntake, FakePeople

AUDIT_DAYS = 400


@pytest.fixture(autouse=True)
def _long_slack_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the Slack stand-in on a busy machine, too. Tests about time set their own limits."""
    monkeypatch.setattr(client, "API_TIMEOUT", 60)
    monkeypatch.setattr(response_url, "TIMEOUT", 60.0)


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListeningAws]:
    """The AWS stand-in of a module, named by the environment."""
    nothing = str(tmp_path_factory.mktemp("aws") / "no-such-file")
    with ListeningAws(ServerClock()) as aws, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", nothing)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", nothing)
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        yield aws


@pytest.fixture(scope="module")
def bound(local_aws: ListeningAws) -> Iterator[Tables]:  # noqa: ARG001 - sets the environment
    """The models, connected once per module because that is slow."""
    tables = bind(prefix="contract-", region=REGION, connections=32)
    tables.connect()
    yield tables
    for model in tables.all():
        client_of(model).close()


@pytest.fixture
def tables(local_aws: ListeningAws, bound: Tables) -> Tables:
    """The models, with empty tables."""
    local_aws.reset_but_keep_tables(bound)
    return bound


@pytest.fixture
def aws(local_aws: ListeningAws) -> Iterator[ListeningAws]:
    """The stand-in, for tests that inject faults."""
    yield local_aws
    local_aws.clear_faults()


@pytest.fixture
def dynamodb(tables: Tables) -> Store:
    """The adapters."""
    people, audit = PeopleTable(tables), AuditTable(tables, days=AUDIT_DAYS)
    access = AccessTable(tables, audit_days=AUDIT_DAYS, people=people)
    return Store(access, audit, audit, RuntimeTable(tables), people)


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    """Fake and adapters in turn."""
    if request.param == "fake":
        audit, people = FakeAudit(), FakePeople()
        return Store(FakeAccess(audit, people), audit, FakeIntake(audit), FakeChoices(), people)
    real: Store = request.getfixturevalue("dynamodb")
    return real


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[tuple[int, str, bytes]]]]:
    """A proxy in front of Slack with a configurable response: status, content type, body."""
    answers: list[tuple[int, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, kind, body = answers[0]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/", answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def audit(tables: Tables) -> AuditTable:
    return AuditTable(tables, days=AUDIT_DAYS)


@pytest.fixture
def log() -> io.StringIO:
    """What production logs."""
    stream = io.StringIO()
    logs.configure(level="INFO", style="json", stream=stream)
    return stream
