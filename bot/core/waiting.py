"""When to remind the approvers of an open access request, and when to stop. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

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


def asks_fallback(request: AccessRequest) -> bool:
    """Return whether to ask the fallback approvers even if others were reached."""
    return request.reminders >= WITH_FALLBACK


def ended(request: AccessRequest, now: datetime) -> AccessRequest:
    """Mark that both sides were told that the access request has expired."""
    return replace(request, end_told=True, remind_at=now)
