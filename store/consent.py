"""Opt-outs: changing them, asking the gate, and telling why."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import redis

from store import keys
from store.addresses import Place, place_of
from store.client import store_errors
from store.details import unpack
from store.enlisting import day_entry
from store.erased_checks import ErasedChecks
from store.functions import Functions
from store.journal import (
    JournalEntry,
    Source,
    entries_of,
    every_entry_of,
    milliseconds,
    moment,
)
from store.pseudonyms import Pseudonyms
from store.scopes import ALL_CHANNELS, Channel, Scope, ScopeKind
from store.tombstones import bare
from store.topology import Spread, Topology

__all__ = [
    "MAY_LIFT",
    "RANK",
    "Block",
    "Change",
    "ConsentStore",
    "JournalEntry",
    "Outcome",
    "Source",
    "entries_of",
    "every_entry_of",
    "milliseconds",
    "moment",
    "owner_of",
]


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


def journal_keys(shard: str, owner: str) -> list[str]:
    """The keys of a journal as the function library wants them: the stream, then who is behind."""
    return [keys.journal(shard, owner), keys.behind(shard)]


def change_keys(
    place: Place, changes: Sequence[Change], first: int, erased: Sequence[Place] = ()
) -> tuple[list[str], list[dict[str, Any]]]:
    """Keys of changes and their payloads, whose positions count from `first` (1 is the first key of a call).

    erased: where the number's block may be kept if it was erased. A lift reaches there too: START still means START.
    """
    names: list[str] = []
    payloads: list[dict[str, Any]] = []
    lifts = [change for change in changes if change.kind == "lift"]
    lifted = [(there, change) for there in erased for change in lifts]
    for where, change in [*((place, change) for change in changes), *lifted]:
        position = first + len(names)
        names += [keys.gate(where, change.scope, channel) for channel in ALL_CHANNELS]
        names += [
            keys.details(where, change.scope),
            *journal_keys(place.shard, change.owner),
            keys.members(place.shard),
        ]
        beside: dict[str, Any] = {}
        if where is not place:
            beside |= {"erased": True, "member": where.gate_member, "field": where.details_field}
        if change.scope.entered:
            # What is entered does not override a later word of the person (G7).
            names.append(keys.details(where, change.scope.persons_side))
            beside["persons"] = position + 6
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
                "members": position + 5,
                **({"only_event": change.only_event} if change.only_event else {}),
            }
        )
    return names, payloads


def gate_keys(
    place: Place, scopes: Sequence[Scope], channel: Channel, first: int, erased: Sequence[Place] = ()
) -> tuple[list[str], list[dict[str, Any]]]:
    """Keys the gate reads for scopes and their payloads, positions counting from `first`.

    erased: where the number's blocks are kept if it was erased (pseudonyms.py).
    """
    names: list[str] = []
    payloads: list[dict[str, Any]] = []
    for scope in scopes:
        for where in (place, *erased):
            row = {"scope": scope.key, "gate": first + len(names), "details": first + len(names) + 1}
            payloads.append(row if where is place else {**row, "member": where.gate_member})
            names += [keys.gate(where, scope, channel), keys.details(where, scope)]
    return names, payloads


def detail_payload(detail: Mapping[str, Any]) -> dict[str, str]:
    """An event's detail as the functions take it; `bare_detail` for the entry of a number that was erased."""
    return {
        "detail": json.dumps(detail, ensure_ascii=False),
        "bare_detail": json.dumps(bare(detail), ensure_ascii=False),
    }


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

    def __init__(self, client: "redis.Redis", functions: Functions, topology: Topology, pseudonyms: Pseudonyms) -> None:
        self._client = client
        self._functions = functions
        self._topology = topology
        self._pseudonyms = pseudonyms
        self._erased = ErasedChecks(topology, pseudonyms)

    def apply(
        self,
        address: str,
        changes: Sequence[Change],
        *,
        occurred_at: datetime,
        detail: Mapping[str, Any],
        now: datetime | None = None,
    ) -> tuple[Outcome, ...]:
        """Apply the changes of one event, with their journal entries, in one step.

        Repeating the same event is safe: the second time it changes nothing.

        Args:
            address: whose.
            changes: what the event asks for.
            occurred_at: when it happened, which decides what it changes (G7).
            detail: for the journal.
            now: in the figures of which day it counts; when it happened, when left out.

        Raises:
            StoreError: nothing is known about what happened.
        """
        place = place_of(address)
        names = [keys.counters(place.shard)]
        owner = changes[0].owner if changes else ""
        entry = day_entry(place.shard, owner, now or occurred_at, names)
        if any(change.source is Source.LINK for change in changes):
            # What the person was texted for last is why they followed their link.
            names += [keys.thread(place.shard, owner, address), keys.left_after(place.shard, owner)]
            entry |= {"thread": len(names) - 1, "left": len(names)}
        erased = self._pseudonyms.places_of(address)
        change_names, payloads = change_keys(place, changes, len(names) + 1, erased)
        payload = {
            "entry": entry,
            "counters": 1,
            "address": address,
            "member": place.gate_member,
            "field": place.details_field,
            "at": str(milliseconds(occurred_at)),
            **detail_payload(detail),
            "changes": payloads,
        }
        return outcomes_from(json.loads(self._functions.call("sg_change", names + change_names, payload)))

    def blocks(self, address: str, scopes: Sequence[Scope], channel: Channel = Channel.TEXT) -> tuple[Block, ...]:
        """What blocks a number now. Raises StoreError."""
        place = place_of(address)
        names, payloads = gate_keys(place, scopes, channel, 1, self._pseudonyms.places_of(address))
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
        """What blocks each of many numbers, in the order asked: two round trips, and one more for the blocked.

        Raises:
            StoreError: the whole answer is unknown.
        """
        found: list[tuple[Block, ...]] = [()] * len(addresses)
        hits = [(index, scope, addresses[index]) for index, scope in self._members(addresses, scopes, channel)]
        erased = self._erased.blocked(addresses, scopes, channel)
        hits += [(hit.position, scopes[hit.scope], hit.pseudonym) for hit in erased]
        for (index, scope, _), value in zip(hits, self._details(hits), strict=True):
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
        asked = [(scope, group) for group in buckets.values() for scope in scopes]
        names = [keys.gate(group[0][1], scope, channel) for scope, group in asked]
        members = ([place.gate_member for _, place in group] for _, group in asked)
        commands = [("SMISMEMBER", name, *wanted) for name, wanted in zip(names, members, strict=True)]
        answers = self._read(names, commands)
        order = {scope: position for position, scope in enumerate(scopes)}
        hits = [
            (index, scope)
            for (scope, group), flags in zip(asked, answers, strict=True)
            for (index, _), flag in zip(group, flags, strict=True)
            if flag
        ]
        return sorted(hits, key=lambda hit: (hit[0], order[hit[1]]))

    def _details(self, hits: Sequence[tuple[int, Scope, str]]) -> list[bytes | None]:
        names, commands = [], []
        for _, scope, address in hits:
            place = place_of(address)
            names.append(keys.details(place, scope))
            commands.append(("HGET", names[-1], place.details_field))
        return self._read(names, commands)

    def _read(self, names: Sequence[str], commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Ask for one thing of each key, in one round trip. An answer that is an error fails the whole."""
        if not commands:
            return []
        with store_errors():
            answers = Spread(self._topology, list(zip(names, commands, strict=True))).answers()
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    def is_held(self, address: str, account: str) -> bool:
        """True while a text of this number waits for a person's decision. Raises StoreError."""
        place = place_of(address)
        with store_errors():
            return bool(self._client.sismember(keys.hold(place, Scope.of_account(account)), place.gate_member))

    def history(self, address: str, scopes: Sequence[Scope]) -> list[JournalEntry]:
        """Every journal entry of a number in scopes, oldest first. Raises StoreError.

        The details point to the newest entry of a scope and each entry to the one before it.
        """
        names = [address, *self._pseudonyms.all_of(address)]
        asked = [(name, place_of(name), scope) for name in names for scope in scopes]
        pipeline = self._client.pipeline(transaction=False)
        for _, place, scope in asked:
            pipeline.hget(keys.details(place, scope), place.details_field)
        with store_errors():
            values = pipeline.execute()
        found: dict[str, list[JournalEntry]] = {}
        for (name, place, scope), value in zip(asked, values, strict=True):
            for record in unpack(value).values():
                self._walk(name, keys.journal(place.shard, owner_of(scope)), record.event, found)
        entries = [entry for group in found.values() for entry in group]
        return sorted(entries, key=lambda entry: (entry.recorded_at, _sequence(entry.id)))

    def _walk(self, address: str, stream: str, entry_id: str, found: dict[str, list[JournalEntry]]) -> None:
        waiting = [entry_id]
        while waiting:
            current = waiting.pop()
            if current in found:
                continue
            with store_errors():
                rows = self._client.xrange(stream, current, current)
            found[current] = []
            if rows:
                found[current] = entries_of(address, current, cast(Mapping[bytes, bytes], rows[0][1]))
                waiting += [previous for entry in found[current] for previous in entry.previous]


def _sequence(entry_id: str) -> int:
    return int(entry_id.partition("-")[2])


def owner_of(scope: Scope) -> str:
    """Whose journal holds the changes of a scope: its account, or "@" and the shared sender, or "*"."""
    if scope.account:
        return scope.account
    return f"@{scope.sender}" if scope.kind is ScopeKind.SENDER else "*"
