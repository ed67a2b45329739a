"""The index of an account's numbers: who is opted out anywhere in it, in the order of the numbers.

It is derived: built from the journal, brought up to date before it is read and by whoever follows the journals, thrown
away at will. It may hold numbers that are not blocked any more, for a moment; it never lacks one that is. The gate
never asks it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from store import keys
from store.addresses import is_number, is_pseudonym, place_of
from store.bulk import read_many
from store.functions import Functions
from store.journal import is_packed, unpack_rows
from store.replay import blocked_channels
from store.scopes import Scope
from store.topology import Topology

_ENTRIES_AT_FIRST = 4
_ENTRIES_AT_ONCE = 50
_SHARDS_AT_ONCE = 10
_MEMBERS_A_COMMAND = 200
_LEAF_DIGITS = 5
_BASE = 10**_LEAF_DIGITS
_LONGEST = 15
_MOST_LEAVES = 64
_OTHER = "other"


@dataclass(slots=True)
class _Portion:
    """Entries of one shard's journal that are put into the index in one go."""

    shard: str
    before: str
    after: str
    complete: bool
    scopes: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    perhaps_left: set[str] = field(default_factory=set)


class NumberIndex:
    """Indexes of numbers, one for each account (or other owner of a journal)."""

    def __init__(self, topology: Topology, functions: Functions) -> None:
        self._topology = topology
        self._functions = functions

    def refresh(
        self, owner: str, shards: Sequence[str] = keys.SHARDS, *, stopping: Callable[[], bool] = lambda: False
    ) -> bool:
        """Bring an index up to date with the journals.

        Args:
            owner: whose index.
            shards: of which journals.
            stopping: asked between two portions; True ends it early, which another call goes on from.

        Returns:
            True when it is up to date.

        Raises:
            StoreError: it is as far as it came.
        """
        # Nearly always all that is new fits into one look at every journal; what does not is read in larger portions.
        behind = self._some(owner, shards, _ENTRIES_AT_FIRST)
        while behind:
            if stopping():
                return False
            some, behind = behind[:_SHARDS_AT_ONCE], behind[_SHARDS_AT_ONCE:]
            behind += self._some(owner, some, _ENTRIES_AT_ONCE)
        return True

    def _some(self, owner: str, shards: Sequence[str], entries: int) -> list[str]:
        """Index at most so many entries of each journal; returns the shards of which there is more."""
        portions = self._read(owner, shards, entries)
        self._put(owner, portions)
        return [portion.shard for portion in portions if not portion.complete]

    def _read(self, owner: str, shards: Sequence[str], most: int) -> list[_Portion]:
        positions = keys.number_index_positions(owner)
        (known,) = read_many(self._topology, [(positions, ("HMGET", positions, *shards))])
        last = [value.decode() if value else "" for value in known]
        commands = []
        for shard, position in zip(shards, last, strict=True):
            stream = keys.journal(shard, owner)
            commands.append((stream, ("XRANGE", stream, f"({position}" if position else "-", "+", "COUNT", most)))
        portions = []
        for shard, position, entries in zip(shards, last, read_many(self._topology, commands), strict=True):
            after = entries[-1][0].decode() if entries else position
            portion = _Portion(shard, position, after, len(entries) < most)
            for _, fields in entries:
                _note(portion, dict(zip(fields[::2], fields[1::2], strict=True)))
            portions.append(portion)
        return portions

    def _put(self, owner: str, portions: Sequence[_Portion]) -> None:
        portions = [portion for portion in portions if portion.after != portion.before]
        if scopes := {scope for portion in portions for scope in portion.scopes}:
            name = keys.number_index_scopes(owner)
            read_many(self._topology, [(name, ("SADD", name, *scopes))])
        if any(portion.perhaps_left for portion in portions):
            self._take_back(owner, portions)
        for portion in portions:
            self._join(owner, portion.joined)
        calls = [self._moved(owner, portion) for portion in portions]
        if calls:
            # A position that somebody else moved meanwhile is read again by whoever refreshes next.
            answers = self._functions.start(calls).answers()
            for portion, answer in zip(portions, answers, strict=True):
                portion.complete = portion.complete and answer == 1

    def _take_back(self, owner: str, portions: Sequence[_Portion]) -> None:
        """Of those who may have left, keep those that something blocks still."""
        scopes = self.scopes(owner)
        asked = [(number, scope) for portion in portions for number in portion.perhaps_left for scope in scopes]
        commands = []
        for number, scope in asked:
            place = place_of(number)
            name = keys.details(place, scope)
            commands.append((name, ("HGET", name, place.details_field)))
        blocked = {
            number
            for (number, _), value in zip(asked, read_many(self._topology, commands) if commands else (), strict=True)
            if blocked_channels(value)
        }
        for portion in portions:
            portion.joined |= portion.perhaps_left & blocked
            portion.perhaps_left -= blocked
            portion.joined -= portion.perhaps_left

    def _join(self, owner: str, numbers: Iterable[str]) -> None:
        leaves = _by_leaf(numbers)
        directory = keys.number_index(owner)
        commands: list[tuple[str, tuple[Any, ...]]] = []
        names = list(leaves)
        # A leaf is named before it has members: a reader may find it empty, and never misses it.
        for start in range(0, len(names), _MEMBERS_A_COMMAND):
            some = [part for leaf in names[start : start + _MEMBERS_A_COMMAND] for part in (_score(leaf), leaf)]
            commands.append((directory, ("ZADD", directory, *some)))
        for leaf, lines in leaves.items():
            name = keys.number_leaf(owner, leaf)
            for start in range(0, len(lines), _MEMBERS_A_COMMAND):
                commands.append((directory, ("SADD", name, *lines[start : start + _MEMBERS_A_COMMAND])))
        if commands:
            read_many(self._topology, commands)

    @staticmethod
    def _moved(owner: str, portion: _Portion) -> tuple[str, list[str], list[str]]:
        leaves = _by_leaf(portion.perhaps_left)
        names = [keys.number_index_positions(owner), *(keys.number_leaf(owner, leaf) for leaf in leaves)]
        return "sg_indexed", names, [portion.shard, portion.before, portion.after, *map(json.dumps, leaves.values())]

    def scopes(self, owner: str) -> list[Scope]:
        """The scopes that the journals have ever named, as far as the index is. Raises StoreError."""
        name = keys.number_index_scopes(owner)
        (found,) = read_many(self._topology, [(name, ("SMEMBERS", name))])
        return [Scope.parse(key) for key in sorted(line.decode() for line in found)]

    def numbers(
        self, owner: str, *, prefix: str = "", start: str = "", descending: bool = False
    ) -> Iterator[list[str]]:
        """The addresses of an index in order, some at a time; numbers as numbers, before them what is none.

        Args:
            owner: whose.
            prefix: only numbers that begin so ("+1415").
            start: begin with this address.
            descending: highest first.

        Raises:
            StoreError: the rest is unknown.
        """
        parts = [self._in_range(owner, low, high, start, descending=descending) for low, high in _ranges(prefix)]
        if not prefix:
            parts.insert(0, self._others(owner, start, descending=descending))
        for part in reversed(parts) if descending else parts:
            yield from part

    def _others(self, owner: str, start: str, *, descending: bool) -> Iterator[list[str]]:
        if is_number(start) and not descending:
            return
        name = keys.number_leaf(owner, _OTHER)
        (members,) = read_many(self._topology, [(name, ("SMEMBERS", name))])
        found = sorted((member.decode() for member in members), reverse=descending)
        if start and not is_number(start):
            found = [address for address in found if (address <= start if descending else address >= start)]
        if found:
            yield found

    def _in_range(self, owner: str, low: int, high: int, start: str, *, descending: bool) -> Iterator[list[str]]:
        if is_number(start):
            low, high = (low, min(high, int(start))) if descending else (max(low, int(start)), high)
        elif start and descending:
            return
        directory = keys.number_index(owner)
        command = "ZREVRANGEBYSCORE" if descending else "ZRANGEBYSCORE"
        at_once = 4
        while low <= high:
            bounds = (high // _BASE, low // _BASE) if descending else (low // _BASE, high // _BASE)
            (leaves,) = read_many(self._topology, [(directory, (command, directory, *bounds, "LIMIT", 0, at_once))])
            if not leaves:
                return
            names = [keys.number_leaf(owner, leaf.decode()) for leaf in leaves]
            members = read_many(self._topology, [(name, ("SMEMBERS", name)) for name in names])
            found = [
                number
                for leaf, lines in zip(leaves, members, strict=True)
                for line in lines
                if low <= (number := int(leaf) * _BASE + int(line)) <= high
            ]
            if found:
                yield [f"+{number}" for number in sorted(found, reverse=descending)]
            low, high = (low, int(leaves[-1]) * _BASE - 1) if descending else ((int(leaves[-1]) + 1) * _BASE, high)
            at_once = min(2 * at_once, _MOST_LEAVES)

    def forget(self, owner: str) -> None:
        """Throw an index away; the next question builds it anew. Raises StoreError."""
        directory = keys.number_index(owner)
        (leaves,) = read_many(self._topology, [(directory, ("ZRANGE", directory, 0, -1))])
        names = [keys.number_leaf(owner, leaf.decode()) for leaf in leaves]
        names += [directory, keys.number_index_scopes(owner)]
        # The positions go first: whoever refreshes meanwhile begins anew instead of going on without the leaves.
        names.insert(0, keys.number_index_positions(owner))
        read_many(self._topology, [(name, ("UNLINK", name)) for name in names])


def _note(portion: _Portion, entry: Mapping[bytes, bytes]) -> None:
    """Whom an entry lets in, and whom it may let out."""
    kind = entry[b"kind"]
    if is_packed(entry):
        group = portion.perhaps_left if kind == b"undo" else portion.joined
        group.update(row.number for row in unpack_rows(entry[b"rows"], portion.shard))
    elif kind in {b"opt_out", b"lift"}:
        number = entry[b"number"].decode()
        if not is_pseudonym(number):
            (portion.joined if kind == b"opt_out" else portion.perhaps_left).add(number)
    else:
        return
    also = entry.get(b"also", b"").decode()
    portion.scopes.update([entry[b"scope"].decode(), *(also.split("\n") if also else ())])


def _by_leaf(numbers: Iterable[str]) -> dict[str, list[str]]:
    leaves: dict[str, list[str]] = {}
    for number in numbers:
        if is_number(number):
            leaves.setdefault(number[1:-_LEAF_DIGITS], []).append(str(int(number[-_LEAF_DIGITS:])))
        else:
            leaves.setdefault(_OTHER, []).append(number)
    return leaves


def _score(leaf: str) -> str:
    return "-1" if leaf == _OTHER else leaf


def _ranges(prefix: str) -> list[tuple[int, int]]:
    """The numbers that begin with a prefix, as ranges of whole numbers, one for each length."""
    digits = prefix.removeprefix("+")
    if not digits:
        return [(0, 10**_LONGEST)]
    return [(int(digits) * 10**more, (int(digits) + 1) * 10**more - 1) for more in range(_LONGEST - len(digits) + 1)]
