"""What is in an uploaded file, before it is imported: for whoever maps its columns."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.import_orders import reading_of, sample_of
from gateway.lists.columns import Columns, guess, targets_of
from gateway.lists.dates import MONTH_FIRST, DateReader
from gateway.lists.reading import ListFileError, open_table
from gateway.lists.targets import OPT_OUTS
from gateway.lists.words import channels_of, says_opted_out
from gateway.normalising import Normaliser
from gateway.phone import SENTENCES, NumberProblem

_ROWS = 200
_SHOWN = 5
_LONGEST_CELL = 100


@dataclass(frozen=True, slots=True)
class Preview:
    """What is in a file. targets, samples: for each column. rows, numbers: how many were looked at, and were usable."""

    header: tuple[str, ...]
    targets: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]
    format: str
    encoding: str
    delimiter: str
    has_header: bool
    date_order: str
    rows: int
    numbers: int
    problems: tuple[str, ...]


def preview_of(
    path: Path,
    *,
    kind: str = OPT_OUTS,
    country: str = "",
    mapping: Mapping[str, str] | None = None,
    delimiter: str = "",
    date_order: str = "",
    timezone: str = "UTC",
) -> Preview:
    """What is in a file.

    Args:
        path: the file.
        kind: what it is a list of.
        country: for numbers without a country code, or "".
        mapping: header -> target field, of what the uploader said already.
        delimiter, date_order, timezone: as for an import.

    Raises:
        ListFileError: it cannot be read at all. What can be mended is among the problems.
        ValueError: there is no such time zone.
    """
    DateReader(zone=timezone)
    normaliser = Normaliser(country or None)
    with closing(open_table(path, _ROWS, delimiter or None)) as table:
        guessed = guess(table.header, normaliser, kind)
        first = [] if guessed.has_header else [list(table.header)]
        sample = [*first, *sample_of(table, _ROWS)]
        targets, columns, problems = guessed.targets, None, []
        try:
            reading = reading_of(
                table, kind=kind, country=country, mapping=mapping or {}, date_order=date_order, sample=sample
            )
        except ListFileError as error:
            problems.append(str(error))
        else:
            guessed, columns, date_order = reading.guessed, reading.columns, reading.date_order
            targets = targets_of(table.header, columns)
        order = date_order or MONTH_FIRST
        found = _found(sample, columns, normaliser)
        if columns is not None:
            problems += _problems(sample, columns, found, DateReader(order, timezone))
        return Preview(
            header=table.header,
            targets=targets,
            samples=tuple(_samples(sample, index) for index in range(len(table.header))),
            format=guessed.format.name if guessed.format else "",
            encoding=table.encoding,
            delimiter=table.delimiter,
            has_header=guessed.has_header,
            date_order=order,
            rows=len(sample),
            numbers=sum(number[0] == "+" for number in found),
            problems=tuple(problems),
        )


def _column(sample: Sequence[Sequence[str]], index: int | None) -> list[str]:
    if index is None:
        return []
    return [row[index] if index < len(row) else "" for row in sample]


def _samples(sample: Sequence[Sequence[str]], index: int) -> tuple[str, ...]:
    filled = [cell[:_LONGEST_CELL] for cell in _column(sample, index) if cell.strip()]
    return tuple(filled[:_SHOWN])


def _found(sample: Sequence[Sequence[str]], columns: Columns | None, normaliser: Normaliser) -> Sequence[str]:
    """The number of each row, or why it is none."""
    return normaliser.column(_column(sample, columns.phone)) if columns is not None else []


def _problems(
    sample: Sequence[Sequence[str]], columns: Columns, found: Sequence[str], dates: DateReader
) -> Iterator[str]:
    if not sample:
        yield "The file has a header and no rows."
    faults = Counter(number for number in found if number[0] != "+")
    for fault, count in faults.most_common():
        have = "has" if count == 1 else "have"
        yield f"{count} of the first {len(found)} rows {have} no usable number: {SENTENCES[NumberProblem(fault)]}"
    checks: tuple[tuple[int | None, Callable[[str], object], str], ...] = (
        (columns.opted_out_at, dates.milliseconds, "have a date that cannot be read; they count from the import."),
        (columns.channel, channels_of, "have a channel that cannot be read; the import's own counts."),
    )
    for index, read, what in checks:
        unread = sum(1 for cell in _column(sample, index) if cell.strip() and not read(cell))
        if unread:
            yield f"{unread} of the first {len(sample)} rows {what}"
    said = _column(sample, columns.opted_out)
    left_out = sum(1 for cell in said if not says_opted_out(cell, columns.only))
    if left_out:
        yield f"{left_out} of the first {len(sample)} rows do not say that the person opted out; they are skipped."
