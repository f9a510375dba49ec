"""Put a server far away: TLS, a round trip, and connections that it closes when they are idle.

A relay on the loopback interface passes bytes on, each half a round trip late, so that opening a connection, the TLS
handshake and every call cost what they cost over a network. It decrypts nothing.
"""

import asyncio
import selectors
import ssl
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"
# Seconds after which the far servers close an idle connection.
IDLE_SECONDS = 4.0


class _End(asyncio.Protocol):
    """One end of a relayed connection. What it receives goes to the other end, half a round trip later."""

    def __init__(self, round_trip: float, other: "_End | None" = None) -> None:
        self._delay = round_trip / 2
        self._not_before = 0.0
        self.other = other
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        for part in self._early:
            self.pass_on(part)

    def data_received(self, data: bytes) -> None:
        self._send(data)

    def eof_received(self) -> bool:
        self._send(None)
        return True  # the other direction stays open

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._send(None)

    def open_at(self, moment: float) -> None:
        """Take what is received before this moment as sent at it: the connection did not exist before."""
        self._not_before = moment

    def pass_on(self, part: bytes | None) -> None:
        """Write bytes, or close for None."""
        if self._transport is None:
            self._early.append(part)
        elif part is None:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write(part)

    def _send(self, part: bytes | None) -> None:
        assert self.other is not None
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time(), self._not_before) + self._delay, self.other.pass_on, part)


async def relay(port: int, round_trip: float) -> int:
    """Listen on a free port, and relay each connection to the port; return the free one.

    Args:
        round_trip: seconds.
    """
    loop = asyncio.get_running_loop()
    opening: set[asyncio.Task[object]] = set()

    def accept() -> _End:
        near, far = _End(round_trip), _End(round_trip)
        near.other, far.other = far, near
        near.open_at(loop.time() + round_trip)  # to the client on the loopback interface it is open at once
        task = loop.create_task(loop.create_connection(lambda: far, LOOPBACK, port))
        opening.add(task)
        task.add_done_callback(opening.discard)
        return near

    server = await loop.create_server(accept, LOOPBACK, 0, backlog=1024)
    free: int = server.sockets[0].getsockname()[1]
    return free


def run(main: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a program whose timers are exact to microseconds; asyncio's own round up to milliseconds."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(main())


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for the loopback address and its key; return the file, and one of trusted authorities.

    The latter holds what clients usually trust as well: reading it is part of what a connection costs them.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Benchmark")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, trusted = folder / "certificate.pem", folder / "trusted.pem"
    public = signed.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + public
    )
    trusted.write_bytes(Path(certifi.where()).read_bytes() + public)
    return file, trusted


def server_context(certificate_file: str) -> ssl.SSLContext:
    """Return the TLS of a server with the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file)
    return context
