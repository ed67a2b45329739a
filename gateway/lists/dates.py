"""Dates in lists: when a person opted out."""

import re
from datetime import UTC, datetime, time
from functools import lru_cache

_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AaPp][Mm])?)?")
_EPOCH = re.compile(r"\d{9,10}(?:\d{3})?")
_END_OF_DAY = time(23, 59, 59, tzinfo=UTC)


@lru_cache(maxsize=200_000)
def milliseconds_of(text: str) -> int | None:
    """Milliseconds since 1970 of a date as lists have it, or None when it cannot be read.

    Reads ISO 8601 ("2024-05-01", "2024-05-01T12:30:00Z"), American dates ("5/1/2024 2:30 PM") and seconds or
    milliseconds since 1970. Without a zone it is UTC. A date without a time is the end of that day: whoever came
    back on the day itself is not texted, and whoever came back later is.
    """
    text = text.strip()
    if _EPOCH.fullmatch(text):
        return int(text) * (1 if len(text) > 10 else 1000)
    moment = _iso(text) or _american(text)
    if moment is None or moment.timestamp() < 0:
        return None
    return round(moment.timestamp() * 1000)


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= 10:
        return datetime.combine(moment.date(), _END_OF_DAY)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _american(text: str) -> datetime | None:
    found = _AMERICAN.fullmatch(text)
    if found is None:
        return None
    month, day, year, hour, minute, second, half = found.groups()
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    try:
        if hour is None:
            return datetime.combine(datetime(full_year, int(month), int(day), tzinfo=UTC).date(), _END_OF_DAY)
        hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour)
        return datetime(full_year, int(month), int(day), hours, int(minute), int(second or 0), tzinfo=UTC)
    except ValueError:
        return None
