"""python -m bench.store memory|check|scrub|imports|latency|cluster --numbers N"""

import click

_numbers = click.option("--numbers", default=1_000_000, show_default=True, help="Opt-outs in the store.")
_rows = click.option("--rows", default=1_000_000, show_default=True, help="Rows of the list.")
_rounds = click.option("--rounds", default=5, show_default=True, help="Both sides in turns; medians are printed.")


@click.group(help=__doc__)
def main() -> None:
    """See the module."""


@main.command()
@_numbers
@click.option("--simulate", is_flag=True, help="Also 1M to 1B, each measured on one of its hundred shards.")
def memory(numbers: int, *, simulate: bool) -> None:
    """Bytes per opted-out number."""
    from bench.store import memory as bench

    bench.run(numbers, simulate=simulate)


@main.command()
@_numbers
@_rows
@_rounds
def check(numbers: int, rows: int, rounds: int) -> None:
    """Checking a list of normalised numbers, and scrubbing a CSV file."""
    from bench.store import checks

    checks.run(numbers, rows, rounds)


@main.command()
@_numbers
@_rows
@_rounds
def imports(numbers: int, rows: int, rounds: int) -> None:
    """Importing a CSV file and a spreadsheet, with journal and per-row results."""
    from bench.store import imports as bench

    bench.run(numbers, rows, rounds)


@main.command()
@_numbers
@_rows
@click.option("--rate", default=200, show_default=True, help="Questions to the gate in a second.")
def latency(numbers: int, rows: int, rate: int) -> None:
    """The gate while an import runs beside it."""
    from bench.store import latency as bench

    bench.run(numbers, rows, rate)


@main.command()
@_numbers
@_rows
def cluster(numbers: int, rows: int) -> None:
    """A cluster of three against one server."""
    from bench.store import cluster as bench

    bench.run(numbers, rows)


if __name__ == "__main__":
    main()
