"""Tables in files, a block of rows at a time: CSV in constant memory, spreadsheets through python-calamine.

A CSV file is read as Latin-1, whatever it is: that keeps every byte as it was, so that `stopgate scrub` writes back
what it read, and the columns that are looked at are ASCII in nearly all rows. `Block.cell` gives the true text of
the others.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from python_calamine import CalamineError, CalamineWorkbook

from gateway.errors import GatewayError

ROWS_IN_BLOCK = 250_000
_CHUNK = 4_000_000
_LONGEST_LINE = 16_000_000
_MOST_COLUMNS = 1000
_MOST_UNPACKED = 4_000_000_000
_DELIMITERS = (",", ";", "\t", "|")
_SPREADSHEETS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}


class ListFileError(GatewayError):
    """A file that cannot be read as a list; the text says why."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a table.

    first_row: the row of the file that rows[0] is, counting from 1 with the header. lines: the rows as they stand in
    the file, when they do so on one line each. done: how much of the file has been read, in the table's `size`.
    """

    first_row: int
    rows: Sequence[Sequence[str]]
    lines: Sequence[str] | None
    done: int

    def column(self, index: int) -> list[str]:
        """The cells of one column, "" where a row is too short."""
        try:
            cells = [row[index] for row in self.rows]
        except IndexError:
            cells = [row[index] if index < len(row) else "" for row in self.rows]
        return cells


@dataclass(frozen=True, slots=True)
class Table:
    """An open file: its first row, and what follows when it is iterated over, once.

    header: the first row, which may be data. size: of the file, in the unit of Block.done. encoding: how the cells
    of a CSV file are to be decoded (see `true_text`).
    """

    header: tuple[str, ...]
    size: int
    delimiter: str
    newline: str
    encoding: str
    blocks: Iterator[Block] = field(repr=False)


def true_text(cell: str, encoding: str) -> str:
    """The text of a cell that was read as Latin-1."""
    if cell.isascii() or encoding != "utf-8":
        return cell
    return cell.encode("latin-1").decode("utf-8", "replace")


def open_table(path: Path, rows_in_block: int = ROWS_IN_BLOCK) -> Table:
    """Open a CSV file or a spreadsheet (its first sheet).

    Args:
        path: the file.
        rows_in_block: most rows of a block; the same file and number give the same blocks each time.

    Raises:
        ListFileError: it is no such file. Iterating raises it too, for a file that is broken further down.
    """
    try:
        if path.suffix.lower() in _SPREADSHEETS:
            return _open_spreadsheet(path, rows_in_block)
        return _open_csv(path, rows_in_block)
    except OSError as error:
        raise ListFileError(f"{path} cannot be read: {error.strerror}.") from None


def _open_csv(path: Path, rows_in_block: int) -> Table:
    with path.open("rb") as file:
        start = file.read(_CHUNK)
    if start[:4] == b"PK\x03\x04":
        raise ListFileError(f"{path.name} is a spreadsheet or an archive: give it its true ending (.xlsx).")
    encoding, skip = _encoding_of(start)
    stream = path.open(encoding="latin-1" if encoding == "utf-8" else encoding, newline="")
    if skip:
        stream.read(skip)
    first = stream.readline(_LONGEST_LINE)
    if not first.strip():
        stream.close()
        raise ListFileError(f"{path.name} is empty.")
    delimiter = max(_DELIMITERS, key=first.count)
    if first.count(delimiter) > _MOST_COLUMNS:
        stream.close()
        raise ListFileError(f"{path.name} has more than {_MOST_COLUMNS} columns.")
    while first.count('"') % 2 and (more := stream.readline(_LONGEST_LINE)):
        first += more
    header = next(csv.reader(io.StringIO(first, newline=""), delimiter=delimiter))
    header = [true_text(cell, encoding) for cell in header]
    size = path.stat().st_size
    blocks = _numbered(_csv_rows(stream, delimiter), rows_in_block, stream, size)
    newline = "\r\n" if first.endswith("\r\n") else "\n"
    return Table(tuple(header), size, delimiter, newline, encoding, blocks)


def _encoding_of(start: bytes) -> tuple[str, int]:
    """How a file is encoded, and how many characters of it are a mark of that."""
    if start[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16", 0
    if start[:3] == b"\xef\xbb\xbf":
        return "utf-8", 3
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return ("utf-8", 0) if error.start > len(start) - 4 else ("latin-1", 0)
    return "utf-8", 0


_Rows = tuple[list[list[str]], list[str] | None]


def _csv_rows(stream: TextIO, delimiter: str) -> Iterator[_Rows]:
    """Rows in the portions in which they are read, with their lines as long as nothing is quoted."""
    carried = ""
    while chunk := stream.read(_CHUNK):
        text = carried + chunk
        if '"' in text:
            yield from _quoted_rows(chain(io.StringIO(text, newline=""), ()), stream, delimiter)
            return
        whole, newline, carried = text.rpartition("\n")
        if len(carried) > _LONGEST_LINE:
            raise ListFileError(f"A line has more than {_LONGEST_LINE} characters.")
        if newline:
            yield _plain_rows(whole, delimiter)
    if carried:
        yield _plain_rows(carried, delimiter)


def _plain_rows(text: str, delimiter: str) -> _Rows:
    if "\r" in text:
        text = text.replace("\r\n", "\n").rstrip("\r").replace("\r", "\n")
    lines = text.split("\n")
    return [line.split(delimiter) for line in lines], lines


def _quoted_rows(read: Iterator[str], stream: TextIO, delimiter: str) -> Iterator[_Rows]:
    reader = csv.reader(_joined(read, stream), delimiter=delimiter)
    try:
        while rows := list(islice(reader, 50_000)):
            yield [row or [""] for row in rows], None
    except csv.Error as error:
        raise ListFileError(f"Line {reader.line_num} cannot be read: {error}.") from None


def _joined(read: Iterator[str], stream: TextIO) -> Iterator[str]:
    """The lines that were read already and then the rest; the last of the former may end in the latter."""
    last = ""
    for line in read:
        if last:
            yield last
        last = line
    for line in stream:
        if last and not last.endswith(("\n", "\r")):
            line, last = last + line, ""
        elif last:
            yield last
            last = ""
        if len(line) > _LONGEST_LINE:
            raise ListFileError(f"A line has more than {_LONGEST_LINE} characters.")
        yield line
    if last:
        yield last


def _numbered(portions: Iterator[_Rows], rows_in_block: int, stream: TextIO, size: int) -> Iterator[Block]:
    """Blocks of a fixed number of rows. Empty rows at the end of a file are not rows."""
    row = 2
    rows: list[list[str]] = []
    lines: list[str] | None = []
    try:
        for more, more_lines in portions:
            rows += more
            lines = lines + more_lines if lines is not None and more_lines is not None else None
            while len(rows) > rows_in_block:
                done = min(size, _position(stream))
                yield Block(row, rows[:rows_in_block], lines[:rows_in_block] if lines is not None else None, done)
                row += rows_in_block
                del rows[:rows_in_block]
                lines = lines[rows_in_block:] if lines is not None else None
            if not rows:
                lines = []
        while rows and not any(cell.strip() for cell in rows[-1]):
            rows.pop()
        if rows:
            yield Block(row, rows, lines[: len(rows)] if lines is not None else None, size)
    except UnicodeError as error:
        raise ListFileError(f"The file is not what its first bytes say ({error}).") from None
    finally:
        stream.close()


def _position(stream: TextIO) -> int:
    raw: Any = stream
    return int(raw.buffer.tell())


def _open_spreadsheet(path: Path, rows_in_block: int) -> Table:
    _refuse_bomb(path)
    try:
        workbook = CalamineWorkbook.from_path(path)
        sheet = workbook.get_sheet_by_index(0)
        rows = sheet.iter_rows()
        header = next(rows, None)
    except (CalamineError, OSError, ValueError) as error:
        raise ListFileError(f"{path.name} cannot be read: {error}.") from None
    if header is None:
        raise ListFileError(f"{path.name} has no rows in its first sheet.")
    if len(header) > _MOST_COLUMNS:
        raise ListFileError(f"{path.name} has more than {_MOST_COLUMNS} columns.")
    return Table(
        tuple(map(_cell_text, header)),
        sheet.height,
        ",",
        "\n",
        "latin-1",
        _sheet_blocks(rows, rows_in_block, sheet.height),
    )


def _refuse_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > _MOST_UNPACKED:
        raise ListFileError(f"{path.name} would unpack to {unpacked / 1e9:.1f} GB.")


def _sheet_blocks(rows: Iterator[Sequence[Any]], rows_in_block: int, height: int) -> Iterator[Block]:
    first = 2
    while some := [[_cell_text(cell) for cell in row] for row in islice(rows, rows_in_block)]:
        taken = len(some)
        if taken < rows_in_block:
            while some and not any(some[-1]):
                some.pop()
        if some:
            yield Block(first, some, None, min(height, first + taken))
        first += taken


def _cell_text(cell: Any) -> str:
    """A spreadsheet's cell as it would stand in a CSV file; a number that is whole has no ".0"."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time(0):
        cell = cell.date()  # how spreadsheets keep a day
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return cell if isinstance(cell, str) else str(cell)
