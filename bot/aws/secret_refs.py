"""Secrets that environment variables refer to: in AWS Secrets Manager or in Systems Manager's Parameter Store.

    aws-secretsmanager://NAME_OR_ARN        aws-secretsmanager://NAME_OR_ARN#KEY_IN_ITS_JSON        ssm://NAME

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

import json
import re
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from botocore.config import Config

from bot.aws.client import new_session
from bot.core.errors import ConfigError, StudioLinksError
from bot.observability.aws_failures import AWS_ERRORS, error_code, meaning_of
from bot.observability.logs import redactor

T = TypeVar("T")
log = structlog.get_logger()

SECRETS_MANAGER, PARAMETER = "aws-secretsmanager://", "ssm://"
ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:")
# Half a minute at most; a supervisor starts the process again.
CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
# Seconds between two reads, and the fewest if `refresh_soon` asks for one.
EVERY, SOONEST = 300.0, 5.0

CHECK_NAME = "check its name and the region"
ADVICE = {
    "AccessDeniedException": "let the process's role read it (secretsmanager:GetSecretValue or ssm:GetParameter)",
    "ResourceNotFoundException": CHECK_NAME,
    "ParameterNotFound": CHECK_NAME,
    "InvalidRequestException": "it may be scheduled for deletion: restore it",
    "DecryptionFailure": "let the process's role use its key (kms:Decrypt)",
}


def is_reference(text: str) -> bool:
    """Return whether a variable's value refers to a secret instead of being one."""
    return text.startswith((SECRETS_MANAGER, PARAMETER))


def arn(reference: str, *, partition: str, region: str, account: str) -> str:
    """Return the ARN behind a reference, for a policy. The six characters that AWS adds to a name stay open.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html
    """
    if reference.startswith(PARAMETER):
        name = reference.removeprefix(PARAMETER)
        return f"arn:{partition}:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"
    name = reference.removeprefix(SECRETS_MANAGER).partition("#")[0]
    return name if ARN.match(name) else f"arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????"


def read(reference: str, region: str | None) -> str:
    """Return the secret that a reference names, and redact it in all later logs.

    Args:
        region: where it is kept, unless an ARN says so; None for boto3's own choice.

    Raises:
        ConfigError: it cannot be read; the message has the reference, and never the value.
    """
    try:
        value = _stored(reference, region)
    except (*AWS_ERRORS, ValueError) as error:
        code = error_code(error)
        advice = ADVICE.get(code) or meaning_of(error, "AWS", CHECK_NAME).words.replace(": ", "; ", 1)
        raise ConfigError(f"{reference} cannot be read ({code}): {advice}") from None
    redactor.register(value)
    return value


def _stored(reference: str, region: str | None) -> str:
    if reference.startswith(PARAMETER):
        ssm = new_session().client("ssm", region_name=region, config=CONFIG)
        answer = ssm.get_parameter(Name=reference.removeprefix(PARAMETER), WithDecryption=True)
        return str(answer["Parameter"].get("Value", "")).strip()
    name, _, key = reference.removeprefix(SECRETS_MANAGER).partition("#")
    if in_arn := ARN.match(name):
        region = in_arn[1]
    secrets_manager = new_session().client("secretsmanager", region_name=region, config=CONFIG)
    text = str(secrets_manager.get_secret_value(SecretId=name).get("SecretString", ""))
    if not key:
        return text.strip()
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):  # whose texts quote it
        value = None
    if not isinstance(value, str):
        raise ConfigError(f"{reference} holds no JSON with a text called {key}: put one there")
    return value.strip()


class RefreshingSecret(Generic[T]):
    """A value that is read again in the background, so that its rotation needs no restart.

    Args:
        value: the current value.
        read: returns the next value; StudioLinksError keeps the current one.
    """

    def __init__(self, value: T, read: Callable[[], T], *, every: float = EVERY, soonest: float = SOONEST) -> None:
        self._value, self._read, self._every, self._soonest = value, read, every, soonest
        self._requested, self._stopping = threading.Event(), threading.Event()

    def __call__(self) -> T:
        """Return the last value read."""
        return self._value

    def refresh_soon(self) -> None:
        """Read it again soon, because something does not match."""
        self._requested.set()

    def start(self) -> None:
        threading.Thread(target=self._run, name="secret-refresh", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        self._requested.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._soonest):
            self._requested.wait(self._every - self._soonest)
            self._requested.clear()
            if self._stopping.is_set():
                return
            try:
                value = self._read()
            except StudioLinksError as error:
                log.warning("secret_refresh_failed", why=str(error))
                continue
            if value != self._value:
                self._value = value
                log.info("secret_changed")
