"""A browser for the page, and pages that fail their test if anything goes wrong in them.

The browser is Debian's Chromium, driven by Playwright.
Screenshots for the README are written with `UPDATE_SCREENSHOTS=1`.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.programs import program

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Milliseconds: the machine that tests is busy with other tests.
TIMEOUT = 15_000
expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Window:
    """One member's browser: its pages, and what went wrong in any of them."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(TIMEOUT)
        self.context.on("page", self._watch)

    def open(self, address: str) -> Page:
        page = self.context.new_page()
        page.goto(address)
        return page

    def forgive(self, part: str) -> None:
        """Drop the expected complaints that contain `part`; fail if none came."""
        assert any(part in line for line in self.complaints), self.complaints
        self.complaints = [line for line in self.complaints if part not in line]

    def _watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Window]]:
    """Make windows; fail at the end if any page logged an error or a warning."""
    made: list[Window] = []

    def make(**options: Any) -> Window:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **options}
        made.append(Window(browser.new_context(**settings)))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
    assert [line for each in made for line in each.complaints] == []


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Write a screenshot for the documentation if UPDATE_SCREENSHOTS is set."""

    def take(page: Page, name: str) -> None:
        if os.environ.get("UPDATE_SCREENSHOTS"):
            IMAGES.mkdir(parents=True, exist_ok=True)
            page.mouse.move(0, 0)
            page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")

    return take
