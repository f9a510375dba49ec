"""Change and read access rules and mappings. Each change is one transaction with its audit entry."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from bot.admin.examination import cannot_work
from bot.admin.history import entries, matches
from bot.admin.stored import lockdown_of, require_readable, require_version, require_workspace, rules_of_group, same
from bot.core import policy
from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Person, Workspace, in_force
from bot.core.audit import changed
from bot.core.consent import Ownership
from bot.core.errors import BadInput, Changed, StudioError
from bot.core.link import Denied, Reason
from bot.core.ports import AccessAdmin, AuditLog, StudioExaminer
from bot.core.records import Actor, Entry, Handover, Record
from bot.core.values import is_group, utc_now

# Slack allows about twenty group look-ups a minute, and all group rules share one DynamoDB item.
MAX_GROUP_RULES = 100


@dataclass(frozen=True, slots=True)
class Change:
    """The change that a command made.

    Attributes:
        before, after: the record before and after; None if there was or is none.
        warnings: problems that the administrator should know about, although the change was made.
        obstacle: why a rule in force has no effect now; None if no obstacle is known.
        former: the previous holder of a new mapping's profile, if known.
    """

    before: Record | None
    after: Record | None
    warnings: tuple[str, ...] = ()
    obstacle: Reason | None = None
    former: Member | None = None

    @property
    def made(self) -> bool:
        """Return whether anything was written."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Admin:
    """The use cases of administration."""

    access: AccessAdmin
    audit: AuditLog
    studio: StudioExaminer
    rules: policy.Rules
    audit_days: int = 400
    now: Callable[[], datetime] = utc_now

    def map(
        self,
        member: Member,
        mapping: Mapping,
        actor: Actor,
        *,
        overwrite: bool = True,
        force: bool = True,
        at_version: int | None = None,
        profile: Ownership | None = None,
    ) -> Change:
        """Set a mapping, replacing the one with the same alias.

        A profile that SageMaker does not know, or cannot describe now, is mapped with a warning: the mapping may be
        made first.

        Args:
            overwrite: whether the mapping may replace one to another profile.
            force: whether to set a mapping even if SageMaker says that it cannot work.
            profile: the ownership that the profile must still have; a holder loses it. None takes only a free one.

        Raises:
            BadInput: the mapping cannot work.
            ProfileConflict: another member holds the profile.
            Changed: the member's records changed at the same time, or the mapping must not be replaced.
        """
        access = require_version(self.access.read(member), at_version)
        require_readable(access, member.user_id, f"mapping#{mapping.alias}")
        before = next((m for m in access.mappings if m.alias == mapping.alias), None)
        if before is not None and not overwrite and not before.same_profile(mapping):
            raise Changed(f"{member.user_id} has a mapping called {mapping.alias} already: choose another alias")
        warnings: tuple[str, ...] = ()
        try:
            mapping = self.studio.examine(mapping)
        except StudioError as error:
            if not force and cannot_work(error):
                raise BadInput(f"nothing was mapped: {error}; --force maps it all the same") from error
            if before is not None and before.same_profile(mapping):
                mapping = replace(mapping, profile_arn=before.profile_arn)
            warnings = (f"members cannot use this mapping yet: {error}",)
        if before is not None and same(before, mapping):
            return Change(before, before, warnings)
        after = replace(mapping, set_by=actor.name, set_at=self.now())
        entry = changed("map", actor, member.tenant, member.user_id, self.now(), before=before, after=after)
        owner = (profile or self.access.ownership(after)).owner
        handover = None if profile is None else self._handover(profile, member, after, actor)
        if profile is not None and handover is None and profile.holder != member and profile.holder is not None:
            profile = Ownership()  # of another workspace: writing it fails, even if it is unmapped meanwhile
        self.access.put_records(member, [after], seen=access, entry=entry, profile=profile, handover=handover)
        return Change(before, after, warnings, former=None if owner == member else owner)

    def _handover(self, profile: Ownership, to: Member, mapping: Mapping, actor: Actor) -> Handover | None:
        """Return the mapping that a profile's holder loses; None if nobody else in the workspace holds it."""
        loser = profile.holder
        if loser is None or loser == to or loser.tenant != to.tenant:
            return None
        access = self.access.read(loser)
        lost = {f"mapping#{m.alias}": m for m in access.mappings if m.same_profile(mapping)}
        require_readable(access, loser.user_id, *(() if lost else access.unreadable))
        before = next(iter(lost.values())) if len(lost) == 1 else lost
        return Handover(
            loser, access, changed("unmap", actor, loser.tenant, loser.user_id, self.now(), before=before)
        )

    def unmap(self, member: Member, alias: str | None, actor: Actor, *, at_version: int | None = None) -> Change:
        """Remove a mapping: the named one, or the only one.

        Raises:
            BadInput: no mapping has this alias, or none was named and the member has several.
            Changed: the member's records changed at the same time.
        """
        access = require_version(self.access.read(member), at_version)
        require_readable(access, member.user_id)
        found = [m for m in access.mappings if alias in (None, m.alias)]
        if len(found) != 1:
            have = ", ".join(sorted(m.alias for m in access.mappings)) or "none"
            raise BadInput(f"{member.user_id} has these mappings: {have}. Name one with --alias")
        entry = changed("unmap", actor, member.tenant, member.user_id, self.now(), before=found[0])
        self.access.delete_mapping(member, found[0], seen=access, entry=entry)
        return Change(found[0], None)

    def grant(
        self, tenant: str, grant: Grant, actor: Actor, *, at_version: int | None = None, private: bool = False
    ) -> Change:
        """Set a rule, replacing one of the same kind. Without a new reason, the rule keeps the old one.

        Args:
            private: keep the reason out of the audit, because a member wrote it.

        Raises:
            BadInput: the stored rule cannot be read, or the workspace has the most group rules allowed.
            Changed: the same records changed at the same time.
        """
        access = require_version(self.rules_of(tenant, grant.principal), at_version)
        prefix = f"workspace#{grant.principal}" if is_group(grant.principal) else "grant"
        require_readable(access, grant.principal, f"{prefix}#{grant.effect}")
        rules = access.grants
        before = next((g for g in rules if g.effect is grant.effect), None)
        if before is not None and not grant.reason:
            grant = replace(grant, reason=before.reason)
        now = self.now()
        warnings = []
        if not grant.holds_at(now):
            warnings.append("that time has passed, so the rule has no effect")
        deny = in_force(rules, Effect.DENY, now)
        if grant.effect is not Effect.DENY and deny is not None:
            remedy = f"`studio-links forget {grant.principal}` removes both"
            warnings.append(f"a deny rule overrides it ({deny.describe(now)}): {remedy}")
        obstacle = self._obstacle(tenant, grant, access) if grant.holds_at(now) else None
        if before is not None and same(before, grant):
            return Change(before, before, tuple(warnings), obstacle)
        if is_group(grant.principal) and before is None:
            self._require_room(tenant)
        after = replace(grant, set_by=actor.name, set_at=now)
        recorded = replace(after, reason="") if private else after
        entry = changed(grant.effect.value, actor, tenant, grant.principal, now, before=before, after=recorded)
        self.access.put_grant(tenant, after, seen=access, entry=entry)
        return Change(before, after, tuple(warnings), obstacle)

    def _obstacle(self, tenant: str, rule: Grant, access: Access | Workspace) -> Reason | None:
        """Return the obstacles to a rule that allows something, without asking Slack."""
        now, others = self.now(), tuple(grant for grant in access.grants if grant.effect is not rule.effect)
        if rule.effect is Effect.ALLOW and isinstance(access, Access):
            member, granted = Member(tenant, rule.principal), replace(access, grants=(*others, rule))
            facts = policy.Facts(Person(member.user_id, member.tenant), granted)
            decision = policy.preview(member, facts, self.rules, now)
            return decision.reason if isinstance(decision, Denied) else None
        if rule.effect is not Effect.DENY and in_force(others, Effect.DENY, now):
            return Reason.DENIED
        return Reason.LOCKDOWN if rule.effect is Effect.ALLOW and access.lockdown else None

    def rules_of(self, tenant: str, principal: str) -> Access | Workspace:
        """Read a member's own records, or a user group's rules.

        Raises:
            BadInput: the workspace's record, which holds the group's rules, cannot be read.
        """
        if not is_group(principal):
            access = self.access.read(Member(tenant, principal))
            own = (name for name in access.unreadable if name.partition("#")[0] != "workspace")
            return replace(access, unreadable=tuple(own))
        return rules_of_group(self.access.workspace(tenant), principal)

    def _require_room(self, tenant: str) -> None:
        if len(self.access.workspace(tenant).grants) >= MAX_GROUP_RULES:
            raise BadInput(
                f"the workspace has {MAX_GROUP_RULES} rules for user groups, the most allowed: forget one first"
            )

    def forget(
        self, tenant: str, principal: str, actor: Actor, *, at_version: int | None = None
    ) -> Access | Workspace:
        """Remove every rule and unreadable record of a principal; BadInput if none exists."""
        own = require_version(self.rules_of(tenant, principal), at_version)
        if not own.grants and not own.unreadable:
            raise BadInput(f"there is no rule for {principal}: `studio-links list` shows all rules")
        before = {grant.effect.value: grant for grant in own.grants} | dict.fromkeys(own.unreadable, "unreadable")
        entry = changed("forget", actor, tenant, principal, self.now(), before=before)
        self.access.delete_grants(tenant, principal, seen=own, entry=entry)
        return own

    def lock_down(self, tenant: str, reason: str, actor: Actor, *, at_version: int | None = None) -> Change:
        """Stop all links in the workspace from the next request on. Replaces an unreadable workspace record.

        Raises:
            InvalidValue: the reason is empty or too long.
            Changed: the workspace's record changed at the same time.
        """
        workspace = require_version(self.access.workspace(tenant), at_version)
        before, after = workspace.lockdown, Lockdown(reason, actor.name, self.now())
        if before is not None and same(before, after):
            return Change(before, before)
        lost = "the workspace's record could not be read and was replaced: set the rules of user groups again"
        warnings = (lost,) if "workspace" in workspace.unreadable else ()
        replaced = dict.fromkeys(workspace.unreadable, "unreadable") or before
        entry = changed("lockdown", actor, tenant, tenant, self.now(), before=replaced, after=after)
        self.access.put_lockdown(tenant, after, seen=workspace, entry=entry)
        return Change(before, after, warnings)

    def end_lockdown(self, tenant: str, actor: Actor, *, at_version: int | None = None) -> Change:
        """Lift the lockdown; BadInput if the workspace's record cannot be read."""
        workspace = require_version(self.access.workspace(tenant), at_version)
        require_workspace(workspace)
        before = lockdown_of(workspace)
        if before is None:
            return Change(None, None)
        entry = changed("lockdown", actor, tenant, tenant, self.now(), before=before)
        self.access.put_lockdown(tenant, None, seen=workspace, entry=entry)
        return Change(before, None)

    def groups(self, tenant: str) -> Iterator[tuple[str, Workspace]]:
        """Yield every user group with a rule; BadInput if the workspace's record cannot be read."""
        workspace = self.access.workspace(tenant)
        require_workspace(workspace)
        names = {grant.principal for grant in workspace.grants}
        unreadable = {name.split("#")[1] for name in workspace.unreadable if "#" in name} - {"lockdown"}
        for group in sorted(names | {name for name in unreadable if is_group(name)}):
            yield group, rules_of_group(workspace, group)

    def history(
        self,
        tenant: str,
        user_id: str | None,
        since: datetime,
        limit: int,
        *,
        before: datetime | None = None,
        **wanted: str | None,
    ) -> Iterator[Entry]:
        """Return the newest audit entries of a span: of one member, or of everybody.

        Args:
            before: the exclusive end of the span; None for now.
            wanted: as for `matches`.
        """
        now = self.now()
        since = max(since, now - timedelta(days=self.audit_days))
        found = entries(self.audit, tenant, user_id, since=since, before=before, now=now)
        return islice((entry for entry in found if matches(entry, **wanted)), limit)
