"""The demo, running, and what a member does on its page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from bot.local.demo.running import RunningDemo, running_demo
from tests.leaks import remember


@contextmanager
def running(log_folder: Path, name: str, **variables: str) -> Iterator[RunningDemo]:
    """The running demo; the end of the session searches its log for secrets."""
    settings = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", **variables}
    with (
        (log_folder / f"bot-{name}.log").open("ab") as output,
        running_demo(environment=settings, output=output, rate_limits=False) as demo,
    ):
        remember(log_folder, demo.workspace.bot_token, demo.workspace.signing_secret)
        yield demo


def be(page: Page, name: str) -> None:
    """Become another member. On a phone this closes the list, so the address tells that it has happened."""
    page.get_by_role("list", name=re.compile("^(You are|Du bist)$")).get_by_role(
        "button", name=re.compile(rf"^{name}\b")
    ).click()
    expect(page).to_have_url(re.compile(f"#U0{name.upper()}/"))


def go(page: Page, where: str) -> None:
    """Open a conversation."""
    page.get_by_role("navigation").get_by_role("button", name=re.compile(rf"^{where}\b")).last.click()


def type_in(page: Page, text: str) -> None:
    """Send a text once no dialog is open: one that is still closing would get the keys."""
    expect(page.get_by_role("dialog")).to_have_count(0)
    box = page.get_by_role("textbox", name=re.compile("^(Message|Nachricht) "))
    box.fill(text)
    box.press("Enter")


def messages(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("listitem")


def newest(page: Page, text: str | re.Pattern[str]) -> Locator:
    """The last message, once it contains this text."""
    last = messages(page).last
    expect(last).to_contain_text(text)
    return last
