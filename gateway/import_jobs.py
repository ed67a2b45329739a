"""Imports in the background: uploads kept for a worker, the worker's side, stopping, resuming, applying, undoing.

What has to be done stands in the outbox as "import:<id>" or "undo:<id>". A worker holds an import by a token with a
lease that a thread renews, so that two never run one, and one whose worker died is taken over when the lease ends.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.events import Events
from gateway.import_orders import ImportOrder, order_of
from gateway.import_reports import RowReport, header_line, report_lines
from gateway.imports import LEASE, Imports, TakenOver
from gateway.lists.converting import has_to_be_converted
from gateway.lists.reading import ListFileError
from gateway.lists.targets import CONTACTS, OPT_OUTS
from gateway.logs import logger
from gateway.queueing import LISTS, JobQueue, effect_of
from gateway.uploads import uploaded_file
from store import Store
from store.addresses import place_of
from store.consent import Source
from store.directory import Account
from store.errors import StoreError
from store.events import Event
from store.imports import ImportRecord
from store.uploads import KEPT, KEPT_AFTER_END

log = logger(__name__)

IMPORT, UNDO = "import", "undo"
"""Kinds of effects; the id is the import's."""

MOST_BYTES = 100_000_000
MOST_ROWS = 10_000_000
ROWS_IN_BLOCK: Mapping[str, int] = {OPT_OUTS: 50_000, CONTACTS: 2_000}
"""Rows between two moments at which an import can be stopped or resumed, by the kind of list."""
_LOOKED_INTO_AT_ONCE = 2_000_000
_NEWLINES_AT_ONCE = 1 << 20
_MOST_ATTEMPTS = 6
_BEATS = LEASE / 3
_BEFORE_IT_IS_WRITTEN = timedelta(seconds=10)
_NO_LONGER_KEPT = "The uploaded file is no longer kept. Upload it again; what was done stays done."


@dataclass(frozen=True, slots=True)
class _Work:
    """One effect that is worked on: the import, the effect, the shard of its outbox, the worker's token."""

    import_id: str
    effect: str
    shard: str
    token: str


class StoredReport:
    """A report kept in the store, a part for each block that has something to say."""

    def __init__(self, store: Store, import_id: str) -> None:
        self._store = store
        self._id = import_id
        self._parts = 0

    def go_back_to(self, length: int) -> None:
        """Later parts are written over."""
        self._parts = length

    def write(self, reports: Iterable[RowReport]) -> int:
        """Keep a part; returns how many there are. Raises StoreError."""
        text = report_lines(reports)
        if text:
            self._store.imports.write_report(self._id, self._parts, text)
            self._parts += 1
        return self._parts


class ImportJobs:
    """Imports of uploaded files."""

    def __init__(
        self,
        store: Store,
        queue: JobQueue,
        clock: Clock,
        new_id: Callable[[], str],
        imports: Imports,
        events: Events,
    ) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._new_id = new_id
        self._imports = imports
        self._events = events

    def submit(
        self, account: Account, path: Path, *, actor: str, name: str, upload: str = "", **wishes: Any
    ) -> ImportRecord:
        """Take a file to be imported by a worker.

        Args:
            account: whose list it is.
            path: the file; it may go away afterwards.
            actor: who asks.
            name: the file's name, for people.
            upload: where it is kept already, as "id:parts"; kept now, when left out.
            wishes: see Imports.order.

        Raises:
            ListFileError: the file cannot be used, as far as can be seen at once.
            NotAllowed: see Imports.refuse_impossible.
            StoreError: nothing was taken.
        """
        refuse_too_large(path, name)
        look = path.stat().st_size <= _LOOKED_INTO_AT_ONCE or not has_to_be_converted(path)
        wishes.setdefault("rows_in_block", ROWS_IN_BLOCK[wishes.get("kind", OPT_OUTS)])
        order = self._imports.order(account, path, actor=actor, name=name, look=look, **wishes)
        self._imports.refuse_impossible(account, order)
        return self._begin(account, self._new_id(), replace(order, upload=upload or self._keep(path)))

    def _keep(self, path: Path) -> str:
        upload = self._new_id()
        with path.open("rb") as file:
            return f"{upload}:{self._store.uploads.keep(upload, file)}"

    def _begin(self, account: Account, import_id: str, order: ImportOrder) -> ImportRecord:
        # The effect first: an effect without an import does nothing, an import without its effect would wait for ever.
        work = self._work(IMPORT, import_id)
        self._store.outbox.put(work.shard, work.effect, due_at=self._clock.now() + _BEFORE_IT_IS_WRITTEN)
        record = self._imports.create(account, import_id, order)
        self._queue.submit(LISTS, work.effect)
        return record

    def _work(self, kind: str, import_id: str) -> _Work:
        return _Work(import_id, effect_of(kind, import_id), place_of(import_id).shard, self._new_id())

    def _nudge(self, kind: str, import_id: str) -> None:
        work = self._work(kind, import_id)
        self._store.outbox.put(work.shard, work.effect, due_at=self._clock.now() + _BEFORE_IT_IS_WRITTEN)
        self._queue.submit(LISTS, work.effect)

    def stop(self, account: Account, import_id: str) -> ImportRecord:
        """Stop an import after the block it is at; it can be resumed.

        Raises:
            NotAllowed: not_found or import_over.
            StoreError: it is unknown whether it will stop.
        """
        record, now = self._imports.record(import_id, account), self._clock.now()
        changed = self._store.imports.change(
            import_id, now, {"status": "stopped", "ended": now}, expect={"status": ["queued"], "holder": [""]}
        ) or self._store.imports.change(import_id, now, {"wish": "stop"}, expect={"status": ["queued", "running"]})
        if not changed and record.status != "stopped":
            raise NotAllowed("import_over", f"The import is {self._imports.record(import_id).status}.")
        return self._imports.record(import_id)

    def resume(self, account: Account, import_id: str) -> ImportRecord:
        """Go on with an import that was stopped, or failed.

        Raises:
            NotAllowed: not_found or import_over.
            StoreError: it is unknown whether it goes on.
        """
        record = self._imports.record(import_id, account)
        changes = {"status": "queued", "wish": "", "problem": "", "attempts": 0, "ended": ""}
        expect = {"status": ["stopped", "failed"], "undoing": ["", "{}"]}
        if self._store.imports.change(import_id, self._clock.now(), changes, expect=expect):
            self._nudge(IMPORT, import_id)
        elif record.status not in {"queued", "running"} or record.wish:
            raise NotAllowed("import_over", f"The import is {record.status}{', and stopping' * bool(record.wish)}.")
        return self._imports.record(import_id)

    def apply(self, account: Account, import_id: str, *, actor: str) -> ImportRecord:
        """Do what a dry run foretold: the same file, the same mapping, the same date. Once, however often asked.

        Raises:
            NotAllowed: not_found or not_a_dry_run.
            StoreError: asking again is safe.
        """
        record = self._imports.record(import_id, account)
        order = order_of(record)
        if not order.dry_run or record.status != "finished":
            raise NotAllowed("not_a_dry_run", "Only a dry run that is finished can be applied.")
        # Kept for as long as it may be needed now; whoever lost it is told when the import begins.
        self._keep_upload(order, KEPT)
        self._store.imports.change(import_id, self._clock.now(), {"applied": self._new_id()}, expect={"applied": [""]})
        applied = self._imports.record(import_id).applied
        if existing := self._store.imports.get(applied):
            return existing
        return self._begin(account, applied, replace(order, dry_run=False, actor=actor))

    def ask_undo(self, account: Account, import_id: str, *, actor: str, reason: str = "") -> ImportRecord:
        """Have an import undone by a worker.

        Raises:
            NotAllowed: not_found, still_running or nothing_to_undo.
            StoreError: asking again is safe.
        """
        record = self._imports.record(import_id, account)
        self._imports.refuse_undo(record)
        if record.status != "undone":
            asked = {"actor": actor, "reason": reason, "done": 0, "of": 0, "lifted": 0, "kept": 0}
            expect = {"undoing": ["", "{}"], "status": ["stopped", "finished", "failed"]}
            self._store.imports.change(import_id, self._clock.now(), {"undoing": asked}, expect=expect)
            self._nudge(UNDO, import_id)
        return self._imports.record(import_id)

    def errors(self, record: ImportRecord) -> Iterator[str]:
        """The report of an import as CSV, part by part. Raises StoreError."""
        yield header_line(order_of(record).header)
        yield from self._store.imports.read_report(record.id, record.report)

    def run(self, import_id: str) -> None:
        """Run an import as a worker does; safe to repeat. Raises StoreError: the sweeper has it done again."""
        work, record = self._work(IMPORT, import_id), self._store.imports.get(import_id)
        if record is None or record.status not in {"queued", "running"}:
            self._store.outbox.done(work.shard, work.effect)
            return
        with self._held(work) as held:
            if held and self._attempted(work, record):
                self._run(work, order_of(record))
                self._tell(import_id)
                self._store.outbox.done(work.shard, work.effect)

    def _tell(self, import_id: str) -> None:
        """Make an event of an import's end. Repeating changes nothing. Raises StoreError."""
        record = self._imports.record(import_id)
        at = record.ended_at or record.updated_at
        data = {
            "import": import_id,
            "status": record.status,
            "file": record.order["file"],
            "kind": record.order["kind"],
            "dry_run": record.order["dry_run"],
            "counts": dict(record.counts),
            "opt_outs": dict(record.also),
            "problem": record.problem,
            "undone": dict(record.undone),
        }
        self._events.publish(
            record.account, [Event(f"{import_id}-{record.status}-{record.blocks}", "import_finished", at, data)]
        )

    def _attempted(self, work: _Work, record: ImportRecord) -> bool:
        now = self._clock.now()
        if record.attempts < _MOST_ATTEMPTS:
            self._store.imports.change(record.id, now, {"attempts": record.attempts + 1})
            return True
        problem = f"Its worker died {_MOST_ATTEMPTS} times at the same place. What was done stays done."
        self._store.imports.change(record.id, now, {"status": "failed", "problem": problem, "ended": now})
        self._store.outbox.done(work.shard, work.effect)
        return False

    def _run(self, work: _Work, order: ImportOrder) -> None:
        sink = StoredReport(self._store, work.import_id)
        try:
            with uploaded_file(self._store, order.upload, order.file) as path:
                for progress in self._imports.run(work.import_id, path, sink=sink, token=work.token):
                    log.info("import goes on", id=work.import_id, rows=progress.record.rows)
        except TakenOver:
            raise
        except (ListFileError, KeyError, NotAllowed) as error:
            log.info("import failed", id=work.import_id, error=type(error).__name__)
            problem = _NO_LONGER_KEPT if isinstance(error, KeyError) else str(error)
            now = self._clock.now()
            self._store.imports.change(
                work.import_id,
                now,
                {"status": "failed", "problem": problem, "ended": now},
                expect={"status": ["queued", "running"]},
            )
        self._keep_upload(order, KEPT_AFTER_END)

    def _keep_upload(self, order: ImportOrder, duration: timedelta) -> None:
        upload, _, parts = order.upload.partition(":")
        if upload:
            self._store.uploads.keep_for(upload, int(parts), duration)

    def undo(self, import_id: str) -> None:
        """Undo an import as a worker does; safe to repeat. Raises StoreError: the sweeper has it done again."""
        work, record = self._work(UNDO, import_id), self._store.imports.get(import_id)
        if record is None or not record.undoing:
            self._store.outbox.done(work.shard, work.effect)
            return
        with self._held(work) as held:
            if not held:
                return
            asked = dict(record.undoing)
            try:
                for step in self._imports.undo(
                    import_id, source=Source.ADMIN, actor=asked["actor"], reason=asked["reason"]
                ):
                    facts = {"lifted": step.lifted, "kept": step.kept, "done": step.entries, "of": step.of_entries}
                    now = self._clock.now()
                    if not self._store.imports.change(
                        import_id, now, {"undoing": {**asked, **facts}}, expect={"holder": [work.token]}
                    ):
                        raise TakenOver("Another worker undoes this import now.")
            except NotAllowed as error:
                log.info("undo refused", id=import_id, why=error.code)
            self._tell(import_id)
            self._store.outbox.done(work.shard, work.effect)

    @contextmanager
    def _held(self, work: _Work) -> Iterator[bool]:
        """Hold an import, renewed by a thread; False when somebody else does, and then it is looked at again later."""
        held = self._renew(work)
        if not held:
            yield False
            return
        ending = threading.Event()
        thread = threading.Thread(target=self._beat, args=(work, ending), name="import-lease", daemon=True)
        thread.start()
        try:
            yield True
        finally:
            ending.set()
            thread.join()
            self._store.imports.release(work.import_id, work.token, self._clock.now())

    def _beat(self, work: _Work, ending: threading.Event) -> None:
        while not ending.wait(_BEATS.total_seconds()):
            try:
                if not self._renew(work):
                    return
            except StoreError as error:
                log.warning("the lease of an import could not be renewed", id=work.import_id, error=str(error))

    def _renew(self, work: _Work) -> bool:
        now = self._clock.now()
        self._store.outbox.put(work.shard, work.effect, due_at=now + LEASE)
        return self._store.imports.hold(work.import_id, work.token, now, LEASE)


def refuse_too_large(path: Path, name: str) -> None:
    """Refuse a file that is too large to be uploaded. Raises ListFileError."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ListFileError(f"{name} has {size / 1e6:.0f} MB; an upload may have {MOST_BYTES // 1_000_000}.")
    rows = 0
    with path.open("rb") as file:
        while data := file.read(_NEWLINES_AT_ONCE):
            rows += data.count(b"\n")
    if rows > MOST_ROWS and not has_to_be_converted(path):
        raise ListFileError(f"{name} has {rows:,} rows; an upload may have {MOST_ROWS:,}. Split it.")


def file_name(name: str) -> str:
    """The name of an uploaded file as it is shown and logged: without folders, no longer than people read."""
    return os.path.basename(name.replace("\\", "/")).strip()[-120:] or "list"
