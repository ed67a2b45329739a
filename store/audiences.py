"""Who is in which audience."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.addresses import place_of
from store.client import store_errors
from store.consent import milliseconds
from store.functions import Functions
from store.inbound import Join, join_payload
from store.pseudonyms import Pseudonyms


class AudienceStore:
    """Membership of audiences. The gate does not ask it: an opt-out blocks whoever is a member of what."""

    def __init__(self, client: "redis.Redis", functions: Functions, pseudonyms: Pseudonyms) -> None:
        self._client = client
        self._functions = functions
        self._pseudonyms = pseudonyms

    def subscribe(
        self, address: str, join: Join, *, sender: str, occurred_at: datetime, detail: Mapping[str, Any]
    ) -> str:
        """Put a number into an audience; a question that has to be answered first is answered to `sender`.

        Returns:
            joined, already_member, asked (something blocks the number; a question is open now) or blocked.

        Raises:
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        place = place_of(address)
        names = [keys.pending(place.shard, sender, address), keys.counters(place.shard)]
        payload = {
            "pending": 1,
            "counters": 2,
            "address": address,
            "member": place.gate_member,
            "field": place.details_field,
            "at": str(milliseconds(occurred_at)),
            "detail": json.dumps(detail, ensure_ascii=False),
            "join": join_payload(join, place, names, self._pseudonyms.places_of(address)),
        }
        answer: bytes = self._functions.call("sg_subscribe", names, payload)
        return answer.decode()

    def leave(self, address: str, account: str, audience: str) -> bool:
        """Take a number out of an audience; False when it was not in it. Raises StoreError."""
        place = place_of(address)
        with store_errors():
            return bool(self._client.srem(keys.audience(place, account, audience), place.gate_member))

    def memberships(self, address: str, account: str, audiences: Sequence[str]) -> list[str]:
        """Which of these audiences a number is in. Raises StoreError."""
        place = place_of(address)
        pipeline = self._client.pipeline(transaction=False)
        for audience in audiences:
            pipeline.sismember(keys.audience(place, account, audience), place.gate_member)
        with store_errors():
            answers = pipeline.execute()
        return [audience for audience, member in zip(audiences, answers, strict=True) if member]
