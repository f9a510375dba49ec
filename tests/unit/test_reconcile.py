"""What AWS has and nobody holds."""

from datetime import timedelta

import pytest

from bot.admin.sync import Profile
from bot.core.access import Access, Effect
from bot.core.apps import App, AppName, AppStatus, Inventory, Space
from bot.workspaces.reconcile import BLOCKED, GONE, NOBODY, Leftover, leftovers
from tests.fakes import ANA, BEN, NOON, a_grant, a_mapping

DOMAIN = "d-research"
PROFILES = [Profile(DOMAIN, name) for name in ("ana", "ben", "cy")]
SPACES = tuple(Space(f"{owner or 'x'}-lab", owner, shared=not owner) for owner in ("ana", "BEN", "cy", ""))
APPS = tuple(
    App(AppName("JupyterLab", "x", f"{owner or 'x'}-lab"), owner, AppStatus.IN_SERVICE)
    for owner in ("ana", "ben", "cy", "")
)
INVENTORY = {DOMAIN: Inventory(APPS, SPACES)}
STORED = {
    ANA.user_id: Access(mappings=(a_mapping(),)),
    BEN.user_id: Access(mappings=(a_mapping(profile="Ben"),)),
}
BOTH = {ANA.user_id, BEN.user_id}


def found(stored: dict[str, Access] = STORED, active: set[str] = BOTH) -> list[Leftover]:
    return leftovers(PROFILES, INVENTORY, stored, active, NOON)


def test_what_nobody_is_mapped_to_is_listed_once() -> None:
    expected = [("profile", "cy"), ("space", "cy-lab"), ("app", "JupyterLab x in cy-lab")]
    assert [(each.kind, each.name) for each in found()] == expected
    assert {(each.user, each.why) for each in found()} == {(None, NOBODY)}


def test_space_and_app_of_a_member_who_is_gone_are_listed() -> None:
    of_ben = [each for each in found(active={ANA.user_id}) if each.user == BEN.user_id]
    assert [(each.kind, each.why) for each in of_ben] == [("space", GONE), ("app", GONE)]


@pytest.mark.parametrize(
    ("until", "listed"), [(None, True), (timedelta(hours=1), True), (timedelta(hours=-1), False)]
)
def test_space_and_app_of_a_blocked_member_are_listed(until: timedelta | None, *, listed: bool) -> None:
    rule = a_grant(BEN, Effect.DENY, until=None if until is None else NOON + until)
    of_ben = [
        each for each in found({**STORED, BEN.user_id: Access((a_mapping(profile="ben"),), (rule,))}) if each.user
    ]
    assert [(each.kind, each.why) for each in of_ben] == ([("space", BLOCKED), ("app", BLOCKED)] if listed else [])


def test_domain_that_could_not_be_read_says_nothing_of_its_spaces() -> None:
    assert [each.kind for each in leftovers(PROFILES, {}, STORED, BOTH, NOON)] == ["profile"]
