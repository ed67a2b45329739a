"""What a list of opt-outs is made of: its items, their places in the two orders, and which of them are wanted."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from store.addresses import is_number
from store.details import Record, unpack
from store.journal import Source
from store.scopes import ALL_CHANNELS, Channel, Scope, ScopeKind

NumberKey = tuple[int, str]
Place = tuple[int, int, int, str, str, str]
"""Where an item stands: time and sequence of its newest journal entry (0 in the order of numbers), its number, scope
and first channel. Text that sorts behind every scope and channel stands for "all of this number"."""

_LAST = "~"


@dataclass(frozen=True, slots=True)
class Listed:
    """One opt-out: a number, a scope, and the channels that share what is known of it.

    record.event is the newest journal entry about it; its time is when it was recorded.
    """

    number: str
    scope: Scope
    channels: tuple[Channel, ...]
    record: Record

    @property
    def recorded_at(self) -> int:
        """When it was recorded (last, when it was said again): milliseconds since 1970."""
        return int(self.record.event.partition("-")[0])


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which opt-outs of one account. What is left out takes all; times are milliseconds, from included, until not.

    number: this very address. prefix: how the number begins ("+1415"). kind, sender, audience: of the scope.
    sources: who brought it. added: when it was recorded. since: when it happened.
    """

    number: str = ""
    prefix: str = ""
    kind: ScopeKind | None = None
    sender: str | None = None
    audience: str | None = None
    channel: Channel | None = None
    sources: frozenset[Source] | None = None
    added_from: int | None = None
    added_until: int | None = None
    since_from: int | None = None
    since_until: int | None = None

    @property
    def narrows_scope(self) -> bool:
        """True when not every scope of the account is wanted."""
        return self.kind is not None or self.sender is not None or self.audience is not None

    def takes_scope(self, scope: Scope) -> bool:
        """Whether opt-outs of a scope are wanted."""
        return (
            (self.kind is None or scope.kind is self.kind)
            and (self.sender is None or scope.sender == self.sender)
            and (self.audience is None or scope.audience == self.audience)
        )

    def takes_number(self, number: str) -> bool:
        """Whether a number is wanted."""
        return number == self.number if self.number else number.startswith(self.prefix)

    def takes_since(self, at: int) -> bool:
        """Whether an opt-out of that time is wanted."""
        return (self.since_from is None or at >= self.since_from) and (
            self.since_until is None or at < self.since_until
        )

    def takes(self, item: Listed) -> bool:
        """Whether an opt-out is wanted."""
        added = item.recorded_at
        return (
            self.takes_number(item.number)
            and self.takes_scope(item.scope)
            and (self.channel is None or self.channel in item.channels)
            and (self.sources is None or Source(item.record.source) in self.sources)
            and (self.added_from is None or added >= self.added_from)
            and (self.added_until is None or added < self.added_until)
            and self.takes_since(item.record.since)
        )


@dataclass(frozen=True, slots=True)
class Order:
    """One of the orders. by_number: as numbers, shorter ones first; else by when it was recorded."""

    by_number: bool = False
    descending: bool = True

    def place(self, item: Listed) -> Place:
        """Where an item stands."""
        return self.place_of(item.number, item.scope.key, item.channels[0].value, item.record.event)

    def after_all_of(self, number: str, scope: str, event: str) -> Place:
        """The place behind everything of a number in a scope ("" for all scopes), in this order."""
        last = "" if self.descending else _LAST
        return self.place_of(number, scope or last, last, event)

    def place_of(self, number: str, scope: str, channel: str, event: str) -> Place:
        """The place of a number, scope and channel whose newest journal entry is `event`."""
        time, _, sequence = ("0", "", "0") if self.by_number else event.partition("-")
        return (int(time), int(sequence), *number_key(number), scope, channel)

    def is_behind(self, place: Place, start: Place | None) -> bool:
        """True when a place comes later in this order than where to start."""
        return start is None or (place < start if self.descending else place > start)


def number_key(address: str) -> NumberKey:
    """What an address is sorted by: numbers as numbers, and before them what is none (a short code)."""
    return (int(address[1:]), "") if is_number(address) else (-1, address)


def address_of(place: Place) -> str:
    """The address that stands at a place."""
    return f"+{place[2]}" if place[2] >= 0 else place[3]


def cursor_of(place: Place) -> str:
    """A place as text."""
    return json.dumps(place, separators=(",", ":"), ensure_ascii=False)


def place_from(cursor: str) -> Place | None:
    """The place that `cursor_of` wrote; None for "". Raises ValueError: it is no such text."""
    if not cursor:
        return None
    found = json.loads(cursor)
    kinds: tuple[type, ...] = (int, int, int, str, str, str)
    if not isinstance(found, list) or [type(part) for part in found] != list(kinds):
        raise ValueError("not a place in a list")
    time, sequence, number, other, scope, channel = found
    return (time, sequence, number, other, scope, channel)


def items_of(number: str, scope: Scope, value: bytes | None) -> list[Listed]:
    """The opt-outs in a details value: one, or one for each channel when they differ."""
    groups: dict[Record, list[Channel]] = {}
    records = unpack(value)
    for channel in ALL_CHANNELS:
        if channel in records and records[channel].blocked:
            groups.setdefault(records[channel], []).append(channel)
    return [Listed(number, scope, tuple(channels), record) for record, channels in groups.items()]


def in_order(items: Sequence[Listed], order: Order) -> list[Listed]:
    """Items sorted."""
    key: Callable[[Listed], Place] = order.place
    return sorted(items, key=key, reverse=order.descending)
