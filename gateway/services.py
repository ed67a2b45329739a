"""The composition root: one object with everything, built once for web, worker, command line and tests."""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import redis

from gateway.carriers import open_carriers
from gateway.carriers.base import Carrier, ListsInbound
from gateway.carriers.simulator import Simulator
from gateway.clock import Clock
from gateway.configuration import Configuration
from gateway.consent import Consent
from gateway.drift import DriftReport
from gateway.drift_repair import DriftRepair
from gateway.import_jobs import IMPORT, UNDO, ImportJobs
from gateway.imports import Imports
from gateway.inbound import Inbound
from gateway.keyword_switches import KeywordSwitches
from gateway.metrics import Metrics
from gateway.outbound import Outbound
from gateway.queueing import LISTS, SEND, JobQueue
from gateway.reconciling import Reconciler
from gateway.reviewing import Reviews
from gateway.routing import Routing
from gateway.scheduling import ReconciliationSchedule
from gateway.settings import Settings, secret_key_of
from gateway.simulating import Handset
from gateway.subscribing import Subscriptions
from gateway.supervision.embedded import url_of
from gateway.sweeping import Sweeper
from store import Store, open_store
from store.client import open_client


@dataclass(frozen=True, slots=True)
class Services:
    """Settings, live connections and use cases."""

    settings: Settings
    secret_key: str
    clock: Clock
    new_id: Callable[[], str]
    store: Store
    queue_connection: "redis.Redis"
    queue: JobQueue
    carriers: Mapping[str, Carrier]
    inbound: Inbound
    outbound: Outbound
    consent: Consent
    imports: Imports
    import_jobs: ImportJobs
    configuration: Configuration
    sweeper: Sweeper
    reviews: Reviews
    subscriptions: Subscriptions
    keyword_switches: KeywordSwitches
    routing: Routing
    metrics: Metrics
    handset: Handset
    reconciliation: ReconciliationSchedule

    @property
    def doers(self) -> Mapping[str, Callable[[str], object]]:
        """What does each kind of effect, for workers."""
        return {SEND: self.outbound.hand_over, IMPORT: self.import_jobs.run, UNDO: self.import_jobs.undo}

    def close(self) -> None:
        """Put away what is open. Jobs that still wait are queued first."""
        self.queue.close()
        self.queue_connection.close()
        self.store.close()


QUEUE_OF_EFFECT: Mapping[str, str] = {IMPORT: LISTS, UNDO: LISTS}
"""The queue of each kind of effect; a message's queue is told by what it is for (queueing.queue_for)."""


def store_url_of(settings: Settings) -> str:
    """Where the store is: the setting, or the embedded one of the data folder."""
    return settings.store_url or url_of(settings.data)


def derived_secret(secret_key: str, purpose: str) -> str:
    """A secret for one purpose, made from the installation's secret key."""
    return hmac.new(secret_key.encode(), purpose.encode(), sha256).hexdigest()


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    carriers: Mapping[str, Carrier] | None = None,
    new_id: Callable[[], str] = lambda: secrets.token_hex(16),
) -> Services:
    """Put everything together. Connects to nothing yet, except to a cluster, for its map.

    Args:
        settings: the installation's.
        clock: the time; tests pass another.
        carriers: instead of the ones the settings switch on; for tests.
        new_id: where random ids come from.

    Raises:
        SettingsError: the secret key can neither be read nor made. StoreUnreachable: no server of a cluster answers.
    """
    clock = clock or Clock()
    secret_key = secret_key_of(settings)
    store_url = store_url_of(settings)
    store = open_store(store_url, retention=settings.retention, replicas=settings.replicas, monotonic=clock.monotonic)
    # RQ blocks on this connection for as long as a worker is idle, so it has no timeout of its own.
    queue_connection = open_client(settings.queue_url or store_url, timeout=None)
    queue = JobQueue(open_client(settings.queue_url or store_url))
    if carriers is None:
        carriers = open_carriers(settings, secret=derived_secret(secret_key, "simulator"), new_id=new_id)

    inbound = Inbound(store, queue, clock)
    consent = Consent(store, clock)
    reviews = Reviews(store, clock)
    imports = Imports(store, clock)
    reconciliation = _reconciliation(settings, store, carriers, inbound, clock)
    return Services(
        settings=settings,
        secret_key=secret_key,
        clock=clock,
        new_id=new_id,
        store=store,
        queue_connection=queue_connection,
        queue=queue,
        carriers=carriers,
        inbound=inbound,
        outbound=Outbound(store, queue, carriers, clock, new_id, _status_url(settings)),
        consent=consent,
        imports=imports,
        import_jobs=ImportJobs(store, queue, clock, new_id, imports),
        configuration=Configuration(store, tuple(carriers)),
        sweeper=Sweeper(store, queue, clock, QUEUE_OF_EFFECT),
        reviews=reviews,
        subscriptions=Subscriptions(store, clock),
        keyword_switches=KeywordSwitches(store),
        routing=Routing(store, inbound, carriers),
        metrics=Metrics(store, queue, reviews, clock, reconciled_carriers=reconciliation.carriers),
        handset=_handset(settings, store, carriers, inbound, consent, clock),
        reconciliation=reconciliation,
    )


def _status_url(settings: Settings) -> Callable[[str, str], str]:
    """Where reports about a message are to go: our id is in the address, so that none has to be guessed."""

    def status_url(carrier: str, message_id: str) -> str:
        return f"{settings.public_url}/webhooks/{carrier}/status?m={message_id}" if settings.public_url else ""

    return status_url


def _handset(
    settings: Settings,
    store: Store,
    carriers: Mapping[str, Carrier],
    inbound: Inbound,
    consent: Consent,
    clock: Clock,
) -> Handset:
    simulator = carriers.get("simulator")
    phone = simulator if isinstance(simulator, Simulator) else None
    return Handset(store, phone, inbound, consent, clock, settings.public_url or "http://localhost")


def _reconciliation(
    settings: Settings, store: Store, carriers: Mapping[str, Carrier], inbound: Inbound, clock: Clock
) -> ReconciliationSchedule:
    return ReconciliationSchedule(
        store,
        Reconciler(store, carriers, inbound, clock),
        DriftReport(store, carriers),
        DriftRepair(store, carriers, clock),
        clock,
        carriers=[name for name, carrier in carriers.items() if isinstance(carrier, ListsInbound)],
        every=settings.reconcile_every,
        back=settings.reconcile_back,
        push=["twilio"] if settings.twilio_consent_push else [],
    )
