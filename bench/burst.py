"""Send many signed commands at once from a separate process, and report the result of each.

Plain sockets in one loop, prepared requests and its own server for `response_url`s leave most of the CPU to the bot.
 Run as `python -m bench.burst` with a plan in JSON on standard input; it prints a report in JSON:
times and the first words of answers, but no links.
"""

import hashlib
import hmac
import json
import secrets
import selectors
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

LINK = "link"
NO_ANSWER = "none"
# Seconds between measurements of memory.
MEASURED_EVERY = 5


@dataclass
class Plan:
    """The requests to send.

    Attributes:
        members: the ids of the members who send the commands, in turn.
        count: how many commands in total.
        per_second: how many a second; None for all at once.
        answer_timeout: seconds to wait for answers after the last acknowledgement.
        pid: the process whose memory is measured, if any.
    """

    port: int
    secret: str
    team: str
    app: str
    members: list[str]
    count: int
    per_second: float | None = None
    answer_timeout: float = 15.0
    pid: int | None = None


@dataclass
class Report:
    """The results. Seconds are counted from sending the command.

    Attributes:
        acks: seconds until each acknowledgement, sorted.
        answered: seconds until each answer, by acknowledgement or message, sorted.
        answers: the number of each answer: "link", or its first words.
        lost: commands without an acknowledgement or an answer.
        rss: the memory of the process in megabytes, every few seconds.
    """

    acks: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    seconds: float = 0.0
    rss: list[float] = field(default_factory=list)


@dataclass
class Command:
    """A command and its progress."""

    request: bytes
    sent: float = 0.0
    acked: float | None = None
    answered: float | None = None
    answer: str = NO_ANSWER
    received: bytes = b""


class Answers(ThreadingHTTPServer):
    """Receive messages at the `response_url`s."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, commands: dict[str, Command]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.commands = commands


class Answer(BaseHTTPRequestHandler):
    """Receive one message to a member."""

    protocol_version = "HTTP/1.1"
    server: Answers

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        command = self.server.commands[self.path.rpartition("/")[2]]
        command.answered, command.answer = time.perf_counter(), kind_of(message)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")

    def log_message(self, *_: object) -> None:
        """Log nothing: the paths are secrets."""


class Burst:
    """Run a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.commands: dict[str, Command] = {}
        self.answers = Answers(self.commands)
        self.selector = selectors.DefaultSelector()
        self.open = 0
        self.rss: list[float] = []

    def run(self) -> Report:
        threading.Thread(target=self.answers.serve_forever, daemon=True).start()
        first = [self._prepare(number) for number in range(self.plan.count)] if not self.plan.per_second else []
        started = time.perf_counter()
        self._send_all(first, started)
        deadline = time.perf_counter() + self.plan.answer_timeout
        while time.perf_counter() < deadline and any(c.answered is None for c in self.commands.values()):
            time.sleep(0.02)
        self._measure()
        return self._report(time.perf_counter() - started)

    def _send_all(self, prepared: list[Command], started: float) -> None:
        number, measured = 0, 0.0
        while number < self.plan.count or self.open:
            now = time.perf_counter()
            due = started + number / self.plan.per_second if self.plan.per_second else started
            if number < self.plan.count and now >= due:
                self._send(prepared[number] if prepared else self._prepare(number))
                number += 1
            if now - measured > MEASURED_EVERY:
                measured = now
                self._measure()
            wait = max(0.0, due - now) if number < self.plan.count else 1.0
            self._receive(0.0 if prepared and number < self.plan.count else min(wait, 1.0))

    def _send(self, command: Command) -> None:
        connection = socket.socket()
        connection.setblocking(False)  # noqa: FBT003 - socket's own
        command.sent = time.perf_counter()
        connection.connect_ex(("127.0.0.1", self.plan.port))
        self.selector.register(connection, selectors.EVENT_WRITE, command)
        self.open += 1

    def _receive(self, wait: float) -> None:
        for key, event in self.selector.select(wait):
            connection, command = key.fileobj, key.data
            assert isinstance(connection, socket.socket)
            try:
                if event & selectors.EVENT_WRITE:
                    connection.sendall(command.request)
                    self.selector.modify(connection, selectors.EVENT_READ, command)
                    continue
                part = connection.recv(65536)
            except OSError:
                part = b""
            command.received += part
            if not part:
                self._close(connection, command)

    def _close(self, connection: socket.socket, command: Command) -> None:
        """Close the connection; note the acknowledgement if one has arrived."""
        self.selector.unregister(connection)
        connection.close()
        self.open -= 1
        status, _, words = command.received.partition(b"\r\n\r\n")
        if status.startswith(b"HTTP/1.1 200"):
            command.acked = time.perf_counter()
            if words:
                command.answered, command.answer = command.acked, first_words(words.decode())

    def _prepare(self, number: int) -> Command:
        trigger = secrets.token_hex(8)
        fields = {
            "command": "/studio",
            "text": "",
            "team_id": self.plan.team,
            "user_id": self.plan.members[number % len(self.plan.members)],
            "channel_id": "C0GENERAL01",
            "api_app_id": self.plan.app,
            "trigger_id": trigger,
            "response_url": f"http://127.0.0.1:{self.answers.server_port}/commands/{trigger}",
        }
        body, at = urlencode(fields).encode(), str(int(time.time()))
        base = b"v0:" + at.encode() + b":" + body
        headers = {
            "Host": "bot",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": "v0=" + hmac.new(self.plan.secret.encode(), base, hashlib.sha256).hexdigest(),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        command = Command(f"POST /slack/events HTTP/1.1\r\n{head}\r\n".encode() + body)
        self.commands[trigger] = command
        return command

    def _measure(self) -> None:
        if self.plan.pid is not None:
            with suppress(OSError):
                self.rss.append(rss(self.plan.pid))

    def _report(self, seconds: float) -> Report:
        commands = list(self.commands.values())
        report = Report(seconds=seconds, rss=self.rss)
        report.acks = sorted(c.acked - c.sent for c in commands if c.acked is not None)
        report.answered = sorted(c.answered - c.sent for c in commands if c.answered is not None)
        for command in commands:
            report.answers[command.answer] = report.answers.get(command.answer, 0) + 1
        report.lost = sum(1 for c in commands if c.acked is None or c.answered is None)
        return report


def kind_of(message: dict[str, Any]) -> str:
    """Return "link", or the first words of the message."""
    blocks = message.get("blocks") or []
    buttons = [e for block in blocks for e in block.get("elements", []) if isinstance(e, dict)]
    return LINK if any("url" in button for button in buttons) else first_words(str(message.get("text", "")))


def first_words(text: str) -> str:
    return text.partition(".")[0][:80]


def rss(pid: int) -> float:
    """Return how many megabytes of memory a process uses."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    json.dump(asdict(Burst(plan).run()), sys.stdout)


if __name__ == "__main__":
    main()
