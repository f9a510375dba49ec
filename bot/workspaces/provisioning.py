"""Make a member's profile, and a private space with it where somebody wants one.

A visit looks at what AWS has, does what comes next and returns, so nothing waits while AWS works, and any replica can
make the next visit. A profile is ours only by its tags: another one of that name is never taken over.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.admin.approvals import give_access
from bot.admin.changes import Admin
from bot.core.access import Effect, Mapping, Member, in_force
from bot.core.apps import Profile, Space
from bot.core.errors import BadInput
from bot.core.jobs import Item, ItemKind, Job, JobState, Workspace
from bot.core.ports import AccessRequestStore
from bot.core.records import RequestState
from bot.core.templates import Template, Templates, variable_of
from bot.core.values import utc_now
from bot.workspaces.evidence import is_recorded
from bot.workspaces.resources import IN_SERVICE, SETTLING, Resources

# The tag of profiles that the bot may open (see `aws.iam_policy`), and those that say for whom it made them.
TAG, TAG_VALUE = "studio-links", "yes"
TEAM, MEMBER, APPROVER = f"{TAG}-team", f"{TAG}-member", f"{TAG}-approver"
# What a tag's value cannot hold. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
NOT_IN_TAGS, MAX_TAG_VALUE = re.compile(r"[^\w .:/=+@-]"), 256
TAKES_AT_MOST = timedelta(hours=1)


def tags_of(member: Member, approver: str) -> dict[str, str]:
    """Return the tags of what is made for a member: an approver is a Slack user or an AWS caller."""
    by = NOT_IN_TAGS.sub("-", approver)[:MAX_TAG_VALUE]
    return {TAG: TAG_VALUE, TEAM: member.tenant, MEMBER: member.user_id, APPROVER: by}


def is_made_for(member: Member, tags: Dictionary[str, str]) -> bool:
    """Return whether the tags say that the bot made something for the member."""
    return (tags.get(TEAM), tags.get(MEMBER)) == (member.tenant, member.user_id)


class ForeignProfile(BadInput):
    """The profile exists, and was not made for the member."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The use case and its dependencies."""

    admin: Admin
    requests: AccessRequestStore
    resources: Resources
    templates: Templates
    now: Callable[[], datetime] = utc_now

    def visit(self, job: Job) -> Job:
        """Do what comes next, and return the job as it stands then.

        Raises:
            BadInput: something can never be made so; the message says why.
            StudioLinksError: as for the ports.
        """
        if job.request_id and not self._carry_out_approval(job):
            return job.ended(JobState.CANCELLED, "nobody approved it, or the approval was taken back")
        job = replace(job, request_id="")
        if not self._is_wanted(job):
            return job.ended(JobState.CANCELLED, "the member was blocked or unmapped meanwhile")
        waits = False
        for workspace in job.workspaces:
            try:
                job, ready = self._make(job, workspace)
            except ForeignProfile:
                self._unmap(job, workspace.mapping)
                raise
            waits |= not ready
        if waits and self.now() - job.at > TAKES_AT_MOST:
            raise BadInput("SageMaker took longer than an hour: look at the profile in the SageMaker console")
        if waits:
            return job
        for workspace in job.workspaces:  # now SageMaker knows the profile's ARN
            self.admin.map(job.member, workspace.mapping, job.actor, overwrite=False)
        return job.ended(JobState.DONE)

    def _carry_out_approval(self, job: Job) -> bool:
        """Give the access that was approved, if a killed process has not; return False if nobody approved it."""
        request = self.requests.find(job.member)
        if request is None or request.id != job.request_id:
            return False
        if request.state is not RequestState.APPROVED or request.decided_by != job.actor.name:
            return False
        if not is_recorded(self.admin.audit, job, "decide", request.state.value, {"request": request.id}):
            self.requests.reopen(job.member, request.id)  # its process was killed before it was recorded
            return False
        [workspace] = job.workspaces
        give_access(self.admin, request, actor=job.actor, until=job.until, mapping=workspace.mapping)
        return True

    def _is_wanted(self, job: Job) -> bool:
        """Return whether each profile is still the member's, whom nothing blocks."""
        access, now = self.admin.access.read(job.member), self.now()
        blocked = in_force(access.grants, Effect.DENY, now)
        mapped = all(any(m.same_profile(each.mapping) for m in access.mappings) for each in job.workspaces)
        return mapped and not blocked and not access.unreadable

    def _unmap(self, job: Job, mapping: Mapping) -> None:
        """Take a profile away that somebody else made under the name, before anybody opens it."""
        for held in self.admin.access.read(job.member).mappings:
            if held.same_profile(mapping):
                self.admin.unmap(job.member, held.alias, job.actor)

    def _make(self, job: Job, workspace: Workspace) -> tuple[Job, bool]:
        """Make the profile, then the space; return the job with both, and whether all of it is in service."""
        mapping, template = workspace.mapping, self._template(workspace.mapping)
        tags = tags_of(job.member, job.actor.approved_by or job.actor.name)
        profile = Item(ItemKind.PROFILE, mapping.profile_name, mapping.domain_id, mapping.profile_name)
        found, known = self.resources.profile(mapping), profile in job.items
        if found is None and not known:
            self.resources.create_profile(mapping, template, tags)
        if found is None or not self._is_ready(found, profile, job.member):
            _require(profile, found, known=known)
            return _with(job, profile), False
        job = _with(job, profile)
        if workspace.space is None:
            return job, True
        space = Item(ItemKind.SPACE, workspace.space, mapping.domain_id, mapping.profile_name)
        made, known = self.resources.space(mapping, space.name), space in job.items
        if made is None and not known:
            instance = workspace.instance or template.instances[0]
            self.resources.create_space(mapping, space.name, instance, template, tags)
        if made is not None and not made.belongs_to(mapping):
            raise BadInput(f"{space} exists and is not {mapping.profile_name}'s: choose another name for it")
        if made is None or not self._is_ready(made, space, job.member):
            _require(space, made, known=known)
            return _with(job, space), False
        return _with(job, space), True

    def _template(self, mapping: Mapping) -> Template:
        if mapping.domain_id not in self.templates:
            raise BadInput(
                f"new profiles have no template in {mapping.domain_id}: set {variable_of(mapping.domain_id)}"
            )
        return self.templates[mapping.domain_id]

    def _is_ready(self, found: Profile | Space, item: Item, member: Member) -> bool:
        """Return whether what we made is in service; BadInput if we did not make it, or AWS could not."""
        if not is_made_for(member, found.tags):
            kind = ForeignProfile if item.kind is ItemKind.PROFILE else BadInput
            raise kind(f"{item} exists and was not made for this member: choose another name, or map that one")
        if found.status != IN_SERVICE and found.status not in SETTLING:
            why = f" ({found.failure})" if found.failure else ""
            raise BadInput(f"{item} is {found.status}{why}: delete it in the SageMaker console, then try again")
        return found.status == IN_SERVICE


def _require(item: Item, found: Profile | Space | None, *, known: bool) -> None:
    if found is None and known:
        raise BadInput(f"{item} was deleted while it was being made: try again")


def _with(job: Job, item: Item) -> Job:
    return job if item in job.items else replace(job, items=(*job.items, item))
