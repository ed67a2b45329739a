"""Reading the packed details of an opt-out. functions/stopgate.lua writes them and describes the layout."""

from collections.abc import Mapping
from dataclasses import dataclass

from store.scopes import ALL_CHANNELS, Channel

_BIT = {Channel.TEXT: 1, Channel.VOICE: 2}
_BLOCKED, _HAS_LATEST = 4, 8
_BASE, _LATEST = 15, 6


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


def unpack(value: bytes | None) -> Mapping[Channel, Record]:
    """The records of a details value, by channel; empty for None."""
    records: dict[Channel, Record] = {}
    position = 0
    value = value or b""
    while position < len(value):
        header = value[position]
        since = int.from_bytes(value[position + 1 : position + 7])
        milliseconds = int.from_bytes(value[position + 7 : position + 13])
        sequence = int.from_bytes(value[position + 13 : position + 15])
        position += _BASE
        latest = since
        if header & _HAS_LATEST:
            latest = int.from_bytes(value[position : position + _LATEST])
            position += _LATEST
        record = Record(bool(header & _BLOCKED), header >> 4, since, latest, f"{milliseconds}-{sequence}")
        records.update({channel: record for channel in ALL_CHANNELS if header & _BIT[channel]})
    return records
