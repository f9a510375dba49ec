"""What sync proposes, and what it only tells of."""

from bot.admin.matching import Account, Profile
from bot.admin.sync import Plan, plan
from bot.core.access import Access, Mapping

ANA, BEN = Account("U0ANA", "ana@example.com"), Account("U0BEN", "ben@example.com")
ACTIVE = frozenset({"U0ANA", "U0BEN", "U0QUIET"})


def planned(*profiles: Profile, stored: dict[str, Access] | None = None, searched: str = "d-one d-two") -> Plan:
    return plan(profiles, [ANA, BEN], ACTIVE, stored or {}, frozenset(searched.split()))


def test_a_match_becomes_a_mapping_with_all_that_is_known() -> None:
    profile = Profile("d-one", "Ana", arn="arn:x", region="eu-west-1", role_arn="arn:aws:iam::123456789012:role/b")
    wanted = Mapping("default", "d-one", "Ana", "eu-west-1", profile.role_arn, profile_arn="arn:x")
    assert planned(profile).propose == {"U0ANA": Access((wanted,))}


def test_a_second_domain_gets_a_name_of_its_own() -> None:
    proposed = planned(Profile("d-one", "ana"), Profile("d-two", "ana")).propose["U0ANA"]
    assert [mapping.alias for mapping in proposed.mappings] == ["default", "two"]


def test_nothing_that_is_stored_is_replaced() -> None:
    stored = {"U0ANA": Access((Mapping("default", "d-other", "x"), Mapping("one", "d-other", "y")))}
    found = planned(Profile("d-one", "ana"), stored=stored)
    assert found.propose == {}
    assert found.refused[0].candidates == ("U0ANA",)


def test_a_profile_that_its_member_has_is_counted_and_one_that_another_has_is_told() -> None:
    stored = {"U0ANA": Access((Mapping("default", "d-one", "ANA"), Mapping("b", "d-one", "ben")))}
    found = planned(Profile("d-one", "ana"), Profile("d-one", "ben"), stored=stored)
    assert (found.propose, found.mapped) == ({}, 1)
    assert [(taken.match.user_id, taken.holder) for taken in found.taken] == [("U0BEN", "U0ANA")]


def test_mappings_whose_profile_or_member_is_gone_are_told() -> None:
    stored = {
        "U0ANA": Access((Mapping("default", "d-one", "gone"), Mapping("else", "d-elsewhere", "unknown"))),
        "U0GHOST": Access((Mapping("default", "d-elsewhere", "ghost"),)),
        "U0QUIET": Access((Mapping("default", "d-two", "there"),)),
    }
    found = planned(Profile("d-two", "There"), stored=stored)
    assert [(gone.user_id, gone.mapping.profile_name) for gone in found.gone] == [
        ("U0ANA", "gone"),
        ("U0GHOST", "ghost"),
    ]
