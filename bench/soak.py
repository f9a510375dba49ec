"""Run a steady load for any length of time: `make soak`, or `python -m bench.soak --minutes 30`.

The stand-ins for AWS and Slack run in this process, the bot and the load generator each in a process of their own.
Prints the times of acknowledgements and answers, the result of every command, and the bot's memory over time.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.burst import Plan, Report
from bench.processes import PROGRAMS, cpu_seconds, free_port, machine, outcomes, quiet, started, wait_until_answers
from bench.seed import create_domain, create_profile
from bench.wire import percentile
from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.local.aws.stand_in import LocalAws
from bot.local.slack.workspace import Workspace

ROOT = Path(__file__).parent.parent
TEAM = "T0STUDIO01"
ROLE = "arn:aws:iam::123456789012:role/studio-links-broker"
SOAK = Actor("cli:soak", Source.CLI)


def main() -> None:
    """Parse the arguments, run the load and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--per-second", type=float, default=8)
    parser.add_argument("--members", type=int, default=20)
    arguments = parser.parse_args()
    quiet()
    with TemporaryDirectory() as folder, LocalAws() as aws, Workspace() as slack:
        environment = {
            **aws.environment(),
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.api_url,
            "STUDIO_LINKS_PER_MINUTE": "1000",
            "STUDIO_REQUESTS_PER_MINUTE": "1000",
            "LOG_LEVEL": "INFO",
        }
        os.environ.update(environment)
        domain = create_domain("soak")
        subprocess.run([sys.executable, "-m", "bot", "tables", "create"], check=True, stdout=subprocess.DEVNULL)
        members = [member(slack, domain, number) for number in range(arguments.members)]
        port, log = free_port(), Path(folder) / "bot.log"
        with started(PROGRAMS["bot"], {**environment, "PORT": str(port)}, log) as pid:
            wait_until_answers(f"http://127.0.0.1:{port}/readyz", pid, log)
            plan = Plan(
                port=port,
                secret=slack.signing_secret,
                team=TEAM,
                app=slack.installation.app_id,
                members=members,
                count=100,
                per_second=arguments.per_second,
                pid=pid,
            )
            run(plan)  # warms up, so that growth is growth
            plan.count = round(arguments.minutes * 60 * arguments.per_second)
            used = cpu_seconds(pid)
            report = run(plan)
            show(plan, report, cpu_seconds(pid) - used)


def member(slack: Workspace, domain: str, number: int) -> str:
    """Add a member: of five, three have a profile, one has a mapping with a role, and one has no profile."""
    user = f"U0SOAK{number:03d}"
    slack.add_member(user, f"soak{number}")
    if number % 5:
        profile = f"soak-{number}"
        create_profile(domain, profile)
        administration = administrator()
        mapping = Mapping("default", domain, profile, role_arn=ROLE if number % 5 == 1 else None)
        administration.map(Member(TEAM, user), mapping, SOAK)
        administration.grant(TEAM, Grant(user, Effect.ALLOW), SOAK)
    return user


def administrator() -> Admin:
    """Return the administration that the command line uses."""
    return administration.admin(load(Settings))


def run(plan: Plan) -> Report:
    """Run the load generator and return its report."""
    command = [sys.executable, "-m", "bench.burst"]
    ended = subprocess.run(
        command, cwd=ROOT, input=json.dumps(asdict(plan)), capture_output=True, text=True, check=True
    )
    return Report(**json.loads(ended.stdout))


def show(plan: Plan, report: Report, cpu: float) -> None:
    """Print the results."""
    links = report.answers.get("link", 0)
    print(machine())
    print(f"{plan.count} commands in {report.seconds / 60:.1f} minutes, {plan.per_second:g} a second")
    for name, seconds in (("acknowledged", report.acks), ("answered", report.answered)):
        figures = ", ".join(f"p{p:g} {percentile(seconds, p) * 1000:.0f} ms" for p in (50, 99, 99.9, 100))
        print(f"{name}: {figures}")
    print(f"answers: {report.answers}; lost: {report.lost}")
    print(f"processor time: {cpu:.0f} s, {1000 * cpu / max(1, links):.1f} ms a link")
    rss = report.rss
    shown = [rss[round(part * (len(rss) - 1) / 6)] for part in range(7)]
    print(f"memory (MB), first to last: {', '.join(f'{value:.1f}' for value in shown)}")
    print(f"counted by the bot: {outcomes(plan.port)}")


if __name__ == "__main__":
    main()
