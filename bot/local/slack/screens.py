"""What each member has on screen: messages, who may see them, and waiting for them to change."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.local.slack import elements
from bot.local.slack.elements import Block, named
from bot.local.slack.people import Directory


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
    """A message as its readers have it.

    Attributes:
        only_for: the one member who sees an ephemeral message.
        exchange: what led to it, as far as it came through a `response_url`.
        author: the member who typed it, where `source` is "member".
        born: when it was first shown, in monotonic seconds; `revision` tells its last change.
    """

    ts: str
    channel: str
    text: str
    blocks: tuple[Block, ...] = ()
    only_for: str | None = None
    source: Literal["app", "slack", "member"] = "app"
    exchange: str | None = None
    revision: int = 0
    author: str = ""
    born: float = 0.0

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
        return elements.elements(self.blocks)

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

    def __init__(
        self, directory: Directory, clock: Callable[[], float], changed: Callable[[], None] = lambda: None
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._note = changed
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
            born = time.monotonic()
            shown = replace(message, ts=ts, revision=self._revision, born=born, blocks=named(message.blocks))
            self._messages[ts] = shown
            self._tell()
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
                blocks=named(blocks),
                exchange=exchange,
                revision=self._revision,
            )
            self._messages[ts] = shown
            self._tell()
            return shown

    def remove(self, gone: Callable[[Message], bool]) -> None:
        with self._changed:
            kept = {ts: message for ts, message in self._messages.items() if not gone(message)}
            if len(kept) != len(self._messages):
                self._messages = kept
                self._revision += 1
                self._tell()

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

    def find(self, ts: str) -> Message | None:
        with self._changed:
            return self._messages.get(ts)

    def _tell(self) -> None:
        self._changed.notify_all()
        self._note()

    def _sees(self, user_id: str, message: Message) -> bool:
        if message.ephemeral:
            return message.only_for == user_id
        channel = self._directory.channel(message.channel)
        return channel is not None and user_id in channel.members
