"""Parsing of Slack payloads into typed values."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadInput
from bot.core.link import StudioApp, Target
from bot.core.values import ALIAS, MAX_NAME, NAME, RESERVED_WORDS
from bot.slack.bolt import is_well_formed
from bot.slack.payloads import (
    REQUEST_ID,
    Administer,
    Ask,
    Command,
    GiveBack,
    Help,
    Home,
    Open,
    Origin,
    WhoAmI,
    action_origin,
    action_value,
    command_origin,
    parse,
    parse_target,
    request_id,
)
from bot.slack.tenants import admit

LAB, CODE = StudioApp.LAB, StudioApp.CODE
PARSED: list[tuple[str, Command]] = [
    ("", Open()),
    ("   \t\n ", Open()),
    ("\u00a0\u2003", Open()),
    ("sandbox", Open(Target("sandbox"))),
    ("  sandbox  ", Open(Target("sandbox"))),
    ("Sandbox", Open(Target("sandbox"))),
    ("SANDBOX-2", Open(Target("sandbox-2"))),
    ("payload", Open(Target("payload"))),
    ("default", Open(Target("default"))),
    ("0", Open(Target("0"))),
    ("a" * 32, Open(Target("a" * 32))),
    *((app.value, Open(Target(app=app))) for app in StudioApp),
    *((f"sandbox {app.value.upper()}", Open(Target("sandbox", app))) for app in StudioApp),
    ("Lab", Open(Target(app=LAB))),
    ("sandbox lab", Open(Target("sandbox", LAB))),
    ("  sandbox \t lab \n", Open(Target("sandbox", LAB))),
    ("labs", Open(Target("labs"))),
    ("space", Open(Target(space=""))),
    ("SPACE", Open(Target(space=""))),
    ("space team", Open(Target(space="team"))),
    ("Space Team", Open(Target(space="Team"))),
    ("space TEAM-Space-1", Open(Target(space="TEAM-Space-1"))),
    ("space " + "s" * 63, Open(Target(space="s" * 63))),
    # After "space" comes a name, even if it is a command word.
    ("space lab", Open(Target(space="lab"))),
    ("space space", Open(Target(space="space"))),
    ("space help", Open(Target(space="help"))),
    ("lab space", Open(Target(app=LAB, space=""))),
    ("lab space team", Open(Target(app=LAB, space="team"))),
    ("sandbox space", Open(Target("sandbox", space=""))),
    ("sandbox space team", Open(Target("sandbox", space="team"))),
    ("sandbox code space", Open(Target("sandbox", CODE, ""))),
    ("sandbox code space Team", Open(Target("sandbox", CODE, "Team"))),
    ("space " + "s" * 64, Help("space " + "s" * 64)),
    ("space a_b", Help("space a_b")),
    ("space -a", Help("space -a")),
    ("space a-", Help("space a-")),
    ("space münchen", Help("space münchen")),
    ("space <@U0BEN00001>", Help("space <@U0BEN00001>")),
    ("space team two", Help("space team two")),
    ("space team lab", Help("space team lab")),
    ("sandbox space team lab", Help("sandbox space team lab")),
    ("lab sandbox", Help("lab sandbox")),
    ("lab code", Help("lab code")),
    ("sandbox production", Help("sandbox production")),
    ("sandbox labs", Help("sandbox labs")),
    ("sandbox lab code", Help("sandbox lab code")),
    ("sandbox whoami", Help("sandbox whoami")),
    ("sandbox help", Help("sandbox help")),
    ("team space space space", Help("team space space space")),
    ("help", Help()),
    ("HELP", Help()),
    (" Help ", Help()),
    ("help me", Help("help me")),
    ("whoami", WhoAmI()),
    ("WhoAmI", WhoAmI()),
    (" whoami ", WhoAmI()),
    ("whoami U0BEN00001", Help("whoami U0BEN00001")),
    ("whoami <@U0BEN00001>", Help("whoami <@U0BEN00001>")),
    ("request", Ask()),
    (" Request ", Ask()),
    ("return", GiveBack()),
    (" Return ", GiveBack()),
    ("return U0BEN00001", Help("return U0BEN00001")),
    ("return <@U0BEN00001>", Help("return <@U0BEN00001>")),
    ("request sandbox", Help("request sandbox")),
    ("sandbox request", Help("sandbox request")),
    ("admin", Administer()),
    ("  Admin  ", Administer()),
    ("admin list", Administer("list")),
    ("ADMIN\u00a0deny &lt;@U0ANA&gt; --reason “a  b” ", Administer("deny &lt;@U0ANA&gt; --reason “a  b” ")),
    ("administer", Open(Target("administer"))),
    ("my payload here", Help("my payload here")),
    ("a" * 33, Help("a" * 33)),
    ("-x", Help("-x")),
    ("a_b", Help("a_b")),
    ("münchen", Help("münchen")),
    ("日本", Help("日本")),
    ("🚀", Help("🚀")),
    ("\u202egnp.exe", Help("\u202egnp.exe")),
    ("<@U0BEN00001>", Help("<@U0BEN00001>")),
    ("<@U0BEN00001|ben>", Help("<@U0BEN00001|ben>")),
    ("sandbox <@U0BEN00001>", Help("sandbox <@U0BEN00001>")),
    ("<!channel>", Help("<!channel>")),
    ("<https://example.com>", Help("<https://example.com>")),
    ("`rm -rf`", Help("`rm -rf`")),
    ("U0BEN00001", Open(Target("u0ben00001"))),
    ("{}", Help("{}")),
    ("a\x00b", Help("a\x00b")),
]


@pytest.mark.parametrize(("text", "command"), PARSED, ids=[repr(text) for text, _ in PARSED])
def test_parse_understands_each_command(text: str, command: Command) -> None:
    assert parse(text) == command


def test_reserved_words_are_refused_as_aliases() -> None:
    assert parse_target(["admin"]) is None


def test_command_words_are_refused_as_aliases() -> None:
    assert {"help", "whoami", "request", "space", *StudioApp} <= RESERVED_WORDS
    for word in RESERVED_WORDS:
        command = parse(word)
        assert not isinstance(command, Open) or command.target.alias is None


@given(st.text() | st.lists(st.sampled_from([*RESERVED_WORDS, "sandbox", "Team", "-", "ä"])).map(" ".join))
def test_any_text_parses(text: str) -> None:
    command = parse(text)
    if isinstance(command, Open):
        target = command.target
        assert target.alias not in RESERVED_WORDS
        assert str(target).lower() == " ".join(text.split()).lower()
        assert target.space is None or target.space in ("", text.rsplit(maxsplit=1)[-1])


targets = st.builds(
    Target,
    st.none() | st.from_regex(ALIAS, fullmatch=True).filter(lambda alias: alias not in RESERVED_WORDS),
    st.none() | st.sampled_from(StudioApp),
    st.none()
    | st.just("")
    | st.sampled_from(sorted(RESERVED_WORDS))
    | st.from_regex(NAME, fullmatch=True).filter(lambda name: len(name) <= MAX_NAME),
)


@given(targets)
def test_described_target_parses_to_the_same_target(target: Target) -> None:
    assert parse_target(str(target).split()) == target
    assert parse(str(target)) == Open(target)
    assert parse(f"  {str(target).replace(' ', '   ')} ") == Open(target)


@given(targets)
def test_described_target_fits_an_option_value(target: Target) -> None:
    assert len(str(target)) <= 150
    assert str(target) == str(target).strip()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target(), ""),
        (Target("sandbox"), "sandbox"),
        (Target(app=LAB), "lab"),
        (Target(space=""), "space"),
        (Target("sandbox", LAB, ""), "sandbox lab space"),
        (Target("sandbox", LAB, "Team"), "sandbox lab space Team"),
    ],
)
def test_target_description(target: Target, words: str) -> None:
    assert str(target) == words


# Origin of a request

COMMAND: dict[str, Any] = {
    "token": "deprecated",
    "api_app_id": "A0STUDIO01",
    "team_id": "T0STUDIO01",
    "team_domain": "studio",
    "channel_id": "C0GENERAL01",
    "channel_name": "general",
    "user_id": "U0ANA00001",
    "user_name": "ana",
    "command": "/studio",
    "text": "",
    "is_enterprise_install": "false",
    "response_url": "https://hooks.slack.com/commands/T0/1/x",
    "trigger_id": "1.2.3",
}
ACTION: dict[str, Any] = {
    "type": "block_actions",
    "api_app_id": "A0STUDIO01",
    "team": {"id": "T0STUDIO01", "domain": "studio"},
    "enterprise": None,
    "user": {"id": "U0ANA00001", "team_id": "T0STUDIO01"},
    "channel": {"id": "C0GENERAL01"},
    "response_url": "https://hooks.slack.com/actions/T0/1/x",
    "trigger_id": "1.2.3",
    "actions": [{"action_id": "new_link", "value": "sandbox"}],
}
ORIGIN = Origin(
    request_id=request_id("1.2.3"),
    app_id="A0STUDIO01",
    team_id="T0STUDIO01",
    enterprise_id=None,
    user_id="U0ANA00001",
    user_team_id=None,
    channel_id="C0GENERAL01",
    response_url="https://hooks.slack.com/commands/T0/1/x",
    trigger_id="1.2.3",
    command="/studio",
)
NOT_TEXT = [None, "", 7, True, [], {}, ["x"], {"id": "x"}]


def test_origin_of_a_command() -> None:
    assert command_origin(COMMAND) == ORIGIN
    in_org = command_origin({**COMMAND, "enterprise_id": "E0ORG00001", "command": "/atelier"})
    assert in_org == replace(ORIGIN, enterprise_id="E0ORG00001", command="/atelier")


def test_origin_of_a_button() -> None:
    expected = replace(
        ORIGIN,
        user_team_id="T0STUDIO01",
        response_url="https://hooks.slack.com/actions/T0/1/x",
    )
    assert action_origin(ACTION) == expected
    in_org = action_origin({**ACTION, "enterprise": {"id": "E0ORG00001"}})
    assert in_org == replace(expected, enterprise_id="E0ORG00001")


def test_response_url_is_hidden_in_repr() -> None:
    for origin in (command_origin(COMMAND), action_origin(ACTION)):
        assert "hooks.slack.com" not in repr(origin)
        assert "1.2.3" not in repr(origin)


@pytest.mark.parametrize("value", ["missing", *NOT_TEXT], ids=repr)
@pytest.mark.parametrize("field", ["trigger_id", "api_app_id", "user_id", "command"])
def test_command_without_a_required_field_is_refused(field: str, value: object) -> None:
    body = {**COMMAND, field: value}
    if value == "missing":
        del body[field]
    with pytest.raises(BadInput, match=field):
        command_origin(body)


@pytest.mark.parametrize("value", ["missing", *NOT_TEXT], ids=repr)
@pytest.mark.parametrize("field", ["team_id", "enterprise_id", "channel_id", "response_url"])
def test_missing_optional_field_of_a_command_is_none(field: str, value: object) -> None:
    body = {**COMMAND, field: value}
    if value == "missing":
        del body[field]
    assert getattr(command_origin(body), field) is None


@pytest.mark.parametrize("value", ["missing", *NOT_TEXT], ids=repr)
@pytest.mark.parametrize("field", ["trigger_id", "api_app_id", "user"])
def test_button_without_a_required_field_is_refused(field: str, value: object) -> None:
    body = {**ACTION, field: value}
    if value == "missing":
        del body[field]
    if field == "user" and value == {"id": "x"}:
        assert action_origin(body).user_id == "x"
        return
    with pytest.raises(BadInput):
        action_origin(body)


@pytest.mark.parametrize("value", [None, "", 7, True, [], {}, "T0STUDIO01", {"id": 7}, {"id": ""}], ids=repr)
def test_missing_optional_field_of_a_button_is_none(value: object) -> None:
    body = {**ACTION, "team": value, "enterprise": value, "channel": value, "response_url": 7}
    found = action_origin(body)
    assert (found.team_id, found.enterprise_id, found.channel_id, found.response_url) == (None, None, None, None)


@pytest.mark.parametrize(
    ("actions", "value"),
    [
        ([{"value": "sandbox"}], "sandbox"),
        ([{"value": "one"}, {"value": "two"}], "one"),
        ([{}], ""),
        ([{"value": None}], ""),
        ([{"value": 7}], ""),
        ([{"value": {"x": 1}}], ""),
        ([{"selected_option": {"value": "sandbox space lab"}}], "sandbox space lab"),
        ([{"value": "", "selected_option": {"value": "sandbox"}}], "sandbox"),
        ([{"value": "one", "selected_option": {"value": "two"}}], "one"),
        ([{"selected_option": None}], ""),
        ([{"selected_option": "sandbox"}], ""),
        ([{"selected_option": {"value": 7}}], ""),
        ([{"selected_option": {}}], ""),
        ([{"selected_options": [{"value": "sandbox"}]}], ""),
        ([], ""),
        ({}, ""),
        (None, ""),
        ("actions", ""),
        (["text"], ""),
        ([None], ""),
    ],
)
def test_value_of_a_button(actions: object, value: str) -> None:
    assert action_value({**ACTION, "actions": actions}) == value
    assert action_value({}) == ""


def test_unencodable_trigger_has_an_id() -> None:
    assert REQUEST_ID.fullmatch(action_origin({**ACTION, "trigger_id": "\ud800"}).request_id)


ODD_ACTIONS: list[Any] = [None, [], {}, "x", [None], ["x"], [{}], [{"action_id": 7}]]
WELL_FORMED: list[tuple[dict[str, Any], bool]] = [
    (COMMAND, True),
    (ACTION, True),
    ({}, True),
    ({"type": "block_actions"}, False),
    *(({**ACTION, "actions": actions}, False) for actions in ODD_ACTIONS),
    ({**ACTION, "actions": [{"action_id": "one"}, {"action_id": "two"}]}, True),
    ({**ACTION, "actions": [{"action_id": "one"}, {}]}, False),
    *(
        ({"type": kind, "view": view}, fine)
        for kind in ("view_submission", "view_closed")
        for view, fine in (
            ({"callback_id": "x", "type": "modal"}, True),
            ({"callback_id": "x"}, False),
            ({}, False),
            (None, False),
            ({"callback_id": 7}, False),
            ([], False),
        )
    ),
    *(
        ({"type": kind, "callback_id": callback}, fine)
        for kind in ("shortcut", "message_action")
        for callback, fine in (("x", True), (None, False), (7, False))
    ),
]


@pytest.mark.parametrize(("body", "fine"), WELL_FORMED, ids=[str(body)[:60] for body, _ in WELL_FORMED])
def test_interactions_have_the_shape_that_bolt_expects(body: dict[str, Any], *, fine: bool) -> None:
    assert is_well_formed(body) is fine


# Tenant of a request

HOME = Home("A0STUDIO01", "T0STUDIO01")
IN_ORG = replace(HOME, enterprise_id="E0ORG00001")
OURS = frozenset({"T0STUDIO01"})

ADMISSIONS: list[tuple[str, dict[str, Any], Home, frozenset[str], str | None]] = [
    ("our own", {}, HOME, OURS, "T0STUDIO01"),
    ("a button of our own", {"user_team_id": "T0STUDIO01"}, HOME, OURS, "T0STUDIO01"),
    ("another app", {"app_id": "A0OTHER001"}, HOME, OURS, None),
    ("another team", {"team_id": "T0OTHER001"}, HOME, OURS, None),
    ("no team", {"team_id": None}, HOME, OURS, None),
    ("another organisation", {"enterprise_id": "E0OTHER001"}, HOME, OURS, None),
    ("an organisation, and we have none", {"enterprise_id": "E0ORG00001"}, HOME, OURS, None),
    ("our organisation", {"enterprise_id": "E0ORG00001"}, IN_ORG, OURS, "T0STUDIO01"),
    ("another organisation than ours", {"enterprise_id": "E0OTHER001"}, IN_ORG, OURS, None),
    ("another team of ours", {"team_id": "T0SECOND01"}, HOME, OURS | {"T0SECOND01"}, "T0SECOND01"),
    (
        "another team of our organisation",
        {"team_id": "T0SECOND01", "enterprise_id": "E0ORG00001"},
        IN_ORG,
        OURS,
        None,
    ),
    ("a presser from outside", {"user_team_id": "T0OTHER001"}, HOME, OURS, None),
    (
        "a presser of our organisation",
        {"user_team_id": "E0ORG00001", "enterprise_id": "E0ORG00001"},
        IN_ORG,
        OURS,
        "T0STUDIO01",
    ),
    ("nobody is let in", {}, HOME, frozenset(), None),
    (
        "installed in the whole organisation",
        {"team_id": None, "enterprise_id": "E0ORG00001"},
        IN_ORG,
        frozenset({"E0ORG00001"}),
        "E0ORG00001",
    ),
    (
        "a team of an organisation that is let in as a whole",
        {"team_id": "T0SECOND01", "enterprise_id": "E0ORG00001"},
        IN_ORG,
        frozenset({"E0ORG00001"}),
        "E0ORG00001",
    ),
    (
        "an outsider in an organisation that is let in as a whole",
        {"team_id": "T0SECOND01", "enterprise_id": "E0ORG00001", "user_team_id": "T0OTHER001"},
        IN_ORG,
        frozenset({"E0ORG00001"}),
        None,
    ),
    (
        "a team and its organisation that are both let in",
        {"enterprise_id": "E0ORG00001"},
        IN_ORG,
        OURS | {"E0ORG00001"},
        "E0ORG00001",
    ),
    ("lower case", {"team_id": "t0studio01"}, HOME, OURS, None),
    (
        "a member of our workspace, installed in the whole organisation",
        {"team_id": None, "enterprise_id": "E0ORG00001", "user_team_id": "T0STUDIO01"},
        IN_ORG,
        OURS,
        "T0STUDIO01",
    ),
    (
        "another workspace, installed in the whole organisation",
        {"team_id": None, "enterprise_id": "E0ORG00001", "user_team_id": "T0SECOND01"},
        IN_ORG,
        OURS,
        None,
    ),
    (
        "a workspace that Slack's record has to place",
        {"team_id": None, "enterprise_id": "E0ORG00001", "user_team_id": "T0SECOND01"},
        IN_ORG,
        frozenset({"E0ORG00001"}),
        "E0ORG00001",
    ),
    (
        "another organisation that claims our workspace",
        {"team_id": None, "enterprise_id": "E0OTHER001", "user_team_id": "T0STUDIO01"},
        IN_ORG,
        OURS,
        None,
    ),
    (
        "no organisation that claims our workspace",
        {"team_id": None, "user_team_id": "T0STUDIO01"},
        IN_ORG,
        OURS,
        None,
    ),
    (
        "a workspace that shares the rules of its organisation",
        {"enterprise_id": None},
        IN_ORG,
        OURS | {"E0ORG00001", "T0SECOND01"},
        "E0ORG00001",
    ),
    (
        "a workspace beside two organisations, either of which it could be in",
        {"enterprise_id": None},
        IN_ORG,
        OURS | {"E0ORG00001", "E0OTHER001"},
        "T0STUDIO01",
    ),
]


@pytest.mark.parametrize(
    ("changes", "home", "teams", "tenant"), [case[1:] for case in ADMISSIONS], ids=[case[0] for case in ADMISSIONS]
)
def test_tenant_of_an_origin(changes: dict[str, Any], home: Home, teams: frozenset[str], tenant: str | None) -> None:
    assert admit(replace(ORIGIN, **changes), home, teams) == tenant


def test_request_id_does_not_reveal_its_trigger() -> None:
    trigger = "13345224609.738474920.8088930838d88f008e0"
    assert request_id(trigger) == request_id(trigger)
    assert REQUEST_ID.fullmatch(request_id(trigger))
    assert not any(part in request_id(trigger) for part in trigger.split("."))


@given(
    st.text(min_size=1).filter(lambda text: text.isprintable()),
    st.text(min_size=1).filter(lambda text: text.isprintable()),
)
def test_different_triggers_have_different_ids(one: str, other: str) -> None:
    assert (request_id(one) == request_id(other)) is (one == other)
