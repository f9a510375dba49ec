"""The AWS stand-in of the contract tests, and the repositories that they test together."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from bot.core.ports import AccessAdmin, AuditLog, Choices, Intake
from bot.local.aws.stand_in import REGION, LocalAws
from tests.fakes import NOON


class ServerClock:
    """AWS's time in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


class ListeningAws(LocalAws):
    """The stand-in, recording the body of each call."""

    def __init__(self, clock: ServerClock) -> None:
        super().__init__(clock=clock)
        self.time = clock
        self.sent: list[tuple[str, bytes]] = []
        self._tables: dict[str, Table] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        self.sent.append((environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2], body))
        return super().__call__(environ, start_response)

    def reset(self) -> None:
        super().reset()
        self.time.now = NOON.timestamp()
        self.sent.clear()

    def reset_but_keep_tables(self, create: Callable[[], None]) -> None:
        """Reset, and put back the tables that `create` made the first time, empty: creating them is slow."""
        self.reset()
        kept = dynamodb_backends[ACCOUNT_ID][REGION].tables
        if self._tables:
            for table in self._tables.values():
                table.items.clear()
            kept.update(self._tables)
        else:
            create()
            self._tables.update(kept)

    def requests(self, operation: str) -> list[dict[str, Any]]:
        """Return the JSON of each call of an operation since the last reset."""
        return [json.loads(body) for name, body in self.sent if name == operation]


@dataclass(frozen=True)
class Store:
    """The repositories over the same data."""

    access: AccessAdmin
    audit: AuditLog
    intake: Intake
    choices: Choices
