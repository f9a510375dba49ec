"""Environment variables: valid values, and the error lines for invalid ones."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.config import HttpSettings, ServeSettings, Settings, SocketSettings, load
from bot.core.access import Mapping
from bot.core.errors import ConfigError
from bot.slack.words import CATALOGUES
from bot.variables import drop_ignored_variables

TOKEN = "xoxb-1234-abcDEF"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
APP_TOKEN = "xapp-1-A0-123-abcdef"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set the required variables only."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "STUDIO_", "AWS_", "LOG_")) or name in ("HOST", "PORT"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SECRET)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)


def kind_with(name: str) -> type[ServeSettings]:
    """Return the settings of the transport that has the variable."""
    return HttpSettings if name.lower() in HttpSettings.model_fields else SocketSettings


def refusal(kind: type[Settings] = HttpSettings) -> str:
    with pytest.raises(ConfigError) as refused:
        load(kind)
    line = str(refused.value)
    assert "\n" not in line
    assert refused.value.__suppress_context__
    assert refused.value.__cause__ is None
    return line


DEFAULTS: dict[str, Any] = {
    "SLACK_API_URL": "https://slack.com/api/",
    "HOST": "127.0.0.1",
    "PORT": 3000,
    "STUDIO_TABLE_PREFIX": "studio-links-",
    "STUDIO_LINK_SECONDS": 60,
    "STUDIO_SESSION_SECONDS": 43200,
    "STUDIO_TEAMS": (),
    "STUDIO_ADMINS": (),
    "STUDIO_ALLOW_GUESTS": False,
    "STUDIO_SOLE_ADMIN": False,
    "STUDIO_APPROVALS": "1",
    "STUDIO_LINKS_PER_MINUTE": 5,
    "STUDIO_AUDIT_DAYS": 400,
    "STUDIO_EXTERNAL_ID": None,
    "OTEL_EXPORTER_OTLP_ENDPOINT": None,
    "STUDIO_PICK_LISTS": None,
    "STUDIO_RUNNING": False,
    "STUDIO_RUNNING_HOURS": "",
    "STUDIO_STOP_HOURS": "",
    "STUDIO_RUNNING_SUMMARY": False,
    "STUDIO_PRICE_FILE": None,
    "STUDIO_APPROVALS_FILE": None,
    "STUDIO_LINK_HOSTS": (),
    "STUDIO_EMAIL_DOMAINS": (),
    "STUDIO_AUDIT_CHANNEL": None,
    "STUDIO_REQUEST_CHANNEL": None,
    "STUDIO_LOCALE": None,
    "STUDIO_REQUESTS_PER_MINUTE": 10,
    "METRICS_PORT": None,
    "STUDIO_CONCURRENCY": 64,
    "STUDIO_QUEUE": 400,
    "STUDIO_PERSON_SECONDS": 60,
    "STUDIO_REPLICAS": 1,
    "STUDIO_KEEP_ALIVE_SECONDS": 95,
    "LOG_LEVEL": "INFO",
}


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
@pytest.mark.parametrize("empty", [False, True], ids=["unset", "empty"])
def test_defaults(monkeypatch: pytest.MonkeyPatch, name: str, value: Any, *, empty: bool) -> None:
    if empty:
        monkeypatch.setenv(name, "")
    kinds = [kind for kind in (HttpSettings, SocketSettings) if name.lower() in kind.model_fields]
    assert {getattr(load(kind), name.lower()) for kind in kinds} == {value}


VALID: list[tuple[str, str, Any]] = [
    ("SLACK_BOT_TOKEN", "xoxe.xoxb-1-abc", SecretStr("xoxe.xoxb-1-abc")),
    ("SLACK_BOT_TOKEN", " xoxb-1-abc\r\n", SecretStr("xoxb-1-abc")),
    ("SLACK_SIGNING_SECRET", "8charact", SecretStr("8charact")),
    ("SLACK_SIGNING_SECRET", "8charact,of-before", SecretStr("8charact,of-before")),
    ("SLACK_APP_TOKEN", "xapp-1-A0.b_c-9", SecretStr("xapp-1-A0.b_c-9")),
    ("SLACK_API_URL", "http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api/"),
    ("SLACK_API_URL", "https://slack-gov.com/api/", "https://slack-gov.com/api/"),
    ("SLACK_API_URL", "https://slack.example.com", "https://slack.example.com/"),
    ("AWS_REGION", "us-gov-west-1", "us-gov-west-1"),
    ("HOST", "0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing is bound
    ("HOST", "[::1]", "[::1]"),
    ("HOST", "localhost", "localhost"),
    ("PORT", "0", 0),
    ("PORT", "65535", 65535),
    ("METRICS_PORT", "9090", 9090),
    ("STUDIO_TABLE_PREFIX", "prod.Links_", "prod.Links_"),
    ("STUDIO_LINK_SECONDS", "5", 5),
    ("STUDIO_LINK_SECONDS", "300", 300),
    ("STUDIO_SESSION_SECONDS", "1800", 1800),
    ("STUDIO_TEAMS", "T0A", ("T0A",)),
    ("STUDIO_TEAMS", "T0A,E0B, T0C", ("T0A", "E0B", "T0C")),
    ("STUDIO_TEAMS", " T0A  T0B ", ("T0A", "T0B")),
    ("STUDIO_ADMINS", "U0A,W0B", ("U0A", "W0B")),
    ("STUDIO_ALLOW_GUESTS", "true", True),
    ("STUDIO_ALLOW_GUESTS", "False", False),
    ("STUDIO_ALLOW_GUESTS", "1", True),
    ("STUDIO_SOLE_ADMIN", "true", True),
    ("STUDIO_PICK_LISTS", "aws", "aws"),
    ("STUDIO_RUNNING", "true", True),
    ("STUDIO_RUNNING_SUMMARY", "true", True),
    ("STUDIO_RUNNING_HOURS", "12,d-abc123=24,ml.g5=4,d-abc123/ml.g5=2", "12,d-abc123=24,ml.g5=4,d-abc123/ml.g5=2"),
    ("STUDIO_STOP_HOURS", "d-abc123=48, d-abc123/ml.g5=8", "d-abc123=48, d-abc123/ml.g5=8"),
    ("STUDIO_PRICE_FILE", "/etc/studio-links/prices.json", "/etc/studio-links/prices.json"),
    ("STUDIO_APPROVALS_FILE", "/etc/studio-links/approvals.toml", "/etc/studio-links/approvals.toml"),
    ("STUDIO_APPROVALS", "1, d-abc123=2", "1, d-abc123=2"),
    ("STUDIO_LINKS_PER_MINUTE", "1000", 1000),
    ("STUDIO_REQUESTS_PER_MINUTE", "1000", 1000),
    ("STUDIO_AUDIT_DAYS", "3650", 3650),
    ("SLACK_API_URL", "http://[::1]:8080/api/", "http://[::1]:8080/api/"),
    (
        "STUDIO_LINK_HOSTS",
        "studio.example.com, *.studio.example.org",
        ("studio.example.com", "*.studio.example.org"),
    ),
    ("STUDIO_EXTERNAL_ID", "links:prod/1", "links:prod/1"),
    ("STUDIO_EMAIL_DOMAINS", "example.com, mail.example.org", ("example.com", "mail.example.org")),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "http://127.0.0.1:4318"),
    ("STUDIO_AUDIT_CHANNEL", "C0AUDIT", "C0AUDIT"),
    ("STUDIO_AUDIT_CHANNEL", "G0AUDIT", "G0AUDIT"),
    ("STUDIO_REQUEST_CHANNEL", "C0REQUESTS", "C0REQUESTS"),
    ("STUDIO_REQUEST_CHANNEL", "G0REQUESTS", "G0REQUESTS"),
    *(("STUDIO_LOCALE", language, language) for language in CATALOGUES),
    ("STUDIO_CONCURRENCY", "256", 256),
    ("STUDIO_QUEUE", "0", 0),
    ("STUDIO_REPLICAS", "10", 10),
    ("STUDIO_KEEP_ALIVE_SECONDS", "3600", 3600),
    ("STUDIO_PERSON_SECONDS", "0", 0),
    ("STUDIO_PERSON_SECONDS", "300", 300),
    ("LOG_LEVEL", "debug", "DEBUG"),
    ("LOG_FORMAT", "JSON", "json"),
    ("LOG_FORMAT", "console", "console"),
]


@pytest.mark.parametrize(("name", "text", "value"), VALID)
def test_valid_values(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(load(kind_with(name)), name.lower()) == value


INVALID: dict[str, tuple[list[str], str]] = {
    "SLACK_API_URL": (
        [
            "slack.com/api",
            "ftp://slack.com/api/",
            "https://",
            "https://slack.com/?a=b",
            "http://slack.com/api/",
            "http://127.0.0.1.evil.example/api/",
            "http://localhost.evil.example/",
        ],
        "the base address of Slack's Web API",
    ),
    "AWS_REGION": (
        ["eu-west", "Ireland", "eu_west_1", "eu-west-1 x", "mars-east-1"],
        "an AWS region such as eu-west-1",
    ),
    "HOST": (["my host", "http://x", "a/b"], "an address to listen on"),
    "PORT": (["-1", "65536", "http", "3000x", "1.5"], "a port number from 0 to 65535"),
    "METRICS_PORT": (["-1", "65536", "http", "none"], "a port number from 0 to 65535"),
    "STUDIO_TABLE_PREFIX": (["a b", "a/b", "ä", "x" * 201], "letters, digits, dots, underscores and hyphens"),
    "STUDIO_LINK_SECONDS": (["4", "301", "1m", "60.5"], "a whole number from 5 to 300"),
    "STUDIO_SESSION_SECONDS": (["1799", "43201", "12h"], "a whole number from 1800 to 43200"),
    "STUDIO_TEAMS": (["U0A", "t0a", "T0A,x", "T0A;T0B", "*"], "Slack team or enterprise ids"),
    "STUDIO_ADMINS": (["T0A", "S0A", "ana", "U0A,ana", "everyone"], "Slack user ids"),
    "STUDIO_ALLOW_GUESTS": (["perhaps", "2"], "true or false"),
    "STUDIO_SOLE_ADMIN": (["perhaps", "2"], "true or false"),
    "STUDIO_APPROVALS": (["0", "d-abc123=2", "1,abc=2", "two"], "a number from 1 to 9, and others by domain"),
    "STUDIO_LINKS_PER_MINUTE": (["0", "1001", "many"], "a whole number from 1 to 1000"),
    "STUDIO_AUDIT_DAYS": (["0", "3651", "forever"], "a whole number from 1 to 3650"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": (
        ["127.0.0.1:4318", "grpc://x", "http://"],
        "the address of an OpenTelemetry collector, such as http://127.0.0.1:4318",
    ),
    "STUDIO_PICK_LISTS": (["true", "AWS"], "off, mapped or aws"),
    "STUDIO_RUNNING": (["perhaps", "2"], "true or false"),
    "STUDIO_RUNNING_SUMMARY": (["perhaps", "2"], "true or false"),
    "STUDIO_RUNNING_HOURS": (["0", "noon", "=3", "/=3", "12,13", "ml.g5.xlarge=3"], "hours from 1 to 9999"),
    "STUDIO_STOP_HOURS": (["12", "ml.g5=3", "d-abc123", "d-abc123=0"], "hours from 1 to 9999 by domain"),
    "STUDIO_APPROVALS_FILE": (["x" * 1001, "a\tb"], "the path of a TOML file"),
    "STUDIO_PRICE_FILE": (["x" * 1001, "a\tb"], "the path of a file"),
    "STUDIO_LINK_HOSTS": (
        [
            "*",
            "*.com",
            "https://studio.example.com",
            "studio.example.com:8443",
            "localhost",
            "a.*.com",
            "ü.x.com",
        ],
        "host names such as studio.example.com",
    ),
    "STUDIO_EMAIL_DOMAINS": (
        ["example", "*.example.com", "Example.com", "ü.com"],
        "e-mail domains such as example.com",
    ),
    "STUDIO_EXTERNAL_ID": (["x", "a b", "x" * 1225], "2 to 1224 letters, digits and characters of _+=,.@:/-"),
    "STUDIO_AUDIT_CHANNEL": (["#audit", "U0A", "c0audit"], "a Slack channel id"),
    "STUDIO_REQUEST_CHANNEL": (["#requests", "U0A", "c0requests"], "a Slack channel id"),
    "STUDIO_LOCALE": (["fr", "de-DE", "DE", "german", "en de"], "en or de"),
    "STUDIO_REQUESTS_PER_MINUTE": (["0", "1001", "many"], "a whole number from 1 to 1000"),
    "STUDIO_CONCURRENCY": (["0", "257"], "a whole number from 1 to 256"),
    "STUDIO_QUEUE": (["-1", "10001"], "a whole number from 0 to 10000"),
    "STUDIO_KEEP_ALIVE_SECONDS": (["0", "3601"], "a whole number from 1 to 3600"),
    "STUDIO_REPLICAS": (["0", "11"], "a whole number from 1 to 10"),
    "STUDIO_PERSON_SECONDS": (["-1", "301", "1m"], "a whole number from 0 to 300"),
    "LOG_LEVEL": (["LOUD", "10"], "DEBUG, INFO, WARNING or ERROR"),
    "LOG_FORMAT": (["xml"], "json or console"),
}


@pytest.mark.parametrize(
    ("name", "text", "may_be"),
    [(name, text, may_be) for name, (texts, may_be) in INVALID.items() for text in texts],
)
def test_invalid_value_is_reported_with_valid_ones(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, may_be: str
) -> None:
    monkeypatch.setenv(name, text)
    line = refusal(kind_with(name))
    assert line.startswith(f"{name}: ")
    assert repr(text)[:60].rstrip("'") in line
    assert may_be in line
    assert len(line) < 300


def test_every_variable_has_valid_and_invalid_examples() -> None:
    names = {name.upper() for name in [*HttpSettings.model_fields, *SocketSettings.model_fields]}
    secrets = {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"}
    assert names == {name for name, _, _ in VALID}
    assert names - set(INVALID) == secrets
    assert names - {"LOG_FORMAT", "AWS_REGION", *secrets} == set(DEFAULTS)


@pytest.mark.public(11)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_that_env_files_keep_are_removed(monkeypatch: pytest.MonkeyPatch, quote: str) -> None:
    for name, text, _ in VALID:
        if not name.startswith(("AWS_", "OTEL_")):
            monkeypatch.setenv(name, f"{quote}{text}{quote}")
    assert load(HttpSettings).signing_secrets == ("8charact", "of-before")
    assert load(SocketSettings).slack_app_token == SecretStr("xapp-1-A0.b_c-9")
    assert load(SocketSettings).studio_teams == ("T0A", "T0B")


@pytest.mark.public(11)
@pytest.mark.parametrize(
    ("secret", "doubtful"), [("8f14e45fceea167a5a36dedd4bea2543", False), (SECRET, True), ("verification", True)]
)
def test_signing_secret_of_another_form_is_doubtful(
    monkeypatch: pytest.MonkeyPatch, secret: str, *, doubtful: bool
) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", secret)
    assert load(HttpSettings).doubtful_signing_secret is doubtful


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *(
            ("SLACK_BOT_TOKEN", text)
            for text in ("xoxp-1-abc", "xapp-1-abc", "hunter2", "xoxb-", "xoxb-1 2", "xoxb-1\n2", '"xoxb-1', '"')
        ),
        *(
            ("SLACK_SIGNING_SECRET", text)
            for text in (
                TOKEN,
                "5char",
                "with space",
                "tab\tbed",
                "ümlaut",
                "three-of-them,is-one-too,many-of-them",
                "client.id-1",
                APP_TOKEN,
                '"half-quoted',
            )
        ),
        *(("SLACK_APP_TOKEN", text) for text in (TOKEN, "xapp-", "hunter2", "xapp-1 2")),
    ],
)
def test_wrong_secret_is_named_but_not_quoted(monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> None:
    monkeypatch.setenv(name, secret)
    line = refusal(kind_with(name))
    assert line.startswith(f"{name}: the given value is not valid; it must be ")
    assert secret.strip() not in line.replace("starts with xoxb- ", "").replace("starts with xapp- ", "")


SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1-abc",
    "SLACK_APP_TOKEN": "xapp-1-abc",
    "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
}


@pytest.mark.public(22)
@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", "\n {}\t\n", '"{}\n"'])
@pytest.mark.parametrize("name", SECRETS)
def test_line_break_around_a_secret_is_dropped(monkeypatch: pytest.MonkeyPatch, name: str, around: str) -> None:
    monkeypatch.setenv(name, around.format(SECRETS[name]))
    settings = load(kind_with(name))
    assert getattr(settings, name.lower()).get_secret_value() == SECRETS[name]


@pytest.mark.public(22)
@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"])
def test_line_break_inside_a_token_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, f"{SECRETS[name]}\n-hunter2")
    line = refusal(kind_with(name))
    assert line.startswith(f"{name}: the given value is not valid; it must be ")
    assert line.endswith("; it has a line break or a space inside")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("name", "text"),
    [("SLACK_API_URL", "https://user:hunter2@slack.com/api/"), ("STUDIO_ADMINS", "U0A,ana@example.com")],
)
def test_value_with_at_sign_is_not_quoted(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    line = refusal()
    assert line.startswith(f"{name}: the given value is not valid; it must be ")
    assert "hunter2" not in line
    assert "ana@" not in line


MISPLACED = [
    "xoxb-1-a",
    "U0A,xapp-1-A0-2-b",
    "8f14e45fceea167a5a36dedd4bea2543",
    "U0A, 8f14e45fceea167a",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "https://slack.example.com/api/?token=hunter2",
    "https://hooks.slack.com/services/T0A/B0A/hunter2hunter2 x",
]


@pytest.mark.parametrize("name", sorted(INVALID))
@pytest.mark.parametrize("text", MISPLACED)
def test_misplaced_secret_is_never_quoted(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    line = ""
    try:
        load(kind_with(name))  # some variables may be any word
    except ConfigError as error:
        line = str(error)
    assert not line or line.startswith(f"{name}: the given value is not valid; it must be ")
    assert not [part for part in re.split("[ ,]+", text) if len(part) > 6 and part in line]


def test_secret_as_profile_or_endpoint_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "8f14e45fceea167a5a36dedd4bea2543")
    assert "8f14e45f" not in refusal()
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_PROFILE", "8f14e45fceea167a5a36dedd4bea2543")
    assert "8f14e45f" not in refusal()


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"])
@pytest.mark.parametrize("empty", [False, True], ids=["unset", "empty"])
def test_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch, name: str, *, empty: bool) -> None:
    if empty:
        monkeypatch.setenv(name, "")
    else:
        monkeypatch.delenv(name)
    assert refusal(kind_with(name)).startswith(f"{name} is missing: set it to the app's ")


def test_each_transport_needs_its_own_secret_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_APP_TOKEN")
    load(HttpSettings)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)
    monkeypatch.delenv("SLACK_SIGNING_SECRET")
    load(SocketSettings)


def test_command_line_needs_no_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    monkeypatch.delenv("SLACK_SIGNING_SECRET")
    assert load(Settings).slack_bot_token is None


@pytest.mark.parametrize("kind", [Settings, HttpSettings, SocketSettings])
def test_missing_region_is_named(monkeypatch: pytest.MonkeyPatch, kind: type[Settings]) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert refusal(kind) == "AWS_REGION is missing: set it to an AWS region such as eu-west-1"


def test_region_defaults_to_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_REGION")
    config = tmp_path / "config"
    config.write_text("[default]\nregion = ap-southeast-2\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert load(Settings).aws_region == "ap-southeast-2"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert load(Settings).aws_region == "eu-north-1"


@pytest.mark.public(17)
@pytest.mark.parametrize(
    "region", ["eusc-de-east-1", "cn-north-1", "us-gov-west-1", "us-isof-south-1", "mx-central-1"]
)
def test_regions_of_every_partition_are_valid(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    assert load(Settings).aws_region == region
    assert Mapping("default", "d-x", "ana", region=region).region == region


@pytest.mark.parametrize("text", ["[default\nregion", "\x00"])
def test_unreadable_aws_settings_are_an_error_of_the_region(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    monkeypatch.delenv("AWS_REGION")
    config = tmp_path / "config"
    config.write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert refusal(Settings).startswith("AWS_REGION")


def test_unknown_aws_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_PROFILE", "typo")
    assert "typo" in refusal(Settings)


def test_all_wrong_variables_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "SLACK_BOT_TOKEN": "hunter2",
        "SLACK_SIGNING_SECRET": "",
        "AWS_REGION": "Ireland",
        "STUDIO_LINK_SECONDS": "0",
        "STUDIO_ADMINS": "ana,ben",
        "AWS_ENDPOINT_URL_STS": "nonsense",
    }
    for name, text in wrong.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError) as refused:
        load(HttpSettings)
    lines = str(refused.value).splitlines()
    assert sorted(re.split("[: ]", line)[0] for line in lines) == sorted(wrong)
    assert "STUDIO_LINK_SECONDS: '0' is not valid; it must be a whole number from 5 to 300" in lines
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_settings_hide_secrets_in_every_representation() -> None:
    assert load(HttpSettings).slack_bot_token.get_secret_value() == TOKEN
    for settings in (load(HttpSettings), load(SocketSettings)):
        for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
            assert not any(secret in shown for secret in (TOKEN, SECRET, APP_TOKEN))


@pytest.mark.parametrize("service", ["", "_DYNAMODB", "_SAGEMAKER", "_STS"])
@pytest.mark.parametrize(
    "text",
    ["nonsense", "127.0.0.1:5001", "http://", "http://a b", "http://dynamodb.example.com", "http://127.0.0.1.x/"],
)
def test_invalid_aws_endpoint_is_named(monkeypatch: pytest.MonkeyPatch, service: str, text: str) -> None:
    monkeypatch.setenv(f"AWS_ENDPOINT_URL{service}", text)

    with pytest.raises(ConfigError, match=f"^AWS_ENDPOINT_URL{service}: {text!r} is not valid; it must be the addr"):
        load(HttpSettings)


@pytest.mark.parametrize("text", ["", "http://127.0.0.1:5001", "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com/"])
def test_aws_endpoint_can_be_any_address(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", text)

    load(HttpSettings)


def test_aws_endpoint_with_password_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://user:hidden@host")

    with pytest.raises(ConfigError, match=r"^AWS_ENDPOINT_URL_STS: the given value is not valid"):
        load(HttpSettings)


def test_unknown_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "STUDIO_UNHEARD_OF"):
        monkeypatch.setenv(name, "x")
    load(HttpSettings)


def test_settings_are_immutable() -> None:
    settings = load(HttpSettings)
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "port", 1)  # noqa: B010 - as an assignment it is refused before it is run


@pytest.mark.public(21)
@pytest.mark.parametrize("value", ["http://127.0.0.1:4318", "collector:4317"])
def test_traces_without_the_extra_are_ignored(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", value)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)

    [(name, why)] = drop_ignored_variables().items()

    assert name == "OTEL_EXPORTER_OTLP_ENDPOINT"
    assert "pip install '.[otel]'" in why
    assert load(HttpSettings).otel_exporter_otlp_endpoint is None


@pytest.mark.public(21)
def test_variables_of_platforms_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/no/such/folder")

    assert list(drop_ignored_variables()) == ["WEB_CONCURRENCY", "PROMETHEUS_MULTIPROC_DIR"]
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


@pytest.mark.public(21)
def test_variable_that_does_something_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")

    assert drop_ignored_variables() == {}
    assert load(HttpSettings).otel_exporter_otlp_endpoint == "http://127.0.0.1:4318"
