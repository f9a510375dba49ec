"""Stand-in for the DynamoDB and SageMaker calls of a link: canned responses after 4 and 60 milliseconds.

Started as its own process, `python -m bench.aws`, with the items of one member (the template) on standard input.
Every other member has the same items under their own id, so the number of members is unlimited. Writes are discarded.
With a certificate as its argument, it simulates the distance to AWS, and prints one port for DynamoDB and one for
SageMaker instead of a shared one.
"""

import asyncio
import json
import re
import sys
import zlib
from datetime import UTC, datetime
from typing import Any

from bench.distance import IDLE_SECONDS, relay, run, server_context
from bench.wire import Answer, CallLog, Request, serve
from bot.store.models import bind

DYNAMODB_SECONDS, SAGEMAKER_SECONDS = 0.004, 0.060
DYNAMODB_ROUND_TRIP, SAGEMAKER_ROUND_TRIP = 0.001, 0.002
TEMPLATE = "U0TEMPLATE"
# An attribute and its value in an UpdateItem.
SET = re.compile(r"(#\w+) = (:\w+)(?=,| *$| [A-Z])")
USER = re.compile(r"\bU0[A-Z0-9]+")
# Prefixes of the ids of members whose accounts the bot has a record of.
KNOWN = ("U0KNOWN", "U0BENCH")
# Tables of the naive bot.
PROFILES, ALLOWED = "naive-profiles", "naive-allowed"
LINK = "https://d-bench.studio.eu-west-1.sagemaker.aws/auth?token=" + "0" * 900

# AWS numbers each answer.
NUMBERED = b"Content-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: BENCH\r\n"

Item = dict[str, Any]
MODELS = {model.Meta.table_name: model for model in bind(prefix="studio-links-", region="eu-west-1").all()}


class Aws:
    """Responses by the operation in the request's `X-Amz-Target` header."""

    def __init__(self, items: dict[str, list[Item]]) -> None:
        """Store the items of the template member and of the workspace, by table."""
        self._items = {table: json.dumps(of_table) for table, of_table in items.items()}
        self.calls = CallLog()

    def answer(self, request: Request) -> Answer:
        if request.path == "/calls":
            return self.calls.answer()
        service, _, operation = request.header("X-Amz-Target").partition(".")
        asked = json.loads(request.body)
        if service == "SageMaker":
            body = json.dumps({"AuthorizedUrl": LINK}).encode()
            return Answer(f"SageMaker {operation}", body, SAGEMAKER_SECONDS, NUMBERED)
        body = json.dumps(self._dynamodb(operation, asked)).encode()
        checksum = b"x-amz-crc32: %d\r\n" % zlib.crc32(body)
        return Answer(f"DynamoDB {operation}", body, DYNAMODB_SECONDS, NUMBERED + checksum)

    def _dynamodb(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetItem":
                found = self._get(asked["TableName"], asked["Key"])
                return {"Item": found[0]} if found else {}
            case "BatchGetItem":
                asked_keys = asked["RequestItems"].items()
                return {
                    "Responses": {t: [i for key in w["Keys"] for i in self._get(t, key)] for t, w in asked_keys},
                    "UnprocessedKeys": {},
                }
            case "Query":
                owner = next(iter(asked["ExpressionAttributeValues"].values()))
                found = self._get(asked["TableName"], {"owner": owner})
                return {"Items": found, "Count": len(found), "ScannedCount": len(found)}
            case "UpdateItem":
                names, values = asked["ExpressionAttributeNames"], asked["ExpressionAttributeValues"]
                written = {names[name]: values[value] for name, value in SET.findall(asked["UpdateExpression"])}
                return {"Attributes": {**asked["Key"], "requests": {"N": "1"}, **written}}
            case "DescribeTable":
                return {"Table": _description(asked["TableName"])}
        return {}

    def _runtime(self, key: str) -> list[Item]:
        """Return the item which says that Slack's events arrive, or a known member's record."""
        kind, _, rest = key.partition("#")
        tenant, _, user = rest.partition("#")
        item: Item = {"id": {"S": key}, "as_of": {"S": _now()}, "expires": {"N": "2000000000"}}
        if kind == "people":
            return [item]
        if kind != "person" or not user.startswith(KNOWN):
            return []
        person = {"user_id": user, "team_id": tenant, "teams": [], "locale": "en-GB", "updated": 1}
        return [item | {"updated": {"N": "1"}, "person": {"S": json.dumps(person)}}]

    def _get(self, table: str, key: Item) -> list[Item]:
        """Return the items with these key attributes."""
        if "id" in key:
            return self._runtime(key["id"]["S"])
        if table in (PROFILES, ALLOWED):
            return [{**key, "domain": {"S": "d-bench"}, "profile": {"S": "bench"}, "allowed": {"BOOL": True}}]
        user = USER.search(json.dumps(key))
        items: list[Item] = json.loads(self._items.get(table, "[]").replace(TEMPLATE, user[0] if user else TEMPLATE))
        return [item for item in items if key.items() <= item.items()]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _description(table: str) -> dict[str, Any]:
    """Return an active table with the keys that the bot checks before it is ready."""
    schema: dict[str, Any] = dict(MODELS[table]._get_schema())  # noqa: SLF001 - PynamoDB offers no public way
    indexes = [
        {"IndexName": each["index_name"], "KeySchema": each["key_schema"]}
        for each in schema["global_secondary_indexes"]
    ]
    return {
        "TableName": table,
        "TableStatus": "ACTIVE",
        "KeySchema": schema["key_schema"],
        "GlobalSecondaryIndexes": indexes,
    }


async def main() -> None:
    aws = Aws(json.loads(sys.stdin.readline()))
    if sys.argv[1:]:
        port = await serve(aws.answer, aws.calls, tls=server_context(sys.argv[1]), idle=IDLE_SECONDS)
        print(await relay(port, DYNAMODB_ROUND_TRIP), await relay(port, SAGEMAKER_ROUND_TRIP), flush=True)
    else:
        print(await serve(aws.answer, aws.calls), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(main)
