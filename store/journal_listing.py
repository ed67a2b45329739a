"""The journal of an account as one list: what was recorded last first, page by page."""

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from store import keys
from store.addresses import shard_of
from store.bulk import read_many
from store.consent import JournalEntry, every_entry_of, milliseconds
from store.topology import Topology

_HEADS = 4
_MOST_AT_ONCE = 512
# A page that finds little says so with a cursor instead of reading for ever.
_MOST_LOOKED_AT = 20_000


class JournalPlace(NamedTuple):
    """A place in the journals of all shards: time and sequence of an entry, its shard, the row in it."""

    time: int
    sequence: int
    shard: str
    row: int

    @classmethod
    def parse(cls, cursor: str) -> "JournalPlace":
        """The place that a cursor names. Raises ValueError."""
        time, sequence, shard, row = cursor.split("-")
        return cls(int(time), int(sequence), shard, int(row))

    def __str__(self) -> str:
        return f"{self.time}-{self.sequence}-{self.shard}-{self.row}"


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Which entries. since, until: when they were recorded, both included. kinds, sources: any of these."""

    number: str = ""
    kinds: Collection[str] = ()
    sources: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, entry: JournalEntry) -> bool:
        """True for an entry that is wanted; the times are seen to where the streams are read."""
        return (
            (not self.number or entry.number == self.number)
            and (not self.kinds or entry.kind in self.kinds)
            and (not self.sources or entry.source in self.sources)
        )


@dataclass(frozen=True, slots=True)
class JournalPage:
    """Some of the journal, each entry with its place. next: what to ask with for what follows; "" at the end."""

    items: Sequence[tuple[JournalPlace, JournalEntry]]
    next: str


@dataclass(slots=True)
class _Stream:
    """One shard's journal while it is read backwards: what was read and not given out, newest first."""

    shard: str
    name: str
    until: str
    asked: int = _HEADS
    entries: list[tuple[int, int, str, dict[bytes, bytes]]] = field(default_factory=list)
    finished: bool = False


class JournalListing:
    """The journals of all shards of one account, merged.

    Args:
        topology: the servers.
        most_looked_at: entries read for one page.
    """

    def __init__(self, topology: Topology, *, most_looked_at: int = _MOST_LOOKED_AT) -> None:
        self._topology = topology
        self._most_looked_at = most_looked_at

    def newest(self, account: str, wanted: JournalFilter, *, limit: int, after: str = "") -> JournalPage:
        """A page of an account's journal. What is recorded meanwhile is above it and changes nothing in it.

        A page may be shorter than `limit` and still have a `next`, when few of many entries are wanted.

        Args:
            account: whose journal. Shared senders have journals of their own, which no account sees (G8).
            wanted: which entries.
            limit: most entries of a page.
            after: `next` of the page before.

        Raises:
            StoreError: there is no answer.
            ValueError: `after` is no cursor.
        """
        start = JournalPlace.parse(after) if after else None
        found: list[tuple[JournalPlace, JournalEntry]] = []
        place = start
        for looked_at, (place, entry) in enumerate(self._backwards(account, wanted, start)):
            if wanted.takes(entry):
                if len(found) == limit:
                    return JournalPage(found, str(found[-1][0]))
                found.append((place, entry))
            if looked_at + 1 >= self._most_looked_at:
                return JournalPage(found, str(place))
        return JournalPage(found, "")

    def _backwards(
        self, account: str, wanted: JournalFilter, start: JournalPlace | None
    ) -> Iterator[tuple[JournalPlace, JournalEntry]]:
        shards = (shard_of(wanted.number),) if wanted.number else keys.SHARDS
        # Nothing was recorded before 1970, and a stream knows no times before it.
        until = max(0, milliseconds(wanted.until)) if wanted.until else None
        if start is not None and (until is None or start.time <= until):
            high = f"{start.time}-{start.sequence}"
        else:
            high = "+" if until is None else str(until)
        low = str(max(0, milliseconds(wanted.since))) if wanted.since else "-"
        streams = [_Stream(shard, keys.journal(shard, account), high) for shard in shards]
        self._fetch(streams, low)
        merged = heapq.merge(
            *(self._all_of(stream, low) for stream in streams), key=lambda entry: entry[:3], reverse=True
        )
        for time, sequence, shard, fields in merged:
            rows = every_entry_of(shard, f"{time}-{sequence}", fields)
            for row in reversed(range(len(rows))):
                place = JournalPlace(time, sequence, shard, row)
                if start is None or place < start:
                    yield place, rows[row]

    def _all_of(self, stream: _Stream, low: str) -> Iterator[tuple[int, int, str, dict[bytes, bytes]]]:
        while stream.entries:
            yield from stream.entries
            stream.entries = []
            if not stream.finished:
                stream.asked = min(_MOST_AT_ONCE, stream.asked * 4)
                self._fetch([stream], low)

    def _fetch(self, streams: Sequence[_Stream], low: str) -> None:
        commands = [
            (stream.name, ("XREVRANGE", stream.name, stream.until, low, "COUNT", stream.asked)) for stream in streams
        ]
        for stream, rows in zip(streams, read_many(self._topology, commands), strict=True):
            stream.finished = len(rows) < stream.asked
            stream.entries = [(*_id_of(entry_id), stream.shard, _fields(values)) for entry_id, values in rows]
            if rows:
                stream.until = f"({rows[-1][0].decode()}"


def _id_of(entry_id: bytes) -> tuple[int, int]:
    time, _, sequence = entry_id.decode().partition("-")
    return int(time), int(sequence)


def _fields(values: Sequence[Any]) -> dict[bytes, bytes]:
    return dict(zip(values[::2], values[1::2], strict=True))
