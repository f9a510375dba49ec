"""Gather what is known of a member: the one place that does, side by side and with one deadline."""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import structlog

from bot.core.access import Access, Effect, Grant, Mapping, Member, Person
from bot.core.errors import SlackError, StoreError, UpstreamError
from bot.core.link import Allowed, Reason
from bot.core.policy import Facts, Rules, considered, may_administer, preview
from bot.core.ports import NO_SUCH_GROUP, AccessReader, Directory
from bot.core.values import DEFAULT_ALIAS
from bot.links.people import People

T = TypeVar("T")
log = structlog.get_logger()
# Any mapping will do where the question is whether a member could open one.
SOME_MAPPING = Mapping(DEFAULT_ALIAS, "d-any", "any")
# Which group rules an answer depends on; see `groups_for_link` and its siblings.
GroupsThatMatter = Callable[[Facts], Sequence[Grant]]


@dataclass(frozen=True, slots=True)
class Gatherer:
    """The sources of facts. Every deadline (`until`) is a time of the monotonic clock, in seconds.

    Attributes:
        people: a cache in front of Slack, or Slack itself where nothing may be out of date.
        groups: a cache: Slack allows some twenty look-ups of groups a minute.
        kept: Slack's records as they were kept; None where nothing may be out of date.
        side: runs calls side by side, and lets the caller stop waiting for one that hangs.
    """

    access: AccessReader
    people: Directory
    groups: Directory
    side: Executor
    monotonic: Callable[[], float] = time.monotonic
    kept: People | None = None

    def within(self, seconds: float) -> float:
        """Return the deadline that many seconds from now."""
        return self.monotonic() + seconds

    def wait(self, until: float, future: Future[T], failure: type[UpstreamError], service: str) -> T:
        """Return the future's result, or raise `failure` at the deadline, with the reason TOO_LATE."""
        try:
            return future.result(timeout=max(0.0, until - self.monotonic()))
        except TimeoutError:
            future.cancel()  # nobody would use the result of a call that has not begun
            raise failure(
                f"{service} did not answer in time: try again in a minute", reason=Reason.TOO_LATE
            ) from None

    def begin(self, member: Member, person: Person | None = None) -> "Gathering":
        """Start reading a member's records and asking Slack who they are, unless that is known already."""
        record = self.side.submit(self.access.read, member)
        if person is None and (self.kept is None or not self.kept.in_use):
            return Gathering(self, member, record, self.side.submit(self.people.person, member))
        return Gathering(self, member, record, person)

    def with_groups(self, member: Member, facts: Facts, until: float, matter: GroupsThatMatter) -> Facts:
        """Add the group memberships on which an answer depends. Those that could not be confirmed stay missing."""
        asked = {grant: self.side.submit(is_in, self.groups, member, grant) for grant in matter(facts)}
        found = {}
        for grant, answer in asked.items():
            try:
                found[grant] = self.wait(until, answer, SlackError, "Slack")
            except SlackError as error:  # logged, because administrators have to learn why members are refused
                log.warning("group_not_confirmed", group=grant.principal, effect=grant.effect.value, why=str(error))
        return replace(facts, memberships={**facts.memberships, **found})


@dataclass(frozen=True, slots=True)
class Gathering:
    """Facts on their way."""

    gatherer: Gatherer
    member: Member
    record: Future[Access]
    person: Person | Future[Person] | None

    def end(self, until: float, matter: GroupsThatMatter) -> Facts:
        """Wait for the facts.

        Raises:
            StoreError, SlackError: they could not be gathered, or not in time.
        """
        sources, person = self.gatherer, self.person
        access = sources.wait(until, self.record, StoreError, "DynamoDB")
        if person is None and sources.kept is not None:
            person = sources.kept.known(access)
        if not isinstance(person, Person):
            asked = person or sources.side.submit(sources.people.person, self.member)
            person = sources.wait(until, asked, SlackError, "Slack")
            if sources.kept is not None:  # beside what follows; a failure costs the next request a look-up
                sources.side.submit(sources.kept.learn, self.member, person)
        facts = Facts(person, access)
        return sources.with_groups(self.member, facts, until, matter) if access.group_grants else facts


def is_in(directory: Directory, member: Member, grant: Grant) -> bool:
    """Return whether the member is in the group of a rule.

    A group that Slack does not know or has disabled allows nobody. But a deny rule must not lapse with its group:
    for it a disabled group still counts, and an unknown one is an error.

    Raises:
        SlackError: it could not be confirmed.
    """
    denies = grant.effect is Effect.DENY
    try:
        return member.user_id in directory.group_members(member.tenant, grant.principal, even_disabled=denies)
    except SlackError as error:
        if error.code == NO_SUCH_GROUP and not denies:
            return False
        raise


def if_approved(member: Member, access: Access) -> Access:
    """Return the records as an approved access request would leave them."""
    allow = Grant(member.user_id, Effect.ALLOW)
    return replace(access, mappings=access.mappings or (SOME_MAPPING,), grants=(*access.grants, allow))


def groups_for_link(member: Member, facts: Facts, rules: Rules, now: datetime) -> tuple[Grant, ...]:
    """Return the group rules on which the member's next link depends."""
    return _that_matter(member, facts, now, lambda best: isinstance(preview(member, best, rules, now), Allowed))


def groups_for_approval(member: Member, facts: Facts, rules: Rules, now: datetime) -> tuple[Grant, ...]:
    """Return the group rules on which it depends whether an approval would help the member."""
    return groups_for_link(member, replace(facts, access=if_approved(member, facts.access)), rules, now)


def groups_for_administration(
    member: Member, facts: Facts, admins: Collection[str], now: datetime
) -> tuple[Grant, ...]:
    """Return the group rules on which it depends whether the member may administer: those that deny."""
    found = _that_matter(member, facts, now, lambda best: may_administer(member, best, admins, now).passed)
    return tuple(grant for grant in found if grant.effect is Effect.DENY)


def unknown_groups(member: Member, facts: Facts, now: datetime) -> tuple[Grant, ...]:
    """Return every group rule that may apply to the member, for all that is known."""
    return tuple(rule.grant for rule in considered(member, facts, now) if rule.applies is None)


def _that_matter(member: Member, facts: Facts, now: datetime, allows: Callable[[Facts], bool]) -> tuple[Grant, ...]:
    """Return the unknown group rules, or none if the answer is "no" even in the best case."""
    unknown = unknown_groups(member, facts, now)
    best = {grant: grant.effect is Effect.ALLOW for grant in unknown}
    return unknown if unknown and allows(replace(facts, memberships={**facts.memberships, **best})) else ()
