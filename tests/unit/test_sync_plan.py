"""The plan of `sync`: what it proposes, and what it only reports."""

from bot.admin.sync import Account, Profile, Row, Status, plan
from bot.core.access import Access, Mapping

ANA, BEN = Account("U0ANA", "ana@example.com"), Account("U0BEN", "ben@example.com")
ACTIVE = frozenset({"U0ANA", "U0BEN", "U0QUIET"})


def planned(*profiles: Profile, stored: dict[str, Access] | None = None, searched: str = "d-one d-two") -> list[Row]:
    return plan(
        profiles, [ANA, BEN], ACTIVE, stored or {}, frozenset(searched.split()), domains=frozenset({"example.com"})
    )


def of(status: Status, rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.status is status]


def proposed(rows: list[Row]) -> list[tuple[str, Mapping | None]]:
    return [(row.members[0], row.mapping) for row in of(Status.MAP, rows)]


def test_match_becomes_a_complete_mapping() -> None:
    profile = Profile("d-one", "Ana", arn="arn:x", region="eu-west-1", role_arn="arn:aws:iam::123456789012:role/b")
    wanted = Mapping("default", "d-one", "Ana", "eu-west-1", profile.role_arn, profile_arn="arn:x")
    assert proposed(planned(profile)) == [("U0ANA", wanted)]


def test_second_domain_gets_its_own_alias() -> None:
    found = proposed(planned(Profile("d-one", "ana"), Profile("d-two", "ana")))
    assert [(user, mapping and mapping.alias) for user, mapping in found] == [("U0ANA", "default"), ("U0ANA", "two")]


def test_plan_replaces_nothing_stored() -> None:
    stored = {"U0ANA": Access((Mapping("default", "d-other", "x"), Mapping("one", "d-other", "y")))}
    found = planned(Profile("d-one", "ana"), stored=stored)
    assert proposed(found) == []
    assert of(Status.NOT_CLEAR, found)[0].members == ("U0ANA",)


def test_plan_counts_mapped_profiles_and_reports_conflicts() -> None:
    stored = {"U0ANA": Access((Mapping("default", "d-one", "ANA"), Mapping("b", "d-one", "ben")))}
    found = planned(Profile("d-one", "ana"), Profile("d-one", "ben"), stored=stored)
    assert (proposed(found), len(of(Status.MAPPED, found))) == ([], 1)
    assert [taken.members for taken in of(Status.CONFLICT, found)] == [("U0BEN", "U0ANA")]


def test_plan_reports_mappings_without_profile_or_member() -> None:
    stored = {
        "U0ANA": Access((Mapping("default", "d-one", "gone"), Mapping("else", "d-elsewhere", "unknown"))),
        "U0GHOST": Access((Mapping("default", "d-elsewhere", "ghost"),)),
        "U0QUIET": Access((Mapping("default", "d-two", "there"),)),
    }
    found = planned(Profile("d-two", "There"), stored=stored)
    assert [(gone.members[0], gone.profile.name) for gone in of(Status.ORPHAN, found)] == [
        ("U0ANA", "gone"),
        ("U0GHOST", "ghost"),
    ]
