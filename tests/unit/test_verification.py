"""Seals and their verification on thousands of entries, and as properties."""

import copy
import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.admin.verification import Break, Verification, Witness
from bot.core.seals import GRACE, INTERVAL, MAX_PAGE, Seal, parse_seal, read_page, stamp, write_pages
from bot.store.digests import BESIDE, digest, record_of
from tests.fakes import NOON, TEAM
from tests.fakes_seals import AuditItems, SealsInMemory

END = NOON + INTERVAL
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.one_of(
    st.builds(lambda value: {"S": value}, TEXT),
    st.builds(lambda value: {"N": str(value)}, st.integers()),
    st.builds(lambda value: {"BOOL": value}, st.booleans()),
    st.builds(lambda value: {"M": {"x": {"S": value}}}, TEXT),
)
NAMES = st.sampled_from(
    ["attempt", "at", "member", "day", "actor", "door", "action", "outcome", "alias", "rule", "detail", "new"]
)


def an_item(number: int) -> Any:
    texts = {
        "id": f"request-{number}",
        "attempt": f"attempt-{number}",
        "at": stamp(NOON + number * timedelta(milliseconds=80)),
        "member": f"{TEAM}#U0ANA{number:05}",
        "day": f"{TEAM}#{NOON:%Y-%m-%d}",
        "actor": f"U0ANA{number:05}",
        "door": "command",
        "action": "link",
        "outcome": "issued",
        "salt": f"{number:032}",
    }
    return {name: {"S": value} for name, value in texts.items()} | {"expires": {"N": "9000000000"}}


def sealed(count: int) -> tuple[AuditItems, SealsInMemory]:
    """Return a table with so many entries, all sealed."""
    items = AuditItems()
    for number in range(count):
        items.put_item(Item=an_item(number))
    seals = SealsInMemory(items)
    seals.seal(TEAM, END + GRACE)
    return items, seals


def breaks(seals: SealsInMemory) -> list[Break]:
    run = Verification(seals, TEAM, END + GRACE, witness=Witness(), days=400)
    return run.run(stamp(NOON - timedelta(days=1)), stamp(NOON + timedelta(days=1)))


def test_ten_thousand_entries_are_sealed_and_verified() -> None:
    items, seals = sealed(10_000)
    [(_, text)] = seals.seals(TEAM, "0")
    seal = parse_seal(text)
    assert seal is not None
    assert seal.count == 10_000
    sizes = [len(seals.page(TEAM, page)) for page in seal.pages]
    assert len(sizes) > 5
    assert max(sizes) <= MAX_PAGE
    assert len(text) < 4096
    assert breaks(seals) == []
    items.items["request-5000"]["outcome"] = {"S": "denied"}
    del items.items["request-7000"]
    assert [(each.id, each.what) for each in breaks(seals)] == [
        ("request-5000", "changed"),
        ("request-7000", "missing"),
    ]


@settings(deadline=None, max_examples=200)
@given(victim=st.integers(0, 4), name=NAMES, value=VALUES)
def test_any_change_of_any_sealed_entry_is_named(victim: int, name: str, value: Any) -> None:
    items, seals = sealed(5)
    entry = items.items[f"request-{victim}"]
    before = copy.deepcopy(entry)
    if name in ("day", "at") and "S" not in value:
        return  # DynamoDB takes only text as a key of an index
    entry[name] = value
    named = [each.id for each in breaks(seals)]
    assert named == ([] if entry == before else [f"request-{victim}"])


@settings(deadline=None)
@given(victim=st.integers(0, 4), name=NAMES)
def test_any_removed_attribute_of_a_sealed_entry_is_named(victim: int, name: str) -> None:
    items, seals = sealed(5)
    there = items.items[f"request-{victim}"].pop(name, None)
    assert [each.id for each in breaks(seals)] == ([f"request-{victim}"] if there else [])


@settings(deadline=None)
@given(victims=st.sets(st.integers(0, 9), max_size=10))
def test_all_removed_entries_are_named_in_their_order(victims: set[int]) -> None:
    items, seals = sealed(10)
    for number in victims:
        del items.items[f"request-{number}"]
    assert [(each.id, each.what) for each in breaks(seals)] == [
        (f"request-{number}", "missing") for number in sorted(victims)
    ]


@settings(deadline=None)
@given(milliseconds=st.integers(0, 899_999), entry_id=TEXT.filter(bool))
def test_any_entry_added_to_a_sealed_time_is_named(milliseconds: int, entry_id: str) -> None:
    items, seals = sealed(3)
    forged = an_item(0) | {"id": {"S": f"+{entry_id}"}}
    forged["at"] = {"S": stamp(NOON + timedelta(milliseconds=milliseconds))}
    items.put_item(Item=forged)
    assert [(each.id, each.what) for each in breaks(seals)] == [(f"+{entry_id}", "added")]


def test_what_may_change_later_is_not_in_the_digest() -> None:
    item = an_item(1)
    later = item | {"opened_at": {"S": stamp(END)}, "expires": {"N": "1"}}
    assert digest(later) == digest(item)
    assert {"opened_at", "expires"} <= BESIDE


def test_record_of_an_item_with_odd_attributes() -> None:
    odd: Any = {"id": {"S": "x"}, "at": {"S": "now"}, "expires": {"S": "never"}, "salt": {"N": "5"}}
    assert (record_of(odd).expires, record_of(odd).digest) == (None, digest(odd))


@given(ids=st.lists(TEXT, max_size=5))
def test_page_round_trips(ids: list[str]) -> None:
    records = [record_of({"id": {"S": each}, "at": {"S": "t"}}) for each in ids]
    read = [each for text, _ in write_pages(records) for each in read_page(text) or []]
    assert [each.id for each in read] == ids


def test_long_ids_do_not_make_a_page_too_long() -> None:
    records = [record_of({"id": {"S": "\u20ac" * 600 + str(number)}, "at": {"S": "t"}}) for number in range(200)]
    pages = [text for text, _ in write_pages(records)]
    assert len(pages) > 1
    assert all(len(text) <= MAX_PAGE for text in pages)


SEAL = Seal(TEAM, 1, stamp(NOON), stamp(END), 0, (), 5)


def test_seal_round_trips() -> None:
    assert parse_seal(SEAL.text) == SEAL


def test_text_that_no_bot_wrote_is_no_seal() -> None:
    values = json.loads(SEAL.text)
    changes: dict[str, list[Any]] = {
        "number": ["1", True],
        "until": [None],
        "pages": [[1], "ab"],
        "begin": ["noon"],
        "new": [1],
    }
    forged = [values | {name: value} for name, wrong in changes.items() for value in wrong]
    texts = ["", "{", "[]", "5", json.dumps(values), *map(json.dumps, forged)]
    assert [parse_seal(text) for text in texts] == [None] * len(texts)


def test_page_that_no_bot_wrote_is_no_page() -> None:
    assert [read_page(text) for text in ("", "5", "[1, 2]", "{}")] == [None] * 4
