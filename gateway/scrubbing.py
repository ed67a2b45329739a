"""Scrubbing lists: which numbers of a file may be texted, the same file with two more columns."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.account_scopes import every_scope_of, scopes_for
from gateway.lists.columns import Columns, guess_columns
from gateway.lists.converting import has_to_be_converted
from gateway.lists.encodings import BYTEWISE, encoding_of
from gateway.lists.reading import Block, Table, header_block, open_table, true_texts
from gateway.normalising import Normaliser
from store import Store
from store.directory import Account
from store.scopes import Channel, Scope

ADDED = ("allowed", "reason")
_ROWS_IN_BLOCK = 200_000
_ROWS_IN_PIECE = 50_000
_LOOKED_AT = 4_000_000


@dataclass(frozen=True, slots=True)
class ScrubOrder:
    """How a list is to be scrubbed: for whom, for which sender, audience and channel, and where its numbers are."""

    account: Account
    sender: str | None = None
    audience: str | None = None
    channel: Channel = Channel.TEXT
    phone: str | None = None
    default_country: str | None = None

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that may block a number of the list."""
        if self.sender is None and self.audience is None and self.channel is Channel.VOICE:
            # A call comes from no sender of ours: whoever told one of them to stop is not called (as Consent.check).
            return every_scope_of(self.account)
        return scopes_for(self.account, self.sender, self.audience)


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """How far it is: rows by what was said of them (allowed, opted_out, invalid); done and size of the file."""

    counts: Counter[str]
    done: int
    size: int


def encoding_of_result(source: Path) -> str:
    """How what `scrub` writes of a list has to be encoded: a CSV file's bytes are kept."""
    with source.open("rb") as file:
        encoding, _ = encoding_of(file.read(_LOOKED_AT))
    # What is read byte by byte is written byte by byte.
    bytewise = encoding in BYTEWISE or has_to_be_converted(source)
    return "latin-1" if bytewise else encoding


def scrubbed_pieces(store: Store, order: ScrubOrder, source: Path) -> Iterator[bytes]:
    """`scrub` as the bytes of the result, a block at a time. Raises as it does."""
    encoder = codecs.getincrementalencoder(encoding_of_result(source))("replace")
    buffer = io.StringIO(newline="")
    for _ in scrub(store, order, source, buffer, rows_in_block=_ROWS_IN_PIECE):
        yield encoder.encode(buffer.getvalue())
        buffer.seek(0)
        buffer.truncate()


def scrub(
    store: Store, order: ScrubOrder, source: Path, target: IO[str], *, rows_in_block: int = _ROWS_IN_BLOCK
) -> Iterator[Scrubbed]:
    """Write a list again with the columns `allowed` (yes or no) and `reason`; yields after each block.

    Args:
        store: where the opt-outs are.
        order: see there.
        source: CSV or a spreadsheet.
        target: open for writing with newline="" and the encoding that `encoding_of_result` says.
        rows_in_block: most rows in memory at a time.

    Raises:
        ListFileError: the file cannot be used.
        StoreError: the rest of the list is unknown; what was written is right.
    """
    with closing(open_table(source, rows_in_block)) as table:
        yield from _scrub(store, order, table, target)


def _scrub(store: Store, order: ScrubOrder, table: Table, target: IO[str]) -> Iterator[Scrubbed]:
    normaliser = Normaliser(order.default_country or order.account.default_country or None)
    columns = guess_columns(table, normaliser, phone=order.phone)
    counts: Counter[str] = Counter()
    waiting: list[tuple[Block, Sequence[str], list[int]]] = []

    def numbers() -> Iterator[Sequence[str]]:
        for block in _all_rows(table, columns):
            cells = true_texts(block.column(columns.number), table.encoding)
            found: Sequence[str] = normaliser.column(cells)
            # A problem is a str too, that does not begin with "+".
            good = [index for index, number in enumerate(found) if number[0] == "+"]
            waiting.append((block, found, good))
            yield found if len(good) == len(found) else [found[index] for index in good]

    if columns.has_header:
        target.write(_line([*table.header, *ADDED], table))
    reasons = ["yes,", *(f"no,opted_out ({scope.kind.value})" for scope in order.scopes)]
    for blocked in store.bulk.check_blocks(numbers(), order.scopes, order.channel):
        block, found, good = waiting.pop(0)
        words = _words(found, good, blocked, reasons)
        _write(target, table, block, words)
        hits = sum(map(bool, blocked))
        counts.update(allowed=len(good) - hits, opted_out=hits, invalid=len(found) - len(good))
        yield Scrubbed(counts, block.done, table.size)
    yield Scrubbed(counts, table.size, table.size)


def _all_rows(table: Table, columns: Columns) -> Iterator[Block]:
    if not columns.has_header:
        yield header_block(table)
    yield from table.blocks


def _words(found: Sequence[str], good: Sequence[int], blocked: Sequence[int], reasons: Sequence[str]) -> list[str]:
    """The two new cells of each row, with a comma between them."""
    if len(good) == len(found):
        return [reasons[code] for code in blocked]
    words = [f"no,invalid ({number})" for number in found]
    for index, code in zip(good, blocked, strict=True):
        words[index] = reasons[code]
    return words


def _write(target: IO[str], table: Table, block: Block, words: Sequence[str]) -> None:
    delimiter, newline = table.delimiter, table.newline
    if delimiter != ",":
        words = [word.replace(",", delimiter) for word in words]
    if block.lines is not None:
        target.write(newline.join([line + delimiter + word for line, word in zip(block.lines, words, strict=True)]))
        target.write(newline)
        return
    for row, word in zip(block.cells, words, strict=True):
        target.write(_line([*row, *word.split(delimiter)], table))


def _line(cells: Sequence[str], table: Table) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=table.delimiter, lineterminator=table.newline).writerow(cells)
    return buffer.getvalue()
