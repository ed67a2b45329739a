"""Batches: the rows of an import applied a few hundred at a time, and taken back."""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from store import keys
from store.addresses import Place, place_of
from store.bulk import read_many
from store.client import store_errors
from store.consent import owner_of
from store.enlisting import day_entry
from store.erased_checks import ErasedChecks
from store.functions import Call, Functions, Started
from store.import_parts import CUT, ROWS_PER_CALL, Part, Row, Rows, parts_of
from store.journal import ROW_OUTCOMES, Source, unpack_rows
from store.pace import Pace
from store.scopes import ALL_CHANNELS, Channel, Scope, both_sides
from store.topology import Topology

__all__ = ["ROWS_PER_CALL", "Batch", "BatchStore", "Row", "Rows", "Undone"]

_KEPT = timedelta(days=7)
_ALREADY = next(code for code, outcome in ROW_OUTCOMES.items() if outcome == "already")
_UNDO_ENTRIES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """One import: what its rows have in common.

    id: its name in the journal. scope, channels: what it blocks. dry_run: only say what would come of it. at: in the
    figures of which day its opt-outs count; in none, when left out. undated: the time of the rows that have none of
    their own (0: all have); they change nothing for whoever came back by a word of their own.
    """

    id: str
    scope: Scope
    channels: tuple[Channel, ...] = ALL_CHANNELS
    source: Source = Source.IMPORT
    dry_run: bool = False
    at: datetime | None = None
    undated: int = 0


@dataclass(frozen=True, slots=True)
class Undone:
    """How far an undo is: numbers lifted, numbers left because something has changed since, entries done and all."""

    lifted: int
    kept: int
    entries: int
    of_entries: int


class BatchStore:
    """Imports, by the block, and their undo."""

    def __init__(
        self, topology: Topology, functions: Functions, erased: ErasedChecks, monotonic: Callable[[], float]
    ) -> None:
        self._topology = topology
        self._erased = erased
        self._functions = functions
        # For all blocks and imports: who asked while one of them was read is not forgotten for the next.
        self._pace = Pace(monotonic)

    def apply(self, batch: Batch, block: str, rows: Sequence[Row] | Rows) -> bytes:
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
        columns = rows if isinstance(rows, Rows) else Rows.of(rows)
        outcomes = bytearray(len(columns.numbers))
        erased = self._erased_in(batch, columns.numbers)
        for position in erased:
            outcomes[position] = _ALREADY
        under_way: deque[tuple[Sequence[Part], Started]] = deque()
        pace = self._pace
        try:
            for parts in self._rounds(parts_of(columns, batch.channels, batch.source, erased), pace):
                calls = [self._call(batch, block, part, columns) for part in parts]
                while len(under_way) >= pace.load.pieces:
                    self._note(outcomes, pace, *under_way.popleft())
                under_way.append((parts, self._functions.start(calls)))
            while under_way:
                self._note(outcomes, pace, *under_way.popleft())
        finally:
            for _, started in under_way:
                started.abandon()
        return bytes(outcomes)

    def _note(self, outcomes: bytearray, pace: Pace, parts: Sequence[Part], started: Started) -> None:
        for part, (codes, asked) in zip(parts, started.answers(), strict=True):
            for position, code in zip(part.positions, codes, strict=True):
                outcomes[position] = code
            pace.note(self._server_of(part), asked)

    def _server_of(self, part: Part) -> int:
        """Which server has a part. Raises StoreError."""
        if not self._topology.is_cluster:
            return 0
        with store_errors():
            return id(self._topology.server_of(keys.members(part.shard)))

    def _erased_in(self, batch: Batch, numbers: Sequence[str]) -> set[int]:
        """The positions of rows whose numbers were erased and are blocked already: not written again (GD-2)."""
        scopes = _covering(batch.scope)
        found = [{hit.position for hit in self._erased.blocked(numbers, scopes, channel)} for channel in batch.channels]
        return set.intersection(*found) if found else set()

    def _rounds(self, parts: Iterator[Part], pace: Pace) -> Iterator[Sequence[Part]]:
        """The parts of a block as they are sent: some at a time to each server."""
        if not self._topology.is_cluster:
            while some := tuple(islice(parts, pace.load.calls)):
                yield some
            return
        by_server: defaultdict[int, deque[Part]] = defaultdict(deque)
        for part in parts:
            by_server[self._server_of(part)].append(part)
        while any(by_server.values()):
            calls = pace.load.calls
            yield [waiting.popleft() for waiting in by_server.values() for _ in range(min(calls, len(waiting)))]

    def _call(self, batch: Batch, block: str, part: Part, rows: Rows) -> Call:
        shard, scope = part.shard, batch.scope.key
        names = [
            keys.import_mark(shard, batch.id),
            keys.batch(shard, batch.id),
            keys.members(shard),
            keys.journal(shard, owner_of(batch.scope)),
            keys.counters(shard),
        ]
        indexes = [keys.gate_index(batch.scope, channel) for channel in batch.channels]
        for bucket in part.gate_buckets:
            if batch.dry_run:
                names += [keys.import_tried(shard, batch.id, channel, bucket) for channel in batch.channels]
            else:
                names += [f"{{{shard}}}:{index}:{bucket}" for index in indexes]
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
            # The parts of a block are known by their first row; cut in another way (a newer version) they are others.
            "block": f"{block}/{CUT}",
            "part": f"{rows.rows[part.positions[0]]}.{part.positions[0]}",
            "kept": round(_KEPT / timedelta(milliseconds=1)),
            "gates": part.gates,
            "dry": batch.dry_run,
            "undated": batch.undated,
        }
        return "sg_import", names, (json.dumps(header, separators=(",", ":")), *part.arguments)

    def finish(self, batch_id: str) -> None:
        """Forget what only a running import needs. Raises StoreError."""
        commands = []
        for shard in keys.SHARDS:
            names = [keys.import_mark(shard, batch_id)]
            for bucket in (f"{high:02d}{shard}" for high in range(100)):
                names.append(keys.import_seen(shard, batch_id, bucket))
                names += [keys.import_tried(shard, batch_id, channel, bucket) for channel in ALL_CHANNELS]
            commands.append((names[0], ("UNLINK", *names)))
        read_many(self._topology, commands)

    def undo(
        self,
        batch_id: str,
        scope: Scope,
        *,
        source: Source,
        at: int,
        detail: Mapping[str, Any],
        dry: bool = False,
        shards: Sequence[str] = keys.SHARDS,
    ) -> Iterator[Undone]:
        """Take back what an import newly blocked and nothing has changed since; each step is in the journal.

        A number goes back to what it was before the import: never opted out, or come back at a time of its own.
        Doing it again, or again after a crash, changes nothing and counts the same.

        Args:
            batch_id, scope: the import.
            source: who undoes it.
            at: when, milliseconds since 1970.
            detail: for the journal: who and why.
            dry: only say what would come of it.
            shards: of all numbers, these.

        Raises:
            StoreError: some was taken back; undoing again completes it.
        """
        waiting = [(shard, entry) for shard in shards for entry in self._entries(shard, batch_id)]
        header = {"scope": scope.key, "source": int(source), "batch": batch_id, "at": str(at), "dry": dry}
        header["detail"] = json.dumps(detail)
        lifted = kept = 0
        yield Undone(0, 0, 0, len(waiting))
        for start in range(0, len(waiting), _UNDO_ENTRIES_AT_ONCE):
            some = waiting[start : start + _UNDO_ENTRIES_AT_ONCE]
            under_way: list[Started] = []
            for call in self._undo_calls(some, batch_id, scope, header):
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
        header: Mapping[str, Any],
    ) -> Iterator[Call]:
        streams = [keys.journal(shard, owner_of(scope)) for shard, _ in waiting]
        commands = [
            (stream, ("XRANGE", stream, entry, entry)) for stream, (_, entry) in zip(streams, waiting, strict=True)
        ]
        answers = read_many(self._topology, commands)
        for (shard, entry), stream, answer in zip(waiting, streams, answers, strict=True):
            ((_, fields),) = answer
            packed = dict(zip(fields[::2], fields[1::2], strict=True))[b"rows"]
            arguments: list[str | bytes] = [json.dumps({**header, "entry": entry})]
            names = [keys.batch(shard, batch_id), keys.members(shard), stream]
            for row in unpack_rows(packed, shard):
                place = place_of(row.number)
                names += _keys_of(place, scope)
                arguments += [place.gate_member, place.details_field, row.packed]
            names.append(keys.behind(shard))
            yield "sg_undo", names, arguments


def _covering(scope: Scope) -> Sequence[Scope]:
    """The scopes that block all that a scope blocks."""
    account = [Scope.of_account(scope.account)] if scope.account else []
    sender = [Scope.of_sender(scope.sender)] if scope.sender else []
    return tuple(dict.fromkeys([Scope.everything(), *sender, *both_sides([*account, scope.persons_side])]))


def _added(lifted: int, kept: int, started: Started) -> tuple[int, int]:
    (answer,) = started.answers()
    counts = json.loads(answer)
    return lifted + counts["lifted"], kept + counts["kept"]


def _keys_of(place: Place, scope: Scope) -> list[str]:
    return [*(keys.gate(place, scope, channel) for channel in ALL_CHANNELS), keys.details(place, scope)]
