"""Sessions of the roles that mappings name: one per member and profile, cached for minutes, in memory only.

A stolen session could make links for one profile until it ends. So a session is as short as AWS allows, has its
member's name, and is never shared.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.credentials import CredentialProvider, Credentials
from botocore.exceptions import NoCredentialsError

from bot.core.values import MAX_SESSION_NAME_LENGTH, utc_now
from bot.single_flight import SingleFlightCache

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef, CredentialsTypeDef

# Seconds; the shortest that AWS allows.
SESSION_SECONDS = 900
# A session is not used in the last part of its life.
SPARE = timedelta(seconds=120)
# Cached sessions; the least recently used one is dropped.
MAX_SESSIONS = 512


@dataclass(frozen=True, slots=True)
class SessionKey:
    """The identity of a session; different keys never share one.

    Attributes:
        who: the name that CloudTrail shows.
        policy: the inline policy that narrows the role, as JSON.
    """

    role_arn: str
    who: str
    policy: str


@dataclass(frozen=True, slots=True)
class Session:
    """The credentials of an assumed role, by the names under which botocore reads them. They hide in `repr`."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: datetime

    account_id: str | None = None


class Roles:
    """Assume roles; concurrent requests for the same session share one call and its failure.

    Args:
        sts: returns the STS client; called when the first role is assumed.
        external_id: the external id that the roles' trust policies require; None for none.
    """

    def __init__(
        self,
        sts: Callable[[], "STSClient"],
        *,
        external_id: str | None = None,
        most: int = MAX_SESSIONS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sts, self._external_id, self._now = sts, external_id, now
        self._sessions = SingleFlightCache[SessionKey, Session](
            SESSION_SECONDS - SPARE.total_seconds(),
            keep=lambda _key, session: session.expires_at - SPARE > now(),
            monotonic=lambda: now().timestamp(),
            max_entries=most,
        )
        self.forget = self._sessions.forget

    def session(self, key: SessionKey) -> tuple[Session, bool]:
        """Return the session, and whether it was cached.

        Raises:
            ClientError, BotoCoreError: as STS's client does. Nothing is cached then.
        """
        asked: list[bool] = []

        def assume() -> Session:
            asked.append(True)
            return self._assume(key)

        return self._sessions.get(key, assume), not asked

    def _assume(self, key: SessionKey) -> Session:
        requested_at = self._now()
        credentials = assume(self._sts(), key, self._external_id)
        return Session(
            access_key=credentials["AccessKeyId"],
            secret_key=credentials["SecretAccessKey"],
            token=credentials["SessionToken"],
            # By our own clock, which may differ from AWS's, but never for longer than we asked for.
            expires_at=min(credentials["Expiration"], requested_at + timedelta(seconds=SESSION_SECONDS)),
        )


def assume(sts: "STSClient", key: SessionKey, external_id: str | None) -> "CredentialsTypeDef":
    """Return credentials of a role for as short as AWS allows."""
    name = key.who[:MAX_SESSION_NAME_LENGTH]
    parameters: AssumeRoleRequestTypeDef = {
        "RoleArn": key.role_arn,
        "RoleSessionName": name,
        "SourceIdentity": name,
        "DurationSeconds": SESSION_SECONDS,
        "Policy": key.policy,
    }
    if external_id is not None:
        parameters["ExternalId"] = external_id
    return sts.assume_role(**parameters)["Credentials"]


def as_arguments(credentials: "CredentialsTypeDef") -> dict[str, Any]:
    """Return the credentials as boto3's arguments for a client."""
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


_current: ContextVar[Session | None] = ContextVar("use_session", default=None)


@contextmanager
def use_session(session: Session) -> Iterator[None]:
    """Within this block, and on this thread alone, clients of a `borrowing_session` sign with these credentials."""
    before = _current.set(session)
    try:
        yield
    finally:
        _current.reset(before)


class ContextCredentials(Credentials):
    """Credentials chosen call by call: making a client for each session would take 10 ms and 0.8 MB."""

    def __init__(self) -> None:
        super().__init__("", "", method="custom-studio-links-role")

    def get_frozen_credentials(self) -> Any:
        """Return the credentials for one signature; outside `use_session` there are none, and the call fails."""
        session = _current.get()
        if session is None:
            raise NoCredentialsError
        return session


class _Provider(CredentialProvider):
    METHOD = "custom-studio-links-role"

    def load(self) -> Credentials:
        return ContextCredentials()


def borrowing_session() -> botocore.session.Session:
    """Return a botocore session whose clients never use the process's own credentials."""
    session = botocore.session.Session()
    # https://botocore.amazonaws.com/v1/documentation/api/latest/reference/credentials.html
    session.get_component("credential_provider").insert_before("env", _Provider())
    return session
