"""Contract of Choices, run on the fake and on the DynamoDB table."""

from datetime import timedelta

import pytest

from bot.core.access import Member
from bot.store.models import Tables, client_of
from bot.store.runtime import CHOICE_KEPT
from tests.contract.stands import Store
from tests.fakes import ANA, BEN, NOON, an_entry, race

ELSEWHERE = Member("T0OTHER001", ANA.user_id)


def test_recall_returns_none_without_a_choice(store: Store) -> None:
    assert store.choices.recall(ANA) is None


def test_recall_returns_the_choice(store: Store) -> None:
    store.choices.remember(ANA, "a" * 32, NOON)
    assert store.choices.recall(ANA) == "a" * 32
    assert store.choices.recall(ANA) == "a" * 32


def test_last_choice_wins(store: Store) -> None:
    for minute, alias in enumerate(("sandbox", "production", "sandbox")):
        store.choices.remember(ANA, alias, NOON + timedelta(minutes=minute))
        assert store.choices.recall(ANA) == alias


@pytest.mark.parametrize("other", [BEN, ELSEWHERE], ids=["another member", "the same id in another team"])
def test_choices_are_separate_per_member(store: Store, other: Member) -> None:
    store.choices.remember(ANA, "sandbox", NOON)
    assert store.choices.recall(other) is None
    store.choices.remember(other, "production", NOON)
    assert (store.choices.recall(ANA), store.choices.recall(other)) == ("sandbox", "production")


def test_choices_and_counts_are_independent(store: Store) -> None:
    assert store.intake.take(an_entry("request-1"), 2)
    store.choices.remember(ANA, "sandbox", NOON)
    assert store.intake.take(an_entry("request-2"), 2)
    assert not store.intake.take(an_entry("request-3"), 2)
    assert store.choices.recall(ANA) == "sandbox"


def test_concurrent_choices_have_one_winner(store: Store) -> None:
    aliases = [f"alias-{number}" for number in range(10)]
    outcomes = race(*(lambda alias=alias: store.choices.remember(ANA, alias, NOON) for alias in aliases))
    assert outcomes == [None] * 10
    assert store.choices.recall(ANA) in aliases


# DynamoDB only


def test_choice_is_kept_for_half_a_year(dynamodb: Store, tables: Tables) -> None:
    dynamodb.choices.remember(ANA, "sandbox", NOON)
    [item] = client_of(tables.runtime).scan(TableName=tables.runtime.Meta.table_name)["Items"]
    assert int(item["expires"]["N"]) == int((NOON + CHOICE_KEPT).timestamp())
    assert timedelta(days=180) <= CHOICE_KEPT
