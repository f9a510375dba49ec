"""Bulk import: compare with the store, refuse before writing, write."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.admin.bulk_import import AT_ONCE, Difference, Failure, Import
from bot.admin.changes import Admin
from bot.admin.history import batches
from bot.core import policy
from bot.core.access import Access, Effect, Grant, Mapping, Member, Workspace
from bot.core.errors import Changed, StoreError
from bot.core.link import Reason, Source
from bot.core.records import Actor, Entry
from tests.fakes import ANA, BEN, NOON, TEAM, AtOnce, Clock, FakeAccess, FakeAudit, FakeStudio, a_grant, a_mapping

ME = Actor("cli:arn:aws:iam::123456789012:user/me", Source.CLI)
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:user-profile/d-research/ana"


def a_rule(user: str, effect: Effect = Effect.ALLOW, reason: str = "") -> Grant:
    return Grant(user, effect, None, reason)


def a_new_mapping(alias: str = "default", profile: str = "ana") -> Mapping:
    return Mapping(alias, "d-research", profile)


@dataclass
class World:
    clock: Clock = field(default_factory=Clock)
    audit: FakeAudit = field(default_factory=FakeAudit)

    def __post_init__(self) -> None:
        self.access = FakeAccess(self.audit)
        admin = Admin(self.access, self.audit, FakeStudio(), policy.Rules(), now=self.clock.now)
        self.importing = Import(admin, TEAM, ME)

    def compare(self, target: dict[str, Access]) -> list[Difference | Failure]:
        return list(self.importing.compare(dict(target)))

    def run(self, target: dict[str, Access]) -> list[Difference | Failure]:
        found = [each for each in self.compare(target) if isinstance(each, Difference)]
        return list(self.importing.write(found, AtOnce()))

    @property
    def trail(self) -> list[Entry]:
        return list(self.audit.entries.values())


@pytest.fixture
def world() -> World:
    return World()


def test_rows_of_one_member_are_one_change_with_one_entry(world: World) -> None:
    rows = Access((a_new_mapping(), a_new_mapping("sandbox", "ana-2")), (a_rule(ANA.user_id, reason="Falcon"),))

    world.run({ANA.user_id: rows})

    stored = world.access.read(ANA)
    assert [mapping.alias for mapping in stored.mappings] == ["default", "sandbox"]
    records: list[Mapping | Grant] = [*stored.mappings, *stored.grants]
    assert {record.set_by for record in records} == {ME.name}
    [entry] = world.trail
    assert (entry.action, entry.outcome, entry.actor, entry.source) == ("import", "done", ME.name, Source.CLI)
    assert entry.before is None
    assert entry.after is not None
    assert set(entry.after) == {"mapping#default", "mapping#sandbox", "grant#allow"}


@pytest.mark.public(30)
def test_entries_of_one_import_belong_together(world: World) -> None:
    users = {f"U0{number}": Access(grants=(a_rule(f"U0{number}"),)) for number in range(5)}
    world.run(users)

    assert len(list(batches(world.trail))) == 1
    assert len({entry.id for entry in world.trail}) == 5
    world.importing = replace(world.importing, id="another")
    world.run({"U0X": Access(grants=(a_rule("U0X"),))})
    assert len(list(batches(world.trail))) == 2


def test_repeated_import_changes_nothing(world: World) -> None:
    rows = {ANA.user_id: Access((a_new_mapping(),), (a_rule(ANA.user_id),))}
    world.run(rows)
    world.clock.advance(60)

    [again] = world.compare(rows)

    assert isinstance(again, Difference)
    assert (again.added, len(again.before), again.unchanged) == (0, 0, 2)
    world.run(rows)
    assert len(world.trail) == 1


def test_import_keeps_records_missing_from_the_file(world: World) -> None:
    kept = a_mapping("kept", "ana-kept")
    world.access.give(ANA, kept, a_grant(), a_mapping("default", "ana-old"))

    [found] = world.compare({ANA.user_id: Access((a_new_mapping(),))})
    world.run({ANA.user_id: Access((a_new_mapping(),))})

    assert isinstance(found, Difference)
    assert (found.added, set(found.before)) == (0, {"mapping#default"})
    stored = world.access.read(ANA)
    assert kept in stored.mappings
    assert len(stored.grants) == 1
    assert world.trail[0].before is not None
    assert world.trail[0].before["mapping#default"]["profile_name"] == "ana-old"  # type: ignore[index] # a dictionary


def test_import_without_an_arn_keeps_the_known_one(world: World) -> None:
    world.access.give(ANA, replace(a_mapping("default", "Ana"), profile_arn=ARN))

    [same] = world.compare({ANA.user_id: Access((a_new_mapping("default", "Ana"),))})
    [other] = world.compare({ANA.user_id: Access((a_new_mapping("default", "other"),))})

    assert isinstance(same, Difference)
    assert isinstance(other, Difference)
    assert same.after == {}
    assert other.after["mapping#default"] == a_new_mapping("default", "other")


def test_compare_refuses_a_profile_held_outside_the_file(world: World) -> None:
    world.access.give(BEN, a_mapping("default", "ANA"))

    [found] = world.compare({ANA.user_id: Access((a_new_mapping(),))})

    assert isinstance(found, Failure)
    assert f"already mapped to {BEN.user_id}" in found.why


def test_import_moves_a_profile_between_members_of_the_file(world: World) -> None:
    world.access.give(BEN, a_mapping("default", "shared"))
    rows = {
        ANA.user_id: Access((a_new_mapping("default", "shared"),)),  # first in order, and has to wait
        BEN.user_id: Access((a_new_mapping("default", "own"),)),
    }

    assert not [each for each in world.compare(rows) if isinstance(each, Failure)]
    assert not [each for each in world.run(rows) if isinstance(each, Failure)]

    assert [mapping.profile_name for mapping in world.access.read(ANA).mappings] == ["shared"]
    assert [mapping.profile_name for mapping in world.access.read(BEN).mappings] == ["own"]


def people(number: int) -> list[Member]:
    return [Member(TEAM, f"U0{each:04}") for each in range(number)]


def passed_on(world: World, members: list[Member], *, by: int) -> dict[str, Access]:
    """Build members who each hold a profile and take that of a later one."""
    for number, member in enumerate(members):
        world.access.give(member, a_mapping("default", f"p{number}"))
    target = [Access((a_new_mapping("default", f"p{number + by}"),)) for number in range(len(members))]
    return {member.user_id: access for member, access in zip(members, target, strict=True)}


@pytest.mark.parametrize("by", [1, -1])
def test_import_moves_profiles_along_a_chain_of_members(world: World, by: int) -> None:
    members = people(20)
    rows = passed_on(world, members, by=by)
    rows[members[-1 if by > 0 else 0].user_id] = Access((a_new_mapping("default", "new"),))

    assert not [each for each in world.compare(rows) if isinstance(each, Failure)]
    assert not [each for each in world.run(rows) if isinstance(each, Failure)]

    for number, member in enumerate(members[1:-1], start=1):
        assert [mapping.profile_name for mapping in world.access.read(member).mappings] == [f"p{number + by}"]


@pytest.mark.parametrize("number", [2, 3])
def test_compare_refuses_profiles_moving_in_a_circle(world: World, number: int) -> None:
    members = people(number)
    rows = passed_on(world, members, by=1)
    rows[members[-1].user_id] = Access((a_new_mapping("default", "P0"),))

    failures = [each for each in world.compare(rows) if isinstance(each, Failure)]

    assert {failure.principal for failure in failures} == set(rows)
    assert all("unmap it there first" in failure.why for failure in failures)
    assert {each.principal for each in world.run(rows) if isinstance(each, Failure)} == set(
        rows
    )  # nor partly written


@pytest.mark.parametrize("theirs", [Access(grants=(a_rule(BEN.user_id),)), Access((a_new_mapping("other", "two"),))])
def test_compare_refuses_a_profile_kept_by_a_member_of_the_file(world: World, theirs: Access) -> None:
    world.access.give(BEN, a_mapping("default", "ana"))

    found = world.compare({ANA.user_id: Access((a_new_mapping(),)), BEN.user_id: theirs})

    [failure] = [each for each in found if isinstance(each, Failure)]
    assert failure.principal == ANA.user_id
    assert f"already mapped to {BEN.user_id}" in failure.why


@pytest.mark.parametrize("name", ["member", "mapping#default"])
def test_unreadable_record_is_not_overwritten(world: World, name: str) -> None:
    world.access.unreadable[ANA] = (name,)

    [found] = world.compare({ANA.user_id: Access((a_new_mapping(),))})

    assert isinstance(found, Failure)
    assert "cannot be read" in found.why


def test_compare_empties_its_input_and_keeps_the_order_of_ids(world: World) -> None:
    users = [f"U0{number:04}" for number in range(2 * AT_ONCE + 1)]
    target = {user: Access((), (a_rule(user),)) for user in reversed(users)}

    found = list(world.importing.compare(target))

    assert target == {}
    assert [each.principal for each in found] == users


def test_write_compares_again_after_a_concurrent_change(world: World) -> None:
    rows = {ANA.user_id: Access((a_new_mapping(),), (a_rule(ANA.user_id),))}
    found = [each for each in world.compare(rows) if isinstance(each, Difference)]
    meanwhile = a_mapping("meanwhile", "ana-3")
    world.access.give(ANA, meanwhile)

    [outcome] = world.importing.write(found, AtOnce())

    assert isinstance(outcome, Difference)
    assert meanwhile in world.access.read(ANA).mappings
    assert len(world.access.read(ANA).mappings) == 2


def test_write_reports_a_failure_and_continues(world: World) -> None:
    class Failing(FakeAccess):
        def put_records(self, member: Member, records: Any, *, seen: Access, entry: Entry, **more: Any) -> None:
            if member == ANA:
                raise StoreError("DynamoDB throttles us", reason=Reason.STORE_THROTTLED)
            super().put_records(member, records, seen=seen, entry=entry, **more)

    world.access = Failing(world.audit)
    world.importing = replace(world.importing, admin=replace(world.importing.admin, access=world.access))
    rows = {user: Access((), (a_rule(user),)) for user in (ANA.user_id, BEN.user_id)}

    outcomes = world.run(rows)

    assert [each.why for each in outcomes if isinstance(each, Failure)] == ["DynamoDB throttles us"]
    assert world.access.read(BEN).grants


def test_write_reports_a_member_that_keeps_changing(world: World) -> None:
    class Busy(FakeAccess):
        def put_records(self, *_: object, **__: object) -> None:
            raise Changed("somebody changed the same records meanwhile")

    world.access = Busy(world.audit)
    world.importing = replace(world.importing, admin=replace(world.importing.admin, access=world.access))

    [outcome] = world.run({ANA.user_id: Access((a_new_mapping(),))})

    assert outcome == Failure(ANA.user_id, "somebody changed the same records meanwhile")


def test_write_yields_each_parallel_change_once(world: World) -> None:
    rows = {user: Access((), (a_rule(user),)) for user in (f"U0{number:04}" for number in range(300))}
    found = [each for each in world.compare(rows) if isinstance(each, Difference)]

    def lazily() -> Iterator[Difference]:
        yield from found

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(world.importing.write(lazily(), pool))

    assert sorted(each.principal for each in outcomes) == sorted(rows)
    assert len(world.trail) == 300


@pytest.mark.parametrize(
    ("unreadable", "said"),
    [("workspace#S0TEAM#allow", "cannot be read: .*forget S0TEAM"), ("workspace", "studio-links lockdown on")],
)
def test_compare_refuses_an_unreadable_group_rule(world: World, unreadable: str, said: str) -> None:
    world.access.workspaces[TEAM] = Workspace(unreadable=(unreadable,), version=3)

    [failure] = world.compare({"S0TEAM": Access((), (a_rule("S0TEAM"),))})

    assert isinstance(failure, Failure)
    assert re.search(said, failure.why)


def test_compare_ignores_another_groups_unreadable_rule(world: World) -> None:
    world.access.workspaces[TEAM] = Workspace(unreadable=("workspace#S0OTHER#allow",), version=3)
    assert isinstance(world.compare({"S0TEAM": Access((), (a_rule("S0TEAM"),))})[0], Difference)


def test_different_end_is_a_change(world: World) -> None:
    world.access.give(ANA, a_grant(until=NOON))
    grant = Grant(ANA.user_id, Effect.ALLOW, NOON + timedelta(days=1), a_grant().reason)

    [found] = world.compare({ANA.user_id: Access((), (grant,))})

    assert isinstance(found, Difference)
    assert (set(found.before), set(found.after)) == ({"grant#allow"}, {"grant#allow"})


def test_group_rules_are_written_separately_and_read_back(world: World) -> None:
    rows = {f"S0{number}": Access((), (a_rule(f"S0{number}"), a_rule(f"S0{number}", Effect.DENY))) for number in "AB"}

    assert not [each for each in world.run(rows) if isinstance(each, Failure)]

    assert len(world.importing.admin.access.workspace(TEAM).grants) == 4
    again = world.compare(rows)
    assert [each.unchanged for each in again if isinstance(each, Difference)] == [2, 2]
