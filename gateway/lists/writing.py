"""Tables written as files: csv, tab, ndjson and xlsx in constant memory, pdf for reports that are read on paper.

A writer takes columns and rows and gives bytes, so that a response, a file and a test use the same one.

**Formulas.** A spreadsheet runs a cell that begins with = + - @ TAB CR or LF, whatever a person has texted (OWASP, "CSV
Injection"), and takes "+14155550100" for a number and drops its plus. So in csv and tab such a cell gets an apostrophe
in front, numbers too: it is text in Excel and LibreOffice, still has the whole number in it, and `cell_as_it_was` takes
exactly that apostrophe away again (our own imports do). `WriteOptions.plain` leaves cells as they are, for programs.
xlsx has real text cells and needs none of it; ndjson is for programs.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import xlsxwriter
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout

from gateway.clock import written

Cell = str | int | float | bool | datetime | Sequence[str] | None
"""None is an empty cell; a time is aware; several words are a list in ndjson and "text, voice" elsewhere."""

ROWS_OF_PDF = 2_000
"""The most rows of a pdf, which is made in memory and read by people."""

_ROWS_AT_ONCE = 500
_CHUNK = 64 * 1024
_ROWS_OF_SHEET = 1_048_576
_LONGEST_CELL = 32_767
_RISKY = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")
_MOST_WIDTH = 60


class ColumnKind(StrEnum):
    """What is in a column; it decides about width and cell format, not about what is safe."""

    TEXT = "text"
    PHONE = "phone"
    MOMENT = "moment"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. name: the header, and the field in ndjson. width: in characters, where a format has widths."""

    name: str
    kind: ColumnKind = ColumnKind.TEXT
    width: int = 18


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write.

    title: of the sheet or page. bom: begin csv and tab with the mark by which Excel knows UTF-8. plain: cells of csv
    and tab as they are, for programs that no spreadsheet comes after. note: a line under a pdf's title.
    """

    title: str = "List"
    bom: bool = False
    plain: bool = False
    note: str = ""


Rows = Iterable[Sequence[Cell]]
Writer = Callable[[Sequence[Column], Rows, WriteOptions], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file. most_rows: None when there is no limit; further rows are left out, and the file says so."""

    name: str
    media_type: str
    extension: str
    write: Writer
    most_rows: int | None = None

    def begin(self, columns: Sequence[Column], rows: Rows, options: WriteOptions) -> Iterator[bytes]:
        """Write rows piece by piece, the first row read at once: what fails then has no half file before it."""
        rows = iter(rows)
        first = list(islice(rows, 1))
        return self.write(columns, chain(first, rows), options)


def harmless(text: str) -> str:
    """A text as a csv cell that no spreadsheet takes for a formula or a number with a sign."""
    return f"'{text}" if _RISKY.match(text) else text


def cell_as_it_was(text: str) -> str:
    """A csv cell without the apostrophe that `harmless` has put in front; other cells as they are."""
    return text[1:] if _GUARDED.match(text) else text


def shown(cell: Cell) -> str:
    """A cell as text: times in ISO 8601 with Z, truth as yes and no."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return written(cell)
    if isinstance(cell, Sequence):
        return ", ".join(cell)
    return str(cell)


def _batches(rows: Rows) -> Iterator[list[Sequence[Cell]]]:
    iterator = iter(rows)
    while some := list(islice(iterator, _ROWS_AT_ONCE)):
        yield some


def _delimited(delimiter: str) -> Writer:
    def write(columns: Sequence[Column], rows: Rows, options: WriteOptions) -> Iterator[bytes]:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
        text_of = shown if options.plain else _harmless_text
        if options.bom:
            buffer.write("\ufeff")
        header: list[Sequence[Cell]] = [[column.name for column in columns]]
        for some in chain([header], _batches(rows)):
            writer.writerows([text_of(cell) for cell in row] for row in some)
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()

    return write


def _harmless_text(cell: Cell) -> str:
    # A number of ours that is negative is a number, no formula.
    return str(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else harmless(shown(cell))


def write_ndjson(columns: Sequence[Column], rows: Rows, options: WriteOptions) -> Iterator[bytes]:  # noqa: ARG001
    """One JSON object a line; empty cells are null, times ISO 8601, several words a list."""
    names = [column.name for column in columns]
    for some in _batches(rows):
        lines = [json.dumps(dict(zip(names, map(_json_value, row), strict=True)), ensure_ascii=False) for row in some]
        yield ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _json_value(cell: Cell) -> Any:
    if isinstance(cell, datetime):
        return shown(cell)
    return list(cell) if isinstance(cell, Sequence) and not isinstance(cell, str) else cell


def write_xlsx(columns: Sequence[Column], rows: Rows, options: WriteOptions) -> Iterator[bytes]:
    """A workbook, made in a temporary file and then read from it: numbers are text cells, times are time cells in UTC.

    What does not fit on one sheet (1,048,576 rows) goes on on the next.
    """
    with TemporaryFile() as file:
        workbook = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        _Sheets(workbook, columns, options.title).fill(rows)
        workbook.close()
        yield from _chunks_of(file)


def _chunks_of(file: BinaryIO | Any) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


class _Sheets:
    """The sheets of a workbook while they are filled."""

    def __init__(self, workbook: Any, columns: Sequence[Column], title: str) -> None:
        self._workbook = workbook
        self._columns = columns
        self._title = re.sub(r"[\[\]:*?/\\']", " ", title)[:25] or "List"
        self._bold = workbook.add_format({"bold": True})
        self._moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._text = workbook.add_format({"num_format": "@"})
        self._count = 0

    def _new(self) -> Any:
        self._count += 1
        sheet = self._workbook.add_worksheet(self._title if self._count == 1 else f"{self._title} {self._count}")
        for index, column in enumerate(self._columns):
            sheet.set_column(index, index, min(column.width, _MOST_WIDTH))
            name = f"{column.name} (UTC)" if column.kind is ColumnKind.MOMENT else column.name
            sheet.write_string(0, index, name, self._bold)
        sheet.freeze_panes(1, 0)
        return sheet

    def fill(self, rows: Rows) -> None:
        sheet, at = self._new(), 0
        for row in rows:
            at += 1
            if at == _ROWS_OF_SHEET:
                sheet, at = self._new(), 1
            for index, cell in enumerate(row):
                self._write(sheet, at, index, cell)

    def _write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        if isinstance(cell, datetime):
            sheet.write_datetime(row, column, cell.astimezone(UTC).replace(tzinfo=None), self._moment)
        elif isinstance(cell, int | float) and not isinstance(cell, bool):
            sheet.write_number(row, column, cell)
        elif text := shown(cell):
            if len(text) > _LONGEST_CELL:
                text = text[: _LONGEST_CELL - 1] + "…"
            sheet.write_string(row, column, text, self._text)


def write_pdf(columns: Sequence[Column], rows: Rows, options: WriteOptions) -> Iterator[bytes]:
    """A table on paper, 2,000 rows at most; a further row is left out, and the first page says so.

    The fonts every reader has know Western European letters only; others are shown as "?", which the page says too.
    """
    taken = list(islice(rows, ROWS_OF_PDF + 1))
    cut, taken = len(taken) > ROWS_OF_PDF, taken[:ROWS_OF_PDF]
    texts = [[_printable(shown(cell)) for cell in row] for row in taken]
    unknown = any("?" in text and "?" not in shown(cell) for row, line in zip(taken, texts, strict=True)
                  for cell, text in zip(row, line, strict=True))  # fmt: skip
    notes = [
        _printable(options.note),
        f"Only the first {ROWS_OF_PDF:,} rows are in this file; csv and xlsx have all of them." if cut else "",
        'Characters that this file has no letters for are shown as "?".' if unknown else "",
    ]
    page = FPDF(orientation="landscape", format="A4")
    page.set_title(options.title)
    page.set_auto_page_break(auto=True, margin=12)
    page.add_page()
    page.set_font("Helvetica", "B", 13)
    page.cell(text=_printable(options.title), new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", "", 8)
    for note in filter(None, notes):
        page.cell(text=note, new_x="LMARGIN", new_y="NEXT")
    page.ln(2)
    page.set_font("Helvetica", "", 7)
    widths = tuple(min(column.width, _MOST_WIDTH) for column in columns)
    with page.table(
        col_widths=widths,
        headings_style=FontFace(emphasis="BOLD"),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        text_align="LEFT",
        line_height=3.5,
    ) as table:
        table.row([_printable(column.name) for column in columns])
        for line in texts:
            table.row(line)
    yield bytes(page.output())


def _printable(text: str) -> str:
    return text.replace("…", "...").encode("latin-1", "replace").decode("latin-1")


FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        Format("csv", "text/csv; charset=utf-8", "csv", _delimited(",")),
        Format("tab", "text/tab-separated-values; charset=utf-8", "tsv", _delimited("\t")),
        Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", write_xlsx),
        Format("ndjson", "application/x-ndjson", "ndjson", write_ndjson),
        Format("pdf", "application/pdf", "pdf", write_pdf, ROWS_OF_PDF),
    )
}
"""Every kind of file there is, by its name in requests."""
