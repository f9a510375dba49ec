"""Explain to administrators what `/studio` would answer a member."""

from dataclasses import dataclass, replace

from bot.admin.approvers import Basis
from bot.admin.changes import Admin
from bot.admin.examination import examined
from bot.core import approval_rules, policy
from bot.core.access import Member, Person
from bot.core.approval_rules import ApprovalRule
from bot.core.link import Allowed, Denied, Target
from bot.links.facts import Gatherer, unknown_groups

# The detail of checks that need Slack, where no token is set.
ASSUMED = "assumed: Slack was not asked"
# Seconds that explaining a decision may take.
EXPLAIN_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision that has no effect.

    Attributes:
        slack_asked: whether it used Slack's record of the member and the groups.
        rules: every rule that was considered.
        approval: the rules on a request for more access.
        unknown: why SageMaker did not say whether the profile can be opened; None if it did.
    """

    decision: Allowed | Denied
    slack_asked: bool
    rules: tuple[policy.Considered, ...] = ()
    approval: tuple[ApprovalRule, ...] = ()
    unknown: str | None = None


def explain(admin: Admin, member: Member, alias: str | None, gatherer: Gatherer | None) -> Explanation:
    """Explain the answer to the member's next request. Without a gatherer, assume an ordinary member."""
    target, now = Target(alias), admin.now()
    if gatherer is None:
        facts = policy.Facts(Person(member.user_id, member.tenant), admin.access.read(member))
    else:
        until = gatherer.within(EXPLAIN_TIMEOUT)
        facts = gatherer.begin(member).end(until, lambda known: unknown_groups(member, known, now))
    decision = policy.decide(member, target, facts, admin.rules, now)
    if gatherer is None:
        checks = (replace(c, detail=ASSUMED) if c.name in policy.OF_SLACK else c for c in decision.checks)
        decision = replace(decision, checks=tuple(checks))
    decision, unknown = examined(decision, admin.studio)
    rules = policy.considered(member, facts, now)
    if gatherer is None:
        terms = approval_rules.terms(admin.rules.approval_rules, approval_rules.targets(facts.access, None, ""), ())
    else:
        terms = Basis(gatherer, admin.rules, frozenset(), admin.now).terms(member, facts.access, None, "")
    return Explanation(decision, gatherer is not None, rules, terms.rules, unknown)
