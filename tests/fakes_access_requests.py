"""Fakes of stored access requests and messages, in the style of `tests.fakes`."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.access import Member
from bot.core.errors import StoreError
from bot.core.records import AccessRequest, Posting, RequestState
from tests.fakes import ANA, NOON


class FakeAccessRequests:
    """Access requests in a dictionary; see `ports.AccessRequestStore`. Only `reopen` raises `reopen_error`."""

    def __init__(self) -> None:
        self.latest: dict[Member, AccessRequest] = {}
        self.error: StoreError | None = None
        self.reopen_error: StoreError | None = None
        self._lock = threading.Lock()

    def ask(self, request: AccessRequest) -> AccessRequest:
        self._fail()
        with self._lock:
            there = self.latest.get(request.member)
            if there is not None and (there.id == request.id or _is_open(there, request.at)):
                return there
            self.latest[request.member] = request
            return request

    def find(self, member: Member) -> AccessRequest | None:
        self._fail()
        with self._lock:
            return self.latest.get(member)

    def since(self, tenant: str, first: date, last: date) -> list[AccessRequest]:
        self._fail()
        with self._lock:
            theirs = [each for each in self.latest.values() if each.member.tenant == tenant]
        return sorted((each for each in theirs if first <= each.at.date() <= last), key=lambda each: each.at)

    def decide(
        self,
        member: Member,
        request_id: str,
        state: RequestState,
        by: str,
        at: datetime,
        *,
        answer: str = "",
        until: datetime | None = None,
    ) -> AccessRequest | None:
        self._fail()
        with self._lock:
            there = self.latest.get(member)
            if there is None or there.id != request_id:
                return None
            if _is_open(there, at):
                there = replace(there, state=state, decided_by=by, decided_at=at, answer=answer, until=until)
                self.latest[member] = there
            return there

    def posted(self, member: Member, request_id: str, postings: Sequence[Posting]) -> AccessRequest | None:
        self._fail()
        with self._lock:
            there = self.latest.get(member)
            if there is None or there.id != request_id:
                return None
            self.latest[member] = replace(there, postings=tuple(postings))
            return self.latest[member]

    def endorse(self, seen: AccessRequest, approved: AccessRequest, at: datetime) -> bool:
        self._fail()
        with self._lock:
            there = self.latest.get(seen.member)
            if there is None or there.id != seen.id or not _is_open(there, at):
                return False
            if (there.approvers, there.mapping) != (seen.approvers, seen.mapping):
                return False
            names = ("approvers", "needed", "mapping", "creation")
            kept = replace(there, **{name: getattr(approved, name) for name in names})
            self.latest[seen.member] = kept
            return True

    def note(self, seen: AccessRequest, told: AccessRequest) -> bool:
        self._fail()
        with self._lock:
            there = self.latest.get(seen.member)
            if there is None or (there.id, there.state) != (seen.id, seen.state) or _told(there) != _told(seen):
                return False
            names = ("reminders", "remind_at", "end_told", "state", "decided_by", "decided_at", "answer")
            self.latest[seen.member] = replace(there, **{name: getattr(told, name) for name in names})
            return True

    def reopen(self, member: Member, request_id: str) -> None:
        self._fail()
        if self.reopen_error is not None:
            raise self.reopen_error
        with self._lock:
            there = self.latest.get(member)
            if there is not None and there.id == request_id:
                self.latest[member] = replace(
                    there, state=RequestState.OPEN, decided_by=None, decided_at=None, answer="", until=None
                )

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


def _told(request: AccessRequest) -> tuple[int, datetime | None, bool]:
    return request.reminders, request.remind_at, request.end_told


def _is_open(request: AccessRequest, at: datetime) -> bool:
    return request.state is RequestState.OPEN and at < request.expires_at


class FakeMessages:
    """The content of each message; see `ports.Messages`."""

    def __init__(self) -> None:
        self.shows: dict[str, str] = {}
        self.error: StoreError | None = None
        self._lock = threading.Lock()

    def note(
        self,
        message: str,
        shows: str,
        at: datetime,  # noqa: ARG002 - nothing is ever cleared
        *,
        unless: str | None = None,
    ) -> bool:
        if self.error is not None:
            raise self.error
        with self._lock:
            if unless is not None and self.shows.get(message) == unless:
                return False
            self.shows[message] = shows
            return True

    def shown(self, message: str) -> str | None:
        if self.error is not None:
            raise self.error
        with self._lock:
            return self.shows.get(message)


def an_access_request(member: Member = ANA, **more: Any) -> AccessRequest:
    """Return an open request that the member has just made."""
    values: dict[str, Any] = {
        "id": "1" * 32,
        "wish": "prod",
        "reason": "project Falcon",
        "days": 7,
        "at": NOON,
        "expires_at": NOON + timedelta(days=7),
    }
    return AccessRequest(member=member, **{**values, **more})
