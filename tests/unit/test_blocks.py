"""The stand-in's Block Kit rules and its plain-text rendering."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bot.local.slack.blocks import TEXT_REFUSED, check_blocks, check_message, check_view, refusal
from bot.local.slack.refusals import Refusal
from bot.local.slack.rendering import PRIVATE_LINK, mrkdwn, render
from bot.local.slack.screens import Message

Json = dict[str, Any]
SECRET_URL = "https://d-abc.studio.eu-west-1.sagemaker.aws/auth?token=eyJhbGciOi&x=1"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": True}


def markdown(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(**changes: object) -> Json:
    return {"type": "button", "action_id": "open", "text": plain("Open Studio"), **changes}


def section(text: str = "Hello") -> Json:
    return {"type": "section", "text": markdown(text)}


def select(**changes: object) -> Json:
    options = [{"text": plain("prod"), "value": "prod"}]
    return {"type": "static_select", "action_id": "alias", "options": options, **changes}


OPTIONS: list[Json] = [
    {"text": markdown("*lab*"), "value": "lab", "description": plain("Notebooks")},
    {"text": plain("code"), "value": "code"},
]
CONFIRM = {
    "title": plain("Sure?"),
    "text": markdown("*No* way back"),
    "confirm": plain("Yes"),
    "deny": plain("No"),
}

EVERYTHING: list[Json] = [
    {"type": "header", "text": plain("Studio"), "block_id": "h"},
    section("*Ready* until <!date^1735689600^{time}|midnight>"),
    {
        "type": "section",
        "fields": [markdown("*Domain*\nd-abc"), plain("alice")],
        "accessory": button(),
        "expand": True,
    },
    {"type": "divider"},
    {
        "type": "actions",
        "elements": [button(url=SECRET_URL, style="primary", value="prod"), button(action_id="new")],
    },
    {
        "type": "actions",
        "elements": [
            select(placeholder=plain("Which?"), confirm=CONFIRM),
            {"type": "users_select", "action_id": "who", "initial_user": "U1"},
            {"type": "datepicker", "action_id": "until", "initial_date": "2025-01-31"},
            {"type": "checkboxes", "action_id": "apps", "options": OPTIONS, "initial_options": OPTIONS[:1]},
            {"type": "radio_buttons", "action_id": "long", "options": OPTIONS, "initial_option": OPTIONS[1]},
        ],
    },
    {
        "type": "input",
        "label": plain("Reason"),
        "hint": plain("Why?"),
        "optional": True,
        "element": {"type": "plain_text_input", "action_id": "why", "multiline": True, "max_length": 300},
    },
    {"type": "context", "elements": [markdown("For you alone"), plain("really")]},
]


def test_message_with_every_block_kind_passes() -> None:
    assert check_message({"text": "Studio is ready", "blocks": EVERYTHING, "unfurl_links": False}) == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"type": "image", "image_url": "https://x", "alt_text": "x"}, "unsupported type: image"),
        ({"text": plain("x")}, "missing required field: type"),
        ("section", "missing required field: type"),
        (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ({"type": "section"}, "must define text or fields [json-pointer:/blocks/0]"),
        ({"type": "section", "text": "Hello"}, "missing required field: type [json-pointer:/blocks/0/text]"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": 5}}, "must be a string"),
        (
            {"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}},
            "additional property: emoji",
        ),
        (
            {"type": "section", "fields": [plain("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        ({"type": "section", "fields": []}, "no fewer than 1 items allowed"),
        ({"type": "section", "fields": [plain("x" * 2001)]}, "must be less than 2001 characters"),
        (section() | {"colour": "red"}, "invalid additional property: colour [json-pointer:/blocks/0]"),
        (section() | {"block_id": "x" * 256}, "must be less than 256 characters"),
        (section() | {"expand": 1}, "must be a valid enum value: True, False"),
        (section() | {"accessory": {"type": "overflow"}}, "unsupported type: overflow"),
        ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters"),
        ({"type": "header", "text": markdown("x")}, "unsupported type: mrkdwn"),
        ({"type": "divider", "text": plain("x")}, "invalid additional property: text"),
        ({"type": "context", "elements": [markdown("x")] * 11}, "no more than 10 items allowed"),
        ({"type": "context", "elements": [button()]}, "unsupported type: button"),
        ({"type": "context", "elements": markdown("x")}, "must be an array"),
        ({"type": "actions"}, "missing required field: elements"),
        (
            {"type": "actions", "elements": [button()] * 26},
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ({"type": "actions", "elements": [button(), button()]}, "`action_id` 'open' is used more than once"),
        ({"type": "input", "label": plain("x"), "element": button()}, "unsupported type: button"),
        (
            {"type": "input", "label": plain("x"), "element": {"type": "plain_text_input", "max_length": 0}},
            "must be a number from 1 to 3000",
        ),
    ],
)
def test_invalid_block_is_a_problem(block: object, problem: str) -> None:
    assert any(problem in found for found in check_blocks([block])), check_blocks([block])


@pytest.mark.parametrize(
    ("element", "problem"),
    [
        (button(url="https://x/" + "y" * 2991), "must be less than 3001 characters"),
        (button(url="studio"), "must be a valid URL"),
        (button(value="x" * 2001), "must be less than 2001 characters"),
        (button(text=plain("x" * 76)), "must be less than 76 characters"),
        (button(text=markdown("x")), "unsupported type: mrkdwn"),
        (button(text="Open"), "missing required field: type"),
        (button(action_id="x" * 256), "must be less than 256 characters"),
        (button(style="default"), "must be a valid enum value: primary, danger"),
        (button(ulr="https://x"), "invalid additional property: ulr"),
        (button(confirm="yes"), "must be an object"),
        (button(confirm={"title": plain("x" * 101)}), "must be less than 101 characters"),
        (button(confirm={"title": plain("Sure?")}), "missing required field: deny"),
        (select(options=[]), "no fewer than 1 items allowed"),
        (
            select(option_groups=[{"label": plain("x"), "options": []}]),
            "must define either options or option_groups",
        ),
        (select(initial_option={"text": plain("x"), "value": "v" * 151}), "must be less than 151 characters"),
        ({"type": "datepicker", "initial_date": "31.01.2025"}, "must be a date as YYYY-MM-DD"),
        ({"type": "plain_text_input"}, "unsupported type: plain_text_input"),
        (select(initial_option={"text": plain("other"), "value": "other"}), "must match one of the options"),
        (
            {"type": "checkboxes", "options": OPTIONS, "initial_options": [{"text": plain("x"), "value": "lab"}]},
            "must match one of the options",
        ),
        ({"type": "checkboxes", "options": [{"text": plain("x"), "value": "x"}] * 11}, "no more than 10 items"),
        ({"type": "radio_buttons"}, "missing required field: options"),
    ],
)
def test_invalid_element_is_a_problem(element: Json, problem: str) -> None:
    found = check_blocks([{"type": "actions", "elements": [element]}])
    assert any(problem in each for each in found), found


def test_values_at_the_limits_pass() -> None:
    longest = button(url="https://x/" + "y" * 2990, value="x" * 2000, text=plain("x" * 75), action_id="a" * 255)
    at_most = [section("x" * 3000), {"type": "actions", "elements": [longest]}, *[{"type": "divider"}] * 48]
    assert check_message({"blocks": at_most, "text": "x" * 4000}) == []


def test_block_limit_is_50_in_messages_and_100_in_views() -> None:
    title = {"type": "modal", "title": plain("Ask")}
    dividers = [{"type": "divider"}] * 51
    assert check_message({"blocks": dividers}) == ["no more than 50 items allowed [json-pointer:/blocks]"]
    assert check_view({**title, "blocks": dividers}) == []
    assert check_view({**title, "blocks": dividers * 2}) == ["no more than 100 items allowed [json-pointer:/blocks]"]


def test_block_ids_are_unique_in_a_message() -> None:
    twice = [section() | {"block_id": "same"}, section() | {"block_id": "same"}, section()]
    assert check_blocks(twice) == ["`block_id` 'same' is used more than once [json-pointer:/blocks/1/block_id]"]


QUESTION: Json = {"type": "input", "label": plain("Why?"), "element": {"type": "plain_text_input"}}


def test_view_of_another_kind_is_a_problem() -> None:
    home = {"type": "home", "blocks": [section()]}
    assert check_view(home, "home") == []
    assert check_view(home, "modal") == ["must be a modal view [json-pointer:/type]"]


def test_one_element_at_most_takes_the_focus() -> None:
    focused = {**QUESTION, "element": {"type": "plain_text_input", "focus_on_load": True}}
    assert check_blocks([focused, QUESTION]) == []
    assert "focus_on_load" in check_blocks([focused, focused])[0]


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        ({"type": "modal", "blocks": []}, "missing required field: title"),
        ({"type": "modal", "title": plain("x" * 25), "blocks": []}, "must be less than 25 characters"),
        ({"type": "home", "title": plain("x"), "blocks": []}, "invalid additional property: title"),
        ({"type": "workflow_step", "blocks": []}, "unsupported type: workflow_step"),
        ({"type": "home"}, "missing required field: blocks"),
        ({"type": "modal", "title": plain("x"), "blocks": [QUESTION]}, "missing required field: submit"),
        ({"type": "modal", "title": plain("x"), "submit": plain("x" * 25), "blocks": []}, "less than 25"),
        ({"type": "modal", "title": plain("x"), "private_metadata": "x" * 3001, "blocks": []}, "less than 3001"),
        ("modal", "missing required field: type"),
        (None, "missing required field: type"),
    ],
)
def test_invalid_view_is_a_problem(view: object, problem: str) -> None:
    assert any(problem in found for found in check_view(view)), check_view(view)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({}, "no_text"),
        ({"text": "x" * 4001}, "must be less than 4001 characters"),
        ({"text": "x", "unfurl_link": False}, "invalid additional property: unfurl_link"),
        ({"text": "x", "response_type": "private"}, "must be a valid enum value: ephemeral, in_channel"),
        ({"text": "x", "replace_original": "yes"}, "must be a valid enum value"),
        ({"text": "x", "blocks": "[]"}, "must be an array"),
    ],
)
def test_invalid_message_is_a_problem(payload: Json, problem: str) -> None:
    assert any(problem in found for found in check_message(payload)), check_message(payload)


def test_deleting_a_message_needs_no_text() -> None:
    assert check_message({"delete_original": True}) == []


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "x" * (TEXT_REFUSED + 1)}, "msg_too_long"),
        ({"text": 5}, "invalid_payload"),
        ({"text": "x", "attachments": []}, "invalid_payload"),
        ({"blocks": "not JSON"}, "invalid_blocks_format"),
        ({"blocks": ["section"]}, "invalid_blocks_format"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
    ],
)
def test_refusal_has_slacks_error_code(payload: Json, code: str) -> None:
    refused = refusal(payload)
    assert refused is not None
    assert refused.code == code


@pytest.mark.parametrize("payload", [{"text": "x" * 4001}, {"blocks": EVERYTHING}, {"text": "x", "blocks": []}])
def test_valid_message_is_not_refused(payload: Json) -> None:
    assert refusal(payload) is None


def test_refusal_lists_its_problems() -> None:
    assert refusal({"blocks": [{"type": "video"}]}) == Refusal(
        "invalid_blocks", ("unsupported type: video [json-pointer:/blocks/0/type]",)
    )


def test_check_does_not_change_its_input() -> None:
    before = copy.deepcopy(EVERYTHING)
    check_blocks(EVERYTHING)
    assert before == EVERYTHING


# Rendering

NAMES = {"U1": "alice", "C1": "general"}


def shown(blocks: list[Json], text: str = "fallback") -> Message:
    return Message("1.000001", "C1", text, tuple(blocks), only_for="U1")


def with_ids(blocks: list[Json]) -> list[Json]:
    return [{"block_id": str(index), **block} for index, block in enumerate(blocks)]


def test_render_shows_each_block_as_text() -> None:
    assert render(shown(with_ids(EVERYTHING)), NAMES).splitlines() == [
        "Studio",
        "======",
        "Ready until midnight",
        "  Domain: d-abc",
        "  alice",
        "  [ Open Studio ]",
        "-" * 40,
        f"[ Open Studio ] {PRIVATE_LINK}   [ Open Studio ]",
        "[ Which? v ]   [ @alice v ]   [ 2025-01-31 v ]   [ lab v ]   [ code v ]",
        "Reason: [ ____ ]",
        "· For you alone  really",
    ]


def test_render_shows_the_text_without_blocks() -> None:
    assert render(shown([], "Hello <@U1>, see <#C1>")) == "Hello @U1, see #C1"


@pytest.mark.parametrize(
    "written",
    [SECRET_URL, f"<{SECRET_URL}>", f"<{SECRET_URL}|here>", SECRET_URL.replace("&", "&amp;")],
    ids=["bare", "link", "labelled", "escaped"],
)
def test_render_never_shows_a_buttons_address(written: str) -> None:
    message = shown(
        with_ids([section(f"Go to {written}"), {"type": "actions", "elements": [button(url=SECRET_URL)]}])
    )
    assert "eyJhbGciOi" not in render(message, NAMES)
    assert "eyJhbGciOi" not in repr(message)
    assert "eyJhbGciOi" not in repr(message.buttons())


def test_repr_of_a_message_shows_no_address() -> None:
    assert "eyJhbGciOi" not in repr(shown([], f"Go to {SECRET_URL} now"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<@U1> and <@U2|bob>", "@alice and @bob"),
        ("<#C1> and <#C2|random>", "#general and #random"),
        ("<!here> <!subteam^S1|@admins>", "@here @admins"),
        ("<https://example.com/help|the help>", "the help (https://example.com/help)"),
        ("<https://example.com/help>", "https://example.com/help"),
        ("<https://example.com/help?token=s3cret|help>", "help (https://example.com/help?…)"),
        ("*bold* _slanted_ ~gone~ *_both_*", "bold slanted gone both"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
    ],
)
def test_mrkdwn_reads_as_in_slack(written: str, read: str) -> None:
    assert mrkdwn(written, NAMES) == read


def test_date_with_a_link_hides_the_link() -> None:
    assert mrkdwn("<!date^1735689600^{date_num}^https://example.com/|Dec 31>", NAMES) == "Dec 31"


def test_malformed_date_is_left_unchanged() -> None:
    assert mrkdwn("<!date^soon^{date}|soon>", NAMES) == "soon"


@pytest.mark.parametrize(
    ("element", "read"),
    [
        (select(initial_option={"text": plain("prod"), "value": "prod"}), "[ prod v ]"),
        (select(), "[ … v ]"),
        ({"type": "users_select", "initial_user": "U9"}, "[ @U9 v ]"),
        ({"type": "radio_buttons", "options": OPTIONS, "initial_option": OPTIONS[1]}, "[ code v ]"),
        ({"type": "checkboxes", "options": OPTIONS, "initial_options": OPTIONS}, "[ lab, code v ]"),
    ],
)
def test_render_shows_the_chosen_option(element: Json, read: str) -> None:
    assert render(shown(with_ids([{"type": "actions", "elements": [element]}])), NAMES) == read


@pytest.mark.parametrize("make", [lambda: {"type": "video"}, lambda: {"type": "rich_text", "elements": []}])
def test_render_raises_for_an_unknown_block(make: Callable[[], Json]) -> None:
    with pytest.raises(ValueError, match="no way to render"):
        render(shown([make()]), NAMES)
