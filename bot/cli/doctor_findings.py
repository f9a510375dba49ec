"""The doctor's findings for the command line: its own environment and a running bot, then the installation."""

from collections.abc import Iterator

import urllib3

from bot.app import administration
from bot.app.findings import Finding, Level
from bot.cli.context import read_settings
from bot.config import DOUBTFUL, HttpSettings, SocketSettings, load
from bot.core.errors import ConfigError

# Seconds. The bot's own check of its upstreams may take a while.
READY_TIMEOUT = 10


def findings(
    team: str | None, serving_role: str | None, url: str | None, *, presign: bool, all_mappings: bool
) -> Iterator[Finding]:
    if url is not None:
        yield _ready(url)
    try:
        settings = read_settings()
    except ConfigError as error:
        yield from _of_environment(error, "no command works with it")
        return
    yield from _environment()
    examination = administration.doctor(
        settings, team, serving_role=serving_role, presign=presign, all_mappings=all_mappings
    )
    yield from examination.examine()


def _environment() -> Iterator[Finding]:
    """Whether a bot would start in this environment, over HTTP or over Socket Mode."""
    try:
        settings = load(HttpSettings)
    except ConfigError as over_http:
        try:
            load(SocketSettings)
        except ConfigError:
            yield from _of_environment(over_http, "a bot would not start with it", missing=Level.WARN)
            return
    else:
        if settings.doubtful_signing_secret:
            found, _, fix = DOUBTFUL.partition(": ")
            yield Finding(Level.WARN, "environment", found, "with a wrong one the bot refuses every request", fix)
            return
    yield Finding(Level.OK, "environment", "a bot would start with it")


def _of_environment(error: ConfigError, why: str, missing: Level = Level.FAIL) -> Iterator[Finding]:
    for line in str(error).splitlines():
        level = missing if " is missing: " in line else Level.FAIL
        yield Finding(level, "environment", line, why, "set it as .env.example says")


def _ready(url: str) -> Finding:
    check, why = f"bot at {url}", "until it is ready, nobody gets a link from it"
    try:
        answer = urllib3.request(
            "GET", f"{url.rstrip('/')}/readyz", timeout=READY_TIMEOUT, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError as error:
        found = f"it cannot be reached ({type(error).__name__})"
        return Finding(Level.FAIL, check, found, why, "check that it runs and that this address leads to it")
    if answer.status == 200:  # noqa: PLR2004 - HTTP's own number
        return Finding(Level.OK, check, "ready")
    said = " ".join(answer.data[:300].decode("utf-8", "replace").split())
    return Finding(
        Level.FAIL, check, f"not ready ({answer.status}): {said}", why, "fix what it waits for; its log says more"
    )
