"""Administration: who may open what. Every change is one transaction together with its audit entry."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from bot.core import policy
from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Person, Workspace
from bot.core.audit import changed
from bot.core.errors import BadInput, Changed, StudioError
from bot.core.link import Allowed, Denied, Target
from bot.core.ports import AccessAdmin, AuditLog, StudioExaminer
from bot.core.records import Actor, Entry, Record
from bot.core.values import USER_ID, is_group, utc_now
from bot.links.facts import Gatherer, unknown_groups

# What stands for Slack's word where Slack cannot be asked.
ASSUMED = "assumed: Slack was not asked"

# Slack answers some twenty questions about groups a minute, and what holds for a workspace is one item of DynamoDB.
MAX_GROUP_RULES = 100
# Seconds that explaining a decision may take: an administrator has time.
EXPLAIN_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Change:
    """What a command did.

    Attributes:
        before, after: what stood there and what stands there now; None for nothing.
        warnings: what the admin should know although the change was made.
    """

    before: Record | None
    after: Record | None
    warnings: tuple[str, ...] = ()

    @property
    def made(self) -> bool:
        """Whether anything was written."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision that nothing follows from.

    Attributes:
        slack_asked: whether Slack's record of the member, and of the groups, went into it.
        rules: every rule that was looked at.
    """

    decision: Allowed | Denied
    slack_asked: bool
    rules: tuple[policy.Considered, ...] = ()


@dataclass(frozen=True, slots=True)
class Admin:
    """The use cases of administration."""

    access: AccessAdmin
    audit: AuditLog
    studio: StudioExaminer
    rules: policy.Rules
    audit_days: int = 400
    facts: Gatherer | None = None
    now: Callable[[], datetime] = utc_now

    def map(
        self,
        member: Member,
        mapping: Mapping,
        actor: Actor,
        *,
        in_place: bool = True,
        at_version: int | None = None,
    ) -> Change:
        """Give the member this mapping, in the place of one with the same alias.

        A profile that SageMaker does not know, or cannot be asked about, is mapped all the same, with a warning:
        the mapping may be there first.

        Args:
            in_place: whether the alias may lead to another profile so far.

        Raises:
            ProfileTaken: another member holds the profile.
            Changed: somebody changed the member's records at the same time, or the mapping may not be replaced.
        """
        access = self.access.read(member)
        _require_version(access, at_version)
        require_readable(access, member.user_id, f"mapping#{mapping.alias}")
        before = next((m for m in access.mappings if m.alias == mapping.alias), None)
        if before is not None and not in_place and not before.same_profile(mapping):
            raise Changed(f"{member.user_id} has a mapping called {mapping.alias} already: choose another alias")
        warnings: tuple[str, ...] = ()
        try:
            mapping = self.studio.examine(mapping)
        except StudioError as error:
            if before is not None and before.same_profile(mapping):
                mapping = replace(mapping, profile_arn=before.profile_arn)
            warnings = (f"members cannot use this mapping yet: {error}",)
        if before is not None and same(before, mapping):
            return Change(before, before, warnings)
        after = replace(mapping, set_by=actor.name, set_at=self.now())
        entry = changed("map", actor, member.tenant, member.user_id, self.now(), before=before, after=after)
        self.access.put_mapping(member, after, seen=access, entry=entry)
        return Change(before, after, warnings)

    def unmap(self, member: Member, alias: str | None, actor: Actor, *, at_version: int | None = None) -> Change:
        """Take a mapping away: the named one, or the only one.

        Raises:
            BadInput: there is no such mapping, or several and none was named.
            Changed: somebody changed the member's records at the same time.
        """
        access = self.access.read(member)
        _require_version(access, at_version)
        require_readable(access, member.user_id)
        found = [m for m in access.mappings if alias in (None, m.alias)]
        if len(found) != 1:
            have = ", ".join(sorted(m.alias for m in access.mappings)) or "none"
            raise BadInput(f"name one of {member.user_id}'s mappings with --alias; it has: {have}")
        entry = changed("unmap", actor, member.tenant, member.user_id, self.now(), before=found[0])
        self.access.delete_mapping(member, found[0], seen=access, entry=entry)
        return Change(found[0], None)

    def grant(self, tenant: str, grant: Grant, actor: Actor, *, at_version: int | None = None) -> Change:
        """Set a rule, in the place of one of the same kind.

        Raises:
            BadInput: the place for it cannot be read, or there are as many rules for groups as may be.
            Changed: somebody changed the same records at the same time.
        """
        access = self.rules_of(tenant, grant.principal)
        _require_version(access, at_version)
        place = f"workspace#{grant.principal}" if grant.of_group else "grant"
        require_readable(access, grant.principal, f"{place}#{grant.effect}")
        rules = access.grants
        before = next((g for g in rules if g.effect is grant.effect), None)
        now = self.now()
        warnings = []
        if not grant.holds_at(now):
            warnings.append("that time has passed: the rule is not in force")
        deny = next((g for g in rules if g.effect is Effect.DENY and g.holds_at(now)), None)
        if grant.effect is not Effect.DENY and deny is not None:
            warnings.append(f"a deny rule stands and wins ({deny.describe(now)}): `studio-links forget` removes both")
        if before is not None and same(before, grant):
            return Change(before, before, tuple(warnings))
        if grant.of_group and before is None:
            self._require_room(tenant)
        after = replace(grant, set_by=actor.name, set_at=now)
        entry = changed(grant.effect.value, actor, tenant, grant.principal, now, before=before, after=after)
        self.access.put_grant(tenant, after, seen=access, entry=entry)
        return Change(before, after, tuple(warnings))

    def rules_of(self, tenant: str, principal: str) -> Access | Workspace:
        """A principal's own records: a member's, or the rules of a user group.

        Raises:
            BadInput: it is a group, and what holds for the workspace cannot be read.
        """
        if not is_group(principal):
            access = self.access.read(Member(tenant, principal))
            return replace(access, unreadable=_own(access.unreadable))
        workspace = self.access.workspace(tenant)
        return rules_of_group(workspace, principal)

    def _require_room(self, tenant: str) -> None:
        if len(self.access.workspace(tenant).grants) >= MAX_GROUP_RULES:
            raise BadInput(
                f"there are {MAX_GROUP_RULES} rules for user groups, the most there may be: each request reads them "
                "all, and Slack is asked about each group every minute. Forget some first"
            )

    def forget(
        self, tenant: str, principal: str, actor: Actor, *, at_version: int | None = None
    ) -> Access | Workspace:
        """Remove every rule of a principal, and every record that cannot be read; BadInput if there is none."""
        own = self.rules_of(tenant, principal)
        _require_version(own, at_version)
        if not own.grants and not own.unreadable:
            raise BadInput(f"there is no rule for {principal}: `studio-links list` shows those that exist")
        before = {grant.effect.value: grant for grant in own.grants} | dict.fromkeys(own.unreadable, "unreadable")
        entry = changed("forget", actor, tenant, principal, self.now(), before=before)
        self.access.delete_grants(tenant, principal, seen=own, entry=entry)
        return own

    def lock_down(self, tenant: str, reason: str, actor: Actor, *, at_version: int | None = None) -> Change:
        """Give no links to anybody of the workspace, from the next request on.

        What holds for the workspace begins anew where it cannot be read.

        Raises:
            InvalidValue: the reason is none, or too long.
            Changed: somebody changed what holds for the workspace at the same time.
        """
        workspace = self.access.workspace(tenant)
        _require_version(workspace, at_version)
        before, after = workspace.lockdown, Lockdown(reason, actor.name, self.now())
        if before is not None and same(before, after):
            return Change(before, before)
        gone = "what was stored for the workspace could not be read and is gone: set the rules of user groups again"
        warnings = (gone,) if "workspace" in workspace.unreadable else ()
        replaced = dict.fromkeys(workspace.unreadable, "unreadable") or before
        entry = changed("lockdown", actor, tenant, tenant, self.now(), before=replaced, after=after)
        self.access.put_lockdown(tenant, after, seen=workspace, entry=entry)
        return Change(before, after, warnings)

    def end_lockdown(self, tenant: str, actor: Actor, *, at_version: int | None = None) -> Change:
        """Give links again; BadInput where it cannot be read what holds for the workspace."""
        workspace = self.access.workspace(tenant)
        _require_version(workspace, at_version)
        _require_workspace(workspace)
        unreadable = "workspace#lockdown" in workspace.unreadable
        before = Lockdown("it cannot be read") if unreadable else workspace.lockdown
        if before is None:
            return Change(None, None)
        entry = changed("lockdown", actor, tenant, tenant, self.now(), before=before)
        self.access.put_lockdown(tenant, None, seen=workspace, entry=entry)
        return Change(before, None)

    def workspace(self, tenant: str) -> Workspace:
        """What holds for the workspace as a whole."""
        return self.access.workspace(tenant)

    def groups(self, tenant: str) -> Iterator[tuple[str, Workspace]]:
        """Every user group that has a rule; BadInput if what holds for the workspace cannot be read."""
        workspace = self.access.workspace(tenant)
        _require_workspace(workspace)
        names = {grant.principal for grant in workspace.grants}
        unreadable = {name.split("#")[1] for name in workspace.unreadable if "#" in name} - {"lockdown"}
        for group in sorted(names | {name for name in unreadable if is_group(name)}):
            yield group, rules_of_group(workspace, group)

    def show(self, member: Member) -> Access:
        """A member's mappings and rules."""
        return self.access.read(member)

    def explain(self, member: Member, alias: str | None) -> Explanation:
        """What the policy would decide now. Without Slack to ask, the member passes for an ordinary one."""
        target, now = Target(alias), self.now()
        if self.facts is None:
            facts = policy.Facts(Person(member.user_id, member.tenant), self.access.read(member))
        else:
            until = self.facts.within(EXPLAIN_TIMEOUT)
            facts = self.facts.begin(member).end(until, lambda known: unknown_groups(member, known, now))
        decision = policy.decide(member, target, facts, self.rules, now)
        if self.facts is None:
            checks = (replace(c, detail=ASSUMED) if c.name in policy.OF_SLACK else c for c in decision.checks)
            decision = replace(decision, checks=tuple(checks))
        return Explanation(decision, self.facts is not None, policy.considered(member, facts, now))

    def members(self, tenant: str, *, after: str | None = None) -> Iterator[tuple[str, Access]]:
        """Every member that has a mapping or a rule; those that come after one of them, if that is named."""
        return self.access.members(tenant, after=after)

    def history(
        self,
        tenant: str,
        user_id: str | None,
        since: datetime,
        limit: int,
        *,
        before: datetime | None = None,
        by: str | None = None,
        outcome: str | None = None,
    ) -> Iterator[Entry]:
        """Audit entries of a span of time, newest first: of one member, or of everybody, day by day.

        Nothing is older than the audit is kept, so no day before that is asked for.

        Args:
            before: the end of the span, outside it; None for now.
            by: who acted: the id, or a part of it, such as a role's name in a caller's ARN.
        """
        kept_since = self.now() - timedelta(days=self.audit_days)
        since = max(since, kept_since)
        if before is not None and before <= since:
            return iter(())
        found = self._history(tenant, user_id, since, before)
        return islice((entry for entry in found if is_wanted(entry, by, outcome)), limit)

    def _history(self, tenant: str, user_id: str | None, since: datetime, before: datetime | None) -> Iterator[Entry]:
        if user_id is not None:
            yield from self.audit.of_member(Member(tenant, user_id), since, before)
            return
        last = self.now() if before is None else min(self.now(), before)
        day = last.astimezone(UTC).date()
        while day >= since.astimezone(UTC).date():
            entries = self.audit.of_day(tenant, day)
            yield from (entry for entry in entries if entry.at >= since and (before is None or entry.at < before))
            day -= timedelta(days=1)


def require_readable(access: Access | Workspace, principal: str, *records: str) -> None:
    """Nothing is written over a record that cannot be read: it could not be said what it replaced."""
    broken = [record for record in ("member", *records) if record in access.unreadable]
    if broken:
        raise BadInput(
            f"the stored {broken[0].replace('#', ' ')} of {principal} cannot be read: remove it and all rules with "
            f"`studio-links forget {principal}`, then try again"
        )


def _require_workspace(workspace: Workspace) -> None:
    if "workspace" in workspace.unreadable:
        raise BadInput(
            "what is stored for the workspace cannot be read: begin anew with `studio-links lockdown on`, set the "
            "rules of user groups again, then end the lockdown"
        )


def rules_of_group(workspace: Workspace, group: str) -> Workspace:
    """The rules of one group, and what of them cannot be read."""
    _require_workspace(workspace)
    return replace(
        workspace,
        grants=tuple(grant for grant in workspace.grants if grant.principal == group),
        unreadable=tuple(name for name in workspace.unreadable if name.split("#")[1] == group),
    )


def _require_version(seen: Access | Workspace, version: int | None) -> None:
    """That the records are still those which an administrator was shown, where they were shown any."""
    if version not in (None, seen.version):
        raise Changed("somebody changed the same records meanwhile; nothing was written: look again, then retry")


def _own(unreadable: Iterable[str]) -> tuple[str, ...]:
    """The names of a member's own records, out of all those that concern the member."""
    return tuple(name for name in unreadable if name.partition("#")[0] != "workspace")


def is_wanted(entry: Entry, by: str | None, outcome: str | None) -> bool:
    """Whether an entry is by this actor and of this outcome; None for any.

    A Slack user is compared as a whole id, anybody else by a part of their name, such as a role's name in an ARN.
    """
    same_actor = by in (None, entry.actor) or ((by or "") in entry.actor and not USER_ID.fullmatch(entry.actor))
    return same_actor and outcome in (None, entry.outcome)


def same(one: Record, other: Record) -> bool:
    """Whether two records say the same, whoever set them and when."""
    return replace(one, set_by="", set_at=None) == replace(other, set_by="", set_at=None)


def flat(values: Dictionary[str, object]) -> dict[str, object]:
    """What an audit entry has of before or after, the values of records within a record under both names."""
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= {f"{name} {key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return found
