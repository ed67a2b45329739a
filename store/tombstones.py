"""What stays of a journal entry when its number is erased: time, kind, scope, outcome; no number and no words (GD-4).

The entry keeps its id and its place, so that the entries around it, and the state that follows from them, stay what
they were. The rows of an import are several hundred people's: the one row moves into the field `erased` of its
entry, with the pseudonym where the number was.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from store.journal import PackedRow, is_packed, rows_of, unpack_rows

Fields = Mapping[bytes, bytes]

_KEPT_DETAILS = (
    *("rule", "certainty", "sender", "carrier", "service", "carrier_action", "actor", "code", "decision", "erased"),
)
"""What may stay of an entry's detail: whose rule or click it was, and our own sender; nothing that the person wrote."""

_NUMBER_AT = slice(1, 7)


def bare(detail: Mapping[str, Any]) -> dict[str, Any]:
    """A detail without the person's words, and without what leads to them."""
    return {name: detail[name] for name in _KEPT_DETAILS if name in detail}


class Tombstones:
    """Writes the entries of one number anew, as entries of its pseudonym."""

    def __init__(self, address: str, pseudonym: str, shard: str, erased_at: str) -> None:
        self._address = address
        self._pseudonym = pseudonym
        self._shard = shard
        self._erased_at = erased_at
        self._in_rows = int(address[1:-2]).to_bytes(6) if address[:1] == "+" else None
        self.messages: list[str] = []
        self.batches: set[str] = set()
        self.written = 0

    def of(self, fields: Fields) -> Fields:
        """An entry without the number: the very same when it is about other numbers only."""
        if is_packed(fields):
            return self._packed(fields)
        if fields.get(b"number", b"").decode() != self._address:
            return fields
        detail = json.loads(fields.get(b"detail", b"{}"))
        if detail.get("message"):
            self.messages.append(str(detail["message"]))
        self.written += 1
        kept = json.dumps({**bare(detail), "erased": self._erased_at}, ensure_ascii=False)
        return {**fields, b"number": self._pseudonym.encode(), b"detail": kept.encode()}

    def about_pseudonym(self, fields: Fields) -> Fields | None:
        """What an entry says of the pseudonym only; None when it does not name it."""
        if not is_packed(fields):
            return fields if fields.get(b"number", b"").decode() == self._pseudonym else None
        if self._pseudonym.encode() not in fields.get(b"erased", b""):
            return None
        rows = [row for row in rows_of(fields, self._shard) if row.number == self._pseudonym]
        self.batches.add(fields[b"batch"].decode())
        return {**fields, b"rows": b"", b"erased": self._erased(rows)}

    def _packed(self, fields: Fields) -> Fields:
        if self._in_rows is None or self._in_rows not in fields[b"rows"]:
            return fields
        others: list[bytes] = []
        mine: list[PackedRow] = []
        for row in unpack_rows(fields[b"rows"], self._shard):
            if row.number == self._address:
                mine.append(row)
            else:
                others.append(row.packed)
        if not mine:
            return fields
        self.written += 1
        return {**fields, b"rows": b"".join(others), b"erased": fields.get(b"erased", b"") + self._erased(mine)}

    def _erased(self, rows: Sequence[PackedRow]) -> bytes:
        name = self._pseudonym.encode()
        without = (_without_number(row.packed) for row in rows)
        return b"".join(bytes([len(name)]) + name + row for row in without)


def _without_number(packed: bytes) -> bytes:
    row = bytearray(packed)
    row[_NUMBER_AT] = bytes(6)
    return bytes(row)
