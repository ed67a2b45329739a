"""The outbox: what was written but is still to be done, by the time it is due.

A sorted set and not a stream (as design §10 has it): the score is when an effect is due next, so that a retry
with backoff, the lease of a worker that died, and a lost job are one mechanism.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import redis

from store import keys
from store.client import store_errors
from store.consent import milliseconds, moment
from store.functions import Functions


class Outbox:
    """Effects of all shards."""

    def __init__(self, client: "redis.Redis", functions: Functions) -> None:
        self._client = client
        self._functions = functions

    def claim_due(self, now: datetime, *, lease: timedelta, limit: int) -> Iterator[str]:
        """Effects that are due, each put off by `lease`, so that only one sweeper gets it.

        Args:
            now: the time.
            lease: how long until an effect that is still there is due again.
            limit: most effects of one shard.

        Raises:
            StoreError: what was claimed so far comes back after the lease.
        """
        for shard in self._shards_with_due(now):
            claimed = self._functions.call_raw(
                "sg_claim_due",
                [keys.outbox(shard)],
                milliseconds(now),
                round(lease / timedelta(milliseconds=1)),
                limit,
            )
            yield from (effect.decode() for effect in claimed)

    def put(self, shard: str, effect: str, *, due_at: datetime) -> None:
        """Note an effect that is to be done; where a change causes it, its function notes it in the same step.

        Also puts off an effect that is there: whoever works on a long one says so now and then. Raises StoreError.
        """
        with store_errors():
            self._client.zadd(keys.outbox(shard), {effect: milliseconds(due_at)})

    def done(self, shard: str, effect: str) -> None:
        """Forget an effect that was done. Raises StoreError."""
        with store_errors():
            self._client.zrem(keys.outbox(shard), effect)

    def _shards_with_due(self, now: datetime) -> list[str]:
        pipeline = self._client.pipeline(transaction=False)
        for shard in keys.SHARDS:
            pipeline.zcount(keys.outbox(shard), "-inf", milliseconds(now))
        with store_errors():
            counts = pipeline.execute()
        return [shard for shard, count in zip(keys.SHARDS, counts, strict=True) if count]

    def size(self) -> int:
        """How many effects are waiting. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        for shard in keys.SHARDS:
            pipeline.zcard(keys.outbox(shard))
        with store_errors():
            return sum(pipeline.execute())

    def oldest_due(self) -> datetime | None:
        """When the effect that waits longest was or is due, or None when there is none. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        for shard in keys.SHARDS:
            pipeline.zrange(keys.outbox(shard), 0, 0, withscores=True)
        with store_errors():
            heads = [rows[0][1] for rows in pipeline.execute() if rows]
        return moment(round(min(heads))) if heads else None
