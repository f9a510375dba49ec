"""The doctor's judgement of single checks; tests/scenario/test_doctor.py produces each fault."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
import urllib3

from bot.app.bot import _require_admitted
from bot.app.findings import SAMPLE, Finding, Level, Mapped, clock, domain, sample, scopes, services, team
from bot.aws.account import Identity, Place, clock_ahead
from bot.cli import doctor_findings
from bot.config import HttpSettings
from bot.core.access import Mapping
from bot.core.errors import ConfigError, StudioError
from bot.core.link import Reason
from bot.slack import manifest
from bot.slack.tenants import admits_anybody

NEEDED = frozenset(manifest.scopes())


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_scopes_of_the_manifest_pass() -> None:
    assert levels(list(scopes(NEEDED))) == [Level.OK]


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_scopes_missing_one_names_it_and_its_purpose(missing: str) -> None:
    [found] = scopes(NEEDED - {missing})
    assert (found.level, found.check) == (Level.FAIL, f"Slack scope {missing}")
    assert manifest.scopes()[missing] in found.why
    assert "reinstall" in found.fix


def test_scopes_beyond_the_manifest_warn() -> None:
    assert levels(list(scopes(NEEDED | {"files:read"}))) == [Level.OK, Level.WARN]


def test_scopes_unknown_to_slack_warn() -> None:
    assert levels(list(scopes(frozenset()))) == [Level.WARN]


@pytest.mark.parametrize(
    ("enterprise", "teams", "level"),
    [
        (None, (), Level.OK),
        (None, ("T1", "T2"), Level.OK),
        ("E1", ("E1",), Level.OK),
        (None, ("T2",), Level.FAIL),
        ("E1", ("E2",), Level.FAIL),
        ("E1", ("E2", "T2"), Level.WARN),
    ],
)
def test_team_must_be_admitted(enterprise: str | None, teams: tuple[str, ...], level: Level) -> None:
    assert team("T1", enterprise, teams).level is level
    assert admits_anybody("T1", enterprise, frozenset(teams)) is (level is not Level.FAIL)


def test_doctor_and_serve_word_a_foreign_team_alike() -> None:
    with pytest.raises(ConfigError) as refused:
        _require_admitted("T1", None, frozenset({"T2"}))
    found = team("T1", None, ("T2",))
    assert str(refused.value) == f"{found.found}: {found.fix}"


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
def test_clock_offset_is_reported_with_its_size(seconds: int, level: Level, words: str) -> None:
    found = clock(timedelta(seconds=seconds))
    assert found.level is level
    assert words in found.found


def test_clock_ahead_ignores_aws_rounding_to_seconds() -> None:
    before = datetime(2030, 1, 1, 12, 0, 0, 900_000, UTC)
    shown, after = before.replace(microsecond=0), before + timedelta(seconds=2)
    assert clock_ahead(before, shown, after) == timedelta()
    assert clock_ahead(before, shown + timedelta(seconds=2), after) == timedelta()
    assert clock_ahead(before, shown - timedelta(seconds=9), after) == timedelta(seconds=9, milliseconds=900)
    assert clock_ahead(before, shown + timedelta(seconds=9), after) < timedelta(seconds=-8)


def test_identity_names_the_role_of_a_session() -> None:
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
def test_domain_level_follows_its_mappings_errors(errors: list[StudioError], level: Level) -> None:
    assert domain(PLACE, errors).level is level


def test_sample_is_spread_evenly_and_has_every_domain() -> None:
    many = [Mapped("U0", Mapping("default", "d-many", f"p-{number}")) for number in range(5000)]
    rare = Mapped("U0", Mapping("default", "d-rare", "p"))
    checked = sample([*many[:2501], rare, *many[2501:]])
    assert SAMPLE <= len(checked) <= SAMPLE + 2
    assert rare in checked
    assert len({each.mapping.profile_name for each in checked}) == len(checked)
    assert checked[0] == many[0]
    assert checked[-1] in many[-26:]
    assert sample(many[:SAMPLE]) == many[:SAMPLE]


# The live acceptance run


@pytest.mark.parametrize(
    ("addresses", "level"),
    [
        (["https://slack.com/api/", "https://sts.eu-west-1.amazonaws.com"], Level.OK),
        (["https://slack.com/api/", "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com"], Level.OK),
        (["http://127.0.0.1:3001/api/", "https://sts.eu-west-1.amazonaws.com"], Level.FAIL),
        (["https://slack.com/api/", "http://localhost:4566"], Level.FAIL),
    ],
)
def test_live_run_needs_the_real_services(addresses: list[str], level: Level) -> None:
    found = services(addresses)
    assert (found.level, found.found) == (level, ", ".join(addresses))


# The signed request to a running bot


def load_over_http(monkeypatch: pytest.MonkeyPatch, *, secret: str) -> HttpSettings | ConfigError:
    variables = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": secret, "AWS_REGION": "eu-west-1"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return doctor_findings._over_http()


@pytest.mark.public(11)
@pytest.mark.parametrize(
    ("status", "text", "level", "words"),
    [
        (200, '{"challenge": "doctor"}', Level.OK, "accepts what it signs"),
        (200, "<html>Welcome!</html>", Level.FAIL, "did not reach the bot (200)"),
        (404, "there is nothing here\n", Level.OK, "as over Socket Mode"),
        (404, "<html>nginx</html>", Level.FAIL, "did not reach the bot (404)"),
        (502, "bad gateway", Level.FAIL, "did not reach the bot (502)"),
        (401, "the signature does not match SLACK_SIGNING_SECRET\n", Level.FAIL, "refused a request"),
    ],
)
def test_answer_to_the_signed_request_is_the_bots_own(
    monkeypatch: pytest.MonkeyPatch, status: int, text: str, level: Level, words: str
) -> None:
    over_http = load_over_http(monkeypatch, secret="8f14e45fceea167a5a36dedd4bea2543")
    answer = urllib3.HTTPResponse(body=text.encode(), status=status)
    monkeypatch.setattr(doctor_findings, "_http", lambda *_, **__: answer)
    found = doctor_findings._signed("https://bot.example.com/slack/events", over_http)
    assert (found.level, words in found.found) == (level, True), found


def test_doctor_reads_the_signing_secret_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def stored(reference: str, _region: str | None) -> str:
        read.append(reference)
        return "8f14e45fceea167a5a36dedd4bea2543"

    monkeypatch.setattr("bot.aws.secret_refs.read", stored)
    load_over_http(monkeypatch, secret="ssm:///studio/slack")
    read.clear()
    answer = urllib3.HTTPResponse(body=b"ok", status=200)
    monkeypatch.setattr(doctor_findings, "_http", lambda *_, **__: answer)
    address = "https://bot.example.com"
    found = islice(doctor_findings.findings(None, None, address, presign=False, all_mappings=False), 3)
    assert [each.check for each in found] == [f"bot at {address}", "signing secret", "environment"]
    assert read == ["ssm:///studio/slack"]
