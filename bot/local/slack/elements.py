"""The interactive elements inside blocks, and their content.

https://docs.slack.dev/reference/block-kit/block-elements,
https://docs.slack.dev/reference/views#view-state
"""

import copy
import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]
# The input of a member by element: block id, then action id, then text, the value of an option, an id, or a list; an
# option that an app suggested, as a whole.
Values = Mapping[str, Mapping[str, Any]]

# The field of a payload that has an element's content.
CONTENT = {
    "plain_text_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "datepicker": "selected_date",
}
REQUIRED = "Please complete this required field."


def named(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Give an id to each block and element that came without one, as Slack does: payloads name them."""
    result = copy.deepcopy(tuple(dict(block) for block in blocks))
    for block in result:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in _inside(block):
            if element["type"] not in ("mrkdwn", "plain_text"):
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return result


def elements(blocks: Sequence[Block]) -> Iterator[tuple[Block, Block]]:
    """Yield each interactive element with the block that holds it."""
    for block in blocks:
        for element in _inside(block):
            if "action_id" in element:
                yield block, element


def find(blocks: Sequence[Block], action_id: str, block_id: str | None = None) -> tuple[Block, Block]:
    """Return the element with this id, with its block; LookupError if none has it."""
    for block, element in elements(blocks):
        if element["action_id"] == action_id and block_id in (None, block["block_id"]):
            return block, element
    raise LookupError(f"no element {action_id!r} here")


def state(blocks: Sequence[Block], values: Values) -> dict[str, Any]:
    """Return the content of every element as payloads have it; untouched ones have their initial value."""
    shown: dict[str, dict[str, Any]] = {}
    for block, element in elements(blocks):
        if element["type"] != "button":
            block_id, action_id = block["block_id"], element["action_id"]
            given = values.get(block_id, {})
            chosen = given[action_id] if action_id in given else _initial(element)
            shown.setdefault(block_id, {})[action_id] = {"type": element["type"], **content(element, chosen)}
    return {"values": shown}


def content(element: Block, chosen: Any) -> dict[str, Any]:
    """Return one element's content as payloads have it; LookupError for a choice that is not among its options."""
    kind = element["type"]
    if kind not in CONTENT:
        raise LookupError(f"{kind} holds no value")
    name = CONTENT[kind]
    if name == "selected_options":
        return {name: [_option(element, each) for each in chosen or ()]}
    return {name: _option(element, chosen) if chosen and name == "selected_option" else chosen or None}


def incomplete(blocks: Sequence[Block], values: Values) -> dict[str, str]:
    """Return the client's complaints. https://docs.slack.dev/reference/block-kit/blocks/input-block"""
    shown = state(blocks, values)["values"]
    complaints = {}
    for block in blocks:
        if block["type"] == "input":
            element = block["element"]
            given = shown[block["block_id"]][element["action_id"]][CONTENT[element["type"]]]
            if complaint := _complaint(element, given, optional=bool(block.get("optional"))):
                complaints[block["block_id"]] = complaint
    return complaints


def _complaint(element: Block, given: Any, *, optional: bool) -> str | None:
    if not given:
        return None if optional else REQUIRED
    if element["type"] != "plain_text_input":
        return None
    if len(given) < element.get("min_length", 0):
        return f"Please enter at least {element['min_length']} characters."
    if len(given) > element.get("max_length", 3000):
        return f"Please enter at most {element.get('max_length', 3000)} characters."
    return None


def _initial(element: Block) -> Any:
    match element["type"]:
        case "static_select" | "radio_buttons":
            return (element.get("initial_option") or {}).get("value")
        case "external_select":
            return element.get("initial_option")
        case "checkboxes":
            return [option["value"] for option in element.get("initial_options", ())]
    return element.get("initial_value") or element.get("initial_user") or element.get("initial_date")


def _option(element: Block, value: Any) -> Any:
    if element["type"] == "external_select":
        return value
    groups = [group["options"] for group in element.get("option_groups", ())]
    for option in itertools.chain(element.get("options", ()), *groups):
        if option["value"] == value:
            return option
    raise LookupError(f"{element['action_id']!r} has no option {value!r}")


def _inside(block: Block) -> Iterator[dict[str, Any]]:
    for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
        if element:
            yield element
