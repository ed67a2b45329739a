"""Lists of opt-outs in order: by when they were recorded, straight from the journal, and by number, from an index.

The index of numbers is derived: built from the journal, brought up to date before it is read, thrown away at will. The
gate never asks it.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from store import keys
from store.addresses import is_number, is_pseudonym
from store.bulk import BulkStore, read_many
from store.consent import owner_of
from store.details import Record, unpack
from store.journal import is_packed, unpack_rows
from store.replay import blocked_channels
from store.scopes import Channel, Scope
from store.topology import Topology

_ENTRIES_AT_ONCE = 8
_REFRESHED_AT_ONCE = 50
_LEAVES_AT_ONCE = 64
_LEAF_DIGITS = 5
_LONGEST = 15


@dataclass(frozen=True, slots=True)
class Listed:
    """One number that a scope blocks, with what is known of each channel. entry: its newest journal entry."""

    number: str
    scope: Scope
    records: dict[Channel, Record]
    entry: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list. next: what to ask with for what follows; "" at the end."""

    items: Sequence[Listed]
    next: str


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """A place in the order of the journals: time and sequence of an entry, its shard, the row in it."""

    time: int
    sequence: int
    shard: str
    row: int

    @classmethod
    def parse(cls, cursor: str) -> "_Place":
        time, sequence, shard, row = cursor.split("-")
        return cls(int(time), int(sequence), shard, int(row))

    def __str__(self) -> str:
        return f"{self.time}-{self.sequence}-{self.shard}-{self.row}"


class ListingStore:
    """Ordered lists of what scopes block."""

    def __init__(self, topology: Topology, bulk: BulkStore) -> None:
        self._topology = topology
        self._bulk = bulk

    def newest(self, scope: Scope, *, limit: int, after: str = "") -> Page:
        """What a scope blocks, what was recorded last first.

        A number stands where its newest journal entry stands, so that a page does not change while others come in.

        Args:
            scope: the scope.
            limit: most numbers of a page.
            after: `next` of the page before.

        Raises:
            StoreError: there is no answer.
            ValueError: `after` is no cursor.
        """
        start = _Place.parse(after) if after else None
        found: list[Listed] = []
        last = start
        waiting: list[tuple[_Place, str]] = []
        for place, number in self._candidates(scope, start):
            waiting.append((place, number))
            if len(waiting) >= limit:
                found, last = self._settled(scope, waiting, found, limit)
                waiting = []
                if len(found) == limit:
                    return Page(found, str(last))
        found, last = self._settled(scope, waiting, found, limit)
        return Page(found, str(last) if len(found) == limit else "")

    def _settled(
        self, scope: Scope, waiting: Sequence[tuple[_Place, str]], found: list[Listed], limit: int
    ) -> tuple[list[Listed], _Place | None]:
        """`found` and those candidates whose newest entry is the one they stand at."""
        last = None
        values = self._bulk.details(scope, [number for _, number in waiting])
        for (place, number), value in zip(waiting, values, strict=True):
            if len(found) == limit:
                break
            last, entry = place, f"{place.time}-{place.sequence}"
            records = unpack(value)
            newest = max((_id_of(record.event) for record in records.values()), default=None)
            if newest == _id_of(entry) and blocked_channels(value) and number not in {item.number for item in found}:
                found.append(Listed(number, scope, records, entry))
        return found, last

    def _candidates(self, scope: Scope, start: _Place | None) -> Iterator[tuple[_Place, str]]:
        """Numbers in the journals of a scope, newest first, after a place; some twice, some no longer blocked."""
        streams = [self._backwards(shard, scope, start) for shard in keys.SHARDS]
        return heapq.merge(*streams, key=lambda candidate: candidate[0], reverse=True)

    def _backwards(self, shard: str, scope: Scope, start: _Place | None) -> Iterator[tuple[_Place, str]]:
        stream = keys.journal(shard, owner_of(scope))
        until = f"{start.time}-{start.sequence}" if start else "+"
        while True:
            (entries,) = read_many(
                self._topology, [(stream, ("XREVRANGE", stream, until, "-", "COUNT", _ENTRIES_AT_ONCE))]
            )
            for entry_id, fields in entries:
                entry = dict(zip(fields[::2], fields[1::2], strict=True))
                time, sequence = _id_of(entry_id.decode())
                for row, number in reversed(list(enumerate(_numbers_in(entry, scope, shard)))):
                    place = _Place(time, sequence, shard, row)
                    if start is None or place < start:
                        yield place, number
            if len(entries) < _ENTRIES_AT_ONCE:
                return
            until = f"({entries[-1][0].decode()}"

    def by_number(
        self, scope: Scope, *, limit: int, after: str = "", prefix: str = "", descending: bool = False
    ) -> Page:
        """What a scope blocks, in the order of the numbers (as numbers: shorter ones first).

        Args:
            scope: the scope.
            limit: most numbers of a page.
            after: `next` of the page before.
            prefix: only numbers that begin so ("+1415").
            descending: highest first.

        Raises:
            StoreError: there is no answer.
        """
        self.refresh(scope)
        numbers: list[str] = []
        for low, high in _ranges(prefix, descending=descending):
            wanted = limit + 1 - len(numbers)
            numbers += self._in_range(scope, low, high, after, wanted, descending=descending)
            if len(numbers) > limit:
                break
        more, numbers = len(numbers) > limit, numbers[:limit]
        values = self._bulk.details(scope, numbers)
        items = [
            Listed(number, scope, unpack(value), max((record.event for record in unpack(value).values()), default=""))
            for number, value in zip(numbers, values, strict=True)
            if blocked_channels(value)
        ]
        return Page(items, numbers[-1] if more else "")

    def _in_range(self, scope: Scope, low: int, high: int, after: str, wanted: int, *, descending: bool) -> list[str]:
        """At most `wanted` numbers of the index from low to high, behind `after`."""
        if after:
            low, high = (low, min(high, int(after) - 1)) if descending else (max(low, int(after) + 1), high)
        found: list[str] = []
        base, directory = 10**_LEAF_DIGITS, keys.number_index(scope)
        command = "ZREVRANGEBYSCORE" if descending else "ZRANGEBYSCORE"
        while len(found) < wanted and low <= high:
            bounds = (high // base, low // base) if descending else (low // base, high // base)
            (leaves,) = read_many(
                self._topology, [(directory, (command, directory, *bounds, "LIMIT", 0, _LEAVES_AT_ONCE))]
            )
            names = [keys.number_leaf(scope, leaf.decode()) for leaf in leaves]
            members = read_many(self._topology, [(name, ("SMEMBERS", name)) for name in names]) if names else []
            for leaf, lines in zip(leaves, members, strict=True):
                inside = [number for line in lines if low <= (number := int(leaf) * base + int(line)) <= high]
                found += [f"+{number}" for number in sorted(inside, reverse=descending)]
            if len(leaves) < _LEAVES_AT_ONCE:
                break
            low, high = (low, int(leaves[-1]) * base - 1) if descending else ((int(leaves[-1]) + 1) * base, high)
        return found[:wanted]

    def refresh(self, scope: Scope) -> int:
        """Bring the index of a scope up to date with the journal. Returns how many entries that were.

        Importing calls it now and then, so that nobody waits for it later. Raises StoreError.
        """
        positions, done = keys.number_index_positions(scope), 0
        owner = owner_of(scope)
        (known,) = read_many(self._topology, [(positions, ("HMGET", positions, *keys.SHARDS))])
        last = {shard: value.decode() if value else "-" for shard, value in zip(keys.SHARDS, known, strict=True)}
        behind = list(keys.SHARDS)
        while behind:
            streams = [keys.journal(shard, owner) for shard in behind]
            commands = [
                (stream, ("XRANGE", stream, last[shard], "+", "COUNT", _REFRESHED_AT_ONCE))
                for stream, shard in zip(streams, behind, strict=True)
            ]
            for shard, entries in zip(list(behind), read_many(self._topology, commands), strict=True):
                if entries:
                    self._take_in(scope, shard, entries)
                    last[shard] = f"({entries[-1][0].decode()}"
                    read_many(self._topology, [(positions, ("HSET", positions, shard, last[shard]))])
                    done += len(entries)
                if len(entries) < _REFRESHED_AT_ONCE:
                    behind.remove(shard)
        return done

    def _take_in(self, scope: Scope, shard: str, entries: Sequence[tuple[bytes, Any]]) -> None:
        numbers = dict.fromkeys(
            number
            for _, fields in entries
            for number in _numbers_in(dict(zip(fields[::2], fields[1::2], strict=True)), scope, shard)
        )
        wanted = [number for number in numbers if is_number(number)]
        joins: dict[str, list[str]] = {}
        leaves: dict[str, list[str]] = {}
        for number, value in zip(wanted, self._bulk.details(scope, wanted), strict=True):
            group = joins if blocked_channels(value) else leaves
            group.setdefault(number[1:-_LEAF_DIGITS], []).append(str(int(number[-_LEAF_DIGITS:])))
        directory = keys.number_index(scope)
        commands: list[tuple[str, tuple[Any, ...]]] = []
        for leaf, lines in joins.items():
            # The leaf is named before it has members: a reader may find it empty, and never misses it.
            commands.append((directory, ("ZADD", directory, leaf, leaf)))
            commands.append((directory, ("SADD", keys.number_leaf(scope, leaf), *lines)))
        commands += [(directory, ("SREM", keys.number_leaf(scope, leaf), *lines)) for leaf, lines in leaves.items()]
        if commands:
            read_many(self._topology, commands)

    def forget_index(self, scope: Scope) -> None:
        """Throw the index of a scope away; the next question builds it anew. Raises StoreError."""
        directory = keys.number_index(scope)
        (leaves,) = read_many(self._topology, [(directory, ("ZRANGE", directory, 0, -1))])
        names = [keys.number_leaf(scope, leaf.decode()) for leaf in leaves]
        commands = [(name, ("UNLINK", name)) for name in (*names, directory, keys.number_index_positions(scope))]
        read_many(self._topology, commands)


def _id_of(event: str) -> tuple[int, int]:
    time, _, sequence = event.partition("-")
    return int(time), int(sequence)


def _numbers_in(fields: dict[bytes, bytes], scope: Scope, shard: str) -> list[str]:
    """The addresses that a journal entry is about, in one scope."""
    also = fields.get(b"also", b"").decode().split("\n")
    if scope.key not in {fields[b"scope"].decode(), *also}:
        return []
    if is_packed(fields):
        return [row.number for row in unpack_rows(fields[b"rows"], shard)]
    number = fields[b"number"].decode()
    return [number] if fields[b"kind"] in {b"opt_out", b"lift"} and not is_pseudonym(number) else []


def _ranges(prefix: str, *, descending: bool) -> list[tuple[int, int]]:
    """The numbers that begin with a prefix, as ranges of whole numbers, one for each length."""
    digits = prefix.removeprefix("+")
    if not digits:
        return [(0, 10**_LONGEST)]
    ranges = [(int(digits) * 10**more, (int(digits) + 1) * 10**more - 1) for more in range(_LONGEST - len(digits) + 1)]
    return ranges[::-1] if descending else ranges
