"""Checking and scrubbing a list against many opt-outs, beside Postgres: COPY to a temporary table and a join."""

import io
import random
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from bench.postgres import Postgres
from bench.store.files import write_csv
from bench.store.numbers import random_numbers
from bench.store.parts import ACME, SENDER, load, note, running_store, seconds, table
from gateway.lists.columns import guess_columns
from gateway.lists.reading import open_table
from gateway.normalising import Normaliser
from gateway.scrubbing import ScrubOrder, scrub
from store import Store
from store.directory import Account
from store.scopes import scopes_of_send

_SCOPES = scopes_of_send("acme", SENDER, "newsletter")
_BLOCK = 250_000
_TIMES = 3


def _list_of(opted_out: int, rows: int) -> list[str]:
    """A list of which a tenth has opted out."""
    numbers = list(islice(random_numbers(opted_out), rows // 10)) + list(random_numbers(rows - rows // 10, seed=2))
    random.Random(3).shuffle(numbers)
    # Strings that lie in memory in the order of the list, as they do when a file has been read.
    return "\n".join(numbers).split("\n")


def _ours(store: Store, numbers: Sequence[str]) -> list[int]:
    blocks = (numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK))
    return [code for block in store.bulk.check_blocks(blocks, _SCOPES) for code in block]


def _theirs(postgres: Postgres, numbers: Sequence[str]) -> list[bool]:
    printed = postgres.run_with_rows(
        "CREATE TEMP TABLE asked (number bigint);",
        "COPY asked FROM stdin;",
        (number[1:] for number in numbers),
        "ANALYZE asked; SELECT number FROM asked JOIN opt_outs USING (number);",
    )
    blocked = set(printed.split())
    return [number[1:] in blocked for number in numbers]


def _scrub_ours(store: Store, path: Path) -> str:
    target = io.StringIO(newline="")
    order = ScrubOrder(Account("acme", "Acme", "US"), SENDER, "newsletter")
    for _ in scrub(store, order, path, target):
        pass
    return target.getvalue()


def _scrub_theirs(postgres: Postgres, path: Path) -> str:
    """The same reading, normalising and writing around their check."""
    opened, normaliser = open_table(path), Normaliser("US")
    columns = guess_columns(opened, normaliser)
    blocks = list(opened.blocks)
    opened.close()
    numbers = [number for block in blocks for number in normaliser.column(block.column(columns.phone))]
    good = [number for number in numbers if number[0] == "+"]
    blocked = {number for number, out in zip(good, _theirs(postgres, good), strict=True) if out}
    lines = [",".join([*opened.header, "allowed", "reason"])]
    at = iter(numbers)
    for block in blocks:
        for line, number in zip(block.lines or (), at, strict=False):
            word = "no,invalid" if number[0] != "+" else "no,opted_out" if number in blocked else "yes,"
            lines.append(f"{line},{word}")
    return "\n".join(lines)


def _best(work: object) -> float:
    assert callable(work)
    return min(seconds(work) for _ in range(_TIMES))


def run(numbers: int, rows: int) -> None:
    """Print rates at a tenth of the numbers and at all of them, and Postgres at all of them."""
    asked, results = _list_of(numbers // 10, rows), []
    with running_store("everysec") as (_, store), Postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        small = numbers // 10
        note(f"loading {small:,}")
        load(store, random_numbers(small), "small")
        few = _best(lambda: _ours(store, asked))
        results.append((f"check {rows:,}", f"{small:,}", "Stopgate", f"{rows / few:,.0f}", ""))
        note(f"loading {numbers:,}")
        load(store, islice(random_numbers(numbers), small, None), "large")
        postgres.run_with_rows(
            "CREATE TABLE opt_outs (number bigint NOT NULL, since timestamptz NOT NULL DEFAULT now());",
            "COPY opt_outs (number) FROM stdin;",
            (number[1:] for number in set(random_numbers(numbers))),
            "CREATE UNIQUE INDEX ON opt_outs (number); VACUUM ANALYZE opt_outs;",
        )
        ours, theirs = _best(lambda: _ours(store, asked)), _best(lambda: _theirs(postgres, asked))
        answers = [bool(code) for code in _ours(store, asked)]
        assert answers == _theirs(postgres, asked), "both sides say the same of every number"
        results.append(
            (f"check {rows:,}", f"{numbers:,}", "Stopgate", f"{rows / ours:,.0f}", f"{theirs / ours:.2f} x Postgres")
        )
        results.append((f"check {rows:,}", f"{numbers:,}", "Postgres 15", f"{rows / theirs:,.0f}", ""))
        path = Path(folder) / "list.csv"
        write_csv(path, asked)
        ours, theirs = _best(lambda: _scrub_ours(store, path)), _best(lambda: _scrub_theirs(postgres, path))
        results.append(
            (f"scrub {rows:,}", f"{numbers:,}", "Stopgate", f"{rows / ours:,.0f}", f"{theirs / ours:.2f} x Postgres")
        )
        results.append((f"scrub {rows:,}", f"{numbers:,}", "Postgres 15", f"{rows / theirs:,.0f}", ""))
    print(
        f"\nchecks: {few * numbers / numbers / rows * 1e6:.2f} µs at {small:,}; scopes asked: {len(_SCOPES)}, used: {ACME.key}"
    )
    table("Lists against opt-outs (best of three)", ("what", "opt-outs", "who", "rows/s", "ratio"), results)
