"""A fake of the store of reminders, held to the same contract tests (tests/contract/test_reminders_port.py)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bot.core.access import Member
from bot.core.reminders import EndNotice, Reminded, Usage


class FakeReminders:
    """Messages sent to members, in a dictionary; see `reminders.ReminderStore`."""

    def __init__(self) -> None:
        self.told: dict[Member, Reminded] = {}
        self.used: dict[str, Usage] = {}
        self.notices: dict[Member, EndNotice] = {}
        self._due: dict[str, datetime] = {}
        self._versions = 0

    def claim(self, look: str, at: datetime, until: datetime) -> bool:
        if look in self._due and at < self._due[look] <= until + (until - at):
            return False
        self._due[look] = until
        return True

    def read(self, member: Member) -> Reminded:
        return self.told.get(member, Reminded())

    def write(self, member: Member, told: Reminded, at: datetime) -> bool:  # noqa: ARG002 - nothing expires here
        if self.read(member).version != told.version:
            return False
        self._versions += 1
        self.told[member] = replace(told, version=str(self._versions))
        return True

    def end_notices(self, members: Sequence[Member]) -> dict[Member, EndNotice]:
        return {member: self.notices.get(member, EndNotice()) for member in members}

    def write_end_notice(self, member: Member, notice: EndNotice, at: datetime) -> bool:  # noqa: ARG002 - as above
        if self.notices.get(member, EndNotice()).version != notice.version:
            return False
        self._versions += 1
        self.notices[member] = replace(notice, version=str(self._versions))
        return True

    def usage(self, tenant: str) -> Usage:
        return self.used.get(tenant, Usage())

    def write_usage(self, tenant: str, usage: Usage, at: datetime) -> bool:  # noqa: ARG002 - nothing expires here
        if self.used.get(tenant, Usage()).version != usage.version:
            return False
        self._versions += 1
        self.used[tenant] = replace(usage, version=str(self._versions))
        return True


def look_twice_at_once(
    store: FakeReminders, read: str, look: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look, with a second replica that looks between this one's reading and its writing.

    Args:
        read: the name of the method that reads what was sent.
    """
    monkeypatch.setattr(store, "claim", lambda *_: True)
    method, looked = getattr(store, read), list[int]()

    def read_and_let_another_look(wanted: Any) -> Any:
        seen = method(wanted)
        if not looked:
            looked.append(1)
            look()
        return seen

    monkeypatch.setattr(store, read, read_and_let_another_look)
    look()
