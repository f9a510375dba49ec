"""Every block, element and surface by Slack's rules, with a tiny bot behind the page."""

import http.client
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from bot.local.page.routes import FILES
from bot.local.slack.screens import Message
from bot.local.slack.workspace import GENERAL, Workspace
from tests.browser import tinybot
from tests.browser.conftest import Window
from tests.browser.demo import go, messages, newest, type_in
from tests.browser.tinybot import SURE, TinyBot, button, options, plain, section

Windows = Callable[..., Window]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Workspace, TinyBot]]:
    with tinybot.running() as running:
        yield running


@pytest.fixture
def slack(running: tuple[Workspace, TinyBot]) -> Workspace:
    return running[0]


@pytest.fixture
def bot(running: tuple[Workspace, TinyBot]) -> TinyBot:
    running[1].message = {"text": "Hello"}
    running[1].received.clear()
    return running[1]


@pytest.fixture
def view(window: Windows) -> Window:
    return window(timezone_id="Europe/Berlin")


@pytest.fixture
def page(slack: Workspace, bot: TinyBot, view: Window) -> Page:  # noqa: ARG001 - resets the bot
    page = view.open(f"{slack.url}/#U0ALICE/{GENERAL}")
    expect(page.get_by_role("heading", name="general")).to_be_visible()
    return page


@pytest.fixture
def modal(page: Page) -> Locator:
    """The modal that the app's shortcut opens."""
    page.get_by_role("button", name="Commands and shortcuts").click()
    page.get_by_role("option", name="Open Studio").click()
    dialog = page.get_by_role("dialog", name="Request access")
    expect(dialog).to_be_visible()
    return dialog


def say(page: Page, bot: TinyBot, *blocks: Any) -> Locator:
    bot.message = {"text": "fallback", "blocks": list(blocks)}
    before = messages(page).count()
    type_in(page, "/studio")
    expect(messages(page)).to_have_count(before + 1)
    return messages(page).last


MARKUP = {
    "*bold* _italic_ ~gone~": "<strong>bold</strong> <em>italic</em> <s>gone</s>",
    "*_both_*": "<strong><em>both</em></strong>",
    "snake_case_name 2*3*4": "snake_case_name 2*3*4",
    "`a *b*`": "<code>a *b*</code>",
    "```x\n*y*```after": "<pre>x\n*y*</pre>after",
    "before\n&gt; said\n&gt; again\nafter": "before\n<blockquote>said\nagain</blockquote>after",
    "&lt;script&gt; &amp;amp;": "&lt;script&gt; &amp;amp;",
    "<@U0BOB> in <#C0GENERAL01>": '<span class="mention">@bob</span> in <span class="mention">#general</span>',
    "<!here> <@U0NOBODY|zoe>": '<span class="mention">@here</span> <span class="mention">@zoe</span>',
    "<https://example.com/?a=1&amp;b=2|docs>": '<a href="https://example.com/?a=1&amp;b=2" target="_blank" '
    'rel="noopener noreferrer">docs</a>',
    "at https://example.com.": 'at <a href="https://example.com" target="_blank" '
    'rel="noopener noreferrer">https://example.com</a>.',
    "<!date^1735689600^{date_num} {time_secs}|old>": '<time datetime="2025-01-01T00:00:00.000Z">'
    "2025-01-01 1:00:00 AM</time>",
    "<!date^1735689600^{date_long} at {time}|old>": '<time datetime="2025-01-01T00:00:00.000Z">'
    "Wednesday, January 1st, 2025 at 1:00 AM</time>",
    "<!date^1735689600^{nonsense}|fallback>": '<time datetime="2025-01-01T00:00:00.000Z">fallback</time>',
    "• one\n• two": "• one\n• two",
}


def test_markup_renders_as_in_slack_and_never_as_html(page: Page, bot: TinyBot) -> None:
    message = say(page, bot, *(section(written) for written in MARKUP))
    shown = message.locator(".mrkdwn").evaluate_all("all => all.map(each => each.innerHTML)")
    assert dict(zip(MARKUP, shown, strict=True)) == MARKUP


GERMAN = {
    "<!date^1735689600^{date} um {time}|old>": "1. Januar 2025 um 01:00",
    "<!date^1735689600^{date_short_pretty}, {time_secs}|old>": "Heute, 01:00:00",
    "<!date^1735689600^{date_long}, {date_slash}|old>": "Mittwoch, 1. Januar 2025, 01.01.2025",
    "<!date^1735776000^{date_pretty}|old>": "Morgen",
    "<!date^1735682400^zuletzt {ago}|old>": "zuletzt vor 2 Stunden",
    "<!date^1738368000^bis {date_short}|old>": "bis 1. Feb. 2025",
}


ENGLISH = {
    "<!date^1736528442^{date_slash} {time_secs}|old>": "01/10/2025 12:00:42 PM",
    "<!date^1736528442^{date_short}, {date_long_full}|old>": "Jan 10, 2025, January 10, 2025",
    "<!date^1736528442^{date_pretty} at {time}|old>": "Today at 12:00 PM",
    "<!date^1736528442^until {date_short_pretty}|old>": "until today",
    "<!date^1736442042^{date_long_pretty}|old>": "Yesterday",
    "<!date^1736614842^{date_pretty}|old>": "Tomorrow",
    "<!date^1735837242^{date}|old>": "January 2nd, 2025",
    "<!date^1737478842^{date}|old>": "January 21st, 2025",
    "<!date^1736787642^{date}|old>": "January 13th, 2025",
    "<!date^1736485242^{time}|old>": "12:00 AM",
    "<!date^1736528382^{ago}|old>": "1 minute ago",
    "<!date^1736535642^{ago}|old>": "In 2 hours",
    "<!date^1736528442^{ago}|old>": "Now",
    "<!date^1736528442^{date} in {zone}|old>": "old",
}


def test_dates_read_as_in_slack(slack: Workspace, bot: TinyBot, window: Windows) -> None:
    page = window(timezone_id="America/New_York").open(f"{slack.url}/#U0ALICE/{GENERAL}")
    page.clock.set_fixed_time("2025-01-10T12:00:42-05:00")
    message = say(page, bot, *(section(written) for written in ENGLISH))
    shown = message.locator(".mrkdwn").all_inner_texts()
    assert dict(zip(ENGLISH, shown, strict=True)) == ENGLISH


@pytest.mark.public(28)
def test_dates_follow_the_language_of_the_members_slack(page: Page, bot: TinyBot) -> None:
    page.clock.set_fixed_time("2025-01-01T01:00:00+01:00")
    message = say(page, bot, *(section(written) for written in GERMAN))
    expect(message.locator(".mrkdwn").first).to_have_text("January 1st, 2025 um 1:00 AM")
    page.get_by_role("button", name="Slack auf Deutsch").click()
    expect(message.locator(".mrkdwn")).to_have_text(list(GERMAN.values()))
    page.get_by_role("button", name="Slack in English").click()
    expect(message.locator(".mrkdwn").nth(3)).to_have_text("Tomorrow")


def test_address_in_verbatim_text_stays_text(page: Page, bot: TinyBot) -> None:
    text = {"type": "mrkdwn", "text": "*see* https://example.com or <https://example.org|this>", "verbatim": True}
    message = say(page, bot, {"type": "section", "text": text})
    expect(message.locator(".mrkdwn strong")).to_have_text("see")
    expect(message.get_by_role("link")).to_have_text(["this"])


def test_message_without_blocks_shows_its_text(page: Page, bot: TinyBot) -> None:
    bot.message = {"text": "Only *text*"}
    type_in(page, "/studio")
    expect(newest(page, "Only text").locator(".mrkdwn strong")).to_have_text("text")


@pytest.mark.public(24)
def test_emoji_codes_show_as_emoji(page: Page, bot: TinyBot) -> None:
    codes = ":white_check_mark: *:warning:* :nonsense: `:x:` 12:30:45"
    header = {"type": "header", "text": plain("Done :tada:")}
    message = say(page, bot, section(codes), header, {"type": "actions", "elements": [button(":x: No", "remove")]})
    expect(message.locator(".mrkdwn")).to_have_text("✅ ⚠️ :nonsense: :x: 12:30:45")
    expect(message.get_by_role("heading")).to_have_text("Done 🎉")
    expect(message.get_by_role("button")).to_have_text("❌ No")


@pytest.mark.public(24)
def test_page_knows_every_emoji_code_of_the_bot() -> None:
    bot = "".join(path.read_text() for path in (ROOT / "bot" / "slack").rglob("*.py"))
    known = re.findall(r'"([a-z0-9_+-]+)": "', (FILES / "emoji.js").read_text())
    used = set(re.findall(r"(?<![\w:]):([a-z][a-z_]+):(?!\w)", bot))
    assert used
    assert used <= set(known)


def test_element_with_confirm_acts_after_confirmation(page: Page, bot: TinyBot) -> None:
    message = say(
        page, bot, {"type": "actions", "elements": [button("Remove", "remove", confirm=SURE, value="prod")]}
    )
    bot.received.clear()
    remove, dialog = message.get_by_role("button", name="Remove"), page.get_by_role("dialog", name="Sure?")

    remove.click()
    expect(dialog).to_contain_text("No way back")
    dialog.get_by_role("button", name="No", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(remove).to_be_focused()
    assert bot.received == []

    remove.click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert bot.received == []

    remove.click()
    dialog.get_by_role("button", name="Yes").click()
    expect(remove).not_to_have_attribute("aria-busy", "true")
    assert bot.last("block_actions")["actions"][0]["value"] == "prod"


def test_choices_in_a_message_are_sent_with_its_state(page: Page, bot: TinyBot) -> None:
    message = say(
        page,
        bot,
        section(
            "Which?",
            block_id="which",
            accessory={"type": "static_select", "action_id": "default", "options": options("prod", "sandbox")},
        ),
        {"type": "actions", "block_id": "when", "elements": [{"type": "datepicker", "action_id": "until"}]},
    )
    with page.expect_response("**/do/act"):
        message.get_by_role("combobox").select_option("Sandbox")
    with page.expect_response("**/do/act"):
        message.get_by_label("Choose a date").fill("2026-02-28")

    told = bot.last("block_actions")
    assert told["actions"][0]["selected_date"] == "2026-02-28"
    assert told["state"]["values"]["which"]["default"]["selected_option"]["value"] == "sandbox"


@pytest.mark.public(28)
def test_declined_confirmation_puts_the_choice_back(page: Page, bot: TinyBot) -> None:
    apps = {"action_id": "apps", "options": options("lab", "code"), "confirm": SURE}
    chosen = [{"text": plain("Lab"), "value": "lab"}]
    boxes = {**apps, "type": "checkboxes", "initial_options": chosen}
    radios = {**apps, "type": "radio_buttons", "action_id": "one"}
    select = {**apps, "type": "static_select", "action_id": "default"}
    message = say(page, bot, {"type": "actions", "elements": [boxes, radios, select]})
    lab, one = message.get_by_role("checkbox", name="Lab"), message.get_by_role("radio", name="Code")
    menu, dialog = message.get_by_role("combobox"), page.get_by_role("dialog", name="Sure?")
    no, yes = (dialog.get_by_role("button", name=name, exact=True) for name in ("No", "Yes"))

    lab.click()
    no.click()
    expect(lab).to_be_checked()
    one.click()
    no.click()
    expect(one).not_to_be_checked()
    menu.select_option("Lab")
    with page.expect_response("**/do/act"):
        yes.click()
    menu.select_option("Code")
    no.click()
    expect(menu).to_have_value("lab")
    state = bot.last("block_actions")["state"]["values"]
    [values] = state.values()
    assert [option["value"] for option in values["apps"]["selected_options"]] == ["lab"]
    assert values["one"]["selected_option"] is None


def test_home_tab_is_published_on_opening(page: Page, bot: TinyBot) -> None:
    go(page, "studio-links")
    home = page.get_by_role("tabpanel", name="Home")
    expect(home.get_by_role("heading", name="Your profiles")).to_be_visible()
    expect(page.get_by_role("tab", name="Home")).to_have_attribute("aria-selected", "true")

    home.get_by_label("Default profile").select_option("Sandbox")
    page.get_by_role("dialog", name="Sure?").get_by_role("button", name="No", exact=True).click()
    expect(home.get_by_label("Default profile")).to_have_value("")
    with page.expect_response("**/do/act"):
        home.get_by_label("A colleague").select_option("@bob")
    told = bot.last("block_actions")
    assert told["actions"][0]["selected_user"] == "U0BOB"
    assert told["view"]["type"] == "home"
    assert told["container"]["type"] == "view"
    assert "response_url" not in told

    page.get_by_role("tab", name="Home").press("ArrowRight")
    expect(page.get_by_role("textbox", name="Message studio-links")).to_be_visible()
    bot.hears(lambda: [body for body in bot.received if body.get("event", {}).get("tab") == "messages"])
    opened = [body["event"]["tab"] for body in bot.received if body.get("type") == "event_callback"]
    assert opened == ["home", "messages"]


def test_modal_checks_required_fields_before_sending(modal: Locator, bot: TinyBot) -> None:
    bot.received.clear()
    modal.get_by_label("Reason").fill("abc")
    modal.get_by_role("button", name="Send").click()

    expect(modal.locator("[data-block=profile] .field-error")).to_have_text("Please complete this required field.")
    expect(modal.locator("[data-block=reason] .field-error")).to_have_text("Please enter at least 5 characters.")
    expect(modal.get_by_label("Profile")).to_be_focused()
    expect(modal.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
    assert bot.received == []


def test_modal_shows_errors_and_then_its_update(page: Page, modal: Locator, bot: TinyBot) -> None:
    modal.get_by_label("Profile").select_option("Sandbox")
    modal.get_by_label("Reason").fill("pretty please")
    modal.get_by_label("Until").fill("2027-01-31")
    modal.get_by_label("Who knows you").select_option("@bob")
    modal.get_by_label("Lab").check()
    modal.get_by_label("Code").check()
    modal.get_by_label("Month").check()
    modal.get_by_role("button", name="Send").click()
    expect(modal.locator("[data-block=reason] .field-error")).to_have_text("Say what it is for.")
    expect(modal.get_by_label("Profile")).to_have_value("sandbox")

    modal.get_by_label("Reason").fill("Project Falcon")
    modal.get_by_role("button", name="Send").click()
    sent = page.get_by_role("dialog", name="Sent")
    expect(sent).to_contain_text("Ada has been asked.")

    view = bot.last("view_submission")["view"]
    values = {block: fields["it"] for block, fields in view["state"]["values"].items()}
    assert values["reason"]["value"] == "Project Falcon"
    assert values["profile"]["selected_option"]["value"] == "sandbox"
    assert values["until"]["selected_date"] == "2027-01-31"
    assert values["who"]["selected_user"] == "U0BOB"
    assert [option["value"] for option in values["apps"]["selected_options"]] == ["lab", "code"]
    assert values["long"]["selected_option"]["value"] == "month"
    assert (view["callback_id"], view["private_metadata"]) == ("request", "kept")
    sent.get_by_role("button", name="Close", exact=True).click()
    expect(sent).to_be_hidden()


def test_modals_stack_and_escape_closes_the_top_one(page: Page, modal: Locator, bot: TinyBot) -> None:
    modal.get_by_label("Profile").select_option("Prod")
    modal.get_by_label("Reason").fill("one more")
    modal.get_by_label("Reason").press("Tab")
    modal.get_by_role("button", name="Send").press("Enter")
    more = page.get_by_role("dialog", name="One more thing")
    expect(more).to_be_visible()

    page.keyboard.press("Escape")
    expect(modal).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    assert bot.last("view_closed")["is_cleared"] is False


def test_close_button_closes_all_modals(page: Page, modal: Locator, bot: TinyBot) -> None:
    modal.get_by_label("Profile").select_option("Prod")
    modal.get_by_label("Reason").fill("one more")
    modal.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Close all").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert bot.last("view_closed")["is_cleared"] is True


def test_keyboard_focus_stays_in_the_modal(page: Page, modal: Locator) -> None:
    expect(modal.get_by_label("Profile")).to_be_focused()
    inside = "document.querySelector('#modal').contains(document.activeElement)"
    for key in ["Tab"] * 14 + ["Shift+Tab"] * 3:
        page.keyboard.press(key)
        assert page.evaluate(inside)


def test_modal_reports_an_app_that_does_not_answer(
    page: Page, slack: Workspace, modal: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    modal.get_by_label("Profile").select_option("Prod")
    modal.get_by_label("Reason").fill("Project Falcon")
    monkeypatch.setattr(slack, "request_url", "http://127.0.0.1:9/")
    modal.get_by_role("button", name="Send").click()
    expect(modal.get_by_role("alert")).to_have_text("We had some trouble connecting. Try again?")
    monkeypatch.undo()
    modal.get_by_role("button", name="Send").click()
    expect(page.get_by_role("dialog", name="Sent")).to_be_visible()
    page.keyboard.press("Escape")


def test_completion_offers_the_manifests_commands(page: Page, bot: TinyBot) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.press_sequentially("/st")
    offered = [re.compile(line) for line in ("/studio.*Get a link", "/status", "Open Studio.*From anywhere")]
    expect(page.get_by_role("option")).to_have_text(offered)
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "completion-1")
    box.press("ArrowUp")
    box.press("Enter")
    expect(box).to_have_value("/studio ")
    box.press_sequentially("prod")
    box.press("Enter")
    newest(page, "Hello")
    assert [body["text"] for body in bot.received if "command" in body][-1] == "prod"

    type_in(page, "/nonsense")
    newest(page, "/nonsense is not a valid command")
    expect(page.get_by_role("listbox")).to_be_hidden()


@pytest.mark.public(24)
def test_slash_button_keeps_its_list_open(page: Page) -> None:
    page.clock.install()
    box = page.get_by_role("textbox", name="Message")
    box.focus()
    page.get_by_role("button", name="Commands and shortcuts").click()
    page.clock.run_for(1000)
    expect(page.get_by_role("option")).to_have_count(3)
    expect(box).to_be_focused()
    page.get_by_role("heading", name="general").click()
    expect(page.get_by_role("listbox")).to_be_hidden()


@pytest.mark.public(24)
def test_mention_offers_people_groups_and_channels(page: Page, slack: Workspace, bot: TinyBot) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.press_sequentially("/studio show @b")
    expect(page.get_by_role("option")).to_have_text([re.compile("@bob")])
    slack.add_group("S0BUILD", "builders", "U0BOB")
    slack.changes.note()
    expect(page.get_by_role("option")).to_have_text([re.compile("@bob"), re.compile("@builders")])
    box.press("Enter")
    expect(box).to_have_value("/studio show @bob ")
    box.press_sequentially("#gen")
    page.get_by_role("option", name="#general").click()
    expect(box).to_have_value("/studio show @bob #general ")
    box.press("Enter")
    newest(page, "Hello")
    sent = [body["text"] for body in bot.received if "command" in body][-1]
    assert sent == "show <@U0BOB|bob> <#C0GENERAL01|general>"


@pytest.mark.public(24)
def test_mention_typed_out_is_sent_not_completed(page: Page, slack: Workspace) -> None:
    slack.add_member("U0BOBBY", "bobby")
    slack.changes.note()
    type_in(page, "thanks @bob")
    expect(newest(page, "thanks").locator(".mention")).to_have_text("@bob")


@pytest.mark.public(24)
def test_typed_answer_with_a_link_has_a_note(page: Page, bot: TinyBot) -> None:
    link = button("Open Studio", "open", url="https://example.com/")
    typed = say(page, bot, {"type": "actions", "elements": [link]})
    expect(typed.get_by_role("note")).to_contain_text("Slack lets no app change the answer to a typed command")
    expect(say(page, bot, section("No link")).get_by_role("note")).to_have_count(0)


@pytest.mark.public(24)
def test_hood_speaks_of_the_connection_in_socket_mode(view: Window) -> None:
    ack = {"result": "ok", "status": None, "milliseconds": 3.1, "body": "", "problem": ""}
    request = {
        "id": "1",
        "what": {"words": "{name}", "name": "/studio"},
        "at": 0,
        "request": {},
        "ack": ack,
        "entries": [],
        "aws": [],
        "slack": [],
    }
    with tinybot.workspace(socket_mode=True) as slack:
        slack.under_the_hood = lambda _: [request]
        page = view.open(slack.url)
        page.get_by_role("button", name="Under the hood").click()
        hood = page.get_by_role("complementary", name="Under the hood")
        expect(hood).to_contain_text("through the WebSocket connection")
        expect(hood).to_contain_text("in 3.1 ms, with an empty body")
        expect(hood).not_to_contain_text("POST")


def test_refused_block_is_reported_on_the_page(page: Page, bot: TinyBot, view: Window) -> None:
    bot.message = {"text": "x", "blocks": [section("x" * 3001)]}
    type_in(page, "/studio")

    expect(page.get_by_role("alert").first).to_contain_text("must be less than 3001 characters")
    expect(messages(page).filter(has_text="xxx")).to_have_count(0)
    view.forgive("response_url: invalid_blocks")


@pytest.mark.parametrize(
    "block",
    [
        {"type": "carousel"},
        {"type": "actions", "elements": [{"type": "overflow", "action_id": "x", "options": options("a")}]},
        section("<javascript:alert(1)|click>"),
        {"type": "section", "text": {"type": "html", "text": "<b>x</b>"}},
    ],
    ids=lambda block: str(block["type"]),
)
def test_unknown_content_is_reported_on_the_page(page: Page, slack: Workspace, view: Window, block: Any) -> None:
    message = Message("", GENERAL, "x", (section("before"), block, section("after")), "U0ALICE")
    slack.screens.post(message)

    shown = newest(page, "after")
    expect(shown).to_contain_text("before")
    expect(shown.locator(".failure")).to_be_visible()
    expect(page.locator("#failures")).to_be_visible()
    view.forgive("block: " if block["type"] != "actions" else "element: ")


def test_script_error_is_reported_on_the_page(page: Page, view: Window) -> None:
    page.evaluate("setTimeout(() => { throw new Error('broken') })")
    expect(page.locator("#failures")).to_contain_text("broken")
    view.forgive("broken")


# The walls


def ask(slack: Workspace, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(slack.url).port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        response.read()
        return response.status, dict(response.getheaders())
    finally:
        connection.close()


def test_other_site_cannot_act_through_the_browser(slack: Workspace, window: Windows) -> None:
    before = len(slack.exchanges)
    # The same machine under another name is another site to the browser.
    stranger = window()
    page = stranger.open(slack.url.replace("127.0.0.1", "localhost"))
    status = page.evaluate(
        """async address => {
            const body = JSON.stringify({ as: "U0ALICE", channel: "C0GENERAL01", text: "/studio" });
            const post = fetch(`${address}/do/type`, { method: "POST", mode: "no-cors", body });
            return post.then(() => "sent", () => "refused by the browser");
        }""",
        slack.url,
    )
    assert status == "refused by the browser"  # by the page's own policy, before the server has to
    stranger.forgive("Content Security Policy")
    assert len(slack.exchanges) == before


def test_page_loads_nothing_from_other_hosts(page: Page, slack: Workspace) -> None:
    addresses = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert addresses
    assert {f"{urlsplit(address).scheme}://{urlsplit(address).netloc}" for address in addresses} == {slack.url}
    assert ask(slack, "GET", "/")[0] == 200


# Selects with suggestions


def test_suggestions_are_picked_with_the_keyboard(page: Page, modal: Locator, bot: TinyBot) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    box, options = modal.get_by_role("combobox", name="Domain"), modal.locator("[role=option]")
    box.press("ArrowDown")
    expect(options).to_have_text(["Research", "Data-Science", "Sandbox"])
    expect(box).to_have_attribute("aria-expanded", "true")
    assert page.evaluate("document.querySelector('#modal').scrollWidth <= innerWidth")
    page.keyboard.type("sa")
    expect(options).to_have_text(["Sandbox"])
    page.keyboard.press("Escape")  # closes the list only
    expect(options).to_have_count(0)
    expect(box).to_have_value("")
    page.keyboard.type("nowhere")
    expect(modal.get_by_role("status")).to_have_text("No results")
    page.keyboard.press("Escape")
    page.keyboard.type("se")
    expect(options).to_have_text(["Research"])
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", re.compile("options-"))
    page.keyboard.press("Enter")
    expect(box).to_have_value("Research")

    modal.get_by_label("Profile").select_option("Prod")
    modal.get_by_label("Reason").fill("pretty please")
    modal.get_by_role("button", name="Send").click()
    expect(modal.locator("[data-block=reason] .field-error")).to_have_text("Say what it is for.")
    expect(box).to_have_value("Research")  # an error takes away nothing
    chosen = bot.last("view_submission")["view"]["state"]["values"]["domain"]["it"]
    assert chosen["selected_option"]["value"] == "research"


def test_unanswered_suggestions_are_said_to_be_missing(modal: Locator, slack: Workspace) -> None:
    address, slack.request_url = slack.request_url, "http://127.0.0.1:9/"
    try:
        modal.get_by_role("combobox", name="Domain").click()
        expect(modal.get_by_role("status")).to_have_text("Results could not be loaded")
    finally:
        slack.request_url = address
