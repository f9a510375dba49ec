"""The tour, and an administrator at work in the browser, on a demo whose links expire at once."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from bot.local.demo.running import RunningDemo
from tests.browser.conftest import Window
from tests.browser.demo import be, messages, newest, running, type_in


@pytest.fixture(scope="module")
def demo(log_folder: Path) -> Iterator[RunningDemo]:
    with running(log_folder, "browser-admin", STUDIO_LINK_SECONDS="5") as demo:
        yield demo


def press(page: Page, control: Locator) -> None:
    """Go back to a control with Shift+Tab, and press it."""
    expect(control).to_be_visible()
    for _ in range(60):
        if control.evaluate("control => control === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    expect(control).to_be_focused()
    page.keyboard.press("Enter")


def use_panel(page: Page) -> None:
    """Close the panel that wide screens open, open it again, and leave it with Escape."""
    toggle = page.get_by_role("button", name="Under the hood", exact=True)
    heading = page.get_by_role("heading", name="Under the hood")
    expect(heading).to_be_visible()
    press(page, toggle)
    expect(heading).to_be_hidden()
    page.keyboard.press("Enter")
    expect(heading).to_be_focused()
    page.keyboard.press("Escape")
    expect(toggle).to_be_focused()


def test_tour_is_played_with_the_keyboard_alone(demo: RunningDemo, window: Callable[..., Window]) -> None:
    """It is the module's first test: a step that has been done once stays done."""
    page = window(viewport={"width": 1440, "height": 900}).open(demo.workspace.url)
    strip, keys = page.get_by_role("region", name="Tour"), page.keyboard
    task, members = strip.get_by_role("status"), page.get_by_role("list", name="You are")

    expect(task).to_have_text("Step 1 of 5: Type /studio in the message box, and press Enter.")
    keys.press("Tab")
    keys.press("Enter")  # "Skip to the message box"
    use_panel(page)
    for _ in ("messages", "commands", "box"):
        keys.press("Tab")
    keys.type("/st")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    keys.press("Tab")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("/studio ")
    keys.press("Enter")
    expect(task).to_contain_text("Step 2 of 5: Press Open Studio")
    demo.clock.ahead -= 60  # a busy machine may take longer than the link lives
    with page.context.expect_page() as studio:
        press(page, page.get_by_role("button", name="Open Studio"))
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    expect(studio.value.get_by_role("heading")).to_have_text("Signed in to SageMaker Studio")
    studio.value.close()
    expect(task).to_contain_text("Step 3 of 5: Press New link, and wait")
    newest(page, "Opened at")
    # The button that was pressed is gone; the next one of its message has the focus.
    expect(page.get_by_role("button", name="New link")).to_be_focused()
    keys.press("Space")
    expect(task).to_contain_text("Step 4 of 5: Become ben")
    newest(page, "expired")
    press(page, members.get_by_role("button", name="ben"))
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    keys.type("/studio")
    keys.press("Enter")
    newest(page, "not on the allow-list")
    press(page, page.get_by_role("button", name="Request access"))
    expect(page.get_by_label("Why do you need it?")).to_be_visible()
    keys.press("Tab")
    keys.type("project Falcon")
    press(page, page.get_by_role("dialog").get_by_role("button", name="Send"))

    expect(task).to_contain_text("Step 5 of 5: Become ada")
    press(page, members.get_by_role("button", name="ada"))
    press(page, page.get_by_role("list", name="Apps").get_by_role("button"))
    press(page, page.get_by_role("tab", name="Home"))
    keys.press("ArrowRight")
    newest(page, "asks for access to SageMaker Studio")
    press(page, page.get_by_role("button", name="Approve"))
    expect(task).to_contain_text("That was the tour.")
    expect(strip.get_by_role("listitem").filter(has_text="(done)")).to_have_count(5)


def pick(dialog: Locator, field: str, typed: str, shown: str, *, taken: bool = False) -> None:
    """Type into a field with the keyboard, and choose what it shows; only look at it if it is taken."""
    box = dialog.get_by_role("combobox", name=field)
    box.press("Control+a")
    box.press_sequentially(typed)
    wanted = dialog.get_by_role("option").filter(has_text=shown)
    expect(wanted).to_be_visible()
    if taken:
        box.press("Escape")
        return
    while wanted.get_attribute("aria-selected") != "true":
        box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value(re.compile(re.escape(shown)))


def test_administrator_maps_and_allows_a_member(
    demo: RunningDemo, window: Callable[..., Window], picture: Callable[[Page, str], None]
) -> None:
    page = window().open(demo.workspace.url)
    expect(messages(page).first).to_be_visible()
    be(page, "ada")

    type_in(page, "/studio admin")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Map a profile", exact=True).click()
    dialog.get_by_label("Member", exact=True).select_option("U0DAN")
    pick(dialog, "SageMaker domain", "nonsense", "nonsense — as typed")
    pick(dialog, "SageMaker user profile", "dan", "dan — as typed")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_contain_text("It must be a SageMaker domain id")
    pick(dialog, "SageMaker domain", "rese", f"{demo.domain_id} — research")
    expect(dialog.get_by_label("SageMaker user profile")).to_have_value("dan — as typed")  # nothing is lost
    pick(dialog, "SageMaker user profile", "an", "ana — Ana", taken=True)
    pick(dialog, "SageMaker user profile", "da", "dan — free")
    pick(dialog, "Landing page", "lab", "lab — JupyterLab")
    pick(dialog, "Session length (hours)", "8", "8 hours")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_contain_text(re.compile(r"dan now has"))
    dialog.get_by_role("button", name="Close").first.click()
    expect(dialog).to_be_hidden()  # while it is open, nothing can be typed behind it

    type_in(page, "/studio admin allow @dan --until 30d --reason “project Falcon”")
    expect(newest(page, "now has access")).to_contain_text("Only visible to you")

    be(page, "dan")
    type_in(page, "/studio")
    link = newest(page, "Your SageMaker Studio link is ready")
    demo.clock.ahead -= 60  # a busy machine may take longer than the link lives
    with page.context.expect_page() as opened:
        link.get_by_role("button", name="Open Studio").click()
    expect(opened.value.get_by_role("heading")).to_have_text("Signed in to SageMaker Studio")

    be(page, "ada")
    type_in(page, '/studio admin deny @dan --reason "laptop stolen"')
    question = newest(page, "Nothing has been changed yet")
    picture(page, "admin")
    question.get_by_role("button", name="Confirm").click()
    newest(page, "is now blocked")
    be(page, "dan")
    type_in(page, "/studio")
    newest(page, "is blocked")
