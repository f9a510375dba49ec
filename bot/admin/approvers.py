"""The basis of a decision on an access request: the facts, the rules, and who may decide."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.admin.decisions import BEYOND_APPROVAL, Press
from bot.core import approval_rules, policy
from bot.core.access import Access, Mapping, Member
from bot.core.approval_rules import ADMINS, DEFAULT, Terms
from bot.core.consent import Ownership
from bot.core.link import Allowed, Denied
from bot.core.records import AccessRequest, DecisionResult
from bot.core.values import is_group
from bot.links.facts import Gatherer, groups_for_administration, groups_for_approval, if_approved

# Seconds that gathering facts may take.
GATHER_TIMEOUT = 3.5
# The most members of user groups who get a request as a direct message.
MAX_ASKED = 20


@dataclass(frozen=True, slots=True)
class Basis:
    """The sources. Its methods raise StoreError and SlackError where something cannot be confirmed.

    Attributes:
        admins: the user ids that the settings name as administrators.
    """

    facts: Gatherer
    rules: policy.Rules
    admins: frozenset[str]
    now: Callable[[], datetime]

    def of_member(self, member: Member) -> policy.Facts:
        """Return what an approval for the member depends on."""
        until = self.facts.within(GATHER_TIMEOUT)
        matter = partial(groups_for_approval, member, rules=self.rules, now=self.now())
        return self.facts.begin(member).end(until, matter)

    def terms(self, member: Member, access: Access, mapping: Mapping | None, wish: str) -> Terms:
        """Return what the rules require of an approval, with the mapping that it adds."""
        rules = self.rules.approval_rules
        groups = self.groups_of(member, (group for rule in rules for group in rule.groups))
        return approval_rules.terms(rules, approval_rules.targets(access, mapping, wish), groups)

    def terms_at(self, press: Press, mapping: Mapping | None) -> Terms:
        """Return what the rules require at a press: of the mapping of earlier approvers as well, which may count."""
        access, request = self.facts.access.read(press.who), press.request
        if request is not None and request.mapping is not None:
            access = replace(access, mappings=(*access.mappings, request.mapping))
        return self.terms(press.who, access, mapping, request.wish if request else "")

    def groups_of(self, member: Member, named: Iterable[str]) -> frozenset[str]:
        """Return the named user groups that the member is in."""
        return frozenset(group for group in {*named} if member.user_id in self._users(member.tenant, group))

    def may_decide(self, by: Member, terms: Collection[Terms]) -> bool:
        """Return whether one of these lets the member decide. Only full members without a deny rule may."""
        every = [rule for each in terms for rule in each.rules]
        listed = {each for rule in every for each in (*rule.approvers, *rule.fallback)}
        # Approvers named by a rule need no admin rule, but must pass every other check on administrators.
        standing = self.admins if listed <= {ADMINS} else self.admins | {by.user_id}
        matter = partial(groups_for_administration, by, admins=standing, now=self.now())
        facts = self.facts.begin(by).end(self.facts.within(GATHER_TIMEOUT), matter)
        if not policy.may_administer(by, facts, standing, self.now()).passed:
            return False
        is_admin = policy.may_administer(by, facts, self.admins, self.now()).passed
        groups = self.groups_of(by, filter(is_group, listed - {ADMINS}))
        return any(each.allow(by.user_id, groups, is_admin=is_admin) for each in terms)

    def standing(self, request: AccessRequest, terms: Terms) -> tuple[str, ...]:
        """Return the earlier approvers who may still decide."""
        tenant = request.member.tenant
        return tuple(user for user in request.approvers if self.may_decide(Member(tenant, user), [terms]))

    def may_look(self, by: Member, domain: str | None = None) -> bool:
        """Return whether a member approves any access request in this domain, and so may name its profile."""
        rules = (*self.rules.approval_rules, DEFAULT)
        about = [rule for rule in rules if domain is None or not rule.domains or domain in rule.domains]
        return self.may_decide(by, [Terms((rule,)) for rule in about])

    def asked(self, request: AccessRequest) -> tuple[frozenset[str], frozenset[str]]:
        """Return the approvers that the rules name for an access request, and the fallback; never the member."""
        member = request.member
        terms = self.terms(member, self.facts.access.read(member), None, request.wish)
        found = []
        for names in ("approvers", "fallback"):
            listed = {each for rule in terms.rules for each in getattr(rule, names)}
            users = listed - {ADMINS}
            of_groups = {user for each in users if is_group(each) for user in self._users(member.tenant, each)}
            users = {user for user in users if not is_group(user)} | set(sorted(of_groups)[:MAX_ASKED])
            users |= self.admins if ADMINS in listed else set()
            found.append(frozenset(users - {member.user_id}))
        return found[0], found[1]

    def span(self, member: Member, facts: policy.Facts, terms: Terms, days: int | None) -> timedelta | None:
        """Return how long a rule without approvers lets the member in; None if they need an approver."""
        named = [rule.automatic.groups for rule in terms.rules if rule.automatic is not None]
        if len(named) < len(terms.rules) or not facts.access.mappings:
            return None
        domains = {mapping.domain_id for mapping in facts.access.mappings}
        approved = replace(facts, access=if_approved(member, facts.access))
        helps = isinstance(policy.preview(member, approved, self.rules, self.now()), Allowed)
        if not helps or self.rules.approvals_for(domains) > 1:
            return None
        groups = self.groups_of(member, (group for groups in named for group in groups))
        return terms.automatic_for(days, facts.person, groups)

    def hopeless(self, member: Member, facts: policy.Facts) -> Denied | None:
        """Return the reason why an approval would not help the member."""
        approved = replace(facts, access=if_approved(member, facts.access))
        outcome = policy.preview(member, approved, self.rules, self.now())
        return outcome if isinstance(outcome, Denied) and outcome.reason in BEYOND_APPROVAL else None

    def obstacle(
        self,
        request: AccessRequest,
        facts: policy.Facts,
        terms: Terms,
        mapping: Mapping | None,
        *,
        asked_for: bool,
        profile: Ownership | None,
    ) -> DecisionResult | None:
        """Return the obstacle to an approval.

        Args:
            profile: the ownership of the mapping's profile.
        """
        has, denied = facts.access.mappings, self.hopeless(request.member, facts)
        if denied is not None:
            return BEYOND_APPROVAL[denied.reason]
        if mapping is None and (not has or (request.wish and not asked_for)):
            return DecisionResult.NEEDS_MAPPING
        if terms.without_ticket(request.reason) is not None:
            return DecisionResult.NEEDS_TICKET
        in_use = mapping is not None and any(m.alias == mapping.alias and not m.same_profile(mapping) for m in has)
        if in_use:
            return DecisionResult.ALIAS_IN_USE
        was_anothers = profile is not None and profile.holder is None and profile.is_foreign(request.member)
        return DecisionResult.HAD_OWNER if was_anothers else None  # `map` asks a second administrator

    def _users(self, tenant: str, group: str) -> frozenset[str]:
        return self.facts.groups.group_members(tenant, group, even_disabled=False)
