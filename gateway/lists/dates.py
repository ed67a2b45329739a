"""Dates in lists: when a person opted out."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

MONTH_FIRST, DAY_FIRST = "mdy", "dmy"
DATE_ORDERS = (MONTH_FIRST, DAY_FIRST)
"""How 5/6/2024 is meant: the sixth of May, or the fifth of June."""

_NUMBERS = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*([AaPp])?\.?[Mm]?\.?)?"
)
_WORDS = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(?:(\d{1,2})(?:st|nd|rd|th)?[\s-]+([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?)"
    r"[,\s-]+(\d{4})(?:,?\s+(?:at\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AaPp])?\.?[Mm]?\.?)?"
)
_YEAR_FIRST = re.compile(
    r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*([AaPp])?\.?[Mm]?\.?)?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = re.compile(r"\d{9,10}(?:\d{3}|\.\d+)?")
_SPREADSHEET_DAY = re.compile(r"[345]\d{4}(?:\.\d+)?")
_FIRST_SPREADSHEET_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 (a zone is given to what is counted from it)
_ZONE_NAMES = {
    **dict.fromkeys(("UTC", "GMT", "Z"), 0),
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
_ZONE = re.compile(rf"\s*\(?(?:({'|'.join(_ZONE_NAMES)})|(?:UTC|GMT)?([+-]\d{{2}}):?(\d{{2}}))\)?$")
_LAST_SECOND = time(23, 59, 59)


class DateReader:
    """Reads the dates of one file.

    Args:
        order: which of MONTH_FIRST and DAY_FIRST "5/6/2024" is.
        zone: for dates that name none: a name such as "America/New_York".

    Raises:
        ValueError: there is no such zone or order.
    """

    def __init__(self, order: str = MONTH_FIRST, zone: str = "UTC") -> None:
        if order not in DATE_ORDERS:
            raise ValueError(f"the order of dates is one of {', '.join(DATE_ORDERS)}")
        self._day_first = order == DAY_FIRST
        self._zone: tzinfo = UTC if zone == "UTC" else zone_of(zone)
        self.milliseconds: Callable[[str], int | None] = lru_cache(maxsize=200_000)(self._milliseconds)

    def _milliseconds(self, text: str) -> int | None:
        """Milliseconds since 1970 of a date as lists have it, or None when it cannot be read.

        Reads ISO 8601, numbers ("5/1/2024 2:30 PM", "1.5.2024"), words ("May 1, 2024", "Wed, 01 May 2024 12:30:00
        +0000"), seconds or milliseconds since 1970, and the days that spreadsheets count. A date without a time is
        the end of that day: whoever came back on the day itself is not texted, and whoever came back later is.
        """
        text = text.strip()
        if _EPOCH.fullmatch(text):
            whole = text.partition(".")[0]
            return int(whole) * (1 if len(whole) > 10 else 1000)
        try:
            moment = self._moment(text)
            stamp = moment.timestamp() if moment else -1
        except (ValueError, OverflowError, OSError):
            return None
        return round(stamp * 1000) if stamp >= 0 else None

    def _moment(self, text: str) -> datetime | None:
        if _SPREADSHEET_DAY.fullmatch(text):
            return self._day_or_moment(_FIRST_SPREADSHEET_DAY + timedelta(days=float(text)), dated="." not in text)
        for read in (self._iso, self._year_first, self._numbers, self._words, self._mail):
            found = read(text)
            if found is not None:
                return found
        zone = _ZONE.search(text)
        if zone is None or zone.start() == 0:
            return None
        found = DateReader(DAY_FIRST if self._day_first else MONTH_FIRST)._moment(text[: zone.start()])
        return found.replace(tzinfo=_offset(zone)) if found else None

    def _day_or_moment(self, moment: datetime, *, dated: bool) -> datetime:
        if dated:
            moment = datetime.combine(moment.date(), _LAST_SECOND)
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)

    def _iso(self, text: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return self._day_or_moment(moment, dated=len(text) <= 10)

    def _year_first(self, text: str) -> datetime | None:
        found = _YEAR_FIRST.fullmatch(text)
        if found is None:
            return None
        year, _, month, day, *clock = found.groups()
        return self._put_together(int(year), int(month), int(day), clock)

    def _numbers(self, text: str) -> datetime | None:
        found = _NUMBERS.fullmatch(text)
        if found is None:
            return None
        first, separator, second, year, *clock = found.groups()
        # With dots the day always stands first.
        day, month = (first, second) if self._day_first or separator == "." else (second, first)
        return self._put_together(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day), clock)

    def _words(self, text: str) -> datetime | None:
        found = _WORDS.fullmatch(text)
        if found is None:
            return None
        day, month, month_before, day_after, year, *clock = found.groups()
        name = (month or month_before)[:3].lower()
        if name not in _MONTHS:
            return None
        return self._put_together(int(year), _MONTHS.index(name) + 1, int(day or day_after), clock)

    def _put_together(self, year: int, month: int, day: int, clock: list[str | None]) -> datetime:
        hour, minute, second, half = clock
        if hour is None:
            return self._day_or_moment(datetime(year, month, day), dated=True)  # noqa: DTZ001 (given its zone there)
        hours = int(hour) % 12 + (12 if half.lower() == "p" else 0) if half else int(hour)
        moment = datetime(year, month, day, hours, int(minute or 0), int(second or 0))  # noqa: DTZ001 (as above)
        return self._day_or_moment(moment, dated=False)

    @staticmethod
    def _mail(text: str) -> datetime | None:
        if text[:1].isdigit() or "," not in text:
            return None
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _offset(found: "re.Match[str]") -> tzinfo:
    name, hours, minutes = found.groups()
    if name:
        return timezone(timedelta(hours=_ZONE_NAMES[name]))
    return timezone(timedelta(hours=int(hours), minutes=int(f"{hours[0]}{minutes}")))


def zone_of(name: str) -> ZoneInfo:
    """The time zone with a name. Raises ValueError: there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone, such as America/New_York") from None


def order_of_dates(cells: Iterable[str]) -> str | None:
    """Which of day and month stands first in the cells of a column; None when they do not tell."""
    for cell in cells:
        found = _NUMBERS.match(cell.strip())
        if found and found[2] != ".":
            if int(found[1]) > 12:
                return DAY_FIRST
            if int(found[3]) > 12:
                return MONTH_FIRST
    return None


@cache
def _usual() -> DateReader:
    return DateReader()


def milliseconds_of(text: str) -> int | None:
    """Milliseconds since 1970 of a date, month first and in UTC where nothing else is said; see DateReader."""
    return _usual().milliseconds(text)
