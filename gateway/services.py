"""The composition root: one object with everything, built once for web, worker, command line and tests."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

from gateway.account_changes import AccountChanges
from gateway.broadcast_sending import BROADCAST
from gateway.carriers import open_carriers
from gateway.carriers.base import Carrier, ListsInbound
from gateway.carriers.simulator import Simulator
from gateway.clock import Clock
from gateway.configuration import Configuration
from gateway.configured_belongings import ConfiguredBelongings
from gateway.drift import DriftReport
from gateway.drift_repair import DriftRepair
from gateway.erasure import Eraser, Erasure
from gateway.events import ANNOUNCE, DELIVER
from gateway.following import Follower, Following
from gateway.import_jobs import IMPORT, UNDO
from gateway.keyword_switches import KeywordSwitches
from gateway.metrics import Metrics
from gateway.opt_out_effects import AFTER_CLARIFICATION, OptOutEffects
from gateway.opt_out_lists import IndexFollower
from gateway.proofs import Proofs
from gateway.queueing import DEFAULT, EVENTS, LISTS, SEND, JobQueue
from gateway.reconciling import Reconciler
from gateway.reviewing import Reviews
from gateway.routing import Routing
from gateway.scheduling import ReconciliationSchedule
from gateway.services_of_lists import ListServices
from gateway.settings import DERIVED, Settings, derived_secret, secret_key_of
from gateway.signing_in import SigningIn
from gateway.simulating import Handset
from gateway.statistics import StatisticsReader
from gateway.subscribing import Subscriptions
from gateway.supervision.embedded import url_of
from gateway.sweeping import Sweeper
from gateway.trying import Trying
from gateway.users import Users
from store import open_store
from store.client import open_client


@dataclass(frozen=True)
class Services(ListServices):
    """Settings and live connections; the use cases over them, each put together when it is first asked for."""

    @cached_property
    def proofs(self) -> Proofs:
        """Proof files."""
        key = derived_secret(self.secret_key, "proof files").encode()
        return Proofs(self.store, self.consent, self.clock, key=key, software=f"Stopgate {version('stopgate')}")

    @cached_property
    def opt_out_effects(self) -> OptOutEffects:
        """What an opt-out does to audiences, contacts, waiting texts and open questions."""
        return OptOutEffects(self.store, self.clock, self.contacts, self.outbound.withdraw)

    @cached_property
    def erasure(self) -> Erasure:
        """Erasing a person."""
        return Erasure(self.store, self.consent, self.reviews, self.clock, self.erasers)

    @property
    def erasers(self) -> Sequence[Eraser]:
        """What erases the parts that keep more of a number than texts and consent."""
        return (self.contacts.forget, self.events.erase)

    @cached_property
    def configuration(self) -> Configuration:
        """Accounts as code."""
        return Configuration(self.store, tuple(self.carriers), self.clock)

    @cached_property
    def account_changes(self) -> AccountChanges:
        """Settings, own words and API keys of accounts."""
        return AccountChanges(self.store, self.clock)

    @cached_property
    def belongings(self) -> ConfiguredBelongings:
        """What belongs to accounts, as code."""
        return ConfiguredBelongings(self.store, self.users, self.event_delivery, self.clock)

    @cached_property
    def following(self) -> Following:
        """What is done after consent changes."""
        return Following(self.store, self.followers)

    @property
    def followers(self) -> Sequence[Follower]:
        """Who sees every consent change after it was made, in this order."""
        return (IndexFollower(self.store), self.events, self.opt_out_effects)

    @cached_property
    def sweeper(self) -> Sweeper:
        """Finishes what was written and not done."""
        return Sweeper(self.store, self.queue, self.clock, QUEUE_OF_EFFECT)

    @cached_property
    def reviews(self) -> Reviews:
        """Texts that a person has to read."""
        return Reviews(self.store, self.clock)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """Who is in which audience, as programs ask for it."""
        return Subscriptions(self.store, self.clock, self.audiences)

    @cached_property
    def keyword_switches(self) -> KeywordSwitches:
        """Built-in keywords, on or off."""
        return KeywordSwitches(self.store, self.clock)

    @cached_property
    def trying(self) -> Trying:
        """What would come of a text."""
        return Trying(self.store, self.clock)

    @cached_property
    def routing(self) -> Routing:
        """Texts to senders that nobody had."""
        return Routing(self.store, self.inbound, self.carriers)

    @cached_property
    def metrics(self) -> Metrics:
        """What monitoring reads."""
        carriers = self.reconciliation.carriers
        return Metrics(self.store, self.queue, self.reviews, self.clock, reconciled_carriers=carriers)

    @cached_property
    def handset(self) -> Handset:
        """The simulator's phone."""
        simulator = self.carriers.get("simulator")
        phone = simulator if isinstance(simulator, Simulator) else None
        address = self.settings.public_url or "http://localhost"
        return Handset(self.store, phone, self.inbound, self.consent, self.clock, address)

    @cached_property
    def reconciliation(self) -> ReconciliationSchedule:
        """Texts whose webhook never came, and where a carrier differs from us."""
        return ReconciliationSchedule(
            self.store,
            Reconciler(self.store, self.carriers, self.inbound, self.clock),
            DriftReport(self.store, self.carriers),
            DriftRepair(self.store, self.carriers, self.clock),
            self.clock,
            carriers=[name for name, carrier in self.carriers.items() if isinstance(carrier, ListsInbound)],
            every=self.settings.reconcile_every,
            back=self.settings.reconcile_back,
            push=["twilio"] if self.settings.twilio_consent_push else [],
        )

    @cached_property
    def users(self) -> Users:
        """People who sign in."""
        return Users(self.store, self.clock, self.new_id)

    @cached_property
    def signing_in(self) -> SigningIn:
        """Sign-ins of the console."""
        return SigningIn(self.store, self.clock)

    @cached_property
    def statistics(self) -> StatisticsReader:
        """Figures of days."""
        return StatisticsReader(self.store, self.reviews, self.clock)

    @property
    def doers(self) -> Mapping[str, Callable[[str], object]]:
        """What does each kind of effect, for workers."""
        return {
            SEND: self.outbound.hand_over,
            IMPORT: self.import_jobs.run,
            UNDO: self.import_jobs.undo,
            BROADCAST: self.broadcast_sending.go_on,
            DELIVER: self.event_delivery.deliver,
            ANNOUNCE: self.events.announce,
            AFTER_CLARIFICATION: self.opt_out_effects.after_clarification,
        }

    def close(self) -> None:
        """Put away what is open. Jobs that still wait are queued first."""
        self.queue.close()
        self.queue_connection.close()
        self.store.close()


QUEUE_OF_EFFECT: Mapping[str, str] = {
    IMPORT: LISTS,
    UNDO: LISTS,
    BROADCAST: DEFAULT,
    DELIVER: EVENTS,
    ANNOUNCE: EVENTS,
    AFTER_CLARIFICATION: DEFAULT,
}
"""The queue of each kind of effect; a message's queue is told by what it is for (queueing.queue_for)."""


def store_url_of(settings: Settings) -> str:
    """Where the store is: the setting, or the embedded one of the data folder."""
    return settings.store_url or url_of(settings.data)


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
    store = open_store(
        store_url,
        retention=settings.retention,
        replicas=settings.replicas,
        monotonic=clock.monotonic,
        erasure_keys=_erasure_keys(settings, secret_key),
    )
    # RQ blocks on this connection for as long as a worker is idle, so it has no timeout of its own.
    queue_connection = open_client(settings.queue_url or store_url, timeout=None)
    queue = JobQueue(open_client(settings.queue_url or store_url))
    if carriers is None:
        carriers = open_carriers(settings, secret=derived_secret(secret_key, "simulator"), new_id=new_id)

    return Services(
        settings=settings,
        secret_key=secret_key,
        clock=clock,
        new_id=new_id,
        store=store,
        queue_connection=queue_connection,
        queue=queue,
        carriers=carriers,
    )


def _erasure_keys(settings: Settings, secret_key: str) -> list[bytes]:
    derived = derived_secret(secret_key, "erased numbers")
    return [(derived if key == DERIVED else key).encode() for key in settings.erasure_keys or (DERIVED,)]
