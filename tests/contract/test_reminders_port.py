"""Contract of ReminderStore, run on the fake and on DynamoDB's adapter."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bot.core.access import Member
from bot.core.reminders import EndNotice, Reminded, ReminderStore, Told, Usage, Used
from bot.store.models import Tables
from bot.store.reminders import ReminderTable
from tests.fakes import ANA, BEN, NOON, TEAM, race
from tests.fakes_reminders import FakeReminders

LATER = NOON + timedelta(minutes=15)


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> ReminderStore:
    if request.param == "fake":
        return FakeReminders()
    tables: Tables = request.getfixturevalue("tables")
    return ReminderTable(tables)


def test_one_caller_looks_until_the_next_time(store: ReminderStore) -> None:
    assert store.claim(TEAM, NOON, LATER)
    assert not store.claim(TEAM, NOON, LATER)
    assert not store.claim(TEAM, LATER - timedelta(seconds=1), LATER)
    assert store.claim(TEAM, LATER, LATER + timedelta(minutes=15))
    assert store.claim("T0OTHER", NOON, LATER)
    assert store.claim(f"{TEAM}#endings", NOON, LATER)
    assert not store.claim(f"{TEAM}#endings", NOON, LATER)


def test_clock_that_jumps_forth_and_back_blocks_no_look(store: ReminderStore) -> None:
    jumped = NOON + timedelta(days=7)
    assert store.claim(TEAM, jumped, jumped + timedelta(minutes=15))
    assert store.claim(TEAM, NOON, LATER)
    ahead = timedelta(minutes=5)  # another machine's clock
    assert not store.claim(TEAM, NOON - ahead, LATER - ahead)


def test_record_is_read_as_it_was_written(store: ReminderStore) -> None:
    assert store.read(ANA) == Reminded()
    told = {"d-one ana-lab JupyterLab default 1": Told(2, LATER, NOON), "d-one ana Canvas default 2": Told(1, NOON)}
    assert store.write(ANA, Reminded(told, NOON), NOON)
    found = store.read(ANA)
    assert (dict(found.apps), found.last_at) == (told, NOON)
    assert found.version
    assert store.read(BEN) == Reminded()


def test_older_version_writes_nothing(store: ReminderStore) -> None:
    assert store.write(ANA, Reminded(last_at=NOON), NOON)
    assert not store.write(ANA, Reminded(last_at=LATER), NOON)
    seen = store.read(ANA)
    assert store.write(ANA, seen, NOON)
    assert not store.write(ANA, seen, NOON)


def test_one_of_two_replicas_writes(store: ReminderStore) -> None:
    seen = store.read(ANA)
    assert sorted(map(bool, race(*[lambda: store.write(ANA, seen, NOON)] * 2))) == [False, True]


def test_usage_is_read_as_it_was_written(store: ReminderStore) -> None:
    assert store.usage(TEAM) == Usage()
    used = {"d-one": Used(12.5, 17.6, 0.25)}
    assert store.write_usage(TEAM, Usage(NOON, LATER, used), LATER)
    found = store.usage(TEAM)
    assert (found.since, found.at, dict(found.domains)) == (NOON, LATER, used)
    assert not store.write_usage(TEAM, Usage(NOON, LATER), LATER)
    assert store.write_usage(TEAM, found, LATER)
    assert store.usage("T0OTHER") == Usage()


def test_end_notice_is_read_as_it_was_written(store: ReminderStore) -> None:
    assert store.end_notices([ANA, BEN]) == {ANA: EndNotice(), BEN: EndNotice()}
    assert store.write_end_notice(ANA, EndNotice(LATER), NOON)
    found = store.end_notices([ANA, BEN])
    assert found == {ANA: EndNotice(LATER, version=found[ANA].version), BEN: EndNotice()}
    assert not store.write_end_notice(ANA, EndNotice(LATER, over=True), NOON)
    assert store.write_end_notice(ANA, replace(found[ANA], over=True), NOON)
    assert store.end_notices([ANA])[ANA].over
    assert store.read(ANA) == Reminded()
    assert store.end_notices([]) == {}


def test_one_of_two_replicas_writes_an_end_notice(store: ReminderStore) -> None:
    write = partial(store.write_end_notice, ANA, EndNotice(LATER), NOON)
    assert sorted(map(bool, race(write, write))) == [False, True]


def test_end_notices_of_many_are_read(store: ReminderStore) -> None:
    members = [Member(TEAM, f"U0MANY{number}") for number in range(101)]
    assert store.write_end_notice(members[-1], EndNotice(LATER), NOON)
    assert [member for member, notice in store.end_notices(members).items() if notice.until] == members[-1:]
