"""Import many rows, import them again, and export them: `python -m bench.import_rows --rows 10000`.

The stand-in for AWS runs in this process, the command line in its own process, as an operator runs it. Prints the
time, the processor time of the command and of the stand-in, and the command's peak memory.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from bot.admin.csv_file import COLUMNS, csv_line
from bot.local.aws.stand_in import LocalAws

TEAM = "T0STUDIO01"


def main() -> None:
    """Parse the arguments, run each command and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    with TemporaryDirectory() as folder, LocalAws() as aws:
        environment = {**os.environ, **aws.environment(), "STUDIO_TEAMS": TEAM}
        file, exported = Path(folder) / "members.csv", Path(folder) / "export.csv"
        write(file, rows)
        print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} processors, Python {sys.version.split()[0]}")
        print(f"{rows} rows for {rows // 2} members, {file.stat().st_size / 2**20:.1f} MB")
        run("tables", "create", environment=environment)
        show("dry run", *run("import", str(file), "--dry-run", environment=environment))
        show("import", *run("import", str(file), environment=environment))
        show("again", *run("import", str(file), environment=environment))
        output, figures = run("export", environment=environment)
        exported.write_text(output, encoding="utf-8", newline="")
        show("export", f"{len(output.splitlines()) - 1} rows", figures)
        show("import of the export", *run("import", str(exported), environment=environment))


def write(file: Path, rows: int) -> None:
    """Write a CSV file, half mappings and half rules."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(csv_line(COLUMNS))
        for number in range(rows // 2):
            user, mapping = f"U0BENCH{number:06}", ["default", f"d-team{number % 20}", f"member-{number}"]
            stream.write(csv_line([user, "mapping", *mapping, *[None] * 8]))
            stream.write(csv_line([user, "allow", *[None] * 9, "2030-12-31", f"project {number % 100}"]))


def run(*arguments: str, environment: dict[str, str]) -> tuple[str, str]:
    """Run a command; return its output and its measurements."""
    began, ours = time.monotonic(), time.process_time()
    with (
        TemporaryFile("w+", encoding="utf-8") as output,
        subprocess.Popen([sys.executable, "-m", "bot", *arguments], env=environment, stdout=output) as process,
    ):
        peak = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, memory(process.pid))
            time.sleep(0.05)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if process.returncode:
        raise SystemExit(f"{arguments[0]} ended with {process.returncode}")
    seconds = time.monotonic() - began
    command = used.ru_utime + used.ru_stime
    stand_in = time.process_time() - ours
    figures = (
        f"{seconds:.1f} s; processor time: command {command:.1f} s, stand-in {stand_in:.1f} s; {peak / 1024:.0f} MB"
    )
    return printed, figures


def memory(pid: int) -> int:
    """Return the peak memory of a process in KiB. The value from wait4 would include its parent's memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def show(what: str, output: str, figures: str) -> None:
    """Print the last line of the output and the measurements."""
    print(f"{what}: {output.splitlines()[-1]}: {figures}")


if __name__ == "__main__":
    main()
