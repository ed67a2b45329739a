"""Reading audiences: how many are in them, who, and which of those a scope blocks.

An audience's buckets and the gate index have the same members in the same slots, so the server itself tells who of an
audience is blocked (SINTER), bucket by bucket, without a number leaving it that is not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from store import keys
from store.addresses import Place, place_of
from store.bulk import BulkStore, read_many
from store.scopes import Channel, Scope
from store.topology import Topology

_OTHER = "other"
_SHARDS_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Some members of an audience. next: what to ask with for what follows; "" at the end."""

    numbers: Sequence[str]
    next: str


class AudienceMembers:
    """Who is in which audience, by the thousand."""

    def __init__(self, topology: Topology, bulk: BulkStore) -> None:
        self._topology = topology
        self._bulk = bulk

    def sizes(self, account: str, audiences: Sequence[str]) -> dict[str, int]:
        """How many numbers are in each audience, in one round trip. Raises StoreError."""
        totals = dict.fromkeys(audiences, 0)
        for counts in self._counts(account, audiences).values():
            for audience, count in zip(audiences, counts, strict=True):
                totals[audience] += count
        return totals

    def _counts(self, account: str, audiences: Sequence[str]) -> dict[str, list[int]]:
        if not audiences:
            return {}
        fields = [f"{account}/{audience}" for audience in audiences]
        names = [keys.audience_sizes(shard) for shard in keys.SHARDS]
        answers = read_many(self._topology, [(name, ("HMGET", name, *fields)) for name in names])
        return {
            shard: [int(count or 0) for count in counts] for shard, counts in zip(keys.SHARDS, answers, strict=True)
        }

    def page(self, account: str, audience: str, *, limit: int, after: str = "") -> MemberPage:
        """Some members, in the order of their last digits; a page does not change while others come and go.

        Args:
            account, audience: which.
            limit: most numbers of a page.
            after: `next` of the page before, which is its last number.

        Raises:
            StoreError: there is no answer.
        """
        start = _sort_key(place_of(after)) if after else None
        found: list[str] = []
        for number in self._in_order(account, audience, start):
            found.append(number)
            if len(found) > limit:
                return MemberPage(found[:limit], found[limit - 1])
        return MemberPage(found, "")

    def blocks_of(self, account: str, audience: str) -> Iterator[Sequence[str]]:
        """All members, those of a shard at a time. Raises StoreError."""
        for shard in self._shards_with_members(account, audience):
            yield [number for numbers in self._buckets(shard, account, audience, _BUCKETS) for number in numbers]

    def buckets_after(self, account: str, audience: str, after: str = "") -> Iterator[tuple[str, Sequence[str]]]:
        """The members from a place on, bucket by bucket: its place and its numbers, in order.

        A place names no number ("07:42": shard and bucket) and stays where it is while others come and go.

        Args:
            account, audience: which.
            after: the last place that was done; "" for all.

        Raises:
            StoreError: the rest is unknown.
        """
        last_shard, _, last = after.partition(":")
        for shard in self._shards_with_members(account, audience):
            wanted = [bucket for bucket in _BUCKETS if (shard, bucket) > (last_shard, last)]
            found = self._buckets(shard, account, audience, wanted)
            for bucket, numbers in zip(wanted, found, strict=True):
                if numbers:
                    yield f"{shard}:{bucket}", sorted(numbers)

    def held_of(self, account: str, numbers: Sequence[str]) -> set[str]:
        """Those of the numbers about whom a text waits for a person, in one round trip. Raises StoreError."""
        scope = Scope.of_account(account)
        places = [place_of(number) for number in numbers]
        commands = [(keys.hold(place, scope), place.gate_member) for place in places]
        answers = read_many(self._topology, [(name, ("SISMEMBER", name, member)) for name, member in commands])
        return {number for number, held in zip(numbers, answers, strict=True) if held}

    def _shards_with_members(self, account: str, audience: str) -> list[str]:
        return [shard for shard, (count,) in self._counts(account, [audience]).items() if count > 0]

    def _in_order(self, account: str, audience: str, start: tuple[str, str, str] | None) -> Iterator[str]:
        for shard in self._shards_with_members(account, audience):
            if start is not None and shard < start[0]:
                continue
            same = start is not None and shard == start[0]
            wanted = [bucket for bucket in _BUCKETS if start is None or not same or bucket >= start[1][:2]]
            for numbers in self._buckets(shard, account, audience, wanted):
                places = sorted((_sort_key(place_of(number)), number) for number in numbers)
                yield from (number for key, number in places if start is None or key > start)

    def _buckets(self, shard: str, account: str, audience: str, wanted: Sequence[str]) -> Iterator[Sequence[str]]:
        for first in range(0, len(wanted), len(_BUCKETS) // _SHARDS_AT_ONCE):
            some = wanted[first : first + len(_BUCKETS) // _SHARDS_AT_ONCE]
            names = [keys.audience(_place(shard, bucket), account, audience) for bucket in some]
            answers = read_many(self._topology, [(name, ("SMEMBERS", name)) for name in names])
            for bucket, members in zip(some, answers, strict=True):
                yield [_number(shard, bucket, member) for member in members]

    def blocked(
        self, account: str, audience: str, scopes: Sequence[Scope], *, held: bool = False
    ) -> Iterator[list[tuple[str, Scope]]]:
        """The members whose texts a scope blocks, with the first of the scopes that does; those of a shard at a time.

        Args:
            account, audience: which.
            scopes: in the order in which they are to be named.
            held: instead, those about whom a text waits for a person; `scopes` is then the account's.

        Raises:
            StoreError: the rest is unknown.
        """
        for shard in self._shards_with_members(account, audience):
            used = scopes if held else self._used(shard, scopes)
            asked = [(bucket, scope) for bucket in _BUCKETS for scope in used]
            commands = []
            for bucket, scope in asked:
                place = _place(shard, bucket)
                index = keys.hold(place, scope) if held else keys.gate(place, scope, Channel.TEXT)
                members = keys.audience(place, account, audience)
                commands.append((members, ("SINTER", members, index)))
            found: dict[str, Scope] = {}
            for (bucket, scope), answer in zip(asked, self._read(commands), strict=True):
                for member in answer:
                    found.setdefault(_number(shard, bucket, member), scope)
            yield list(found.items())

    def _used(self, shard: str, scopes: Sequence[Scope]) -> list[Scope]:
        known = self._bulk.members(shard)
        return [scope for scope in scopes if known.get((Channel.TEXT, scope), 0) > 0]

    def _read(self, commands: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        return read_many(self._topology, commands) if commands else []


_BUCKETS = (*(f"{high:02d}" for high in range(100)), _OTHER)


def _place(shard: str, bucket: str) -> Place:
    return Place(shard, bucket if bucket == _OTHER else bucket + shard, "", "", "")


def _number(shard: str, bucket: str, member: bytes) -> str:
    return member.decode() if bucket == _OTHER else f"+{member.decode()}{bucket}{shard}"


def _sort_key(place: Place) -> tuple[str, str, str]:
    return place.shard, place.gate_bucket, place.gate_member.rjust(15, "0")
