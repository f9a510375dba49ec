"""Building blocks of everything that Slack shows: messages, their blocks, dates and escaped text. Pure.

https://docs.slack.dev/reference/block-kit/blocks
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.core.records import AccessRequest
from bot.core.values import CONTROL
from bot.slack.words import Words

Block = dict[str, Any]

PRODUCT = "Studio links"
MAX_LABEL_LENGTH = 75
# https://docs.slack.dev/reference/block-kit/blocks/section-block
MAX_SECTION_LENGTH = 3000


@dataclass(frozen=True, slots=True)
class Message:
    """An ephemeral message. Its blocks may hold a link, so they hide in `repr`."""

    text: str
    blocks: list[Block] = dataclasses.field(repr=False)

    def payload(self) -> dict[str, Any]:
        """The message as Slack takes it; nothing in it may be unfurled."""
        return {"text": self.text, "blocks": self.blocks, "unfurl_links": False, "unfurl_media": False}

    def modal(self, metadata: str = "") -> dict[str, Any]:
        """The same in a dialog, which brings the metadata back. https://docs.slack.dev/reference/views/modal-views"""
        return {"type": "modal", "title": plain(PRODUCT), "blocks": self.blocks, "private_metadata": metadata}

    def home_tab(self) -> dict[str, Any]:
        """The same as a home tab. https://docs.slack.dev/reference/views/home-tab-views"""
        return {"type": "home", "blocks": self.blocks}


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The reader's words, the command as their workspace calls it, and whether they can request access.

    Attributes:
        running: whether members can see what runs.
        picks: whether forms suggest values for their fields.
        requested: their access request that is open, or approved for later, which they can withdraw; None without
            one, or where it does not matter.
    """

    words: Words
    command: str = "/studio"
    may_ask: bool = False
    link_seconds: int = 60
    requested: AccessRequest | None = None
    running: bool = False
    picks: bool = False

    @property
    def request_status(self) -> str:
        """How the reader's access request stands."""
        request = self.requested
        if request is None or request.start is None or not request.is_upcoming:
            return self.words.requested
        return self.words.begins_later.format(start=slack_date(request.start))


def text_message(text: str) -> Message:
    """Return a message of one plain sentence."""
    return Message(text, [section(text)])


def escape(text: str, longest: int | None = None) -> str:
    """Escape text from outside: Slack gives meaning to these three characters only."""
    if longest is not None and len(text) > longest:
        text = text[:longest] + "…"
    return CONTROL.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> Block:
    """Return a label without markup, shortened in its middle: names mostly differ at their ends."""
    if len(text) > MAX_LABEL_LENGTH:
        half = (MAX_LABEL_LENGTH - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return {"type": "plain_text", "text": text}


def header(text: str) -> Block:
    """Return a title. https://docs.slack.dev/reference/block-kit/blocks/header-block"""
    return {"type": "header", "text": plain(text)}


def section(text: str) -> Block:
    """Return text across the whole message."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def verbatim(text: str) -> Block:
    """Return a section in which Slack turns nothing that a member wrote into a mention or link.

    https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    """
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def literal(text: str) -> Block:
    """Return a section in which nothing that a member wrote is formatted, linked or reordered."""
    return {"type": "section", "text": {"type": "plain_text", "text": CONTROL.sub("", text), "emoji": False}}


def context(text: str) -> Block:
    """Return small, quiet text."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def actions(*elements: Block) -> Block:
    """Return a row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def button(text: str, action_id: str, value: str, **more: str) -> Block:
    """Return a button; without a value if that is empty, which Slack does not take."""
    button: Block = {"type": "button", "action_id": action_id, "text": plain(text), **more}
    return {**button, "value": value} if value else button


def option(text: str, value: str) -> Block:
    """Return a choice. https://docs.slack.dev/reference/block-kit/composition-objects/option-object"""
    return {"text": plain(text), "value": value}


def picker(action_id: str, longest: int, render: RenderContext, initial: str = "") -> Block:
    """Return an element with options that we suggest while somebody types, or a text field if we suggest none.

    https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
    """
    if not render.picks:
        return text_input(action_id, longest, initial)
    element: Block = {"type": "external_select", "action_id": action_id, "min_query_length": 0}
    element["placeholder"] = plain(render.words.admin.pick)
    return element | ({"initial_option": option(initial, initial)} if initial else {})


def text_input(action_id: str, longest: int, filled_in: str = "") -> Block:
    """Return an element for one line of text, with as much of a text filled in as it takes."""
    element: Block = {"type": "plain_text_input", "action_id": action_id, "max_length": longest}
    return {**element, "initial_value": filled_in[:longest]} if filled_in else element


def field(name: str, label: str, element: Block, *, optional: bool = False, tells: bool = False) -> Block:
    """Return a field of a form. https://docs.slack.dev/reference/block-kit/blocks/input-block

    Args:
        tells: whether Slack sends each choice immediately, because other fields depend on it.
    """
    shown = {"type": "input", "block_id": name, "label": plain(label), "element": element, "optional": optional}
    return shown | ({"dispatch_action": True} if tells else {})


def form(callback_id: str, title: str, submit: str, blocks: Sequence[Block], *, words: Words, metadata: str) -> Block:
    """Return a dialog to fill in, which brings `metadata` back."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title),
        "submit": plain(submit),
        "close": plain(words.cancel),
        "private_metadata": metadata,
        "blocks": [*blocks],
    }


def parts(lines: Sequence[str]) -> list[list[str]]:
    """Split lines into runs that each fit into one section."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if len("\n".join([*parts[-1], line])) > MAX_SECTION_LENGTH:
            parts.append([])
        parts[-1].append(line)
    return parts


def slack_time(time: datetime) -> str:
    """Return a time of day that each reader sees in their own zone; the fallback is UTC.

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return f"<!date^{int(time.timestamp())}^{{time_secs}}|{time.astimezone(UTC):%H:%M:%S} UTC>"


def slack_date(time: datetime) -> str:
    """Return a day and time that each reader sees in their own zone and words ("today")."""
    return f"<!date^{int(time.timestamp())}^{{date_short_pretty}} {{time}}|{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC>"


def duration(seconds: int, words: Words) -> str:
    """Return seconds in words: "60 seconds", "12 hours", "1 hour 30 minutes"."""
    if seconds <= 120:  # noqa: PLR2004 - two minutes and less read better in seconds
        return count(seconds, words.second)
    hours, minutes = divmod(seconds // 60, 60)
    parts = [count(hours, words.hour) if hours else "", count(minutes, words.minute) if minutes else ""]
    return " ".join(part for part in parts if part)


def count(number: int, plural: tuple[str, str]) -> str:
    """Return a number of things: "1 day", "7 days"."""
    return f"{number} {plural[number != 1]}"
