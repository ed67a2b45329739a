"""The journals of one owner in all shards, as one: entries in the order of their time, either way."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

from store import keys
from store.bulk import read_many
from store.topology import Topology

# A page needs few entries of each shard, a scan many: each shard's portions double.
_MOST_AT_ONCE = 64


class Entry(NamedTuple):
    """An entry as it stands in a shard's journal. id: time and sequence."""

    id: tuple[int, int]
    shard: str
    fields: Mapping[bytes, bytes]


class _Tail:
    """What is still to be read of one shard's journal."""

    __slots__ = ("buffer", "count", "over", "position", "shard")

    def __init__(self, shard: str, position: str) -> None:
        self.shard = shard
        self.position = position
        self.buffer: deque[Entry] = deque()
        self.count = 1
        self.over = False


def merged_entries(
    topology: Topology, owner: str, *, descending: bool, first: str = "-", last: str = "+"
) -> Iterator[Entry]:
    """Entries of an owner's journals in order.

    Args:
        topology: the servers.
        owner: an account id, or "@" and a shared sender.
        descending: newest first.
        first, last: ids of streams (or "-" and "+") between which to read, both included.

    Raises:
        StoreError: the rest is unknown.
    """
    tails = [_Tail(shard, last if descending else first) for shard in keys.SHARDS]
    end = first if descending else last
    sign = -1 if descending else 1
    heap: list[tuple[int, int, int]] = []

    def fill(wanted: Sequence[int]) -> None:
        commands = []
        for index in wanted:
            name = keys.journal(tails[index].shard, owner)
            command = "XREVRANGE" if descending else "XRANGE"
            commands.append((name, (command, name, tails[index].position, end, "COUNT", tails[index].count)))
        for index, rows in zip(wanted, read_many(topology, commands), strict=True):
            _take(tails[index], rows)
            if tails[index].buffer:
                time, sequence = tails[index].buffer[0].id
                heappush(heap, (sign * time, sign * sequence, index))

    fill(range(len(tails)))
    while heap:
        _, _, index = heappop(heap)
        tail = tails[index]
        yield tail.buffer.popleft()
        if tail.buffer:
            time, sequence = tail.buffer[0].id
            heappush(heap, (sign * time, sign * sequence, index))
        elif not tail.over:
            fill([index])


def _take(tail: _Tail, rows: Sequence[Any]) -> None:
    for name, fields in rows:
        time, _, sequence = name.decode().partition("-")
        pairs = dict(zip(fields[::2], fields[1::2], strict=True))
        tail.buffer.append(Entry((int(time), int(sequence)), tail.shard, pairs))
    tail.over = len(rows) < tail.count
    tail.count = min(2 * tail.count, _MOST_AT_ONCE)
    if rows:
        tail.position = f"({rows[-1][0].decode()}"
