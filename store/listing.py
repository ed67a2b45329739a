"""Lists of an account's opt-outs: in the order in which they were recorded, straight from the journal, or by number.

Both orders are stable: an item stands where its newest journal entry stands (or its number), so pages do not move while
others come in. What is said again moves to where it was said again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from store import keys
from store.addresses import is_pseudonym, place_of
from store.bulk import read_many
from store.consent import owner_of
from store.errors import StillIndexing
from store.functions import Functions
from store.journal import JournalEntry, Source, is_packed, unpack_rows
from store.journal_merging import Entry, merged_entries
from store.listed import (
    Listed,
    Order,
    Place,
    Wanted,
    address_of,
    cursor_of,
    in_order,
    items_of,
    number_key,
    place_from,
)
from store.number_index import NumberIndex
from store.origins import origins_of
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.topology import Topology

_FEW = 2000
"""So many numbers are read and sorted at once, where an index says that there are not more."""

_FIRST_BATCH, _MOST_IN_BATCH = 64, 1024
_TOLD = frozenset({"opted_out", "strengthened"})
_BLOCKING = frozenset({b"opt_out", b"lift"})

Step = tuple[Place, Listed | None]
"""One step of a walk: a place, and the item there; None when what is there was looked at and is not wanted."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list. next: what to ask with for what follows; "" at the end. Fewer items than asked for are no end."""

    items: Sequence[Listed]
    next: str


class ListingStore:
    """Ordered lists of the opt-outs of accounts.

    Args:
        topology, functions: the store's.
        monotonic: the clock by which a page stops looking.
    """

    def __init__(self, topology: Topology, functions: Functions, monotonic: Callable[[], float]) -> None:
        self._topology = topology
        self._monotonic = monotonic
        self.index = NumberIndex(topology, functions)

    def page(
        self,
        owner: str,
        wanted: Wanted,
        order: Order,
        *,
        limit: int,
        after: str = "",
        seconds: float = 0.35,
        beside: Sequence[Scope] = (),
    ) -> Page:
        """One page of an account's opt-outs.

        Args:
            owner: the account's id.
            wanted: which of them.
            order: in which order.
            limit: most items.
            after: `next` of the page before.
            seconds: how long to look for what no index finds; then the page ends with fewer items, or none, and a
                `next` that goes on there.
            beside: further scopes to look into when one number is wanted; they may be of other owners.

        Raises:
            StillIndexing: the index is not up to date yet.
            StoreError: there is no answer.
            ValueError: `after` is no cursor.
        """
        found: list[Listed] = []
        until = self._monotonic() + seconds
        for place, item in self._walk(owner, wanted, order, place_from(after), until, beside):
            if item is not None:
                if len(found) == limit:
                    return Page(found, cursor_of(order.place(found[-1])))
                found.append(item)
            elif self._monotonic() > until:
                return Page(found, cursor_of(place))
        return Page(found, "")

    def items(self, owner: str, wanted: Wanted, order: Order, *, beside: Sequence[Scope] = ()) -> Iterator[Listed]:
        """All of them, for an export: a few hundred are in memory at a time. Raises StoreError."""
        for _, item in self._walk(owner, wanted, order, None, None, beside):
            if item is not None:
                yield item

    def origins(self, items: Sequence[Listed]) -> list[JournalEntry | None]:
        """The journal entry by which each was opted out: who, with which words. Raises StoreError."""
        return origins_of(self._topology, items)

    def counts(self, owner: str, wanted: Wanted) -> dict[Channel, int]:
        """How many numbers each channel has, summed over the scopes that are wanted: exact, and cheap.

        Only scope and channel of `wanted` are looked at. Raises StillIndexing and StoreError.
        """
        scopes = [scope for scope in self._scopes(owner, self._monotonic() + 0.5) if wanted.takes_scope(scope)]
        channels = [channel for channel in ALL_CHANNELS if wanted.channel in {None, channel}]
        per_shard = self._members(scopes, channels)
        counts = dict.fromkeys(channels, 0)
        for members in per_shard.values():
            for (channel, _), count in members.items():
                counts[channel] += count
        return counts

    def _members(
        self, scopes: Sequence[Scope], channels: Sequence[Channel]
    ) -> dict[str, dict[tuple[Channel, Scope], int]]:
        """How many numbers of each shard the scopes block."""
        asked = [(channel, scope) for channel in channels for scope in scopes]
        if not asked:
            return {}
        fields = [f"{channel}:{scope.key}" for channel, scope in asked]
        commands = [(keys.members(shard), ("HMGET", keys.members(shard), *fields)) for shard in keys.SHARDS]
        answers = read_many(self._topology, commands)
        return {
            shard: {pair: int(count) for pair, count in zip(asked, counts, strict=True) if count and int(count)}
            for shard, counts in zip(keys.SHARDS, answers, strict=True)
        }

    def _walk(
        self,
        owner: str,
        wanted: Wanted,
        order: Order,
        start: Place | None,
        until: float | None,
        beside: Sequence[Scope],
    ) -> Iterator[Step]:
        if wanted.number or wanted.prefix or wanted.narrows_scope:
            if wanted.number and beside:
                # One number is found without the index, however far that is.
                self.index.refresh(owner, stopping=lambda: True)
                scopes = list(dict.fromkeys([*self.index.scopes(owner), *beside]))
            else:
                scopes = self._scopes(owner, until)
            few = self._few(owner, wanted, order, scopes)
            if few is not None:
                return ((order.place(item), item) for item in few if order.is_behind(order.place(item), start))
        if order.by_number:
            return self._by_number(owner, wanted, order, start, self._scopes(owner, until))
        return self._by_date(owner, wanted, order, start)

    def _scopes(self, owner: str, until: float | None) -> list[Scope]:
        """The account's scopes, with its index up to date."""
        if not self.index.refresh(owner, stopping=lambda: until is not None and self._monotonic() > until):
            raise StillIndexing("The list by number is being brought up to date. Ask again in a few seconds.")
        return [scope for scope in self.index.scopes(owner) if owner_of(scope) == owner]

    def _few(self, owner: str, wanted: Wanted, order: Order, scopes: Sequence[Scope]) -> list[Listed] | None:
        """All that is wanted, sorted, when an index says that it is not much; else None."""
        scopes = [scope for scope in scopes if wanted.takes_scope(scope)]
        numbers = self._few_numbers(owner, wanted, scopes)
        if numbers is None:
            return None
        items: list[Listed] = []
        for start in range(0, len(numbers), _MOST_IN_BATCH):
            items += self._read(
                [(number, scope) for number in numbers[start : start + _MOST_IN_BATCH] for scope in scopes]
            )
        return in_order([item for item in items if wanted.takes(item)], order)

    def _few_numbers(self, owner: str, wanted: Wanted, scopes: Sequence[Scope]) -> Sequence[str] | None:
        if wanted.number or not scopes:
            return [wanted.number] if scopes else []
        if wanted.prefix:
            found: list[str] = []
            for some in self.index.numbers(owner, prefix=wanted.prefix):
                found += some
                if len(found) > _FEW:
                    break
            else:
                return found
        if not wanted.narrows_scope:
            return None
        members = self._members(scopes, ALL_CHANNELS)
        if sum(count for counts in members.values() for count in counts.values()) > _FEW:
            return None
        return sorted({number for shard, counts in members.items() for number in self._members_of(shard, list(counts))})

    def _members_of(self, shard: str, indexes: Sequence[tuple[Channel, Scope]]) -> list[str]:
        """Whom some gate indexes of a shard have."""
        buckets = [*(f"{high:02d}{shard}" for high in range(100)), "other"]
        asked = [
            (f"{{{shard}}}:gate:{channel}:{scope.key}:{bucket}", bucket)
            for channel, scope in indexes
            for bucket in buckets
        ]
        answers = read_many(self._topology, [(name, ("SMEMBERS", name)) for name, _ in asked]) if asked else []
        return [
            member.decode() if bucket == "other" else f"+{member.decode()}{bucket}"
            for (_, bucket), members in zip(asked, answers, strict=True)
            for member in members
        ]

    def _by_number(
        self, owner: str, wanted: Wanted, order: Order, start: Place | None, scopes: Sequence[Scope]
    ) -> Iterator[Step]:
        scopes = [scope for scope in scopes if wanted.takes_scope(scope)]
        first = address_of(start) if start else ""
        size = _FIRST_BATCH
        seen = ""
        for numbers in self.index.numbers(owner, prefix=wanted.prefix, start=first, descending=order.descending):
            for begin in range(0, len(numbers), size):
                if seen:
                    yield order.after_all_of(seen, "", ""), None
                some = numbers[begin : begin + size]
                found = self._read([(number, scope) for number in some for scope in scopes])
                items = in_order([item for item in found if wanted.takes(item)], order)
                yield from ((order.place(item), item) for item in items if order.is_behind(order.place(item), start))
                # Told only when there is more: whoever stops there has come further than where it began.
                seen = some[-1] if order.is_behind(order.after_all_of(some[-1], "", ""), start) else ""
            size = min(2 * size, _MOST_IN_BATCH)

    def _by_date(self, owner: str, wanted: Wanted, order: Order, start: Place | None) -> Iterator[Step]:
        first, last = _id_bound(wanted.added_from, "-"), _id_bound(wanted.added_until, "+", before=1)
        if start and order.descending:
            last = f"{start[0]}-{start[1]}"
        elif start:
            first = f"{start[0]}-{start[1]}"
        entries = merged_entries(self._topology, owner, descending=order.descending, first=first, last=last)
        waiting: list[tuple[str, str, Scope]] = []
        size, entries_waiting = _FIRST_BATCH, 0
        seen: Place = (0, 0, *_beyond(order))
        for (time, sequence), group in groupby(entries, key=attrgetter("id")):
            if len(waiting) >= size or entries_waiting >= size:
                yield from self._settled(waiting, wanted, order, start)
                yield seen, None
                waiting, entries_waiting = [], 0
                size = min(2 * size, _MOST_IN_BATCH)
            event = f"{time}-{sequence}"
            seen = (time, sequence, *_beyond(order))
            if not order.is_behind(seen, start):
                continue
            candidates = sorted(
                {candidate for entry in group for candidate in _candidates(entry, wanted)},
                key=lambda pair: (number_key(pair[0]), pair[1].key),
                reverse=order.descending,
            )
            waiting += [(event, number, scope) for number, scope in candidates]
            entries_waiting += 1
        yield from self._settled(waiting, wanted, order, start)

    def _settled(
        self, waiting: Sequence[tuple[str, str, Scope]], wanted: Wanted, order: Order, start: Place | None
    ) -> Iterator[Step]:
        """Those candidates that are blocked, and whose newest entry is the one they stand at."""
        behind = [
            (event, number, scope)
            for event, number, scope in waiting
            if order.is_behind(order.after_all_of(number, scope.key, event), start)
        ]
        found = self._read_each([(number, scope) for _, number, scope in behind])
        for (event, _, _), items in zip(behind, found, strict=True):
            here = [item for item in items if item.record.event == event and wanted.takes(item)]
            for item in in_order(here, order):
                place = order.place(item)
                if order.is_behind(place, start):
                    yield place, item

    def _read(self, asked: Sequence[tuple[str, Scope]]) -> list[Listed]:
        return [item for items in self._read_each(asked) for item in items]

    def _read_each(self, asked: Sequence[tuple[str, Scope]]) -> list[list[Listed]]:
        """The opt-outs of each number and scope."""
        commands = []
        for number, scope in asked:
            place = place_of(number)
            name = keys.details(place, scope)
            commands.append((name, ("HGET", name, place.details_field)))
        values = read_many(self._topology, commands) if commands else []
        return [items_of(number, scope, value) for (number, scope), value in zip(asked, values, strict=True)]


def _beyond(order: Order) -> tuple[int, str, str, str]:
    """The end of a place that comes after everything of its entry."""
    return (-2, "", "", "") if order.descending else (10**18, "", "", "")


def _id_bound(at: int | None, otherwise: str, before: int = 0) -> str:
    return otherwise if at is None else str(max(at - before, 0))


def _candidates(entry: Entry, wanted: Wanted) -> Iterator[tuple[str, Scope]]:
    """Numbers and scopes that an entry is about and that may be wanted; what is certainly not is left out unread."""
    fields = entry.fields
    packed = is_packed(fields)
    if not packed and fields[b"kind"] not in _BLOCKING:
        return
    also = fields.get(b"also", b"").decode()
    named = [fields[b"scope"].decode(), *(also.split("\n") if also else ())]
    scopes = [scope for scope in map(Scope.parse, named) if wanted.takes_scope(scope)]
    if not scopes:
        return
    for number in _numbers_in(entry, wanted) if packed else (fields[b"number"].decode(),):
        # Of an erased number its block is left, and nothing to show.
        if wanted.takes_number(number) and not is_pseudonym(number):
            for scope in scopes:
                yield number, scope


def _numbers_in(entry: Entry, wanted: Wanted) -> Iterator[str]:
    fields = entry.fields
    rows = unpack_rows(fields[b"rows"], entry.shard)
    if fields[b"kind"] == b"undo":
        yield from (row.number for row in rows)
        return
    # What an import has written and nothing has touched since is the import's in source and channels.
    channels = fields[b"channels"].decode().split(",")
    if wanted.sources is not None and Source(int(fields[b"source"])) not in wanted.sources:
        return
    if wanted.channel is not None and wanted.channel.value not in channels:
        return
    timed = wanted.since_from is not None or wanted.since_until is not None
    for row in rows:
        if not timed or row.outcome not in _TOLD or wanted.takes_since(row.at):
            yield row.number
