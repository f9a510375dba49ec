"""The stand-in's side of Socket Mode, held against what Slack documents.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bot.local.slack.exchanges import Exchange
from bot.local.slack.features import Features
from bot.local.slack.workspace import Workspace
from tests.waiting import wait_until

ANA = "U0ANA"


@pytest.fixture
def slack() -> Iterator[Workspace]:
    features = Features(socket_mode=True, home_tab=True, events=frozenset({"app_home_opened"}))
    with Workspace(features=features, ack_seconds=5) as workspace:
        workspace.add_member(ANA, "ana")
        yield workspace


@pytest.fixture
def member() -> Iterator[ThreadPoolExecutor]:
    """Somebody who can type while the test plays the app."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def address(slack: Workspace, token: str | None = None) -> str:
    client = WebClient(base_url=slack.api_url)
    return str(client.apps_connections_open(app_token=token or slack.app_token)["url"])


@contextmanager
def connected(slack: Workspace) -> Iterator[tuple[ClientConnection, dict[str, Any]]]:
    """A connection, and its hello."""
    with connect(address(slack)) as connection:
        yield connection, received(connection)


def received(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(timeout=5))
    return message


def test_connection_needs_the_app_level_token(slack: Workspace) -> None:
    for token, code in {"xapp-1-other": "invalid_auth", slack.bot_token: "not_allowed_token_type"}.items():
        with pytest.raises(SlackApiError) as caught:
            address(slack, token)
        assert caught.value.response["error"] == code
    with pytest.raises(SlackApiError) as caught:
        WebClient(base_url=slack.api_url, token=slack.app_token).auth_test()
    assert caught.value.response["error"] == "not_allowed_token_type"


def test_address_opens_one_connection(slack: Workspace) -> None:
    url = address(slack)
    with connect(url) as first:
        assert received(first)["type"] == "hello"
        with pytest.raises(InvalidStatus), connect(url):
            pass


def test_hello_counts_connections(slack: Workspace) -> None:
    with connected(slack) as (_, hello), connected(slack) as (_, hello_again):
        assert (hello["num_connections"], hello_again["num_connections"]) == (1, 2)
        assert hello["connection_info"] == {"app_id": "A0STUDIO01"}
        assert hello["debug_info"]["approximate_connection_time"] > 0


def test_eleventh_connection_is_refused(slack: Workspace) -> None:
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(connected(slack))
        eleventh, message = stack.enter_context(connected(slack))
        assert (message["type"], message["reason"]) == ("disconnect", "too_many_websockets")
        with pytest.raises(ConnectionClosed):
            eleventh.recv(timeout=5)


def test_acknowledgement_of_a_command_may_hold_the_answer(slack: Workspace, member: ThreadPoolExecutor) -> None:
    with connected(slack) as (connection, _):
        typed = member.submit(slack.command, ANA, "lab")
        envelope = received(connection)
        connection.send(json.dumps({"envelope_id": envelope["envelope_id"], "payload": {"text": "hello"}}))

        exchange = typed.result(5)

    assert envelope["type"] == "slash_commands"
    assert envelope["accepts_response_payload"] is True
    assert envelope["payload"]["command"] == "/studio"
    assert envelope["payload"]["text"] == "lab"
    assert (exchange.ack, exchange.status) == ("ok", None)
    assert slack.view(ANA)[-1].text == "hello"


def test_event_takes_no_answer_and_names_its_attempt(slack: Workspace, member: ThreadPoolExecutor) -> None:
    with connected(slack) as (connection, _):
        opened = member.submit(slack.open_home, ANA)
        envelope = received(connection)
        connection.send(json.dumps({"envelope_id": envelope["envelope_id"], "payload": {"text": "hello"}}))

        exchange = opened.result(5)

    assert envelope["type"] == "events_api"
    assert (envelope["retry_attempt"], envelope["retry_reason"]) == (0, "")
    assert envelope["accepts_response_payload"] is False
    assert exchange is not None
    assert (exchange.ack, exchange.reply) == ("ok", "")


def test_late_acknowledgement_shows_a_failure() -> None:
    with Workspace(features=Features(socket_mode=True), ack_seconds=0.05) as slack:
        slack.add_member(ANA, "ana")
        assert slack.command(ANA).ack == "dispatch_failed"  # nobody is connected
        with connected(slack):
            assert slack.command(ANA).ack == "operation_timeout"
        assert 'failed with the error "operation_timeout"' in slack.view(ANA)[-1].text


def test_request_on_a_broken_connection_is_sent_again(slack: Workspace, member: ThreadPoolExecutor) -> None:
    with connected(slack) as (first, _), connected(slack) as (second, _):
        typed: list[Future[Exchange]] = [member.submit(slack.command, ANA) for _ in range(2)]
        lost, kept = received(first), received(second)
        slack.socket_mode.connections[0].cut()
        again = received(second)
        for envelope in (kept, again):
            second.send(json.dumps({"envelope_id": envelope["envelope_id"]}))

        assert {future.result(5).ack for future in typed} == {"ok"}
    assert again == lost


def test_refresh_is_announced_before_closing(slack: Workspace) -> None:
    with connected(slack) as (old, _):
        slack.socket_mode.refresh("warning", after=0.2)
        told = received(old)
        with connected(slack) as (_, hello), pytest.raises(ConnectionClosed):
            old.recv(timeout=5)
    assert (told["type"], told["reason"]) == ("disconnect", "warning")
    assert hello["num_connections"] == 2


def test_no_address_without_socket_mode(slack: Workspace) -> None:
    slack.socket_mode.enabled = False
    with pytest.raises(SlackApiError) as caught:
        address(slack)
    assert caught.value.response["error"] == "access_denied"


def test_no_thread_outlives_the_workspace() -> None:
    before = set(threading.enumerate())
    with Workspace(features=Features(socket_mode=True)) as slack, connected(slack) as (connection, _):
        slack.socket_mode.stop()
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=5)
    # Not the workspace's own waiting, which ends with the workspace.
    wait_until(lambda: set(threading.enumerate()) <= before)
