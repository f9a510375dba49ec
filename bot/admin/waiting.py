"""Waiting access requests: remind their approvers, report those that nobody decided in time, begin approved access.

This module approves nothing. One replica looks for all, and claims each message before sending it, so that it is sent
once, or not at all if the process is killed in between. While Slack does not answer, nothing is claimed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.admin.access_requests import KEPT_FOR, AccessRequests
from bot.admin.approvals import give_access, note_recorded
from bot.admin.decisions import BEYOND_APPROVAL
from bot.core import audit
from bot.core.access import Effect, Member, Person
from bot.core.errors import SlackError, StudioLinksError
from bot.core.link import Source
from bot.core.policy import Facts
from bot.core.records import AccessRequest, Actor, DecisionResult, RequestState
from bot.core.reminders import ReminderStore, is_waking
from bot.core.waiting import BY_TIME, begins, deferred, ended, is_due, is_polite, ran_out, reminded, taken_back

log = structlog.get_logger()

# Time between looks at waiting access requests. One replica looks for all.
LOOK_EVERY = timedelta(minutes=5)
# The most requests per look: Slack allows about a hundred account look-ups a minute. The next look covers the rest.
MAX_A_LOOK = 50
# Time until the next attempt if the approvers could not be looked up.
RETRY_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WaitingRequests:
    """The use case and its dependencies.

    Attributes:
        person: Slack's record of a member; SlackError if Slack does not answer.
        remind: shows a request to its approvers again.
        show_end: shows the member and the approvers that a request has run out, or whether its access has begun.
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
        found = self.use_case.requests.since(tenant, today - KEPT_FOR, today)
        waiting = [each for each in found if begins(each, now) or ran_out(each, now) or is_due(each, now)]
        for request in sorted(waiting, key=lambda each: each.remind_at or each.at)[:MAX_A_LOOK]:
            try:
                self._follow_up(request, now)
            except StudioLinksError as error:  # the next look may do better
                log.warning("request_not_followed_up", request=request.id, why=str(error))
                if isinstance(error, SlackError):  # it would fail for the others as well
                    return
            except Exception:  # a defect about one request must not silence the others
                log.exception("request_not_followed_up", request=request.id)

    def _follow_up(self, request: AccessRequest, now: datetime) -> None:
        if begins(request, now):
            self._begin(request, now)
            return
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
        entry = audit.asked("request", Actor(BY_TIME, Source.SCHEDULE), request, now, audit.RAN_OUT)
        if note_recorded(self.use_case.requests, self.use_case.audit, request, told, entry):
            self.show_end(told, person)

    def _begin(self, request: AccessRequest, now: datetime) -> None:
        """Give the access of an approved request whose time has come, if it still helps the member.

        Its claim first: of a replica that begins it and a member who takes it back, one fails. If the process is
        killed, the next look begins it. What stands in its way may be removed until the member's morning, and a
        lockdown delays it.
        """
        requests, claimed = self.use_case.requests, replace(request, remind_at=now)
        if not requests.note(request, claimed):
            return
        facts = self.use_case.basis.of_member(request.member)
        obstacle = self._obstacle(claimed, facts, now)
        if obstacle is None:
            if not self._has_begun(request):
                actor = Actor(request.decided_by or BY_TIME, Source.SCHEDULE)
                give_access(self.use_case.admin, claimed, actor=actor, until=claimed.until)
            begun = ended(claimed, now)
            if requests.note(claimed, begun):
                self.show_end(begun, facts.person)
        elif obstacle is not DecisionResult.LOCKED_DOWN and is_waking(now, facts.person.tz_offset):
            told = taken_back(claimed, RequestState.DENIED, BY_TIME, now)
            entry = audit.asked("request", Actor(BY_TIME, Source.SCHEDULE), told, now, audit.NOT_BEGUN)
            if note_recorded(requests, self.use_case.audit, claimed, told, replace(entry, detail=obstacle.value)):
                self.show_end(told, facts.person)

    def _obstacle(self, request: AccessRequest, facts: Facts, now: datetime) -> DecisionResult | None:
        """Return why access that begins now would be of no use."""
        if request.until is not None and request.until <= now:
            return DecisionResult.CLOSED
        denied = self.use_case.basis.hopeless(request.member, facts)
        if denied is not None:
            return BEYOND_APPROVAL[denied.reason]
        return self.use_case.new_profiles.obstacle(self.use_case.admin.studio, facts.access, None, None)

    def _has_begun(self, request: AccessRequest) -> bool:
        """Return whether an earlier look gave the access, and was killed then: it may have been removed since."""
        start, tried = request.start, request.remind_at
        if start is None or tried is None or tried < start:
            return False
        entries = self.use_case.audit.of_member(request.member, start)
        return any((each.action, each.source) == (Effect.ALLOW, Source.SCHEDULE) for each in entries)
