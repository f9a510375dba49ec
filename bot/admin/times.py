"""Read times as people and spreadsheets write them. Pure."""

import re
from datetime import UTC, date, datetime, time, timedelta

from bot.core.values import InvalidValue

# A span, and a spreadsheet's way to write a date.
SPAN = re.compile(r"([0-9]{1,4})([smhdw])")
MIDNIGHT = re.compile(r" 00:00(:00(\.0+)?)?$")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span_of(text: str) -> timedelta | None:
    """Return a span such as 8h or 30d; None if the text is none."""
    found = SPAN.fullmatch(text)
    return timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None


def parse_when(text: str, now: datetime, *, sign: int = 1, name: str = "time", spans: bool = True) -> datetime:
    """Parse a time: a span from now ("8h", "30d"), a date (its end), or a date and time.

    A time without a zone is UTC. With `sign` -1, a span reaches back and a date means its beginning.

    Raises:
        InvalidValue: the text is none of these.
    """
    span = span_of(text.strip()) if spans else None
    if span is not None:
        return now + sign * span
    try:
        day = _date_only(" ".join(text.split()))
        if day is not None:
            return datetime.combine(day, time(), UTC) + timedelta(days=1 if sign > 0 else 0)
        when = datetime.fromisoformat(text.strip())
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        allowed = f"a time such as {'8h, 30d, ' if spans else ''}2026-12-31 or 2026-12-31T18:00+01:00"
        raise InvalidValue(name, text, allowed) from None


def _date_only(text: str) -> date | None:
    """Return the day if the text is only a date; spreadsheets write one as midnight: `2026-12-31 00:00:00`."""
    try:
        return date.fromisoformat(MIDNIGHT.sub("", text))
    except ValueError:
        return None
