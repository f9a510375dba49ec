"""Contract of Directory, run on the fake and on Slack's Web API."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.admin.names import UnclearName
from bot.core.access import Member, Person
from bot.core.errors import BadInput, SlackError
from bot.core.link import Reason
from bot.core.policy import ineligible_reason
from bot.core.ports import NO_SUCH_GROUP, Directory
from bot.local.faults import Fault
from bot.local.slack.people import SLACKBOT
from bot.local.slack.workspace import SCOPES, Workspace
from bot.slack import names
from bot.slack.accounts import UserGroup, groups, person
from bot.slack.client import SlackApi
from bot.slack.names import find_member
from tests.fakes import ANA, TEAM, FakeDirectory

OTHER_TEAM = "T0OTHER001"
ORGANISATION = "E0ORG00001"


@dataclass(frozen=True)
class World:
    """A directory and its setup. `add` takes the account's traits and the expected person."""

    directory: Directory
    add: Callable[[dict[str, Any], Person], None]
    fail: Callable[..., None]
    group: Callable[..., None]


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    with Workspace(team_id=TEAM) as running:
        yield running


def slack_api(workspace: Workspace, *, token: str = "", api_url: str = "") -> SlackApi:
    return SlackApi(token=token or workspace.bot_token, api_url=api_url or workspace.api_url)


def fake_world() -> World:
    fake = FakeDirectory()

    def add(_traits: dict[str, Any], expected: Person) -> None:
        fake.people[expected.user_id] = expected

    def fail(reason: Reason, method: str = "users.info") -> None:  # noqa: ARG001 - all of it fails
        fake.error = SlackError("it fails: try again", reason=reason)

    def group(name: str, *members: str, disabled: bool = False) -> None:
        fake.groups[name] = frozenset(members)
        fake.disabled = {name} if disabled else set()

    return World(fake, add, fail, group)


def slack_world(workspace: Workspace) -> World:
    def add(traits: dict[str, Any], expected: Person) -> None:
        workspace.add_member(expected.user_id, "somebody", **traits)

    def fail(reason: Reason, method: str = "users.info") -> None:
        fault = {Reason.SLACK_UNREACHABLE: Fault(drop=True, served=True)}[reason]
        workspace.inject(method, fault)

    def group(name: str, *members: str, disabled: bool = False) -> None:
        workspace.add_group(name, "some", *members, disabled=disabled)

    return World(slack_api(workspace), add, fail, group)


@pytest.fixture(params=["fake", "slack"])
def world(request: pytest.FixtureRequest) -> World:
    return fake_world() if request.param == "fake" else slack_world(request.getfixturevalue("workspace"))


ACCOUNTS: dict[str, tuple[dict[str, Any], Person]] = {
    "full member": ({}, Person("U0FULL0001", TEAM, locale="en-US")),
    "administrator": ({"admin": True}, Person("U0ADMIN001", TEAM, locale="en-US")),
    "guest": ({"guest": True}, Person("U0GUEST001", TEAM, guest=True, locale="en-US")),
    "single-channel guest": ({"single_channel_guest": True}, Person("U0SINGLE01", TEAM, guest=True, locale="en-US")),
    "deactivated": ({"deleted": True}, Person("U0GONE0001", TEAM, ineligible_reason="deactivated")),
    "bot": ({"bot": True}, Person("U0BOT00001", TEAM, ineligible_reason="a bot", locale="en-US")),
    "deactivated bot": ({"bot": True, "deleted": True}, Person("U0BOT00002", TEAM, ineligible_reason="deactivated")),
    "invited": ({"invited": True}, Person("U0INVITED1", TEAM, ineligible_reason="not joined yet", locale="en-US")),
    "stranger": (
        {"stranger": True, "team_id": OTHER_TEAM},
        Person("U0STRANGE1", OTHER_TEAM, ineligible_reason="of another organisation", locale="en-US"),
    ),
    "known outsider": ({"team_id": OTHER_TEAM}, Person("U0OUTSIDE1", OTHER_TEAM, locale="en-US")),
    "German": ({"locale": "de-DE"}, Person("U0GERMAN01", TEAM, locale="de-DE")),
    "member of our organisation": (
        {"enterprise_user": {"id": "W0GRID0001", "enterprise_id": ORGANISATION}},
        Person("W0GRID0001", TEAM, enterprise_id=ORGANISATION, locale="en-US"),
    ),
}


@pytest.mark.parametrize(("traits", "expected"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_account_flags_map_to_a_person(world: World, traits: dict[str, Any], expected: Person) -> None:
    world.add(traits, expected)
    assert world.directory.person(Member(TEAM, expected.user_id)) == expected


def test_unknown_account_is_ineligible(world: World) -> None:
    found = world.directory.person(Member(TEAM, "U0NOBODY01"))
    assert found.user_id == "U0NOBODY01"
    assert found.ineligible_reason == "Slack does not know this account"


def test_unreachable_slack_is_an_error(world: World) -> None:
    world.add({}, Person(ANA.user_id, TEAM))
    world.fail(Reason.SLACK_UNREACHABLE)
    with pytest.raises(SlackError) as failed:
        world.directory.person(ANA)
    assert failed.value.reason is Reason.SLACK_UNREACHABLE


# Groups


@pytest.mark.parametrize("even_disabled", [False, True])
@pytest.mark.parametrize("members", [(), (ANA.user_id,), (ANA.user_id, "W0GRID0001", "U0NOBODY01")])
def test_group_lists_its_members(world: World, members: tuple[str, ...], *, even_disabled: bool) -> None:
    world.group("S0SCIENCE1", *members)
    assert world.directory.group_members(TEAM, "S0SCIENCE1", even_disabled=even_disabled) == set(members)


def test_disabled_group_lists_members_only_on_demand(world: World) -> None:
    world.group("S0CLOSED01", ANA.user_id, disabled=True)
    assert world.directory.group_members(TEAM, "S0CLOSED01", even_disabled=True) == {ANA.user_id}
    with pytest.raises(SlackError) as failed:
        world.directory.group_members(TEAM, "S0CLOSED01", even_disabled=False)
    assert failed.value.code == NO_SUCH_GROUP


@pytest.mark.parametrize("even_disabled", [False, True])
def test_unknown_group_is_a_separate_error(world: World, *, even_disabled: bool) -> None:
    with pytest.raises(SlackError) as failed:
        world.directory.group_members(TEAM, "S0NOSUCH01", even_disabled=even_disabled)
    assert failed.value.code == NO_SUCH_GROUP


def test_unreachable_slack_is_an_error_for_groups(world: World) -> None:
    world.group("S0SCIENCE1", ANA.user_id)
    world.fail(Reason.SLACK_UNREACHABLE, "usergroups.users.list")
    with pytest.raises(SlackError) as failed:
        world.directory.group_members(TEAM, "S0SCIENCE1", even_disabled=False)
    assert failed.value.reason is Reason.SLACK_UNREACHABLE
    assert failed.value.code != NO_SUCH_GROUP


# Slack only


def test_group_call_names_the_team_except_for_organisations(workspace: Workspace) -> None:
    workspace.add_group("S0SCIENCE1", "science", ANA.user_id)
    for tenant in (TEAM, ORGANISATION):
        slack_api(workspace).group_members(tenant, "S0SCIENCE1", even_disabled=False)
    of_team, of_organisation = [dict(call.arguments) for call in workspace.api_calls[-2:]]
    assert of_team["team_id"] == TEAM
    assert "team_id" not in of_organisation


def test_missing_group_scope_is_a_refusal() -> None:
    with Workspace(scopes=("users:read",)) as bare, pytest.raises(SlackError, match="missing_scope") as failed:
        slack_api(bare).group_members(TEAM, "S0SCIENCE1", even_disabled=False)
    assert failed.value.reason is Reason.SLACK_REFUSED


def test_slackbot_is_ineligible(workspace: Workspace) -> None:
    assert slack_api(workspace).person(Member(TEAM, SLACKBOT)).ineligible_reason == "Slackbot"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(drop=True, served=True), None),
        (Fault(status=500), "internal_error"),
        (Fault(status=503), "internal_error"),
        (Fault(status=429, retry_after=30), "ratelimited"),
    ],
    ids=["connection cut", "500", "503", "rate limited"],
)
def test_slack_server_errors_mean_unreachable(workspace: Workspace, fault: Fault, code: str | None) -> None:
    workspace.add_member(ANA.user_id, "ana")
    workspace.inject("users.info", fault)
    with pytest.raises(SlackError, match=r"try again in a minute$") as failed:
        slack_api(workspace).person(ANA)
    assert failed.value.reason is Reason.SLACK_UNREACHABLE
    assert code in (None, failed.value.code)


def test_rate_limit_is_not_waited_for(workspace: Workspace) -> None:
    workspace.add_member(ANA.user_id, "ana")
    workspace.inject("users.info", Fault(status=429, retry_after=30))
    with pytest.raises(SlackError):
        slack_api(workspace).person(ANA)
    assert slack_api(workspace).person(ANA) == Person(ANA.user_id, TEAM, locale="en-US")


@pytest.mark.parametrize("text", ["ida@example.com", "IDA@EXAMPLE.COM", "@ida"])
def test_member_is_found_by_address_and_name(workspace: Workspace, text: str) -> None:
    workspace.add_member("U0IDA", "ida", email="ida@example.com")
    found = find_member(slack_api(workspace), TEAM, text)
    assert (found.user_id, found.handle, found.name, found.email) == ("U0IDA", "ida", "Ida", "ida@example.com")


def test_address_of_nobody_and_a_name_among_too_many_are_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnclearName):
        find_member(slack_api(workspace), TEAM, "nobody@example.com")
    monkeypatch.setattr(names, "MAX_ACCOUNTS", 0)
    with pytest.raises(BadInput, match="give the e-mail address"):
        find_member(slack_api(workspace), TEAM, "@ida")


def test_closed_port_means_unreachable(workspace: Workspace) -> None:
    with Workspace() as gone:
        nowhere = gone.api_url
    with pytest.raises(SlackError) as failed:
        slack_api(workspace, api_url=nowhere).person(ANA)
    assert failed.value.reason is Reason.SLACK_UNREACHABLE


def test_rejected_token_is_a_refusal_that_does_not_quote_it(workspace: Workspace) -> None:
    with pytest.raises(SlackError, match=r"invalid_auth.*check the token") as failed:
        slack_api(workspace, token="xoxb-made-up").person(ANA)
    assert failed.value.reason is Reason.SLACK_REFUSED
    assert failed.value.code == "invalid_auth"
    assert "xoxb" not in str(failed.value)


def test_missing_scope_is_a_refusal() -> None:
    scopes = tuple(scope for scope in SCOPES if scope != "users:read")
    with (
        Workspace(team_id=TEAM, scopes=scopes) as limited,
        pytest.raises(SlackError, match="missing_scope") as failed,
    ):
        slack_api(limited).person(ANA)
    assert failed.value.reason is Reason.SLACK_REFUSED


Proxy = tuple[str, list[tuple[int, str, bytes]]]


@pytest.mark.parametrize("status", [200, 502, 504])
def test_response_that_is_not_json_means_unreachable(proxy: Proxy, status: int) -> None:
    url, answers = proxy
    answers.append((status, "text/html", b"<html>Bad gateway; internal host proxy-7</html>"))
    with pytest.raises(SlackError) as failed:
        SlackApi(token="xoxb-0", api_url=url).person(ANA)
    assert failed.value.reason is Reason.SLACK_UNREACHABLE
    assert "proxy-7" not in f"{failed.value} {failed.value.code}"


@pytest.mark.parametrize("body", [b'{"ok": true}', b'{"ok": true, "user": null}', b'{"ok": true, "user": []}'])
def test_response_without_an_account_is_ineligible(proxy: Proxy, body: bytes) -> None:
    url, answers = proxy
    answers.append((200, "application/json", body))
    found = SlackApi(token="xoxb-0", api_url=url).person(ANA)
    assert found.user_id != ANA.user_id
    assert found.ineligible_reason is not None


FULL = {
    "id": ANA.user_id,
    "team_id": TEAM,
    "deleted": False,
    "is_bot": False,
    "is_restricted": False,
    "is_ultra_restricted": False,
}


def test_ordinary_member_is_a_plain_person() -> None:
    assert person(FULL) == Person(ANA.user_id, TEAM)


@pytest.mark.parametrize("value", ["missing", None, "false", 0, 1, "yes", []])
@pytest.mark.parametrize("flag", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"])
def test_flag_other_than_false_is_ineligible(flag: str, value: object) -> None:
    record = {**FULL, flag: value}
    if value == "missing":
        del record[flag]
    found = person(record)
    assert found.ineligible_reason is not None or found.guest


@pytest.mark.parametrize("value", [True, None, "false", 0, 1])
@pytest.mark.parametrize("flag", ["is_stranger", "is_invited_user"])
def test_optional_flag_other_than_false_is_ineligible(flag: str, value: object) -> None:
    assert person({**FULL, flag: value}).ineligible_reason is not None
    assert person({**FULL, flag: False}).ineligible_reason is None


@pytest.mark.parametrize("value", [None, 7, [], {"locale": "de"}])
def test_invalid_locale_is_ignored(value: object) -> None:
    assert person({**FULL, "locale": value}) == person(FULL)
    assert person({**FULL, "locale": "de-DE"}) == Person(ANA.user_id, TEAM, locale="de-DE")


def test_account_without_an_id_is_ineligible() -> None:
    found = person({key: value for key, value in FULL.items() if key not in ("id", "team_id")})
    assert (found.user_id, found.team_id) == ("", "")


@pytest.mark.parametrize("enterprise", [None, "E0ORG00001", [], {}, {"enterprise_id": None, "teams": None}])
def test_missing_organisation_is_none(enterprise: object) -> None:
    found = person({**FULL, "enterprise_user": enterprise})
    assert (found.enterprise_id, found.teams) == (None, frozenset())


GRID = json.loads((Path(__file__).parent.parent / "data/grid-users-info-no-team.json").read_text())["user"]


@pytest.mark.public(3)
@pytest.mark.parametrize("named", [None, "T0OTHER001", "T0THIRD001"])
@pytest.mark.parametrize(
    ("tenant", "eligible"),
    [("T0HOME0001", True), ("T0OTHER001", True), ("E0CORP0001", True), ("T0FOREIGN1", False), ("E0FOREIGN1", False)],
)
def test_grid_account_belongs_to_all_of_its_workspaces(named: str | None, tenant: str, *, eligible: bool) -> None:
    found = person({**GRID, "team_id": named} if named else GRID)
    assert (ineligible_reason(Member(tenant, "U0GRID0001"), found) is None) is eligible


@pytest.mark.public(3)
@pytest.mark.parametrize(("team", "eligible"), [(TEAM, True), (OTHER_TEAM, False)])
def test_account_of_a_workspace_counts_in_the_organisation(
    workspace: Workspace, team: str, *, eligible: bool
) -> None:
    """Where STUDIO_TEAMS has both, and Slack's record names no organisation."""
    user = f"U0SHARED{team[-1]}"
    workspace.add_member(user, "shared", team_id=team)
    slack = SlackApi(token=workspace.bot_token, api_url=workspace.api_url, shared=(ORGANISATION, TEAM))
    member = Member(ORGANISATION, user)
    assert (ineligible_reason(member, slack.person(member)) is None) is eligible
    listed = next(account for account in slack.accounts() if account.user_id == user)
    assert (ineligible_reason(member, listed) is None) is eligible


@pytest.mark.public(3)
@pytest.mark.parametrize("teams", [None, "T0HOME0001", [None], [{"id": "T0HOME0001"}], ["T0OTHER001"]])
def test_workspaces_count_only_as_slack_documents_them(teams: object) -> None:
    found = person({**GRID, "enterprise_user": {**GRID["enterprise_user"], "teams": teams}})
    assert ineligible_reason(Member("T0HOME0001", "U0GRID0001"), found) is not None


def test_list_of_groups_says_what_each_group_says() -> None:
    with Workspace(team_id=TEAM) as workspace:
        workspace.add_group("S0SCIENCE1", "science", ANA.user_id)
        workspace.add_group("S0CLOSED01", "closed", ANA.user_id, disabled=True)
        listed = slack_api(workspace).all_groups(TEAM)
        alone = slack_api(workspace).group_members(TEAM, "S0CLOSED01", even_disabled=True)
    assert listed == {
        "S0SCIENCE1": UserGroup(frozenset({ANA.user_id}), disabled=False, handle="science", name="Science"),
        "S0CLOSED01": UserGroup(alone, disabled=True, handle="closed", name="Closed"),
    }


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"usergroups": None},
        {"usergroups": ["S0"]},
        {"usergroups": [{"id": "S0"}]},
        {"usergroups": [{"users": [1]}]},
    ],
)
def test_incomplete_list_of_groups_is_an_error(answer: dict[str, Any]) -> None:
    with pytest.raises(SlackError):
        groups(answer)
