"""Open connections with half-sent bodies, from a process of its own: `python -m tests.half_sent PORT SECONDS DRIP`.

Fill the bot's connections at once, then add PER_SECOND a second. The signature has the right form, so that the bot
would read the whole body. With DRIP, each connection sends one more byte three times a second.
"""

import itertools
import socket
import sys
import time
from contextlib import suppress

PER_SECOND = 50
AT_ONCE = 850
# Seconds between two bytes of a connection: no connection is ever idle for a second.
DRIP = 0.3
# As many as the system may hold open for a process.
MOST = 900 + AT_ONCE
HEAD = (
    b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"X-Slack-Request-Timestamp: 1\r\nX-Slack-Signature: v0=" + b"0" * 64 + b"\r\nContent-Length: 60000\r\n\r\nx"
)


def main(port: int, seconds: float, *, drip: bool) -> None:
    begun = dripped = time.monotonic()
    opened: list[socket.socket] = []
    for number in itertools.count():
        due = begun + max(0, number - AT_ONCE) / PER_SECOND
        while time.monotonic() < due:
            if drip and time.monotonic() - dripped > DRIP:
                dripped = time.monotonic()
                opened = [connection for connection in opened if sends(connection, b"x")]
            time.sleep(0.005)
        if time.monotonic() - begun > seconds:
            return
        if len(opened) >= MOST:
            opened.pop(0).close()
        with suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", port), timeout=1)
            connection.settimeout(0)
            opened.append(connection)
            sends(connection, HEAD)


def sends(connection: socket.socket, content: bytes) -> bool:
    """Return whether the connection is still open as far as this machine knows."""
    try:
        connection.send(content)
    except BlockingIOError:
        return True
    except OSError:
        connection.close()
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), drip=sys.argv[3] == "True")
