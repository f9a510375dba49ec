"""Slack's events about accounts: which ones the bot notes, and what happens if noting fails."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from slack_bolt import Ack

from bot.core.access import Person
from bot.links.people import People
from bot.observability.metrics import Metrics
from bot.slack.noted_events import NOTED
from tests.fakes import ANA, NOON, TEAM, Clock, FakeAccess, FakeAudit, FakeDirectory, FakePeople, FakeStudio
from tests.fakes_access_requests import FakeAccessRequests, FakeMessages
from tests.fakes_admin import FakePending
from tests.fakes_app import APP, FakeSlack, HeldJobs, app_context

GUEST = {
    "id": ANA.user_id,
    "team_id": TEAM,
    "deleted": False,
    "is_bot": False,
    "is_restricted": True,
    "is_ultra_restricted": False,
    "updated": 11,
}


@dataclass
class World:
    """A bot that keeps a record of Ana, who is a full member by it."""

    events: HeldJobs = field(default_factory=HeldJobs)
    store: FakePeople = field(default_factory=FakePeople)

    def __post_init__(self) -> None:
        audit, directory = FakeAudit(), FakeDirectory()
        app = app_context(
            FakeSlack(directory),
            access=FakeAccess(audit),
            audit=audit,
            directory=directory,
            studio=FakeStudio(),
            metrics=Metrics(),
            workers=HeldJobs(),
            overflow=self.events,
            clock=Clock(),
            requests=FakeAccessRequests(),
            messages=FakeMessages(),
            pending=FakePending(),
        )
        kept = People(self.store, lambda: (), lambda: NOON)
        facts = replace(app.signin.facts, kept=kept)
        self.app = replace(app, signin=replace(app.signin, facts=facts))
        self.store.hear(TEAM, NOON)
        self.store.learn(TEAM, Person(ANA.user_id, TEAM, updated=10), NOON)

    def receives(self, user: object = GUEST, **body: Any) -> str:
        """Receive an event and run the work it causes; return the acknowledgement."""
        ack = Ack()  # type: ignore[no-untyped-call] # Bolt's own gap
        NOTED["user_change"](
            self.app, ack, {"api_app_id": APP, "team_id": TEAM, "event": {"type": "user_change", "user": user}} | body
        )
        self.events.run()
        assert ack.response is not None
        return str(ack.response.body)

    def ana(self) -> Person | None:
        return self.store.read(ANA)


def test_restriction_is_noted() -> None:
    world = World()
    assert world.receives() == ""
    assert world.ana() == Person(ANA.user_id, TEAM, guest=True)


@pytest.mark.parametrize("foreign", [{"api_app_id": "A0OTHER001"}, {"team_id": "T0OTHER001"}, {"team_id": None}])
def test_event_of_another_app_or_workspace_is_not_noted(foreign: dict[str, object]) -> None:
    world = World()
    assert world.receives(**foreign) == ""
    assert world.ana() == Person(ANA.user_id, TEAM)


@pytest.mark.parametrize("user", [None, "U0ANA00001", {}, {"id": 5}, {"id": "../../U0ANA"}], ids=str)
def test_malformed_event_changes_nothing(user: object) -> None:
    world = World()
    assert world.receives(user) == ""
    assert world.ana() == Person(ANA.user_id, TEAM)


def test_event_beyond_the_queue_is_acknowledged_and_lost() -> None:
    world = World()
    world.events.capacity = 0
    assert world.receives() == ""
    assert world.ana() == Person(ANA.user_id, TEAM)
