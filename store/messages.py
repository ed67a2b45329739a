"""Messages: their records, their timelines, and every step an outbound message can take."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import redis

from store import keys
from store.addresses import place_of, shard_of
from store.client import store_errors
from store.consent import Block, blocks_from, gate_keys, milliseconds, moment
from store.enlisting import day_keys, entry_keys
from store.functions import Call, Functions, without_none
from store.message_records import Message, fields_of, message_from, message_id, shard_of_message
from store.pseudonyms import Pseudonyms
from store.scopes import Channel, Scope

__all__ = ["Message", "MessageStore", "Result", "Settled", "message_id", "shard_of_message"]

_SID_KEPT = timedelta(days=60)
_PARKED_KEPT = timedelta(days=2)
_PARKED_MOST = 20


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened to an outbound message."""

    at: datetime
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """The gate's answer. Only `verdict == "send"` allows the carrier call, once, by this caller."""

    verdict: str
    reason: str
    blocks: tuple[Block, ...]

    @property
    def send(self) -> bool:
        """True when the caller is to call the carrier now."""
        return self.verdict == "send"


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a result or a report: applied, kept (rank), duplicate or missing; and reports that waited."""

    outcome: str
    status: str
    parked: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a message at the carrier, in our words."""

    status: str
    reason: str = ""
    code: str = ""
    carrier_id: str = ""
    note: str = ""


class MessageStore:
    """Message records. Every step of an outbound message is one function call."""

    def __init__(
        self,
        client: "redis.Redis",
        functions: Functions,
        pseudonyms: Pseudonyms,
        *,
        retention: timedelta | None = None,
    ) -> None:
        self._client = client
        self._functions = functions
        self._pseudonyms = pseudonyms
        self._retention = round(retention / timedelta(milliseconds=1)) if retention else None

    def create(self, message: Message, *, due_at: datetime) -> tuple[str, tuple[Block, ...]]:
        """Write a new outbound message and its outbox entry, unless the number is blocked.

        Returns:
            ("created" | "exists" | "blocked", the blocks).

        Raises:
            StoreError: it is unknown whether it was written; creating the same id again is safe.
        """
        return self.create_many([message], due_at=due_at)[0]

    def create_many(self, messages: Sequence[Message], *, due_at: datetime) -> list[tuple[str, tuple[Block, ...]]]:
        """Write new outbound messages as `create` does, sent together; each is a step of its own.

        Raises:
            StoreError: some may have been written; creating the same ids again is safe.
        """
        if not messages:
            return []
        answers = self._functions.start([self._create_call(message, due_at) for message in messages]).answers()
        found = [json.loads(answer) for answer in answers]
        return [(answer["status"], blocks_from(answer["blocks"], Channel.TEXT)) for answer in found]

    def _create_call(self, message: Message, due_at: datetime) -> Call:
        place = place_of(message.address)
        names = [
            keys.message(place.shard, message.id),
            keys.timeline(place.shard, message.id),
            keys.thread(place.shard, message.account, message.address),
            keys.outbox(place.shard),
            keys.counters(place.shard),
        ]
        # What is sent to many is no answer to one person's words.
        waits = False if message.kind == "transactional" else None
        new = self.creation(message, names, 1, 2, 3, due_at=due_at, waits=waits)
        erased = self._pseudonyms.places_of(message.address)
        gate_names, scopes = gate_keys(place, message.scopes, Channel.TEXT, len(names) + 1, erased)
        payload = {
            "counters": 5,
            "outbox": 4,
            "now": str(milliseconds(message.created_at)),
            "member": place.gate_member,
            "field": place.details_field,
            "channel": Channel.TEXT,
            "scopes": scopes,
            "new": new,
        }
        return "sg_create", names + gate_names, [json.dumps(payload, separators=(",", ":"), ensure_ascii=False)]

    def creation(
        self,
        message: Message,
        names: list[str],
        record: int,
        timeline: int | None,
        thread: int,
        *,
        due_at: datetime | None = None,
        waits: bool | None = None,
    ) -> dict[str, Any]:
        """The payload by which a function creates a message, given the positions of its keys in `names`.

        Adds the keys of the lists the message will be in to `names`. waits: the person waits for an answer from now
        on (True), has it or wants none (False); None leaves it as it is.
        """
        entry = entry_keys(message.account, message.address, message.direction, message.created_at, names, waits=waits)
        if message.broadcast:
            names.append(keys.broadcast_figures(shard_of(message.address), message.broadcast))
            entry["broadcast"] = len(names)
        if message.direction == "in":
            names.append(keys.left_after(shard_of(message.address), message.account))
            entry["left"] = len(names)
        return without_none(
            {
                "id": message.id,
                "direction": message.direction,
                "fields": fields_of(message),
                "message": record,
                "events": timeline,
                "thread": thread,
                "retention": self._retention,
                "due": str(milliseconds(due_at)) if due_at else None,
                "why": message.kind,
                "at": str(milliseconds(message.created_at)),
                "audience": message.audience or None,
                "broadcast": message.broadcast or None,
                "entry": entry,
            }
        )

    def get(self, identifier: str) -> Message | None:
        """The message with this id, or None. Raises StoreError."""
        shard = shard_of_message(identifier)
        if shard is None:
            return None
        with store_errors():
            raw = self._client.hgetall(keys.message(shard, identifier))
        return message_from(identifier, cast(Mapping[bytes, bytes], raw)) if raw else None

    def timeline(self, identifier: str) -> list[TimelineEvent]:
        """What happened to an outbound message, oldest first. Raises StoreError."""
        shard = shard_of_message(identifier)
        if shard is None:
            return []
        with store_errors():
            rows = self._client.lrange(keys.timeline(shard, identifier), 0, -1)
        events = [json.loads(row) for row in rows]
        return [TimelineEvent(moment(event["at"]), event["what"], event["detail"]) for event in events]

    def thread(self, account: str, address: str, *, limit: int = 50) -> list[Message]:
        """The newest messages between an account and an address, oldest first. Raises StoreError."""
        shard = shard_of(address)
        with store_errors():
            rows: Any = self._client.xrevrange(keys.thread(shard, account, address), count=limit)
            pipeline = self._client.pipeline(transaction=False)
            identifiers = [fields[b"id"].decode() for _, fields in reversed(rows)]
            for identifier in identifiers:
                pipeline.hgetall(keys.message(shard, identifier))
            stored = pipeline.execute()
        return [message_from(identifier, raw) for identifier, raw in zip(identifiers, stored, strict=True) if raw]

    def queued_to(self, account: str, addresses: Sequence[str], *, limit: int = 100) -> list[str]:
        """The ids of texts of an account to many numbers that wait to be handed over; two round trips.

        Args:
            account: whose texts.
            addresses: to whom.
            limit: how many of the newest texts with each are looked at; the gate stops older ones all the same.

        Raises:
            StoreError: there is no answer.
        """
        threads = self._client.pipeline(transaction=False)
        for address in addresses:
            threads.xrevrange(keys.thread(shard_of(address), account, address), count=limit)
        statuses = self._client.pipeline(transaction=False)
        with store_errors():
            rows: Any = [row for found in (threads.execute() if addresses else []) for row in found]
            ids = [fields[b"id"].decode() for _, fields in rows if fields[b"direction"] == b"out"]
            for identifier in ids:
                statuses.hget(keys.message(identifier[1:3], identifier), "status")
            found: Any = statuses.execute() if ids else []
        return [identifier for identifier, status in zip(ids, found, strict=True) if status == b"queued"]

    def hand_over(self, message: Message, *, now: datetime, lease: timedelta, only_stop: bool = False) -> HandOver:
        """Ask the gate, at the moment of hand-off (G2).

        Args:
            message: the message; only its immutable fields are used, the rest is read anew.
            now: the time.
            lease: how long the caller may take; a message handed over longer ago is `unknown`, never resent.
            only_stop: nobody is about to send it. What the gate would refuse is settled now; else it stays "queued".

        Raises:
            StoreError: the gate did not answer. The caller must not send.
        """
        place = place_of(message.address)
        names = [*self._step_keys(message), keys.hold(place, Scope.of_account(message.account))]
        erased = self._pseudonyms.places_of(message.address)
        gate_names, scopes = gate_keys(place, message.scopes, Channel.TEXT, 7, erased)
        payload = {
            **self._step_payload(message, now),
            "hold": 6,
            "lease": round(lease / timedelta(milliseconds=1)),
            "member": place.gate_member,
            "field": place.details_field,
            "channel": Channel.TEXT,
            "scopes": scopes,
            "only_stop": True if only_stop else None,
        }
        names = _with_figures(message, names + gate_names, payload)
        answer = json.loads(self._functions.call("sg_hand_over", names, without_none(payload)))
        return HandOver(answer["verdict"], answer["reason"], blocks_from(answer["blocks"], Channel.TEXT))

    def answered(self, message: Message, result: Result, *, now: datetime) -> Settled:
        """Record what the carrier answered. Raises StoreError."""
        return self._settle(message, "answer", result, now=now, what=result.status)

    def reported(self, message: Message, result: Result, *, now: datetime, once: str) -> Settled:
        """Record a delivery report, once for each `once`; the status only moves up. Raises StoreError."""
        return self._settle(message, "report", result, now=now, what="report", once=once)

    def released(self, message: Message, result: Result, *, now: datetime, due_at: datetime) -> Settled:
        """Put a message that was certainly not sent back in the queue. Raises StoreError."""
        return self._settle(message, "release", result, now=now, what="retry", due_at=due_at)

    def _settle(
        self,
        message: Message,
        mode: str,
        result: Result,
        *,
        now: datetime,
        what: str,
        once: str | None = None,
        due_at: datetime | None = None,
    ) -> Settled:
        shard = shard_of(message.address)
        names = [
            *self._step_keys(message),
            keys.carrier_id(shard, message.carrier, result.carrier_id),
            keys.parked(shard, message.carrier, result.carrier_id),
        ]
        payload = {
            **self._step_payload(message, now),
            "mode": mode,
            "status": result.status,
            "reason": result.reason,
            "code": result.code,
            "sid": result.carrier_id,
            "sid_mark": 6,
            "sid_for": round(_SID_KEPT / timedelta(milliseconds=1)),
            "parked": 7,
            "id": message.id,
            "what": what,
            "note": result.note or result.reason,
            "once": once,
            "due": str(milliseconds(due_at)) if due_at else None,
        }
        names = _with_figures(message, names, payload)
        answer = json.loads(self._functions.call("sg_settle", names, without_none(payload)))
        return Settled(answer["outcome"], answer["status"], tuple(json.loads(row) for row in answer["parked"]))

    def _step_keys(self, message: Message) -> list[str]:
        shard = shard_of(message.address)
        return [
            keys.message(shard, message.id),
            keys.timeline(shard, message.id),
            keys.outbox(shard),
            keys.counters(shard),
            day_keys(shard, message.account, message.created_at)[0],
        ]

    def _step_payload(self, message: Message, now: datetime) -> dict[str, Any]:
        return {
            "message": 1,
            "events": 2,
            "outbox": 3,
            "counters": 4,
            "days": 5,
            "day": day_keys("", "", message.created_at)[1],
            "effect": f"send:{message.id}",
            "now": str(milliseconds(now)),
            "retention": self._retention,
        }

    def by_carrier_id(self, address: str, carrier: str, sid: str) -> str | None:
        """Our id of the message a carrier calls `sid`, or None. Raises StoreError."""
        with store_errors():
            found = self._client.get(keys.carrier_id(shard_of(address), carrier, sid))
        return found.decode() if isinstance(found, bytes) else None

    def is_parked(self, address: str, carrier: str, sid: str, report: Mapping[str, str]) -> bool:
        """True when this very report is kept already. Raises StoreError."""
        key = keys.parked(shard_of(address), carrier, sid)
        with store_errors():
            return self._client.lpos(key, json.dumps(report, sort_keys=True)) is not None

    def park(self, address: str, carrier: str, sid: str, report: Mapping[str, str]) -> None:
        """Keep a report whose message is not known (yet). Raises StoreError."""
        self._functions.call_raw(
            "sg_park",
            [keys.parked(shard_of(address), carrier, sid)],
            json.dumps(report, sort_keys=True),
            round(_PARKED_KEPT / timedelta(milliseconds=1)),
            _PARKED_MOST,
        )


def _with_figures(message: Message, names: list[str], payload: dict[str, Any]) -> list[str]:
    """The keys of a step with those of the figures of the message's broadcast, named in the payload."""
    if not message.broadcast:
        return names
    payload["broadcast"] = len(names) + 1
    return [*names, keys.broadcast_figures(shard_of(message.address), message.broadcast)]
