"""Writing one inbound text whole: dedupe mark, consent, journal, message, reply and outbox in one step (G1, G3, G4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.addresses import place_of
from store.client import store_errors
from store.consent import Change, Outcome, change_keys, milliseconds, outcomes_from
from store.functions import Functions, without_none
from store.messages import Message, MessageStore
from store.scopes import Scope

# Longer than any carrier's retries and than a reconciliation after an outage looks back.
SEEN_FOR = timedelta(days=400)
_FIXED_KEYS = 7


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that is written with the text it answers.

    once_for: send no second one within this time, unless the opt-out was lifted in between (G4).
    only_if: send only when some change had this outcome ("lifted": do not welcome back who never left).
    """

    message: Message
    once_for: timedelta | None = None
    only_if: str | None = None


@dataclass(frozen=True, slots=True)
class LoopGuard:
    """At most `limit` automatic replies to one number from one sender in `window`."""

    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Received:
    """What one inbound text did: each change's outcome; `reply` is "queued" or the reason why none is sent."""

    duplicate: bool
    outcomes: tuple[Outcome, ...]
    reply: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything that one inbound text is to write.

    no_reply: why there is no reply, when `reply` is None. hold: account whose broadcasts wait, or None.
    """

    inbound: Message
    carrier: str
    carrier_id: str
    action: str
    changes: Sequence[Change]
    occurred_at: datetime
    now: datetime
    detail: Mapping[str, Any]
    reply: Reply | None
    no_reply: str
    loop_guard: LoopGuard
    hold: str | None
    due_at: datetime


class InboundStore:
    """Inbound texts."""

    def __init__(self, client: "redis.Redis", functions: Functions, messages: MessageStore) -> None:
        self._client = client
        self._functions = functions
        self._messages = messages

    def receive(self, receipt: Receipt) -> Received:
        """Write one inbound text, or find that it was written before.

        Raises:
            StoreError: it is unknown whether it was written. The carrier is to retry, which is safe.
        """
        inbound = receipt.inbound
        place = place_of(inbound.address)
        names = [
            keys.seen(place.shard, receipt.carrier, receipt.carrier_id),
            keys.message(place.shard, inbound.id),
            keys.thread(place.shard, inbound.account, inbound.address),
            keys.outbox(place.shard),
            keys.counters(place.shard),
            keys.repeat_mark(place.shard, inbound.sender, inbound.address),
            keys.loop_counter(place.shard, inbound.sender, inbound.address),
        ]
        payload: dict[str, Any] = {
            "seen": 1,
            "outbox": 4,
            "counters": 5,
            "repeat_mark": 6,
            "loop": 7,
            "seen_for": round(SEEN_FOR / timedelta(milliseconds=1)),
            "address": inbound.address,
            "member": place.gate_member,
            "field": place.details_field,
            "action": receipt.action,
            "at": str(milliseconds(receipt.occurred_at)),
            "now": str(milliseconds(receipt.now)),
            "detail": json.dumps(receipt.detail, ensure_ascii=False),
            "inbound": self._messages.creation(inbound, 2, None, 3),
            "no_reply": receipt.no_reply,
            "loop_limit": receipt.loop_guard.limit,
            "loop_window": round(receipt.loop_guard.window / timedelta(milliseconds=1)),
        }
        assert len(names) == _FIXED_KEYS
        self._add_hold(receipt, names, payload)
        self._add_reply(receipt, names, payload)
        change_names, payload["changes"] = change_keys(place, receipt.changes, first=len(names) + 1)
        duplicate, answer = self._functions.call("sg_receive", names + change_names, payload)
        result = json.loads(answer)
        return Received(bool(duplicate), outcomes_from(result["results"]), result["reply"])

    def _add_hold(self, receipt: Receipt, names: list[str], payload: dict[str, Any]) -> None:
        if receipt.hold is None:
            return
        place = place_of(receipt.inbound.address)
        scope = Scope.of_account(receipt.hold)
        names += [keys.hold(place, scope), keys.journal(place.shard, receipt.hold)]
        payload.update(hold=len(names) - 1, hold_journal=len(names), hold_scope=scope.key)

    def _add_reply(self, receipt: Receipt, names: list[str], payload: dict[str, Any]) -> None:
        if receipt.reply is None:
            return
        reply, shard = receipt.reply, place_of(receipt.inbound.address).shard
        names += [keys.message(shard, reply.message.id), keys.timeline(shard, reply.message.id)]
        once = round(reply.once_for / timedelta(milliseconds=1)) if reply.once_for else None
        payload["reply"] = {
            **self._messages.creation(reply.message, len(names) - 1, len(names), 3, due_at=receipt.due_at),
            **without_none({"once": once, "only_if": reply.only_if}),
        }

    def were_seen(self, carrier: str, texts: Sequence[tuple[str, str]]) -> list[bool]:
        """Whether each text was received before, in the order asked, in one round trip.

        Args:
            carrier: whose texts.
            texts: address and carrier's id of each.

        Raises:
            StoreError: the whole answer is unknown.
        """
        pipeline = self._client.pipeline(transaction=False)
        for address, carrier_id in texts:
            pipeline.exists(keys.seen(place_of(address).shard, carrier, carrier_id))
        with store_errors():
            return [bool(found) for found in pipeline.execute()]

    def keep_unrouted(self, fields: Mapping[str, str]) -> None:
        """Keep a text to a sender nobody has configured. Raises StoreError."""
        row: Any = dict(fields)
        with store_errors():
            self._client.xadd(keys.unrouted(), row, maxlen=100_000, approximate=True)
