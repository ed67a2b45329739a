"""The store: everything Stopgate knows, on a server that speaks the Redis protocol. README.md has the keyspace."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import redis

from store.api_keys import ApiKeyStore
from store.audiences import AudienceStore
from store.client import open_client
from store.consent import ConsentStore
from store.directory import DirectoryStore
from store.functions import Functions
from store.health import Health
from store.idempotency import IdempotencyStore
from store.inbound import InboundStore
from store.journal_reading import JournalStore
from store.messages import MessageStore
from store.outbox import Outbox
from store.reconciliation import ReconciliationStore
from store.reviews import ReviewStore


@dataclass(frozen=True, slots=True)
class Store:
    """All records, grouped by kind."""

    client: "redis.Redis"
    functions: Functions
    consent: ConsentStore
    inbound: InboundStore
    audiences: AudienceStore
    reviews: ReviewStore
    messages: MessageStore
    outbox: Outbox
    directory: DirectoryStore
    api_keys: ApiKeyStore
    idempotency: IdempotencyStore
    health: Health
    journal: JournalStore
    reconciliation: ReconciliationStore

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


def open_store(
    url: str,
    *,
    retention: timedelta | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    new_secret: Callable[[], str] = lambda: secrets.token_hex(32),
) -> Store:
    """The store at a URL. Nothing is sent before the first question.

    Args:
        url: see store.client.open_client.
        retention: how long messages are kept; None keeps them. Opt-outs and their journal never expire
            (Virginia asks for ten years, regulation US-17).
        monotonic: a clock for what may be kept a moment.
        new_secret: where random secrets come from.

    Raises:
        ValueError: the URL has an unknown form.
    """
    client = open_client(url)
    functions = Functions(client)
    messages = MessageStore(client, functions, retention=retention)
    return Store(
        client=client,
        functions=functions,
        consent=ConsentStore(client, functions),
        inbound=InboundStore(client, functions, messages),
        audiences=AudienceStore(client, functions),
        reviews=ReviewStore(client, functions),
        messages=messages,
        outbox=Outbox(client, functions),
        directory=DirectoryStore(client, monotonic),
        api_keys=ApiKeyStore(client, new_secret),
        idempotency=IdempotencyStore(client),
        health=Health(client),
        journal=JournalStore(client),
        reconciliation=ReconciliationStore(client),
    )
