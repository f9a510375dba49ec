"""The forms that environment variables can have, as pydantic fields and validators. `bot.config` names the variables.

Each description completes the sentence that a variable "must be", for the error about a wrong value.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from bot.core.values import install_hint

WEB_ADDRESS = r"https?://[^\s/?#@]+(/[^\s?#]*)?"
# Plain HTTP only where nothing leaves this machine.
SAFE_ADDRESS = r"(https://[^\s/?#@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?)(/[^\s?#]*)?"


def bare(text: str) -> str:
    """Return a value without the white space and the quotes around it, which some readers of .env files keep."""
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def split(text: str) -> tuple[str, ...]:
    """Return the values of a list, which commas or white space separate."""
    return tuple(part for part in re.split(r"[\s,]+", text) if part)


def whole_number(default: int, least: int, most: int) -> Any:
    """Return a field for a whole number within bounds, both included."""
    return Field(default, ge=least, le=most, description=f"a whole number from {least} to {most}")


def matching(default: str | None, pattern: str, description: str) -> Any:
    """Return a field for text that has the pattern."""
    return Field(default, pattern=pattern, description=description)


def channel() -> Any:
    """Return a field for the id of a channel, or nothing."""
    return matching(None, r"^[CG][A-Z0-9]{1,30}$", "a Slack channel id such as C0123ABCD")


def each_matches(form: re.Pattern[str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a validator that requires the form of each value."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(form.fullmatch(value) for value in values):
            raise ValueError
        return values

    return check


def secret(form: str, most: int = 1) -> AfterValidator:
    """Return a validator that requires the form of one secret, or of several that a comma separates."""
    pattern = re.compile(form, re.ASCII)

    def check(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        secrets = (text,) if most == 1 else split(text)
        if not 1 <= len(secrets) <= most or not all(pattern.fullmatch(secret) for secret in secrets):
            raise ValueError
        return value

    return AfterValidator(check)


BotToken = Annotated[SecretStr, secret(r"(xoxe\.)?xoxb-[\w.-]+")]
BOT_MAY_BE = "the app's bot token, which starts with xoxb- (OAuth & Permissions in the app's settings)"
Values = Annotated[tuple[str, ...], NoDecode, BeforeValidator(lambda given: split(given) if given else ())]


def drop_ignored_variables() -> dict[str, str]:
    """Remove variables that platforms set and that do nothing here, before libraries read them; say why."""
    ignored = {
        "WEB_CONCURRENCY": "the bot is one process; run more replicas instead",
        "PROMETHEUS_MULTIPROC_DIR": "the bot is one process, which has its metrics in memory",
    }
    exporter = None
    with suppress(ModuleNotFoundError):
        exporter = find_spec("opentelemetry.exporter.otlp.proto.http")
    if exporter is None:
        ignored["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"traces need an extra; to install it: {install_hint('otel')}"
    return {name: why for name, why in ignored.items() if os.environ.pop(name, "")}
