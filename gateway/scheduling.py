"""The scheduled look at carriers' lists: in the sweeper process, one runner at a time, from where the last ended."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.drift import DriftReport
from gateway.drift_repair import DriftRepair
from gateway.errors import GatewayError
from gateway.logs import logger
from gateway.reconciling import SCHEDULED, Reconciler, Report, Request, Tally, Watch
from store import Store
from store.errors import StoreError
from store.leases import AlreadyRunning
from store.reconciliation import CompleteRun, Record

log = logger(__name__)

_LOOK_EVERY = 20.0
# What came in while the last run was under way is looked at again.
_OVERLAP = timedelta(hours=1)
# After an outage of ours the next look goes back to before it, within reason.
_FURTHEST = timedelta(days=30)
_TRY_AGAIN = timedelta(minutes=5)
# Telling of opt-outs reads every journal from its beginning, and our gate blocks without it.
_TELL_EVERY = timedelta(days=1)


class _Stopping(Exception):
    """The process is to end; what was done is kept."""


class ReconciliationSchedule:
    """Reconciles every so often, and tells carriers of opt-outs where that is switched on.

    What it works with can be used by hand as well: `reconciler`, `drift`, `repair`.

    Args:
        store, reconciler, drift, repair, clock: what it works with.
        carriers: whose lists to look at.
        every: time between two looks; None switches this off.
        back: how far each look goes back at least.
        push: carriers to tell of opt-outs after each look.
    """

    def __init__(
        self,
        store: Store,
        reconciler: Reconciler,
        drift: DriftReport,
        repair: DriftRepair,
        clock: Clock,
        *,
        carriers: Sequence[str],
        every: timedelta | None,
        back: timedelta,
        push: Sequence[str],
    ) -> None:
        self.carriers = tuple(carriers)
        self._store = store
        self.reconciler = reconciler
        self.drift = drift
        self.repair = repair
        self._clock = clock
        self._every = every
        self._back = back
        self._push = tuple(push)

    def run(self, stopping: threading.Event) -> None:
        """Look when it is time until told to stop. An unreachable store or carrier is waited for."""
        if self._every is None or not self.carriers:
            return
        while not stopping.wait(_LOOK_EVERY):
            try:
                self.look(stopping)
            except StoreError as error:
                log.warning("reconciling could not reach the store", error=str(error))
            except _Stopping:
                return
            except Exception:
                # A thread that ends would end this for good, and nobody would see it.
                log.exception("reconciling failed")
                stopping.wait(_TRY_AGAIN.total_seconds())

    def look(self, stopping: threading.Event | None = None) -> list[str]:
        """Reconcile with each carrier whose time has come. Returns the carriers that were looked at to the end.

        Raises:
            StoreError: the store did not answer.
        """
        watch = self._watch(stopping or threading.Event())
        return [name for name in self.carriers if self._is_due(name) and self._one(name, watch)]

    def _watch(self, stopping: threading.Event) -> Watch:
        def go_on() -> None:
            if stopping.is_set():
                raise _Stopping

        def pause(seconds: float) -> None:
            while seconds > 0:
                go_on()
                self._clock.sleep(min(seconds, 1.0))
                seconds -= 1.0

        def on_page(_tally: Tally, _where: str) -> None:
            go_on()

        return Watch(pause, on_page)

    def _is_due(self, carrier: str) -> bool:
        if self._every is None:
            return False
        record = self._store.reconciliation.record(carrier)
        if record.attempted_at is None:
            return True
        complete = record.last is not None and record.last.ended_at >= record.attempted_at
        return self._clock.now() - record.attempted_at >= (self._every if complete else _TRY_AGAIN)

    def _one(self, carrier: str, watch: Watch) -> bool:
        started = self._clock.now()
        since = self._since(self._store.reconciliation.record(carrier), started)
        try:
            report = self.reconciler.reconcile(Request(carrier, since, kind=SCHEDULED, asked=SCHEDULED), watch)
        except AlreadyRunning:
            return False
        except GatewayError as error:
            log.warning("reconciling did not get to the end", carrier=carrier, problem=str(error))
            self._store.reconciliation.attempted(carrier, self._clock.now(), str(error))
            return False
        if report.problems:
            self._store.reconciliation.attempted(carrier, self._clock.now(), report.problems[0])
            return False
        self._complete(carrier, report, started, watch)
        return True

    def _since(self, record: Record, now: datetime) -> datetime:
        since = now - self._back
        if record.last is not None:
            since = min(since, record.last.started_at - _OVERLAP)
        return max(since, now - _FURTHEST)

    def _complete(self, carrier: str, report: Report, started: datetime, watch: Watch) -> None:
        ended = self._clock.now()
        run = CompleteRun(report.since, started, ended, report.tally.ingested)
        self._store.reconciliation.completed(carrier, run)
        self._store.reconciliation.attempted(carrier, ended, "")
        if report.tally.ingested:
            log.warning("texts whose webhook never came were taken in", carrier=carrier, texts=report.tally.ingested)
        if carrier in self._push:
            self._tell(carrier, watch)

    def _tell(self, carrier: str, watch: Watch) -> None:
        now = self._clock.now()
        told_at = self._store.reconciliation.record(carrier).told_at
        if told_at is not None and now - told_at < _TELL_EVERY:
            return
        accounts = self._store.directory.current(fresh=True).accounts.values()
        drifts = (drift for account in accounts for drift in self.drift.of_account(account))
        try:
            repair = self.repair.push(carrier, drifts, watch.pause)
        except GatewayError as error:
            log.warning("the carrier could not be told of opt-outs", carrier=carrier, problem=str(error))
            self._store.reconciliation.told(carrier, None, str(error))
            return
        refused = len(repair.refused)
        problem = f"It did not take {refused} opt-outs: stopgate drift --push shows why." if refused else ""
        self._store.reconciliation.told(carrier, now, problem)
