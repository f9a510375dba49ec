"""axe, the accessibility checker, finds nothing wrong on the page: messages, dialogs, the home tab, the panel."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from bot.local.slack.workspace import GENERAL, Workspace
from tests.browser import tinybot
from tests.browser.conftest import Window
from tests.browser.demo import go, messages, newest, type_in
from tests.browser.tinybot import SURE, TinyBot, asked, button, markdown, options, plain, section

CHOICES = {"type": "checkboxes", "action_id": "apps", "options": options("lab", "code")}
EVERYTHING: list[Any] = [
    {"type": "header", "text": plain("Your link")},
    section(
        "*Ready* for <@U0BOB>: `prod`, <https://example.com|docs>\n&gt; quoted", accessory=button("Open", "open")
    ),
    section("Fields", fields=[markdown("*One*"), markdown("two")]),
    {"type": "divider"},
    {
        "type": "actions",
        "elements": [
            button("New link", "new", style="primary"),
            button("Remove", "remove", style="danger", confirm=SURE),
            {
                "type": "static_select",
                "action_id": "default",
                "placeholder": plain("Profile"),
                "options": options("prod"),
            },
            {"type": "users_select", "action_id": "who", "placeholder": plain("A colleague")},
            {"type": "datepicker", "action_id": "until"},
            CHOICES,
            {**CHOICES, "type": "radio_buttons", "action_id": "one"},
        ],
    },
    {"type": "context", "elements": [markdown("Works until <!date^1735689600^{time}|midnight>")]},
    asked("Reason", "reason", {"type": "plain_text_input"}, hint=plain("Briefly")),
]
HOOD = {
    "id": "1",
    "what": {"words": "{name}", "name": "/studio"},
    "at": 0,
    "request": {"text": ""},
    "ack": {"result": "ok", "status": 200, "milliseconds": 3.1, "body": "", "problem": ""},
    "entries": [{"id": "1", "action": "link", "outcome": "issued", "subject": "U0ALICE", "actor": "U0ALICE"}],
    "aws": [{"operation": "PutItem", "arguments": {"a": 1}, "note": "audit"}],
    "slack": [{"what": "response_url", "result": "ok", "content": {"text": "Hello"}}],
}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Workspace, TinyBot]]:
    with tinybot.running() as (slack, bot):
        slack.under_the_hood = lambda _: [HOOD]
        slack.tour = lambda: ["link", "open"]
        yield slack, bot


@pytest.fixture(params=["light", "dark"])
def page(running: tuple[Workspace, TinyBot], window: Callable[..., Window], request: pytest.FixtureRequest) -> Page:
    slack, bot = running
    bot.message = {"text": "Everything", "blocks": EVERYTHING}
    page = window(color_scheme=request.param).open(f"{slack.url}/#U0ALICE/{GENERAL}")
    expect(page.get_by_role("heading", name="general")).to_be_visible()
    return page


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.public(28)
def test_message_confirmation_and_panel_are_accessible(page: Page) -> None:
    page.get_by_role("button", name="Under the hood").click()
    type_in(page, "/studio")
    message = newest(page, "Your link")
    page.get_by_role("textbox", name="Message").press_sequentially("/")
    expect(page.get_by_role("listbox")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("textbox", name="Message").fill("")
    message.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog", name="Sure?")).to_be_visible()
    assert violations(page) == []


def test_dialog_and_its_errors_are_accessible(page: Page) -> None:
    page.get_by_role("button", name="Commands and shortcuts").click()
    page.get_by_role("option", name="Open Studio").click()
    dialog = page.get_by_role("dialog", name="Request access")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.locator(".wrong")).to_have_count(2)
    assert violations(page) == []
    box = dialog.get_by_role("combobox", name="Domain")
    box.press("ArrowDown")
    expect(dialog.get_by_role("listbox")).to_be_visible()
    box.press("ArrowDown")
    assert violations(page) == []


def test_home_tab_and_unread_messages_are_accessible(running: tuple[Workspace, TinyBot], page: Page) -> None:
    go(page, "studio-links")
    expect(page.get_by_role("heading", name="Your profiles")).to_be_visible()
    running[0].say("U0BOB", "Hello all")
    expect(page.get_by_role("img", name="unread")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("tab", name="Messages").click()
    expect(messages(page)).to_have_count(0)
    assert violations(page) == []
