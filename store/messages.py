"""Messages: their records, their timelines, and every step an outbound message can take."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import redis

from store import keys
from store.addresses import place_of, shard_of
from store.client import store_errors
from store.consent import Block, blocks_from, gate_keys, milliseconds, moment
from store.functions import Functions, without_none
from store.pseudonyms import Pseudonyms
from store.scopes import Channel, Scope, scopes_of_send

_ID_PREFIX = "m"
_SID_KEPT = timedelta(days=60)
_PARKED_KEPT = timedelta(days=2)
_PARKED_MOST = 20


@dataclass(frozen=True, slots=True)
class Message:
    """One text, inbound or outbound.

    configured_sender: the sender as its account has it, when the text goes out from a number of a messaging service.
    kind: "transactional", "broadcast", "confirmation", "help", ... what the text is for. permit: it answers a
    person's own text and passes the gate once although the number is blocked (G4). expires_at: not sent after.
    status: queued, handing_over, accepted, sent, delivered, read, undelivered, failed, canceled, unknown,
    suppressed, expired; or received. reason: a stable word for why. blocked_by: the block that suppressed it.
    """

    id: str
    account: str
    direction: str
    sender: str
    address: str
    body: str
    kind: str
    status: str
    created_at: datetime
    audience: str = ""
    configured_sender: str = ""
    permit: bool = False
    expires_at: datetime | None = None
    reason: str = ""
    code: str = ""
    carrier: str = ""
    carrier_id: str = ""
    in_reply_to: str = ""
    attempts: int = 0
    updated_at: datetime | None = None
    handed_at: datetime | None = None
    blocked_by: Mapping[str, Any] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope that covers this message."""
        return scopes_of_send(self.account, self.configured_sender or self.sender, self.audience or None)


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


def message_id(address: str, *parts: str) -> str:
    """The id of a message to or from an address, the same for the same parts. It names its shard."""
    digest = hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]
    return f"{_ID_PREFIX}{shard_of(address)}{digest}"


def shard_of_message(identifier: str) -> str | None:
    """The shard a message id names, or None when it is not a message id."""
    shard = identifier[1:3]
    if len(identifier) == 35 and identifier[0] == _ID_PREFIX and identifier[1:].isalnum() and shard.isdigit():
        return shard
    return None


def fields_of(message: Message) -> list[str]:
    """A message as the field, value, field, value list that the function library writes."""
    values = {
        "account": message.account,
        "direction": message.direction,
        "sender": message.sender,
        "address": message.address,
        "body": message.body,
        "kind": message.kind,
        "status": message.status,
        "created": str(milliseconds(message.created_at)),
        "updated": str(milliseconds(message.created_at)),
        "audience": message.audience,
        "configured_sender": message.configured_sender,
        "permit": "1" if message.permit else "",
        "expires": str(milliseconds(message.expires_at)) if message.expires_at else "",
        "carrier": message.carrier,
        "sid": message.carrier_id,
        "in_reply_to": message.in_reply_to,
        **message.extra,
    }
    return [part for name, value in values.items() if value for part in (name, value)]


_KNOWN = {
    *("account", "direction", "sender", "address", "body", "kind", "status", "created", "updated", "audience"),
    *(
        "permit",
        "expires",
        "carrier",
        "sid",
        "in_reply_to",
        "configured_sender",
        "reason",
        "code",
        "attempts",
        "blocked_by",
        "handed_at",
    ),
}


def message_from(identifier: str, raw: Mapping[bytes, bytes]) -> Message:
    """A message from its stored hash."""
    text = {name.decode(): value.decode() for name, value in raw.items()}
    return Message(
        id=identifier,
        account=text["account"],
        direction=text["direction"],
        sender=text["sender"],
        address=text["address"],
        body=text.get("body", ""),
        kind=text["kind"],
        status=text["status"],
        created_at=moment(text["created"]),
        audience=text.get("audience", ""),
        configured_sender=text.get("configured_sender", ""),
        handed_at=moment(text["handed_at"]) if "handed_at" in text else None,
        permit=text.get("permit") == "1",
        expires_at=moment(text["expires"]) if "expires" in text else None,
        reason=text.get("reason", ""),
        code=text.get("code", ""),
        carrier=text.get("carrier", ""),
        carrier_id=text.get("sid", ""),
        in_reply_to=text.get("in_reply_to", ""),
        attempts=int(text.get("attempts", "0")),
        updated_at=moment(text["updated"]),
        blocked_by=json.loads(text["blocked_by"]) if "blocked_by" in text else None,
        extra={name: value for name, value in text.items() if name not in _KNOWN and not name.startswith("report:")},
    )


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
        place = place_of(message.address)
        names = [
            keys.message(place.shard, message.id),
            keys.timeline(place.shard, message.id),
            keys.thread(place.shard, message.account, message.address),
            keys.outbox(place.shard),
            keys.counters(place.shard),
        ]
        gate_names, scopes = gate_keys(
            place, message.scopes, Channel.TEXT, 6, self._pseudonyms.places_of(message.address)
        )
        payload = {
            "counters": 5,
            "outbox": 4,
            "now": str(milliseconds(message.created_at)),
            "member": place.gate_member,
            "field": place.details_field,
            "channel": Channel.TEXT,
            "scopes": scopes,
            "new": self.creation(message, 1, 2, 3, due_at=due_at),
        }
        answer = json.loads(self._functions.call("sg_create", names + gate_names, payload))
        return answer["status"], blocks_from(answer["blocks"], Channel.TEXT)

    def creation(
        self, message: Message, record: int, timeline: int | None, thread: int, *, due_at: datetime | None = None
    ) -> dict[str, Any]:
        """The payload by which a function creates a message, given the positions of its keys."""
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

    def hand_over(self, message: Message, *, now: datetime, lease: timedelta) -> HandOver:
        """Ask the gate, at the moment of hand-off (G2).

        Args:
            message: the message; only its immutable fields are used, the rest is read anew.
            now: the time.
            lease: how long the caller may take; a message handed over longer ago is `unknown`, never resent.

        Raises:
            StoreError: the gate did not answer. The caller must not send.
        """
        place = place_of(message.address)
        names = [
            *self._step_keys(message),
            keys.hold(place, Scope.of_account(message.account)),
        ]
        gate_names, scopes = gate_keys(
            place, message.scopes, Channel.TEXT, 6, self._pseudonyms.places_of(message.address)
        )
        payload = {
            **self._step_payload(message, now),
            "hold": 5,
            "lease": round(lease / timedelta(milliseconds=1)),
            "member": place.gate_member,
            "field": place.details_field,
            "channel": Channel.TEXT,
            "scopes": scopes,
        }
        answer = json.loads(self._functions.call("sg_hand_over", names + gate_names, without_none(payload)))
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
            "sid_mark": 5,
            "sid_for": round(_SID_KEPT / timedelta(milliseconds=1)),
            "parked": 6,
            "id": message.id,
            "what": what,
            "note": result.note or result.reason,
            "once": once,
            "due": str(milliseconds(due_at)) if due_at else None,
        }
        answer = json.loads(self._functions.call("sg_settle", names, without_none(payload)))
        return Settled(answer["outcome"], answer["status"], tuple(json.loads(row) for row in answer["parked"]))

    def _step_keys(self, message: Message) -> list[str]:
        shard = shard_of(message.address)
        return [
            keys.message(shard, message.id),
            keys.timeline(shard, message.id),
            keys.outbox(shard),
            keys.counters(shard),
        ]

    def _step_payload(self, message: Message, now: datetime) -> dict[str, Any]:
        return {
            "message": 1,
            "events": 2,
            "outbox": 3,
            "counters": 4,
            "effect": f"send:{message.id}",
            "now": str(milliseconds(now)),
            "retention": self._retention,
        }

    def by_carrier_id(self, address: str, carrier: str, sid: str) -> str | None:
        """Our id of the message a carrier calls `sid`, or None. Raises StoreError."""
        with store_errors():
            found = self._client.get(keys.carrier_id(shard_of(address), carrier, sid))
        return found.decode() if isinstance(found, bytes) else None

    def park(self, address: str, carrier: str, sid: str, report: Mapping[str, str]) -> None:
        """Keep a report whose message is not known (yet). Raises StoreError."""
        self._functions.call_raw(
            "sg_park",
            [keys.parked(shard_of(address), carrier, sid)],
            json.dumps(report, sort_keys=True),
            round(_PARKED_KEPT / timedelta(milliseconds=1)),
            _PARKED_MOST,
        )
