"""The one act of the product: a member asks for a link, and gets one or learns why not.

Gather, decide, record, act, reply; whatever happens, the audit learns of it.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import structlog

from bot.core import audit, policy
from bot.core.access import Access, Grant, Member, Person
from bot.core.errors import AlreadyRecorded, SlackError, StudioError, StudioLinksError, UpstreamError
from bot.core.link import Allowed, Answer, Choice, Denied, Issued, LinkRequest, Option, Reason, Stage, Target
from bot.core.ports import AccessReader, AuditLog, Choices, Directory, Intake, Studio
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.links import groups as membership

T = TypeVar("T")
log = structlog.get_logger()

# Seconds after a request came in at which each stage gives up, so that a member hears from us within ten:
# what remains after ACT is for the reply and its fallback.
GATHER_TIMEOUT = 3.5
ACT_TIMEOUT = 5.5
RECHECK_TIMEOUT = 6.3
# Seconds from reading what allows a link until there is one, before it is looked at again.
FRESH_FOR = 0.5


def noop(_stage: Stage, _seconds: float) -> None:
    """Where nobody listens to how long a stage took."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The use case and what it needs.

    Attributes:
        side: runs calls side by side, and lets us stop waiting for one that hangs.
        record_duration: is told how long each stage took, whatever came of it.
    """

    access: AccessReader
    audit: AuditLog
    intake: Intake
    directory: Directory
    studio: Studio
    choices: Choices
    rules: policy.Rules
    side: Executor
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    record_duration: Callable[[Stage, float], None] = noop

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
        if isinstance(answer, Denied):
            answer = replace(answer, target=request.target)  # so that trying again asks for the same
        try:
            delivered = deliver(answer)
        except Exception:  # the same boundary, for the reply
            log.exception("reply_failed", request=request.id)
            delivered = False
        entry = audit.ended(request, answer, delivered=delivered)
        self._close(entry)
        if isinstance(answer, Issued) and len(answer.allowed.aliases) > 1:
            self._remember(request, answer.allowed.mapping.alias)
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
        read = self.monotonic()
        try:
            with self._timed(Stage.GATHER):
                decision = self._gather_and_decide(request)
        except UpstreamError as error:
            return self._broken(error)
        if isinstance(decision, Denied):
            return self._choice(request, decision) if decision.reason is Reason.CHOOSE else decision
        try:
            with self._timed(Stage.MINT):
                link = self._within(request, ACT_TIMEOUT, self.side.submit(self.studio.sign_in, decision))
            taken_back = self._look_again(request, decision) if self.monotonic() - read > FRESH_FOR else None
        except TimeoutError:
            return Denied(
                Reason.TOO_LATE,
                "AWS did not answer in time",
                mapping=decision.mapping,
                locale=decision.locale,
            )
        except UpstreamError as error:
            return self._broken(error, decision)
        return taken_back or Issued(request, decision, link)

    def _look_again(self, request: LinkRequest, allowed: Allowed) -> Denied | None:
        """Why a link that was slow to make is thrown away: what allowed it was taken back meanwhile."""
        member = request.member
        access = self._within(request, RECHECK_TIMEOUT, self.side.submit(self.access.read, member))
        person = Person(member.user_id, member.tenant, locale=allowed.locale)  # Slack was asked already
        memberships = self._memberships(request, access, RECHECK_TIMEOUT)
        facts = policy.Facts(person, access, memberships=memberships)
        decision = policy.decide(request, facts, self.rules, self.now())
        if isinstance(decision, Allowed) and decision.mapping != allowed.mapping:
            return Denied(
                Reason.TOO_LATE,
                "the mapping was changed while AWS made the link",
                mapping=decision.mapping,
                locale=allowed.locale,
            )
        return decision if isinstance(decision, Denied) else None

    def _gather_and_decide(self, request: LinkRequest) -> Allowed | Denied:
        record = self.side.submit(self.intake.take, audit.requested(request), self.rules.links_per_minute)
        person = self.side.submit(self.directory.person, request.member)
        access = self.side.submit(self.access.read, request.member)

        # The record comes first: a replay must stay quiet whatever else has gone wrong.
        try:
            with self._timed(Stage.RECORD):
                within_rate = self._within(request, GATHER_TIMEOUT, record)
        except AlreadyRecorded:
            raise
        except (TimeoutError, StudioLinksError) as error:
            log.error("request_not_recorded", request=request.id, why=str(error) or "timed out")  # noqa: TRY400
            return Denied(Reason.NOT_RECORDED, str(error) or "the audit did not answer in time")
        try:
            known = self._within(request, GATHER_TIMEOUT, access)
            memberships = self._memberships(request, known, GATHER_TIMEOUT)
            facts = policy.Facts(
                access=known,
                person=self._within(request, GATHER_TIMEOUT, person),
                within_rate=within_rate,
                memberships=memberships,
            )
        except TimeoutError:
            return Denied(Reason.TOO_LATE, "DynamoDB or Slack did not answer in time")
        return policy.decide(request, facts, self.rules, self.now())

    def _memberships(self, request: LinkRequest, access: Access, seconds: float) -> dict[Grant, bool]:
        """Whether the member is in the groups that rules are about, asked side by side; only what is confirmed."""
        questions = policy.group_questions(request.member, access, self.now())
        asked = {
            grant: self.side.submit(membership.is_in, self.directory, request.member, grant) for grant in questions
        }
        found = {}
        for grant, answer in asked.items():
            try:
                found[grant] = self._within(request, seconds, answer)
            except (TimeoutError, SlackError) as error:
                membership.unconfirmed(grant, str(error) or "timed out")
        return found

    def _choice(self, request: LinkRequest, undecided: Denied) -> Choice | Denied:
        """What the member may choose from: their mappings, and in each the spaces open to them."""
        mappings = sorted(undecided.mappings, key=lambda mapping: mapping.alias)
        if undecided.mapping is not None:
            mappings = [undecided.mapping]
        last = self.side.submit(self.choices.recall, request.member)
        spaces = self._spaces(request, undecided)
        options = [
            Option(Target(mapping.alias, request.target.app, space), mapping.profile_name, mapping.domain_id)
            for mapping in mappings
            for space in spaces
        ]
        remembered = self._optional(request, last)
        options.sort(key=lambda option: option.target.alias != remembered)  # stable: the rest keeps its order
        return Choice(
            request,
            tuple(options),
            remembered=remembered in {mapping.alias for mapping in mappings},
            locale=undecided.locale,
        )

    def _spaces(self, request: LinkRequest, undecided: Denied) -> tuple[str | None, ...]:
        """Which spaces to offer: the one that was named, or those there are once the mapping is settled.

        To list them for each of many mappings would take a call of AWS each. So where the mapping is still open,
        that is asked first, and "" asks for the space next.
        """
        mapping = undecided.mapping
        if mapping is None or request.target.space:
            return (request.target.space,)
        listing = self.side.submit(self.studio.spaces, request.member, mapping)
        names = self._optional(request, listing) or ()
        return (None, *(name for name in names if name != mapping.space_name))

    def _optional(self, request: LinkRequest, future: Future[T]) -> T | None:
        """A result that a choice is poorer but no less safe without."""
        try:
            return self._within(request, GATHER_TIMEOUT, future)
        except (TimeoutError, UpstreamError) as error:
            log.warning("choice_incomplete", request=request.id, why=str(error) or "timed out")
            return None

    def _remember(self, request: LinkRequest, alias: str) -> None:
        try:
            self.choices.remember(request.member, alias, self.now())
        except Exception as error:  # noqa: BLE001 - nothing depends on it, and the link is out
            log.warning("choice_not_remembered", request=request.id, why=str(error))

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        begun = self.monotonic()
        try:
            yield
        finally:
            self.record_duration(stage, self.monotonic() - begun)

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
            locale=allowed.locale if allowed else None,
        )

    def _close(self, entry: Entry) -> None:
        try:
            self.audit.close(entry)
        except Exception as error:  # the last boundary
            # The entry still says "requested", which is true: the outcome is in this line.
            log.exception("outcome_not_recorded", request=entry.id, outcome=entry.outcome, why=str(error))
