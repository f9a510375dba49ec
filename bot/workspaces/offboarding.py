"""Remove a member's workspace when they leave: block them, delete apps, spaces and profiles, and unmap them.

AWS deletes a profile only without spaces, and a space only without apps; an app takes up to 20 minutes. As in
`provisioning`, a visit looks at what AWS has and does what comes next. A shared space may hold files of others: it
stays, and so does the profile that owns it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.admin.changes import Admin
from bot.admin.leaving import OFFBOARDED
from bot.core import audit
from bot.core.access import Effect, Grant, Mapping
from bot.core.apps import App, Profile, Space
from bot.core.errors import StudioError
from bot.core.jobs import Item, ItemKind, ItemState, Job, JobState
from bot.core.values import utc_now
from bot.workspaces.evidence import is_recorded, may_come
from bot.workspaces.resources import DELETING, Resources, may_pass

UNMAPPED = "its mapping was removed meanwhile: map it again, then off-board again"
UNRECORDED = "the audit does not have that somebody asked for it"
TAKES_AT_MOST = timedelta(hours=3)
FAILED_TO_DELETE = frozenset({"Failed", "Delete_Failed"})
REMAINING = (ItemState.THERE, ItemState.GOING)
Items = dict[tuple[str, ...], Item]


@dataclass(frozen=True, slots=True)
class Offboarding:
    """The use case and its dependencies."""

    admin: Admin
    resources: Resources
    now: Callable[[], datetime] = utc_now

    def plan(self, mappings: Iterable[Mapping], *, keep_files: bool = False) -> tuple[Item, ...]:
        """Return what an off-boarding would remove (`THERE`) and leave (`KEPT`). StudioError if AWS does not say."""
        items: Items = {}
        for mapping in profiles_of(mappings):
            for item in self._look(mapping, keep_files=keep_files).items():
                items[item.key] = item
        return tuple(items.values())

    def visit(self, job: Job) -> Job:
        """Do what comes next, and return the job as it stands then. StudioLinksError as for the ports."""
        if not is_recorded(self.admin.audit, job, job.kind, audit.STARTED, {"job": job.id}):
            return job if may_come(job, self.now()) else job.ended(JobState.CANCELLED, UNRECORDED)
        self.block(job)
        items, waits, late = {each.key: each for each in job.items}, False, self.now() - job.at > TAKES_AT_MOST
        held = self.admin.access.read(job.member).mappings
        for mapping in profiles_of(each.mapping for each in job.workspaces):
            # Use the current mappings, not the job's. Of a profile without one, only check whether it is gone.
            mine = next((each for each in held if each.same_profile(mapping)), None)
            there = self._look(mine or mapping, keep_files=job.keep_files)
            _note(there, items)
            waits |= mine is not None and self._remove(there, items, late=late)
        job = replace(job, items=tuple(items.values()))
        if waits:
            return job
        items = {key: _failed(each, UNMAPPED) if each.state in REMAINING else each for key, each in items.items()}
        job = replace(job, items=tuple(items.values()))
        self._unmap(job, items)
        return job.ended(JobState.INCOMPLETE if job.of(ItemState.FAILED) else JobState.DONE)

    def block(self, job: Job) -> None:
        """Block the member with no end date, unless they are."""
        user, access = job.member.user_id, self.admin.access.read(job.member)
        if not any(grant.effect is Effect.DENY and grant.until is None for grant in access.grants):
            self.admin.grant(job.member.tenant, Grant(user, Effect.DENY, reason=OFFBOARDED), job.actor)

    def _look(self, mapping: Mapping, *, keep_files: bool) -> "_Workspace":
        spaces = tuple(self.resources.spaces(mapping))
        apps = [*self.resources.apps(mapping)]
        for space in spaces:
            if not space.shared:
                apps += self.resources.apps(mapping, space.name)
        return _Workspace(mapping, self.resources.profile(mapping), spaces, tuple(apps), keep_files)

    def _remove(self, there: "_Workspace", items: Items, *, late: bool) -> bool:
        """Delete what can be deleted now, and note what has become of it; return whether more is to do."""
        waits = False
        for found, delete in self._deletions(there, items):
            item = items[there.item_of(found).key]
            if late:
                items[item.key] = _failed(item, "AWS took longer than three hours: run this again")
            elif found.status == DELETING:
                waits = True
            elif found.status in FAILED_TO_DELETE and item.state is ItemState.GOING:
                items[item.key] = _failed(item, f"AWS could not delete it ({found.failure or found.status})")
            else:
                items[item.key] = item = self._delete(item, delete)
                waits |= item.state is not ItemState.FAILED
        if not waits:  # what holds something that could not be deleted
            blocked = "what it holds could not be deleted"
            present = [item.key for item in there.items()]
            items |= {key: _failed(items[key], blocked) for key in present if items[key].state in REMAINING}
        return waits

    def _deletions(
        self, there: "_Workspace", items: Items
    ) -> Iterator[tuple[Profile | Space | App, Callable[[], None]]]:
        """Yield what to delete now, in AWS's order: nothing of a kind while something of the kind before is there."""
        mapping, resources = there.mapping, self.resources
        if there.apps:
            for app in there.apps:
                if items[there.item_of(app).key].state in REMAINING:
                    yield app, partial(resources.delete_app, mapping, app.name)
        elif there.spaces:
            for space in there.spaces:
                if items[there.item_of(space).key].state in REMAINING:
                    yield space, partial(resources.delete_space, mapping, space.name)
        elif there.profile is not None and items[_profile(mapping).key].state in REMAINING:
            yield there.profile, partial(resources.delete_profile, mapping)

    def _delete(self, item: Item, delete: Callable[[], None]) -> Item:
        """Begin to delete a resource, and return what has become of it: it stays for the next visit, or fails."""
        try:
            delete()
        except StudioError as error:
            if may_pass(error):
                return item
            return _failed(item, str(error))
        return replace(item, state=ItemState.GOING)

    def _unmap(self, job: Job, items: Items) -> None:
        """Free the profiles that are gone or left on purpose. Others stay mapped, so that it can be tried again."""
        failed = {item.owner for item in items.values() if item.state is ItemState.FAILED}
        for workspace in job.workspaces:
            mapping = workspace.mapping
            if _profile(mapping).owner not in failed:
                for held in self.admin.access.read(job.member).mappings:
                    if held.same_profile(mapping):
                        self.admin.unmap(job.member, held.alias, job.actor)


@dataclass(frozen=True, slots=True)
class _Workspace:
    """What AWS has of one profile."""

    mapping: Mapping
    profile: Profile | None
    spaces: tuple[Space, ...]
    apps: tuple[App, ...]
    keep_files: bool

    def items(self) -> Iterator[Item]:
        """Yield each resource, and whether it is to go or to stay."""
        for app in self.apps:
            yield self.item_of(app)
        for space in self.spaces:
            yield self.item_of(space)
        if self.profile is not None:
            yield self.item_of(self.profile)

    @property
    def owner(self) -> tuple[str, str]:
        return _profile(self.mapping).owner

    def item_of(self, found: Profile | Space | App) -> Item:
        domain, profile = self.mapping.domain_id, self.mapping.profile_name
        stays = ItemState.KEPT if self.keep_files else ItemState.THERE
        if isinstance(found, App):
            name = found.name
            where = f" in space {name.space}" if name.space else ""
            return Item(ItemKind.APP, f"{name.app_type} {name.name}{where}", domain, profile)
        if isinstance(found, Profile):
            shared = [space.name for space in self.spaces if space.shared]
            why = f"it owns the shared space {', '.join(shared)}" if shared else ""
            return replace(_profile(self.mapping), state=ItemState.KEPT if shared else stays, why=why)
        if found.shared:
            return Item(ItemKind.SHARED_SPACE, found.name, domain, profile, ItemState.KEPT)
        return Item(ItemKind.SPACE, found.name, domain, profile, stays)


def profiles_of(mappings: Iterable[Mapping]) -> list[Mapping]:
    """Return one mapping of each profile."""
    return list({each.profile_key: each for each in mappings}.values())


def _note(there: _Workspace, items: Items) -> None:
    """Note what is gone, and what has not been seen before."""
    present = {item.key: item for item in there.items()}
    for key, item in items.items():
        if item.owner == there.owner and key not in present:
            items[key] = replace(item, state=ItemState.GONE, why="")
    for key, item in present.items():
        items.setdefault(key, item)


def _profile(mapping: Mapping) -> Item:
    return Item(ItemKind.PROFILE, mapping.profile_name, mapping.domain_id, mapping.profile_name)


def _failed(item: Item, why: str) -> Item:
    return replace(item, state=ItemState.FAILED, why=why)
