"""The least HTTP server that keeps its word: canned answers, each after a fixed time.

Plain asyncio, because what is measured is the bot: a framework would take more of the machine than the bot does. It
says how late it was with its answers, so that a stand-in that could not keep up is seen to be the bottleneck.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.burst import percentile

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
HEAD_ENDS = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its first line and headers as they came, and its body."""

    head: bytes
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str:
        """A header's value; empty if it is not there."""
        found = re.search(rb"\r\n%s: *([^\r\n]*)" % re.escape(name.encode()), self.head, re.IGNORECASE)
        return found[1].decode() if found else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer, and when.

    Attributes:
        call: what was called, for counting.
        after: seconds after the request came in.
        sent: called when the answer goes out.
    """

    call: str
    body: bytes
    after: float = 0.0
    headers: bytes = b"Content-Type: application/json\r\n"
    sent: Callable[[], None] = lambda: None


@dataclass(slots=True)
class Kept:
    """What a server remembers of a while: how often it was called for what, and how late its answers were."""

    calls: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)

    def answer(self) -> Answer:
        """In JSON: the calls, and the 99th percentile of the seconds of lateness, since the last time."""
        body = json.dumps({"calls": self.calls, "late": percentile(sorted(self.late), 99)}).encode()
        self.calls.clear()
        self.late.clear()
        return Answer("kept", body)


class Connection(asyncio.Protocol):
    """One connection, whose requests come one after the other."""

    def __init__(self, answer: Callable[[Request], Answer], kept: Kept) -> None:
        self._answer, self._kept = answer, kept
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
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
            self._kept.calls[answer.call] += 1
        loop.call_at(loop.time() + answer.after, self._send, answer, loop.time() + answer.after)

    def _send(self, answer: Answer, due: float) -> None:
        assert self._transport is not None
        if answer.after:
            self._kept.late.append(asyncio.get_running_loop().time() - due)
        head = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (answer.headers, len(answer.body))
        self._transport.write(head + answer.body)
        answer.sent()


async def serve(answer: Callable[[Request], Answer], kept: Kept) -> int:
    """Listen on a free port of this machine; the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answer, kept), "127.0.0.1", 0, backlog=1024)
    port: int = server.sockets[0].getsockname()[1]
    return port
