"""Core values validate their fields on construction."""

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import LANDING_URIS, Denied, Issued, Link, Reason, StudioApp, Target
from bot.core.values import DEFAULT_ALIAS, DOMAIN_ID, RESERVED_WORDS, InvalidValue, check_pattern, is_group, utc_now
from tests.fakes import NOON, a_grant, a_mapping, a_request, an_allowed

ROLE = "arn:aws:iam::123456789012:role/studio"

VALID: dict[str, list[Any]] = {
    "alias": ["default", "a", "0", "a" * 32, "prod-eu-1", "a-"],
    "domain_id": ["d-a", "d-abc123", "d--a", "d-" + "x" * 61, "d-a-b--c"],
    "profile_name": ["a", "Ana", "0", "ana-maria", "a--b", "p" * 63],
    "region": [None, "eu-west-1", "us-gov-west-1", "ap-southeast-12", "us-isob-east-1", "eusc-de-east-1"],
    "role_arn": [
        None,
        ROLE,
        "arn:aws-us-gov:iam::123456789012:role/path/to/x+=,.@_-",
        "arn:aws-cn:iam::000000000000:role/x",
    ],
    "space_name": [None, "lab", "Lab-1", "s" * 63],
    "landing_uri": [
        None,
        "studio::",
        "studio::relative/path",
        "app:JupyterServer:",
        "app:JupyterLab:lab/tree/x.ipynb?a=b#c",
        "app:RStudioServerPro:",
        "app:CodeEditor:",
        "app:Canvas:",
        "studio::" + "x" * 1015,
    ],
    "session_seconds": [None, 1800, 43200, 3600],
}
INVALID: dict[str, list[Any]] = {
    "alias": ["", "-a", "A", "a" * 33, "a b", "a_b", "ä", "a\n", "²", *sorted(RESERVED_WORDS)],
    "domain_id": [
        "",
        "d-",
        "d--",
        "d-a-",
        "D-abc",
        "d-ABC",
        "abc",
        "d_abc",
        "d-" + "x" * 62,
        "d-a\n",
        " d-a",
        "d-ä",
        "BAD!",
        "d-a/../d-b",
        "d-\u0661",
    ],
    "profile_name": ["", "-a", "a-", "a_b", "a b", "a.b", "p" * 64, "a\n", "ä", "a/b", "*", "a*", "\u0661"],
    "region": [
        "",
        "eu",
        "EU-WEST-1",
        "eu-west",
        "eu-west-1 ",
        "eu-west-1\n",
        "eu-west-123",
        "x.example.com",
        "eu-west-\u0661",
    ],
    "role_arn": [
        "",
        "arn:aws:iam::123:role/x",
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:sts::123456789012:assumed-role/x/y",
        ROLE + " ",
        ROLE + "\n",
        ROLE + "*",
        ROLE + "ä",
        ROLE + "x" * 600,
        "role/x",
    ],
    "space_name": ["", "-", "a_b", "s" * 64],
    "landing_uri": [
        "",
        "studio:",
        "app:Unknown:",
        "app:JupyterLab",
        "https://evil.example.com/",
        "//evil.example.com",
        "javascript:alert(1)",
        "studio::a b",
        "studio::a\nb",
        "studio::ä",
        "Studio::",
        "studio::" + "x" * 1016,
    ],
    "session_seconds": [0, -1, 1799, 43201, 10**12],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in VALID.items() for value in values])
def test_mapping_accepts_valid_values(field: str, value: Any) -> None:
    assert getattr(replace(a_mapping(), **{field: value}), field) == value


FIELD_NAMES = {
    "alias": "alias",
    "domain_id": "domain",
    "profile_name": "profile",
    "region": "region",
    "role_arn": "role",
    "space_name": "space",
    "landing_uri": "landing",
    "session_seconds": "session seconds",
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in INVALID.items() for value in values], ids=repr
)
def test_mapping_refuses_invalid_values(field: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        replace(a_mapping(), **{field: value})
    message = str(refused.value)
    assert message.startswith(f"{FIELD_NAMES[field]} ")
    assert "must be" in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("team", "user"), [("T0", "U0"), ("E0ORG", "W0ABC"), ("T" + "0" * 30, "U" + "Z" * 30), ("TA", "WZ")]
)
def test_member_accepts_valid_ids(team: str, user: str) -> None:
    assert Member(team, user) == Member(team, user)


@pytest.mark.parametrize(
    ("team", "user"),
    [
        ("", "U0"),
        ("T", "U0"),
        ("U0", "U0"),
        ("t0", "U0"),
        ("T0", ""),
        ("T0", "U"),
        ("T0", "u0"),
        ("T0", "B0BOT"),
        ("T0", "S0GROUP"),
        ("T0", "U0 "),
        ("T0", "U0\n"),
        ("T0", "U0#X"),
        ("T0#X", "U0"),
        ("T0", "U" + "0" * 31),
        ("T" + "0" * 31, "U0"),
        ("T0", "U\u0660"),
        ("T0", "<@U0>"),
    ],
)
def test_member_refuses_invalid_ids(team: str, user: str) -> None:
    with pytest.raises(InvalidValue):
        Member(team, user)


@pytest.mark.parametrize("principal", ["", "everyone", "*", "u0", "s0", "C0CHANNEL", "T0TEAM"])
def test_rule_applies_to_one_user_or_one_group(principal: str) -> None:
    with pytest.raises(InvalidValue, match="principal"):
        Grant(principal, Effect.ALLOW)


def test_group_cannot_have_an_admin_rule() -> None:
    assert is_group(Grant("S0GROUP01", Effect.DENY).principal)
    with pytest.raises(InvalidValue, match="groups do not administer"):
        Grant("S0GROUP01", Effect.ADMIN)


def test_rule_reason_length_is_bounded() -> None:
    assert a_grant(reason="x" * 500).reason == "x" * 500
    with pytest.raises(InvalidValue, match="reason"):
        a_grant(reason="x" * 501)


def test_rule_end_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InvalidValue, match="until"):
        a_grant(until=datetime(2030, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(("seconds", "holds"), [(-1, False), (0, False), (1, True)])
def test_rule_applies_before_its_end_only(seconds: int, *, holds: bool) -> None:
    assert a_grant(until=NOON + timedelta(seconds=seconds)).holds_at(NOON) is holds
    assert a_grant().holds_at(NOON)


def test_rule_description() -> None:
    assert Grant("U0ANA", Effect.ALLOW).describe(NOON) == "allow U0ANA"
    ended = Grant("U0ANA", Effect.DENY, NOON, "laptop stolen", "cli:me")
    assert ended.describe(NOON) == "deny U0ANA ended 2030-01-01 12:00 UTC (laptop stolen) set by cli:me"
    assert "until 2030-01-01 12:00 UTC" in ended.describe(NOON - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (a_mapping(profile="Ana"), a_mapping("b", profile="aNA", space_name="lab"), True),
        (a_mapping(), a_mapping(domain="d-other"), False),
        (a_mapping(), a_mapping(profile="anna"), False),
    ],
)
def test_profile_comparison_ignores_case(one: Mapping, other: Mapping, *, same: bool) -> None:
    assert one.same_profile(other) is same


def test_help_is_reserved_and_the_default_alias_is_not() -> None:
    assert "help" in RESERVED_WORDS
    assert DEFAULT_ALIAS not in RESERVED_WORDS


# Targets

VALID_TARGETS: dict[str, list[Any]] = {
    "alias": [None, "default", "a", "0", "a" * 32],
    "space": [None, "", "lab", "Team-Space-1", "s" * 63],
}
INVALID_TARGETS: dict[str, list[Any]] = {
    "alias": ["", "-a", "A", "a" * 33, "a b", "a_b", "ä", "a\n", "lab space"],
    "space": [" ", "-", "a-", "a_b", "a b", "s" * 64, "a\n", "ä", "../x", "\u0661"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in VALID_TARGETS.items() for value in values], ids=repr
)
def test_target_accepts_valid_values(field: str, value: Any) -> None:
    assert getattr(Target(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in INVALID_TARGETS.items() for value in values], ids=repr
)
def test_target_refuses_invalid_values(field: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=field):
        Target(**{field: value})


def test_every_app_has_a_valid_landing_page() -> None:
    assert set(LANDING_URIS) == set(StudioApp)
    assert len(set(LANDING_URIS.values())) == len(StudioApp)
    for app in StudioApp:
        assert a_mapping(landing_uri=LANDING_URIS[app]).landing_uri == LANDING_URIS[app]
        assert app.value in RESERVED_WORDS


def test_refusal_lists_the_aliases_of_its_mappings_in_order() -> None:
    mappings = tuple(a_mapping(alias) for alias in ("two", "one", "10"))
    assert Denied(Reason.CHOOSE, mappings=mappings).aliases == ("10", "one", "two")
    assert Denied(Reason.NOT_MAPPED).aliases == ()


# Hostile input


@pytest.mark.parametrize(
    "field", ["alias", "domain_id", "profile_name", "region", "role_arn", "space_name", "landing_uri"]
)
@pytest.mark.parametrize(
    "value",
    ["d-" + "-" * 100_000 + "!", "a" + "-" * 100_000, "a-" * 50_000 + "!", "app:" * 50_000, ROLE + "/" * 100_000],
    ids=["hyphens", "more hyphens", "pairs", "prefixes", "slashes"],
)
def test_long_input_is_refused_quickly(field: str, value: str) -> None:
    started = time.perf_counter()
    changes: dict[str, Any] = {field: value}
    with pytest.raises(InvalidValue) as refused:
        replace(a_mapping(), **changes)
    assert time.perf_counter() - started < 0.5
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("length", range(58, 64))
def test_worst_case_input_is_refused_quickly(length: int) -> None:
    started = time.perf_counter()
    for value in ("d-" + "a-" * 40, "d-" + "-" * 80, "d-" + "a" * 80, "d-" + "-a" * 40):
        with pytest.raises(InvalidValue):
            check_pattern("domain", value[: length - 1] + "!", DOMAIN_ID, 63, "x")
    assert time.perf_counter() - started < 0.5


@given(st.text())
def test_any_input_is_valid_or_refused_in_one_line(text: str) -> None:
    for field in ("alias", "domain_id", "profile_name", "space_name", "landing_uri", "region", "role_arn"):
        changes: dict[str, Any] = {field: text}
        try:
            found = replace(a_mapping(), **changes)
        except InvalidValue as refused:
            assert len(str(refused).splitlines()) == 1  # noqa: PT017 - either is fine
        else:
            assert text.isascii()
            assert getattr(found, field) == text


# Links

URL = "https://d-research.studio.eu-west-1.sagemaker.aws/auth?token=s3cr3t"
LINK = Link(URL, NOON, lifetime_seconds=60, session_seconds=43200)


def test_link_is_hidden_in_every_representation() -> None:
    issued = Issued(a_request(), an_allowed(), LINK)
    for value in (LINK, issued, [LINK], {"link": LINK}, (issued, LINK)):
        assert "s3cr3t" not in f"{value} {value!r} {value!s}"
        assert "s3cr3t" not in "{} {!r} {!s}".format(value, value, value)  # noqa: UP032 - one of the ways
        assert "s3cr3t" not in "%s %r" % (value, value)  # noqa: UP031 - another


def test_link_hash_identifies_a_link_in_the_audit() -> None:
    assert LINK.sha256 == hashlib.sha256(URL.encode()).hexdigest()
    assert LINK.sha256 == Link(URL, NOON, 5, 1800).sha256
    assert LINK.sha256 != replace(LINK, url=URL + "x").sha256


def test_production_clock_is_in_utc() -> None:
    assert utc_now().tzinfo is UTC


def test_reasons_are_distinct_in_the_audit() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason)
