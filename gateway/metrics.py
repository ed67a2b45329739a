"""Prometheus metrics, read from the store: the same figures whichever process is asked, and they survive restarts."""

from collections.abc import Iterator, Mapping, Sequence

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.clock import Clock
from gateway.queueing import JobQueue
from gateway.reviewing import ReviewLoad, Reviews
from store import Store
from store.errors import StoreError
from store.reconciliation import Record

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """What /metrics shows."""

    def __init__(
        self,
        store: Store,
        queue: JobQueue,
        reviews: Reviews,
        clock: Clock,
        *,
        reconciled_carriers: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._queue = queue
        self._reviews = reviews
        self._clock = clock
        self._reconciled_carriers = reconciled_carriers

    def text(self) -> bytes:
        """All metrics in Prometheus' text form."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering is not to ask the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All metrics; only stopgate_store_up when the store does not answer."""
        up = GaugeMetricFamily("stopgate_store_up", "1 when the store answers.")
        try:
            counters = self._store.health.counters()
            report = self._store.health.report()
            waiting, oldest = self._store.outbox.size(), self._store.outbox.oldest_due()
            loads = self._reviews.load()
            reconciled = {name: self._store.reconciliation.record(name) for name in self._reconciled_carriers}
        except StoreError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        events = CounterMetricFamily("stopgate_events", "What happened, by kind.", labels=["event"])
        for name, value in sorted(counters.items()):
            events.add_metric([name], value)
        yield events
        yield GaugeMetricFamily("stopgate_store_memory_bytes", "Memory the store uses.", report.used_memory)
        yield GaugeMetricFamily("stopgate_outbox_entries", "Effects still to be done.", waiting)
        overdue = max(0.0, (self._clock.now() - oldest).total_seconds()) if oldest else 0.0
        yield GaugeMetricFamily("stopgate_outbox_overdue_seconds", "How long the oldest effect is overdue.", overdue)
        yield from self._review_metrics(loads)
        yield from self._reconciliations(reconciled)
        yield from self._queues()

    def _review_metrics(self, loads: Sequence[ReviewLoad]) -> Iterator[Metric]:
        held = GaugeMetricFamily("stopgate_reviews_held", "Texts that wait for a person.", labels=["account"])
        overdue = GaugeMetricFamily(
            "stopgate_reviews_overdue", "Held texts past their ten business days (US-7).", labels=["account"]
        )
        age = GaugeMetricFamily("stopgate_review_oldest_seconds", "Age of the oldest held text.", labels=["account"])
        for load in loads:
            held.add_metric([load.account], load.held)
            overdue.add_metric([load.account], load.overdue)
            seconds = (self._clock.now() - load.oldest).total_seconds() if load.oldest else 0.0
            age.add_metric([load.account], seconds)
        yield from (held, overdue, age)

    def _reconciliations(self, records: Mapping[str, Record]) -> Iterator[Metric]:
        ages = GaugeMetricFamily(
            "stopgate_reconciliation_age_seconds",
            "How long ago the last complete look at the carrier's list of texts began.",
            labels=["carrier"],
        )
        ingested = CounterMetricFamily(
            "stopgate_reconciliation_ingested", "Texts whose webhook never came, taken in late.", labels=["carrier"]
        )
        for name, record in records.items():
            ingested.add_metric([name], record.ingested)
            if record.last is not None:
                ages.add_metric([name], max(0.0, (self._clock.now() - record.last.started_at).total_seconds()))
        yield ages
        yield ingested

    def _queues(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("stopgate_queue_jobs", "Jobs waiting in a queue.", labels=["queue"])
        try:
            for name, length in self._queue.lengths().items():
                family.add_metric([name], length)
        except redis.RedisError:
            return
        yield family
