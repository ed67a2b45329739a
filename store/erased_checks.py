"""Which of many numbers are blocked under a pseudonym, because they were erased.

Hashing a number takes several microseconds, so nothing is hashed for shards and scopes without any erased number: a
field beside the counts of members says which those are. To be asked after the indexes of plain numbers: an erasure
moves a number in one step from there to here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from store import keys
from store.addresses import ERASED, place_of, shard_of
from store.bulk import read_many
from store.pseudonyms import Pseudonyms
from store.scopes import Channel, Scope
from store.topology import Topology


class ErasedHit(NamedTuple):
    """A number that is blocked under a pseudonym: its position, that of the scope, and the pseudonym."""

    position: int
    scope: int
    pseudonym: str


class ErasedChecks:
    """Asks the indexes of pseudonyms."""

    def __init__(self, topology: Topology, pseudonyms: Pseudonyms) -> None:
        self._topology = topology
        self._pseudonyms = pseudonyms

    def blocked(self, addresses: Sequence[str], scopes: Sequence[Scope], channel: Channel) -> list[ErasedHit]:
        """The numbers that are blocked under a pseudonym, by index and then in the order of the scopes.

        One round trip; one more when there are erased numbers in these shards and scopes. Raises StoreError.
        """
        few = len(addresses) <= len(keys.SHARDS)
        used = self._used(sorted(set(map(shard_of, addresses))) if few else keys.SHARDS, scopes, channel)
        if not used:
            return []
        by_shard: dict[str, list[int]] = {shard: [] for shard in used}
        for index, address in enumerate(addresses):
            shard = address[-2:] if address[:1] == "+" else shard_of(address)
            if shard in by_shard:
                by_shard[shard].append(index)
        asked: list[tuple[int, list[tuple[int, str]]]] = []
        commands: list[tuple[str, tuple[Any, ...]]] = []
        for shard, positions in used.items():
            names = [(index, name) for index in by_shard[shard] for name in self._pseudonyms.all_of(addresses[index])]
            for position in positions if names else ():
                key = keys.gate(place_of(names[0][1]), scopes[position], channel)
                commands.append((key, ("SMISMEMBER", key, *(name for _, name in names))))
                asked.append((position, names))
        if not commands:
            return []
        return sorted(
            ErasedHit(index, position, name)
            for (position, names), flags in zip(asked, read_many(self._topology, commands), strict=True)
            for (index, name), flag in zip(names, flags, strict=True)
            if flag
        )

    def _used(self, shards: Sequence[str], scopes: Sequence[Scope], channel: Channel) -> dict[str, list[int]]:
        """The positions of the scopes with erased numbers, by shard; shards without any are left out."""
        if not shards or not scopes:
            return {}
        fields = [f"{ERASED}:{channel}:{scope.key}" for scope in scopes]
        commands = [(keys.members(shard), ("HMGET", keys.members(shard), *fields)) for shard in shards]
        answers = read_many(self._topology, commands)
        found = {
            shard: [position for position, mark in enumerate(marks) if mark is not None]
            for shard, marks in zip(shards, answers, strict=True)
        }
        return {shard: positions for shard, positions in found.items() if positions}
