import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Settings, load
from bot.core.errors import ConfigError
from bot.core.templates import PREFIX, Template, domain_of, parse, variable_of
from bot.core.values import DOMAIN_ID, InvalidValue

ROLE = "arn:aws:iam::123456789012:role/studio"


def test_template_names_a_role_and_has_defaults() -> None:
    assert parse("d-abc123", f"role={ROLE}") == Template("d-abc123", ROLE, idle_minutes=120)


def test_template_with_every_setting() -> None:
    text = f"role={ROLE}, region=eu-west-1,instances=ml.t3.medium+ml.m5.large,idle=60,storage=20,security-groups=sg-1"
    expected = Template("d-abc123", ROLE, "eu-west-1", ("ml.t3.medium", "ml.m5.large"), 60, 20, ("sg-1",))
    assert parse("d-abc123", text) == expected


def test_comma_in_a_role_name_separates_nothing() -> None:
    assert parse("d-a", f"role={ROLE},2=x,idle=60").role_arn == f"{ROLE},2=x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ROLE,
        "role=",
        "role=studio",
        "idle=60",
        f"role={ROLE},idle=59",
        f"role={ROLE},idle=two hours",
        f"role={ROLE},storage=4",
        f"role={ROLE},instances=t3.medium",
        f"role={ROLE},instances=ml.t3.medium ml.m5.large",
        f"role={ROLE},region=Ireland",
        f"role={ROLE},security-groups=default",
        f"colour=red,role={ROLE}",
    ],
)
def test_invalid_template_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse("d-abc123", text)


@given(st.from_regex(DOMAIN_ID, fullmatch=True))
def test_each_domain_has_a_variable_of_its_own(domain_id: str) -> None:
    variable = variable_of(domain_id)
    assert re.fullmatch("[A-Z][A-Z0-9_]*", variable)
    assert domain_of(variable) == domain_id


def test_settings_have_the_templates_by_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv(f"{PREFIX}D_ABC_1", f'"role={ROLE}"')
    monkeypatch.setenv(f"{PREFIX}D_EMPTY", "")
    assert load(Settings).profile_templates == {"d-abc-1": Template("d-abc-1", ROLE)}


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [("D_ABC", "role=xoxb-hunter2", "role"), ("ABC", f"role={ROLE}", "domain"), ("D_ABC", "hunter2", "template")],
)
def test_wrong_template_stops_the_start_unquoted(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, what: str
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv(PREFIX + name, text)
    with pytest.raises(ConfigError, match=f"^{PREFIX}{name}: its {what} is not valid; it must be role=ARN") as error:
        load(Settings)
    assert "hunter2" not in str(error.value)
