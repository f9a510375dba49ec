"""Matching of profiles and members: by tag or name, never guessed, refused if ambiguous."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.sync import Account, Profile, Row, Status, as_profile_name, match, usual_domains
from bot.core.values import MAX_NAME, NAME

ANA, BEN = Account("U0ANA", "ana.silva@example.com"), Account("U0BEN", "ben@example.com")


DOMAINS = frozenset({"example.com", "example.org", "x", "y", ""})


def of(status: Status, rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.status is status]


def matches(profiles: list[Profile], accounts: list[Account]) -> list[Row]:
    return of(Status.MATCHED, match(profiles, accounts, DOMAINS))


def test_match_prefers_the_tag_to_the_profile_name() -> None:
    tagged = Profile("d-x", "someone", email=" Ana.Silva@Example.COM")
    [matched] = matches([tagged], [ANA, BEN])
    assert (matched.members, matched.by) == (("U0ANA",), "tag email")


@pytest.mark.parametrize("name", ["ana-silva", "Ana-Silva"])
def test_match_without_a_tag_compares_name_and_address(name: str) -> None:
    [matched] = matches([Profile("d-x", name)], [ANA, BEN])
    assert (matched.members, matched.by) == (("U0ANA",), "name")


def test_match_ignores_the_name_if_the_tag_fits_nobody() -> None:
    profile = Profile("d-x", "ben", email="somebody@else.org")
    assert [row.profile for row in of(Status.NOBODY, match([profile], [ANA, BEN], DOMAINS))] == [profile]
    assert matches([Profile("d-x", "ben", email="")], [BEN, Account("U0NONE", "@")]) == []


def test_profile_matching_two_members_is_ambiguous() -> None:
    other = Account("U0BEN2", "ben@example.org")
    [refused] = of(Status.NOT_CLEAR, match([Profile("d-x", "ben")], [BEN, other], DOMAINS))
    assert refused.members == ("U0BEN", "U0BEN2")
    assert matches([Profile("d-x", "ben", email="ben@example.org")], [BEN, other])[0].members == ("U0BEN2",)


@pytest.mark.parametrize(
    "address",
    ["ben@example.net", "ben@mail.example.com", "ben@example.com.evil.net", "ben@example.com@evil.net", "ben@"],
)
@pytest.mark.parametrize("tag", [False, True])
def test_foreign_address_is_skipped_and_shown(address: str, *, tag: bool) -> None:
    eve = Account("U0EVE", address, "Eve")
    profile = Profile("d-x", "ben", email=address if tag else None)
    [row] = match([profile], [eve], frozenset({"example.com"}))
    assert (row.status, row.members, row.why) == (Status.SKIPPED, ("U0EVE",), "the address is outside example.com")


@pytest.mark.parametrize("local", ["_ana-silva", "ana.silva.", "ana..silva", "\u00e1ana-silva", "ana\u00a0silva"])
def test_address_that_resembles_a_name_is_not_proposed(local: str) -> None:
    eve = Account("U0EVE", f"{local}@example.com")
    [row] = match([Profile("d-x", "ana-silva")], [eve], DOMAINS)
    assert (row.status, row.members) == (Status.NOT_CLEAR, ("U0EVE",))


def test_guest_with_a_fitting_address_is_skipped_and_shown() -> None:
    guest = Account("U0GUEST", "cy@example.com", ineligible_reason="a guest")
    [row] = match([Profile("d-x", "cy")], [guest], DOMAINS)
    assert (row.status, row.why) == (Status.SKIPPED, "the account is no full member: a guest")
    old = Account("U0OLD", "ben@example.com", ineligible_reason="deactivated")
    assert matches([Profile("d-x", "ben")], [old, BEN])[0].members == ("U0BEN",)


def test_usual_domain_is_the_most_frequent_private_one() -> None:
    def usual(*addresses: str) -> set[str]:
        return set(usual_domains(Account(f"U0{n}", each) for n, each in enumerate(addresses)))

    assert usual("a@x.org", "b@X.org", "c@evil.net") == {"x.org"}
    assert usual("a@x.org", "b@evil.net") == set()
    assert usual("a@gmail.com", "b@gmail.com", "c@x.org") == set()
    assert usual() == set()
    guests = [Account(f"U0G{n}", "g@evil.net", ineligible_reason="a guest") for n in range(5)]
    assert usual_domains([*guests, ANA]) == {"example.com"}


def test_member_matching_two_profiles_of_a_domain_is_ambiguous() -> None:
    profiles = [Profile("d-x", "ben"), Profile("d-x", "b", email="ben@example.com"), Profile("d-y", "ben")]
    rows = match(profiles, [BEN], DOMAINS)
    assert [each.profile.name for each in of(Status.NOT_CLEAR, rows)] == ["b", "ben"]
    assert all("b, ben" in each.why for each in of(Status.NOT_CLEAR, rows))
    assert [each.profile.domain_id for each in of(Status.MATCHED, rows)] == ["d-y"]


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("ana@example.com", "ana"),
        ("Ana.Silva@example.com", "ana-silva"),
        ("ana_silva+test@example.com", "ana-silva-test"),
        ("..ana..@example.com", "ana"),
        ("o'brien@example.com", "o-brien"),
        ("jos\u00e9@example.com", "jos"),
        ("@example.com", ""),
        ("+@example.com", ""),
        ("x" * 80 + "@example.com", "x" * MAX_NAME),
        ("x" * 62 + ".y@example.com", "x" * 62),
    ],
)
def test_as_profile_name_converts_an_address(email: str, name: str) -> None:
    assert as_profile_name(email) == name


@given(st.text())
def test_as_profile_name_returns_valid_names_only(email: str) -> None:
    name = as_profile_name(email)
    assert name == "" or (NAME.fullmatch(name) and len(name) <= MAX_NAME)


emails = st.builds("{}@{}".format, st.sampled_from(["ana", "ben", "a.b", "a-b", "A_B", "cy"]), st.sampled_from("xy"))
accounts = st.lists(st.builds(Account, st.sampled_from(["U0A", "U0B", "U0C", "U0D"]), emails), max_size=6)
profiles = st.lists(
    st.builds(
        Profile,
        st.sampled_from(["d-x", "d-y"]),
        st.sampled_from(["ana", "Ben", "a-b", "cy", "nobody"]),
        email=st.none() | emails,
    ),
    max_size=8,
    unique_by=lambda profile: profile.key,
)


@given(profiles, accounts)
def test_every_profile_has_one_result_and_matches_are_unique(
    given_profiles: list[Profile], given_accounts: list[Account]
) -> None:
    rows = match(given_profiles, given_accounts, DOMAINS)

    assert sorted(row.profile.key for row in rows) == sorted(profile.key for profile in given_profiles)
    claims = [(each.profile.domain_id, each.members[0]) for each in of(Status.MATCHED, rows)]
    assert len(set(claims)) == len(claims)
    for each in of(Status.MATCHED, rows):
        fitting = {
            account.user_id
            for account in given_accounts
            if (
                account.email.lower() == each.profile.email.lower()
                if each.profile.email is not None
                else re.sub("[^a-z0-9]", "-", account.email.lower().partition("@")[0]) == each.profile.name.lower()
            )
        }
        assert fitting == set(each.members)


@given(profiles, accounts)
def test_match_ignores_the_order_of_its_input(given_profiles: list[Profile], given_accounts: list[Account]) -> None:
    before = match(given_profiles, given_accounts, DOMAINS)
    assert match(given_profiles[::-1], given_accounts[::-1], DOMAINS) == before
