"""Secrets that the environment only points to: in AWS Secrets Manager, or in the Parameter Store of Systems Manager.

    aws-secretsmanager://NAME_OR_ARN        aws-secretsmanager://NAME_OR_ARN#KEY_IN_ITS_JSON        ssm://NAME

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

import json
import re
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bot.core.errors import ConfigError, StudioLinksError
from bot.observability.logs import redactor

T = TypeVar("T")
log = structlog.get_logger()

SECRETS_MANAGER, PARAMETER = "aws-secretsmanager://", "ssm://"
ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:")
# Half a minute at most; whoever starts the process starts it again.
CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})

ADVICE = {
    "AccessDeniedException": "let the process's role read it (secretsmanager:GetSecretValue or ssm:GetParameter)",
    "ResourceNotFoundException": "check its name and the region",
    "ParameterNotFound": "check its name and the region",
    "InvalidRequestException": "it may be on its way to deletion: restore it",
    "DecryptionFailure": "let the process's role use its key (kms:Decrypt)",
    "NoCredentialsError": "give the process a role or a profile",
    "NoRegionError": "set AWS_REGION",
}


def is_reference(text: str) -> bool:
    """Whether a variable's value points to a secret instead of being one."""
    return text.startswith((SECRETS_MANAGER, PARAMETER))


def arn(reference: str, *, partition: str, region: str, account: str) -> str:
    """What to allow reading of: the ARN behind a reference. The six characters that AWS adds to a name are open.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html
    """
    if reference.startswith(PARAMETER):
        name = reference.removeprefix(PARAMETER)
        return f"arn:{partition}:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"
    name = reference.removeprefix(SECRETS_MANAGER).partition("#")[0]
    return name if ARN.match(name) else f"arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????"


def read(reference: str, region: str | None) -> str:
    """The secret that a reference points to, which no log shows from then on.

    Args:
        region: where it is kept, unless an ARN says so; None for boto3's own choice.

    Raises:
        ConfigError: it cannot be read; the message has the reference, and never the value.
    """
    try:
        value = _parameter(reference, region) if reference.startswith(PARAMETER) else _secret(reference, region)
    except ClientError as error:
        raise _unreadable(reference, error.response["Error"]["Code"]) from None
    except (BotoCoreError, ValueError) as error:
        raise _unreadable(reference, type(error).__name__) from None
    redactor.register(value)
    return value


def _secret(reference: str, region: str | None) -> str:
    name, _, key = reference.removeprefix(SECRETS_MANAGER).partition("#")
    if arn := ARN.match(name):
        region = arn[1]
    client = boto3.client("secretsmanager", region_name=region, config=CONFIG)
    text = str(client.get_secret_value(SecretId=name).get("SecretString", ""))
    if not key:
        return text.strip()
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):  # whose texts quote it
        value = None
    if not isinstance(value, str):
        raise ConfigError(f"{reference} holds no JSON with a text called {key}: put one there")
    return value.strip()


def _parameter(reference: str, region: str | None) -> str:
    client = boto3.client("ssm", region_name=region, config=CONFIG)
    answer = client.get_parameter(Name=reference.removeprefix(PARAMETER), WithDecryption=True)
    return str(answer["Parameter"].get("Value", "")).strip()


def _unreadable(reference: str, code: str) -> ConfigError:
    return ConfigError(f"{reference} cannot be read ({code}): {ADVICE.get(code, 'see that AWS answers, try again')}")


# Seconds between readings, and the fewest there may be when somebody asks for one.
EVERY, SOONEST = 300.0, 5.0


class RefreshingSecret(Generic[T]):
    """A value that is read again in the background, so that its rotation needs no restart.

    Args:
        value: what it is now.
        read: what it is later; raises StudioLinksError where it cannot be read, which changes nothing.
    """

    def __init__(self, value: T, read: Callable[[], T], *, every: float = EVERY, soonest: float = SOONEST) -> None:
        self._value, self._read, self._every, self._soonest = value, read, every, soonest
        self._wanted, self._stopping = threading.Event(), threading.Event()

    def __call__(self) -> T:
        """The value as it was last read."""
        return self._value

    def refresh_soon(self) -> None:
        """Read it again soon: something does not fit."""
        self._wanted.set()

    def start(self) -> None:
        """Begin to read it again and again."""
        threading.Thread(target=self._run, name="rereading", daemon=True).start()

    def stop(self) -> None:
        """Read it no more."""
        self._stopping.set()
        self._wanted.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._soonest):
            self._wanted.wait(self._every - self._soonest)
            self._wanted.clear()
            if self._stopping.is_set():
                return
            try:
                value = self._read()
            except StudioLinksError as error:
                log.warning("not_read_again", why=str(error))
                continue
            if value != self._value:
                self._value = value
                log.info("read_again_and_changed")
