"""The home tab, the shortcut and their dialogs; and messages that show an expired link."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.local.faults import Fault
from bot.local.slack.views import View
from tests.leaks import remember
from tests.scenario.conftest import TEAM, Product, create_profile, sagemaker
from tests.scenario.test_link import admitted

TRANSPORTS = ("http", "socket")
SETTINGS = {"STUDIO_LINK_SECONDS": "5", "STUDIO_RUNNING": "true"}


@pytest.fixture(scope="module", autouse=True)
def admin(product: Product) -> Admin:
    admin, tester = administration.admin(load(Settings)), Actor("cli:test", Source.CLI)
    for name, aliases in (("ana", ["default"]), ("maya", ["prod", "sandbox"]), ("dan", [])):
        user = f"U0{name.upper()}"
        product.slack.add_member(user, name)
        for alias in aliases:
            create_profile(product.domain_id, f"{name}-{alias}")
            admin.map(Member(TEAM, user), Mapping(alias, product.domain_id, f"{name}-{alias}"), tester)
            admin.grant(TEAM, Grant(user, Effect.ALLOW), tester)
    return admin


def link_in(product: Product, view: View) -> str:
    urls = [element["url"] for block in view.blocks for element in block.get("elements", ()) if "url" in element]
    remember(product.bot.log.parent, *urls)
    return urls[0] if urls else ""


def home_of(product: Product, user: str, words: str) -> View:
    product.slack.wait_until(lambda: words in str((home := product.slack.home(user)) and home.blocks))
    home = product.slack.home(user)
    assert home is not None
    return home


def dialog_of(product: Product, user: str, words: str) -> View:
    def shown() -> bool:
        with suppress(LookupError):  # none is open yet
            return words in str(product.slack.modal(user).blocks)
        return False

    product.slack.wait_until(shown)
    return product.slack.modal(user)


# The first test: a list of the domain serves everyone for half a minute.
def test_member_sees_stops_and_starts_what_runs(product: Product, admin: Admin) -> None:
    create_profile(product.domain_id, "run")
    product.slack.add_member("U0RUN", "run")
    admin.map(Member(TEAM, "U0RUN"), Mapping("default", product.domain_id, "run"), Actor("cli:test", Source.CLI))
    admin.grant(TEAM, Grant("U0RUN", Effect.ALLOW), Actor("cli:test", Source.CLI))
    sagemaker().create_space(
        DomainId=product.domain_id,
        SpaceName="run-lab",
        OwnershipSettings={"OwnerUserProfileName": "run"},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": "JupyterLab"},
    )
    app: Any = {"DomainId": product.domain_id, "SpaceName": "run-lab", "AppType": "JupyterLab", "AppName": "default"}
    sagemaker().create_app(**app, ResourceSpec={"InstanceType": "ml.t3.medium"})
    product.aws.backdate(product.domain_id, "run-lab/jupyterlab/default", hours=20)

    shown = product.slack.answer_to(product.slack.command("U0RUN", "running"))
    assert "ml.t3.medium" in product.slack.render(shown)
    assert "$1.00 so far" in product.slack.render(shown)
    stopped = product.slack.answer_to(product.slack.press("U0RUN", shown, "stop_app"))
    assert "The space and its files stay." in product.slack.render(stopped)
    assert sagemaker().describe_app(**app)["Status"] == "Deleted"
    started = product.slack.answer_to(product.slack.press("U0RUN", stopped, "start_space"))
    assert "is starting in space" in product.slack.render(started)
    assert sagemaker().describe_app(**app)["Status"] == "InService"
    entries = json.loads(product.cli("history", "U0RUN", "--json").stdout)
    acts = [(entry["action"], entry["outcome"]) for entry in entries if entry["action"] in ("stop", "start")]
    assert acts == [("start", "done"), ("stop", "done")]


def test_home_tab_shows_what_a_member_may_open(product: Product) -> None:
    product.slack.open_home("U0MAYA")
    product.slack.open_home("U0DAN")

    assert "maya-prod" in str(home_of(product, "U0MAYA", "maya-sandbox").blocks)
    assert "not on the allow-list" in str(home_of(product, "U0DAN", "no SageMaker Studio profile").blocks)
    product.bot.wait_for_outcomes("home", 2)


def test_home_tab_button_answers_in_a_dialog(product: Product) -> None:
    slack = product.slack
    slack.open_home("U0ANA")
    home = home_of(product, "U0ANA", "ana-default")

    assert slack.press("U0ANA", home, "home_open").ack == "ok"

    dialog = dialog_of(product, "U0ANA", "link is ready")
    assert "ana-default" in admitted(link_in(product, dialog))
    assert slack.press("U0ANA", dialog, "open_studio").ack == "ok"
    opened = dialog_of(product, "U0ANA", "Opened at")
    assert not link_in(product, opened)
    assert slack.press("U0ANA", opened, "new_link").ack == "ok"
    assert link_in(product, dialog_of(product, "U0ANA", "link is ready"))
    home_of(product, "U0ANA", "not opened")


def test_message_in_the_messages_tab_is_answered_there(product: Product) -> None:
    slack = product.slack
    slack.say("U0ANA", "can I have a link?", channel=slack.direct_message("U0ANA"))
    answers = "I only answer commands"
    answer = slack.wait_for("U0ANA", lambda screen: answers in screen[-1].text)[-1]

    assert (answer.channel, answer.ephemeral) == (slack.direct_message("U0ANA"), False)
    assert slack.press("U0ANA", answer, "home_open").ack == "ok"
    assert link_in(product, dialog_of(product, "U0ANA", "link is ready"))


def test_expired_link_in_a_dialog_offers_a_new_one(product: Product) -> None:
    slack = product.slack
    slack.shortcut("U0ANA", "open_studio")
    link = link_in(product, dialog_of(product, "U0ANA", "link is ready"))

    slack.wait_until(lambda: "This link expired" in str(slack.modal("U0ANA").blocks), timeout=15)

    dead = slack.modal("U0ANA")
    assert not link_in(product, dead)
    assert slack.press("U0ANA", dead, "new_link").ack == "ok"
    fresh = link_in(product, dialog_of(product, "U0ANA", "link is ready"))
    assert fresh not in ("", link)


def test_home_tab_offers_what_a_member_can_use(product: Product, admin: Admin) -> None:
    tester, cleo = Actor("cli:test", Source.CLI), Member(TEAM, "U0CLEO")
    product.slack.add_member("U0CLEO", "cleo")
    create_profile(product.domain_id, "cleo")
    admin.map(cleo, Mapping("default", product.domain_id, "cleo"), tester)

    product.slack.open_home("U0CLEO")
    shut = home_of(product, "U0CLEO", "not on the allow-list")
    assert not any("accessory" in block for block in shut.blocks)
    admin.grant(TEAM, Grant("U0CLEO", Effect.ALLOW), tester)
    product.slack.open_home("U0CLEO")
    assert any("accessory" in block for block in home_of(product, "U0CLEO", "You have access").blocks)


def test_shortcut_offers_choices_in_a_dialog(product: Product) -> None:
    slack = product.slack

    assert slack.shortcut("U0MAYA", "open_studio").ack == "ok"

    question = dialog_of(product, "U0MAYA", "What do you want to open?")
    assert slack.press("U0MAYA", question, "choose_1").ack == "ok"
    assert "maya-sandbox" in admitted(link_in(product, dialog_of(product, "U0MAYA", "link is ready")))
    assert slack.shortcut("U0DAN", "open_studio").ack == "ok"
    assert not link_in(product, dialog_of(product, "U0DAN", "no SageMaker Studio profile"))


def test_unopened_dialog_gives_no_link(product: Product) -> None:
    calls = product.aws.calls.count("CreatePresignedDomainUrl")
    product.slack.inject("views.open", Fault(status=500))

    assert product.slack.shortcut("U0ANA", "open_studio").ack == "ok"

    product.bot.wait_for_outcomes("slack_unreachable", 1)
    assert product.aws.calls.count("CreatePresignedDomainUrl") == calls


def test_expired_link_replaces_its_message_and_no_other(product: Product) -> None:
    slack = product.slack
    first = slack.answer_to(slack.command("U0MAYA", "prod"))
    fresh = slack.answer_to(slack.press("U0MAYA", first, "new_link"))
    opened = slack.answer_to(slack.press("U0MAYA", fresh, "open_studio"))
    # Ana's link is newer than Maya's: once it is shown as expired, Maya's would have been too.
    other = slack.answer_to(slack.command("U0ANA"))
    other = slack.answer_to(slack.press("U0ANA", other, "new_link"))

    screen = slack.wait_for("U0ANA", lambda shown: "This link expired" in str(shown[-1].blocks), timeout=15)

    assert screen[-1].ts == other.ts
    assert [button.text for button in screen[-1].buttons()] == ["New link"]
    assert slack.view("U0MAYA")[-1].revision == opened.revision


@pytest.mark.parametrize("event", ["app_uninstalled", "tokens_revoked"])
def test_uninstalled_app_is_logged(product: Product, event: str) -> None:
    before = product.bot.outcomes("dismissed")
    delivery = product.slack.dismiss(event)
    assert delivery is not None
    assert delivery.ack == "ok"
    product.bot.wait_for_outcomes("dismissed", before + 1)
    lines = [json.loads(line) for line in product.bot.log.read_text().splitlines() if '"dismissed"' in line]
    assert (lines[-1]["event"], lines[-1]["why"], lines[-1]["level"]) == ("dismissed", event, "error")


def test_uninstalling_another_app_is_ignored(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    before = product.bot.outcomes("dismissed")
    other = replace(product.slack.installation, app_id="A0ELSE")
    monkeypatch.setattr(product.slack, "installation", other)
    delivery = product.slack.dismiss("app_uninstalled")
    assert delivery is not None
    assert delivery.ack == "ok"
    assert product.bot.outcomes("dismissed") == before
