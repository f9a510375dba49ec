"""Off-board a member: who may be, what that removes, and its beginning. `workspaces.offboarding` does the rest."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from bot.admin.agreement import administrators
from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand
from bot.admin.results import Done, NotDone, NotDoneReason
from bot.admin.specs import Name
from bot.admin.stored import require_version
from bot.core import audit
from bot.core.access import Access, Effect, Grant, Mapping, Member, Workspace
from bot.core.jobs import Item, Job, JobKind, JobStore
from bot.core.jobs import Workspace as MemberWorkspace
from bot.core.records import Actor
from bot.core.values import utc_now

OFFBOARDED = "offboarded"
# How long blocking the member may take; then another replica does it.
HELD = timedelta(minutes=1)


class Plan(Protocol):
    """The resources that an off-boarding removes and leaves; StudioError if AWS does not say."""

    def __call__(self, mappings: tuple[Mapping, ...], *, keep_files: bool) -> tuple[Item, ...]: ...


@dataclass(frozen=True, slots=True)
class Leaving:
    """The use case and its dependencies.

    Attributes:
        configured: the user ids of administrators that the settings name.
    """

    admin: Admin
    jobs: JobStore
    plan_of: Plan
    configured: frozenset[str]
    now: Callable[[], datetime] = utc_now

    def refusal(self, tenant: str, user: str, by: Member | None = None) -> NotDoneReason | None:
        """Return why a member is not off-boarded: nobody does it to themselves, nor to the last administrator.

        Args:
            by: the administrator; None in a shell.
        """
        if by is not None and by.user_id == user:
            return NotDoneReason.OWN_ACCESS
        return NotDoneReason.ADMINISTRATOR if self.staying(tenant, {user}) else None

    def staying(self, tenant: str, users: Collection[str]) -> frozenset[str]:
        """Return those of the members who are not off-boarded, so that somebody administers after all have left."""
        if self.configured:
            return self.configured.intersection(users)
        ruled = administrators(self.admin, tenant, self.configured)
        return frozenset({min(ruled)} if ruled and ruled <= {*users} else ())

    def plan(self, command: AdminCommand, stored: Access | Workspace) -> tuple[Item, ...]:
        """Return what goes and what stays; StudioError if AWS does not say."""
        return self.plan_of(stored.mappings, keep_files=keeps_files(command))

    def begin(
        self, tenant: str, command: AdminCommand, actor: Actor, *, at_version: int | None = None
    ) -> Done | NotDone:
        """Record it, keep the job and block the member; a replica does the rest, even if this process dies.

        Raises:
            Changed: the records changed since the administrator saw them.
        """
        member, lease, now = Member(tenant, command.principal), uuid4().hex, self.now()
        access = require_version(self.admin.access.read(member), at_version)
        job = self.job(member, access, actor, keep_files=keeps_files(command))
        if not self.start(job, lease, now + HELD):
            return NotDone(NotDoneReason.UNDER_WAY, command)
        change = self.admin.grant(tenant, Grant(member.user_id, Effect.DENY, reason=OFFBOARDED), actor)
        self.jobs.save(job, lease, self.now())
        return Done(command, change)

    def job(self, member: Member, access: Access, actor: Actor, *, keep_files: bool) -> Job:
        """Return the job for the member's mappings."""
        workspaces = tuple(MemberWorkspace(mapping) for mapping in access.mappings)
        return Job(uuid4().hex, JobKind.OFFBOARD, member, actor, self.now(), workspaces, keep_files=keep_files)

    def start(self, job: Job, lease: str, until: datetime) -> bool:
        """Record the beginning and keep the job; without a record, nothing begins."""
        after: dict[str, object] = {"job": job.id, "keep_files": job.keep_files}
        after |= {f"mapping#{each.mapping.alias}": each.mapping for each in job.workspaces}
        member, now = job.member, self.now()
        entry = audit.changed(
            job.kind, job.actor, member.tenant, member.user_id, now, after=after, outcome=audit.STARTED
        )
        self.admin.audit.open(entry)
        return self.jobs.start(job, lease, until)


def keeps_files(command: AdminCommand) -> bool:
    return Name.KEEP_FILES in command.fields
