"""Writing one inbound text whole: dedupe mark, consent, journal, message, reply and outbox in one step (G1, G3, G4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.addresses import Place, place_of
from store.client import store_errors
from store.consent import (
    Change,
    Outcome,
    change_keys,
    detail_payload,
    gate_keys,
    journal_keys,
    milliseconds,
    outcomes_from,
)
from store.functions import Functions, without_none
from store.messages import Message, MessageStore
from store.pseudonyms import Pseudonyms
from store.scopes import Channel, Scope

# Longer than any carrier's retries and than a reconciliation after an outage looks back.
SEEN_FOR = timedelta(days=400)
# After which texts a person waits for somebody's answer; after the others an answer is there, or none is wanted.
_WAITS = {"none": True, "held": True, "opt_out": False}
# More automatic replies than any loop guard lets through.
_MUTED = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that is written with the text it answers.

    once_for: send no second one within this time, unless the opt-out was lifted in between (G4).
    only_if: send only when this happened: a change's outcome ("lifted": do not welcome back who never left), or
    what came of joining ("joined", "already_member", "asked").
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
class Question:
    """A question that waits for its answer. text: what is kept of it, as JSON; window: how long."""

    text: str
    window: timedelta


@dataclass(frozen=True, slots=True)
class Join:
    """A wish to be in an audience.

    scopes: what may block it. question: asked instead when something does, or with `always_ask`; None joins
    only whom nothing blocks.
    """

    account: str
    audience: str
    scopes: Sequence[Scope]
    question: Question | None
    always_ask: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """A text that a person is to read. hold: broadcasts to the number wait until it was read."""

    account: str
    hold: bool


@dataclass(frozen=True, slots=True)
class Received:
    """What one inbound text did: each change's outcome; `reply` is "queued" or the reason why none is sent.

    reply_id: the reply's message id, when there is one.
    """

    duplicate: bool
    outcomes: tuple[Outcome, ...]
    reply: str
    reply_id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything that one inbound text is to write.

    replies: the first whose condition holds is sent. no_reply: why there is none, when the list is empty.
    ask: a question that is opened. answers_question: do nothing unless a question is open still.
    closes_question: an open question is void from now on. question_at: the sender it was asked from, when that is
    not the one that was texted (a messaging service). welcome: nobody is welcomed back while one of these blocks.
    """

    inbound: Message
    carrier: str
    carrier_id: str
    action: str
    changes: Sequence[Change]
    occurred_at: datetime
    now: datetime
    detail: Mapping[str, Any]
    replies: Sequence[Reply]
    no_reply: str
    loop_guard: LoopGuard
    review: Review | None = None
    join: Join | None = None
    ask: Question | None = None
    answers_question: bool = False
    closes_question: bool = False
    question_at: str = ""
    welcome: Sequence[Scope] = ()


class InboundStore:
    """Inbound texts."""

    def __init__(
        self, client: "redis.Redis", functions: Functions, messages: MessageStore, pseudonyms: Pseudonyms
    ) -> None:
        self._client = client
        self._functions = functions
        self._messages = messages
        self._pseudonyms = pseudonyms

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
            keys.pending(place.shard, receipt.question_at or inbound.sender, inbound.address),
        ]
        erased = self._pseudonyms.places_of(inbound.address)
        payload = self._payload(receipt, place, names)
        if receipt.review:
            _add_review(receipt.review, place, inbound.address, names, payload)
        if receipt.join:
            payload["join"] = join_payload(receipt.join, place, names, erased)
        if receipt.welcome:
            gate_names, payload["welcome"] = gate_keys(place, receipt.welcome, Channel.TEXT, len(names) + 1, erased)
            names += gate_names
        payload["replies"] = [self._reply(reply, place, names) for reply in receipt.replies]
        change_names, payload["changes"] = change_keys(place, receipt.changes, len(names) + 1, erased)
        duplicate, answer = self._functions.call("sg_receive", names + change_names, payload)
        result = json.loads(answer)
        return Received(bool(duplicate), outcomes_from(result["results"]), result["reply"], result["reply_id"])

    def _payload(self, receipt: Receipt, place: Place, names: list[str]) -> dict[str, Any]:
        guard = receipt.loop_guard
        payload: dict[str, Any] = {
            "seen": 1,
            "outbox": 4,
            "counters": 5,
            "repeat_mark": 6,
            "loop": 7,
            "pending": 8,
            "seen_for": _milliseconds(SEEN_FOR),
            "address": receipt.inbound.address,
            "member": place.gate_member,
            "field": place.details_field,
            "action": receipt.action,
            "at": str(milliseconds(receipt.occurred_at)),
            "now": str(milliseconds(receipt.now)),
            **detail_payload(receipt.detail),
            "inbound": self._messages.creation(receipt.inbound, names, 2, None, 3, waits=_WAITS.get(receipt.action)),
            "no_reply": receipt.no_reply,
            "loop_limit": guard.limit,
            "loop_window": _milliseconds(guard.window),
        }
        if receipt.ask:
            payload["ask"] = {"question": receipt.ask.text, "window": _milliseconds(receipt.ask.window)}
        if receipt.answers_question:
            payload["needs_pending"] = True
        if receipt.closes_question:
            payload["clear_pending"] = True
        return payload

    def _reply(self, reply: Reply, place: Place, names: list[str]) -> dict[str, Any]:
        names += [keys.message(place.shard, reply.message.id), keys.timeline(place.shard, reply.message.id)]
        once = _milliseconds(reply.once_for) if reply.once_for else None
        return {
            **self._messages.creation(
                reply.message, names, len(names) - 1, len(names), 3, due_at=reply.message.created_at + REPLY_GRACE
            ),
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

    def mute(self, sender: str, address: str, duration: timedelta) -> None:
        """Send no automatic reply to an address from a sender for a while. Raises StoreError."""
        with store_errors():
            self._client.set(
                keys.loop_counter(place_of(address).shard, sender, address), _MUTED, px=_milliseconds(duration)
            )

    def pending(self, sender: str, address: str) -> str | None:
        """The question a number was asked from a sender and has not answered, or None. Raises StoreError."""
        with store_errors():
            found = self._client.get(keys.pending(place_of(address).shard, sender, address))
        return found.decode() if isinstance(found, bytes) else None

    def keep_unrouted(self, fields: Mapping[str, str]) -> None:
        """Keep a text to a sender nobody has configured. Raises StoreError."""
        row: Any = dict(fields)
        with store_errors():
            self._client.xadd(keys.unrouted(), row, maxlen=100_000, approximate=True)

    def unrouted(self, *, after: str = "", limit: int = 1000) -> list[tuple[str, dict[str, str]]]:
        """The texts to senders nobody has configured, oldest first, from after an id on. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.xrange(keys.unrouted(), f"({after}" if after else "-", count=limit)
        return [
            (entry.decode(), {name.decode(): value.decode() for name, value in fields.items()})
            for entry, fields in rows
        ]

    def forget_unrouted(self, entry: str) -> None:
        """Forget a text that has been routed now. Raises StoreError."""
        with store_errors():
            self._client.xdel(keys.unrouted(), entry)


# How long queueing a reply may take before the sweeper does it.
REPLY_GRACE = timedelta(seconds=5)


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))


def _add_review(review: Review, place: Place, address: str, names: list[str], payload: dict[str, Any]) -> None:
    scope = Scope.of_account(review.account)
    first = len(names) + 1
    names += [
        keys.reviews(place.shard, review.account, held=review.hold),
        keys.waiting(place.shard, review.account, address),
        keys.hold(place, scope),
        *journal_keys(place.shard, review.account),
    ]
    payload["review"] = {"queue": first, "waiting": first + 1, "journal": first + 3, "scope": scope.key}
    if review.hold:
        payload["review"]["hold"] = first + 2


def join_payload(join: Join, place: Place, names: list[str], erased: Sequence[Place]) -> dict[str, Any]:
    """The payload of a wish to join; adds the keys it needs to `names`. erased: see gate_keys."""
    position = len(names) + 1
    names += [
        keys.audience(place, join.account, join.audience),
        *journal_keys(place.shard, join.account),
        keys.audience_sizes(place.shard),
    ]
    gate_names, scopes = gate_keys(place, join.scopes, Channel.TEXT, len(names) + 1, erased)
    names += gate_names
    return without_none(
        {
            "audience": position,
            "journal": position + 1,
            "sizes": position + 3,
            "sized": f"{join.account}/{join.audience}",
            "scope": Scope.of_audience(join.account, join.audience).key,
            "scopes": scopes,
            "question": join.question.text if join.question else None,
            "window": _milliseconds(join.question.window) if join.question else None,
            "always_ask": True if join.always_ask else None,
        }
    )
