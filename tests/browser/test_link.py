"""A member gets a link in the browser, opens it, sees it change and expire; others are refused."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from bot.local.demo.running import RunningDemo
from bot.local.demo.seed import SEEDER
from bot.local.page.state import snapshot
from bot.local.slack.screens import Message
from tests.browser.conftest import Window
from tests.browser.demo import be, go, messages, newest, running, type_in

Windows = Callable[..., Window]
Picture = Callable[[Page, str], None]
READY = "Your SageMaker Studio link is ready"


@pytest.fixture(scope="module")
def demo(log_folder: Path) -> Iterator[RunningDemo]:
    with running(log_folder, "browser-link") as demo:
        yield demo


@pytest.fixture(autouse=True)
def unchanged(demo: RunningDemo) -> Iterator[None]:
    """Restore what a test changes of the module's demo, even if the test fails."""
    members = demo.workspace.directory.people()
    yield
    demo.clock.ahead = 0.0
    for member in members:
        demo.workspace.directory.put(member)
    team = demo.workspace.installation.team_id
    if demo.admin.rules_of(team, "U0BEN").grants:
        demo.admin.forget(team, "U0BEN", SEEDER)


@pytest.fixture
def page(demo: RunningDemo, window: Windows) -> Page:
    page = window().open(demo.workspace.url)
    expect(messages(page).first).to_be_visible()
    return page


def open_studio(message: Locator, name: str = "Open Studio") -> Page:
    """Press the button, and wait for the tab that it opens."""
    with message.page.context.expect_page() as opened:
        message.get_by_role("button", name=name).click()
    return opened.value


def test_tour_is_played_in_german(demo: RunningDemo, page: Page) -> None:
    """It is the module's first test: a step that has been done once stays done."""
    strip = page.get_by_role("region", name="Tour")
    task = strip.get_by_role("status")
    page.get_by_role("button", name="Alle auf Deutsch").click()

    expect(task).to_have_text("Schritt 1 von 5: Tippe /studio in das Nachrichtenfeld und drücke Enter.")
    type_in(page, "/studio")
    link = newest(page, "Dein Link zu SageMaker Studio ist da")
    expect(link).to_contain_text("Nur für dich sichtbar")
    expect(task).to_contain_text("Schritt 2 von 5: Drücke „Studio öffnen“")
    open_studio(link, "Studio öffnen").close()
    expect(task).to_contain_text("Schritt 3 von 5: Drücke „Neuer Link“")
    newest(page, "Geöffnet um").get_by_role("button", name="Neuer Link").click()
    expired = newest(page, "Dein Link zu SageMaker Studio ist da")
    demo.clock.ahead += 61
    open_studio(expired, "Studio öffnen").close()

    expect(task).to_contain_text("Schritt 4 von 5: Werde ben")
    be(page, "ben")
    type_in(page, "/studio")
    newest(page, "noch nicht freigeschaltet").get_by_role("button", name="Zugriff beantragen").click()
    dialog = page.get_by_role("dialog", name="Zugriff beantragen")
    dialog.get_by_label("Wofür brauchst du es?").fill("Projekt Falke")
    dialog.get_by_role("button", name="Senden").click()

    expect(task).to_contain_text("Schritt 5 von 5: Werde ada")
    be(page, "ada")
    go(page, "studio-links")
    page.get_by_role("tab", name="Nachrichten").click()
    newest(page, "Projekt Falke").get_by_role("button", name="Genehmigen").click()
    expect(task).to_contain_text("Das war die Tour.")
    expect(strip.get_by_role("listitem").filter(has_text="(erledigt)")).to_have_count(5)
    strip.get_by_role("button", name="Tour schließen").click()
    expect(strip).to_be_hidden()


def test_member_opens_a_link_and_renews_it(demo: RunningDemo, page: Page, picture: Picture) -> None:
    type_in(page, "/studio")
    message = newest(page, READY)
    expect(message).to_contain_text("Only visible to you")
    expect(message).to_contain_text(re.compile(r"Works until \d+:\d\d:\d\d [AP]M"))
    picture(page, "workspace")

    studio = open_studio(message)
    expect(studio.get_by_role("heading")).to_have_text("Signed in to SageMaker Studio")
    expect(studio.get_by_text("ana", exact=True)).to_be_visible()
    used = newest(page, "Opened at")
    expect(used.get_by_role("button")).to_have_count(1)
    assert studio.evaluate("[window.opener, document.referrer]") == [None, ""]
    assert "token" not in studio.url
    studio.reload()
    expect(studio.get_by_role("heading")).to_have_text("Signed in to SageMaker Studio")

    used.get_by_role("button", name="New link").click()
    fresh = newest(page, READY)
    old = demo.workspace.view("U0ANA")[-1].button("open_studio").url or ""
    demo.clock.ahead += 61
    late = open_studio(fresh)
    expect(late.get_by_role("heading")).to_have_text("Sign in to the AWS console")
    late.goto(old)
    expect(late.get_by_text("This link has expired")).to_be_visible()


REFUSED = {
    "ben": "not on the allow-list",
    "cleo": "is blocked",
    "dan": "no SageMaker Studio profile",
    "gus": "Guests cannot open",
}


def test_typed_answer_says_why_it_shows_no_expiry(page: Page) -> None:
    type_in(page, "/studio")
    link = newest(page, READY)
    note = link.get_by_role("note")
    expect(note).to_contain_text("Slack lets no app change the answer to a typed command")
    link.get_by_role("button", name="New link").click()
    expect(note).to_have_count(0)
    expect(newest(page, READY).get_by_role("button", name="New link")).to_be_visible()


@pytest.mark.parametrize("height", [900, 600])
def test_unread_message_of_the_bot_is_in_sight(demo: RunningDemo, window: Windows, height: int) -> None:
    page = window(viewport={"width": 1280, "height": height}).open(f"{demo.workspace.url}/#U0ADA/")
    expect(messages(page).first).to_be_visible()
    demo.workspace.screens.post(Message("", demo.workspace.direct_message("U0ADA"), "A request"))
    expect(page.get_by_role("img", name="unread")).to_be_in_viewport()


def test_answers_are_shown_to_their_member_only(page: Page) -> None:
    type_in(page, "/studio")
    newest(page, READY)
    said = []
    for name, words in REFUSED.items():
        be(page, name)
        expect(page.get_by_text("Only visible to you", exact=True)).to_have_count(0)
        type_in(page, "/studio")
        refusal = newest(page, words)
        expect(refusal).to_contain_text("Only visible to you")
        expect(refusal.get_by_role("button", name="Open Studio")).to_have_count(0)
        said.append(words)

    be(page, "ana")
    newest(page, READY)
    for words in said:
        expect(messages(page).filter(has_text=words)).to_have_count(0)


def test_page_stream_has_no_other_members_link(demo: RunningDemo, page: Page) -> None:
    type_in(page, "/studio")
    newest(page, READY)

    told = {user: json.dumps(snapshot(demo.workspace, user, 0)) for user in ("U0ANA", "U0BEN", "U0ADA")}

    tokens = set(re.findall(r"token=[\w-]+", told["U0ANA"]))
    assert tokens
    assert not tokens & set(re.findall(r"token=[\w-]+", told["U0BEN"] + told["U0ADA"]))


def test_member_with_several_profiles_names_one(page: Page) -> None:
    be(page, "maya")
    type_in(page, "/studio falcon")

    message = newest(page, READY)
    expect(message).to_contain_text("falcon")
    expect(open_studio(message).get_by_text("falcon")).to_be_visible()


def test_command_works_without_the_bot_in_the_channel(page: Page) -> None:
    for where in ("data-science", "ada", "studio-links"):
        go(page, where)
        if where == "studio-links":  # the app's own conversation, which opens at its home tab
            page.get_by_role("tab", name="Messages").click()
        type_in(page, "/studio")
        newest(page, READY)


def test_reload_drops_ephemeral_messages_only(page: Page) -> None:
    go(page, "random")
    type_in(page, "Is anybody there?")
    type_in(page, "/studio")
    newest(page, READY)

    page.reload()

    newest(page, "Is anybody there?")
    expect(page.get_by_role("heading", name="random")).to_be_visible()
    expect(page.get_by_text(READY)).to_have_count(0)


def test_channel_message_reaches_other_members_as_unread(demo: RunningDemo, page: Page, window: Windows) -> None:
    other = window().open(f"{demo.workspace.url}/#U0MAYA")
    expect(messages(other).first).to_be_visible()  # what comes after this is new to it
    go(page, "random")
    type_in(page, "Hello *everybody* <script>alert(1)</script>")

    unread = other.get_by_role("button", name="random unread")
    unread.click()
    message = newest(other, "Hello everybody <script>alert(1)</script>")
    expect(message.locator("strong", has_text="everybody")).to_be_visible()
    expect(unread).to_have_count(0)


def test_hood_shows_requests_without_links(demo: RunningDemo, page: Page, picture: Picture) -> None:
    go(page, "data-science")
    type_in(page, "/studio")
    newest(page, READY)
    page.get_by_role("button", name="Under the hood").click()
    hood = page.get_by_role("complementary")
    request = hood.locator(".request").first

    expect(request).to_contain_text(re.compile(r"in \d+(\.\d+)? ms, 200, with an empty body"))
    expect(request.locator(".outcome")).to_have_text("issued")
    expect(request).to_contain_text("allow U0ANA set by cli:demo")
    for call in (
        "TransactWriteItems studio-links-audit studio-links-runtime",
        "BatchGetItem studio-links-access",
        "CreatePresignedDomainUrl",
        "response_url",
    ):
        expect(request.locator("summary", has_text=re.compile(call.replace(" ", ".*")))).not_to_have_count(0)
    picture(page, "under-the-hood")

    for summary in request.locator("summary").all():
        summary.click()
    for shown in (
        '"response_url": "(secret)"',
        '"url": "(link, redacted)"',
        '"UserProfileName": "ana"',
        "link_sha256",
    ):
        expect(request).to_contain_text(shown)
    everything = page.locator("#hood").evaluate("pane => pane.outerHTML")
    link = demo.workspace.view("U0ANA")[-1].button("open_studio").url or "none"
    for secret in (link, "token=", "/commands/", "/actions/", demo.workspace.bot_token):
        assert secret not in everything


def test_hood_follows_requests_and_explains_refusals(page: Page) -> None:
    be(page, "cleo")
    page.get_by_role("button", name="Under the hood").click()
    newest_request = page.locator(".request").first
    type_in(page, "/studio help")
    expect(newest_request).to_contain_text("/studio help")
    expect(newest_request).to_contain_text("nothing to decide")

    type_in(page, "/studio")

    expect(newest_request.locator(".outcome")).to_have_text("denied")
    expect(newest_request).to_contain_text("deny U0CLEO set by cli:demo")
    expect(newest_request).not_to_contain_text("CreatePresignedDomainUrl")


def test_hood_shows_an_opened_link_in_its_entry(page: Page) -> None:
    go(page, "random")
    type_in(page, "/studio")
    open_studio(newest(page, READY)).close()
    newest(page, "Opened at")

    page.get_by_role("button", name="Under the hood").click()

    press = page.locator(".request").first
    expect(press).to_contain_text("pressed “Open Studio”")
    expect(press).to_contain_text("opened at")


def test_skip_link_keeps_member_and_channel(demo: RunningDemo, page: Page) -> None:
    be(page, "eve")
    go(page, "random")
    skip = page.get_by_role("link", name="Skip to the message box")
    skip.press("Enter")
    expect(page.get_by_role("textbox", name="Message #random")).to_be_focused()
    go(page, "studio-links")
    skip.press("Enter")
    expect(page.get_by_role("tab", name="Home")).to_be_focused()
    expect(page).to_have_url(f"{demo.workspace.url}/#U0EVE/{demo.workspace.direct_message('U0EVE')}")


def test_page_works_on_a_phone(demo: RunningDemo, window: Windows, picture: Picture) -> None:
    page = window(viewport={"width": 390, "height": 844}, has_touch=True, device_scale_factor=2).open(
        demo.workspace.url
    )
    expect(messages(page).first).to_be_visible()
    expect(page.get_by_role("navigation")).to_be_hidden()
    menu = page.get_by_role("button", name="Members and channels")
    menu.click()
    be(page, "ada")
    expect(page.get_by_role("navigation")).to_be_hidden()

    type_in(page, "/studio")
    newest(page, READY)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, "phone")

    page.get_by_role("button", name="Under the hood").click()
    expect(page.locator(".request").first).to_contain_text("issued")
    page.get_by_role("button", name="Close Under the hood").click()
    menu.click()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()


def test_page_follows_the_dark_color_scheme(demo: RunningDemo, window: Windows, picture: Picture) -> None:
    page = window(color_scheme="dark").open(f"{demo.workspace.url}/#U0ANA/C0DATASCI01")
    type_in(page, "/studio")
    message = newest(page, READY)

    assert luminance(page.locator("#main"), "backgroundColor") < 0.1
    assert luminance(message.locator(".mrkdwn").first, "color") > 0.6
    page.get_by_role("button", name="Under the hood").click()
    expect(page.locator(".request").first).to_contain_text("issued")
    picture(page, "dark")


def luminance(element: Locator, colour: str) -> float:
    """Roughly how bright a colour is, from 0 to 1."""
    written = element.evaluate(f"element => getComputedStyle(element).{colour}")
    red, green, blue = (int(number) / 255 for number in re.findall(r"\d+", written)[:3])
    return 0.2 * red + 0.7 * green + 0.1 * blue


def test_times_use_the_browsers_time_zone(demo: RunningDemo, window: Windows) -> None:
    shown = []
    for zone in ("Asia/Kolkata", "America/St_Johns"):
        page = window(timezone_id=zone).open(f"{demo.workspace.url}/#U0ANA/C0RANDOM001")
        type_in(page, "/studio")
        text = newest(page, READY).inner_text()
        shown.append(re.findall(r"Works until (\d+):(\d+):\d+", text)[0])
    # Zones of half hours on either side: their clocks show no hour in common.
    assert shown[0][0] != shown[1][0]


def test_chosen_profile_comes_first_next_time(page: Page, picture: Picture) -> None:
    be(page, "maya")
    type_in(page, "/studio")
    question = newest(page, "What do you want to open?")
    picture(page, "choice")
    question.get_by_role("button", name="Open sandbox").click()

    expect(newest(page, READY)).to_contain_text("sandbox")
    type_in(page, "/studio")
    expect(newest(page, "What do you want to open?").get_by_role("button").first).to_have_text("Open sandbox")


def test_home_tab_opens_studio_in_a_dialog(page: Page, picture: Picture) -> None:
    be(page, "maya")  # her home is published now; an existing one is published again while it is being used
    go(page, "studio-links")
    page.get_by_role("tab", name="Home").click()
    expect(page.get_by_role("button", name="Open Studio").first).to_be_visible()
    picture(page, "home")
    page.get_by_role("button", name="Open Studio").first.click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(READY)
    expect(dialog.get_by_role("button", name="New link")).to_be_visible()


def test_administrator_decides_an_access_request(page: Page, picture: Picture) -> None:
    be(page, "ben")
    go(page, "studio-links")
    page.get_by_role("tab", name="Home").click()
    home = page.get_by_role("tabpanel", name="Home")
    expect(home.get_by_role("button", name="Request access")).to_be_visible()
    expect(home.get_by_role("button", name="Open Studio")).to_have_count(0)
    go(page, "general")
    type_in(page, "/studio")
    newest(page, "not on the allow-list").get_by_role("button", name="Request access").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why do you need it?").fill("project Falcon")
    picture(page, "asking")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog).to_have_count(0)

    be(page, "ada")
    go(page, "studio-links")
    page.get_by_role("tab", name="Messages").click()
    request = newest(page, "asks for access to SageMaker Studio")
    picture(page, "request")
    request.get_by_role("button", name="Approve").click()
    newest(page, "Approved by")

    be(page, "ben")
    go(page, "studio-links")
    page.get_by_role("tab", name="Messages").click()
    newest(page, "You can open SageMaker Studio now").get_by_role("button", name="Open Studio").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(READY)
    studio = open_studio(dialog)
    expect(studio.get_by_role("heading")).to_have_text("Signed in to SageMaker Studio")
    expect(studio.get_by_text("ben", exact=True)).to_be_visible()


def test_access_request_is_german_for_a_german_member(page: Page) -> None:
    be(page, "dan")
    page.get_by_role("button", name="Slack auf Deutsch").click()
    expect(page.get_by_role("button", name="Slack in English")).to_be_visible()
    type_in(page, "/studio help")
    expect(newest(page, "Du hast hier noch kein Profil")).to_contain_text("/studio request beantragt Zugriff")
    type_in(page, "/studio request")
    dialog = page.get_by_role("dialog", name="Zugriff beantragen")
    dialog.get_by_label("Wofür brauchst du es?").fill(" ")
    dialog.get_by_role("button", name="Senden").click()
    expect(dialog).to_contain_text("Schreib kurz, wofür du es brauchst.")
    dialog.get_by_label("Wofür brauchst du es?").fill("Projekt Falke")
    dialog.get_by_role("button", name="Senden").click()
    expect(dialog).to_have_count(0)
    go(page, "studio-links")
    page.get_by_role("tab", name="Nachrichten").click()
    newest(page, "Dein Antrag ist bei deinen Studio-Admins")

    be(page, "ada")
    go(page, "studio-links")
    page.get_by_role("tab", name="Messages").click()
    request = newest(page, "asks for access to SageMaker Studio")
    expect(request).to_contain_text("Projekt Falke")
    request.get_by_role("button", name="Deny").click()
    dialog = page.get_by_role("dialog", name="Deny access")
    dialog.get_by_label("Why? The member will see this.").fill("Falke has ended")
    dialog.get_by_role("button", name="Deny").click()
    expect(newest(page, "Denied by")).to_contain_text("Falke has ended")


def test_member_sees_the_cost_of_what_runs_and_stops_it(page: Page) -> None:
    type_in(page, "/studio running")
    found = newest(page, "ml.g5.xlarge · running")
    expect(found).to_contain_text("$1.41 an hour · about $19")
    found.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog", name="Stop").get_by_role("button", name="Stop").click()
    stopped = newest(page, "JupyterLab is stopping. The space and its files stay.")
    stopped.get_by_role("button", name="Start").click()
    newest(page, "JupyterLab is starting in space ana-lab")


def test_workspace_is_made_used_stopped_and_removed(demo: RunningDemo, page: Page) -> None:
    """The whole life of dan's: he is blocked at the end."""

    def written_to(name: str, text: str) -> Locator:
        be(page, name)
        go(page, "studio-links")
        page.get_by_role("tab", name="Messages").click()
        return newest(page, text)

    be(page, "dan")
    type_in(page, "/studio")
    newest(page, REFUSED["dan"]).get_by_role("button", name="Request access").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why do you need it?").fill("project Heron")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog).to_have_count(0)

    written_to("ada", "project Heron").get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog", name="Approve access")
    expect(dialog.get_by_label("SageMaker domain")).to_have_value(demo.domain_id)
    expect(dialog.get_by_label("SageMaker user profile")).to_have_value("dan-brown")
    dialog.get_by_label("User profile", exact=True).select_option("A new one, with a private space on ml.t3.medium")
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog).to_have_count(0)

    written_to("dan", "profile in SageMaker Studio is ready").get_by_role("button", name="Open Studio").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(READY)
    studio = open_studio(dialog)
    expect(studio.get_by_text("dan-brown", exact=True)).to_be_visible()
    studio.close()  # behind it, the browser slows the page down
    dialog.get_by_role("button", name="Close").first.click()
    go(page, "general")
    type_in(page, "/studio running")
    newest(page, "dan-brown-lab").get_by_role("button", name="Start").click()
    running = newest(page, "JupyterLab is starting in space dan-brown-lab")
    expect(running).to_contain_text(re.compile("ml.t3.medium · running.*\\$0.05 an hour · about \\$0.0"))
    running.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog", name="Stop").get_by_role("button", name="Stop").click()
    newest(page, "JupyterLab is stopping. The space and its files stay.")

    be(page, "ada")
    go(page, "general")
    type_in(page, "/studio admin offboard @dan")
    question = newest(page, "This blocks them and deletes")
    question.get_by_role("button", name="Confirm").click()
    report = written_to("ada", "is off-boarded")
    for words in (
        "Gone",
        "space dan-brown-lab",
        "profile dan-brown in d-research",
        "Not reached: the home directory",
    ):
        expect(report).to_contain_text(words)
