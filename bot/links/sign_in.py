"""Sign-in: answer a member's request for a link with the link or with the reason for none.

Gather, decide, record, act, reply. Every outcome reaches the audit.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import structlog

from bot.core import audit, policy
from bot.core.access import Member
from bot.core.errors import AlreadyRecorded, StoreError, StudioError, StudioLinksError, UpstreamError
from bot.core.link import Allowed, Answer, Choice, Denied, Issued, LinkRequest, Option, Reason, Stage, Target
from bot.core.policy import Facts
from bot.core.ports import AuditLog, Choices, Intake, Studio
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.links.facts import Gatherer, groups_for_link

T = TypeVar("T")
log = structlog.get_logger()

# Seconds after a request came in at which each stage gives up, so that a member gets an answer within ten:
# the time after ACT is for the reply and its fallback.
GATHER_TIMEOUT = 3.5
ACT_TIMEOUT = 5.5
RECHECK_TIMEOUT = 6.3
# Seconds from reading what allows a link until the link exists, after which it is checked again.
FRESH_FOR = 0.5
# The reasons for which a request may not have been counted.
UNCOUNTED = {Reason.TOO_MANY, Reason.NOT_RECORDED, Reason.INTERNAL}


def noop(_stage: Stage, _seconds: float) -> None:
    """Ignore how long a stage took."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The use case and its dependencies.

    Attributes:
        record_duration: called with how long each stage took, successful or not.
    """

    facts: Gatherer
    audit: AuditLog
    intake: Intake
    studio: Studio
    choices: Choices
    rules: policy.Rules
    now: Callable[[], datetime] = utc_now
    record_duration: Callable[[Stage, float], None] = noop

    def answer(self, request: LinkRequest, deliver: Callable[[Answer], bool]) -> Entry | None:
        """Answer one request and return its audit entry; for a replay, do nothing and return None.

        Args:
            deliver: replies to the member, and returns whether Slack took the message.
        """
        try:
            answer = self._decide_and_act(request)
        except AlreadyRecorded:
            log.warning("replay_refused", request=request.id, user=request.member.user_id)
            return None
        except Exception:  # the error boundary: a defect of ours must neither issue a link nor go unrecorded
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
        try:
            self.audit.close(entry)
        except Exception as error:  # the last boundary: the entry still says "requested", which is true
            log.exception("outcome_not_recorded", request=entry.id, outcome=entry.outcome, why=str(error))
        else:
            if not isinstance(answer, Issued) and not (isinstance(answer, Denied) and answer.reason in UNCOUNTED):
                self._release(entry)
        if isinstance(answer, Issued) and len(answer.allowed.aliases) > 1:
            self._remember(request, answer.allowed.mapping.alias)
        return entry

    def opened(self, member: Member, request_id: str) -> Entry | None:
        """Note that the member pressed "Open Studio"; None if no such link is theirs, StoreError if that fails."""
        return self.audit.opened(member, request_id, self.now())

    def refuse(self, entry: Entry) -> bool:
        """Record a request that was rejected before it could be decided; False if it is a replay."""
        try:
            self.audit.open(entry)
        except AlreadyRecorded:
            log.info("replay_refused", request=entry.id)
            return False
        except Exception as error:  # the last boundary: at least the log has the outcome
            log.exception("refusal_not_recorded", request=entry.id, outcome=entry.outcome, why=str(error))
        return True

    def _decide_and_act(self, request: LinkRequest) -> Answer:
        read = self.facts.monotonic()
        try:
            with self._timed(Stage.GATHER):
                facts = self._gather(request)
        except UpstreamError as error:
            return _broken(error)
        if isinstance(facts, Denied):
            return facts
        decision = policy.decide(request.member, request.target, facts, self.rules, self.now())
        if isinstance(decision, Denied):
            return self._choice(request, decision) if decision.reason is Reason.CHOOSE else decision
        try:
            with self._timed(Stage.MINT):
                minting = self.facts.side.submit(self.studio.sign_in, decision)
                link = self.facts.wait(request.started + ACT_TIMEOUT, minting, StudioError, "AWS")
        except UpstreamError as error:
            return _broken(error, decision)
        revoked = self._recheck(request, facts, decision) if self.facts.monotonic() - read > FRESH_FOR else None
        return revoked or Issued(request, decision, link, decision.locale)

    def _recheck(self, request: LinkRequest, facts: Facts, allowed: Allowed) -> Denied | None:
        """Return why a link that was slow to make is thrown away: its permission was revoked meanwhile."""
        try:
            again = self.facts.begin(request.member, facts.person)  # Slack has answered for the account already
            facts = again.end(
                request.started + RECHECK_TIMEOUT,
                lambda known: groups_for_link(request.member, known, self.rules, self.now()),
            )
        except UpstreamError as error:
            denied = _broken(error, allowed)
            return replace(denied, detail=f"while access was checked again: {denied.detail}")
        decision = policy.decide(request.member, request.target, facts, self.rules, self.now())
        if isinstance(decision, Allowed) and decision.mapping != allowed.mapping:
            detail = "the mapping was changed while AWS made the link"
            return Denied(Reason.TOO_LATE, detail, mapping=decision.mapping, locale=allowed.locale)
        return decision if isinstance(decision, Denied) else None

    def _gather(self, request: LinkRequest) -> Facts | Denied:
        """Record the request and gather the facts, side by side; Denied without a record."""
        until = request.started + GATHER_TIMEOUT
        self.studio.connect(self.facts.side)  # a lone member's would otherwise open after the reads
        record = self.facts.side.submit(self.intake.take, audit.requested(request), self.rules.links_per_minute)
        gathering = self.facts.begin(request.member)
        # The record comes first: a replay must stay quiet, even if something else fails.
        try:
            with self._timed(Stage.RECORD):
                within_rate = self.facts.wait(until, record, StoreError, "the audit")
        except AlreadyRecorded:
            raise
        except StudioLinksError as error:
            log.error("request_not_recorded", request=request.id, why=str(error))  # noqa: TRY400
            return Denied(Reason.NOT_RECORDED, str(error))
        try:
            facts = gathering.end(until, lambda known: groups_for_link(request.member, known, self.rules, self.now()))
        except UpstreamError as error:
            if within_rate:
                raise
            return Denied(Reason.TOO_MANY, f"more links than the rules allow this minute; {error}")  # never counted
        return replace(facts, within_rate=within_rate)

    def _choice(self, request: LinkRequest, undecided: Denied) -> Choice | Denied:
        """Return the member's options: their mappings, and in each the spaces open to them."""
        mappings = sorted(undecided.mappings, key=lambda mapping: mapping.alias)
        if undecided.mapping is not None:
            mappings = [undecided.mapping]
        last = self.facts.side.submit(self.choices.recall, request.member)
        spaces = self._spaces(request, undecided)
        options = [
            Option(
                Target(mapping.alias, request.target.app, space),
                mapping.profile_name,
                mapping.domain_id,
                mapping.space_name,
                mapping.landing_uri,
                mapping.region,
            )
            for mapping in mappings
            for space in spaces
        ]
        remembered = self._optional(request, last, StoreError, "DynamoDB")
        options.sort(key=lambda option: option.target.alias != remembered)  # stable: the rest keeps its order
        is_remembered = options[0].target.alias == remembered
        return Choice(request, tuple(options), remembered=is_remembered, locale=undecided.locale)

    def _spaces(self, request: LinkRequest, undecided: Denied) -> tuple[str | None, ...]:
        """Return the spaces to offer: the named one, or all that exist once the mapping is settled.

        Listing them takes a call of AWS for each mapping. So where the mapping is still open, the member chooses that
        first, and "" asks for the space next.
        """
        mapping = undecided.mapping
        if mapping is None or request.target.space:
            return (request.target.space,)
        listing = self.facts.side.submit(self.studio.spaces, request.member, mapping)
        names = self._optional(request, listing, StudioError, "AWS") or ()
        return (None, *(name for name in names if name != mapping.space_name))

    def _optional(
        self, request: LinkRequest, future: Future[T], failure: type[UpstreamError], service: str
    ) -> T | None:
        """Return a result without which a choice is poorer but no less safe; None if it failed."""
        try:
            return self.facts.wait(request.started + GATHER_TIMEOUT, future, failure, service)
        except UpstreamError as error:
            log.warning("choice_incomplete", request=request.id, why=str(error))
            return None

    def _release(self, entry: Entry) -> None:
        """Count links only: give back what recording the request has counted."""
        try:
            self.intake.release(entry)
        except Exception as error:  # noqa: BLE001 - the member may wait a minute longer for a link
            log.warning("request_not_released", request=entry.id, why=str(error))

    def _remember(self, request: LinkRequest, alias: str) -> None:
        try:
            self.choices.remember(request.member, alias, self.now())
        except Exception as error:  # noqa: BLE001 - nothing depends on it, and the link is out
            log.warning("choice_not_remembered", request=request.id, why=str(error))

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        begun = self.facts.monotonic()
        try:
            yield
        finally:
            self.record_duration(stage, self.facts.monotonic() - begun)


def _broken(error: UpstreamError, allowed: Allowed | None = None) -> Denied:
    return Denied(
        error.reason,
        f"{error} [{error.code}]" if error.code else str(error),
        mapping=allowed.mapping if allowed else None,
        sign_in_address=error.sign_in_address,
        aws_request_id=error.request_id,
        locale=allowed.locale if allowed else None,
    )
