"""Compare the bot with two naive bots, and all with the time of the upstream calls alone.

`make bench`, or `python -m bench`: about ten minutes. `python -m bench lonely` and `python -m bench rush` measure a
member who asks alone, and a company that does so all at once; `python -m bench import` measures a bulk import. Runs
four programs alternately, in several rounds, so that other load on the machine affects all of them equally: the bot
as in production; a naive bot as in the tutorials; the same with 64 threads; and the floor, the same upstream calls by
a minimal client, without a bot. AWS and Slack are stand-ins with fixed latencies, each in its own process. Each bot
has a processor to itself, and everything else the others. Prints a table and writes build/bench.json.
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

from bench import import_rows, lonely, rush
from bench.processes import (
    OWN,
    PROGRAMS,
    LineProcess,
    bot_environment,
    cpu_seconds,
    free_port,
    idle_seconds,
    keep_off,
    line_process,
    machine,
    memory,
    quiet,
    show_progress,
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
    """A load: number of links, how many at once or a second, and whether the bot has seen the members."""

    name: str
    at_once: int
    count: int
    seen: bool = True
    per_second: float | None = None


LEVELS = (
    Level("1 at once", 1, 30),
    Level("1 at once, new members", 1, 20, seen=False),
    Level("16 at once", 16, 160),
    Level("64 at once", 64, 320),
    Level("256 at once", 256, 256),
    Level("20 a second", 0, 200, per_second=20),
)
# A percentile of fewer samples than this says nothing.
ENOUGH = 100


@dataclass
class Round:
    """Results of one program under one load, once.

    Attributes:
        cpu: its processor time in seconds.
        load_cpu, stand_in_cpu, idle: the shares of a processor of the load generator and of AWS's stand-in, and the
            share that was idle.
        late: how late the stand-ins' responses were, in seconds.
    """

    report: Report
    calls: Counter[str]
    cpu: float
    load_cpu: float
    stand_in_cpu: float
    late: float
    idle: float

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / max(1, self.report.links)

    @property
    def per_second(self) -> float:
        return self.report.links / self.report.seconds


@dataclass
class Cell:
    """Results of one program under one load, over all rounds."""

    rounds: list[Round] = field(default_factory=list)

    def acks(self, percent: float) -> list[float]:
        return [1000 * percentile(each.report.acks, percent) for each in self.rounds]

    def delivered(self, percent: float) -> list[float]:
        return [1000 * percentile(each.report.delivered, percent) for each in self.rounds]

    @property
    def calls(self) -> Counter[str]:
        return sum((each.calls for each in self.rounds), Counter[str]())

    @property
    def links(self) -> int:
        return sum(each.report.links for each in self.rounds)

    @property
    def lost(self) -> int:
        return sum(each.report.lost for each in self.rounds)

    @property
    def endings(self) -> Counter[str]:
        return sum((Counter(each.report.endings) for each in self.rounds), Counter[str]())

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
        plan = Plan(port, level.count, level.at_once, members, seen=level.seen, per_second=level.per_second)
        report = driver.run(plan)
        seconds = time.perf_counter() - began
        time.sleep(SETTLE)
        used = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        calls, late = self.calls()
        if report.lost:  # a naive bot continues, with pauses, after Slack's time-out
            self._wait_until_quiet(ACK_TIMEOUT + SETTLE)
        load, stand_in = used["load"] / seconds, used["stand-in"] / seconds
        idle = (idle_seconds() - idle) / seconds / (os.cpu_count() or 1)
        cell.rounds.append(Round(report, calls, used["cpu"], load, stand_in, late, idle))


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
    parser.add_argument(
        "what", nargs="?", choices=["load", "lonely", "rush", "import"], default="load", help="load: members at once"
    )
    parser.add_argument("--rounds", type=int, help="number of runs of each program under each load")
    parser.add_argument("--rows", type=int, default=10_000, help="number of rows to import")
    arguments = parser.parse_args()
    keep_off(OWN)
    quiet()
    if arguments.what == "lonely":
        lonely.main(arguments.rounds or 12)
        return
    if arguments.what == "rush":
        rush.main()
        return
    if arguments.what == "import":
        import_rows.main(arguments.rows, arguments.rounds or 1)
        return
    rounds = arguments.rounds or 3
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
    """Run the bot or a naive bot until it is ready; yield its process id and port."""
    port = free_port()
    with started(PROGRAMS[name], {**where.environment, "PORT": str(port)}, log, processor=OWN) as pid:
        wait_until_answers(f"http://127.0.0.1:{port}/readyz", pid, log)
        yield pid, port


def cold_starts(where: Ground, log: Path, results: Results, rounds: int) -> None:
    """Measure the time from start to ready, and the time of imports and clients alone."""
    results.starts = {name: [] for name in (*PROGRAMS, "floor")}
    for _ in range(rounds):
        for name in PROGRAMS:
            began = time.perf_counter()
            with bot(where, log, name):
                results.starts[name].append(time.perf_counter() - began)
        began = time.perf_counter()
        with started(["-m", "bench.bare"], where.environment, log, processor=OWN) as pid:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            results.starts["floor"].append(time.perf_counter() - began)


def drive(where: Ground, log: Path, results: Results, rounds: int) -> None:
    """Run each program under each load, alternately."""
    with ExitStack() as stack:
        bots = {name: stack.enter_context(bot(where, log, name)) for name in PROGRAMS}
        floor = stack.enter_context(line_process("bench.floor", where.aws.first_reply, where.slack.first_reply))
        programs = {name: (where.slack, pid, port) for name, (pid, port) in bots.items()}
        programs["floor"] = floor, floor.pid, 0
        results.cells = {name: {level.name: Cell() for level in LEVELS} for name in programs}
        warm_up = Level("warm-up", 4, 40)
        for driver, pid, port in programs.values():
            where.measure(Cell(), warm_up, driver, pid, port)
        for number in range(rounds):
            for level in LEVELS:
                show_progress(f"round {number + 1} of {rounds}: {level.name}")
                for name, (driver, pid, port) in programs.items():
                    where.measure(results.cells[name][level.name], level, driver, pid, port)
        results.peak = {name: memory(pid, "VmHWM") for name, (_, pid, _) in programs.items()}


@dataclass(frozen=True)
class Figure:
    """One row of the table: the values of each round by program, without those that have no such value."""

    name: str
    unit: str
    values: Mapping[str, list[float]]

    def median(self, program: str) -> float | None:
        return statistics.median(self.values[program]) if self.values.get(program) else None

    def ratio(self, program: str) -> float | None:
        """Return the bot's median divided by the program's."""
        bot, other = self.median("bot"), self.median(program)
        return bot / other if bot is not None and other else None

    def text(self, program: str) -> str:
        """Return the median and the range."""
        values = self.values.get(program, [])
        if not values:
            return ""
        least, most = words(min(values)), words(max(values))
        median = words(statistics.median(values))
        return median if least == most else f"{median} ({least}-{most})"


def figures(results: Results) -> Iterator[Figure]:
    """Yield the rows of the table."""
    for level in LEVELS:
        cells = {name: by_level[level.name] for name, by_level in results.cells.items()}
        bots = {name: cell for name, cell in cells.items() if name in PROGRAMS}
        for percent in (50, 99) if level.count >= ENOUGH else (50,):
            yield Figure(f"{level.name}: ack p{percent}", "ms", {n: c.acks(percent) for n, c in bots.items()})
        for percent in (50, 99) if level.count >= ENOUGH else (50,):
            values = {n: c.delivered(percent) for n, c in cells.items()}
            yield Figure(f"{level.name}: delivery p{percent}", "ms", values)
        yield Figure(f"{level.name}: links", "/s", {n: [r.per_second for r in c.rounds] for n, c in cells.items()})
        sent = f"of {level.count * len(cells['bot'].rounds)}"
        yield Figure(f"{level.name}: lost or late", sent, {n: [c.lost] for n, c in cells.items()})
        cpu = {n: [r.cpu_ms for r in c.rounds] for n, c in cells.items()}
        yield Figure(f"{level.name}: processor time", "ms/link", cpu)
        for upstream in ("DynamoDB", "SageMaker", "Slack"):
            trips = {n: [c.trips(upstream)] for n, c in cells.items()}
            yield Figure(f"{level.name}: round trips to {upstream}", "/link", trips)
    starts = {name: [1000 * each for each in seconds] for name, seconds in results.starts.items()}
    yield Figure("cold start to ready (floor: imports and clients alone)", "ms", starts)
    yield Figure("peak memory", "MB", {name: [peak] for name, peak in results.peak.items()})


def show(results: Results) -> None:
    """Print the table, the goals and possible bottlenecks."""
    table = Table("median (range)", "", *results.cells, "x naive", "x tuned", "x floor")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in figures(results):
        ratios = (words(row.ratio(name)) for name in ("naive", "tuned", "floor"))
        table.add_row(row.name, row.unit, *map(row.text, results.cells), *ratios)
    console = Console(width=None if sys.stdout.isatty() else 180)
    console.print(machine())
    console.print(table)
    for line in (*goals(results), *bottlenecks(results), *without_link(results)):
        console.print(line)


def goals(results: Results) -> Iterator[str]:
    """Yield one line for each goal of `docs/SCALE.md`."""
    bot, naive, floor = (results.cells[name] for name in ("bot", "naive", "floor"))
    one, many, most = bot["1 at once"], bot["64 at once"], bot["256 at once"]
    median = statistics.median
    added = median(one.delivered(50)) - median(floor["1 at once"].delivered(50))
    start = median(results.starts["bot"]) / median(results.starts["floor"])
    processor = max(
        median(r.cpu_ms for r in bot[level.name].rounds) / median(r.cpu_ms for r in naive[level.name].rounds)
        for level in LEVELS
        if level.at_once >= 16  # noqa: PLR2004 - a lone link waits, and its processor time is noise
    )
    goals = (
        ("1 at once: milliseconds added to the floor, median", added, "at most", 5),
        (
            "64 at once: delivery p99 divided by p50",
            median(many.delivered(99)) / median(many.delivered(50)),
            "at most",
            2,
        ),
        (
            "64 at once: links per second divided by the naive bot's",
            median(r.per_second for r in many.rounds) / median(r.per_second for r in naive["64 at once"].rounds),
            "at least",
            4,
        ),
        ("256 at once: lost or late", most.lost, "at most", 0),
        ("256 at once: ack p99 in milliseconds", median(most.acks(99)), "at most", 1000),
        ("processor time per link divided by the naive bot's, 16 at once and more", processor, "at most", 1),
        ("round trips per link to DynamoDB", one.trips("DynamoDB"), "at most", 3),
        ("round trips per link to SageMaker", one.trips("SageMaker"), "at most", 1),
        ("round trips per link to Slack", one.trips("Slack"), "at most", 1),
        ("cold start divided by that of its libraries alone", start, "at most", 1.2),
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
        seen = [(each.load_cpu, each.stand_in_cpu, each.late, each.idle) for each in cell.rounds]
        load, stand_in, late, idle = (max(each) for each in zip(*seen, strict=True))
        verdict = "not the bottleneck"
        if late > LATE:
            verdict = "THE MACHINE WAS OVERLOADED"
        if max(load, stand_in) > BUSY:
            verdict = "THEY MAY BE THE BOTTLENECK"
        yield (
            f"{name}: load generator {load:.0%} of a processor, stand-in for AWS {stand_in:.0%}, "
            f"their responses up to {late * 1000:.1f} ms late (p99), processors idle {idle:.0%}: {verdict}"
        )


def without_link(results: Results) -> Iterator[str]:
    """Yield one line for each of the bot's loads under which members got no link, with what they got instead."""
    for name, cell in results.cells["bot"].items():
        if cell.lost:
            yield f"{name}: without a link: {dict(cell.endings)}"


def as_json(results: Results) -> Mapping[str, object]:
    """Return the figures with their ratios, the goals and the bottlenecks."""
    return {
        "machine": machine(),
        "figures": [
            {**asdict(row), **{f"to_{name}": row.ratio(name) for name in ("naive", "tuned", "floor")}}
            for row in figures(results)
        ],
        "without a link": {
            name: {level: cell.endings for level, cell in row.items()} for name, row in results.cells.items()
        },
        "calls": {name: {level: cell.calls for level, cell in row.items()} for name, row in results.cells.items()},
        "starts_seconds": results.starts,
        "goals": list(goals(results)),
        "bottlenecks": list(bottlenecks(results)),
    }


if __name__ == "__main__":
    main()
