"""Contract of Messages, run on the fake and on the DynamoDB table."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.core.ports import Messages
from bot.local.faults import Fault
from bot.store.models import Tables, client_of
from bot.store.runtime import MESSAGE_KEPT, RuntimeTable
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, NOON, an_entry, race
from tests.fakes_access_requests import FakeMessages

MESSAGE, OTHER = "C0GENERAL01/1893499200.000001", "C0GENERAL01/1893499200.000002"


@pytest.fixture
def table(tables: Tables) -> RuntimeTable:
    return RuntimeTable(tables)


@pytest.fixture(params=["fake", "dynamodb"])
def messages(request: pytest.FixtureRequest) -> Messages:
    """Return the fake or the adapter."""
    if request.param == "fake":
        return FakeMessages()
    real: Messages = request.getfixturevalue("table")
    return real


def test_unknown_message_has_no_note(messages: Messages) -> None:
    assert messages.shown(MESSAGE) is None


def test_note_is_returned(messages: Messages) -> None:
    assert messages.note(MESSAGE, "first", NOON)
    assert messages.shown(MESSAGE) == "first"
    assert messages.shown(MESSAGE) == "first"


def test_last_note_wins(messages: Messages) -> None:
    for shows in ("first", "second", "first"):
        assert messages.note(MESSAGE, shows, NOON)
        assert messages.shown(MESSAGE) == shows


def test_notes_are_separate_per_message(messages: Messages) -> None:
    messages.note(MESSAGE, "first", NOON)
    assert messages.shown(OTHER) is None
    assert messages.note(OTHER, "second", NOON, unless="first")
    assert (messages.shown(MESSAGE), messages.shown(OTHER)) == ("first", "second")


def test_protected_note_is_not_overwritten(messages: Messages) -> None:
    messages.note(MESSAGE, "gone", NOON)
    assert not messages.note(MESSAGE, "first", NOON, unless="gone")
    assert messages.shown(MESSAGE) == "gone"


@pytest.mark.parametrize("before", [None, "another", "gon", "gone "], ids=["nothing", "another", "less", "more"])
def test_other_notes_are_overwritten(messages: Messages, before: str | None) -> None:
    if before is not None:
        messages.note(MESSAGE, before, NOON)
    assert messages.note(MESSAGE, "first", NOON, unless="gone")
    assert messages.shown(MESSAGE) == "first"


def test_unconditional_note_overwrites_everything(messages: Messages) -> None:
    messages.note(MESSAGE, "gone", NOON)
    assert messages.note(MESSAGE, "first", NOON)
    assert messages.shown(MESSAGE) == "first"


def test_same_note_can_be_written_twice(messages: Messages) -> None:
    assert messages.note(MESSAGE, "first", NOON, unless="gone")
    assert messages.note(MESSAGE, "first", NOON, unless="gone")


def test_removed_message_stays_removed_in_any_order(messages: Messages) -> None:
    for number in range(10):
        message, gone = f"{MESSAGE}{number}", f"gone {number}"
        noted, forgotten = race(
            lambda message=message, gone=gone: messages.note(message, "it", NOON, unless=gone),  # type: ignore[misc]
            lambda message=message, gone=gone: messages.note(message, gone, NOON),  # type: ignore[misc]
        )
        assert isinstance(noted, bool)
        assert forgotten is True
        assert messages.shown(message) == gone


# DynamoDB only


def test_note_lives_as_long_as_the_response_url(table: RuntimeTable, tables: Tables) -> None:
    table.note(MESSAGE, "first", NOON)
    [item] = client_of(tables.runtime).scan(TableName=tables.runtime.Meta.table_name)["Items"]
    assert int(item["expires"]["N"]) == int((NOON + MESSAGE_KEPT).timestamp())
    assert timedelta(minutes=30) <= MESSAGE_KEPT


def test_note_is_read_consistently(table: RuntimeTable, local_aws: ListeningAws) -> None:
    table.shown(MESSAGE)
    [read] = local_aws.requests("GetItem")
    assert read["ConsistentRead"] is True


def test_notes_choices_and_counts_are_independent(table: RuntimeTable, dynamodb: Store) -> None:
    table.note(ANA.user_id, "first", NOON)
    table.remember(ANA, "sandbox", NOON)
    assert dynamodb.intake.take(an_entry("request-1"), 1)
    assert table.shown(ANA.user_id) == "first"
    assert table.recall(ANA) == "sandbox"


def test_note_recognizes_its_own_write_after_a_lost_answer(table: RuntimeTable, local_aws: ListeningAws) -> None:
    local_aws.inject("PutItem", Fault("InternalServerError", status=500, served=True))
    assert table.note(MESSAGE, "first", NOON, unless="gone")
    assert local_aws.calls.count("PutItem") == 2


USES: dict[str, tuple[str, Callable[[Messages], object]]] = {
    "note": ("PutItem", lambda messages: messages.note(MESSAGE, "first", NOON)),
    "note unless": ("PutItem", lambda messages: messages.note(MESSAGE, "first", NOON, unless="gone")),
    "shown": ("GetItem", lambda messages: messages.shown(MESSAGE)),
}


@pytest.fixture
def aws(local_aws: ListeningAws) -> Iterator[ListeningAws]:
    yield local_aws
    local_aws.clear_faults()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("AccessDeniedException"), Reason.STORE_REFUSED),
        (Fault(drop=True, times=None), Reason.STORE_UNREACHABLE),
    ],
    ids=["refused", "cut"],
)
def test_table_failure_is_an_error(
    table: RuntimeTable, aws: ListeningAws, use: str, fault: Fault, reason: Reason
) -> None:
    operation, job = USES[use]
    aws.inject(operation, fault)
    with pytest.raises(StoreError) as failed:
        job(table)
    assert failed.value.reason is reason
    aws.clear_faults()
    assert table.shown(MESSAGE) is None
