"""What came of the rows of an import, row by row, for the person who uploaded it."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.lists.targets import folded
from gateway.phone import SENTENCES

OUTCOMES = ("opted_out", "already", "stronger_kept", "would_readd", "duplicate", "invalid", "skipped")
"""What can come of a row of opt-outs; the counts of an import add up to its rows."""

CONTACT_OUTCOMES = ("created", "updated", "unchanged", "opted_out", "invalid")
"""What can come of a row of contacts. opted_out: it did not join the audience, or was not taken at all."""

ROW_SENTENCES: Mapping[str, str] = {
    "already": "This number was opted out already; the first date stays.",
    "stronger_kept": "This number is opted out by stronger evidence (the person, the carrier, or a colleague).",
    "would_readd": "This person came back after the date in this row (or came back, and the row has no date), so the "
    "row changes nothing. If they asked to stop again, import it with the date when they did.",
    "duplicate": "This number stands further up in the file.",
    "skipped": "This row does not say that the person opted out.",
    **{f"invalid.{problem.value}": sentence for problem, sentence in SENTENCES.items()},
    "opted_out.date_unreadable": "The number is opted out. Its date could not be read, so it counts from the import.",
    "opted_out.date_ahead": "The number is opted out. Its date lies ahead, so it counts from the import.",
    "opted_out.channel_unreadable": "The number is opted out. Its channel could not be read, so it is opted out of "
    "all that this import is about.",
}
"""What a row's outcome means, by outcome and code ("invalid." and a NumberProblem for invalid rows)."""

HEADER = ("row", "number", "outcome", "code", "what it means")
_RISKY = ("=", "@", "-", "+", "\t", "\r", "|", "%")


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What came of a block of rows.

    counts: rows by outcome. reports: the rows that are worth a line. also: for contacts, opt-outs that their rows said.
    """

    counts: Counter[str]
    reports: Sequence["RowReport"]
    also: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class RowReport:
    """A row that is worth a line: its row in the file, its cells as they were, what came of it.

    cell: the one with the number. said: a sentence, when the table has none.
    """

    row: int
    cell: str
    outcome: str
    code: str
    cells: Sequence[str] = ()
    said: str = ""

    @property
    def sentence(self) -> str:
        """What that means."""
        key = f"{self.outcome}.{self.code}" if self.code else self.outcome
        return self.said or ROW_SENTENCES.get(key) or ROW_SENTENCES[self.outcome]


class ReportSink(Protocol):
    """Where row reports go. It can go back to a place it was at, when an import is resumed."""

    def write(self, reports: Iterable[RowReport]) -> int:
        """Add reports; returns how long the sink is now."""

    def go_back_to(self, length: int) -> None:
        """Forget what was added after it had this length."""


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers ("+14155550100", "-5") stay as they are."""
    if cell[:1] not in _RISKY:
        return cell
    # What has nothing but digits and what stands between them cannot do anything.
    return cell if cell[1:] and all(character in "0123456789 ().-" for character in cell[1:]) else f"'{cell}"


def header_line(header: Sequence[str]) -> str:
    """The first line of a report: our columns, then those of the file."""
    taken = {folded(name) for name in HEADER}
    own = [f"{name} (in the file)" if folded(name) in taken else harmless(name) for name in header]
    return _line([*HEADER, *own])


def report_lines(reports: Iterable[RowReport]) -> str:
    """Rows of a report as CSV."""
    return "".join(
        _line(
            (
                str(report.row),
                harmless(report.cell),
                report.outcome,
                report.code or report.outcome,
                report.sentence,
                *map(harmless, report.cells),
            )
        )
        for report in reports
    )


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
