"""Find out who must agree to a command from Slack; this gathers the facts for `core.consent`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand
from bot.admin.specs import Verb
from bot.admin.stored import lockdown_of
from bot.core.access import Access, Effect, Grant, Member, Workspace, in_force
from bot.core.consent import Consent, Ownership, consent
from bot.core.values import is_group
from bot.links.facts import Gatherer, is_in


def administrators(admin: Admin, tenant: str, configured: Collection[str]) -> frozenset[str]:
    """Return the user ids of administrators: the configured ones, and those with an admin rule in force.

    A block does not count: by blocking the others, an administrator would otherwise become the only one.
    """
    now, ruled = admin.now(), [Member(tenant, user) for user in admin.access.administrators(tenant)]
    found = admin.access.read_each(ruled)
    return frozenset(configured) | {member.user_id for member, access in found if _may_have_admin_rule(access, now)}


def _may_have_admin_rule(access: Access | Workspace, now: datetime) -> bool:
    return bool(access.unreadable) or in_force(access.grants, Effect.ADMIN, now) is not None


@dataclass(frozen=True, slots=True)
class Agreement:
    """The use case and its dependencies.

    Attributes:
        facts: asks Slack who is in a user group.
        configured: the user ids of administrators that the settings name.
    """

    admin: Admin
    facts: Gatherer
    configured: frozenset[str]

    def refuses(self, by: Member, command: AdminCommand, stored: Access | Workspace) -> bool:
        """Return whether a command gives its sender something that only another administrator may give.

        Raises:
            SlackError: Slack does not say whether the administrator is in the group that the command allows.
        """
        return self._gains(by, command, stored) and not self._is_sole(by)

    def needed(
        self, by: Member, command: AdminCommand, stored: Access | Workspace
    ) -> tuple[Consent, Ownership | None]:
        """Return who must agree to a command, and the ownership of its mapping's profile; SlackError as above."""
        to = Member(by.tenant, command.principal) if command.verb is Verb.MAP else None
        profile = None if to is None else self.admin.access.ownership(command.mapping())
        lockdown = lockdown_of(stored) if command.verb is Verb.LOCKDOWN else None
        gains = self.refuses(by, command, stored)
        domains = {mapping.domain_id for mapping in stored.mappings} if command.verb is Verb.OFFBOARD else set()
        by_two = bool(domains) and self.admin.rules.approvals_for(domains) > 1
        return consent(by, gains=gains, to=to, profile=profile, lockdown=lockdown, by_two=by_two), profile

    def others(self, by: Member, command: AdminCommand) -> frozenset[str]:
        """Return the user ids of administrators who could agree: neither the sender nor the one who gains."""
        found = administrators(self.admin, by.tenant, self.configured)
        return found - {by.user_id, command.principal}

    def _gains(self, by: Member, command: AdminCommand, stored: Access | Workspace) -> bool:
        match command.verb:
            case Verb.ALLOW if is_group(command.principal):
                return is_in(self.facts.groups, by, Grant(command.principal, Effect.ALLOW))
            case Verb.MAP | Verb.ALLOW | Verb.ADMIN:
                return command.principal == by.user_id
            case Verb.FORGET:
                if command.principal != by.user_id:  # removing all others leaves a sole administrator
                    return self.admin.rules.sole_admin and _may_have_admin_rule(stored, self.admin.now())
                return bool(stored.unreadable) or any(grant.effect is Effect.DENY for grant in stored.grants)
            case _:
                return False

    def _is_sole(self, by: Member) -> bool:
        """Return whether the settings allow a sole administrator and no other one exists."""
        sole = self.admin.rules.sole_admin
        return sole and administrators(self.admin, by.tenant, self.configured) <= {by.user_id}
