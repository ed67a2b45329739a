"""Texts that a person has to read, and what they decide."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.addresses import Place, place_of
from store.client import store_errors
from store.consent import (
    Change,
    Outcome,
    change_keys,
    journal_keys,
    milliseconds,
    moment,
    outcomes_from,
)
from store.enlisting import day_entry
from store.functions import Functions
from store.messages import Message
from store.scopes import Scope


@dataclass(frozen=True, slots=True)
class QueuedReview:
    """A text in the review queue: its message id and when it came."""

    message: str
    received_at: datetime


class ReviewStore:
    """The review queues of all accounts."""

    def __init__(self, client: "redis.Redis", functions: Functions) -> None:
        self._client = client
        self._functions = functions

    def queue(self, account: str, *, held: bool, limit: int = 100) -> list[QueuedReview]:
        """The texts of an account that wait, or may be taken back; oldest first. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        for shard in keys.SHARDS:
            pipeline.zrange(keys.reviews(shard, account, held=held), 0, limit - 1, withscores=True)
        with store_errors():
            answers = pipeline.execute()
        found = [QueuedReview(member.decode(), moment(round(score))) for rows in answers for member, score in rows]
        return sorted(found, key=lambda review: (review.received_at, review.message))[:limit]

    def held_since(self, account: str, until: datetime | None = None) -> int:
        """How many texts of an account are held; of those that came until a time, or of all. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        latest = str(milliseconds(until)) if until else "+inf"
        for shard in keys.SHARDS:
            pipeline.zcount(keys.reviews(shard, account, held=True), "-inf", latest)
        with store_errors():
            return sum(pipeline.execute())

    def decide(
        self,
        message: Message,
        decision: str,
        changes: Sequence[Change],
        *,
        held: bool,
        undoing: bool = False,
        occurred_at: datetime,
        now: datetime,
        detail: Mapping[str, Any],
    ) -> tuple[bool, tuple[Outcome, ...]]:
        """Take a text out of the queue with a decision and its changes, in one step.

        A held text that is decided to be an opt-out is remembered, so that the decision may be undone.

        Args:
            message: the text.
            decision: what was decided, for the journal.
            changes: what follows.
            held: which of the two queues it is in.
            undoing: a decision about a held text is undone; it is in neither queue any more.
            occurred_at: when what follows happened: when the person texted, or now for what a reviewer takes back.
            now: the time of the decision.
            detail: who decided and why.

        Returns:
            (False, ()) when it was not in the queue: somebody else decided.

        Raises:
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        place = place_of(message.address)
        names = _keys(place, message, _queue(place.shard, message.account, held=held, undoing=undoing))
        entry = day_entry(place.shard, message.account, now, names)
        again = {}
        if held and decision == "opt_out":
            names.append(keys.decided(place.shard, message.account))
            again["decided"] = len(names)
        change_names, payloads = change_keys(place, changes, first=len(names) + 1)
        payload = {
            **again,
            "entry": entry,
            "counters": 5,
            "id": message.id,
            "decision": decision,
            "address": message.address,
            "member": place.gate_member,
            "field": place.details_field,
            "scope": Scope.of_account(message.account).key,
            "at": str(milliseconds(occurred_at)),
            "now": str(milliseconds(now)),
            "detail": json.dumps(detail, ensure_ascii=False),
            "changes": payloads,
        }
        answer = json.loads(self._functions.call("sg_review", names + change_names, payload))
        return answer["outcome"] == "decided", outcomes_from(answer["results"])

    def waiting_of(self, account: str, address: str) -> list[str]:
        """The ids of one number's texts that are held. Raises StoreError."""
        with store_errors():
            found: Any = self._client.smembers(keys.waiting(place_of(address).shard, account, address))
        return sorted(text.decode() for text in found)

    def drop(self, message: Message) -> None:
        """Take a text out of the queue whose time to be taken back is over. Raises StoreError."""
        with store_errors():
            self._client.zrem(keys.reviews(place_of(message.address).shard, message.account, held=False), message.id)


def _queue(shard: str, account: str, *, held: bool, undoing: bool) -> str:
    return keys.decided(shard, account) if undoing else keys.reviews(shard, account, held=held)


def _keys(place: Place, message: Message, queue: str) -> list[str]:
    return [
        queue,
        keys.waiting(place.shard, message.account, message.address),
        keys.hold(place, Scope.of_account(message.account)),
        keys.message(place.shard, message.id),
        keys.counters(place.shard),
        *journal_keys(place.shard, message.account),
    ]
