"""Who the members are and who is in the groups, asked of Slack at most once in a while and once at a time.

`users.info` takes as long as all of DynamoDB's part of a request ten times over, and Slack allows some hundred of
them a minute; of `usergroups.users.list` some twenty. So for a short while the process takes Slack's word of before.
What that may delay is written in docs/SECURITY.md; nothing about access is ever kept.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.core.access import Member, Person
from bot.core.policy import ineligible_reason
from bot.core.ports import Directory

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX = 10_000
# How long the members of a group are kept, in seconds.
GROUP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Asked(Generic[V]):
    """A question to Slack, answered or under way. Its age is counted from asking."""

    at: float
    answer: "Future[V]"


class Memory(Generic[K, V]):
    """Answers that are kept for a while, unless they are errors or `keep` says no.

    Whoever asks what another thread is just asking waits for the same answer.
    """

    def __init__(
        self,
        *,
        seconds: float,
        keep: Callable[[K, V], bool] = lambda _key, _answer: True,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = MAX,
    ) -> None:
        self._seconds = seconds
        self._keep = keep
        self._monotonic = monotonic
        self._most = most
        self._lock = threading.Lock()
        self._asked: OrderedDict[K, Asked[V]] = OrderedDict()  # in the order of asking

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """The answer of now or of a moment ago."""
        with self._lock:
            self._forget_the_old()
            known = self._asked.get(key)
            asking = known or Asked(self._monotonic(), Future())
            self._asked[key] = asking
        if known is None:
            self._ask(key, asking, ask)
        return asking.answer.result()

    def _ask(self, key: K, asking: Asked[V], ask: Callable[[], V]) -> None:
        try:
            answer = ask()
        except BaseException as error:
            self._forget(key, asking)
            asking.answer.set_exception(error)
            raise
        if not self._keep(key, answer):
            self._forget(key, asking)
        asking.answer.set_result(answer)

    def _forget(self, key: K, asking: Asked[V]) -> None:
        with self._lock:
            if self._asked.get(key) is asking:
                del self._asked[key]

    def _forget_the_old(self) -> None:
        while self._asked and (
            len(self._asked) >= self._most or next(iter(self._asked.values())).at + self._seconds <= self._monotonic()
        ):
            self._asked.popitem(last=False)


class People:
    """A directory in front of another; see `ports.Directory`.

    Only an account that nothing rules out is kept. So a refusal may come late by as much as `seconds`, and none stays
    for longer than Slack says so. Who is in a group is kept for `GROUP_SECONDS`.
    """

    def __init__(
        self, directory: Directory, *, seconds: int, monotonic: Callable[[], float] = time.monotonic, most: int = MAX
    ) -> None:
        self._directory = directory
        self._people: Memory[Member, Person] = Memory(seconds=seconds, keep=_fit, monotonic=monotonic, most=most)
        self._groups: Memory[tuple[str, str, bool], frozenset[str]] = Memory(
            seconds=GROUP_SECONDS, monotonic=monotonic, most=most
        )

    def person(self, member: Member) -> Person:
        """What Slack says, or said a moment ago."""
        return self._people.get(member, lambda: self._directory.person(member))

    def group_members(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str]:
        """The same of a group."""
        return self._groups.get(
            (tenant, group, even_disabled),
            lambda: self._directory.group_members(tenant, group, even_disabled=even_disabled),
        )


def _fit(member: Member, person: Person) -> bool:
    return ineligible_reason(member, person) is None and not person.guest
