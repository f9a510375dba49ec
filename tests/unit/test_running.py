"""Members see their running apps, and stop and start their own."""

from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import audit
from bot.core.access import Effect, Lockdown, Member, Workspace
from bot.core.apps import App, AppName, AppStatus, Space
from bot.core.errors import StoreError, StudioError
from bot.core.link import Reason
from bot.core.policy import Rules
from bot.local.slack.blocks import check_message, check_view
from bot.slack.blocks import RenderContext
from bot.slack.words import CATALOGUES
from bot.slack.workspaces import views
from bot.slack.workspaces.starting import MAX_LOOKS, MAX_WATCHED, StartingApps
from bot.workspaces.app_changes import AppChanges, Running
from bot.workspaces.everything import Everything, Held, everything, over
from bot.workspaces.prices import PriceList
from bot.workspaces.running import Overview, RunningApps
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping
from tests.fakes_app import ADA, AppWorld
from tests.fakes_apps import FakeApps

DOMAIN = "d-research"
PRICES = PriceList(date(2030, 1, 1), MappingProxyType({"eu-west-1": {"ml.t3.medium": 0.05, "ml.g5.xlarge": 1.408}}))
OWN = AppName("JupyterServer", "default")
LAB, TEAMS, BENS = (AppName("JupyterLab", "default", space) for space in ("ana-lab", "team", "ben-lab"))
WORDS = CATALOGUES["en"].running


def an_app(name: AppName = OWN, owner: str = "ana", instance: str | None = "ml.t3.medium", **more: Any) -> App:
    return App(name, owner, **{"status": AppStatus.IN_SERVICE, "instance_type": instance, "since": NOON, **more})


def a_domain() -> FakeApps:
    """Return Ana's own app, one in her private space, one in Ben's private one, and one in a space that he shares."""
    apps = FakeApps()
    apps.add(
        DOMAIN,
        Space("ana-lab", "Ana", shared=False, app_type="JupyterLab"),
        Space("ana-idle", "ana", shared=False, app_type="CodeEditor"),
        Space("ben-lab", "ben", shared=False, app_type="JupyterLab"),
        Space("team", "ben", shared=True, app_type="JupyterLab"),
        an_app(),
        an_app(LAB, instance="ml.g5.xlarge", since=NOON - timedelta(hours=10)),
        an_app(BENS, "ben"),
        an_app(TEAMS, "ben", shared=True),
    )
    return apps


class World(AppWorld):
    """The app context with what runs."""

    def __init__(self) -> None:
        super().__init__()
        self.apps = a_domain()
        self.running = self.app.running = RunningApps(
            AppChanges(self.apps, self.audit, PRICES, "eu-west-1", self.clock.now), self.app.signin.facts, Rules()
        )

    def buttons(self, action: str) -> list[str]:
        message, _ = self.slack.replies[-1]
        found = [
            each for block in message.blocks for each in [*block.get("elements", ()), block.get("accessory", {})]
        ]
        return [each.get("value", "") for each in found if each.get("action_id") == action]

    def texts(self) -> str:
        return str(self.slack.replies[-1][0].blocks)

    def statuses(self) -> dict[AppName, AppStatus]:
        return {app.name: app.status for app in self.apps.apps[DOMAIN]}


@pytest.fixture
def world() -> World:
    return World()


# Seeing


def test_member_sees_their_own_apps_and_spaces_alone(world: World) -> None:
    world.command("running")
    assert world.buttons(views.STOP_APP) == ["default JupyterServer default", "default JupyterLab default ana-lab"]
    assert world.buttons(views.START_SPACE) == ["default ana-idle"]
    assert "ben" not in world.texts()
    assert "team" not in world.texts()
    assert world.counted() == {"running": 1}


def test_cost_is_that_of_the_hours_so_far(world: World) -> None:
    world.command("running")
    assert "$1.41 an hour" in world.texts()
    assert "about $14.08 so far" in world.texts()
    assert "Together about $1.46 an hour" in world.texts()
    assert "2030-01-01" in world.texts()


@pytest.mark.parametrize("instance", ["ml.future.xlarge", None])
def test_unknown_instance_has_no_price(world: World, instance: str | None) -> None:
    world.apps.apps[DOMAIN] = [an_app(instance=instance)]
    world.command("running")
    assert WORDS.no_price in world.texts()
    assert "$" not in world.texts()


def test_nothing_running_says_so(world: World) -> None:
    world.apps.apps.clear()
    world.command("running")
    assert WORDS.nothing in world.texts()


def test_failed_app_shows_no_cost_and_can_be_removed(world: World) -> None:
    world.apps.apps[DOMAIN] = [an_app(LAB, status=AppStatus.FAILED)]
    world.command("running")
    assert WORDS.statuses[AppStatus.FAILED] in world.texts()
    assert "so far" not in world.texts()
    assert world.buttons(views.STOP_APP) == ["default JupyterLab default ana-lab"]
    assert world.buttons(views.START_SPACE) == ["default ana-lab", "default ana-idle"]


def test_domain_that_cannot_be_read_is_named(world: World) -> None:
    world.apps.error = StudioError("it throttles us: try again", reason=Reason.AWS_THROTTLED)
    world.command("running")
    assert WORDS.unread.format(domain=DOMAIN) in world.texts()


def test_role_without_permission_says_so_instead_of_try_again(world: World) -> None:
    world.apps.error = StudioError("AWS refuses us: check the role", reason=Reason.AWS_REFUSED)
    world.command("running")
    assert WORDS.refused in world.texts()
    world.command(f"admin running <@{ANA.user_id}>", ADA)
    assert WORDS.refused in world.texts()


@pytest.mark.parametrize("reason", [Reason.GUEST, Reason.DENIED, Reason.NOT_MAPPED])
def test_member_who_may_not_see_it_reads_why(world: World, reason: Reason) -> None:
    refuse(world, reason)
    world.command("running", BEN if reason is Reason.NOT_MAPPED else ANA)
    assert world.answer() == CATALOGUES["en"].refusals[reason]
    assert world.apps.on_behalf_of == []


@pytest.mark.parametrize("reason", [Reason.NOT_ALLOWED, Reason.GRANT_EXPIRED, Reason.LOCKDOWN])
def test_member_without_links_may_still_stop_but_not_start(world: World, reason: Reason) -> None:
    refuse(world, reason)
    world.command("running")
    assert len(world.buttons(views.STOP_APP)) == 2
    assert world.buttons(views.START_SPACE) == world.buttons("new_link") == []
    world.press(views.STOP_APP, "default JupyterLab default ana-lab")
    assert world.statuses()[LAB] is AppStatus.DELETING
    world.press(views.START_SPACE, "default ana-idle")
    assert len(world.apps.apps[DOMAIN]) == 4
    assert world.outcomes() == [("stop", "done"), ("start", reason)]


def refuse(world: World, reason: Reason) -> None:
    """Let this be the reason for which Ana gets no link."""
    match reason:
        case Reason.GUEST:
            world.directory.people[ANA.user_id] = replace(world.directory.people[ANA.user_id], guest=True)
        case Reason.DENIED:
            world.access.give(ANA, a_grant(effect=Effect.DENY))
        case Reason.NOT_ALLOWED:
            world.access._members[ANA] = replace(world.access.read(ANA), grants=())
        case Reason.GRANT_EXPIRED:
            world.access.give(ANA, a_grant(until=NOON))
        case Reason.LOCKDOWN:
            world.access.workspaces[TEAM] = Workspace(lockdown=Lockdown("incident"))


def test_word_is_an_alias_where_this_part_is_off(world: World) -> None:
    world.app.running = None
    world.access.give(ANA, a_mapping("running"))
    world.command("running")
    assert world.outcomes() == [("link", "issued")]


def test_help_mentions_it_only_where_it_is_on(world: World) -> None:
    world.command("help")
    assert "`/studio running`" in world.answer()
    world.app.running = None
    world.command("help")
    assert "`/studio running`" not in world.answer()


def test_home_tab_shows_what_runs(world: World) -> None:
    world.open_home()
    _, home = world.slack.homes[-1]
    assert WORDS.title in str(home.blocks)
    assert check_view(home.home_tab()) == []
    world.apps.apps.clear()
    world.apps.spaces.clear()
    world.open_home()
    assert WORDS.title not in str(world.slack.homes[-1][1].blocks)


# Stopping


@pytest.mark.parametrize(
    ("value", "name"), [("default JupyterServer default", OWN), ("default JupyterLab default ana-lab", LAB)]
)
def test_member_stops_their_own_app(world: World, value: str, name: AppName) -> None:
    world.app.audit_channel = "C0AUDIT0001"
    world.press(views.STOP_APP, value)
    assert [app for app, status in world.statuses().items() if status is AppStatus.DELETING] == [name]
    assert "The space and its files stay." in world.answer()
    [entry] = world.audit.entries.values()
    assert (entry.action, entry.outcome, entry.subject, entry.space_name) == ("stop", "done", ANA.user_id, name.space)
    assert entry.after is not None
    assert entry.after["instance"]
    assert world.counted() == {"stopping": 1}
    assert [line for _, line in world.slack.announced] == [
        f"{ANA.user_id} · stop · done · {name.app_type} in {DOMAIN}"
    ]
    assert world.apps.on_behalf_of[0] == ANA


@pytest.mark.parametrize("action", [audit.STOP, audit.START, audit.KEEP])
def test_what_is_done_to_an_app_raises_no_alarm_about_access(action: str) -> None:
    assert audit.change_of(action, audit.DONE, {"app": "JupyterLab default"}) is None


def test_stop_is_asked_back_by_slack(world: World) -> None:
    world.command("running")
    assert str(world.slack.replies[-1][0].blocks).count(WORDS.stop_sure) == len(world.buttons(views.STOP_APP)) == 2


@pytest.mark.parametrize("space", ["ben-lab", "team"])
def test_app_in_a_space_of_somebody_else_is_not_stopped(world: World, space: str) -> None:
    """A forged value, or a space that has changed hands since the button was shown."""
    world.press(views.STOP_APP, f"default JupyterLab default {space}")
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.answer() == CATALOGUES["en"].refusals[Reason.APP_NOT_YOURS]
    assert world.outcomes() == [("stop", "app_not_yours")]


def test_profile_that_moved_away_takes_its_apps_along(world: World) -> None:
    world.command("running")
    moved = world.access.read(ANA)
    world.access._members[ANA] = replace(moved, mappings=())
    world.access.give(ANA, a_mapping("other", "other"))
    world.press(views.STOP_APP, "default JupyterServer default")
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.outcomes() == [("stop", "app_not_yours")]


def test_member_who_was_denied_stops_nothing(world: World) -> None:
    refuse(world, Reason.DENIED)
    world.press(views.STOP_APP, "default JupyterServer default")
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.outcomes() == [("stop", "denied")]


def test_app_gone_by_another_hand_says_so(world: World) -> None:
    world.apps.apps[DOMAIN] = []
    world.press(views.STOP_APP, "default JupyterServer default")
    assert world.answer() == CATALOGUES["en"].refusals[Reason.APP_GONE].format(command="/studio")
    assert world.outcomes() == [("stop", "app_gone")]


def test_nothing_is_stopped_without_a_record(world: World) -> None:
    world.audit.open_error = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)
    world.press(views.STOP_APP, "default JupyterServer default")
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.answer() == WORDS.failed


def test_replayed_press_stops_nothing_again(world: World) -> None:
    for _ in range(2):
        world.trigger = "1.again"
        world.press(views.STOP_APP, "default JupyterServer default")
        world.apps.apps[DOMAIN] = [an_app()]
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.counted() == {"stopping": 1, "replayed": 1}


def test_outcome_that_cannot_be_written_hides_nothing_from_the_member(world: World) -> None:
    world.audit.close_error = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)
    world.press(views.STOP_APP, "default JupyterServer default")
    assert "is stopping" in world.answer()
    assert world.outcomes() == [("stop", "requested")]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.AWS_REFUSED, WORDS.refused),
        (Reason.AWS_UNREACHABLE, WORDS.failed),
        (Reason.AWS_THROTTLED, CATALOGUES["en"].refusals[Reason.AWS_THROTTLED]),
    ],
)
def test_failure_at_aws_has_words_and_an_outcome(world: World, reason: Reason, text: str) -> None:
    world.apps.error = StudioError("it fails: try again", reason=reason)
    world.press(views.STOP_APP, "default JupyterServer default")
    assert world.answer() == text
    assert world.outcomes() == [("stop", reason)]


@pytest.mark.parametrize("value", ["", "default", "x" * 200, "default <b> default", "a b c d e"])
@pytest.mark.parametrize("action", [views.STOP_APP, views.START_SPACE])
def test_button_that_names_nothing_is_stale(world: World, action: str, value: str) -> None:
    world.press(action, value)
    assert world.counted() == {"stale_button": 1}


@given(st.text() | st.lists(st.sampled_from(["default", "JupyterLab", "x", "-", "ä", "a" * 64])).map(" ".join))
def test_any_value_of_a_button_is_parsed(value: str) -> None:
    found = views.parse_ref(value)
    assert found is None or views.ref(a_mapping(found[0]), found[1]) == value


# Starting


def test_start_tells_the_member_when_it_is_ready(world: World) -> None:
    world.press(views.START_SPACE, "default ana-idle")
    assert WORDS.starting.format(app="CodeEditor", space="ana-idle") in world.answer()
    world.app.starting.look()
    assert world.slack.posts == []
    world.apps.settle(DOMAIN)
    world.app.starting.look()
    [(place, message)] = world.slack.posts
    assert (place, message.text) == (ANA.user_id, WORDS.ready.format(app="CodeEditor", space="ana-idle"))
    assert message.blocks[-1]["elements"][0]["value"] == "default code space ana-idle"
    world.app.starting.look()
    assert len(world.slack.posts) == 1
    assert world.outcomes() == [("start", "done")]


def test_start_that_fails_tells_the_member_awss_reason(world: World) -> None:
    world.press(views.START_SPACE, "default ana-idle")
    world.apps.settle(DOMAIN, failure="No <capacity>.")
    world.app.starting.look()
    [(_, message)] = world.slack.posts
    assert "No &lt;capacity&gt;. Try again" in message.text


def test_start_is_looked_at_again_while_aws_throttles(world: World) -> None:
    world.press(views.START_SPACE, "default ana-idle")
    world.apps.error = StudioError("it throttles us: try again", reason=Reason.AWS_THROTTLED)
    world.app.starting.look()
    assert world.slack.posts == []
    world.apps.error = None
    world.apps.settle(DOMAIN)
    world.app.starting.look()
    assert len(world.slack.posts) == 1


@pytest.mark.parametrize("space", ["ben-lab", "team"])
def test_space_of_somebody_else_is_not_started(world: World, space: str) -> None:
    world.press(views.START_SPACE, f"default {space}")
    assert world.outcomes() == [("start", "space_not_yours")]
    assert world.answer() == CATALOGUES["en"].refusals[Reason.SPACE_NOT_YOURS]


def test_space_in_which_something_runs_is_not_started_again(world: World) -> None:
    world.press(views.START_SPACE, "default ana-lab")
    assert world.outcomes() == [("start", "app_running")]


def test_watched_apps_are_bounded_and_given_up_on() -> None:
    starting, looks = StartingApps(pause=3600), []

    def look() -> bool:
        looks.append(1)
        return False

    for _ in range(MAX_WATCHED + 1):
        starting.watch(look)
    for _ in range(MAX_LOOKS + 1):
        starting.look()
    starting.stop()
    assert len(looks) == MAX_WATCHED * MAX_LOOKS


# Everything, for administrators


def test_everything_names_the_holder_whatever_the_rules_say(world: World) -> None:
    world.access.give(ANA, a_grant(effect=Effect.DENY))
    found = everything(world.running.changes, world.access.members(TEAM))
    assert {(held.running.app.name, held.user) for held in found.apps} == {
        (OWN, ANA.user_id),
        (LAB, ANA.user_id),
        (BENS, None),
        (TEAMS, None),
    }
    assert found.apps[0].running.app.name == LAB
    assert [held.running.app.name for held in over(found.apps, timedelta(hours=10), NOON)] == [LAB]
    assert over(found.apps, timedelta(hours=11), NOON) == ()


def test_everything_lists_each_domain_once_and_names_unread_ones(world: World) -> None:
    world.access.give(BEN, a_mapping(profile="ben", region="eu-west-1"), a_mapping("x", "x", domain="d-other"))
    found = everything(world.running.changes, world.access.members(TEAM), "d-research")
    assert len(world.apps.on_behalf_of) == 1
    assert {held.user for held in found.apps} == {ANA.user_id, BEN.user_id}
    world.apps.error = StudioError("it throttles us: try again", reason=Reason.AWS_THROTTLED)
    found = everything(world.running.changes, world.access.members(TEAM))
    assert [domain for domain, _ in found.unknown] == ["d-research", "d-other"]


def test_administrator_sees_and_stops_what_a_member_has(world: World) -> None:
    world.access.give(ANA, a_grant(effect=Effect.DENY))
    world.command(f"admin running <@{ANA.user_id}>", ADA)
    value = f"{ANA.user_id} default JupyterLab default ana-lab"
    assert world.buttons(views.STOP_FOR) == [value, f"{ANA.user_id} default JupyterServer default"]
    world.press(views.STOP_FOR, value, ADA)
    assert world.statuses()[LAB] is AppStatus.DELETING
    [entry] = world.audit.entries.values()
    assert (entry.action, entry.outcome, entry.actor, entry.subject) == ("stop", "done", ADA.user_id, ANA.user_id)
    assert world.apps.on_behalf_of[-1] is None


def test_administrator_sees_what_nobody_holds(world: World) -> None:
    world.command("admin running --over 10h", ADA)
    assert world.buttons(views.STOP_FOR) == [f"{ANA.user_id} default JupyterLab default ana-lab"]
    world.command("admin running", ADA)
    assert world.texts().count(WORDS.nobody) == 2
    assert len(world.buttons(views.STOP_FOR)) == 2


@pytest.mark.parametrize("member", [ANA, BEN])
def test_member_cannot_use_an_administrators_button(world: World, member: Member) -> None:
    world.press(views.STOP_FOR, f"{ANA.user_id} default JupyterLab default ana-lab", member)
    world.command(f"admin running <@{ANA.user_id}>", member)
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.counted() == {"not_an_admin": 2}
    assert world.apps.on_behalf_of == []


@pytest.mark.parametrize("space", ["ben-lab", "team"])
def test_administrator_stops_only_what_the_named_member_owns(world: World, space: str) -> None:
    world.press(views.STOP_FOR, f"{ANA.user_id} default JupyterLab default {space}", ADA)
    assert AppStatus.DELETING not in world.statuses().values()
    assert world.outcomes() == [("stop", "app_not_yours")]


@pytest.mark.parametrize(
    "value", ["", "U0ANA00001", "ana default JupyterLab default", "U" * 40 + " default JupyterLab x"]
)
def test_administrators_button_that_names_nothing_is_stale(world: World, value: str) -> None:
    world.press(views.STOP_FOR, value, ADA)
    assert world.counted() == {"stale_button": 1}


def test_administrator_reads_that_this_part_is_off(world: World) -> None:
    world.app.running = None
    world.command("admin running", ADA)
    assert world.answer() == WORDS.off


# Views


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("shared", [True, False])
def test_longest_overview_is_valid(language: str, shared: bool) -> None:  # noqa: FBT001 - a parameter
    render = RenderContext(CATALOGUES[language])
    mapping = a_mapping("a" * 32, "p" * 63, domain="d-" + "x" * 61)
    name = AppName("RStudioServerPro", "n" * 63, "s" * 63)
    running = [Running(mapping, an_app(name, "p" * 63, "ml." + "x" * 30, shared=shared), 12345.678)] * 40
    idle = tuple((mapping, Space("s" * 63, "p", shared=False)) for _ in range(40))
    found = Overview(tuple(running), idle, tuple((mapping, Reason.AWS_THROTTLED) for _ in range(20)), may_start=True)
    message = views.overview(found, PRICES, render, NOON + timedelta(days=400))
    assert check_message(message.payload()) == []
    assert check_view(message.modal()) == []
    everyone = Everything(tuple(Held(each, "U" + "X" * 30) for each in running))
    for user in ("", "U" + "X" * 30):
        assert check_message(views.held(everyone, user, PRICES, render, NOON).payload()) == []


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [(0, "0.00"), (0.0002, "0.00"), (0.05, "0.05"), (0.0464, "0.046"), (1.408, "1.41"), (12345.6, "12,345.60")],
)
def test_money_is_shown_to_the_cent(dollars: float, shown: str) -> None:
    assert views.money(dollars) == shown
