"""The rows of a block of a list of opt-outs: what each asks for, and what is to be said of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.clock import Clock
from gateway.import_orders import ImportOrder, batch_of
from gateway.import_reports import BlockResult, RowReport
from gateway.lists.columns import Columns
from gateway.lists.reading import Block, Table, true_text, true_texts
from gateway.lists.words import channels_of, says_opted_out
from gateway.normalising import Normaliser
from store import Store
from store.batches import Rows
from store.consent import milliseconds
from store.imports import ImportRecord
from store.journal import ROW_OUTCOMES
from store.scopes import Channel

# A later date for a number that is out changes nothing that anybody sees: it counts as "already".
COUNTED_AS: Mapping[int, str] = {**ROW_OUTCOMES, 2: "already", 3: "already", 6: "would_readd"}


@dataclass(slots=True)
class RowsOfBlock:
    """A block as it is to be applied.

    cells: the column of the numbers. groups: rows by the channels that they block, with their indexes in the block.
    outcomes: what is known of a row already: (outcome, code). remarks: what is to be said of a row that opts out.
    """

    first: int
    cells: Sequence[str]
    groups: dict[tuple[Channel, ...], tuple[Sequence[int], Rows]] = field(default_factory=dict)
    outcomes: dict[int, tuple[str, str]] = field(default_factory=dict)
    remarks: dict[int, str] = field(default_factory=dict)

    def note(self, indexes: Iterable[int], outcomes: bytes) -> None:
        """Note what came of rows."""
        if not self.remarks and outcomes.count(1) == len(outcomes):
            return
        for index, code in zip(indexes, outcomes, strict=True):
            if code != 1:
                self.outcomes[index] = (COUNTED_AS[code], "")
            elif index in self.remarks:
                self.outcomes[index] = ("opted_out", self.remarks[index])

    def reports(self, block: Block, encoding: str) -> list[RowReport]:
        """The rows that are worth a line, in their order."""
        return [
            RowReport(
                self.first + index,
                self.cells[index],
                *self.outcomes[index],
                [true_text(cell, encoding) for cell in block.row(index)],
            )
            for index in sorted(self.outcomes)
        ]


def read_block(
    block: Block,
    encoding: str,
    order: ImportOrder,
    columns: Columns,
    now: int,
    only: Collection[int] | None = None,
) -> RowsOfBlock:
    """What the rows of a block ask for.

    Args:
        block, encoding: of the table.
        order, columns: of the import.
        now: milliseconds since 1970.
        only: indexes of the rows that are meant; all, when left out.
    """
    cells = true_texts(block.column(columns.number), encoding)
    found = RowsOfBlock(block.first_row, cells)
    numbers = Normaliser(order.default_country or None).column(cells)
    _leave_out(found, block, encoding, columns)
    # A problem is a str too, that does not begin with "+".
    for index in [index for index, number in enumerate(numbers) if number[0] != "+"]:
        found.outcomes.setdefault(index, ("invalid", str(numbers[index])))
    times = _times(found, block, order, columns, now)
    first = block.first_row
    for channels, indexes in _by_channels(found, block, order, columns, only).items():
        rows = Rows(
            list(map(numbers.__getitem__, indexes)),
            list(map(times.__getitem__, indexes)),
            list(map(first.__add__, indexes)),
        )
        found.groups[channels] = (indexes, rows)
    return found


def _by_channels(
    found: RowsOfBlock, block: Block, order: ImportOrder, columns: Columns, only: Collection[int] | None
) -> Mapping[tuple[Channel, ...], Sequence[int]]:
    """The indexes of the rows that are to be applied, by the channels that they block."""
    left_out, channels = found.outcomes, _channels(found, block, order, columns)
    wanted = [index for index in (range(len(block)) if only is None else sorted(only)) if index not in left_out]
    if channels is None:
        return {order.channels: wanted} if wanted else {}
    groups: dict[tuple[Channel, ...], list[int]] = {}
    for index in wanted:
        groups.setdefault(channels[index], []).append(index)
    return groups


def _leave_out(found: RowsOfBlock, block: Block, encoding: str, columns: Columns) -> None:
    if columns.opted_out is None:
        return
    for index, cell in enumerate(block.column(columns.opted_out)):
        if not says_opted_out(true_text(cell, encoding), columns.only):
            found.outcomes[index] = ("skipped", "")


def _times(found: RowsOfBlock, block: Block, order: ImportOrder, columns: Columns, now: int) -> Sequence[int]:
    otherwise = order.opted_out_at
    if columns.opted_out_at is None:
        return [otherwise] * len(block)
    # A date that cannot be read, or lies ahead, never costs a person their opt-out: it counts from the import.
    read, times = order.dates.milliseconds, []
    for index, cell in enumerate(block.column(columns.opted_out_at)):
        at = read(cell) if cell else otherwise
        if at is None:
            if cell.strip():
                found.remarks[index] = "date_unreadable"
            at = otherwise
        elif at > now:
            found.remarks[index] = "date_ahead"
            at = min(otherwise, now)
        times.append(at)
    return times


def _channels(
    found: RowsOfBlock, block: Block, order: ImportOrder, columns: Columns
) -> Sequence[tuple[Channel, ...]] | None:
    if columns.channel is None:
        return None
    said = []
    for index, cell in enumerate(block.column(columns.channel)):
        channels = channels_of(cell) if cell.strip() else order.channels
        if channels is None:
            found.remarks.setdefault(index, "channel_unreadable")
        said.append(channels or order.channels)
    return said


class OptOutRows:
    """Runs blocks of lists of opt-outs."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def run(
        self, record: ImportRecord, order: ImportOrder, columns: Columns, table: Table, block: Block, name: str
    ) -> BlockResult:
        """Opt out the numbers of a block. Doing the newest block again changes nothing and answers the same.

        Raises:
            StoreError: some may be opted out; running it again completes it.
        """
        rows = read_block(block, table.encoding, order, columns, milliseconds(self._clock.now()))
        counts = Counter(outcome for outcome, _ in rows.outcomes.values())
        counts.update(self.apply(record, order, rows, name))
        return BlockResult(counts, rows.reports(block, table.encoding))

    def apply(self, record: ImportRecord, order: ImportOrder, rows: RowsOfBlock, name: str) -> Counter[str]:
        """Opt out the numbers of rows. Returns how many had which outcome. Raises StoreError."""
        counts: Counter[str] = Counter()
        for channels, (indexes, group) in rows.groups.items():
            # The parts of a block are known by their first row, so that the groups may share the block's name.
            outcomes = self._store.batches.apply(batch_of(record, order, channels), name, group)
            for code, count in Counter(outcomes).items():
                counts[COUNTED_AS[code]] += count
            rows.note(indexes, outcomes)
        return counts
