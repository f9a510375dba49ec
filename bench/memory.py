"""Measure whether the bot's memory stays flat: `python -m bench.memory --links 50000`, about ten minutes.

Makes links as fast as one process can, for members that are always new to it, against the stand-ins of `make bench`.
Prints the memory of the bot during the run, and the growth between the first fifth, when pools and caches are full,
and the end.
"""

import argparse
import time
from collections import Counter

from bench.__main__ import bot, ground
from bench.processes import memory, outcomes, quiet
from bench.slack import Plan

AT_ONCE, PER_PLAN = 64, 1000
# The most by which memory may grow after the first fifth, as a share of what it was then.
GOAL = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.memory", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--links", type=int, default=50_000)
    links = parser.parse_args().links
    quiet()
    with ground() as (where, log), bot(where, log, "bot") as (pid, port):
        used, endings, began = [memory(pid, "VmRSS")], Counter[str](), time.perf_counter()
        for number in range(max(5, links // PER_PLAN)):
            report = where.slack.run(Plan(port, PER_PLAN, AT_ONCE, members=PER_PLAN, seen=False))
            used.append(memory(pid, "VmRSS"))
            endings.update(report.endings)
            print(f"{(number + 1) * PER_PLAN} links: {used[-1]:.1f} MB, {report.links / report.seconds:.0f} a second")
        settled = used[len(used) // 5]
        print(f"{time.perf_counter() - began:.0f} s; without a link: {dict(endings)}")
        print(f"counted by the bot: {outcomes(port)}")
        grown = used[-1] / settled - 1
        print(f"memory: {used[0]:.1f} MB at the start, {settled:.1f} MB after a fifth, {used[-1]:.1f} MB at the end")
        print(
            f"{'met' if grown <= GOAL else 'MISSED'}: growth after the first fifth: {grown:.1%}, at most {GOAL:.0%}"
        )


if __name__ == "__main__":
    main()
