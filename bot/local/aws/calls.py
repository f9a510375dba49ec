"""Read a call of AWS from its HTTP request, and keep it for tests and for the demo, without anything secret."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from werkzeug.wrappers import Request


@dataclass(frozen=True)
class Call:
    """One call. Its answer is not kept: a presigned URL may be in it."""

    operation: str
    arguments: Mapping[str, Any] = field(repr=False)
    caller: str  # the access key id that signed it
    at: float  # when it arrived, in seconds since the epoch, by this machine's clock

    @property
    def as_text(self) -> str:
        """All arguments as one text, to look for a name in."""
        return json.dumps(self.arguments)


def arguments(body: bytes, *, query: bool) -> Any:
    """Return the arguments of a call of the JSON protocols or, as for STS, of the query protocol.

    None if the body is no JSON. Valid arguments are a dict.
    """
    text = body.decode("utf-8", "replace")
    if query:
        return {name: value for name, value in parse_qsl(text) if name not in ("Action", "Version")}
    try:
        return json.loads(text or "{}")
    except ValueError:
        return None


def operation(request: Request, body: bytes) -> tuple[str, bool]:
    """Return the operation's name, and whether it came by the query protocol, which has it in the body."""
    target = request.headers.get("X-Amz-Target", "")
    if target:
        return target.rpartition(".")[2], False
    return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0], True


def credential(request: Request) -> list[str]:
    """Return the scope of the signature: access key id, date, region, service, "aws4_request"."""
    return request.headers.get("Authorization", "").partition("Credential=")[2].split(",")[0].split("/")
