"""python -m bench.numbers [--all]: the fast normaliser against libphonenumber, rates and agreement.

With --all every exchange of every North American area code, in three forms, for the installed metadata: some minutes.
"""

import time

import click
import phonenumbers

from bench.store.numbers import area_codes, random_numbers
from gateway.normalising import Normaliser
from gateway.phone import InvalidNumber, normalise

_SAMPLE = 200_000
_SLOW_SAMPLE = 5000


def slow(text: str) -> str:
    """What normalise says."""
    try:
        return normalise(text, "US")
    except InvalidNumber as error:
        return error.code


def _rates() -> None:
    numbers = list(random_numbers(_SAMPLE))
    forms = {
        "E.164": numbers,
        "(415) 555-0100": [f"({number[2:5]}) {number[5:8]}-{number[8:]}" for number in numbers],
        "ten digits": [number[2:] for number in numbers],
        "+44 and ten digits": [f"+447{number[3:]}" for number in numbers],
    }
    for name, cells in forms.items():
        started = time.perf_counter()
        Normaliser("US").column(cells)
        fast_rate = len(cells) / (time.perf_counter() - started)
        started = time.perf_counter()
        for cell in cells[:_SLOW_SAMPLE]:
            slow(cell)
        slow_rate = _SLOW_SAMPLE / (time.perf_counter() - started)
        print(f"{name:20} {fast_rate:12,.0f} rows/s  {fast_rate / slow_rate:6.1f} x libphonenumber")


def _agreement(every: int) -> int:
    compared = 0
    for area in range(100, 1000):
        cells = [
            f"{form}{area}{exchange:03d}{(exchange * 7919 + area) % 10_000:04d}"
            for exchange in range(0, 1000, every)
            for form in ("+1", "1", "")
        ]
        for cell, fast in zip(cells, Normaliser("US").column(cells), strict=True):
            if fast != slow(cell):
                raise SystemExit(f"{cell!r}: fast says {fast!r}, libphonenumber {slow(cell)!r}")
        compared += len(cells)
    return compared


@click.command(help=__doc__)
@click.option("--all", "everything", is_flag=True, help="Compare every exchange.")
def main(*, everything: bool) -> None:
    """See the module."""
    print(f"phonenumbers {phonenumbers.__version__}; {len(area_codes())} area codes in use")
    _rates()
    compared = _agreement(1 if everything else 50)
    print(f"{compared:,} numbers compared, no difference")


if __name__ == "__main__":
    main()
