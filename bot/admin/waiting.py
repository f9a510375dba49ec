"""Waiting access requests: remind their approvers, and report those that nobody decided in time.

This module decides nothing. One replica looks for all, and claims each message before sending it, so that it is sent
once, or not at all if the process is killed in between. While Slack does not answer, nothing is claimed.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.admin.access_requests import OPEN_FOR, AccessRequests
from bot.core import audit
from bot.core.access import Member, Person
from bot.core.errors import SlackError, StudioLinksError
from bot.core.link import Source
from bot.core.records import AccessRequest, Actor
from bot.core.reminders import ReminderStore
from bot.core.waiting import END_IS_NEWS, deferred, ended, is_due, is_polite, ran_out, reminded

log = structlog.get_logger()

# Time between looks at waiting access requests. One replica looks for all.
LOOK_EVERY = timedelta(minutes=5)
# The most requests per look: Slack allows about a hundred account look-ups a minute. The next look covers the rest.
MAX_A_LOOK = 50
# Time until the next attempt if the approvers could not be looked up.
RETRY_AFTER = timedelta(hours=1)
# The actor when an access request expires by itself.
BY_TIME = "time"


@dataclass(frozen=True, slots=True)
class WaitingRequests:
    """The use case and its dependencies.

    Attributes:
        person: Slack's record of a member; SlackError if Slack does not answer.
        remind: shows a request to its approvers again.
        show_end: shows the member and the approvers that a request has run out.
    """

    use_case: AccessRequests
    claims: ReminderStore
    person: Callable[[Member], Person]
    remind: Callable[[AccessRequest], object]
    show_end: Callable[[AccessRequest, Person], object]

    def look(self, tenant: str) -> None:
        """Look at all waiting access requests, if a look is due. One replica looks for all.

        Raises:
            StoreError: the access requests could not be read.
        """
        now = self.use_case.now()
        if not self.claims.claim(f"{tenant}#requests", now, now + LOOK_EVERY):
            return
        today = now.astimezone(UTC).date()
        found = self.use_case.requests.since(tenant, today - OPEN_FOR - END_IS_NEWS, today)
        waiting = [request for request in found if ran_out(request, now) or is_due(request, now)]
        for request in waiting[:MAX_A_LOOK]:
            try:
                self._follow_up(request, now)
            except StudioLinksError as error:  # the next look may do better
                log.warning("request_not_followed_up", request=request.id, why=str(error))
                if isinstance(error, SlackError):  # it would fail for the others as well
                    return
            except Exception:  # a defect about one request must not silence the others
                log.exception("request_not_followed_up", request=request.id)

    def _follow_up(self, request: AccessRequest, now: datetime) -> None:
        person = self.person(request.member)
        if ran_out(request, now):
            self._end(request, person, now)
        elif person.ineligible_reason is None and is_polite(now, person.tz_offset):
            self._remind(request, now)
        else:
            self.use_case.requests.note(request, deferred(request, now, person.tz_offset))

    def _remind(self, request: AccessRequest, now: datetime) -> None:
        told = reminded(request, now)
        if not self.use_case.requests.note(request, told):
            return
        try:
            self.remind(told)
        except StudioLinksError as error:  # the approvers are unknown, so nobody was reminded
            log.warning("request_not_followed_up", request=request.id, why=str(error))
            self.use_case.requests.note(told, replace(request, remind_at=now + RETRY_AFTER))

    def _end(self, request: AccessRequest, person: Person, now: datetime) -> None:
        told = ended(request, now)
        if not self.use_case.requests.note(request, told):
            return
        try:
            entry = audit.asked("request", Actor(BY_TIME, Source.SCHEDULE), request, now, audit.RAN_OUT)
            self.use_case.audit.open(entry)
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self.use_case.requests.note(told, request)
            raise
        self.show_end(told, person)
