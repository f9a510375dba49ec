"""Import many rows, read them back, and compare the import with its bare writes: `python -m bench import`.

The stand-in for AWS runs in this process, the command line in its own process on a processor of its own, as an
operator runs it. Prints the time from start to first output and to the end, the processor time of the command and of
the stand-in, the command's peak memory, and how idle the processors were: where they were not, other programs have
slowed down the command. Then `bench.bare_writes` sends the import's transactions once more to empty tables: its time
is what the stand-in's write limit allows.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import OWN, idle_seconds, machine, show_progress
from bot.admin.csv_cells import csv_line
from bot.admin.csv_file import COLUMNS
from bot.local.aws.stand_in import LocalAws

TEAM = "T0STUDIO01"
RESULTS = Path("build/bench-import.json")
# The most that an import may take, divided by the time of its bare writes.
LIMIT = 1.5


def main(rows: int, rounds: int) -> None:
    """Run each command and the bare writes, print the results, and write them to a file."""
    print(f"{machine()}\n{rows} rows for {rows // 2} members")
    with TemporaryDirectory() as folder, LocalAws() as aws:
        found = [measure(Path(folder), aws, rows) for _ in range(rounds)]
    ratios = sorted(each["import"] / each["bare writes"] for each in found)
    median = ratios[len(ratios) // 2]
    print(
        f"{'met' if median <= LIMIT else 'MISSED'}: import divided by its bare writes: "
        f"{median:.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}), at most {LIMIT}"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine(), "rows": rows, "seconds": found, "ratio": median}) + "\n")


def measure(folder: Path, aws: LocalAws, rows: int) -> dict[str, float]:
    """Run everything once, beginning with empty tables; return the seconds of each part."""
    environment = {**os.environ, **aws.environment(), "STUDIO_TEAMS": TEAM}
    file, exported, bodies = folder / "members.csv", folder / "export.csv", folder / "bodies.jsonl"
    write(file, rows)
    empty(aws, environment)
    steps = {
        "import": ["import", str(file)],
        "import again": ["import", str(file)],
        "list": ["list"],
        "list --json": ["list", "--json"],
        "export": ["export"],
        "history": ["history", "--limit", str(rows), "--by", "cli"],
        "import of the export": ["import", str(exported)],
    }
    found: dict[str, float] = {}
    for name, arguments in steps.items():
        show_progress(name)
        output = exported if name == "export" else folder / "output"
        found[name] = show(name, ["-m", "bot", *arguments], output, environment)
        if name == "import":
            written = [call.arguments for call in aws.recorded if call.operation == "TransactWriteItems"]
            bodies.write_text("".join(json.dumps(each) + "\n" for each in written))
    empty(aws, environment)
    found["bare writes"] = show(
        "bare writes", ["-m", "bench.bare_writes", aws.endpoint, str(bodies)], folder / "output", environment
    )
    return found


def empty(aws: LocalAws, environment: dict[str, str]) -> None:
    """Begin with empty tables."""
    aws.reset()
    subprocess.run(
        [sys.executable, "-m", "bot", "tables", "create"], env=environment, check=True, capture_output=True
    )


def write(file: Path, rows: int) -> None:
    """Write a CSV file, half mappings and half rules."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(csv_line(COLUMNS))
        for number in range(rows // 2):
            user, mapping = f"U0BENCH{number:06}", ["default", f"d-team{number % 20}", f"member-{number}"]
            stream.write(csv_line([user, "mapping", *mapping, *[None] * 8]))
            stream.write(csv_line([user, "allow", *[None] * 9, "2030-12-31", f"project {number % 100}"]))


def show(name: str, arguments: list[str], output: Path, environment: dict[str, str]) -> float:
    """Run a Python module, print its measurements, and return how many seconds it took."""
    began, ours, idle, first = time.monotonic(), time.process_time(), idle_seconds(), 0.0
    with (
        output.open("wb") as stream,
        subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=stream, stderr=subprocess.DEVNULL
        ) as process,
    ):
        if OWN is not None:
            os.sched_setaffinity(process.pid, {OWN})
        peak = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, memory(process.pid))
            first = first or (time.monotonic() - began if output.stat().st_size else 0.0)
            time.sleep(0.05)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    seconds = time.monotonic() - began
    idle = (idle_seconds() - idle) / seconds / (os.cpu_count() or 1)
    print(
        f"{name}: {seconds:.1f} s, first output after {first or seconds:.1f} s; processor time: command "
        f"{used.ru_utime + used.ru_stime:.1f} s, stand-in {time.process_time() - ours:.1f} s; {peak / 1024:.0f} MB; "
        f"processors idle {idle:.0%}",
        flush=True,
    )
    return seconds


def memory(pid: int) -> int:
    """Return the peak memory of a process in KiB. The value from wait4 would include its parent's memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
