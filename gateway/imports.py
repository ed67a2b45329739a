"""Imports of opt-outs: a file becomes one batch, row by row, that can be stopped, resumed and undone."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.lists.columns import Columns, guess_columns
from gateway.lists.dates import milliseconds_of
from gateway.lists.reading import ROWS_IN_BLOCK, Block, ListFileError, Table, header_block, open_table, true_texts
from gateway.normalising import Normaliser
from gateway.phone import SENTENCES, NumberProblem
from store import Store
from store.batches import Batch, Row, Undone
from store.consent import Source, milliseconds
from store.directory import Account
from store.imports import ImportRecord
from store.journal import ROW_OUTCOMES
from store.scopes import ALL_CHANNELS, Channel, Scope

OUTCOMES = ("opted_out", "already", "stronger_kept", "stale", "duplicate", "invalid")
"""What can come of a row; the counts of an import add up to its rows."""

ROW_SENTENCES = {
    "already": "This number was opted out already; the first date stays.",
    "stronger_kept": "This number is opted out by stronger evidence (the person, the carrier, or a colleague).",
    "stale": "This person came back after the date in this row, so the row changes nothing.",
    "duplicate": "This number stands further up in the file.",
    **{f"invalid.{problem.value}": sentence for problem, sentence in SENTENCES.items()},
}
"""What a row's outcome means, for the person who uploaded it. "invalid." and a NumberProblem for invalid rows."""

_CLOCK_SKEW = timedelta(minutes=5)
_PRINTED = 1_000_000
# A later date for a number that is out changes nothing that anybody sees: it counts as "already".
_COUNTED_AS = {**ROW_OUTCOMES, 2: "already", 3: "already"}


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What an import is to do.

    file: its name, for people. fingerprint: see `fingerprint_of`. columns: where to look in a row. sender, audience:
    narrow it to one of them. channels: what it blocks. default_country: for numbers without a country code.
    opted_out_at: for rows without a date; now, when left out. actor, note: who and why, for the journal.
    """

    file: str
    fingerprint: str
    columns: Columns
    actor: str
    sender: str = ""
    audience: str = ""
    channels: tuple[Channel, ...] = ALL_CHANNELS
    default_country: str = ""
    opted_out_at: int = 0
    rows_in_block: int = ROWS_IN_BLOCK
    note: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RowReport:
    """A row that did not newly opt out a number: its row in the file, the cell as it was, what came of it."""

    row: int
    cell: str
    outcome: str
    code: str

    @property
    def sentence(self) -> str:
        """What that means."""
        return ROW_SENTENCES[f"{self.outcome}.{self.code}" if self.code else self.outcome]


class ReportSink(Protocol):
    """Where row reports go. It can go back to a place it was at, when an import is resumed."""

    def write(self, reports: Iterable[RowReport]) -> int:
        """Add reports; returns how long the sink is now."""

    def go_back_to(self, length: int) -> None:
        """Forget what was added after it had this length."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. done and size: of the file, in a unit of its own."""

    record: ImportRecord
    done: int
    size: int


def fingerprint_of(path: Path) -> str:
    """A digest of a file's size, beginning and end: the file that an import is resumed with has to be the same."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_PRINTED))
        file.seek(max(0, size - _PRINTED))
        digest.update(file.read(_PRINTED))
    return digest.hexdigest()


class Imports:
    """Imports of all accounts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def order(
        self,
        account: Account,
        path: Path,
        *,
        actor: str,
        phone: str | None = None,
        date: str | None = None,
        **wishes: Any,
    ) -> ImportOrder:
        """An order for a file, its columns guessed where they are not named.

        Args:
            account: whose opt-outs they will be.
            path: the file.
            actor: who asks.
            phone, date: headers of the columns.
            wishes: other fields of ImportOrder.

        Raises:
            ListFileError: the file cannot be used; the text says why.
        """
        country = wishes.pop("default_country", None) or account.default_country
        with closing(open_table(path)) as table:
            columns = guess_columns(table, Normaliser(country or None), phone=phone, opted_out_at=date)
        return ImportOrder(
            file=path.name,
            fingerprint=fingerprint_of(path),
            columns=columns,
            actor=actor,
            default_country=country,
            **wishes,
        )

    def create(self, account: Account, import_id: str, order: ImportOrder) -> ImportRecord:
        """Note an import that is to be run. The same id again is the same import.

        Raises:
            NotAllowed: unknown_sender, one_scope_only or in_the_future.
            StoreError: it is unknown whether it was noted; repeating is safe.
        """
        now = self._clock.now()
        if order.sender and order.audience:
            raise NotAllowed("one_scope_only", "Name a sender or an audience, not both.")
        if order.sender and not any(sender.address == order.sender for sender in account.senders):
            raise NotAllowed("unknown_sender", f"{order.sender} is not a sender of this account.")
        if order.opted_out_at > milliseconds(now + _CLOCK_SKEW):
            raise NotAllowed("in_the_future", "The date of the opt-outs is in the future.")
        # Whole seconds: what a list knows, and half the memory of milliseconds. An earlier second never hides a START.
        start = order.opted_out_at or milliseconds(now) // 1000 * 1000
        return self._store.imports.create(import_id, account.id, asdict(replace(order, opted_out_at=start)), now)

    def run(
        self,
        import_id: str,
        path: Path,
        *,
        sink: ReportSink | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Iterator[Progress]:
        """Run an import, or go on with one that was stopped or lost its process; yields after each block.

        Doing so twice at the same time is not meant to be; it would count rows wrongly, and lose none.

        Args:
            import_id: what was created.
            path: the same file.
            sink: gets every row that did not newly opt out a number.
            stopping: asked after each block.

        Raises:
            NotAllowed: unknown_import, import_over or another_file.
            ListFileError: the file is broken further down; the import is `failed`, what was done stays done.
            StoreError: the import can be resumed.
        """
        record, order = self._open(import_id, path)
        if sink is not None:
            sink.go_back_to(record.report)
        self._store.imports.set_status(import_id, "running", self._clock.now())
        counts = Counter(record.counts)
        block_number, stopped = 0, False
        table = open_table(path, order.rows_in_block)
        try:
            for block in _with_header(table, order):
                block_number += 1
                if block_number <= record.blocks:
                    continue
                reports = self._run_block(record, order, table, block, str(block_number), counts)
                length = sink.write(reports) if sink is not None else 0
                self._store.imports.advance(import_id, block_number, counts, length, self._clock.now())
                stopped = stopping()
                yield Progress(self._record(import_id), block.done, table.size)
                if stopped:
                    break
        except ListFileError as error:
            self._store.imports.set_status(import_id, "failed", self._clock.now(), str(error))
            raise
        finally:
            table.close()
        if not stopped:
            self._store.batches.finish(import_id)
        self._store.imports.set_status(import_id, "stopped" if stopped else "finished", self._clock.now())
        yield Progress(self._record(import_id), table.size, table.size)

    def _open(self, import_id: str, path: Path) -> tuple[ImportRecord, ImportOrder]:
        record = self._record(import_id)
        order = order_of(record)
        if record.status in {"finished", "undone"}:
            raise NotAllowed("import_over", f"The import is {record.status}.")
        if fingerprint_of(path) != order.fingerprint:
            raise NotAllowed("another_file", f"{path.name} is not the file this import was begun with.")
        return record, order

    def _record(self, import_id: str) -> ImportRecord:
        record = self._store.imports.get(import_id)
        if record is None:
            raise NotAllowed("unknown_import", f"There is no import {import_id}.")
        return record

    def _run_block(
        self, record: ImportRecord, order: ImportOrder, table: Table, block: Block, name: str, counts: Counter[str]
    ) -> list[RowReport]:
        cells = true_texts(block.column(order.columns.phone), table.encoding)
        numbers = Normaliser(order.default_country or None).column(cells)
        times = self._times(order, block)
        # NumberProblem is a str too; a number begins with "+" and a problem does not.
        good = [index for index, number in enumerate(numbers) if number[0] == "+"]
        first = block.first_row
        rows = [Row(numbers[index], times[index], first + index) for index in good]
        outcomes = self._store.batches.apply(batch_of(record, order), name, rows)
        for code, count in Counter(outcomes).items():
            counts[_COUNTED_AS[code]] += count
        counts["invalid"] += len(numbers) - len(good)
        return _reports(first, cells, numbers, good, outcomes)

    def _times(self, order: ImportOrder, block: Block) -> Sequence[int]:
        if order.columns.opted_out_at is None:
            return [order.opted_out_at] * len(block)
        # A date that cannot be read, or lies ahead, never costs a person their opt-out: it counts from the import.
        latest, otherwise = milliseconds(self._clock.now()), order.opted_out_at
        known = ((milliseconds_of(cell) if cell else None) for cell in block.column(order.columns.opted_out_at))
        return [otherwise if at is None else min(at, latest) for at in known]

    def undo(self, import_id: str, *, source: Source, actor: str, reason: str = "") -> Iterator[Undone]:
        """Take an import back: lifts what it newly blocked and nothing has changed since. Safe to repeat.

        Raises:
            NotAllowed: unknown_import, or still_running.
            StoreError: undoing again completes it.
        """
        record = self._record(import_id)
        if record.status in {"queued", "running"}:
            raise NotAllowed("still_running", "Stop the import before undoing it.")
        order, now = order_of(record), self._clock.now()
        last = Undone(0, 0, 0, 0)
        detail = {"actor": actor, "reason": reason, "file": order.file}
        for last in self._store.batches.undo(
            import_id, batch_of(record, order).scope, source=source, at=milliseconds(now), detail=detail
        ):
            yield last
        self._store.imports.set_undone(import_id, last.lifted, last.kept, self._clock.now())


def order_of(record: ImportRecord) -> ImportOrder:
    """The order of a record."""
    fields: dict[str, Any] = dict(record.order)
    fields["columns"] = Columns(**fields["columns"])
    fields["channels"] = tuple(Channel(channel) for channel in fields["channels"])
    return ImportOrder(**fields)


def batch_of(record: ImportRecord, order: ImportOrder) -> Batch:
    """What the rows of an import have in common."""
    scope = Scope.of_account(record.account)
    if order.sender:
        scope = Scope.of_account_sender(record.account, order.sender)
    elif order.audience:
        scope = Scope.of_audience(record.account, order.audience)
    return Batch(record.id, scope, order.channels, dry_run=order.dry_run, at=record.created_at)


def _with_header(table: Table, order: ImportOrder) -> Iterator[Block]:
    if not order.columns.has_header:
        yield header_block(table)
    yield from table.blocks


def _reports(
    first: int, cells: Sequence[str], numbers: Sequence[str], good: Sequence[int], outcomes: bytes
) -> list[RowReport]:
    by_index: dict[int, tuple[str, str]] = {
        index: (_COUNTED_AS[code], "") for index, code in zip(good, outcomes, strict=True) if code != 1
    }
    if len(good) != len(numbers):
        by_index |= {
            index: ("invalid", number.value)
            for index, number in enumerate(numbers)
            if isinstance(number, NumberProblem)
        }
    return [RowReport(first + index, cells[index], *by_index[index]) for index in sorted(by_index)]


def summary_of(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by outcome, all of them, in the order of OUTCOMES."""
    return {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}
