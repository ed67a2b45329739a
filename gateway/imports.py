"""Imports: a file becomes one batch, row by row, that can be stopped, resumed and undone."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.import_orders import (
    ImportOrder,
    batch_of,
    fingerprint_of,
    named_columns,
    order_of,
    reading_of,
    sample_of,
)
from gateway.import_reports import CONTACT_OUTCOMES, OUTCOMES, BlockResult, ReportSink
from gateway.import_rows import OptOutRows
from gateway.lists.columns import Columns
from gateway.lists.dates import zone_of
from gateway.lists.reading import Block, ListFileError, Table, header_block, open_table, plain_copy
from gateway.lists.targets import OPT_OUTS
from gateway.phone import is_country
from store import Store
from store.batches import Undone
from store.consent import Source, milliseconds
from store.directory import Account
from store.errors import StoreError
from store.imports import ImportRecord

_CLOCK_SKEW = timedelta(minutes=5)
LEASE = timedelta(seconds=30)
"""How long an import is one worker's after the worker last said so."""
SAMPLE = 1000
_BY_HAND = "command line"
_BEGUN = ("queued", "running", "stopped", "failed")
_OVER = {"finished", "undone"}
# An undo of more rows than this is foretold from one number in ten: what the last two digits say is chance.
_MOST_FORETOLD = 200_000
_SAMPLED = tuple(f"{number:02d}" for number in range(3, 100, 10))


class TakenOver(StoreError):
    """Another worker has this import now: this one was silent for too long."""


BlockRunner = Callable[[ImportRecord, ImportOrder, Columns, Table, Block, str], BlockResult]
"""Runs a block of a list, which has a name."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. done and size: of the file, in a unit of its own."""

    record: ImportRecord
    done: int
    size: int


class Imports:
    """Imports of all accounts."""

    def __init__(self, store: Store, clock: Clock, runners: Mapping[str, BlockRunner] | None = None) -> None:
        """runners: what runs a block of the kinds of lists that are not opt-outs."""
        self._store = store
        self._clock = clock
        self._copies: dict[Path, Path] = {}
        self._runners: Mapping[str, BlockRunner] = {OPT_OUTS: OptOutRows(store, clock).run, **(runners or {})}

    @contextmanager
    def converted_once(self, path: Path) -> Iterator[None]:
        """Within it, a spreadsheet that is looked into, tried and imported is made into CSV a single time.

        Raises:
            ListFileError: the file cannot be used; the text says why.
        """
        with plain_copy(path) as copy:
            if copy is not None:
                self._copies[path] = copy
            try:
                yield
            finally:
                self._copies.pop(path, None)

    def _open(self, path: Path, rows_in_block: int, delimiter: str) -> Table:
        return open_table(path, rows_in_block, delimiter or None, copy=self._copies.get(path))

    def order(
        self,
        account: Account,
        path: Path,
        *,
        actor: str,
        name: str = "",
        phone: str | None = None,
        date: str | None = None,
        mapping: Mapping[str, str] | None = None,
        look: bool = True,
        **wishes: Any,
    ) -> ImportOrder:
        """An order for a file, its columns guessed where they are not named.

        Args:
            account: whose list it is.
            path: the file.
            actor: who asks.
            name: the file's name, for people; the path's, when left out.
            phone, date: headers of the columns.
            mapping: header -> target field.
            look: look into the file now; otherwise when the import begins.
            wishes: other fields of ImportOrder.

        Raises:
            ListFileError: the file cannot be used; the text says why.
        """
        wishes["default_country"] = wishes.get("default_country") or account.default_country
        order = ImportOrder(
            file=name or path.name,
            fingerprint=fingerprint_of(path),
            columns=None,
            actor=actor,
            mapping={**(mapping or {}), **named_columns(phone, date)},
            **wishes,
        )
        return self.looked_into(order, path) if look else order

    def looked_into(self, order: ImportOrder, path: Path) -> ImportOrder:
        """The order with what the file says of its columns and dates. Raises ListFileError."""
        with closing(self._open(path, SAMPLE, order.delimiter)) as table:
            reading = reading_of(
                table,
                kind=order.kind,
                country=order.default_country,
                mapping=order.mapping,
                date_order=order.date_order,
                sample=sample_of(table, SAMPLE),
            )
        return replace(order, columns=reading.columns, header=reading.header, date_order=reading.date_order)

    def refuse_impossible(self, account: Account, order: ImportOrder) -> None:
        """Refuse an order that no file can make right.

        Raises:
            NotAllowed: unknown_sender, one_scope_only, in_the_future or invalid_request.
        """
        if order.kind not in self._runners:
            raise NotAllowed("invalid_request", f"kind: lists of {order.kind} cannot be imported.")
        if order.sender and order.audience and order.kind == OPT_OUTS:
            raise NotAllowed("one_scope_only", "Name a sender or an audience, not both.")
        if order.sender and not any(sender.address == order.sender for sender in account.senders):
            raise NotAllowed("unknown_sender", f"{order.sender} is not a sender of this account.")
        if order.opted_out_at > milliseconds(self._clock.now() + _CLOCK_SKEW):
            raise NotAllowed("in_the_future", "The date of the opt-outs is in the future.")
        if order.default_country and not is_country(order.default_country):
            raise NotAllowed("invalid_request", f"default_country: there is no country {order.default_country!r}")
        refuse_unknown_zone(order.timezone)

    def create(self, account: Account, import_id: str, order: ImportOrder) -> ImportRecord:
        """Note an import that is to be run. The same id again is the same import.

        Raises:
            NotAllowed: see `refuse_impossible`.
            StoreError: it is unknown whether it was noted; repeating is safe.
        """
        self.refuse_impossible(account, order)
        if not order.opted_out_at:
            # Whole seconds: what a list knows, and half the memory of milliseconds. An earlier second never hides a
            # START.
            start = milliseconds(self._clock.now()) // 1000 * 1000
            order = replace(order, opted_out_at=start, dated=False)
        return self._store.imports.create(import_id, account.id, order.document(), self._clock.now())

    def run(
        self,
        import_id: str,
        path: Path,
        *,
        sink: ReportSink | None = None,
        stopping: Callable[[], bool] = lambda: False,
        token: str = _BY_HAND,
    ) -> Iterator[Progress]:
        """Run an import, or go on with one that was stopped or lost its process; yields after each block.

        Args:
            import_id: what was created.
            path: the same file.
            sink: gets every row that is worth a line.
            stopping: asked after each block, besides the import's own wish.
            token: who runs it; nobody else does at the same time.

        Raises:
            NotAllowed: not_found, import_over, another_file or already_running.
            ListFileError: the file is broken; the import is `failed`, what was done stays done.
            TakenOver: another one runs it now.
            StoreError: the import can be resumed.
        """
        record = self._begin(import_id, path, token)
        if sink is not None:
            sink.go_back_to(record.report)
        if record.wish == "stop":
            yield self._end(record, "stopped", token)
            return
        try:
            order = self._settled(record, path, token)
            with closing(self._open(path, order.rows_in_block, order.delimiter)) as table:
                over = yield from self._run_blocks(record, order, table, sink, stopping, token)
        except ListFileError as error:
            self._end(record, "failed", token, str(error))
            raise
        if over:
            self._store.batches.finish(import_id)
        yield self._end(record, "finished" if over else "stopped", token)

    def _begin(self, import_id: str, path: Path, token: str) -> ImportRecord:
        record, now = self.record(import_id), self._clock.now()
        if record.status in _OVER or record.undoing:
            raise NotAllowed("import_over", f"The import is {record.status}.")
        if fingerprint_of(path) != order_of(record).fingerprint:
            raise NotAllowed("another_file", f"{path.name} is not the file this import was begun with.")
        if not self._store.imports.hold(import_id, token, now, LEASE):
            raise NotAllowed("already_running", "Somebody else runs this import now.")
        # Whoever begins what was stopped wants it to go on.
        wish = "" if record.status == "stopped" else record.wish
        changes = {"status": "running", "wish": wish, "problem": "", "began": record.began_at or now, "ended": ""}
        if not self._store.imports.change(import_id, now, changes, expect={"status": _BEGUN, "holder": [token]}):
            raise TakenOver("The import has changed meanwhile.")
        return self.record(import_id)

    def _settled(self, record: ImportRecord, path: Path, token: str) -> ImportOrder:
        order = order_of(record)
        if order.columns is None:
            order = self.looked_into(order, path)
            self._note(record.id, {"order": order.document()}, token)
        return order

    def _run_blocks(
        self,
        record: ImportRecord,
        order: ImportOrder,
        table: Table,
        sink: ReportSink | None,
        stopping: Callable[[], bool],
        token: str,
    ) -> Generator[Progress, None, bool]:
        """Returns whether the file was read to its end."""
        columns = order.columns
        assert columns is not None, "the file was looked into"
        counts, also = Counter(record.counts), Counter(record.also)
        for number, block in enumerate(_with_header(table, columns), 1):
            if number <= record.blocks:
                continue
            result = self._runners[order.kind](record, order, columns, table, block, str(number))
            counts.update(result.counts)
            also.update(result.also)
            length = sink.write(result.reports) if sink is not None else 0
            facts = {"blocks": number, "done": block.done, "size": table.size, "counts": counts, "report": length}
            self._note(record.id, {**facts, "also": also, "attempts": 0}, token)
            now = self.record(record.id)
            yield Progress(now, block.done, table.size)
            if stopping() or now.wish == "stop":
                return False
        return True

    def _note(self, import_id: str, changes: Mapping[str, Any], token: str) -> None:
        if not self._store.imports.change(import_id, self._clock.now(), changes, expect={"holder": [token]}):
            raise TakenOver("Another worker has this import now.")

    def _end(self, record: ImportRecord, status: str, token: str, problem: str = "") -> Progress:
        now = self._clock.now()
        self._note(record.id, {"status": status, "problem": problem, "wish": "", "ended": now, "holder": ""}, token)
        ended = self.record(record.id)
        return Progress(ended, ended.size or ended.done, ended.size)

    def record(self, import_id: str, account: Account | None = None) -> ImportRecord:
        """An import; with an account, only one of its own.

        Raises:
            NotAllowed: not_found.
        """
        record = self._store.imports.get(import_id)
        if record is None or (account is not None and record.account != account.id):
            raise NotAllowed("not_found", f"There is no import {import_id[:64]}.")
        return record

    def refuse_undo(self, record: ImportRecord) -> None:
        """Refuse to undo what cannot be.

        Raises:
            NotAllowed: still_running, or nothing_to_undo.
        """
        if record.status in {"queued", "running"}:
            raise NotAllowed("still_running", "Stop the import before undoing it.")
        if record.order["dry_run"]:
            raise NotAllowed("nothing_to_undo", "A dry run changed nothing.")
        if record.order["kind"] != OPT_OUTS and not record.also:
            raise NotAllowed("nothing_to_undo", "It opted nobody out. Contacts stay until they are removed.")

    def foretold(self, record: ImportRecord) -> tuple[Undone, bool]:
        """What an undo would lift and leave, and whether that is exact; changes nothing.

        Raises:
            NotAllowed: see `refuse_undo`.
        """
        self.refuse_undo(record)
        exact = record.rows <= _MOST_FORETOLD
        shards = {} if exact else {"shards": _SAMPLED}
        *_, last = self._undo_steps(record, Source.ADMIN, {}, dry=True, **shards)
        return (last if exact else replace(last, lifted=last.lifted * 10, kept=last.kept * 10)), exact

    def undo(self, import_id: str, *, source: Source, actor: str, reason: str = "") -> Iterator[Undone]:
        """Take an import back: lifts what it newly blocked and nothing has changed since. Safe to repeat.

        Raises:
            NotAllowed: not_found, still_running or nothing_to_undo.
            StoreError: undoing again completes it.
        """
        record = self.record(import_id)
        self.refuse_undo(record)
        last = Undone(0, 0, 0, 0)
        for last in self._undo_steps(record, source, {"actor": actor, "reason": reason}):
            yield last
        done = {"lifted": last.lifted, "kept": last.kept}
        self._store.imports.change(import_id, self._clock.now(), {"status": "undone", "undone": done, "undoing": {}})

    def _undo_steps(
        self, record: ImportRecord, source: Source, who: Mapping[str, str], **wishes: Any
    ) -> Iterator[Undone]:
        order = order_of(record)
        return self._store.batches.undo(
            record.id,
            batch_of(record, order).scope,
            source=source,
            at=milliseconds(self._clock.now()),
            detail={**who, "file": order.file},
            **wishes,
        )


def refuse_unknown_zone(name: str) -> None:
    """Refuse a time zone that does not exist. Raises NotAllowed: invalid_request."""
    try:
        zone_of(name)
    except ValueError as error:
        raise NotAllowed("invalid_request", f"timezone: {error}") from None


def _with_header(table: Table, columns: Columns) -> Iterator[Block]:
    if not columns.has_header:
        yield header_block(table)
    yield from table.blocks


def summary_of(counts: Mapping[str, int], kind: str = OPT_OUTS) -> dict[str, int]:
    """Counts by outcome, all of them, in the order of the outcomes of a kind of list."""
    return {outcome: counts.get(outcome, 0) for outcome in (OUTCOMES if kind == OPT_OUTS else CONTACT_OUTCOMES)}
