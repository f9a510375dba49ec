"""Who may have a link: a pure function of the request, the facts and the time.

Explicit deny beats an unexpired allow, which beats the default: deny.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.model import (
    Access,
    Allowed,
    Check,
    Denied,
    Door,
    Effect,
    Grant,
    LinkRequest,
    Mapping,
    Member,
    Person,
    Reason,
    Target,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the installation has settled for everybody."""

    allow_guests: bool = False
    links_per_minute: int = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision rests on.

    Attributes:
        within_rate: whether the member has not yet asked more often in this minute than the rules allow.
    """

    person: Person
    access: Access
    within_rate: bool = True


def decide(request: LinkRequest, facts: Facts, rules: Rules, now: datetime) -> Allowed | Denied:
    """The decision, with every check that led to it. The first check that fails denies."""
    checks: list[Check] = []
    mapping = chosen_mapping(facts.access.mappings, request.target)
    for reason, check in _weigh(request, facts, rules, now):
        checks.append(check)
        if not check.passed:
            return Denied(
                reason,
                detail=check.detail,
                notice=facts.access.lockdown.reason if reason is Reason.LOCKDOWN and facts.access.lockdown else None,
                mapping=mapping,
                mappings=facts.access.mappings,
                target=request.target,
                locale=facts.person.locale,
                checks=tuple(checks),
            )
    grant = _in_force(facts.access.grants, request.member, Effect.ALLOW, now)
    if mapping is None or grant is None:  # _weigh has refused both; a change to it must not open a door
        return Denied(Reason.INTERNAL, detail="the checks passed without a mapping and an allow rule")
    aliases = tuple(sorted(m.alias for m in facts.access.mappings))
    return Allowed(request.member, request.target.within(mapping), grant, aliases, facts.person.locale, tuple(checks))


def outlook(member: Member, facts: Facts, rules: Rules, now: datetime) -> Allowed | Denied:
    """What the member's next request would be told; nothing follows from it."""
    # The first mapping stands for all: which one is opened decides nothing about whether.
    target = Target(facts.access.mappings[0].alias) if facts.access.mappings else Target()
    request = LinkRequest(id="", attempt="", member=member, door=Door.COMMAND, at=now, started=0.0, target=target)
    return decide(request, facts, rules, now)


def chosen_mapping(mappings: Sequence[Mapping], target: Target) -> Mapping | None:
    """The mapping the member means: the named one, or the only one."""
    if target.alias is None:
        return mappings[0] if len(mappings) == 1 else None
    return next((m for m in mappings if m.alias == target.alias), None)


def may_administer(member: Member, facts: Facts, configured: Collection[str], now: datetime) -> Check:
    """Whether a member may administer from Slack. Whatever speaks against them outweighs what makes them one.

    Guests never do, and a deny rule takes this away as well. A lockdown does not: somebody has to end it.

    Args:
        configured: the user ids that the settings name.
    """
    person, grants = facts.person, facts.access.grants
    granted, deny = (_in_force(grants, member, effect, now) for effect in (Effect.ADMIN, Effect.DENY))
    lapsed = rule_of(grants, member, Effect.ADMIN)
    against = [
        unfit(member, person),
        "a guest" if person.guest else None,
        f"cannot be read: {', '.join(facts.access.unreadable)}" if facts.access.unreadable else None,
        deny.in_words(now) if deny else None,
    ]
    in_favour = [
        "named in STUDIO_ADMINS" if member.user_id in configured else None,
        granted.in_words(now) if granted else None,
    ]
    first = next(filter(None, against), None)
    if first is not None:
        return Check("administrator", passed=False, detail=first)
    why = next(filter(None, in_favour), None)
    return Check("administrator", why is not None, why or (lapsed.in_words(now) if lapsed else "no admin rule"))


def _weigh(request: LinkRequest, facts: Facts, rules: Rules, now: datetime) -> Iterator[tuple[Reason, Check]]:
    """Each check in the order in which it is made, with the reason it denies for when it fails."""
    member, person, access = request.member, facts.person, facts.access

    problem = unfit(member, person)
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
    yield Reason.LOCKDOWN, Check("no lockdown", lockdown is None, lockdown.in_words() if lockdown else "none")

    broken = ", ".join(access.unreadable)
    yield Reason.STORE_UNREADABLE, Check("records readable", not broken, broken or "all of them")

    deny = _in_force(access.grants, member, Effect.DENY, now)
    yield Reason.DENIED, Check("no deny rule", deny is None, deny.in_words(now) if deny else "none in force")

    yield Reason.NOT_MAPPED, Check("mapped", bool(access.mappings), f"{len(access.mappings)} mapping(s)")

    allow = _in_force(access.grants, member, Effect.ALLOW, now)
    lapsed = rule_of(access.grants, member, Effect.ALLOW)
    yield (
        Reason.GRANT_EXPIRED if lapsed else Reason.NOT_ALLOWED,
        Check("allow rule", allow is not None, lapsed.in_words(now) if lapsed else "no allow rule"),
    )

    yield (
        Reason.TOO_MANY,
        Check(
            "rate",
            facts.within_rate,
            f"{'at most' if facts.within_rate else 'more than'} {rules.links_per_minute} requests this minute",
        ),
    )

    mapping = chosen_mapping(access.mappings, request.target)
    unnamed = request.target.space == ""
    yield (
        Reason.UNKNOWN_ALIAS if request.target.alias and mapping is None else Reason.CHOOSE,
        Check("one thing to open", mapping is not None and not unnamed, _choice(mapping, request.target)),
    )


def unfit(member: Member, person: Person) -> str | None:
    """Why Slack's record rules the account out, for this member; None if nothing but being a guest may."""
    if person.user_id != member.user_id:
        return "Slack answered for another account"
    if member.tenant not in (person.team_id, person.enterprise_id):
        return f"belongs to another workspace: {person.team_id}"
    return person.unfit


def rule_of(grants: Sequence[Grant], member: Member, effect: Effect) -> Grant | None:
    """The member's rule of that effect, whether or not it has lapsed."""
    return next((g for g in grants if g.principal == member.user_id and g.effect is effect), None)


def _in_force(grants: Sequence[Grant], member: Member, effect: Effect, now: datetime) -> Grant | None:
    matching = (g for g in grants if g.principal == member.user_id and g.effect is effect)
    return next((g for g in matching if g.holds_at(now)), None)


def _choice(mapping: Mapping | None, target: Target) -> str:
    if mapping is None:
        return f"no mapping called {target.alias}" if target.alias else "several mappings, none named"
    what = f"{mapping.alias}: {mapping.profile_name} in {mapping.domain_id}"
    return f"{what}, some space" if target.space == "" else what
