"""Measure what a member waits for who asks alone: over TLS and distance, when idle connections have been closed.

    python -m bench lonely

Runs the bot and the naive bots in turn against far stand-ins: TLS; round trips of 1 ms to DynamoDB, 2 ms to SageMaker
and 30 ms to Slack; responses after 4, 60 and 50 ms; connections that are closed after four seconds of idleness.
Prints medians and ranges from command to the member having the link, and writes build/bench-lonely.json.
"""

import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.distance import IDLE_SECONDS, certificate
from bench.processes import (
    OWN,
    PROGRAMS,
    LineProcess,
    bot_environment,
    cpu_seconds,
    free_port,
    line_process,
    machine,
    show_progress,
    started,
    wait_until_answers,
)
from bench.seed import items_of_the_template
from bench.slack import Plan

RESULTS = Path("build/bench-lonely.json")
# Longer than the far servers keep an idle connection, with the time that closing takes.
LONELY_SECONDS = IDLE_SECONDS + 0.5
WARM, KNOWN, NEW = "warm", "lonely, member known", "lonely, member not seen for a minute"
# The most that each row may take, as a share of the naive bot's.
GOAL, LONELY_ADDS = 0.8, 10


@dataclass
class Samples:
    """Milliseconds from command to link, by row and program."""

    found: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def median(self, row: str, program: str) -> float:
        return statistics.median(self.found[row, program])


@contextmanager
def programs(folder: Path) -> Iterator[tuple[LineProcess, dict[str, tuple[int, int]], dict[str, int]]]:
    """Run the stand-ins and both bots; yield Slack, each bot's process id and port, and the stand-ins' ids."""
    certified, trusted = map(str, certificate(folder))
    with ExitStack() as stack:
        slack = stack.enter_context(line_process("bench.slack", certified))
        aws = stack.enter_context(line_process("bench.aws", certified, first=json.dumps(items_of_the_template())))
        dynamodb, sagemaker = aws.first_reply.split()
        addresses = {
            "dynamodb": f"https://127.0.0.1:{dynamodb}",
            "sagemaker": f"https://127.0.0.1:{sagemaker}",
            "slack": f"https://127.0.0.1:{slack.first_reply}",
        }
        # For five minutes: the members of the second row stay known.
        settings = {
            **bot_environment(**addresses),
            "AWS_CA_BUNDLE": trusted,
            "SSL_CERT_FILE": trusted,
            "STUDIO_PERSON_SECONDS": "300",
        }
        bots = {}
        for name, arguments in PROGRAMS.items():
            port, log = free_port(), folder / f"{name}.log"
            pid = stack.enter_context(started(arguments, {**settings, "PORT": str(port)}, log, processor=OWN))
            wait_until_answers(f"http://127.0.0.1:{port}/readyz", pid, log)
            bots[name] = pid, port
        yield slack, bots, {"slack": slack.pid, "aws": aws.pid}


def measure(rounds: int) -> tuple[Samples, dict[str, float]]:
    """Return the samples of so many rounds of each row, and the stand-ins' share of a processor."""
    samples = Samples()
    with TemporaryDirectory() as folder, programs(Path(folder)) as (slack, bots, stand_ins):

        def ask(row: str, name: str, *, seen: bool) -> None:
            report = slack.run(Plan(bots[name][1], 1, 1, members=1, seen=seen, recorded=True))
            if report.lost:
                raise RuntimeError(f"the link of the {name} bot was lost")
            samples.found[row, name].append(1000 * report.delivered[0])

        for name in bots:
            for _ in range(10):
                ask("warm-up", name, seen=True)
        began, before = time.perf_counter(), {name: cpu_seconds(pid) for name, pid in stand_ins.items()}
        for number in range(rounds):
            order = list(bots) if number % 2 else list(bots)[::-1]
            for name in order:
                for again in range(3):
                    ask(WARM if again else "warm-up", name, seen=True)
            for row, seen in ((KNOWN, True), (NEW, False)):
                time.sleep(LONELY_SECONDS)
                for name in order:
                    ask(row, name, seen=seen)
            show_progress(f"round {number + 1} of {rounds}")
        seconds = time.perf_counter() - began
        return samples, {name: (cpu_seconds(pid) - before[name]) / seconds for name, pid in stand_ins.items()}


def goals(samples: Samples) -> Iterator[tuple[str, float, float]]:
    """Yield the name, the measured value and the limit of each goal."""
    for row in (WARM, KNOWN, NEW):
        yield f"{row}: divided by the naive bot's", samples.median(row, "bot") / samples.median(row, "naive"), GOAL
    for row in (KNOWN, NEW):
        added = samples.median(row, "bot") - samples.median(WARM, "bot")
        yield f"{row}: milliseconds more than warm", added, LONELY_ADDS


def main(rounds: int) -> None:
    """Measure, print a table and the goals, and write both to a file."""
    samples, load = measure(rounds)
    table = Table("milliseconds from command to link: median (range)", *PROGRAMS, "x naive", "x tuned")
    for row in (WARM, KNOWN, NEW):
        cells = []
        for name in PROGRAMS:
            found = samples.found[row, name]
            cells.append(f"{statistics.median(found):.0f} ({min(found):.0f} to {max(found):.0f})")
        ratios = (f"{samples.median(row, 'bot') / samples.median(row, name):.2f}" for name in ("naive", "tuned"))
        table.add_row(row, *cells, *ratios)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(machine())
    console.print(table)
    for name, measured, limit in goals(samples):
        console.print(f"{'met' if measured <= limit else 'MISSED'}: {name}: {measured:.2f}, at most {limit}")
    console.print(", ".join(f"stand-in for {name}: {share:.0%} of a processor" for name, share in load.items()))
    RESULTS.parent.mkdir(exist_ok=True)
    by_name = {f"{row}, {name}": values for (row, name), values in samples.found.items()}
    as_json = {"machine": machine(), "milliseconds": by_name, "goals": list(goals(samples)), "load": load}
    RESULTS.write_text(json.dumps(as_json, indent=1) + "\n")
