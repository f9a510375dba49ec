"""Handlers of members' commands, buttons and views, over fakes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from structlog.testing import capture_logs

from bot.core.access import Effect, Grant
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.slack.api_errors import slack_error
from bot.slack.members import views
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, TEAM, a_grant, a_mapping
from tests.fakes_app import ADA, APP, CHANNEL, IN_A_DIALOG, IN_A_MESSAGE, AppWorld

WORDS = CATALOGUES["en"]
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)


@pytest.fixture
def world() -> AppWorld:
    return AppWorld()


def refusal(reason: Reason) -> str:
    return WORDS.refusals[reason].format(command="/studio")


def url_in(world: AppWorld) -> list[str]:
    message, _ = world.slack.replies[-1]
    return [element["url"] for block in message.blocks for element in block.get("elements", ()) if "url" in element]


def elements(world: AppWorld) -> list[dict[str, Any]]:
    message, _ = world.slack.replies[-1]
    return [element for block in message.blocks for element in block.get("elements", ())]


# /studio


def test_command_replies_with_a_link_and_records_it(world: AppWorld) -> None:
    assert world.command() == ""
    assert url_in(world) == list(world.studio.links)
    assert [replaced for _, replaced in world.slack.replies] == [False]
    assert world.outcomes() == [("link", "issued")]
    assert world.counted() == {"issued": 1}
    assert world.slack.homes == []


def test_command_that_is_replayed_gets_no_answer(world: AppWorld) -> None:
    world.trigger = "1.again"
    world.command()
    world.trigger = "1.again"
    world.command()
    assert len(world.slack.replies) == 1
    assert world.counted() == {"issued": 1, "replayed": 1}


def test_link_refused_by_slack_is_undelivered(world: AppWorld) -> None:
    world.slack.broken = {"reply"}
    world.command()
    assert world.outcomes() == [("link", "undelivered")]


def test_outcome_is_announced_where_a_channel_is_set(world: AppWorld) -> None:
    world.app.audit_channel = "C0AUDIT0001"
    world.command()
    assert world.slack.announced == [("C0AUDIT0001", f"{ANA.user_id} · link · issued · profile ana in d-research")]


@pytest.mark.parametrize("text", ["help", "what is this?"])
def test_help_lists_what_the_member_can_use(world: AppWorld, text: str) -> None:
    world.command(text)
    assert "/studio help" in world.answer()
    assert ("what is this?" in world.answer()) is (text != "help")
    assert "/studio admin" not in world.answer()
    assert world.counted() == {"help": 1}


def test_help_of_an_administrator_mentions_administration(world: AppWorld) -> None:
    world.command("help", ADA)
    assert "/studio admin" in world.answer()


@pytest.mark.parametrize("text", ["help", "whoami", ""])
def test_guest_costs_no_group_lookup(world: AppWorld, text: str) -> None:
    world.access.give_group(TEAM, Grant("S0SCIENCE1", Effect.ALLOW), Grant("S0LEAVERS1", Effect.DENY))
    world.directory.people[ANA.user_id] = replace(world.directory.people[ANA.user_id], guest=True)
    world.command(text)
    assert world.slack.replies
    assert world.directory.groups_asked == []


def test_whoami_shows_the_members_mapping(world: AppWorld) -> None:
    world.command("whoami")
    assert f"<@{ANA.user_id}>" in world.answer()
    assert world.counted() == {"whoami": 1}


@pytest.mark.parametrize("text", ["help", "whoami"])
def test_status_that_cannot_be_gathered_is_refused_and_counted(world: AppWorld, text: str) -> None:
    world.access.error = BROKEN
    with capture_logs() as logs:
        world.command(text)
    assert world.answer() == refusal(Reason.STORE_UNREACHABLE)
    assert world.counted() == {"store_unreachable": 1}
    assert [line["event"] for line in logs] == ["status_unknown"]


@pytest.mark.parametrize("text", ["help", "whoami", "request", "admin list"])
def test_defect_in_any_command_is_answered(world: AppWorld, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(world.access, "read", defect)
    world.command(text, ADA)
    assert world.answer() == refusal(Reason.INTERNAL)
    assert world.counted() == {"internal": 1}
    assert ("link", "internal") in world.outcomes()


# The Messages tab


@pytest.mark.public(28)
def test_message_to_the_bot_is_answered_in_its_tab(world: AppWorld) -> None:
    assert world.write("give me a link please") == ""
    [(place, message)] = world.slack.posts
    assert place == ANA.user_id
    assert message.text.startswith(WORDS.written)
    assert "`/studio help`" in message.text
    assert {element["action_id"] for element in message.blocks[-1]["elements"]} == {views.HOME_OPEN}
    assert world.counted() == {"help": 1}


@pytest.mark.public(28)
def test_message_of_a_member_without_profile_offers_a_request(world: AppWorld) -> None:
    world.write(member=BEN)
    [(_, message)] = world.slack.posts
    assert WORDS.refusals[Reason.NOT_MAPPED] in message.text
    assert {element["action_id"] for element in message.blocks[-1]["elements"]} == {views.ASK}


@pytest.mark.public(28)
@pytest.mark.parametrize(
    "changed",
    [
        {"bot_id": "B0STUDIO01"},
        {"app_id": APP},
        {"bot_profile": {"id": "B0STUDIO01"}},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "file_share", "bot_id": "B0STUDIO01"},
        {"user": None},
        {"user": "USLACKBOT"},
        {"channel_type": "channel"},
        {"channel_type": None},
        {"ts": None},
        {"ts": "soon"},
    ],
    ids=str,
)
def test_message_that_no_person_wrote_is_not_answered(world: AppWorld, changed: dict[str, Any]) -> None:
    assert world.write(**changed) == ""
    assert world.slack.posts == []
    assert world.counted() == {}
    assert world.outcomes() == []


@pytest.mark.parametrize("subtype", ["file_share", "me_message", "thread_broadcast"])
def test_message_with_a_file_or_in_a_thread_is_answered(world: AppWorld, subtype: str) -> None:
    world.write(subtype=subtype)
    assert len(world.slack.posts) == 1


@pytest.mark.public(28)
def test_messages_in_quick_succession_get_one_answer(world: AppWorld) -> None:
    for seconds in (0, 1, 9.9, 10, 19, 20.5):
        world.write(ts=f"{1_767_225_600 + seconds:.6f}")
    world.write(member=BEN, ts="1767225600.000000")
    assert [place for place, _ in world.slack.posts] == [ANA.user_id] * 3 + [BEN.user_id]


@pytest.mark.public(28)
def test_message_that_slack_sends_again_is_not_answered_twice(world: AppWorld) -> None:
    world.write(ts="1767225600.000000")
    world.write(ts="1767225600.000000")
    assert len(world.slack.posts) == 1


def test_message_that_finds_the_queue_full_is_answered_once(world: AppWorld) -> None:
    world.workers.capacity = 0
    world.write(ts="1767225600.000000")
    world.write(ts="1767225601.000000")
    assert [(place, message.text) for place, message in world.slack.posts] == [(ANA.user_id, refusal(Reason.BUSY))]


# Buttons


@pytest.mark.parametrize("action_id", ["new_link", "choose", "choose_3"])
def test_new_link_replaces_the_message(world: AppWorld, action_id: str) -> None:
    world.press(action_id, "default")
    assert [replaced for _, replaced in world.slack.replies] == [True]
    assert url_in(world) == list(world.studio.links)


@pytest.mark.parametrize("where", [IN_A_MESSAGE, IN_A_DIALOG], ids=["a message", "a dialog"])
def test_replaced_link_is_watched_until_it_expires(world: AppWorld, where: dict[str, Any]) -> None:
    world.press("new_link", "default", where=where)
    [entry] = world.audit.entries.values()
    place = "V1" if where is IN_A_DIALOG else f"{CHANNEL}/1.2"
    assert world.messages.shows == {place: entry.id}
    assert [user for user, _ in world.slack.homes] == ([ANA.user_id] if where is IN_A_DIALOG else [])
    world.app.link_expiry.stop()


@pytest.mark.parametrize(("part", "more"), [("publish_home", {}), ("note", {"home": 1})])
def test_defect_after_the_answer_changes_no_outcome(
    world: AppWorld, part: str, more: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: Any, **__: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(world.slack if part == "publish_home" else world.messages, part, defect)
    with capture_logs() as logs:
        world.press("new_link", "default", where=IN_A_DIALOG)
    assert len(world.slack.replies) == 1
    assert world.outcomes() == [("link", "issued")]
    assert world.counted() == {"issued": 1, **more}
    assert "job_failed" in [line["event"] for line in logs]
    world.app.link_expiry.stop()


def test_refusal_in_a_message_is_not_watched(world: AppWorld) -> None:
    world.press("new_link", "default", BEN)
    [entry] = world.audit.entries.values()
    assert world.messages.shows == {f"{CHANNEL}/1.2": f"gone {entry.id}"}


@pytest.mark.parametrize(("action_id", "value"), [("new_link", "no such/alias"), ("give_me_admin", "1")])
def test_stale_button_is_refused_and_recorded(world: AppWorld, action_id: str, value: str) -> None:
    world.press(action_id, value)
    assert world.slack.replies[-1][1]
    assert world.answer() == refusal(Reason.STALE_BUTTON)
    assert world.outcomes() == [("link", "stale_button")]
    assert world.studio.links == {}


def test_open_studio_marks_the_link_and_takes_it_off_the_screen(world: AppWorld) -> None:
    world.command()
    [request_id] = world.audit.entries
    for _ in range(2):
        world.clock.advance(3)
        world.press("open_studio", request_id)
        assert WORDS.opened_text == world.answer()
        assert url_in(world) == []
    assert world.audit.entries[request_id].opened_at is not None
    assert world.counted() == {"issued": 1, "opened": 1, "opened_again": 1}
    assert world.messages.shows == {f"{CHANNEL}/1.2": f"gone {request_id}"}


@pytest.mark.parametrize("value", ["", "0" * 32, "../../etc", f"{TEAM}#{ANA.user_id}"])
def test_open_studio_without_a_link_is_stale(world: AppWorld, value: str) -> None:
    world.press("open_studio", value)
    assert world.answer() == refusal(Reason.STALE_BUTTON)


def test_open_studio_of_anothers_link_is_stale(world: AppWorld) -> None:
    world.command()
    [request_id] = world.audit.entries
    world.press("open_studio", request_id, BEN)
    assert world.answer() == refusal(Reason.STALE_BUTTON)
    assert world.audit.entries[request_id].opened_at is None


def test_press_that_cannot_be_noted_is_counted(world: AppWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise BROKEN

    monkeypatch.setattr(world.audit, "opened", fails)
    world.press("open_studio", "0" * 32)
    assert (world.slack.replies, world.counted()) == ([], {"store_unreachable": 1})


# The home tab and dialogs


def test_home_tab_is_published_with_what_the_member_may_open(world: AppWorld) -> None:
    world.access.give(ANA, a_mapping("sandbox", "ana-2"))
    world.open_home()
    [(user, message)] = world.slack.homes
    assert user == ANA.user_id
    assert "ana-2" in str(message.blocks)
    assert world.counted() == {"home": 1}


def test_other_tabs_publish_nothing(world: AppWorld) -> None:
    world.open_home(tab="messages")
    assert (world.slack.homes, world.counted()) == ([], {})


@pytest.mark.parametrize("breaks", ["the store", "Slack"])
def test_home_tab_that_fails_is_logged(world: AppWorld, breaks: str) -> None:
    if breaks == "Slack":
        world.slack.broken = {"publish_home"}
    else:
        world.access.error = BROKEN
    with capture_logs() as logs:
        world.open_home()
    assert [line["event"] for line in logs] == ["home_not_shown"]
    assert world.counted() == {}


def test_button_of_the_home_tab_answers_in_a_dialog(world: AppWorld) -> None:
    world.press("home_open", "default", where={})
    assert [message.text for message in world.slack.dialogs] == [WORDS.waiting]
    assert url_in(world) == list(world.studio.links)
    assert [user for user, _ in world.slack.homes] == [ANA.user_id]
    world.app.link_expiry.stop()


def test_dialog_that_does_not_open_is_refused(world: AppWorld) -> None:
    world.slack.broken = {"open_view"}
    world.press("home_open", "default", where={})
    assert world.answer() == refusal(Reason.SLACK_REFUSED)
    assert world.outcomes() == [("link", "slack_refused")]
    assert world.studio.links == {}


TOO_LATE = ("expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id")
OPENS_A_DIALOG: dict[str, Callable[[AppWorld], object]] = {
    "shortcut": lambda world: world.shortcut(),
    "home tab": lambda world: world.press("home_open", "default", where={}),
    "request button of the home tab": lambda world: world.press("ask_access", where={}),
    "question before giving back": lambda world: world.command("return", response_url=None, channel_id=None),
    "administrators' menu": lambda world: world.command("admin", ADA, response_url=None, channel_id=None),
}


@pytest.mark.public(4)
@pytest.mark.parametrize("code", TOO_LATE)
@pytest.mark.parametrize("asks", OPENS_A_DIALOG)
def test_expired_trigger_is_answered_by_message_and_audited(world: AppWorld, asks: str, code: str) -> None:
    refused = SlackApiError("", {"error": code})  # type: ignore[no-untyped-call] # slack_sdk's own gap
    world.slack.error = slack_error("views_open", refused, check="the scopes")
    world.slack.broken = {"open_view", "reply"}  # nothing else is left: no response_url, no channel
    OPENS_A_DIALOG[asks](world)
    [(to, message)] = world.slack.posts
    assert (to, message.text) == (ADA.user_id if "admin" in asks else ANA.user_id, refusal(Reason.TRIGGER_EXPIRED))
    assert [outcome for _, outcome in world.outcomes()] == ["trigger_expired"]
    assert world.counted() == {"trigger_expired": 1}


def test_dialog_for_a_forged_target_is_stale(world: AppWorld) -> None:
    world.press("home_open", "no such/alias", where=IN_A_DIALOG)
    assert world.answer() == refusal(Reason.STALE_BUTTON)
    assert world.slack.dialogs == []


def test_expiring_access_offers_a_longer_request(world: AppWorld) -> None:
    world.access.give(ANA, a_grant(until=world.clock.now().replace(hour=20)))
    world.command()
    [button] = [each for each in elements(world) if each.get("action_id") == views.ASK]
    assert (button["text"]["text"], button.get("value", "")) == (WORDS.extend, "")
