"""Start the processes of a measurement, exchange lines with them, and read their resource use."""

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from socket import create_server
from urllib.request import urlopen

import structlog

from bench.slack import SECRET, TOKEN, Plan, Report

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
# The bots under measurement: the product, one as in the tutorials, and that one tuned.
PROGRAMS = {
    "bot": ["-m", "bot", "serve"],
    "naive": ["-m", "bench.naive"],
    "tuned": ["-m", "bench.naive", "--tuned"],
}
# The processor that a bot under measurement has to itself; None where there is only one.
OWN = min(os.sched_getaffinity(0)) if len(os.sched_getaffinity(0)) > 1 else None


class LineProcess:
    """A Python module in its own process, with one line of input per line of output."""

    def __init__(self, module: str, *arguments: str, first: str = "") -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self.first_reply = self.ask(first) if first else self._line()

    def ask(self, line: str) -> str:
        """Send a line and return the line that answers it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._line()

    def run(self, plan: Plan) -> Report:
        """Run a plan and return its report."""
        return Report(**json.loads(self.ask(json.dumps(asdict(plan)))))

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"measurement process {self.pid} has exited")
        return line.strip()


@contextmanager
def line_process(module: str, *arguments: str, first: str = "") -> Iterator[LineProcess]:
    """Run a `LineProcess`; end it on exit."""
    process = LineProcess(module, *arguments, first=first)
    try:
        yield process
    finally:
        process.end()


def keep_off(processor: int | None) -> None:
    """Keep this process, and those that it starts, off a processor."""
    if processor is not None:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {processor})


def quiet() -> None:
    """Log only what is wrong: seeding a store is no news."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def show_progress(text: str) -> None:
    """Show what is measured, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r{text:60}", end="", file=sys.stderr, flush=True)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def bot_environment(*, dynamodb: str, sagemaker: str, slack: str) -> dict[str, str]:
    """Return the settings of a bot that talks to the stand-ins at these addresses."""
    return {
        "GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0",  # as in the Dockerfile
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker,
        "AWS_ENDPOINT_URL_STS": sagemaker,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "SLACK_API_URL": f"{slack}/api/",
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": SECRET,
        "STUDIO_LINKS_PER_MINUTE": "1000",
        "STUDIO_REQUESTS_PER_MINUTE": "1000",
    }


def machine() -> str:
    """Return what figures depend on: the day, the processors, and the versions of Python and of the product."""
    model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "no commit"
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} processors ({model[1] if model else 'unknown'}), "
        f"Python {python_version()}, studio-links {version('studio-links')} at {commit}"
    )


@contextmanager
def started(
    arguments: list[str], environment: Mapping[str, str], log: Path, *, processor: int | None = None
) -> Iterator[int]:
    """Start a server, on one processor if it is named, and yield its process id; terminate it on exit."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "STUDIO_", "AWS_"))}
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env={**clean, **environment}, stdout=stream, stderr=stream
        )
    if processor is not None:
        os.sched_setaffinity(process.pid, {processor})
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_answers(url: str, pid: int, log: Path, seconds: float = 30) -> None:
    """Return once the URL responds with 200 or 404.

    Raises:
        RuntimeError: the process exited, or the URL did not respond in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            raise RuntimeError(f"process {pid} exited before it responded: {log.read_text()[-2000:]}")
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - an address of ours
                return
        except OSError as error:
            if getattr(error, "code", 503) == 404:  # noqa: PLR2004 - HTTP's own number
                return
        time.sleep(0.005)
    raise RuntimeError(f"{url} does not respond")


def family(pid: int) -> list[int]:
    """Return the ids of the process and all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Return the processor time of the process and its descendants."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory(pid: int, kind: str) -> float:
    """Return the memory of the process and its descendants in MB: "VmHWM" is the peak, "VmRSS" the current value."""
    total = 0
    for member in family(pid):
        [line] = [x for x in Path(f"/proc/{member}/status").read_text().splitlines() if x.startswith(f"{kind}:")]
        total += int(line.split()[1])
    return total * 1024 / 1e6


def idle_seconds() -> float:
    """Return the idle time of all processors together."""
    fields = Path("/proc/stat").read_text().split()
    return int(fields[4]) / TICKS


def outcomes(port: int) -> str:
    """Return how often the bot has counted each outcome of a request."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        counted = re.findall(r'_requests_total\{outcome="(\w+)"\} ([1-9]\d*)', answer.read().decode())
    return ", ".join(f"{count} {outcome}" for outcome, count in counted)
