"""Importing a file with names, dates and junk, beside Postgres: COPY, upsert with a unique index, a history row."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bench.postgres import Postgres
from bench.store.files import HEADER, rows_of, write_csv
from bench.store.numbers import random_numbers
from bench.store.parts import compare, load, note, running_store, seconds, table
from gateway.clock import Clock
from gateway.imports import Imports, summary_of
from gateway.lists.columns import guess_columns
from gateway.lists.dates import milliseconds_of
from gateway.lists.reading import open_table
from gateway.normalising import Normaliser
from store import Store
from store.directory import Account

_ACCOUNT = Account("acme", "Acme", "US")


def _ours(store: Store, path: Path, name: str) -> dict[str, int]:
    imports = Imports(store, Clock())
    with imports.converted_once(path):
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
        numbers, dates = normaliser.column(block.column(columns.number)), block.column(columns.opted_out_at)
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


def _already_in(postgres: Postgres, numbers: int) -> None:
    postgres.run(_SCHEMA)
    postgres.run_with_rows(
        "CREATE TEMP TABLE n (number bigint);",
        "COPY n FROM stdin;",
        (number[1:] for number in set(random_numbers(numbers))),
        "INSERT INTO opt_outs SELECT number, now(), now(), 7, 'load' FROM n;",
    )


def run(numbers: int, rows: int, rounds: int) -> None:
    """Print rates into a store that has `numbers` already, for CSV, Postgres and spreadsheet; and of the undo.

    Every round has numbers of its own, and so has the spreadsheet: rows that are nearly all new.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        running_store("aof") as (_, store),
        Postgres() as postgres,
    ):
        note("writing the files")
        lists = [Path(folder) / f"list{index}.csv" for index in range(rounds)]
        sheets = [Path(folder) / f"list{index}.xlsx" for index in range(rounds)]
        for index in range(rounds):
            write_csv(lists[index], list(random_numbers(rows, seed=5 + index)))
            _write_xlsx(sheets[index], list(random_numbers(rows, seed=105 + index)))
        note(f"loading {numbers:,}")
        load(store, random_numbers(numbers))
        _already_in(postgres, numbers)
        store.client.config_resetstat()
        compared = compare(
            lambda index: _ours(store, lists[index], f"csv{index}"),
            lambda index: _theirs(postgres, lists[index]),
            rounds,
        )
        server = store.client.info("commandstats")["cmdstat_fcall"]["usec"] / rows / rounds
        note("spreadsheets")
        sheet_seconds = median(seconds(partial(_ours, store, sheets[index], f"xlsx{index}")) for index in range(rounds))
        note("undo")
        undo_seconds = seconds(lambda: _undo(store, "csv0"))
    xlsx = f"{sheet_seconds / compared.ours:.2f} x the time of CSV"
    results = [
        (
            "CSV, appendfsync always, journal, outcomes",
            f"{rows / compared.ours:,.0f}",
            f"{compared.ratio:.2f} x Postgres",
        ),
        ("the same into Postgres 15", f"{rows / compared.theirs:,.0f}", ""),
        ("xlsx of as many rows", f"{rows / sheet_seconds:,.0f}", xlsx),
        ("undo of a CSV import", f"{rows / undo_seconds:,.0f}", ""),
    ]
    title = f"Import of {rows:,} rows into {numbers:,} (medians of {rounds} rounds in turns)"
    table(title, ("what", "rows/s", "ratio"), results)
    client = compared.processor / rows * 1e6
    print(f"a row of CSV takes {client:.1f} µs of processor time here and {server:.1f} µs in the server's function")
