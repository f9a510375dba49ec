"""Too many, replayed, forged and simultaneous requests, against two replicas."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.access import Effect
from bot.core.values import utc_now
from bot.local.faults import Fault
from bot.local.slack.exchanges import Exchange, send
from bot.serving.server import MAX_CONNECTIONS, THREADS
from tests.scenario.conftest import BotProcess, Product, bot_process
from tests.scenario.crowd import MINT, Crowd, Someone, links_in, sent_to
from tests.waiting import wait_until

PER_MINUTE = 5


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "ABUSE")


@pytest.fixture(scope="module")
def replicas(product: Product) -> Iterator[list[BotProcess]]:
    """Two processes that share nothing but DynamoDB, with the default limit."""
    environment = {**product.environment, "STUDIO_LINKS_PER_MINUTE": str(PER_MINUTE)}
    with ExitStack() as stack:
        bots = [stack.enter_context(bot_process(environment, product.bot.log)) for _ in range(2)]
        for bot in bots:
            bot.wait_until_ready()
        yield bots


@pytest.fixture(autouse=True)
def _calm(product: Product) -> Iterator[None]:
    yield
    product.aws.clear_faults()


@pytest.fixture
def early_in_the_minute() -> None:
    """Wait until a minute has enough time left: the limit counts by calendar minutes."""
    left = 60 - utc_now().second
    if left < 15:
        time.sleep(left + 0.1)


def resend(exchange: Exchange, bot: BotProcess) -> Exchange:
    """Send the bytes of an exchange to a bot."""
    return send(exchange, f"{bot.address}/slack/events", timeout=5)


@pytest.mark.usefixtures("early_in_the_minute")
def test_replicas_share_the_limit_of_links_per_minute(
    crowd: Crowd, product: Product, replicas: list[BotProcess]
) -> None:
    ana = crowd.member()
    before = crowd.links()
    exchanges = []
    for number in range(4 * PER_MINUTE):
        with sent_to(product, replicas[number % 2]):
            exchanges.append(ana.types())

    replies = [ana.reads(exchange) for exchange in exchanges]

    assert len(links_in(replies)) == PER_MINUTE
    assert sum("too many links" in message.text for message in replies) == 3 * PER_MINUTE
    assert crowd.links() == before + PER_MINUTE
    for exchange, message in zip(exchanges, replies, strict=True):
        ana.ended(exchange, "issued" if links_in([message]) else "too_many")


@pytest.mark.usefixtures("early_in_the_minute")
def test_new_link_pressed_repeatedly_stops_at_the_limit(
    crowd: Crowd, product: Product, replicas: list[BotProcess]
) -> None:
    ana = crowd.member()
    before = crowd.links()
    with sent_to(product, replicas[0]):
        message = ana.reads(ana.types())
        presses = [ana.presses(message, "new_link") for _ in range(20)]

    assert all((press.ack, press.reply) == ("ok", "") for press in presses)
    product.slack.wait_until(lambda: len(answered(product, presses)) == len(presses))
    assert crowd.links() == before + PER_MINUTE
    # Each of them replaced the same message, so the screen shows one link at most.
    assert len(ana.screen()) == 1
    outcomes = [entry.outcome for entry in ana.entries() if entry.outcome != "requested"]
    assert outcomes.count("issued") <= PER_MINUTE


def answered(product: Product, exchanges: list[Exchange]) -> set[str]:
    return {delivery.exchange for delivery in product.slack.deliveries} & {exchange.id for exchange in exchanges}


@pytest.mark.usefixtures("early_in_the_minute")
def test_one_members_burst_does_not_limit_another(crowd: Crowd, product: Product, replicas: list[BotProcess]) -> None:
    ana, ben = crowd.member(), crowd.member()
    with sent_to(product, replicas[0]):
        for exchange in [ana.types() for _ in range(2 * PER_MINUTE)]:
            ana.reads(exchange)

        assert links_in([ben.reads(ben.types())])


def test_request_replayed_to_all_replicas_is_served_once(
    crowd: Crowd, product: Product, replicas: list[BotProcess]
) -> None:
    ana = crowd.member()
    before, seen = crowd.links(), {bot.port: bot.outcomes("replayed") for bot in replicas}
    with sent_to(product, replicas[0]):
        exchange = ana.types()
        copies = [replicas[number % 2] for number in range(8)]
        with ThreadPoolExecutor(len(copies)) as together:
            again = list(together.map(lambda bot: resend(exchange, bot), copies))

    assert links_in([ana.reads(exchange)])
    wait_until(lambda: sum(bot.outcomes("replayed") - seen[bot.port] for bot in replicas) >= len(copies))
    assert crowd.links() == before + 1
    assert len(ana.screen()) == 1
    assert {(copy.ack, copy.reply) for copy in again} == {("ok", "")}
    assert [entry.outcome for entry in ana.entries()] == ["issued"]


def test_request_refused_by_one_replica_is_not_served_by_another(
    crowd: Crowd, product: Product, replicas: list[BotProcess]
) -> None:
    ana = crowd.member(allowed=False)
    with sent_to(product, replicas[0]):
        exchange = ana.types()
    assert "not on the allow-list" in ana.reads(exchange).text
    ana.ended(exchange, "not_allowed")
    links, seen = crowd.links(), replicas[1].outcomes("replayed")
    ana.rule(Effect.ALLOW)

    resend(exchange, replicas[1])

    replicas[1].wait_for_outcomes("replayed", seen + 1)
    assert crowd.links() == links
    assert [entry.outcome for entry in ana.entries()] == ["not_allowed"]


def test_request_older_than_five_minutes_is_refused(crowd: Crowd, product: Product) -> None:
    ana = crowd.member()
    exchange = ana.types()
    ana.reads(exchange)
    refused = product.bot.outcomes("refused_at_entrance")

    again = product.slack.replay(exchange, product.slack.sign(exchange.body, at=time.time() - 301))

    assert again.status == 401
    assert product.bot.outcomes("refused_at_entrance") == refused + 1


CHANGED = {
    "the user": (b"user_id=U0", b"user_id=U1"),
    "the text": (b"text=", b"text=other"),
    "where the answer goes": (b"response_url=http", b"response_url=https"),
    "the team": (b"team_id=T0", b"team_id=T1"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_recorded_request_with_a_changed_byte_is_refused(crowd: Crowd, product: Product, what: str) -> None:
    ana = crowd.member()
    exchange = ana.types()
    ana.reads(exchange)
    before = crowd.links()
    assert CHANGED[what][0] in exchange.body

    again = product.slack.replay(replace(exchange, body=exchange.body.replace(*CHANGED[what])))

    assert again.status == 401
    assert crowd.links() == before


def test_signed_foreign_response_url_gets_nothing(crowd: Crowd, product: Product) -> None:
    ana = crowd.member()
    elsewhere = "https://example.com/commands/T0STUDIO01/1/x"

    exchange = ana.types(overrides={"response_url": elsewhere})

    # The ephemeral message of the fallback goes to the member and the channel, both by Slack's own ids.
    assert links_in([ana.reads(exchange)])
    assert product.slack.api_calls[-1].method == "chat.postEphemeral"
    assert "response_url_not_slacks" in product.bot.log.read_text()


def test_requests_beyond_capacity_get_the_busy_answer(crowd: Crowd, product: Product) -> None:
    environment = {**product.environment, "STUDIO_CONCURRENCY": "2", "STUDIO_QUEUE": "3"}
    people = [crowd.member() for _ in range(12)]
    with bot_process(environment, product.bot.log) as bot:
        bot.wait_until_ready()
        product.aws.inject(MINT, Fault(delay=0.6, times=2))
        with sent_to(product, bot):
            exchanges = [someone.types() for someone in people]
        refused = [pair for pair in zip(people, exchanges, strict=True) if "Many people" in pair[1].reply]
        accepted = [pair for pair in zip(people, exchanges, strict=True) if pair not in refused]

        assert len(accepted) == 5
        assert all(exchange.seconds < 1 for exchange in exchanges)
        assert all(links_in([someone.reads(exchange)]) for someone, exchange in accepted)
        for someone, exchange in refused:
            someone.ended(exchange, "busy")
            assert links_in(someone.screen()) == []


def test_press_refused_by_a_busy_bot_is_answered_by_message(crowd: Crowd, product: Product) -> None:
    environment = {**product.environment, "STUDIO_CONCURRENCY": "1", "STUDIO_QUEUE": "0"}
    ana, ben = crowd.member(), crowd.member()
    with bot_process(environment, product.bot.log) as bot, sent_to(product, bot):
        bot.wait_until_ready()
        message = ana.reads(ana.types())
        bot.wait_for_outcomes("issued", 1)  # then the one worker is free again
        product.aws.inject(MINT, Fault(delay=1.0))
        slow = ben.types()

        pressed = ana.presses(message, "new_link")

        # Slack does not show the body of a button's acknowledgement, so the answer is a message.
        assert "Many people" in ana.reads(pressed).text
        assert links_in([ben.reads(slow)])
        ana.ended(pressed, "busy")


@pytest.mark.usefixtures("early_in_the_minute")
def test_flooding_guest_changes_nothing_for_others(
    crowd: Crowd, product: Product, record_property: Callable[[str, object], None]
) -> None:
    """The guest sends as many commands as twenty a minute are in three minutes."""
    ana, guest = crowd.member(), crowd.member(mapped=False, allowed=False)
    guest.becomes(guest=True)
    with (
        bot_process({**product.environment, "STUDIO_REQUESTS_PER_MINUTE": "10"}, product.bot.log) as bot,
        sent_to(product, bot),
    ):
        bot.wait_until_ready()
        assert links_in([ana.reads(ana.types())])
        alone, before = time_of_a_link(ana), len(product.slack.api_calls)

        flood = [guest.types(text) for text in ("help", "whoami", "request", "admin", "nonsense &", "") * 10]
        beside, calls = time_of_a_link(ana), len(product.slack.api_calls) - before

    record_property("seconds", [round(alone, 3), round(beside, 3)])
    record_property("calls", calls)
    assert sum("too many requests" in exchange.reply for exchange in flood) == 50
    assert max(exchange.seconds for exchange in flood) < 1
    assert calls <= 30  # three for each of the ten that were answered
    assert beside < alone + 1


def time_of_a_link(member: Someone) -> float:
    begun = time.monotonic()
    assert links_in([member.reads(member.types())])
    return time.monotonic() - begun


def test_half_sent_bodies_on_every_thread_do_not_stop_the_bot(product: Product) -> None:
    """Their signatures have the right form, so that the entrance would read the whole body."""
    head = (
        b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"X-Slack-Request-Timestamp: 1\r\nX-Slack-Signature: v0=" + b"0" * 64 + b"\r\nContent-Length: 9\r\n\r\nx"
    )
    with ExitStack() as stack:
        for _ in range(THREADS + 4):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", product.bot.port)))
            connection.sendall(head)

        responds_at_once(product)


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n"], ids=["new", "kept open"])
def test_silent_connections_beyond_the_limit_do_not_stop_the_bot(product: Product, said: bytes) -> None:
    """Open new connections that send nothing, or keep connections open after a response."""
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS + 50):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", product.bot.port)))
            connection.sendall(said)
            if said:
                assert connection.recv(1)

        responds_at_once(product)


def responds_at_once(product: Product) -> None:
    started = time.monotonic()
    assert product.bot.get("/healthz")[0] == 200
    assert time.monotonic() - started < 2


def test_clients_that_do_not_close_delay_nobody(product: Product) -> None:
    with ExitStack() as stack:
        for _ in range(10):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", product.bot.port)))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n")

        responds_at_once(product)


def test_clients_that_read_no_responses_delay_nobody(product: Product) -> None:
    with ExitStack() as stack:
        for _ in range(2 * THREADS):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            connection.connect(("127.0.0.1", product.bot.port))
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: bot\r\n\r\n" * 20)

        responds_at_once(product)


@pytest.mark.alone
def test_400_silent_and_half_sent_connections_delay_nobody(product: Product) -> None:
    with ExitStack() as stack:
        for number in range(400):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", product.bot.port)))
            if number % 2:
                connection.sendall(b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Le")

        started = time.monotonic()
        assert product.bot.get("/healthz")[0] == 200
        assert time.monotonic() - started < 0.5
