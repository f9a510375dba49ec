"""Measure a morning rush: a thousand members who have not asked today ask within one minute, of one process.

    python -m bench rush

The store has a record of each member's account, as of everybody who has asked within a month. Prints how many got a
link, how long they waited, and how often Slack was asked about an account, which it allows about a hundred times a
minute; writes build/bench-rush.json.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from bench.processes import (
    OWN,
    PROGRAMS,
    bot_environment,
    free_port,
    line_process,
    machine,
    started,
    wait_until_answers,
)
from bench.seed import items_of_the_template
from bench.slack import Plan
from bench.wire import percentile

RESULTS = Path("build/bench-rush.json")
MEMBERS, SECONDS = 1000, 60


def main() -> None:
    """Measure, print the results, and write them to a file."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        slack = stack.enter_context(line_process("bench.slack"))
        aws = stack.enter_context(line_process("bench.aws", first=json.dumps(items_of_the_template())))
        at, port, log = f"http://127.0.0.1:{aws.first_reply}", free_port(), folder / "bot.log"
        address = f"http://127.0.0.1:{slack.first_reply}"
        environment = {**bot_environment(dynamodb=at, sagemaker=at, slack=address), "PORT": str(port)}
        pid = stack.enter_context(started(PROGRAMS["bot"], environment, log, processor=OWN))
        wait_until_answers(f"http://127.0.0.1:{port}/readyz", pid, log)
        slack.run(Plan(port, 20, 4))  # the bot is warm, and knows that Slack's events arrive
        calls(address)
        plan = Plan(port, MEMBERS, 0, MEMBERS, seen=False, recorded=True, per_second=MEMBERS / SECONDS)
        report = slack.run(plan)
        asked = calls(address).get("Slack users.info", 0)
    found = {
        "machine": machine(),
        "members": MEMBERS,
        "links": report.links,
        "lost or late": report.lost,
        "without a link": report.endings,
        "delivery p50 ms": round(1000 * percentile(report.delivered, 50)),
        "delivery p99 ms": round(1000 * percentile(report.delivered, 99)),
        "users.info": asked,
    }
    print("\n".join(f"{name}: {value}" for name, value in found.items()))
    print(
        "met" if report.links == MEMBERS and not asked else "MISSED", "- every member has a link, Slack is not asked"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def calls(address: str) -> dict[str, int]:
    """Return the calls of Slack since the last time."""
    with urlopen(f"{address}/calls", timeout=10) as answer:  # noqa: S310 - an address of ours
        logged: dict[str, int] = json.load(answer)["calls"]
    return logged
