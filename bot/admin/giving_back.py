"""Give access back before it ends: members remove their own allow rule, and nobody else's."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.admin.changes import Admin
from bot.admin.stored import require_version
from bot.core import audit
from bot.core.access import Effect, Grant, Member, Person, in_force
from bot.core.link import Allowed, Reason, Source
from bot.core.policy import Facts, Rules, preview
from bot.core.records import Actor
from bot.core.values import utc_now
from bot.links.facts import Gatherer, groups_for_link
from bot.links.status import GATHER_TIMEOUT


@dataclass(frozen=True, slots=True)
class Holding:
    """The access that a member can give back.

    Attributes:
        own: the allow rule for the member alone; None without one in force.
        left: the group rule that still lets them open Studio without their own; None without one.
        unsure: whether Slack could not confirm that they are in such a group.
        version: of the member's records.
    """

    own: Grant | None
    left: Grant | None
    unsure: bool
    version: int
    person: Person


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The use case and its dependencies."""

    admin: Admin
    facts: Gatherer
    rules: Rules
    now: Callable[[], datetime] = utc_now

    def holding(self, member: Member) -> Holding:
        """Return what the member can give back; StoreError or SlackError if a look-up fails."""
        now, rules = self.now(), self.rules
        gathering, until = self.facts.begin(member), self.facts.within(GATHER_TIMEOUT)
        facts = gathering.end(until, lambda known: groups_for_link(member, _without_own(known), rules, now))
        decision = preview(member, _without_own(facts), rules, now)
        left = decision.grant if isinstance(decision, Allowed) else None
        unsure = not isinstance(decision, Allowed) and decision.reason is Reason.GROUP_UNCONFIRMED
        own = in_force(facts.access.grants, Effect.ALLOW, now)
        return Holding(own, left, unsure, facts.access.version, facts.person)

    def give_back(self, member: Member, source: Source, version: int) -> Grant | None:
        """Remove the member's own allow rule, and return it; None if there is none in force.

        Everything else stays: a deny rule, the right to administer, mappings and what groups allow.

        Args:
            version: of the records that the member saw.

        Raises:
            StoreError, Changed: nothing was changed.
        """
        now, access = self.now(), self.admin.access.read(member)
        own = in_force(access.grants, Effect.ALLOW, now)
        if own is None:
            return None
        seen = replace(require_version(access, version), grants=(own,), unreadable=())
        actor = Actor(member.user_id, source)
        entry = audit.changed(audit.RETURN, actor, member.tenant, member.user_id, now, before=own)
        self.admin.access.delete_grants(member.tenant, member.user_id, seen=seen, entry=entry)
        return own


def _without_own(facts: Facts) -> Facts:
    others = tuple(grant for grant in facts.access.grants if grant.effect is not Effect.ALLOW)
    return replace(facts, access=replace(facts.access, grants=others))
