"""Tables in files, a block of rows at a time, in constant memory.

A CSV file is read as Latin-1, whatever it is: that keeps every byte as it was, so that `stopgate scrub` writes back
what it read, and the columns that are looked at are ASCII in nearly all rows. `true_text` gives the text of the
others. Spreadsheets and JSON become CSV first (converting.py).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from gateway.lists.blocks import Block, Gathering, Portion
from gateway.lists.converting import converted, has_to_be_converted
from gateway.lists.encodings import BYTEWISE, encoding_of, true_text, true_texts
from gateway.lists.failing import LONGEST_LINE, MOST_COLUMNS, ListFileError

__all__ = ["Block", "ListFileError", "Table", "header_block", "open_table", "plain_copy", "true_text", "true_texts"]

ROWS_IN_BLOCK = 500_000
_CHUNK = 4_000_000
_MOST_BLANK_LINES = 1000
DELIMITERS = (",", ";", "\t", "|")
# What Excel writes and reads in front of a CSV file to say which delimiter it has.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """An open file: its first row, and what follows when its blocks are iterated over, once. Close it.

    header: the first row that is not blank, which may be data; header_row: which row of the file it is. size: of the
    file, in the unit of Block.done. encoding: how the cells are to be decoded (see `true_text`).
    """

    header: tuple[str, ...]
    header_row: int
    size: int
    delimiter: str
    newline: str
    encoding: str
    blocks: Iterator[Block] = field(repr=False)
    close: Callable[[], None] = field(repr=False)


def header_block(table: Table) -> Block:
    """The first row as data, for a table without a header. Its cells are as those of the other rows."""
    cells = table.header
    if table.encoding in BYTEWISE:
        encoding = table.encoding if table.encoding != "latin-1" else "cp1252"
        cells = tuple(cell.encode(encoding, "replace").decode("latin-1") for cell in cells)
    return Block(table.header_row, None, [cells], table.delimiter, 0)


@contextmanager
def plain_copy(path: Path) -> Iterator[Path | None]:
    """A spreadsheet or JSON as CSV, for as long as the context lasts, for `open_table`; None when it is CSV itself.

    Raises:
        ListFileError: it is no such file.
    """
    try:
        needed = has_to_be_converted(path)
    except OSError as error:
        raise ListFileError(f"{path.name} cannot be read: {error.strerror}.") from None
    if not needed:
        yield None
        return
    with converted(path) as plain:
        yield plain


def open_table(
    path: Path, rows_in_block: int = ROWS_IN_BLOCK, delimiter: str | None = None, *, copy: Path | None = None
) -> Table:
    """Open a CSV file, a spreadsheet (its first sheet with rows) or the JSON that a carrier's API answers.

    Args:
        path: the file. What it is is seen from what is in it.
        rows_in_block: most rows of a block; the same file and number give the same blocks each time.
        delimiter: between the cells of a CSV file; guessed, when left out.
        copy: the file as CSV, where that was made already (`plain_copy`).

    Raises:
        ListFileError: it is no such file. Iterating raises it too, for a file that is broken further down.
    """
    try:
        if copy is not None:
            return _open_csv(copy, path.name, rows_in_block, ",")
        if has_to_be_converted(path):
            with converted(path) as plain:
                return _open_csv(plain, path.name, rows_in_block, ",")
        return _open_csv(path, path.name, rows_in_block, delimiter)
    except OSError as error:
        raise ListFileError(f"{path.name} cannot be read: {error.strerror}.") from None
    except UnicodeError as error:
        raise _not_as_it_begins(error) from None


def _open_csv(path: Path, name: str, rows_in_block: int, delimiter: str | None) -> Table:
    with path.open("rb") as file:
        encoding, skip = encoding_of(file.read(_CHUNK))
    stream = path.open(encoding="latin-1" if encoding in BYTEWISE else encoding, newline="")
    try:
        stream.read(skip)
        row, first, delimiter = _first_row(stream, name, delimiter)
        header = [true_text(cell, encoding) for cell in _header(stream, first, delimiter, name)]
        _refuse_binary(header, name)
    except BaseException:
        stream.close()
        raise
    size = path.stat().st_size
    blocks = _numbered(_csv_rows(stream, delimiter), Gathering(rows_in_block, delimiter, row + 1), stream, size)
    newline = "\r\n" if first.endswith("\r\n") else "\n"
    return Table(tuple(header), row, size, delimiter, newline, encoding, blocks, stream.close)


def _first_row(stream: TextIO, name: str, delimiter: str | None) -> tuple[int, str, str]:
    """The first row with something in it: which one, its text, the delimiter."""
    for row in range(1, _MOST_BLANK_LINES):
        line = stream.readline(LONGEST_LINE)
        if not line:
            break
        if len(line) == LONGEST_LINE:
            raise ListFileError(f"The first line of {name} has more than {LONGEST_LINE} characters.")
        if said := _SEPARATOR_LINE.fullmatch(line):
            delimiter = delimiter or said.group(1)
        elif line.strip(f"{''.join(DELIMITERS)} \r\n") or len(line) > MOST_COLUMNS:
            return row, line, delimiter or max(DELIMITERS, key=line.count)
    raise ListFileError(f"{name} is empty.")


def _header(stream: TextIO, first: str, delimiter: str, name: str) -> list[str]:
    if first.count(delimiter) > MOST_COLUMNS:
        raise ListFileError(f"{name} has more than {MOST_COLUMNS} columns.")
    while first.count('"') % 2 and (more := stream.readline(LONGEST_LINE)):
        first += more
        if len(first) > LONGEST_LINE // 16:
            raise ListFileError(f"A quotation mark in the first row of {name} is not closed.")
    try:
        return next(csv.reader(io.StringIO(first, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ListFileError(f"The first row of {name} cannot be read: {error}.") from None


def _refuse_binary(header: Sequence[str], name: str) -> None:
    if any(unicodedata.category(character) == "Cc" and character not in "\t\r\n" for character in "".join(header)):
        raise ListFileError(f"{name} is no text file. Save the list as CSV or as a spreadsheet.")


def _csv_rows(stream: TextIO, delimiter: str) -> Iterator[Portion]:
    """Rows in the portions in which they are read: as lines for as long as nothing is quoted, then as cells."""
    carried = ""
    while chunk := stream.read(_CHUNK):
        text = carried + chunk
        if '"' in text:
            yield from _quoted_rows(iter(io.StringIO(text, newline="")), stream, delimiter)
            return
        whole, newline, carried = text.rpartition("\n")
        if len(carried) > LONGEST_LINE:
            raise _too_long()
        if newline:
            yield _lines(whole), []
    if carried:
        yield _lines(carried), []


def _lines(text: str) -> list[str]:
    if "\r" in text:
        text = text.replace("\r\n", "\n").rstrip("\r").replace("\r", "\n")
    return text.split("\n")


def _quoted_rows(read: Iterator[str], stream: TextIO, delimiter: str) -> Iterator[Portion]:
    reader = csv.reader(_joined(read, stream), delimiter=delimiter)
    try:
        while rows := list(islice(reader, 50_000)):
            yield None, [row or [""] for row in rows]
    except csv.Error as error:
        raise ListFileError(f"Line {reader.line_num} cannot be read: {error}.") from None


def _joined(read: Iterator[str], stream: TextIO) -> Iterator[str]:
    """The lines that were read already and then the rest; the last of the former may end in the latter."""
    last = ""
    for line in read:
        if last:
            yield last
        last = line
    while line := stream.readline(LONGEST_LINE + 1):
        if last and not last.endswith(("\n", "\r")):
            line, last = last + line, ""
        elif last:
            yield last
            last = ""
        if len(line) > LONGEST_LINE:
            raise _too_long()
        yield line
    if last:
        yield last


def _too_long() -> ListFileError:
    return ListFileError(f"A line has more than {LONGEST_LINE} characters.")


def _not_as_it_begins(error: UnicodeError) -> ListFileError:
    return ListFileError(f"The file is not what its first bytes say ({error}).")


def _numbered(portions: Iterator[Portion], gathering: Gathering, stream: TextIO, size: int) -> Iterator[Block]:
    """Blocks of a fixed number of rows."""
    try:
        for portion in portions:
            gathering.add(portion)
            yield from gathering.full_blocks(min(size, _position(stream)))
        yield from gathering.last_block(size)
    except UnicodeError as error:
        raise _not_as_it_begins(error) from None
    finally:
        stream.close()


def _position(stream: TextIO) -> int:
    raw: Any = stream
    return int(raw.buffer.tell())
