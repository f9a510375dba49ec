"""The AWS stand-in of the contract tests, and the repositories that they test together."""

import io
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import urllib3
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from pynamodb.exceptions import TableError
from werkzeug.wrappers import Request, Response

from bot.core.ports import AccessAdmin, AuditLog, Choices, Intake, PeopleStore
from bot.local.aws.stand_in import REGION, LocalAws
from bot.store.models import Tables
from tests.fakes import NOON


class ServerClock:
    """AWS's time in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


# Another implementation of DynamoDB, like DynamoDB Local, that answers the calls instead of the stand-in.
OTHER_DYNAMODB = os.environ.get("DYNAMODB_ENDPOINT", "")


class ListeningAws(LocalAws):
    """The stand-in, recording the body of each call. With `DYNAMODB_ENDPOINT` it passes DynamoDB's calls on."""

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

    def _ask_moto(self, request: Request, name: str, sent: Any) -> Response:
        target = request.headers.get("X-Amz-Target", "")
        if not OTHER_DYNAMODB or not target.startswith("DynamoDB_"):
            return super()._ask_moto(request, name, sent)
        kept = {key: value for key, value in request.headers.items() if key.lower() != "host"}
        body = request.environ["wsgi.input"].read()
        answer = urllib3.request("POST", OTHER_DYNAMODB, body=body, headers=kept, retries=False)
        return Response(answer.data, answer.status, content_type=answer.headers["Content-Type"])

    def reset(self) -> None:
        super().reset()
        self.time.now = NOON.timestamp()
        self.sent.clear()

    def reset_but_keep_tables(self, tables: Tables) -> None:
        """Reset, and put back the tables that were made the first time, empty: creating them is slow."""

        self.reset()
        if OTHER_DYNAMODB:
            for model in tables.all():
                if model.exists():
                    model.delete_table()
                with suppress(TableError):  # some have no TTL, which is set last
                    model.create_table(billing_mode="PAY_PER_REQUEST")
            self.sent.clear()
            return
        kept = dynamodb_backends[ACCOUNT_ID][REGION].tables
        if self._tables:
            for table in self._tables.values():
                table.items.clear()
            kept.update(self._tables)
        else:
            for model in tables.all():
                model.create_table(billing_mode="PAY_PER_REQUEST")
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
    people: PeopleStore
