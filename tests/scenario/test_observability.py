"""Signals for operators of a running bot: logs, metrics, alerts, dashboard and traces."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from bot.core.link import Stage
from bot.local.faults import Fault
from bot.local.slack.exchanges import Exchange
from bot.slack.payloads import request_id
from tests.leaks import find_leaks, remember
from tests.promql import exported, expressions, missing
from tests.scenario.conftest import Product, bot_process
from tests.scenario.crowd import Crowd, Someone, links_in, sent_to
from tests.waiting import wait_until

ROLE = "arn:aws:iam::123456789012:role/studio-links-broker"
# Only a field in a dialog asks for suggestions.
OF_A_LINK = set(Stage) - {Stage.SUGGEST}


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "SEEN")


@pytest.fixture(scope="module")
def ana(crowd: Crowd) -> Someone:
    return crowd.member(role_arn=ROLE)


def unsigned(product: Product) -> tuple[int, str]:
    """Send a request that Slack did not sign; return the status and id of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)
    try:
        connection.request("POST", "/slack/events", b"x=1")
        response = connection.getresponse()
        return response.status, response.headers["X-Request-Id"]
    finally:
        connection.close()


def logged(product: Product, **fields: str) -> list[dict[str, Any]]:
    """Wait for log lines with these fields, and return them."""

    def found() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in product.bot.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if all(line.get(name) == value for name, value in fields.items())]

    return wait_until(found)


def test_one_id_connects_all_log_lines_and_the_audit(product: Product, ana: Someone) -> None:
    exchange = ana.types()
    ana.reads(exchange)
    entry = ana.ended(exchange, "issued")
    [concluded] = logged(product, request=entry.id, event="concluded")
    assert entry.id == request_id(exchange.id)
    assert (concluded["outcome"], concluded["user"], concluded["door"]) == ("issued", ana.user_id, "command")
    assert {f"{stage}_ms" for stage in OF_A_LINK} - {"acknowledge_ms"} <= set(concluded)
    assert {line["delivery"] for line in logged(product, request=entry.id)} == {concluded["delivery"]}


def test_replay_is_another_delivery_of_the_same_request(product: Product, ana: Someone) -> None:
    exchange = ana.types()
    ana.reads(exchange)
    product.slack.replay(exchange)
    [refused] = logged(product, event="replay_refused", request=request_id(exchange.id))
    [concluded] = logged(product, event="concluded", request=request_id(exchange.id))
    assert refused["delivery"] != concluded["delivery"]


def test_request_refused_at_the_entrance_has_an_id(product: Product) -> None:
    status, delivery = unsigned(product)
    [line] = logged(product, delivery=delivery)
    assert (status, line["event"], line["status"]) == (401, "refused_at_entrance", 401)


def test_audit_has_the_ids_that_cloudtrail_has(product: Product, ana: Someone) -> None:
    exchange = ana.types()
    ana.reads(exchange)
    entry = ana.ended(exchange, "issued")
    history = json.loads(product.cli("history", ana.user_id, "--json").stdout)
    [reply] = [one for one in history if one["id"] == entry.id]
    assert reply["aws_session"] == f"slack-{ana.member.tenant}-{ana.user_id}"
    assert reply["aws_request_id"]
    assumed = [call for call in product.aws.recorded if call.operation == "AssumeRole"]
    assert reply["aws_session"] in {call.arguments["RoleSessionName"] for call in assumed}


def test_link_is_counted_as_opened_once(product: Product, ana: Someone) -> None:
    message = ana.reads(ana.types())
    before = {outcome: product.bot.outcomes(outcome) for outcome in ("opened", "opened_again")}
    pressed = ana.presses(message, "open_studio")
    ana.reads(pressed)
    product.bot.wait_for_outcomes("opened", before["opened"] + 1)
    product.slack.replay(pressed)
    product.bot.wait_for_outcomes("opened_again", before["opened_again"] + 1)
    assert product.bot.outcomes("opened") == before["opened"] + 1


def test_metrics_of_alerts_and_dashboard_exist(product: Product, crowd: Crowd, ana: Someone) -> None:
    stranger = crowd.member(allowed=False)
    for exchange in (ana.types(), stranger.types(), ana.types("help"), ana.types("whoami")):
        ana.reads(exchange) if exchange.user_id == ana.user_id else stranger.reads(exchange)
    unsigned(product)
    page = product.bot.get("/metrics")[1]
    there = exported(page)
    over_http = {where: asked for where, asked in expressions().items() if "studio_links_socket" not in asked}
    assert {where: missing(asked, there) for where, asked in over_http.items()} == {where: [] for where in over_http}
    assert 'studio_links_requests_total{outcome="other"} 0.0' in page
    assert "studio_links_ready 1.0" in page
    for stage in OF_A_LINK:
        assert f'studio_links_stage_seconds_count{{stage="{stage}"}} 0.0' not in page


@pytest.mark.parametrize(
    ("operation", "upstream", "code"),
    [
        ("CreatePresignedDomainUrl", "sagemaker", "ThrottlingException"),
        ("AssumeRole", "sts", "AccessDenied"),
        ("TransactWriteItems", "dynamodb", "ProvisionedThroughputExceededException"),
    ],
)
def test_upstream_failure_is_counted_by_its_code(
    product: Product, crowd: Crowd, operation: str, upstream: str, code: str
) -> None:
    someone = crowd.member(role_arn=ROLE)
    product.aws.inject(operation, Fault(code, "no", times=None))
    someone.reads(someone.types())
    product.aws.clear_faults()
    assert failures(product, upstream, code) > 0


def test_replay_is_not_an_upstream_failure(product: Product, ana: Someone) -> None:
    exchange = ana.types()
    ana.reads(exchange)
    replayed = product.bot.outcomes("replayed")
    before = [line for line in product.bot.get("/metrics")[1].splitlines() if "upstream_errors_total" in line]
    product.slack.replay(exchange)
    product.bot.wait_for_outcomes("replayed", replayed + 1)
    after = [line for line in product.bot.get("/metrics")[1].splitlines() if "upstream_errors_total" in line]
    assert before == after


def test_rejected_response_url_reply_is_counted(product: Product, ana: Someone) -> None:
    product.slack.inject("response_url", Fault(status=404))
    ana.reads(ana.types())
    assert failures(product, "response_url", "404") > 0


def failures(product: Product, upstream: str, code: str) -> float:
    wanted = f'studio_links_upstream_errors_total{{code="{code}",upstream="{upstream}"}} '
    lines = product.bot.get("/metrics")[1].splitlines()
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


# Traces


class Collector(ThreadingHTTPServer):
    """Receive traces over OTLP/HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Keep)
        self.bodies: list[bytes] = []

    @property
    def text(self) -> bytes:
        """Return all bytes received. Texts are verbatim in protobuf."""
        return b"\n".join(self.bodies)


class Keep(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def test_traces_have_a_span_for_each_stage_and_no_secret(product: Product, ana: Someone, tmp_path: Path) -> None:
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        environment = {**product.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        with bot_process(environment, tmp_path / "bot.log") as bot, sent_to(product, bot):
            bot.wait_until_ready()
            exchanges = [ana.types(), ana.types("whoami")]
            messages = [ana.reads(exchange) for exchange in exchanges]
            pressed = ana.presses(messages[0], "open_studio")
            ana.reads(pressed)
            delivered = links_in(messages)
        collector.shutdown()
    spans = collector.text
    for name in ("request", *(stage.value for stage in OF_A_LINK)):
        assert name.encode() in spans
    assert request_id(exchanges[0].id).encode() in spans
    for outcome in (b"issued", b"whoami", b"opened"):
        assert outcome in spans
    (tmp_path / "spans.log").write_bytes(spans)
    secrets = [value for each in (*exchanges, pressed) for value in (each.id, each.response_url)]
    remember(tmp_path, *delivered, *secrets, product.slack.bot_token, product.slack.signing_secret)
    assert find_leaks(tmp_path) == []


# The signing secret, kept in Secrets Manager


NEW = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def test_signing_secret_rotates_without_restart_or_refusal(product: Product, ana: Someone, tmp_path: Path) -> None:
    old = product.slack.signing_secret
    remember(tmp_path, NEW, old, product.slack.bot_token)
    kept = {"token": product.slack.bot_token, "secret": old}
    manager, parameters = boto3.client("secretsmanager"), boto3.client("ssm")
    manager.create_secret(Name="studio-links/slack", SecretString=json.dumps(kept))
    parameters.put_parameter(Name="/studio-links/token", Value=kept["token"], Type="SecureString")
    environment = {
        **product.environment,
        "SLACK_BOT_TOKEN": "ssm:///studio-links/token",
        "SLACK_SIGNING_SECRET": "aws-secretsmanager://studio-links/slack#secret",
    }

    def put(secret: str) -> None:
        manager.put_secret_value(SecretId="studio-links/slack", SecretString=json.dumps({**kept, "secret": secret}))

    def taken(exchange: Exchange, secret: str) -> bool:
        return product.slack.replay(exchange, product.slack.sign(exchange.body, secret=secret)).status == 200

    with bot_process(environment, tmp_path / "bot.log") as bot, sent_to(product, bot):
        bot.wait_until_ready()
        exchange = ana.types()
        ana.reads(exchange)
        assert not taken(exchange, NEW)
        put(f"{NEW},{old}")
        wait_until(lambda: taken(exchange, NEW))
        assert taken(exchange, old)
        page = bot.get("/metrics")[1]
        put(NEW)
        assert not taken(exchange, "neither of them")
        wait_until(lambda: not taken(exchange, old))
        assert taken(exchange, NEW)
        pages = page + bot.get("/metrics")[1]
    assert "studio_links_signing_secrets 2.0" in page
    assert 'used_timestamp_seconds{secret="second"} 0.0' not in page
    (tmp_path / "pages.log").write_text(pages)
    assert find_leaks(tmp_path) == []
