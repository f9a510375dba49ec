"""Work on a member's workspace that takes minutes at AWS: its record, which outlives processes, and its store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.core.access import Mapping, Member
from bot.core.records import Actor


class JobKind(StrEnum):
    """The kind of work, which is also its action in the audit."""

    PROVISION = "provision"
    OFFBOARD = "offboard"


class JobState(StrEnum):
    """The state of a job. An ended one is its outcome in the audit."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"


class ItemKind(StrEnum):
    """The kinds of resources that a job makes or removes."""

    APP = "app"
    SPACE = "space"
    SHARED_SPACE = "shared_space"
    PROFILE = "profile"


class ItemState(StrEnum):
    """What has become of a resource."""

    THERE = "there"
    GOING = "going"
    GONE = "gone"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """A resource, and what has become of it.

    Attributes:
        profile: the profile that has it, or that it is.
        why: AWS's or our reason why it is kept, or could not be removed.
    """

    kind: ItemKind
    name: str
    domain_id: str
    profile: str
    state: ItemState = ItemState.THERE
    why: str = ""

    @property
    def owner(self) -> tuple[str, str]:
        """Identify the profile; case does not matter in its name."""
        return self.domain_id, self.profile.lower()

    @property
    def key(self) -> tuple[str, ...]:
        """Identify the resource."""
        return (*self.owner, self.kind, "" if self.kind is ItemKind.PROFILE else self.name)

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.name} in {self.domain_id}"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A profile to make or remove.

    Attributes:
        space: the private space to make with it; None for none.
        instance: the instance type of the space's app.
    """

    mapping: Mapping
    space: str | None = None
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work. A member has no more than one at a time.

    Attributes:
        request_id: the access request whose approval it carries out first; empty if that is done, or there is none.
        until: the end of the access that the approval gives; None for no end.
        keep_files: whether to leave spaces and profiles, which hold the member's files.
        items: the resources found, and what has become of them.
        why: why it failed or was cancelled.
        posting: the message that shows its progress, by channel and time; empty without one.
    """

    id: str
    kind: JobKind
    member: Member
    actor: Actor
    at: datetime
    workspaces: tuple[Workspace, ...]
    state: JobState = JobState.OPEN
    request_id: str = ""
    until: datetime | None = None
    keep_files: bool = False
    items: tuple[Item, ...] = ()
    why: str = ""
    posting: str = ""

    @property
    def is_open(self) -> bool:
        return self.state is JobState.OPEN

    def of(self, *states: ItemState) -> tuple[Item, ...]:
        """Return the resources of these states."""
        return tuple(each for each in self.items if each.state in states)

    def ended(self, state: JobState, why: str = "") -> "Job":
        """Return the job with this end."""
        return replace(self, state=state, why=why)


class JobStore(Protocol):
    """The jobs, for all replicas together. StoreError where that fails.

    A lease says which caller works on a job, and until when; then another caller may take the job over.
    """

    def start(self, job: Job, lease: str, until: datetime) -> bool:
        """Keep a new job under a lease; return False if the member has an open one, which it does not replace.

        An off-boarding replaces the making of a workspace, once nobody works on that any more.
        """

    def open(self, tenant: str) -> Sequence[Member]:
        """Return the members who may have an open job."""

    def find(self, member: Member) -> Job | None:
        """Return the member's latest job."""

    def claim(self, member: Member, lease: str, at: datetime, until: datetime) -> Job | None:
        """Return the member's open job, under this lease; None without one, or if another lease has not ended."""

    def save(self, job: Job, lease: str, next_at: datetime) -> bool:
        """Keep the job and end the lease; return False if it is no longer this lease's.

        Args:
            next_at: when it is to be claimed next, if it is open.
        """
