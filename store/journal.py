"""Journal entries: one event of one person, or one call of an import with hundreds of packed rows.

functions/bulk.lua describes the packed rows; this is the same.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from itertools import islice
from typing import Any, NamedTuple

from store.addresses import is_number, is_pseudonym, shard_of
from store.details import unpack
from store.scopes import Channel


class Source(IntEnum):
    """Who brought an opt-out. The numbers stand in packed details: add, never change; eight at most."""

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


ROW_OUTCOMES = {
    1: "opted_out",
    2: "strengthened",
    3: "refreshed",
    4: "already",
    5: "stronger_kept",
    6: "stale",
    7: "duplicate",
    8: "undone",
}
"""Outcome codes of packed rows and of sg_import's answer."""

_NEWLY = {Channel.TEXT: 16, Channel.VOICE: 32}
_HAS_PRIOR = 64
ROW_SIZE = 17
"""Bytes of a packed row without what was there before."""


class PackedRow(NamedTuple):
    """One row of a packed journal entry.

    newly: the channels that it blocked (for an undo: lifted). prior: the details value before, if there was one.
    """

    number: str
    row: int
    at: int
    outcome: str
    newly: tuple[Channel, ...]
    prior: bytes
    packed: bytes


def fresh_flags(channels: Sequence[Channel]) -> int:
    """The first byte of a packed row whose number is newly opted out in all channels of its import."""
    return 1 + sum(_NEWLY[channel] for channel in channels)


def pack_row(number: str, row: int, at: int, flags: int) -> bytes:
    """A row as sg_import takes it: the number, its row in the file, milliseconds since 1970, see `fresh_flags`."""
    return (((flags << 48 | int(number[1:-2])) << 32 | row) << 48 | at).to_bytes(ROW_SIZE)


def unpack_rows(data: bytes, shard: str) -> Iterator[PackedRow]:
    """The rows of a packed journal entry of a shard, in their order."""
    return _rows_from(data, 0, shard)


def _first_row(data: bytes, position: int, shard: str) -> Iterator[PackedRow]:
    return islice(_rows_from(data, position, shard), 1)


def _rows_from(data: bytes, position: int, shard: str) -> Iterator[PackedRow]:
    while position < len(data):
        flags, start = data[position], position
        number = int.from_bytes(data[position + 1 : position + 7])
        row = int.from_bytes(data[position + 7 : position + 11])
        at = int.from_bytes(data[position + 11 : position + 17])
        position += ROW_SIZE
        prior = b""
        if flags & _HAS_PRIOR:
            end = position + 1 + data[position]
            prior, position = data[position + 1 : end], end
        newly = tuple(channel for channel, bit in _NEWLY.items() if flags & bit)
        yield PackedRow(f"+{number}{shard}", row, at, ROW_OUTCOMES[flags & 15], newly, prior, data[start:position])


def rows_about(data: bytes, number: str) -> list[PackedRow]:
    """The rows of a packed journal entry that are about one number; the others are only stepped over."""
    wanted, shard, position, found = int(number[1:-2]).to_bytes(6), number[-2:], 0, b""
    while position < len(data):
        start, position = position, position + ROW_SIZE
        if data[start] & _HAS_PRIOR:
            position += 1 + data[position]
        if data[start + 1 : start + 7] == wanted:
            found += data[start:position]
    return list(unpack_rows(found, shard))


def rows_of(fields: Mapping[bytes, bytes], shard: str) -> Iterator[PackedRow]:
    """The rows of a packed entry: those with numbers, then those of erased numbers, with pseudonyms (tombstones.py)."""
    yield from unpack_rows(fields[b"rows"], shard)
    data, position = fields.get(b"erased", b""), 0
    while position < len(data):
        size = data[position]
        pseudonym = data[position + 1 : position + 1 + size].decode()
        (row,) = _first_row(data, position + 1 + size, shard)
        yield row._replace(number=pseudonym)
        position += 1 + size + len(row.packed)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One consent event of one number, as it was recorded.

    detail: who, by which words, matched by which rule, which message; what the caller knew (G6). For a row of an
    import: the batch and the row. previous: ids of the entries before it, in the same journal.
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


def is_packed(fields: Mapping[bytes, bytes]) -> bool:
    """True for an entry that holds the rows of an import or of its undo."""
    return b"rows" in fields


def entry_from(entry_id: str, fields: Mapping[bytes, bytes]) -> JournalEntry:
    """The entry of a stream that is one event of one number."""
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


def entries_of(address: str, entry_id: str, fields: Mapping[bytes, bytes]) -> list[JournalEntry]:
    """What a stream's entry says about one number: its one event, or its rows in an import or an undo."""
    if not is_packed(fields):
        return [entry_from(entry_id, fields)]
    if is_number(address):
        return [_entry_of_row(entry_id, fields, row) for row in rows_about(fields[b"rows"], address)]
    rows = rows_of(fields, shard_of(address))
    return [_entry_of_row(entry_id, fields, row) for row in rows if row.number == address]


def every_entry_of(shard: str, entry_id: str, fields: Mapping[bytes, bytes]) -> list[JournalEntry]:
    """What a stream's entry says, about every number in it: one, or those of the rows of an import or an undo.

    Numbers that were erased are left out: nobody is to be told anything of them.
    """
    if is_packed(fields):
        return [_entry_of_row(entry_id, fields, row) for row in unpack_rows(fields[b"rows"], shard)]
    entry = entry_from(entry_id, fields)
    return [] if is_pseudonym(entry.number) else [entry]


def _entry_of_row(entry_id: str, fields: Mapping[bytes, bytes], row: PackedRow) -> JournalEntry:
    undo = fields[b"kind"] == b"undo"
    previous = {record.event: None for record in unpack(row.prior).values()}
    detail = {"batch": fields[b"batch"].decode(), "row": row.row, **json.loads(fields.get(b"detail", b"{}"))}
    return JournalEntry(
        id=entry_id,
        number=row.number,
        kind="lift" if undo else "opt_out",
        scope=fields[b"scope"].decode(),
        channels=tuple(row.newly) if undo else tuple(fields[b"channels"].decode().split(",")),
        source=Source(int(fields[b"source"])).label,
        outcome=row.outcome,
        occurred_at=moment(row.at),
        recorded_at=moment(entry_id.partition("-")[0]),
        previous=(fields[b"undoes"].decode(),) if undo else tuple(previous),
        detail=detail,
    )
