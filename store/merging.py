"""Sorted sets that are spread over the shards, read as one: highest score first, page by page."""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from store import keys
from store.bulk import read_many
from store.topology import Topology


class Placed(NamedTuple):
    """A member and its place in the order: score (milliseconds since 1970), then the member itself."""

    score: int
    member: str

    @classmethod
    def parse(cls, cursor: str) -> "Placed":
        """The place that a cursor names. Raises ValueError."""
        score, _, member = cursor.partition("-")
        if not member or not (score.isascii() and score.isdigit()):
            raise ValueError(f"{cursor!r} is no cursor")
        return cls(int(score), member)

    def __str__(self) -> str:
        return f"{self.score}-{self.member}"


@dataclass(slots=True)
class _Part:
    """One sorted set while it is read: what is known of it and not given out, highest first."""

    name: str
    asked: int
    rows: list[Placed] = field(default_factory=list)
    finished: bool = False


def newest_first(
    topology: Topology,
    names: Sequence[str],
    *,
    expected: int,
    after: Placed | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Iterator[Placed]:
    """The members of many sorted sets as one list, highest score first.

    The heads of all sets come in one round trip, a little more of each than an even spread of `expected` members
    needs; a set that holds more of them is asked again. What is added above a place that was given out changes nothing
    below it.

    Args:
        topology: the servers.
        names: the sets.
        expected: how many members are wanted, usually.
        after: only what comes after this place.
        since, until: only scores from and up to these, both included.

    Raises:
        StoreError: there is no answer.
    """
    share = expected / len(keys.SHARDS)
    parts = [_Part(name, math.ceil(share + 4 * math.sqrt(share) + 3)) for name in names]
    reader = _Reader(topology, since, until)
    reader.fetch(parts, after)
    return heapq.merge(*(reader.all_of(part) for part in parts), reverse=True)


class _Reader:
    def __init__(self, topology: Topology, since: int | None, until: int | None) -> None:
        self._topology = topology
        self._low = "-inf" if since is None else str(since)
        self._until = until

    def all_of(self, part: _Part) -> Iterator[Placed]:
        """What is left of one set."""
        while part.rows:
            yield from part.rows
            last, part.rows = part.rows[-1], []
            if not part.finished:
                part.asked *= 2
                self.fetch([part], last)

    def fetch(self, parts: Sequence[_Part], after: Placed | None) -> None:
        """Read on in sets behind a place, until each has something to give out or is at its end."""
        bounds = [bound for bound in (self._until, after.score if after else None) if bound is not None]
        high = str(min(bounds)) if bounds else "+inf"
        behind = list(parts)
        while behind:
            commands = [
                (part.name, ("ZREVRANGEBYSCORE", part.name, high, self._low, "WITHSCORES", "LIMIT", 0, part.asked))
                for part in behind
            ]
            for part, answer in zip(list(behind), read_many(self._topology, commands), strict=True):
                found = [Placed(round(score), member.decode()) for member, score in answer]
                part.finished = len(found) < part.asked
                part.rows = [place for place in found if after is None or place < after]
                if part.rows or part.finished:
                    behind.remove(part)
                else:
                    part.asked *= 2  # all that was read lies at one score, before the place that was asked for
