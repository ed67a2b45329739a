"""Lists: checking and changing many numbers at a time, thousands in a round trip, without holding up the gate."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import Any, NamedTuple

from store import keys
from store.addresses import Place, place_of
from store.client import store_errors
from store.consent import owner_of
from store.details import Record, unpack
from store.functions import Call, Functions
from store.journal import Source, fresh_flags, pack_row, unpack_rows
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.topology import Spread, Topology

# A call of this many rows keeps the server busy for two or three milliseconds; the gate is answered between two.
ROWS_PER_CALL = 320
_KEPT = timedelta(days=7)
_SHORTEST = 8
_OTHER = "="
_UNDO_ENTRIES_AT_ONCE = 16


class Row(NamedTuple):
    """A number of a file: in E.164 form, when it opted out (milliseconds since 1970), its row in the file."""

    number: str
    at: int
    row: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One import: what its rows have in common.

    id: its name in the journal. scope, channels: what it blocks. dry_run: only say what would come of it.
    """

    id: str
    scope: Scope
    channels: tuple[Channel, ...] = ALL_CHANNELS
    source: Source = Source.IMPORT
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Undone:
    """How far an undo is: numbers lifted, numbers left because something has changed since, entries done and all."""

    lifted: int
    kept: int
    entries: int
    of_entries: int


class Exported(NamedTuple):
    """One opt-out of a list. record: None when its details are missing, which `verify` would report."""

    number: str
    scope: Scope
    channel: Channel
    record: Record | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question about a block of numbers that is under way."""

    size: int
    groups: Sequence[tuple[int, list[int]]]
    spread: Spread | None = None


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


class BulkStore:
    """Opt-outs by the thousand."""

    def __init__(self, topology: Topology, functions: Functions) -> None:
        self._topology = topology
        self._functions = functions

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
        buckets: dict[str, list[int]] = {}
        for index, number in enumerate(numbers):
            # What is not a number (a short code) is a bucket of its own here.
            bucket = number[-4:] if len(number) >= _SHORTEST and number[0] == "+" else _OTHER + number
            buckets.setdefault(bucket, []).append(index)
        places = {bucket: place_of(numbers[indexes[0]]) for bucket, indexes in buckets.items()}
        used = self._used_scopes({place.shard for place in places.values()}, scopes, channel)
        groups: list[tuple[int, list[int]]] = []
        commands: list[tuple[str, tuple[Any, ...]]] = []
        for bucket, indexes in buckets.items():
            place = places[bucket]
            other = bucket[0] == _OTHER
            members = [place.gate_member] if other else [numbers[index][1:-4] for index in indexes]
            for position in used[place.shard]:
                key = keys.gate(place, scopes[position], channel)
                commands.append((key, ("SMISMEMBER", key, *members)))
                groups.append((position + 1, indexes))
        with store_errors():
            return _Asked(len(numbers), groups, Spread(self._topology, commands) if commands else None)

    def _used_scopes(
        self, shards: Collection[str], scopes: Sequence[Scope], channel: Channel
    ) -> dict[str, tuple[int, ...]]:
        """The positions of the scopes that ever had a member, by shard: the others are not worth a question.

        The counts are written in the same step as the gate index and are in the same slot.
        """
        fields = [f"{channel}:{scope.key}" for scope in scopes]
        commands = [(keys.members(shard), ("HMGET", keys.members(shard), *fields)) for shard in shards]
        if not commands:
            return {}
        answers = self._read(commands)
        return {
            shard: tuple(position for position, count in enumerate(counts) if count is not None)
            for shard, counts in zip(shards, answers, strict=True)
        }

    def _read(self, commands: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        with store_errors():
            spread = Spread(self._topology, commands)
        return self._answers(spread)

    @staticmethod
    def _answers(spread: Spread) -> list[Any]:
        with store_errors():
            answers = spread.answers()
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    def _told(self, asked: _Asked) -> list[int]:
        found = [0] * asked.size
        if asked.spread is None:
            return found
        for (scope, indexes), flags in zip(asked.groups, self._answers(asked.spread), strict=True):
            if 1 in flags:
                for index, flag in zip(indexes, flags if len(flags) > 1 else flags * len(indexes), strict=True):
                    # Widest scope first: groups of one bucket come in the order of the scopes.
                    if flag and not found[index]:
                        found[index] = scope
        return found

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
        under_way: tuple[Sequence[_Part], Any] | None = None
        for parts in self._rounds(rows, fresh_flags(batch.channels)):
            calls = [self._call(batch, block, part, rows) for part in parts]
            if under_way is not None:
                self._note(outcomes, *under_way)
            under_way = (parts, self._functions.start(calls))
        if under_way is not None:
            self._note(outcomes, *under_way)
        return bytes(outcomes)

    @staticmethod
    def _note(outcomes: bytearray, parts: Sequence[_Part], started: Any) -> None:
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
        for position in sorted(range(len(rows)), key=backwards.__getitem__):
            shard = rows[position].number[-2:]
            if part is None or part.shard != shard or len(part.positions) == ROWS_PER_CALL:
                if part is not None:
                    yield part
                part = _Part(shard, flags)
            part.add(position, rows[position])
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
        header = {
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

    def all_blocked(self, wanted: Callable[[Scope], bool]) -> Iterator[Exported]:
        """Every opt-out of the scopes that are wanted, a shard at a time, unsorted. Raises StoreError."""
        for shard in keys.SHARDS:
            for (channel, scope), count in sorted(self.members(shard).items()):
                if count and wanted(scope):
                    yield from self._blocked_in(shard, channel, scope)

    def members(self, shard: str) -> dict[tuple[Channel, Scope], int]:
        """How many numbers of a shard each scope blocks, also the scopes that blocked some once. Raises StoreError."""
        name = keys.members(shard)
        (fields,) = self._read([(name, ("HGETALL", name))])
        rows = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
        found = {}
        for field, count in rows:
            channel, _, scope = field.decode().partition(":")
            found[Channel(channel), Scope.parse(scope)] = int(count)
        return found

    def _blocked_in(self, shard: str, channel: Channel, scope: Scope) -> Iterator[Exported]:
        buckets = [*(f"{high:02d}{shard}" for high in range(100)), "other"]
        names = [f"{{{shard}}}:gate:{channel}:{scope.key}:{bucket}" for bucket in buckets]
        answers = self._read([(name, ("SMEMBERS", name)) for name in names])
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
            for group, values in zip(groups.values(), self._read(commands), strict=True):
                for index, value in zip(group, values, strict=True):
                    found[index] = value
        return found

    def finish(self, batch_id: str) -> None:
        """Forget what only a running import needs. Raises StoreError."""
        for shard in keys.SHARDS:
            names = [keys.import_mark(shard, batch_id)]
            names += [keys.import_seen(shard, batch_id, f"{high:02d}{shard}") for high in range(100)]
            self._read([(names[0], ("UNLINK", *names))])

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
            for call in self._undo_calls(some, batch_id, scope, source, at, detail):
                (answer,) = self._functions.start([call]).answers()
                counts = json.loads(answer)
                lifted, kept = lifted + counts["lifted"], kept + counts["kept"]
            yield Undone(lifted, kept, start + len(some), len(waiting))

    def _entries(self, shard: str, batch_id: str) -> list[str]:
        key, found, cursor = keys.batch(shard, batch_id), [], b"0"
        while True:
            ((cursor, fields),) = self._read([(key, ("HSCAN", key, cursor, "COUNT", 500))])
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
        answers = self._read(commands)
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
            yield "sg_undo", names, arguments


def _keys_of(place: Place, scope: Scope) -> list[str]:
    return [*(keys.gate(place, scope, channel) for channel in ALL_CHANNELS), keys.details(place, scope)]
