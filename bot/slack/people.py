"""Who the members are, asked of Slack at most once in a while and once at a time.

`users.info` takes as long as all of DynamoDB's part of a request ten times over, and Slack allows some hundred of
them a minute. So for a short while the process takes Slack's word of before. What that may delay is written in
docs/SECURITY.md; nothing about access is ever kept.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from bot.model import Member, Person
from bot.policy import unfit
from bot.ports import Directory

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to Slack, answered or under way. Its age is counted from asking."""

    at: float
    answer: "Future[Person]"


class People:
    """A directory in front of another; see `ports.Directory`.

    Only an account that nothing rules out is kept. So a refusal may come late by as much as `seconds`, and none stays
    for longer than Slack says so; errors are not kept either. Whoever asks for somebody whom another thread is just
    asking for waits for the same answer.
    """

    def __init__(
        self, directory: Directory, *, seconds: int, monotonic: Callable[[], float] = time.monotonic, most: int = MOST
    ) -> None:
        self._directory = directory
        self._seconds = seconds
        self._monotonic = monotonic
        self._most = most
        self._lock = threading.Lock()
        self._asked: OrderedDict[Member, Asked] = OrderedDict()  # in the order of asking

    def person(self, member: Member) -> Person:
        """What Slack says, or said a moment ago."""
        with self._lock:
            self._forget_the_old()
            known = self._asked.get(member)
            asking = known or Asked(self._monotonic(), Future())
            self._asked[member] = asking
        if known is None:
            self._ask(member, asking)
        return asking.answer.result()

    def _ask(self, member: Member, asking: Asked) -> None:
        try:
            person = self._directory.person(member)
        except BaseException as error:
            self._forget(member, asking)
            asking.answer.set_exception(error)
            raise
        if unfit(member, person) is not None or person.guest:
            self._forget(member, asking)
        asking.answer.set_result(person)

    def _forget(self, member: Member, asking: Asked) -> None:
        with self._lock:
            if self._asked.get(member) is asking:
                del self._asked[member]

    def _forget_the_old(self) -> None:
        while self._asked and (
            len(self._asked) >= self._most or next(iter(self._asked.values())).at + self._seconds <= self._monotonic()
        ):
            self._asked.popitem(last=False)
