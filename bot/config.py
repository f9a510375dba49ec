"""The environment, read once and checked. Nothing else in the product reads it, except boto3 by its own rules.

`Settings` is for commands; `ServeSettings` adds what the running bot needs. Secrets are `SecretStr`: they hide in
`repr`, and the error for a wrong one never quotes it. A secret may be a reference, which is resolved here.
"""

import os
import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Any, Literal, TypeVar

import boto3
from botocore.exceptions import BotoCoreError
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.aws import secret_refs as references
from bot.core.errors import ConfigError
from bot.core.values import LINK_SECONDS, REGION, SESSION_SECONDS, TENANT_ID, USER_ID

Ids = Annotated[tuple[str, ...], NoDecode]

SLACK_API = "https://slack.com/api/"
WEB_ADDRESS = r"https?://[^\s/?#@]+(/[^\s?#]*)?"
ENDPOINT = "the address of the service, such as http://127.0.0.1:5001"


class Settings(BaseSettings):
    """Settings of every command."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    slack_bot_token: SecretStr | None = None
    slack_api_url: str = SLACK_API
    aws_region: str = Field(default="", validate_default=True)
    studio_table_prefix: str = Field("studio-links-", pattern=r"^[a-zA-Z0-9_.-]{0,200}$")
    studio_link_seconds: int = Field(60, ge=LINK_SECONDS.start, lt=LINK_SECONDS.stop)
    studio_session_seconds: int = Field(43200, ge=SESSION_SECONDS.start, lt=SESSION_SECONDS.stop)
    studio_teams: Ids = ()
    studio_admins: Ids = ()
    studio_allow_guests: bool = False
    studio_links_per_minute: int = Field(5, ge=1, le=1000)
    studio_audit_days: int = Field(400, ge=1, le=3650)
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    studio_external_id: str | None = Field(None, pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = Field(
        default_factory=lambda: "console" if sys.stderr.isatty() else "json"
    )

    # Variables that were references, and the references.
    _resolved: dict[str, str] = PrivateAttr(default_factory=dict)

    def is_reference(self, name: str) -> bool:
        """Return whether the variable was a reference, so that its value may be read again."""
        return name in self._resolved

    @field_validator("slack_bot_token")
    @classmethod
    def _bot_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"(xoxe\.)?xoxb-[\w.-]+", value.get_secret_value(), re.ASCII):
            raise ValueError("a bot token, which starts with xoxb- (OAuth & Permissions in the app's settings)")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _api_url(cls, value: str) -> str:
        if not re.fullmatch(WEB_ADDRESS, value):
            raise ValueError("the base address of Slack's Web API without a user name, like https://slack.com/api/")
        return value.rstrip("/") + "/"

    @field_validator("aws_region")
    @classmethod
    def _region(cls, value: str) -> str:
        try:
            value = value or boto3.Session().region_name or ""
        except BotoCoreError as error:
            raise ValueError(f"an AWS region such as eu-west-1; AWS's own settings cannot be read: {error}") from None
        if not REGION.fullmatch(value):
            raise ValueError("an AWS region such as eu-west-1")
        return value

    @field_validator("studio_teams", "studio_admins", mode="before")
    @classmethod
    def _ids(cls, value: Any) -> Any:
        return tuple(part for part in re.split(r"[\s,]+", value) if part) if isinstance(value, str) else value

    @field_validator("studio_teams")
    @classmethod
    def _teams(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(TENANT_ID.fullmatch(team) for team in value):
            raise ValueError("Slack team or enterprise ids such as T0123ABCD, separated by commas")
        return value

    @field_validator("studio_admins")
    @classmethod
    def _admins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(USER_ID.fullmatch(user) for user in value):
            raise ValueError("Slack user ids such as U0123ABCD, separated by commas")
        return value

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _any_case(cls, value: Any, info: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.upper() if info.field_name == "log_level" else value.lower()


class ServeSettings(Settings):
    """Settings of the running bot, over either transport.

    Attributes:
        studio_concurrency: requests in progress at once in this process.
        studio_keep_alive_seconds: how long an idle connection stays open: longer than the load balancer's timeout
            (60 s on an ALB), so that the balancer never sends a request into a connection that is being closed.
        studio_queue: requests that may wait; further ones get the answer that the bot is busy.
        studio_person_seconds: how long membership is cached; 0 calls Slack for every request.
    """

    slack_bot_token: SecretStr
    host: str = Field("127.0.0.1", pattern=r"^[\w.:\[\]-]+$")
    port: int = Field(3000, ge=0, le=65535)
    studio_audit_channel: str | None = Field(None, pattern=r"^[CG][A-Z0-9]{1,30}$")
    studio_request_channel: str | None = Field(None, pattern=r"^[CG][A-Z0-9]{1,30}$")
    studio_locale: Literal["en", "de"] | None = None
    studio_concurrency: int = Field(64, ge=1, le=256)
    studio_queue: int = Field(400, ge=0, le=10000)
    studio_keep_alive_seconds: int = Field(75, ge=1, le=3600)
    studio_person_seconds: int = Field(60, ge=0, le=300)
    otel_exporter_otlp_endpoint: str | None = Field(None, pattern=f"^{WEB_ADDRESS}$")

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _traced(cls, value: str | None) -> str | None:
        if value is not None and not _has_otel():
            raise ValueError("unset, or the extra for it installed: pip install 'studio-links[otel]'")
        return value


class HttpSettings(ServeSettings):
    """Settings of the bot over HTTP.

    Attributes:
        slack_signing_secret: one, or two during a rotation, the newer one first.
    """

    slack_signing_secret: SecretStr

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """Return the accepted signing secrets, the newer one first."""
        return _each(self.slack_signing_secret)

    @field_validator("slack_signing_secret")
    @classmethod
    def _signing_secret(cls, value: SecretStr) -> SecretStr:
        secrets = _each(value)
        if not 1 <= len(secrets) <= MAX_SIGNING_SECRETS or not all(
            re.fullmatch(r"[!-~]{6,}", secret) and not secret.startswith("xox") for secret in secrets
        ):
            raise ValueError(
                "the app's signing secret, 32 characters (Basic Information in the app's settings), or the new one "
                "and the old one with a comma between"
            )
        return value


class SocketSettings(ServeSettings):
    """Settings of the bot over Socket Mode.

    Attributes:
        studio_replicas: how many processes serve the app, each with one connection; Slack allows ten.
    """

    slack_app_token: SecretStr
    studio_replicas: int = Field(1, ge=1, le=10)

    @field_validator("slack_app_token")
    @classmethod
    def _app_token(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"xapp-[\w.-]+", value.get_secret_value(), re.ASCII):
            raise ValueError("an app-level token, which starts with xapp- (Basic Information in the app's settings)")
        return value


def _has_otel() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


MAX_SIGNING_SECRETS = 2


def _each(secrets: SecretStr) -> tuple[str, ...]:
    return tuple(secret for secret in re.split(r"[\s,]+", secrets.get_secret_value()) if secret)


# What each variable may be, for errors of pydantic's own checks.
MAY_BE = {
    "STUDIO_TABLE_PREFIX": "letters, digits, dots, underscores and hyphens",
    "STUDIO_LINK_SECONDS": "a whole number from 5 to 300",
    "STUDIO_SESSION_SECONDS": "a whole number from 1800 to 43200",
    "STUDIO_ALLOW_GUESTS": "true or false",
    "STUDIO_LINKS_PER_MINUTE": "a whole number from 1 to 1000",
    "STUDIO_AUDIT_DAYS": "a whole number from 1 to 3650",
    "STUDIO_EXTERNAL_ID": "2 to 1224 letters, digits and characters of _+=,.@:/-",
    "STUDIO_AUDIT_CHANNEL": "a Slack channel id such as C0123ABCD",
    "STUDIO_REQUEST_CHANNEL": "a Slack channel id such as C0123ABCD",
    "STUDIO_LOCALE": "en or de; unset for each member's own language",
    "STUDIO_CONCURRENCY": "a whole number from 1 to 256",
    "STUDIO_QUEUE": "a whole number from 0 to 10000",
    "STUDIO_PERSON_SECONDS": "a whole number from 0 to 300",
    "STUDIO_KEEP_ALIVE_SECONDS": "a whole number from 1 to 3600",
    "STUDIO_REPLICAS": "a whole number from 1 to 10",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "the address of an OpenTelemetry collector, such as http://127.0.0.1:4318",
    "HOST": "an address to listen on, such as 127.0.0.1",
    "PORT": "a port number from 0 to 65535",
    "LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR",
    "LOG_FORMAT": "json or console",
    "SLACK_BOT_TOKEN": "the app's bot token, which starts with xoxb-",
    "SLACK_SIGNING_SECRET": "the app's signing secret",
    "SLACK_APP_TOKEN": "the app's app-level token, which starts with xapp-",
}
SECRET = {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"}

S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Read the environment.

    Raises:
        ConfigError: one line that names the first wrong variable, its value, and what it may be.
    """
    named = {name: os.environ.get(name, "") for name in sorted(SECRET) if name.lower() in kind.model_fields}
    resolved = {name: text for name, text in named.items() if references.is_reference(text)}
    found: dict[str, Any] = {name.lower(): _resolve(name, reference) for name, reference in resolved.items()}
    try:
        settings = kind(**found)
    except ValidationError as error:
        raise ConfigError(_explain(error, resolved)) from None  # the cause would quote the values, secrets among them
    _check_endpoints()
    settings._resolved.update(resolved)  # noqa: SLF001 - no variable may set it, and this is its only writer
    return settings


def ignored_variables() -> tuple[str, ...]:
    """Return the variables that are set, by some platforms on their own, and that no longer do anything."""
    return tuple(name for name in ("WEB_CONCURRENCY",) if os.environ.get(name))


def secret_references() -> frozenset[str]:
    """Return the references among all variables that hold secrets."""
    values = [value.strip() for name in SECRET for value in os.environ.get(name, "").split(",")]
    return frozenset(value for value in values if references.is_reference(value))


def _check_endpoints() -> None:
    """Check what boto3 reads only when it is used, long after the start."""
    for name, text in sorted(os.environ.items()):
        if name.startswith("AWS_ENDPOINT_URL") and text and not re.fullmatch(WEB_ADDRESS, text):
            raise ConfigError(f"{name}: {_quoted(name, text)} is not valid; it must be {ENDPOINT}")


def _resolve(name: str, reference: str) -> str:
    try:
        return references.read(reference, os.environ.get("AWS_REGION") or None)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def _explain(error: ValidationError, resolved: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]).upper()
    given = first.get("ctx", {}).get("error")
    may_be = str(given) if isinstance(given, ValueError) else MAY_BE[name]
    if first["type"] == "missing" or first["input"] == "":
        return f"{name} is missing: set it to {may_be}"
    if name in resolved:
        return f"{name}: the value of {resolved[name]} is not valid; it must be {may_be}"
    return f"{name}: {_quoted(name, str(first['input']))} is not valid; it must be {may_be}"


def _quoted(name: str, text: str) -> str:
    return "the given value" if name in SECRET or "@" in text else repr(text[:80])
