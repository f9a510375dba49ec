"""Sessions of the roles that mappings name: each for one member and one profile, kept for minutes, in memory alone.

Whoever got hold of a session could make links for one profile, until it ends: so a session lasts as short as AWS
allows, is named after the member it is for, and is given to nobody else.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.credentials import CredentialProvider, Credentials
from botocore.exceptions import NoCredentialsError

from bot.core.values import MAX_SESSION_NAME_LENGTH, utc_now

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

# Seconds. The shortest that AWS gives.
SESSION_SECONDS = 900
# A session this near its end is not used any more.
SPARE = timedelta(seconds=120)
# Sessions kept at once; the one that was used longest ago makes room.
MAX = 512


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Which session is asked for. Two that differ in anything do not share one.

    Attributes:
        who: whom CloudTrail names.
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
    """Assumes roles, once for all who ask for the same session at the same time.

    Args:
        sts: gives the STS client; called when the first role is assumed.
        external_id: what the roles' trust policies ask for; None for nothing.
    """

    def __init__(
        self,
        sts: Callable[[], "STSClient"],
        *,
        external_id: str | None = None,
        most: int = MAX,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sts, self._external_id, self._most, self._now = sts, external_id, most, now
        self._sessions: OrderedDict[SessionKey, Future[Session]] = OrderedDict()
        self._lock = threading.Lock()

    def session(self, wanted: SessionKey) -> tuple[Session, bool]:
        """The session, and whether it was there already.

        Raises:
            ClientError, BotoCoreError: as STS's client does. Nothing is kept then.
        """
        future, is_new = self._find(wanted)
        if is_new:
            try:
                future.set_result(self._assume(wanted))
            except BaseException as error:
                self.forget(wanted, future)
                future.set_exception(error)
                raise
        return future.result(), not is_new

    def forget(self, wanted: SessionKey, future: "Future[Session] | None" = None) -> None:
        """Do not use this session again."""
        with self._lock:
            if future is None or self._sessions.get(wanted) is future:
                self._sessions.pop(wanted, None)

    def _find(self, wanted: SessionKey) -> "tuple[Future[Session], bool]":
        with self._lock:
            future = self._sessions.get(wanted)
            is_new = future is None or self._is_worn_out(future)
            if future is None or is_new:
                future = self._sessions[wanted] = Future()
            self._sessions.move_to_end(wanted)
            while len(self._sessions) > self._most:
                self._sessions.popitem(last=False)
            return future, is_new

    def _is_worn_out(self, future: "Future[Session]") -> bool:
        if not future.done():  # somebody is getting it
            return False
        return future.exception() is not None or future.result().expires_at - self._now() < SPARE

    def _assume(self, wanted: SessionKey) -> Session:
        name = wanted.who[:MAX_SESSION_NAME_LENGTH]
        parameters: AssumeRoleRequestTypeDef = {
            "RoleArn": wanted.role_arn,
            "RoleSessionName": name,
            "SourceIdentity": name,
            "DurationSeconds": SESSION_SECONDS,
            "Policy": wanted.policy,
        }
        if self._external_id is not None:
            parameters["ExternalId"] = self._external_id
        asked_at = self._now()
        got = self._sts().assume_role(**parameters)["Credentials"]
        return Session(
            access_key=got["AccessKeyId"],
            secret_key=got["SecretAccessKey"],
            token=got["SessionToken"],
            # By our own clock, which may differ from AWS's, but never for longer than we asked for.
            expires_at=min(got["Expiration"], asked_at + timedelta(seconds=SESSION_SECONDS)),
        )


_acting_as: ContextVar[Session | None] = ContextVar("use_session", default=None)


@contextmanager
def use_session(session: Session) -> Iterator[None]:
    """Within this block, and on this thread alone, clients of a `borrowing_session` sign with these credentials."""
    before = _acting_as.set(session)
    try:
        yield
    finally:
        _acting_as.reset(before)


class ContextCredentials(Credentials):
    """Whose credentials they are is settled call by call: making a client for each would take 10 ms and 0.8 MB."""

    def __init__(self) -> None:
        super().__init__("", "", method="custom-studio-links-role")

    def get_frozen_credentials(self) -> Any:
        """Called for every signature. Outside `use_session` there are none, and the call fails."""
        session = _acting_as.get()
        if session is None:
            raise NoCredentialsError
        return session


class _Provider(CredentialProvider):
    METHOD = "custom-studio-links-role"

    def load(self) -> Credentials:
        return ContextCredentials()


def borrowing_session() -> botocore.session.Session:
    """A botocore session whose clients never use the process's own credentials."""
    session = botocore.session.Session()
    # https://botocore.amazonaws.com/v1/documentation/api/latest/reference/credentials.html
    session.get_component("credential_provider").insert_before("env", _Provider())
    return session
