"""The administrators' home tab: what waits for them, and one member with what can be done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.admin import listing
from bot.core import audit
from bot.core.access import Effect, Grant, Lockdown, Member, Workspace
from bot.core.errors import StoreError
from bot.core.link import Reason, Source
from bot.core.records import Actor
from bot.local.slack.blocks import check_blocks, check_view
from bot.slack.admin import home
from bot.slack.blocks import Message
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, NOON, TEAM, a_mapping
from tests.fakes_access_requests import an_access_request
from tests.fakes_app import ADA, AppWorld

HOME = {"view": {"id": "V0", "type": "home"}}


@pytest.fixture
def world() -> AppWorld:
    """Ana's access ends in a week, Ben asks for some."""
    world = AppWorld()
    world.access.give(ANA, Grant(ANA.user_id, Effect.ALLOW, NOON + timedelta(days=7)))
    world.requests.ask(an_access_request(BEN))
    return world


def shown(world: AppWorld, member: Any = ADA) -> Message:
    world.open_home(member)
    return world.slack.homes[-1][1]


def picks(world: AppWorld, user: str, member: Any = ADA) -> str:
    """Pick a member on the home tab; return the dialog."""
    world.press("admin_find", user, member=member, where=HOME)
    return str(world.slack.replies[-1][0].blocks)


def test_administrators_see_what_waits_for_them(world: AppWorld) -> None:
    text = str(shown(world).blocks)
    assert all(part in text for part in ("approve_access", "deny_access", BEN.user_id, "project Falcon"))
    assert f"allow {ANA.user_id}" in text
    assert f"*Who administers:* <@{ADA.user_id}>" in text
    assert "there is no lockdown" in text


def test_members_see_nothing_of_administration(world: AppWorld) -> None:
    text = str(shown(world, ANA).blocks)
    assert "approve_access" not in text
    assert BEN.user_id not in text
    assert "Administration" not in text


def test_blocked_administrator_sees_nothing_of_administration(world: AppWorld) -> None:
    world.access.give(ADA, Grant(ADA.user_id, Effect.DENY))
    assert "approve_access" not in str(shown(world).blocks)


def test_lockdown_is_shown_with_its_reason(world: AppWorld) -> None:
    world.access.workspaces[TEAM] = Workspace(Lockdown("incident 42"))
    assert "incident 42" in str(shown(world).blocks)


@pytest.mark.parametrize("language", CATALOGUES)
def test_full_home_tab_is_valid(world: AppWorld, language: str) -> None:
    world.app = replace(world.app, locale=language)
    for number in range(30):
        member = replace(ANA, user_id=f"U0MANY{number:02}")
        mappings = [a_mapping(f"alias-{each}", f"p{number}-{each}") for each in range(40)]
        world.access.give(member, *mappings, Grant(member.user_id, Effect.ALLOW, NOON + timedelta(days=7)))
        world.requests.ask(an_access_request(member, wish="&" * 200, reason="&" * 500))
    world.access.give(ADA, *(a_mapping(f"alias-{each}", f"ada-{each}") for each in range(99)))
    message = shown(world)
    assert check_view(message.home_tab(), "home") == []
    assert "list --expiring 14d" in str(message.blocks)


def test_tab_without_administration_is_better_than_none(world: AppWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise StoreError("it fails", reason=Reason.STORE_UNREACHABLE)

    monkeypatch.setattr(home, "overview", fails)
    text = str(shown(world).blocks)
    assert "approve_access" not in text
    assert "I couldn't load your open tasks: it fails" in text
    assert "admin_find" in text
    assert world.counted() == {"home": 1}


def many(world: AppWorld, number: int) -> None:
    """Let the access of so many members end in the order of their numbers."""
    for each in range(number):
        user = f"U0MANY{each:02}"
        rule = Grant(user, Effect.ALLOW, NOON + timedelta(days=13) - timedelta(hours=each))
        world.access.give(Member(TEAM, user), a_mapping("default", f"p{each}"), rule)


def test_all_members_are_looked_at_chunk_by_chunk(world: AppWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CHUNK", 7)
    many(world, 30)
    text = str(shown(world).blocks)
    assert "Access that ends within two weeks: 31" in text
    assert text.index(f"allow {ANA.user_id}") < text.index("allow U0MANY29") < text.index("allow U0MANY28")
    assert "`/studio admin list --expiring 14d`" in text
    assert "only checked" not in text


def test_tab_says_how_many_members_it_looked_at(world: AppWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CHUNK", 7)
    many(world, 30)
    read = listing.Listing.read

    def slow(*given: Any) -> Any:
        world.clock.advance(home.LOOK_FOR.total_seconds() / 2)
        return read(*given)

    monkeypatch.setattr(listing.Listing, "read", slow)
    text = "I only checked 14 members. To see all of them: `/studio admin list --expiring 14d`"
    assert text in str(shown(world).blocks)


def test_list_of_ending_access_offers_to_extend_it(world: AppWorld) -> None:
    many(world, 3)
    world.command("admin list --expiring 14d", member=ADA)
    message = world.slack.replies[-1][0]
    text = str(message.blocks)
    assert text.startswith("[{'type': 'section', 'text': {'type': 'mrkdwn', 'text': '*Access that ends by ")
    ends = [text.index(f"'allow {user} ") for user in (ANA.user_id, "U0MANY02", "U0MANY01", "U0MANY00")]
    assert ends == sorted(ends)
    assert check_blocks(message.blocks) == []


def test_picked_member_is_shown_with_what_can_be_done(world: AppWorld) -> None:
    text = picks(world, ANA.user_id)
    assert "can open Studio until" in text
    assert all(f"{verb} {ANA.user_id}" in text for verb in ("allow", "deny", "map", "unmap", "explain", "forget"))
    assert "approve_access" in picks(world, BEN.user_id)


def test_button_below_a_picked_member_opens_a_form_about_them(world: AppWorld) -> None:
    world.press("admin_pick_allow", f"allow {ANA.user_id}", member=ADA, where=HOME)
    assert f"'initial_user': '{ANA.user_id}'" in str(world.slack.forms[-1])
    world.press("admin_pick_allow", "allow nobody", member=ADA, where=HOME)
    assert "initial_user" not in str(world.slack.forms[-1])


@pytest.mark.parametrize(("verb", "words"), [("explain", "would get a link now"), ("history", "asked for access")])
def test_reading_about_a_picked_member_needs_no_form(world: AppWorld, verb: str, words: str) -> None:
    world.audit.open(audit.asked("request", Actor(ANA.user_id, Source.FORM), an_access_request(ANA), NOON, "done"))
    world.press(f"admin_pick_{verb}", f"{verb} {ANA.user_id}", member=ADA)
    assert words in str(world.slack.replies[-1][0].blocks)
    world.press(f"admin_pick_{verb}", verb, member=ADA)
    assert len(world.slack.forms) == 1


@pytest.mark.parametrize(
    ("chosen", "proposed"), [("2030-02-07", True), ("", False), ("soon", False), ("2030-02-07'", False)]
)
def test_extend_proposes_a_later_end(world: AppWorld, chosen: str, proposed: bool) -> None:  # noqa: FBT001
    assert f"allow {ANA.user_id} 2030-02-07" in str(shown(world).blocks)  # 30 days after the end
    world.press("admin_pick_allow", f"allow {ANA.user_id} {chosen}", member=ADA, where=HOME)
    form = str(world.slack.forms[-1])
    assert f"'initial_user': '{ANA.user_id}'" in form
    assert ("'initial_date': '2030-02-07'" in form) is proposed
    assert ("'text': 'Extend'" in form) is proposed


def test_end_of_all_time_can_be_extended_no_further(world: AppWorld) -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    world.access.give(ANA, Grant(ANA.user_id, Effect.ALLOW, last))
    world.command("admin list --expiring 9999-12-30", member=ADA)
    assert f"'allow {ANA.user_id} " in str(world.slack.replies[-1][0].blocks)


def test_pick_of_somebody_else_shows_nothing(world: AppWorld) -> None:
    """The home tab of somebody who no longer administers may still be on their screen."""
    text = picks(world, ANA.user_id, member=BEN)
    assert "can open Studio" not in text
    assert world.outcomes()[-1] == ("admin", "not_an_admin")


@pytest.mark.parametrize("forged", ["", "nobody", "S0TEAM", "U0ANA' OR"])
def test_pick_of_no_member_leads_to_the_menu(world: AppWorld, forged: str) -> None:
    assert "admin_pick_map" in picks(world, forged)
