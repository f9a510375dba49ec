"""A forward proxy that lets only clients with its password through, as many companies run one."""

import base64
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# A password that has to be percent-encoded in an address.
USER, PASSWORD = "corp", "p@ss:w/rd"
ADDRESS = "http://corp:p%40ss%3Aw%2Frd@127.0.0.1:{port}"
_EXPECTED = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass(slots=True)
class PasswordProxy:
    """A running proxy.

    Attributes:
        passed: the method and target of each request that had the password.
        refused: the same for those without it, which got 407.
    """

    port: int
    passed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Return the address for HTTPS_PROXY, with the password."""
        return ADDRESS.format(port=self.port)


@contextmanager
def password_proxy() -> Iterator[PasswordProxy]:
    """Run the proxy."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, target, _ = self.rfile.readline().decode("latin-1").split()
            headers = list(iter(lambda: self.rfile.readline().decode("latin-1").strip(), ""))
            given = [line.partition(": ")[2] for line in headers if line.lower().startswith("proxy-authorization:")]
            if given != [_EXPECTED]:
                proxy.refused.append((method, target))
                self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nConnection: close\r\n\r\n")
                return
            proxy.passed.append((method, target))
            url = urlsplit(f"//{target}" if method == "CONNECT" else target)
            with socket.create_connection((url.hostname, url.port or 80)) as upstream:
                if method == "CONNECT":
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    kept = [line for line in headers if not line.lower().startswith(("proxy-", "connection:"))]
                    head = "\r\n".join([f"{method} {url.path} HTTP/1.1", *kept, "Connection: close", "", ""])
                    upstream.sendall(head.encode("latin-1"))
                back = threading.Thread(target=copy, args=(upstream, self.connection))
                back.start()
                while chunk := self.rfile.read1():
                    upstream.sendall(chunk)
                with suppress(OSError):
                    upstream.shutdown(socket.SHUT_WR)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """Say nothing: a client or server that disconnects is no fault of the proxy."""

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = PasswordProxy(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield proxy
        server.shutdown()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Copy what one connection receives to another one, until either ends."""
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
