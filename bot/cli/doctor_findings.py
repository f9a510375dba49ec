"""The doctor's findings for the command line: its own environment and a running bot, then the installation."""

import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import urllib3
from slack_sdk.signature import SignatureVerifier

from bot.app import administration, clients
from bot.app.findings import Finding, Level
from bot.cli.context import read_settings
from bot.config import DOUBTFUL, HttpSettings, SocketSettings, load
from bot.core.causes import connection_cause
from bot.core.errors import ConfigError
from bot.serving.wsgi import NOTHING_HERE

# Seconds. The bot's own check of its upstreams may take a while.
READY_TIMEOUT = 10


def findings(
    team: str | None,
    serving_role: str | None,
    url: str | None,
    *,
    presign: bool,
    all_mappings: bool,
    live: bool = False,
) -> Iterator[Finding]:
    over_http = _over_http()
    if url is not None:
        yield from _running(url, over_http)
    try:
        settings = read_settings()
    except ConfigError as error:
        yield from _of_environment(error, "no command works with it")
        return
    yield from _environment(over_http)
    try:
        clients.approval_rules(settings.studio_approvals_file)
    except ConfigError as error:
        found, _, fix = str(error).rpartition(": ")
        why = "the bot cannot start with it, and a running one keeps the previous rules"
        yield Finding(Level.FAIL, "approval rules", found, why, fix)
        settings = settings.model_copy(update={"studio_approvals_file": None})
    try:
        examination = administration.doctor(
            settings, team, serving_role=serving_role, presign=presign or live, all_mappings=all_mappings, live=live
        )
    except ConfigError as error:
        found, _, fix = str(error).rpartition(". ")
        yield Finding(Level.FAIL, "AWS settings", found, "no command works with them", fix)
        return
    yield from examination.examine()


def _over_http() -> HttpSettings | ConfigError:
    """Read the settings of a bot over HTTP once: each time may read secrets from AWS."""
    try:
        return load(HttpSettings)
    except ConfigError as error:
        return error


def _environment(over_http: HttpSettings | ConfigError) -> Iterator[Finding]:
    """Check whether a bot would start in this environment, over HTTP or over Socket Mode."""
    if isinstance(over_http, ConfigError):
        try:
            load(SocketSettings)
        except ConfigError:
            yield from _of_environment(over_http, "a bot would not start with it", missing=Level.WARN)
            return
    elif over_http.doubtful_signing_secret:
        found, _, fix = DOUBTFUL.partition(": ")
        yield Finding(Level.WARN, "environment", found, "with a wrong one the bot refuses every request", fix)
        return
    yield Finding(Level.OK, "environment", "a bot would start with it")


def _of_environment(error: ConfigError, why: str, missing: Level = Level.FAIL) -> Iterator[Finding]:
    for line in str(error).splitlines():
        level = missing if " is missing: " in line else Level.FAIL
        yield Finding(level, "environment", line, why, "set it as .env.example says")


def _running(url: str, over_http: HttpSettings | ConfigError) -> Iterator[Finding]:
    """Check a running bot: whether it is ready, and accepts what our signing secret signs."""
    check, why = f"bot at {url}", "until it is ready, nobody gets a link from it"
    try:
        answer, found = _http("GET", f"{url.rstrip('/')}/readyz"), "ready"
        if answer.status == HTTPStatus.NOT_FOUND:
            answer, found = _http("GET", f"{url.rstrip('/')}/healthz"), "alive; its /readyz is at METRICS_PORT"
        if answer.status == HTTPStatus.OK:
            yield Finding(Level.OK, check, found)
        else:
            found, fix = f"not ready ({answer.status}): {_text(answer)}", "fix what it waits for; its log says more"
            yield Finding(Level.FAIL, check, found, why, fix)
        yield _signed(f"{url.rstrip('/')}/slack/events", over_http)
    except urllib3.exceptions.HTTPError as error:
        found = f"it cannot be reached ({connection_cause(error).replace('_', ' ')})"
        yield Finding(Level.FAIL, check, found, why, "check that it runs and that this address leads to it")


def _signed(address: str, over_http: HttpSettings | ConfigError) -> Finding:
    """Send the bot what Slack sends to verify an address, signed with our secret.

    https://docs.slack.dev/reference/events/url_verification
    """
    check, why = "signing secret", "the bot refuses every request of Slack's"
    if isinstance(over_http, ConfigError):
        found = "not checked: there is no valid SLACK_SIGNING_SECRET here"
        return Finding(Level.WARN, check, found, "a wrong one refuses every request", "set it, and run this again")
    body = json.dumps({"type": "url_verification", "challenge": "doctor"})
    secret, timestamp = over_http.signing_secrets[0], str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": str(SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)),
    }
    answer = _http("POST", address, body=body, headers=headers)
    status, text = answer.status, _text(answer)
    if status == HTTPStatus.OK and "doctor" in text:  # the challenge
        return Finding(Level.OK, check, "the running bot accepts what it signs")
    if status == HTTPStatus.NOT_FOUND and text == NOTHING_HERE:
        return Finding(Level.OK, check, "not used: the bot takes no requests at this address, as over Socket Mode")
    if status == HTTPStatus.UNAUTHORIZED and "clock" in text:
        found, fix = "this machine's clock and the bot's differ by more than five minutes", "set both clocks by NTP"
        return Finding(Level.FAIL, check, found, why, fix)
    found = f"the running bot refused a request signed with it ({status}): {text}"
    fix = "give the bot and this command the signing secret under Basic Information in the app's settings"
    if status != HTTPStatus.UNAUTHORIZED:
        found = f"a request signed with it did not reach the bot ({status}): {text}"
        why, fix = "requests of Slack's may not reach it either", "check that the address and every proxy lead to it"
    return Finding(Level.FAIL, check, found, why, fix)


def _http(method: str, address: str, **more: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, address, timeout=READY_TIMEOUT, retries=False, redirect=False, **more)


def _text(answer: urllib3.BaseHTTPResponse) -> str:
    return " ".join(answer.data[:300].decode("utf-8", "replace").split())
