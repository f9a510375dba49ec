"""An administrator at work in the browser, and what it means for a member."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bot.local.demo.running import RunningDemo
from tests.browser.conftest import Window
from tests.browser.demo import be, messages, newest, running, type_in


@pytest.fixture
def demo(log_folder: Path) -> Iterator[RunningDemo]:
    with running(log_folder, "browser-admin") as demo:
        yield demo


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
    dialog.get_by_label("SageMaker domain id").fill("nonsense")
    dialog.get_by_label("SageMaker user profile").fill("dan")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_contain_text("It must be a SageMaker domain id")
    dialog.get_by_label("SageMaker domain id").fill(demo.domain_id)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_contain_text(re.compile(r"dan now has"))
    dialog.get_by_role("button", name="Close").first.click()
    expect(dialog).to_be_hidden()  # while it is open, nothing can be typed behind it

    type_in(page, "/studio admin allow @dan --until 30d --reason “project Falcon”")
    expect(newest(page, "now has access")).to_contain_text("Only visible to you")

    be(page, "dan")
    type_in(page, "/studio")
    link = newest(page, "Your SageMaker Studio link is ready")
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
