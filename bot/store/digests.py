"""Digests of audit entries, from items in DynamoDB's own notation: even an unreadable one has a digest. Pure.

A digest has two parts: the facts of an entry, and a salted commitment to everything else, which may name people. An
erasure replaces the second part and its salt, and keeps the old commitment as `original`. So the digest stays what it
was, and nobody can find an erased name by trying all names.
"""

import hashlib
import json
from typing import Any

from bot.core.seals import AuditRecord

Raw = dict[str, dict[str, Any]]

# No erasure changes these.
WHAT = ("id", "attempt", "at", "day", "action", "outcome", "door", "domain_id", "region")
FACTS = frozenset((*WHAT, "link_sha256", "link_expires_at"))
# These belong to the digest itself, or change later.
OF_DIGEST = frozenset(("salt", "original", "erased_by"))
BESIDE = OF_DIGEST | {"opened_at", "expires"}


def commitment(raw: Raw) -> str:
    """Return the hash of everything but the facts, as it is now."""
    rest = {name: value for name, value in raw.items() if name not in FACTS | BESIDE}
    return _hash(text(raw, "salt"), rest)


def digest(raw: Raw) -> str:
    """Return the hash of the whole entry as it was written."""
    facts = {name: value for name, value in raw.items() if name in FACTS}
    return _hash(text(raw, "original") or commitment(raw), facts)


def record_of(raw: Raw) -> AuditRecord:
    """Return what verification needs of an entry."""
    expires = raw.get("expires", {}).get("N")
    return AuditRecord(
        id=text(raw, "id"),
        at=text(raw, "at"),
        source=text(raw, "door"),
        outcome=text(raw, "outcome"),
        digest=digest(raw),
        commitment=commitment(raw),
        expires=None if expires is None else int(float(expires)),
        opened_at=text(raw, "opened_at") or None,
        erased_by=text(raw, "erased_by") or None,
    )


def text(raw: Raw, name: str) -> str:
    """Return a text of an item; empty if it has none."""
    return str(raw.get(name, {}).get("S", ""))


def _hash(first: str, raw: Raw) -> str:
    canonical = json.dumps(raw, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(f"{first}{canonical}".encode()).hexdigest()
