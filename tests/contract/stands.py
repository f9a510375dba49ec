"""The AWS stand-in as the contract suites use it, and the repositories that are tested together."""

import io
import json
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from bot.core.ports import AccessAdmin, AuditLog, Choices, Intake
from bot.local.aws.stand_in import LocalAws
from tests.fakes import NOON


class ServerClock:
    """What time AWS thinks it is, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


class ListeningAws(LocalAws):
    """The stand-in, which also keeps what each call sent."""

    def __init__(self, clock: ServerClock) -> None:
        super().__init__(clock=clock)
        self.time = clock
        self.sent: list[tuple[str, bytes]] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        self.sent.append((environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2], body))
        return super().__call__(environ, start_response)

    def reset(self) -> None:
        super().reset()
        self.time.now = NOON.timestamp()
        self.sent.clear()

    def requests(self, operation: str) -> list[dict[str, Any]]:
        """The JSON of each call of an operation since the last reset."""
        return [json.loads(body) for name, body in self.sent if name == operation]


@dataclass(frozen=True)
class Store:
    """The repositories over the same data."""

    access: AccessAdmin
    audit: AuditLog
    intake: Intake
    choices: Choices
