"""Slack's rules for the content of a message or view, as functions that list the problems they find.

`rules.yaml` has the limits of each kind of block, element and view; here are the rules that span several of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.local.slack.refusals import Refusal
from bot.local.slack.shapes import Check, Shapes, problem, repeated

RULES = Path(__file__).parent / "rules.yaml"
# Slack refuses longer texts: see rules.yaml.
TEXT_REFUSED = 40_000


def check_message(payload: Mapping[str, Any]) -> list[str]:
    """List the problems of a message for a `response_url` or `chat.postEphemeral`.

    Stricter than `refusal` in one point: text longer than Slack advises is a problem, though Slack takes it.
    """
    problems = list(_shapes().problems("=advised_message", payload))
    if not payload.get("delete_original") and not payload.get("text") and not payload.get("blocks"):
        problems.append("no_text: a message needs `text` or `blocks`")
    if payload.get("blocks"):
        problems += check_blocks(payload["blocks"])
    return problems


def refusal(payload: Mapping[str, Any]) -> Refusal | None:
    """Return Slack's refusal, if any. https://docs.slack.dev/reference/methods/chat.postEphemeral#errors"""
    text, blocks = payload.get("text"), payload.get("blocks")
    if not text and not blocks:
        return Refusal("no_text")
    if isinstance(text, str) and len(text) > TEXT_REFUSED:
        return Refusal("msg_too_long")
    # Slack ignores a field it does not know. Here it is an error: it is always a misspelling.
    if wrong := tuple(_shapes().problems("=accepted_message", payload)):
        return Refusal("invalid_payload", wrong)
    if blocks and not (isinstance(blocks, list) and all(isinstance(block, Mapping) for block in blocks)):
        return Refusal("invalid_blocks_format")
    if blocks and (wrong := tuple(check_blocks(blocks))):
        return Refusal("invalid_blocks", wrong)
    return None


def check_suggestions(answer: object) -> list[str]:
    """List the problems of the options that an app suggests.

    https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
    """
    problems = list(_shapes().problems("=suggestion", answer))
    offered = answer.get("options") if isinstance(answer, Mapping) else None
    return problems if offered == [] else [*problems, *_shapes().problems("=options", offered, "/options")]


def check_view(view: object, kind: str | None = None) -> list[str]:
    """List the problems of a modal or an App Home view; another kind than `kind` is a problem too."""
    problems = list(_shapes().problems("=view", view))
    if not isinstance(view, Mapping):
        return problems
    if kind and not problems and view["type"] != kind:
        problems.append(problem(f"must be a {kind} view", "/type"))
    if isinstance(view.get("blocks"), Sequence):
        problems += check_blocks(view["blocks"], "=view_blocks")
    return problems


def check_blocks(blocks: object, rule: str = "=message_blocks") -> list[str]:
    """List the problems of a list of blocks."""
    problems = list(_shapes().problems(rule, blocks, "/blocks"))
    if isinstance(blocks, list):
        problems += repeated(blocks, "block_id", "/blocks")
        problems += _one_focus(blocks)
    return problems


@cache
def _shapes() -> Shapes:
    checks: dict[str, Check] = {
        "distinct_actions": lambda value, at: repeated(value, "action_id", at),
        "either_options": _either_options,
        "initially_offered": _initially_offered,
        "submittable": _submittable,
        "text_or_fields": _text_or_fields,
    }
    return Shapes(yaml.safe_load(RULES.read_text(encoding="utf-8")), checks)


def _one_focus(blocks: Sequence[Any]) -> Iterator[str]:
    """https://docs.slack.dev/reference/block-kit/block-elements: at most one element takes the focus."""
    known = [block for block in blocks if isinstance(block, Mapping)]
    parts = [part for block in known for part in (block.get("element"), *_list(block.get("elements")))]
    if sum(isinstance(part, Mapping) and part.get("focus_on_load") is True for part in parts) > 1:
        yield problem("no more than 1 element may have focus_on_load", "/blocks")


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text_or_fields(section: Any, at: str) -> Iterator[str]:
    if "text" not in section and "fields" not in section:
        yield problem("must define text or fields", at)


def _either_options(select: Any, at: str) -> Iterator[str]:
    if ("options" in select) == ("option_groups" in select):
        yield problem("must define either options or option_groups", at)


def _initially_offered(value: Any, at: str) -> Iterator[str]:
    """The initial choice must equal one of the options, in every part."""
    groups = [group.get("options") for group in value.get("option_groups") or () if isinstance(group, Mapping)]
    offered = [option for options in (value.get("options"), *groups) for option in options or ()]
    first = value.get("initial_option")
    for option in (*([first] if first is not None else ()), *(value.get("initial_options") or ())):
        if option not in offered:
            yield problem("must match one of the options", f"{at}/initial_option")


def _submittable(view: Any, at: str) -> Iterator[str]:
    """https://docs.slack.dev/reference/views: `submit` is required if the view has an input block."""
    has_input = any(isinstance(each, Mapping) and each.get("type") == "input" for each in _list(view.get("blocks")))
    if has_input and "submit" not in view:
        yield problem("missing required field: submit", at)
