"""Tamper evidence for the audit: the digest of an entry, and what of it an erasure may replace. Pure.

A digest has two parts: the facts of an entry, and a salted commitment to everything else, which may name people. An
erasure replaces the second part and its salt, and keeps the old commitment. So the digest stays what it was, and
nobody can find an erased name by trying all names.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bot.core.records import Entry

# No erasure changes these.
FACTS = ("id", "attempt", "at", "tenant", "source", "action", "outcome", "domain_id", "link_sha256", "expires_at")
# The member may press the link's button at any later time.
LATER = "opened_at"


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as the audit table holds it.

    Attributes:
        salt: random; empty in entries of versions before 0.3.0.
        expires: when DynamoDB may delete it.
        erased_by: the id of the entry of the erasure that replaced names in it.
        original: the commitment to what the erasure replaced.
    """

    entry: Entry
    salt: str
    expires: datetime
    erased_by: str | None = None
    original: str | None = None

    @property
    def commitment(self) -> str:
        """The hash of everything but the facts, as it is now."""
        rest = {name: value for name, value in asdict(self.entry).items() if name not in (*FACTS, LATER)}
        return _sha256(self.salt, rest)

    @property
    def digest(self) -> str:
        """The hash of the whole entry as it was written: neither a press nor an erasure changes it."""
        facts = {name: getattr(self.entry, name) for name in FACTS}
        return _sha256(self.original or self.commitment, facts)


def _sha256(prefix: str, values: dict[str, object]) -> str:
    """Hash named values in one canonical form, without those that are None: later versions may add some."""
    given = {name: value for name, value in values.items() if value is not None}
    text = json.dumps(given, sort_keys=True, separators=(",", ":"), default=_time)
    return hashlib.sha256(f"{prefix}{text}".encode()).hexdigest()


def _time(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"an audit entry cannot hold a {type(value).__name__}")
    return value.astimezone(UTC).isoformat(timespec="microseconds")
