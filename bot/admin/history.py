"""Read the audit, and put its entries into sentences."""

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dictionary
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from bot.admin.specs import Verb
from bot.core import audit as of
from bot.core.access import Effect, Member
from bot.core.ports import AuditLog
from bot.core.records import Entry, RequestState
from bot.core.values import USER_ID

# Changes of many members at once; all entries of one have the same `attempt`.
IMPORTS = ("import", "sync")
_LINKS = (of.ISSUED, of.UNDELIVERED, of.REQUESTED, of.CHOOSE)
_CHANGES = (*Effect, Verb.MAP, Verb.UNMAP, Verb.FORGET, Verb.LOCKDOWN, *IMPORTS, "request", "revoke", "stop", "start")
_DECISIONS = (RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN)


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

    Slack users are compared by their whole id, other callers by a part of their name, such as a role's in an ARN. A
    bar in `by` separates two names of one person.
    """
    names = by.split("|") if by else []
    in_slack = USER_ID.fullmatch(entry.actor) is not None
    same_actor = not names or any(name == entry.actor or (name in entry.actor and not in_slack) for name in names)
    return same_actor and outcome in (None, entry.outcome)


def batches(entries: Iterable[Entry], *, apart: bool = False) -> Iterator[tuple[Entry, ...]]:
    """Yield each entry by itself, but those of one import together unless they are wanted `apart`."""
    for _, batch in groupby(entries, lambda entry: entry.id if apart else _batch(entry)):
        yield tuple(batch)


def same_batch(one: Entry, other: Entry) -> bool:
    """Return whether one import has written both entries."""
    return _batch(one) == _batch(other)


def _batch(entry: Entry) -> str:
    return entry.attempt if entry.action in IMPORTS else entry.id


def short_name(actor: str) -> str:
    """Return an actor without account and role: `cli:ada` for `cli:arn:aws:sts::123456789012:assumed-role/R/ada`."""
    return f"cli:{re.split('[/:]', actor)[-1]}" if actor.startswith("cli:arn:") else actor


def sentence(
    batch: tuple[Entry, ...],
    sentences: Dictionary[str, str],
    *,
    who: Callable[[str], str],
    when: Callable[[datetime], str],
    text: Callable[[str], str],
    command: str,
) -> str:
    """Return one sentence about an entry, or about all entries of one import.

    Args:
        sentences: of a language, by the names that `_sentence_name` gives, with their parts.
        who, when, text: how the reader is shown people, times and texts from outside.
        command: what the reader types before a verb.
    """
    entry, record = batch[0], batch[0].after or batch[0].before or {}
    until, reason = record.get("until"), record.get("reason") or entry.detail
    parts: dict[str, Any] = {
        "by": who(entry.actor),
        "user": who(entry.subject),
        "action": text(entry.action),
        "outcome": text(entry.outcome),
        "number": len(batch),
        "day": f"{entry.at.astimezone(UTC):%Y-%m-%d}",
        "actor": text(entry.actor),
        "command": command,
        "opened": when(entry.opened_at) if entry.opened_at else "",
        "what": ", ".join(text(name.replace("#", " ")) for name in {**(entry.before or {}), **(entry.after or {})}),
        "profile": text(f"{entry.profile_name} in {entry.domain_id}"),
        "until": f" {sentences['until']}".format(until=when(datetime.fromisoformat(str(until)))) if until else "",
        "reason": f" {sentences['reason']}".format(reason=text(str(reason))) if reason else "",
    }
    return sentences["batch" if len(batch) > 1 else _sentence_name(entry)].format(**parts)


def _sentence_name(entry: Entry) -> str:
    match entry.action, entry.outcome:
        case of.LINK, of.ISSUED if entry.opened_at:
            return "opened"
        case of.LINK, outcome:
            return outcome if outcome in _LINKS else "refused"
        case Verb.LOCKDOWN, of.DONE if not entry.after:
            return "unlocked"
        case action, of.DONE if action in _CHANGES:
            return action
        case "decide" | "request", outcome if outcome in _DECISIONS:
            return outcome
        case _:
            return "otherwise"


def says_all(entry: Entry) -> bool:
    """Return whether the sentence says all that the entry has about the records before and after."""
    return entry.action in (*Effect, Verb.LOCKDOWN) and not (entry.before and entry.after)


def flat(values: Dictionary[str, object]) -> dict[str, object]:
    """Flatten an entry's `before` or `after`: the fields of records within it get both names."""
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= {f"{name} {key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return found
