"""Verify the audit: entries against their seals, seals against each other, and both against a witness."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from bot.core.audit import REQUESTED
from bot.core.link import Source
from bot.core.ports import SealLog
from bot.core.seals import AuditRecord, Seal, Sealed, parse_seal, read_page, seal_key, sha256, stamp


class What(StrEnum):
    """How something does not fit."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Break:
    """An entry or a seal that does not fit. The field names are keys of the JSON output."""

    id: str
    at: str
    what: What
    why: str


@dataclass(slots=True)
class Witness:
    """Another system's copy of one workspace's audit: the first version it received of each entry and seal.

    Attributes:
        outcomes: the time and the digest of each complete entry.
        presses: when a link was first opened, by its entry.
        seals: the end and the hash of each seal, by its number.
    """

    outcomes: dict[str, tuple[str, str]] = field(default_factory=dict)
    presses: dict[str, str] = field(default_factory=dict)
    seals: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Counts:
    """What was looked at. The field names are keys of the JSON output."""

    entries: int = 0
    sealed: int = 0
    older_than_seals: int = 0
    not_sealed_yet: int = 0
    expired: int = 0
    erased: int = 0
    witnessed: int = 0
    not_in_witness: int = 0
    seals: int = 0


Span = tuple[str, Seal | None]


class Verification:
    """One verification of one workspace. It only reads.

    Args:
        days: how long entries are kept, for those that only the witness knows.

    Attributes:
        last: the last seal, once it has run.
    """

    def __init__(self, log: SealLog, tenant: str, now: datetime, *, witness: Witness, days: int) -> None:
        self.counts = Counts()
        self.last: Seal | None = None
        self._log, self._tenant, self._witness = log, tenant, witness
        self._now, self._kept_since = now.timestamp(), stamp(now - timedelta(days=days))
        times = [at for at, _ in witness.outcomes.values()]
        self._covered = (min(times), max(times)) if times else ("~", "")
        self._unseen = dict(witness.outcomes)
        self._erased = cache(log.erased)
        self._breaks: dict[str, Break] = {}

    def run(self, begin: str, end: str, progress: Callable[[Sequence[Span]], Iterable[Span]] = iter) -> list[Break]:
        """Return what does not fit among the entries of a span of time, by time.

        A seal that overlaps the span is checked whole.
        """
        seals = list(self._chain(begin, end))
        spans: list[Span] = []
        for seal in seals:
            spans += [(seal.begin, None), (seal.end, seal)]
        spans.append((end, None))
        first = min(begin, seals[0].begin) if seals else begin
        records = _Peekable(self._log.records(self._tenant, first, max(end, spans[-2][0]) if seals else end))
        for until, covering in progress(spans):
            self._check(records.before(until), covering, older=self.last is None and bool(seals))
            self.last = covering or self.last
        self._check_witness(begin, end, {seal.number: seal for seal in seals})
        return sorted(self._breaks.values(), key=lambda each: each.at)

    # Seals

    def _chain(self, begin: str, end: str) -> Iterator[Seal]:
        """Yield the readable seals that overlap the span, oldest first, and note where their chain breaks."""
        previous: Seal | None = None
        for key, text in self._log.seals(self._tenant, begin):
            seal = parse_seal(text)
            if seal is None or key != seal_key(self._tenant, seal.number) or seal.tenant != self._tenant:
                self._note(
                    key, previous.end if previous else begin, What.CHANGED, "it is no seal that a bot has made"
                )
                continue
            if seal.begin >= end:
                return
            self._check_link(previous, seal)
            yield seal
            previous = seal

    def _check_link(self, previous: Seal | None, seal: Seal) -> None:
        if previous is None or previous.number + 1 != seal.number:
            previous = parse_seal(self._log.seal_text(self._tenant, seal.number - 1)) if seal.number > 1 else None
            if previous is None and seal.previous_until > self._now:
                missing = seal_key(self._tenant, seal.number - 1)
                self._note(missing, seal.begin, What.MISSING, f"seal {seal.number} follows it")
        if previous is not None and (previous.hash, previous.end) != (seal.previous, seal.begin):
            key = seal_key(self._tenant, previous.number)
            self._note(key, previous.end, What.CHANGED, f"seal {seal.number} has another hash of it")

    def _pages(self, seal: Seal) -> dict[str, Sealed] | None:
        """Return the entries that a seal lists, by id; None if they cannot be read as they were."""
        listed: dict[str, Sealed] = {}
        for page in seal.pages:
            text = self._log.page(self._tenant, page)
            entries = read_page(text) if sha256(text) == page else None
            if entries is None:
                what = What.CHANGED if text else What.MISSING
                self._note(seal_key(self._tenant, seal.number), seal.end, what, f"its page {page[:12]} is {what}")
                return None
            listed |= {each.id: each for each in entries}
        return listed

    # Entries

    def _check(self, records: Iterator[AuditRecord], seal: Seal | None, *, older: bool) -> None:
        """Check the entries of a span: those of a seal, or those that none covers."""
        listed = self._pages(seal) if seal is not None else None
        self.counts.seals += seal is not None
        for record in records:
            self.counts.entries += 1
            if seal is None:
                self.counts.older_than_seals += older
                self.counts.not_sealed_yet += not older
            elif listed is not None:
                self._check_sealed(record, listed.pop(record.id, None), seal)
            if record.erased_by is not None:
                self.counts.erased += 1
                if self._erased(record.erased_by).get(record.id) != record.commitment:
                    self._note(
                        record.id, record.at, What.CHANGED, f"the erasure {record.erased_by} does not list it so"
                    )
            self._check_witnessed(record)
        for each in (listed or {}).values():
            if each.expires is not None and each.expires <= self._now:
                self.counts.expired += 1
            else:
                self._note(each.id, each.at, What.MISSING, f"seal {seal.number if seal else 0} lists it")
            self._unseen.pop(each.id, None)

    def _check_sealed(self, record: AuditRecord, listed: Sealed | None, seal: Seal) -> None:
        self.counts.sealed += 1
        if listed is None:
            self._note(record.id, record.at, What.ADDED, f"seal {seal.number} does not list it")
        elif listed.digest != record.digest:
            self._note(record.id, record.at, What.CHANGED, f"seal {seal.number} has another digest of it")

    def _check_witnessed(self, record: AuditRecord) -> None:
        """Check an entry against the witness, which has none of an unfinished request, nor of a quiet shell's."""
        known = self._unseen.pop(record.id, None)
        first, last = self._covered
        if known is None:
            expected = first <= record.at <= last and record.outcome != REQUESTED
            if expected and record.source != Source.CLI:
                self._note(record.id, record.at, What.ADDED, "the witness does not have it")
            self.counts.not_in_witness += expected
            return
        self.counts.witnessed += 1
        pressed = self._witness.presses.get(record.id)
        if known[1] != record.digest:
            self._note(record.id, record.at, What.CHANGED, "the witness has another digest of it")
        elif record.opened_at != pressed and (pressed or (record.opened_at or "~") <= last):
            self._note(record.id, record.at, What.CHANGED, "the witness has another press of its link, or none")

    def _check_witness(self, begin: str, end: str, seals: dict[int, Seal]) -> None:
        """Note what only the witness has, unless it has expired, and which seals differ from the witness's."""
        since = max(begin, self._kept_since)
        for entry_id, (at, _) in self._unseen.items():
            if since <= at < end:
                self._note(entry_id, at, What.MISSING, "only the witness has it")
        for number, (ended, known) in self._witness.seals.items():
            if since < ended <= end and (number not in seals or seals[number].hash != known):
                what = What.CHANGED if number in seals else What.MISSING
                self._note(seal_key(self._tenant, number), ended, what, f"the witness has it with the hash {known}")

    def _note(self, key: str, at: str, what: What, why: str) -> None:
        self._breaks.setdefault(key, Break(key, at, what, why))


class _Peekable:
    """Entries by time, handed out in spans."""

    def __init__(self, records: Iterator[AuditRecord]) -> None:
        self._records = records
        self._head = next(records, None)

    def before(self, end: str) -> Iterator[AuditRecord]:
        """Yield those before this time that were not yielded yet."""
        while self._head is not None and self._head.at < end:
            yield self._head
            self._head = next(self._records, None)
