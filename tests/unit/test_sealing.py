"""The thread that seals the audit."""

import io
import json
import threading

import pytest

from bot.app import sealing
from bot.app.sealing import Sealing
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.observability import logs
from tests.fakes import NOON, TEAM
from tests.waiting import wait_until


class Seals:
    """Seals that were asked for; a failure for each in `errors`."""

    def __init__(self, *errors: Exception) -> None:
        self.asked: list[str] = []
        self.errors = list(errors)

    def seal(self, tenant: str, now: object) -> None:
        assert now == NOON
        self.asked.append(tenant)
        if self.errors:
            raise self.errors.pop(0)


def sealing_of(seals: Seals, *tenants: str) -> Sealing:
    return Sealing(seals, lambda: set(tenants), lambda: NOON)  # type: ignore[arg-type]


def test_each_workspace_is_sealed_until_the_bot_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "PAUSE", 0.001)
    seals = Seals()
    thread = sealing_of(seals, TEAM, "E0ORG")
    thread.start()
    wait_until(lambda: len(seals.asked) >= 4)
    thread.stop()
    wait_until(lambda: "audit-seals" not in {each.name for each in threading.enumerate()})
    assert seals.asked[:4] == ["E0ORG", TEAM, "E0ORG", TEAM]


@pytest.mark.parametrize(
    ("error", "words"),
    [(StoreError("no index", reason=Reason.STORE_REFUSED), "no index"), (RuntimeError("a defect"), "a defect")],
)
def test_failure_is_logged_and_sealing_goes_on(error: Exception, words: str) -> None:
    stream = io.StringIO()
    logs.configure(level="INFO", style="json", stream=stream)
    seals = Seals(error)
    thread = sealing_of(seals, TEAM)
    thread.seal(TEAM)
    thread.seal(TEAM)
    [line] = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["level"], line["tenant"]) == ("audit_not_sealed", "error", TEAM)
    assert words in json.dumps(line)
    assert seals.asked == [TEAM, TEAM]
