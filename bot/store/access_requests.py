"""Access requests, in the runtime table: they matter for days, and the audit keeps their outcome."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any

import structlog

from bot.core.access import Mapping, Member
from bot.core.audit import record_fields
from bot.core.errors import StoreError
from bot.core.records import AccessRequest, Posting, RequestState
from bot.store.dynamodb import Raw, TimeAttribute, get_or_none, store_errors, write_if
from bot.store.models import RuntimeItem, Tables, read_items, read_raw

log = structlog.get_logger()

# How long a request can still be looked up after its time is over.
KEPT_AFTER = timedelta(days=30)


class AccessRequestTable:
    """One item per member: the latest request; see `ports.AccessRequestStore`."""

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime

    def ask(self, request: AccessRequest) -> AccessRequest:
        """Put the request unless one is open or has the same id; then return that one."""
        listed = self._items(_asked_on(request.member.tenant, request.at.astimezone(UTC).date()))
        until = self._items.expires.set(request.expires_at + KEPT_AFTER)
        # First, so that no request is missing in the list; what is listed without a request does no harm.
        write_if(None, listed, [self._items.members.add({request.member.user_id}), until])
        item = self._items(
            _key(request.member),
            request={
                "wish": request.wish,
                "reason": request.reason,
                "days": request.days,
                "at": TimeAttribute().serialize(request.at),
                **({} if request.start is None else {"start": TimeAttribute().serialize(request.start)}),
            },
            request_id=request.id,
            state=request.state.value,
            open_until=request.expires_at,
            expires=request.expires_at + KEPT_AFTER,
        )
        over = (self._items.state != RequestState.OPEN.value) | (self._items.open_until <= request.at)
        # The same form sent again opens nothing, even if its request is over.
        free = self._items.id.does_not_exist() | (over & (self._items.request_id != request.id))
        return request if write_if(free, item) else self.find(request.member) or request

    def find(self, member: Member) -> AccessRequest | None:
        """Strongly consistent."""
        item = get_or_none(self._items, _key(member))
        return None if item is None else _request(item, member)

    def since(self, tenant: str, first: date, last: date) -> list[AccessRequest]:
        """Read the lists of these days, and the requests that they name. Log and skip an unreadable request."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        lists = read_items(self._items, [_asked_on(tenant, day) for day in days])
        users = sorted({user for item in lists.values() for user in item.members or ()})
        members = {_key(Member(tenant, user)): Member(tenant, user) for user in users}
        raws = read_raw(self._items, list(members)).items()
        found = [request for key, raw in raws if (request := self._readable(raw, members[key]))]
        return sorted(
            (each for each in found if first <= each.at.astimezone(UTC).date() <= last), key=attrgetter("at")
        )

    def _readable(self, raw: Raw, member: Member) -> AccessRequest | None:
        """Return the request; None if it is unreadable, because one broken record must not hide the others."""
        try:
            with store_errors():
                return _request(self._items.from_raw_data(raw), member)
        except StoreError:  # its text may quote the member
            log.warning("access_request_unreadable", tenant=member.tenant, user=member.user_id)
            return None

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
        """Decide the request while it is open; of concurrent decisions, the first one counts."""
        item = self._items(_key(member))
        undecided = (
            (self._items.request_id == request_id)
            & (self._items.state == RequestState.OPEN.value)
            & (self._items.open_until > at)
        )
        actions = [
            self._items.state.set(state.value),
            self._items.decided_by.set(by),
            self._items.decided_at.set(at),
            *([self._items.answer.set(answer)] if answer else []),
            *([self._items.until.set(until)] if until is not None else []),
        ]
        if write_if(undecided, item, actions):
            return _request(item, member)
        found = self.find(member)
        return found if found is not None and found.id == request_id else None

    def posted(self, member: Member, request_id: str, postings: Sequence[Posting]) -> AccessRequest | None:
        """Keep the postings; the answer shows whether the request was decided before they were known."""
        item = self._items(_key(member))
        kept = [{"message": posting.message, "language": posting.language} for posting in postings]
        if write_if(self._items.request_id == request_id, item, [self._items.postings.set(kept)]):
            return _request(item, member)
        return None

    def endorse(self, seen: AccessRequest, approved: AccessRequest, at: datetime) -> bool:
        """Write the approvals if they are as seen; our own write, repeated after a lost answer, succeeds as well."""
        items, new = self._items, _approvals(approved)
        open_now = (items.request_id == seen.id) & (items.state == RequestState.OPEN.value) & (items.open_until > at)
        as_seen = items.approvals == _approvals(seen) if seen.approvers else items.approvals.does_not_exist()
        return write_if(
            open_now & (as_seen | (items.approvals == new)), items(_key(seen.member)), [items.approvals.set(new)]
        )

    def note(self, seen: AccessRequest, told: AccessRequest) -> bool:
        """Write the reminders' state if it is as seen; our own write, repeated after a lost answer, also succeeds."""
        items, new = self._items, _told(told)
        as_seen = items.told == _told(seen)
        if (seen.reminders, seen.remind_at, seen.end_told) == (0, None, False):
            as_seen |= items.told.does_not_exist()
        actions = [items.told.set(new)]
        if told.state is seen.state or told.decided_by is None or told.decided_at is None:
            unchanged = (items.state == seen.state.value) & (as_seen | (items.told == new))
        else:
            ours = (items.state == told.state.value) & (items.decided_at == told.decided_at)
            unchanged = ((items.state == seen.state.value) & as_seen) | ours
            actions += [items.state.set(told.state.value), items.answer.set(told.answer)]
            actions += [items.decided_by.set(told.decided_by), items.decided_at.set(told.decided_at)]
        return write_if((items.request_id == seen.id) & unchanged, items(_key(seen.member)), actions)

    def reopen(self, member: Member, request_id: str) -> None:
        """Undo the decision, unless a newer request has replaced this one."""
        actions = [
            self._items.state.set(RequestState.OPEN.value),
            self._items.decided_by.remove(),
            self._items.decided_at.remove(),
            self._items.answer.remove(),
            self._items.until.remove(),
        ]
        write_if(self._items.request_id == request_id, self._items(_key(member)), actions)


def _approvals(request: AccessRequest) -> dict[str, Any]:
    mapping = None if request.mapping is None else record_fields(request.mapping)
    made = {} if request.creation is None else {"creation": request.creation}
    return {"by": list(request.approvers), "needed": request.needed, "mapping": mapping, **made}


def _told(request: AccessRequest) -> dict[str, Any]:
    at = request.remind_at
    return {"times": request.reminders, "next": at and at.isoformat(), "end": request.end_told}


def _asked_on(tenant: str, day: date) -> str:
    """Return the key of the list of those who asked on that day (UTC)."""
    return f"asked#{tenant}#{day}"


def _key(member: Member) -> str:
    return f"access#{member.tenant}#{member.user_id}"


@store_errors()
def _request(item: RuntimeItem, member: Member) -> AccessRequest:
    stored = item.request
    if not isinstance(stored, dict) or item.open_until is None:
        raise ValueError("an access request without its fields or its time")
    approvals, told = item.approvals or {}, item.told or {}
    return AccessRequest(
        id=item.request_id or "",
        member=member,
        wish=stored["wish"],
        reason=stored["reason"],
        days=stored["days"],
        at=datetime.fromisoformat(stored["at"]),
        expires_at=item.open_until,
        state=RequestState(item.state),
        decided_by=item.decided_by,
        decided_at=item.decided_at,
        answer=item.answer or "",
        postings=tuple(Posting(each["message"], each["language"]) for each in item.postings or ()),
        approvers=tuple(approvals.get("by", ())),
        needed=approvals.get("needed", 1),
        mapping=Mapping(**approvals["mapping"]) if approvals.get("mapping") else None,
        creation=approvals.get("creation"),
        reminders=int(told.get("times", 0)),
        remind_at=datetime.fromisoformat(told["next"]) if told.get("next") else None,
        end_told=bool(told.get("end")),
        start=datetime.fromisoformat(stored["start"]) if stored.get("start") else None,
        until=item.until,
    )
