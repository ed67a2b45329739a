"""Exports of opt-outs: exactly what a filter takes, in the order of the list, in every format there is."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.lists.writing import FORMATS, Cell, Column, ColumnKind, Format, WriteOptions
from gateway.opt_out_filters import OptOutFilter, Sort, in_words
from gateway.opt_out_lists import OptOut, OptOutLists
from store.directory import Account

COLUMNS = (
    Column("number", ColumnKind.PHONE, 16),
    Column("channel", width=8),
    Column("scope", width=16),
    Column("sender", ColumnKind.PHONE, 16),
    Column("audience", width=16),
    Column("since", ColumnKind.MOMENT, 20),
    Column("added", ColumnKind.MOMENT, 20),
    Column("source", width=10),
    Column("type", width=10),
    Column("note", width=48),
    Column("actor", width=20),
    Column("rule", width=22),
)
"""The columns of an export. `channel` is text, voice or both, as our own imports read it."""

EXPORT_FORMATS = {name: form for name, form in FORMATS.items() if name != "pdf"}
"""Formats that hold a list of any length."""


def export_rows(
    lists: OptOutLists, account: Account, chosen: OptOutFilter, sort: Sort = Sort.NEWEST
) -> Iterator[Sequence[Cell]]:
    """The rows of an export in the order of the list. Raises StoreError.

    An opt-out that is made or lifted meanwhile may or may not be among them; all others are, once.
    """
    return map(_row, lists.items(account, chosen, sort))


def export(
    lists: OptOutLists,
    account: Account,
    chosen: OptOutFilter,
    sort: Sort,
    form: Format,
    *,
    bom: bool = False,
    plain: bool = False,
) -> Iterator[bytes]:
    """An export as a file, piece by piece. bom, plain: see WriteOptions. Raises StoreError."""
    options = WriteOptions(title="Opt-outs", bom=bom, plain=plain, note=in_words(chosen))
    return form.write(COLUMNS, export_rows(lists, account, chosen, sort), options)


def export_name(account: Account, form: Format, now: datetime) -> str:
    """The name of an export's file: "opt-outs-acme-2026-03-01.csv"."""
    return f"opt-outs-{account.id}-{now:%Y-%m-%d}.{form.extension}"


def _row(item: OptOut) -> tuple[Cell, ...]:
    return (
        item.number,
        "both" if len(item.channels) > 1 else item.channels[0].value,
        item.scope.kind.value,
        item.scope.sender or None,
        item.scope.audience or None,
        item.since,
        item.added,
        item.source.label,
        item.who,
        item.note or None,
        item.actor or None,
        item.rule or None,
    )
