"""What each member has on screen: messages, who may see them, and waiting for them to change."""

import copy
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bot.local.people import Directory

Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a message. Its `url` may be a secret, so it stays out of the `repr`."""

    action_id: str
    block_id: str
    text: str
    style: str | None = None
    value: str | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A message as its readers have it. `only_for` is the one member who sees an ephemeral one."""

    ts: str
    channel: str
    text: str
    blocks: tuple[Block, ...] = ()
    only_for: str | None = None
    source: Literal["app", "slack"] = "app"
    exchange: str | None = None
    revision: int = 0

    def __repr__(self) -> str:
        seen = re.sub(r"\w+://\S+", "(private link)", self.text)
        who = f"only for {self.only_for}" if self.only_for else "for all"
        buttons = [button.text for button in self.buttons()]
        return f"<Message {self.ts} from {self.source} in {self.channel}, {who}: {seen!r}, buttons {buttons}>"

    @property
    def ephemeral(self) -> bool:
        return self.only_for is not None

    def elements(self) -> Iterator[tuple[Block, Block]]:
        """Each interactive element with the block that holds it."""
        for block in self.blocks:
            for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
                if element and "action_id" in element:
                    yield block, element

    def buttons(self) -> list[Button]:
        return [
            Button(
                action_id=element["action_id"],
                block_id=block["block_id"],
                text=element["text"]["text"],
                style=element.get("style"),
                value=element.get("value"),
                url=element.get("url"),
            )
            for block, element in self.elements()
            if element["type"] == "button"
        ]

    def button(self, action_id: str) -> Button:
        for button in self.buttons():
            if button.action_id == action_id:
                return button
        raise LookupError(f"{self!r} has no button {action_id!r}")


class Screens:
    """Every message of the workspace in the order it was posted, and a way to wait for the next change."""

    def __init__(self, directory: Directory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._messages: dict[str, Message] = {}
        self._revision = 0
        self._changed = threading.Condition()

    @property
    def revision(self) -> int:
        """Counts the changes; what a message carries is the count at which it last changed."""
        with self._changed:
            return self._revision

    def post(self, message: Message) -> Message:
        """Show a new message; its `ts` and revision are given here."""
        with self._changed:
            self._revision += 1
            ts = f"{int(self._clock())}.{self._revision:06d}"
            shown = replace(message, ts=ts, revision=self._revision, blocks=_named(message.blocks))
            self._messages[ts] = shown
            self._changed.notify_all()
            return shown

    def update(self, ts: str, text: str, blocks: tuple[Block, ...], exchange: str | None) -> Message | None:
        """Replace what a message says, where it stands; None if it is no longer there."""
        with self._changed:
            if ts not in self._messages:
                return None
            self._revision += 1
            shown = replace(
                self._messages[ts],
                text=text,
                blocks=_named(blocks),
                exchange=exchange,
                revision=self._revision,
            )
            self._messages[ts] = shown
            self._changed.notify_all()
            return shown

    def remove(self, gone: Callable[[Message], bool]) -> None:
        with self._changed:
            kept = {ts: message for ts, message in self._messages.items() if not gone(message)}
            if len(kept) != len(self._messages):
                self._messages = kept
                self._revision += 1
                self._changed.notify_all()

    def view(self, user_id: str) -> list[Message]:
        with self._changed:
            return [message for message in self._messages.values() if self._sees(user_id, message)]

    def wait(self, user_id: str, until: Callable[[list[Message]], object], timeout: float) -> list[Message]:
        """This member's screen, as soon as `until` is content with it."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not until(screen := self.view(user_id)):
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise TimeoutError(f"after {timeout} s the screen of {user_id} is still {screen}")
            return screen

    def _sees(self, user_id: str, message: Message) -> bool:
        if message.ephemeral:
            return message.only_for == user_id
        channel = self._directory.channel(message.channel)
        return channel is not None and user_id in channel.members


def _named(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Slack names the blocks and elements that came without an id, and hands those names back in payloads."""
    named = copy.deepcopy(tuple(dict(block) for block in blocks))
    for block in named:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if element and element["type"] not in ("mrkdwn", "plain_text"):
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return named
