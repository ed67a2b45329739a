"""Erasing a person: journals written anew without the number, texts deleted, blocks under a pseudonym (GD-1 to 4)."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.addresses import Place, place_of
from store.bulk import read_many
from store.client import store_errors
from store.errors import StoreError, StoreMisconfigured
from store.functions import Functions
from store.journal import milliseconds
from store.pseudonyms import Pseudonyms
from store.replay import ShardState, blocked_channels
from store.scopes import ALL_CHANNELS, Scope
from store.tombstones import Tombstones
from store.topology import Topology

_PAGE = 200
_TEXTS_AT_ONCE = 1000
_KEPT = timedelta(hours=1)
# How often a copy is begun anew, or catches up, while others write to the same journal.
_PATIENCE = 500
_LEAF_DIGITS = 5


@dataclass(frozen=True, slots=True)
class ErasedJournal:
    """What was erased from one journal: entries written anew, blocks that stay; messages that the entries named."""

    entries: int
    blocks: int
    messages: tuple[str, ...]


class _Copy:
    """A copy of a journal under way: how far it is, and what its entries say of the pseudonym."""

    def __init__(self, name: str, tombstones: Tombstones, state: ShardState, rewritten: str) -> None:
        self.name = name
        self.tombstones = tombstones
        self.state = state
        self.rewritten = rewritten
        self.last = ""


class ErasureStore:
    """Erases numbers, one journal at a time."""

    def __init__(self, client: "redis.Redis", topology: Topology, functions: Functions, pseudonyms: Pseudonyms) -> None:
        self._client = client
        self._topology = topology
        self._functions = functions
        self._pseudonyms = pseudonyms

    def missing_keys(self) -> list[str]:
        """The ids of keys that numbers were erased with and that are not among ours. Raises StoreError."""
        with store_errors():
            used: Any = self._client.hkeys(keys.ERASURE_KEYS)
        return sorted({name.decode() for name in used} - set(self._pseudonyms.key_ids))

    def demand_keys(self) -> None:
        """Refuse to go on without a key that erased numbers need to be found by.

        Raises:
            StoreMisconfigured: a key is missing; those numbers would be texted.
            StoreError: the store did not answer.
        """
        missing = self.missing_keys()
        if missing:
            raise StoreMisconfigured(
                f"Numbers were erased with a key that is not here now (its id: {', '.join(missing)}), and their blocks "
                "cannot be honoured without it. Put the key back into STOPGATE_ERASURE_KEY (docs/erasure.md)."
            )

    def owners(self, address: str) -> list[str]:
        """Whose journals the shard of a number has. Raises StoreError."""
        shard = place_of(address).shard
        prefix = keys.journal(shard, "")
        with store_errors():
            server = self._topology.server_of(prefix)
            return sorted(name.decode()[len(prefix) :] for name in server.scan_iter(match=f"{prefix}*", count=1000))

    def erase_journal(self, address: str, owner: str, *, now: datetime, detail: Mapping[str, Any]) -> ErasedJournal:
        """Write one journal anew without a number, and keep what it blocks under its pseudonym. Safe to repeat.

        Args:
            address: the number.
            owner: whose journal, see store.consent.owner_of.
            now: the time.
            detail: who and why, for the journal.

        Raises:
            StoreError: it is unknown whether it was done; repeating is safe.
        """
        place, pseudonym = place_of(address), self._pseudonyms.all_of(address)[0]
        with store_errors():
            self._client.hsetnx(keys.ERASURE_KEYS, self._pseudonyms.key_ids[0], milliseconds(now))
        copy = None
        try:
            for attempt in range(_PATIENCE):
                copy = copy or self._begin(address, pseudonym, place, owner, now, attempt)
                self._catch_up(copy, keys.journal(place.shard, owner))
                if not copy.tombstones.written:
                    # Nothing left to do here, or a run before this one was cut off behind the swap.
                    self._forget_traces(address, place, owner, copy)
                    return ErasedJournal(0, 0, ())
                answer = self._swap(copy, address, place, owner, now, detail)
                if answer == "done":
                    self._forget_traces(address, place, owner, copy)
                    return _erased(copy, pseudonym)
                if answer == "rewritten":
                    self._drop(copy)
                    copy = None
        finally:
            self._drop(copy)
        raise StoreError("The journal was written to again and again. Try once more.")

    def _begin(self, address: str, pseudonym: str, place: Place, owner: str, now: datetime, attempt: int) -> _Copy:
        name = keys.rewriting(place.shard, owner, f"{pseudonym[3:]}-{attempt}")
        counters = keys.counters(place.shard)
        (_, rewritten) = read_many(
            self._topology, [(name, ("UNLINK", name)), (counters, ("HGET", counters, "journal_rewritten"))]
        )
        tombstones = Tombstones(address, pseudonym, place.shard, now.isoformat())
        return _Copy(name, tombstones, ShardState(place.shard), rewritten.decode() if rewritten else "0")

    def _catch_up(self, copy: _Copy, stream: str) -> None:
        while True:
            after = f"({copy.last}" if copy.last else "-"
            (rows,) = read_many(self._topology, [(stream, ("XRANGE", stream, after, "+", "COUNT", _PAGE))])
            commands: list[tuple[str, tuple[Any, ...]]] = []
            for entry, values in rows:
                fields = copy.tombstones.of(dict(zip(values[::2], values[1::2], strict=True)))
                mine = copy.tombstones.about_pseudonym(fields)
                if mine is not None:
                    copy.state.apply([(entry, mine)])
                flat = [part for pair in fields.items() for part in pair]
                commands.append((copy.name, ("XADD", copy.name, entry, *flat)))
            if commands:
                commands.append((copy.name, ("PEXPIRE", copy.name, round(_KEPT / timedelta(milliseconds=1)))))
                read_many(self._topology, commands)
                copy.last = rows[-1][0].decode()
            if len(rows) < _PAGE:
                return

    def _swap(
        self, copy: _Copy, address: str, place: Place, owner: str, now: datetime, detail: Mapping[str, Any]
    ) -> str:
        pseudonym = self._pseudonyms.all_of(address)[0]
        there = place_of(pseudonym)
        names = [keys.journal(place.shard, owner), keys.behind(place.shard), keys.members(place.shard), copy.name]
        names.append(keys.counters(place.shard))
        values: list[bytes] = []
        scopes = []
        for key in sorted(copy.state.scopes):
            scope, value = Scope.parse(key), copy.state.value(key, pseudonym) or b""
            blocked = blocked_channels(value)
            names += [keys.details(place, scope), keys.details(there, scope)]
            names += [keys.gate(where, scope, channel) for channel in ALL_CHANNELS for where in (place, there)]
            scopes.append({"scope": key, **{channel.value: True for channel in blocked}})
            values.append(value)
        entry = {
            "number": pseudonym,
            "kind": "erase",
            "scope": _scope_of(owner).key,
            "channels": ",".join(ALL_CHANNELS),
            "at": str(milliseconds(now)),
            "outcome": "erased",
            "detail": json.dumps(detail, ensure_ascii=False),
        }
        payload = {
            "last": copy.last,
            "rewritten": copy.rewritten,
            "member": place.gate_member,
            "field": place.details_field,
            "pseudonym": pseudonym,
            "scopes": scopes,
            "entry": entry,
        }
        answer: bytes = self._functions.call_raw("sg_erase", names, json.dumps(payload), *values)
        return answer.decode()

    def _forget_traces(self, address: str, place: Place, owner: str, copy: _Copy) -> None:
        """Take the number out of what was derived from the journal: the index of numbers, running imports."""
        commands: list[tuple[str, tuple[Any, ...]]] = []
        if address[:1] == "+":
            leaf = keys.number_leaf(owner, address[1:-_LEAF_DIGITS])
            commands.append((leaf, ("SREM", leaf, str(int(address[-_LEAF_DIGITS:])))))
            for batch in copy.tombstones.batches:
                seen = keys.import_seen(place.shard, batch, place.gate_bucket)
                commands.append((seen, ("SREM", seen, place.gate_member)))
        else:
            leaf = keys.number_leaf(owner, "other")
            commands.append((leaf, ("SREM", leaf, address)))
        if commands:
            read_many(self._topology, commands)

    def _drop(self, copy: _Copy | None) -> None:
        if copy is not None:
            read_many(self._topology, [(copy.name, ("UNLINK", copy.name))])

    def erase_texts(
        self, address: str, owner: str, *, senders: Iterable[str], audiences: Sequence[str], more: Sequence[str] = ()
    ) -> int:
        """Delete the texts between an account and a number, and everything that was kept about the two. Safe to repeat.

        Args:
            address: the number.
            owner: whose texts: an account id, or "@" and a shared sender.
            senders: from which sender questions, marks and counters may be.
            audiences: which audiences it may be in.
            more: ids of texts that may not be in the conversation any more.

        Returns:
            how many texts that were.

        Raises:
            StoreError: some were deleted; repeating completes it.
        """
        place = place_of(address)
        thread = keys.thread(place.shard, owner, address)
        (rows,) = read_many(self._topology, [(thread, ("XRANGE", thread, "-", "+"))])
        found = [dict(zip(fields[::2], fields[1::2], strict=True))[b"id"].decode() for _, fields in rows]
        texts = list(dict.fromkeys([*found, *more, *self._listed(place.shard, owner)]))
        mine = [(text, facts) for text, facts in self._facts(place.shard, texts) if facts[3] == address]
        commands: list[tuple[str, tuple[Any, ...]]] = []
        for text, (carrier, sid, _, _) in mine:
            names = [keys.message(place.shard, text), keys.timeline(place.shard, text)]
            if carrier and sid:
                names += [make(place.shard, carrier, sid) for make in (keys.carrier_id, keys.parked)]
            commands.append((names[0], ("UNLINK", *names)))
            outbox = keys.outbox(place.shard)
            commands.append((outbox, ("ZREM", outbox, f"send:{text}")))
            lists = [keys.reviews(place.shard, owner, held=held) for held in (True, False)]
            lists += [keys.texts(place.shard, owner, direction) for direction in ("in", "out")]
            commands += [(name, ("ZREM", name, text)) for name in lists]
        commands += self._marks(address, place, owner, {*senders, *(facts[2] for _, facts in mine)}, audiences)
        read_many(self._topology, commands)
        return len(mine)

    def _listed(self, shard: str, owner: str) -> Iterator[str]:
        """The texts of all numbers of a shard: a conversation forgets its oldest, the lists do not."""
        for direction in ("in", "out"):
            name = keys.texts(shard, owner, direction)
            (texts,) = read_many(self._topology, [(name, ("ZRANGE", name, 0, -1))])
            yield from (text.decode() for text in texts)

    def _facts(self, shard: str, texts: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Whose each text is: its carrier, the carrier's id, the sender, the address; "" for what is not known."""
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = texts[start : start + _TEXTS_AT_ONCE]
            names = [keys.message(shard, text) for text in some]
            commands = [(name, ("HMGET", name, "carrier", "sid", "sender", "address")) for name in names]
            for text, values in zip(some, read_many(self._topology, commands), strict=True):
                yield text, [value.decode() if value else "" for value in values]

    def _marks(
        self, address: str, place: Place, owner: str, senders: Iterable[str], audiences: Sequence[str]
    ) -> list[tuple[str, tuple[Any, ...]]]:
        waiting = keys.waiting(place.shard, owner, address)
        hold = keys.hold(place, Scope.of_account(owner))
        thread = keys.thread(place.shard, owner, address)
        commands: list[tuple[str, tuple[Any, ...]]] = [
            (thread, ("UNLINK", thread, waiting)),
            (hold, ("SREM", hold, place.gate_member)),
        ]
        lists = (keys.conversations(place.shard, owner), keys.unanswered(place.shard, owner))
        commands += [(name, ("ZREM", name, address)) for name in lists]
        for audience in audiences:
            key = keys.audience(place, owner, audience)
            commands.append((key, ("SREM", key, place.gate_member)))
        pushed = keys.pushed(place.shard, owner)
        for sender in senders:
            marks = [make(place.shard, sender, address) for make in (keys.pending, keys.repeat_mark, keys.loop_counter)]
            commands.append((marks[0], ("UNLINK", *marks)))
            commands.append((pushed, ("HDEL", pushed, f"{sender}/{address}")))
        return commands

    def forget_unrouted(self, address: str) -> int:
        """Delete the texts of a number to senders that nobody has. Returns how many. Raises StoreError."""
        stream, after, gone = keys.unrouted(), "-", 0
        while True:
            with store_errors():
                rows: Any = self._client.xrange(stream, after, "+", count=_PAGE)
                mine = [entry for entry, fields in rows if fields.get(b"address", b"").decode() == address]
                gone += int(self._client.xdel(stream, *mine)) if mine else 0
            if len(rows) < _PAGE:
                return gone
            after = f"({rows[-1][0].decode()}"

    def rewrite_logs(self) -> None:
        """Ask the servers to write their append-only files anew, in which what was deleted still stands.

        A server that does not let us, or that is at it, does so by itself when the file has grown.
        """
        for server in self._topology.primaries():
            try:
                server.bgrewriteaof()
            except redis.ResponseError:
                continue


def _scope_of(owner: str) -> Scope:
    """The widest scope whose changes are in a journal."""
    if owner == Scope.everything().key:
        return Scope.everything()
    return Scope.of_sender(owner[1:]) if owner[:1] == "@" else Scope.of_account(owner)


def _erased(copy: _Copy, pseudonym: str) -> ErasedJournal:
    values = [copy.state.value(scope, pseudonym) for scope in copy.state.scopes]
    blocks = sum(1 for value in values if blocked_channels(value))
    return ErasedJournal(copy.tombstones.written, blocks, tuple(dict.fromkeys(copy.tombstones.messages)))
