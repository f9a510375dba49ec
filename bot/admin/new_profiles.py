"""Begin to make a profile with the approval of an access request, so that a killed process loses neither."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

import structlog

from bot.admin.changes import Admin
from bot.admin.examination import is_gone
from bot.core.access import Access, Mapping, Member
from bot.core.errors import Changed, StoreError, StudioError, StudioLinksError, UpstreamError
from bot.core.jobs import Job, JobKind, JobState, JobStore, Workspace
from bot.core.link import Reason
from bot.core.ports import StudioExaminer
from bot.core.records import AccessRequest, Actor, DecisionResult
from bot.core.templates import Templates
from bot.core.values import DEFAULT_ALIAS, MAX_NAME, utc_now

log = structlog.get_logger()

# How long a decision may take; then another replica finds out what has become of it.
HELD = timedelta(minutes=1)
SPACE_SUFFIX = "-lab"


def space_name(profile: str) -> str:
    """Return the name of a profile's private space."""
    return profile[: MAX_NAME - len(SPACE_SUFFIX)].rstrip("-") + SPACE_SUFFIX


@dataclass(frozen=True, slots=True)
class NewProfiles:
    """The templates by domain, and the jobs that make profiles; without templates, none is made."""

    templates: Templates = field(default_factory=dict)
    jobs: JobStore | None = None
    now: Callable[[], datetime] = utc_now

    @property
    def instances(self) -> Iterable[str]:
        """Return the instance types that a private space may have in some domain, each once."""
        return dict.fromkeys(each for template in self.templates.values() for each in template.instances)

    def placed(self, mapping: Mapping | None, creation: str | None) -> Mapping | None:
        """Return the mapping to a profile that is to be made, in the region of its domain."""
        template = None if mapping is None or creation is None else self.templates.get(mapping.domain_id)
        return mapping if mapping is None or template is None else replace(mapping, region=template.region)

    def obstacle(
        self, studio: StudioExaminer, access: Access, mapping: Mapping | None, creation: str | None
    ) -> DecisionResult | None:
        """Return why a profile cannot be made, or why an approval without one grants nothing; None if all is well.

        Raises:
            StudioError: nobody could sign in to the profile that is not to be made, or to the domain of a new one.
        """
        if mapping is None:
            return DecisionResult.PROFILE_GONE if all(is_gone(studio, each) for each in access.mappings) else None
        if creation is None:
            studio.examine(mapping)
            return None
        template = self.templates.get(mapping.domain_id)
        if template is None or (creation and creation not in template.instances):
            return DecisionResult.NO_TEMPLATE
        try:
            studio.examine(mapping)
        except StudioError as error:
            if error.reason is not Reason.PROFILE_MISSING:
                raise
            return None
        return DecisionResult.PROFILE_EXISTS

    def has_failed(self, studio: StudioExaminer, access: Access, approved: AccessRequest) -> bool:
        """Return whether SageMaker says that the first approver's profile no longer exists."""
        mapping = approved.mapping
        if mapping is None:
            return self.obstacle(studio, access, None, None) is not None
        if approved.creation is None:
            return is_gone(studio, mapping)
        try:
            studio.examine(mapping)
        except StudioError:
            return False
        return True  # somebody has made a profile of that name

    def has_free(self, admin: Admin, member: Member, name: str) -> bool:
        """Return whether the one domain with a template has a profile of that name, which is nobody else's.

        False too if that cannot be read: it only decides what a form proposes.
        """
        if len(self.templates) != 1 or not name:
            return False
        [template] = self.templates.values()
        mapping = Mapping(DEFAULT_ALIAS, template.domain_id, name, region=template.region)
        try:
            admin.studio.examine(mapping)
            profile = admin.access.ownership(mapping)
        except UpstreamError:
            return False
        return profile.holder is None and not profile.is_foreign(member)

    def begin(
        self, request: AccessRequest, actor: Actor, mapping: Mapping, creation: str, until: datetime | None
    ) -> "Making | None":
        """Keep the job before the decision; None if the member has another one. It waits for `Making`."""
        workspace = Workspace(mapping, space_name(mapping.profile_name) if creation else None, creation or None)
        job = Job(
            id=uuid4().hex,
            kind=JobKind.PROVISION,
            member=request.member,
            actor=actor,
            at=self.now(),
            workspaces=(workspace,),
            request_id=request.id,
            until=until,
        )
        making = Making(self, job)
        return making if making.start() else None


@dataclass(slots=True)
class Making:
    """A job that waits for a decision: after it, it is released; without it, cancelled at the end of the block."""

    profiles: NewProfiles
    job: Job
    _lease: str = field(default_factory=lambda: uuid4().hex)
    _released: bool = False

    def start(self) -> bool:
        jobs, now = self.profiles.jobs, self.profiles.now()
        return jobs is not None and jobs.start(self.job, self._lease, now + HELD)

    def after(self, give: Callable[[AccessRequest], None]) -> Callable[[AccessRequest], None]:
        """Return what gives the access of an approved request and releases the job.

        Raises:
            Changed: the decision took so long that the job was cancelled.
        """

        def carry_out(request: AccessRequest) -> None:
            give(request)
            try:
                self._released = self._save(replace(self.job, request_id=""))
            except StoreError as error:  # the access is given: once the lease ends, a replica goes on from there
                log.warning("job_not_released", job=self.job.id, why=str(error))
                self._released = True
            if not self._released:
                raise Changed("the decision took too long, so no profile is made: press Approve again")

        return carry_out

    def _save(self, job: Job) -> bool:
        return self.profiles.jobs is not None and self.profiles.jobs.save(job, self._lease, self.profiles.now())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if not self._released:
            with suppress(StudioLinksError):  # another replica cancels it: nobody approved the request
                self._save(self.job.ended(JobState.CANCELLED, "nobody approved it"))
