"""Lists: checking and reading many numbers at a time, thousands in a round trip, without holding up the gate."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress, islice, product
from typing import Any, NamedTuple

from store import keys
from store.addresses import ERASED, place_of
from store.client import store_errors
from store.details import Record, unpack
from store.questions import sorted_by_bucket
from store.scopes import Channel, Scope
from store.topology import Spread, Topology
from store.wire import Command


class Exported(NamedTuple):
    """One opt-out of a list. record: None when its details are missing, which `verify` would report."""

    number: str
    scope: Scope
    channel: Channel
    record: Record | None


class _Question(NamedTuple):
    """Numbers that are looked for in the gate index of one scope: its number, commands, positions of the numbers."""

    scope: int
    commands: int
    positions: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question about a block of numbers that is under way."""

    size: int
    questions: Sequence[_Question]
    spread: Spread | None = None


def read_many(topology: Topology, commands: Sequence[tuple[str, Command]]) -> list[Any]:
    """Ask for one thing of each of many keys, in one round trip.

    Raises:
        StoreError: the whole answer is unknown.
    """
    with store_errors():
        spread = Spread(topology, commands)
    return _answers_of(spread)


def _answers_of(spread: Spread) -> list[Any]:
    with store_errors():
        answers = spread.answers()
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
    return answers


ErasedQuestion = Callable[[Sequence[str], Sequence[Scope], Channel], Sequence[tuple[int, int, str]]]
"""Which of many numbers are blocked under a pseudonym: position, that of the scope, pseudonym (erased_checks.py)."""


class BulkStore:
    """Opt-outs by the thousand."""

    def __init__(self, topology: Topology, erased: ErasedQuestion) -> None:
        self._topology = topology
        self._erased = erased

    def check(self, numbers: Sequence[str], scopes: Sequence[Scope], channel: Channel = Channel.TEXT) -> list[int]:
        """Which scope blocks each number: 0 for none, else 1 + the position of the first scope. Raises StoreError."""
        (answer,) = self.check_blocks([numbers], scopes, channel)
        return answer

    def check_blocks(
        self, blocks: Iterable[Sequence[str]], scopes: Sequence[Scope], channel: Channel = Channel.TEXT
    ) -> Iterator[list[int]]:
        """`check` of one block after the other; a block is asked about while the next is taken from `blocks`.

        Larger blocks are faster (numbers that end alike are asked about together): a hundred thousand is a good size.

        Raises:
            StoreError: the answer of this block and of all that follow is unknown.
        """
        under_way: deque[Sequence[str]] = deque()

        def noted() -> Iterator[Sequence[str]]:
            for numbers in blocks:
                under_way.append(numbers)
                yield numbers

        for found in self._plain_blocks(noted(), scopes, channel):
            # After the plain numbers: an erasure moves a number in one step from there to its pseudonym.
            for position, scope, _ in self._erased(under_way.popleft(), scopes, channel):
                found[position] = min(found[position] or scope + 1, scope + 1)
            yield found

    def _plain_blocks(
        self, blocks: Iterable[Sequence[str]], scopes: Sequence[Scope], channel: Channel
    ) -> Iterator[list[int]]:
        asked: list[_Asked] = []
        try:
            for numbers in blocks:
                asked.append(self._ask(numbers, scopes, channel))
                if len(asked) > 1:
                    yield self._told(asked.pop(0))
            while asked:
                yield self._told(asked.pop(0))
        finally:
            for left in asked:
                if left.spread is not None:
                    left.spread.abandon()

    def _ask(self, numbers: Sequence[str], scopes: Sequence[Scope], channel: Channel) -> _Asked:
        laid_out = list(sorted_by_bucket(numbers))
        used = self._used_scopes({bucket.shard for laid in laid_out for bucket in laid.buckets}, scopes, channel)
        questions: list[_Question] = []
        commands: list[tuple[str, Command]] = []
        for laid, (position, scope) in product(laid_out, enumerate(scopes)):
            buckets = [bucket for bucket in laid.buckets if position in used[bucket.shard]]
            index = keys.gate_index(scope, channel)
            commands += [bucket.question(index) for bucket in buckets]
            questions.append(_Question(position + 1, len(buckets), laid.only(buckets)))
        with store_errors():
            return _Asked(len(numbers), questions, Spread(self._topology, commands) if commands else None)

    def _used_scopes(
        self, shards: Collection[str], scopes: Sequence[Scope], channel: Channel
    ) -> dict[str, frozenset[int]]:
        """The positions of the scopes that ever had a member, by shard: the others are not worth a question.

        The counts are written in the same step as the gate index and are in the same slot.
        """
        fields = [f"{channel}:{scope.key}" for scope in scopes]
        commands = [(keys.members(shard), ("HMGET", keys.members(shard), *fields)) for shard in shards]
        if not commands:
            return {}
        answers = read_many(self._topology, commands)
        return {
            shard: frozenset(position for position, count in enumerate(counts) if count is not None)
            for shard, counts in zip(shards, answers, strict=True)
        }

    def _told(self, asked: _Asked) -> list[int]:
        found = [0] * asked.size
        if asked.spread is None:
            return found
        answers = iter(_answers_of(asked.spread))
        # Widest scope first, as they were asked.
        for scope, commands, positions in asked.questions:
            flags = chain.from_iterable(islice(answers, commands))
            for position in compress(positions, flags):
                if not found[position]:
                    found[position] = scope
        return found

    def all_blocked(self, wanted: Callable[[Scope], bool]) -> Iterator[Exported]:
        """Every opt-out of the scopes that are wanted, a shard at a time, unsorted. Raises StoreError."""
        for shard in keys.SHARDS:
            for (channel, scope), count in sorted(self.members(shard).items()):
                if count and wanted(scope):
                    yield from self._blocked_in(shard, channel, scope)

    def members(self, shard: str) -> dict[tuple[Channel, Scope], int]:
        """How many numbers of a shard each scope blocks, also the scopes that blocked some once. Raises StoreError."""
        name = keys.members(shard)
        (fields,) = read_many(self._topology, [(name, ("HGETALL", name))])
        rows = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
        found = {}
        for field, count in rows:
            channel, _, scope = field.decode().partition(":")
            if channel == ERASED:
                continue
            found[Channel(channel), Scope.parse(scope)] = int(count)
        return found

    def _blocked_in(self, shard: str, channel: Channel, scope: Scope) -> Iterator[Exported]:
        buckets = [*(f"{high:02d}{shard}" for high in range(100)), "other"]
        names = [f"{{{shard}}}:gate:{channel}:{scope.key}:{bucket}" for bucket in buckets]
        answers = read_many(self._topology, [(name, ("SMEMBERS", name)) for name in names])
        numbers = [
            member.decode() if bucket == "other" else f"+{member.decode()}{bucket}"
            for bucket, members in zip(buckets, answers, strict=True)
            for member in members
        ]
        for number, value in zip(numbers, self.details(scope, numbers), strict=True):
            yield Exported(number, scope, channel, unpack(value).get(channel))

    def details(self, scope: Scope, addresses: Sequence[str]) -> list[bytes | None]:
        """The details values of many addresses in one scope, in their order. Raises StoreError."""
        groups: dict[str, list[int]] = {}
        fields = []
        for index, address in enumerate(addresses):
            place = place_of(address)
            groups.setdefault(keys.details(place, scope), []).append(index)
            fields.append(place.details_field)
        commands = [(name, ("HMGET", name, *(fields[index] for index in group))) for name, group in groups.items()]
        found: list[bytes | None] = [None] * len(addresses)
        if commands:
            for group, values in zip(groups.values(), read_many(self._topology, commands), strict=True):
                for index, value in zip(group, values, strict=True):
                    found[index] = value
        return found
