"""Importing a file with names, dates and junk, beside Postgres: COPY, upsert with a unique index, a history row."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.postgres import Postgres
from bench.store.files import HEADER, rows_of, write_csv
from bench.store.numbers import random_numbers
from bench.store.parts import load, note, running_store, seconds, table
from gateway.clock import Clock
from gateway.imports import Imports, summary_of
from gateway.lists.columns import guess_columns
from gateway.lists.dates import milliseconds_of
from gateway.lists.reading import open_table
from gateway.normalising import Normaliser
from store import Store
from store.directory import Account
from store.journal import ROW_OUTCOMES

_ACCOUNT = Account("acme", "Acme", "US")


def _ours(store: Store, path: Path, name: str) -> dict[str, int]:
    imports = Imports(store, Clock())
    record = imports.create(_ACCOUNT, name, imports.order(_ACCOUNT, path, actor="bench"))
    for progress in imports.run(record.id, path):
        last = progress.record
    return summary_of(last.counts)


def _undo(store: Store, name: str) -> None:
    from store.consent import Source

    for _ in Imports(store, Clock()).undo(name, source=Source.ADMIN, actor="bench"):
        pass


_SCHEMA = """
CREATE TABLE opt_outs (number bigint NOT NULL, since timestamptz NOT NULL, latest timestamptz NOT NULL,
                       source smallint NOT NULL, batch text);
CREATE UNIQUE INDEX ON opt_outs (number);
CREATE TABLE history (id bigserial PRIMARY KEY, number bigint NOT NULL, at timestamptz NOT NULL,
                      recorded timestamptz NOT NULL DEFAULT now(), batch text, outcome text);
"""
_UPSERT = """
BEGIN;
CREATE TEMP TABLE results AS
  WITH changed AS (
    INSERT INTO opt_outs (number, since, latest, source, batch)
    SELECT DISTINCT ON (number) number, at, at, 7, 'b' FROM rows ORDER BY number, row
    ON CONFLICT (number) DO UPDATE SET latest = excluded.latest
      WHERE opt_outs.source = 7 AND excluded.latest > opt_outs.latest
    RETURNING number, (xmax = 0) AS new)
  SELECT row, rows.number, at,
         CASE WHEN new THEN 'opted_out' WHEN new IS NULL THEN 'kept' ELSE 'refreshed' END AS outcome
  FROM rows LEFT JOIN changed USING (number);
INSERT INTO history (number, at, batch, outcome) SELECT number, at, 'b', outcome FROM results WHERE outcome <> 'kept';
COMMIT;
SELECT row, outcome FROM results;
"""


def _lines(path: Path) -> Iterator[str]:
    """The same reading, normalising and dates in front of Postgres."""
    opened, normaliser = open_table(path), Normaliser("US")
    columns = guess_columns(opened, normaliser)
    assert columns.opted_out_at is not None
    for block in opened.blocks:
        numbers, dates = normaliser.column(block.column(columns.phone)), block.column(columns.opted_out_at)
        for index, (number, date) in enumerate(zip(numbers, dates, strict=True)):
            if number[0] == "+":
                yield f"{block.first_row + index}\t{number[1:]}\t{(milliseconds_of(date) or 0) // 1000}"


def _theirs(postgres: Postgres, path: Path) -> dict[str, str]:
    printed = postgres.run_with_rows(
        "CREATE TEMP TABLE raw (row int, number bigint, seconds bigint);",
        "COPY raw FROM stdin;",
        _lines(path),
        "CREATE TEMP TABLE rows AS SELECT row, number, to_timestamp(seconds) AS at FROM raw;" + _UPSERT,
    )
    return dict(line.split("|") for line in printed.split())


def _write_xlsx(path: Path, numbers: list[str]) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    for index, row in enumerate([HEADER, *rows_of(numbers)]):
        sheet.write_row(index, 0, row)
    book.close()


def run(numbers: int, rows: int) -> None:
    """Print rates into a store that has `numbers` already, for CSV, spreadsheet and Postgres; and of the undo."""
    results: list[tuple[object, ...]] = []
    asked = list(random_numbers(rows, seed=5))
    with tempfile.TemporaryDirectory() as folder:
        path, sheet = Path(folder) / "list.csv", Path(folder) / "list.xlsx"
        write_csv(path, asked)
        note("writing the spreadsheet")
        _write_xlsx(sheet, asked[: min(rows, 1_000_000)])
        with running_store("aof") as (_, store):
            note(f"loading {numbers:,}")
            load(store, random_numbers(numbers))
            csv_seconds = seconds(lambda: print(_ours(store, path, "csv")))
            server = store.client.info("commandstats")["cmdstat_fcall"]["usec"]
            undo_seconds = seconds(lambda: _undo(store, "csv"))
            sheet_seconds = seconds(lambda: _ours(store, sheet, "xlsx"))
        with Postgres() as postgres:
            postgres.run(_SCHEMA)
            postgres.run_with_rows(
                "CREATE TEMP TABLE n (number bigint);",
                "COPY n FROM stdin;",
                (number[1:] for number in set(random_numbers(numbers))),
                "INSERT INTO opt_outs SELECT number, now(), now(), 7, 'load' FROM n;",
            )
            their_seconds = seconds(lambda: _theirs(postgres, path))
    ratio = f"{their_seconds / csv_seconds:.2f} x Postgres"
    results.append(("CSV, appendfsync always, journal, outcomes", f"{rows / csv_seconds:,.0f}", ratio))
    results.append(("the same into Postgres 15", f"{rows / their_seconds:,.0f}", ""))
    xlsx_ratio = f"{sheet_seconds / csv_seconds:.2f} x the time of CSV"
    results.append(("xlsx of the same rows", f"{min(rows, 1_000_000) / sheet_seconds:,.0f}", xlsx_ratio))
    results.append(("undo of the CSV import", f"{rows / undo_seconds:,.0f}", ""))
    table(f"Import of {rows:,} rows into {numbers:,} ({', '.join(list(ROW_OUTCOMES.values())[:2])}, ...)",
          ("what", "rows/s", "ratio"), results)  # fmt: skip
    print(f"server time in functions, loading included: {server / (rows + numbers):.1f} µs a row")
