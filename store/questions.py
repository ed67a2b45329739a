"""Questions about a list: its numbers by gate bucket, with their members packed as the server takes them.

Tuned, which is why it looks as it does: a list check has to take a million numbers in about a second, and each object
that Python makes for a number costs a tenth of that. So numbers of one length are laid out as one string, whose columns
are copied by slices with a stride, in C; what is left to do for each number is to sort its position by its last digits.
Commands are packed by hand for the same reason. What is not certainly a number goes the plain way, by `place_of`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from store.addresses import place_of

_SHORTEST = 8
_LONGEST = 16
_BUCKET = 4


class Bucket(NamedTuple):
    """Numbers of a list that are in one gate bucket.

    shard, bucket: see store.addresses.Place. start, end: where they stand in `Sorted.positions`. members: packed.
    """

    shard: str
    bucket: str
    start: int
    end: int
    members: bytes

    def question(self, index: str) -> tuple[str, bytes]:
        """The key of a gate index in this bucket, and the packed command that asks it for all members.

        index: a gate index, see store.keys.gate_index.
        """
        key = f"{{{self.shard}}}:{index}:{self.bucket}"
        size = self.end - self.start + 2
        return key, b"*%d\r\n$10\r\nSMISMEMBER\r\n$%d\r\n%b\r\n%b" % (size, len(key), key.encode(), self.members)


class Sorted(NamedTuple):
    """Numbers of a list: their positions in it, sorted by bucket, and the buckets in that order."""

    positions: Sequence[int]
    buckets: Sequence[Bucket]

    def only(self, buckets: Sequence[Bucket]) -> Sequence[int]:
        """The positions of the numbers of some of the buckets."""
        if len(buckets) == len(self.buckets):
            return self.positions
        return [position for bucket in buckets for position in self.positions[bucket.start : bucket.end]]


def sorted_by_bucket(numbers: Sequence[str]) -> Iterator[Sorted]:
    """The numbers of a list, those of each length by themselves."""
    lengths = list(map(len, numbers))
    for length in sorted(set(lengths)):
        positions = range(len(numbers)) if lengths.count(length) == len(numbers) else _positions_of(lengths, length)
        alike = numbers if isinstance(positions, range) else [numbers[position] for position in positions]
        if _are_numbers(alike, length):
            yield _laid_out(alike, length, positions)
        else:
            yield Sorted(positions, [_alone(address, start) for start, address in enumerate(alike)])


def _positions_of(lengths: Sequence[int], length: int) -> Sequence[int]:
    return [position for position, found in enumerate(lengths) if found == length]


def _are_numbers(alike: Sequence[str], length: int) -> bool:
    """True when all of them are E.164 numbers, as store.addresses.is_number has it."""
    if not _SHORTEST <= length <= _LONGEST:
        return False
    whole = "".join(alike)
    digits = whole.replace("+", "")
    return (
        whole[::length] == "+" * len(alike)
        and "0" not in whole[1::length]
        and len(digits) == len(alike) * (length - 1)
        and digits.isascii()
        and digits.isdigit()
    )


def _laid_out(alike: Sequence[str], length: int, positions: Sequence[int]) -> Sorted:
    endings = _endings("".join(alike).encode(), length)
    order = sorted(range(len(alike)), key=endings.__getitem__)
    whole = "".join(map(alike.__getitem__, order)).encode()
    size = length - 1 - _BUCKET
    empty = b"$%d\r\n%b\r\n" % (size, bytes(size))
    packed, width, first = bytearray(empty * len(alike)), len(empty), empty.index(0)
    for digit in range(size):
        packed[first + digit :: width] = whole[1 + digit :: length]
    if not isinstance(positions, range):
        order = [positions[index] for index in order]
    members, start, buckets = bytes(packed), 0, []
    for count in Counter(_endings(whole, length)).values():
        end = start + count
        bucket = whole[end * length - _BUCKET : end * length].decode()
        buckets.append(Bucket(bucket[-2:], bucket, start, end, members[start * width : end * width]))
        start = end
    return Sorted(order, buckets)


def _endings(whole: bytes, length: int) -> list[int]:
    """The last four characters of each number, as they lie in memory: integers, quick to compare."""
    packed = bytearray(_BUCKET * (len(whole) // length))
    for digit in range(_BUCKET):
        packed[digit::_BUCKET] = whole[length - _BUCKET + digit :: length]
    return memoryview(packed).cast("I").tolist()


def _alone(address: str, start: int) -> Bucket:
    place = place_of(address)
    member = place.gate_member.encode()
    return Bucket(place.shard, place.gate_bucket, start, start + 1, b"$%d\r\n%b\r\n" % (len(member), member))
