"""The messages that the bot sends by itself, about running apps and the end of access, and their hours of the day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Protocol

from bot.core.access import Member

# The hours of the day at which the bot may send messages by itself.
WAKING = range(8, 20)


def local_time(now: datetime, tz_offset: int | None) -> datetime:
    """Return a time in a person's time zone; UTC if Slack does not name it."""
    return now.astimezone(timezone(timedelta(seconds=tz_offset or 0)))


def is_waking(now: datetime, tz_offset: int | None) -> bool:
    """Return whether it is neither night nor evening in a person's time zone."""
    return local_time(now, tz_offset).hour in WAKING


@dataclass(frozen=True, slots=True)
class Told:
    """The last message to a member about one app.

    Attributes:
        times: how many messages have named it.
        next_at: when it may be named again: after a while, or when they keep it no longer.
        warned_at: when they were warned that it will be stopped; None if not, or if they have kept it since.
    """

    times: int = 0
    next_at: datetime | None = None
    warned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reminded:
    """The messages to a member, by app.

    Attributes:
        last_at: when they got the last message.
        version: of the record, which a change must still find; "" for none.
    """

    apps: Mapping[str, Told] = field(default_factory=dict)
    last_at: datetime | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class EndNotice:
    """The last message to a member about the end of their access.

    Attributes:
        until: the end of access that it was about; None without a message.
        over: whether access had ended by then.
        version: as of `Reminded`.
    """

    until: datetime | None = None
    over: bool = False
    version: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """What ran in a domain: hours, what they cost, and those of them without a price."""

    hours: float = 0.0
    dollars: float = 0.0
    unpriced: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What has run in a workspace's domains.

    Attributes:
        since: when counting began; None for never.
        at: when it was last counted.
        version: as of `Reminded`.
    """

    since: datetime | None = None
    at: datetime | None = None
    domains: Mapping[str, Used] = field(default_factory=dict)
    version: str = ""


class ReminderStore(Protocol):
    """The records, which all replicas share. StoreError where that fails."""

    def claim(self, look: str, at: datetime, until: datetime) -> bool:
        """Return whether the caller may look at something now; nobody else may until `until`.

        Ignore a much later stored time: the clock that wrote it was ahead.

        Args:
            look: its name, which has the tenant.
        """

    def read(self, member: Member) -> Reminded:
        """Return what a member was told, strongly consistent."""

    def write(self, member: Member, told: Reminded, at: datetime) -> bool:
        """Write it, with a new version; return False if another version is there: somebody else was faster."""

    def end_notices(self, members: Sequence[Member]) -> dict[Member, EndNotice]:
        """Return the last message to each about the end of their access, strongly consistent."""

    def write_end_notice(self, member: Member, notice: EndNotice, at: datetime) -> bool:
        """Write it as `write` does."""

    def usage(self, tenant: str) -> Usage:
        """Return what was counted, strongly consistent."""

    def write_usage(self, tenant: str, usage: Usage, at: datetime) -> bool:
        """Write it as `write` does."""
