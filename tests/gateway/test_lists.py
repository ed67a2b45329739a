"""Files with lists: reading, columns, dates, numbers, scrubbing and importing them."""

import io
import random
from contextlib import closing
from pathlib import Path

import phonenumbers
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.cli import main
from gateway.imports import summary_of
from gateway.lists.columns import guess_columns
from gateway.lists.dates import milliseconds_of
from gateway.lists.reading import ListFileError, Table, open_table, true_text
from gateway.normalising import Normaliser
from gateway.phone import InvalidNumber, NumberProblem, normalise
from gateway.scrubbing import ScrubOrder, scrub
from gateway.services import Services
from store.consent import Source

PERSON, OTHER = "+14155550100", "+14155550101"


def slow(text: str, country: str | None) -> str:
    try:
        return normalise(text, country)
    except InvalidNumber as error:
        return error.code


_digits = some.text("0123456789", min_size=3, max_size=13)
_cells = some.one_of(
    some.builds(lambda code, rest: f"+{code}{rest}", some.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), _digits),
    some.builds(lambda area, rest: f"({area}) {rest[:3]}-{rest[3:]}", some.integers(100, 999), some.text("0123456789", min_size=7, max_size=7)),
    _digits,
    some.text(max_size=20),
    some.text("0123456789+-() .x#/*;,abEXT\t\n\u0661\uff11\u200b", max_size=22),
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(some.lists(_cells, min_size=1, max_size=5), some.sampled_from(["US", "CA", "BS", "GB", "DE", "MX", None]))
def test_the_fast_way_says_of_every_cell_what_the_slow_way_says(cells: list[str], country: str | None) -> None:
    assert Normaliser(country).column(cells) == [slow(cell, country) for cell in cells]


def test_the_example_numbers_of_every_country_are_read_alike_in_every_form() -> None:
    cells = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in range(11):
            if number := phonenumbers.example_number_for_type(region, kind):
                cells += [phonenumbers.format_number(number, form) for form in range(3)]
    for country in ("US", "GB", None):
        assert Normaliser(country).column(cells) == [slow(cell, country) for cell in cells]


def test_all_north_american_area_codes_agree() -> None:
    """A sample; `python -m bench.numbers` compares all exchanges."""
    rng = random.Random(5)
    cells = [f"{form}{area}{rng.randrange(10_000_000):07d}" for area in range(100, 1000) for form in ("+1", "1", "")]
    assert Normaliser("US").column(cells) == [slow(cell, "US") for cell in cells]


def test_one_number_has_one_form_however_it_is_written() -> None:
    cells = ["+4407911123456", "+44 (0)7911 123456", "+447911123456"]
    assert Normaliser(None).column(cells) == ["+447911123456"] * 3


def column(path: Path, index: int = 0, rows: int = 3) -> list[str]:
    table = open_table(path, rows)
    return [true_text(cell, table.encoding) for block in table.blocks for cell in block.column(index)]


@pytest.mark.parametrize(
    ("content", "header", "first"),
    [
        pytest.param(b"phone,name\n1,a\n2,b\n", ("phone", "name"), ["1", "2"], id="plain"),
        pytest.param(b"phone,name\r\n1,a\r\n2,b\r\n", ("phone", "name"), ["1", "2"], id="Windows line ends"),
        pytest.param(b"phone;name\n1;a\n2;b", ("phone", "name"), ["1", "2"], id="semicolons, no last line end"),
        pytest.param(b"phone\tname\n1\ta\n", ("phone", "name"), ["1"], id="tabs"),
        pytest.param(b"\xef\xbb\xbfphone,name\n1,a\n", ("phone", "name"), ["1"], id="mark of UTF-8"),
        pytest.param("phone,name\n1,é\n".encode("utf-16"), ("phone", "name"), ["1"], id="UTF-16"),
        pytest.param("téléphone,n\n1,é\n".encode(), ("téléphone", "n"), ["1"], id="UTF-8"),
        pytest.param("téléphone,n\n1,é\n".encode("latin-1"), ("téléphone", "n"), ["1"], id="Latin-1"),
        pytest.param(b'phone,name\n"1","a\nb"\n2,"c, d"\n', ("phone", "name"), ["1", "2"], id="quotes and line ends in cells"),
        pytest.param(b'"phone","a\nb"\n1,x\n', ("phone", "a\nb"), ["1"], id="a header with a line end"),
        pytest.param(b"phone,name\n1\n2,b\n", ("phone", "name"), ["1", "2"], id="a short row"),
        pytest.param(b"phone\n1\n\n2\n\n\n", ("phone",), ["1", "", "2"], id="blank lines count between rows, not at the end"),
        pytest.param("phone\n１２\n".encode(), ("phone",), ["１２"], id="wide digits"),
    ],
)  # fmt: skip
def test_a_csv_file_is_read_as_it_is(tmp_path: Path, content: bytes, header: tuple[str, ...], first: list[str]) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    assert open_table_header(path) == header
    assert column(path) == first


def open_table_header(path: Path) -> tuple[str, ...]:
    table: Table = open_table(path)
    table.close()
    return table.header


def test_blocks_are_the_same_whatever_is_quoted_where(tmp_path: Path) -> None:
    lines = [f"{index},name" for index in range(25)]
    for quoted in (None, 0, 13, 24):
        path = tmp_path / "list.csv"
        rows = [f'{index},"na,me"' if index == quoted else line for index, line in enumerate(lines)]
        path.write_text("phone,name\n" + "\n".join(rows) + "\n", encoding="utf-8")
        blocks = [(block.first_row, block.column(0)) for block in open_table(path, 10).blocks]
        assert [first for first, _ in blocks] == [2, 12, 22]
        assert [cell for _, cells in blocks for cell in cells] == [str(index) for index in range(25)]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("list.csv", b"", "is empty", id="empty"),
        pytest.param("list.csv", b"PK\x03\x04....", "true ending", id="a spreadsheet with the wrong ending"),
        pytest.param("list.xlsx", b"PK\x03\x04 but cut off", "cannot be read", id="cut off spreadsheet"),
        pytest.param("list.csv", b"," * 2000 + b"\n", "columns", id="too many columns"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_words(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ListFileError, match=says):
        open_table(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T12:30:00Z", 1714566600000),
        ("2024-05-01 12:30:00", 1714566600000),
        ("2024-05-01T14:30:00+02:00", 1714566600000),
        ("2024-05-01", 1714607999000),
        ("5/1/2024", 1714607999000),
        ("05/01/24", 1714607999000),
        ("5/1/2024 2:30 PM", 1714573800000),
        ("5/1/2024 12:30 am", 1714523400000),
        ("1714566600", 1714566600000),
        ("1714566600123", 1714566600123),
        ("31/12/2024", None),
        ("1960-01-01", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_read_and_a_bare_day_lasts_until_its_end(text: str, expected: int | None) -> None:
    assert milliseconds_of(text) == expected


@pytest.mark.parametrize(
    ("header", "phone", "date"),
    [
        ("Name,Phone,Opt Out Date", 1, 2),
        ("phone", 0, None),
        ("First Name,Last Name,Primary Phone,Opted-Out At", 2, 3),
        ("Contact,Work phone,When", 1, None),
    ],
)
def test_columns_are_found_by_their_headers(tmp_path: Path, header: str, phone: int, date: int | None) -> None:
    path = tmp_path / "list.csv"
    path.write_text(header + "\n" + "," * header.count(",") + "\n", encoding="utf-8")
    with closing(open_table(path)) as table:
        columns = guess_columns(table, Normaliser("US"))
    assert (columns.phone, columns.opted_out_at, columns.has_header) == (phone, date, True)


def test_a_list_without_a_header_loses_no_row(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"Ann,{PERSON}\nBen,{OTHER}\n", encoding="utf-8")
    assert run_import(services, path)["opted_out"] == 2


def run_import(services: Services, path: Path, name: str = "i", **wishes: object) -> dict[str, int]:
    account = services.store.directory.current(fresh=True).accounts["acme"]
    order = services.imports.order(account, path, actor="ann", **wishes)
    services.imports.create(account, name, order)
    for progress in services.imports.run(name, path):
        last = progress.record
    return summary_of(last.counts)


def write_list(path: Path) -> None:
    path.write_text(
        f'Name,Phone,Opt Out Date\nAnn,{PERSON},2024-05-01\nAnn,(415) 555-0100,2024-05-02\nBen,"{OTHER}",\n,,\nCy,n/a,\n',
        encoding="utf-8",
    )


def test_the_counts_of_an_import_add_up_to_the_rows_of_the_file(services: Services, tmp_path: Path) -> None:
    write_list(tmp_path / "list.csv")
    counts = run_import(services, tmp_path / "list.csv")
    assert counts == {
        "opted_out": 2,
        "already": 0,
        "stronger_kept": 0,
        "would_readd": 0,
        "duplicate": 1,
        "invalid": 2,
        "skipped": 0,
    }
    again = run_import(services, tmp_path / "list.csv", "again")
    assert again == {
        "opted_out": 0,
        "already": 2,
        "stronger_kept": 0,
        "would_readd": 0,
        "duplicate": 1,
        "invalid": 2,
        "skipped": 0,
    }


def test_a_date_that_lies_ahead_or_cannot_be_read_never_costs_an_opt_out(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"phone,date\n{PERSON},2099-01-01\n{OTHER},soon\n", encoding="utf-8")
    assert run_import(services, path)["opted_out"] == 2
    account = services.store.directory.current().accounts["acme"]
    blocks = [services.consent.blocks(account, number)[0] for number in (PERSON, OTHER)]
    assert all(block.since <= services.clock.now() for block in blocks)


def test_an_undone_import_says_what_it_lifted_and_what_stayed(services: Services, tmp_path: Path) -> None:
    write_list(tmp_path / "list.csv")
    run_import(services, tmp_path / "list.csv")
    account = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(account, OTHER, source=Source.LINK, actor="the person")
    steps = list(services.imports.undo("i", source=Source.ADMIN, actor="ann", reason="wrong file"))
    assert (steps[-1].lifted, steps[-1].kept) == (1, 1)
    record = services.store.imports.get("i")
    assert record is not None
    assert (record.status, dict(record.undone)) == ("undone", {"lifted": 1, "kept": 1})


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_scrubbed_list_is_the_same_list_with_two_more_columns(
    services: Services, tmp_path: Path, newline: str
) -> None:
    path = tmp_path / "list.csv"
    rows = ["Name;Phone", f"Zoë;{PERSON}", "Ann;(415) 555-0101", "Bob;n/a"]
    path.write_bytes(newline.join([*rows, ""]).encode())
    account = services.store.directory.current(fresh=True).accounts["acme"]
    services.consent.opt_out(account, PERSON, source=Source.ADMIN, actor="ann")
    target = io.StringIO(newline="")
    (*_, last) = scrub(services.store, ScrubOrder(account), path, target)
    assert dict(last.counts) == {"allowed": 1, "opted_out": 1, "invalid": 1}
    written = target.getvalue().encode("latin-1").decode().split(newline)
    added = [";allowed;reason", ";no;opted_out (account)", ";yes;", ";no;invalid (letters)"]
    assert written == [row + more for row, more in zip(rows, added, strict=True)] + [""]


def test_the_commands_import_scrub_export_and_undo(
    environment: dict[str, str], services: Services, tmp_path: Path
) -> None:
    write_list(tmp_path / "list.csv")
    runner = CliRunner(env=environment)

    def run(*arguments: str) -> str:
        result = runner.invoke(main, [*arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    report = tmp_path / "report.csv"
    name = run("import", str(tmp_path / "list.csv"), "--account", "acme", "--report", str(report)).split()[-1]
    assert [line.split(",")[:3] for line in report.read_text(encoding="utf-8").splitlines()[1:]] == [
        ["3", "(415) 555-0100", "duplicate"], ["5", "", "invalid"], ["6", "n/a", "invalid"],
    ]  # fmt: skip
    run("scrub", str(tmp_path / "list.csv"), str(tmp_path / "out.csv"), "--account", "acme")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").count("opted_out (account)") == 3
    exported = run("export", "-", "--account", "acme").splitlines()
    assert len(exported) == 1 + 2
    assert all(",both,account," in line for line in exported[1:])
    run("verify")
    run("import", str(tmp_path / "list.csv"), "--account", "acme", "--undo", name)
    assert len(run("export", "-", "--account", "acme").splitlines()) == 1
    assert isinstance(Normaliser("US").one("n/a"), NumberProblem)


def test_the_command_takes_contacts_and_what_the_columns_are(
    environment: dict[str, str], services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"who;where to\nAnn;{PERSON}\nBen;{OTHER}\n", encoding="utf-8")
    runner = CliRunner(env=environment)
    common = ["import", str(path), "--account", "acme", "--map", "where to=phone", "--map", "who=first_name"]
    tried = runner.invoke(main, [*common, "--kind", "contacts", "--audience", "news", "--dry-run"])
    assert (tried.exit_code, tried.stdout.split()[0]) == (0, "finished"), tried.output
    assert "created" in tried.stderr
    done = runner.invoke(main, [*common, "--kind", "contacts", "--audience", "news"])
    assert done.exit_code == 0, done.output
    assert list(services.store.audiences.are_members([PERSON, OTHER], "acme", "news")) == [True, True]
    name = runner.invoke(main, [*common[:-2], "--channel", "text"]).stdout.split()[-1]
    told = runner.invoke(main, ["import", str(path), "--undo", name, "--dry-run"])
    assert told.exit_code == 0, told.output
    assert "An undo would" in told.stderr
    account = services.store.directory.current(fresh=True).accounts["acme"]
    assert len(services.consent.blocks(account, PERSON)) == 1
    assert runner.invoke(main, [*common, "--map", "oops"]).exit_code == 2
