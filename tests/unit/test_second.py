"""Handlers of changes that need a second administrator, over fakes."""

import pytest

from bot.core.access import Effect, Grant
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.slack.admin.notices import render_for
from tests.fakes import ANA, BEN, a_grant
from tests.fakes_app import ADA, AppWorld

MOVE = f"admin map {BEN.user_id} --domain d-research --profile ana --alias of-ana"


@pytest.fixture
def world() -> AppWorld:
    """Ben administers by a rule; Ada asks to move Ana's profile to somebody."""
    world = AppWorld()
    world.access.give(BEN, Grant(BEN.user_id, Effect.ADMIN))
    return world


def unmaps(world: AppWorld) -> None:
    world.command(f"admin unmap {ANA.user_id}", ADA)
    [question] = [block for block in world.slack.replies[-1][0].blocks if block["type"] == "actions"]
    world.press("admin_confirm", question["elements"][0]["value"], ADA)


def test_button_without_a_request_decides_nothing(world: AppWorld) -> None:
    for value in ("", "nonsense", f"{ADA.user_id} {'0' * 32}"):
        world.press("admin_agree", value, BEN)
    assert [replaced for _, replaced in world.slack.replies] == [False, False, True]
    assert world.outcomes() == [("admin", "decided")]


def test_question_goes_to_the_request_channel_too(world: AppWorld) -> None:
    world.app.request_channel = "C0REQUESTS"
    world.command(MOVE.replace(BEN.user_id, "U0CAI00001"), ADA)
    assert [place for place, _ in world.slack.posts] == [BEN.user_id, "C0REQUESTS"]


def test_channel_alone_is_enough_to_ask(world: AppWorld) -> None:
    world.app.request_channel = "C0REQUESTS"
    world.slack.unreachable = {BEN.user_id}
    world.command(MOVE.replace(BEN.user_id, "U0CAI00001"), ADA)
    assert "needs a second administrator" in world.answer()


def test_press_of_no_administrator_leaves_the_question(world: AppWorld) -> None:
    world.command(MOVE.replace(BEN.user_id, "U0CAI00001"), ADA)
    [value] = {e["value"] for b in world.slack.posts[0][1].blocks for e in b.get("elements", ()) if "value" in e}
    world.access.give(BEN, a_grant(BEN, effect=Effect.DENY))

    world.press("admin_agree", value, BEN)

    assert world.slack.replies[-1][1] is False
    assert world.access.read(ANA).mappings


def test_news_that_finds_no_room_undoes_nothing(world: AppWorld) -> None:
    world.overflow.capacity = 0
    unmaps(world)
    assert world.access.read(ANA).mappings == ()
    assert world.slack.posts == []


def test_news_reaches_the_others_where_slack_refuses_one(world: AppWorld) -> None:
    world.slack.unreachable = {ADA.user_id}
    unmaps(world)
    assert [place for place, _ in world.slack.posts] == [ANA.user_id, BEN.user_id]


def test_unknown_language_of_a_reader_is_english(world: AppWorld) -> None:
    world.slack.error = SlackError("Slack is down: wait", reason=Reason.SLACK_UNREACHABLE)
    world.slack.broken = {"person"}
    assert render_for(world.slack, ANA).words.language == "en"
