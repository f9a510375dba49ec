"""The bot's end of Socket Mode, against the stand-in for Slack's."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets import CloseCode
from websockets.exceptions import ConnectionClosed

from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.local.faults import Fault
from bot.local.slack.features import Features
from bot.local.slack.socket_mode import Connection
from bot.local.slack.workspace import Workspace
from bot.observability.metrics import Metrics
from bot.slack.socket_connection import MAX_BUFFERED_BYTES, EnvelopeHandler, Times
from bot.slack.socket_mode import SocketMode
from tests.waiting import wait_until

ANA = "U0ANA"
QUICK = Times(ping=0.2, silence=1.0, hello=2.0, drain=0.5, recount=0.5)


class Bot:
    """A handler of payloads, and the connection over which they come."""

    def __init__(self, slack: Workspace, *, replicas: int = 1, times: Times = QUICK) -> None:
        self.metrics = Metrics("socket")
        self.payloads: list[Mapping[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Mapping[str, Any] | None] = lambda _: {}
        handler = EnvelopeHandler(self._take, max_bytes=4096, metrics=self.metrics)
        self.socket = SocketMode(
            handler, app_token=slack.app_token, api_url=slack.api_url, replicas=replicas, times=times
        )

    def metric(self, name: str) -> float:
        line = next(line for line in self.metrics.page().decode().splitlines() if line.startswith(f"{name} "))
        return float(line.split()[1])

    def renewals(self, why: str) -> float:
        return self.metric(f'studio_links_socket_renewals_total{{why="{why}"}}')

    def refused(self) -> float:
        return self.metric('studio_links_requests_total{outcome="refused_at_entrance"}')

    def _take(self, payload: dict[str, Any]) -> Mapping[str, Any] | None:
        self.payloads.append(payload)
        return self.answer(payload)


@pytest.fixture
def slack() -> Iterator[Workspace]:
    features = Features(socket_mode=True, home_tab=True, events=frozenset({"app_home_opened"}))
    with Workspace(features=features) as workspace:
        workspace.add_member(ANA, "ana")
        yield workspace


@pytest.fixture
def bot(slack: Workspace) -> Iterator[Bot]:
    bot = Bot(slack)
    bot.socket.connect()
    yield bot
    bot.socket.close()


def is_up(bot: Bot) -> bool:
    try:
        bot.socket.check()
    except SlackError:
        return False
    return True


def test_acknowledgement_is_empty_or_carries_the_answer(slack: Workspace, bot: Bot) -> None:
    assert (slack.command(ANA, "lab").ack, slack.view(ANA)) == ("ok", [])
    bot.answer = lambda _: {"text": "try again"}
    assert slack.command(ANA).ack == "ok"
    home = slack.open_home(ANA)

    assert home is not None
    assert (home.ack, home.reply) == ("ok", "")  # events take no answer
    assert [message.text for message in slack.view(ANA)] == ["try again"]
    assert [payload.get("text") for payload in bot.payloads] == ["lab", "", None]


def test_rejected_payload_is_not_acknowledged() -> None:
    with Workspace(features=Features(socket_mode=True), ack_seconds=0.2) as slack:
        slack.add_member(ANA, "ana")
        other = Bot(slack)
        other.socket.connect()
        other.answer = lambda _: None
        assert slack.command(ANA).ack == "operation_timeout"
        other.answer = lambda payload: {"text": payload["no such field"]}
        assert slack.command(ANA).ack == "operation_timeout"
        assert (other.refused(), is_up(other)) == (2, True)
        other.socket.close()


ENVELOPE = {"envelope_id": "1", "type": "slash_commands", "payload": {"command": "/studio"}}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "slash_commands"},
        {**ENVELOPE, "type": "options"},
        {**ENVELOPE, "type": ["slash_commands"]},
        {**ENVELOPE, "envelope_id": 1},
        {**ENVELOPE, "payload": "text"},
        {**ENVELOPE, "payload": [ENVELOPE]},
        {**ENVELOPE, "payload": {"text": "x" * 4096}},
    ],
)
def test_malformed_message_is_refused_and_the_connection_stays(
    slack: Workspace, bot: Bot, message: Mapping[str, Any]
) -> None:
    slack.socket_mode.connections[0].send(message)

    wait_until(lambda: bot.refused() == 1)
    assert slack.command(ANA).ack == "ok"
    assert len(bot.payloads) == 1


def test_message_that_is_not_json_is_refused(slack: Workspace, bot: Bot) -> None:
    slack.socket_mode.connections[0]._connection.send("{" + "[" * 1000)

    wait_until(lambda: bot.refused() == 1)
    assert slack.command(ANA).ack == "ok"


def test_endless_message_ends_the_connection_and_is_not_buffered(slack: Workspace, bot: Bot) -> None:
    endless = slack.socket_mode.connections[0]._connection
    with suppress(ConnectionClosed):
        endless.send(itertools.repeat("x" * 10_000, 10 * MAX_BUFFERED_BYTES // 10_000))

    wait_until(lambda: bot.renewals("lost") == 1)
    assert endless.close_code == CloseCode.MESSAGE_TOO_BIG
    assert (slack.command(ANA).ack, len(bot.payloads)) == ("ok", 1)


TEXT = json.dumps(ENVELOPE).encode()
WHOLE = bytes([0x81, len(TEXT)]) + TEXT  # shorter than 126 bytes
BEGUN, CONTINUED = bytes([0x01, 40]) + TEXT[:40], bytes([0x80, len(TEXT) - 40]) + TEXT[40:]
BRISK = replace(QUICK, silence=10.0)


@pytest.mark.public(5)
@pytest.mark.parametrize(
    ("parts", "pause", "times"),
    [
        ([BEGUN + CONTINUED], 0, BRISK),
        ([BEGUN, CONTINUED], 5 * BRISK.ping, BRISK),
        ([WHOLE[:20], WHOLE[20:]], 5 * BRISK.ping, BRISK),
        ([WHOLE[:20], WHOLE[20:]], 4, Times()),
    ],
    ids=["two frames", "pause between frames", "pause within a frame", "four seconds within a frame"],
)
def test_envelope_in_parts_is_read_whole(slack: Workspace, parts: list[bytes], pause: float, times: Times) -> None:
    bot = Bot(slack, times=times)
    bot.socket.connect()
    connection = slack.socket_mode.connections[0]._connection
    with connection.protocol_mutex:
        connection.socket.sendall(parts[0])
        for part in parts[1:]:
            time.sleep(pause)
            connection.socket.sendall(part)

    wait_until(lambda: bot.payloads)
    assert bot.payloads == [ENVELOPE["payload"]]
    assert (bot.refused(), slack.command(ANA).ack, slack.socket_mode.opened) == (0, "ok", 1)
    bot.socket.close()


def test_liveness_ignores_jumps_of_the_wall_clock(
    slack: Workspace, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = time.time
    for jump in (3600, -3600):
        monkeypatch.setattr(time, "time", lambda jump=jump: wall() + jump)
        assert is_up(bot)
        time.sleep(2 * QUICK.silence)
        assert is_up(bot)
    assert (bot.renewals("silent"), slack.socket_mode.opened) == (0, 1)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_refresh_loses_no_request(slack: Workspace, bot: Bot, reason: Any) -> None:
    with ThreadPoolExecutor(4) as members:
        slack.socket_mode.refresh(reason, after=0.3)
        typed = [members.submit(slack.command, ANA) for _ in range(40)]
        wait_until(lambda: slack.socket_mode.opened == 2)
        typed += [members.submit(slack.command, ANA) for _ in range(40)]
        slowest = max(future.result().seconds for future in typed)

    assert {future.result().ack for future in typed} == {"ok"}
    assert slowest < 2
    wait_until(lambda: len(slack.socket_mode.connections) == 1)
    assert (bot.renewals("refresh"), is_up(bot)) == (1, True)


def test_old_connection_closes_after_draining(slack: Workspace, bot: Bot) -> None:
    slack.socket_mode.refresh(after=60)

    wait_until(lambda: slack.socket_mode.opened == 2)
    wait_until(lambda: len(slack.socket_mode.connections) == 1)
    assert slack.command(ANA).ack == "ok"
    assert bot.renewals("refresh") == 1


def test_closed_or_broken_connection_is_replaced(slack: Workspace, bot: Bot) -> None:
    for number, end in enumerate((Connection.close, Connection.cut), start=1):
        end(slack.socket_mode.connections[0])
        wait_until(lambda number=number: bot.renewals("lost") == number)  # type: ignore[misc] # mypy and defaults
        assert is_up(bot)
        assert slack.command(ANA).ack == "ok"


def test_silent_connection_is_down_and_is_replaced(slack: Workspace, bot: Bot) -> None:
    received = bot.metric("studio_links_socket_heard_timestamp_seconds")
    silent = slack.socket_mode.connections[0]
    with silent.frozen():
        slack.socket_mode.enabled = False
        wait_until(lambda: not is_up(bot))
        assert bot.metric("studio_links_socket_connected") == 0
        slack.socket_mode.enabled = True
        wait_until(lambda: is_up(bot))
    assert bot.renewals("silent") == 1
    assert bot.metric("studio_links_socket_heard_timestamp_seconds") > received
    assert slack.command(ANA).ack == "ok"


def test_bot_reconnects_when_socket_mode_is_back(slack: Workspace, bot: Bot) -> None:
    slack.socket_mode.enabled = False
    slack.socket_mode.refresh("link_disabled", after=0)
    wait_until(lambda: not is_up(bot))

    slack.socket_mode.enabled = True

    wait_until(lambda: is_up(bot))
    assert slack.command(ANA).ack == "ok"


def test_old_connection_serves_until_a_new_one_opens(slack: Workspace, bot: Bot) -> None:
    for line in slack.socket_mode.connections:
        line.send({"type": "disconnect", "reason": "warning"})
    slack.inject("apps.connections.open", *[Fault(status=500)] * 2)

    assert slack.command(ANA).ack == "ok"
    wait_until(lambda: bot.renewals("refresh") == 1)
    assert slack.command(ANA).ack == "ok"


@pytest.mark.parametrize(("token", "words"), [("xapp-1-wrong", "invalid_auth"), ("xoxb-", "not_allowed_token_type")])
def test_wrong_token_is_named(slack: Workspace, token: str, words: str) -> None:
    handler = EnvelopeHandler(lambda _: {}, max_bytes=4096, metrics=Metrics("socket"))
    token = slack.bot_token if token == "xoxb-" else token
    socket = SocketMode(handler, app_token=token, api_url=slack.api_url, replicas=1)

    with pytest.raises(SlackError, match=words):
        socket.connect()


PAGE = b"<html>Too many requests; proxy-7.internal, xapp-1-secret</html>"
NO_ADDRESS: dict[str, tuple[int, str, bytes]] = {
    "429": (429, "application/json", b'{"ok": false, "error": "ratelimited"}'),
    "429 with a page": (429, "text/html", PAGE),
    "429 without an error": (429, "application/json", b'{"ok": false}'),
    "a page": (200, "text/html", PAGE),
    "a page in an unknown encoding": (200, "text/html; charset=x-proxy", PAGE),
    "a page and an error": (502, "text/html", PAGE),
    "a page as the error": (200, "application/json", json.dumps({"ok": False, "error": PAGE.decode()}).encode()),
    "no error": (200, "application/json", b'{"ok": false}'),
    "no answer": (200, "application/json", b""),
    "a list": (200, "application/json", b'["proxy-7.internal"]'),
    "no address": (200, "application/json", b'{"ok": true}'),
    "another address": (200, "application/json", b'{"ok": true, "url": "https://proxy-7.internal/?ticket=secret"}'),
}


@pytest.mark.public(22)
@pytest.mark.parametrize("answer", NO_ADDRESS.values(), ids=NO_ADDRESS)
def test_strange_answer_blames_no_token_and_is_not_logged(
    proxy: tuple[str, list[tuple[int, str, bytes]]],
    answer: tuple[int, str, bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, answers = proxy
    answers.append(answer)
    handler = EnvelopeHandler(lambda _: {}, max_bytes=4096, metrics=Metrics("socket"))
    socket = SocketMode(handler, app_token="xapp-1-secret", api_url=url, replicas=1, times=QUICK)
    with capture_logs() as logs, pytest.raises(SlackError) as failed:
        socket.connect()

    assert failed.value.reason is Reason.SLACK_UNREACHABLE
    assert failed.value.code == "ratelimited" if answer[0] == 429 else failed.value.code != "no_hello"
    for text in (str(failed.value), str(failed.value.code), str(logs), caplog.text):
        assert not any(word in text for word in ("SLACK_APP_TOKEN", "proxy-7", "html", "secret"))


def test_connection_beyond_slacks_limit_fails(slack: Workspace) -> None:
    bots = [Bot(slack, replicas=10) for _ in range(11)]
    for bot in bots[:10]:
        bot.socket.connect()
    with pytest.raises(SlackError, match="does not serve"):
        bots[10].socket.connect()
    for bot in bots:
        bot.socket.close()


def test_surplus_connections_show_until_slack_counts_right(slack: Workspace) -> None:
    slack.socket_mode.ghosts = 3
    bot = Bot(slack, replicas=2)
    bot.socket.connect()
    assert bot.metric("studio_links_socket_connections") == 4
    assert bot.metric("studio_links_socket_surplus_connections") == 2

    slack.socket_mode.ghosts = 0

    wait_until(lambda: bot.metric("studio_links_socket_surplus_connections") == 0)
    assert bot.renewals("recount") >= 1
    opened = slack.socket_mode.opened
    assert slack.command(ANA).ack == "ok"
    time.sleep(2 * QUICK.recount)
    assert slack.socket_mode.opened == opened
    bot.socket.close()


def test_close_acknowledges_admitted_requests_only(slack: Workspace, bot: Bot) -> None:
    def slow(_: object) -> Mapping[str, Any]:
        time.sleep(0.3)
        return {"text": "taken"}

    bot.answer = slow
    with ThreadPoolExecutor(2) as members:
        first = members.submit(slack.command, ANA)
        wait_until(lambda: bot.payloads)
        second = members.submit(slack.command, ANA)
        wait_until(lambda: sum(len(line._waiting) for line in slack.socket_mode.connections) == 2)

        began = time.monotonic()
        bot.socket.close()

        assert time.monotonic() - began < 2
        assert (first.result().ack, second.result().ack) == ("ok", "dispatch_failed")
    assert len(bot.payloads) == 1
    assert not is_up(bot)
    assert json.loads(first.result().reply) == {"text": "taken"}
