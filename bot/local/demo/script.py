"""The scripted run of the demo: what a member, and those who are refused, go through. Every step is checked."""

import re
import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from http.cookiejar import CookieJar

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.app import administration
from bot.core.audit import LINK, REQUESTED
from bot.core.errors import StudioLinksError
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.local.demo.seed import RESIDENTS, Resident
from bot.local.demo.stage import Stage
from bot.local.slack.exchanges import Exchange
from bot.local.slack.screens import Message
from bot.slack.members.views import NEW_LINK, OPEN_STUDIO

SIGNED_IN = "Signed in to SageMaker Studio"
SIGN_IN = "Sign in to the AWS console"

ANA = RESIDENTS[0]
REFUSED = {
    "ben": "not on the allow-list",
    "cleo": "is blocked",
    "dan": "no SageMaker Studio profile",
    "gus": "Guests cannot open",
}


class StepFailed(StudioLinksError):
    """A step of the run did not happen as it should."""


def play(stage: Stage) -> None:
    """Go through the run, printing each step.

    Raises:
        StepFailed: a step did not really happen.
    """
    show = Console(highlight=False, width=100)
    workspace = stage.workspace

    show.rule("A member who is allowed")
    first, link = _ask(show, stage, ANA)
    others = [message for other in RESIDENTS if other is not ANA for message in workspace.view(other.user_id)]
    _expect("only she sees it", all(message.ts != link.ts for message in others))

    used = link.button(OPEN_STUDIO).url or ""
    _expect("the link opens Studio as ana", SIGNED_IN in (page := _visit(used)) and ANA.name in page)
    exchange = workspace.press(ANA.user_id, link, OPEN_STUDIO)
    opened = workspace.answer_to(exchange)
    _done(show, "ana pressed Open Studio: it signed her in, and the used link has left her screen")
    _print_message(show, stage, ANA, opened)
    _expect("the used link has gone from the screen", not any(button.url for button in opened.buttons()))

    show.rule("The link after its expiry")
    lifetime = stage.settings.studio_link_seconds
    stage.clock.move_on(lifetime + 1)
    _expect("the expired link leads to the sign-in page", SIGN_IN in _visit(used))
    _done(show, f"{lifetime + 1} seconds later (the stand-in's clock was moved on) it leads to the AWS sign-in page")

    exchange = workspace.press(ANA.user_id, opened, NEW_LINK)
    renewed = workspace.answer_to(exchange)
    _done(show, "ana pressed New link: a fresh one stands in its place")
    _print_message(show, stage, ANA, renewed)
    fresh = renewed.button(OPEN_STUDIO).url or ""
    _expect("the fresh link is another one, and works", fresh != used and SIGNED_IN in _visit(fresh))

    show.rule("Everybody else")
    for resident in (resident for resident in RESIDENTS if resident.name in REFUSED):
        _, message = _ask(show, stage, resident)
        words = workspace.render(message)
        _expect(f"{resident.name} is refused", REFUSED[resident.name] in words)
        _expect(f"{resident.name} gets no link", not any(button.url for button in message.buttons()))

    show.rule("The first request, recorded by somebody and sent again")
    before = workspace.view(ANA.user_id)
    workspace.replay(first)
    _expect("the bot takes it for a replay", _within_seconds(5, lambda: _outcomes(stage, "replayed") == 1))
    _expect("the replay shows nothing", workspace.view(ANA.user_id) == before)
    _done(show, "it was refused quietly: no message, no link")

    show.rule("The audit")
    requests = len(REFUSED) + 2
    _expect("every request left one entry", _within_seconds(5, lambda: len(_ended(stage)) == requests))
    table = Table("member", "outcome", "profile", "opened", "detail", box=None)
    for entry in _ended(stage):
        at = f"{entry.opened_at:%H:%M:%S}" if entry.opened_at else ""
        table.add_row(entry.subject, entry.outcome, entry.profile_name, at, entry.detail)
    show.print(table)


def _ask(show: Console, stage: Stage, resident: Resident) -> tuple[Exchange, Message]:
    exchange = stage.workspace.command(resident.user_id)
    _expect(f"{resident.name}'s command is acknowledged", exchange.ack == "ok")
    message = stage.workspace.answer_to(exchange)
    _done(
        show,
        f"{resident.name}, who {resident.story}, typed /studio (acknowledged in {exchange.seconds * 1000:.0f} ms)",
    )
    _print_message(show, stage, resident, message)
    return exchange, message


def _ended(stage: Stage) -> list[Entry]:
    """The audit's link requests whose outcome is written."""
    admin, team = administration.admin(stage.settings), stage.workspace.installation.team_id
    entries = admin.history(team, None, utc_now() - timedelta(hours=1), limit=100)
    return [entry for entry in entries if entry.action == LINK and entry.outcome != REQUESTED]


def _outcomes(stage: Stage, outcome: str) -> int:
    """How many requests ended like this, by the bot's own metrics."""
    with urllib.request.urlopen(f"{stage.bot_address}/metrics", timeout=5) as response:  # noqa: S310 - loopback
        page = response.read().decode()
    found = re.search(rf'^studio_links_requests_total{{outcome="{outcome}"}} (\d+)', page, re.MULTILINE)
    return int(found[1]) if found else 0


def _within_seconds(seconds: float, happened: Callable[[], bool]) -> bool:
    """Whether it happens in that time: the bot answers first, and counts and records after."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _visit(url: str) -> str:
    """What a fresh browser sees at an address, after redirects."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with browser.open(url, timeout=5) as response:
        page: bytes = response.read()
    return page.decode()


def _expect(what: str, really: object) -> None:
    if not really:
        raise StepFailed(f"the demo expected that {what}, and it is not so")


def _done(show: Console, line: str) -> None:
    show.print(Text.assemble(("✓ ", "green"), line))


def _print_message(show: Console, stage: Stage, resident: Resident, message: Message) -> None:
    text = Text(stage.workspace.render(message))
    show.print(
        Panel(text, title=f"{resident.name} sees", subtitle="Only visible to you", title_align="left", width=90)
    )
