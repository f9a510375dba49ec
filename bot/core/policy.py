"""Decide on links: a pure function of the target, the facts and the time.

Explicit deny beats an unexpired allow, which beats the default: deny. A rule is about the member, or about a user
group and so about its members. Of the rules of one kind the member's own is the one that counts; but one that
has ended hides nothing. In a column that says "any", nothing changes the outcome.

| a deny rule is in force: own, or of a group | an allow rule is in force: own | of a group  | outcome              |
|---------------------------------------------|--------------------------------|-------------|----------------------|
| yes                                         | any                            | any         | denied               |
| a group's, if the member is in it: unknown  | any                            | any         | cannot be confirmed  |
| no                                          | yes                            | any         | allowed, by the own  |
| no                                          | no                             | yes         | allowed, by a group's|
| no                                          | no                             | unknown     | cannot be confirmed  |
| no                                          | ended                          | no          | access has ended     |
| no                                          | no                             | no          | not allowed          |
"""

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.core.access import Access, Effect, Grant, Mapping, Member, Person
from bot.core.approval_rules import ApprovalRule
from bot.core.link import LANDING_URIS, Allowed, Check, Denied, Reason, Target
from bot.core.values import is_group


@dataclass(slots=True)
class Rules:
    """The installation's settings for everybody.

    Only `approval_rules` change while the bot runs, in one assignment: each decision reads them once.

    Attributes:
        sole_admin: whether the installation says that it has one administrator, who may allow themselves.
        approvals: how many administrators have to approve an access request.
        domain_approvals: the same for a member with a mapping in that domain.
        approval_rules: the rules on access requests, of which the first that fits counts.
    """

    allow_guests: bool = False
    links_per_minute: int = 5
    sole_admin: bool = False
    approvals: int = 1
    domain_approvals: Dictionary[str, int] = field(default_factory=dict)
    approval_rules: tuple[ApprovalRule, ...] = ()

    def approvals_for(self, domains: Collection[str]) -> int:
        """Return how many administrators have to approve access to these domains: the most that one of them needs."""
        return max((self.domain_approvals.get(domain, self.approvals) for domain in domains), default=self.approvals)


@dataclass(frozen=True, slots=True)
class Considered:
    """An allow or deny rule as a decision sees it.

    Attributes:
        applies: whether it is in force for the member; None if that could not be confirmed.
        why: the same in words for admins.
        decides: whether it is the rule that settles the matter.
    """

    grant: Grant
    applies: bool | None
    why: str
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision rests on.

    Attributes:
        within_rate: whether the member got fewer links in this minute than the rules allow.
        memberships: whether the member is in the group of each group rule; without a rule, it is unconfirmed.
    """

    person: Person
    access: Access
    within_rate: bool = True
    memberships: Dictionary[Grant, bool] = field(default_factory=dict)


# The span of time in which links are counted.
MINUTE = timedelta(minutes=1)
# The checks that rest on what Slack says of an account.
OF_SLACK = ("full member", "guest")


def decide(member: Member, target: Target, facts: Facts, rules: Rules, now: datetime) -> Allowed | Denied:
    """Return the decision, with every check that led to it. The first check that fails denies."""
    checks: list[Check] = []
    mapping, seen = chosen_mapping(facts.access.mappings, target), considered(member, facts, now)
    for reason, check in _weigh(member, target, facts, rules, mapping=mapping, seen=seen, now=now):
        checks.append(check)
        if not check.passed:
            return Denied(
                reason,
                detail=check.detail,
                notice=facts.access.lockdown.reason if reason is Reason.LOCKDOWN and facts.access.lockdown else None,
                mapping=mapping,
                mappings=facts.access.mappings,
                target=target,
                locale=facts.person.locale,
                checks=tuple(checks),
                retry_at=now.replace(second=0, microsecond=0) + MINUTE if reason is Reason.TOO_MANY else None,
            )
    allow = _first(seen, Effect.ALLOW, applies=True)
    if mapping is None or allow is None:  # _weigh has refused both; a change to it must not issue a link
        return Denied(Reason.INTERNAL, detail="the checks passed without a mapping and an allow rule")
    aliases = tuple(sorted(m.alias for m in facts.access.mappings))
    landing_uri = LANDING_URIS[target.app] if target.app else mapping.landing_uri
    mapping = replace(mapping, landing_uri=landing_uri, space_name=target.space or mapping.space_name)
    return Allowed(member, mapping, allow.grant, aliases, facts.person.locale, tuple(checks))


def preview(member: Member, facts: Facts, rules: Rules, now: datetime) -> Allowed | Denied:
    """Return the decision on the member's next request; nothing follows from it."""
    # The first mapping stands for all: the decision is the same for each.
    target = Target(facts.access.mappings[0].alias) if facts.access.mappings else Target()
    return decide(member, target, facts, rules, now)


def chosen_mapping(mappings: Sequence[Mapping], target: Target) -> Mapping | None:
    """Return the mapping that the member means: the named one, or the only one."""
    if target.alias is None:
        return mappings[0] if len(mappings) == 1 else None
    return next((m for m in mappings if m.alias == target.alias), None)


def may_administer(member: Member, facts: Facts, configured: Collection[str], now: datetime) -> Check:
    """Check whether a member may administer from Slack. Anything against them outweighs all in their favour.

    Guests never do, and a deny rule takes this away as well. A lockdown does not: somebody has to end it.

    Args:
        configured: the user ids that the settings name.
    """
    own = [g for g in facts.access.grants if g.principal == member.user_id and g.effect is Effect.ADMIN]
    granted = next((grant for grant in own if grant.holds_at(now)), None)
    seen = considered(member, facts, now)
    deny, unsure = _first(seen, Effect.DENY, applies=True), _unconfirmed(seen, Effect.DENY)
    against = [
        ineligible_reason(member, facts.person),
        "a guest" if facts.person.guest else None,
        f"cannot be read: {', '.join(facts.access.unreadable)}" if facts.access.unreadable else None,
        deny.grant.describe(now) if deny else None,
        unsure or None,
    ]
    in_favour = [
        "named in STUDIO_ADMINS" if member.user_id in configured else None,
        granted.describe(now) if granted else None,
    ]
    first = next(filter(None, against), None)
    if first is not None:
        return Check("administrator", passed=False, detail=first)
    why = next(filter(None, in_favour), None)
    return Check("administrator", why is not None, why or (own[0].describe(now) if own else "no admin rule"))


def _weigh(
    member: Member,
    target: Target,
    facts: Facts,
    rules: Rules,
    *,
    mapping: Mapping | None,
    seen: Sequence[Considered],
    now: datetime,
) -> Iterator[tuple[Reason, Check]]:
    """Yield each check in the order in which it is made, with the reason it denies for when it fails."""
    person, access = facts.person, facts.access

    problem = ineligible_reason(member, person)
    yield (
        Reason.NOT_A_MEMBER,
        Check("full member", problem is None, problem or "Slack knows an active account of this team"),
    )

    admitted = not person.guest or rules.allow_guests
    guest_detail = (
        "not a guest" if not person.guest else f"a guest; STUDIO_ALLOW_GUESTS is {str(rules.allow_guests).lower()}"
    )
    yield Reason.GUEST, Check("guest", admitted, guest_detail)

    lockdown = access.lockdown
    yield Reason.LOCKDOWN, Check("no lockdown", lockdown is None, lockdown.describe() if lockdown else "none")

    broken = ", ".join(access.unreadable)
    yield Reason.STORE_UNREADABLE, Check("records readable", not broken, broken or "all of them")

    deny, unsure = _first(seen, Effect.DENY, applies=True), _unconfirmed(seen, Effect.DENY)
    yield Reason.DENIED, Check("no deny rule", deny is None, deny.grant.describe(now) if deny else "none in force")

    # Before the groups that are unknown: no group of a member who has nothing to open is looked up.
    yield Reason.NOT_MAPPED, Check("mapped", bool(access.mappings), f"{len(access.mappings)} mapping(s)")

    yield Reason.GROUP_UNCONFIRMED, Check("in no denied group", not unsure, unsure or "none")

    allow, unsure, counts = (
        _first(seen, Effect.ALLOW, applies=True),
        _unconfirmed(seen, Effect.ALLOW),
        _allow_rule(seen),
    )
    missing = Reason.GRANT_EXPIRED if counts else Reason.NOT_ALLOWED
    yield (
        Reason.GROUP_UNCONFIRMED if unsure else missing,
        Check("allow rule", allow is not None, counts.describe(now) if counts else unsure or "no allow rule"),
    )

    yield (
        Reason.TOO_MANY,
        Check(
            "rate",
            facts.within_rate,
            f"{'at most' if facts.within_rate else 'more than'} {rules.links_per_minute} links this minute",
        ),
    )

    unnamed = target.space == ""
    if mapping is not None:
        what = f"{mapping.alias}: {mapping.profile_name} in {mapping.domain_id}{', some space' if unnamed else ''}"
    else:
        what = f"no mapping called {target.alias}" if target.alias else "several mappings, none named"
    yield (
        Reason.UNKNOWN_ALIAS if target.alias and mapping is None else Reason.CHOOSE,
        Check("one thing to open", mapping is not None and not unnamed, what),
    )


def ineligible_reason(member: Member, person: Person) -> str | None:
    """Return why Slack's record rules the account out; None if nothing does, apart from being a guest."""
    if person.user_id != member.user_id:
        return "Slack answered for another account"
    if member.tenant not in (person.team_id, person.enterprise_id, *person.teams):
        return f"belongs to another workspace: {person.team_id or 'Slack does not say which'}"
    return person.ineligible_reason


def allowance(member: Member, facts: Facts, now: datetime) -> Grant | None:
    """Return the allow rule that counts for the member, or else their own that has ended."""
    return _allow_rule(considered(member, facts, now))


def considered(member: Member, facts: Facts, now: datetime) -> tuple[Considered, ...]:
    """Return every allow and deny rule that may concern the member, in the order in which they count."""
    access = facts.access
    own = [grant for grant in access.grants if grant.principal == member.user_id and grant.effect is not Effect.ADMIN]
    in_force = {grant.effect for grant in own if grant.holds_at(now)}
    # One's own deny rule settles everything; one's own allow rule settles what groups allow.
    settled = set(Effect) if Effect.DENY in in_force else in_force
    seen = []
    for grant in sorted((*own, *access.group_grants), key=_precedence):
        applies, why = facts.memberships.get(grant), "whether the member is in it could not be confirmed"
        if not grant.holds_at(now):
            applies, why = False, "ended"
        elif not is_group(grant.principal):
            applies, why = True, "in force"
        elif grant.effect in settled:
            applies, why = False, "not looked up: the member's own rule comes first"
        elif applies is not None:
            why = "the member is in it" if applies else "the member is not in it"
        seen.append(Considered(grant, applies, why))
    deciding = (
        _first(seen, Effect.DENY, applies=True)
        or _first(seen, Effect.DENY, applies=None)
        or _first(seen, Effect.ALLOW, applies=True)
    )
    return tuple(replace(rule, decides=rule is deciding) for rule in seen)


def _precedence(grant: Grant) -> tuple[bool, bool, float, str]:
    """Deny before allow, the member's own before those of groups, and then the one that lasts longest."""
    lasts = grant.until.timestamp() if grant.until else float("inf")
    return grant.effect is not Effect.DENY, is_group(grant.principal), -lasts, grant.principal


def _first(seen: Sequence[Considered], effect: Effect, *, applies: bool | None) -> Considered | None:
    return next((rule for rule in seen if rule.applies is applies and rule.grant.effect is effect), None)


def _allow_rule(seen: Sequence[Considered]) -> Grant | None:
    own = (rule for rule in seen if rule.grant.effect is Effect.ALLOW and not is_group(rule.grant.principal))
    rule = _first(seen, Effect.ALLOW, applies=True) or next(own, None)
    return rule.grant if rule else None


def _unconfirmed(rules: Sequence[Considered], effect: Effect) -> str:
    """The groups of that effect in which the member may be; empty if there are none."""
    groups = [rule.grant.principal for rule in rules if rule.applies is None and rule.grant.effect is effect]
    return (
        f"cannot be confirmed: {effect} {', '.join(groups)} (ask Slack again, or forget the rule)" if groups else ""
    )
