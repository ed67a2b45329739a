"""Tables as files: what spreadsheets make of them, and that programs get back what was written."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from python_calamine import CalamineWorkbook

from gateway.lists.reading import open_table
from gateway.lists.writing import (
    FORMATS,
    ROWS_OF_PDF,
    Cell,
    Column,
    ColumnKind,
    WriteOptions,
    cell_as_it_was,
    harmless,
)
from gateway.normalising import Normaliser

COLUMNS = (Column("number", ColumnKind.PHONE), Column("since", ColumnKind.MOMENT, 20), Column("note", width=40))
SINCE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
HOSTILE = (
    *('=HYPERLINK("http://evil.example","Click")', "=1+1", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1"),
    *("'=1+1", "'+1", "'t Hooft", "Crème brûlée 🍮", 'say "no", please', "two\nlines", "", "a\tb", "- see above"),
)
ROWS = [("+14155550100", SINCE, note) for note in HOSTILE]


def written(name: str, rows: Sequence[Sequence[Cell]] = ROWS, **options: Any) -> bytes:
    return b"".join(FORMATS[name].write(COLUMNS, rows, WriteOptions(**options)))


@pytest.mark.parametrize(("name", "delimiter"), [("csv", ","), ("tab", "\t")])
def test_no_cell_begins_like_a_formula_and_each_comes_back_as_it_was(name: str, delimiter: str) -> None:
    cells = list(csv.reader(io.StringIO(written(name).decode(), newline=""), delimiter=delimiter))
    assert cells[0] == ["number", "since", "note"]
    assert not [cell for row in cells for cell in row if cell[:1] in {*"=+-@\t\r\n"} and cell]
    assert [cell_as_it_was(row[2]) for row in cells[1:]] == list(HOSTILE)
    assert {(cell_as_it_was(row[0]), row[1]) for row in cells[1:]} == {("+14155550100", "2026-03-01T09:30:00Z")}


@given(some.text(max_size=8) | some.text("'=+-@\t\r\na", max_size=4))
def test_what_makes_a_cell_harmless_can_be_taken_away_exactly(text: str) -> None:
    assert cell_as_it_was(harmless(text)) == text
    assert harmless(text)[:1] not in {*"=+-@\t\r\n"}


def test_plain_is_for_programs_and_the_mark_for_excel() -> None:
    assert written("csv", plain=True).splitlines()[1].startswith(b"+14155550100,2026-03-01T09:30:00Z,")
    assert written("csv", bom=True).startswith(b"\xef\xbb\xbfnumber,")
    assert not written("csv").startswith(b"\xef")


def test_our_own_imports_read_the_numbers_of_our_own_exports(tmp_path: Path) -> None:
    for name, form in FORMATS.items():
        if name in {"csv", "tab", "xlsx"}:
            path = tmp_path / f"list.{'csv' if name == 'tab' else form.extension}"
            path.write_bytes(written(name, bom=True))
            table = open_table(path)
            numbers = [cell for block in table.blocks for cell in block.column(0)]
            assert set(Normaliser(None).column(numbers)) == {"+14155550100"}, name


def test_a_workbook_has_text_and_times_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(written("xlsx", title="Opt-outs of [acme]: 2026/03"))
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert rows[0] == ["number", "since (UTC)", "note"]
    assert [row[2].replace("_x000D_", "\r") for row in rows[1:]] == list(HOSTILE)
    assert {(row[0], row[1]) for row in rows[1:]} == {("+14155550100", SINCE.replace(tzinfo=None))}


def test_ndjson_has_every_value_as_it_is() -> None:
    rows = [("+1", SINCE, None), ("+2", None, ("text", "voice")), ("+3", None, 5), ("+4", None, True)]
    assert [json.loads(line)["note"] for line in written("ndjson", rows).splitlines()] == [
        None, ["text", "voice"], 5, True,
    ]  # fmt: skip
    assert written("csv", rows).splitlines()[2:] == [b'\'+2,,"text, voice"', b"'+3,,5", b"'+4,,yes"]


def test_a_pdf_says_which_rows_and_letters_it_leaves_out() -> None:
    rows = list(islice(repeat(("+14155550100", SINCE, "Crème")), ROWS_OF_PDF + 1))
    many, few = written("pdf", rows), written("pdf", [("+14155550100", SINCE, "日本")], note="Since 1 March")
    assert many.startswith(b"%PDF-")
    assert b"Only the first 2,000 rows" in page_texts(many)
    assert b"Only the first" not in page_texts(few)
    assert b"Since 1 March" in page_texts(few)
    assert b"has no letters for" in page_texts(few)
    assert b"has no letters for" not in page_texts(many)


def page_texts(pdf: bytes) -> bytes:
    """What is on the first page, as the file has it."""
    found = [zlib.decompress(stream) for stream in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.S)[:1]]
    return b"".join(found)


@pytest.fixture
def soffice() -> str:
    """LibreOffice. Without it the test is skipped, except in CI, where it has to be there."""
    path = shutil.which("soffice")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("LibreOffice is missing; .ci/run installs it")
        pytest.skip("LibreOffice is not installed (Debian: apt-get install libreoffice-calc-nogui)")
    return path


def test_libreoffice_opens_numbers_as_text_and_runs_nothing(tmp_path: Path, soffice: str) -> None:
    for name in ("csv", "xlsx"):
        (tmp_path / f"{name}-list.{name}").write_bytes(written(name, bom=True))
    sources = [str(path) for path in tmp_path.glob("*-list.*")]
    subprocess.run(
        [soffice, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "ods", "--outdir",
         str(tmp_path / "out"), *sources],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    for name in ("csv", "xlsx"):
        rows = CalamineWorkbook.from_path(str(tmp_path / "out" / f"{name}-list.ods")).get_sheet_by_index(0).to_python()
        assert {type(row[0]) for row in rows} == {str}
        assert {str(row[0]).lstrip("'") for row in rows[1:]} == {"+14155550100"}
        notes = [str(row[2]) for row in rows[1:]]
        assert [cell_as_it_was(note) for note in notes[:5]] == list(HOSTILE[:5])
        assert "2" not in notes
