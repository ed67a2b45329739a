"""Rows of an import's report for people to look at: the row of the file, its cells, and what is wrong in which."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.import_orders import ImportOrder
from gateway.import_reports import HEADER, harmless
from gateway.lists.columns import Columns
from store import Store
from store.imports import ImportRecord

# A part has the rows of one block; rows of one outcome may be far down.
_MOST_PARTS = 20
_COLUMN_OF_CODE = {"date_unreadable": "opted_out_at", "date_ahead": "opted_out_at", "channel_unreadable": "channel"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that changed nothing or needs a look.

    row: as the spreadsheet counts. cells: as they were. at: the index of the cell that it is about, or None.
    """

    row: int
    outcome: str
    code: str
    sentence: str
    cells: Sequence[str]
    at: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Some rows. complete: there are no more of them than these."""

    rows: Sequence[Finding]
    complete: bool


def findings_of(store: Store, record: ImportRecord, order: ImportOrder, outcome: str, limit: int) -> Findings:
    """The first rows with an outcome that the report of an import has. Raises StoreError.

    Args:
        store, record, order: of the import.
        outcome: see gateway.import_reports; "" for all.
        limit: how many at most.
    """
    found: list[Finding] = []
    for text in store.imports.read_report(record.id, min(record.report, _MOST_PARTS)):
        for finding in _read(text, order.columns):
            if outcome in {"", finding.outcome}:
                if len(found) == limit:
                    return Findings(found, complete=False)
                found.append(finding)
    return Findings(found, complete=record.report <= _MOST_PARTS)


def _read(text: str, columns: Columns | None) -> Iterator[Finding]:
    for line in csv.reader(io.StringIO(text, newline="")):
        row, _, outcome, code, sentence, *cells = line
        yield Finding(int(row), outcome, code, sentence, [_as_it_was(cell) for cell in cells], _place(code, columns))


def _as_it_was(cell: str) -> str:
    """A cell without what keeps spreadsheets from running it; a page runs nothing."""
    return cell[1:] if cell[:1] == "'" and harmless(cell[1:]) == cell else cell


def _place(code: str, columns: Columns | None) -> int | None:
    if columns is None:
        return None
    place: int | None = getattr(columns, _COLUMN_OF_CODE.get(code, "phone"))
    return place


assert len(HEADER) == 5, "_read knows what stands before the file's own cells"
