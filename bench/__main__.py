"""Compare the bot with a naive bot, and both with the time of the upstream calls alone.

`make bench`, or `python -m bench`: under five minutes. Runs three programs alternately, in several rounds, so that
other load on the machine affects all of them equally: the bot as in production; a naive bot as in the tutorials; and
the floor, the same upstream calls by a minimal client, without a bot. AWS and Slack are stand-ins with fixed
latencies, each in its own process. Prints a table and writes build/bench.json.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from rich.console import Console
from rich.table import Table

from bench import lonely
from bench.processes import (
    LineProcess,
    bot_environment,
    cpu_seconds,
    free_port,
    idle_seconds,
    line_process,
    machine,
    memory,
    started,
    wait_until_answers,
)
from bench.seed import items_of_the_template
from bench.slack import ACK_TIMEOUT, Plan, Report
from bench.wire import percentile

RESULTS = Path("build/bench.json")
# Number of members who send commands in turn, if the bot has seen them.
MEMBERS = 20
# Seconds after the last delivery for writing outcomes.
SETTLE = 0.2
# Above these values, the load generator or a stand-in may be the bottleneck: share of a processor, seconds of
# lateness.
BUSY, LATE = 0.7, 0.020


@dataclass(frozen=True)
class Level:
    """A load: number of links, how many at once, and whether the bot has seen the members."""

    name: str
    at_once: int
    count: int
    seen: bool = True


LEVELS = (
    Level("1 at once", 1, 30),
    Level("1 at once, new members", 1, 20, seen=False),
    Level("16 at once", 16, 160),
    Level("64 at once", 64, 320),
    Level("256 at once", 256, 256),
)


@dataclass
class Cell:
    """Results of one program under one load, over all rounds."""

    reports: list[Report] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0
    load_cpu: list[float] = field(default_factory=list)
    stand_in_cpu: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)

    def acks(self, percent: float) -> float:
        return percentile(sorted(s for report in self.reports for s in report.acks), percent)

    def delivered(self, percent: float) -> float:
        return percentile(sorted(s for report in self.reports for s in report.delivered), percent)

    @property
    def links(self) -> int:
        return sum(report.links for report in self.reports)

    @property
    def lost(self) -> int:
        return sum(report.lost for report in self.reports)

    @property
    def per_second(self) -> float:
        return self.links / sum(report.seconds for report in self.reports)

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / max(1, self.links)

    def trips(self, upstream: str) -> float:
        """Return the round trips per link to DynamoDB, SageMaker or Slack."""
        made = sum(n for call, n in self.calls.items() if call.partition(" ")[0] == upstream)
        return made / max(1, self.links)


class Ground:
    """The stand-ins, and the measurement of a program that uses them."""

    def __init__(self, slack: LineProcess, aws: LineProcess) -> None:
        self.slack, self.aws = slack, aws
        at = f"http://127.0.0.1:{aws.first_reply}"
        self.environment = bot_environment(dynamodb=at, sagemaker=at, slack=f"http://127.0.0.1:{slack.first_reply}")

    def calls(self) -> tuple[Counter[str], float]:
        """Return the calls to both stand-ins since the last time, and the lateness of their responses."""
        calls, late = Counter[str](), 0.0
        for stand_in in (self.aws, self.slack):
            with urlopen(f"http://127.0.0.1:{stand_in.first_reply}/calls", timeout=10) as answer:
                logged = json.load(answer)
            calls.update(logged["calls"])
            late = max(late, logged["late"])
        return calls, late

    def _wait_until_quiet(self, seconds: float = SETTLE) -> None:
        """Return when no call has arrived for the given time."""
        time.sleep(seconds)
        while self.calls()[0]:
            time.sleep(seconds)

    def measure(self, cell: Cell, level: Level, driver: LineProcess, driven: int, port: int) -> None:
        """Run one program under one load, once."""
        self._wait_until_quiet()
        if level.seen:  # fills the bot's membership cache
            driver.run(Plan(port, MEMBERS, 4, members=MEMBERS))
            self._wait_until_quiet()
        pids = {"cpu": driven, "load": self.slack.pid, "stand-in": self.aws.pid}
        before, idle, began = {n: cpu_seconds(pid) for n, pid in pids.items()}, idle_seconds(), time.perf_counter()
        members = MEMBERS if level.seen else level.count
        report = driver.run(Plan(port, level.count, level.at_once, seen=level.seen, members=members))
        seconds = time.perf_counter() - began
        time.sleep(SETTLE)
        used = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        calls, late = self.calls()
        if report.lost:  # the naive bot continues, with pauses, after Slack's time-out
            self._wait_until_quiet(ACK_TIMEOUT + SETTLE)
        cell.reports.append(report)
        cell.calls.update(calls)
        cell.cpu += used["cpu"]
        cell.load_cpu.append(used["load"] / seconds)
        cell.stand_in_cpu.append(used["stand-in"] / seconds)
        cell.late.append(late)
        cell.idle.append((idle_seconds() - idle) / seconds / (os.cpu_count() or 1))


@dataclass
class Results:
    """All measurements.

    Attributes:
        cells: by program and load.
        starts: seconds from start to ready.
        peak: peak memory in megabytes.
    """

    cells: dict[str, dict[str, Cell]]
    starts: dict[str, list[float]]
    peak: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", nargs="?", choices=["load", "lonely"], default="load", help="load: members at once")
    parser.add_argument("--rounds", type=int, help="number of runs of each program under each load")
    arguments = parser.parse_args()
    if arguments.what == "lonely":
        lonely.main(arguments.rounds or 12)
        return
    rounds = arguments.rounds or 2
    with ground() as (where, log):
        results = Results({}, {}, {})
        cold_starts(where, log, results, rounds)
        drive(where, log, results, rounds)
    show(results)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(as_json(results), indent=1) + "\n")


@contextmanager
def ground() -> Iterator[tuple[Ground, Path]]:
    """Run the stand-ins; yield them and a file for the bots' logs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        slack = stack.enter_context(line_process("bench.slack"))
        aws = stack.enter_context(line_process("bench.aws", first=json.dumps(items_of_the_template())))
        yield Ground(slack, aws), folder / "bots.log"


@contextmanager
def bot(where: Ground, log: Path, name: str) -> Iterator[tuple[int, int]]:
    """Run the bot or the naive bot until it is ready; yield its process id and port."""
    arguments = {"bot": ["-m", "bot", "serve"], "naive": ["-m", "bench.naive"]}[name]
    port = free_port()
    with started(arguments, {**where.environment, "PORT": str(port)}, log) as pid:
        wait_until_answers(f"http://127.0.0.1:{port}/readyz", pid, log)
        yield pid, port


def cold_starts(where: Ground, log: Path, results: Results, rounds: int) -> None:
    """Measure the time from start to ready, and the time of imports and clients alone."""
    results.starts = {"bot": [], "naive": [], "bare": []}
    for _ in range(rounds):
        for name in ("bot", "naive"):
            began = time.perf_counter()
            with bot(where, log, name):
                results.starts[name].append(time.perf_counter() - began)
        began = time.perf_counter()
        with started(["-m", "bench.bare"], where.environment, log) as pid:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            results.starts["bare"].append(time.perf_counter() - began)


def drive(where: Ground, log: Path, results: Results, rounds: int) -> None:
    """Run each program under each load, alternately."""
    with (
        bot(where, log, "bot") as (bot_pid, bot_port),
        bot(where, log, "naive") as (naive_pid, naive_port),
        line_process("bench.floor", where.aws.first_reply, where.slack.first_reply) as floor,
    ):
        three = {
            "bot": (where.slack, bot_pid, bot_port),
            "naive": (where.slack, naive_pid, naive_port),
            "floor": (floor, floor.pid, 0),
        }
        results.cells = {name: {level.name: Cell() for level in LEVELS} for name in three}
        warm_up = Level("warm-up", 4, 40)
        for driver, pid, port in three.values():
            where.measure(Cell(), warm_up, driver, pid, port)
        for _ in range(rounds):
            for level in LEVELS:
                for name, (driver, pid, port) in three.items():
                    where.measure(results.cells[name][level.name], level, driver, pid, port)
        results.peak = {name: memory(pid, "VmHWM") for name, (_, pid, _) in three.items()}


@dataclass(frozen=True)
class Figure:
    """One row of the table; None if a program has no such value."""

    name: str
    unit: str
    bot: float
    naive: float
    floor: float | None = None

    def ratio(self, other: float | None) -> float | None:
        return None if not other else self.bot / other


def figures(results: Results) -> Iterator[Figure]:
    """Yield the rows of the table."""
    cells = results.cells
    for level in LEVELS:
        bot, naive, floor = (cells[name][level.name] for name in ("bot", "naive", "floor"))
        for percent in (50, 99):
            acks = (1000 * cell.acks(percent) for cell in (bot, naive))
            yield Figure(f"{level.name}: ack p{percent}", "ms", *acks)
        for percent in (50, 99):
            delivered = (1000 * cell.delivered(percent) for cell in (bot, naive, floor))
            yield Figure(f"{level.name}: delivery p{percent}", "ms", *delivered)
        yield Figure(f"{level.name}: links", "/s", bot.per_second, naive.per_second, floor.per_second)
        sent = level.count * len(bot.reports)
        yield Figure(f"{level.name}: lost or late", f"of {sent}", bot.lost, naive.lost, floor.lost)
        yield Figure(f"{level.name}: processor time", "ms/link", bot.cpu_ms, naive.cpu_ms, floor.cpu_ms)
        for upstream in ("DynamoDB", "SageMaker", "Slack"):
            trips = (cell.trips(upstream) for cell in (bot, naive, floor))
            yield Figure(f"{level.name}: round trips to {upstream}", "/link", *trips)
    starts = {name: 1000 * statistics.median(seconds) for name, seconds in results.starts.items()}
    yield Figure("cold start to ready (floor: imports and clients alone)", "ms", *starts.values())
    yield Figure("peak memory", "MB", *results.peak.values())


def show(results: Results) -> None:
    """Print the table, the goals and possible bottlenecks."""
    table = Table("", "", "bot", "naive", "floor", "x naive", "x floor")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in figures(results):
        table.add_row(
            row.name,
            row.unit,
            *(words(value) for value in (row.bot, row.naive, row.floor)),
            *(words(row.ratio(other)) for other in (row.naive, row.floor)),
        )
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(machine())
    console.print(table)
    for line in (*goals(results), *bottlenecks(results)):
        console.print(line)


def goals(results: Results) -> Iterator[str]:
    """Yield one line for each goal of `docs/SCALE.md`."""
    bot, naive, floor = (results.cells[name] for name in ("bot", "naive", "floor"))
    one, many, most = bot["1 at once"], bot["64 at once"], bot["256 at once"]
    added = 1000 * (one.delivered(50) - floor["1 at once"].delivered(50))
    start = statistics.median(results.starts["bot"]) / statistics.median(results.starts["bare"])
    processor = max(bot[level.name].cpu_ms / naive[level.name].cpu_ms for level in LEVELS)
    goals = (
        ("1 at once: milliseconds added to the floor, median", added, "at most", 5),
        ("64 at once: delivery p99 divided by p50", many.delivered(99) / many.delivered(50), "at most", 2),
        (
            "64 at once: links per second divided by the naive bot's",
            many.per_second / naive["64 at once"].per_second,
            "at least",
            4,
        ),
        ("256 at once: lost or late", most.lost, "at most", 0),
        ("256 at once: ack p99 in milliseconds", 1000 * most.acks(99), "at most", 1000),
        ("processor time per link divided by the naive bot's, worst load", processor, "at most", 1),
        ("round trips per link to DynamoDB", one.trips("DynamoDB"), "at most", 3),
        ("round trips per link to SageMaker", one.trips("SageMaker"), "at most", 1),
        ("round trips per link to Slack", one.trips("Slack"), "at most", 1),
        ("cold start divided by that of its libraries alone", start, "at most", 1.5),
    )
    for name, measured, kind, bound in goals:
        met = measured <= bound if kind == "at most" else measured >= bound
        yield f"{'met' if met else 'MISSED'}: {name}: {words(measured)}, {kind} {bound}"


def words(value: float | None) -> str:
    """Format a figure with its significant digits."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004


def bottlenecks(results: Results) -> Iterator[str]:
    """Yield one line per load that says whether the load generator or a stand-in was the bottleneck."""
    for name, cell in results.cells["bot"].items():
        load, stand_in, late, idle = (max(x) for x in (cell.load_cpu, cell.stand_in_cpu, cell.late, cell.idle))
        verdict = "not the bottleneck"
        if late > LATE:
            verdict = "THE MACHINE WAS OVERLOADED"
        if max(load, stand_in) > BUSY:
            verdict = "THEY MAY BE THE BOTTLENECK"
        yield (
            f"{name}: load generator {load:.0%} of a processor, stand-in for AWS {stand_in:.0%}, "
            f"their responses up to {late * 1000:.1f} ms late (p99), processors idle {idle:.0%}: {verdict}"
        )


def as_json(results: Results) -> Mapping[str, object]:
    """Return the figures with their ratios, the goals and the bottlenecks."""
    return {
        "machine": machine(),
        "figures": [
            {**asdict(row), "to_naive": row.ratio(row.naive), "to_floor": row.ratio(row.floor)}
            for row in figures(results)
        ],
        "calls": {name: {level: cell.calls for level, cell in row.items()} for name, row in results.cells.items()},
        "starts_seconds": results.starts,
        "goals": list(goals(results)),
        "bottlenecks": list(bottlenecks(results)),
    }


if __name__ == "__main__":
    main()
