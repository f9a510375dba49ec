"""The options that the app suggested while members typed, and the choices that they make among them.

https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.local.slack import elements
from bot.local.slack.elements import Block, Values
from bot.local.slack.exchanges import Exchange

# Slack asks for suggestions from the third character on, unless the element says otherwise.
MIN_QUERY = 3


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The list below the element: options, or a note that they could not be loaded.

    Without an exchange, the member has typed too little for the client to ask the app.
    """

    exchange: Exchange | None = None
    options: tuple[Block, ...] = ()
    trouble: str = ""


class Offers:
    """The options of each element on a screen. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offered: dict[tuple[str, str, str], dict[str, Block]] = {}

    def add(self, place: str, block_id: str, action_id: str, options: Sequence[Block]) -> None:
        """Remember options that were shown in a view or message."""
        with self._lock:
            known = self._offered.setdefault((place, block_id, action_id), {})
            known.update((option["value"], option) for option in options)

    def chosen(self, place: str, blocks: Sequence[Block], values: Values) -> Values:
        """Return the input with the suggested options that it names; LookupError for one that was never shown.

        A test without an app may give an option itself.
        """
        found: dict[str, Mapping[str, Any]] = dict(values)
        for block, element in elements.elements(blocks):
            block_id, action_id = block["block_id"], element["action_id"]
            value = values.get(block_id, {}).get(action_id)
            if element["type"] == "external_select" and isinstance(value, str) and value:
                found[block_id] = {**found[block_id], action_id: self._option(place, block_id, element, value)}
        return found

    def _option(self, place: str, block_id: str, element: Block, value: str) -> Block:
        initial = element.get("initial_option", {})
        with self._lock:
            known = self._offered.get((place, block_id, element["action_id"]), {})
            option = known.get(value) or (initial if initial.get("value") == value else None)
        if option is None:
            raise LookupError(f"{block_id!r} has offered no option {value!r}")
        return option
