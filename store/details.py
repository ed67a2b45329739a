"""The packed details of an opt-out. functions/stopgate.lua writes them and describes the layout; this is the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.scopes import ALL_CHANNELS, Channel

_BIT = {Channel.TEXT: 1, Channel.VOICE: 2}
_BLOCKED, _HAS_LATEST, _SHORT = 4, 8, 128
_SHORT_SIZE, _LONG_SIZE, _LATEST_SIZE = 10, 15, 6
_SOURCES = 8
_EPOCH_2020 = 1_577_836_800_000
_MOST_SECONDS, _MOST_AFTER_2020 = 2**32, 2**40


@dataclass(frozen=True, slots=True)
class Record:
    """The state of one number, scope and channel.

    Args:
        blocked: True for an opt-out, False for one that was lifted (kept, because its time still counts).
        source: code of who brought it, see store.consent.Source.
        since: when it happened, milliseconds since 1970.
        latest: newest event of the same kind; equal to `since` in most records.
        event: id of the journal entry.
    """

    blocked: bool
    source: int
    since: int
    latest: int
    event: str


def short_head(channels: Sequence[Channel], source: int, at: int) -> bytes:
    """The short form of a new opt-out without its event, the last five bytes; b"" when the time needs the long form."""
    seconds, rest = divmod(at, 1000)
    if rest or seconds >= _MOST_SECONDS:
        return b""
    mask = sum(_BIT[channel] for channel in channels)
    return bytes([mask | source % _SOURCES << 4 | _BLOCKED | _SHORT]) + seconds.to_bytes(4)


def unpack(value: bytes | None) -> dict[Channel, Record]:
    """The records of a details value, by channel; empty for None."""
    records: dict[Channel, Record] = {}
    position = 0
    value = value or b""
    while position < len(value):
        header = value[position]
        if header & _SHORT:
            since = int.from_bytes(value[position + 1 : position + 5]) * 1000
            event = f"{int.from_bytes(value[position + 5 : position + 10]) + _EPOCH_2020}-0"
            position += _SHORT_SIZE
        else:
            since = int.from_bytes(value[position + 1 : position + 7])
            sequence = int.from_bytes(value[position + 13 : position + 15])
            event = f"{int.from_bytes(value[position + 7 : position + 13])}-{sequence}"
            position += _LONG_SIZE
        latest = since
        if header & _HAS_LATEST:
            latest = int.from_bytes(value[position : position + _LATEST_SIZE])
            position += _LATEST_SIZE
        record = Record(bool(header & _BLOCKED), header >> 4 & 7 or _SOURCES, since, latest, event)
        records.update({channel: record for channel in ALL_CHANNELS if header & _BIT[channel]})
    return records


def pack(records: Mapping[Channel, Record]) -> bytes:
    """The details value of records: what the function library would write."""
    text, voice = records.get(Channel.TEXT), records.get(Channel.VOICE)
    if text is not None and text == voice:
        return _pack(_BIT[Channel.TEXT] | _BIT[Channel.VOICE], text)
    return b"".join(_pack(_BIT[channel], records[channel]) for channel in ALL_CHANNELS if channel in records)


def _pack(mask: int, record: Record) -> bytes:
    header = mask | record.source % _SOURCES << 4 | (_BLOCKED if record.blocked else 0)
    latest = b""
    if record.latest != record.since:
        header |= _HAS_LATEST
        latest = record.latest.to_bytes(_LATEST_SIZE)
    time, _, sequence = record.event.partition("-")
    seconds, rest = divmod(record.since, 1000)
    after = int(time) - _EPOCH_2020
    if sequence == "0" and not rest and seconds < _MOST_SECONDS and 0 <= after < _MOST_AFTER_2020:
        return bytes([header | _SHORT]) + seconds.to_bytes(4) + after.to_bytes(5) + latest
    return bytes([header]) + record.since.to_bytes(6) + int(time).to_bytes(6) + int(sequence).to_bytes(2) + latest
