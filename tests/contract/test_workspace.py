"""The Slack stand-in keeps Slack's contract, as a bot and Slack's own client library see it over HTTP."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from slack_bolt import Ack, App, BoltRequest, Respond
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.webhook import WebhookClient

from bot.local.faults import Fault
from bot.local.loopback import LoopbackServer
from bot.local.slack.exchanges import Exchange
from bot.local.slack.people import SLACKBOT, Channel
from bot.local.slack.screens import Message
from bot.local.slack.workspace import GENERAL, Workspace

Json = dict[str, Any]
Reply = tuple[str, str, bytes]
LINK = "https://studio.example.com/auth?token=s3cret"
NOTHING: Reply = ("200 OK", "text/plain", b"")

BLOCKS: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Ready*"}},
    {
        "type": "actions",
        "block_id": "link",
        "elements": [
            {
                "type": "button",
                "action_id": "open",
                "text": {"type": "plain_text", "text": "Open Studio"},
                "style": "primary",
                "value": "prod",
                "url": LINK,
            },
            {"type": "button", "action_id": "new", "text": {"type": "plain_text", "text": "New link"}},
        ],
    },
]


class Bot:
    """A minimal app: it keeps its requests and gives the answers that a test sets."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.reply: Callable[[], Reply] = lambda: NOTHING

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        self.requests.append((headers, body))
        status, kind, content = self.reply()
        start_response(status, [("Content-Type", kind)])
        return [content]


class Hand:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_735_689_600.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def bot() -> Bot:
    return Bot()


@pytest.fixture
def bot_url(bot: Bot) -> Iterator[str]:
    with LoopbackServer(bot, 0) as server:
        yield f"{server.url}/slack/events"


@pytest.fixture
def slack(bot_url: str, clock: Hand) -> Iterator[Workspace]:
    with Workspace(clock=clock, ack_seconds=0.5) as workspace:
        workspace.request_url = bot_url
        workspace.add_member("U0ALICE", "alice", email="alice@example.com")
        workspace.add_member("U0BOB", "bob", guest=True)
        yield workspace


@pytest.fixture
def client(slack: Workspace) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url)


def respond(exchange: Exchange, **body: Any) -> tuple[int, str]:
    answer = WebhookClient(exchange.response_url).send_dict(body)
    return answer.status_code, answer.body


def link_message(slack: Workspace, user: str = "U0ALICE") -> Message:
    exchange = slack.command(user)
    assert respond(exchange, text="Studio is ready", blocks=BLOCKS) == (200, "ok")
    return slack.answer_to(exchange)


def texts(screen: list[Message]) -> list[str]:
    return [message.text for message in screen]


def raw(slack: Workspace, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(slack.url).port, timeout=5)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_bolt_app_works_with_the_workspace(bot: Bot, bot_url: str) -> None:
    with Workspace() as slack:
        slack.request_url = bot_url
        slack.add_member("U0ALICE", "alice")
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        app = App(client=client, signing_secret=slack.signing_secret, process_before_response=True)

        @app.command("/studio")
        def studio(ack: Ack, respond: Respond) -> None:
            ack()
            respond(text="Studio is ready", blocks=BLOCKS)

        @app.action("open")
        def opened(ack: Ack, respond: Respond) -> None:
            ack()
            respond(text="Opened", replace_original=True)

        def dispatch() -> Reply:
            headers, body = bot.requests[-1]
            answer = app.dispatch(BoltRequest(body=body.decode(), headers=dict(headers)))
            return f"{answer.status} X", "text/plain", answer.body.encode()

        bot.reply = dispatch
        command = slack.command("U0ALICE")
        message = slack.answer_to(command)
        assert (command.ack, message.text, message.only_for) == ("ok", "Studio is ready", "U0ALICE")
        assert slack.press("U0ALICE", message, "open").ack == "ok"
        assert texts(slack.view("U0ALICE")) == ["Opened"]


# Commands


def test_command_has_exactly_the_documented_fields(slack: Workspace, bot: Bot) -> None:
    exchange = slack.command("U0ALICE", "prod lab")
    fields = exchange.fields
    assert fields == {
        "token": slack.installation.verification_token,
        "team_id": "T0STUDIO01",
        "team_domain": "studio-links-demo",
        "channel_id": GENERAL,
        "channel_name": "general",
        "user_id": "U0ALICE",
        "user_name": "alice",
        "command": "/studio",
        "text": "prod lab",
        "api_app_id": "A0STUDIO01",
        "is_enterprise_install": "false",
        "response_url": exchange.response_url,
        "trigger_id": exchange.id,
    }
    headers, body = bot.requests[0]
    assert body == exchange.body
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert (exchange.ack, exchange.status, slack.view("U0ALICE")) == ("ok", 200, [])
    assert 0 < exchange.seconds < 0.5
    assert slack.exchanges == (exchange,)


def test_requests_carry_slacks_signature(slack: Workspace, bot: Bot, clock: Hand) -> None:
    slack.command("U0ALICE", "payload & more")
    headers, body = bot.requests[0]

    class SlackSdkClock(Clock):
        def now(self) -> float:
            return clock.now

    assert SignatureVerifier(slack.signing_secret, SlackSdkClock()).is_valid_request(body, headers)
    assert not SignatureVerifier("another", SlackSdkClock()).is_valid_request(body, headers)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("for @bob in #general", f"for <@U0BOB|bob> in <#{GENERAL}|general>"),
        ("for @data-science, @leavers", "for <!subteam^S0SCIENCE1|@data-science>, @leavers"),
        ("@nobody mail@bob <&>", "@nobody mail@bob &lt;&amp;&gt;"),
    ],
)
def test_command_text_is_escaped(slack: Workspace, typed: str, sent: str) -> None:
    slack.add_group("S0SCIENCE1", "data-science")
    slack.add_group("S0LEAVERS1", "leavers", disabled=True)
    assert slack.command("U0ALICE", typed).fields["text"] == sent


def test_command_text_is_raw_without_should_escape(bot_url: str) -> None:
    with Workspace(should_escape=False) as slack:
        slack.request_url = bot_url
        slack.add_member("U0ALICE", "alice")
        assert slack.command("U0ALICE", "@alice <&>").fields["text"] == "@alice <&>"


def test_command_names_public_channels_only(slack: Workspace) -> None:
    slack.add_channel(Channel("C0SECRET", "layoffs", frozenset({"U0ALICE"}), "private"))
    direct = slack.direct_message("U0ALICE", "U0BOB")
    assert slack.direct_message("U0BOB", "U0ALICE") == direct
    assert slack.command("U0ALICE", channel="C0SECRET").fields["channel_name"] == "privategroup"
    assert slack.command("U0ALICE", channel=direct).fields["channel_name"] == "directmessage"


def test_requests_name_the_organisation(bot_url: str) -> None:
    with Workspace(enterprise_id="E0ORG") as slack:
        slack.request_url = bot_url
        slack.add_member("U0ALICE", "alice")
        assert slack.command("U0ALICE").fields["enterprise_id"] == "E0ORG"
        assert WebClient(slack.bot_token, base_url=slack.api_url).auth_test()["enterprise_id"] == "E0ORG"
        assert slack.press("U0ALICE", link_message(slack), "new").fields["enterprise"]["id"] == "E0ORG"


def test_overrides_are_signed_like_any_field(slack: Workspace) -> None:
    fields = slack.command("U0ALICE", overrides={"team_id": "T0OTHER", "trigger_id": None}).fields
    assert fields["team_id"] == "T0OTHER"
    assert "trigger_id" not in fields


def test_replay_sends_the_same_bytes(slack: Workspace, bot: Bot) -> None:
    exchange = slack.command("U0ALICE")
    slack.replay(exchange)
    assert bot.requests[0] == bot.requests[1]
    slack.replay(exchange, slack.sign(exchange.body, secret="wrong", at=0))
    assert bot.requests[2][0]["x-slack-request-timestamp"] == "0"


@pytest.mark.parametrize("unknown", [("U0NOBODY", GENERAL), ("U0ALICE", "C0NOWHERE")])
def test_command_needs_a_known_member_and_channel(slack: Workspace, unknown: tuple[str, str]) -> None:
    with pytest.raises(LookupError, match="first"):
        slack.command(unknown[0], channel=unknown[1])


# Acknowledgements


@pytest.mark.parametrize(
    ("reply", "seen"),
    [
        (NOTHING, []),
        (("200 OK", "application/json", b"{}"), []),
        (("200 OK", "text/plain;charset=utf-8", "Ünderway".encode()), ["Ünderway"]),
        (("200 OK", "application/json;charset=utf-8", b'{"text": "Busy"}'), ["Busy"]),
        (
            ("200 OK", "application/json", b'{"text": '),
            ['/studio failed with the error "invalid_command_response"'],
        ),
        (
            ("200 OK", "application/json", b'{"blocks": [{"type": "x"}]}'),
            ['/studio failed with the error "invalid_command_response"'],
        ),
        (("404 NOT FOUND", "text/plain", b"?"), ['/studio failed with the error "dispatch_failed"']),
        (("202 ACCEPTED", "text/plain", b""), ['/studio failed with the error "dispatch_failed"']),
    ],
)
def test_acknowledgement_is_shown_to_the_member(slack: Workspace, bot: Bot, reply: Reply, seen: list[str]) -> None:
    bot.reply = lambda: reply
    slack.command("U0ALICE")
    assert texts(slack.view("U0ALICE")) == seen
    assert slack.view("U0BOB") == []


def test_in_channel_acknowledgement_is_shown_to_the_channel(slack: Workspace, bot: Bot) -> None:
    body = json.dumps({"response_type": "in_channel", "text": "Hello all"}).encode()
    bot.reply = lambda: ("200 OK", "application/json", body)
    slack.command("U0ALICE")
    assert texts(slack.view("U0BOB")) == ["Hello all"]
    assert slack.view("U0NOBODY") == []


def test_late_acknowledgement_is_a_timeout(bot: Bot, bot_url: str) -> None:
    released = threading.Event()

    def late() -> Reply:
        released.wait(5)
        return NOTHING

    bot.reply = late
    with Workspace(ack_seconds=0.05) as slack:
        slack.request_url = bot_url
        slack.add_member("U0ALICE", "alice")
        exchange = slack.command("U0ALICE")
        released.set()
        assert (exchange.ack, exchange.status) == ("operation_timeout", None)
        assert exchange.seconds >= 0.05
        assert slack.answer_to(exchange).text == '/studio failed with the error "operation_timeout"'


def test_acknowledgement_timeout_is_three_seconds() -> None:
    assert Workspace()._ack_seconds == 3.0


def test_dispatch_fails_while_the_bot_is_down(slack: Workspace) -> None:
    slack.request_url = "http://127.0.0.1:1/slack/events"
    exchange = slack.command("U0ALICE")
    assert (exchange.ack, exchange.status) == ("dispatch_failed", None)


# Buttons


def test_press_payload_matches_slack(slack: Workspace, clock: Hand) -> None:
    message = link_message(slack)
    exchange = slack.press("U0ALICE", message, "open")
    assert exchange.fields == {
        "type": "block_actions",
        "user": {"id": "U0ALICE", "username": "alice", "name": "alice", "team_id": "T0STUDIO01"},
        "api_app_id": "A0STUDIO01",
        "token": slack.installation.verification_token,
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": GENERAL,
            "is_ephemeral": True,
        },
        "trigger_id": exchange.id,
        "team": {"id": "T0STUDIO01", "domain": "studio-links-demo"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": GENERAL, "name": "general"},
        "state": {"values": {}},
        "response_url": exchange.response_url,
        "actions": [
            {
                "type": "button",
                "action_id": "open",
                "block_id": "link",
                "text": {"type": "plain_text", "text": "Open Studio"},
                "style": "primary",
                "value": "prod",
                "url": LINK,
                "action_ts": f"{clock.now:.6f}",
            }
        ],
    }
    assert exchange.ack == "ok"
    assert slack.view("U0ALICE") == [message]


def test_press_in_public_sends_the_message(slack: Workspace) -> None:
    exchange = slack.command("U0ALICE")
    respond(exchange, text="For all", blocks=BLOCKS, response_type="in_channel")
    fields = slack.press("U0BOB", slack.answer_to(exchange), "new").fields
    assert fields["container"]["is_ephemeral"] is False
    assert fields["message"]["text"] == "For all"


@pytest.mark.parametrize("missed", ["200 late", "500 INTERNAL SERVER ERROR"])
def test_unacknowledged_press_shows_a_warning(bot: Bot, bot_url: str, missed: str) -> None:
    released = threading.Event()

    def reply() -> Reply:
        if missed == "200 late":
            released.wait(5)
        return missed, "text/plain", b""

    with Workspace(ack_seconds=0.05) as slack:
        slack.request_url = bot_url
        slack.add_member("U0ALICE", "alice")
        message = link_message(slack)
        bot.reply = reply
        exchange = slack.press("U0ALICE", message, "open")
        released.set()
        warning = slack.answer_to(exchange)
        assert warning.source == "slack"
        assert warning.text == f"\u26a0 Open Studio: {exchange.ack}"


def test_press_needs_an_element_on_the_members_screen(slack: Workspace) -> None:
    message = link_message(slack)
    with pytest.raises(LookupError, match="not on the screen of U0BOB"):
        slack.press("U0BOB", message, "open")
    with pytest.raises(LookupError, match="no element 'delete'"):
        slack.press("U0ALICE", message, "delete")
    slack.reload("U0ALICE")
    with pytest.raises(LookupError, match="not on the screen"):
        slack.press("U0ALICE", message, "open")


def test_elements_without_an_id_get_one_from_slack(slack: Workspace) -> None:
    exchange = slack.command("U0ALICE")
    bare = {"type": "button", "text": {"type": "plain_text", "text": "Go"}}
    respond(exchange, blocks=[{"type": "actions", "elements": [bare]}])
    [button] = slack.answer_to(exchange).buttons()
    action = slack.press("U0ALICE", slack.answer_to(exchange), button.action_id).fields["actions"][0]
    assert action["block_id"] == button.block_id != ""


# response_urls


def test_response_url_posts_at_most_five_messages(slack: Workspace) -> None:
    exchange = slack.command("U0ALICE")
    for number in range(5):
        assert respond(exchange, text=str(number), replace_original=True) == (200, "ok")
    assert respond(exchange, text="6") == (404, '{"ok":false,"error":"used_url"}')
    assert texts(slack.view("U0ALICE")) == ["0", "1", "2", "3", "4"]
    assert slack.view("U0BOB") == []
    assert [delivery.status for delivery in slack.deliveries] == [200] * 5 + [404]
    assert {delivery.exchange for delivery in slack.deliveries} == {exchange.id}


def test_response_url_expires_after_thirty_minutes(slack: Workspace, clock: Hand) -> None:
    exchange = slack.command("U0ALICE")
    clock.now += 30 * 60
    assert respond(exchange, text="just in time")[0] == 200
    clock.now += 1
    assert respond(exchange, text="late") == (404, '{"ok":false,"error":"expired_url"}')


def test_unknown_response_url_does_nothing(slack: Workspace) -> None:
    first, second = slack.command("U0ALICE"), slack.command("U0ALICE")
    assert first.response_url != second.response_url
    assert len(first.response_url.rsplit("/", 1)[1]) >= 24
    answer = WebhookClient(f"{first.response_url}x").send(text="hi")
    assert (answer.status_code, answer.body) == (404, "no_service")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not JSON", b"invalid_payload"),
        (b"[]", b"invalid_payload"),
        (b"{}", b"no_text"),
        (b'{"delete_original": true}', b"no_text"),
        (b'{"text": "x", "unfurl_link": false}', b"invalid_payload"),
        (b'{"blocks": [{"type": "marquee"}]}', b"invalid_blocks"),
    ],
)
def test_bad_message_is_refused_and_not_shown(slack: Workspace, body: bytes, code: bytes) -> None:
    path = urlsplit(slack.command("U0ALICE").response_url).path
    assert raw(slack, "POST", path, body) == (400, code)
    assert slack.view("U0ALICE") == []


def test_interaction_url_replaces_the_message_in_place(slack: Workspace) -> None:
    message, later = link_message(slack), link_message(slack)
    exchange = slack.press("U0ALICE", message, "open")
    assert respond(exchange, text="Opened", replace_original=True) == (200, "ok")
    replaced = slack.answer_to(exchange)
    assert (replaced.ts, replaced.text, replaced.blocks) == (message.ts, "Opened", ())
    assert slack.view("U0ALICE") == [replaced, later]


def test_interaction_url_posts_by_default(slack: Workspace) -> None:
    exchange = slack.press("U0ALICE", link_message(slack), "new")
    respond(exchange, text="Another")
    assert texts(slack.view("U0ALICE")) == ["Studio is ready", "Another"]


def test_interaction_url_deletes_the_message(slack: Workspace) -> None:
    exchange = slack.press("U0ALICE", link_message(slack), "open")
    assert respond(exchange, delete_original=True) == (200, "ok")
    assert slack.view("U0ALICE") == []
    assert respond(exchange, text="Opened", replace_original="true") == (200, "ok")
    assert slack.view("U0ALICE") == []


def test_reply_works_in_a_channel_without_the_bot(slack: Workspace) -> None:
    exchange = slack.command("U0ALICE", channel=slack.direct_message("U0ALICE", "U0BOB"))
    assert respond(exchange, text="Here")[0] == 200
    assert texts(slack.view("U0ALICE")) == ["Here"]


# Waiting


def test_waiting_ends_when_the_screen_changes(slack: Workspace) -> None:
    exchange = slack.command("U0ALICE")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(slack.wait_for, "U0ALICE", lambda screen: len(screen) == 2)
        respond(exchange, text="one")
        respond(exchange, text="two")
        assert texts(waiting.result()) == ["one", "two"]


def test_wait_for_timeout_shows_the_screen(slack: Workspace) -> None:
    exchange = slack.command("U0ALICE")
    with pytest.raises(TimeoutError, match="the screen of U0ALICE is still"):
        slack.answer_to(exchange, timeout=0.01)
    with pytest.raises(TimeoutError):
        slack.wait_for("U0ALICE", timeout=0.01)


def test_concurrent_members_see_their_own_messages(slack: Workspace) -> None:
    members = [f"U0MEMBER{number}" for number in range(20)]
    for member in members:
        slack.add_member(member, member.lower())

    def ask(member: str) -> str:
        exchange = slack.command(member)
        respond(exchange, text=f"for {member}")
        return slack.answer_to(exchange).text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, members)) == [f"for {member}" for member in members]
    assert all(texts(slack.view(member)) == [f"for {member}"] for member in members)
    assert len(slack.exchanges) == len(slack.deliveries) == 20


# Web API


def test_auth_test_describes_the_bot(client: WebClient) -> None:
    identity = client.auth_test()
    assert identity["team_id"] == "T0STUDIO01"
    assert identity["is_enterprise_install"] is False
    assert identity["url"] == "https://studio-links-demo.slack.com/"
    about = client.bots_info(bot=identity["bot_id"])["bot"]
    assert (about["app_id"], about["user_id"]) == ("A0STUDIO01", identity["user_id"])
    assert client.users_info(user=identity["user_id"])["user"]["is_bot"] is True


def test_recorded_calls_have_no_token(slack: Workspace, client: WebClient) -> None:
    client.users_info(user="U0ALICE")
    raw(
        slack,
        "POST",
        "/api/api.test",
        b"token=xoxb-other&foo=bar",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert [(call.method, call.arguments, call.error) for call in slack.api_calls] == [
        ("users.info", {"user": "U0ALICE"}, None),
        ("api.test", {"foo": "bar"}, None),
    ]


@pytest.mark.parametrize(
    ("token", "error"),
    [(None, "not_authed"), ("xoxb-wrong", "invalid_auth")],
)
def test_missing_or_wrong_token_is_refused(slack: Workspace, token: str | None, error: str) -> None:
    with pytest.raises(SlackApiError, match=error):
        WebClient(token, base_url=slack.api_url).auth_test()


def test_token_is_read_from_a_form_but_not_from_json(slack: Workspace) -> None:
    form = f"token={slack.bot_token}".encode()
    assert (
        b'"ok": true'
        in raw(slack, "POST", "/api/auth.test", form, Content_Type="application/x-www-form-urlencoded")[1]
    )
    sent = json.dumps({"token": slack.bot_token}).encode()
    assert b"not_authed" in raw(slack, "POST", "/api/auth.test", sent, Content_Type="application/json")[1]


def test_unknown_methods_and_missing_scopes_are_refused(client: WebClient) -> None:
    with pytest.raises(SlackApiError, match="unknown_method"):
        client.conversations_list()
    with pytest.raises(SlackApiError, match="bot_not_found"):
        client.bots_info(bot="B0OTHER")
    with (
        Workspace(scopes=("commands",)) as bare,
        pytest.raises(SlackApiError, match="missing_scope") as caught,
    ):
        WebClient(bare.bot_token, base_url=bare.api_url).users_info(user=SLACKBOT)
    assert caught.value.response["needed"] == "users:read"


@pytest.mark.parametrize(
    ("traits", "expected", "absent"),
    [
        (
            {},
            {"is_bot": False, "is_restricted": False, "deleted": False, "team_id": "T0STUDIO01"},
            {"is_stranger"},
        ),
        ({"guest": True}, {"is_restricted": True, "is_ultra_restricted": False}, set()),
        ({"single_channel_guest": True}, {"is_restricted": True, "is_ultra_restricted": True}, set()),
        (
            {"deleted": True, "guest": True},
            {"deleted": True},
            {"is_restricted", "is_admin", "tz", "real_name"},
        ),
        ({"stranger": True, "team_id": "T0OTHER"}, {"is_stranger": True, "team_id": "T0OTHER"}, set()),
        ({"team_id": "T0OTHER"}, {"is_stranger": False, "team_id": "T0OTHER"}, set()),
        ({"invited": True}, {"is_invited_user": True}, set()),
        ({"bot": True}, {"is_bot": True}, set()),
        (
            {"admin": True, "enterprise_user": {"id": "W1"}},
            {"is_admin": True, "enterprise_user": {"id": "W1"}},
            set(),
        ),
    ],
)
def test_users_info_matches_slack_for_each_account_kind(
    slack: Workspace, client: WebClient, traits: Any, expected: Json, absent: set[str]
) -> None:
    slack.add_member("U0ONE", "one", **traits)
    user = client.users_info(user="U0ONE")["user"]
    assert {name: user.get(name) for name in expected} == expected
    assert not absent & user.keys()


def test_users_info_does_not_mark_slackbot_as_bot(client: WebClient) -> None:
    user = client.users_info(user=SLACKBOT)["user"]
    assert (user["is_bot"], user["deleted"], user["profile"]["always_active"]) == (False, False, True)


def test_users_info_refuses_an_unknown_account(client: WebClient) -> None:
    with pytest.raises(SlackApiError, match="user_not_found"):
        client.users_info(user="U0NOBODY")


def test_users_info_has_email_only_with_its_scope(client: WebClient) -> None:
    assert client.users_info(user="U0ALICE")["user"]["profile"]["email"] == "alice@example.com"
    with Workspace(scopes=("users:read",)) as bare:
        bare.add_member("U0ALICE", "alice", email="alice@example.com")
        user = WebClient(bare.bot_token, base_url=bare.api_url).users_info(user="U0ALICE")["user"]
        assert "email" not in user["profile"]


def test_users_list_pages_have_each_account_once(slack: Workspace, client: WebClient) -> None:
    slack.add_member("U0GONE", "gone", deleted=True)
    people = {person.id for person in slack.directory.people()}
    pages = [[user["id"] for user in page["members"]] for page in client.users_list(limit=2)]
    assert sorted(user for page in pages for user in page) == sorted(people)
    assert max(len(page) for page in pages) == 2
    assert {user["id"] for user in client.users_list()["members"]} == people


@pytest.mark.parametrize("cursor", ["made up", "bm9ib2R5"])
def test_users_list_refuses_an_invalid_cursor(client: WebClient, cursor: str) -> None:
    with pytest.raises(SlackApiError, match="invalid_cursor"):
        client.users_list(cursor=cursor, limit=2)


def test_user_group_lists_members_unless_disabled(slack: Workspace, client: WebClient) -> None:
    slack.add_group("S0SCIENCE1", "science", "U0BEN", "U0ANA")
    assert client.usergroups_users_list(usergroup="S0SCIENCE1")["users"] == ["U0ANA", "U0BEN"]
    slack.add_group("S0SCIENCE1", "science", "U0ANA", disabled=True)
    assert client.usergroups_users_list(usergroup="S0SCIENCE1", include_disabled=True)["users"] == ["U0ANA"]
    for name, even in (("S0SCIENCE1", False), ("S0SCIENCE1", None), ("S0NOSUCH01", True)):
        with pytest.raises(SlackApiError, match="no_such_subteam"):
            client.usergroups_users_list(usergroup=name, include_disabled=even)


def test_answer_header_has_the_tokens_scopes(slack: Workspace, client: WebClient) -> None:
    assert client.auth_test().headers["x-oauth-scopes"] == ",".join(slack.installation.scopes)
    with pytest.raises(SlackApiError) as refused:
        WebClient("xoxb-other", base_url=slack.api_url).auth_test()
    assert "x-oauth-scopes" not in refused.value.response.headers


def test_ephemeral_message_is_seen_by_one_member(slack: Workspace, client: WebClient) -> None:
    before = slack.command("U0ALICE")
    ts = client.chat_postEphemeral(channel=GENERAL, user="U0ALICE", text="Psst", blocks=BLOCKS)["message_ts"]
    message = slack.answer_to(before)
    assert (message.ts, message.text, message.button("open").url) == (ts, "Psst", LINK)
    assert slack.view("U0BOB") == []


def test_form_may_hold_blocks_as_json(slack: Workspace) -> None:
    def post(blocks: str) -> bytes:
        return raw(
            slack,
            "POST",
            f"/api/chat.postEphemeral?channel={GENERAL}&user=U0ALICE",
            b"blocks=" + blocks.encode(),
            Content_Type="application/x-www-form-urlencoded",
            Authorization=f"Bearer {slack.bot_token}",
        )[1]

    assert b'"ok": true' in post('[{"type":"divider"}]')
    assert b"invalid_blocks_format" in post("[{")


def test_unfurl_arguments_are_ignored(slack: Workspace, client: WebClient) -> None:
    client.chat_postEphemeral(channel=GENERAL, user="U0ALICE", text="Psst", unfurl_links=False)
    assert slack.api_calls[0].ignored == ("unfurl_links",)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"channel": "C0PRIVATE"}, "channel_not_found"),
        ({"channel": "C0BOTLESS"}, "not_in_channel"),
        ({"channel": "C0ARCHIVED"}, "is_archived"),
        ({"channel": "C0SMALL"}, "user_not_in_channel"),
        ({"user": "U0NOBODY"}, "user_not_in_channel"),
        ({"user": ""}, "invalid_arguments"),
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": [{"type": "marquee"}]}, "invalid_blocks"),
        ({"attachments": [{"text": "x"}]}, "invalid_arguments"),
    ],
)
def test_post_ephemeral_refuses_with_slacks_error(
    slack: Workspace, client: WebClient, changes: Json, error: str
) -> None:
    bot_user = slack.installation.bot_user_id
    slack.add_channel(Channel("C0PRIVATE", "private", frozenset({"U0ALICE"}), "private"))
    slack.add_channel(Channel("C0BOTLESS", "botless", frozenset({"U0ALICE"})))
    slack.add_channel(Channel("C0ARCHIVED", "archived", frozenset({"U0ALICE", bot_user}), archived=True))
    slack.add_channel(Channel("C0SMALL", "small", frozenset({bot_user})))
    # The client's own method for it warns of some of these before it sends them.
    whole = {"channel": GENERAL, "user": "U0ALICE", "text": "Psst", **changes}
    with pytest.raises(SlackApiError) as caught:
        client.api_call("chat.postEphemeral", json=whole)
    assert caught.value.response["error"] == error
    assert slack.view("U0ALICE") == []


def test_refusal_of_blocks_lists_the_problems(client: WebClient) -> None:
    with pytest.raises(SlackApiError) as caught:
        client.chat_postEphemeral(channel=GENERAL, user="U0ALICE", text="x", blocks=[{"type": "marquee"}])
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] unsupported type: marquee [json-pointer:/blocks/0/type]"
    ]


def test_message_to_a_user_id_goes_to_the_direct_channel(slack: Workspace, client: WebClient) -> None:
    client.chat_postEphemeral(channel=slack.direct_message("U0ALICE"), user="U0ALICE", text="Psst")
    assert texts(slack.view("U0ALICE")) == ["Psst"]


# Faults


def test_fault_rate_limits_the_web_api(slack: Workspace, client: WebClient) -> None:
    slack.inject("users.info", Fault(status=429, retry_after=7), Fault(status=500))
    with pytest.raises(SlackApiError) as caught:
        client.users_info(user="U0ALICE")
    assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")
    assert caught.value.response.headers["Retry-After"] == "7"
    with pytest.raises(SlackApiError):
        client.users_info(user="U0ALICE")
    assert client.users_info(user="U0ALICE")["ok"]
    assert [call.status for call in slack.api_calls] == [429, 500, 200]


@pytest.mark.parametrize("status", [404, 429, 500])
def test_fault_fails_a_reply_before_it_is_shown(slack: Workspace, status: int) -> None:
    exchange = slack.command("U0ALICE")
    slack.inject("response_url", Fault(status=status, retry_after=1))
    assert respond(exchange, text="lost")[0] == status
    assert respond(exchange, text="kept")[0] == 200
    assert texts(slack.view("U0ALICE")) == ["kept"]
    assert [delivery.status for delivery in slack.deliveries] == [status, 200]


def test_delayed_call_is_recorded_on_arrival(slack: Workspace, client: WebClient) -> None:
    exchange = slack.command("U0ALICE")
    for target in ("api.test", "response_url"):
        slack.inject(target, Fault(delay=60))
    with ThreadPoolExecutor() as pool:
        calls: list[Future[object]] = [pool.submit(client.api_test), pool.submit(respond, exchange, text="slow")]
        try:
            slack.wait_until(lambda: slack.api_calls and slack.deliveries)
            assert (slack.api_calls[0].status, slack.deliveries[0].status) == (None, None)
        finally:
            slack.stop()
        for call in calls:
            call.result(timeout=5)
    assert (slack.api_calls[0].status, slack.deliveries[0].status) == (200, 200)


def test_fault_loses_the_answer_to_a_shown_reply(slack: Workspace) -> None:
    exchange = slack.command("U0ALICE")
    slack.inject("response_url", Fault(drop=True, served=True))
    with pytest.raises(ConnectionError):
        raw(slack, "POST", urlsplit(exchange.response_url).path, b'{"text": "taken"}')
    assert texts(slack.view("U0ALICE")) == ["taken"]


def test_stop_does_not_wait_for_a_delayed_reply(bot_url: str) -> None:
    slack = Workspace().start()
    slack.request_url = bot_url
    slack.add_member("U0ALICE", "alice")
    exchange = slack.command("U0ALICE")
    slack.inject("response_url", Fault(delay=60))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(respond, exchange, text="slow")
        while slack.faults._orders["response_url"]:
            pytest.fail("the request never came") if waiting.done() else None
        slack.stop()
        assert waiting.result(timeout=5) == (200, "ok")
    assert texts(slack.view("U0ALICE")) == ["slow"]


# The wall


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "studio.example.com"}, 403),
        ({"Host": "127.0.0.1.example.com:80"}, 403),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_requests_for_other_hosts_are_refused(slack: Workspace, headers: dict[str, str], status: int) -> None:
    assert raw(slack, "POST", "/api/api.test", b"", **headers)[0] == status


def test_large_bodies_are_refused(slack: Workspace) -> None:
    path = urlsplit(slack.command("U0ALICE").response_url).path
    status, _ = raw(slack, "POST", path, b'{"text": "' + b"x" * 1_100_000 + b'"}')
    assert status in (400, 413)
    assert slack.view("U0ALICE") == []


def test_no_secret_is_in_a_repr_or_on_the_console(
    slack: Workspace, client: WebClient, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="werkzeug")
    caplog.set_level("DEBUG", logger="bot")
    message = link_message(slack)
    exchange = slack.press("U0ALICE", message, "open")
    client.chat_postEphemeral(channel=GENERAL, user="U0ALICE", text=LINK, blocks=BLOCKS)
    said = repr([slack.installation, slack.exchanges, slack.api_calls, slack.deliveries, slack.view("U0ALICE")])
    written = capfd.readouterr()
    everything = said + written.out + written.err + caplog.text + slack.render(message)
    for secret in ("s3cret", urlsplit(exchange.response_url).path, slack.bot_token, slack.signing_secret):
        assert secret not in everything


def test_unexpected_error_is_logged_without_its_path(
    slack: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = slack.command("U0ALICE")

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(slack.screens, "post", broken)
    assert respond(exchange, text="x")[0] == 500
    assert "slack_stand_in_failed" in caplog.text
    assert urlsplit(exchange.response_url).path not in caplog.text


def test_url_before_start_raises() -> None:
    with pytest.raises(RuntimeError, match="before start"):
        _ = Workspace().api_url


def test_stop_frees_the_chosen_port() -> None:
    with Workspace() as first:
        port = urlsplit(first.url).port or 0
    with Workspace(port=port) as second:
        assert second.api_url == f"http://127.0.0.1:{port}/api/"
    second.stop()


# Rate limits


@pytest.mark.public(28)
def test_calls_beyond_slacks_rate_limits_are_refused_where_asked() -> None:
    now = [1_735_689_600.0]
    with Workspace(rate_limits=True, clock=lambda: now[0]) as limited:
        client = WebClient(limited.bot_token, base_url=limited.api_url)
        for _ in range(100):
            now[0] += 0.5
            client.users_info(user="USLACKBOT")
        with pytest.raises(SlackApiError) as refused:
            client.users_info(user="USLACKBOT")
        assert (refused.value.response.status_code, refused.value.response["error"]) == (429, "ratelimited")
        assert refused.value.response.headers["Retry-After"] == "11"
        client.auth_test()
        now[0] += 11
        client.users_info(user="USLACKBOT")


@pytest.mark.public(28)
def test_each_channel_takes_one_message_a_second_after_a_burst() -> None:
    now = [1_735_689_600.0]
    with Workspace(rate_limits=True, clock=lambda: now[0]) as limited:
        limited.add_member("U0ALICE", "alice")
        client = WebClient(limited.bot_token, base_url=limited.api_url)
        for _ in range(5):
            client.chat_postMessage(channel=GENERAL, text="Hello")
        with pytest.raises(SlackApiError, match="ratelimited"):
            client.chat_postMessage(channel=GENERAL, text="Hello")
        client.chat_postMessage(channel="U0ALICE", text="Hello")
        now[0] += 5
        client.chat_postMessage(channel=GENERAL, text="Hello")
        assert len([message for message in limited.view("U0ALICE") if message.channel == GENERAL]) == 6
