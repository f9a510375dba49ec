"""Socket Mode: Slack's requests over connections that the bot opens, for networks that nothing can reach.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import json
import select
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.builtin import SocketModeClient

from bot.core.errors import SlackError
from bot.core.link import Reason, Stage
from bot.observability import context as telemetry
from bot.observability.metrics import Metrics

log = structlog.get_logger()

# Seconds between attempts to connect; the last one repeats.
PAUSES = (0.5, 1, 2, 4, 8, 15, 30)

ENVELOPES = ("slash_commands", "interactive", "events_api")

# Linux's word for a connection that the other end has closed; elsewhere the next ping finds out.
CUT = getattr(select, "POLLRDHUP", 0)

# Takes a payload; what the acknowledgement holds, mostly nothing, or None if there must not be any.
Take = Callable[[dict[str, Any]], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Intake:
    """What becomes of Slack's messages.

    Attributes:
        take: takes a payload.
        largest: bytes of a message; larger ones are refused.
        record_duration: is told how long acknowledging took.
    """

    take: Take
    largest: int
    metrics: Metrics
    record_duration: Callable[[Stage, float], None]


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds.

    Attributes:
        ping: between our pings.
        silence: without any sign of Slack, until a connection counts as dead.
        hello: within which Slack says hello on a new connection.
        farewell: for which a connection that Slack wants renewed takes what is on its way, beside the new one.
        recount: until Slack is asked again how many connections there are, after it had counted too many.
    """

    ping: float = 3.0
    silence: float = 10.0
    hello: float = 5.0
    farewell: float = 10.0
    recount: float = 600.0


class Line(SocketModeClient):
    """One connection, from hello to the end; another one is another object.

    slack_sdk would renew the connection within one object. But it reads nothing from the new one until the old one's
    thread has ended, which takes up to three seconds, after which Slack has given up; it closes the old one also
    where the new one failed; and it acknowledges through whichever is there. So all that it does here is to connect,
    ping, read and send. Envelopes are taken by the thread that reads them: taking one is quick, and Slack waits with
    the next ones if it is not.

    Attributes:
        connections: how many Slack counted when it said hello.
        leaving: Slack wants this connection renewed.
    """

    def __init__(self, app_token: str, web_client: WebClient, intake: Intake, times: Times) -> None:
        super().__init__(
            app_token,
            web_client=web_client,
            auto_reconnect_enabled=False,
            ping_interval=times.ping,
            receive_buffer_size=16 * 1024,
        )
        self.connections = 0
        self.leaving = False
        self._intake, self._times = intake, times
        self._said_at = time.time()
        self._hello_or_end = threading.Event()
        self._taking = threading.Lock()
        self._finished = False

    def open(self) -> None:
        """Connect, and wait for Slack's hello.

        Raises:
            SlackError: Slack refused, or could not be reached.
        """
        self.wss_uri = self._address()
        self.connect()
        if not (self.is_connected() and self._hello_or_end.wait(self._times.hello)) or self.leaving:
            raise SlackError(
                "Slack does not serve a new Socket Mode connection: try again in a minute",
                reason=Reason.SLACK_UNREACHABLE,
                code="no_hello",
            )

    def heard(self) -> float:
        """When Slack last gave a sign, in seconds since the epoch."""
        session = self.current_session
        return max(self._said_at, (session.last_ping_pong_time or 0.0) if session else 0.0)

    def is_connected(self) -> bool:
        """Whether the connection is there, as far as this machine knows: slack_sdk does not look for its end."""
        sock = self.current_session.sock if self.current_session is not None else None
        if sock is None or sock.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(sock.fileno(), CUT)
        return not poll.poll(0)

    def is_up(self) -> bool:
        """Whether Slack still reaches us through it."""
        return self.is_connected() and time.time() - self.heard() < self._times.silence

    def finish(self) -> None:
        """Take no more envelopes, and close once those taken are acknowledged."""
        self._finished = True
        with self._taking:  # until the one that is being taken is acknowledged
            self.closed = True
        self.current_session_state.terminated = True
        self.message_queue.put(None)
        if self.current_session is not None:
            with suppress(OSError):  # it is broken: then nothing waits for it either
                # The answer ends the wait for Slack's next words, which closing would have to sit out.
                self.current_session.ping(f"{self.session_id()}:{time.time()}")
        self.close()

    def enqueue_message(self, message: str) -> None:
        """On the thread that reads: something that Slack says, which slack_sdk would queue without bound."""
        with self._taking:
            if not self._finished:
                self._hear(message)

    def _address(self) -> str:
        """A ticket for one connection. https://docs.slack.dev/reference/methods/apps.connections.open"""
        try:
            return str(self.web_client.apps_connections_open(app_token=self.app_token)["url"])
        except SlackApiError as error:
            answer = error.response.data if hasattr(error.response, "data") else error.response
            code = str(answer.get("error")) if isinstance(answer, dict) else "not_json"
            raise SlackError(
                f"Slack refuses Socket Mode ({code}): check SLACK_APP_TOKEN and that the app has Socket Mode on",
                reason=Reason.SLACK_REFUSED,
                code=code,
            ) from None
        except (SlackClientError, HTTPException, OSError, ValueError) as error:
            raise SlackError(
                "Slack could not be reached for Socket Mode: try again in a minute",
                reason=Reason.SLACK_UNREACHABLE,
                code=type(error).__name__,
            ) from None

    def _hear(self, message: str) -> None:
        self._said_at = time.time()
        said: Any = None
        if len(message.encode()) <= self._intake.largest:
            with suppress(ValueError, RecursionError):  # what cannot be read is refused below
                said = json.loads(message)
        match said:
            case {"type": "hello"}:
                self.connections = count if isinstance(count := said.get("num_connections"), int) else 0
                self._hello_or_end.set()
            case {"type": "disconnect"}:
                log.info("socket_leaving", why=_known_reason(said.get("reason")))
                self.leaving = True
                self._hello_or_end.set()
            case {"type": kind, "envelope_id": str(envelope), "payload": dict(payload)} if kind in ENVELOPES:
                self._answer(envelope, payload, accepts_payload=said.get("accepts_response_payload") is True)
            case _:
                self._refuse("the message is not what Slack sends")

    def _answer(self, envelope: str, payload: dict[str, Any], *, accepts_payload: bool) -> None:
        begun = time.monotonic()
        telemetry.begin()
        try:
            answer = self._intake.take(payload)
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection has to live on
            log.error("request_not_dispatched", why=type(error).__name__)  # noqa: TRY400 - its text quotes the payload
            answer = None
        if answer is None:
            self._refuse("the payload is not what Slack sends")
            return
        response = {"envelope_id": envelope, **({"payload": answer} if answer and accepts_payload else {})}
        try:
            self.send_socket_mode_response(response)
        except SlackClientError:
            # Slack may send it again, through another connection: then the guard against replays catches it.
            log.warning("not_acknowledged", why="the connection has closed")
        self._intake.record_duration(Stage.ACKNOWLEDGE, time.monotonic() - begun)

    def _refuse(self, why: str) -> None:
        """Without an acknowledgement, as an unsigned request over HTTP; nothing of it is repeated or logged."""
        self._intake.metrics.outcome("refused_at_entrance")
        log.warning("refused_at_entrance", why=why)


class SocketMode:
    """Keeps one connection up: a new one before Slack closes the old, and again when it breaks or falls silent.

    Args:
        replicas: how many processes like this one there are, each with its connection.
    """

    def __init__(
        self, intake: Intake, *, app_token: str, api_url: str, replicas: int, times: Times | None = None
    ) -> None:
        self._intake, self._replicas, self._times = intake, replicas, times or Times()
        self._app_token = app_token
        self._client = WebClient(base_url=api_url, timeout=5, retry_handlers=[])
        self._line: Line | None = None
        self._old: list[tuple[Line, float]] = []
        self._stopping = threading.Event()
        self._failures, self._not_before = 0, 0.0
        self._surplus, self._recount_at = 0, float("inf")
        intake.metrics.watch_socket(
            connected=lambda: self._line is not None and self._line.is_up(),
            heard=lambda: self._line.heard() if self._line else 0.0,
            connections=lambda: self._line.connections if self._line else 0,
            surplus=lambda: self._surplus,
        )

    def connect(self) -> None:
        """Open the first connection, and look after it from then on.

        Raises:
            SlackError: Slack refused the token or could not be reached.
        """
        self._line = self._open()
        threading.Thread(target=self._look_after, name="socket-mode", daemon=True).start()

    def check(self) -> None:
        """Return if the connection is up; SlackError otherwise."""
        if self._line is None or not self._line.is_up():
            raise SlackError(
                "the Socket Mode connection is down: it is being renewed", reason=Reason.SLACK_UNREACHABLE
            )

    def close(self) -> None:
        """Take no more requests; those that were taken are acknowledged."""
        self._stopping.set()
        for line in [*(line for line, _ in self._old), *([self._line] if self._line else [])]:
            line.finish()

    def _open(self) -> Line:
        line = Line(self._app_token, self._client, self._intake, self._times)
        try:
            line.open()
        except SlackError:
            line.finish()
            raise
        # Our own old connections are no surplus: they are about to go.
        ours = len(self._old) + (self._line is not None and self._line.is_connected())
        self._surplus = max(0, line.connections - ours - self._replicas)
        if self._surplus:
            log.warning("socket_connections_surplus", connections=line.connections, replicas=self._replicas)
        self._recount_at = time.monotonic() + self._times.recount if self._surplus else float("inf")
        return line

    def _look_after(self) -> None:
        while not self._stopping.wait(0.2):
            try:
                self._say_goodbye()
                self._renew()
            except Exception:  # whatever it is, looking again is all that can be done about it
                log.exception("socket_not_looked_after")

    def _say_goodbye(self) -> None:
        now = time.monotonic()
        for line, until in list(self._old):
            if now >= until or not line.is_connected():
                self._old.remove((line, until))
                line.finish()

    def _renew(self) -> None:
        line, now = self._line, time.monotonic()
        why = self._why_renew(line, now)
        if line is None or why is None or now < self._not_before:
            return
        try:
            new = self._open()
        except SlackError as error:
            self._not_before = now + PAUSES[min(self._failures, len(PAUSES) - 1)]
            self._failures += 1
            log.warning("socket_not_connected", why=str(error), attempt=self._failures)
            return
        self._failures = 0
        self._line = new
        self._intake.metrics.socket_renewed(why)
        log.info("socket_connected", why=why, connections=new.connections)
        self._old.append((line, now + (self._times.farewell if line.is_up() else 0.0)))
        if self._stopping.is_set():
            self.close()

    def _why_renew(self, line: Line | None, now: float) -> str | None:
        if line is None or not line.is_connected():
            return "lost"
        if not line.is_up():
            return "silent"
        if line.leaving:
            return "refresh"
        return "recount" if now >= self._recount_at else None


def _known_reason(reason: object) -> str:
    known = ("warning", "refresh_requested", "link_disabled", "too_many_websockets")
    return str(reason) if reason in known else "other"
