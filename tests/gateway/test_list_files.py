"""Files that people and products have, and files that are meant to do harm: read, or refused in words."""

import csv
import io
import json
import resource
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.import_orders import reading_of
from gateway.import_reports import harmless
from gateway.lists.columns import guess, targets_of
from gateway.lists.dates import DateReader, order_of_dates
from gateway.lists.formats import FORMATS
from gateway.lists.reading import ListFileError, open_table, plain_copy, true_text
from gateway.lists.targets import CONTACTS, OPT_OUTS
from gateway.lists.words import channels_of, says_opted_out
from gateway.normalising import Normaliser

PERSON = "+14155550100"


def rows_of(path: Path) -> list[list[str]]:
    """Header and rows as text."""
    with closing(open_table(path)) as table:
        found = [list(table.header)]
        for block in table.blocks:
            found += [[true_text(cell, table.encoding) for cell in block.row(index)] for index in range(len(block))]
        return found


@pytest.mark.parametrize(
    "name", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_list_is_read_in_any_encoding_and_with_any_delimiter(tmp_path: Path, name: str, delimiter: str) -> None:
    lines = [["Téléphone", "Prénom"], [PERSON, "Zoë"], [f" {PERSON} ", 'Ann "the boss"\nLee']]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(lines)
    path = tmp_path / "list.csv"
    path.write_bytes(text.getvalue().encode(name))
    assert rows_of(path) == lines


def test_a_windows_quote_in_a_list_that_begins_as_utf_8_is_read(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"phone,name\n" + b"+1415,Ann\n" * 500_000 + "+1415,O’Brien\n".encode("cp1252"))
    assert rows_of(path)[-1] == ["+1415", "O’Brien"]


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("\n\n,,\nphone,name\n1,a\n", 5),
        ("sep=;\nphone;name\n1;a\n", 3),
        ('"a\nphone",name\n1,a\n', 2),
        ("phone,name\n1,a\n", 2),
    ],
)
def test_a_row_keeps_the_number_that_a_spreadsheet_gives_it(tmp_path: Path, content: str, row: int) -> None:
    path = tmp_path / "list.csv"
    path.write_text(content, encoding="utf-8")
    with closing(open_table(path)) as table:
        assert [block.first_row for block in table.blocks] == [row]


def write_spreadsheet(path: Path) -> None:
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("empty")
    sheet = book.add_worksheet("list")
    sheet.write_row(2, 0, ["Phone", "Opt Out Date", "Note"])
    sheet.write_number(3, 0, 14155550100)
    moment = datetime(2024, 5, 1, 12, 30)  # noqa: DTZ001 (spreadsheets know no zones)
    sheet.write_datetime(3, 1, moment, book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
    sheet.write_formula(3, 2, "=1+1", value=2)
    sheet.write_string(4, 0, PERSON)
    sheet.write_string(4, 2, "=cmd|' /C calc'!A0")
    book.close()


SPREADSHEET = [
    ["Phone", "Opt Out Date", "Note"],
    ["14155550100", "2024-05-01T12:30:00", "2"],
    [PERSON, "", "=cmd|' /C calc'!A0"],
]


def test_a_spreadsheet_that_is_read_several_times_is_made_into_csv_once(tmp_path: Path) -> None:
    path, text = tmp_path / "list.xlsx", tmp_path / "list.csv"
    write_spreadsheet(path)
    text.write_text("phone\n+14155550100\n", encoding="utf-8")
    whole = rows_of(path)
    with plain_copy(text) as none, plain_copy(path) as copy:
        assert none is None
        assert copy is not None
        path.write_bytes(b"")
        for _ in range(2):
            with closing(open_table(path, copy=copy)) as table:
                rows = [[true_text(cell, table.encoding) for cell in block.row(0)] for block in table.blocks]
                assert [list(table.header), *rows] == whole[:2]
    assert not copy.exists()


@pytest.mark.parametrize("name", ["list.xlsx", "list.csv", "list", "list.xls"])
def test_a_spreadsheet_is_read_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    """The first sheet with rows; formulas as what they came to; rows keep their numbers."""
    write_spreadsheet(tmp_path / "made.xlsx")
    path = (tmp_path / "made.xlsx").rename(tmp_path / name)
    assert rows_of(path) == SPREADSHEET
    with closing(open_table(path)) as table:
        assert table.header_row == 3


ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="list">{rows}</table:table></office:spreadsheet></office:body>
</office:document-content>"""
MANIFEST = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


def write_ods(path: Path, rows: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", ODS.format(rows=rows))


def test_an_open_document_is_read(tmp_path: Path) -> None:
    rows = "".join(f"<table:table-row>{CELL.format(cell)}</table:table-row>" for cell in ("phone", PERSON))
    write_ods(tmp_path / "list.ods", rows)
    assert rows_of(tmp_path / "list.ods") == [["phone"], [PERSON]]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ({"OptedOutNumbers": [{"OptedOutNumber": PERSON, "OptedOutTimestamp": 1714566600.5, "EndUserOptedOut": True}]},
         [["OptedOutNumber", "OptedOutTimestamp", "EndUserOptedOut"], [PERSON, "1714566600.5", "true"]]),
        ({"phoneNumbers": [PERSON], "nextToken": "x"}, [["phone"], [PERSON]]),
        ({"data": [{"to": PERSON, "from": "72975", "keyword": None}], "meta": {}}, [["to", "from", "keyword"], [PERSON, "72975", ""]]),
        ([{"phone": PERSON}, {"phone": PERSON, "name": "Zoë"}], [["phone", "name"], [PERSON, ""], [PERSON, "Zoë"]]),
    ],
)  # fmt: skip
def test_what_the_apis_of_carriers_answer_is_a_list(tmp_path: Path, content: object, rows: list[list[str]]) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert rows_of(path) == rows


def bomb(path: Path) -> None:
    """One cell in the last corner of a sheet."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write(0, 0, "phone")
    sheet.write(1_048_575, 16_383, "x")
    book.close()


def repeated(path: Path) -> None:
    """A cell repeated a million times in a row repeated a million times."""
    write_ods(path, '<table:table-row table:number-rows-repeated="1000000">'
              '<table:table-cell table:number-columns-repeated="1000000" office:value-type="string"><text:p>x</text:p>'
              "</table:table-cell></table:table-row>")  # fmt: skip


def big_string(path: Path) -> None:
    """A long text that a hundred thousand cells refer to."""
    write_spreadsheet(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 100_001))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts["xl/worksheets/sheet1.xml"] = f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'.encode()
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{main}"><si><t>{"x" * 1_000_000}</t></si></sst>'.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def truncated(path: Path) -> None:
    write_spreadsheet(path)
    path.write_bytes(path.read_bytes()[:-200])


def zeros(path: Path) -> None:
    """Five gigabytes of zeros in five megabytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(64 << 20))
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (4_200_000_000).to_bytes(4, "little")
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        pytest.param("list.xlsx", bomb, "cannot be read: it needs more memory", id="one cell in the last corner"),
        pytest.param("list.ods", repeated, "cannot be read", id="cells that repeat"),
        pytest.param("list.xlsx", big_string, "cannot be read: it", id="a text that is used again and again"),
        pytest.param("list.xlsx", truncated, "cannot be read", id="cut off"),
        pytest.param("list.xlsx", zeros, "would unpack to", id="a zip bomb"),
        pytest.param("list.csv", lambda path: path.write_bytes(b"phone" + b"," * 1_000_000 + b"\n1\n"), "columns", id="a million columns"),
        pytest.param("list.csv", lambda path: path.write_bytes(b'phone,"' + b"x" * 3_000_000), "not closed|field limit", id="an open quotation mark"),
        pytest.param("list.csv", lambda path: path.write_bytes(b"%PDF-1.7\n"), "is a PDF", id="a PDF"),
        pytest.param("list.xls", lambda path: path.write_bytes(b"<html><table>"), "is a web page", id="HTML called a spreadsheet"),
        pytest.param("list.csv", lambda path: path.write_bytes(b"\x1f\x8b\x08\x00"), "compressed", id="gzip"),
        pytest.param("list.json", lambda path: path.write_bytes(b"[" * 100_000), "nested too deeply|no JSON", id="deep JSON"),
        pytest.param("list.csv", lambda path: path.write_bytes("phone\n1".encode("utf-16")[:-1]), "first bytes", id="half a character"),
    ],
)  # fmt: skip
def test_files_that_would_do_harm_are_refused_in_words_and_this_process_stays_small(
    tmp_path: Path, name: str, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / name
    make(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ListFileError, match=says):
        rows_of(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KB


@pytest.mark.parametrize("quoted", ["", '"a",'])
def test_a_line_without_an_end_is_refused_before_it_is_read(tmp_path: Path, quoted: str) -> None:
    path = tmp_path / "list.csv"
    with path.open("wb") as file:
        file.write(b"name,phone\n" + quoted.encode())
        file.seek(1_000_000_000)
        file.write(b"1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ListFileError, match=r"more than 16000000 characters|larger than field limit"):
        rows_of(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KB


def test_bytes_that_are_no_text_are_rows_like_others(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"phone,name\n+1415\x005550100,a\n+14155550101,\x00\x00\n")
    assert [row[0] for row in rows_of(path)] == ["phone", "+1415\x005550100", "+14155550101"]


# (header, what its columns are, kind), as the products export them or their help pages ask for them.
EXPORTS = [
    ("phone", ["phone"], OPT_OUTS),
    ("Phone,Opt Out Note", ["phone", "ignore"], OPT_OUTS),
    ("Numero Contact ID,Opt Out Date,Primary Phone", ["contact_id", "opted_out_at", "phone"], OPT_OUTS),
    ("First Name,Last Name,Primary Phone,Primary Phone 10DLC Local Opted Out Date",
     ["first_name", "last_name", "phone", "ignore"], OPT_OUTS),
    ("Phone Number,Short Code,Opt-out Source,Timestamp", ["phone", "ignore", "ignore", "opted_out_at"], OPT_OUTS),
    ("Mobile,First Name,Last Name,Group", ["phone", "first_name", "last_name", "property:Group"], CONTACTS),
    ("Date,From,To,Message", ["opted_out_at", "phone", "ignore", "opted_out"], OPT_OUTS),
    ("Phone Number,Name,Opt-Out Type,Date Added", ["phone", "ignore", "channel", "opted_out_at"], OPT_OUTS),
    ("From,To,Body,Status,SentDate,ErrorCode,Sid,Direction",
     ["ignore", "phone", "ignore", "ignore", "opted_out_at", "opted_out", "ignore", "ignore"], OPT_OUTS),
    ("from,to,messaging_profile_id,keyword,created_at", ["ignore", "phone", "ignore", "ignore", "opted_out_at"], OPT_OUTS),
    ("OptedOutNumber,OptedOutTimestamp,EndUserOptedOut", ["phone", "opted_out_at", "ignore"], OPT_OUTS),
    ("number,channel,scope,sender,audience,since,source",
     ["phone", "channel", "ignore", "ignore", "ignore", "opted_out_at", "ignore"], OPT_OUTS),
    ("FIRST_NAME, last name ,E-Mail,Cell Phone", ["first_name", "last_name", "property:E-Mail", "phone"], CONTACTS),
    ("Name,Work phone,Created At,Address", ["property:Name", "phone", "property:Created At", "property:Address"], CONTACTS),
]  # fmt: skip


@pytest.mark.parametrize(("header", "targets", "kind"), EXPORTS)
def test_columns_of_other_products_are_understood(tmp_path: Path, header: str, targets: list[str], kind: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{header}\n", encoding="utf-8")
    with closing(open_table(path)) as table:
        reading = reading_of(table, kind=kind, country="US", mapping={})
    assert list(targets_of(table.header, reading.columns)) == targets


def test_every_format_is_recognised_by_a_file_of_its_own() -> None:
    found = {
        guessed.format.name
        for header, _, kind in EXPORTS
        if (guessed := guess(header.split(","), Normaliser("US"), kind)).format is not None
    }
    found |= {guess(["Primary Phone", "Numero Contact ID"], Normaliser("US"), CONTACTS).format.name}  # type: ignore[union-attr]
    assert found == {known.name for known in FORMATS}


@pytest.mark.parametrize(
    ("cell", "channels"),
    [("SMS", "text"), ("Text", "text"), ("voice", "voice"), ("Phone call", "voice"), ("Both", "text voice"), ("Voice & Text", "text voice"),
     ("sms/voice", "text voice"), ("text and voice", "text voice"), ("fax", None), ("voice, fax", None)],
)  # fmt: skip
def test_channels_are_read_in_the_words_people_use(cell: str, channels: str | None) -> None:
    found = channels_of(cell)
    assert (None if found is None else " ".join(found)) == channels


@pytest.mark.parametrize(("cell", "says"), [("Yes", True), ("opted out", True), ("2024-05-01", True), ("1", True), ("No", False), ("", False), ("FALSE", False), ("Subscribed", False)])  # fmt: skip
def test_yes_and_no_are_read_in_the_words_people_use(cell: str, says: bool) -> None:
    assert says_opted_out(cell) is says


@pytest.mark.parametrize(
    ("text", "order", "zone", "iso"),
    [
        ("5/6/2024 14:30", "mdy", "UTC", "2024-05-06T14:30:00+00:00"),
        ("5/6/2024 14:30", "dmy", "UTC", "2024-06-05T14:30:00+00:00"),
        ("5.6.2024 14:30", "mdy", "Europe/Berlin", "2024-06-05T12:30:00+00:00"),
        ("2024-05-06 2:30", "mdy", "America/New_York", "2024-05-06T06:30:00+00:00"),
        ("5/6/2024 2:30 PM EST", "mdy", "UTC", "2024-05-06T19:30:00+00:00"),
        ("May 6, 2024 2:30 p.m.", "mdy", "UTC", "2024-05-06T14:30:00+00:00"),
        ("6 May 2024 14:30", "mdy", "UTC", "2024-05-06T14:30:00+00:00"),
        ("Mon, 06 May 2024 14:30:00 +0200", "mdy", "UTC", "2024-05-06T12:30:00+00:00"),
        ("2025-04-28 12:00:38+00:00", "mdy", "Asia/Tokyo", "2025-04-28T12:00:38+00:00"),
        ("2024/5/6 14:30", "mdy", "UTC", "2024-05-06T14:30:00+00:00"),
        ("45418.5", "mdy", "UTC", "2024-05-06T12:00:00+00:00"),
        ("1715005800", "mdy", "Asia/Tokyo", "2024-05-06T14:30:00+00:00"),
    ],
)
def test_dates_are_read_in_the_usual_forms_with_their_zone(text: str, order: str, zone: str, iso: str) -> None:
    assert DateReader(order, zone).milliseconds(text) == datetime.fromisoformat(iso).timestamp() * 1000


@pytest.mark.parametrize(("cells", "order"), [(["5/6/2024", "13/6/2024"], "dmy"), (["5/6/2024", "6/13/2024"], "mdy"), (["5/6/2024", "13.6.2024"], None)])  # fmt: skip
def test_which_of_day_and_month_comes_first_is_seen_from_the_dates(cells: list[str], order: str | None) -> None:
    assert order_of_dates(cells) == order


@settings(max_examples=300, deadline=None)
@given(some.text(max_size=40))
def test_no_text_breaks_what_reads_cells(cell: str) -> None:
    DateReader().milliseconds(cell)
    channels_of(cell)
    says_opted_out(cell)
    assert harmless(cell)[:1] not in {"=", "@", "\t", "\r"}


@settings(max_examples=60, deadline=None)
@given(some.binary(max_size=2000))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("files") / "list.csv"
    path.write_bytes(content)
    with suppress(ListFileError), closing(open_table(path)) as table:
        rows = 0
        for block in table.blocks:
            assert block.first_row == table.header_row + 1 + rows
            rows += len(block)
