"""Resolve secret references with the stand-in for Secrets Manager and the Parameter Store."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import structlog

from bot.aws.secret_refs import read
from bot.config import HttpSettings, Settings, SocketSettings, load
from bot.core.errors import ConfigError
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from bot.observability import logs
from tests.contract.stands import ListeningAws

FAR = "eu-central-1"
CANARY = "canary-of-a-secret-0123456789"
JSON = {"token": CANARY, "number": 42, "nested": {"token": CANARY}}


@pytest.fixture(scope="module")
def secrets_manager(local_aws: ListeningAws) -> Iterator[Any]:
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=local_aws.endpoint)
    yield client
    client.close()


@pytest.fixture(scope="module")
def parameters(local_aws: ListeningAws) -> Iterator[Any]:
    client = boto3.client("ssm", region_name=REGION, endpoint_url=local_aws.endpoint)
    yield client
    client.close()


@pytest.fixture
def aws(local_aws: ListeningAws, secrets_manager: Any, parameters: Any) -> ListeningAws:
    """Return the stand-in with a secret of each kind."""
    local_aws.reset()
    secrets_manager.create_secret(Name="links/plain", SecretString=f"{CANARY}\n")
    secrets_manager.create_secret(Name="links/json", SecretString=json.dumps(JSON))
    secrets_manager.create_secret(Name="links/binary", SecretBinary=CANARY.encode())
    parameters.put_parameter(Name="/links/token", Value=CANARY, Type="SecureString")
    parameters.put_parameter(Name="token", Value=CANARY, Type="String")
    return local_aws


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "reference",
    [
        "aws-secretsmanager://links/plain",
        "aws-secretsmanager://links/json#token",
        "ssm:///links/token",
        "ssm://token",
    ],
)
def test_reference_is_resolved(reference: str) -> None:
    assert read(reference, REGION) == CANARY


def test_arn_is_read_in_its_region(aws: ListeningAws) -> None:
    there = boto3.client("secretsmanager", region_name=FAR, endpoint_url=aws.endpoint)
    arn = there.create_secret(Name="far", SecretString=json.dumps(JSON))["ARN"]
    there.close()
    assert read(f"aws-secretsmanager://{arn}#token", REGION) == CANARY
    with pytest.raises(ConfigError, match="ResourceNotFoundException"):
        read("aws-secretsmanager://far", REGION)


def test_resolved_secret_is_redacted_from_logs(aws: ListeningAws, secrets_manager: Any) -> None:
    assert aws.endpoint
    secrets_manager.create_secret(Name="another", SecretString="another-canary-0123456789")
    stream = io.StringIO()
    logs.configure(level="DEBUG", style="json", stream=stream)
    structlog.get_logger().info("it", what=f"<{read('aws-secretsmanager://another', REGION)}>")
    assert "another-canary" not in stream.getvalue()
    assert "[redacted]" in stream.getvalue()


WRONG = {
    "no such secret": ("aws-secretsmanager://nothing", "ResourceNotFoundException"),
    "no such parameter": ("ssm:///nothing", "ParameterNotFound"),
    "no such key": ("aws-secretsmanager://links/json#nothing", "no JSON with a text called nothing"),
    "a key that is no text": ("aws-secretsmanager://links/json#number", "no JSON with a text called number"),
    "a key that is an object": ("aws-secretsmanager://links/json#nested", "no JSON with a text called nested"),
    "no JSON": ("aws-secretsmanager://links/plain#token", "no JSON with a text called token"),
    "binary": ("aws-secretsmanager://links/binary#token", "no JSON with a text called token"),
    "no name": ("aws-secretsmanager://", "cannot be read"),
    "no parameter": ("ssm://", "cannot be read"),
}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("reference", "why"), WRONG.values(), ids=WRONG)
def test_unresolvable_reference_is_named_without_its_value(reference: str, why: str) -> None:
    with pytest.raises(ConfigError) as failed:
        read(reference, REGION)
    line = str(failed.value)
    assert line.startswith(reference)
    assert why in line
    assert "\n" not in line
    assert CANARY not in line
    assert failed.value.__cause__ is None


def test_refusal_names_the_missing_permission(aws: ListeningAws) -> None:
    aws.inject("GetSecretValue", Fault("AccessDeniedException", f"no {CANARY}"))
    with pytest.raises(ConfigError, match="secretsmanager:GetSecretValue") as failed:
        read("aws-secretsmanager://links/plain", REGION)
    assert CANARY not in str(failed.value)


def test_temporary_aws_failure_is_retried(aws: ListeningAws) -> None:
    aws.inject("GetSecretValue", Fault("InternalServiceError", "no", 500))
    assert read("aws-secretsmanager://links/plain", REGION) == CANARY


def test_unreachable_aws_fails_the_read(aws: ListeningAws, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws.endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"ssm:///links/token cannot be read \(EndpointConnectionError\)"):
        read("ssm:///links/token", REGION)


# Settings


SECRET, TOKEN, APP_TOKEN = "0123456789abcdef0123456789abcdef", "xoxb-1-2-canary", "xapp-1-A0-canary"


@pytest.fixture
def referenced(aws: ListeningAws, secrets_manager: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set each secret to a reference into one JSON document, as deploy/cloudformation.yaml does."""
    assert aws.endpoint
    values = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SECRET, "SLACK_APP_TOKEN": APP_TOKEN}
    secrets_manager.create_secret(Name="links/slack", SecretString=json.dumps(values))
    for name in values:
        monkeypatch.setenv(name, f"aws-secretsmanager://links/slack#{name}")

    def put(**changes: str) -> None:
        secrets_manager.put_secret_value(SecretId="links/slack", SecretString=json.dumps({**values, **changes}))

    return put


@pytest.mark.usefixtures("referenced")
def test_each_secret_can_be_a_reference() -> None:
    http, socket = load(HttpSettings), load(SocketSettings)
    assert http.slack_bot_token.get_secret_value() == TOKEN
    assert http.signing_secrets == (SECRET,)
    assert socket.slack_app_token.get_secret_value() == APP_TOKEN
    assert http.is_reference("SLACK_SIGNING_SECRET")
    assert SECRET not in repr(http)


@pytest.mark.usefixtures("referenced")
def test_plain_value_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SECRET[::-1])
    settings = load(HttpSettings)
    assert settings.signing_secrets == (SECRET[::-1],)
    assert not settings.is_reference("SLACK_SIGNING_SECRET")
    assert settings.is_reference("SLACK_BOT_TOKEN")


def test_command_resolves_only_the_secrets_it_needs(aws: ListeningAws, referenced: Any) -> None:
    assert referenced
    load(Settings)
    assert aws.calls.count("GetSecretValue") == 1


def test_invalid_value_is_named_by_its_reference_only(referenced: Any) -> None:
    referenced(SLACK_BOT_TOKEN=CANARY)
    with pytest.raises(ConfigError) as failed:
        load(HttpSettings)
    line = str(failed.value)
    assert line.startswith(
        "SLACK_BOT_TOKEN: the value of aws-secretsmanager://links/slack#SLACK_BOT_TOKEN is not valid"
    )
    assert CANARY not in line


def test_unresolvable_reference_is_an_error_of_its_variable(referenced: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert referenced
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "ssm:///nothing")
    with pytest.raises(ConfigError, match=r"^SLACK_SIGNING_SECRET: ssm:///nothing cannot be read"):
        load(HttpSettings)


def test_reference_can_hold_two_signing_secrets(referenced: Any) -> None:
    referenced(SLACK_SIGNING_SECRET=f"{SECRET[::-1]}, {SECRET}")
    assert load(HttpSettings).signing_secrets == (SECRET[::-1], SECRET)
