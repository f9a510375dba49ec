"""The bot's use of Slack's Web API and response_urls: its own identity, replies and announcements."""

import gc
import http.server
import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from urllib3.util import parse_url

from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.local.faults import Fault
from bot.local.slack.people import Channel
from bot.local.slack.screens import Message as Shown
from bot.local.slack.workspace import GENERAL, SCOPES, Workspace
from bot.slack import client, response_url
from bot.slack.accounts import person
from bot.slack.blocks import RenderContext
from bot.slack.client import SlackApi
from bot.slack.members import views
from bot.slack.payloads import Home, Origin
from bot.slack.words import CATALOGUES
from tests.dripping import DRIPS, dripping
from tests.fakes import ANA, TEAM

RENDER = RenderContext(CATALOGUES["en"])
MESSAGE = views.help_text(RENDER)
LIMIT = 0.5  # seconds for a call, in tests about time
ELSEWHERE = "C0ELSEWHERE"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace(team_id=TEAM) as running:
        running.add_member(ANA.user_id, "ana")
        yield running


@pytest.fixture
def slack(workspace: Workspace) -> SlackApi:
    return SlackApi(token=workspace.bot_token, api_url=workspace.api_url)


@pytest.fixture
def origin(workspace: Workspace) -> Origin:
    """Return the origin of a command that Ana typed in #general."""
    return Origin(
        request_id="request-1",
        app_id=workspace.installation.app_id,
        team_id=TEAM,
        enterprise_id=None,
        user_id=ANA.user_id,
        user_team_id=None,
        channel_id=GENERAL,
        response_url=workspace.url + workspace._urls.issue("exchange-1", ANA.user_id, GENERAL),
    )


def screen(workspace: Workspace) -> list[Shown]:
    return workspace.view(ANA.user_id)


# Identity of the app


def test_token_identifies_app_and_team(workspace: Workspace, slack: SlackApi) -> None:
    assert slack.home() == Home(workspace.installation.app_id, TEAM)


def test_token_identifies_the_organisation() -> None:
    with Workspace(team_id=TEAM, enterprise_id="E0ORG00001") as organisation:
        slack = SlackApi(token=organisation.bot_token, api_url=organisation.api_url)
        assert slack.home().enterprise_id == "E0ORG00001"


@pytest.mark.parametrize("method", ["auth.test", "bots.info"])
@pytest.mark.parametrize("fault", [Fault(status=500), Fault(drop=True, served=True)], ids=["500", "cut"])
def test_unreachable_slack_is_retried_later(workspace: Workspace, slack: SlackApi, method: str, fault: Fault) -> None:
    workspace.inject(method, fault)
    with pytest.raises(SlackError) as failed:
        slack.home()
    assert failed.value.reason is Reason.SLACK_UNREACHABLE
    assert slack.home().team_id == TEAM


@pytest.mark.public(12)
def test_token_without_scope_is_refused() -> None:
    with Workspace(team_id=TEAM, scopes=tuple(scope for scope in SCOPES if scope != "users:read")) as limited:
        slack = SlackApi(token=limited.bot_token, api_url=limited.api_url)
        for call, words in ((slack.ping, "lacks the scope users:read: add it"), (slack.home, "missing_scope")):
            with pytest.raises(SlackError, match=words) as failed:
                call()
            assert failed.value.reason is Reason.SLACK_REFUSED


def test_ping_detects_a_revoked_token(workspace: Workspace, slack: SlackApi) -> None:
    slack.ping()
    with pytest.raises(SlackError, match="invalid_auth"):
        SlackApi(token="xoxb-revoked", api_url=workspace.api_url).ping()


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Run a server that answers every request with these bytes; yield its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay open
        timeout = 5

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "body", [b'{"ok": true}', b'{"ok": true, "bot": null}', b'{"ok": true, "team_id": "T0"}', b"[]"]
)
def test_incomplete_auth_test_response_is_an_error(body: bytes) -> None:
    with answering(body) as url, pytest.raises(SlackError):
        SlackApi(token="xoxb-0", api_url=f"{url}/api/").home()


@pytest.mark.public(2)
def test_token_of_a_whole_organisation_stands_for_it() -> None:
    who = {
        "ok": True,
        "team_id": None,
        "enterprise_id": "E0CORP0001",
        "bot_id": "B1",
        "bot": {"app_id": "A0STUDIO01"},
    }
    with answering(json.dumps(who).encode()) as url:
        home = SlackApi(token="xoxb-0", api_url=f"{url}/api/").home()
    assert home == Home("A0STUDIO01", "E0CORP0001", "E0CORP0001")


# Nulls


@pytest.mark.public(20)
def test_accounts_with_nulls_have_no_address() -> None:
    listed = (Path(__file__).parents[1] / "data" / "users-list-null.json").read_bytes()
    with answering(listed) as url:
        found = list(SlackApi(token="xoxb-0", api_url=f"{url}/api/").accounts())

    assert [(person.user_id, person.ineligible_reason, person.email) for person in found] == [
        ("U0NULLMAIL", None, ""),
        ("U0NOPROF01", None, ""),
    ]


@pytest.mark.public(20)
@pytest.mark.parametrize(
    "listed",
    ['{"ok": true, "members": null, "response_metadata": null}', '{"ok": true, "members": [null, {"id": null}]}'],
)
def test_accounts_without_an_id_are_left_out(listed: str) -> None:
    with answering(listed.encode()) as url:
        assert list(SlackApi(token="xoxb-0", api_url=f"{url}/api/").accounts()) == []


@pytest.mark.public(20)
def test_null_is_nobodys_name() -> None:
    nulls = dict.fromkeys(("id", "team_id", "enterprise_user", "locale", "profile", "deleted"))

    unknown = person(nulls)

    assert (unknown.user_id, unknown.team_id, unknown.enterprise_id, unknown.locale) == ("", "", None, None)
    assert unknown.ineligible_reason is not None
    with answering(b'{"ok": true, "channel": null, "ts": null}') as url:
        assert "None" not in SlackApi(token="xoxb-0", api_url=f"{url}/api/").post("C0123ABCD", MESSAGE)


# Replies


def test_replies_share_one_connection(origin: Origin) -> None:
    """A handshake per reply is slower than the reply. The stand-in closes connections, hence another server."""
    with answering(b"ok") as url:
        slack = SlackApi(token="xoxb-0", api_url=f"{url}/api/")
        opened: list[object] = []
        for number in range(5):
            there = replace(origin, response_url=f"{url}/commands/{TEAM}/{number}/secret")
            assert slack.reply(there, MESSAGE, replace=False)
            opened.append(slack._response_urls._direct.connection_from_url(url).num_connections)

    assert opened == [1] * 5


def test_reply_is_ephemeral(workspace: Workspace, slack: SlackApi, origin: Origin) -> None:
    workspace.add_member("U0BEN00001", "ben")
    assert slack.reply(origin, MESSAGE, replace=False)
    [shown] = screen(workspace)
    assert shown.text == MESSAGE.text
    assert shown.only_for == ANA.user_id
    assert workspace.view("U0BEN00001") == []
    assert workspace.api_calls == ()


def test_reply_disables_unfurling(workspace: Workspace, slack: SlackApi, origin: Origin) -> None:
    slack.reply(origin, MESSAGE, replace=False)
    [delivery] = workspace.deliveries
    assert delivery.payload["unfurl_links"] is False
    assert delivery.payload["unfurl_media"] is False


def test_reply_replaces_the_pressed_message(workspace: Workspace, slack: SlackApi, origin: Origin) -> None:
    slack.reply(origin, MESSAGE, replace=False)
    [first] = screen(workspace)
    url = workspace.url + workspace._urls.issue("exchange-2", ANA.user_id, GENERAL, first.ts)
    pressed = replace(origin, response_url=url)
    other = views.help_text(RENDER, not_understood="something else")
    assert slack.reply(pressed, other, replace=True)
    assert [shown.text for shown in screen(workspace)] == [other.text]


FAULTS = {
    "refused": Fault(status=404),
    "failed": Fault(status=500),
    "redirected": Fault(status=302),
    "rate limited": Fault(status=429, retry_after=60),
    "too slow": Fault(delay=60),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_refused_reply_falls_back_to_an_ephemeral_message(
    workspace: Workspace, slack: SlackApi, origin: Origin, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault.delay:
        monkeypatch.setattr(response_url, "TIMEOUT", LIMIT)
    workspace.inject("response_url", fault)
    with capture_logs() as logs:
        assert slack.reply(origin, MESSAGE, replace=False)
    assert [call.method for call in workspace.api_calls] == ["chat.postEphemeral"]
    assert workspace.api_calls[0].ignored == ()
    assert screen(workspace)[0].only_for == ANA.user_id
    assert [line["event"] for line in logs] in (["reply_refused"], ["reply_failed"])
    assert "/commands/" not in str(logs)


def test_call_while_the_process_ends_is_no_crash(slack: SlackApi) -> None:
    slack._calls.shutdown()  # as Python does then
    with pytest.raises(SlackError):
        slack.ping()


def test_used_up_response_url_is_a_refusal(workspace: Workspace, slack: SlackApi, origin: Origin) -> None:
    for _ in range(6):
        assert slack.reply(origin, MESSAGE, replace=False)
    assert [call.method for call in workspace.api_calls] == ["chat.postEphemeral"]


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (b"ok", True),
        (b"", True),
        (b'{"ok": true}', True),
        (b'{"ok": false, "error": "used_url"}', False),
        (b"[]", True),
    ],
)
def test_response_url_can_refuse_with_status_200(
    workspace: Workspace, slack: SlackApi, origin: Origin, body: bytes, *, taken: bool
) -> None:
    with answering(body) as url:
        assert slack.reply(replace(origin, response_url=f"{url}/commands/T0/1/x"), MESSAGE, replace=False)
    assert len(workspace.api_calls) == (0 if taken else 1)


def test_reply_without_response_url_is_an_ephemeral_message(
    workspace: Workspace, slack: SlackApi, origin: Origin
) -> None:
    assert slack.reply(replace(origin, response_url=None), MESSAGE, replace=False)
    assert workspace.deliveries == ()
    assert len(screen(workspace)) == 1


@pytest.mark.parametrize("channel", [None, ELSEWHERE, "C0UNKNOWN01"])
def test_reply_fails_if_both_ways_fail(
    workspace: Workspace, slack: SlackApi, origin: Origin, channel: str | None
) -> None:
    workspace.add_channel(Channel(ELSEWHERE, "elsewhere", frozenset({ANA.user_id})))
    assert not slack.reply(replace(origin, response_url=None, channel_id=channel), MESSAGE, replace=False)
    assert screen(workspace) == []


NOT_SLACKS = [
    "https://evil.example.com/commands/T0/1/x",
    "https://127.0.0.1.evil.example.com/commands/T0/1/x",
    "http://user@evil.example.com/commands/T0/1/x",
    "ftp://127.0.0.1/commands/T0/1/x",
    "file:///etc/passwd",
    "//127.0.0.1/commands/T0/1/x",
    "not an address",
    "http://[::1/commands/T0/1/x",
    "http://[evil]/commands/T0/1/x",
]


@pytest.mark.parametrize("url", NOT_SLACKS)
def test_foreign_response_url_gets_nothing(workspace: Workspace, slack: SlackApi, origin: Origin, url: str) -> None:
    with capture_logs() as logs:
        assert slack.reply(replace(origin, response_url=url), MESSAGE, replace=False)
    assert [call.method for call in workspace.api_calls] == ["chat.postEphemeral"]
    assert "response_url_not_slacks" in [line["event"] for line in logs]
    assert "evil" not in str(logs)


SLACK, GOV, LOCAL = "https://slack.com/api/", "https://slack-gov.com/api/", "http://127.0.0.1:9/api/"
SLACKS = SlackApi(token="xoxb-0", api_url=SLACK)._response_urls


@pytest.mark.public(22)
@pytest.mark.parametrize(
    ("api_url", "url", "ours"),
    [
        (SLACK, f"https://hooks.slack.com/commands/{TEAM}/1/x", True),
        (SLACK, f"https://hooks.slack.com/actions/{TEAM}/1/x", True),
        (SLACK, f"https://hooks.slack.com/app/{TEAM}/1/x", True),
        (SLACK, f"https://slack.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://evil.slack.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com:443/commands/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com./commands/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands/{TEAM}/../../services/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands/{TEAM}/%2e%2e/%2e%2e/services/T0/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands/{TEAM}/..;/services/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands%2f..%2fservices/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands//{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands/{TEAM}/1/x?redirect=https://evil.example", False),
        (SLACK, f"https://hooks.slack.com/commands/{TEAM}/1/x#@evil.example", False),
        (SLACK, f"https://hooks.slack.com%2eevil.example/commands/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com\\@evil.example/commands/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands/{TEAM}/1/x\n", False),
        (SLACK, f"https://hooks。slack.com/commands/{TEAM}/1/x", False),
        (SLACK, f" https://hooks.slack.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack-gov.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://HOOKS.slack.com/commands/{TEAM}/1/x", True),
        (SLACK, "https://hooks.slack.com/commands/E0ORG00001/1/x", True),
        (SLACK, "https://hooks.slack.com/commands/T0OTHER001/1/x", False),
        (SLACK, f"https://hooks.slack.com/services/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com/commands/../services/{TEAM}/1/x", False),
        (SLACK, "https://hooks.slack.com/", False),
        (SLACK, f"https://hooks.slack.com:8443/commands/{TEAM}/1/x", False),
        (SLACK, f"http://hooks.slack.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://hooks.slack.com.evil.example/commands/{TEAM}/1/x", False),
        (SLACK, f"https://evilslack.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://slack.com@evil.example/commands/{TEAM}/1/x", False),
        (SLACK, f"https://evil.example@slack.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://evil.example\\.slack.com/commands/{TEAM}/1/x", False),
        (SLACK, f"https://127.0.0.1/commands/{TEAM}/1/x", False),
        (GOV, f"https://hooks.slack-gov.com/commands/{TEAM}/1/x", True),
        (GOV, f"https://hooks.slack.com/commands/{TEAM}/1/x", False),
        ("https://www.slack.com/api/", f"https://hooks.slack.com/commands/{TEAM}/1/x", True),
        ("https://WWW.Slack.com/api/", f"https://hooks.slack.com/commands/{TEAM}/1/x", True),
        ("https://acme.slack.com/api/", f"https://hooks.slack.com/commands/{TEAM}/1/x", True),
        ("https://acme.enterprise.slack.com/api/", f"https://hooks.slack.com/commands/{TEAM}/1/x", True),
        ("https://www.slack-gov.com/api/", f"https://hooks.slack-gov.com/commands/{TEAM}/1/x", True),
        ("https://www.slack-gov.com/api/", f"https://hooks.slack.com/commands/{TEAM}/1/x", False),
        ("https://www.slack.com/api/", f"https://hooks.evilslack.com/commands/{TEAM}/1/x", False),
        ("https://slack.example.com/api/", f"https://hooks.slack.com/commands/{TEAM}/1/x", False),
        ("https://evilslack.com/api/", f"https://hooks.slack.com/commands/{TEAM}/1/x", False),
        (LOCAL, f"http://localhost:10/commands/{TEAM}/1/x", True),
        (LOCAL, f"https://hooks.slack.com/commands/{TEAM}/1/x", False),
        (LOCAL, f"http://127.0.0.1:10@evil.example/commands/{TEAM}/1/x", False),
        (LOCAL, f"http://127.0.0.1.evil.example/commands/{TEAM}/1/x", False),
    ],
)
def test_response_urls_of_slack_are_recognized(origin: Origin, api_url: str, url: str, *, ours: bool) -> None:
    asked = replace(origin, enterprise_id="E0ORG00001")
    assert SlackApi(token="xoxb-0", api_url=api_url)._response_urls.is_trusted(url, asked) is ours


@given(st.text("abTS0./:@\\%?#[]-_ 。\n", max_size=30), st.sampled_from(["", "/1/x", "@evil.example/", ".evil/"]))
def test_trusted_response_url_has_one_reading(text: str, end: str) -> None:
    url = f"https://hooks.slack.com{text}/commands/{TEAM}{text}{end}"
    if SLACKS.is_trusted(url, Origin("request-1", "A0", ANA.user_id, team_id=TEAM)):
        assert parse_url(url).host == urlsplit(url).hostname == "hooks.slack.com"
        assert f"https://hooks.slack.com{parse_url(url).path}" == url


# The audit channel


def test_announcement_is_posted_to_its_channel(workspace: Workspace, slack: SlackApi) -> None:
    slack.announce(GENERAL, "U0ANA00001 · link · issued")
    [shown] = screen(workspace)
    assert (shown.text, shown.only_for) == ("U0ANA00001 · link · issued", None)
    assert workspace.api_calls[0].arguments["unfurl_links"] in (False, "0", "false")


@pytest.mark.parametrize("channel", ["C0UNKNOWN01", ELSEWHERE])
def test_refused_announcement_is_an_error(workspace: Workspace, slack: SlackApi, channel: str) -> None:
    workspace.add_channel(Channel(ELSEWHERE, "elsewhere", frozenset({ANA.user_id})))
    with pytest.raises(SlackError) as failed:
        slack.announce(channel, "text")
    assert failed.value.code in ("channel_not_found", "not_in_channel")


# Slow drips


def settle(slack: SlackApi) -> None:
    """Wait for the abandoned call, and collect the response that slack_sdk leaves open."""
    slack._calls.shutdown()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.mark.parametrize("said", DRIPS, ids=["head", "body"])
def test_dripping_response_url_times_out(
    workspace: Workspace, slack: SlackApi, origin: Origin, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_url, "TIMEOUT", LIMIT)
    with dripping(said) as address:
        started = time.monotonic()
        assert slack.reply(replace(origin, response_url=address), MESSAGE, replace=False)
        assert LIMIT <= time.monotonic() - started < LIMIT + 1
    settle(slack)

    assert [shown.text for shown in screen(workspace)] == [MESSAGE.text]


@pytest.mark.parametrize("said", DRIPS, ids=["head", "body"])
def test_dripping_web_api_times_out(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "API_TIMEOUT", LIMIT)
    with dripping(said) as address:
        slack, started = SlackApi(token="xoxb-1", api_url=address), time.monotonic()
        with pytest.raises(SlackError) as failed:
            slack.person(ANA)
        assert LIMIT <= time.monotonic() - started < LIMIT + 1
    settle(slack)

    assert failed.value.reason is Reason.SLACK_UNREACHABLE
