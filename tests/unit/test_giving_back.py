"""Members give their own access back, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.history import sentence
from bot.core.access import Access, Effect, Grant, Lockdown, Workspace
from bot.core.errors import SlackError, StoreError
from bot.core.link import Reason
from bot.local.slack.blocks import check_view
from bot.slack.members.status_views import RETURN
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping
from tests.fakes_app import ADA, AppWorld
from tests.unit.test_running import World as RunningWorld

WORDS = CATALOGUES["en"]
GROUP = "S0SCIENCE1"
HOUR = timedelta(hours=1)
ALLOW, DENY, ADMIN = (a_grant(effect=effect) for effect in (Effect.ALLOW, Effect.DENY, Effect.ADMIN))
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)


@pytest.fixture
def world() -> AppWorld:
    return AppWorld()


def grouped(world: AppWorld, *, member: bool = True) -> None:
    world.access.give_group(TEAM, Grant(GROUP, Effect.ALLOW))
    world.directory.groups = {GROUP: frozenset({ANA.user_id} if member else ())}


def rules(world: AppWorld, member: Any = ANA) -> list[Effect]:
    return sorted(grant.effect for grant in world.access.read(member).grants)


def agree(world: AppWorld, member: Any = ANA, metadata: str | None = None) -> str:
    """Submit the question that was shown last; return the answer."""
    world.submit(RETURN, {}, metadata or world.slack.forms[-1]["private_metadata"], member)
    return world.slack.posts[-1][1].text if world.slack.posts else world.answer()


def asked(world: AppWorld) -> str:
    world.command("return")
    return str(world.slack.forms[-1]["blocks"]) if world.slack.forms else world.answer()


# What goes and what stays


@pytest.mark.parametrize(
    ("has", "keeps"),
    [
        ((ALLOW,), []),
        ((ALLOW, ADMIN), [Effect.ADMIN]),
        ((ALLOW, DENY), [Effect.DENY]),
        ((ALLOW, replace(DENY, until=NOON - HOUR)), [Effect.DENY]),
        ((replace(ALLOW, until=NOON + HOUR), DENY, ADMIN), [Effect.ADMIN, Effect.DENY]),
    ],
)
def test_only_the_own_allow_rule_goes(world: AppWorld, has: tuple[Grant, ...], keeps: list[Effect]) -> None:
    world.access.give(ANA, *has)
    world.access.give(BEN, a_grant(BEN))
    grouped(world)
    before = world.access.read(ANA)
    asked(world)
    agree(world)
    after = world.access.read(ANA)
    assert (rules(world), after.mappings, after.group_grants) == (keeps, before.mappings, before.group_grants)
    assert rules(world, BEN) == [Effect.ALLOW]
    assert [outcome for outcome in world.outcomes() if outcome[0] == "return"] == [("return", "done")]


@pytest.mark.parametrize("has", [(), (replace(ALLOW, until=NOON),), (DENY,), (ADMIN,)])
def test_member_without_own_access_has_nothing_to_give(world: AppWorld, has: tuple[Grant, ...]) -> None:
    world.access._members[ANA] = Access((a_mapping(),), has, version=3)
    assert asked(world) == WORDS.return_nothing
    agree(world, metadata="en 3")
    assert rules(world) == sorted(grant.effect for grant in has)
    assert world.outcomes() == []
    assert world.counted() == {"nothing_to_return": 2, "home": 1}


@given(
    own=st.lists(st.sampled_from([ALLOW, replace(ALLOW, until=NOON - HOUR), DENY, ADMIN]), max_size=4),
    group=st.lists(st.sampled_from([Effect.ALLOW, Effect.DENY]), unique=True),
    lockdown=st.booleans(),
    stale=st.booleans(),
)
def test_nothing_but_an_allow_rule_in_force_ever_goes(
    own: list[Grant],
    group: list[Effect],
    lockdown: bool,  # noqa: FBT001 - of the test
    stale: bool,  # noqa: FBT001 - as above
) -> None:
    world = AppWorld()
    grants = tuple({grant.effect: grant for grant in own}.values())
    world.access._members[ANA] = Access((a_mapping(),), grants, version=3)
    of_groups = tuple(Grant(GROUP, effect) for effect in group)
    world.access.workspaces[TEAM] = Workspace(Lockdown("incident") if lockdown else None, of_groups)
    world.directory.groups = {GROUP: frozenset({ANA.user_id})}
    world.submit(RETURN, {}, "en 2" if stale else "en 3")
    gone = set(grants) - set(world.access.read(ANA).grants)
    expected = {grant for grant in grants if grant == ALLOW and not stale}
    assert gone == expected
    assert [action for action, _ in world.outcomes()] == ["return"] * len(gone)
    assert world.access.workspaces[TEAM].grants == of_groups


# Asking


def test_question_says_until_when_the_access_would_be(world: AppWorld) -> None:
    world.access.give(ANA, replace(ALLOW, until=NOON + HOUR))
    shown = asked(world)
    assert WORDS.return_sure.partition("{")[0] in shown
    assert str(int((NOON + HOUR).timestamp())) in shown
    assert rules(world) == [Effect.ALLOW]
    assert world.counted() == {"returning": 1}


@pytest.mark.parametrize(
    ("member", "error", "expected"),
    [
        (True, None, WORDS.return_group.format(group=f"<!subteam^{GROUP}>")),
        (False, None, ""),
        (True, SlackError("busy", reason=Reason.SLACK_UNREACHABLE), WORDS.return_unsure),
    ],
)
def test_group_that_still_allows_is_named_before_and_after(
    world: AppWorld,
    member: bool,  # noqa: FBT001 - of the test
    error: SlackError | None,
    expected: str,
) -> None:
    grouped(world, member=member)
    world.directory.group_error = error
    assert expected in asked(world)
    assert ("group" in asked(world)) is bool(expected)
    answer = agree(world)
    assert answer.startswith(WORDS.returned.partition("{")[0])
    assert answer.endswith(expected)
    world.directory.group_error = None
    world.command()
    assert (world.outcomes()[-1] == ("link", "issued")) is member


@pytest.mark.parametrize("where", ["whoami", "home"])
def test_button_leads_to_the_question(world: AppWorld, where: str) -> None:
    if where == "home":
        world.open_home()
        shown = world.slack.homes[-1][1]
    else:
        world.command("whoami")
        shown = world.slack.replies[-1][0]
    [button] = shown.blocks[-1]["elements"]
    world.press(button["action_id"], where={} if where == "home" else {"response_url": "x"})
    assert [form["callback_id"] for form in world.slack.forms] == [RETURN]


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.access.give(ANA, DENY),
        lambda world: world.access._members.pop(ANA),
        lambda world: world.access.give(ANA, replace(ALLOW, until=NOON)),
        lambda world: setattr(world.app, "admins", frozenset()),
    ],
    ids=["denied", "nothing", "ended", "nobody to ask for it again"],
)
def test_button_is_not_shown_where_nothing_follows(world: AppWorld, change: Callable[[AppWorld], object]) -> None:
    change(world)
    world.command("whoami")
    assert RETURN not in str(world.slack.replies[-1][0].blocks)


def test_running_apps_are_named_in_the_question() -> None:
    world = RunningWorld()
    shown = asked(world)
    assert "JupyterLab" in shown
    assert "/studio running" in shown


def test_apps_that_cannot_be_read_leave_the_question() -> None:
    world = RunningWorld()
    world.apps.error = None
    world.directory.people[ANA.user_id] = replace(world.directory.people[ANA.user_id], guest=True)
    assert "JupyterLab" not in asked(world)


@pytest.mark.parametrize("language", CATALOGUES)
def test_question_is_valid(language: str) -> None:
    world = RunningWorld()
    world.app.locale = language
    asked(world)
    assert check_view(dict(world.slack.forms[-1]), "modal") == []


# Attacks and failures


def test_nobody_gives_back_for_somebody_else(world: AppWorld) -> None:
    """The form names nobody. Ben sends Ana's form, but it would remove his own access, and he has none."""
    asked(world)
    agree(world, BEN)
    agree(world, ADA, f"en {world.access.read(ANA).version}")
    assert rules(world) == [Effect.ALLOW]
    assert [outcome for outcome in world.outcomes() if outcome[0] == "return"] == []


@pytest.mark.parametrize("metadata", ["", "en", "en -1", "en x", "en 1 U0BEN00001", "en " + "9" * 40])
def test_form_without_a_version_changes_nothing(world: AppWorld, metadata: str) -> None:
    world.submit(RETURN, {}, metadata)
    assert rules(world) == [Effect.ALLOW]
    assert world.counted() == {"not_returned": 1, "home": 1}


def test_rule_that_changed_since_the_question_stays(world: AppWorld) -> None:
    asked(world)
    world.access.give(ANA, replace(ALLOW, until=NOON + HOUR))
    assert agree(world) == WORDS.changed_meanwhile
    assert rules(world) == [Effect.ALLOW]


def test_form_sent_twice_gives_back_once(world: AppWorld) -> None:
    asked(world)
    agree(world)
    assert agree(world) == WORDS.return_nothing
    world.access.give(ANA, ALLOW)
    assert agree(world) == WORDS.changed_meanwhile
    assert rules(world) == [Effect.ALLOW]
    assert [outcome for outcome in world.outcomes() if outcome[0] == "return"] == [("return", "done")]


def test_nothing_goes_without_a_record(world: AppWorld) -> None:
    asked(world)
    world.audit.open_error = BROKEN
    assert agree(world) == WORDS.return_failed
    assert rules(world) == [Effect.ALLOW]


@pytest.mark.parametrize("failing", ["access", "person"])
def test_question_without_facts_is_not_asked(world: AppWorld, failing: str) -> None:
    if failing == "access":
        world.access.error = BROKEN
    else:
        del world.directory.people[ANA.user_id]
        world.directory.error = SlackError("silent", reason=Reason.SLACK_UNREACHABLE)
    world.command("return")
    assert world.slack.forms == []
    assert world.answer() in {WORDS.refusals[Reason.STORE_UNREACHABLE], WORDS.refusals[Reason.SLACK_UNREACHABLE]}


def test_change_is_announced_and_told_in_the_history(world: AppWorld) -> None:
    world.app.audit_channel = "C0AUDIT0001"
    world.access.give(ANA, replace(ALLOW, reason="Falcon"))
    asked(world)
    agree(world)
    assert world.slack.announced == [("C0AUDIT0001", f"{ANA.user_id} · return · done")]
    [entry] = world.audit.entries.values()
    assert (entry.subject, entry.actor, entry.after) == (ANA.user_id, ANA.user_id, None)
    for language, expected in (("en", "ana gave their own access back (Falcon)"), ("de", "zurückgegeben")):
        line = sentence(
            (entry,),
            CATALOGUES[language].admin.sentences,
            who=lambda _: "ana",
            when=str,
            text=str,
            command="/studio admin",
        )
        assert expected in line
