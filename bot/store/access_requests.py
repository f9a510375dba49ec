"""Requests for access, in the runtime table: they matter for days, and the audit keeps what came of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.update import Action

from bot.core.access import Member
from bot.core.records import AccessRequest, Posting, RequestState
from bot.store.models import CONDITION_FAILED, RuntimeItem, Tables, code_of, from_iso, iso, store_errors

# How long a decided request can still be looked up by those who come too late.
KEPT_AFTER = timedelta(days=30)


class AccessRequestTable:
    """One item a member: the latest request; see `ports.AccessRequestStore`."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def ask(self, wanted: AccessRequest) -> AccessRequest:
        """A conditional write: whoever asks while a request is open joins it."""
        item = self._items(
            _key(wanted.member),
            request={"wish": wanted.wish, "reason": wanted.reason, "days": wanted.days, "at": iso(wanted.at)},
            request_id=wanted.id,
            state=wanted.state.value,
            open_until=iso(wanted.expires_at),
            expires=wanted.expires_at + KEPT_AFTER,
        )
        over = (self._items.state != RequestState.OPEN.value) | (self._items.open_until <= iso(wanted.at))
        # The same form sent again opens nothing, whatever has become of it.
        free = self._items.id.does_not_exist() | (over & (self._items.request_id != wanted.id))
        with store_errors():
            try:
                item.save(free)
            except PutError as error:
                if code_of(error) == CONDITION_FAILED:
                    return self.find(wanted.member) or wanted
                raise
        return wanted

    def find(self, member: Member) -> AccessRequest | None:
        """Strongly consistent."""
        with store_errors():
            try:
                return _request(self._items.get(_key(member), consistent_read=True), member)
            except self._items.DoesNotExist:
                return None

    def decide(
        self, member: Member, request_id: str, state: RequestState, by: str, at: datetime
    ) -> AccessRequest | None:
        """A conditional write: of several who decide at once, one is first."""
        item = self._items(_key(member))
        undecided = (
            (self._items.request_id == request_id)
            & (self._items.state == RequestState.OPEN.value)
            & (self._items.open_until > iso(at))
        )
        actions: list[Action] = [
            self._items.state.set(state.value),
            self._items.decided_by.set(by),
            self._items.decided_at.set(iso(at) or ""),
        ]
        with store_errors():
            try:
                item.update(actions=actions, condition=undecided)
            except UpdateError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise
                found = self.find(member)
                return found if found is not None and found.id == request_id else None
            return _request(item, member)

    def posted(self, member: Member, request_id: str, postings: Sequence[Posting]) -> AccessRequest | None:
        """The same write tells whether somebody has decided already, who could not know of these messages."""
        item = self._items(_key(member))
        kept = [{"message": posting.message, "language": posting.language} for posting in postings]
        with store_errors():
            try:
                item.update(actions=[self._items.postings.set(kept)], condition=self._items.request_id == request_id)
            except UpdateError as error:
                if code_of(error) == CONDITION_FAILED:
                    return None
                raise
            return _request(item, member)

    def reopen(self, member: Member, request_id: str) -> None:
        """Only what is still this request."""
        actions: list[Action] = [
            self._items.state.set(RequestState.OPEN.value),
            self._items.decided_by.remove(),
            self._items.decided_at.remove(),
        ]
        with store_errors():
            try:
                self._items(_key(member)).update(actions=actions, condition=self._items.request_id == request_id)
            except UpdateError as error:
                if code_of(error) != CONDITION_FAILED:  # a newer request has taken its place
                    raise


def _key(member: Member) -> str:
    return f"access#{member.tenant}#{member.user_id}"


def _request(item: RuntimeItem, member: Member) -> AccessRequest:
    asked, until = item.request, from_iso(item.open_until)
    if not isinstance(asked, dict):
        raise ValueError("a request without what was asked")  # noqa: TRY004 - a stored value, not a caller's
    at = from_iso(asked["at"])
    if at is None or until is None:
        raise ValueError("a request without its times")
    return AccessRequest(
        id=item.request_id or "",
        member=member,
        wish=asked["wish"],
        reason=asked["reason"],
        days=asked["days"],
        at=at,
        expires_at=until,
        state=RequestState(item.state),
        decided_by=item.decided_by,
        decided_at=from_iso(item.decided_at),
        postings=tuple(Posting(each["message"], each["language"]) for each in item.postings or ()),
    )
