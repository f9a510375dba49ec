"""Messages about profiles that are made and workspaces that are removed."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.admin.new_profiles import NewProfiles
from bot.core.access import Mapping, Member, Person
from bot.core.errors import SlackError, StudioError
from bot.core.jobs import Item, ItemKind, ItemState, JobKind, JobState, Workspace
from bot.core.link import Reason, Source
from bot.core.records import Actor, RequestState
from bot.slack.words import CATALOGUES
from bot.slack.workspaces.messages import show
from tests.fakes import ANA, BEN, TEAM, a_mapping
from tests.fakes_access_requests import an_access_request
from tests.fakes_app import ADA, IN_A_DIALOG, AppWorld
from tests.fakes_jobs import FakeJobs, a_job
from tests.fakes_resources import TEMPLATE

WORDS = CATALOGUES["en"]
MAPPING = a_mapping(profile="ben-o-neil", set_by="", set_at=None)
MAKING = a_job(BEN, actor=Actor(ADA.user_id, Source.FORM), workspaces=(Workspace(MAPPING),))
LEAVING = replace(MAKING, kind=JobKind.OFFBOARD)


@pytest.fixture
def world() -> AppWorld:
    world = AppWorld()
    world.app.access_requests = replace(
        world.app.access_requests, new_profiles=NewProfiles({"d-research": TEMPLATE}, FakeJobs(), world.clock.now)
    )
    world.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM, email="Ben.O'Neil@example.com")
    world.requests.latest[BEN] = an_access_request(BEN)
    return world


def fields(world: AppWorld) -> dict[str, Any]:
    return {block["block_id"]: block["element"] for block in world.slack.forms[-1]["blocks"] if "element" in block}


def submit(world: AppWorld, creation: str, **more: str) -> None:
    request = world.requests.latest[BEN]
    given = {"domain": "d-research", "profile": "ben-o-neil", "alias": "", "creation": creation} | more
    world.submit("approve_access", given, f"{BEN.user_id} {request.id} en", ADA)


# Approving with a new profile


def test_form_proposes_a_name_from_the_address(world: AppWorld) -> None:
    world.press("approve_access", f"{BEN.user_id} {world.requests.latest[BEN].id}", ADA)
    found = fields(world)
    assert found["profile"]["initial_value"] == "ben-o-neil"
    assert found["domain"]["initial_value"] == "d-research"
    values = [option["value"] for option in found["creation"]["options"]]
    assert values == ["new", "ml.t3.medium", "ml.m5.large", "existing"]


@pytest.mark.parametrize(("holder", "first"), [(None, "existing"), (ANA, "new")])
def test_form_proposes_a_profile_that_exists_and_is_free(world: AppWorld, holder: Member | None, first: str) -> None:
    world.studio.add("d-research", "ben-o-neil")
    if holder is not None:
        world.app.access_requests.admin.map(holder, MAPPING, Actor(ADA.user_id, Source.FORM))
    world.press("approve_access", f"{BEN.user_id} {world.requests.latest[BEN].id}", ADA)
    found = fields(world)["creation"]
    assert found["initial_option"]["value"] == found["options"][0]["value"] == first


def test_form_opens_without_aws(world: AppWorld) -> None:
    world.studio.error = StudioError("it is away: try again", reason=Reason.AWS_UNREACHABLE)
    world.press("approve_access", f"{BEN.user_id} {world.requests.latest[BEN].id}", ADA)
    assert fields(world)["creation"]["initial_option"]["value"] == "new"


def test_form_offers_no_new_profile_without_a_template(world: AppWorld) -> None:
    world.app.access_requests = replace(world.app.access_requests, new_profiles=NewProfiles())
    world.press("approve_access", f"{BEN.user_id} {world.requests.latest[BEN].id}", ADA)
    assert "creation" not in fields(world)
    assert "initial_value" not in fields(world)["profile"]


@pytest.mark.parametrize(("creation", "space"), [("new", None), ("ml.m5.large", "ben-o-neil-lab")])
def test_approval_with_a_new_profile_begins_a_job(world: AppWorld, creation: str, space: str | None) -> None:
    woken: list[None] = []
    world.app.wake = lambda: woken.append(None)
    submit(world, creation)
    jobs = world.app.access_requests.new_profiles.jobs
    assert jobs is not None
    job = jobs.find(BEN)
    assert job is not None
    assert (job.workspaces[0].space, job.request_id, job.is_open, woken) == (space, "", True, [None])
    [text] = [message.text for place, message in world.slack.posts if place == BEN.user_id]
    assert text.startswith(WORDS.workspaces.making)
    assert world.requests.latest[BEN].state is RequestState.APPROVED


@pytest.mark.parametrize(
    ("creation", "profile", "words"),
    [("new", "ben", WORDS.workspaces.profile_exists), ("ml.p5.48xlarge", "new", WORDS.workspaces.no_template)],
)
def test_approval_that_can_make_nothing_says_why(world: AppWorld, creation: str, profile: str, words: str) -> None:
    submit(world, creation, profile=profile)
    assert world.slack.posts[-1][1].text == words.format(existing=WORDS.workspaces.existing)
    assert world.requests.latest[BEN].state is RequestState.OPEN


@pytest.mark.parametrize("profile", ["", "ben@example.com", "-ben", "b" * 64])
def test_invalid_name_of_a_new_profile_is_refused_in_the_form(world: AppWorld, profile: str) -> None:
    request = world.requests.latest[BEN]
    given = {"domain": "d-research", "profile": profile, "alias": "", "creation": "new"}
    ack = world.submit("approve_access", given, f"{BEN.user_id} {request.id} en", ADA)
    assert WORDS.bad_profile in ack
    assert world.requests.latest[BEN] == request


# What becomes of it


def test_ready_profile_comes_with_a_button_for_the_first_link(world: AppWorld) -> None:
    world.app.audit_channel = "C0AUDIT"
    show(world.app, replace(MAKING, state=JobState.DONE))
    [(place, message)] = world.slack.posts
    assert (place, message.text) == (BEN.user_id, WORDS.workspaces.ready)
    assert message.blocks[1]["elements"][0]["action_id"] == "home_open"
    assert "provision · done" in world.slack.announced[0][1]
    assert world.slack.homes[-1][0] == BEN.user_id


def test_ready_profile_opens_with_that_button(world: AppWorld) -> None:
    world.access.give(BEN, a_mapping(profile="ben"))
    world.press("home_open", "", BEN, IN_A_DIALOG)
    assert world.slack.dialogs


def test_approver_reads_why_a_profile_was_not_made(world: AppWorld) -> None:
    show(world.app, replace(MAKING, state=JobState.FAILED, why="profile ben is Failed (<no role> & so on)"))
    told = {place: message.text for place, message in world.slack.posts}
    assert told[BEN.user_id] == WORDS.workspaces.not_ready
    assert "&lt;no role&gt; &amp; so on" in told[ADA.user_id]
    assert "ben-o-neil" in told[ADA.user_id]


def test_cancelled_profile_is_told_the_approver_alone(world: AppWorld) -> None:
    show(world.app, replace(MAKING, state=JobState.CANCELLED, why="the member was blocked or unmapped meanwhile"))
    assert [place for place, _ in world.slack.posts] == [ADA.user_id]


def test_open_job_of_a_profile_says_nothing(world: AppWorld) -> None:
    show(world.app, MAKING)
    assert world.slack.posts == []


def test_offboarding_has_one_message_of_progress_and_one_of_its_end(world: AppWorld) -> None:
    app = Item(ItemKind.APP, "JupyterLab <default>", "d-research", "ben")
    shared = Item(ItemKind.SHARED_SPACE, "team", "d-research", "ben", ItemState.KEPT)
    job = show(world.app, replace(LEAVING, items=(app, shared)))
    job = show(world.app, replace(job, items=(replace(app, state=ItemState.GOING), shared)))
    job = show(world.app, replace(job, items=(replace(app, state=ItemState.GONE), shared), state=JobState.DONE))
    assert [place for place, _ in world.slack.posts] == [ADA.user_id] * 2
    assert [message for message, _ in world.slack.updates] == [f"{ADA.user_id}/1.0"] * 2
    shown = str(world.slack.posts[-1][1].blocks)
    for words in ("*Gone*\\n• app JupyterLab &lt;default&gt;", "*Stays*\\n• shared space team", "home directory"):
        assert words in shown


def test_incomplete_offboarding_says_what_is_not_gone(world: AppWorld) -> None:
    app = Item(ItemKind.APP, "JupyterLab default", "d-research", "ben", ItemState.FAILED, "not allowed")
    show(world.app, replace(LEAVING, items=(app,), state=JobState.INCOMPLETE))
    shown = str(world.slack.posts[-1][1].blocks)
    assert "not everything could be removed" in shown
    assert "*Not gone*\\n• app JupyterLab default: not allowed" in shown


def test_end_of_a_shells_job_is_only_announced(world: AppWorld) -> None:
    world.app.audit_channel = "C0AUDIT"
    show(world.app, replace(LEAVING, actor=Actor("cli:arn:aws:iam::1:user/x", Source.CLI), state=JobState.DONE))
    assert world.slack.posts == []
    assert "offboard · done" in world.slack.announced[0][1]


def test_message_that_slack_never_takes_ends_the_job(world: AppWorld) -> None:
    world.slack.broken = {"post"}
    show(world.app, replace(MAKING, state=JobState.DONE))
    world.slack.error = SlackError("slow", reason=Reason.SLACK_UNREACHABLE, code="timeout")
    with pytest.raises(SlackError):  # the next visit sends it
        show(world.app, replace(MAKING, state=JobState.DONE))


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_state_and_kind_has_words(language: str) -> None:
    words = CATALOGUES[language].workspaces
    assert set(words.states) == set(ItemState)
    assert set(words.kinds) == set(ItemKind)


def test_lists_of_what_runs_are_renewed_by_a_change(world: AppWorld) -> None:
    forgotten: list[Mapping] = []
    running: Any = SimpleNamespace(changes=SimpleNamespace(apps=SimpleNamespace(forget=forgotten.append)))
    world.app.running = running
    show(world.app, MAKING)
    assert forgotten == [MAPPING]
