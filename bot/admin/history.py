"""Read the audit, and flatten what an entry says about a change."""

from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from datetime import UTC, datetime, timedelta

from bot.core.access import Member
from bot.core.ports import AuditLog
from bot.core.records import Entry
from bot.core.values import USER_ID


def entries(
    audit: AuditLog, tenant: str, user_id: str | None, *, since: datetime, before: datetime | None, now: datetime
) -> Iterator[Entry]:
    """Yield a member's entries of a span, newest first, or everybody's day by day."""
    if before is not None and before <= since:
        return
    if user_id is not None:
        yield from audit.of_member(Member(tenant, user_id), since, before)
        return
    day = (now if before is None else min(now, before)).astimezone(UTC).date()
    while day >= since.astimezone(UTC).date():
        for entry in audit.of_day(tenant, day):
            if entry.at >= since and (before is None or entry.at < before):
                yield entry
        day -= timedelta(days=1)


def matches(entry: Entry, by: str | None, outcome: str | None) -> bool:
    """Return whether an entry is by this actor and of this outcome; None for any.

    Slack users are compared by their whole id, other callers by a part of their name, such as a role's in an ARN.
    """
    same_actor = by in (None, entry.actor) or ((by or "") in entry.actor and not USER_ID.fullmatch(entry.actor))
    return same_actor and outcome in (None, entry.outcome)


def flat(values: Dictionary[str, object]) -> dict[str, object]:
    """Flatten an entry's `before` or `after`: the fields of records within it get both names."""
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= {f"{name} {key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return found
