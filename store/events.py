"""Events that go out: the feed of each account, its endpoints, and what became of every delivery."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.addresses import shard_of
from store.client import store_errors
from store.functions import Call, Functions
from store.journal import milliseconds, moment

KEPT = timedelta(days=30)
"""How long events and deliveries are kept."""

_MOST_EVENTS = 200_000
_MOST_DELIVERIES = 10_000
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in an account. id: the same however often it is recorded. data: what programs get."""

    id: str
    kind: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events of an account are sent. kinds: which; empty for all. secret: signs what is sent."""

    id: str
    account: str
    url: str
    secret: str
    kinds: tuple[str, ...]
    created_at: datetime
    active: bool = True
    note: str = ""

    def wants(self, kind: str) -> bool:
        """True when events of a kind are to be sent here."""
        return self.active and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint.

    status: waiting, delivered or dead (given up). answer: what came back last, as a sentence. due_at: when it is
    tried next.
    """

    endpoint: str
    event: str
    kind: str
    status: str
    attempts: int
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    answer: str = ""

    @property
    def id(self) -> str:
        """The delivery's id: its endpoint and its event."""
        return f"{self.endpoint}.{self.event}"


class EventStore:
    """Events, endpoints and deliveries of all accounts."""

    def __init__(self, client: "redis.Redis", functions: Functions) -> None:
        self._client = client
        self._functions = functions

    def append(self, account: str, events: Sequence[Event]) -> None:
        """Add events to an account's feed; those that are there already change nothing. Raises StoreError."""
        calls: list[Call] = []
        for event in events:
            names = [keys.event(account, event.id), keys.events(account)]
            arguments = (event.id, event.kind, _packed(event), _milliseconds(KEPT), _MOST_EVENTS)
            calls.append(("sg_event", names, arguments))
        if calls:
            self._functions.start(calls).answers()

    def get(self, account: str, event_id: str) -> Event | None:
        """An event, or None when there is none (any more). Raises StoreError."""
        with store_errors():
            found: Any = self._client.get(keys.event(account, event_id))
        return _event(event_id, found) if found else None

    def feed(
        self, account: str, *, after: str = "", kinds: Sequence[str] = (), limit: int = 50
    ) -> tuple[Sequence[Event], str]:
        """Events of an account, oldest first, from behind a place on.

        Args:
            account: whose.
            after: the place that the call before returned; "" for the oldest that is kept.
            kinds: only these; empty for all.
            limit: most events.

        Returns:
            the events, and the place behind the last that was looked at.

        Raises:
            StoreError: there is no answer.
        """
        found: list[tuple[str, str]] = []
        place = after
        while len(found) < limit:
            with store_errors():
                rows: Any = self._client.xrange(keys.events(account), f"({place}" if place else "-", count=_PAGE)
            for entry, fields in rows:
                if len(found) == limit:
                    break
                place = entry.decode()
                if not kinds or fields[b"kind"].decode() in kinds:
                    found.append((place, fields[b"id"].decode()))
            if len(rows) < _PAGE:
                break
        return self._events(account, [event_id for _, event_id in found]), place

    def _events(self, account: str, identifiers: Sequence[str]) -> list[Event]:
        if not identifiers:
            return []
        with store_errors():
            values: Any = self._client.mget([keys.event(account, identifier) for identifier in identifiers])
        return [_event(identifier, value) for identifier, value in zip(identifiers, values, strict=True) if value]

    def erase(self, account: str, number: str) -> int:
        """Delete the events about a number. Returns how many. Safe to repeat. Raises StoreError."""
        shard, after, erased = shard_of(number), "-", 0
        while True:
            with store_errors():
                rows: Any = self._client.xrange(keys.events(account), after, "+", count=_PAGE)
            named = [(entry, fields[b"id"].decode()) for entry, fields in rows]
            # An event's id begins with its number's shard, or is that of a text, which names it too.
            near = [(entry, name) for entry, name in named if name.startswith((shard, f"m{shard}"))]
            found = {
                event.id for event in self._events(account, [name for _, name in near]) if _is_about(event, number)
            }
            for entry, name in near:
                if name in found:
                    with store_errors():
                        self._client.delete(keys.event(account, name))
                        self._client.xdel(keys.events(account), entry)
            erased += len(found)
            if len(rows) < _PAGE:
                return erased
            after = f"({rows[-1][0].decode()}"

    def endpoints(self, account: str) -> list[Endpoint]:
        """The endpoints of an account, oldest first. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.hgetall(keys.endpoints(account))
        found = [_endpoint(identifier.decode(), json.loads(value)) for identifier, value in rows.items()]
        return sorted(found, key=lambda endpoint: (endpoint.created_at, endpoint.id))

    def endpoint(self, account: str, identifier: str) -> Endpoint | None:
        """An endpoint, or None. Raises StoreError."""
        with store_errors():
            value: Any = self._client.hget(keys.endpoints(account), identifier)
        return _endpoint(identifier, json.loads(value)) if value else None

    def save_endpoint(self, endpoint: Endpoint) -> None:
        """Write an endpoint, whole. Raises StoreError."""
        document = {
            "account": endpoint.account,
            "url": endpoint.url,
            "secret": endpoint.secret,
            "kinds": list(endpoint.kinds),
            "created": milliseconds(endpoint.created_at),
            "active": endpoint.active,
            "note": endpoint.note,
        }
        with store_errors():
            self._client.hset(keys.endpoints(endpoint.account), endpoint.id, json.dumps(document))

    def remove_endpoint(self, account: str, identifier: str) -> bool:
        """Remove an endpoint; False when there was none. Raises StoreError."""
        with store_errors():
            return bool(self._client.hdel(keys.endpoints(account), identifier))

    def save_delivery(self, account: str, delivery: Delivery) -> None:
        """Write what became of a delivery. Raises StoreError."""
        name, listed = keys.delivery(account, delivery.id), keys.deliveries(account, delivery.endpoint)
        mapping: Any = {
            "kind": delivery.kind,
            "status": delivery.status,
            "attempts": delivery.attempts,
            "created": milliseconds(delivery.created_at),
            "updated": milliseconds(delivery.updated_at),
            "due": milliseconds(delivery.due_at) if delivery.due_at else "",
            "answer": delivery.answer,
        }
        with store_errors():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hset(name, mapping=mapping)
            pipeline.pexpire(name, KEPT)
            pipeline.zadd(listed, {delivery.event: milliseconds(delivery.created_at)})
            pipeline.zremrangebyrank(listed, 0, -_MOST_DELIVERIES - 1)
            pipeline.pexpire(listed, KEPT)
            pipeline.execute()

    def delivery(self, account: str, endpoint: str, event_id: str) -> Delivery | None:
        """One delivery, or None. Raises StoreError."""
        with store_errors():
            raw: Any = self._client.hgetall(keys.delivery(account, f"{endpoint}.{event_id}"))
        return _delivery(endpoint, event_id, raw) if raw else None

    def deliveries(
        self, account: str, endpoint: str, *, before: str = "", limit: int = 50
    ) -> tuple[list[Delivery], str]:
        """The deliveries to an endpoint, newest first, from before a place on, and the place of the next page.

        Raises:
            StoreError: there is no answer.
        """
        start = int(before) if before else 0
        name = keys.deliveries(account, endpoint)
        with store_errors():
            events: Any = self._client.zrevrange(name, start, start + limit)
            pipeline = self._client.pipeline(transaction=False)
            for event_id in events[:limit]:
                pipeline.hgetall(keys.delivery(account, f"{endpoint}.{event_id.decode()}"))
            raws = pipeline.execute()
        found = [
            _delivery(endpoint, event_id.decode(), raw)
            for event_id, raw in zip(events[:limit], raws, strict=True)
            if raw
        ]
        return found, str(start + limit) if len(events) > limit else ""


def _is_about(event: Event, number: str) -> bool:
    return event.data.get("number") == number


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))


def _packed(event: Event) -> str:
    return json.dumps({"kind": event.kind, "at": milliseconds(event.at), "data": event.data}, ensure_ascii=False)


def _event(identifier: str, value: bytes) -> Event:
    document = json.loads(value)
    return Event(identifier, document["kind"], moment(document["at"]), document["data"])


def _endpoint(identifier: str, document: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        id=identifier,
        account=document["account"],
        url=document["url"],
        secret=document["secret"],
        kinds=tuple(document["kinds"]),
        created_at=moment(document["created"]),
        active=document["active"],
        note=document["note"],
    )


def _delivery(endpoint: str, event_id: str, raw: Mapping[bytes, bytes]) -> Delivery:
    text = {name.decode(): value.decode() for name, value in raw.items()}
    return Delivery(
        endpoint=endpoint,
        event=event_id,
        kind=text["kind"],
        status=text["status"],
        attempts=int(text["attempts"]),
        created_at=moment(text["created"]),
        updated_at=moment(text["updated"]),
        due_at=moment(text["due"]) if text["due"] else None,
        answer=text["answer"],
    )


def again(delivery: Delivery, now: datetime) -> Delivery:
    """A delivery that is to be tried from the beginning."""
    return replace(delivery, status="waiting", attempts=0, due_at=now, updated_at=now)
