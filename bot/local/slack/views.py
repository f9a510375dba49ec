"""Modals and App Home of each member, with Slack's rules for stacks and hashes.

https://docs.slack.dev/surfaces/modals, https://docs.slack.dev/surfaces/app-home
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.local.slack.elements import Block, named
from bot.local.slack.people import Installation
from bot.local.slack.refusals import Refusal

MAX_STACK = 3


@dataclass(frozen=True, slots=True)
class View:
    """One modal, or a member's App Home. Its blocks may hold a link, so they stay out of the `repr`."""

    id: str
    user_id: str
    content: Mapping[str, Any] = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    hash: str
    root: str
    born: float  # when it was opened, in monotonic seconds
    previous: str | None = None

    @property
    def home(self) -> bool:
        return bool(self.content["type"] == "home")

    @property
    def title(self) -> str:
        """A modal's title; App Home has none."""
        return str(self.content.get("title", {}).get("text", ""))

    def as_payload(self, app: Installation, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the view as Slack sends it to the app."""
        return {
            "title": None,
            "close": None,
            "submit": None,
            "private_metadata": "",
            "callback_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "submit_disabled": False,
            "external_id": "",
            **self.content,
            "id": self.id,
            "team_id": app.team_id,
            "app_id": app.app_id,
            "app_installed_team_id": app.team_id,
            "bot_id": app.bot_id,
            "blocks": list(self.blocks),
            "state": state or {"values": {}},
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": self.previous,
        }


class Views:
    """The modals and App Home of each member. Thread-safe."""

    def __init__(self, clock: Callable[[], float], changed: Callable[[], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._lock = threading.RLock()
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}

    def stack(self, user_id: str) -> tuple[View, ...]:
        """Return the member's modals, the visible one last."""
        with self._lock:
            return tuple(self._stacks.get(user_id, ()))

    def home(self, user_id: str) -> View | None:
        with self._lock:
            return self._homes.get(user_id)

    def on_screen(self, user_id: str, view_id: str) -> View:
        """Return the member's top modal or App Home with this id; LookupError if it is not on their screen."""
        with self._lock:
            shown = [*self.stack(user_id)[-1:], self._homes.get(user_id)]
        for view in shown:
            if view is not None and view.id == view_id:
                return view
        raise LookupError(f"view {view_id} is not on the screen of {user_id}")

    def open(self, user_id: str, content: Mapping[str, Any]) -> View:
        """Open a first modal. It replaces one that is open: Slack's documentation does not cover that."""
        with self._lock:
            view = self._new(user_id, content)
            self._stacks[user_id] = [view]
        self._changed()
        return view

    def push(self, user_id: str, content: Mapping[str, Any]) -> View:
        """Open a modal on top of those that are open: not_found if none is, push_limit_reached if three are."""
        with self._lock:
            stack = self._stacks.get(user_id)
            if not stack:
                raise Refusal("not_found")
            if len(stack) >= MAX_STACK:
                raise Refusal("push_limit_reached")
            view = replace(self._new(user_id, content), root=stack[0].root, previous=stack[-1].id)
            stack.append(view)
        self._changed()
        return view

    def update(
        self,
        content: Mapping[str, Any],
        *,
        view_id: str | None = None,
        external_id: str | None = None,
        known_hash: str = "",
    ) -> View:
        """Replace the content of a view anywhere in its stack."""
        with self._lock:
            old = next((view for view in self._all() if view_id == view.id or _is_called(view, external_id)), None)
            if old is None:
                raise Refusal("not_found")
            new = self._new(old.user_id, content, old, known_hash)
            if new.home:
                self._homes[new.user_id] = new
            else:
                stack = self._stacks[new.user_id]
                stack[:] = [new if view.id == new.id else view for view in stack]
        self._changed()
        return new

    def publish(self, user_id: str, content: Mapping[str, Any], known_hash: str = "") -> View:
        """Set a member's App Home."""
        with self._lock:
            new = self._new(user_id, content, self._homes.get(user_id), known_hash)
            self._homes[user_id] = new
        self._changed()
        return new

    def close(self, user_id: str, *, everything: bool = False) -> tuple[View, ...]:
        """Close the top modal, or all of them, and return the closed ones, the top one first."""
        with self._lock:
            stack = self._stacks.pop(user_id, [])
            removed = list(reversed(stack)) if everything else stack[-1:]
            if not everything and stack[:-1]:
                self._stacks[user_id] = stack[:-1]
        self._changed()
        return tuple(removed)

    def _new(self, user_id: str, content: Mapping[str, Any], old: View | None = None, known_hash: str = "") -> View:
        """Return a new view, or the successor of an old one, which keeps its place."""
        if known_hash and known_hash != (old.hash if old else None):
            raise Refusal("hash_conflict")
        external_id = content.get("external_id")
        if any(view is not old and _is_called(view, external_id) for view in self._all()):
            raise Refusal("duplicate_external_id")
        view_id = f"V{secrets.token_hex(5).upper()}"
        content_hash = f"{int(self._clock())}.{secrets.token_hex(4)}"
        new = View(view_id, user_id, dict(content), named(content["blocks"]), content_hash, view_id, time.monotonic())
        return replace(new, id=old.id, root=old.root, previous=old.previous, born=old.born) if old else new

    def _all(self) -> list[View]:
        return [*self._homes.values(), *(view for stack in self._stacks.values() for view in stack)]


def _is_called(view: View, external_id: str | None) -> bool:
    return bool(external_id) and view.content.get("external_id") == external_id
