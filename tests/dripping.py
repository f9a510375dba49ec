"""A server whose answers never end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# The beginnings of answers.
DRIPS = [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"]


@contextmanager
def dripping(said: bytes) -> Iterator[str]:
    """Run a server that sends a byte at a time without end; yield its URL."""
    over, server = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError), server.accept()[0] as connection:  # until the client disconnects
            connection.recv(65536)
            connection.sendall(said)
            while not over.wait(0.2):
                connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        over.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.close()
