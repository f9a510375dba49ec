"""Slack's records of members: when they count, and when Slack is asked."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.core.access import Person
from bot.links.facts import Gatherer
from bot.links.people import DEAF_AFTER, MAX_AGE, RENEWED_EVERY, People
from tests.fakes import ANA, NOON, TEAM, FakeAccess, FakeDirectory, FakePeople, a_gatherer

ANA_NOW = Person(ANA.user_id, TEAM, updated=10, as_of=NOON)
MINUTE = timedelta(minutes=1)


class World:
    """Slack, the store and their records, and a clock."""

    def __init__(self) -> None:
        self.now, self.store = NOON, FakePeople()
        self.slack = FakeDirectory(ANA_NOW)
        self.kept = People(self.store, lambda: iter(self.slack.people.values()), lambda: self.now)
        self.facts: Gatherer = a_gatherer(FakeAccess(people=self.store), self.slack, kept=self.kept)
        self.kept.changed(ANA, replace(ANA_NOW, user_id="U0SOMEBODY"))  # an event: the app gets them

    def person(self) -> Person:
        return self.facts.begin(ANA).end(self.facts.within(1), lambda _: ()).person

    def says(self, **changes: object) -> None:
        """Change the account in Slack."""
        ana = self.slack.people[ANA.user_id]
        self.slack.people[ANA.user_id] = replace(ana, updated=ana.updated + 1, as_of=self.now, **changes)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


def test_slack_is_asked_once_while_records_are_renewed(world: World) -> None:
    for minute in range(0, 180, 5):
        world.now = NOON + minute * MINUTE
        world.kept.renew(TEAM)
        assert world.person() == ANA_NOW
    assert world.slack.people_asked == [ANA.user_id]


def test_slack_is_asked_once_a_record_is_old(world: World) -> None:
    world.person()
    world.now = NOON + MAX_AGE - MINUTE
    world.person()
    assert len(world.slack.people_asked) == 1
    world.now = NOON + MAX_AGE
    world.person()
    assert len(world.slack.people_asked) == 2


@pytest.mark.parametrize(
    "restriction", [{"guest": True}, {"ineligible_reason": "deactivated"}, {"team_id": "T0OTHER001"}]
)
def test_restriction_counts_with_its_event(world: World, restriction: dict[str, object]) -> None:
    world.person()
    world.says(**restriction)
    world.kept.changed(ANA, world.slack.people[ANA.user_id])
    assert world.person() == world.slack.people[ANA.user_id]
    assert len(world.slack.people_asked) == 1


def test_restriction_whose_event_is_lost_counts_within_the_hour(world: World) -> None:
    world.person()
    world.says(guest=True)
    world.now = NOON + RENEWED_EVERY
    world.kept.renew(TEAM)
    assert world.person().guest


def test_account_gone_from_slacks_list_counts_for_an_hour(world: World) -> None:
    world.person()
    del world.slack.people[ANA.user_id]
    for minute in range(0, 60, 5):
        world.now = NOON + minute * MINUTE
        world.kept.renew(TEAM)
    world.now = NOON + MAX_AGE
    assert world.person().ineligible_reason == "Slack does not know this account"


def test_forged_event_gives_nothing(world: World) -> None:
    world.says(guest=True)
    assert world.person().guest
    world.kept.changed(ANA, replace(ANA_NOW, updated=2_000_000_000))
    assert world.person().guest
    assert len(world.slack.people_asked) == 2


def test_records_count_for_nothing_without_events(world: World) -> None:
    """An app set up for an older version has not subscribed to the event."""
    world.store.heard_at = None
    world.person()
    world.person()
    assert len(world.slack.people_asked) == 2


def test_records_count_for_nothing_once_events_stop(world: World) -> None:
    world.person()
    world.now = NOON + DEAF_AFTER
    world.kept.renew(TEAM)
    world.person()
    assert len(world.slack.people_asked) == 2


def test_ineligible_account_is_not_kept(world: World) -> None:
    world.says(ineligible_reason="deactivated")
    world.person()
    world.person()
    assert len(world.slack.people_asked) == 2


def test_events_time_is_the_clocks(world: World) -> None:
    world.now = datetime(2030, 1, 1, tzinfo=NOON.tzinfo)
    world.kept.changed(ANA, ANA_NOW)
    assert world.store.heard_at == world.now
