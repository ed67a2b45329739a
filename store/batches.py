"""Batches: the rows of an import applied a few hundred at a time, and taken back."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, NamedTuple

from store import keys
from store.addresses import Place, place_of
from store.bulk import read_many
from store.client import store_errors
from store.consent import owner_of
from store.enlisting import day_entry
from store.functions import Call, Functions, Started
from store.journal import Source, fresh_flags, pack_row, unpack_rows
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.topology import Topology

# A call of this many rows keeps the server busy for a millisecond or two; the gate is answered between two. Not to be
# changed while an import is resumed: its parts are known by their first row.
ROWS_PER_CALL = 128
# Calls that a server has at a time: it flushes its file once for both, and never waits for us.
_IN_FLIGHT = 2
_KEPT = timedelta(days=7)
_UNDO_ENTRIES_AT_ONCE = 16


class Row(NamedTuple):
    """A number of a file: in E.164 form, when it opted out (milliseconds since 1970), its row in the file."""

    number: str
    at: int
    row: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One import: what its rows have in common.

    id: its name in the journal. scope, channels: what it blocks. dry_run: only say what would come of it. at: in the
    figures of which day its opt-outs count; in none, when left out.
    """

    id: str
    scope: Scope
    channels: tuple[Channel, ...] = ALL_CHANNELS
    source: Source = Source.IMPORT
    dry_run: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """How far an undo is: numbers lifted, numbers left because something has changed since, entries done and all."""

    lifted: int
    kept: int
    entries: int
    of_entries: int


class _Part:
    """One call of an import while it is put together."""

    __slots__ = ("details_buckets", "flags", "gate_buckets", "gates", "groups", "positions", "shard")

    def __init__(self, shard: str, flags: int) -> None:
        self.shard = shard
        self.flags = flags
        self.positions: list[int] = []
        self.gate_buckets: list[str] = []
        self.gates: list[int] = []
        self.details_buckets: list[str] = []
        self.groups: list[list[bytes]] = []

    def add(self, position: int, row: Row) -> None:
        number = row.number
        bucket = number[-5:]
        if not self.groups or self.details_buckets[-1] != bucket:
            if not self.groups or self.gate_buckets[-1] != bucket[1:]:
                self.gate_buckets.append(bucket[1:])
                self.gates.append(0)
            self.gates[-1] += 1
            self.details_buckets.append(bucket)
            self.groups.append([])
        self.groups[-1].append(pack_row(number, row.row, row.at, self.flags))
        self.positions.append(position)


class BatchStore:
    """Imports, by the block, and their undo."""

    def __init__(self, topology: Topology, functions: Functions) -> None:
        self._topology = topology
        self._functions = functions

    def apply(self, batch: Batch, block: str, rows: Sequence[Row]) -> bytes:
        """Opt out the numbers of one block of a file.

        Doing the newest block of a batch again changes nothing and answers the same (after a crash, say).

        Args:
            batch: the import.
            block: the block's name in it, the same whenever these rows are applied.
            rows: numbers in E.164 form, in the order of the file.

        Returns:
            an outcome code for each row, see store.journal.ROW_OUTCOMES.

        Raises:
            StoreError: some rows may have been applied; applying the block again completes it.
        """
        outcomes = bytearray(len(rows))
        under_way: list[tuple[Sequence[_Part], Started]] = []
        try:
            for parts in self._rounds(rows, fresh_flags(batch.channels)):
                calls = [self._call(batch, block, part, rows) for part in parts]
                if len(under_way) == _IN_FLIGHT:
                    self._note(outcomes, *under_way.pop(0))
                under_way.append((parts, self._functions.start(calls)))
            while under_way:
                self._note(outcomes, *under_way.pop(0))
        finally:
            for _, started in under_way:
                started.abandon()
        return bytes(outcomes)

    @staticmethod
    def _note(outcomes: bytearray, parts: Sequence[_Part], started: Started) -> None:
        for part, answer in zip(parts, started.answers(), strict=True):
            for position, code in zip(part.positions, answer, strict=True):
                outcomes[position] = code

    def _rounds(self, rows: Sequence[Row], flags: int) -> Iterator[Sequence[_Part]]:
        """The parts of a block, as many at a time as there are servers, one for each."""
        parts = self._parts(rows, flags)
        if not self._topology.is_cluster:
            return ((part,) for part in parts)
        by_server: dict[int, list[_Part]] = {}
        with store_errors():
            for part in parts:
                by_server.setdefault(id(self._topology.server_of(keys.members(part.shard))), []).append(part)
        return ([part for part in group if part is not None] for group in zip_longest(*by_server.values()))

    def _parts(self, rows: Sequence[Row], flags: int) -> Iterator[_Part]:
        # Read backwards, numbers of one shard, bucket and at last of one person are neighbours; rows of one person
        # stay in the order of the file.
        backwards = [row.number[::-1] for row in rows]
        part: _Part | None = None
        last = 0
        for position in sorted(range(len(rows)), key=backwards.__getitem__):
            shard = rows[position].number[-2:]
            full = part is not None and len(part.positions) >= ROWS_PER_CALL
            # Rows of one person stay in one call, in their order.
            if part is None or part.shard != shard or (full and backwards[position] != backwards[last]):
                if part is not None:
                    yield part
                part = _Part(shard, flags)
            part.add(position, rows[position])
            last = position
        if part is not None:
            yield part

    def _call(self, batch: Batch, block: str, part: _Part, rows: Sequence[Row]) -> Call:
        shard, scope = part.shard, batch.scope.key
        names = [
            keys.import_mark(shard, batch.id),
            keys.batch(shard, batch.id),
            keys.members(shard),
            keys.journal(shard, owner_of(batch.scope)),
            keys.counters(shard),
        ]
        for bucket in part.gate_buckets:
            names += [f"{{{shard}}}:gate:{channel}:{scope}:{bucket}" for channel in batch.channels]
            names.append(keys.import_seen(shard, batch.id, bucket))
        names += [f"{{{shard}}}:details:{scope}:{bucket}" for bucket in part.details_buckets]
        counted = day_entry(shard, owner_of(batch.scope), batch.at, names) if batch.at else {}
        names.append(keys.behind(shard))
        header = {
            **counted,
            "scope": scope,
            "channels": batch.channels,
            "source": int(batch.source),
            "batch": batch.id,
            "block": block,
            "part": f"{rows[part.positions[0]].row}.{part.positions[0]}",
            "kept": round(_KEPT / timedelta(milliseconds=1)),
            "gates": part.gates,
            "dry": batch.dry_run,
        }
        return "sg_import", names, (json.dumps(header, separators=(",", ":")), *map(b"".join, part.groups))

    def finish(self, batch_id: str) -> None:
        """Forget what only a running import needs. Raises StoreError."""
        for shard in keys.SHARDS:
            names = [keys.import_mark(shard, batch_id)]
            names += [keys.import_seen(shard, batch_id, f"{high:02d}{shard}") for high in range(100)]
            read_many(self._topology, [(names[0], ("UNLINK", *names))])

    def undo(
        self, batch_id: str, scope: Scope, *, source: Source, at: int, detail: Mapping[str, Any]
    ) -> Iterator[Undone]:
        """Take back what an import newly blocked and nothing has changed since; each step is in the journal.

        A number goes back to what it was before the import: never opted out, or come back at a time of its own.
        Doing it again, or again after a crash, changes nothing and counts the same.

        Args:
            batch_id, scope: the import.
            source: who undoes it.
            at: when, milliseconds since 1970.
            detail: for the journal: who and why.

        Raises:
            StoreError: some was taken back; undoing again completes it.
        """
        waiting = [(shard, entry) for shard in keys.SHARDS for entry in self._entries(shard, batch_id)]
        lifted = kept = 0
        yield Undone(0, 0, 0, len(waiting))
        for start in range(0, len(waiting), _UNDO_ENTRIES_AT_ONCE):
            some = waiting[start : start + _UNDO_ENTRIES_AT_ONCE]
            under_way: list[Started] = []
            for call in self._undo_calls(some, batch_id, scope, source, at, detail):
                under_way.append(self._functions.start([call]))
                if len(under_way) > 1:
                    lifted, kept = _added(lifted, kept, under_way.pop(0))
            while under_way:
                lifted, kept = _added(lifted, kept, under_way.pop(0))
            yield Undone(lifted, kept, start + len(some), len(waiting))

    def _entries(self, shard: str, batch_id: str) -> list[str]:
        key, found, cursor = keys.batch(shard, batch_id), [], b"0"
        while True:
            ((cursor, fields),) = read_many(self._topology, [(key, ("HSCAN", key, cursor, "COUNT", 500))])
            found += [name.decode() for name in fields[::2]]
            if cursor == b"0":
                return sorted(set(found))

    def _undo_calls(
        self,
        waiting: Sequence[tuple[str, str]],
        batch_id: str,
        scope: Scope,
        source: Source,
        at: int,
        detail: Mapping[str, Any],
    ) -> Iterator[Call]:
        streams = [keys.journal(shard, owner_of(scope)) for shard, _ in waiting]
        commands = [
            (stream, ("XRANGE", stream, entry, entry)) for stream, (_, entry) in zip(streams, waiting, strict=True)
        ]
        answers = read_many(self._topology, commands)
        for (shard, entry), stream, answer in zip(waiting, streams, answers, strict=True):
            ((_, fields),) = answer
            packed = dict(zip(fields[::2], fields[1::2], strict=True))[b"rows"]
            header = {"scope": scope.key, "source": int(source), "batch": batch_id, "entry": entry, "at": str(at)}
            arguments: list[str | bytes] = [json.dumps({**header, "detail": json.dumps(detail)})]
            names = [keys.batch(shard, batch_id), keys.members(shard), stream]
            for row in unpack_rows(packed, shard):
                place = place_of(row.number)
                names += _keys_of(place, scope)
                arguments += [place.gate_member, place.details_field, row.packed]
            names.append(keys.behind(shard))
            yield "sg_undo", names, arguments


def _added(lifted: int, kept: int, started: Started) -> tuple[int, int]:
    (answer,) = started.answers()
    counts = json.loads(answer)
    return lifted + counts["lifted"], kept + counts["kept"]


def _keys_of(place: Place, scope: Scope) -> list[str]:
    return [*(keys.gate(place, scope, channel) for channel in ALL_CHANNELS), keys.details(place, scope)]
