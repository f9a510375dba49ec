"""When the approvers of an open access request hear of it again, and when nobody does any more. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.core.records import AccessRequest, RequestState
from bot.core.reminders import WAKING, is_waking, local_time

# From the request to its first reminder, and from each to the next. The last one leaves a day to decide.
DISTANCES = (timedelta(hours=4), timedelta(hours=20), timedelta(days=2), timedelta(days=3))
# The reminder with which the fallback approvers get the request as well.
WITH_FALLBACK = 2
# The days of the week on which approvers are reminded, from Monday on.
WORKDAYS = range(5)
# How long after its end both sides still hear that a request was not decided. Later it would be no news.
END_IS_NEWS = timedelta(days=2)


def is_due(request: AccessRequest, now: datetime) -> bool:
    """Return whether the next reminder's time has come. After a pause of ours it comes once, not once for each."""
    if request.state is not RequestState.OPEN or now >= request.expires_at or request.reminders >= len(DISTANCES):
        return False
    return now >= (request.remind_at or request.at + DISTANCES[0])


def is_polite(now: datetime, tz_offset: int | None) -> bool:
    """Return whether it is a working day and neither night nor evening where the member is who asks.

    Args:
        tz_offset: of the member, whose approvers mostly live where they do.
    """
    return local_time(now, tz_offset).weekday() in WORKDAYS and is_waking(now, tz_offset)


def deferred(request: AccessRequest, now: datetime, tz_offset: int | None) -> AccessRequest:
    """Return the request with its reminder due on the next working morning where the member is."""
    local = local_time(now, tz_offset)
    morning = local.replace(hour=WAKING.start, minute=0, second=0, microsecond=0)
    while morning <= local or morning.weekday() not in WORKDAYS:
        morning += timedelta(days=1)
    return replace(request, remind_at=morning.astimezone(UTC))


def ran_out(request: AccessRequest, now: datetime) -> bool:
    """Return whether both sides have yet to hear that nobody decided in time."""
    is_undecided = request.state is RequestState.OPEN and not request.end_told
    return is_undecided and request.expires_at <= now < request.expires_at + END_IS_NEWS


def reminded(request: AccessRequest, now: datetime) -> AccessRequest:
    """Return the request after one more reminder. Its time tells this reminder from another replica's."""
    times = request.reminders + 1
    return replace(request, reminders=times, remind_at=now + DISTANCES[min(times, len(DISTANCES) - 1)])


def asks_fallback(request: AccessRequest) -> bool:
    """Return whether to ask the fallback approvers even if others were reached."""
    return request.reminders >= WITH_FALLBACK


def ended(request: AccessRequest, now: datetime) -> AccessRequest:
    """Return the request once both sides hear that it has run out."""
    return replace(request, end_told=True, remind_at=now)
