"""Stand-in for Slack in both directions: sends signed commands and answers the bot's calls.

Started as its own process, `python -m bench.slack`. It prints the port of its Web API, then reads a plan in JSON from
each line of standard input and prints a report. Its Web API and its `response_url`s respond after 50 milliseconds; a
message counts as delivered when Slack has accepted it. With a certificate as argument, it is far away.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.distance import IDLE_SECONDS, relay, run, server_context
from bench.wire import Answer, CallLog, Request, serve

SLACK_SECONDS, SLACK_ROUND_TRIP = 0.050, 0.030
TEAM, APP, BOT = "T0BENCH001", "A0BENCH001", "B0BENCH001"
SECRET, TOKEN = "bench-signing-secret-of-no-worth", "xoxb-bench-of-no-worth"
# Slack gives up on an acknowledgement after three seconds; the bot promises an answer within ten.
ACK_TIMEOUT, REPLY_TIMEOUT = 3.0, 10.0
IS_A_LINK = b".sagemaker.aws/auth?token="

numbers = itertools.count()


@dataclass
class Plan:
    """Commands to send.

    Attributes:
        port: the bot's port.
        count: total number of commands.
        at_once: number of commands in progress: the next is sent when one has been answered.
        per_second: number of commands sent each second, whether or not others have been answered; None for `at_once`.
        members: number of members, who send commands in turn.
        seen: whether the members are those of earlier plans, or new ones.
        recorded: whether the store has a record of new members' accounts.
    """

    port: int
    count: int
    at_once: int
    members: int = 20
    seen: bool = True
    recorded: bool = False
    per_second: float | None = None


@dataclass
class Report:
    """Results of a plan. Seconds count from sending the command.

    Attributes:
        acks, delivered: in ascending order.
        links: number of links delivered within ten seconds.
        lost: commands without an acknowledgement within three seconds, or without a link within ten.
        endings: how many of those ended how: with the first words of an answer, or without one.
    """

    acks: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    lost: int = 0
    endings: dict[str, int] = field(default_factory=dict)
    links: int = 0
    seconds: float = 0.0


@dataclass
class Command:
    """One command in progress."""

    request: bytes
    sent: float = 0.0
    acked: float | None = None
    delivered: float | None = None
    link: bool = False
    answer: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ending(self) -> str | None:
        """Return why the command counts as lost; None if it does not."""
        if self.acked is None:
            return "a link, but no acknowledgement" if self.link else "no acknowledgement"
        if self.delivered is None:
            return "an acknowledgement, but no answer"
        return None if self.link else self.answer


class Slack:
    """The workspace and its members."""

    def __init__(self) -> None:
        self.calls = CallLog()
        self.address = ""
        self._commands: dict[str, Command] = {}

    def answer(self, request: Request) -> Answer:
        """Answer a call of the Web API or a message to a `response_url`."""
        if request.path == "/calls":
            return self.calls.answer()
        address = urlsplit(request.path)
        _, kind, method, *key = address.path.split("/")
        if kind == "commands":
            return Answer(
                "Slack response_url", b"ok", SLACK_SECONDS, sent=lambda: self._deliver(key[0], request.body)
            )
        answers: dict[str, dict[str, object]] = {
            "auth.test": {"team_id": TEAM, "bot_id": BOT, "user_id": "U0BOT00001", "team": "bench", "user": "bot"},
            "bots.info": {"bot": {"id": BOT, "app_id": APP}},
            "users.info": {"user": person(parse_qs(address.query or request.body.decode()).get("user", [""])[0])},
        }
        body = json.dumps({"ok": True, **answers.get(method, {})}).encode()
        if method != "chat.postEphemeral":
            return Answer(f"Slack {method}", body, SLACK_SECONDS)
        channel = json.loads(request.body)["channel"]
        return Answer(f"Slack {method}", body, SLACK_SECONDS, sent=lambda: self._deliver(channel, request.body))

    async def carry_out(self, plan: Plan) -> Report:
        """Send the plan's commands and wait for their results."""
        kind = "BENCH" if plan.seen else f"{'KNOWN' if plan.recorded else 'NEW'}{secrets.token_hex(3).upper()}"
        commands = [self._command(f"U0{kind}{number % plan.members:04d}") for number in range(plan.count)]
        waiting, started = iter(commands), time.perf_counter()
        if plan.per_second is None:
            await asyncio.gather(*(self._send_in_turn(plan.port, waiting) for _ in range(plan.at_once)))
        else:
            await asyncio.gather(
                *(self._send_in_time(plan.port, each, n / plan.per_second) for n, each in enumerate(commands))
            )
        for command in commands:  # commands that timed out may still be answered
            with suppress(TimeoutError):
                await asyncio.wait_for(command.ended.wait(), command.sent + REPLY_TIMEOUT - time.perf_counter())
        self._commands.clear()
        endings = Counter(ending for c in commands if (ending := c.ending) is not None)
        delivered = [c for c in commands if c.delivered is not None]
        return Report(
            acks=sorted(c.acked - c.sent for c in commands if c.acked is not None),
            delivered=sorted(c.delivered - c.sent for c in delivered if c.delivered is not None),
            links=sum(1 for c in delivered if c.link),
            lost=endings.total(),
            endings=dict(endings),
            seconds=max((c.delivered for c in delivered if c.delivered is not None), default=time.perf_counter())
            - started,
        )

    async def _send_in_turn(self, port: int, waiting: Iterator[Command]) -> None:
        """Send waiting commands one after the other; several of these loops share the iterator."""
        for command in waiting:
            command.sent = time.perf_counter()
            try:
                await asyncio.wait_for(self._send(port, command), ACK_TIMEOUT)
                await asyncio.wait_for(command.ended.wait(), REPLY_TIMEOUT)
            except (TimeoutError, OSError):
                continue

    async def _send_in_time(self, port: int, command: Command, seconds: float) -> None:
        """Send a command after so many seconds."""
        await asyncio.sleep(seconds)
        await self._send_in_turn(port, iter([command]))

    async def _send(self, port: int, command: Command) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(command.request)
            answer = await reader.read()
        finally:
            writer.close()
        if b" 200 " in answer.partition(b"\r\n")[0]:
            command.acked = time.perf_counter()
        else:  # no answer follows
            command.ended.set()
        words = answer.partition(b"\r\n\r\n")[2]
        if words:  # a message in the acknowledgement: no link follows
            command.delivered, command.answer = command.acked, first_words(words)
            command.ended.set()

    def _deliver(self, key: str, message: bytes) -> None:
        """Note that the member has the message. Ignore commands of earlier plans."""
        command = self._commands.get(key)
        if command is not None and command.delivered is None:
            command.delivered, command.link = time.perf_counter(), IS_A_LINK in message
            command.answer = "" if command.link else first_words(json.loads(message).get("text", "").encode())
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
            "response_url": f"{self.address}/commands/{TEAM}/{key}",
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


def first_words(text: bytes) -> str:
    return text.decode().partition(".")[0][:80]


def person(user: str) -> dict[str, object]:
    """Return a full member as in users.info: https://docs.slack.dev/reference/objects/user-object"""
    flags = dict.fromkeys(("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_admin"), False)
    profile = {"real_name": "Bench", "email": "bench@example.com", "image_512": "https://example.com/512.png"}
    return {"id": user, "team_id": TEAM, "name": "bench", "locale": "en-GB", **flags, "profile": profile}


async def main() -> None:
    slack = Slack()
    if sys.argv[1:]:
        port = await serve(slack.answer, slack.calls, tls=server_context(sys.argv[1]), idle=IDLE_SECONDS)
        port = await relay(port, SLACK_ROUND_TRIP)
        slack.address = f"https://127.0.0.1:{port}"
    else:
        port = await serve(slack.answer, slack.calls)
        slack.address = f"http://127.0.0.1:{port}"
    print(port, flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(asdict(await slack.carry_out(Plan(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    run(main)
