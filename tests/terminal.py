"""A program in a pseudo-terminal, as somebody sits before it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# Ctrl-C reaches only the programs that a terminal controls, and hidden input is read from that terminal. Tests
# that run in the background ignore it.
CONTROLLED = (
    "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """The screen and the keyboard. `text` is all that was shown, and `typed` the number of lines typed."""

    def __init__(self, process: "subprocess.Popen[bytes]", screen: int) -> None:
        self.process, self._screen, self._seen = process, screen, 0
        self.text, self.typed = "", 0

    def expect(self, words: str, *, timeout: float = 30) -> None:
        """Wait until the words are shown after those that were waited for before."""
        deadline = time.monotonic() + timeout
        while (at := self.text.find(words, self._seen)) < 0:
            assert time.monotonic() < deadline, f"no {words!r} in {self.text!r}"
            assert self._read(), f"the program ended without {words!r}: {self.text}"
        self._seen = at + len(words)

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        self.typed += 1
        os.write(self._screen, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._screen, b"\x03")

    def wait(self) -> int:
        """Read to the end; return the exit code."""
        while self._read():
            pass
        return self.process.wait(20)

    def _read(self) -> bool:
        """Read what is shown within a tenth of a second; return False once the program has ended."""
        if not select.select([self._screen], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self._screen, 65536)
        except OSError:  # the last program has closed it
            return False
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)


@contextmanager
def terminal(
    command: Sequence[str], *, env: Mapping[str, str], folder: Path, columns: int = 80
) -> Iterator[Terminal]:
    """Run a program in a terminal of its own, and end it on leaving."""
    screen, keyboard = pty.openpty()
    fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, *command],
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
        cwd=folder,
        env={name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")} | {"TERM": "xterm"},
        start_new_session=True,
    )
    os.close(keyboard)
    try:
        yield Terminal(process, screen)
    finally:
        os.close(screen)  # which hangs up on the program
        if process.poll() is None:
            process.kill()
        process.wait()
