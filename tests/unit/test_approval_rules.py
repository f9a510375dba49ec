"""The file of approval rules, and what counts for an approval."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app import clients
from bot.core.access import Access, Mapping, Person
from bot.core.approval_file import parse
from bot.core.approval_rules import (
    ADMINS,
    DAYS,
    DEFAULT,
    ApprovalRule,
    Automatic,
    Target,
    Terms,
    describe,
    targets,
    terms,
)
from bot.core.errors import ConfigError
from bot.slack.words.admin_de import GermanAdminWords
from bot.slack.words.admin_en import AdminWords

FULL = """
# Reviewed by the data office.
[[rule]]
name = "analytics"
domain = ["d-abc123", "d-def456"]
profile = "ds-*"
group = "S0DATA"
approvers = ["U0LEAD", "S0LEADS"]
fallback = "admins"
days = [1, 7, 30]
ticket = "OPS-[0-9]+"
ticket_example = "OPS-123"
approvals = 2

[[rule]]
name = "night-shift"
domain = "d-abc123"
[rule.automatic]
group = "S0NIGHT"
email_domain = "example.com"
hours = 8
"""
ANALYTICS, NIGHT = RULES = parse(FULL, "approvals.toml")


def a_person(**fields: Any) -> Person:
    return Person("U0ANA", "T0A", **{"email": "ana@example.com", "email_confirmed": True, **fields})


def test_file_with_every_field_is_read() -> None:
    assert ANALYTICS.domains == ("d-abc123", "d-def456")
    assert (ANALYTICS.profiles, ANALYTICS.groups) == (("ds-*",), ("S0DATA",))
    assert (ANALYTICS.approvers, ANALYTICS.fallback) == (("U0LEAD", "S0LEADS"), (ADMINS,))
    assert (ANALYTICS.days, ANALYTICS.max_days, ANALYTICS.needed) == ((1, 7, 30), 30, 2)
    assert ApprovalRule("night-shift", ("d-abc123",), automatic=Automatic(8, ("S0NIGHT",), ("example.com",))) == NIGHT
    assert ANALYTICS.named == {"S0DATA", "U0LEAD", "S0LEADS"}


def test_file_without_rules_has_none() -> None:
    assert parse("# none yet\n", "approvals.toml") == ()


A_RULE = '[[rule]]\nname = "a"\n'
WRONG = {
    "no TOML": ("[[rule]\n", "line 1"),
    "something beside rules": ('owner = "ada"\n', "line 1, owner"),
    "a table of that name": ('[rule]\nname = "a"\n', "line 1, rule"),
    "no name": ('[[rule]]\ndomain = "d-a"\n', "line 1, name"),
    "name twice": (A_RULE + A_RULE, "line 4, name"),
    "unknown field": (A_RULE + 'aprovers = "U0A"\n', "line 3, aprovers"),
    "domain": (A_RULE + 'domain = "abc"\n', "line 3, domain"),
    "empty list": (A_RULE + "domain = []\n", "line 3, domain"),
    "approvers": (A_RULE + "\napprovers = [\n  'ada',\n]\n", "line 4, approvers"),
    "everybody approves": (A_RULE + 'approvers = ["everyone"]\n', "line 3, approvers"),
    "nobody approves": (A_RULE + "approvers = []\n", "line 3, approvers"),
    "days": (A_RULE + "days = [0]\n", "line 3, days"),
    "a yes for days": (A_RULE + "days = true\n", "line 3, days"),
    "limit below the list": (A_RULE + "days = [1, 7]\nmax_days = 3\n", "line 4, max_days"),
    "limit of none": (A_RULE + "max_days = 0\n", "line 3, max_days"),
    "pattern": (A_RULE + 'ticket = "OPS-["\nticket_example = "OPS-1"\n', "line 3, ticket"),
    "no example": (A_RULE + 'ticket = "OPS-[0-9]+"\n', "line 1, ticket_example"),
    "wrong example": (A_RULE + 'ticket = "OPS-[0-9]+"\nticket_example = "OPS"\n', "line 4, ticket_example"),
    "example alone": (A_RULE + 'ticket_example = "OPS"\n', "line 3, ticket_example"),
    "approvals": (A_RULE + "approvals = 10\n", "line 3, approvals"),
    "automatic for all": (A_RULE + "[rule.automatic]\nhours = 8\n", "line 3, automatic"),
    "automatic for ever": (A_RULE + '[rule.automatic]\ngroup = "S0A"\n', "line 1, hours"),
    "automatic is no table": (A_RULE + "automatic = true\n", "line 3, automatic"),
    "automatic by address": (
        A_RULE + '[rule.automatic]\nemail_domain = "@x.com"\nhours = 1\n',
        "line 4, email_domain",
    ),
    "automatic for two": (A_RULE + 'approvals = 2\nautomatic = {group = "S0A", hours = 1}\n', "line 4, automatic"),
}


@pytest.mark.parametrize("name", WRONG)
def test_error_in_the_file_names_line_and_field(name: str) -> None:
    text, where = WRONG[name]
    with pytest.raises(ConfigError) as error:
        parse(text, "approvals.toml")
    assert str(error.value).startswith("approvals.toml")
    assert where in str(error.value)


NAMES = st.sampled_from(["name", "days", "approvers", "automatic", "ticket", "group", "x"])
SOME_FIELDS = st.dictionaries(NAMES, st.text()).map(
    lambda fields: "[[rule]]\n" + "".join(f"{name} = {text!r}\n" for name, text in fields.items())
)


@settings(max_examples=30)
@given(st.text(max_size=200) | SOME_FIELDS)
def test_any_text_is_rules_or_a_clear_error(text: str) -> None:
    with suppress(ConfigError):  # and nothing else
        assert all(rule.approvers for rule in parse(text, "approvals.toml"))


def test_missing_rule_file_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"STUDIO_APPROVALS_FILE: /nowhere/a\.toml cannot be read"):
        clients.approval_rules("/nowhere/a.toml")


def test_rule_file_that_everybody_can_change_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "approvals.toml"
    path.write_text(FULL)
    assert clients.approval_rules(str(path)) == RULES
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="everybody on this machine can change"):
        clients.approval_rules(str(path))


def test_rule_file_is_only_read_where_the_setting_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "approvals.toml").write_text(FULL)
    monkeypatch.chdir(tmp_path)
    assert clients.approval_rules(None) == ()


@pytest.mark.parametrize(
    ("target", "groups", "name"),
    [
        (Target("d-abc123", "ds-ana"), {"S0DATA"}, "analytics"),
        (Target("d-abc123", "DS-ANA"), {"S0DATA"}, "analytics"),
        (Target("d-abc123", "ds-ana"), set(), "night-shift"),
        (Target("d-abc123", "ana"), {"S0DATA"}, "night-shift"),
        (Target("d-abc123"), {"S0DATA"}, "night-shift"),
        (Target("d-other", "ds-ana"), {"S0DATA"}, ""),
        (None, {"S0DATA"}, ""),
    ],
)
def test_first_rule_that_fits_counts(target: Target | None, groups: set[str], name: str) -> None:
    assert [rule.name for rule in terms(RULES, [target] if target else [], groups).rules] == [name]


def test_wish_names_a_domain_until_a_profile_is_chosen() -> None:
    mapping = Mapping("default", "d-abc123", "ana")
    assert targets(Access(), None, "d-def456, please") == (Target("d-def456"),)
    assert targets(Access(), mapping, "d-def456, please") == (Target("d-abc123", "ana"),)
    assert targets(Access(mappings=(mapping,)), None, "") == (Target("d-abc123", "ana"),)


def test_approver_of_one_domain_does_not_open_another() -> None:
    both = Terms((ApprovalRule("a", approvers=("U0A",)), ApprovalRule("b", approvers=("S0B",), fallback=("U0C",))))
    assert not both.allow("U0A", set(), is_admin=True)
    assert both.allow("U0A", {"S0B"}, is_admin=False)
    assert not both.allow("U0C", set(), is_admin=False)


def test_administrators_approve_where_no_rule_names_others() -> None:
    assert Terms((DEFAULT,)).allow("U0ADA", set(), is_admin=True)
    assert not Terms((DEFAULT,)).allow("U0ADA", set(), is_admin=False)
    assert not Terms((ApprovalRule("a", approvers=("U0A",)),)).allow("U0ADA", set(), is_admin=True)


def test_strictest_limit_of_all_rules_holds() -> None:
    found = Terms((ApprovalRule("a", days=(1, 7, 30), max_days=30), ApprovalRule("b", max_days=7)))
    assert (found.days, found.max_days) == ((1, 7), 7)
    assert [found.capped(days) for days in (1, 30, None)] == [1, 7, 7]
    assert Terms((DEFAULT,)).days == DAYS
    assert Terms((ApprovalRule("a", days=(3,)), ApprovalRule("b", days=(5,), max_days=5))).days == (5,)


@settings(max_examples=50)
@given(
    st.lists(
        st.builds(
            ApprovalRule,
            name=st.just("a"),
            days=st.lists(st.integers(1, 90), max_size=3).map(tuple),
            max_days=st.none() | st.integers(1, 90),
        ),
        min_size=1,
        max_size=3,
    ),
    st.none() | st.integers(1, 400),
)
def test_no_duration_is_beyond_a_limit(rules: list[ApprovalRule], days: int | None) -> None:
    found = Terms(tuple(rules))
    assert found.days
    for limit in (rule.max_days for rule in rules if rule.max_days is not None):
        for each in (*found.days, found.capped(days)):
            assert each is not None
            assert each <= limit


@pytest.mark.parametrize(
    ("reason", "lacks"),
    [("OPS-7", False), ("Falcon (OPS-7)", False), ("OPS-", True), ("XOPS-7", True), ("OPS-7x", True), ("", True)],
)
def test_reason_has_to_name_a_ticket(reason: str, lacks: bool) -> None:  # noqa: FBT001 - a column of the table
    assert ANALYTICS.lacks_ticket(reason) is lacks
    assert (Terms((ANALYTICS,)).without_ticket(reason) is ANALYTICS) is lacks
    assert not NIGHT.lacks_ticket(reason)


BY_ADDRESS = Automatic(8, email_domains=("example.com",))


@pytest.mark.parametrize(
    ("person", "groups", "admitted"),
    [
        (a_person(), set(), True),
        (a_person(email="ana@EXAMPLE.com"), set(), True),
        (a_person(email_confirmed=False), set(), False),
        (a_person(guest=True), set(), False),
        (a_person(ineligible_reason="deactivated"), set(), False),
        (a_person(email="ana@sub.example.com"), set(), False),
        (a_person(email="example.com@attacker.net"), set(), False),
        (a_person(email=""), set(), False),
    ],
)
def test_only_a_confirmed_address_approves_by_itself(person: Person, groups: set[str], admitted: bool) -> None:  # noqa: FBT001
    assert BY_ADDRESS.admits(person, groups) is admitted
    both = Automatic(8, ("S0NIGHT",), ("example.com",))
    assert not both.admits(person, groups)
    assert both.admits(person, {"S0NIGHT"}) is admitted


@pytest.mark.parametrize(
    ("days", "hours", "lasts"), [(1, 8, 8), (1, 48, 24), (2, 48, 48), (2, 24, None), (7, 8, None), (None, 8, None)]
)
def test_rule_approves_at_most_its_hours(days: int | None, hours: int, lasts: int | None) -> None:
    found = Terms((ApprovalRule("a", automatic=Automatic(hours, ("S0A",))),))
    assert found.automatic_for(days, a_person(), {"S0A"}) == (lasts and timedelta(hours=lasts))
    assert found.automatic_for(days, a_person(), set()) is None
    assert Terms((*found.rules, DEFAULT)).automatic_for(1, a_person(), {"S0A"}) is None


def test_rule_is_described_in_both_languages() -> None:
    english, german = AdminWords.approval_rules, GermanAdminWords.approval_rules
    assert describe(ANALYTICS, english, str) == (
        "Rule analytics (domain d-abc123 or d-def456, profile ds-*, members of S0DATA): approved by U0LEAD or "
        "S0LEADS, or by an administrator if none of them answers. It takes 2 approvals. Access lasts at most "
        "30 days. The reason must name a ticket such as OPS-123."
    )
    assert describe(NIGHT, english, str) == (
        "Rule night-shift (domain d-abc123): approved by an administrator. The duration is not limited. "
        "Members of S0NIGHT with a confirmed address at example.com who ask for one day get up to 8 hours right "
        "away, without approval."
    )
    assert describe(NIGHT, german, str) == (
        "Regel night-shift (Domain d-abc123): genehmigt von der Administration. Die Dauer ist nicht begrenzt. "
        "Mitglieder von S0NIGHT mit bestätigter Adresse bei example.com, die einen Tag beantragen, bekommen sofort "
        "bis zu 8 Stunden, ohne Genehmigung."
    )
    assert describe(DEFAULT, english, str) == "No rule: approved by an administrator. The duration is not limited."
    short = ApprovalRule("short", max_days=1, automatic=Automatic(1, email_domains=("example.com",)))
    assert describe(short, english, str).endswith(
        "Access lasts at most one day. Members with a confirmed address at example.com who ask for one day get up to "
        "one hour right away, without approval."
    )


@pytest.mark.parametrize("hours", [1, 24, 25, 48, 49])
def test_described_days_are_those_that_a_rule_approves(hours: int) -> None:
    rule = ApprovalRule("a", automatic=Automatic(hours, ("S0A",)))
    [longest] = [
        days
        for days in range(1, 9)
        if Terms((rule,)).automatic_for(days, a_person(), {"S0A"})
        and not Terms((rule,)).automatic_for(days + 1, a_person(), {"S0A"})
    ]
    asked = "one day" if longest == 1 else f"at most {longest} days"
    assert f"Members of S0A who ask for {asked} get up to" in describe(rule, AdminWords.approval_rules, str)
