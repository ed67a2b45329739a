"""Time, passed to whoever needs it. Tests pass another one."""

import time
from datetime import UTC, datetime


def written(moment: datetime) -> str:
    """A time as programs read it everywhere: RFC 3339, UTC, with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Clock:
    """The time of day and a clock that only goes forward."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of a clock that nobody sets."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
