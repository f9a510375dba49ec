"""The one act of the product: a member asks for a link, and gets one or learns why not.

Gather, decide, record, act, reply; whatever happens, the audit learns of it.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog

from bot import audit, policy
from bot.errors import AlreadyRecorded, StudioError, StudioLinksError, UpstreamError
from bot.model import Allowed, Answer, Denied, Entry, Issued, LinkRequest, Member, Reason, utc_now
from bot.ports import AccessReader, AuditLog, Directory, RequestCounter, Studio

T = TypeVar("T")
log = structlog.get_logger()

# Seconds after a request came in at which each stage gives up, so that a member hears from us within ten:
# what remains after ACT is for the reply and its fallback.
GATHER_WITHIN = 3.5
ACT_WITHIN = 5.5


@dataclass(frozen=True, slots=True)
class SignIn:
    """The use case and what it needs.

    Attributes:
        side: runs calls side by side, and lets us stop waiting for one that hangs.
    """

    access: AccessReader
    audit: AuditLog
    counter: RequestCounter
    directory: Directory
    studio: Studio
    rules: policy.Rules
    side: Executor
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic

    def answer(self, request: LinkRequest, deliver: Callable[[Answer], bool]) -> Entry | None:
        """Answer one request and return its audit entry, complete.

        `deliver` tells the member and returns whether Slack took the message. A request that the audit has
        seen before is a replay: nothing is issued, nobody is told, and the result is None.
        """
        try:
            answer = self._decide_and_act(request)
        except AlreadyRecorded:
            log.warning("replay_refused", request=request.id, user=request.member.user_id)
            return None
        except Exception:  # the one error boundary: a defect of ours must neither open a door nor go unrecorded
            log.exception("request_failed", request=request.id)
            answer = Denied(Reason.INTERNAL, "a defect in the bot; its log has the details")
        try:
            delivered = deliver(answer)
        except Exception:  # the same boundary, for the reply
            log.exception("reply_failed", request=request.id)
            delivered = False
        entry = audit.ended(request, answer, delivered=delivered)
        self._close(entry)
        return entry

    def opened(self, member: Member, request_id: str) -> Entry | None:
        """The member pressed "Open Studio": note it. None if no such link was issued to this member.

        Raises:
            StoreError: the press could not be noted.
        """
        return self.audit.opened(member, request_id, self.now())

    def refuse(self, entry: Entry) -> bool:
        """Record a request that was turned away before it could be decided; False if it is a replay."""
        try:
            self.audit.open(entry)
        except AlreadyRecorded:
            log.info("replay_refused", request=entry.id)
            return False
        except Exception as error:  # the last boundary: at least the log has the outcome
            log.exception("refusal_not_recorded", request=entry.id, outcome=entry.outcome, why=str(error))
        return True

    def _decide_and_act(self, request: LinkRequest) -> Answer:
        try:
            decision = self._gather_and_decide(request)
        except UpstreamError as error:
            return self._broken(error)
        if isinstance(decision, Denied):
            return decision
        try:
            link = self._within(request, ACT_WITHIN, self.side.submit(self.studio.sign_in, decision))
        except TimeoutError:
            return Denied(Reason.TOO_LATE, "AWS did not answer in time", mapping=decision.mapping)
        except UpstreamError as error:
            return self._broken(error, decision)
        return Issued(request, decision, link)

    def _gather_and_decide(self, request: LinkRequest) -> Allowed | Denied:
        record = self.side.submit(self.audit.open, audit.requested(request))
        count = self.side.submit(self.counter.count, request.member, request.at)
        person = self.side.submit(self.directory.person, request.member)
        access = self.side.submit(self.access.read, request.member)

        # The record comes first: a replay must stay quiet whatever else has gone wrong.
        try:
            self._within(request, GATHER_WITHIN, record)
        except AlreadyRecorded:
            raise
        except (TimeoutError, StudioLinksError) as error:
            log.error("request_not_recorded", request=request.id, why=str(error) or "timed out")  # noqa: TRY400
            return Denied(Reason.NOT_RECORDED, str(error) or "the audit did not answer in time")
        try:
            facts = policy.Facts(
                access=self._within(request, GATHER_WITHIN, access),
                person=self._within(request, GATHER_WITHIN, person),
                requests_this_minute=self._within(request, GATHER_WITHIN, count),
            )
        except TimeoutError:
            return Denied(Reason.TOO_LATE, "DynamoDB or Slack did not answer in time")
        return policy.decide(request, facts, self.rules, self.now())

    def _within(self, request: LinkRequest, seconds: float, future: Future[T]) -> T:
        """The future's result, waited for until `seconds` after the request came in."""
        try:
            return future.result(timeout=max(0.0, request.started + seconds - self.monotonic()))
        except TimeoutError:
            future.cancel()  # what has not begun shall not: it would make a link that nobody gets
            raise

    def _broken(self, error: UpstreamError, allowed: Allowed | None = None) -> Denied:
        detail = f"{error} [{error.code}]" if error.code else str(error)
        return Denied(
            error.reason,
            detail,
            mapping=allowed.mapping if allowed else None,
            sign_in_address=error.sign_in_address if isinstance(error, StudioError) else None,
            aws_request_id=error.request_id,
        )

    def _close(self, entry: Entry) -> None:
        try:
            self.audit.close(entry)
        except Exception as error:  # the last boundary
            # The entry still says "requested", which is true: the outcome is in this line.
            log.exception("outcome_not_recorded", request=entry.id, outcome=entry.outcome, why=str(error))
