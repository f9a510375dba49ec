"""The messages on each member's screen."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from bot.local.slack import elements
from bot.local.slack.changes import Changes
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
    """A message as its readers have it."""

    ts: str
    channel: str
    text: str
    blocks: tuple[Block, ...] = ()
    only_for: str | None = None  # the one member who sees an ephemeral message
    source: Literal["app", "slack", "member"] = "app"
    exchange: str | None = None  # its cause, if it came through a `response_url`
    revision: int = 0  # counts up with each change of the screens
    author: str = ""  # the member who typed it, where `source` is "member"
    born: float = 0.0  # when it was first shown, in monotonic seconds

    def __repr__(self) -> str:
        seen = re.sub(r"\w+://\S+", "(private link)", self.text)
        who = f"only for {self.only_for}" if self.only_for else "for all"
        buttons = [button.text for button in self.buttons()]
        return f"<Message {self.ts} from {self.source} in {self.channel}, {who}: {seen!r}, buttons {buttons}>"

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any], channel: str, user_id: str, exchange: str) -> Self:
        """Return the app's message: for one member, unless the payload says "in_channel"."""
        text, blocks = payload.get("text") or "", tuple(payload.get("blocks") or ())
        only_for = None if payload.get("response_type") == "in_channel" else user_id
        return cls("", channel, text, blocks, only_for, exchange=exchange)

    @property
    def ephemeral(self) -> bool:
        return self.only_for is not None

    def buttons(self) -> list[Button]:
        return [
            Button(
                element["action_id"],
                block["block_id"],
                element["text"]["text"],
                **{name: element.get(name) for name in ("style", "value", "url")},
            )
            for block, element in elements.elements(self.blocks)
            if element["type"] == "button"
        ]

    def button(self, action_id: str) -> Button:
        for button in self.buttons():
            if button.action_id == action_id:
                return button
        raise LookupError(f"{self!r} has no button {action_id!r}")


class Screens:
    """Every message of the workspace in the order it was posted. Thread-safe."""

    def __init__(self, directory: Directory, clock: Callable[[], float], changes: Changes) -> None:
        self._directory = directory
        self._clock = clock
        self._changes = changes
        self._lock = threading.Lock()
        self._messages: dict[str, Message] = {}
        self._revision = 0

    @property
    def revision(self) -> int:
        """The number of changes; each message has the count of its last change."""
        with self._lock:
            return self._revision

    def post(self, message: Message) -> Message:
        """Show a new message, and return it with its `ts` and revision."""
        with self._lock:
            ts = f"{int(self._clock())}.{self._revision + 1:06d}"
            shown = self._put(replace(message, ts=ts, born=time.monotonic(), blocks=named(message.blocks)))
        self._changes.note()
        return shown

    def update(self, ts: str, text: str, blocks: tuple[Block, ...], exchange: str | None) -> None:
        """Replace a message's content where it stands, unless it is no longer there."""
        with self._lock:
            if old := self._messages.get(ts):
                self._put(replace(old, text=text, blocks=named(blocks), exchange=exchange))
        self._changes.note()

    def remove(self, is_removed: Callable[[Message], bool]) -> None:
        with self._lock:
            self._messages = {ts: message for ts, message in self._messages.items() if not is_removed(message)}
            self._revision += 1
        self._changes.note()

    def view(self, user_id: str) -> list[Message]:
        """Return the messages that this member sees, oldest first."""
        with self._lock:
            return [message for message in self._messages.values() if self._sees(user_id, message)]

    def on_screen(self, user_id: str, ts: str) -> Message:
        """Return the message as it is now; LookupError if it is not on this member's screen."""
        for message in self.view(user_id):
            if message.ts == ts:
                return message
        raise LookupError(f"message {ts} is not on the screen of {user_id}")

    def wait(self, user_id: str, until: Callable[[list[Message]], object], timeout: float) -> list[Message]:
        """Return this member's screen as soon as `until` is true of it."""
        screen: list[Message] = []

        def happened() -> bool:
            screen[:] = self.view(user_id)
            return bool(until(screen))

        try:
            self._changes.wait_until(happened, timeout)
        except TimeoutError:
            raise TimeoutError(f"after {timeout} s the screen of {user_id} is still {screen}") from None
        return screen

    def find(self, ts: str) -> Message | None:
        with self._lock:
            return self._messages.get(ts)

    def _put(self, message: Message) -> Message:
        self._revision += 1
        self._messages[message.ts] = shown = replace(message, revision=self._revision)
        return shown

    def _sees(self, user_id: str, message: Message) -> bool:
        if message.ephemeral:
            return message.only_for == user_id
        channel = self._directory.channel(message.channel)
        return channel is not None and user_id in channel.members
