"""Requests per member and minute: every RequestCounter keeps these promises."""

from datetime import timedelta, timezone

import pytest

from bot.model import Member
from tests.contract.stands import Store
from tests.fakes import ANA, BEN, NOON, race


def test_each_request_of_a_minute_counts_one_more(store: Store) -> None:
    assert [store.counter.count(ANA, NOON + timedelta(seconds=second)) for second in (0, 1, 59)] == [1, 2, 3]


def test_a_new_minute_begins_with_one(store: Store) -> None:
    store.counter.count(ANA, NOON)
    assert store.counter.count(ANA, NOON + timedelta(minutes=1)) == 1
    assert store.counter.count(ANA, NOON + timedelta(days=1)) == 1


@pytest.mark.parametrize(
    "other", [BEN, Member("T0OTHER001", ANA.user_id)], ids=["another member", "the same id in another team"]
)
def test_members_are_counted_apart(store: Store, other: Member) -> None:
    store.counter.count(ANA, NOON)
    assert store.counter.count(other, NOON) == 1


def test_a_minute_is_the_same_in_every_time_zone(store: Store) -> None:
    store.counter.count(ANA, NOON)
    assert store.counter.count(ANA, NOON.astimezone(timezone(timedelta(hours=2)))) == 2


def test_no_request_is_lost_when_twenty_come_at_once(store: Store) -> None:
    counts = race(*[lambda: store.counter.count(ANA, NOON)] * 20)
    assert sorted(count for count in counts if isinstance(count, int)) == list(range(1, 21))
