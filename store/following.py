"""Following the journals: every consent event is seen once more, in order, by whoever has something to do after it.

A journal's owner is noted as behind in the same step as the entry, so nothing is missed when a process dies; entries
that were followed before a crash may be followed again, so what follows has to be safe to repeat.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.functions import Functions
from store.journal import JournalEntry, every_entry_of
from store.leases import Lease, held

_LEASE = timedelta(seconds=60)


class FollowStore:
    """How far the journals of all shards were followed."""

    def __init__(self, client: "redis.Redis", functions: Functions) -> None:
        self._client = client
        self._functions = functions

    def shards_behind(self) -> list[str]:
        """The shards with entries that nobody followed yet, in one round trip. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        for shard in keys.SHARDS:
            pipeline.exists(keys.behind(shard))
        with store_errors():
            return [shard for shard, found in zip(keys.SHARDS, pipeline.execute(), strict=True) if found]

    def owners_behind(self, shard: str) -> list[str]:
        """Whose journals of a shard have entries to follow, longest waiting first. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.zrange(keys.behind(shard), 0, -1)
        return [owner.decode() for owner in rows]

    def following(self, shard: str) -> AbstractContextManager[Lease]:
        """Be the only one that follows the journals of a shard, so that entries are followed in order.

        Raises:
            AlreadyRunning: somebody else does.
            StoreError: the store did not answer.
        """
        return held(self._client, keys.following(shard), _LEASE, f"Somebody follows the journals of shard {shard}.")

    def entries(self, shard: str, owner: str, *, limit: int) -> tuple[str, Sequence[JournalEntry]]:
        """What is to be followed next in one journal, oldest first; for each number of an import an entry of its own.

        Args:
            shard: two digits.
            owner: an account id, "@" and a shared sender, or "*".
            limit: most entries of the journal (one of an import has hundreds of rows).

        Returns:
            the last entry, for `followed` ("" when there is nothing), and the entries.

        Raises:
            StoreError: there is no answer.
        """
        with store_errors():
            known: Any = self._client.hget(keys.followed(shard), owner)
            # A journal that was never followed (an older store) begins with what first put its owner behind.
            score = None if known else self._client.zscore(keys.behind(shard), owner)
            if not known and score is None:
                return "", ()
            after = f"({known.decode()}" if known else f"{round(score or 0)}-0"
            rows: Any = self._client.xrange(keys.journal(shard, owner), after, "+", count=limit)
        entries = [entry for name, fields in rows for entry in every_entry_of(shard, name.decode(), fields)]
        return (rows[-1][0].decode() if rows else ""), entries

    def followed(self, shard: str, owner: str, entry: str) -> None:
        """Note that a journal was followed up to an entry. Raises StoreError."""
        names = [keys.followed(shard), keys.behind(shard), keys.journal(shard, owner)]
        self._functions.call_raw("sg_followed", names, owner, entry)
