"""A minimal HTTP server with canned responses, each after a fixed time.

Plain asyncio, because a framework would use more processor time than the bot being measured. The server measures how
late its responses are, so that a stand-in that becomes the bottleneck is visible.
"""

import asyncio
import json
import re
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
HEAD_ENDS = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: request line and headers as received, and the body."""

    head: bytes
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string."""
        found = re.search(rb"\r\n%s: *([^\r\n]*)" % re.escape(name.encode()), self.head, re.IGNORECASE)
        return found[1].decode() if found else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response and its delay.

    Attributes:
        call: name of the call, for counting.
        after: delay in seconds after the request.
        sent: called when the response is sent.
    """

    call: str
    body: bytes
    after: float = 0.0
    headers: bytes = b"Content-Type: application/json\r\n"
    sent: Callable[[], None] = lambda: None


@dataclass(slots=True)
class CallLog:
    """Number of calls by name, and the lateness of the responses."""

    calls: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)

    def answer(self) -> Answer:
        """Return the calls and the 99th percentile of the lateness in JSON, and reset both."""
        body = json.dumps({"calls": self.calls, "late": percentile(sorted(self.late), 99)}).encode()
        self.calls.clear()
        self.late.clear()
        return Answer("calls", body)


class Connection(asyncio.Protocol):
    """One connection with sequential requests."""

    def __init__(self, answer: Callable[[Request], Answer], log: CallLog, idle: float | None) -> None:
        self._answer, self._log, self._idle = answer, log, idle
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Over TLS it is a transport of its own kind, which is no asyncio.Transport.
        self._transport = transport  # type: ignore[assignment]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._stop_waiting()

    def _wait(self) -> None:
        """Close the connection once it has been idle for too long."""
        if self._idle is not None and self._transport is not None:
            self._closing = asyncio.get_running_loop().call_later(self._idle, self._transport.close)

    def _stop_waiting(self) -> None:
        if self._closing is not None:
            self._closing.cancel()

    def data_received(self, data: bytes) -> None:
        self._stop_waiting()
        self._received += data
        head, ended, rest = self._received.partition(HEAD_ENDS)
        length = LENGTH.search(head)
        needed = int(length[1]) if length else 0
        if not ended or len(rest) < needed:
            return
        self._received = rest[needed:]
        loop = asyncio.get_running_loop()
        answer = self._answer(Request(head, rest[:needed]))
        if answer.after:
            self._log.calls[answer.call] += 1
        loop.call_at(loop.time() + answer.after, self._send, answer, loop.time() + answer.after)

    def _send(self, answer: Answer, due: float) -> None:
        assert self._transport is not None
        if answer.after:
            self._log.late.append(asyncio.get_running_loop().time() - due)
        head = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (answer.headers, len(answer.body))
        self._transport.write(head + answer.body)
        answer.sent()
        self._wait()


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return a percentile of sorted values; 0 without any."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


async def serve(
    answer: Callable[[Request], Answer],
    log: CallLog,
    *,
    tls: ssl.SSLContext | None = None,
    idle: float | None = None,
) -> int:
    """Listen on a free loopback port and return it.

    Args:
        idle: seconds after which an idle connection is closed; None for never.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answer, log, idle), "127.0.0.1", 0, backlog=1024, ssl=tls)
    port: int = server.sockets[0].getsockname()[1]
    return port
