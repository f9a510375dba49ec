"""Workspaces that are made and removed in one process, with replicas that can be killed at any call."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.admin.access_requests import AccessRequests
from bot.admin.changes import Admin
from bot.admin.new_profiles import NewProfiles
from bot.core.access import Member, Person
from bot.core.audit import STARTED, changed
from bot.core.jobs import Job, JobKind
from bot.core.policy import Rules
from bot.workspaces.offboarding import Offboarding
from bot.workspaces.provisioning import Provisioning
from bot.workspaces.runner import LEASE, PAUSE, JobRunner
from tests.fakes import (
    ANA,
    BEN,
    NOON,
    TEAM,
    Clock,
    FakeAccess,
    FakeAudit,
    FakeDirectory,
    FakeStudio,
    a_gatherer,
    a_mapping,
)
from tests.fakes_access_requests import FakeAccessRequests
from tests.fakes_jobs import ADA, FakeJobs
from tests.fakes_resources import TEMPLATE, FakeResources

MAPPING = a_mapping(set_by="", set_at=None)


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class Mortal:
    """Calls of an object, of which one is the last of its process."""

    def __init__(self, target: Any, life: "Life") -> None:
        self._target, self._life = target, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*args: Any, **more: Any) -> Any:
            self._life.spend()
            result = found(*args, **more)
            self._life.spend()  # it was done, but nobody has heard of it
            return result

        return call


@dataclass
class Life:
    """How many calls a process has left, counting each before and after it is made; None for any number."""

    left: int | None = None

    def spend(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Killed
            self.left -= 1


@dataclass
class World:
    """Tables and AWS, which outlive replicas."""

    clock: Clock = field(default_factory=Clock)
    audit: FakeAudit = field(default_factory=FakeAudit)
    requests: FakeAccessRequests = field(default_factory=FakeAccessRequests)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    shown: list[Job] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        self.access, self.studio = FakeAccess(self.audit), FakeStudio()
        self.studio.add("d-research")
        self.resources: Any = FakeResources(self.studio)
        self.templates = {"d-research": TEMPLATE}

    def begin(self, job: Job, until: datetime = NOON) -> None:
        """Record and start an off-boarding, as `Leaving` does."""
        member, after = job.member, {"job": job.id}
        entry = changed(job.kind, job.actor, member.tenant, member.user_id, job.at, after=after, outcome=STARTED)
        self.audit.open(entry)
        assert self.jobs.start(job, "a", until)

    def show(self, job: Job) -> Job:
        self.shown.append(job)
        return replace(job, posting="D0/1")

    @property
    def admin(self) -> Admin:
        return Admin(self.access, self.audit, self.studio, Rules(), now=self.clock.now)

    def replica(self, life: Life | None = None) -> JobRunner:
        """Return a process that works on jobs, and dies when its life is spent."""
        life = life or Life()

        def mortal(target: Any) -> Any:
            return Mortal(target, life)

        admin = Admin(mortal(self.access), mortal(self.audit), mortal(self.studio), Rules(), now=self.clock.now)
        resources, now = mortal(self.resources), self.clock.now
        making = Provisioning(admin, mortal(self.requests), resources, self.templates, now)
        leaving = Offboarding(admin, resources, now)
        work: dict[JobKind, Callable[[Job], Job]] = {
            JobKind.PROVISION: making.visit,
            JobKind.OFFBOARD: leaving.visit,
        }
        shown = mortal(self)
        return JobRunner(mortal(self.jobs), work, mortal(self.audit), shown.show, now=now)

    def approvals(self, life: Life | None = None) -> AccessRequests:
        """Return what approves requests, in a process that dies when its life is spent."""
        life = life or Life()
        kept = {name: Mortal(getattr(self, name), life) for name in ("access", "audit", "studio", "requests", "jobs")}
        admin = Admin(kept["access"], kept["audit"], kept["studio"], Rules(), now=self.clock.now)
        people = FakeDirectory(*(Person(user, TEAM) for user in (ANA.user_id, BEN.user_id, ADA.name)))
        return AccessRequests(
            kept["requests"],
            admin,
            kept["audit"],
            a_gatherer(self.access, people),
            self.rules,
            frozenset({ADA.name, BEN.user_id}),
            NewProfiles(self.templates, kept["jobs"], self.clock.now),
            now=self.clock.now,
        )

    def finish(self, replica: JobRunner | None = None, member: Member = ANA) -> Job:
        """Visit until the member's job has ended."""
        for _ in range(30):
            (replica or self.replica()).visit_all(TEAM)
            job = self.jobs.find(member)
            assert job is not None
            if not job.is_open:
                return job
            self.clock.advance(PAUSE.total_seconds())
        raise AssertionError(f"the job does not end: {job}")

    def kill_at(self, number: int) -> bool:
        """Work until this many halves of calls are made, and then with another replica; return whether it died."""
        try:
            self.finish(self.replica(Life(number)))
        except Killed:
            self.clock.advance(LEASE.total_seconds())
            self.finish()
            return True
        return False
