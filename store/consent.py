"""Opt-outs: changing them, asking the gate, and telling why."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, cast

import redis

from store import keys
from store.addresses import Place, place_of
from store.client import store_errors
from store.details import unpack
from store.functions import Functions
from store.scopes import ALL_CHANNELS, Channel, Scope, ScopeKind


class Source(IntEnum):
    """Who brought an opt-out. The numbers stand in packed details: add, never change."""

    KEYWORD = 1
    LINK = 2
    CARRIER = 3
    AGENT = 4
    ADMIN = 5
    API = 6
    IMPORT = 7
    CONFIRMED = 8

    @property
    def label(self) -> str:
        """The source as the API, the console and the journal write it."""
        return self.name.lower()


RANK: Mapping[Source, int] = {
    Source.KEYWORD: 5,
    Source.LINK: 5,
    Source.CARRIER: 4,
    Source.AGENT: 3,
    Source.ADMIN: 2,
    Source.API: 2,
    Source.IMPORT: 1,
    Source.CONFIRMED: 5,
}
"""How strong the evidence is (design §4): weaker evidence never replaces stronger. The library has the same table."""

MAY_LIFT: Mapping[Source, tuple[Source, ...]] = {
    # A person lifts their own blocks and what the carrier holds for that sender (design §4, G5).
    Source.KEYWORD: (Source.KEYWORD, Source.LINK, Source.CARRIER),
    # A confirmed opt-in is the person's own, fresh and documented consent (design §4). What the carrier blocks, it
    # goes on blocking until the person texts START to that sender.
    Source.CONFIRMED: tuple(source for source in Source if source is not Source.CARRIER),
    Source.ADMIN: (Source.AGENT, Source.ADMIN, Source.API, Source.IMPORT),
    Source.API: (Source.AGENT, Source.ADMIN, Source.API, Source.IMPORT),
}
"""Which blocks each kind of actor may lift. Who is not listed lifts nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One consent change of one number in one scope.

    kind: "opt_out" or "lift". owner: whose journal it goes to, an account id or "@" and a shared sender.
    only_event: a lift of this very journal entry's opt-out, whatever its source, unless a later event came.
    """

    kind: str
    scope: Scope
    owner: str
    source: Source
    channels: tuple[Channel, ...] = ALL_CHANNELS
    only_event: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change did.

    outcome: opted_out, strengthened, refreshed, already, stronger_kept, stale; or lifted, not_opted_out, kept,
    stale. entry: id of the journal entry, "" when none was written. held_by: for `kept`, whose block stays.
    """

    scope: Scope
    outcome: str
    entry: str
    held_by: Source | None = None

    @property
    def changed(self) -> bool:
        """True when the number is now in another state than before."""
        return self.outcome in {"opted_out", "lifted"}


@dataclass(frozen=True, slots=True)
class Block:
    """One opt-out that blocks a send."""

    scope: Scope
    channel: Channel
    source: Source | None
    since: datetime
    event: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One consent event, as it was recorded.

    detail: who, by which words, matched by which rule, which message; what the caller knew (G6).
    """

    id: str
    number: str
    kind: str
    scope: str
    channels: tuple[str, ...]
    source: str
    outcome: str
    occurred_at: datetime
    recorded_at: datetime
    previous: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time."""
    return round(moment.timestamp() * 1000)


def moment(milliseconds_since_1970: int | str) -> datetime:
    """The aware UTC time of milliseconds since 1970."""
    return datetime.fromtimestamp(int(milliseconds_since_1970) / 1000, UTC)


def change_keys(place: Place, changes: Sequence[Change], first: int) -> tuple[list[str], list[dict[str, Any]]]:
    """Keys of changes and their payloads, whose positions count from `first` (1 is the first key of a call)."""
    names: list[str] = []
    payloads: list[dict[str, Any]] = []
    for change in changes:
        position = first + len(names)
        names += [keys.gate(place, change.scope, channel) for channel in ALL_CHANNELS]
        names += [keys.details(place, change.scope), keys.journal(place.shard, change.owner)]
        beside: dict[str, Any] = {}
        if change.scope.entered:
            # What is entered does not override a later word of the person (G7).
            names.append(keys.details(place, change.scope.persons_side))
            beside["persons"] = position + 4
        payloads.append(
            {
                **beside,
                "kind": change.kind,
                "scope": change.scope.key,
                "channels": list(change.channels),
                "source": int(change.source),
                "may_lift": [int(source) for source in MAY_LIFT.get(change.source, ())],
                "text": position,
                "voice": position + 1,
                "details": position + 2,
                "journal": position + 3,
                **({"only_event": change.only_event} if change.only_event else {}),
            }
        )
    return names, payloads


def gate_keys(
    place: Place, scopes: Sequence[Scope], channel: Channel, first: int
) -> tuple[list[str], list[dict[str, Any]]]:
    """Keys the gate reads for scopes and their payloads, positions counting from `first`."""
    names: list[str] = []
    payloads: list[dict[str, Any]] = []
    for scope in scopes:
        payloads.append({"scope": scope.key, "gate": first + len(names), "details": first + len(names) + 1})
        names += [keys.gate(place, scope, channel), keys.details(place, scope)]
    return names, payloads


def outcomes_from(rows: Iterable[Mapping[str, Any]]) -> tuple[Outcome, ...]:
    """Outcomes from the function library's answer."""
    return tuple(
        Outcome(
            Scope.parse(row["scope"]),
            row["outcome"],
            row["entry"],
            Source(row["held_by"]) if row.get("held_by") else None,
        )
        for row in rows
    )


def blocks_from(rows: Iterable[Mapping[str, Any]], channel: Channel) -> tuple[Block, ...]:
    """Blocks from the function library's answer."""
    return tuple(
        Block(
            Scope.parse(row["scope"]),
            channel,
            Source(row["source"]) if row["source"] else None,
            moment(row["since"] or 0),
            row["event"],
        )
        for row in rows
    )


class ConsentStore:
    """The opt-outs of the whole installation."""

    def __init__(self, client: "redis.Redis", functions: Functions) -> None:
        self._client = client
        self._functions = functions

    def apply(
        self, address: str, changes: Sequence[Change], *, occurred_at: datetime, detail: Mapping[str, Any]
    ) -> tuple[Outcome, ...]:
        """Apply the changes of one event, with their journal entries, in one step.

        Repeating the same event is safe: the second time it changes nothing.

        Raises:
            StoreError: nothing is known about what happened.
        """
        place = place_of(address)
        names = [keys.counters(place.shard)]
        change_names, payloads = change_keys(place, changes, first=2)
        payload = {
            "counters": 1,
            "address": address,
            "member": place.gate_member,
            "field": place.details_field,
            "at": str(milliseconds(occurred_at)),
            "detail": json.dumps(detail, ensure_ascii=False),
            "changes": payloads,
        }
        return outcomes_from(json.loads(self._functions.call("sg_change", names + change_names, payload)))

    def blocks(self, address: str, scopes: Sequence[Scope], channel: Channel = Channel.TEXT) -> tuple[Block, ...]:
        """What blocks a number now. Raises StoreError."""
        place = place_of(address)
        names, payloads = gate_keys(place, scopes, channel, first=1)
        payload = {
            "member": place.gate_member,
            "field": place.details_field,
            "channel": channel,
            "scopes": payloads,
        }
        return blocks_from(json.loads(self._functions.call("sg_blocks", names, payload)), channel)

    def check(
        self, addresses: Sequence[str], scopes: Sequence[Scope], channel: Channel = Channel.TEXT
    ) -> list[tuple[Block, ...]]:
        """What blocks each of many numbers, in the order asked: one round trip, and one more for the blocked.

        Raises:
            StoreError: the whole answer is unknown.
        """
        found: list[tuple[Block, ...]] = [()] * len(addresses)
        hits = self._members(addresses, scopes, channel)
        for (index, scope), value in zip(hits, self._details(addresses, hits), strict=True):
            record = unpack(value).get(channel)
            block = Block(
                scope,
                channel,
                Source(record.source) if record else None,
                moment(record.since if record else 0),
                record.event if record else "",
            )
            found[index] = (*found[index], block)
        return found

    def _members(self, addresses: Sequence[str], scopes: Sequence[Scope], channel: Channel) -> list[tuple[int, Scope]]:
        """The (index, scope) pairs that are in a gate index, by index and then in the order of the scopes."""
        buckets: dict[tuple[str, str], list[tuple[int, Place]]] = {}
        for index, address in enumerate(addresses):
            place = place_of(address)
            buckets.setdefault((place.shard, place.gate_bucket), []).append((index, place))
        pipeline = self._client.pipeline(transaction=False)
        asked: list[tuple[Scope, list[tuple[int, Place]]]] = []
        for group in buckets.values():
            for scope in scopes:
                pipeline.smismember(keys.gate(group[0][1], scope, channel), [place.gate_member for _, place in group])
                asked.append((scope, group))
        with store_errors():
            answers = pipeline.execute()
        order = {scope: position for position, scope in enumerate(scopes)}
        hits = [
            (index, scope)
            for (scope, group), flags in zip(asked, answers, strict=True)
            for (index, _), flag in zip(group, flags, strict=True)
            if flag
        ]
        return sorted(hits, key=lambda hit: (hit[0], order[hit[1]]))

    def _details(self, addresses: Sequence[str], hits: Sequence[tuple[int, Scope]]) -> list[bytes | None]:
        if not hits:
            return []
        pipeline = self._client.pipeline(transaction=False)
        for index, scope in hits:
            place = place_of(addresses[index])
            pipeline.hget(keys.details(place, scope), place.details_field)
        with store_errors():
            return list(pipeline.execute())

    def is_held(self, address: str, account: str) -> bool:
        """True while a text of this number waits for a person's decision. Raises StoreError."""
        place = place_of(address)
        with store_errors():
            return bool(self._client.sismember(keys.hold(place, Scope.of_account(account)), place.gate_member))

    def history(self, address: str, scopes: Sequence[Scope]) -> list[JournalEntry]:
        """Every journal entry of a number in scopes, oldest first. Raises StoreError.

        The details point to the newest entry of a scope and each entry to the one before it.
        """
        place = place_of(address)
        pipeline = self._client.pipeline(transaction=False)
        for scope in scopes:
            pipeline.hget(keys.details(place, scope), place.details_field)
        with store_errors():
            values = pipeline.execute()
        found: dict[str, JournalEntry] = {}
        for scope, value in zip(scopes, values, strict=True):
            for record in unpack(value).values():
                self._walk(keys.journal(place.shard, owner_of(scope)), record.event, found)
        return sorted(found.values(), key=lambda entry: (entry.recorded_at, entry.id))

    def _walk(self, stream: str, entry_id: str, found: dict[str, JournalEntry]) -> None:
        waiting = [entry_id]
        while waiting:
            current = waiting.pop()
            if current in found:
                continue
            with store_errors():
                rows = self._client.xrange(stream, current, current)
            if rows:
                found[current] = entry_from(current, cast(Mapping[bytes, bytes], rows[0][1]))
                waiting += found[current].previous


def entry_from(entry_id: str, fields: Mapping[bytes, bytes]) -> JournalEntry:
    """A journal entry from a stream's fields."""
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return JournalEntry(
        id=entry_id,
        number=text["number"],
        kind=text["kind"],
        scope=text["scope"],
        channels=tuple(text["channels"].split(",")),
        source=Source(int(text["source"])).label if "source" in text else "",
        outcome=text["outcome"],
        occurred_at=moment(text["at"]),
        recorded_at=moment(entry_id.partition("-")[0]),
        previous=tuple(text["previous"].split(",")) if "previous" in text else (),
        detail=json.loads(text.get("detail", "{}")),
    )


def owner_of(scope: Scope) -> str:
    """Whose journal holds the changes of a scope: its account, or "@" and the shared sender, or "*"."""
    if scope.account:
        return scope.account
    return f"@{scope.sender}" if scope.kind is ScopeKind.SENDER else "*"
