"""The rows of a list of contacts: each becomes a contact; those that say so are opted out first."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from gateway.clock import Clock
from gateway.contact_rows import ContactRow, RowOutcome
from gateway.contacts import Contacts
from gateway.import_orders import ImportOrder
from gateway.import_reports import BlockResult, RowReport
from gateway.import_rows import OptOutRows, RowsOfBlock, read_block
from gateway.lists.columns import Columns
from gateway.lists.reading import Block, Table, true_text, true_texts
from gateway.normalising import Normaliser
from store import Store
from store.consent import milliseconds
from store.contacts import Phone
from store.imports import ImportRecord

_BETWEEN_NUMBERS = re.compile(r"[,;/\n]")
_LONGEST_LABEL = 40


class ContactRows:
    """Runs blocks of lists of contacts."""

    def __init__(self, store: Store, clock: Clock, contacts: Contacts) -> None:
        self._store = store
        self._clock = clock
        self._contacts = contacts
        self._opt_outs = OptOutRows(store, clock)

    def run(
        self, record: ImportRecord, order: ImportOrder, columns: Columns, table: Table, block: Block, name: str
    ) -> BlockResult:
        """Take the contacts of a block. Doing the newest block again changes nothing and answers the same.

        A row with a date of an opt-out (or one that says yes where the list says who opted out) is appended to its
        contact, which is then opted out and joins nothing (seed 000).

        Raises:
            StoreError: some may be taken; running it again completes it.
        """
        asking = self._asking(order, columns, table, block)
        stopping = {index for indexes, _ in asking.groups.values() for index in indexes} if asking else set[int]()
        rows = list(_rows(block, table, order, columns))
        outcomes = self._take(record, order, [rows[index] for index in sorted(stopping)], audience="", reset=False)
        also = self._opt_outs.apply(record, order, asking, name) if asking else Counter[str]()
        others = [row for index, row in enumerate(rows) if index not in stopping]
        outcomes += self._take(record, order, others, audience=order.audience, reset=order.reset)
        outcomes.sort(key=attrgetter("row"))
        counts = Counter(outcome.outcome for outcome in outcomes)
        return BlockResult(counts, _reports(block, table, columns, outcomes), also)

    def _take(
        self, record: ImportRecord, order: ImportOrder, rows: Sequence[ContactRow], *, audience: str, reset: bool
    ) -> list[RowOutcome]:
        if not rows:
            return []
        account = self._store.directory.current().accounts[record.account]
        return list(
            self._contacts.take_rows(
                account, rows, audience=audience, reset=reset, actor=order.actor, batch=record.id, dry=order.dry_run
            )
        )

    def _asking(self, order: ImportOrder, columns: Columns, table: Table, block: Block) -> RowsOfBlock | None:
        """The rows that say that the person opted out."""
        if columns.phone is None or (columns.opted_out_at is None and columns.opted_out is None):
            return None
        only = None
        if columns.opted_out is None and columns.opted_out_at is not None:
            only = [index for index, cell in enumerate(block.column(columns.opted_out_at)) if cell.strip()]
        return read_block(block, table.encoding, order, columns, milliseconds(self._clock.now()), only)


def _rows(block: Block, table: Table, order: ImportOrder, columns: Columns) -> Iterator[ContactRow]:
    def texts(index: int | None) -> Sequence[str]:
        if index is None:
            return [""] * len(block)
        return [cell.strip() for cell in true_texts(block.column(index), table.encoding)]

    ids, first, last = texts(columns.contact_id), texts(columns.first_name), texts(columns.last_name)
    properties = [(name, texts(index)) for name, index in columns.properties.items()]
    phones = list(_phones(block, table, order, columns))
    for index in range(len(block)):
        yield ContactRow(
            row=block.first_row + index,
            contact_id=ids[index],
            first_name=first[index],
            last_name=last[index],
            phones=phones[index],
            properties={name: cells[index] for name, cells in properties if cells[index]},
        )


def _phones(block: Block, table: Table, order: ImportOrder, columns: Columns) -> Iterator[tuple[Phone, ...]]:
    """The phones of each row, the primary one first; a cell with several numbers has them all."""
    normaliser = Normaliser(order.default_country or None)
    found: list[list[Phone]] = [[] for _ in range(len(block))]
    if columns.phone is not None:
        cells = true_texts(block.column(columns.phone), table.encoding)
        for phones, cell, number in zip(found, cells, normaliser.column(cells), strict=True):
            if cell.strip():
                phones.append(Phone(number))
    for column in columns.other_phones:
        label = order.header[column][:_LONGEST_LABEL] if column < len(order.header) else ""
        for phones, cell in zip(found, true_texts(block.column(column), table.encoding), strict=True):
            parts = [part for part in _BETWEEN_NUMBERS.split(cell) if part.strip()]
            phones += [Phone(number, label) for number in normaliser.column(parts)] if parts else []
    return (tuple(_once(phones)) for phones in found)


def _once(phones: Iterable[Phone]) -> Iterator[Phone]:
    """Each number once, where it stands first."""
    seen: set[str] = set()
    for phone in phones:
        if phone.number not in seen:
            yield phone
        seen.add(phone.number)


def _reports(block: Block, table: Table, columns: Columns, outcomes: Sequence[RowOutcome]) -> list[RowReport]:
    """Rows that did not do what was asked, or not all of it."""
    reports = []
    for index, one in enumerate(outcomes):
        if one.outcome in {"opted_out", "invalid"} or one.code:
            cells = [true_text(cell, table.encoding) for cell in block.row(index)]
            number = cells[columns.phone] if columns.phone is not None and columns.phone < len(cells) else ""
            reports.append(RowReport(one.row, number, one.outcome, one.code, cells, one.sentence))
    return reports
