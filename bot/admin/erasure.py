"""Erase a person from audit entries: what remains says what happened and when, but not to whom or by whom. Pure."""

import re
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from bot.core.access import Access, Effect, in_force
from bot.core.records import Entry

# What an entry says about its subject beside their id. The profile is often called like its member.
ABOUT_SUBJECT: dict[str, Any] = dict.fromkeys(
    (
        *("alias", "profile_name", "space_name", "landing_uri", "rule", "detail", "locale", "aws_session"),
        *("aws_request_id", "before", "after"),
    )
)
FREE_TEXT = ("detail", "reason", "wish")
UNCHANGED = ("id", "attempt", "tenant", "source", "action", "outcome")


def erased(entry: Entry, user: str, pseudonym: str) -> Entry | None:
    """Return the entry with the pseudonym instead of the user; None if it does not name them.

    An entry about them loses everything personal, and one of a change they made loses their words.
    """
    named = re.compile(rf"(?<![A-Z0-9]){user}(?![A-Z0-9])")

    def clean(value: Any, name: str, *, theirs: bool) -> Any:
        if isinstance(value, dict):
            theirs = theirs or value.get("set_by") == user
            return {named.sub(pseudonym, key): clean(item, key, theirs=theirs) for key, item in value.items()}
        if isinstance(value, str):
            return "" if theirs and name in FREE_TEXT else named.sub(pseudonym, value)
        return value

    own, names = entry.actor == user, [each.name for each in fields(entry) if each.name not in UNCHANGED]
    cleaned = replace(entry, **{name: clean(getattr(entry, name), name, theirs=own) for name in names})
    if named.search(entry.subject):
        cleaned = replace(cleaned, **ABOUT_SUBJECT)
    return None if cleaned == entry else cleaned


def blocks(access: Access, now: datetime) -> bool:
    """Return whether what is stored keeps the member out, so that erasing it could let them in again."""
    return bool(access.unreadable) or in_force(access.grants, Effect.DENY, now) is not None
