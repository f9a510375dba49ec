"""A fake of stored jobs, in the style of `tests.fakes`."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.core.access import Member
from bot.core.errors import StoreError
from bot.core.jobs import Job, JobKind, Workspace
from bot.core.link import Source
from bot.core.records import Actor
from tests.fakes import ANA, NOON, a_mapping

ADA = Actor("U0ADA00001", Source.FORM)


class FakeJobs:
    """Each member's latest job, with its lease and the lease's end; see `jobs.JobStore`."""

    def __init__(self) -> None:
        self.kept: dict[Member, tuple[Job, str, datetime]] = {}
        self.error: StoreError | None = None
        self._lock = threading.Lock()

    def start(self, job: Job, lease: str, until: datetime) -> bool:
        self._fail()
        with self._lock:
            if job.member in self.kept:
                there, _, ends = self.kept[job.member]
                replaces = job.kind is JobKind.OFFBOARD and there.kind is JobKind.PROVISION
                if there.is_open and not replaces and there.id != job.id:
                    return False
                if there.is_open and there.id != job.id and ends > job.at:
                    until, lease = ends, f"after {there.id}"
            self.kept[job.member] = job, lease, until
            return True

    def open(self, tenant: str) -> Sequence[Member]:
        self._fail()
        return sorted(who for who, (job, *_) in self.kept.items() if who.tenant == tenant and job.is_open)

    def find(self, member: Member) -> Job | None:
        self._fail()
        return self.kept[member][0] if member in self.kept else None

    def claim(self, member: Member, lease: str, at: datetime, until: datetime) -> Job | None:
        self._fail()
        with self._lock:
            job, holder, ends = self.kept.get(member, (None, "", at))
            if job is None or not job.is_open or (ends > at and holder != lease):
                return None
            self.kept[member] = job, lease, until
            return job

    def save(self, job: Job, lease: str, next_at: datetime) -> bool:
        self._fail()
        with self._lock:
            if job.member not in self.kept or self.kept[job.member][1] != lease:
                return False
            self.kept[job.member] = job, lease, next_at
            return True

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


def a_job(member: Member = ANA, **more: Any) -> Job:
    """Return a job that has just begun: to make the member's profile."""
    values: dict[str, Any] = {
        "id": "1" * 32,
        "kind": JobKind.PROVISION,
        "actor": ADA,
        "at": NOON,
        "workspaces": (Workspace(a_mapping(set_by="", set_at=None)),),
    }
    return Job(member=member, **{**values, **more})


def later(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)
