"""The page's routes keep outsiders out, and tell each page only what its member may know. Without a browser."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.local.slack.workspace import GENERAL, Workspace
from tests.browser import tinybot
from tests.browser.tinybot import TinyBot, button, section

OWN = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Workspace, TinyBot]]:
    with tinybot.running() as running:
        yield running


@pytest.fixture
def slack(running: tuple[Workspace, TinyBot]) -> Workspace:
    return running[0]


def ask(slack: Workspace, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(slack.url).port, timeout=10)
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, sent, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def do(slack: Workspace, deed: str, **details: Any) -> tuple[int, Any]:
    status, _, body = ask(slack, "POST", f"/do/{deed}", {"as": "U0ALICE", **details}, **OWN)
    return status, json.loads(body) if body.startswith(b"{") else None


def told(slack: Workspace, query: str) -> dict[str, Any]:
    """The first event that a page gets."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(slack.url).port, timeout=10)
    try:
        connection.request("GET", f"/events?{query}", headers={"Sec-Fetch-Site": "same-origin"})
        response = connection.getresponse()
        assert response.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        state: dict[str, Any] = json.loads(response.readline().removeprefix(b"data: "))
        return state
    finally:
        connection.close()


def test_page_has_restrictive_headers(slack: Workspace) -> None:
    for path in ("/", "/page/app.js", "/page/style.css"):
        status, headers, _ = ask(slack, "GET", path)
        assert status == 200
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


def test_page_has_no_inline_and_no_remote_content(slack: Workspace) -> None:
    page = ask(slack, "GET", "/")[2].decode()
    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    "path", ["/page/../routes.py", "/page/%2e%2e/routes.py", "/page/routes.py", "/page/nothing.js"]
)
def test_page_serves_its_own_files_only(slack: Workspace, path: str) -> None:
    assert ask(slack, "GET", path)[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {},
    ],
)
def test_post_from_another_page_is_refused(slack: Workspace, headers: dict[str, str]) -> None:
    body = {"as": "U0ALICE", "channel": GENERAL, "text": "/studio"}
    before = len(slack.exchanges)

    status, _, _ = ask(slack, "POST", "/do/type", body, Content_Type="application/json", **headers)

    assert (status, len(slack.exchanges)) == (403, before)


def test_origin_decides_for_an_older_browser(slack: Workspace) -> None:
    body = {"as": "U0ALICE", "channel": GENERAL, "text": "hello"}
    headers = {"Content_Type": "application/json", "Origin": slack.url}
    assert ask(slack, "POST", "/do/type", body, **headers)[0] == 200


@pytest.mark.parametrize("path", ["/events", "/page/app.js"])
def test_other_site_cannot_read(slack: Workspace, path: str) -> None:
    assert ask(slack, "GET", path, Sec_Fetch_Site="cross-site")[0] == 403
    assert ask(slack, "GET", path, Host="evil.example")[0] == 403


def test_link_from_another_site_opens_the_page(slack: Workspace) -> None:
    assert ask(slack, "GET", "/", Sec_Fetch_Site="cross-site")[0] == 200


@pytest.mark.parametrize(
    ("deed", "details", "status"),
    [
        ("dance", {}, 404),
        ("type", {"as": "U0NOBODY", "channel": GENERAL, "text": "x"}, 404),
        ("type", {"as": "USLACKBOT", "channel": GENERAL, "text": "x"}, 404),
        ("type", {"as": ["U0ALICE"], "channel": GENERAL, "text": "x"}, 404),
        ("type", {"channel": GENERAL}, 400),
        ("submit", {}, 400),
    ],
)
def test_malformed_request_is_refused(slack: Workspace, deed: str, details: dict[str, Any], status: int) -> None:
    assert do(slack, deed, **details)[0] == status


def test_element_that_left_the_screen_cannot_be_used(slack: Workspace) -> None:
    assert "gone" in do(slack, "act", message="1.000001", action="open")[1]
    assert "gone" in do(slack, "close", view="V0")[1]
    assert "gone" in do(slack, "use-shortcut", shortcut="other")[1]
    assert "gone" in do(slack, "type", channel="C0NOWHERE", text="x")[1]


def test_body_that_is_not_json_is_refused(slack: Workspace) -> None:
    assert ask(slack, "POST", "/do/type", b"{", **OWN)[0] == 400
    assert ask(slack, "POST", "/do/type", b"[]", **OWN)[0] == 404
    assert ask(slack, "POST", "/do/type", b"as=U0ALICE", Sec_Fetch_Site="same-origin")[0] == 415


def test_page_stream_has_what_its_member_sees_only(running: tuple[Workspace, TinyBot]) -> None:
    slack, bot = running
    url = "https://studio.example.com/auth?token=secret"
    bot.message = {"text": "x", "blocks": [{"type": "actions", "elements": [button("Open", "open", url=url)]}]}
    exchange = slack.command("U0ALICE")
    slack.answer_to(exchange)

    assert url in json.dumps(told(slack, "as=U0ALICE&since=0"))
    assert url not in json.dumps(told(slack, "as=U0BOB&since=0"))
    # A page that is loaded now, as Slack's client would be.
    assert url not in json.dumps(told(slack, "as=U0ALICE"))
    state = told(slack, "as=U0BOB")
    assert (state["me"], [member["name"] for member in state["members"]]) == ("U0BOB", ["alice", "bob"])
    assert slack.bot_token not in json.dumps(state)
    assert slack.signing_secret not in json.dumps(state)


def test_unnamed_viewer_is_the_first_member(slack: Workspace) -> None:
    assert told(slack, "")["me"] == "U0ALICE"
    assert told(slack, "as=U0NOBODY")["me"] == "U0ALICE"
    assert told(slack, "as=U0BOB&hood=1")["hood"] == []


def test_routes_open_and_submit_a_form(running: tuple[Workspace, TinyBot]) -> None:
    slack, _ = running
    assert do(slack, "use-shortcut", shortcut="open_studio")[1] == {"ack": "ok"}
    view = slack.modal("U0ALICE").id

    assert do(slack, "submit", view=view, values={})[1]["errors"].keys() == {"profile", "reason"}
    values = {"profile": {"it": "prod"}, "reason": {"it": "Project Falcon"}}
    assert do(slack, "submit", view=view, values=values)[1] == {"errors": {}, "trouble": ""}
    assert slack.modal("U0ALICE").title == "Sent"
    assert do(slack, "close", view=view, everything=True)[1] == {}
    assert slack.views.stack("U0ALICE") == ()


def test_mistakes_reach_the_page_without_content(running: tuple[Workspace, TinyBot]) -> None:
    slack, bot = running
    bot.message = {"text": "x", "blocks": [section("confidential" * 300)]}
    slack.command("U0BOB")

    problem = told(slack, "as=U0BOB")["problems"][-1]

    assert problem.startswith("response_url: invalid_blocks: must be less than 3001 characters")
    assert "confidential" not in problem
