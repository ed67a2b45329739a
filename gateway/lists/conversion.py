"""`python -m gateway.lists.conversion SOURCE TARGET`: a spreadsheet or JSON as CSV, within limits (converting.py)."""

import csv
import json
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

MOST_MEMORY = 1_500_000_000
_MOST_SECONDS = 300
_MOST_WRITTEN = 2_000_000_000
_KNOWN_END = 3
# Where the answers of carriers' APIs have their rows: Telnyx, AWS (End User Messaging, SNS), Twilio.
_LISTS = ("data", "OptedOutNumbers", "phoneNumbers", "items", "results", "messages")


class _Unreadable(Exception):
    """A file that cannot be read; the text says why."""


def _cell_text(cell: Any) -> str:
    """A spreadsheet's cell as it would stand in a CSV file; a number that is whole has no ".0"."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time(0):
        cell = cell.date()  # how spreadsheets keep a day
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell)


def _first_sheet_with_rows(workbook: CalamineWorkbook) -> CalamineSheet | None:
    for number, sheet in enumerate(workbook.sheets_metadata):
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible:
            found = workbook.get_sheet_by_index(number)
            if found.height:
                return found
    return None


def _spreadsheet_rows(source: Path) -> Iterator[Sequence[str]]:
    try:
        with source.open("rb") as file:
            workbook = CalamineWorkbook.from_filelike(file)
        sheet = _first_sheet_with_rows(workbook)
    except (CalamineError, OSError, ValueError, KeyError) as error:
        raise _Unreadable(f"it is no whole spreadsheet ({error}).") from None
    for row in sheet.iter_rows() if sheet else ():
        yield [cell if isinstance(cell, str) else _cell_text(cell) for cell in row]


def _json_rows(source: Path) -> Iterator[Sequence[str]]:
    text = source.read_text(encoding="utf-8-sig")
    try:
        found = json.loads(text)
    except ValueError:
        found = [_parsed(line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    except RecursionError:
        raise _Unreadable("it is nested too deeply.") from None
    if isinstance(found, dict):
        found = next((found[name] for name in _LISTS if isinstance(found.get(name), list)), [found])
    records = [item if isinstance(item, dict) else {"phone": item} for item in found]
    header = list(dict.fromkeys(name for record in records for name in record))
    yield header
    for record in records:
        yield [_json_text(record.get(name)) for name in header]


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _Unreadable(f"line {number} is no JSON ({error}).") from None


def _json_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write(rows: Iterable[Sequence[str]], target: Path) -> None:
    with target.open("w", encoding="utf-8", errors="replace", newline="") as file:
        # UTF-8's mark says what it is, also where no cell would show it.
        file.write("\ufeff")
        # A bare carriage return in a cell would not be quoted, and end the row for whoever reads it.
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([cell.replace("\r", "\n") if "\r" in cell else cell for cell in row] for row in rows)


def main() -> int:
    """Convert; the exit code is 3 when the file cannot be read, with the reason on the standard output."""
    for limit, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CPU, _MOST_SECONDS),
        (resource.RLIMIT_FSIZE, _MOST_WRITTEN),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    with source.open("rb") as file:
        start = file.read(4)
    rows = _spreadsheet_rows if start in {b"PK\x03\x04", b"\xd0\xcf\x11\xe0"} else _json_rows
    try:
        _write(rows(source), target)
    except _Unreadable as error:
        print(error)  # noqa: T201 (how it answers)
        return _KNOWN_END
    return 0


if __name__ == "__main__":
    sys.exit(main())
