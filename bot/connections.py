"""Connections that are open when they are needed: what a lone member would wait for besides the work itself.

Services close idle connections after seconds, so most links need new ones. A TLS connection takes two round trips,
and botocore reads the file of trusted authorities for each: tens of milliseconds of a processor.

botocore and urllib3 have no public way to either, so this module alone depends on how they do it.
"""

import ssl
from concurrent.futures import Executor
from functools import cache, partial
from typing import Any

from botocore.httpsession import get_cert_path
from urllib3 import PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_ import create_urllib3_context


class _TakesTickets(HTTPSConnection):
    """A connection that is not taken for a closed one because TLS session tickets have arrived on it.

    A server sends them right after the handshake. urllib3 takes anything to read on an idle connection for its end.
    """

    @property
    def is_connected(self) -> bool:
        """Return whether the connection is still open, having read what TLS alone is about."""
        if super().is_connected or self.sock is None:
            return super().is_connected
        before = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            self.sock.recv(1)  # the end, or an answer that nobody asked for
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            self.sock.settimeout(before)
        return False


def open_ahead(pool: HTTPConnectionPool, beside: Executor) -> None:
    """Open the connection that the pool's next request will take, unless it is open or goes through a proxy.

    Args:
        beside: opens it, while the caller goes on.
    """
    if pool.proxy is not None:
        return
    if pool.scheme == "https" and not issubclass(pool.ConnectionCls, _TakesTickets):
        pool.ConnectionCls = type("Connection", (_TakesTickets, pool.ConnectionCls), {})
    connection = pool._get_conn()  # noqa: SLF001 - see above; with these steps a request begins as well
    if not isinstance(connection, pool.ConnectionCls):
        connection.close()
        connection = pool._new_conn()  # noqa: SLF001 - see above
    if not connection.is_closed:
        pool._put_conn(connection)  # noqa: SLF001 - see above
    else:
        beside.submit(_open, pool, connection)


def _open(pool: HTTPConnectionPool, connection: Any) -> None:
    try:
        pool._validate_conn(connection)  # noqa: SLF001 - see above
    except (HTTPError, OSError):
        connection.close()  # the request itself will fail, and say why
    finally:
        pool._put_conn(connection)  # noqa: SLF001 - see above


def read_authorities_once(client: Any) -> None:
    """Have a new botocore client read the trusted authorities now, instead of for each connection.

    Where they cannot be read, botocore stays as it is: each call says so.
    """
    if not client.meta.endpoint_url.startswith("https:"):
        return
    session = client._endpoint.http_session  # noqa: SLF001 - see above
    inherited = session._get_ssl_context  # noqa: SLF001 - see above
    session._get_ssl_context = partial(_trusting, get_cert_path(session._verify))  # noqa: SLF001 - see above
    try:
        manager = PoolManager(**session._get_pool_manager_kwargs())  # noqa: SLF001 - see above
    except OSError:
        session._get_ssl_context = inherited  # noqa: SLF001 - see above
        return
    manager.pool_classes_by_scheme = session._pool_classes_by_scheme  # noqa: SLF001 - see above
    session._manager = manager  # noqa: SLF001 - see above
    session._setup_ssl_cert = _require_certificate  # noqa: SLF001 - see above


@cache
def _trusting(authorities: str) -> ssl.SSLContext:
    """Return one context for all clients that trust the same authorities: reading them takes 20 ms and 1 MB."""
    context = create_urllib3_context()
    context.load_verify_locations(authorities)
    return context


def pool_of(client: Any) -> HTTPConnectionPool:
    """Return the connections of a botocore client to its endpoint."""
    manager: PoolManager = client._endpoint.http_session._manager  # noqa: SLF001 - see above
    return manager.connection_from_url(client.meta.endpoint_url)


def _require_certificate(pool: HTTPConnectionPool, _url: str, _verify: object) -> None:
    pool.cert_reqs = "CERT_REQUIRED"  # type: ignore[attr-defined] # of HTTPS pools
