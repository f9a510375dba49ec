"""`python -m bot` in a process of its own, forked from one that has imported the bot's libraries already.

Importing takes two seconds of a core, which would be most of what a scenario costs. Each test process has one such
server of forks: it has one thread and has run nothing of the bot.
"""

import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["bot.cli.serving", "bot.app.serving", "bot.serving.server", "tests.prepared"])


class BotFork:
    """A running `python -m bot`, with what scenarios need of `subprocess.Popen`.

    Args:
        errors: what standard error is appended to, if not `output`.
    """

    def __init__(
        self, arguments: Sequence[str], *, env: Mapping[str, str], output: Path, errors: Path | None = None
    ) -> None:
        files = [str(output), str(errors or output)]
        self._process = _CONTEXT.Process(target=_run, args=(list(arguments), dict(env), files))
        self._process.start()
        self.pid: int = self._process.pid or 0

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; TimeoutExpired if the process still runs then."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutExpired("bot", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)


def run_bot(*arguments: str, env: Mapping[str, str]) -> "CompletedProcess[str]":
    """Run `python -m bot` to its end."""
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        code = BotFork(arguments, env=env, output=output, errors=errors).wait(60)
        return CompletedProcess(arguments, code, output.read_text(), errors.read_text())


def _run(arguments: list[str], env: dict[str, str], files: list[str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    for standard, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT), standard)
    sys.argv = ["bot", *arguments]
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
