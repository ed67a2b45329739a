"""The composition root: one object with everything, built once for web, worker, command line and tests."""

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version

import redis

from gateway.account_changes import AccountChanges
from gateway.audiences import Audiences
from gateway.broadcast_sending import BROADCAST, BroadcastSending
from gateway.broadcasts import Broadcasts
from gateway.carriers import open_carriers
from gateway.carriers.base import Carrier, ListsInbound
from gateway.carriers.simulator import Simulator
from gateway.clock import Clock
from gateway.configuration import Configuration
from gateway.configured_belongings import ConfiguredBelongings
from gateway.consent import Consent
from gateway.contact_opt_outs import ContactOptOuts
from gateway.contacts import Contacts
from gateway.conversations import Conversations
from gateway.drift import DriftReport
from gateway.drift_repair import DriftRepair
from gateway.erasure import Eraser, Erasure
from gateway.event_delivery import EventDelivery
from gateway.events import ANNOUNCE, DELIVER, Events
from gateway.following import Follower, Following
from gateway.guarded_http import GuardedHttp
from gateway.import_contacts import ContactRows
from gateway.import_jobs import IMPORT, UNDO, ImportJobs
from gateway.import_uploads import ImportUploads
from gateway.imports import Imports
from gateway.inbound import Inbound
from gateway.keyword_switches import KeywordSwitches
from gateway.lists.targets import CONTACTS
from gateway.metrics import Metrics
from gateway.opt_out_effects import AFTER_CLARIFICATION, OptOutEffects
from gateway.opt_out_links import OptOutLinks
from gateway.opt_out_lists import IndexFollower, OptOutLists
from gateway.outbound import Outbound
from gateway.proofs import Proofs
from gateway.queueing import BULK, DEFAULT, EVENTS, LISTS, SEND, JobQueue
from gateway.reconciling import Reconciler
from gateway.reviewing import Reviews
from gateway.routing import Routing
from gateway.scheduling import ReconciliationSchedule
from gateway.settings import DERIVED, Settings, secret_key_of
from gateway.signing_in import SigningIn
from gateway.simulating import Handset
from gateway.statistics import StatisticsReader
from gateway.subscribing import Subscriptions
from gateway.supervision.embedded import url_of
from gateway.sweeping import Sweeper
from gateway.texts import Texts
from gateway.trying import Trying
from gateway.users import Users
from store import Store, open_store
from store.client import open_client


@dataclass(frozen=True)
class Services:
    """Settings and live connections; the use cases over them, each put together when it is first asked for."""

    settings: Settings
    secret_key: str
    clock: Clock
    new_id: Callable[[], str]
    store: Store
    queue_connection: "redis.Redis"
    queue: JobQueue
    carriers: Mapping[str, Carrier]

    @cached_property
    def inbound(self) -> Inbound:
        """Texts that come in."""
        return Inbound(self.store, self.queue, self.clock)

    @cached_property
    def outbound(self) -> Outbound:
        """Texts that go out."""
        return Outbound(
            self.store,
            self.queue,
            self.carriers,
            self.clock,
            self.new_id,
            _status_url(self.settings),
            self.opt_out_links.filled,
            self.events.expect_status,
        )

    @cached_property
    def consent(self) -> Consent:
        """Opt-outs that do not come as texts, and checks."""
        return Consent(self.store, self.clock)

    @cached_property
    def opt_out_links(self) -> OptOutLinks:
        """Links by which people opt out."""
        secret = derived_secret(self.secret_key, "opt-out links")
        return OptOutLinks(self.store, self.clock, self.consent, secret=secret, public_url=self.settings.public_url)

    @cached_property
    def proofs(self) -> Proofs:
        """Proof files."""
        key = derived_secret(self.secret_key, "proof files").encode()
        return Proofs(self.store, self.consent, self.clock, key=key, software=f"Stopgate {version('stopgate')}")

    @cached_property
    def contacts(self) -> Contacts:
        """The people of accounts."""
        return Contacts(self.store, self.clock)

    @cached_property
    def contact_opt_outs(self) -> ContactOptOuts:
        """Opt-outs from the page of a contact."""
        return ContactOptOuts(self.contacts, self.consent)

    @cached_property
    def audiences(self) -> Audiences:
        """Audiences and who is in them."""
        return Audiences(self.store, self.clock)

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
    def imports(self) -> Imports:
        """Imports of files."""
        return Imports(self.store, self.clock, {CONTACTS: ContactRows(self.store, self.clock, self.contacts).run})

    @cached_property
    def import_jobs(self) -> ImportJobs:
        """Imports of uploaded files, by workers."""
        return ImportJobs(self.store, self.queue, self.clock, self.new_id, self.imports, self.events)

    @cached_property
    def broadcasts(self) -> Broadcasts:
        """Texts to audiences."""
        return Broadcasts(
            self.store, self.queue, self.clock, self.new_id, self.audiences.sendable, self.opt_out_links.filled
        )

    @cached_property
    def broadcast_sending(self) -> BroadcastSending:
        """Texts to audiences, by workers."""
        return BroadcastSending(self.store, self.queue, self.clock, self.new_id, self.outbound.accept_many)

    @cached_property
    def import_uploads(self) -> ImportUploads:
        """Uploaded files that are no imports yet."""
        return ImportUploads(self.store, self.new_id, self.import_jobs)

    @cached_property
    def configuration(self) -> Configuration:
        """Accounts as code."""
        return Configuration(self.store, tuple(self.carriers), self.clock)

    @cached_property
    def account_changes(self) -> AccountChanges:
        """Settings, own words and API keys of accounts."""
        return AccountChanges(self.store, self.clock)

    @cached_property
    def events(self) -> Events:
        """What happens, for programs that want to know."""
        return Events(self.store, self.queue, self.clock)

    @cached_property
    def event_delivery(self) -> EventDelivery:
        """Telling endpoints of events."""
        allowed = self.settings.events_private
        http = GuardedHttp(private_allowed=allowed)
        return EventDelivery(self.store, self.queue, self.clock, http, self.new_id, private_allowed=allowed)

    @cached_property
    def belongings(self) -> ConfiguredBelongings:
        """What belongs to accounts, as code."""
        return ConfiguredBelongings(self.store, self.users, self.event_delivery, self.clock)

    @cached_property
    def opt_out_lists(self) -> OptOutLists:
        """Lists of opt-outs, page by page and as files."""
        return OptOutLists(self.store, self.clock.monotonic)

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
        return Subscriptions(self.store, self.clock)

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
    def texts(self) -> Texts:
        """All texts of accounts."""
        return Texts(self.store)

    @cached_property
    def conversations(self) -> Conversations:
        """Texts with one number, and what a colleague does in them."""
        return Conversations(self.store, self.outbound, self.queue, self.clock, self.new_id)

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
    BROADCAST: BULK,
    DELIVER: EVENTS,
    ANNOUNCE: EVENTS,
    AFTER_CLARIFICATION: DEFAULT,
}
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


def _status_url(settings: Settings) -> Callable[[str, str], str]:
    """Where reports about a message are to go: our id is in the address, so that none has to be guessed."""

    def status_url(carrier: str, message_id: str) -> str:
        return f"{settings.public_url}/webhooks/{carrier}/status?m={message_id}" if settings.public_url else ""

    return status_url
