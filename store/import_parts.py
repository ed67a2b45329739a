"""The calls of an import: a block's rows sorted by where their numbers live, packed, and cut into parts of one shard.

Tuned: a row may take a few millionths of a second here and on the server, so what can be made for all rows at once is
(columns instead of objects, packed rows copied byte by byte with slices that have a stride), and the server gets
everything in the form in which it hands it on: members and fields as words, packed details without their last bytes.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from store.details import short_head
from store.journal import ROW_SIZE, Source, fresh_flags
from store.scopes import Channel

# A call of this many rows keeps the server busy for a fifth of a millisecond; the gate is answered between two. With 64
# an import was no faster, and one question in a hundred waited 2.3 ms instead of 1.0.
ROWS_PER_CALL = 48
CUT = f"{ROWS_PER_CALL}/neighbours"
"""Names how blocks are cut into parts: another way is another name, so that no part is taken for another."""
# Rows of one person stay in one call, in their order, up to this many.
_MOST_ROWS_PER_CALL = 1024
_DETAILS_BUCKET = 5
# Sorted and packed at a time: few enough that a server is done with what it has only after the next rows are ready,
# many enough that calls are full.
_NEIGHBOURS = 500
_MOST_DIGITS = 3


class Row(NamedTuple):
    """A number of a file: in E.164 form, when it opted out (milliseconds since 1970), its row in the file."""

    number: str
    at: int
    row: int


class Rows(NamedTuple):
    """Rows of a file as columns, in the order of the file; see Row."""

    numbers: Sequence[str]
    times: Sequence[int]
    rows: Sequence[int]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Rows":
        """The columns of rows."""
        return cls(*zip(*rows, strict=True)) if rows else cls((), (), ())


@dataclass(slots=True)
class Part:
    """One call: rows of one shard, as sg_import takes them.

    positions: of the rows in the block. gates: for each gate bucket the sizes of its details buckets; the names of
    both beside. arguments: see sg_import.
    """

    shard: str
    positions: Sequence[int] = ()
    gate_buckets: list[str] = field(default_factory=list)
    details_buckets: list[str] = field(default_factory=list)
    gates: list[list[int]] = field(default_factory=list)
    arguments: list[str | bytes] = field(default_factory=list)


class _Block(NamedTuple):
    """Neighbouring rows by where their numbers live: those of one details bucket, and of one person, together."""

    order: Sequence[int]
    numbers: Sequence[str]
    members: Sequence[str]
    fields: Sequence[str]
    heads: Sequence[bytes]
    packed: bytes


def parts_of(rows: Rows, channels: Sequence[Channel], source: Source, without: Collection[int] = ()) -> Iterator[Part]:
    """The calls that opt out the numbers of a block, in an order that depends on nothing but the rows.

    Args:
        rows: the block.
        channels, source: of the import.
        without: positions of rows that are left out.
    """
    flags = fresh_flags(channels)
    heads = {at: short_head(channels, source, at) for at in set(rows.times)}
    for positions in _neighbours(rows.numbers, without):
        yield from _cut(_sorted(rows, positions, flags, heads))


def _neighbours(numbers: Sequence[str], without: Collection[int]) -> Iterator[Sequence[int]]:
    """The positions of numbers that end alike; more digits alike the more rows there are, at last a whole shard's."""
    digits = min(_MOST_DIGITS, len(str(len(numbers) // _NEIGHBOURS)) if len(numbers) >= _NEIGHBOURS else 0)
    if not digits:
        yield [position for position in range(len(numbers)) if position not in without]
        return
    by_ending: defaultdict[str, list[int]] = defaultdict(list)
    for position, number in enumerate(numbers):
        by_ending[number[-digits:]].append(position)
    for ending in sorted(by_ending, key=lambda ending: ending[::-1]):
        positions = by_ending.pop(ending)
        yield [position for position in positions if position not in without] if without else positions


def _cut(block: _Block) -> Iterator[Part]:
    first, groups = 0, list[tuple[int, int]]()
    for start, end in _groups(block.numbers):
        if groups and (end - first > ROWS_PER_CALL or block.numbers[start][-2:] != block.numbers[first][-2:]):
            yield _part(block, groups)
            first, groups = start, []
        groups.append((start, end))
    if groups:
        yield _part(block, groups)


def _sorted(rows: Rows, positions: Sequence[int], flags: int, heads: Mapping[int, bytes]) -> _Block:
    # Read backwards, numbers of one shard, bucket and at last of one person are neighbours.
    backwards = {position: rows.numbers[position][::-1] for position in positions}
    order = sorted(positions, key=backwards.__getitem__)
    numbers = list(map(rows.numbers.__getitem__, order))
    times = list(map(rows.times.__getitem__, order))
    return _Block(
        order,
        numbers,
        [number[1:-4] for number in numbers],
        [number[1:-5] for number in numbers],
        list(map(heads.__getitem__, times)),
        _packed(Rows(numbers, times, list(map(rows.rows.__getitem__, order))), flags),
    )


def _packed(rows: Rows, flags: int) -> bytes:
    """What `store.journal.pack_row` makes of each row: eight bytes a value, highest first, without the first ones."""
    packed = bytearray(ROW_SIZE * len(rows.numbers))
    packed[::ROW_SIZE] = bytes([flags]) * len(rows.numbers)
    without_shard = [int(number[1:-2]) for number in rows.numbers]
    for values, offset, size in ((without_shard, 1, 6), (rows.rows, 7, 4), (rows.times, 11, 6)):
        column = array("Q", values)
        if sys.byteorder == "little":
            column.byteswap()
        raw = column.tobytes()
        for byte in range(size):
            packed[offset + byte :: ROW_SIZE] = raw[8 - size + byte :: 8]
    return bytes(packed)


def _groups(numbers: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Start and end of the rows of each details bucket; of parts of it when there are many."""
    endings = [number[-_DETAILS_BUCKET:] for number in numbers]
    bounds = [index for index, (before, ending) in enumerate(pairwise(endings), 1) if before != ending]
    for start, end in pairwise([0, *bounds, len(numbers)]):
        while end - start > ROWS_PER_CALL:
            cut = start + ROWS_PER_CALL
            while cut < min(end, start + _MOST_ROWS_PER_CALL) and numbers[cut] == numbers[cut - 1]:
                cut += 1
            yield start, cut
            start = cut
        if start < end:
            yield start, end


def _part(block: _Block, groups: Sequence[tuple[int, int]]) -> Part:
    first, last = groups[0][0], groups[-1][1]
    part = Part(block.numbers[first][-2:], block.order[first:last])
    arguments: list[str | bytes] = []
    opened = first
    for start, end in groups:
        bucket = block.numbers[start][-_DETAILS_BUCKET:]
        if not part.gates or part.gate_buckets[-1] != bucket[1:]:
            part.arguments += block.members[opened:start]
            part.arguments += arguments
            arguments, opened = [], start
            part.gate_buckets.append(bucket[1:])
            part.gates.append([])
        part.details_buckets.append(bucket)
        part.gates[-1].append(end - start)
        arguments.append(block.packed[start * ROW_SIZE : end * ROW_SIZE])
        arguments += block.fields[start:end]
        arguments += block.heads[start:end]
    part.arguments += block.members[opened:last]
    part.arguments += arguments
    return part
