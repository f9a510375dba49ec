"""Send prepared TransactWriteItems calls with as many workers as an import has, and do nothing else.

    python -m bench.bare_writes http://127.0.0.1:5000 bodies.jsonl

It signs and parses nothing, and keeps its connections open. A refused call ends it with an error.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from urllib.parse import urlsplit

from bot.cli.transfer import WORKERS

HEADERS = {
    "X-Amz-Target": "DynamoDB_20120810.TransactWriteItems",
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, Signature=none",
}


def main() -> None:
    address, own = urlsplit(sys.argv[1]), local()

    def send(body: bytes) -> None:
        if not hasattr(own, "connection"):
            own.connection = HTTPConnection(address.hostname or "", address.port)
        own.connection.request("POST", "/", body, HEADERS)
        response = own.connection.getresponse()
        answer = response.read()
        if response.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise RuntimeError(answer.decode())

    with Path(sys.argv[2]).open("rb") as bodies, ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(send, bodies):
            pass


if __name__ == "__main__":
    main()
