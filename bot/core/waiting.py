"""When to remind the approvers of an open access request, when to stop, and when approved access begins. Pure."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from bot.core.errors import BadInput
from bot.core.records import AccessRequest, RequestState
from bot.core.reminders import WAKING, is_waking, local_time

# Time from the access request to its first reminder, and between reminders. The last one leaves a day to decide.
DISTANCES = (timedelta(hours=4), timedelta(hours=20), timedelta(days=2), timedelta(days=3))
# The reminder with which the fallback approvers get the request as well.
WITH_FALLBACK = 2
# The days of the week on which to remind approvers. 0 is Monday.
WORKDAYS = range(5)
# How long after an access request expires to tell both sides that nobody decided. Later, a message makes no sense.
END_IS_NEWS = timedelta(days=2)
# How many days ahead access may begin. A request is kept for 37 days, so that its start is not missed.
MAX_DAYS_AHEAD = 30
# The decider of a request whose access could not begin.
BY_TIME = "time"


def is_due(request: AccessRequest, now: datetime) -> bool:
    """Return whether the next reminder is due. After the bot was down, it sends one reminder, not all missed ones."""
    if request.state is not RequestState.OPEN or now >= request.expires_at or request.reminders >= len(DISTANCES):
        return False
    return now >= (request.remind_at or request.at + DISTANCES[0])


def is_polite(now: datetime, tz_offset: int | None) -> bool:
    """Return whether it is a working day, and neither night nor evening, in the requesting member's time zone.

    Args:
        tz_offset: of the member, in seconds east of UTC. Most approvers share the member's time zone.
    """
    return local_time(now, tz_offset).weekday() in WORKDAYS and is_waking(now, tz_offset)


def deferred(request: AccessRequest, now: datetime, tz_offset: int | None) -> AccessRequest:
    """Move the reminder to the next working morning in the member's time zone."""
    local = local_time(now, tz_offset)
    morning = local.replace(hour=WAKING.start, minute=0, second=0, microsecond=0)
    while morning <= local or morning.weekday() not in WORKDAYS:
        morning += timedelta(days=1)
    return replace(request, remind_at=morning.astimezone(UTC))


def ran_out(request: AccessRequest, now: datetime) -> bool:
    """Return whether to tell both sides that nobody decided in time."""
    is_undecided = request.state is RequestState.OPEN and not request.end_told
    return is_undecided and request.expires_at <= now < request.expires_at + END_IS_NEWS


def reminded(request: AccessRequest, now: datetime) -> AccessRequest:
    """Count one more reminder. Its time tells this reminder apart from another replica's."""
    times = request.reminders + 1
    return replace(request, reminders=times, remind_at=now + DISTANCES[min(times, len(DISTANCES) - 1)])


def start_of(day: date | None, now: datetime, tz_offset: int | None) -> datetime | None:
    """Return the beginning of a day where the member is; None if it has come, or without a day: at once.

    Slack names the zone's offset of today, so clocks that change until then move the start by an hour.

    Raises:
        BadInput: the day is too far ahead.
    """
    local = local_time(now, tz_offset)
    if day is None or day <= local.date():
        return None
    if not may_start(day, now, tz_offset):
        raise BadInput(f"access can begin today or within {MAX_DAYS_AHEAD} days: ask again with such a date")
    return datetime.combine(day, time(), local.tzinfo).astimezone(UTC)


def may_start(day: date, now: datetime, tz_offset: int | None) -> bool:
    """Return whether access may begin on a day: today where the member is, or soon."""
    today = local_time(now, tz_offset).date()
    return today <= day <= today + timedelta(days=MAX_DAYS_AHEAD)


def begins(request: AccessRequest, now: datetime) -> bool:
    """Return whether the time of an approved request has come, and its access has not begun."""
    return request.is_upcoming and request.start is not None and request.start <= now


def taken_back(
    request: AccessRequest, state: RequestState, by: str, now: datetime, answer: str = ""
) -> AccessRequest:
    """Return an approved request whose access will not begin."""
    return replace(request, state=state, decided_by=by, decided_at=now, answer=answer)


def asks_fallback(request: AccessRequest) -> bool:
    """Return whether to ask the fallback approvers even if others were reached."""
    return request.reminders >= WITH_FALLBACK


def ended(request: AccessRequest, now: datetime) -> AccessRequest:
    """Mark that both sides were told that the access request has expired, or that its access has begun."""
    return replace(request, end_told=True, remind_at=now)
