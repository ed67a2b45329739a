"""Checking and scrubbing a list against many opt-outs, beside Postgres: COPY to a temporary table and a join."""

import io
import random
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import median

from bench.postgres import Postgres
from bench.store.files import write_csv
from bench.store.numbers import random_numbers
from bench.store.parts import ACME, SENDER, Compared, compare, load, note, running_store, seconds, table
from gateway.lists.columns import guess_columns
from gateway.lists.reading import open_table
from gateway.normalising import Normaliser
from gateway.scrubbing import ScrubOrder, scrub
from store import Store
from store.directory import Account
from store.scopes import scopes_of_send

_SCOPES = scopes_of_send("acme", SENDER, "newsletter")
_BLOCK = 250_000


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
    numbers = [number for block in blocks for number in normaliser.column(block.column(columns.number))]
    good = [number for number in numbers if number[0] == "+"]
    blocked = {number for number, out in zip(good, _theirs(postgres, good), strict=True) if out}
    lines = [",".join([*opened.header, "allowed", "reason"])]
    at = iter(numbers)
    for block in blocks:
        for line, number in zip(block.lines or (), at, strict=False):
            word = "no,invalid" if number[0] != "+" else "no,opted_out" if number in blocked else "yes,"
            lines.append(f"{line},{word}")
    return "\n".join(lines)


def _opted_out_in(postgres: Postgres, numbers: int) -> None:
    postgres.run_with_rows(
        "CREATE TABLE opt_outs (number bigint NOT NULL, since timestamptz NOT NULL DEFAULT now());",
        "COPY opt_outs (number) FROM stdin;",
        (number[1:] for number in set(random_numbers(numbers))),
        "CREATE UNIQUE INDEX ON opt_outs (number); VACUUM ANALYZE opt_outs;",
    )


def _figures(what: str, numbers: int, rows: int, found: Compared) -> list[tuple[str, ...]]:
    mine = (f"{rows / found.ours:,.0f}", f"{found.processor / rows * 1e6:.2f}", f"{found.ratio:.2f} x Postgres")
    theirs = (f"{rows / found.theirs:,.0f}", "", "")
    return [(what, f"{numbers:,}", "Stopgate", *mine), (what, f"{numbers:,}", "Postgres 15", *theirs)]


def run(numbers: int, rows: int, rounds: int) -> None:
    """Print rates at a tenth of the numbers and at all of them, and Postgres at all of them."""
    asked, small = _list_of(numbers // 10, rows), numbers // 10
    with running_store("everysec") as (_, store), Postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        note(f"loading {small:,}")
        load(store, random_numbers(small), "small")
        few = median(seconds(lambda: _ours(store, asked)) for _ in range(rounds))
        note(f"loading {numbers:,}")
        load(store, islice(random_numbers(numbers), small, None), "large")
        _opted_out_in(postgres, numbers)
        answers = [bool(code) for code in _ours(store, asked)]
        assert answers == _theirs(postgres, asked), "both sides say the same of every number"
        checked = compare(lambda _: _ours(store, asked), lambda _: _theirs(postgres, asked), rounds)
        path = Path(folder) / "list.csv"
        write_csv(path, asked)
        scrubbed = compare(lambda _: _scrub_ours(store, path), lambda _: _scrub_theirs(postgres, path), rounds)
    results = _figures(f"check {rows:,}", numbers, rows, checked) + _figures(f"scrub {rows:,}", numbers, rows, scrubbed)
    flat = f"{checked.ours / few:.2f} x the time"
    results.insert(
        0, (f"check {rows:,}", f"{small:,}", "Stopgate", f"{rows / few:,.0f}", "", f"at {numbers:,}: {flat}")
    )
    print(f"scopes asked: {len(_SCOPES)}, used: {ACME.key}")
    header = ("what", "opt-outs", "who", "rows/s", "our client, µs of processor a row", "ratio")
    table(f"Lists against opt-outs (medians of {rounds} rounds in turns)", header, results)
