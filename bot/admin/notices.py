"""Which changes a member and every administrator hear of, whichever way they were made. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.access import Effect, Grant, Lockdown, Mapping, Member
from bot.core.records import Actor, Record


class News(StrEnum):
    """What has happened."""

    MOVED = "moved"
    UNMAPPED = "unmapped"
    UNLOCKED = "unlocked"
    NEW_ADMIN = "new_admin"


@dataclass(frozen=True, slots=True)
class Notice:
    """A change that nobody makes unseen.

    Attributes:
        user: the member who got or lost something; empty for a lockdown.
        record: the mapping, rule or lockdown concerned.
        former: the member who has lost the profile, and hears of it as administrators do.
    """

    news: News
    actor: Actor
    user: str
    record: Record
    former: Member | None = None


def notices(
    tenant: str,
    principal: str,
    actor: Actor,
    before: Record | None,
    after: Record | None,
    *,
    now: datetime,
    former: Member | None = None,
) -> Iterator[Notice]:
    """Yield what there is to say about the change of one record.

    Args:
        principal: whose record it is; empty for a lockdown.
        former: as in `Change`.
    """
    match before, after:
        case _, Mapping() if former is not None:
            yield Notice(News.MOVED, actor, principal, after, former)
        case Lockdown(), None:
            yield Notice(News.UNLOCKED, actor, "", before)
        case _, Grant(effect=Effect.ADMIN) if after.holds_at(now):
            yield Notice(News.NEW_ADMIN, actor, principal, after)
    if isinstance(before, Mapping) and not (isinstance(after, Mapping) and before.same_profile(after)):
        yield Notice(News.UNMAPPED, actor, principal, before, Member(tenant, principal))
