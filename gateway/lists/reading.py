"""Tables in files, a block of rows at a time: CSV in constant memory, spreadsheets through python-calamine.

A CSV file is read as Latin-1, whatever it is: that keeps every byte as it was, so that `stopgate scrub` writes back
what it read, and the columns that are looked at are ASCII in nearly all rows. `Block.cell` gives the true text of
the others.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
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

    first_row: the row of the file that the first one is, counting from 1 with the header. lines: the rows as they
    stand in the file, when they do so on one line each and nothing in them is quoted; otherwise cells has them.
    delimiter: between the cells of a line. done: how much of the file has been read, in the table's `size`.
    """

    first_row: int
    lines: Sequence[str] | None
    cells: Sequence[Sequence[str]]
    delimiter: str
    done: int

    def __len__(self) -> int:
        return len(self.cells) if self.lines is None else len(self.lines)

    def column(self, index: int) -> list[str]:
        """The cells of one column, "" where a row is too short."""
        if self.lines is None:
            return [row[index] if index < len(row) else "" for row in self.cells]
        delimiter, most = self.delimiter, index + 1
        split = (line.split(delimiter, most) for line in self.lines)
        return [cells[index] if index < len(cells) else "" for cells in split]


@dataclass(frozen=True, slots=True)
class Table:
    """An open file: its first row, and what follows when its blocks are iterated over, once. Close it.

    header: the first row, which may be data. size: of the file, in the unit of Block.done. encoding: how the cells
    of a CSV file are to be decoded (see `true_text`).
    """

    header: tuple[str, ...]
    size: int
    delimiter: str
    newline: str
    encoding: str
    blocks: Iterator[Block] = field(repr=False)
    close: Callable[[], None] = field(repr=False)


def true_text(cell: str, encoding: str) -> str:
    """The text of a cell that was read as Latin-1."""
    if cell.isascii() or encoding != "utf-8":
        return cell
    return cell.encode("latin-1").decode("utf-8", "replace")


def true_texts(cells: list[str], encoding: str) -> list[str]:
    """The texts of the cells of a column that was read as Latin-1."""
    if encoding != "utf-8" or "".join(cells).isascii():
        return cells
    return [true_text(cell, encoding) for cell in cells]


def header_block(table: Table) -> Block:
    """The first row as data, for a table without a header."""
    return Block(1, None, [table.header], table.delimiter, 0)


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
    blocks = _numbered(_csv_rows(stream, delimiter), rows_in_block, delimiter, stream, size)
    newline = "\r\n" if first.endswith("\r\n") else "\n"
    return Table(tuple(header), size, delimiter, newline, encoding, blocks, stream.close)


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


_Portion = tuple[list[str] | None, list[list[str]]]
"""Rows as they were read: lines, or cells."""


def _csv_rows(stream: TextIO, delimiter: str) -> Iterator[_Portion]:
    """Rows in the portions in which they are read: as lines for as long as nothing is quoted, then as cells."""
    carried = ""
    while chunk := stream.read(_CHUNK):
        text = carried + chunk
        if '"' in text:
            yield from _quoted_rows(iter(io.StringIO(text, newline="")), stream, delimiter)
            return
        whole, newline, carried = text.rpartition("\n")
        if len(carried) > _LONGEST_LINE:
            raise ListFileError(f"A line has more than {_LONGEST_LINE} characters.")
        if newline:
            yield _lines(whole), []
    if carried:
        yield _lines(carried), []


def _lines(text: str) -> list[str]:
    if "\r" in text:
        text = text.replace("\r\n", "\n").rstrip("\r").replace("\r", "\n")
    return text.split("\n")


def _quoted_rows(read: Iterator[str], stream: TextIO, delimiter: str) -> Iterator[_Portion]:
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


class _Gathering:
    """Rows that wait until they are a block: lines first, and cells from where something is quoted."""

    def __init__(self, rows_in_block: int, delimiter: str) -> None:
        self._size = rows_in_block
        self._delimiter = delimiter
        self._row = 2
        self._lines: list[str] | None = []
        self._cells: list[list[str]] = []

    def add(self, lines: list[str] | None, cells: list[list[str]]) -> None:
        if lines is not None and self._lines is not None:
            self._lines += lines
            return
        if self._lines is not None:
            self._cells, self._lines = [line.split(self._delimiter) for line in self._lines], None
        self._cells += cells

    def full_blocks(self, done: int) -> Iterator[Block]:
        """Blocks that are followed by more rows."""
        while len(self._cells if self._lines is None else self._lines) > self._size:
            yield self._block(done)

    def _block(self, done: int) -> Block:
        lines = self._lines[: self._size] if self._lines is not None else None
        block = Block(self._row, lines, self._cells[: self._size], self._delimiter, done)
        if self._lines is not None:
            del self._lines[: self._size]
        del self._cells[: self._size]
        self._row += len(block)
        return block

    def last_block(self, done: int) -> Iterator[Block]:
        """What is left. Empty rows at the end of a file are not rows."""
        while self._lines and not self._lines[-1].strip(f"{self._delimiter} "):
            self._lines.pop()
        while self._cells and not any(cell.strip() for cell in self._cells[-1]):
            self._cells.pop()
        if self._lines or self._cells:
            yield self._block(done)


def _numbered(
    portions: Iterator[_Portion], rows_in_block: int, delimiter: str, stream: TextIO, size: int
) -> Iterator[Block]:
    """Blocks of a fixed number of rows."""
    gathering = _Gathering(rows_in_block, delimiter)
    try:
        for lines, cells in portions:
            gathering.add(lines, cells)
            yield from gathering.full_blocks(min(size, _position(stream)))
        yield from gathering.last_block(size)
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
        workbook.close,
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
            yield Block(first, None, some, ",", min(height, first + taken))
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
