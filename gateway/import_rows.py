"""The rows of a block of a list of opt-outs: what each asks for, and what is to be said of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.import_orders import ImportOrder
from gateway.import_reports import RowReport
from gateway.lists.columns import Columns
from gateway.lists.reading import Block, true_text, true_texts
from gateway.lists.words import channels_of, says_opted_out
from gateway.normalising import Normaliser
from store.batches import Rows
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


def read_block(block: Block, encoding: str, order: ImportOrder, columns: Columns, now: int) -> RowsOfBlock:
    """What the rows of a block ask for.

    Args:
        block, encoding: of the table.
        order, columns: of the import.
        now: milliseconds since 1970.
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
    for channels, indexes in _by_channels(found, block, order, columns).items():
        rows = Rows(
            [numbers[index] for index in indexes],
            [times[index] for index in indexes],
            [first + index for index in indexes],
        )
        found.groups[channels] = (indexes, rows)
    return found


def _by_channels(
    found: RowsOfBlock, block: Block, order: ImportOrder, columns: Columns
) -> Mapping[tuple[Channel, ...], Sequence[int]]:
    """The indexes of the rows that are to be applied, by the channels that they block."""
    left_out, channels = found.outcomes, _channels(found, block, order, columns)
    wanted = [index for index in range(len(block)) if index not in left_out]
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
