"""The cause of a failed connection, by the classes of the exceptions behind it. Their texts are not shown."""

import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum
from urllib.error import URLError

from urllib3.exceptions import MaxRetryError, ProxyError


class Cause(StrEnum):
    """Why a call of AWS or Slack failed."""

    # No answer came.
    CERTIFICATE = "certificate"
    TLS = "tls"
    NAME_UNKNOWN = "name_unknown"
    NAME_UNRESOLVED = "name_unresolved"
    PROXY = "proxy"
    CONNECTION_REFUSED = "connection_refused"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    FOREIGN = "foreign"  # another server answered

    # The credentials or settings cannot be used.
    NO_CREDENTIALS = "no_credentials"
    EXPIRED = "expired"
    MALFORMED = "malformed"
    FILE_MISSING = "file_missing"
    SETTINGS = "settings"

    # The service refused or failed.
    THROTTLED = "throttled"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    CLOCK = "clock"
    NOT_ENABLED = "not_enabled"
    QUOTA = "quota"
    CONFLICT = "conflict"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    BROKEN = "broken"
    OTHER = "other"


# The first that fits. The only file that a connection reads holds certificates.
CLASSES = (
    ((ProxyError,), Cause.PROXY),
    ((ssl.SSLCertVerificationError, FileNotFoundError), Cause.CERTIFICATE),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), Cause.UNREACHABLE),
    ((ssl.SSLError,), Cause.TLS),
    ((socket.gaierror,), Cause.NAME_UNKNOWN),
    ((ConnectionRefusedError,), Cause.CONNECTION_REFUSED),
    ((TimeoutError,), Cause.TIMED_OUT),
)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, then the errors behind it."""
    while error is not None:
        yield error
        reason = error.reason if isinstance(error, URLError | MaxRetryError) else None
        behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        error = reason if isinstance(reason, BaseException) else behind


def connection_cause(error: BaseException) -> Cause:
    """Return why a connection failed; UNREACHABLE if the errors do not say."""
    return next(filter(None, map(_cause, chain(error))), Cause.UNREACHABLE)


def _cause(error: BaseException) -> Cause | None:
    if str(error).startswith("Tunnel connection failed"):  # http.client has no class for it
        return Cause.PROXY
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Cause.NAME_UNRESOLVED
    return next((cause for kinds, cause in CLASSES if isinstance(error, kinds)), None)
