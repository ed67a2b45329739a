"""Telling endpoints of events: signed, tried again with growing pauses, given up after two days, replayed when asked.

Signed as Standard Webhooks have it (webhook-id, webhook-timestamp, webhook-signature): receivers find a library for it.
Repeating a delivery is safe for receivers who look at webhook-id, and may happen after a crash of ours. Deliveries are
independent of each other, so they may come in another order than the events; each says when it happened.
"""

import hmac
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from gateway.clock import Clock, written
from gateway.errors import NotAllowed
from gateway.events import DELIVER, EVENT_KINDS
from gateway.guarded_http import Answer, GuardedHttp, problem_with
from gateway.logs import logger
from gateway.queueing import EVENTS, JobQueue, effect_of
from store import Store
from store.addresses import shard_of
from store.events import Delivery, Endpoint, Event, again

log = logger(__name__)

PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
)
"""How long after each failed try the next one comes; then the delivery is dead and can be replayed."""

_LEASE = timedelta(seconds=60)
_SECRET_PREFIX = "whsec_"  # noqa: S105 (how Standard Webhooks mark a secret)
_MOST_ENDPOINTS = 20
_LONGEST_NOTE = 200
_GONE = 410


class EventDelivery:
    """Endpoints of all accounts, and deliveries to them."""

    def __init__(
        self,
        store: Store,
        queue: JobQueue,
        clock: Clock,
        http: GuardedHttp,
        new_id: Callable[[], str],
        *,
        private_allowed: bool,
    ) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._http = http
        self._new_id = new_id
        self._private_allowed = private_allowed

    def add(self, account: str, url: str, kinds: Sequence[str], note: str = "") -> Endpoint:
        """Add an endpoint. Its secret is in what is returned, and nowhere else afterwards.

        Raises:
            NotAllowed: bad_endpoint, unknown_event_kind or too_many_endpoints.
            StoreError: it is unknown whether it was added.
        """
        self.check(url, kinds, note)
        if len(self._store.events.endpoints(account)) >= _MOST_ENDPOINTS:
            raise NotAllowed("too_many_endpoints", f"An account has at most {_MOST_ENDPOINTS} endpoints.")
        endpoint = Endpoint(
            id=f"e{self._new_id()[:16]}",
            account=account,
            url=url,
            secret=_SECRET_PREFIX + b64encode(secrets.token_bytes(24)).decode(),
            kinds=tuple(dict.fromkeys(kinds)),
            created_at=self._clock.now(),
            note=note,
        )
        self._store.events.save_endpoint(endpoint)
        return endpoint

    def change(
        self,
        account: str,
        identifier: str,
        *,
        url: str | None = None,
        kinds: Sequence[str] | None = None,
        active: bool | None = None,
        note: str | None = None,
    ) -> Endpoint:
        """Change what is given. Raises NotAllowed as `add` does, and not_found; StoreError."""
        endpoint = self.endpoint(account, identifier)
        changed = replace(
            endpoint,
            url=endpoint.url if url is None else url,
            kinds=endpoint.kinds if kinds is None else tuple(dict.fromkeys(kinds)),
            active=endpoint.active if active is None else active,
            note=endpoint.note if note is None else note,
        )
        self.check(changed.url, changed.kinds, changed.note)
        self._store.events.save_endpoint(changed)
        return changed

    def check(self, url: str, kinds: Sequence[str], note: str) -> None:
        """Refuse what cannot be an endpoint. Raises NotAllowed: bad_endpoint or unknown_event_kind."""
        problem = problem_with(url, private_allowed=self._private_allowed)
        if problem:
            raise NotAllowed("bad_endpoint", f"The url {problem}")
        unknown = [kind for kind in kinds if kind not in EVENT_KINDS]
        if unknown:
            raise NotAllowed(
                "unknown_event_kind", f"{unknown[0]} is no kind of event. Kinds are: {', '.join(EVENT_KINDS)}."
            )
        if len(note) > _LONGEST_NOTE:
            raise NotAllowed("bad_endpoint", f"The note is longer than {_LONGEST_NOTE} characters.")

    def endpoint(self, account: str, identifier: str) -> Endpoint:
        """One endpoint. Raises NotAllowed (not_found) and StoreError."""
        endpoint = self._store.events.endpoint(account, identifier)
        if endpoint is None:
            raise NotAllowed("not_found", "There is no endpoint with this id.")
        return endpoint

    def remove(self, account: str, identifier: str) -> None:
        """Remove an endpoint; what is on its way to it is dropped. Raises NotAllowed (not_found) and StoreError."""
        if not self._store.events.remove_endpoint(account, identifier):
            raise NotAllowed("not_found", "There is no endpoint with this id.")

    def deliver(self, identifier: str) -> None:
        """Try one delivery, "<account>.<endpoint>.<event>", when it is due. Safe to repeat. Raises StoreError."""
        account, endpoint_id, event_id = identifier.split(".", 2)
        effect = effect_of(DELIVER, identifier)
        endpoint = self._store.events.endpoint(account, endpoint_id)
        event = self._store.events.get(account, event_id)
        delivery = self._store.events.delivery(account, endpoint_id, event_id)
        now = self._clock.now()
        over = delivery is not None and delivery.status != "waiting"
        if endpoint is None or not endpoint.active or event is None or over:
            self._store.outbox.done(shard_of(effect), effect)
            return
        if delivery is not None and delivery.due_at and delivery.due_at > now:
            self._store.outbox.put(shard_of(effect), effect, due_at=delivery.due_at)
            return
        # Nobody else tries it while we do, and somebody does when we die.
        self._store.outbox.put(shard_of(effect), effect, due_at=now + _LEASE)
        answer = self._http.post(endpoint.url, *signed(endpoint, event, account, now))
        before = delivery or Delivery(endpoint_id, event_id, event.kind, "waiting", 0, now, now)
        self._settle(account, effect, before, answer)

    def _settle(self, account: str, effect: str, before: Delivery, answer: Answer) -> None:
        now, attempts = self._clock.now(), before.attempts + 1
        said = f"{answer.status}" if answer.status else answer.text
        if 200 <= answer.status < 300:
            after = replace(before, status="delivered", attempts=attempts, updated_at=now, due_at=None, answer=said)
        elif attempts > len(PAUSES) or answer.status == _GONE:
            after = replace(before, status="dead", attempts=attempts, updated_at=now, due_at=None, answer=said)
        else:
            due = now + PAUSES[attempts - 1]
            after = replace(before, attempts=attempts, updated_at=now, due_at=due, answer=said)
        self._store.events.save_delivery(account, after)
        if after.due_at:
            self._store.outbox.put(shard_of(effect), effect, due_at=after.due_at)
        else:
            self._store.outbox.done(shard_of(effect), effect)
        log.info("event delivery", account=account, endpoint=before.endpoint, status=after.status, attempts=attempts)

    def replay(self, account: str, endpoint_id: str, event_id: str) -> Delivery:
        """Try a delivery again from the beginning, whatever became of it.

        Raises:
            NotAllowed: not_found (no such delivery, or its event is no longer kept).
            StoreError: repeating is safe.
        """
        self.endpoint(account, endpoint_id)
        delivery = self._store.events.delivery(account, endpoint_id, event_id)
        if delivery is None or self._store.events.get(account, event_id) is None:
            raise NotAllowed("not_found", "There is no such delivery, or its event is no longer kept.")
        now = self._clock.now()
        fresh = again(delivery, now)
        effect = effect_of(DELIVER, f"{account}.{endpoint_id}.{event_id}")
        self._store.events.save_delivery(account, fresh)
        self._store.outbox.put(shard_of(effect), effect, due_at=now)
        self._queue.submit(EVENTS, effect)
        return fresh


def signed(endpoint: Endpoint, event: Event, account: str, now: datetime) -> tuple[bytes, dict[str, str]]:
    """The body and headers that tell an endpoint of an event, signed as Standard Webhooks have it."""
    document = {"id": event.id, "type": event.kind, "timestamp": written(event.at), "account": account}
    body = json.dumps({**document, "data": event.data}, ensure_ascii=False).encode()
    timestamp = str(int(now.timestamp()))
    key = b64decode(endpoint.secret.removeprefix(_SECRET_PREFIX))
    digest = hmac.new(key, f"{event.id}.{timestamp}.".encode() + body, sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Stopgate",
        "webhook-id": event.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
    return body, headers
