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
from bot.core.audit import APPROVED_BY
from bot.core.ports import AuditLog
from bot.core.records import DecisionResult, Entry, RequestState
from bot.core.values import USER_ID

# Changes of many members at once; all entries of one have the same `attempt`.
IMPORTS = ("import", "sync")
_LINKS = (of.ISSUED, of.UNDELIVERED, of.REQUESTED, of.CHOOSE)
_WORKSPACES = ("revoke", "stop", "start", "keep", "offboard", "provision")
_CHANGES = (*Effect, Verb.MAP, Verb.UNMAP, Verb.FORGET, Verb.LOCKDOWN, *IMPORTS, "request", of.RETURN, *_WORKSPACES)
_APPROVALS = (RequestState.APPROVED, DecisionResult.ENDORSED)
_DECISIONS = (RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN, of.RAN_OUT, of.NOT_BEGUN)


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


def matches(
    entry: Entry,
    by: str | None = None,
    outcome: str | None = None,
    approver: str | None = None,
    domain: str | None = None,
) -> bool:
    """Return whether an entry is by this actor, of this outcome, approved by them and about the domain.

    Slack users are compared by their whole id, other callers by a part of their name, such as a role's in an ARN. A
    bar separates two names of one person.
    """
    approved_by = entry.actor if entry.outcome in _APPROVALS else (entry.detail or "").removeprefix(APPROVED_BY)
    return (
        outcome in (None, entry.outcome)
        and (by is None or _is_one(entry.actor, by))
        and (approver is None or _is_one(approved_by, approver))
        and (domain is None or domain in _domains(entry))
    )


def _is_one(actor: str, names: str) -> bool:
    in_slack = USER_ID.fullmatch(actor) is not None
    return any(name == actor or (name in actor and not in_slack) for name in names.split("|"))


def _domains(entry: Entry) -> set[object]:
    """Return the domains that an entry is about, in the records that it changed too."""
    records = (entry.before or {}, entry.after or {})
    changed = (item for record in records for item in flat(record).items())
    return {entry.domain_id, *(value for name, value in changed if name.endswith(("domain_id", "domain")))}


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
    until, days, reason = record.get("until"), record.get("days"), record.get("reason") or entry.detail
    start = record.get("start")
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
        "start": f" {sentences['from']}".format(start=when(datetime.fromisoformat(str(start)))) if start else "",
        "days": f" {sentences['day' if days == 1 else 'days']}".format(days=days) if days else "",
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
    if entry.action in ("request", "decide"):
        return _sentence_name(entry) != "otherwise"
    return entry.action in (*Effect, Verb.LOCKDOWN) and not (entry.before and entry.after)


def flat(values: Dictionary[str, object]) -> dict[str, object]:
    """Flatten an entry's `before` or `after`: the fields of records within it get both names."""
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= {f"{name} {key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return found
