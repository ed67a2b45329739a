"""What an import is to do, as it is written down with it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateway.lists.columns import Columns, Guess, columns_of, guess, position_of
from gateway.lists.dates import DAY_FIRST, MONTH_FIRST, DateReader, order_of_dates
from gateway.lists.reading import ROWS_IN_BLOCK, ListFileError, Table, true_text
from gateway.lists.targets import OPT_OUTS
from gateway.normalising import Normaliser
from store.batches import Batch
from store.imports import ImportRecord
from store.scopes import ALL_CHANNELS, Channel, Scope

_PRINTED = 1_000_000
# Where people write the month first; everywhere else, the day.
_MONTH_FIRST_COUNTRIES = {"", "US", "PR", "GU", "VI", "AS", "MP", "PH", "FM", "MH", "PW"}


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What an import is to do.

    file: its name, for people. fingerprint: see `fingerprint_of`. columns: where to look in a row; None until the
    file has been looked at. header: the file's first row. kind: what it is a list of. sender, audience: narrow an
    opt-out to one of them; contacts join the audience. channels: what an opt-out blocks, where no column says it.
    default_country: for numbers without a country code. opted_out_at: for rows without a date; when the import was
    made, when left out, and then `dated` is false. date_order, timezone: see DateReader. mapping, phone, date: how
    the columns were named. reset: contacts that opted out before come back, as far as an admin may do that. upload:
    where the file is kept. actor, note: who and why, for the journal.
    """

    file: str
    fingerprint: str
    columns: Columns | None
    actor: str
    kind: str = OPT_OUTS
    header: tuple[str, ...] = ()
    sender: str = ""
    audience: str = ""
    channels: tuple[Channel, ...] = ALL_CHANNELS
    default_country: str = ""
    opted_out_at: int = 0
    dated: bool = True
    date_order: str = ""
    timezone: str = "UTC"
    delimiter: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    rows_in_block: int = ROWS_IN_BLOCK
    reset: bool = False
    upload: str = ""
    note: str = ""
    dry_run: bool = False

    @property
    def dates(self) -> DateReader:
        """Reads its dates."""
        return DateReader(self.date_order or MONTH_FIRST, self.timezone)

    def document(self) -> dict[str, Any]:
        """The order as JSON has it."""
        return asdict(self)


def order_of(record: ImportRecord) -> ImportOrder:
    """The order of a record."""
    fields: dict[str, Any] = dict(record.order)
    fields["columns"] = Columns.of(fields["columns"]) if fields["columns"] is not None else None
    fields["channels"] = tuple(Channel(channel) for channel in fields["channels"])
    fields["header"] = tuple(fields.get("header", ()))
    return ImportOrder(**fields)


def batch_of(record: ImportRecord, order: ImportOrder, channels: Sequence[Channel] | None = None) -> Batch:
    """What the rows of an import have in common. channels: those of some rows, where a column says them."""
    scope = Scope.of_account(record.account)
    if order.sender:
        scope = Scope.of_account_sender(record.account, order.sender)
    elif order.audience and order.kind == OPT_OUTS:
        scope = Scope.of_audience(record.account, order.audience)
    undated = 0 if order.dated else order.opted_out_at
    return Batch(
        record.id,
        scope,
        tuple(channels or order.channels),
        dry_run=order.dry_run,
        at=record.created_at,
        undated=undated,
    )


def fingerprint_of(path: Path) -> str:
    """A digest of a file's size, beginning and end: the file that an import is resumed with has to be the same."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_PRINTED))
        file.seek(max(0, size - _PRINTED))
        digest.update(file.read(_PRINTED))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read, as it says itself and the uploader said: header, columns, order of its dates."""

    header: tuple[str, ...]
    guessed: Guess
    columns: Columns
    date_order: str


def reading_of(
    table: Table,
    *,
    kind: str,
    country: str,
    mapping: Mapping[str, str],
    date_order: str = "",
    sample: Sequence[Sequence[str]] = (),
) -> Reading:
    """How a table is to be read.

    Args:
        table: freshly opened.
        kind: what it is a list of.
        country: the default country, or "".
        mapping: header -> target field, for columns that are not to be guessed.
        date_order: when the uploader said it.
        sample: some rows; they tell which of day and month stands first.

    Raises:
        ListFileError: the mapping does not fit the file.
    """
    guessed = guess(table.header, Normaliser(country or None), kind)
    if mapping and not guessed.has_header and not _has_number_only(mapping, table.header):
        guessed = Guess(guessed.targets, has_header=True)
    columns = columns_of(table.header, mapping, guessed, kind)
    at = columns.opted_out_at
    cells = [row[at] for row in sample if at is not None and at < len(row)]
    usual = MONTH_FIRST if country in _MONTH_FIRST_COUNTRIES else DAY_FIRST
    return Reading(table.header, guessed, columns, date_order or order_of_dates(cells) or usual)


def _has_number_only(mapping: Mapping[str, str], header: Sequence[str]) -> bool:
    """A file without a header is mapped by the cells of its first row."""
    return all(name in header or position_of(name, header) is not None for name in mapping)


def sample_of(table: Table, rows: int) -> list[list[str]]:
    """The first rows after the header, as text. Raises ListFileError."""
    for block in table.blocks:
        return [
            [true_text(cell, table.encoding) for cell in block.row(index)] for index in range(min(rows, len(block)))
        ]
    return []


def named_columns(phone: str | None, date: str | None) -> dict[str, str]:
    """A mapping of the two columns that a command names."""
    named = {phone: "phone", date: "opted_out_at"}
    return {header: target for header, target in named.items() if header}


__all__ = [
    "ImportOrder",
    "ListFileError",
    "Reading",
    "batch_of",
    "fingerprint_of",
    "named_columns",
    "order_of",
    "reading_of",
    "sample_of",
]
