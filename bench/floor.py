"""The floor: the upstream calls of one link by a minimal client, without a bot.

It signs, checks and parses nothing, and sends prepared bytes over open connections. Started as `python -m
bench.floor` with the ports of the stand-ins; it reads plans and prints reports like `bench.slack`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from bench.slack import TEAM, Plan, Report
from bench.wire import HEAD_ENDS, LENGTH

KEY = {"owner": {"S": f"{TEAM}#U0TEMPLATE"}}
CLOSE = {
    "Key": KEY,
    "UpdateExpression": "SET #outcome = :outcome",
    "ExpressionAttributeNames": {"#outcome": "outcome"},
    "ExpressionAttributeValues": {":outcome": {"S": "link_sent"}},
}
CALL = Mapping[str, object]


class Upstream:
    """Connection pool for one stand-in, without a limit."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, request: bytes) -> None:
        """Send a request and wait for its response."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(request)
        head = await reader.readuntil(HEAD_ENDS)
        length = LENGTH.search(head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        self._idle.append((reader, writer))


class Floor:
    """Send the calls of a link in the order of the bot."""

    def __init__(self, aws_port: int, slack_port: int) -> None:
        self._aws, self._slack = Upstream(aws_port), Upstream(slack_port)
        self._record = post("/", {"TransactItems": []}, "DynamoDB_20120810.TransactWriteItems")
        self._read = post("/", {"RequestItems": {}}, "DynamoDB_20120810.BatchGetItem")
        self._mint = post("/", {"DomainId": "d-bench"}, "SageMaker.CreatePresignedDomainUrl")
        self._person = post("/api/users.info", {})
        self._reply = post("/commands/T/none", {"text": "0" * 2000})
        self._close = post("/", CLOSE, "DynamoDB_20120810.UpdateItem")

    async def carry_out(self, plan: Plan) -> Report:
        """Make the links of a plan, and report how long each took."""
        report, started = Report(), time.perf_counter()
        waiting = iter(range(plan.count))
        if plan.per_second is None:
            await asyncio.gather(*(self._links(waiting, plan, report) for _ in range(plan.at_once)))
        else:
            pauses = (n / plan.per_second for n in range(plan.count))
            await asyncio.gather(*(self._links(iter([n]), plan, report, after) for n, after in enumerate(pauses)))
        report.delivered.sort()
        report.links, report.seconds = len(report.delivered), time.perf_counter() - started
        return report

    async def _links(self, waiting: Iterator[int], plan: Plan, report: Report, after: float = 0) -> None:
        await asyncio.sleep(after)
        for _ in waiting:
            started = time.perf_counter()
            gather = [self._aws.call(self._record), self._aws.call(self._read)]
            await asyncio.gather(*gather, *([] if plan.seen else [self._slack.call(self._person)]))
            await self._aws.call(self._mint)
            await self._slack.call(self._reply)
            report.delivered.append(time.perf_counter() - started)
            await self._aws.call(self._close)


def post(path: str, body: CALL, target: str = "") -> bytes:
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {target}\r\nContent-Length: {len(sent)}\r\n\r\n"
    return head.encode() + sent


async def main() -> None:
    floor = Floor(int(sys.argv[1]), int(sys.argv[2]))
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(asdict(await floor.carry_out(Plan(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
