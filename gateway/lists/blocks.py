"""Rows of a file, gathered into blocks of a fixed number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Portion = tuple[list[str] | None, list[list[str]]]
"""Rows as they were read: lines, or cells."""


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

    def row(self, index: int) -> Sequence[str]:
        """The cells of one row."""
        return self.cells[index] if self.lines is None else self.lines[index].split(self.delimiter)


class Gathering:
    """Rows that wait until they are a block: lines first, and cells from where something is quoted."""

    def __init__(self, rows_in_block: int, delimiter: str, first_row: int) -> None:
        self._size = rows_in_block
        self._delimiter = delimiter
        self._row = first_row
        self._lines: list[str] | None = []
        self._cells: list[list[str]] = []

    def add(self, portion: Portion) -> None:
        """Add rows as they were read."""
        lines, cells = portion
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
