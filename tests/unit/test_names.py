"""Members by e-mail address and @name: one full member, or a refusal with the candidates."""

import pytest

from bot.admin.history import matches
from bot.admin.names import MAX_CANDIDATES, NameProblem, UnclearName, actor, find, label
from bot.core.access import DEACTIVATED, Person
from tests.fakes import an_entry

TEAM = "T0HOME0001"


def account(user_id: str, handle: str = "", **more: object) -> Person:
    return Person(user_id, TEAM, **({"handle": handle, "email": f"{handle}@example.com"} | more))  # type: ignore[arg-type]


ANA, BEN = account("U0ANA", "ana", name="Ana Lima"), account("U0BEN", "ben", name="Ben")


@pytest.mark.parametrize("text", ["@ana", "@Ana", "ana@example.com", "ANA@Example.com", "@\uff41na"])
def test_name_of_one_full_member_is_found(text: str) -> None:
    assert find(text, [BEN, ANA], TEAM) is ANA


@pytest.mark.parametrize("text", ["@eve", "eve@example.com", "@", "@ana lima", "ana lima"])
def test_name_of_nobody_is_refused(text: str) -> None:
    with pytest.raises(UnclearName) as caught:
        find(text, [BEN, account("U0MAX", "max"), account("U0NONE", name="Ana")], TEAM)
    assert (caught.value.problem, caught.value.candidates) == (NameProblem.NOBODY, ())


@pytest.mark.parametrize("taken", [{"display_name": "ana"}, {"name": "ANA"}, {"display_name": "ana", "guest": True}])
def test_display_name_of_another_makes_a_handle_unclear(taken: dict[str, object]) -> None:
    """Somebody who takes another member's name as a display name is never meant by mistake."""
    eve = account("U0EVE", "eve", **taken)
    with pytest.raises(UnclearName, match=r"U0ANA Ana Lima <ana@example.com>; U0EVE") as caught:
        find("@ana", [ANA, eve], TEAM)
    assert (caught.value.problem, caught.value.candidates) == (NameProblem.SEVERAL, (ANA, eve))


def test_display_name_alone_finds_nobody() -> None:
    with pytest.raises(UnclearName) as caught:
        find("@boss", [account("U0EVE", "eve", display_name="boss")], TEAM)
    assert caught.value.problem is NameProblem.SEVERAL


def test_deactivated_namesake_makes_nothing_unclear() -> None:
    left = account("U0LEFT", "ana.old", display_name="ana", ineligible_reason=DEACTIVATED)
    assert find("@ana", [left, ANA], TEAM) is ANA


def test_address_that_slack_has_for_another_finds_nobody() -> None:
    with pytest.raises(UnclearName) as caught:
        find("ana@example.com", [BEN], TEAM)
    assert caught.value.problem is NameProblem.NOBODY


@pytest.mark.parametrize(
    "odd", [{"guest": True}, {"ineligible_reason": "a bot"}, {"team_id": "T0OTHER"}, {"ineligible_reason": "?"}]
)
def test_guest_bot_or_stranger_is_refused_by_name(odd: dict[str, object]) -> None:
    fields = {"user_id": "U0EVE", "team_id": TEAM, "handle": "eve", "email": "eve@example.com"} | odd
    with pytest.raises(UnclearName, match="U0EVE") as caught:
        find("eve@example.com", [Person(**fields)], TEAM)  # type: ignore[arg-type]
    assert caught.value.problem is NameProblem.NO_MEMBER


def test_refusal_names_a_few_candidates() -> None:
    many = tuple(account(f"U0EVE{number}", f"eve{number}", display_name="ana") for number in range(9))
    with pytest.raises(UnclearName) as caught:
        find("@ana", many, TEAM)
    assert str(caught.value).count("U0EVE") == MAX_CANDIDATES
    assert "…" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ana Lima", "Ana Lima <eve@example.com>"),
        ("Ana <ana@example.com>", "Ana anaexample.com <eve@example.com>"),
        ("Ben (U0ANA)", "Ben U0ANA <eve@example.com>"),
        ("A\nna\u202e", "A na <eve@example.com>"),
        ("x" * 99, f"{'x' * 60}… <eve@example.com>"),
        ("", "<eve@example.com>"),
    ],
)
def test_name_looks_like_no_address_of_another(name: str, shown: str) -> None:
    assert label(account("U0EVE", "eve", name=name)) == shown


def test_author_by_address_is_found_in_slack_and_in_the_shell() -> None:
    by = actor("ada@example.com", lambda _: "U0ADA")
    shell = "cli:arn:aws:sts::123456789012:assumed-role/Admins/ada@example.com"
    assert [matches(an_entry(name, actor=name), by, None) for name in ("U0ADA", shell, "U0ADAX")] == [
        True,
        True,
        False,
    ]


def test_author_by_an_address_that_slack_does_not_know_is_part_of_a_caller() -> None:
    def nobody(name: str) -> str:
        raise UnclearName(NameProblem.NOBODY, name)

    assert actor("ci@example.com", nobody) == "ci@example.com"
    assert actor("Admins/ada@example.com", nobody) == "Admins/ada@example.com"
    with pytest.raises(UnclearName):
        actor("@ci", nobody)


def test_history_is_filtered_by_approver_and_domain() -> None:
    """Whether they pressed Approve, or agreed to a change as the second administrator."""
    pressed = an_entry("1", actor="U0BEA", action="decide", outcome="approved")
    agreed = an_entry("2", actor="U0ADA", action="map", outcome="done", detail="approved by U0BEA", domain_id="d-a")
    moved = an_entry("3", actor="U0BEA", action="import", before={"mapping#x": {"domain_id": "d-a"}})
    entries = [pressed, agreed, moved]
    assert [entry.id for entry in entries if matches(entry, approver="U0BEA")] == ["1", "2"]
    assert [entry.id for entry in entries if matches(entry, approver="U0ADA")] == []
    assert [entry.id for entry in entries if matches(entry, domain="d-a")] == ["2", "3"]
    assert [entry.id for entry in entries if matches(entry, approver="U0BEA", domain="d-a")] == ["2"]
