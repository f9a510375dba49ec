"""Hostile HTTP requests against a running bot."""

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor, Entry
from bot.core.values import utc_now
from bot.serving.server import MAX_READ_BYTES
from tests.scenario.conftest import TEAM, Product, create_profile
from tests.waiting import wait_until

FORM = "application/x-www-form-urlencoded"
SETTINGS = {"LOG_LEVEL": "INFO"}


@pytest.fixture(scope="module")
def admin(product: Product) -> Admin:
    admin = administration.admin(load(Settings))
    for name in ("ana", "ben", "eve"):
        product.slack.add_member(f"U0{name.upper()}", name)
        create_profile(product.domain_id, name)
        actor = Actor("cli:test", Source.CLI)
        admin.map(Member(TEAM, f"U0{name.upper()}"), Mapping("default", product.domain_id, name), actor)
        admin.grant(TEAM, Grant(f"U0{name.upper()}", Effect.ALLOW), actor)
    return admin


def post(product: Product, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)
    try:
        connection.request("POST", "/slack/events", body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def signed(product: Product, body: bytes, kind: str = FORM) -> dict[str, str]:
    return {"Content-Type": kind, **product.slack.sign(body)}


BAD_BODIES = {
    "malformed JSON": (b'{"type": ', "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "JSON as deep as the limit": (b"[" * 60_000, "application/json", 400),
    "a payload that is not JSON": (b"payload=%7Bnope", FORM, 400),
    "a payload of another kind": (b"payload=7", FORM, 400),
    "not UTF-8": (b"text=\xff\xfe", FORM, 400),
    "fields given twice": (b"user_id=U1&user_id=U2", FORM, 400),
    "a thousand fields": (urlencode({f"f{n}": "1" for n in range(1000)}).encode(), FORM, 400),
    "neither form nor JSON": (b"<xml/>", "text/xml", 415),
    "fields of the wrong kind": (json.dumps({"type": 5, "team": 5, "event": [1]}).encode(), "application/json", 404),
    "an interaction without a user": (b"payload=%7B%7D", FORM, 404),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_malformed_signed_body_is_refused_at_once(product: Product, case: str) -> None:
    body, kind, status = BAD_BODIES[case]
    started = time.perf_counter()

    answer = post(product, body, signed(product, body, kind))

    assert answer[0] in (status, 400)
    assert "Traceback" not in answer[1]
    assert time.perf_counter() - started < 2


def test_five_megabytes_are_refused_before_they_are_read(product: Product) -> None:
    body = b"text=" + b"x" * (5 * 1024 * 1024)
    with closing(http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)) as connection:
        connection.putrequest("POST", "/slack/events")
        for name, value in {**signed(product, body), "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(b"text=")

        assert connection.getresponse().status == 413


@pytest.mark.parametrize(("changes", "status"), [({}, 413), ({"X-Slack-Signature": ""}, 401)])
def test_slightly_oversized_body_is_answered_and_counted(
    product: Product, changes: dict[str, str], status: int
) -> None:
    body, before = b"text=" + b"x" * 100_000, product.bot.outcomes("refused_at_entrance")

    assert post(product, body, {**signed(product, body), **changes})[0] == status
    assert product.bot.outcomes("refused_at_entrance") == before + 1


def test_oversized_body_ends_the_connection(product: Product) -> None:
    body = b"text=" + b"x" * 100_000
    with closing(http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)) as connection:
        connection.request("POST", "/slack/events", body, signed(product, body))
        response = connection.getresponse()

        assert (response.status, response.getheader("Connection")) == (413, "close")
        assert response.read() == b"the body is too large\n"
        assert connection.sock is None


def test_unsolicited_five_megabytes_end_the_connection(product: Product) -> None:
    """The connection may end before the client reads the answer: the server reads no more of the body."""
    body = b"text=" + b"x" * (5 * 1024 * 1024)
    with suppress(OSError):
        assert post(product, body, signed(product, body))[0] == 413
    assert product.bot.get("/healthz")[0] == 200


def test_endless_body_without_a_length_is_cut_off(product: Product) -> None:
    """The client sends what makes the body too large, then waits: it would meet a reset if it went on sending."""
    head = signed(product, b"") | {"Host": "bot", "Transfer-Encoding": "chunked"}
    lines = ["POST /slack/events HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", product.bot.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + chunk * (MAX_READ_BYTES // 0x2000))
        with connection.makefile("rb") as answer:
            told = answer.read()  # until the bot closes the connection

    assert told.startswith(b"HTTP/1.1 413 ")


BAD_HEADERS: dict[str, dict[str, str | None]] = {
    "no signature": {"X-Slack-Signature": None},
    "no timestamp": {"X-Slack-Request-Timestamp": None},
    "a wrong signature": {"X-Slack-Signature": "v0=" + "0" * 64},
    "an invalid signature": {"X-Slack-Signature": "v0=gotcha"},
    "a signature that is not ASCII": {"X-Slack-Signature": "v0=\xe9"},
    "an old timestamp": {"X-Slack-Request-Timestamp": "1000000000"},
    "an invalid timestamp": {"X-Slack-Request-Timestamp": "yesterday"},
    "a timestamp in other digits": {"X-Slack-Request-Timestamp": "\xb2\xb3"},
    "an empty timestamp": {"X-Slack-Request-Timestamp": ""},
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_unsigned_request_is_refused(product: Product, case: str) -> None:
    body = b"command=%2Fstudio"
    headers: dict[str, str | None] = {**signed(product, body), **BAD_HEADERS[case]}

    status, answer = post(product, body, {name: value for name, value in headers.items() if value is not None})

    assert status == 401
    assert "Traceback" not in answer
    assert "Traceback" not in product.bot.log.read_text()


@pytest.mark.usefixtures("admin")
def test_repeated_request_gives_one_link_and_one_entry(product: Product, admin: Admin) -> None:
    issued = product.bot.outcomes("issued")
    first = product.slack.command("U0ANA")
    product.slack.answer_to(first)
    product.bot.wait_for_outcomes("issued", issued + 1)  # written after the reply
    replayed = product.bot.outcomes("replayed")
    before = product.slack.view("U0ANA")

    with ThreadPoolExecutor(8) as together:
        list(together.map(product.slack.replay, [first] * 8))

    product.bot.wait_for_outcomes("replayed", replayed + 8)
    assert product.slack.view("U0ANA") == before
    entries = list(admin.history(TEAM, "U0ANA", utc_now() - timedelta(hours=1), limit=100))
    assert [entry.outcome for entry in entries if entry.action == "link"] == ["issued"]


@pytest.mark.usefixtures("admin")
def test_twenty_concurrent_copies_give_one_link(product: Product) -> None:
    product.slack.add_member("U0BEN", "ben")
    address, product.slack.request_url = product.slack.request_url, "http://127.0.0.1:9/"
    lost = product.slack.command("U0BEN")  # signed, but it never reached the bot
    product.slack.request_url = address

    replayed = product.bot.outcomes("replayed")

    with ThreadPoolExecutor(20) as together:
        list(together.map(product.slack.replay, [lost] * 20))

    product.bot.wait_for_outcomes("replayed", replayed + 19)
    assert sum(bool(message.buttons()) for message in product.slack.view("U0BEN")) == 1


FOREIGN = {
    "another team": {"team_id": "T0OTHER"},
    "another app": {"api_app_id": "A0OTHER"},
    "another organisation": {"enterprise_id": "E0OTHER"},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_signed_request_is_refused_and_recorded(product: Product, admin: Admin, case: str) -> None:
    exchange = product.slack.command("U0EVE", overrides=FOREIGN[case])

    assert exchange.status == 200
    assert "not set up for this workspace" in exchange.reply
    assert not any(message.buttons() for message in product.slack.view("U0EVE"))

    def recorded() -> list[Entry]:
        entries = admin.history(TEAM, None, utc_now() - timedelta(hours=1), limit=100)
        return [e for e in entries if e.outcome == "foreign" and next(iter(FOREIGN[case].values())) in str(e)]

    assert wait_until(recorded)


@pytest.mark.parametrize("missing", ["trigger_id", "user_id", "api_app_id", "command"])
def test_command_without_a_required_field_suggests_a_retry(product: Product, missing: str) -> None:
    exchange = product.slack.command("U0EVE", overrides={missing: None})

    assert (exchange.status, "Try again" in exchange.reply) == (
        200 if missing != "command" else 404,
        missing != "command",
    )


def test_only_health_and_metrics_are_served(product: Product) -> None:
    assert product.bot.get("/healthz") == (200, "alive\n")
    assert product.bot.get("/readyz") == (200, "ready\n")
    assert "studio_links_requests_total" in product.bot.get("/metrics")[1]
    assert product.bot.get("/")[0] == 404
    assert product.bot.get("/slack/events")[0] == 405
