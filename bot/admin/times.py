"""Parse the times that administrators type and spreadsheets write."""

import re
from datetime import UTC, date, datetime, time, timedelta

from bot.core.values import InvalidValue

SPAN = re.compile(r"([0-9]{1,4})([smhdw])")
MIDNIGHT = re.compile(r" 00:00(:00(\.0+)?)?$")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_when(text: str, now: datetime, *, sign: int = 1, name: str = "time") -> datetime:
    """Parse a time: a span from now ("8h", "30d"), a date (its end), or a date and time.

    A time without a zone is UTC. With `sign` -1, a span reaches back and a date means its beginning.

    Raises:
        InvalidValue: the text is none of these.
    """
    span = SPAN.fullmatch(text.strip())
    if span:
        return now + sign * timedelta(**{UNITS[span[2]]: int(span[1])})
    try:
        day = _as_date(" ".join(text.split()))
        if day is not None:
            return datetime.combine(day, time(), UTC) + timedelta(days=1 if sign > 0 else 0)
        when = datetime.fromisoformat(text.strip())
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue(name, text, "such as 8h, 30d, 2026-12-31 or 2026-12-31T18:00+01:00") from None


def _as_date(text: str) -> date | None:
    """Return the day if the text is only a date; spreadsheets write one as midnight: `2026-12-31 00:00:00`."""
    try:
        return date.fromisoformat(MIDNIGHT.sub("", text))
    except ValueError:
        return None
