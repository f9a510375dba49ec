"""Slack, both ways: it sends signed commands, so many at once, and takes the calls and answers of the bot.

A process of its own, started as `python -m bench.slack`: it prints the port of its Web API, then reads a plan in
JSON from each line of standard input and prints a report. Its Web API and its `response_url`s answer after 50
milliseconds; a member has been told when Slack has taken the message.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.wire import Answer, Kept, Request, serve

SLACK_SECONDS = 0.050
TEAM, APP, BOT = "T0BENCH001", "A0BENCH001", "B0BENCH001"
SECRET, TOKEN = "bench-signing-secret-of-no-worth", "xoxb-bench-of-no-worth"
# Slack gives up on an acknowledgement after three seconds; the bot promises an answer within ten.
ACK_TIMEOUT, REPLY_TIMEOUT = 3.0, 10.0
IS_A_LINK = b".sagemaker.aws/auth?token="

numbers = itertools.count()


@dataclass
class Plan:
    """What to send.

    Attributes:
        port: the bot's.
        count: how many commands in all.
        at_once: how many are under way at any time: the next is sent when a member was told.
        members: how many members ask in turn.
        seen: they are the members of the plans before; otherwise nobody has seen them yet.
    """

    port: int
    count: int
    at_once: int
    members: int = 20
    seen: bool = True


@dataclass
class Report:
    """What became of it. Seconds are counted from sending the command.

    Attributes:
        acks, told: in order of size.
        links: how many members were told a link within ten seconds.
        lost: commands that were not acknowledged within three seconds, or whose member got no link within ten.
    """

    acks: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    lost: int = 0
    links: int = 0
    seconds: float = 0.0


@dataclass
class Command:
    """One command under way."""

    request: bytes
    sent: float = 0.0
    acked: float | None = None
    told: float | None = None
    link: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Slack:
    """The workspace."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.port = 0
        self._commands: dict[str, Command] = {}

    def answer(self, request: Request) -> Answer:
        """One call of the Web API, or a message to a `response_url`."""
        if request.path == "/kept":
            return self.kept.answer()
        address = urlsplit(request.path)
        _, kind, method, *key = address.path.split("/")
        if kind == "commands":
            return Answer("Slack response_url", b"ok", SLACK_SECONDS, sent=lambda: self._tell(key[0], request.body))
        answers: dict[str, dict[str, object]] = {
            "auth.test": {"team_id": TEAM, "bot_id": BOT, "user_id": "U0BOT00001", "team": "bench", "user": "bot"},
            "bots.info": {"bot": {"id": BOT, "app_id": APP}},
            "users.info": {"user": person(parse_qs(address.query or request.body.decode()).get("user", [""])[0])},
        }
        body = json.dumps({"ok": True, **answers.get(method, {})}).encode()
        if method != "chat.postEphemeral":
            return Answer(f"Slack {method}", body, SLACK_SECONDS)
        channel = json.loads(request.body)["channel"]
        return Answer(f"Slack {method}", body, SLACK_SECONDS, sent=lambda: self._tell(channel, request.body))

    async def carry_out(self, plan: Plan) -> Report:
        """Send the plan's commands, and wait for what becomes of them."""
        kind = "BENCH" if plan.seen else f"NEW{secrets.token_hex(3).upper()}"
        commands = [self._command(f"U0{kind}{number % plan.members:04d}") for number in range(plan.count)]
        waiting, started = iter(commands), time.perf_counter()
        await asyncio.gather(*(self._send_in_turn(plan.port, waiting) for _ in range(plan.at_once)))
        for command in commands:  # those that Slack gave up on may be answered all the same
            with suppress(TimeoutError):
                await asyncio.wait_for(command.ended.wait(), command.sent + REPLY_TIMEOUT - time.perf_counter())
        self._commands.clear()
        told = [c for c in commands if c.told is not None]
        return Report(
            acks=sorted(c.acked - c.sent for c in commands if c.acked is not None),
            told=sorted(c.told - c.sent for c in told if c.told is not None),
            links=sum(1 for c in told if c.link),
            lost=sum(1 for c in commands if c.acked is None or c.told is None or not c.link),
            seconds=max((c.told for c in told if c.told is not None), default=time.perf_counter()) - started,
        )

    async def _send_in_turn(self, port: int, waiting: Iterator[Command]) -> None:
        """One after the other of those that are waiting, as the others of us do."""
        for command in waiting:
            command.sent = time.perf_counter()
            try:
                await asyncio.wait_for(self._send(port, command), ACK_TIMEOUT)
                await asyncio.wait_for(command.ended.wait(), REPLY_TIMEOUT)
            except (TimeoutError, OSError):
                continue

    async def _send(self, port: int, command: Command) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(command.request)
            answer = await reader.read()
        finally:
            writer.close()
        if b" 200 " in answer.partition(b"\r\n")[0]:
            command.acked = time.perf_counter()
        if not answer.endswith(b"\r\n\r\n"):  # words in the acknowledgement: no link, and nothing will follow
            command.told = command.acked
            command.ended.set()

    def _tell(self, key: str, message: bytes) -> None:
        """The member reads this now; of a command that was given up long ago nobody does."""
        command = self._commands.get(key)
        if command is not None and command.told is None:
            command.told, command.link = time.perf_counter(), IS_A_LINK in message
            command.ended.set()

    def _command(self, user: str) -> Command:
        key = f"C{next(numbers)}"
        fields = {
            "command": "/studio",
            "text": "",
            "team_id": TEAM,
            "user_id": user,
            "channel_id": key,
            "api_app_id": APP,
            "trigger_id": secrets.token_hex(8),
            "response_url": f"http://127.0.0.1:{self.port}/commands/{TEAM}/{key}",
        }
        body, at = urlencode(fields).encode(), str(int(time.time()))
        signature = hmac.new(SECRET.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
        head = (
            "POST /slack/events HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"X-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: v0={signature}\r\n\r\n"
        )
        command = self._commands[key] = Command(head.encode() + body)
        return command


def person(user: str) -> dict[str, object]:
    """A full member, as users.info has them: https://docs.slack.dev/reference/objects/user-object"""
    flags = dict.fromkeys(("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_admin"), False)
    profile = {"real_name": "Bench", "email": "bench@example.com", "image_512": "https://example.com/512.png"}
    return {"id": user, "team_id": TEAM, "name": "bench", "locale": "en-GB", **flags, "profile": profile}


async def main() -> None:
    slack = Slack()
    slack.port = await serve(slack.answer, slack.kept)
    print(slack.port, flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(asdict(await slack.carry_out(Plan(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
