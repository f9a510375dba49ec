"""Whether an installation is as the bot needs it."""

import re
from collections.abc import Iterator
from typing import Annotated

import typer
import urllib3

from bot import console
from bot.app import wiring as app
from bot.app.doctor import Finding, Level
from bot.cli.options import AsJson, Team, read_settings
from bot.config import HttpSettings, SocketSettings, load
from bot.core.errors import ConfigError
from bot.core.values import ROLE_ARN, check_pattern
from bot.observability.logs import redactor

commands = typer.Typer()

# Seconds. The bot's own check of its upstreams may take a while.
READY_TIMEOUT = 10
ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")


@commands.command()
def doctor(
    *,
    all_mappings: Annotated[
        bool, typer.Option("--all", help="Look at every mapping's profile, not at 200 of them.")
    ] = False,
    presign: Annotated[
        bool,
        typer.Option(
            "--presign",
            help="Make a link into each domain and throw it away unseen, instead of asking IAM. "
            "Roles of deploy/broker-role.yaml let nobody but the bot.",
        ),
    ] = False,
    serving_role: Annotated[
        str | None, typer.Option(metavar="ARN", help="The bot's role, if these credentials are not the bot's.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where a running bot is, to ask if it is ready.")
    ] = None,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Look at the whole installation: what is wrong, why it matters, and how to mend it. Changes nothing.

    The environment, Slack's token and its scopes, the tables, every mapped domain and profile, the roles of mappings,
    whether links may be made, the clock, and with --url a running bot. Ends with 1 if anything fails.

    Example: studio-links doctor --url https://bot.example.com --serving-role arn:aws:iam::123456789012:role/bot
    """
    if serving_role is not None:
        check_pattern("serving role", serving_role, ROLE_ARN, 600, "an IAM role's ARN")
    if url is not None:
        check_pattern(
            "url", url, ADDRESS, 2000, "the address of a bot without a user name, like https://bot.example.com"
        )
    found = _findings(team, serving_role, url, presign=presign, all_mappings=all_mappings)
    findings = [
        Finding(each.level, *(redactor.clean(text) for text in (each.check, each.found, each.why, each.mend)))
        for each in found
    ]
    fails = sum(finding.level is Level.FAIL for finding in findings)
    if as_json:
        console.print_json(findings)
    else:
        rows = [(f.level, f.check, f.found, f.why, f.mend) for f in findings]
        console.print_table(["", "check", "found", "why it matters", "how to mend it"], rows, empty="")
        warns = sum(finding.level is Level.WARN for finding in findings)
        console.say(f"{len(findings)} checks: {fails} failed, {warns} with a warning")
    if fails:
        console.fail(f"{fails} of {len(findings)} checks failed: each says how to mend it")
        raise typer.Exit(1)


def _findings(
    team: str | None, serving_role: str | None, url: str | None, *, presign: bool, all_mappings: bool
) -> Iterator[Finding]:
    if url is not None:
        yield _ready(url)
    try:
        settings = read_settings()
    except ConfigError as error:
        yield _of_environment(error, "no command works with it", Level.FAIL)
        return
    yield from _environment()
    examination = app.doctor(settings, team, serving_role=serving_role, presign=presign, all_mappings=all_mappings)
    yield from examination.examine()


def _environment() -> Iterator[Finding]:
    """Whether a bot would start in this environment, over HTTP or over Socket Mode."""
    try:
        load(HttpSettings)
    except ConfigError as over_http:
        try:
            load(SocketSettings)
        except ConfigError:
            level = Level.WARN if " is missing: " in str(over_http) else Level.FAIL
            yield _of_environment(over_http, "a bot would not start with it", level)
            return
    yield Finding(Level.OK, "environment", "a bot would start with it")


def _of_environment(error: ConfigError, why: str, level: Level) -> Finding:
    return Finding(level, "environment", str(error), why, "set it as .env.example says")


def _ready(url: str) -> Finding:
    check, why = f"bot at {url}", "while it is not ready, nobody gets a link from it"
    try:
        answer = urllib3.request(
            "GET", f"{url.rstrip('/')}/readyz", timeout=READY_TIMEOUT, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError as error:
        found = f"it cannot be reached ({type(error).__name__})"
        return Finding(Level.FAIL, check, found, why, "see that it runs, and that this address leads to it")
    if answer.status == 200:  # noqa: PLR2004 - HTTP's own number
        return Finding(Level.OK, check, "ready")
    said = " ".join(answer.data[:300].decode("utf-8", "replace").split())
    return Finding(
        Level.FAIL, check, f"not ready ({answer.status}): {said}", why, "mend what it waits for; its log says more"
    )
