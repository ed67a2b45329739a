"""The figures of an account's days: texts in and out by what became of them, opt-outs by source, held texts.

Counted by the functions that write what is counted, in the same step; in UTC days, kept for 400 days. Texts out count
on the day they were made, under what they are now, so that the figures of a day add up to its texts.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from store import keys
from store.bulk import read_many
from store.journal import Source
from store.topology import Topology


@dataclass(frozen=True, slots=True)
class Day:
    """One day. texts_out: by status. opt_outs: by source. sent, left: texts to audiences, and new opt-outs of people
    whom that audience was texted for last. held: texts put before a person."""

    day: date
    texts_in: int = 0
    held: int = 0
    texts_out: Mapping[str, int] = field(default_factory=dict)
    opt_outs: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)


class DayStore:
    """Figures by day."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def between(self, account: str, first: date, last: date) -> list[Day]:
        """The days from first to last, both included, oldest first, in one round trip. Raises StoreError.

        Args:
            account: whose; "@" and a sender for what belongs to no one account.
            first, last: the days, in UTC.
        """
        wanted = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        months = list(dict.fromkeys(f"{day:%Y%m}" for day in wanted))
        names = [keys.days(shard, account, month) for month in months for shard in keys.SHARDS]
        totals: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        answers = read_many(self._topology, [(name, ("HGETALL", name)) for name in names]) if names else []
        for position, fields in enumerate(answers):
            month = months[position // len(keys.SHARDS)]
            for name, value in fields.items():
                day, _, what = name.decode().partition(":")
                totals[month, day][what] += int(value)
        return [_day(day, totals.get((f"{day:%Y%m}", f"{day:%d}"), {})) for day in wanted]


def _day(day: date, totals: Mapping[str, int]) -> Day:
    groups: dict[str, dict[str, int]] = {name: {} for name in ("out", "opt_out", "sent", "left")}
    for what, total in totals.items():
        group, _, name = what.partition(":")
        if group in groups and total > 0:
            groups[group][name] = total
    return Day(
        day=day,
        texts_in=totals.get("in", 0),
        held=totals.get("held", 0),
        texts_out=groups["out"],
        opt_outs={Source(int(code)).label: total for code, total in groups["opt_out"].items()},
        sent=groups["sent"],
        left=groups["left"],
    )
