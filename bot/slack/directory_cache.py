"""Cache of accounts and user groups, with one call to Slack at a time for each.

A `users.info` call takes ten times as long as all DynamoDB calls of a request. Slack allows about a hundred of them a
minute, and about twenty of `usergroups.users.list` and of `usergroups.list`. docs/SECURITY.md says how late a change
can apply. Access rules are never cached.
"""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from bot.core.access import Member, Person
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.core.policy import ineligible_reason
from bot.core.ports import NO_SUCH_GROUP, Directory
from bot.single_flight import SingleFlightCache
from bot.slack.accounts import UserGroup

MAX_ENTRIES = 10_000
GROUP_SECONDS = 60
# Long enough for a burst to share one failed group look-up, short enough for the next try to ask Slack again.
GROUP_FAILURE_SECONDS = 2
# How long to look up groups one by one after the list failed, for example because it takes longer than a call may.
LIST_FAILURE_SECONDS = 600


class SlackDirectory(Directory, Protocol):
    """The calls that a cached directory makes."""

    def all_groups(self, tenant: str) -> Mapping[str, UserGroup]:
        """Return every user group by id; SlackError without an answer."""


class CachedDirectory:
    """Cache another directory; see `ports.Directory`.

    Where rules name several groups, one list of all groups answers for each.

    Only accounts in good standing are cached: a refusal may come late by as much as `seconds`, but never stays longer
    than Slack says so.
    """

    def __init__(
        self,
        directory: SlackDirectory,
        *,
        seconds: int,
        monotonic: Callable[[], float] = time.monotonic,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._directory = directory
        self._people = SingleFlightCache[Member, Person](
            seconds, keep=_is_eligible, monotonic=monotonic, max_entries=max_entries
        )
        self._groups = SingleFlightCache[tuple[str, str, bool], frozenset[str] | None](
            GROUP_SECONDS, failure_seconds=GROUP_FAILURE_SECONDS, monotonic=monotonic, max_entries=max_entries
        )

        self._lists = SingleFlightCache[str, Mapping[str, UserGroup]](
            GROUP_SECONDS, failure_seconds=LIST_FAILURE_SECONDS, monotonic=monotonic, max_entries=max_entries
        )
        self._asked: dict[str, set[str]] = {}

    def person(self, member: Member) -> Person:
        return self._people.get(member, lambda: self._directory.person(member))

    def group_members(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str]:
        asked = self._asked.setdefault(tenant, set())
        asked.add(group)
        listed = self._list(tenant) if len(asked) > 1 else None
        found = listed.get(group) if listed is not None else None
        if found is not None:
            users = found.users if even_disabled or not found.disabled else None
        else:  # also for a group that is newer than the list
            key = tenant, group, even_disabled
            users = self._groups.get(key, lambda: self._users(tenant, group, even_disabled=even_disabled))
        if users is None:
            raise SlackError("Slack has no such user group", reason=Reason.SLACK_REFUSED, code=NO_SUCH_GROUP)
        return users

    def all_groups(self, tenant: str) -> Mapping[str, UserGroup]:
        """Return every user group by id; SlackError if Slack could not list them lately."""
        return self._lists.get(tenant, lambda: self._directory.all_groups(tenant))

    def _users(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str] | None:
        """Return the users of a group; None, which is cached as long, if Slack knows no such group."""
        try:
            return self._directory.group_members(tenant, group, even_disabled=even_disabled)
        except SlackError as error:
            if error.code == NO_SUCH_GROUP:
                return None
            raise

    def _list(self, tenant: str) -> Mapping[str, UserGroup] | None:
        """Return all user groups; None if Slack could not list them lately."""
        try:
            return self.all_groups(tenant)
        except SlackError:  # counted and logged where it happened
            return None


def _is_eligible(member: Member, person: Person) -> bool:
    return ineligible_reason(member, person) is None and not person.guest
