"""Seals of the audit: what was in it at intervals, in a chain. Pure.

A seal covers a span of time of one workspace, from the end of the seal before it. It has the hash of that seal and of
its own pages, which list the entries with their digests. So an entry that is changed, removed or added later differs
from its page; a changed page differs from its seal, and a changed seal from the next one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

# How often seals are made, and how old entries must be: those of a replica with a slow clock are written by then, and
# outcomes as well. AWS and Slack's signatures refuse clocks that are off by more than five minutes.
INTERVAL, GRACE = timedelta(minutes=15), timedelta(minutes=15)
# Of what one seal covers, after a time in which no bot ran.
MAX_SPAN = timedelta(days=1)
# DynamoDB takes 400 KB an item.
MAX_PAGE = 200_000


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What verification needs of an entry, whether or not the rest of it can be read.

    Attributes:
        at, opened_at: as the table holds times, so that text sorts like time.
        digest: of the entry as it was written: neither a press nor an erasure changes it.
        commitment: the part of the digest that an erasure replaces, as it is now.
        expires: in seconds since the epoch; None if the entry says nothing.
        erased_by: the id of the entry of the erasure that replaced names in this one.
    """

    id: str
    at: str
    source: str
    outcome: str
    digest: str
    commitment: str
    expires: int | None = None
    opened_at: str | None = None
    erased_by: str | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry in a page of a seal."""

    id: str
    at: str
    digest: str
    expires: int | None


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal and its place in the chain.

    Attributes:
        number: from 1, without gaps.
        begin, end: the span of its entries' times; the end is not part of it.
        pages: the hashes of the pages.
        until: when DynamoDB may delete it, in seconds since the epoch: later than its entries.
        previous: the hash of the seal before it; empty in the first one.
        previous_until: the `until` of that one.
    """

    tenant: str
    number: int
    begin: str
    end: str
    count: int
    pages: tuple[str, ...]
    until: int
    previous: str = ""
    previous_until: int = 0

    @property
    def text(self) -> str:
        """The seal as it is stored."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> str:
        return sha256(self.text)


def seal_key(tenant: str, number: int) -> str:
    """Return the key of a seal, which no entry has."""
    return f"seal#{tenant}#{number:08}"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def stamp(time: datetime) -> str:
    """Return a time as the table holds it."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def parse_seal(text: str) -> Seal | None:
    """Return the seal in a stored text; None if no bot has written it so."""
    try:
        values = json.loads(text)
        seal = Seal(**{**values, "pages": tuple(values["pages"])})
        numbers = (seal.number, seal.count, seal.until, seal.previous_until)
        texts = (seal.tenant, seal.previous, *seal.pages)
        plain = all(type(each) is int for each in numbers) and all(isinstance(each, str) for each in texts)
        spans = all(stamp(datetime.fromisoformat(each)) == each for each in (seal.begin, seal.end))
    except (ValueError, TypeError, KeyError):
        return None
    return seal if plain and spans and seal.text == text else None


def write_pages(records: Iterable[AuditRecord]) -> Iterator[tuple[str, Sequence[Sealed]]]:
    """Yield the pages of a seal: their texts, and the entries in each."""
    lines: list[str] = []
    sealed: list[Sealed] = []
    size = 0
    for record in records:
        each = Sealed(record.id, record.at, record.digest, record.expires)
        line = json.dumps([each.id, each.at, each.digest, each.expires])
        if lines and size + len(line) > MAX_PAGE:
            yield "\n".join(lines), sealed
            lines, sealed, size = [], [], 0
        lines.append(line)
        sealed.append(each)
        size += len(line) + 1
    if lines:
        yield "\n".join(lines), sealed


def read_page(text: str) -> list[Sealed] | None:
    """Return the entries of a page; None if no bot has written it so."""
    try:
        return [Sealed(*json.loads(line)) for line in text.split("\n")]
    except (ValueError, TypeError):
        return None
