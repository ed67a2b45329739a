"""Business days and deadlines: a request to stop has to be honoured within ten business days (US-7)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

REQUEST_DEADLINE = 10
"""Business days in which a request that waits for a person has to be decided (47 CFR 64.1200(a)(10))."""

CONFIRMATION_DEADLINE = timedelta(minutes=5)
"""Time in which the one confirmation has to go out (US-10)."""

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6


def _fixed(month: int, day: int) -> Callable[[int], date]:
    def observed(year: int) -> date:
        holiday = date(year, month, day)
        shift = {_SATURDAY: -1, _SUNDAY: 1}.get(holiday.weekday(), 0)
        return holiday + timedelta(days=shift)

    return observed


def _nth(month: int, weekday: int, number: int) -> Callable[[int], date]:
    def find(year: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))

    return find


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


# Federal holidays of the United States, 5 U.S.C. 6103, with the day on which each is kept.
FEDERAL_HOLIDAYS: tuple[Callable[[int], date], ...] = (
    _fixed(1, 1),
    _nth(1, _MONDAY, 3),
    _nth(2, _MONDAY, 3),
    _last_monday_of_may,
    _fixed(6, 19),
    _fixed(7, 4),
    _nth(9, _MONDAY, 1),
    _nth(10, _MONDAY, 2),
    _fixed(11, 11),
    _nth(11, _THURSDAY, 4),
    _fixed(12, 25),
)


def is_business_day(day: date) -> bool:
    """True for a weekday that is no federal holiday."""
    # New Year's Day may be kept on 31 December of the year before.
    kept = {holiday(year) for year in (day.year, day.year + 1) for holiday in FEDERAL_HOLIDAYS}
    return day.weekday() < _SATURDAY and day not in kept


def deadline_of(received_at: datetime) -> datetime:
    """When a request has to be honoured at the latest: the end of the tenth business day after it came."""
    day, left = received_at.date(), REQUEST_DEADLINE
    while left:
        day += timedelta(days=1)
        left -= is_business_day(day)
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)


def due_before(now: datetime) -> datetime:
    """The end of the last day whose requests are overdue now."""
    day = now.date() - timedelta(days=REQUEST_DEADLINE)
    while deadline_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) >= now:
        day -= timedelta(days=1)
    return datetime(day.year, day.month, day.day, 23, 59, 59, 999_000, tzinfo=UTC)
