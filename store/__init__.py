"""The store: everything Stopgate knows, on a server that speaks the Redis protocol. README.md has the keyspace."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis

from store.api_keys import ApiKeyStore
from store.audience_members import AudienceMembers
from store.audience_records import AudienceRecords
from store.audiences import AudienceStore
from store.batches import BatchStore
from store.broadcasts import BroadcastStore
from store.bulk import BulkStore
from store.changing import ChangeStore
from store.client import open_client
from store.configuration_journal import ConfigurationJournal
from store.confirming import ConfirmingStore
from store.consent import ConsentStore
from store.contact_listing import ContactListing
from store.contacts import ContactStore
from store.days import DayStore
from store.directory import DirectoryStore
from store.erased_checks import ErasedChecks
from store.erasure import ErasureStore
from store.events import EventStore
from store.following import FollowStore
from store.functions import Functions
from store.health import Health
from store.idempotency import IdempotencyStore
from store.imports import ImportStore
from store.inbound import InboundStore
from store.journal_listing import JournalListing
from store.journal_reading import JournalStore
from store.listing import ListingStore
from store.messages import MessageStore
from store.open_questions import QuestionStore
from store.outbox import Outbox
from store.pseudonyms import Pseudonyms
from store.rates import RateStore
from store.reconciliation import ReconciliationStore
from store.reviews import ReviewStore
from store.sign_ins import SignInStore
from store.texts import TextStore
from store.topology import Cluster, OneServer, Topology
from store.upgrades import Keyspace
from store.uploads import UploadStore
from store.urls import is_cluster
from store.users import UserStore
from store.verify import Verification


@dataclass(frozen=True, slots=True)
class Store:
    """All records, grouped by kind."""

    client: "redis.Redis"
    topology: Topology
    functions: Functions
    following: FollowStore
    consent: ConsentStore
    bulk: BulkStore
    batches: BatchStore
    listing: ListingStore
    inbound: InboundStore
    audiences: AudienceStore
    audience_members: AudienceMembers
    audience_records: AudienceRecords
    changes: ChangeStore
    questions: QuestionStore
    contacts: ContactStore
    contact_listing: ContactListing
    reviews: ReviewStore
    messages: MessageStore
    texts: TextStore
    days: DayStore
    confirming: ConfirmingStore
    outbox: Outbox
    directory: DirectoryStore
    events: EventStore
    api_keys: ApiKeyStore
    idempotency: IdempotencyStore
    rates: RateStore
    imports: ImportStore
    broadcasts: BroadcastStore
    uploads: UploadStore
    health: Health
    journal: JournalStore
    journal_listing: JournalListing
    reconciliation: ReconciliationStore
    keyspace: Keyspace
    erasure: ErasureStore
    users: UserStore
    sign_ins: SignInStore
    configuration_journal: ConfigurationJournal

    def verification(self) -> Verification:
        """A comparison of the journal with the state."""
        return Verification(self.topology, self.bulk)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


def open_store(
    url: str,
    *,
    retention: timedelta | None = None,
    replicas: int = 0,
    monotonic: Callable[[], float] = time.monotonic,
    new_secret: Callable[[], str] = lambda: secrets.token_hex(32),
    erasure_keys: Sequence[bytes] = (),
) -> Store:
    """The store at a URL. Nothing is sent before the first question.

    Args:
        url: see store.client.open_client.
        retention: how long messages are kept; None keeps them. Opt-outs and their journal never expire
            (Virginia asks for ten years, regulation US-17).
        replicas: how many replicas have to have a write before it counts (STOPGATE_DURABILITY=replica:N).
        monotonic: a clock for what may be kept a moment.
        new_secret: where random secrets come from.
        erasure_keys: what erased numbers are hashed with, the first for new ones. None: nothing can be erased.

    Raises:
        ValueError: the URL has an unknown form.
        StoreUnreachable: no server of a cluster answers.
    """
    client = open_client(url)
    cluster: Any = client
    topology: Topology = Cluster(cluster, replicas) if is_cluster(url) else OneServer(client, replicas)
    return _stores(client, topology, Pseudonyms(erasure_keys), retention, monotonic, new_secret)


def _stores(
    client: "redis.Redis",
    topology: Topology,
    pseudonyms: Pseudonyms,
    retention: timedelta | None,
    monotonic: Callable[[], float],
    new_secret: Callable[[], str],
) -> Store:
    functions = Functions(topology)
    erased = ErasedChecks(topology, pseudonyms)
    bulk = BulkStore(topology, erased.blocked)
    messages = MessageStore(client, functions, pseudonyms, retention=retention)
    contacts = ContactStore(topology, functions)
    return Store(
        client=client,
        topology=topology,
        functions=functions,
        following=FollowStore(client, functions),
        consent=ConsentStore(client, functions, topology, pseudonyms),
        bulk=bulk,
        batches=BatchStore(topology, functions, erased, monotonic),
        listing=ListingStore(topology, functions, monotonic),
        inbound=InboundStore(client, functions, messages, pseudonyms),
        audiences=AudienceStore(client, functions, topology, pseudonyms),
        audience_members=AudienceMembers(topology, bulk),
        audience_records=AudienceRecords(client),
        changes=ChangeStore(functions, pseudonyms),
        questions=QuestionStore(topology, functions),
        contacts=contacts,
        contact_listing=ContactListing(topology, contacts),
        reviews=ReviewStore(client, functions),
        messages=messages,
        texts=TextStore(topology),
        days=DayStore(topology),
        confirming=ConfirmingStore(functions, messages, pseudonyms),
        outbox=Outbox(client, functions),
        directory=DirectoryStore(client, monotonic),
        events=EventStore(client, functions),
        api_keys=ApiKeyStore(client, new_secret),
        idempotency=IdempotencyStore(client),
        rates=RateStore(topology),
        imports=ImportStore(client, functions),
        broadcasts=BroadcastStore(client, topology, functions),
        uploads=UploadStore(client),
        health=Health(topology),
        journal=JournalStore(client),
        journal_listing=JournalListing(topology),
        reconciliation=ReconciliationStore(client),
        keyspace=Keyspace(topology),
        erasure=ErasureStore(client, topology, functions, pseudonyms),
        users=UserStore(client),
        sign_ins=SignInStore(client),
        configuration_journal=ConfigurationJournal(client),
    )
