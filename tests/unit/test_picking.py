"""Suggestions in administrators' forms, and who may see them; over fakes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_bolt import Ack

from bot.admin.picks import MAX_CHOICES, Picks
from bot.core.access import Mapping, Member, Person
from bot.core.approval_rules import ApprovalRule
from bot.core.errors import SlackError, StoreError, StudioError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.core.templates import Template
from bot.local.slack.blocks import check_suggestions
from bot.slack import suggestions
from bot.slack.admin import forms, picking
from bot.slack.bolt import create, dispatch
from bot.slack.payloads import NOTHING, Origin
from bot.slack.requests import views as request_views
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, TEAM, a_mapping
from tests.fakes_app import ADA, APP, AppWorld, HeldJobs

WORDS = CATALOGUES["en"].admin
ROLE = "arn:aws:iam::210987654321:role/broker"
DOWN = StudioError("SageMaker does not answer", reason=Reason.AWS_UNREACHABLE)
LATE = (WORDS.pick_late, NOTHING)
FIELDS = ["domain", "profile", "space", "landing", "session-seconds", "group"]


class Lists:
    """What AWS lists; see `picks.StudioLists`."""

    def __init__(self) -> None:
        self.names = {"d-research": "research", "d-sandbox": "sandbox"}
        self.profiles_of: dict[str, Sequence[str]] = {"d-research": ["ana", "ben", "zoe"], "d-sandbox": ["kim"]}
        self.error: StudioError | None = None
        self.asked: list[tuple[str, ...]] = []

    def domains(self, by: Member) -> list[tuple[str, str]]:
        self._ask("domains", by.user_id)
        return list(self.names.items())

    def profiles(self, by: Member, place: Mapping, part: str, most: int) -> list[str]:
        self._ask(by.user_id, place.domain_id, place.role_arn or "", place.region or "", part)
        return [each for each in self.profiles_of.get(place.domain_id, ()) if part.lower() in each.lower()][:most]

    def _ask(self, *what: str) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error


class AtOnce(HeldJobs):
    """Run each job when it is submitted."""

    def submit(self, job: Callable[[], object]) -> None:
        job()


class PickWorld(AppWorld):
    """Ana is mapped to `ana` of d-research, Ben and Zoe are not; Ada administers. AWS lists two domains."""

    def __init__(self, *, listed: bool = True) -> None:
        super().__init__(workers=AtOnce())
        self.lists = Lists()
        people = {ANA.user_id: Person(ANA.user_id, TEAM, email="ana@example.com", name="Ana")}
        self.app.picks = Picks(
            self.access,
            self.studio,
            lambda _tenant, users: {user: people[user] for user in users if user in people},
            self.messages,
            lists=self.lists if listed else None,
        )
        self.app.groups = self.directory

    def mark(self, member: Member = ADA) -> str:
        return self.slack._mark(Origin("x", APP, member.user_id))

    def view(self, member: Member, mark: str | None = None, callback: str = forms.FORM, **state: str) -> Any:
        mark = self.mark(member) if mark is None else mark
        chosen = {name: {"it": {"selected_option": {"value": value}}} for name, value in state.items()}
        view = {"id": "V1", "type": "modal", "callback_id": callback, "private_metadata": f"map en\n{mark}"}
        return {**view, "state": {"values": chosen}}

    def suggest(self, field: str, typed: str = "", member: Member = ADA, **more: Any) -> list[tuple[str, str]]:
        """Type into a field of the form; return text and value of each option."""
        body = {
            **self._person(member),
            "type": "block_suggestion",
            "api_app_id": APP,
            "action_id": field,
            "block_id": field,
            "value": typed,
            "view": self.view(member),
            **more,
        }
        ack = Ack()  # type: ignore[no-untyped-call] # Bolt's own gap
        suggestions.receive(self.app, picking.SUGGESTION, ack, body)
        self.overflow.run()
        assert ack.response is not None
        answer = json.loads(ack.response.body)
        assert check_suggestions(answer) == []
        return [(option["text"]["text"], option["value"]) for option in answer["options"]]

    def choose(self, field: str, value: str, member: Member = ADA, **view: Any) -> None:
        action = {"type": "external_select", "action_id": field, "selected_option": {"value": value}}
        body = {**self._person(member), "view": self.view(member, **view), "actions": [action]}
        self.call(Source.BUTTON, field, body)


@pytest.fixture
def world() -> PickWorld:
    return PickWorld()


# What is offered


def test_domains_are_those_of_aws_and_of_mappings(world: PickWorld) -> None:
    world.access.give(BEN, a_mapping(domain="d-elsewhere"))
    everything = world.suggest("domain")
    assert sorted(everything) == [
        ("d-elsewhere", "d-elsewhere"),
        ("d-research — research", "d-research"),
        ("d-sandbox — sandbox", "d-sandbox"),
    ]
    assert world.suggest("domain", "SAND")[0] == ("d-sandbox — sandbox", "d-sandbox")


def test_profiles_say_who_holds_them(world: PickWorld) -> None:
    world.choose("domain", "d-research")
    assert world.suggest("profile") == [
        ("ana — ana@example.com", "ana"),
        ("ben — free", "ben"),
        ("zoe — free", "zoe"),
    ]


def test_holder_without_a_known_name_is_an_id(world: PickWorld) -> None:
    world.access.give(BEN, a_mapping(profile="ben"))
    world.choose("domain", "d-research")
    assert world.suggest("profile", "be") == [(f"ben — {BEN.user_id}", "ben"), ("be — doesn't exist yet", "be")]


def test_names_are_looked_up_once_a_minute(world: PickWorld) -> None:
    asked: list[Sequence[str]] = []
    world.access.give(BEN, a_mapping(profile="ben"))
    assert world.app.picks is not None

    def names(_tenant: str, users: Sequence[str]) -> dict[str, Person]:
        asked.append(users)
        return {}

    world.app.picks = replace(world.app.picks, names=names)
    world.choose("domain", "d-research")
    for typed in ("", "a", "an", "b"):
        world.suggest("profile", typed)
    assert asked == [[ANA.user_id, BEN.user_id]]


def test_profiles_are_those_of_the_chosen_domain(world: PickWorld) -> None:
    world.choose("domain", "d-sandbox")
    assert [value for _, value in world.suggest("profile")] == ["kim"]
    world.choose("domain", "d-research")
    assert [value for _, value in world.suggest("profile", "z")] == ["zoe", "z"]
    # What the form was opened with, if nothing was chosen since.
    another = {**world.view(ADA, domain="d-sandbox"), "id": "V2"}
    assert [value for _, value in world.suggest("profile", view=another)] == ["kim"]


def test_chosen_domain_is_that_of_the_member_and_dialog(world: PickWorld) -> None:
    world.access.give(BEN, a_mapping(domain="d-other"))
    world.choose("domain", "d-sandbox")
    elsewhere = {**world.view(ADA), "id": "V2"}
    assert world.suggest("profile", view=elsewhere) == [(WORDS.pick_domain_first, NOTHING)]


def test_only_domain_needs_no_choice(world: PickWorld) -> None:
    assert [value for _, value in world.suggest("profile")] == ["ana", "ben", "zoe"]
    assert world.app.picks is not None
    template = Template("d-made", "arn:aws:iam::123456789012:role/studio", region="us-east-1")
    world.app.picks = replace(world.app.picks, templates={"d-made": template})
    assert world.suggest("profile") == [(WORDS.pick_domain_first, NOTHING)]
    world.choose("domain", "d-made")
    world.suggest("profile")
    assert world.lists.asked[-1] == (ADA.user_id, "d-made", "", "us-east-1", "")


def test_domain_of_another_account_is_listed_in_its_role(world: PickWorld) -> None:
    world.access.give(BEN, a_mapping(domain="d-far", region="us-east-1", role_arn=ROLE))
    world.choose("domain", "d-far")
    world.suggest("profile", "be-")
    assert world.lists.asked == [(ADA.user_id, "d-far", ROLE, "us-east-1", "be")]


def test_spaces_are_those_that_the_profile_may_open(world: PickWorld) -> None:
    world.studio.domains["d-research"].spaces.update({"team": None, "ana-lab": "ana", "zoe-lab": "zoe"})
    assert world.suggest("space", "x") == [("x — as typed", "x"), (WORDS.pick_profile_first, NOTHING)]
    world.choose("profile", "ana")
    assert [value for _, value in world.suggest("space")] == ["team", "ana-lab"]


def test_apps_and_lengths_need_no_list(world: PickWorld) -> None:
    assert world.suggest("landing", "lab")[0] == ("lab — JupyterLab", "lab")
    assert world.suggest("landing", "app:JupyterLab:lab/tree/x")[-1][1] == "app:JupyterLab:lab/tree/x"
    assert world.suggest("session-seconds")[:2] == [("30 minutes", "30m"), ("1 hour", "1h")]
    assert ("8 hours", "8h") in world.suggest("session-seconds", "8")
    assert world.lists.asked == []


def test_groups_are_slacks(world: PickWorld) -> None:
    world.directory.groups = {"S0SCIENCE": frozenset(), "S0CLOSED": frozenset()}
    world.directory.disabled = {"S0CLOSED"}
    assert [value for _, value in world.suggest("group")] == ["S0SCIENCE", "S0CLOSED"]
    world.directory.list_error = SlackError("Slack does not answer", reason=Reason.SLACK_UNREACHABLE)
    assert world.suggest("group", "S0OTHER") == [("S0OTHER — as typed", "S0OTHER"), LATE]


def test_without_the_permission_mapped_profiles_are_offered() -> None:
    world = PickWorld(listed=False)
    world.access.give(BEN, a_mapping(profile="ben", domain="d-other"))
    assert [value for _, value in world.suggest("domain")] == ["d-research", "d-other"]
    world.choose("domain", "d-research")
    assert world.suggest("profile") == [("ana — ana@example.com", "ana")]
    assert world.suggest("profile", "new") == [("new — as typed", "new")]


# Limits


def test_ten_thousand_profiles_are_cut_and_can_be_searched(world: PickWorld) -> None:
    world.lists.profiles_of["d-research"] = [f"p{number:05}" for number in range(10_000)]
    shown = world.suggest("profile")
    assert (len(shown), shown[-1]) == (MAX_CHOICES + 1, (WORDS.pick_more, NOTHING))
    assert world.suggest("profile", "p0999")[-1] == ("p0999 — doesn't exist yet", "p0999")
    assert world.suggest("profile", "p09999") == [("p09999 — free", "p09999")]
    # What is typed may be there all the same, among those that are cut off.
    assert world.suggest("profile", "p0")[-2][0] == "p0 — as typed"


def test_long_names_stay_whole(world: PickWorld) -> None:
    name = "a" * 63
    world.access.give(ANA, a_mapping(profile=name))
    world.lists.profiles_of["d-research"] = [name]
    assert world.suggest("profile") == [(f"{name} — taken", name)]


@pytest.mark.parametrize("name", ["<!channel>", "*bold*", "a b", "", "-", "x" * 64])
def test_name_that_is_no_profiles_is_not_offered(world: PickWorld, name: str) -> None:
    world.lists.profiles_of["d-research"] = [name, "ana"]
    assert [value for _, value in world.suggest("profile")] == ["ana"]


def test_names_of_groups_are_no_markup(world: PickWorld) -> None:
    groups = world.directory.all_groups
    name = "*x* <https://evil.example.com|click> @ana \u202e"
    world.directory.groups = {"S0EVIL": frozenset()}
    world.directory.all_groups = lambda tenant: {  # type: ignore[method-assign]
        each: replace(group, handle="<!here>", name=name) for each, group in groups(tenant).items()
    }
    [(text, value)] = world.suggest("group")
    assert value == "S0EVIL"
    assert not {"<", ">", "\u202e"} & set(text)


@settings(max_examples=60, deadline=None)
@given(field=st.sampled_from(FIELDS), typed=st.text(max_size=200))
def test_any_text_gets_suggestions_that_slack_takes(field: str, typed: str) -> None:
    shown = PickWorld().suggest(field, typed)  # which checks them
    assert len(shown) <= 100


# Failures


def test_silent_aws_leaves_mapped_names_and_typing(world: PickWorld) -> None:
    world.lists.error = DOWN
    assert world.suggest("domain") == [("d-research", "d-research"), LATE]
    assert world.suggest("profile") == [("ana — ana@example.com", "ana"), LATE]
    assert world.suggest("profile", "zoe") == [("zoe — as typed", "zoe"), LATE]


def test_silent_dynamodb_leaves_typing(world: PickWorld) -> None:
    world.access.error = StoreError("DynamoDB does not answer", reason=Reason.STORE_UNREACHABLE)
    assert world.suggest("profile", "zoe") == [("zoe — as typed", "zoe"), LATE]


def test_choice_that_cannot_be_kept_breaks_nothing(world: PickWorld) -> None:
    world.messages.error = StoreError("DynamoDB does not answer", reason=Reason.STORE_UNREACHABLE)
    world.choose("domain", "d-sandbox")
    assert world.suggest("profile", "kim") == [("kim — as typed", "kim"), LATE]


def test_late_list_is_answered_in_time(world: PickWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "TIMEOUT", 0.05)
    world.app.workers = world.app.admin_workers = HeldJobs()
    assert world.suggest("domain", "d-x") == [("d-x — as typed", "d-x"), LATE]
    assert world.counted() == {"suggestions_late": 1}


def test_nobody_waits_behind_many(world: PickWorld) -> None:
    busy = HeldJobs()
    busy.capacity = 100
    world.app.admin_workers = busy
    for _ in range(suggestions.MAX_WAITING):
        busy.submit(lambda: None)
    assert world.suggest("domain") == [LATE]
    assert busy.in_flight == suggestions.MAX_WAITING


def test_defect_leaves_typing_and_an_audit_entry(world: PickWorld) -> None:
    world.lists.error = ValueError("a defect")  # type: ignore[assignment]
    assert world.suggest("domain", "d-x") == [("d-x — as typed", "d-x"), LATE]
    assert world.outcomes() == [("form", "internal")]


# Who may


def untouched(world: PickWorld) -> bool:
    """Return whether neither Slack, AWS nor the access table was asked."""
    return not (world.directory.people_asked or world.directory.groups_asked or world.lists.asked)


def test_member_who_does_not_administer_sees_nothing_and_is_recorded_once(world: PickWorld) -> None:
    for typed in ("", "a", "an", "ana"):
        assert world.suggest("profile", typed, member=BEN) == []
    assert world.outcomes() == [("admin", "not_an_admin")]
    assert world.lists.asked == []
    world.choose("domain", "d-sandbox", member=BEN)
    assert world.messages.shows == {}
    assert world.outcomes() == [("admin", "not_an_admin")] * 2


def test_former_administrator_sees_nothing(world: PickWorld) -> None:
    world.app.command_runner = replace(world.app.command_runner, admins=frozenset())
    assert world.suggest("profile") == []
    assert world.outcomes() == [("admin", "not_an_admin")]


@pytest.mark.parametrize("mark", ["", "é", "x" * 64])
def test_form_that_we_did_not_open_gets_nothing_and_asks_nobody(world: PickWorld, mark: str) -> None:
    for field in FIELDS:
        assert world.suggest(field, view=world.view(ADA, mark)) == []
    assert world.suggest("profile", view=world.view(ADA, world.mark(BEN))) == []
    assert untouched(world)
    assert set(world.outcomes()) == {("admin", "not_an_admin")}


@pytest.mark.parametrize(
    "foreign", [{"team": {"id": "T0OTHER"}}, {"api_app_id": "A0OTHER"}, {"enterprise": {"id": "E0OTHER"}}]
)
def test_foreign_request_gets_nothing_and_asks_nobody(world: PickWorld, foreign: dict[str, Any]) -> None:
    assert world.suggest("profile", **foreign) == []
    assert untouched(world)
    assert world.outcomes() == [("form", "foreign")]


def test_malformed_request_gets_nothing(world: PickWorld) -> None:
    assert world.suggest("profile", user=None) == []
    assert world.suggest("profile", api_app_id=None) == []
    assert world.suggest("profile", view={"type": "modal"}) == []
    assert world.counted() == {"malformed": 3}


def test_too_many_requests_get_no_list(world: PickWorld) -> None:
    world.app.limit._per_minute = 1
    shown = [world.suggest("domain", "d-x") for _ in range(12)]
    assert ("d-research — research", "d-research") not in shown[-1]
    assert shown[-1] == [("d-x — as typed", "d-x"), LATE]
    assert world.outcomes() == [("form", "too_many_requests")]
    world.command("admin help", ADA)
    assert world.counted()["admin_answered"] == 1  # typing uses up nothing else


def test_repeated_request_gets_the_same_and_changes_nothing(world: PickWorld) -> None:
    assert world.suggest("domain") == world.suggest("domain")
    assert world.outcomes() == []


def test_approver_who_does_not_administer_picks_profiles_only(world: PickWorld) -> None:
    rules = Rules(approval_rules=(ApprovalRule("research", domains=("d-research",), approvers=(BEN.user_id,)),))
    world.app.access_requests = replace(world.app.access_requests, rules=rules)
    form = world.view(BEN, callback=request_views.APPROVE)
    world.directory.groups = {"S0SCIENCE": frozenset()}
    world.access.give(ANA, a_mapping(domain="d-research", profile="ana"))
    world.choose("domain", "d-research", member=BEN, callback=request_views.APPROVE)
    taken_or_free = [("ana — taken", "ana"), ("ben — free", "ben"), ("zoe — free", "zoe")]
    assert world.suggest("profile", member=BEN, view=form) == taken_or_free
    assert world.suggest("group", member=BEN, view=form) == []
    assert world.suggest("profile", member=BEN) == []
    assert world.suggest("profile", member=ANA, view=world.view(ANA, callback=request_views.APPROVE)) == []
    assert not world.app.limit.is_administrator((TEAM, BEN.user_id))


def test_administrator_sees_holders_in_the_approval_form(world: PickWorld) -> None:
    form = world.view(ADA, callback=request_views.APPROVE)
    world.choose("domain", "d-research", callback=request_views.APPROVE)
    assert world.suggest("profile", "ana", view=form) == [("ana — ana@example.com", "ana")]


def test_approver_of_one_domain_sees_no_profiles_of_another(world: PickWorld) -> None:
    research = ApprovalRule("research", domains=("d-research",), approvers=(BEN.user_id,))
    world.app.access_requests = replace(world.app.access_requests, rules=Rules(approval_rules=(research,)))
    form = world.view(BEN, callback=request_views.APPROVE)
    world.choose("domain", "d-sandbox", member=BEN, callback=request_views.APPROVE)
    assert world.suggest("profile", "kim", member=BEN, view=form) == []
    assert [asked for asked in world.lists.asked if "d-sandbox" in asked] == []
    assert world.outcomes() == [("admin", "not_an_admin")]


def test_bolt_asks_for_suggestions_by_the_name_of_the_field(world: PickWorld) -> None:
    bolt = create("xoxb-fake")
    suggestions.register(bolt, world.app, picking.SUGGESTION)
    body = {**world._person(ADA), "type": "block_suggestion", "api_app_id": APP, "view": world.view(ADA)}
    response = dispatch(bolt, {**body, "action_id": "landing", "block_id": "landing", "value": "rs"})
    assert response is not None
    assert [each["value"] for each in json.loads(response.body)["options"]] == ["rstudio", "rs"]
    assert dispatch(bolt, body) is None  # without an action id
