"""What the doctor makes of what it sees; each fault is found for real in tests/scenario/test_doctor.py."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.app.doctor import SAMPLE, Finding, Level, clock, domain, sample, scopes, team
from bot.aws.account import Identity, Place, clock_ahead
from bot.core.access import Mapping
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.slack import manifest

NEEDED = frozenset(manifest.SCOPES)


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_the_scopes_of_the_manifest_are_enough() -> None:
    assert levels(list(scopes(NEEDED))) == [Level.OK]


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_a_missing_scope_is_named_with_what_it_is_for(missing: str) -> None:
    [found] = scopes(NEEDED - {missing})
    assert (found.level, found.check) == (Level.FAIL, f"Slack scope {missing}")
    assert manifest.SCOPES[missing] in found.why
    assert "reinstall" in found.mend


def test_scopes_that_nothing_needs_are_a_warning() -> None:
    assert levels(list(scopes(NEEDED | {"files:read"}))) == [Level.OK, Level.WARN]


def test_scopes_of_which_slack_says_nothing_are_not_called_missing() -> None:
    assert levels(list(scopes(frozenset()))) == [Level.WARN]


@pytest.mark.parametrize(
    ("enterprise", "teams", "level"),
    [
        (None, (), Level.OK),
        (None, ("T1", "T2"), Level.OK),
        ("E1", ("E1",), Level.OK),
        (None, ("T2",), Level.FAIL),
        ("E1", ("E2", "T2"), Level.FAIL),
    ],
)
def test_the_tokens_team_is_among_those_admitted_or_nobody_is(
    enterprise: str | None, teams: tuple[str, ...], level: Level
) -> None:
    assert team("T1", enterprise, teams).level is level


@pytest.mark.parametrize(
    ("seconds", "level", "words"),
    [
        (0, Level.OK, "agrees"),
        (-5, Level.OK, "agrees"),
        (6, Level.WARN, "6 s ahead of"),
        (-30, Level.WARN, "30 s behind"),
        (240, Level.FAIL, "240 s ahead of"),
        (-9000, Level.FAIL, "9000 s behind"),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(seconds: int, level: Level, words: str) -> None:
    found = clock(timedelta(seconds=seconds))
    assert found.level is level
    assert words in found.found


def test_a_clock_of_whole_seconds_read_in_between_agrees() -> None:
    before = datetime(2030, 1, 1, 12, 0, 0, 900_000, UTC)
    told, after = before.replace(microsecond=0), before + timedelta(seconds=2)
    assert clock_ahead(before, told, after) == timedelta()
    assert clock_ahead(before, told + timedelta(seconds=2), after) == timedelta()
    assert clock_ahead(before, told - timedelta(seconds=9), after) == timedelta(seconds=9, milliseconds=900)
    assert clock_ahead(before, told + timedelta(seconds=9), after) < timedelta(seconds=-8)


def test_the_role_behind_a_session_is_told() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/studio-links/i-0123"
    user = "arn:aws:iam::123456789012:user/ada"
    assert Identity(session, timedelta()).role_arn == "arn:aws:iam::123456789012:role/studio-links"
    assert Identity(user, timedelta()).role_arn == user


PLACE = Place("d-x", "eu-west-1")


@pytest.mark.parametrize(
    ("errors", "level"),
    [
        ([], Level.OK),
        ([StudioError("no profile: make one", reason=Reason.PROFILE_MISSING)], Level.OK),
        ([StudioError("it is SSO: use its address", reason=Reason.DOMAIN_SSO)], Level.FAIL),
        (
            [StudioError("AWS throttles us: wait", reason=Reason.AWS_THROTTLED)],
            Level.FAIL,
        ),
    ],
)
def test_a_domain_is_as_its_mappings_tell(errors: list[StudioError], level: Level) -> None:
    assert domain(PLACE, errors).level is level


def test_a_sample_is_spread_evenly_and_has_every_domain() -> None:
    many = [Mapping("default", "d-many", f"p-{number}") for number in range(5000)]
    rare = Mapping("default", "d-rare", "p")
    looked_at = sample([*many[:2501], rare, *many[2501:]])
    assert SAMPLE <= len(looked_at) <= SAMPLE + 2
    assert rare in looked_at
    assert len({mapping.profile_name for mapping in looked_at}) == len(looked_at)
    assert looked_at[0] == many[0]
    assert looked_at[-1] in many[-26:]
    assert sample(many[:SAMPLE]) == many[:SAMPLE]
