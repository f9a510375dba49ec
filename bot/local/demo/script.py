"""The scripted run of the demo: an allowed member, refused members, a replay. Every step is checked."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.core.audit import LINK, REQUESTED
from bot.core.errors import StudioLinksError
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.local.demo.running import RunningDemo
from bot.local.demo.seed import LEFT_RUNNING, MEMBERS, NEW_SPACE, DemoMember
from bot.local.slack import elements
from bot.local.slack.exchanges import Exchange
from bot.local.slack.screens import Message
from bot.local.slack.views import View
from bot.slack.admin.views import CONFIRM
from bot.slack.members.views import ASK, HOME_OPEN, NEW_LINK, OPEN_STUDIO
from bot.slack.requests.views import APPROVE
from bot.slack.workspaces.views import STOP_APP

SIGNED_IN = "Signed in to SageMaker Studio"
SIGN_IN = "Sign in to the AWS console"

ANA, ADA, DAN = (next(member for member in MEMBERS if member.name == name) for name in ("ana", "ada", "dan"))
REFUSED = {
    "ben": "not on the allow-list",
    "cleo": "is blocked",
    "dan": "no SageMaker Studio profile",
    "gus": "Guests cannot open",
}


def play(demo: RunningDemo) -> None:
    """Go through the run and print each step; StudioLinksError if one fails."""
    show = Console(highlight=False, width=100)
    show.rule("A member who is allowed")
    first, link = _ask(show, demo, ANA)
    others = [message for other in MEMBERS if other is not ANA for message in demo.workspace.view(other.user_id)]
    _expect("only ana sees it", all(message.ts != link.ts for message in others))
    used, opened = _open(show, demo, link)
    show.rule("The link after its expiry")
    _renew(show, demo, used, opened)
    show.rule("Members who are refused")
    for member in (member for member in MEMBERS if member.name in REFUSED):
        _, message = _ask(show, demo, member)
        _expect(f"{member.name} is refused", REFUSED[member.name] in demo.workspace.render(message))
        _expect(f"{member.name} gets no link", not any(button.url for button in message.buttons()))
    show.rule("The first request, recorded and sent again")
    before = demo.workspace.view(ANA.user_id)
    demo.workspace.replay(first)
    _expect("the bot recognises the replay", _within_seconds(5, lambda: _outcomes(demo, "replayed") == 1))
    _expect("the replay shows nothing", demo.workspace.view(ANA.user_id) == before)
    _done(show, "the bot refused it silently: no message, no link")
    show.rule("What runs, and what it costs")
    _stop(show, demo)
    show.rule("A workspace, made on approval and removed when its member leaves")
    _make(show, demo)
    _remove(show, demo)
    show.rule("The audit")
    _expect("every request left one entry", _within_seconds(5, lambda: len(_ended(demo)) == len(REFUSED) + 3))
    table = Table("member", "outcome", "profile", "opened", "detail", box=None)
    for entry in _ended(demo):
        at = f"{entry.opened_at:%H:%M:%S} UTC" if entry.opened_at else ""
        table.add_row(entry.subject, entry.outcome, entry.profile_name, at, entry.detail)
    show.print(table)


def _open(show: Console, demo: RunningDemo, link: Message) -> tuple[str, Message]:
    """Open a link, and return it with the message that replaced it."""
    used = link.button(OPEN_STUDIO).url or ""
    _expect("the link opens Studio as ana", SIGNED_IN in (page := _open_page(used)) and ANA.name in page)
    opened = demo.workspace.answer_to(demo.workspace.press(ANA.user_id, link, OPEN_STUDIO))
    _done(show, "ana pressed Open Studio: it signed her in, and the used link has left her screen")
    _print_message(show, demo, ANA, opened)
    _expect("the used link has gone from the screen", not any(button.url for button in opened.buttons()))
    return used, opened


def _renew(show: Console, demo: RunningDemo, used: str, opened: Message) -> None:
    lifetime = demo.settings.studio_link_seconds
    demo.clock.ahead += lifetime + 1
    _expect("the expired link leads to the sign-in page", SIGN_IN in _open_page(used))
    _done(show, f"{lifetime + 1} seconds later (the stand-in's clock was moved on) it leads to the AWS sign-in page")
    renewed = demo.workspace.answer_to(demo.workspace.press(ANA.user_id, opened, NEW_LINK))
    _done(show, "ana pressed New link: a new one replaces it")
    _print_message(show, demo, ANA, renewed)
    new = renewed.button(OPEN_STUDIO).url or ""
    _expect("the new link is another one, and works", new != used and SIGNED_IN in _open_page(new))


def _stop(show: Console, demo: RunningDemo) -> None:
    running = demo.workspace.answer_to(demo.workspace.command(ANA.user_id, "running"))
    _done(show, "ana typed /studio running")
    _print_message(show, demo, ANA, running)
    _expect(
        "ana sees her app and its cost", LEFT_RUNNING in (shown := demo.workspace.render(running)) and "$" in shown
    )
    stopped = demo.workspace.answer_to(demo.workspace.press(ANA.user_id, running, STOP_APP))
    _done(show, "ana pressed Stop: the app ends, her space and its files stay")
    _expect("nothing of ana's runs any more", STOP_APP not in {each.action_id for each in stopped.buttons()})


def _make(show: Console, demo: RunningDemo) -> None:
    slack, profile = demo.workspace, "dan-brown"
    slack.press(DAN.user_id, _message(demo, DAN, REFUSED["dan"]), ASK)
    _dialog(demo, DAN, "reason")
    slack.submit(DAN.user_id, {"reason": {"reason": "project Falcon"}, "days": {"days": "30"}})
    slack.press(ADA.user_id, _message(demo, ADA, "project Falcon"), APPROVE)
    _dialog(demo, ADA, profile)
    fields = {"domain": demo.domain_id, "profile": profile, "creation": NEW_SPACE}
    slack.submit(ADA.user_id, {field: {field: value} for field, value in fields.items()})
    ready = _message(demo, DAN, "profile in SageMaker Studio is ready")
    _done(show, f"dan asked for access; ada approved it with a new profile and a private space on {NEW_SPACE}")
    _print_message(show, demo, DAN, ready)
    slack.press(DAN.user_id, ready, HOME_OPEN)
    link = _dialog(demo, DAN, OPEN_STUDIO)
    urls = [element["url"] for _, element in elements.elements(link.blocks) if "url" in element]
    _expect("the first link opens the new profile", SIGNED_IN in (page := _open_page(urls[0])) and profile in page)


def _remove(show: Console, demo: RunningDemo) -> None:
    question = demo.workspace.answer_to(demo.workspace.command(ADA.user_id, f"admin offboard {DAN.user_id}"))
    demo.workspace.press(ADA.user_id, question, CONFIRM)
    _done(show, "dan opened the first link; later, ada typed /studio admin offboard @dan, and confirmed it")
    _print_message(show, demo, ADA, _message(demo, ADA, "is off-boarded"))


def _message(demo: RunningDemo, member: DemoMember, words: str) -> Message:
    """Return the newest message with these words that the member sees, once there is one."""

    def found(screen: list[Message]) -> list[Message]:
        return [each for each in screen if words in demo.workspace.render(each)]

    return found(demo.workspace.wait_for(member.user_id, found, timeout=20))[-1]


def _dialog(demo: RunningDemo, member: DemoMember, words: str) -> View:

    def blocks() -> str:
        return str([view.blocks for view in demo.workspace.views.stack(member.user_id)[-1:]])

    _expect(f"{member.name} sees a dialog with {words}", _within_seconds(5, lambda: words in blocks()))
    return demo.workspace.modal(member.user_id)


def _ask(show: Console, demo: RunningDemo, member: DemoMember) -> tuple[Exchange, Message]:
    exchange = demo.workspace.command(member.user_id)
    _expect(f"{member.name}'s command is acknowledged", exchange.ack == "ok")
    message = demo.workspace.answer_to(exchange)
    milliseconds = exchange.seconds * 1000
    _done(show, f"{member.name}, who {member.story}, typed /studio (acknowledged in {milliseconds:.0f} ms)")
    _print_message(show, demo, member, message)
    return exchange, message


def _ended(demo: RunningDemo) -> list[Entry]:
    """Return the audit's link requests with a final outcome."""
    team = demo.workspace.installation.team_id
    entries = demo.admin.history(team, None, utc_now() - timedelta(hours=1), limit=100)
    return [entry for entry in entries if entry.action == LINK and entry.outcome != REQUESTED]


def _outcomes(demo: RunningDemo, outcome: str) -> int:
    """Return how many requests ended like this, by the bot's own metrics."""
    page = _open_page(f"{demo.bot_address}/metrics")
    found = re.search(rf'^studio_links_requests_total{{outcome="{outcome}"}} (\d+)', page, re.MULTILINE)
    return int(found[1]) if found else 0


def _within_seconds(seconds: float, happened: Callable[[], bool]) -> bool:
    """Wait for something that the bot does after it has answered, and return whether it happened in time."""
    deadline = time.monotonic() + seconds
    while not (done := happened()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


def _open_page(url: str) -> str:
    """Return the page that a fresh browser sees at an address on this machine, after redirects."""
    browser = build_opener(ProxyHandler({}), HTTPCookieProcessor())
    with browser.open(url, timeout=5) as response:
        return str(response.read(), "utf-8")


def _expect(what: str, really: object) -> None:
    if not really:
        raise StudioLinksError(f"The demo expected that {what}. It did not happen.")


def _done(show: Console, line: str) -> None:
    show.print(Text.assemble(("✓ ", "green"), line))


def _print_message(show: Console, demo: RunningDemo, member: DemoMember, message: Message) -> None:
    text = Text(demo.workspace.render(message))
    subtitle = "Only visible to you" if message.ephemeral else None
    show.print(Panel(text, title=f"{member.name} sees", subtitle=subtitle, title_align="left", width=90))
