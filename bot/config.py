"""The environment, read once and checked. Nothing else in the product reads it, except boto3 by its own rules.

`Settings` is for commands; `ServeSettings` adds what the running bot needs. Secrets are `SecretStr`: they hide in
`repr`, and the error for a wrong one never quotes it. A secret may be a reference, which is resolved here.

A field's description says what the variable may be, for the error about a missing or wrong value.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import boto3
from botocore.exceptions import BotoCoreError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.aws import secret_refs as references
from bot.aws.client import partition_of
from bot.core import templates
from bot.core.errors import ConfigError
from bot.core.values import (
    EMAIL_DOMAIN,
    HOST_PATTERN,
    LINK_SECONDS,
    REGION,
    SESSION_SECONDS,
    TENANT_ID,
    USER_ID,
    may_hold_secret,
)
from bot.variables import (
    BOT_MAY_BE,
    SAFE_ADDRESS,
    WEB_ADDRESS,
    BotToken,
    Values,
    bare,
    channel,
    each_matches,
    matching,
    secret,
    split,
    whole_number,
)
from bot.workspaces import limits

S = TypeVar("S", bound="Settings")

ENDPOINT = "the address of the service, such as https://sts.eu-west-1.amazonaws.com; http:// only for this machine"
SECRET = {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"}
SIGNING_SECRET = re.compile("[0-9a-f]{32}")  # as Slack makes them today
DOUBTFUL = (
    "SLACK_SIGNING_SECRET does not look like Slack's, which are 32 hexadecimal digits: copy it again from Basic "
    "Information in the app's settings"
)
OURS = ("slack_", "studio_", "log_", "metrics_", "host", "port")


class Settings(BaseSettings):
    """Settings of every command."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    slack_bot_token: BotToken | None = Field(None, description=BOT_MAY_BE)
    slack_api_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/") + "/")] = matching(
        "https://slack.com/api/",
        f"^{SAFE_ADDRESS}$",
        "the base address of Slack's Web API without a user name, like https://slack.com/api/; http:// only for this "
        "machine",
    )
    aws_region: str = Field("", validate_default=True, description="an AWS region such as eu-west-1")
    studio_table_prefix: str = matching(
        "studio-links-", r"^[a-zA-Z0-9_.-]{0,200}$", "letters, digits, dots, underscores and hyphens"
    )
    studio_link_seconds: int = whole_number(60, LINK_SECONDS.start, LINK_SECONDS.stop - 1)
    studio_session_seconds: int = whole_number(43200, SESSION_SECONDS.start, SESSION_SECONDS.stop - 1)
    studio_teams: Annotated[Values, AfterValidator(each_matches(TENANT_ID))] = Field(
        (), description="Slack team or enterprise ids such as T0123ABCD, separated by commas"
    )
    studio_admins: Annotated[Values, AfterValidator(each_matches(USER_ID))] = Field(
        (), description="Slack user ids such as U0123ABCD, separated by commas"
    )
    studio_sole_admin: bool = Field(default=False, description="true or false")
    studio_approvals: str = matching(
        "1",
        r"^[1-9](, *d-[a-z0-9-]{1,61}=[1-9])*$",
        "a number from 1 to 9, and others by domain, such as 1,d-abc123=2",
    )
    studio_approvals_file: str | None = matching(
        None, r"^[^\x00-\x1f]{1,1000}$", "the path of a TOML file with rules on access requests"
    )
    studio_email_domains: Annotated[Values, AfterValidator(each_matches(EMAIL_DOMAIN))] = Field(
        (), description="e-mail domains such as example.com, in lower case, separated by commas"
    )
    studio_audit_channel: str | None = channel()
    studio_request_channel: str | None = channel()
    studio_allow_guests: bool = Field(default=False, description="true or false")
    studio_links_per_minute: int = whole_number(5, 1, 1000)
    studio_audit_days: int = whole_number(400, 1, 3650)
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    studio_external_id: str | None = matching(
        None, r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$", "2 to 1224 letters, digits and characters of _+=,.@:/-"
    )
    studio_running: bool = Field(default=False, description="true or false")
    studio_price_file: str | None = matching(
        None, r"^[^\x00-\x1f]{1,1000}$", "the path of a file that `studio-links prices --write` has written"
    )
    studio_running_hours: str = matching("", limits.FORM, limits.MAY_BE)
    studio_running_summary: bool = Field(default=False, description="true or false")
    studio_stop_hours: str = matching("", limits.STOP_FORM, limits.STOP_MAY_BE)
    studio_link_hosts: Annotated[Values, AfterValidator(each_matches(HOST_PATTERN))] = Field(
        (), description="host names such as studio.example.com or *.studio.example.com, separated by commas"
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Annotated[Literal["json", "console"], BeforeValidator(str.lower)] = Field(
        default_factory=lambda: "console" if sys.stderr.isatty() else "json", description="json or console"
    )

    # Variables that were references, and the references.
    _resolved: dict[str, str] = PrivateAttr(default_factory=dict)
    # What new profiles get, by domain.
    _templates: templates.Templates = PrivateAttr(default_factory=dict)

    @property
    def profile_templates(self) -> templates.Templates:
        """Return what new profiles get, by domain: those of `STUDIO_PROFILE_TEMPLATE_<domain>`."""
        return self._templates

    def is_reference(self, name: str) -> bool:
        """Return whether the variable was a reference, so that its value may be read again."""
        return name in self._resolved

    @model_validator(mode="before")
    @classmethod
    def _without_quotes(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take our own variables without quotes; boto3 reads AWS's as they are."""
        return {
            name: bare(value) if isinstance(value, str) and name.startswith(OURS) else value
            for name, value in given.items()
        }

    @field_validator("aws_region")
    @classmethod
    def _region(cls, value: str) -> str:
        try:
            value = value or boto3.Session().region_name or ""
        except BotoCoreError as error:
            why = "check AWS_PROFILE and ~/.aws/config" if may_hold_secret(str(error)) else error
            raise ValueError(f"an AWS region such as eu-west-1; AWS's own settings cannot be read: {why}") from None
        if not REGION.fullmatch(value) or partition_of(value) is None:
            raise ValueError
        return value


class ServeSettings(Settings):
    """Settings of the running bot, over either transport.

    Attributes:
        metrics_port: where health and metrics are, at the same host; None for the port that Slack calls.
        studio_requests_per_minute: requests of one member that lead to no link, in this process.
        studio_pick_lists: the lists in forms. None means "off" over HTTP, where the app needs an Options Load URL
            first, and "mapped" over Socket Mode.
        studio_concurrency: requests in progress at once in this process.
        studio_keep_alive_seconds: how long an idle connection stays open: longer than the load balancer's timeout
            (60 s on an ALB, 90 s on Heroku), so that it never sends a request into a connection that is being closed.
        studio_queue: requests that may wait; further ones get the answer that the bot is busy.
        studio_person_seconds: how long membership is cached; 0 calls Slack for every request.
    """

    slack_bot_token: BotToken = Field(description=BOT_MAY_BE)
    host: str = matching("127.0.0.1", r"^[\w.:\[\]-]+$", "an address to listen on, such as 127.0.0.1")
    port: int = Field(3000, ge=0, le=65535, description="a port number from 0 to 65535")
    metrics_port: int | None = Field(None, ge=0, le=65535, description="a port number from 0 to 65535")
    studio_locale: Literal["en", "de"] | None = Field(
        None, description="en or de; unset for each member's own language"
    )
    studio_pick_lists: Literal["off", "mapped", "aws"] | None = Field(None, description="off, mapped or aws")
    studio_requests_per_minute: int = whole_number(10, 1, 1000)
    studio_concurrency: int = whole_number(64, 1, 256)
    studio_queue: int = whole_number(400, 0, 10000)
    studio_keep_alive_seconds: int = whole_number(95, 1, 3600)
    studio_person_seconds: int = whole_number(60, 0, 300)
    otel_exporter_otlp_endpoint: str | None = matching(
        None, f"^{WEB_ADDRESS}$", "the address of an OpenTelemetry collector, such as http://127.0.0.1:4318"
    )


class HttpSettings(ServeSettings):
    """Settings of the bot over HTTP."""

    slack_signing_secret: Annotated[SecretStr, secret(r"(?!xox|xapp-)[\w-]{6,}", most=2)] = Field(
        description="the app's signing secret, 32 characters (Basic Information in the app's settings), or the new "
        "one and the old one with a comma between"
    )

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """Return the accepted signing secrets: one, or two during a rotation, the newer one first."""
        return split(self.slack_signing_secret.get_secret_value())

    @property
    def doubtful_signing_secret(self) -> bool:
        """Return whether a signing secret does not look like Slack's: then every request may be refused."""
        return not all(SIGNING_SECRET.fullmatch(secret) for secret in self.signing_secrets)


class SocketSettings(ServeSettings):
    """Settings of the bot over Socket Mode.

    Attributes:
        studio_replicas: how many processes serve the app, each with one connection; Slack allows ten.
    """

    slack_app_token: Annotated[SecretStr, secret(r"xapp-[\w.-]+")] = Field(
        description="the app's app-level token, which starts with xapp- (Basic Information in the app's settings)"
    )
    studio_replicas: int = whole_number(1, 1, 10)


def load(kind: type[S]) -> S:
    """Read the environment.

    Raises:
        ConfigError: a line for each missing or wrong variable, which names it, its value, and what it may be.
    """
    named = {name: bare(os.environ.get(name, "")) for name in sorted(SECRET) if name.lower() in kind.model_fields}
    resolved = {name: text for name, text in named.items() if references.is_reference(text)}
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, reference in resolved.items():
        try:
            values[name.lower()] = references.read(reference, os.environ.get("AWS_REGION") or None)
        except ConfigError as error:
            problems[name] = f"{name}: {error}"
    settings = None
    try:
        settings = kind(**values)
    except ValidationError as error:
        for name, problem in _explain(error, kind, resolved):
            problems.setdefault(name, problem)
    found, wrong = templates.read((name, bare(text)) for name, text in os.environ.items())
    problems |= _wrong_endpoints() | wrong
    if settings is None or problems:
        # No cause: it would quote the values, secrets among them.
        raise ConfigError("\n".join(problems.values())) from None
    settings._resolved.update(resolved)  # noqa: SLF001 - no variable may set these, and this is their only writer
    settings._templates = found  # noqa: SLF001
    return settings


def secret_references(names: Iterable[str] = SECRET) -> frozenset[str]:
    """Return the references among these variables, which hold secrets."""
    values = [bare(value) for name in names for value in bare(os.environ.get(name, "")).split(",")]
    return frozenset(value for value in values if references.is_reference(value))


def _wrong_endpoints() -> dict[str, str]:
    """Check what boto3 reads only when it is used, long after the start."""
    return {
        name: f"{name}: {_quoted(name, text)} is not valid; it must be {ENDPOINT}"
        for name, text in sorted(os.environ.items())
        if name.startswith("AWS_ENDPOINT_URL") and text and not re.fullmatch(SAFE_ADDRESS, text)
    }


def _explain(error: ValidationError, kind: type[Settings], resolved: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each wrong variable and the line about it."""
    for each in error.errors(include_url=False):
        name = (field := str(each["loc"][0])).upper()
        may_be = str(each.get("ctx", {}).get("error", "")) or kind.model_fields[field].description
        if each["type"] == "missing" or each["input"] == "":
            yield name, f"{name} is missing: set it to {may_be}"
        elif name in resolved:
            yield name, f"{name}: the value of {resolved[name]} is not valid; it must be {may_be}"
        else:
            broken = name in SECRET and len(str(each["input"]).split()) > 1
            inside = "; it has a line break or a space inside" if broken else ""
            yield name, f"{name}: {_quoted(name, str(each['input']))} is not valid; it must be {may_be}{inside}"


def _quoted(name: str, text: str) -> str:
    return "the given value" if name in SECRET or may_hold_secret(text) else repr(text[:80])
