"""Slack's rules for what a message or view may contain, as pure functions that list the problems they find.

Sources: https://docs.slack.dev/reference/block-kit/blocks and its neighbours block-elements and
composition-objects, https://docs.slack.dev/reference/views.

Only what this bot uses is known here. Anything else is a problem rather than a guess: a block that this page
does not know was never checked against its rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.local.slack.refusals import Refusal
from bot.local.slack.shapes import (
    Check,
    anything,
    items,
    mapping,
    needs,
    number,
    one_of,
    problem,
    repeated,
    string,
    typed,
)

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
# Slack asks for at most 4,000 characters of text and cuts or refuses above 40,000.
# https://docs.slack.dev/changelog/2018-04-truncating-really-long-messages
TEXT_ADVISED = 4_000
TEXT_REFUSED = 40_000


def check_message(payload: Mapping[str, Any]) -> list[str]:
    """What is wrong with a message for a `response_url` or `chat.postEphemeral`; empty when all is well.

    Stricter than `refusal` in one point: text longer than Slack advises is a problem, though Slack takes it.
    """
    problems = list(_message(TEXT_ADVISED)(payload, ""))
    if not payload.get("delete_original") and not payload.get("text") and not payload.get("blocks"):
        problems.append("no_text: a message needs `text` or `blocks`")
    if payload.get("blocks"):
        problems += check_blocks(payload["blocks"])
    return problems


def refusal(payload: Mapping[str, Any]) -> Refusal | None:
    """Why Slack would not take this message, or None if it would.

    https://docs.slack.dev/reference/methods/chat.postEphemeral#errors
    """
    text, blocks = payload.get("text"), payload.get("blocks")
    if not text and not blocks:
        return Refusal("no_text")
    if isinstance(text, str) and len(text) > TEXT_REFUSED:
        return Refusal("msg_too_long")
    # Slack ignores a field it does not know. Here it is an error: it is always a misspelling.
    if wrong := tuple(_message(TEXT_REFUSED)(payload, "")):
        return Refusal("invalid_payload", wrong)
    if blocks and not (isinstance(blocks, list) and all(isinstance(block, Mapping) for block in blocks)):
        return Refusal("invalid_blocks_format")
    if blocks and (wrong := tuple(check_blocks(blocks))):
        return Refusal("invalid_blocks", wrong)
    return None


def check_view(view: object, kind: str | None = None) -> list[str]:
    """What is wrong with a modal or an App Home view, where one `kind` of view is wanted also if it is another."""
    problems = list(_VIEW(view, ""))
    if not isinstance(view, Mapping):
        return problems
    if kind and not problems and view["type"] != kind:
        problems.append(problem(f"must be a {kind} view", "/type"))
    if isinstance(view.get("blocks"), Sequence):
        problems += check_blocks(view["blocks"], most=VIEW_BLOCKS)
    return problems


def check_blocks(blocks: object, *, most: int = MESSAGE_BLOCKS) -> list[str]:
    """What is wrong with a list of blocks, wherever it is shown."""
    problems = list(items(_BLOCK, most)(blocks, "/blocks"))
    if isinstance(blocks, list):
        problems += repeated(blocks, "block_id", "/blocks")
        problems += _one_focus(blocks)
    return problems


def _one_focus(blocks: Sequence[Any]) -> Iterator[str]:
    """https://docs.slack.dev/reference/block-kit/block-elements: one element at most takes the focus."""
    known = [block for block in blocks if isinstance(block, Mapping)]
    parts = [part for block in known for part in (block.get("element"), *_list(block.get("elements")))]
    if sum(isinstance(part, Mapping) and part.get("focus_on_load") is True for part in parts) > 1:
        yield problem("no more than 1 element may have focus_on_load", "/blocks")


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _distinct_actions(value: Any, at: str) -> Iterator[str]:
    yield from repeated(value, "action_id", at)


_FLAG = one_of(True, False)  # noqa: FBT003 - JSON's own true and false
# Slack's own examples write these as strings.
_LOOSE_FLAG = one_of(True, False, "true", "false")  # noqa: FBT003 - as above
_DATE = string(10, like=r"\d{4}-\d{2}-\d{2}", called="a date as YYYY-MM-DD")
_URL = string(3000, like=r"(?s)[A-Za-z][A-Za-z0-9+.-]*:\S+", called="a valid URL")


def _plain(most: int) -> Check:
    text = mapping({"type": one_of("plain_text"), "text": string(most)}, {"emoji": _FLAG})
    return typed({"plain_text": text})


def _text(most: int) -> Check:
    markdown = mapping({"type": one_of("mrkdwn"), "text": string(most)}, {"verbatim": _FLAG})
    return typed({"plain_text": _plain(most), "mrkdwn": markdown})


_CONFIRM = mapping(
    {"title": _plain(100), "text": _text(300), "confirm": _plain(30), "deny": _plain(30)},
    {"style": one_of("primary", "danger")},
)
_OPTION = mapping({"text": _plain(75), "value": string(150)}, {"description": _plain(75)})
_OPTIONS = items(_OPTION, 100)
# Checkboxes and radio buttons may have markup in their options.
_LONG_OPTION = mapping({"text": _text(75), "value": string(150)}, {"description": _text(75)})
_OPTION_GROUPS = items(mapping({"label": _plain(75), "options": _OPTIONS}, {}), 100)


def _initially_offered(value: Any, at: str) -> Iterator[str]:
    """What is chosen at first must be one of the options, in every part."""
    groups = [group.get("options") for group in value.get("option_groups") or () if isinstance(group, Mapping)]
    offered = [option for options in (value.get("options"), *groups) for option in options or ()]
    first = value.get("initial_option")
    for option in (*([first] if first is not None else ()), *(value.get("initial_options") or ())):
        if option not in offered:
            yield problem("must match one of the options", f"{at}/initial_option")


def _element(required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Check) -> Check:
    common = {
        "action_id": string(255),
        "confirm": _CONFIRM,
        "focus_on_load": _FLAG,
        "placeholder": _plain(150),
    }
    return mapping({"type": anything, **required}, {**common, **optional}, *rules)


_BUTTON = mapping(
    {"type": anything, "text": _plain(75)},
    {
        "action_id": string(255),
        "url": _URL,
        "value": string(2000, least=0),
        "style": one_of("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": string(75),
    },
)
_SELECTS: dict[str, Check] = {
    "static_select": _element(
        {},
        {"options": _OPTIONS, "option_groups": _OPTION_GROUPS, "initial_option": _OPTION},
        needs("options", "option_groups", together=False),
        _initially_offered,
    ),
    "users_select": _element({}, {"initial_user": string(255)}),
    "datepicker": _element({}, {"initial_date": _DATE}),
}
_PLAIN_TEXT_INPUT = mapping(
    {"type": anything},
    {
        "action_id": string(255),
        "placeholder": _plain(150),
        "focus_on_load": _FLAG,
        "initial_value": string(3000, least=0),
        "multiline": _FLAG,
        "min_length": number(0, 3000),
        "max_length": number(1, 3000),
        "dispatch_action_config": mapping(
            {}, {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), 2)}
        ),
    },
)


def _block(required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Check) -> Check:
    return mapping({"type": anything, **required}, {"block_id": string(255), **optional}, *rules)


_MANY_OPTIONS = items(_LONG_OPTION, 10)
_CHOICES: dict[str, Check] = {
    **_SELECTS,
    "checkboxes": _element({"options": _MANY_OPTIONS}, {"initial_options": _MANY_OPTIONS}, _initially_offered),
    "radio_buttons": _element({"options": _MANY_OPTIONS}, {"initial_option": _LONG_OPTION}, _initially_offered),
}
_ACTION = typed({"button": _BUTTON, **_CHOICES})
_BLOCK = typed(
    {
        "section": _block(
            {},
            {"text": _text(3000), "fields": items(_text(2000), 10), "accessory": _ACTION, "expand": _FLAG},
            needs("text", "fields"),
        ),
        "context": _block({"elements": items(_text(3000), 10)}, {}),
        "header": _block({"text": _plain(150)}, {}),
        "divider": _block({}, {}),
        "actions": _block({"elements": items(_ACTION, 25, _distinct_actions)}, {}),
        "input": _block(
            {"label": _plain(2000), "element": typed({"plain_text_input": _PLAIN_TEXT_INPUT, **_CHOICES})},
            {"hint": _plain(2000), "optional": _FLAG, "dispatch_action": _FLAG},
        ),
    }
)


def _submittable(view: Any, at: str) -> Iterator[str]:
    """https://docs.slack.dev/reference/views: `submit` is required where there is an input block."""
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(_is_input(block) for block in blocks)
    if has_input and "submit" not in view:
        yield problem("missing required field: submit", at)


def _is_input(block: object) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "input"


_MODAL = mapping(
    {"type": anything, "title": _plain(24), "blocks": anything},
    {
        "submit": _plain(24),
        "close": _plain(24),
        "private_metadata": string(3000, least=0),
        "callback_id": string(255),
        "external_id": string(255),
        "clear_on_close": _FLAG,
        "notify_on_close": _FLAG,
        "submit_disabled": _FLAG,
    },
    _submittable,
)
_HOME = mapping(
    {"type": anything, "blocks": anything},
    {"private_metadata": string(3000, least=0), "callback_id": string(255), "external_id": string(255)},
)
_VIEW = typed({"modal": _MODAL, "home": _HOME})


def _message(longest: int) -> Check:
    return mapping(
        {},
        {
            "text": string(longest, least=0),
            "blocks": anything,
            "response_type": one_of("ephemeral", "in_channel"),
            "replace_original": _LOOSE_FLAG,
            "delete_original": _LOOSE_FLAG,
            "unfurl_links": _LOOSE_FLAG,
            "unfurl_media": _LOOSE_FLAG,
            "mrkdwn": _LOOSE_FLAG,
        },
    )
