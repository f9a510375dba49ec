"""Contract of Confirmations, run on the fake and on the DynamoDB table."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.access import Member
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.core.ports import Confirmations
from bot.core.records import PendingCommand
from bot.local.faults import Fault
from bot.store.confirmations import KEPT_AFTER, ConfirmationTable
from bot.store.models import Tables, client_of
from tests.contract.stands import ListeningAws
from tests.fakes import ANA, BEN, NOON, race
from tests.fakes_admin import FakePending

ID, OTHER_ID = "a" * 32, "b" * 32
COMMAND = PendingCommand(
    id=ID,
    by=ANA,
    verb="deny",
    fields={"user": BEN.user_id, "reason": "“laptop” & <stolen>"},
    expires_at=NOON + timedelta(minutes=10),
    version=7,
    after="U0ANA00001",
)


@pytest.fixture(params=["fake", "dynamodb"])
def confirmations(request: pytest.FixtureRequest) -> Iterator[Confirmations]:
    if request.param == "fake":
        yield FakePending()
    else:
        yield ConfirmationTable(request.getfixturevalue("tables"))


def test_confirmation_can_be_used_once(confirmations: Confirmations) -> None:
    assert confirmations.keep(COMMAND)
    assert confirmations.take(ANA, ID, NOON) == COMMAND
    assert confirmations.take(ANA, ID, NOON) is None


def test_request_is_kept_once(confirmations: Confirmations) -> None:
    assert confirmations.keep(COMMAND)
    assert not confirmations.keep(replace(COMMAND, verb="allow"))
    confirmations.take(ANA, ID, NOON)
    assert not confirmations.keep(COMMAND)
    assert confirmations.take(ANA, ID, NOON) is None


def test_confirmation_of_another_administrator_is_refused(confirmations: Confirmations) -> None:
    confirmations.keep(COMMAND)
    for who in (BEN, Member("T0OTHER001", ANA.user_id)):
        assert confirmations.take(who, ID, NOON) is None
    assert confirmations.take(ANA, OTHER_ID, NOON) is None
    assert confirmations.take(ANA, ID, NOON) == COMMAND


@pytest.mark.parametrize(("seconds", "taken"), [(599, True), (600, False), (10_000, False)])
def test_expired_confirmation_is_refused(confirmations: Confirmations, seconds: int, taken: bool) -> None:  # noqa: FBT001 - the table's
    confirmations.keep(COMMAND)
    assert (confirmations.take(ANA, ID, NOON + timedelta(seconds=seconds)) is not None) == taken


def test_concurrent_confirmations_have_one_winner(confirmations: Confirmations) -> None:
    confirmations.keep(COMMAND)
    outcomes = race(*(lambda: confirmations.take(ANA, ID, NOON) for _ in range(8)))
    assert sorted(outcomes, key=str) == [COMMAND, *[None] * 7] or sorted(outcomes, key=str) == [*[None] * 7, COMMAND]


def test_replayed_request_is_kept_once(confirmations: Confirmations) -> None:
    outcomes = race(*(lambda: confirmations.keep(COMMAND) for _ in range(8)))
    assert sorted(map(str, outcomes)) == ["False"] * 7 + ["True"]


def test_command_for_a_second_administrator_is_kept_apart(confirmations: Confirmations) -> None:
    second = replace(COMMAND, second=True, mark="T0TEAM#U0ANA ")
    confirmations.keep(COMMAND)
    assert confirmations.waiting(ANA, ID, NOON) is None
    assert confirmations.keep(second)

    assert confirmations.waiting(ANA, ID, NOON) == second
    assert confirmations.waiting(BEN, ID, NOON) is None
    assert confirmations.waiting(ANA, ID, second.expires_at) is None
    assert confirmations.take(ANA, ID, NOON) == COMMAND
    assert confirmations.take(ANA, ID, NOON, second=True) == second
    assert confirmations.take(ANA, ID, NOON, second=True) is None
    assert confirmations.waiting(ANA, ID, NOON) is None


# DynamoDB only


def test_confirmation_outlives_the_replay_window(tables: Tables) -> None:
    ConfirmationTable(tables).keep(COMMAND)
    [item] = client_of(tables.runtime).scan(TableName=tables.runtime.Meta.table_name)["Items"]
    assert int(item["expires"]["N"]) == int((COMMAND.expires_at + KEPT_AFTER).timestamp())


def test_keep_recognizes_its_own_write_after_a_lost_answer(tables: Tables, local_aws: ListeningAws) -> None:
    local_aws.inject("PutItem", Fault("InternalServerError", status=500, served=True))
    assert ConfirmationTable(tables).keep(COMMAND)
    assert local_aws.calls.count("PutItem") == 2
    assert not ConfirmationTable(tables).keep(COMMAND)


def test_take_recognizes_its_own_write_after_a_lost_answer(tables: Tables, local_aws: ListeningAws) -> None:
    ConfirmationTable(tables).keep(COMMAND)
    local_aws.inject("UpdateItem", Fault("InternalServerError", status=500, served=True))
    assert ConfirmationTable(tables).take(ANA, ID, NOON) == COMMAND
    assert local_aws.calls.count("UpdateItem") == 2
    assert ConfirmationTable(tables).take(ANA, ID, NOON) is None


def test_invalid_confirmation_record_is_an_error(tables: Tables) -> None:
    confirmations = ConfirmationTable(tables)
    confirmations.keep(COMMAND)
    [item] = client_of(tables.runtime).scan(TableName=tables.runtime.Meta.table_name)["Items"]
    for broken in ({"request": {"S": "[]"}}, {"request": {"S": "{}"}}, {"request": {"S": "?"}}):
        client_of(tables.runtime).put_item(TableName=tables.runtime.Meta.table_name, Item={**item, **broken})
        with pytest.raises(StoreError) as caught:
            confirmations.take(ANA, ID, NOON)
        assert caught.value.reason is Reason.STORE_UNREADABLE


def test_confirmation_table_failures_are_store_errors(tables: Tables, local_aws: ListeningAws) -> None:
    confirmations = ConfirmationTable(tables)
    for operation, call in (
        ("PutItem", lambda: confirmations.keep(COMMAND)),
        ("UpdateItem", lambda: confirmations.take(ANA, ID, NOON)),
    ):
        local_aws.inject(operation, Fault("AccessDeniedException"))
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.reason is Reason.STORE_REFUSED
