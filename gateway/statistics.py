"""What happened in an account, by day, and what waits for somebody: the figures of a home page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.deadlines import deadline_of
from gateway.reviewing import Reviews
from store import Store
from store.days import Day
from store.directory import Account

MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class AudienceRate:
    """How many of those who were texted for an audience opted out after it. rate: per text that was sent, or None."""

    audience: str
    sent: int
    left: int

    @property
    def rate(self) -> float | None:
        """Opt-outs per text."""
        return self.left / self.sent if self.sent else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person. deadline: by when the oldest held text has to be decided (US-7), or None."""

    held: int
    overdue: int
    oldest: datetime | None
    deadline: datetime | None
    unanswered: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of some days, oldest first.

    shared: new opt-outs by text to each sender the account shares with others; they block for it too, and are nobody's
    alone (G8). audiences: those with texts in this time, the highest rate first.
    """

    days: Sequence[Day]
    shared: Mapping[str, int]
    audiences: Sequence[AudienceRate]
    waiting: Waiting


class StatisticsReader:
    """Reads figures."""

    def __init__(self, store: Store, reviews: Reviews, clock: Clock) -> None:
        self._store = store
        self._reviews = reviews
        self._clock = clock

    def read(self, account: Account, *, days: int) -> Statistics:
        """The figures of the last days in UTC, today included.

        Args:
            account: whose.
            days: how many, MOST_DAYS at most.

        Raises:
            StoreError: there is no answer.
        """
        last = self._clock.now().date()
        first = last - timedelta(days=days - 1)
        found = self._store.days.between(account.id, first, last)
        sharers = self._store.directory.current().by_sender
        shared = {
            sender.address: sum(
                sum(day.opt_outs.values()) for day in self._store.days.between(f"@{sender.address}", first, last)
            )
            for sender in account.senders
            if len(sharers.get(sender.address, ())) > 1
        }
        return Statistics(found, shared, _rates(found), self._waiting(account))

    def _waiting(self, account: Account) -> Waiting:
        load = self._reviews.load_of(account.id)
        deadline = deadline_of(load.oldest) if load.oldest else None
        unanswered = self._store.texts.count_unanswered(account.id)
        return Waiting(load.held, load.overdue, load.oldest, deadline, unanswered)


def _rates(days: Sequence[Day]) -> list[AudienceRate]:
    sent: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for day in days:
        sent.update(day.sent)
        left.update(day.left)
    rates = [AudienceRate(audience, sent[audience], left[audience]) for audience in {*sent, *left}]
    return sorted(rates, key=lambda rate: (-(rate.rate or 0), -rate.left, rate.audience))
