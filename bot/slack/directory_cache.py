"""Cache of accounts and user groups, with one call to Slack at a time for each.

A `users.info` call takes ten times as long as all DynamoDB calls of a request. Slack allows about a hundred of them a
minute, and about twenty of `usergroups.users.list` and of `usergroups.list`. docs/SECURITY.md says how late a change
can apply. Access rules are never cached.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from cachetools import TTLCache

from bot.core.access import Member, Person
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.core.policy import ineligible_reason
from bot.core.ports import NO_SUCH_GROUP, Directory
from bot.slack.accounts import UserGroup

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_ENTRIES = 10_000
GROUP_SECONDS = 60
# Long enough for a burst to share one failed group look-up, short enough for the next try to ask Slack again.
GROUP_FAILURE_SECONDS = 2
# A list that did not arrive, such as one too long for a call's timeout: until then it asks for each group alone.
LIST_FAILURE_SECONDS = 600


@dataclass(slots=True)
class Answer(Generic[V]):
    """An answer, or the call that brings it: a future takes two kilobytes, and there may be thousands of answers."""

    call: Future[V] | None
    value: V | None = None

    def result(self) -> V:
        """Wait for the answer and return it; raise what the call raised."""
        call = self.call
        return cast(V, self.value) if call is None else call.result()


class SingleFlightCache(Generic[K, V]):
    """Share one call among concurrent callers, and its answer with later ones. Ages count from the call's start.

    cachetools' own `cached(condition=...)` shares no failures: waiting callers would repeat a failed call one by one.

    Args:
        seconds: how long answers are kept, unless `keep` says no.
        failure_seconds: how long errors are kept.
    """

    def __init__(
        self,
        seconds: float,
        *,
        failure_seconds: float = 0,
        keep: Callable[[K, V], bool] = lambda _key, _answer: True,
        monotonic: Callable[[], float],
        max_entries: int,
    ) -> None:
        self._answers: TTLCache[K, Answer[V]] = TTLCache(max_entries, seconds, monotonic)
        self._failures: TTLCache[K, Answer[V]] = TTLCache(max_entries, failure_seconds, monotonic)
        self._keep = keep
        self._lock = threading.Lock()

    def get(self, key: K, call: Callable[[], V]) -> V:
        """Return the cached answer or that of `call`; raise what it raised."""
        with self._lock:
            known = self._answers.get(key) or self._failures.get(key)
            if known is None:
                future: Future[V] = Future()
                answer = self._answers[key] = Answer(future)
        if known is not None:
            return known.result()
        self._call(key, answer, future, call)
        return future.result()

    def _call(self, key: K, answer: Answer[V], future: Future[V], call: Callable[[], V]) -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - `result` raises it, for every caller
            with self._lock:
                self._answers.pop(key, None)
                self._failures[key] = answer
            future.set_exception(error)
            return
        if not self._keep(key, value):
            with self._lock:
                self._answers.pop(key, None)
        future.set_result(value)
        answer.value, answer.call = value, None


class SlackDirectory(Directory, Protocol):
    """What a cached directory asks."""

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
            return self._lists.get(tenant, lambda: self._directory.all_groups(tenant))
        except SlackError:  # counted and logged where it happened
            return None


def _is_eligible(member: Member, person: Person) -> bool:
    return ineligible_reason(member, person) is None and not person.guest
